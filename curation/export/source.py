"""What an export needs of a store, and what the frames that it hands over must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

STATES: tuple[str, ...] = (
    "accepted",
    "rejected",
    "disputed",
    "flagged",
    "skipped",
    "undecided",
)
"""What can be decided of a trace (the view `trace_state`)."""

EXPORT_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "domain": pl.String(),
    "teacher": pl.String(),
    "teacher_family": pl.String(),
    "teacher_context": pl.String(),
    "text_hash": pl.String(),
    "is_correct": pl.Boolean(),
    "source": pl.String(),
    "licence": pl.String(),
    "state": pl.String(),
    "decision_ids": pl.List(pl.String()),
    "reviewers": pl.List(pl.String()),
    "position": pl.Int64(),
    "edited_trace_id": pl.String(),
    "edited_text_hash": pl.String(),
    "edited_context": pl.String(),
    "edited_position": pl.Int64(),
    "edit_decision_id": pl.String(),
}
"""What a store hands over for each trace: everything but what it says, which is read while rows
are written (`streaming`). `decision_ids` and `reviewers` belong to the current decisions on the
trace, and `position` is the order in which the traces were added (rows are exported in it), by
which texts are asked for. `edit…` is the edit with which it was accepted, as the trace that the
edit became; null where there is none."""


class ExportSource(Protocol):
    """What an export needs of a store."""

    def export_rows(self, where: str | None, question: str) -> pl.DataFrame:
        """Every trace that `where` keeps, whatever its state, as `EXPORT_SCHEMA`."""
        ...

    def export_pairs(
        self, where: str | None, *, choices: bool = True, edits: bool = True
    ) -> pl.DataFrame:
        """Every pair that somebody decided and both of whose traces `where` keeps (PAIR_SCHEMA).

        `choices` of two side by side count as votes, and so do `edits`, for the edit.
        """
        ...

    def export_steps(self, where: str | None, question: str) -> pl.DataFrame:
        """Every current decision that judges a step of a trace `where` keeps (STEPS_SCHEMA)."""
        ...

    def export_directives(self, where: str | None, question: str) -> pl.DataFrame:
        """What reviewers direct of the traces that `where` keeps (DIRECTIVES_SCHEMA)."""
        ...

    def export_references(self) -> pl.DataFrame:
        """The reference answers and solutions of all problems (REFERENCES_SCHEMA)."""
        ...

    def export_texts(self, positions: list[int]) -> pl.DataFrame:
        """`position`, `prompt` and `text` of the traces at these positions, each once."""
        ...

    def span_verdicts(self, question: str) -> pl.DataFrame:
        """What each reviewer says now of stretches of text (`teaching.SPAN_COLUMNS`)."""
        ...

    def export_token_evidence(self, trace_ids: Sequence[str]) -> pl.DataFrame:
        """What the student shown said of these traces' tokens (`weighted.TOKEN_SCHEMA`)."""
        ...

    def export_token_counts(self, trace_ids: Sequence[str]) -> Mapping[str, int]:
        """Of how many of these traces it said what: scored, gain_of_…, hedges."""
        ...

    def export_everything(self, where: str | None, question: str) -> pl.DataFrame:
        """Every trace that `where` keeps with what is known of it (`EVERYTHING_SCHEMA`)."""
        ...

    def export_states(self, where: str | None) -> pl.DataFrame:
        """trace_id and state of every trace that `where` keeps."""
        ...

    def export_figures(self) -> pl.DataFrame:
        """The numbers of every trace of the store, whatever the filter (`scales.FIGURE_SCHEMA`)."""
        ...

    def export_prompts(self) -> pl.DataFrame:
        """`problem_id`, `prompt` and `position` of each wording of each problem, where it began."""
        ...

    def export_columns(self, columns: Sequence[str]) -> pl.DataFrame:
        """`trace_id` and those of `columns` that there are, for every trace."""
        ...

    def export_context(self) -> Mapping[str, object]:
        """What the store says of itself for the manifest: schema version, counts, lexicon, …

        JSON values that change only when the store's content does: no time, no path.
        """
        ...

    def record_export(
        self, export_id: str, format: str, out: str, n_rows: int, manifest: str
    ) -> None:
        """Keeps that this was written; the same `export_id` again changes nothing."""
        ...


def checked(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """`frame`, when it has the columns of `schema`; raises ValueError if not."""
    if missing := [column for column in schema if column not in frame.columns]:
        raise ValueError(f"the store gave no column {', '.join(missing)}")
    return frame


def sources(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """(id, text hash) of every trace in the rows, one that stands in two rows twice."""
    ids = rows["trace_id"]
    if "rejected_id" in rows.columns:
        ids = pl.concat([ids, rows["rejected_id"]])
    return list(zip(ids, of_both(rows, "text_hash"), strict=True))


def of_both(rows: pl.DataFrame, column: str) -> pl.Series:
    """A column, behind it the rejected traces' where rows are pairs."""
    other = f"rejected_{column}"
    return pl.concat([rows[column], rows[other]]) if other in rows.columns else rows[column]


def counts(values: pl.Series) -> dict[str, int]:
    """How often each value stands in `values`, by value; a missing one is called `unknown`."""
    counted = values.cast(pl.String()).fill_null("unknown").value_counts(name="n", sort=False)
    return dict(sorted(counted.iter_rows()))


def plural(n: int, noun: str) -> str:
    """`n` with its noun, which takes an s unless there is one."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
