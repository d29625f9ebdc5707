"""Strength and scope of markers, and how they stand in their sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.bench.annotated import FOLDER
from curation.hedging import Reading, describe, find_markers
from curation.records import Marker

_LINES = (FOLDER / "scopes.jsonl").read_text(encoding="utf-8").splitlines()
MARKED: list[dict[str, Any]] = [json.loads(line) for line in _LINES]


def reading(
    text: str, cue: str, *, prompt: str | None = None, answer: str | None = None
) -> Reading:
    """The reading of the hedge `cue` of `text`."""
    start = text.index(cue)
    return describe(
        text, [Marker(start, start + len(cue), "hedge", cue)], prompt, answer=answer
    )[0]  # fmt: skip


@pytest.mark.parametrize("row", MARKED, ids=[row["id"] for row in MARKED])
def test_the_scope_is_the_one_marked_by_hand(row: dict[str, Any]) -> None:
    text, (start, end) = row["text"], row["cue"]
    [found] = describe(text, [Marker(start, end, "hedge", text[start:end])])
    assert found.scope_start is not None
    assert text[found.scope_start : found.scope_end] == text[slice(*row["scope"])]


def test_strength_is_the_lexicons_word() -> None:
    text = "Perhaps it should be 7, kind of."
    assert [(m.text, r.strength) for m, r in zip(
        find_markers(text), describe(text, find_markers(text)), strict=True
    )] == [("Perhaps", "strong"), ("should", "weak")]  # fmt: skip
    assert reading("It is iffy.", "iffy").strength is None


def test_what_acts_has_no_scope() -> None:
    text = "Wait, let me check the sum."
    assert {r.scope_start for r in describe(text, find_markers(text))} == {None}


@pytest.mark.parametrize(
    ("text", "cue", "flags"),
    [
        ("It doesn't seem right.", "seem", (True, False, False)),
        ("It is not so. It may rain.", "may", (False, False, False)),
        ("If it rains, it may flood.", "may", (False, True, False)),
        ("It may flood unless we pump.", "may", (False, True, False)),
        ("It looks as if it may flood.", "may", (False, False, False)),
        ("I'm not sure if it may flood.", "may", (False, False, False)),
        ('He wrote "it may flood" there.', "may", (False, False, True)),
        ("He wrote “so be it” and may leave.", "may", (False, False, False)),
    ],
)
def test_negation_condition_and_quotation(
    text: str, cue: str, flags: tuple[bool, bool, bool]
) -> None:
    found = reading(text, cue)
    assert (found.is_negated, found.is_conditional, found.is_quoted) == flags


def test_a_clause_that_stands_in_the_prompt_is_a_quotation() -> None:
    text = "The tank may leak at night."
    assert not reading(text, "may").is_quoted
    # "may leak at night" has four words: too few to tell; with "the cold" there are six
    assert not reading(text, "may", prompt="It may leak at night.").is_quoted
    long = "It may leak in the cold night."
    assert reading(long, "may", prompt="They say it may leak in the cold night.").is_quoted


def test_the_clause_with_the_final_answer() -> None:
    text = "It may be 14. So perhaps 4 is left. The answer is 4."
    assert reading(text, "may").holds_answer is False
    assert reading(text, "perhaps").holds_answer is True
    assert reading(text, "may", answer="14").holds_answer is True
    assert reading("Perhaps 4 is left.", "Perhaps").holds_answer is None
    assert reading(r"Perhaps 4. \boxed{4}", "Perhaps").holds_answer is True


@given(st.text(alphabet="aI .,;()\"'\n?", max_size=60), st.text(alphabet='b .,;()"\n', max_size=60))
def test_a_scope_lies_in_the_text_and_is_not_empty(before: str, after: str) -> None:
    for cue in ("may", "seems", "I think"):
        text = f"{before}{cue}{after}"
        marker = Marker(len(before), len(before) + len(cue), "hedge", cue)
        [found] = describe(text, [marker])
        if found.scope_start is not None and found.scope_end is not None:
            assert 0 <= found.scope_start < found.scope_end <= len(text)
            assert text[found.scope_start : found.scope_end].strip()


def test_what_lies_far_behind_the_marker_changes_nothing() -> None:
    text = "Then it may leak. " + "And so on. " * 300
    marker = [Marker(8, 11, "hedge", "may")]
    assert describe(text, marker) == describe(text[:600], marker)
