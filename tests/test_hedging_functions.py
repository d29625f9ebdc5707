"""What the markers of a trace led to, for one trace and for a pool."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.hedging import find_markers
from curation.hedging.following import calculations, deeds, formulas
from curation.hedging.functions import FUNCTION_SCHEMA, Functions, functions, row, summary

CORRECTED = "So x = 12. Wait, I dropped a sign. So x = 8."


def of(text: str, prompt: str | None = None) -> Functions:
    return functions(text, find_markers(text), prompt)


def test_a_self_correction_has_the_old_and_the_new_value_with_their_spans() -> None:
    (pair,) = of(CORRECTED).self_corrections
    assert (pair.old.value, pair.new.value) == ("12", "8")
    assert CORRECTED[pair.old.start : pair.old.end] == "x = 12"
    assert CORRECTED[pair.new.start : pair.new.end] == "x = 8"


def test_a_value_that_changes_far_from_its_marker_is_no_self_correction() -> None:
    far = "So x = 12. " + "The rope is long. " * 20 + "Wait, I dropped a sign. So x = 8."
    assert of(far).self_corrections == []
    assert [deed.by for deed in of(far).deeds] == ["value"]


@pytest.mark.parametrize(
    ("text", "by"),
    [
        (CORRECTED, "value"),
        ("There are 12 ways. Wait, order matters, so there are 24 ways.", "value"),
        ("So y = 2x - 3. Wait, divide by 2: y = x - 3.", "formula"),
        ("It takes long. Wait, that's wrong. The rope is short.", "retraction"),
        ("It takes long. Wait, maybe I made a mistake. The rope is short.", None),
        ("It takes long. Hmm. Alternatively, use shadows: 3 * 4 = 12.", "approach"),
        ("It takes long. Hmm, okay. The rope is short.", None),
    ],
)
def test_what_a_revision_is_seen_by(text: str, by: str | None) -> None:
    first = of(text).deeds[0]
    assert (first.kind, first.by) == ("revises" if by else None, by)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("So x = 6. Let me check: 2 * 6 + 1 = 13.", "recomputes"),
        ("The sides are 5 and 12. Let me check: 5² + 12² = 169.", "recomputes"),
        ("So x = 6. Let me check. It fits. Next we need 6 * 7 = 42.", None),  # the text moves on
        ("So x = 6. Let me check: 3 * 5 = 15.", None),  # no number of what is checked
    ],
)
def test_a_check_recomputes_with_the_numbers_it_checks(text: str, kind: str | None) -> None:
    (deed,) = of(text).deeds
    assert deed.kind == kind


LEFT = "Set u = 17, so 289 + 17 = 306. This doesn't work. Alternatively, factor it: 2 * 3 = 6."


def test_a_road_that_is_left_and_never_used_is_a_dead_end() -> None:
    (road,) = of(LEFT).dead_ends
    assert (road.start, LEFT[road.end :][:13], road.is_said) == (0, "Alternatively", True)


def test_a_road_whose_number_comes_again_is_none() -> None:
    assert of(LEFT + " That is 306 / 51.").dead_ends == []


def test_numbers_of_the_prompt_are_no_result() -> None:
    text = "The rope has 17 m, which gives 17. It doesn't work. Alternatively, take 2 ropes."
    assert [road.is_said for road in of(text).dead_ends] == [True]
    assert of(text, prompt="A rope of 17 m.").dead_ends == []


def test_a_road_left_without_a_word_is_kept_apart() -> None:
    text = LEFT.replace(" This doesn't work.", "")
    assert [road.is_said for road in of(text).dead_ends] == [False]
    counts = of(text).counts()
    assert (counts["n_dead_ends"], counts["n_unused_roads"]) == (0, 1)


def test_places_and_steps() -> None:
    text = "Hmm, " + "a" * 45 + "perhaps" + "b" * 3 + " " + "c" * 39
    found = functions(text, find_markers(text), step_start=[0, 20])
    # "Hmm" starts at 0 of 100 characters; "perhaps" is glued to letters and no marker
    assert len(text) == 100
    assert found.places == [0.0]
    assert found.steps == [0]
    assert functions(CORRECTED, find_markers(CORRECTED)).steps == [None]
    # "Wait" starts at 11: after the starts 0 and 11, before 30
    assert functions(CORRECTED, find_markers(CORRECTED), step_start=[0, 11, 30]).steps == [1]


def test_a_pool_is_summed_by_context() -> None:
    rows = [
        {**row("a", of(CORRECTED)), "teacher_context": "unguided"},
        {**row("b", of("Hmm, fine. So it is.")), "teacher_context": "unguided"},
        {**row("c", of("It is so.")), "teacher_context": "answer"},
    ]
    frame = pl.DataFrame(rows, {**FUNCTION_SCHEMA, "teacher_context": pl.String()})
    answer, unguided = summary(frame).to_dicts()
    assert (answer["teacher_context"], answer["n_traces"]) == ("answer", 1)
    assert answer["revising_share"] is None  # no reflection to take a share of
    # two reflections (Wait, Hmm), one of them revises; 1 correction in 2 traces
    assert (unguided["n_reflections"], unguided["revising_share"]) == (2, 1 / 2)
    assert unguided["self_corrections_per_trace"] == pytest.approx(1 / 2)
    assert unguided["recomputing_share"] is None


@given(st.text("x =7−×.Wait,Hmletchk \n", max_size=120))
def test_counts_add_up_and_spans_lie_in_the_text(text: str) -> None:
    found = of(text)
    counts = found.counts()
    assert counts["n_revising"] + counts["n_decorative"] == counts["n_reflections"]
    assert counts["n_recomputing"] + counts["n_word_only"] <= counts["n_verifications"]
    assert all(0 <= place < 1 for place in found.places)
    assert all(0 <= road.start < road.end <= len(text) for road in found.dead_ends)
    for start, end in calculations(text, 0, len(text)):
        assert "=" in text[start:end]
    assert all(0 <= f.start < f.end <= len(text) for f in formulas(text))
    assert len(deeds(text, find_markers(text))) == len(found.deeds)
