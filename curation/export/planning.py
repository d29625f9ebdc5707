"""A store's rows -> what goes out, in which split; what stays out, and why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import polars as pl

from curation.export import teaching, weighted
from curation.export.budget import Kept, looked_at
from curation.export.choosing import choose, groups_of
from curation.export.formats import format_of, rows_of
from curation.export.recipe import Recipe
from curation.export.scales import Weighed
from curation.export.source import ExportSource, counts, plural
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
    contamination: dict[str, Any] | None
    """What the manifest says of the benchmarks that were looked for; None where none was."""
    why: pl.DataFrame
    """`trace_id` and `left_out`, the rule, of what the recipe's rules left out."""
    every: pl.DataFrame | None
    """As in `taking.Taken`."""


def plan(store: ExportSource, recipe: Recipe) -> Plan:
    """What goes out by `recipe`, in which split, and the counts of everything.

    Raises what the store raises for the filter.
    """
    with ThreadPoolExecutor(1, "hedgerow-groups") as pool:
        # What the prompts of the store have in common hangs on no decision.
        groups = pool.submit(groups_of, store, recipe)
        taken = TAKERS[rows_of(recipe.format)](store, recipe)
        chosen = choose(store, recipe, taken.rows, groups.result)
    rows = chosen.rows
    row_counts = counts(rows["split"])
    n_rows = {name: row_counts.get(name, 0) for name in recipe.splits}
    problems = {name: chosen.problems.get(name, 0) for name in recipe.splits}
    told = [*taken.notes, *chosen.notes]
    empty = [name for name, n in n_rows.items() if not n]
    if rows.height and empty:
        told.append(
            f"{plural(sum(problems.values()), 'problem')} cannot fill {len(n_rows)} splits: "
            f"{', '.join(empty)} stays empty and gets no file, since a problem stands in one split."
        )
    rows, more = teaching.taught(
        store, rows, recipe.teaching, recipe.format, recipe.question,
        is_weighed=recipe.weights.is_asked,
    )  # fmt: skip
    weights = weighted.told(store, rows, recipe)
    told += [*more, *weights.notes]
    least = format_of(recipe.format).least_rows
    if 0 < rows.height < least:
        told.append(
            f"{plural(rows.height, 'row')}, and the trainer asks for {least} at least; it may "
            "refuse the file."
        )
    refusal = weights.refusal
    if not taken.rows.height:
        refusal = why_empty(taken, recipe.where)
    elif not rows.height:
        rules = ", ".join(f"{n:,} {why}" for why, n in chosen.left_out.items())
        refusal = (
            f"There is nothing to export: the recipe's selection leaves none of "
            f"{plural(taken.rows.height, 'row')} ({rules}). Loosen it."
        )
    left_out = taken.left_out | chosen.left_out
    shown = Preview(taken.states, n_rows, problems, left_out, tuple(told), refusal)
    if refusal is not None or recipe.budget.share is None:
        return Plan(recipe, rows, shown, None, chosen.record, chosen.why, taken.every)
    found = weighed(store, recipe, rows, chosen.why, taken.every)
    kept = looked_at(recipe.budget, found)
    refusal = kept.refusal if kept else None
    shown = replace(shown, budget=kept, refusal=refusal)
    return Plan(recipe, rows, shown, found, chosen.record, chosen.why, taken.every)
