"""A recipe's rows, looked at for what stands twice and what stands in a benchmark; nothing written.

Owns the listing that an export only counts: every cluster of duplicates inside the set, whether it
stands in several splits, and every hit in a benchmark. Prompts are held against each other problem
by problem: that the answers of one problem share its prompt is no repetition. Holds the texts of
all rows while it looks for near duplicates among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from curation.export.benchmarks import Benchmark
from curation.export.contamination import (
    HIT_SCHEMA,
    Contamination,
    Repeats,
    find_hits,
    repeats,
)
from curation.export.duplicates import exact_clusters, near_duplicate_clusters
from curation.export.planning import plan
from curation.export.recipe import Recipe
from curation.export.source import ExportSource
from curation.export.streaming import with_texts

CLUSTER_SCHEMA: dict[str, pl.DataType] = {
    "field": pl.String(),
    "kind": pl.String(),
    "first": pl.String(),
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "split": pl.String(),
}
"""One row a member of a cluster of two or more: `field` is `prompt` or `text`, `kind` `exact` or
`near`, `first` the trace of the cluster's first member. A prompt's member is the first trace of its
problem that was given it."""


class Inspection(NamedTuple):
    """What was found in `n_rows` rows: `repeats` by field and kind, clusters and hits."""

    n_rows: int
    repeats: dict[tuple[str, str], Repeats]
    clusters: pl.DataFrame
    hits: pl.DataFrame


def inspect(
    source: ExportSource,
    recipe: Recipe,
    benchmarks: Sequence[Benchmark] = (),
    rules: Contamination | None = None,
) -> Inspection:
    """What of the rows that `recipe` takes stands twice, or in one of `benchmarks` by `rules`.

    `rules` are the recipe's own where none are given; its benchmarks are not read here. Raises
    ExportError, and what the store raises for the filter.
    """
    rules = rules or recipe.contamination
    rows = plan(source, recipe).rows
    said, hits = [], [pl.DataFrame(schema=HIT_SCHEMA)]
    for batch in with_texts(source, rows):
        said.append(batch.select("trace_id", "problem_id", "split", "prompt", "text"))
        hits.append(find_hits(batch, benchmarks, rules))
    counted: dict[tuple[str, str], Repeats] = {}
    clusters = [pl.DataFrame(schema=CLUSTER_SCHEMA)]
    texts = pl.concat(said) if said else pl.DataFrame()
    for field in ("prompt", "text") if said else ():
        members = texts
        if field == "prompt":
            members = texts.unique(["problem_id", "prompt"], keep="first", maintain_order=True)
        for kind in ("exact", "near"):
            cluster = (
                exact_clusters(members[field])
                if kind == "exact"
                else near_duplicate_clusters(members[field], recipe.selection.threshold)
            )
            counted[field, kind] = repeats(cluster, members["split"])
            clusters.append(_listed(members, cluster, field, kind))
    return Inspection(rows.height, counted, pl.concat(clusters), pl.concat(hits))


def _listed(members: pl.DataFrame, cluster: pl.Series, field: str, kind: str) -> pl.DataFrame:
    """The members of clusters of two or more (CLUSTER_SCHEMA), cluster by cluster."""
    return (
        members.with_columns(
            cluster.alias("cluster"),
            field=pl.lit(field),
            kind=pl.lit(kind),
            first=members["trace_id"].gather(cluster),
        )
        .filter(pl.len().over("cluster") > 1)
        .sort("cluster", maintain_order=True)
        .select(*CLUSTER_SCHEMA)
    )
