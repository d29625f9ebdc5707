"""Do the 95 % intervals hold 95 %? Coverage in simulated data sets whose truth is known.

Each row is the share of 10,000 simulated data sets whose interval holds the true value (2,000 would
leave noise of 1 % either way, half of what is asked for); asked is .93 to .97: the row's `bar` is
the lower end, `met` looks at both. Rows without a bar are of intervals that the report does not
give, so that the choice can be checked: fewer problems than `MIN_PROBLEMS_FOR_CI`, and the BCa
bootstrap, which falls short with few problems.

The data are made as traces come: problems differ in difficulty, which lengthens a trace and raises
its rate of markers under both contexts of the problem; on top of that the rate of each trace is
drawn from a gamma distribution (overdispersion), the count from a Poisson distribution.

    ln length = m + a·difficulty + b·noise      ln rate = r + c·difficulty      rate · gamma(k)/k

so that density = e^r · exp(((a + c)² - a²)/2) exactly. "Long": 400 words, a .3, b .45, c .3, k 6,
35 markers per 1,000 unguided: near the spread of published traces of reasoning models. "Sparse":
120 words, a .2, b .35, c .5, k 2, 7 per 1,000, most traces with none or one. Suppression .3.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from curation.leakage import statistics as stats
from curation.leakage.statistics import Floats
from curation.spotcheck.intervals import clopper_pearson, wilson

N_SETS = 10_000
SIZES = (8, 12, 20, 50, 100)
"""Problems of a data set; the first lies below `MIN_PROBLEMS_FOR_CI`, where none is given."""
ASKED = (0.93, 0.97)
N_RESAMPLES = 1000
_SUPPRESSION = 0.3


class World(NamedTuple):
    """How traces are made; letters as in the module's formulas."""

    name: str
    words: float
    a: float
    b: float
    c: float
    k: float
    rate: float


WORLDS = (
    World("long", 400, 0.3, 0.45, 0.3, 6, 0.035),
    World("sparse", 120, 0.2, 0.35, 0.5, 2, 0.007),
)


def rows(n_sets: int = N_SETS, sizes: tuple[int, ...] = SIZES) -> list[dict[str, Any]]:
    """The coverage of every interval the report uses, by world and number of problems."""
    found = []
    for world in WORLDS:
        for n in sizes:
            found += _of_counts(world, n, n_sets)
    for n in sizes:
        found += _of_means(n, n_sets)
    for n in (50, 200):
        for share in (0.05, 0.2, 0.5):
            found += _of_shares(n, share, n_sets)
    return found


def made(world: World, n: int, n_sets: int, rng: np.random.Generator) -> Floats:
    """`[n_sets, n, 4]`: count and length under the context, then under unguided."""
    difficulty = rng.normal(size=(n_sets, n))
    sides = []
    for rate in (world.rate * (1 - _SUPPRESSION), world.rate):
        noise = rng.normal(size=(n_sets, n))
        length = world.words * np.exp(world.a * difficulty + world.b * noise)
        expected = length * rate * np.exp(world.c * difficulty)
        expected = expected * rng.gamma(world.k, 1 / world.k, size=(n_sets, n))
        sides += [rng.poisson(expected).astype(np.float64), length]
    return np.stack(sides, axis=-1)


def density(world: World) -> float:
    """The true unguided density of a world, per 1,000."""
    return 1000 * world.rate * math.exp(((world.a + world.c) ** 2 - world.a**2) / 2)


def _of_counts(world: World, n: int, n_sets: int) -> list[dict[str, Any]]:
    data = made(world, n, n_sets, np.random.default_rng(n))
    other = made(world, n, n_sets, np.random.default_rng(n + 1000))
    true = density(world)
    _, low, high = stats.jackknife_t(data, stats.rate_ratio, log=True)
    _, low_d, high_d = stats.jackknife_t(data[..., 2:], stats.rate, log=True, widened=True)
    _, low_x, high_x = stats.jackknife_t(data, stats.rate_difference)
    unpaired = [stats.unpaired(c[:, :2], u[:, 2:]).ci for c, u in zip(data, other, strict=True)]
    low_u, high_u = np.array(unpaired).T
    where = f"{world.name}, {n} problems"
    given = n >= stats.MIN_PROBLEMS_FOR_CI
    found = [
        _row(f"suppression: {where}", 1 - high, 1 - low, _SUPPRESSION, given),
        _row(f"density: {where}", low_d, high_d, true, given),
        _row(f"difference of densities: {where}", low_x, high_x, -_SUPPRESSION * true, given),
    ]
    if given:
        found.append(_row(f"suppression, unmatched: {where}", low_u, high_u, _SUPPRESSION, True))
    for name, statistic, columns, truth in (
        ("suppression", lambda sums: 1 - stats.rate_ratio(sums), data, _SUPPRESSION),
        ("density", stats.rate, data[..., 2:], true),
    ):
        low_b, high_b = _bca(columns, statistic, np.random.default_rng(n + 2000))
        found.append(_row(f"{name} by BCa (not used): {where}", low_b, high_b, truth, False))
    return found


