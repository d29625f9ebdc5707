"""A store's rows -> what goes out, in which split; what stays out, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from curation.export import teaching
from curation.export.budget import Kept, looked_at
from curation.export.formats import format_of, rows_of
from curation.export.recipe import Recipe
from curation.export.scales import Weighed
from curation.export.source import ExportSource, counts, plural
from curation.export.splits import assign_splits
from curation.export.taking import TAKERS, why_empty
from curation.export.weighing import weighed


@dataclass(frozen=True)
class Preview:
    """What an export would hold, told before anything is written.

    `states` counts every trace of the filter by state (all of `STATES`; of a format of pairs every
    pair there is, all of `PAIR_STATES`), `rows` and `problems` what each split would get,
    `left_out` what would stay out, by reason, where that is more than none (`taking`). `notes` are
    sentences worth reading first; `refusal` says why nothing can be written, or None.
    """

    states: dict[str, int]
    rows: dict[str, int]
    problems: dict[str, int]
    left_out: dict[str, int]
    notes: tuple[str, ...]
    refusal: str | None
    budget: Kept | None = None
    """How the set stands to its hedging budget; None where none was asked for."""


class Plan(NamedTuple):
    """A recipe, the rows that go out, in order, with their `split`, and what is said of them."""

    recipe: Recipe
    rows: pl.DataFrame
    preview: Preview
    weighed: Weighed | None
    """The set on the scales; None where nothing asked for them yet."""


def plan(store: ExportSource, recipe: Recipe) -> Plan:
    """What goes out by `recipe`, in which split, and the counts of everything.

    Raises what the store raises for the filter.
    """
    shares = recipe.splits
    taken = TAKERS[rows_of(recipe.format)](store, recipe)
    assigned = assign_splits(taken.rows["problem_id"], shares, recipe.seed)
    rows = taken.rows.with_columns(
        pl.col("problem_id").replace_strict(assigned, return_dtype=pl.String()).alias("split")
        if assigned
        else pl.lit(None, pl.String()).alias("split")
    )
    row_counts, problem_counts = counts(rows["split"]), counts(pl.Series(assigned.values()))
    n_rows = {name: row_counts.get(name, 0) for name in shares}
    problems = {name: problem_counts.get(name, 0) for name in shares}
    told = list(taken.notes)
    empty = [name for name, n in n_rows.items() if not n]
    if rows.height and empty:
        told.append(
            f"{plural(len(assigned), 'problem')} cannot fill {len(shares)} splits: "
            f"{', '.join(empty)} stays empty and gets no file, since a problem stands in one split."
        )
    rows, more = teaching.taught(store, rows, recipe.teaching, recipe.format, recipe.question)
    told += more
    least = format_of(recipe.format).least_rows
    if 0 < rows.height < least:
        told.append(
            f"{plural(rows.height, 'row')}, and the trainer asks for {least} at least; it may "
            "refuse the file."
        )
    refusal = None if rows.height else why_empty(taken, recipe.where)
    shown = Preview(taken.states, n_rows, problems, taken.left_out, tuple(told), refusal)
    if refusal is not None or recipe.budget.share is None:
        return Plan(recipe, rows, shown, None)
    found = weighed(store, recipe, rows)
    kept = looked_at(recipe.budget, found)
    refusal = kept.refusal if kept else None
    return Plan(recipe, rows, replace(shown, budget=kept, refusal=refusal), found)
