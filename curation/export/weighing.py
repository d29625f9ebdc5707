"""The rows of a plan, put on the scales with what the store tells of all traces."""

from __future__ import annotations

import polars as pl

from curation.export.formats import rows_of
from curation.export.recipe import Recipe
from curation.export.scales import Weighed, weigh
from curation.export.source import ExportSource


def weighed(
    store: ExportSource,
    recipe: Recipe,
    rows: pl.DataFrame,
    why: pl.DataFrame,
    every: pl.DataFrame | None = None,
) -> Weighed:
    """The rows that go out by `recipe`, against all that its filter keeps and against unguided.

    Of labelled rows the accepted count, of pairs the better. A trace of the pool that does not go
    out is left out by its state, or by the recipe's rule that `why` (trace_id, left_out) names; an
    accepted one without such a rule has no row in this format. `every` is what the store's
    `export_states` says of the filter, where that is known.
    """
    if rows_of(recipe.format) == "labelled":
        rows = rows.filter(pl.col("state") == "accepted")
    out = rows["trace_id"]
    if "original_trace_id" in rows.columns:
        edited = rows.filter(pl.col("original_trace_id") != pl.col("trace_id"))
        out = pl.concat([out, edited["original_trace_id"]])
    stays = ~pl.col("trace_id").is_in(out.implode())
    states = (store.export_states(recipe.where) if every is None else every).join(
        why.unique("trace_id", keep="first", maintain_order=True), on="trace_id", how="left"
    )
    rule = pl.coalesce("left_out", pl.col("state").replace("accepted", "no row in this format"))
    pool = states.select("trace_id", left_out=pl.when(stays).then(rule))
    return weigh(store.export_figures(), rows["trace_id"], pool)
