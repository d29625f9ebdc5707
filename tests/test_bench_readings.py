"""The later sets read by hand: their files, and what is measured on them."""

from __future__ import annotations

import math

from curation.bench import readings


def test_the_labelled_sentences_are_sound() -> None:
    read = readings.labelled()
    assert len(read) == len({sentence.text for sentence in read}) == 180
    assert {sentence.part for sentence in read} == set(readings.PARTS)
    # where both readings agree nothing was settled otherwise
    assert [s.text for s in read if s.first == s.second != s.hedged] == []


def test_the_files_have_as_many_as_their_readme_says() -> None:
    assert (len(readings.scopes()), len(readings.passages())) == (48, 70)


def test_counts_cover_every_sentence_once_in_its_part() -> None:
    counted = readings.by_genre()
    assert sum(sum(counted[part, "all genres"]) for part in readings.PARTS) == 180
    for part in readings.PARTS:
        own = [sum(c) for (p, g), c in counted.items() if p == part and g != "all genres"]
        assert sum(own) == sum(counted[part, "all genres"])


def test_rows_are_numbers_with_a_unit() -> None:
    rows = list(readings.rows())
    assert {unit for _, _, unit in rows} == {"share", "kappa"}
    assert all(math.isfinite(value) and -1 <= value <= 1 for _, value, _ in rows)
    assert len({name for name, _, _ in rows}) == len(rows)


def test_errors_are_listed_except_those_set_aside() -> None:
    said, all_said = readings.errors(), readings.errors(with_aside=True)
    aside = [s.text for s in readings.labelled() if s.part == "aside"]
    assert set(said) <= set(all_said)
    assert not any(line.endswith(text) for line in said for text in aside)
    wrong = [p for p in readings.passages() if p.found != p.wanted]
    assert sum(p.text in line for p in wrong for line in said) == len(wrong)
