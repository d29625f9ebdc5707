"""A seeded sample: how many of each stratum, which ones, and in which order they are judged.

A trace's place hangs on the seed and its own id alone (a hash), so that what comes into the
population later does not reshuffle the rest: with the same seed the earlier traces keep their order
among themselves, and a larger sample holds the smaller one's traces of a stratum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar, get_args

Allocation = Literal["proportional", "equal", "simple"]
ALLOCATIONS: tuple[Allocation, ...] = get_args(Allocation)
"""proportional: as large as the stratum is, at least one of each; equal: the same number of each;
simple: one random sample of all, strata only for reading the result."""

S = TypeVar("S", bound=tuple[str, ...])


def allocate(sizes: Mapping[S, int], n: int, how: Allocation) -> dict[S, int]:
    """How many to draw of each stratum, `n` together (all where fewer are there).

    Proportional is by largest remainder, with at least one a stratum; equal gives each the same
    and what a small stratum cannot give to the others. Ties go by the stratum's name. Raises
    ValueError where `n` is less than the strata, or for "simple", which fixes no numbers.
    """
    strata = sorted(stratum for stratum, size in sizes.items() if size > 0)
    total = sum(sizes[stratum] for stratum in strata)
    n = min(n, total)
    if how == "simple":
        raise ValueError("a simple sample fixes no number for a stratum")
    if n < len(strata):
        raise ValueError(f"{n} cannot hold one of each of {len(strata)} strata")
    if how == "equal":
        return _equal(strata, sizes, n)
    quota = {stratum: n * sizes[stratum] / total for stratum in strata}
    given = {stratum: int(quota[stratum]) for stratum in strata}
    by_remainder = sorted(strata, key=lambda s: (given[s] - quota[s], s))
    for stratum in by_remainder[: n - sum(given.values())]:
        given[stratum] += 1
    for stratum in strata:
        if given[stratum] == 0:
            richest = max(
                (s for s in strata if given[s] > 1), key=lambda s: (given[s] - quota[s], given[s])
            )
            given[richest] -= 1
            given[stratum] = 1
    return given


def _equal(strata: Sequence[S], sizes: Mapping[S, int], n: int) -> dict[S, int]:
    given = dict.fromkeys(strata, 0)
    while n:
        open_ = [stratum for stratum in strata if given[stratum] < sizes[stratum]]
        each = max(n // len(open_), 1)
        for stratum in open_:
            more = min(each, sizes[stratum] - given[stratum], n)
            given[stratum] += more
            n -= more
    return given


def draw(population: Mapping[S, Sequence[str]], n: int, how: Allocation, seed: int) -> list[str]:
    """The ids drawn from each stratum's ids, `n` together, in the order to judge them."""
    if how == "simple":
        everyone = [trace_id for ids in population.values() for trace_id in ids]
        return in_order(_first(everyone, n, seed), seed)
    given = allocate({stratum: len(ids) for stratum, ids in population.items()}, n, how)
    return in_order(
        [i for stratum, k in given.items() for i in _first(population[stratum], k, seed)], seed
    )


def in_order(ids: Iterable[str], seed: int) -> list[str]:
    """The ids in a random order of the seed, another one than that in which they are drawn."""
    return sorted(ids, key=lambda trace_id: _key(seed, "order", trace_id))


def _first(ids: Iterable[str], k: int, seed: int) -> list[str]:
    return sorted(ids, key=lambda trace_id: _key(seed, "draw", trace_id))[:k]


def _key(seed: int, what: str, trace_id: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{what}\0{trace_id}".encode()).digest()
