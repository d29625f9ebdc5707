"""When one may stop judging: intervals that hold at every look, and Wald's sequential test.

An ordinary interval that is looked at after every verdict, to stop when it pleases, misses the
truth far more often than it says. A confidence sequence misses it anywhere along the way with
probability alpha at most, so one may look after each verdict and stop for any reason.

`confidence_sequence` is exact for a plain random sample in random order. For a stratified sample in
random order the verdicts of a prefix spread less than those of a plain sample (they are negatively
associated, so each look by itself is covered), and `design_bias` bounds what its shares of strata
can move the result; `stratified_sequence` is valid for any allocation, and wide where strata are
many. Verdicts are taken as they come; those that say neither leaking nor clean are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from curation.spotcheck.intervals import Interval

Call = Literal["p0", "p1"]


def confidence_sequence(
    leaks: Sequence[bool], n_population: int | None = None, alpha: float = 0.05
) -> list[Interval]:
    """After each verdict, an interval for the leaking share; all hold together with 1 - alpha.

    Of a population of N, drawn without replacement: those numbers of leaking traces T whose
    prior-posterior ratio C(N+1, t+1) / ((N+1)·C(T, s)·C(N-T, t-s)) stays below 1/alpha, with a
    uniform prior on 0..N (Waudby-Smith & Ramdas 2020). Without end (None): those p
    with B(s+1, t-s+1) / (p^s·(1-p)^(t-s)) below 1/alpha (Robbins 1970, uniform mixture). Each
    interval is cut by those before it; where nothing would remain, which happens with probability
    alpha at most, the newest stands by itself. Raises ValueError for more verdicts than traces.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1, not at {alpha}")
    if n_population is not None and len(leaks) > n_population:
        raise ValueError(f"{len(leaks)} verdicts on {n_population} traces")
    found: list[Interval] = []
    s, before = 0, (0.0, 1.0)
    for t, leak in enumerate(leaks, start=1):
        s += bool(leak)
        newest = (
            _mixture(s, t, alpha) if n_population is None else _finite(s, t, n_population, alpha)
        )
        cut = max(before[0], newest[0]), min(before[1], newest[1])
        before = cut if cut[0] <= cut[1] else newest
        found.append(before)
    return found


def _mixture(s: int, t: int, alpha: float) -> Interval:
    log_beta = math.lgamma(s + 1) + math.lgamma(t - s + 1) - math.lgamma(t + 2)
    limit = log_beta + math.log(alpha)

    def is_in(p: float) -> bool:
        log_likelihood = (s * math.log(p) if s else 0.0) + (
            (t - s) * math.log1p(-p) if t > s else 0.0
        )
        return log_likelihood > limit

    best = s / t
    low = 0.0 if s == 0 else _edge(is_in, best, 0.0)
    high = 1.0 if s == t else _edge(is_in, best, 1.0)
    return low, high


