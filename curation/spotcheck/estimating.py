"""The leaking share of a stratified sample, weighted, with its variance and intervals.

Where strata are not drawn in proportion, the plain share of leaking verdicts is biased: each
stratum counts by its share of the population instead. What is finite counts: drawing without
replacement from a stratum leaves the factor 1 - n/N of its variance, and a census has none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from curation.spotcheck.intervals import Interval, clopper_pearson, wilson


class StratumCount(NamedTuple):
    """One stratum: what it holds, and what was judged of it."""

    n_population: int
    n_judged: int
    n_leaking: int


class Estimate(NamedTuple):
    """A leaking share. Without a verdict all but the counts are nan."""

    n_judged: int
    n_leaking: int
    share: float
    """Weighted by what each judged stratum holds."""
    raw_share: float
    """Leaking over judged, unweighted: biased unless strata were drawn in proportion."""
    standard_error: float
    n_effective: float
    """Verdicts of a plain random sample, from a population without end, that would tell as much."""
    wilson: Interval
    clopper_pearson: Interval
    represented: float
    """Share of the population that lies in strata with at least one verdict."""


def stratified_share(strata: Sequence[StratumCount], confidence: float = 0.95) -> Estimate:
    """The leaking share of the population from the strata's counts.

    share = Σ W_h·p_h with W_h = N_h/N over the strata with a verdict; its variance is
    Σ W_h²·(1 - n_h/N_h)·p_h(1-p_h)/(n_h - 1) (Cochran 1977, 5.9 and 5.10), where a stratum with one
    verdict takes the share of all for p_h(1-p_h)/(n_h - 1). The intervals are Wilson's and Clopper
    and Pearson's at the effective sample size p(1-p)/variance · n/(n-1) (Korn & Graubard 1998), no
    more than the weights leave, 1/Σ(W_h²·(1 - n_h/N_h)/n_h) (Kish 1965). Raises ValueError for
    counts that cannot be.
    """
    for each in strata:
        if not 0 <= each.n_leaking <= each.n_judged <= each.n_population:
            raise ValueError(f"{each} is no count of a stratum")
    seen = [each for each in strata if each.n_judged]
    n = sum(each.n_judged for each in seen)
    leaking = sum(each.n_leaking for each in seen)
    everyone = sum(each.n_population for each in strata)
    if not n:
        nothing = math.nan, math.nan
        return Estimate(0, 0, math.nan, math.nan, math.nan, math.nan, nothing, nothing, 0.0)
    total = sum(each.n_population for each in seen)
    weights = [each.n_population / total for each in seen]
    share = min(
        sum(w * each.n_leaking / each.n_judged for w, each in zip(weights, seen, strict=True)), 1.0
    )
    variance = sum(
        w * w * _variance(each, share) for w, each in zip(weights, seen, strict=True)
    )  # fmt: skip
    size = _effective(seen, weights, n, total, share, variance)
    if math.isinf(size):
        intervals = (share, share), (share, share)
    else:
        intervals = (
            wilson(share * size, size, confidence),
            clopper_pearson(share * size, size, confidence),
        )
    return Estimate(
        n, leaking, share, leaking / n, math.sqrt(variance), size, *intervals, total / everyone
    )


def _variance(stratum: StratumCount, overall: float) -> float:
    size, n, leaking = stratum
    p, spread = leaking / n, max(n - 1, 1)
    unit = overall * (1 - overall) if n == 1 else p * (1 - p)
    return (1 - n / size) * unit / spread


def _effective(
    seen: Sequence[StratumCount],
    weights: Sequence[float],
    n: int,
    total: int,
    share: float,
    variance: float,
) -> float:
    """The effective sample size; infinite where all strata were judged whole."""
    if n == total:
        return math.inf
    # What the weights alone leave (Kish): in a stratum without a leak the variance is no guide.
    spread = sum(
        w * w * (1 - each.n_judged / each.n_population) / each.n_judged
        for w, each in zip(weights, seen, strict=True)
    )
    most = 1 / spread
    if not 0 < share < 1 or variance <= 0:
        return most
    return min(share * (1 - share) / variance * (n / (n - 1) if n > 1 else 1), most)
