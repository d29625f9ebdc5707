"""Krippendorff's alpha for unitizing: do people mark the same stretches of text alike?

A person cuts each text into units that have a value and gaps that have none. Coincidences are
lengths: where one person's unit and another's meet, so many characters have these two values. With
l_ck their sum over each two people (halves as with any alpha: 1/(m - 1) where m read the text),
l_c = Σ_k l_ck the length that has value c over all people, and n = Σ l_c,

    alpha = 1 - (n - Σ l_cc)·(n² - S) / (n·(n² - Σ l_c²)),   S = Σ (length of a unit)² + Σ gaps,

which is 1 - D_o/D_e with the expected coincidences ε_ck = n·(l_c·l_k - [c=k]·S_c)/(n² - S): a unit
is not paired with itself, nor is a character of a gap. 1 = always alike, 0 = as by chance. It sees
place, length and value at once. Several texts are one continuum, one after the other, each read by
its own people.

Someone may label one stretch twice or let labels overlap: the shared words are a unit of a value of
their own (the labels together). Sources: Krippendorff, Mathet, Bouvry & Widlöcher 2016 (Quality &
Quantity 50, equations 1 to 6: uα, and |uα for two values); Krippendorff 2019, Content Analysis, 4th
ed., section 12.6, whose example the tests hold this against. The libraries for Python that we know
have alpha for given units (krippendorff, simpledorff) or Mathet's gamma (pygamma-agreement).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from curation.agreement.coefficients import Floats, Statistic

Span = tuple[int, int, str]
Unit = tuple[int, int, frozenset[str]]


def units(spans: Collection[Span]) -> list[Unit]:
    """Units of one person on one text, in order, none overlapping another; gaps are left out.

    Overlapping spans of one label are one unit; spans that only touch stay two.
    """
    merged: list[Span] = []
    for start, end, label in sorted(spans, key=lambda span: (span[2], span[0], span[1])):
        last = merged[-1] if merged else None
        if last and last[2] == label and start < last[1]:
            merged[-1] = (last[0], max(last[1], end), label)
        else:
            merged.append((start, end, label))
    edges = sorted({edge for start, end, _ in merged for edge in (start, end)})
    found = []
    for start, end in zip(edges, edges[1:], strict=False):
        labels = frozenset(label for a, b, label in merged if a <= start and end <= b)
        if labels:
            found.append((start, end, labels))
    return found


def parts(
    readers: Sequence[Sequence[Unit]], n_chars: int, place: Mapping[frozenset[str], int]
) -> Floats:
    """What one text adds to the sums: l_ck, flattened, and S.

    `readers` are the units of each of two or more people; `place` gives each value a number from 1,
    a gap is 0. What lies behind `n_chars` is cut off.
    """
    n_values = 1 + len(place)
    edges = sorted(
        {0, n_chars, *(min(x, n_chars) for r in readers for a, b, _ in r for x in (a, b))}
    )
    lengths = np.diff(edges).astype(np.float64)
    value = np.zeros((len(readers), len(lengths)), dtype=np.int64)
    squares = 0.0
    for who, mine in enumerate(readers):
        n_marked = 0
        for start, end, labels in mine:
            stop = min(end, n_chars)
            if stop <= start:
                continue
            value[who, edges.index(start) : edges.index(stop)] = place[labels]
            squares += (stop - start) ** 2
            n_marked += stop - start
        squares += n_chars - n_marked
    n_each = (value[:, :, None] == np.arange(n_values)).sum(axis=0).astype(np.float64)
    met = np.einsum("i,ic,ik->ck", lengths, n_each, n_each)
    met[range(n_values), range(n_values)] -= lengths @ n_each
    return np.append(met.ravel() / (len(readers) - 1), squares)


def alphas(n_values: int) -> Statistic:
    """Alpha of sums of `parts`; nan where only one value is there."""

    def statistic(sums: Floats) -> Floats:
        met = sums[:, :-1].reshape(-1, n_values, n_values)
        length = met.sum(axis=2)
        n = length.sum(axis=1)
        apart = n - np.trace(met, axis1=1, axis2=2)
        by_chance = n**2 - (length**2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.where(
                by_chance > 1e-9 * n**2,
                1 - apart * (n**2 - sums[:, -1]) / (n * by_chance),
                np.nan,
            )
        return found

    return statistic
