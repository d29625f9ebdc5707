"""What counts as the same text: exactly, and nearly."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import ExportError
from curation.export import duplicates
from curation.export.duplicates import (
    band_height,
    exact_clusters,
    near_duplicate_clusters,
    similar_across,
)
from curation.export.shingles import WORDS_AND_SIGNS, normalised, shingles, words

LONG = [f"word{i}" for i in range(60)]


def a_text(*changed: int, n: int = 60) -> str:
    """The same `n` words, but for those at the places `changed`."""
    return " ".join(f"other{i}" if i in changed else word for i, word in enumerate(LONG[:n]))


def partition(labels: pl.Series, texts: list[str]) -> set[frozenset[str]]:
    """The clusters as sets of texts."""
    groups: dict[int, set[str]] = {}
    for label, text in zip(labels, texts, strict=True):
        groups.setdefault(label, set()).add(text)
    return {frozenset(group) for group in groups.values()}


def test_case_spacing_and_unicode_forms_make_no_other_text() -> None:
    texts = pl.Series(["Ａ  b\n", "a B", "a b.", None, " \t"])
    assert normalised(texts).to_list() == ["a b", "a b", "a b.", "", ""]
    assert exact_clusters(texts).to_list() == [0, 0, 2, 3, 3]


def test_signs_are_words_and_unspaced_scripts_are_cut_by_character() -> None:
    cut = words(normalised(pl.Series(["12 + 34=x_1", "ab漢字カ", ""])), WORDS_AND_SIGNS)
    assert cut.to_list() == [["12", "+", "34", "=", "x_1"], ["ab", "漢", "字", "カ"], []]


def test_a_text_has_a_shingle_for_every_run_of_words_and_a_short_one_has_itself() -> None:
    runs = shingles(pl.Series([["a", "b", "c", "d"], ["b", "c", "d"], [], ["a", "b"]]), 3)
    # abc bcd | bcd | nothing | ab: 2 + 1 + 0 + 1 shingles.
    assert runs.offsets.tolist() == [0, 2, 3, 3, 4]
    assert runs.first_word.tolist() == [0, 1, 0, 0]
    assert runs.hashes[1] == runs.hashes[2]
    assert len(set(runs.hashes.tolist())) == 3


def test_one_changed_word_of_sixty_is_a_near_duplicate_and_ten_are_not() -> None:
    # 60 words make 58 shingles. One changed in the middle touches 3: Jaccard 55 / 61 = 0.90. Every
    # sixth changed touches 1 + 9 * 3 = 28: 30 / 86 = 0.35.
    texts = [a_text(), a_text(30), a_text(*range(0, 60, 6)), "something else entirely, with signs"]
    assert near_duplicate_clusters(pl.Series(texts)).to_list() == [0, 0, 2, 3]


def test_a_cluster_is_a_chain_whose_ends_may_be_apart() -> None:
    # Neighbours differ in one word: 55 / 61 = 0.90; the ends in twelve, which touch 36 of 58
    # shingles: 22 / 94 = 0.23.
    chain = [a_text(*range(2, 2 + 4 * i, 4)) for i in range(13)]
    labels = near_duplicate_clusters(pl.Series(chain), 0.75)
    assert labels.to_list() == [0] * 13
    ends = pl.Series([chain[0], chain[-1]])
    assert near_duplicate_clusters(ends, 0.75).to_list() == [0, 1]


def test_the_similarity_is_within_the_error_that_is_stated() -> None:
    pairs = similar_across(pl.Series([a_text(30), a_text(1)]), pl.Series(["x", a_text()]), 0.7)
    assert pairs.left.tolist() == [0, 1]
    assert pairs.right.tolist() == [1, 1]
    # 55 / 61 = 0.902; of word 1 two shingles are touched: 56 / 60 = 0.933. Four standard errors of
    # sqrt(0.9 * 0.1 / 120) = 0.027.
    assert pairs.similarity.tolist() == pytest.approx([55 / 61, 56 / 60], abs=0.11)


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False), st.integers(0, 30))
def test_the_order_of_texts_does_not_matter(chance: random.Random, n: int) -> None:
    texts = [a_text(*chance.sample(range(60), chance.randint(0, 6))) for _ in range(n)]
    shuffled = chance.sample(texts, n)
    assert partition(near_duplicate_clusters(pl.Series(texts, dtype=pl.String)), texts) == (
        partition(near_duplicate_clusters(pl.Series(shuffled, dtype=pl.String)), shuffled)
    )


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_more_texts_join_clusters_and_never_part_them(chance: random.Random, n: int) -> None:
    texts = [a_text(*chance.sample(range(60), chance.randint(0, 6))) for _ in range(n)]
    before = partition(near_duplicate_clusters(pl.Series(texts[: n // 2 + 1])), texts[: n // 2 + 1])
    after = partition(near_duplicate_clusters(pl.Series(texts)), texts)
    assert all(any(cluster <= larger for larger in after) for cluster in before)


@pytest.mark.parametrize("split", ["one chunk", "chunks", "large buckets"])
def test_chunks_and_large_buckets_find_what_one_look_finds(
    monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    texts = [a_text(), *(a_text(i) for i in range(60))]
    texts += [" ".join(f"w{i}x{j}" for j in range(20)) for i in range(50)]
    expected = near_duplicate_clusters(pl.Series(texts)).to_list()
    if split == "chunks":
        monkeypatch.setattr(duplicates, "CHUNK_SHINGLES", 500)
    if split == "large buckets":
        monkeypatch.setattr(duplicates, "_SMALL_BUCKET", 2)
    assert near_duplicate_clusters(pl.Series(texts)).to_list() == expected
    # Each of the sixty is near to the first (at 0.90 or more); each of the fifty is alone.
    assert len(set(expected)) == 51


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_the_bands_miss_at_most_one_pair_in_a_hundred_at_the_threshold(threshold: float) -> None:
    rows = band_height(threshold)
    assert duplicates.N_PERM % rows == 0
    assert 1 - (1 - threshold**rows) ** (duplicates.N_PERM // rows) >= 0.99


@pytest.mark.parametrize("threshold", [0.49, 1.01, float("nan")])
def test_a_threshold_that_cannot_be_kept_is_refused(threshold: float) -> None:
    with pytest.raises(ExportError, match=r"choose one from 0\.5 to 1"):
        near_duplicate_clusters(pl.Series(["a"]), threshold)


def test_no_text_and_empty_texts_are_no_trouble() -> None:
    assert near_duplicate_clusters(pl.Series([], dtype=pl.String)).to_list() == []
    assert near_duplicate_clusters(pl.Series(["", None, "a"])).to_list() == [0, 0, 2]
    assert similar_across(pl.Series(["", "a"]), pl.Series(["", "b"])).left.tolist() == []


def test_prompts_of_one_template_are_problems_of_their_own() -> None:
    # 18 words and signs and a number: 17 shingles, of which the number touches 3. Two share 14 of
    # 20, and with one more changed word fewer; 400 texts share the 14, so these are not compared.
    asked = [
        f"A shop sells {i} boxes of nine pens and three jars of ink before noon, how many?"
        for i in range(400)
    ]
    again = [asked[7].replace("how many", "how  MANY"), asked[8]]
    labels = near_duplicate_clusters(pl.Series(asked + again), 0.6).to_list()
    assert labels == [*range(400), 7, 8]
    # Fewer than 200 of them are as near as their words say.
    assert len(set(near_duplicate_clusters(pl.Series(asked[:20]), 0.6))) < 20


def test_boilerplate_is_counted_over_all_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [f"Solve this with care and show every step: x + {i} = {2 * i}" for i in range(300)]
    monkeypatch.setattr(duplicates, "CHUNK_SHINGLES", 500)
    assert near_duplicate_clusters(pl.Series(asked), 0.5).n_unique() == 300