def _edge(is_in: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where `is_in` turns false between two points, from the outer side."""
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_in(middle) else (inside, middle)
    return outside


def _finite(s: int, t: int, size: int, alpha: float) -> Interval:
    limit = math.log(alpha) + _log_choose(size + 1, t + 1) - math.log(size + 1)

    def is_in(leaking: int) -> bool:
        return _log_choose(leaking, s) + _log_choose(size - leaking, t - s) > limit

    # The likelihood of the number of leaking traces rises to its best and falls from there.
    fewest, most = s, size - (t - s)
    best = min(max(round(s / t * size), fewest), most)
    low = _last(lambda k: is_in(best - k), best - fewest)
    high = _last(lambda k: is_in(best + k), most - best)
    return (best - low) / size, (best + high) / size


def _last(holds: Callable[[int], bool], most: int) -> int:
    """The largest k of 0..most for which `holds`, which is true first and false from there on."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def design_bias(sizes: Sequence[int], drawn: Sequence[int]) -> float:
    """How far the plain share of a sample can lie off for the strata's unequal shares in it.

    ½·Σ |n_h/n - N_h/N|, the total variation distance: |Σ q_h·p_h - Σ W_h·p_h| is no more for any
    p_h in 0..1. 0 for an exactly proportional sample.
    """
    n, total = sum(drawn), sum(sizes)
    return sum(abs(k / n - size / total) for size, k in zip(sizes, drawn, strict=True)) / 2


def stratified_sequence(
    leaks: Sequence[Sequence[bool]], sizes: Sequence[int], alpha: float = 0.05
) -> Interval:
    """An interval that holds at every look for any allocation: one sequence a stratum.

    Each stratum's own at alpha / number of strata (Bonferroni), weighted by what it holds: a
    stratum without a verdict stands for 0 to 1.
    """
    total, level = sum(sizes), alpha / len(sizes)
    low = high = 0.0
    for verdicts, size in zip(leaks, sizes, strict=True):
        newest = [(0.0, 1.0), *confidence_sequence(verdicts, size, level)][-1]
        low += size / total * newest[0]
        high += size / total * newest[1]
    return min(low, 1.0), min(high, 1.0)


class SprtState(NamedTuple):
    """Where Wald's test stands."""

    log_ratio: float
    """Natural log of the likelihood of p1 over that of p0."""
    call: Call | None
    """The share it calls, None while it asks for more verdicts."""
    n_at_call: int | None
    """After how many verdicts."""


class Sprt(NamedTuple):
    """Wald's sequential probability ratio test of a share of p0 against one of p1.

    It calls p0 though p1 is true with probability beta, and p1 though p0 is true with alpha, about
    (Wald's bounds neglect the overshoot; alpha + beta together are never exceeded). Between p0 and
    p1 either may be called: see `probability_of_p0`. Source: Wald 1945.
    """

    p0: float
    p1: float
    alpha: float = 0.05
    beta: float = 0.05

    def bounds(self) -> Interval:
        """Log ratios at which p0 and p1 are called: ln(beta/(1-alpha)), ln((1-beta)/alpha)."""
        if not 0 < self.p0 < self.p1 < 1:
            raise ValueError(f"p0 lies below p1, both within 0 to 1; not {self.p0} and {self.p1}")
        if not (0 < self.alpha < 1 and 0 < self.beta < 1 and self.alpha + self.beta < 1):
            raise ValueError(f"alpha and beta add up to less than 1; not {self.alpha}, {self.beta}")
        return math.log(self.beta / (1 - self.alpha)), math.log((1 - self.beta) / self.alpha)

    def step(self, leak: bool) -> float:
        """What one verdict adds to the log ratio."""
        if leak:
            return math.log(self.p1 / self.p0)
        return math.log((1 - self.p1) / (1 - self.p0))

    def after(self, leaks: Sequence[bool]) -> SprtState:
        """Where the test stands after these verdicts; the first bound that is met decides."""
        lower, upper = self.bounds()
        ratio = 0.0
        call: Call | None = None
        at: int | None = None
        for n, leak in enumerate(leaks, start=1):
            ratio += self.step(bool(leak))
            if call is None and not lower < ratio < upper:
                call, at = ("p0" if ratio <= lower else "p1"), n
        return SprtState(ratio, call, at)

    def probability_of_p0(self, share: float) -> float:
        """The probability that p0 is called where `share` leaks (operating characteristic).

        (A^h - 1)/(A^h - B^h) with the h that solves share·(p1/p0)^h + (1-share)·(q1/q0)^h = 1.
        """
        lower, upper = self.bounds()
        if not 0 < share < 1:
            return float(share <= 0)
        h = self._exponent(share)
        if abs(h) < 1e-9:
            return upper / (upper - lower)
        return math.expm1(h * upper) / (math.exp(h * upper) - math.exp(h * lower))

    def expected_n(self, share: float) -> float:
        """About how many verdicts it takes where `share` leaks (average sample number).

        (L·ln B + (1-L)·ln A) / mean step; -ln A·ln B / mean squared step where the mean is 0.
        """
        lower, upper = self.bounds()
        called = self.probability_of_p0(share)
        up, down = self.step(True), self.step(False)
        drift = share * up + (1 - share) * down
        if abs(drift) < 1e-12:
            return -lower * upper / (share * up**2 + (1 - share) * down**2)
        return (called * lower + (1 - called) * upper) / drift

    def _exponent(self, share: float) -> float:
        """The root h other than 0, by bisection; 0 where the mean step is 0."""
        up, down = self.step(True), self.step(False)
        drift = share * up + (1 - share) * down
        if abs(drift) < 1e-9:
            return 0.0
        sign = -1.0 if drift > 0 else 1.0

        def excess(h: float) -> float:
            return share * math.exp(sign * h * up) + (1 - share) * math.exp(sign * h * down) - 1

        high = 1.0
        while excess(high) < 0:
            high *= 2
        low = 0.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) < 0 else (low, middle)
        return sign * high
