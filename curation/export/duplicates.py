"""Which texts say the same: exact duplicates, and near duplicates by MinHash.

Exact: alike once normalised (`shingles.normalised`). Near: the Jaccard similarity of their sets of
three-word shingles (signs count as words), estimated by MinHash over `N_PERM` permutations
(standard error at most 0.046), reaches the threshold. Candidates come from locality-sensitive
hashing whose bands find a pair at the threshold itself with a probability of 0.99 or more, and
surer above it; each candidate is then held against the threshold by its estimate.

Left out of the comparison is what stands in more than 200 of the texts (`BOILERPLATE`): the words
of a template or of an instruction say nothing of the problem, and without them 100,000 prompts of
one template are 100,000 problems. Among fewer a changed number in a long prompt makes a near
duplicate, for a changed number cannot be told from a changed word.

A cluster is a connected component: its ends may be further apart than the threshold. What belongs
together depends on the texts alone, not on their order. Adding texts can join clusters; it parts
one only where it makes boilerplate of what its texts share.

The signatures are made by rensa (fixed seed, so the same everywhere), the components by SciPy.
Sources: Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900; the threshold of 0.8, Lee et al.
2022, https://arxiv.org/abs/2107.06499 (on runs of 5 words, for web pages; 3 are for prompts).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rensa import RMinHash, RMinHashLSH

from curation.errors import ExportError
from curation.export.shingles import WORDS_AND_SIGNS, Shingles, normalised, shingles, words

THRESHOLD = 0.8
LOWEST_THRESHOLD = 0.5
N_WORDS = 3
N_PERM = 120
"""Divided evenly by every band height of `_HEIGHTS`."""

BOILERPLATE = 200
"""A shingle counted more often in the texts is taken for part of a template, and not compared."""

_FEWEST_BITS, _MOST_BITS = 12, 24
"""Shingles are counted by up to 16 million counters; what shares one is counted together."""

_HEIGHTS = (12, 10, 8, 6, 5, 4, 3)
_RECALL = 0.99
_SEED = 1
CHUNK_SHINGLES = 32_000_000
"""What is held at a time (256 MB of hashes); texts that fit in one chunk are sifted by the index
before their signatures become arrays, which is four times as fast."""
_CHUNK_TEXTS = 200_000
_SMALL_BUCKET = 24

Signatures = NDArray[np.uint32]


class SimilarPairs(NamedTuple):
    """Pairs of places, `left[i]` with `right[i]`, and the estimated Jaccard similarity of each."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    similarity: NDArray[np.float64]


def exact_clusters(texts: pl.Series) -> pl.Series:
    """For each text the place of the first text that is exactly like it (itself if none is)."""
    return _first_of_each(normalised(texts))


def near_duplicate_clusters(texts: pl.Series, threshold: float = THRESHOLD) -> pl.Series:
    """For each text the place of the first text of its cluster (itself where it stands alone).

    Exact duplicates are of one cluster. Raises ExportError for a threshold outside 0.5 to 1.
    """
    check_threshold(threshold)
    normal = normalised(texts)
    exact = _first_of_each(normal)
    firsts = exact.unique().sort()
    found = _similar_within(normal.gather(firsts), threshold)
    labels = components(len(firsts), found.left, found.right)
    leader = _first_of_each(pl.Series(labels))
    of_first = pl.DataFrame({"exact": firsts, "cluster": firsts.gather(leader)})
    return exact.to_frame("exact").join(of_first, on="exact", how="left", maintain_order="left")[
        "cluster"
    ]


