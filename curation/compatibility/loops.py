"""What a trace says more than once: repeated runs of words, and blocks that go round in a loop.

Owns the two definitions. Text only, no model. Time is linear in the text (times a bound on the
length of a block), so a trace of a megabyte takes about a second.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from curation.compatibility.arrays import Ints

NGRAM = 6
"""Words in a repeated run: fewer repeat in any honest solution."""

MIN_TIMES = 3
"""A block said this often in a row is a loop; twice is a restatement."""

MAX_PERIOD = 64
"""Longest block looked for, in words and marks, and again in lines."""

MIN_CHARS, MIN_CHARS_WITHOUT_LETTERS = 40, 200
"""Shorter loops are sums (`x + x + x`), rows of digits and ornaments."""

_TOKEN = re.compile(r"[぀-ヿ㐀-鿿]|[^\W぀-ヿ㐀-鿿]+|[^\w\s]")
_LINE = re.compile(r"[^\n]+")


class Loop(NamedTuple):
    """A block that stands at least three times in a row: `text[start:end]` are all its copies."""

    start: int
    end: int
    n_times: int


def repeated_share(text: str, n: int = NGRAM) -> float:
    """Share of the text's runs of `n` words that stand earlier in it already, from 0 to 1.

    Case and punctuation do not count. 0 for texts of fewer than `n` words.
    """
    if n < 1:
        raise ValueError(f"runs have at least one word; got {n}")
    words = [w for w in (m.group() for m in _TOKEN.finditer(text.lower())) if w[0].isalnum()]
    runs = list(zip(*(words[i:] for i in range(n)), strict=False))
    return 1.0 - len(set(runs)) / len(runs) if runs else 0.0


def longest_loop(text: str) -> Loop | None:
    """The loop that covers most of the text, or None.

    A block is up to `MAX_PERIOD` words and marks, or so many lines, that repeat exactly but for
    white space and case. Only whole copies count: what is left of one at the end is outside. Of
    equal ways to cut the copies, the first that begins with a word.
    """
    found: Loop | None = None
    for unit in (_TOKEN, _LINE):
        matches = [m for m in unit.finditer(text) if not m.group().isspace()]
        if len(matches) < MIN_TIMES:
            continue
        codes: dict[str, int] = {}
        symbols = np.fromiter(
            (codes.setdefault(_plain(m.group()), len(codes)) for m in matches), np.int64
        )
        lettered = np.fromiter((any(map(str.isalpha, m.group())) for m in matches), np.int64)
        worded = [m.group()[0].isalnum() for m in matches]
        starts = np.fromiter((m.start() for m in matches), np.int64)
        ends = np.fromiter((m.end() for m in matches), np.int64)
        found = _longest(symbols, np.r_[0, lettered.cumsum()], worded, starts, ends, found)
    return found


def _longest(
    symbols: Ints,
    letters_before: Ints,
    worded: list[bool],
    starts: Ints,
    ends: Ints,
    found: Loop | None,
) -> Loop | None:
    """The loop over these symbols that covers more characters than `found`, else `found`.

    Where symbols equal those one period on for r places in a row, r + period of them repeat.
    """
    for period in range(1, min(MAX_PERIOD, symbols.size // MIN_TIMES) + 1):
        equal = symbols[:-period] == symbols[period:]
        if np.count_nonzero(equal) < (MIN_TIMES - 1) * period:
            continue
        breaks = np.r_[-1, np.flatnonzero(~equal), equal.size]
        lengths = np.diff(breaks) - 1
        for i in np.flatnonzero(lengths >= (MIN_TIMES - 1) * period):
            first = int(breaks[i]) + 1
            times, spare = divmod(int(lengths[i]) + period, period)
            while spare and not worded[first]:
                first, spare = first + 1, spare - 1
            loop = Loop(int(starts[first]), int(ends[first + times * period - 1]), times)
            n_chars = loop.end - loop.start
            has_letters = letters_before[first + period] > letters_before[first]
            least = MIN_CHARS if has_letters else MIN_CHARS_WITHOUT_LETTERS
            if n_chars >= least and (found is None or n_chars > found.end - found.start):
                found = loop
    return found


def _plain(piece: str) -> str:
    """A word or line without case and outer space."""
    return piece.strip().lower()