def _bca(
    data: Floats, statistic: stats.Statistic, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """BCa bounds of every data set; a hundred share their resamples, which costs no coverage."""
    n, lows, highs = data.shape[1], [], []
    for start in range(0, len(data), 100):
        block = data[start : start + 100]
        weights = rng.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES).astype(np.float64)
        total = block.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = statistic(np.einsum("bn,snk->bsk", weights, block, optimize=True))
            left_out = statistic(total[:, None, :] - block).T
            low, high = stats.bca_bounds(drawn, statistic(total), left_out)
        fine = np.isfinite(drawn).all(axis=0) & np.isfinite(left_out).all(axis=0)
        lows.append(np.where(fine, low, np.nan))
        highs.append(np.where(fine, high, np.nan))
    return np.concatenate(lows), np.concatenate(highs)


def _of_means(n: int, n_sets: int) -> list[dict[str, Any]]:
    """The mean difference (of NLL) and the hedge gain, from skewed numbers that go together."""
    rng = np.random.default_rng(n + 3000)
    difficulty, *noise = rng.normal(size=(3, n_sets, n))
    guided = np.exp(0.45 + 0.3 * difficulty + 0.2 * noise[0])
    unguided = np.exp(0.5 + 0.3 * difficulty + 0.15 * noise[1])
    true = math.exp(0.45 + (0.09 + 0.04) / 2) - math.exp(0.5 + (0.09 + 0.0225) / 2)
    _, low, high = stats.jackknife_t(stats.mean_of(guided - unguided), stats.mean)
    # Tokens of markers and others by problem; their gains share an effect of the problem.
    n_on = rng.poisson(8 * np.exp(0.4 * difficulty)) + 0.0
    n_off = np.ceil(200 * np.exp(0.4 * difficulty))
    effect = 0.3 * rng.normal(size=(n_sets, n))
    on = n_on * (-0.3 + effect) + rng.normal(size=(n_sets, n)) * np.sqrt(n_on)
    off = n_off * (0.2 + 0.3 * effect) + rng.normal(size=(n_sets, n)) * np.sqrt(n_off)
    sums = np.stack([on, n_on, off, n_off], axis=-1)
    _, low_h, high_h = stats.jackknife_t(sums, stats.contrast)
    given = n >= stats.MIN_PROBLEMS_FOR_CI
    return [
        _row(f"mean difference: skewed, {n} problems", low, high, true, given),
        _row(f"hedge gain: {n} problems", low_h, high_h, -0.5, given),
    ]


def _of_shares(n: int, share: float, n_sets: int) -> list[dict[str, Any]]:
    """The spot check's intervals for a share; Clopper-Pearson promises 95 % or more."""
    hits = np.random.default_rng(n).binomial(n, share, n_sets).tolist()
    found = []
    for name, of in (("Wilson", wilson), ("Clopper-Pearson", clopper_pearson)):
        bounds = {x: of(x, n) for x in set(hits)}
        low, high = np.array([bounds[x] for x in hits]).T
        row = _row(f"share by {name}: {n} judged, truth {share}", low, high, share, True)
        if name == "Clopper-Pearson":
            row["met"] = row["value"] >= ASKED[0]
        found.append(row)
    return found


def _row(name: str, low: Floats, high: Floats, truth: float, is_asked: bool) -> dict[str, Any]:
    known = np.isfinite(low) & np.isfinite(high)
    n_known = int(known.sum())
    held = int(((low <= truth) & (truth <= high) & known).sum())
    value = held / n_known if n_known else math.nan
    missing = f" ({len(low) - n_known} of {len(low)} have none)" if n_known < len(low) else ""
    return {
        "name": name + missing,
        "value": value,
        "unit": f"of {n_known} intervals hold the truth",
        "ratio": None,
        "bar": ASKED[0] if is_asked else None,
        "met": not is_asked or ASKED[0] <= value <= ASKED[1],
    }
