"""What a format is: its rows, its training columns, and what tells where a row comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

import polars as pl
import pyarrow as pa

from curation.export.reasoning import Placement

PROVENANCE_COLUMNS: tuple[str, ...] = (
    "trace_id",
    "problem_id",
    "teacher",
    "teacher_context",
    "is_edited",
    "original_trace_id",
    "edit_decision_id",
)
"""`trace_id` is the trace whose text stands in the row. Where it was accepted with an edit
(`is_edited`), that is what the edit became, `original_trace_id` what the teacher wrote and
`edit_decision_id` the decision; else the first two are alike and the last is "": a column that is
null in one split would have another type there."""

PAIR_PROVENANCE: tuple[str, ...] = (
    "trace_id", "problem_id", "teacher", "teacher_context",
    "rejected_id", "rejected_teacher", "rejected_teacher_context",
)  # fmt: skip
"""The same for a pair: the first four are the chosen trace's."""

PAIR_WITH_SOURCE: tuple[str, ...] = (*PAIR_PROVENANCE, "pair_source")
"""The same, and where the pair comes from: `choices`, `edits` or `verdicts` (`taking.pairs`)."""

STEPS_PROVENANCE: tuple[str, ...] = (
    "trace_id", "problem_id", "teacher", "teacher_context", "state", "n_steps",
)  # fmt: skip
"""Of a trace with judged steps: what was decided of the whole, and how many steps it has in all."""

CONTEXT_PROVENANCE: tuple[str, ...] = (
    "trace_id", "problem_id", "teacher", "teacher_context", "state",
)  # fmt: skip
"""Of a prompt with what is told beyond it: the trace that the directives are about."""

PROVENANCE_TYPES: dict[str, pa.DataType] = {
    "is_edited": pa.bool_(), "n_steps": pa.int64(),
}  # fmt: skip
"""Their types, where they are no text."""

RowsOf = Literal[
    "accepted", "rejected", "labelled", "pairs", "stepwise", "privileged", "prompts", "judgements",
    "everything",
]  # fmt: skip
"""What a row is made of: an accepted trace; a rejected one; either of them with its label; one
trace over another; a trace with labelled steps; a prompt with what may be told beyond it; a prompt;
what one person said of a trace's steps; a trace, whatever was decided of it."""

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
"""The type of a column of messages."""


Sidecars = Callable[[Mapping[str, Sequence[str]]], dict[str, str]]
"""The files of each split -> the texts, by file name, of what a trainer wants beside them."""


Carries = Literal["nothing", "stretches", "spans", "messages"]
"""Where a format has room for what words weigh: nowhere; as a number for every stretch of the text;
as loss or no loss for every stretch; as loss or no loss for a whole message."""

WEIGHTS = pl.List(pl.Struct({"start": pl.Int64(), "end": pl.Int64(), "weight": pl.Float64()}))
"""What stretches of a text weigh; they tile it, in code points, end exclusive."""

Weighed = Mapping[str, tuple[pl.Expr, pa.DataType]]
"""Columns with their types, over planned rows that were weighed (`weighted`)."""

WEIGHT_COLUMN: Weighed = MappingProxyType(
    {
        "weights": (
            pl.col("weights"),
            pa.list_(
                pa.struct([("start", pa.int64()), ("end", pa.int64()), ("weight", pa.float64())])
            ),
        )
    }
)
"""What stands beside the training columns of a format that carries stretches."""


class Format(NamedTuple):
    """A way to lay out a row."""

    description: str
    columns: dict[str, pl.Expr]
    """The training columns, over what planning hands over for these rows."""
    types: dict[str, pa.DataType]
    """Their types, as Parquet has them."""
    answers: dict[str, str]
    """Column of a trace's id -> the column that holds what is written of that trace: as its last
    message, as one message, as text (from `trace_start` on where the row has that), or as a list of
    steps."""
    provenance: tuple[str, ...] = PROVENANCE_COLUMNS
    rows_of: RowsOf = "accepted"
    reasoning_in: tuple[Placement, ...] = ("inline",)
    """Where its messages can carry the reasoning."""
    chats: tuple[tuple[str, ...], ...] = ()
    """The columns that, one behind the other, are a conversation to which the trainer applies the
    student's chat template; none where it applies another or none."""
    sidecars: Sidecars | None = None
    is_masked: bool = False
    """Whether it says which words carry no loss (the column `train_detail` of the planned rows)."""
    carries: Carries = "nothing"
    """What it can say of weights."""
    weighed: Weighed = MappingProxyType({})
    """The columns that it has beside, or in place of, the others where weights are asked for."""
    takes_zstd: bool = True
    """Whether its trainer opens compressed JSON Lines."""
    least_rows: int = 1
    """How many rows its trainer asks for."""


def message(role: str, column: str) -> pl.Expr:
    """The text in `column` as a message of `role`."""
    return pl.struct(pl.lit(role).alias("role"), pl.col(column).alias("content"))


def conversation(*messages: pl.Expr) -> pl.Expr:
    """These messages, of the same fields, as a list; a third of what `pl.concat_list` takes."""
    return pl.concat_arr(*messages).arr.to_list()
