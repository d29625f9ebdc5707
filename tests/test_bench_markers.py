"""The sentences read by hand, and the arithmetic that is done on them."""

from __future__ import annotations

import hashlib
import json
import math

import pytest

from curation.bench import annotated, markers
from curation.bench.annotated import Counts
from curation.records import CATEGORIES

SENTENCES = annotated.read_sentences()


def test_counts_become_shares() -> None:
    counts = Counts(tp=6, fp=2, fn=3, tn=9)
    assert counts.precision == pytest.approx(6 / 8)
    assert counts.recall == pytest.approx(6 / 9)
    # 2·6 / (2·6 + 2 + 3) = 12/17; of the others 2·9 / (2·9 + 2 + 3) = 18/23
    assert counts.f1 == pytest.approx(12 / 17)
    assert counts.macro_f1 == pytest.approx((12 / 17 + 18 / 23) / 2)
    assert counts.specificity == pytest.approx(9 / 11)
    assert math.isnan(Counts(0, 0, 0, 4).f1)


def test_kappa_by_hand() -> None:
    # 20 sentences: both yes 6, first only 3, second only 2, both no 9.
    # p_o = 15/20 = .75; yes: 9/20 and 8/20 -> .18; no: 11/20 · 12/20 = .33; p_e = .51
    # kappa = (.75 - .51) / (1 - .51) = .24/.49
    assert annotated.cohen_kappa(Counts(6, 2, 3, 9)) == pytest.approx(0.24 / 0.49)
    assert math.isnan(annotated.cohen_kappa(Counts(0, 0, 0, 5)))


def test_the_annotated_spans_lie_in_their_sentences_and_the_files_are_sound() -> None:
    lines = (annotated.FOLDER / "annotated.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len({json.loads(line)["text"] for line in lines}) == 425
    for line in lines:
        row = json.loads(line)
        for start, end, category in row["first"] + row["markers"]:
            assert 0 <= start < end <= len(row["text"])
            assert category in CATEGORIES
    for line in (annotated.FOLDER / "public.jsonl").read_text(encoding="utf-8").splitlines():
        assert set(json.loads(line)) == {"sha256", "record", "categories"}


def test_where_both_readings_agree_nothing_was_settled_otherwise() -> None:
    assert [s.sentence_id for s in SENTENCES if s.first == s.second != s.truth] == []


def test_a_third_is_held_out_by_hash() -> None:
    held = [s for s in SENTENCES if s.is_held_out]
    assert len(held) == 154
    digest = hashlib.sha256(held[0].text.encode()).digest()
    assert int.from_bytes(digest, "big") % 3 == 0


def test_the_dictionaries_know_no_context() -> None:
    assert len(markers.COMMON_HEDGES) == len(set(markers.COMMON_HEDGES)) == 79
    plain, common = markers.phrase_dictionary(), markers.common_hedges()
    assert plain("They met in May.") == {"hedge"}
    assert common("They met in May.") == {"hedge"}
    assert markers.find_categories("They met in May.") == frozenset()


def test_the_detector_beats_both_dictionaries_on_both_parts() -> None:
    for part in (True, False):
        chosen = [s for s in SENTENCES if s.is_held_out is part]
        ours = annotated.measure(chosen, markers.find_categories)
        plain = annotated.measure(chosen, markers.phrase_dictionary())
        common = annotated.measure(chosen, markers.common_hedges())
        assert ours["hedge"].macro_f1 > plain["hedge"].macro_f1
        assert ours["hedge"].macro_f1 > common["hedge"].macro_f1 + 0.1
        assert ours["epistemic"].specificity > plain["epistemic"].specificity


def test_the_report_lists_every_error_of_the_open_part_only() -> None:
    said = markers.report()
    wrong = {
        s.text for s in SENTENCES if markers.find_categories(s.text) != s.truth
    }  # fmt: skip
    for sentence in SENTENCES:
        is_listed = sentence.text in wrong and not sentence.is_held_out
        assert (f"{sentence.text}\n" in f"{said}\n") == is_listed
