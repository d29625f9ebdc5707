"""Which step of one trace answers which of another: linked steps, for reading two side by side.

Two steps are as alike as their distinct words: Dice's coefficient 2 |A ∩ B| / (|A| + |B|), letter
case and signs aside. Of all ways to link steps without crossing, each at most once and only where
they are at least `LEAST` alike, the one with the greatest sum is taken; among equal ones that whose
links stand earliest in both. Steps without words link with nothing.

It is the global alignment of Needleman and Wunsch (1970, doi:10.1016/0022-2836(70)90057-4) without
a price for gaps. Knows nothing of traces, cards and screens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

LEAST = 0.25
"""How alike two steps are at least where they are linked."""
MOST_STEPS = 1000
"""Of each trace, steps behind these are not linked: time and memory grow with the product."""

_WORD = re.compile(r"\w+")


def linked_steps(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """The links (step of `left`, step of `right`), counted from 0, ascending in both."""
    alike = _similarity(left[:MOST_STEPS], right[:MOST_STEPS])
    gains = np.where(alike >= LEAST, alike, -np.inf)
    n, m = gains.shape
    best = np.zeros((n + 1, m + 1))
    for i in range(n):
        best[i + 1, 1:] = np.maximum(best[i, 1:], best[i, :-1] + gains[i])
        np.maximum.accumulate(best[i + 1], out=best[i + 1])
    links = []
    i, j = n, m
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            links.append((i, j))
    return links[::-1]


def _similarity(left: Sequence[str], right: Sequence[str]) -> np.ndarray:
    """Dice's coefficient of every two steps, [left, right]; 0 where one of them has no word."""
    words = [[set(_WORD.findall(step.casefold())) for step in side] for side in (left, right)]
    places: dict[str, int] = {}
    for step in words[0]:
        for word in step:
            places.setdefault(word, len(places))
    sizes = [np.array([len(step) for step in side], dtype=np.float64) for side in words]
    shared = np.zeros((len(left), len(right)))
    holding: list[list[int]] = [[] for _ in places]
    for i, step in enumerate(words[0]):
        for word in step:
            holding[places[word]].append(i)
    for j, step in enumerate(words[1]):
        for word in step:
            if word in places:
                shared[holding[places[word]], j] += 1
    total = sizes[0][:, None] + sizes[1][None, :]
    return np.divide(2 * shared, total, out=np.zeros_like(shared), where=total > 0)
