"""The statistics of a comparison of contexts, on plain arrays with one entry a problem.

Owns the intervals, the tests and the ratios; formulas and conventions of what is compared stand in
`curation/leakage/__init__.py`. Knows nothing of traces.

Every interval here is a jackknife t interval over problems: leave each problem out once, take the
standard error of what is left, and Student's t with n - 1 degrees of freedom; ratios on the log
scale. It was chosen by simulation over BCa, percentile and studentised bootstraps (`python -m
curation bench intervals` prints the coverage): with few problems and skewed counts the bootstraps
fall short of 95 %, and a closed form needs no seed.

Sources: Tukey's jackknife, Efron and Tibshirani 1993, chapter 11; BCa: Efron 1987; Holm 1979.
Quantiles of Student's distribution are scipy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

MIN_PROBLEMS_FOR_CI = 12
"""Fewer problems than this give no interval: below, none that was tried covers as it says."""
EXACT_UP_TO = 12
"""Up to this many problems the swap test looks at every swap."""
LEVEL = 0.95

Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From sums of columns `[..., k]` to values `[...]`."""
NO_INTERVAL: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval over problems, or with why it has none."""

    value: float
    ci: Interval
    n_problems: int
    why: str | None = None
    """Why the value or the interval is nan."""


def estimate(
    columns: Floats, statistic: Statistic, *, log: bool = False, widened: bool = False
) -> Estimate:
    """`statistic` of the sums of `columns` `[n, k]` with its interval; nan with a reason."""
    n = len(columns)
    if not n:
        return Estimate(math.nan, NO_INTERVAL, 0, "no problem has it")
    value, low, high = jackknife_t(columns, statistic, log=log, widened=widened)
    found = float(value)
    if not math.isfinite(found):
        return Estimate(math.nan, NO_INTERVAL, n, "nothing was counted to divide by")
    if n < MIN_PROBLEMS_FOR_CI:
        return Estimate(found, NO_INTERVAL, n, too_few(n))
    if not (np.isfinite(low) and np.isfinite(high)):
        return Estimate(found, NO_INTERVAL, n, "one problem alone decides it")
    return Estimate(found, (float(low), float(high)), n)


def jackknife_t(
    columns: Floats, statistic: Statistic, *, log: bool = False, widened: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Value, lower and upper bound of `statistic` on data sets `[..., n, k]` of n problems.

    f(value) ± t · sqrt((n - 1)/n · Σ (f(without i) - mean)²) with f = ln where `log`, else nothing;
    nan where it is undefined, also for one set without one problem. One data set or thousands.
    `widened` takes n - 2 degrees of freedom and the error times sqrt(n/(n - 1)): a density of
    skewed counts needs it to hold 95 % (by simulation); a ratio of two does not.
    """
    n = columns.shape[-2]
    total = columns.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.asarray(statistic(total))
        left_out = np.asarray(statistic(total[..., None, :] - columns))
        centre = np.log(value) if log else value
        left_out = np.log(left_out) if log else left_out
        away = left_out - left_out.mean(axis=-1, keepdims=True)
        error = np.sqrt((n - 1) / n * (away**2).sum(axis=-1))
        if widened:
            error = error * math.sqrt(n / (n - 1)) if n > 1 else error
        freedom = n - 2 if widened else n - 1
        half = (t_quantile(freedom) if freedom > 0 else math.nan) * error
        low, high = centre - half, centre + half
        return value, (np.exp(low) if log else low), (np.exp(high) if log else high)


def mean_of(values: Floats) -> Floats:
    """`values` as columns for `mean`: themselves, and a one for each problem."""
    return np.stack([values, np.ones_like(values)], axis=-1)


def mean(sums: Floats) -> Floats:
    """A statistic: the mean of a column over the problems."""
    result: Floats = sums[..., 0] / sums[..., 1]
    return result


