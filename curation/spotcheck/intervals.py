"""Intervals for a share, and how many verdicts a wished width takes.

Wilson is the shorter one and covers near its level on average; Clopper-Pearson never covers less
than its level and is longer. Both take counts that are no whole numbers too, as an effective sample
size gives them. Quantiles of the beta distribution are scipy's.
"""

from __future__ import annotations

import math
from statistics import NormalDist

Interval = tuple[float, float]


def z_of(confidence: float) -> float:
    """The standard normal quantile of a two-sided level. Raises ValueError outside (0, 1)."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(x: float, n: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for `x` of `n`; (nan, nan) for n = 0.

    (p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n). Source: Wilson 1927.
    """
    _check(x, n)
    z = z_of(confidence)
    if n == 0:
        return math.nan, math.nan
    p, zz = x / n, z * z / n
    middle = p + zz / 2
    half = z * math.sqrt(p * (1 - p) / n + zz / (4 * n))
    low, high = (middle - half) / (1 + zz), (middle + half) / (1 + zz)
    return (0.0 if x == 0 else max(low, 0.0)), (1.0 if x == n else min(high, 1.0))


def clopper_pearson(x: float, n: float, confidence: float = 0.95) -> Interval:
    """The exact interval for `x` of `n`; (nan, nan) for n = 0.

    Its limits are the alpha/2 quantile of Beta(x, n-x+1) and the 1-alpha/2 quantile of
    Beta(x+1, n-x). Source: Clopper & Pearson 1934.
    """
    _check(x, n)
    tail = (1 - confidence) / 2
    z_of(confidence)
    if n == 0:
        return math.nan, math.nan
    low = 0.0 if x == 0 else _beta_quantile(tail, x, n - x + 1)
    high = 1.0 if x == n else _beta_quantile(1 - tail, x + 1, n - x)
    return low, high


def sample_size(
    half_width: float,
    share: float = 0.5,
    confidence: float = 0.95,
    n_population: int | None = None,
) -> int:
    """How many to judge for an interval of about ± `half_width` where the share is about `share`.

    n0 = z²·p(1-p)/d²; of a population of N, n0 / (1 + (n0 - 1)/N). Source: Cochran 1977, 4.4.
    Raises ValueError for a width outside (0, 1) or a share outside [0, 1].
    """
    if not 0 < half_width < 1:
        raise ValueError(f"a half width lies between 0 and 1, not at {half_width}")
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    n = z_of(confidence) ** 2 * share * (1 - share) / half_width**2
    if n_population is not None and n_population > 0:
        n = n / (1 + max(n - 1, 0) / n_population)
    needed = max(1, math.ceil(n - 1e-9))
    return needed if n_population is None else min(needed, n_population)


def widest_sample_size(
    half_width: float, confidence: float = 0.95, n_population: int | None = None
) -> int:
    """`sample_size` in the worst case, a share of one half."""
    return sample_size(half_width, 0.5, confidence, n_population)


def _check(x: float, n: float) -> None:
    if not 0 <= x <= n:
        raise ValueError(f"{x} of {n} is no count")


def _beta_quantile(q: float, a: float, b: float) -> float:
    # Inside: every command imports this room, and scipy takes as long to import as all the rest.
    from scipy.special import betaincinv

    return float(betaincinv(a, b, q))
