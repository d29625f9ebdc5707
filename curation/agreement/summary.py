"""Everyone at once, two by two, and who said what where: frames of decisions to coefficients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from curation.agreement import coefficients as co
from curation.agreement.coefficients import NO_INTERVAL, Floats, Interval
from curation.records import VERDICTS

RATINGS: tuple[str, ...] = ("accept", "reject")
"""The verdicts that count as ratings."""

ORDINAL: tuple[str, ...] = ("reject", "flag", "accept")
"""The verdicts as an order, for the ordinal alpha: who flags can neither take it nor drop it."""

MIN_ITEMS_FOR_CI = 5
"""Fewer pairable traces than this give no interval."""


@dataclass(frozen=True)
class Agreement:
    """How far reviewers agree. Coefficients are nan where undefined; `reason` says why.

    Intervals are 95 % percentile intervals, bootstrap over pairable traces.
    """

    n_items: int
    """Traces with at least one rating."""
    n_reviewers: int
    """People with at least one rating."""
    n_pairable: int
    """Traces with ratings of two or more."""
    alpha: float
    """Krippendorff's alpha, nominal."""
    alpha_ci: Interval
    alpha_ordinal: float
    """Krippendorff's alpha over `ORDINAL`: flags count as the middle."""
    alpha_ordinal_ci: Interval
    kappa: float
    """Cohen's kappa; with more than two reviewers the plain mean over pairs where it is defined."""
    kappa_ci: Interval
    fleiss_kappa: float
    """Fleiss' kappa on the traces with the commonest number of ratings, `n_fleiss_ratings`."""
    fleiss_kappa_ci: Interval
    n_fleiss_items: int
    n_fleiss_ratings: int
    percent: float
    """Share (0 to 1) of pairs of ratings on the same trace that are equal."""
    percent_ci: Interval
    n_disputed: int
    """Pairable traces on which not all said the same."""
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name; intervals as lists; undefined numbers stay nan."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


class Pair(NamedTuple):
    """Two reviewers on the traces that both rated."""

    first: str
    second: str
    n_both: int
    percent: float
    kappa: float


def between(
    decisions: pl.DataFrame,
    *,
    ratings: Sequence[str] = RATINGS,
    seed: int = 0,
    n_resamples: int = 2000,
    alone: Mapping[str, int] | None = None,
) -> Agreement:
    """The agreement of everyone on the traces they share; `ratings` are the verdicts that count.

    `alone` counts ratings by reviewer that are not among `decisions`, of traces which nobody else
    rated: they say nothing of agreement, and are counted in `n_items` and `n_reviewers`.

    Raises ValueError where a reviewer stands twice on a trace.
    """
    alone = alone or {}
    rated = rows_of(decisions, ratings)
    counts = counted(rated, ratings)
    three = counted(rows_of(decisions, ORDINAL), ORDINAL)
    reason, enough = None, len(counts) >= MIN_ITEMS_FOR_CI
    alpha = co.krippendorff_alpha(counts)
    if not len(counts):
        reason = "no trace was accepted or rejected by two reviewers yet"
    elif math.isnan(alpha):
        reason = "all shared verdicts are the same: what chance would give cannot be told"
    elif not enough:
        reason = f"an interval needs {MIN_ITEMS_FOR_CI} shared traces; there are {len(counts)}"

    def interval(
        value: float, parts: Floats, statistic: co.Statistic, undefined: float = 1.0
    ) -> Interval:
        if math.isnan(value) or len(parts) < MIN_ITEMS_FOR_CI:
            return NO_INTERVAL
        return co.bootstrap(parts, statistic, seed, n_resamples, undefined)

    ordinal = co.krippendorff_alpha(three, "ordinal")
    cells, kappas = tables(rated, ratings)
    kappa = mean([value for value in kappas if not math.isnan(value)])
    even, n_ratings = _evenly_rated(counts)
    fleiss = co.fleiss_kappa(even)
    percent = float(co.share(co.pairs_alike(counts).sum(axis=0)[None])[0])
    n_labels = len(ratings)
    return Agreement(
        n_items=rated["trace_id"].n_unique() + sum(alone.values()),
        n_reviewers=len({*rated["reviewer"], *alone}),
        n_pairable=len(counts),
        alpha=alpha,
        alpha_ci=interval(alpha, co.coincidences(counts), co.alphas(n_labels, "nominal")),
        alpha_ordinal=ordinal,
        alpha_ordinal_ci=interval(ordinal, co.coincidences(three), co.alphas(3, "ordinal")),
        kappa=kappa,
        kappa_ci=interval(kappa, cells, co.mean_kappa(len(kappas), n_labels)),
        fleiss_kappa=fleiss,
        fleiss_kappa_ci=interval(fleiss, co.fleiss_parts(even), co.fleiss(n_labels)),
        n_fleiss_items=len(even),
        n_fleiss_ratings=n_ratings,
        percent=percent,
        percent_ci=interval(percent, co.pairs_alike(counts), co.share, math.nan),
        n_disputed=int(((counts > 0).sum(axis=1) > 1).sum()),
        reason=reason,
    )


