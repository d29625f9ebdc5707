"""Do the intervals of a spot check hold what they promise? Simulated samples whose truth is known.

Stratified shares: the share of samples whose 95 % interval holds the true share, Wilson's and
Clopper and Pearson's at the effective sample size. Stop rule: the share of sessions in which the
interval held the truth at every look along the way; the plain Wilson interval looked at in the same
way stands beside it without a bar, to show why it is no stop rule. `bar` is .93 for what is fixed
beforehand and .95 for the sequence, which promises that much or more.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from curation import spotcheck
from curation.spotcheck import Allocation, StratumCount

N_SETS = 2_000
N_SESSIONS = 500
"""A session has an interval after each verdict, so there are fewer of them."""


class World(NamedTuple):
    """Strata by size with their leaking shares, and how many are judged."""

    name: str
    sizes: tuple[int, ...]
    shares: tuple[float, ...]
    n: int


WORLDS = (
    World("three strata", (400, 300, 300), (0.02, 0.1, 0.2), 120),
    World("unlike strata", (400, 300, 300), (0.3, 0.1, 0.6), 80),
    World("one large stratum", (40, 300, 900, 20, 60), (0.5, 0.05, 0.1, 0.3, 0.0), 100),
    World("rare leaks", (5000, 5000), (0.02, 0.04), 200),
)


def rows(n_sets: int = N_SETS, n_sessions: int = N_SESSIONS) -> list[dict[str, Any]]:
    """The coverage of each interval, by world and allocation."""
    found = []
    for world in WORLDS:
        for how in spotcheck.ALLOCATIONS:
            found += _of(world, how, n_sets, n_sessions)
    return found


def _of(world: World, how: Allocation, n_sets: int, n_sessions: int) -> list[dict[str, Any]]:
    rng = random.Random(f"{world.name} {how}")
    strata = [
        [True] * round(size * share) + [False] * (size - round(size * share))
        for size, share in zip(world.sizes, world.shares, strict=True)
    ]
    total = sum(world.sizes)
    truth = sum(map(sum, strata)) / total
    held = {"Wilson": 0, "Clopper-Pearson": 0}
    sequence = peeked = 0
    for k in range(n_sets):
        drawn = _draw(strata, world, how, rng)
        estimate = spotcheck.stratified_share(
            [
                StratumCount(size, len(leaks), sum(leaks))
                for size, leaks in zip(world.sizes, drawn, strict=True)
            ]
            if how != "simple"
            else [StratumCount(total, world.n, sum(map(sum, drawn)))]
        )
        held["Wilson"] += _holds(estimate.wilson, truth)
        held["Clopper-Pearson"] += _holds(estimate.clopper_pearson, truth)
        if k < n_sessions and how != "equal":
            order = [leak for leaks in drawn for leak in leaks]
            rng.shuffle(order)
            bias = 0.0 if how == "simple" else spotcheck.design_bias(world.sizes, _sizes(drawn))
            path = spotcheck.confidence_sequence(order, total)
            sequence += all(_holds((low - bias, high + bias), truth) for low, high in path)
            peeked += all(
                _holds(spotcheck.wilson(sum(order[:t]), t), truth) for t in range(10, world.n + 1)
            )
    where = f"{world.name}, {how}"
    found = [_row(f"{name}: {where}", n / n_sets, 0.93) for name, n in held.items()]
    if how != "equal":
        n = min(n_sessions, n_sets)
        found.append(_row(f"sequence, at every look: {where}", sequence / n, 0.95))
        found.append(_row(f"Wilson, at every look from 10 (not used): {where}", peeked / n, None))
    return found


def _draw(
    strata: list[list[bool]], world: World, how: Allocation, rng: random.Random
) -> list[list[bool]]:
    """The verdicts of one sample, by stratum."""
    if how == "simple":
        everyone = [(h, leak) for h, stratum in enumerate(strata) for leak in stratum]
        drawn: list[list[bool]] = [[] for _ in strata]
        for h, leak in rng.sample(everyone, world.n):
            drawn[h].append(leak)
        return drawn
    sizes = {(str(h),): size for h, size in enumerate(world.sizes)}
    given = spotcheck.allocate(sizes, world.n, how)
    return [rng.sample(stratum, given[(str(h),)]) for h, stratum in enumerate(strata)]


def _sizes(drawn: list[list[bool]]) -> list[int]:
    return [len(leaks) for leaks in drawn]


def _holds(interval: spotcheck.Interval, truth: float) -> bool:
    return interval[0] - 1e-9 <= truth <= interval[1] + 1e-9


def _row(name: str, value: float, bar: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": "of simulated samples hold the truth",
        "ratio": None,
        "bar": bar,
        "met": bar is None or value >= bar,
    }
