"""Decisions to agreement between reviewers: Krippendorff's alpha, Cohen's kappa, percent.

Owns the statistics and their edge conventions. Knows nothing of stores or screens; takes a frame
`(trace_id, reviewer, verdict)` with at most one row a trace and reviewer (the current decisions).

Only `accept` and `reject` are ratings (`RATINGS`): a skip or a flag gives none, as if the reviewer
had not seen the trace. A trace is *pairable* when two or more rated it; all coefficients rest on
pairable traces alone. What cannot be computed is nan, and `reason` says why. Nothing depends on who
is called what: permuting reviewers or renaming verdicts changes no coefficient.

How to read alpha (nominal): 1 = always agreed, 0 = as if by chance, below 0 = systematically
opposed. Krippendorff's advice: rely on 0.80 and more, 0.67 for tentative conclusions.
Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections B to D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.records import VERDICTS

RATINGS: tuple[str, ...] = ("accept", "reject")
"""The verdicts that count as ratings."""

MIN_ITEMS_FOR_CI = 5
"""Fewer pairable traces than this give no interval."""

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
_NO_INTERVAL: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class Agreement:
    """How far reviewers agree. Coefficients are nan where undefined; `reason` says why."""

    n_items: int
    """Traces with at least one rating."""
    n_reviewers: int
    """People with at least one rating."""
    n_pairable: int
    """Traces with ratings of two or more."""
    alpha: float
    """Krippendorff's alpha, nominal."""
    alpha_ci: Interval
    """95 % percentile interval, bootstrap over pairable traces."""
    kappa: float
    """Cohen's kappa; with more than two reviewers the plain mean over pairs where it is defined."""
    percent: float
    """Share (0 to 1) of pairs of ratings on the same trace that are equal."""
    n_disputed: int
    """Pairable traces on which not all said the same."""
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name; `alpha_ci` as a list; undefined numbers stay nan."""
        return {**asdict(self), "alpha_ci": list(self.alpha_ci)}


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
) -> Agreement:
    """The agreement of everyone on the traces they share; `ratings` are the verdicts that count."""
    rated = _rated(decisions, ratings)
    n_items, n_reviewers = rated["trace_id"].n_unique(), rated["reviewer"].n_unique()
    counts = _counts(rated)
    reason = None
    alpha, interval, kappa, percent = math.nan, _NO_INTERVAL, math.nan, math.nan
    if not len(counts):
        reason = "no trace was accepted or rejected by two reviewers yet"
    else:
        percent = _percent(counts)
        pairs = [pair.kappa for pair in pairwise(decisions, ratings=ratings)]
        defined = [value for value in pairs if not math.isnan(value)]
        kappa = sum(defined) / len(defined) if defined else math.nan
        alpha = krippendorff_alpha(counts)
        if math.isnan(alpha):
            reason = "all shared verdicts are the same: what chance would give cannot be told"
        elif len(counts) < MIN_ITEMS_FOR_CI:
            reason = f"an interval needs {MIN_ITEMS_FOR_CI} shared traces; there are {len(counts)}"
        else:
            interval = _bootstrap(counts, seed, n_resamples)
    return Agreement(
        n_items=n_items,
        n_reviewers=n_reviewers,
        n_pairable=len(counts),
        alpha=alpha,
        alpha_ci=interval,
        kappa=kappa,
        percent=percent,
        n_disputed=int(((counts > 0).sum(axis=1) > 1).sum()) if len(counts) else 0,
        reason=reason,
    )


def krippendorff_alpha(counts: Floats) -> float:
    """Alpha, nominal, from `counts[u, c]`: how many gave item u the label c.

    alpha = 1 - (n - 1)·Σ_{c≠k} o_ck / Σ_{c≠k} n_c·n_k with the coincidences
    o_ck = Σ_u n_uc·(n_uk - [c=k]) / (m_u - 1) and n = Σ n_c; items with m_u < 2 are left out.
    nan where nothing is pairable or only one label was used.
    """
    pairable = counts[counts.sum(axis=1) >= 2]
    if not len(pairable):
        return math.nan
    return float(_alphas(_coincidences(pairable).sum(axis=0)[None])[0])


def cohen_kappa(table: Floats) -> float:
    """Kappa from `table[i, j]`: items that one labels i and the other j.

    (p_o - p_e) / (1 - p_e); nan for an empty table or where p_e = 1 (one label only).
    """
    total = table.sum()
    if total == 0:
        return math.nan
    observed = np.trace(table) / total
    expected = float(table.sum(axis=1) @ table.sum(axis=0)) / total**2
    return float((observed - expected) / (1 - expected)) if expected < 1 else math.nan


def pairwise(decisions: pl.DataFrame, *, ratings: Sequence[str] = RATINGS) -> list[Pair]:
    """Each two reviewers who rated a trace in common, by name."""
    rated = _rated(decisions, ratings)
    found = []
    for first, second in combinations(sorted(rated["reviewer"].unique()), 2):
        table = _table(rated, first, second, sorted(ratings))
        n_both = int(table.sum())
        if n_both:
            percent = float(np.trace(table) / n_both)
            found.append(Pair(first, second, n_both, percent, cohen_kappa(table)))
    return found


def confusion(decisions: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """What `second` said where `first` said what: (first, second, n), every pair of verdicts.

    All four verdicts, skips and flags too, over the traces that both decided.
    """
    table = _table(_rated(decisions, VERDICTS), first, second, VERDICTS)
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
        _rated(decisions, ratings)
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


def _rated(decisions: pl.DataFrame, ratings: Sequence[str]) -> pl.DataFrame:
    """The rows that are ratings. Raises ValueError where someone rates a trace twice."""
    rated = decisions.select("trace_id", "reviewer", "verdict").filter(
        pl.col("verdict").is_in(list(ratings))
    )
    if rated.select("trace_id", "reviewer").is_duplicated().any():
        raise ValueError("a reviewer stands twice on a trace; pass current decisions only")
    return rated


def _counts(rated: pl.DataFrame) -> Floats:
    """`counts[u, c]` of the pairable traces, by trace_id and label."""
    if not rated.height:
        return np.zeros((0, 0))
    wide = rated.pivot("verdict", index="trace_id", values="verdict", aggregate_function="len")
    counts = wide.sort("trace_id").drop("trace_id").fill_null(0).to_numpy().astype(np.float64)
    pairable: Floats = counts[counts.sum(axis=1) >= 2]
    return pairable


def _coincidences(counts: Floats) -> Floats:
    """o_ck of each item, `[u, c, k]`."""
    n_labels = counts.shape[1]
    products = counts[:, :, None] * counts[:, None, :]
    products[:, range(n_labels), range(n_labels)] -= counts
    products /= (counts.sum(axis=1) - 1)[:, None, None]
    return products


def _alphas(coincidences: Floats) -> Floats:
    """Alpha of each coincidence matrix `[b, c, k]`; nan where only one label was used."""
    totals = coincidences.sum(axis=2)
    n = totals.sum(axis=1)
    apart = coincidences.sum(axis=(1, 2)) - np.trace(coincidences, axis1=1, axis2=2)
    by_chance = n**2 - (totals**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values: Floats = np.where(by_chance > 1e-9, 1 - (n - 1) * apart / by_chance, np.nan)
    return values


def _percent(counts: Floats) -> float:
    """Σ equal pairs / Σ pairs over the items."""
    n_ratings = counts.sum(axis=1)
    equal = (counts * (counts - 1)).sum()
    return float(equal / (n_ratings * (n_ratings - 1)).sum())


def _bootstrap(counts: Floats, seed: int, n_resamples: int) -> Interval:
    """2.5 and 97.5 % of alpha over resampled items; resamples with one label only count as 1.

    (In such a resample nobody disagreed; leaving it out would pull the interval down.)
    """
    rng = np.random.default_rng(seed)
    n_items, n_labels = counts.shape
    flat = _coincidences(counts).reshape(n_items, n_labels**2)
    alphas = []
    for _ in range(0, n_resamples, 100):
        weights = rng.multinomial(n_items, np.full(n_items, 1 / n_items), size=100)
        alphas.append(_alphas((weights @ flat).reshape(-1, n_labels, n_labels)))
    values = np.concatenate(alphas)[:n_resamples]
    low, high = np.quantile(np.where(np.isnan(values), 1.0, values), [0.025, 0.975])
    return float(low), float(high)


def _table(rated: pl.DataFrame, first: str, second: str, labels: Sequence[str]) -> Floats:
    """`table[i, j]`: traces that `first` labelled i and `second` labelled j."""
    one, other = (
        rated.filter(pl.col("reviewer") == name).select("trace_id", "verdict")
        for name in (first, second)
    )
    both = one.join(other, on="trace_id", suffix="_other")
    place = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for mine, yours in both.select("verdict", "verdict_other").iter_rows():
        table[place[mine], place[yours]] += 1
    return table
