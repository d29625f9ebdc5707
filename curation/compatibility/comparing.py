"""Two scores over a pool of traces: do they agree, and is it only length or family?

Owns rank correlation with an interval, the same with length held, z-scores within a teacher's
family, the stability of a ranking of groups, and where a value stands in the pool. A score is
never shown without length and family beside it, and below `MIN_TRACES` with a warning.

Missing numbers (None or NaN) are left out pair by pair and counted in `n_left_out`; infinite ones
are kept where only the order counts. NaN as a result means that there was too little or too equal
data for the number to exist. Everything random is deterministic under its `seed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curation.compatibility.arrays import Floats, Ints, same_size

MIN_TRACES = 200
"""Below this a correlation or a ranking says little (RSR's own ablation stops at 200)."""

N_RESAMPLES = 1000
LEVEL = 0.95

Numbers = npt.ArrayLike | Sequence[float | int | None]


class Correlation(NamedTuple):
    """A rank correlation, -1 to 1."""

    rho: float
    """NaN below 3 usable traces, or where one side never changes."""
    low: float
    """Percentile bootstrap over traces; NaN where rho is, or resamples leave too little."""
    high: float
    n: int
    n_left_out: int
    """Traces without a number on one of the sides."""


class Comparison(NamedTuple):
    """Two scores side by side, with length beside both."""

    correlation: Correlation
    given_length: Correlation
    """The same with the order by length held."""
    a_with_length: float
    """Spearman of the first score with the number of tokens."""
    b_with_length: float
    warning: str | None

    def in_words(self) -> str:
        """The correlations in two lines, with intervals where they exist, and what was left out."""
        lengths = f"{_in_words(self.a_with_length)} and {_in_words(self.b_with_length)}"
        left_out = self.correlation.n_left_out
        return (
            f"Rank correlation (Spearman): {_in_words(*self.correlation[:3])} over "
            f"{self.correlation.n:,} traces"
            + (f"; {left_out:,} lack a number and are left out" if left_out else "")
            + f".\nWith length held (partial): {_in_words(*self.given_length[:3])}. With length "
            f"itself the two correlate at {lengths}."
        )


class GroupRank(NamedTuple):
    """A group's place when groups are ordered by their mean."""

    group: Hashable
    mean: float
    rank: int
    """1 = highest mean."""
    low_rank: int
    """The bootstrap's interval of its place."""
    high_rank: int
    same_share: float
    """Share of resamples in which it kept its place, 0 to 1."""
    n: int


def too_few(n_traces: int) -> str | None:
    """The warning to show above a comparison of so many traces; None where there are enough."""
    if n_traces >= MIN_TRACES:
        return None
    return (
        f"Only {n_traces} trace{'s' * (n_traces != 1)}: below {MIN_TRACES}, correlations and "
        "rankings of scores are mostly chance. Take this as a look at the traces, not as a finding."
    )


def compare(
    a: Numbers, b: Numbers, n_tokens: Numbers, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Comparison:
    """Two scores of the same traces: rank correlation, also given length, and the warning.

    The intervals take most of the time, about a second for 5,000 traces and in proportion for
    more; `n_resamples=0` leaves them out.
    """
    correlation = spearman(a, b, n_resamples=n_resamples, seed=seed)
    return Comparison(
        correlation,
        partial_spearman(a, b, n_tokens, n_resamples=n_resamples, seed=seed),
        spearman(a, n_tokens, n_resamples=0).rho,
        spearman(b, n_tokens, n_resamples=0).rho,
        too_few(correlation.n),
    )


def spearman(
    a: Numbers, b: Numbers, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Correlation:
    """Spearman's rho: Pearson's correlation of average ranks."""
    (x, y), left_out = _complete(a, b)
    rho = _spearman(x, y)
    low, high = _interval(_spearman, (x, y), rho, n_resamples, seed)
    return Correlation(rho, low, high, x.size, left_out)


def partial_spearman(
    a: Numbers, b: Numbers, given: Numbers, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Correlation:
    """Spearman's rho of `a` and `b` with `given` held (usually the number of tokens).

    (r_ab - r_ag r_bg) / √((1 - r_ag²)(1 - r_bg²)) over average ranks, so the logarithm of the
    length gives the same number as the length. NaN where `given` orders `a` or `b` completely.
    Where `given` never changes, the plain rho.
    """
    (x, y, z), left_out = _complete(a, b, given)
    rho = _partial(x, y, z)
    low, high = _interval(_partial, (x, y, z), rho, n_resamples, seed)
    return Correlation(rho, low, high, x.size, left_out)


def average_ranks(values: Numbers) -> Floats:
    """Ranks from 1 in ascending order, equal values sharing the mean of theirs; no NaN."""
    array = _numbers(values)
    if np.isnan(array).any():
        raise ValueError("values: ranks need numbers; leave out what is missing first")
    return _ranks(array)


def z_scores(values: Numbers, families: Sequence[Hashable]) -> Floats:
    """Each value's distance from the mean of its family, in that family's standard deviations.

    For comparing traces of teachers whose families differ as a whole. None is a family of its own
    ("not known"). NaN for missing and infinite values (which count in no mean), and for families
    of fewer than two values or of equal ones. Standard deviations divide by n - 1.
    """
    array = _numbers(values)
    if len(families) != array.size:
        raise ValueError(f"a family for each of {array.size} is needed; got {len(families)}")
    found = np.full(array.size, np.nan)
    finite = np.isfinite(array)
    for code in range((codes := _codes(families)).max(initial=-1) + 1):
        mine = (codes == code) & finite
        if mine.sum() < 2:
            continue
        deviation = array[mine].std(ddof=1)
        if deviation > 1e-12 * np.abs(array[mine]).max():
            found[mine] = (array[mine] - array[mine].mean()) / deviation
    return found


def rank_stability(
    values: Numbers,
    groups: Sequence[Hashable],
    *,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> list[GroupRank]:
    """The groups (teachers, contexts) ordered by their mean, and how firmly each holds its place.

    Highest mean first; equal means in order of first appearance. Traces are drawn with replacement
    within each group, so every group stays in. Missing and infinite values are left out; groups
    without any other are not ranked.
    """
    array = _numbers(values)
    if len(groups) != array.size:
        raise ValueError(f"a group for each of {array.size} is needed; got {len(groups)}")
    finite = np.isfinite(array)
    members: dict[Hashable, list[float]] = {}
    for group, value, usable in zip(groups, array.tolist(), finite.tolist(), strict=True):
        if usable:
            members.setdefault(group, []).append(value)
    if not members:
        return []
    random = np.random.default_rng(seed)
    means = np.array([np.mean(mine) for mine in members.values()])
    places = _places(means[:, None])[:, 0]
    drawn = np.empty((len(members), n_resamples))
    for i, mine in enumerate(members.values()):
        pool = np.array(mine)
        for j in range(n_resamples):
            drawn[i, j] = pool[random.integers(0, pool.size, pool.size)].mean()
    resampled = _places(drawn)
    tail = (1 - level) / 2
    rows = []
    for i, (group, mine) in enumerate(members.items()):
        place = int(places[i])
        low, high = place, place
        if n_resamples:
            low = int(np.quantile(resampled[i], tail, method="lower"))
            high = int(np.quantile(resampled[i], 1 - tail, method="higher"))
        same = float((resampled[i] == place).mean()) if n_resamples else math.nan
        rows.append(GroupRank(group, float(means[i]), place, low, high, same, len(mine)))
    return sorted(rows, key=lambda row: row.rank)


def percentiles(values: Numbers, pool: Numbers) -> Floats:
    """Where each value stands in the pool: percent of the pool below it, equals counting half.

    50 = in the middle. NaN for missing values and for a pool without numbers; missing numbers of
    the pool do not count.
    """
    array, ordered = _numbers(values), _numbers(pool)
    ordered = np.sort(ordered[~np.isnan(ordered)])
    found = np.full(array.size, np.nan)
    there = ~np.isnan(array)
    if ordered.size:
        below = np.searchsorted(ordered, array[there], side="left")
        up_to = np.searchsorted(ordered, array[there], side="right")
        found[there] = 100.0 * (below + up_to) / 2 / ordered.size
    return found


def _in_words(rho: float, low: float = math.nan, high: float = math.nan) -> str:
    if math.isnan(rho):
        return "not defined (too few traces, or no variation)"
    known = not math.isnan(low)
    return f"{rho:+.2f}" + (f" (95 % interval {low:+.2f} to {high:+.2f})" if known else "")


def _numbers(values: Numbers) -> Floats:
    """A float64 vector with None as NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"a vector is needed; got the shape {array.shape}")
    return array


def _complete(*columns: Numbers) -> tuple[list[Floats], int]:
    """The columns over the rows that have a number in all of them, and how many have not."""
    arrays = [_numbers(column) for column in columns]
    for array in arrays[1:]:
        same_size(array, "scores", arrays[0].size)
    keep = ~np.isnan(np.array(arrays)).any(axis=0)
    return [array[keep] for array in arrays], int((~keep).sum())


def _ranks(array: Floats) -> Floats:
    _, group, size = np.unique(array, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - (size - 1) / 2)[group], dtype=np.float64)


def _spearman(x: Floats, y: Floats) -> float:
    if x.size < 3:
        return math.nan
    a, b = _ranks(x), _ranks(y)
    a, b = a - a.mean(), b - b.mean()
    spread = math.sqrt(float(a @ a) * float(b @ b))
    return max(-1.0, min(1.0, float(a @ b) / spread)) if spread > 0 else math.nan


def _partial(x: Floats, y: Floats, z: Floats) -> float:
    xy = _spearman(x, y)
    if math.isnan(xy) or (z == z[0]).all():
        return xy
    xz, yz = _spearman(x, z), _spearman(y, z)
    spread = (1 - xz * xz) * (1 - yz * yz)
    if spread < 1e-12:
        return math.nan
    return max(-1.0, min(1.0, (xy - xz * yz) / math.sqrt(spread)))


def _interval(
    measure: Callable[..., float],
    columns: tuple[Floats, ...],
    value: float,
    n_resamples: int,
    seed: int,
) -> tuple[float, float]:
    """Percentile bootstrap by trace; NaN where more than a tenth of the resamples have no value."""
    if math.isnan(value) or n_resamples < 1:
        return math.nan, math.nan
    random = np.random.default_rng(seed)
    n = columns[0].size
    drawn = np.empty(n_resamples)
    for i in range(n_resamples):
        rows = random.integers(0, n, n)
        drawn[i] = measure(*(column[rows] for column in columns))
    drawn = drawn[~np.isnan(drawn)]
    if drawn.size <= 0.9 * n_resamples:
        return math.nan, math.nan
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _codes(labels: Sequence[Hashable]) -> Ints:
    """A number for each label, from 0 in order of first appearance."""
    codes: dict[Hashable, int] = {}
    return np.array([codes.setdefault(label, len(codes)) for label in labels], dtype=np.int64)


def _places(means: Floats) -> Ints:
    """Per column the place of each row by descending value, from 1; equals in order of the rows."""
    order = np.argsort(-means, axis=0, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, means.shape[0] + 1)[:, None], axis=0)
    return places
