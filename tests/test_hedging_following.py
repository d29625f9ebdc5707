"""What follows a marker: a revision, a recomputation, or nothing that can be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.hedging import find_markers
from curation.hedging.following import WINDOW_CHARS, Deed, claims, deeds, place_counts
from curation.records import Marker


def deeds_of(text: str) -> list[Deed]:
    return deeds(text, find_markers(text))


def test_claims_are_read_in_their_usual_forms() -> None:
    text = (
        "x = 7; 9 × 7 = 63; f(2) = 1,200, so the total is $42 and the right answer is (B); 7 = 7."
    )
    assert [(c.about, c.value, c.is_computed) for c in claims(text)] == [
        ("x", "7", False), ("9*7", "63", True), ("f(2)", "1200", False), ("total", "42", False),
        ("answer", "B", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind", "earlier"),
    [
        ("So x = 12. Wait, I dropped a sign. So x = 8.", "revises", "12"),
        ("Then the total is 40. Hmm, the tip is missing, so the total is 44.", "revises", "40"),
        ("So the answer is B. Wait, the units differ. So the answer is C.", "revises", "B"),
        ("So x = 12. Wait, is that fine? Yes, x = 12.", None, None),
        ("So x = 12. Wait, the well is dry. So y = 8.", None, None),
        ("So x = 12. Let me check: 3 * 4 = 12. Good.", "recomputes", None),
        ("So x = 12. Let me check. Yes, x = 12.", "confirms", "12"),
        ("So x = 12. Let me check. No, x = 13.", "revises", "12"),
        ("So x = 12. Let me check. Looks fine.", None, None),
    ],
)
def test_what_follows_a_marker(text: str, kind: str | None, earlier: str | None) -> None:
    (deed,) = deeds_of(text)
    assert (deed.kind, deed.earlier) == (kind, earlier)


@pytest.mark.parametrize(
    "text", ["for x = 3 it holds", "2x + 1 = 5 + y = 7y", "try x = 3", "sin x = 1", "x = 1, 2, 3",
             "n = 4", "x = 2y", "7 = 7"],
)  # fmt: skip
def test_what_is_tried_or_unfinished_claims_nothing(text: str) -> None:
    assert claims(text) == []


def test_a_revision_belongs_to_the_nearest_reflection_before_it() -> None:
    first, second = deeds_of("So x = 12. Wait. The rope is long. Wait, the sign! So x = 8.")
    assert (first.kind, second.kind) == (None, "revises")


def test_what_comes_too_late_is_not_laid_to_the_marker() -> None:
    text = "So x = 12. Wait, no." + " The rope is long." * (WINDOW_CHARS // 17) + " So x = 8."
    assert [deed.kind for deed in deeds_of(text)] == [None]


def test_places_by_tenth() -> None:
    # Starts 0, 9, 10 and 99 of 100 characters: tenths 0, 0, 1, 9.
    found = [Marker(start, start + 1, "hedge", "x") for start in (0, 9, 10, 99)]
    assert place_counts(found, 100) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert place_counts([], 0) == [0] * 10


@given(st.lists(st.integers(0, 499)), st.integers(1, 12))
def test_every_marker_has_one_place(starts: list[int], n_parts: int) -> None:
    found = [Marker(start, start + 1, "hedge", "x") for start in starts]
    assert sum(place_counts(found, 500, n_parts)) == len(starts)


@given(st.text("x =7−×.Thetoalis \n", max_size=80))
def test_claims_lie_in_the_text_and_do_not_overlap(text: str) -> None:
    found = claims(text)
    assert all(0 <= c.start < c.end <= len(text) for c in found)
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))