def rate(sums: Floats) -> Floats:
    """A statistic: 1000 · Σ counts / Σ lengths."""
    result: Floats = 1000 * sums[..., 0] / sums[..., 1]
    return result


def rate_ratio(sums: Floats) -> Floats:
    """A statistic: (Σ counts / Σ lengths) of the context over that of unguided."""
    result: Floats = (sums[..., 0] / sums[..., 1]) / (sums[..., 2] / sums[..., 3])
    return result


def rate_difference(sums: Floats) -> Floats:
    """A statistic: counts per 1,000 of the context minus those of unguided."""
    result: Floats = 1000 * (sums[..., 0] / sums[..., 1] - sums[..., 2] / sums[..., 3])
    return result


def contrast(sums: Floats) -> Floats:
    """A statistic: the mean of sum 0 over count 1, minus sum 2 over count 3."""
    result: Floats = sums[..., 0] / sums[..., 1] - sums[..., 2] / sums[..., 3]
    return result


def density(columns: Floats) -> Estimate:
    """Markers per 1,000 of columns count and length, with its interval on the log scale."""
    return estimate(columns, rate, log=True, widened=True)


def suppressed(columns: Floats) -> Estimate:
    """1 - d(c)/d(u) of columns e, n, e(u), n(u), with its interval on the log scale of the ratio.

    Where the context has no marker at all it is 1, without an interval.
    """
    totals = columns.sum(axis=0)
    if not totals[2] > 0:
        why = "the unguided traces have no epistemic marker: there is nothing to suppress"
        return Estimate(math.nan, NO_INTERVAL, len(columns), why)
    if not totals[0] > 0:
        why = "no epistemic marker is left under this context: an interval needs some"
        return Estimate(1.0, NO_INTERVAL, len(columns), why)
    found = estimate(columns, rate_ratio, log=True)
    return Estimate(1 - found.value, (1 - found.ci[1], 1 - found.ci[0]), len(columns), found.why)


def unpaired(context: Floats, unguided: Floats) -> Estimate:
    """1 - d(c)/d(u) over different problems, columns count and length: nothing is matched.

    The standard errors of both logarithms add up in squares; degrees of freedom after Welch and
    Satterthwaite, rounded down.
    """
    n = min(len(context), len(unguided))
    if not n:
        return Estimate(math.nan, NO_INTERVAL, n, "there are no traces on one side")
    if not context[:, 0].sum() > 0 or not unguided[:, 0].sum() > 0:
        return Estimate(math.nan, NO_INTERVAL, n, "one side has no epistemic marker")
    both = [_log_error(columns) for columns in (context, unguided)]
    value = 1 - math.exp(both[0][0] - both[1][0])
    if n < MIN_PROBLEMS_FOR_CI:
        return Estimate(value, NO_INTERVAL, n, too_few(n))
    variance = both[0][1] ** 2 + both[1][1] ** 2
    if not math.isfinite(variance):
        return Estimate(value, NO_INTERVAL, n, "one problem alone decides it")
    freedom = 1
    if variance > 0:
        parts = sum(error**4 / (size - 1) for _, error, size in both)
        freedom = max(1, int(variance**2 / parts))
    half = t_quantile(freedom) * math.sqrt(variance)
    return Estimate(value, (1 - (1 - value) * math.exp(half), 1 - (1 - value) * math.exp(-half)), n)


def _log_error(columns: Floats) -> tuple[float, float, int]:
    """Logarithm of the density, its jackknife standard error, and the number of problems."""
    n = len(columns)
    total = columns.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = np.log(rate(total - columns))
        error = math.sqrt((n - 1) / n) * float(np.linalg.norm(left_out - left_out.mean()))
    return math.log(float(rate(total))), error, n


def too_few(n: int) -> str:
    """Why n problems have no interval."""
    return f"an interval needs {MIN_PROBLEMS_FOR_CI} problems; here are {n}"


