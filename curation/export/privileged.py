"""What a teacher may be told beyond the prompt: reviewers' directives, reference answers.

TRL's SDPO shows `privileged_context` to the student as its own teacher, as feedback on an earlier
attempt. A directive is about one trace, so a row stands for a trace with the directives of its
current decisions, whatever was decided of it; the earliest comes first. Where no directive is asked
for, what is told hangs on the problem alone, and each problem gives one row.

Knows nothing of stores; the two schemas are what one hands over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from curation.export.layout import Privileged
from curation.export.source import plural

DIRECTIVES_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "directives": pl.List(pl.String()),
    "decision_ids": pl.List(pl.String()),
    "reviewers": pl.List(pl.String()),
}
"""The directives of a trace's current decisions, in their order; one at least."""

REFERENCES_SCHEMA: dict[str, pl.DataType] = {
    "problem_id": pl.String(),
    "reference_answer": pl.String(),
    "reference_solution": pl.String(),
}
"""What is known of a problem, null where it is not."""

_LEAD: dict[Privileged, str] = {
    "directive": "",
    "answer": "The correct answer: ",
    "solution": "Correct solution:\n\n",
}


class Told(NamedTuple):
    """Rows with what is told as `privileged_context` and as `text`; those without are counted."""

    rows: pl.DataFrame
    n_empty: int
    notes: list[str]


def directed(traces: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """The `traces` (`EXPORT_SCHEMA`) with directives; their decisions are those that directed."""
    bare = traces.drop("decision_ids", "reviewers")
    return bare.join(said, on="trace_id", how="inner", maintain_order="left")


def undirected(traces: pl.DataFrame) -> pl.DataFrame:
    """The first of the `traces` (`EXPORT_SCHEMA`) of each problem; no decision is behind it."""
    nobody = pl.lit([], pl.List(pl.String()))
    return traces.unique("problem_id", keep="first", maintain_order=True).with_columns(
        directives=nobody, decision_ids=nobody, reviewers=nobody
    )


def told(rows: pl.DataFrame, known: pl.DataFrame | None, asked: Sequence[Privileged]) -> Told:
    """What is told with each row; `known` are the references (`REFERENCES_SCHEMA`), if asked."""
    if known is not None:
        rows = rows.join(known, on="problem_id", how="left", maintain_order="left")
    said = [privileged_context(row, asked) for row in rows.iter_rows(named=True)]
    rows = rows.with_columns(
        pl.Series("privileged_context", said, pl.String()), pl.Series("text", said, pl.String())
    )
    there = rows.filter(pl.col("text") != "")
    lacking = [
        f"{plural(n, 'row')} without a reference {name}"
        for name in asked
        if name != "directive" and (n := _n_blank(there[f"reference_{name}"]))
    ]
    notes = [f"Asked for and not known: {', '.join(lacking)}."] if lacking else []
    if there.height and "solution" in asked:
        notes.append(
            "The teacher sees full solutions. In one study (Kim et al.) SDPO with the full "
            "solution lost 40 % of AIME24 and 60 % of its `wait`s; that is one model on one set "
            "of problems."
        )
    return Told(there, rows.height - there.height, notes)


def privileged_context(row: Mapping[str, Any], asked: Sequence[Privileged]) -> str:
    """What is told with one row, in the order asked for, a blank line between; "" for nothing."""
    said: dict[Privileged, str] = {
        "directive": "\n".join(each.strip() for each in row["directives"]),
        "answer": (row.get("reference_answer") or "").strip(),
        "solution": (row.get("reference_solution") or "").strip(),
    }
    return "\n\n".join(_LEAD[name] + said[name] for name in asked if said[name])


def _n_blank(values: pl.Series) -> int:
    return int((values.fill_null("").str.strip_chars() == "").sum())
