from __future__ import annotations

import re

import pytest

from curation.compatibility.catalogue import SCORES, ScoreWords, words_for
from curation.records import COMPATIBILITY_COLUMNS, FAMILIES, PROFILE_COLUMNS

each_score = pytest.mark.parametrize("words", SCORES, ids=lambda words: words.column)


def test_every_number_has_its_words_exactly_once() -> None:
    families = {c: family for family, columns in COMPATIBILITY_COLUMNS.items() for c in columns}
    families |= dict.fromkeys((*PROFILE_COLUMNS, "car", "grape_nats"), "likelihood")
    assert sorted(words.column for words in SCORES) == sorted(families)
    assert {words.column: words.family for words in SCORES} == families
    assert {words.family for words in SCORES} == set(FAMILIES)


def test_no_two_numbers_share_a_title() -> None:
    assert len({words.title for words in SCORES}) == len(SCORES)


@each_score
def test_words_are_one_plain_sentence_with_a_unit_a_source_and_a_limit(words: ScoreWords) -> None:
    assert len(words.title) <= 40
    assert words.unit
    assert words.says[0].isupper()
    assert words.says.endswith(".")
    assert not re.search(r"[.!?] [A-Z]", words.says), "one sentence"
    assert words.not_for.endswith(".")
    assert re.match(r"arXiv \d{4}\.\d{5}$|https://|standard definition$|ours", words.source)
    assert words.direction in ("lower", "higher", "read, don't rank")


@each_score
def test_no_score_is_called_quality(words: ScoreWords) -> None:
    text = " ".join(map(str, words)).lower()
    assert not re.search(r"\bqualit|\bgood\b|\bbetter\b|\bbest\b|\bbad\b", text)


@each_score
def test_units_in_names_and_in_words_agree(words: ScoreWords) -> None:
    if words.column.endswith("_nats"):
        assert words.unit.startswith("nats")


def test_words_are_found_by_column() -> None:
    assert words_for("rsr").direction == "lower"
    assert words_for("privilege_gain_nats").direction == "read, don't rank"
    with pytest.raises(KeyError, match="vibes"):
        words_for("vibes")
