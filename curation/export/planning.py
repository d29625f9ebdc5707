"""A store's rows -> what goes out, in which split; what stays out, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import polars as pl

from curation.export.editions import as_taught
from curation.export.formats import is_of_pairs
from curation.export.preferences import PAIR_SCHEMA, PAIR_STATES, notes, resolved
from curation.export.recipe import Recipe
from curation.export.splits import assign_splits

STATES: tuple[str, ...] = (
    "accepted",
    "rejected",
    "disputed",
    "flagged",
    "skipped",
    "undecided",
)
"""What can be decided of a trace (the view `trace_state`); only `accepted` is exported."""

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

    def export_pairs(self, where: str | None) -> pl.DataFrame:
        """Every pair that somebody decided and both of whose traces `where` keeps (PAIR_SCHEMA)."""
        ...

    def export_texts(self, positions: list[int]) -> pl.DataFrame:
        """`position`, `prompt` and `text` of the traces at these positions, each once."""
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


@dataclass(frozen=True)
class Preview:
    """What an export would hold, told before anything is written.

    `states` counts every trace of the filter by state (all of `STATES`; of a format of pairs every
    decided pair, all of `PAIR_STATES`), `rows` and `problems` what each split would get, `left_out`
    what would stay out, by reason, where that is more than none. `notes` are sentences worth
    reading first; `refusal` says why nothing can be written, or None.
    """

    states: dict[str, int]
    rows: dict[str, int]
    problems: dict[str, int]
    left_out: dict[str, int]
    notes: tuple[str, ...]
    refusal: str | None


class Plan(NamedTuple):
    """A recipe, the rows that go out, in order, with their `split`, and what is said of them."""

    recipe: Recipe
    rows: pl.DataFrame
    preview: Preview


def plan(store: ExportSource, recipe: Recipe) -> Plan:
    """What goes out by `recipe`, in which split, and the counts of everything.

    Raises what the store raises for the filter.
    """
    where, shares = recipe.where, recipe.splits
    of_pairs = is_of_pairs(recipe.format)
    frame = store.export_pairs(where) if of_pairs else store.export_rows(where, recipe.question)
    schema = PAIR_SCHEMA if of_pairs else EXPORT_SCHEMA
    if missing := [column for column in schema if column not in frame.columns]:
        raise ValueError(f"the store gave no column {', '.join(missing)}")
    frame = resolved(frame) if of_pairs else frame.sort("position", "trace_id")
    known, taken = (PAIR_STATES, "preferred") if of_pairs else (STATES, "accepted")
    counted = counts(frame["state"])
    if unknown := sorted(set(counted) - set(known)):
        raise ValueError(f"the store gave the unknown states {unknown}")
    states = {state: counted.get(state, 0) for state in known}
    left_out = {state: n for state, n in states.items() if n and state != taken}
    accepted = frame.filter(pl.col("state") == taken)
    if not of_pairs:
        accepted = as_taught(accepted)
    assigned = assign_splits(accepted["problem_id"], shares, recipe.seed)
    accepted = accepted.with_columns(
        pl.col("problem_id").replace_strict(assigned, return_dtype=pl.String()).alias("split")
        if assigned
        else pl.lit(None, pl.String()).alias("split")
    )
    rowcounts, problemcounts = counts(accepted["split"]), counts(pl.Series(assigned.values()))
    rows = {name: rowcounts.get(name, 0) for name in shares}
    problems = {name: problemcounts.get(name, 0) for name in shares}
    told = notes(accepted) if of_pairs else []
    empty = [name for name, n in rows.items() if not n]
    if accepted.height and empty:
        told.append(
            f"{_plural(len(assigned), 'problem')} cannot fill {len(shares)} splits: "
            f"{', '.join(empty)} stays empty and gets no file, since a problem stands in one split."
        )
    n_edited = 0 if of_pairs else int(accepted["is_edited"].sum())
    if n_edited:
        told.append(
            f"{_plural(n_edited, 'trace')} accepted with an edit: the edited text is exported, the "
            "newest where there are several."
        )
    refusal = None if accepted.height else _why_empty(states, where, of_pairs=of_pairs)
    shown = Preview(states, rows, problems, left_out, tuple(told), refusal)
    return Plan(recipe, accepted, shown)


def _why_empty(states: Mapping[str, int], where: str | None, *, of_pairs: bool) -> str:
    total = sum(states.values())
    if of_pairs:
        counts = (
            ", ".join(f"{n} {state}" for state, n in states.items()) if total else "none compared"
        )
        return (
            f"There is nothing to export: no pair has a majority ({counts}). Choose the better of "
            "two traces on the Compare page" + (", or widen the filter." if where else ".")
        )
    if not total and where:
        return f"There is nothing to export: no trace passes the filter {where!r}. Widen it."
    if not total:
        return "There is nothing to export: the store holds no traces. Ingest a file first."
    counts = ", ".join(f"{n} {state}" for state, n in states.items() if n)
    among = f"of the {_plural(total, 'trace')}" + (
        f" that pass the filter {where!r}" if where else ""
    )
    return (
        f"There is nothing to export: {among} none is accepted ({counts}). "
        "Accept some in the review" + (", or widen the filter." if where else ".")
    )


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


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