def pairwise(decisions: pl.DataFrame, *, ratings: Sequence[str] = RATINGS) -> list[Pair]:
    """Each two reviewers who rated a trace in common, by name."""
    rated = rows_of(decisions, ratings)
    found = []
    for first, second in combinations(sorted(rated["reviewer"].unique()), 2):
        table = _table(rated, first, second, sorted(ratings))
        n_both = int(table.sum())
        if n_both:
            percent = float(np.trace(table) / n_both)
            found.append(Pair(first, second, n_both, percent, co.cohen_kappa(table)))
    return found


def confusion(decisions: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """What `second` said where `first` said what: (first, second, n), every pair of verdicts.

    All four verdicts, skips and flags too, over the traces that both decided.
    """
    table = _table(rows_of(decisions, VERDICTS), first, second, VERDICTS)
    return pl.DataFrame(
        [
            {"first": one, "second": other, "n": int(table[i, j])}
            for i, one in enumerate(VERDICTS)
            for j, other in enumerate(VERDICTS)
        ],
        schema={"first": pl.String(), "second": pl.String(), "n": pl.Int64()},
    )


def disputed(decisions: pl.DataFrame, *, ratings: Sequence[str] = RATINGS) -> pl.DataFrame:
    """Traces on which ratings differ: (trace_id, n_ratings, verdicts: one "name: verdict" each).

    The most evenly split first, then by trace_id.
    """
    return (
        rows_of(decisions, ratings)
        .sort("trace_id", "reviewer")
        .group_by("trace_id", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("n_ratings"),
            pl.format("{}: {}", "reviewer", "verdict").alias("verdicts"),
            pl.col("verdict").n_unique().alias("n_different"),
            (pl.col("verdict").unique_counts().max() / pl.len()).alias("majority"),
        )
        .filter(pl.col("n_different") > 1)
        .sort("majority", "trace_id")
        .select("trace_id", "n_ratings", "verdicts")
    )


def rows_of(decisions: pl.DataFrame, ratings: Sequence[str]) -> pl.DataFrame:
    """The rows that are ratings. Raises ValueError where someone rates a trace twice."""
    rated = decisions.select("trace_id", "reviewer", "verdict").filter(
        pl.col("verdict").is_in(list(ratings))
    )
    if rated.select("trace_id", "reviewer").is_duplicated().any():
        raise ValueError("a reviewer stands twice on a trace; pass current decisions only")
    return rated


def counted(rated: pl.DataFrame, labels: Sequence[str]) -> Floats:
    """`counts[u, c]` of the pairable traces, by trace_id, labels in the order given."""
    frame = (
        rated.group_by("trace_id")
        .agg((pl.col("verdict") == label).sum().alias(label) for label in labels)
        .sort("trace_id")
    )
    counts = frame.select(labels).to_numpy().astype(np.float64).reshape(-1, len(labels))
    pairable: Floats = counts[counts.sum(axis=1) >= 2]
    return pairable


def _evenly_rated(counts: Floats) -> tuple[Floats, int]:
    """The items with the commonest number of ratings (the greater where two are), and that."""
    if not len(counts):
        return counts, 0
    sizes, n_each = np.unique(counts.sum(axis=1), return_counts=True)
    size = sizes[len(sizes) - 1 - np.argmax(n_each[::-1])]
    return counts[counts.sum(axis=1) == size], int(size)


def tables(rated: pl.DataFrame, labels: Sequence[str]) -> tuple[Floats, list[float]]:
    """Each pairable trace's cell in the table of each pair, `[u, pair·i·j]`; kappa of each pair."""
    shared = rated.filter(pl.len().over("trace_id") >= 2)
    places = shared.select(
        pl.col("trace_id", "reviewer").rank("dense").cast(pl.Int64) - 1,
        pl.col("verdict").replace_strict(
            list(labels), range(len(labels)), return_dtype=pl.Int64
        ),
    )  # fmt: skip
    ids = shared["trace_id"].unique()
    n_names = shared["reviewer"].n_unique()
    label = np.full((len(ids), n_names), -1)
    label[places["trace_id"].to_numpy(), places["reviewer"].to_numpy()] = places["verdict"]
    n_labels, parts, kappas = len(labels), [], []
    for first, second in combinations(range(n_names), 2):
        both = (label[:, first] >= 0) & (label[:, second] >= 0)
        if not both.any():
            continue
        cell = label[:, first] * n_labels + label[:, second]
        hits = (cell[:, None] == np.arange(n_labels**2)) & both[:, None]
        parts.append(hits.astype(np.float64))
        kappas.append(co.cohen_kappa(parts[-1].sum(axis=0).reshape(n_labels, n_labels)))
    return (np.hstack(parts) if parts else np.zeros((len(ids), 0))), kappas


def _table(rated: pl.DataFrame, first: str, second: str, labels: Sequence[str]) -> Floats:
    """`table[i, j]`: traces that `first` labelled i and `second` labelled j."""
    one, other = (
        rated.filter(pl.col("reviewer") == name).select("trace_id", "verdict")
        for name in (first, second)
    )
    both = one.join(other, on="trace_id", suffix="_other")
    place = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for mine, yours, n in both.group_by("verdict", "verdict_other").len().iter_rows():
        table[place[mine], place[yours]] = n
    return table


def mean(values: Sequence[float]) -> float:
    """The plain mean, nan of nothing."""
    return sum(values) / len(values) if values else math.nan
