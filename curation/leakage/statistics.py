"""The statistics of a comparison of contexts, on plain arrays with one entry a problem.

Formulas and conventions stand in `curation/leakage/__init__.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

MIN_PROBLEMS_FOR_CI = 5
"""Fewer problems than this give no interval."""
EXACT_UP_TO = 12
"""Up to this many problems the swap test looks at every swap."""

Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]
NO_INTERVAL: Interval = (math.nan, math.nan)


def density(counts: Floats, lengths: Floats) -> float:
    """1000·Σ counts / Σ lengths; nan without length."""
    total = lengths.sum()
    return float(1000 * counts.sum() / total) if total > 0 else math.nan


def suppression(counts: Floats, lengths: Floats, counts_u: Floats, lengths_u: Floats) -> float:
    """1 - d(c)/d(u); nan where either density is undefined or d(u) = 0."""
    reference = density(counts_u, lengths_u)
    return 1 - density(counts, lengths) / reference if reference > 0 else math.nan


def length_share(raw_fall: float, length_fall: float) -> float:
    """ln(length fall)/ln(raw fall): the share of a raw fall that is only length.

    nan unless the raw count fell (raw fall > 1, finite).
    """
    if not (1 < raw_fall < math.inf and length_fall > 0):
        return math.nan
    return math.log(length_fall) / math.log(raw_fall)


def swap_p_value(
    counts: Floats, lengths: Floats, counts_u: Floats, lengths_u: Floats,
    *, seed: int = 0, n_draws: int = 10_000,
) -> float:  # fmt: skip
    """Two-sided p of |d(u) - d(c)| when the contexts of each problem are swapped at random.

    All 2^n swaps up to `EXACT_UP_TO` problems; else `n_draws` drawn, (1 + hits)/(1 + draws).
    """
    n = len(counts)
    if not n:
        return math.nan
    if n <= EXACT_UP_TO:
        swaps = np.array(list(product((False, True), repeat=n)))
    else:
        swaps = np.random.default_rng(seed).random((n_draws, n)) < 0.5
    with np.errstate(invalid="ignore", divide="ignore"):
        one = np.where(swaps, counts_u, counts).sum(1) / np.where(swaps, lengths_u, lengths).sum(1)
        two = np.where(swaps, counts, counts_u).sum(1) / np.where(swaps, lengths, lengths_u).sum(1)
    gaps = np.abs(two - one)
    if np.isnan(gaps).any():
        return math.nan
    observed = abs(density(counts_u, lengths_u) - density(counts, lengths)) / 1000
    hits = int((gaps >= observed * (1 - 1e-9)).sum())
    return hits / len(gaps) if n <= EXACT_UP_TO else (1 + hits) / (1 + len(gaps))


def bca_interval(
    statistic: Callable[[Floats], Floats], n: int, *, seed: int, n_resamples: int
) -> Interval:
    """95 % BCa interval of `statistic`, a function of weights `[b, n]` on n units -> `[b]`.

    nan with fewer than `MIN_PROBLEMS_FOR_CI` units, or where a resample leaves it undefined.
    Source: Efron, Better Bootstrap Confidence Intervals (1987).
    """
    if n < MIN_PROBLEMS_FOR_CI:
        return NO_INTERVAL
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(np.float64)
    values = np.sort(statistic(weights))
    estimate = float(statistic(np.ones((1, n)))[0])
    left_out = statistic(np.ones((n, n)) - np.eye(n))
    if not (np.isfinite(values).all() and np.isfinite(left_out).all() and math.isfinite(estimate)):
        return NO_INTERVAL
    if values[0] == values[-1]:
        return float(values[0]), float(values[-1])
    normal = NormalDist()
    below = (np.sum(values < estimate) + np.sum(values <= estimate)) / (2 * n_resamples)
    bias = normal.inv_cdf(float(np.clip(below, 1 / n_resamples, 1 - 1 / n_resamples)))
    away = left_out.mean() - left_out
    spread = float((away**2).sum()) ** 1.5
    skew = float((away**3).sum()) / (6 * spread) if spread > 0 else 0.0
    bounds = []
    for level in (0.025, 0.975):
        shifted = bias + normal.inv_cdf(level)
        bounds.append(normal.cdf(bias + shifted / (1 - skew * shifted)))
    low, high = np.quantile(values, bounds)
    return float(low), float(high)


def ratio(over: float, under: float) -> float:
    """Over / under; inf where only `under` is 0, nan where both are."""
    if under:
        return float(over / under)
    return math.inf if over > 0 else math.nan
