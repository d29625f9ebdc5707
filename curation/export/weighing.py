"""The rows of a plan, put on the scales with what the store tells of all traces."""

from __future__ import annotations

import polars as pl

from curation.export.formats import rows_of
from curation.export.recipe import Recipe
from curation.export.scales import Weighed, weigh
from curation.export.source import ExportSource


def weighed(store: ExportSource, recipe: Recipe, rows: pl.DataFrame) -> Weighed:
    """The rows that go out by `recipe`, against all that its filter keeps and against unguided.

    Of labelled rows the accepted count, of pairs the better. A trace of the pool that does not go
    out is left out by its state; an accepted one by a rule of the recipe or of its format, which
    the preview counts one by one.
    """
    if rows_of(recipe.format) == "labelled":
        rows = rows.filter(pl.col("state") == "accepted")
    names = [name for name in ("trace_id", "original_trace_id") if name in rows.columns]
    out = pl.concat([rows[name] for name in names]).unique()
    stays = ~pl.col("trace_id").is_in(out.implode())
    why = pl.col("state").replace("accepted", "left out by a rule")
    pool = store.export_states(recipe.where).select("trace_id", left_out=pl.when(stays).then(why))
    return weigh(store.export_figures(), rows["trace_id"], pool)
