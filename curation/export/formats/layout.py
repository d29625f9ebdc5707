"""What a format is: its rows, its training columns, and what tells where a row comes from."""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl
import pyarrow as pa

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

RowsOf = Literal["accepted", "pairs"]
"""What a row is made of: an accepted trace, or a choice between two traces."""

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
"""The type of a column of messages."""


class Format(NamedTuple):
    """A way to lay out a row."""

    description: str
    columns: dict[str, pl.Expr]
    """The training columns, over what planning hands over for these rows."""
    types: dict[str, pa.DataType]
    """Their types, as Parquet has them."""
    answers: dict[str, str]
    """Column of a trace's id -> the column whose last message is that trace."""
    provenance: tuple[str, ...] = PROVENANCE_COLUMNS
    rows_of: RowsOf = "accepted"


def message(role: str, column: str) -> pl.Expr:
    """The text in `column` as a message of `role`."""
    return pl.struct(pl.lit(role).alias("role"), pl.col(column).alias("content"))