def similar_across(
    texts: pl.Series, others: pl.Series, threshold: float = THRESHOLD
) -> SimilarPairs:
    """Every text of `texts` with every one of `others` that is a near duplicate of it.

    `others` are meant to be few (a benchmark). Raises ExportError as `near_duplicate_clusters`.
    """
    check_threshold(threshold)
    height = band_height(threshold)
    runs = _shingles(normalised(others))
    theirs, index = _signatures(runs, slice(None)), RMinHashLSH(threshold, N_PERM, N_PERM // height)
    for copy in range(2):
        # The index flags what has two candidates or more: a benchmark line counts as two.
        index.insert_matrix(_matrix(runs.hashes, runs.offsets), copy * len(others))
    has_theirs = np.diff(runs.offsets) > 0
    keys_there = [
        pl.DataFrame({"key": keys[has_theirs], "right": np.flatnonzero(has_theirs)})
        for keys in _band_keys(theirs, height)
    ]
    parts: list[SimilarPairs] = []
    for start, chunk in _chunks(normalised(texts)):
        runs = _shingles(chunk)
        flags = np.array(
            index.query_duplicate_flags_matrix(_matrix(runs.hashes, runs.offsets)), bool
        )
        places = np.flatnonzero(flags & (np.diff(runs.offsets) > 0))
        ours = _signatures(runs, places)
        pairs = pl.concat(
            pl.DataFrame({"key": keys, "left": np.arange(len(places))})
            .join(there, on="key")
            .select("left", "right")
            for keys, there in zip(_band_keys(ours, height), keys_there, strict=True)
        ).unique()
        left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
        same = _agreement(ours, theirs, left, right)
        is_near = same >= _needed(threshold)
        parts.append(
            SimilarPairs(start + places[left[is_near]], right[is_near], same[is_near] / N_PERM)
        )
    if not parts:
        parts = [SimilarPairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    left, right, similarity = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((right, left))
    return SimilarPairs(left[order], right[order], similarity[order])


def components(n: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int32]:
    """The number of the connected component of each of `n` nodes; `left[i]` meets `right[i]`."""
    # SciPy takes longer to load than most commands to answer.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), bool), (left, right)), shape=(n, n))
    labels: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return labels


def check_threshold(threshold: float) -> None:
    """Raises ExportError unless near duplicates can be found at `threshold`."""
    if not LOWEST_THRESHOLD <= threshold <= 1:
        raise ExportError(
            f"Near duplicates cannot be found at a similarity of {threshold:g}; choose one from "
            f"{LOWEST_THRESHOLD:g} to 1 (0.8 is usual)."
        )


def band_height(threshold: float) -> int:
    """Rows per band: the most that still find a pair at `threshold` with probability 0.99.

    A pair of similarity s shares one of b bands of r rows with probability 1 - (1 - s^r)^b.
    """
    return next(
        (
            height
            for height in _HEIGHTS
            if 1 - (1 - threshold**height) ** (N_PERM // height) >= _RECALL
        ),
        _HEIGHTS[-1],
    )


def _similar_within(normal: pl.Series, threshold: float) -> SimilarPairs:
    """Pairs of distinct texts whose components are the clusters (not every pair within them)."""
    height = band_height(threshold)
    places, signatures = _sifted(normal, height)
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for keys in _band_keys(signatures, height):
        found += _within_buckets(keys, signatures, _needed(threshold))
    left = np.concatenate([pair[0] for pair in found]) if found else np.zeros(0, np.int64)
    right = np.concatenate([pair[1] for pair in found]) if found else np.zeros(0, np.int64)
    similarity = _agreement(signatures, signatures, left, right) / N_PERM
    return SimilarPairs(places[left], places[right], similarity)


def _sifted(normal: pl.Series, height: int) -> tuple[NDArray[np.int64], Signatures]:
    """Places and signatures of the texts that may have a near duplicate; the others are alone."""
    places: list[NDArray[np.int64]] = []
    signatures: list[Signatures] = []
    chunks = list(_chunks(normal))
    held = [_shingles(chunk) for _, chunk in chunks] if len(chunks) == 1 else []
    n_bits = _MOST_BITS
    if held:
        # Four counters a shingle, so that few share one.
        n_bits = min(n_bits, max(_FEWEST_BITS, len(held[0].hashes).bit_length() + 2))
    counts = np.zeros(1 << n_bits, np.uint32)
    for _, chunk in chunks:
        runs = held[0] if held else _shingles(chunk)
        counts += np.bincount(_counter(runs, n_bits), minlength=len(counts)).astype(np.uint32)
    for start, chunk in chunks:
        runs = _telling(held[0] if held else _shingles(chunk), counts)
        is_wanted = np.diff(runs.offsets) > 0
        if len(chunks) == 1:
            index = RMinHashLSH(THRESHOLD, N_PERM, N_PERM // height)
            is_wanted &= np.array(
                index.query_duplicate_flags_matrix_one_shot(_matrix(runs.hashes, runs.offsets)),
                bool,
            )
        here = np.flatnonzero(is_wanted)
        places.append(start + here)
        signatures.append(_signatures(runs, here))
    if not places:
        return np.zeros(0, np.int64), np.zeros((0, N_PERM), np.uint32)
    return np.concatenate(places), np.concatenate(signatures)


def _counter(runs: Shingles, n_bits: int) -> NDArray[np.int64]:
    """Which counter each shingle is counted by: the leading bits of its hash."""
    return (runs.hashes >> np.uint64(64 - n_bits)).view(np.int64)


def _telling(runs: Shingles, counts: NDArray[np.uint32]) -> Shingles:
    """The shingles without those that stand in too many texts to tell any of them from others."""
    is_telling = counts[_counter(runs, len(counts).bit_length() - 1)] <= BOILERPLATE
    kept = np.concatenate([[0], np.cumsum(is_telling)])
    return Shingles(runs.hashes[is_telling], kept[runs.offsets])


def _within_buckets(
    keys: NDArray[np.uint64], signatures: Signatures, needed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Near pairs among the texts whose key in this band is the same."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])[: len(ranked)])
    sizes = np.diff(np.append(starts, len(ranked)))
    size = np.repeat(sizes, sizes)
    found = []
    for apart in range(1, _SMALL_BUCKET):
        is_pair = (ranked[apart:] == ranked[:-apart]) & (size[apart:] <= _SMALL_BUCKET)
        left, right = order[:-apart][is_pair], order[apart:][is_pair]
        is_near = _agreement(signatures, signatures, left, right) >= needed
        found.append((left[is_near], right[is_near]))
    for start, n in zip(starts, sizes, strict=True):
        if n > _SMALL_BUCKET:
            found += _within_bucket(order[start : start + n], signatures, needed)
    return found


def _within_bucket(
    members: NDArray[np.int64], signatures: Signatures, needed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs that span the components of a large bucket: each text is reached at most once."""
    found = []
    left_over = members
    while len(left_over) > 1:
        frontier, left_over = [left_over[0]], left_over[1:]
        while frontier and len(left_over):
            one = frontier.pop()
            same = np.count_nonzero(signatures[left_over] == signatures[one], axis=1)
            reached = left_over[same >= needed]
            found.append((np.full(len(reached), one), reached))
            frontier += list(reached)
            left_over = left_over[same < needed]
    return found


def _needed(threshold: float) -> int:
    """How many of the permutations must agree."""
    return int(np.ceil(threshold * N_PERM - 1e-9))


def _agreement(
    ours: Signatures, theirs: Signatures, left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.int64]:
    """In how many permutations each pair agrees; in runs, so that memory stays bounded."""
    counts = np.zeros(len(left), np.int64)
    for start in range(0, len(left), _CHUNK_TEXTS):
        run = slice(start, start + _CHUNK_TEXTS)
        counts[run] = np.count_nonzero(ours[left[run]] == theirs[right[run]], axis=1)
    return counts


def _band_keys(signatures: Signatures, height: int) -> Iterator[NDArray[np.uint64]]:
    """One key a text for each band (contiguous rows, as rensa's index cuts them)."""
    for start in range(0, N_PERM, height):
        keys = np.zeros(len(signatures), np.uint64)
        for row in range(start, start + height):
            keys = keys * np.uint64(0x9E3779B97F4A7C15) + signatures[:, row] + np.uint64(1)
        yield keys


def _shingles(normal: pl.Series) -> Shingles:
    return shingles(words(normal, WORDS_AND_SIGNS), N_WORDS)


def _matrix(hashes: NDArray[np.uint64], offsets: NDArray[np.int64]) -> Any:
    """The signatures as rensa holds them, of texts whose shingles are cut at `offsets`."""
    bounds = offsets.astype(np.uint64)
    return RMinHash.digest_matrix_from_flat_token_hashes(hashes, bounds, N_PERM, _SEED)


def _signatures(runs: Shingles, places: NDArray[np.int64] | slice) -> Signatures:
    """The signatures of the texts at `places`."""
    at = np.arange(len(runs.offsets) - 1)[places]
    parts = [np.zeros((0, N_PERM), np.uint32)]
    for start in range(0, len(at), _CHUNK_TEXTS // 10):
        chosen = at[start : start + _CHUNK_TEXTS // 10]
        begins, sizes = runs.offsets[chosen], np.diff(runs.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        hashes = runs.hashes[np.repeat(begins, sizes) + inside]
        parts.append(np.array(_matrix(hashes, offsets).to_rows(), np.uint32))
    return np.concatenate(parts)


def _chunks(texts: pl.Series) -> Iterator[tuple[int, pl.Series]]:
    """Runs of the texts that hold about CHUNK_SHINGLES shingles each, with the place of each run.

    A shingle starts at a word, and words take four bytes on average with the space: close enough.
    """
    if not len(texts):
        return
    at = texts.str.len_bytes().fill_null(0).cum_sum().to_numpy() // (4 * CHUNK_SHINGLES)
    starts = np.flatnonzero(np.concatenate([[True], at[1:] != at[:-1]]))
    for start, end in zip(starts, np.append(starts[1:], len(at)), strict=True):
        yield int(start), texts.slice(int(start), int(end - start))


def _first_of_each(keys: pl.Series) -> pl.Series:
    """For each key the place at which it stands first."""
    return (
        pl.DataFrame({"key": keys})
        .with_row_index("place")
        .select(pl.col("place").min().over("key"))["place"]
        .cast(pl.Int64)
    )