def ratio(over: float, under: float) -> float:
    """Over / under; inf where only `under` is 0, nan where both are."""
    if under:
        return float(over / under)
    return math.inf if over > 0 else math.nan


def length_share(raw_fall: float, length_fall: float) -> float:
    """ln(length fall)/ln(raw fall): the share of a raw fall that is only length.

    nan unless the raw count fell (raw fall > 1, finite).
    """
    if not (1 < raw_fall < math.inf and length_fall > 0):
        return math.nan
    return math.log(length_fall) / math.log(raw_fall)


def swap_p_value(columns: Floats, *, seed: int = 0, n_draws: int = 10_000) -> float:
    """Two-sided p of |d(u) - d(c)| when the contexts of each problem are swapped at random.

    `columns` are e, n, e(u), n(u) by problem. All 2^n swaps up to `EXACT_UP_TO` problems; else
    `n_draws` drawn, (1 + hits)/(1 + draws).
    """
    n = len(columns)
    if not n:
        return math.nan
    total = columns.sum(axis=0)
    apart = columns[:, 2:] - columns[:, :2]
    gaps = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for swaps in _swaps(n, seed, n_draws):
            moved = swaps @ apart
            one, two = total[:2] + moved, total[2:] - moved
            gaps.append(np.abs(two[:, 0] / two[:, 1] - one[:, 0] / one[:, 1]))
        found = np.concatenate(gaps)
        observed = abs(total[2] / total[3] - total[0] / total[1])
    if np.isnan(found).any():
        return math.nan
    hits = int((found >= observed * (1 - 1e-9)).sum())
    return hits / len(found) if n <= EXACT_UP_TO else (1 + hits) / (1 + len(found))


def _swaps(n: int, seed: int, n_draws: int) -> list[Floats]:
    if n <= EXACT_UP_TO:
        return [np.array(list(product((0.0, 1.0), repeat=n)))]
    rng = np.random.default_rng(seed)
    return [(rng.random((n_draws // 10, n)) < 0.5).astype(np.float64) for _ in range(10)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given; nan ones stay nan and do not count.

    The i-th smallest of m is multiplied by m - i + 1; none falls below one before it; at most 1.
    """
    known = [i for i, p in enumerate(p_values) if not math.isnan(p)]
    adjusted, highest = [math.nan] * len(p_values), 0.0
    for place, i in enumerate(sorted(known, key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(known) - place) * p_values[i]))
        adjusted[i] = highest
    return adjusted


@lru_cache(maxsize=512)
def t_quantile(freedom: int, level: float = LEVEL) -> float:
    """The t that Student's |T| with `freedom` (1 or more) degrees stays below with `level`."""
    # Inside: every command imports this room, and scipy takes as long to import as all the rest.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def bca_bounds(values: Floats, value: Floats, left_out: Floats) -> tuple[Floats, Floats]:
    """95 % BCa bounds of k data sets: `values` [b, k] resampled, `left_out` [n, k] jackknifed.

    Not used by the report; kept for `bench intervals`, which says why. Source: Efron 1987.
    """
    from scipy.special import ndtr, ndtri

    n = len(values)
    below = ((values < value).mean(axis=0) + (values <= value).mean(axis=0)) / 2
    bias = ndtri(np.clip(below, 1 / n, 1 - 1 / n))
    away = left_out.mean(axis=0) - left_out
    with np.errstate(invalid="ignore", divide="ignore"):
        skew = (away**3).sum(axis=0) / (6 * (away**2).sum(axis=0) ** 1.5)
    ordered, bounds = np.sort(values, axis=0), []
    for level in (0.025, 0.975):
        z = bias + ndtri(level)
        share = ndtr(np.nan_to_num(bias + z / (1 - skew * z)))
        places = np.clip((share * n).astype(np.int64), 0, n - 1)
        bounds.append(np.take_along_axis(ordered, places[None], axis=0)[0])
    return bounds[0], bounds[1]
