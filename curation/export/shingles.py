"""Texts -> the overlapping runs of words and signs (shingles) by which texts are compared, hashed.

Owns what counts as the same text (`normalised`), what a word is, and the hashes of runs of them.
Knows nothing of what they are compared for.

A word is a run of letters, digits and underscores; a Han, Hiragana or Katakana character stands
for itself, since those scripts put no spaces. The hashes are fixed by definition (xxHash64 of each
word's UTF-8, combined as a polynomial modulo 2^64): they are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
import polars_hash as plh
from numpy.typing import NDArray

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}"
WORDS = rf"[\w--[{_UNSPACED}]]+|[{_UNSPACED}]"
WORDS_AND_SIGNS = rf"{WORDS}|\S"
"""In a formula the signs are half of what is said: `12 + 34` is not `12 - 34`."""

_UNEVEN = r"[^\S ]|  "
"""White space other than single spaces."""

_BASE = np.uint64(0x9E3779B97F4A7C15)


class Shingles(NamedTuple):
    """The shingles of n texts, those of text i are `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]

    @property
    def first_word(self) -> NDArray[np.int64]:
        """The place in its text of each shingle's first word, from 0, where none was left out."""
        sizes = np.diff(self.offsets)
        return np.arange(len(self.hashes)) - np.repeat(self.offsets[:-1], sizes)


def normalised(texts: pl.Series) -> pl.Series:
    """The texts as they are compared: NFKC, lower case, runs of white space as one space.

    Null counts as the empty text.
    """
    texts = texts.fill_null("")
    # Most texts are plain: what would leave them as they are is not done to them.
    is_foreign = texts.str.len_bytes() != texts.str.len_chars()
    texts = _changed(texts, is_foreign, lambda some: some.str.normalize("NFKC")).str.to_lowercase()
    is_uneven = texts.str.contains(_UNEVEN)
    texts = _changed(texts, is_uneven, lambda some: some.str.replace_all(r"\s+", " "))
    return texts.str.strip_chars()


def _changed(
    texts: pl.Series, where: pl.Series, change: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """The texts, those at `where` changed."""
    at = where.arg_true().to_numpy()
    places = np.arange(len(texts))
    places[at] = len(texts) + np.arange(len(at))
    return pl.concat([texts, change(texts.gather(at))]).gather(places)


def words(normal: pl.Series, pattern: str = WORDS) -> pl.Series:
    """The words of each normalised text, in order, as a list."""
    return normal.str.extract_all(pattern)


def shingles(words: pl.Series, n: int) -> Shingles:
    """Every run of `n` words of each list, hashed; a shorter list is one shingle, an empty none."""
    n_words = words.list.len().to_numpy().astype(np.int64)
    flat = words.explode(empty_as_null=False, keep_nulls=False).rename("word").to_frame()
    hashed = flat.select(plh.col("word").nchash.xxhash64())["word"].to_numpy()
    n_runs = np.where(n_words >= n, n_words - n + 1, np.minimum(n_words, 1))
    ends = np.cumsum(n_words)
    starts = ends - n_words
    # The run that would begin at each word, whether or not its text is long enough for it.
    runs = np.zeros(len(hashed), np.uint64)
    for step in range(n):
        runs *= _BASE
        runs[: max(0, len(hashed) - step)] += hashed[step:]
    is_short = (n_words > 0) & (n_words < n)
    short, its_words = starts[is_short], n_words[is_short]
    runs[short] = 0
    for step in range(n):
        # A short text ends before its n words do: what is missing counts as 0.
        word = hashed[np.minimum(short + step, len(hashed) - 1)] if len(short) else runs[short]
        runs[short] = runs[short] * _BASE + np.where(step < its_words, word, np.uint64(0))
    begins = np.ones(len(hashed), bool)
    for back in range(1, n):
        begins[(ends - back)[n_words - n_runs >= back]] = False
    return Shingles(runs[begins], np.concatenate([[0], np.cumsum(n_runs)]))
