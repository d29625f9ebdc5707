"""Verdicts on single steps at the desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.driver import Bench, Desk, trace
from tests.browser.made_up import some_cards

pytestmark = pytest.mark.browser


def _marks(desk: Desk) -> list[str]:
    """What stands in the rail, step by step; "" = nothing was said of the step."""
    return [mark or "" for mark in desk.find(".step .judged").all_text_contents()]


def test_step_verdicts_stand_in_the_rail_and_travel_with_the_verdict(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", "+", "j", "0", "j", "j", "-")
    assert _marks(desk) == ["+", "0", "", "−"]
    expect(desk.find(".judging")).to_contain_text("Step 4 of 4")
    expect(desk.find(".judging")).to_contain_text("3 judged")
    desk.press("x").wait_for_card(trace(2)).wait_until_saved(1)
    assert _marks(desk) == ["", "", "", ""]
    (row,) = bench.rows
    # Step 3 was seen and not judged: it is among the seen ones and has no verdict, which is no 0.
    assert row["extra"]["steps"] == [
        {"step": 0, "verdict": 1},
        {"step": 1, "verdict": 0},
        {"step": 3, "verdict": -1},
    ]
    assert row["extra"]["steps_seen"] == [[0, 4]]


def test_the_same_key_again_takes_a_step_verdict_back_and_another_changes_it(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", "g", "g", "j", "g", "b")
    assert _marks(desk) == ["", "−", "", ""]
    desk.press("a").wait_until_saved(1)
    assert bench.rows[0]["extra"]["steps"] == [{"step": 1, "verdict": -1}]


def test_step_verdicts_without_a_verdict_survive_a_reload(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", "j", "-")
    desk.open()
    assert _marks(desk) == ["", "−", "", ""]
    desk.press("n").wait_for_card(trace(2)).press("p").wait_for_card(trace(1))
    assert _marks(desk) == ["", "−", "", ""]
    desk.press("a").wait_until_saved(1)
    assert bench.rows[0]["extra"]["steps"] == [{"step": 1, "verdict": -1}]


def test_what_is_said_and_not_decided_survives_a_closed_tab(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", "+", "t")
    desk.page.keyboard.type("half a thought")
    desk.page.close()
    later = bench.tab().open()
    assert _marks(later) == ["+", "", "", ""]
    expect(later.find("textarea").first).to_have_value("half a thought")
    later.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    later.press("p").wait_for_card(trace(1)).press("j", "+").press("x").wait_until_saved(2)
    assert [len(row["extra"].get("steps", [])) for row in bench.rows] == [1, 0]


def test_a_decided_card_shows_its_step_verdicts_again_and_undo_brings_them_back(
    bench: Bench,
) -> None:
    desk = bench.tab().open()
    desk.press("j", "+", "a").wait_for_card(trace(2)).wait_until_saved(1)
    desk.open()
    desk.press("p").wait_for_card(trace(1))
    assert _marks(desk) == ["+", "", "", ""]
    desk.press("u").wait_for_card(trace(1)).wait_until_saved(2)
    assert _marks(desk) == ["+", "", "", ""]
    desk.press("j", "j", "0", "x").wait_for_card(trace(2)).wait_until_saved(3)
    assert bench.rows[2]["extra"]["steps"] == [
        {"step": 0, "verdict": 1},
        {"step": 1, "verdict": 0},
    ]


def test_a_step_is_judged_by_pointer_too_and_keys_stay_with_it(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.find(".step").nth(2).click()
    desk.page.get_by_role("button", name="This step is bad").click()
    expect(desk.find(".step:focus")).to_have_attribute("data-step", "2")
    expect(desk.find(".judge[data-verdict='-1']")).to_have_attribute("aria-pressed", "true")
    expect(desk.page.get_by_role("img", name="judged bad")).to_be_visible()
    desk.press("k", "=")
    assert _marks(desk) == ["", "+", "−", ""]


def test_a_verdict_without_a_step_to_stand_on_goes_to_the_first_and_judges_nothing(
    bench: Bench,
) -> None:
    desk = bench.tab().open()
    desk.press("-")
    expect(desk.find(".step:focus")).to_have_attribute("data-step", "0")
    assert _marks(desk) == ["", "", "", ""]
    desk.press("a").wait_until_saved(1)
    assert "steps" not in bench.rows[0]["extra"]


def test_what_never_came_into_the_window_was_not_seen(bench: Bench) -> None:
    (long,) = some_cards(1)
    text = "\n\n".join(f"Step {i}: " + "the same words again and again. " * 12 for i in range(60))
    bench.lay([{**long, "text": text, "steps": _paragraphs(text), "markers": [], "tokens": None}])
    desk = bench.tab().open()
    expect(desk.find(".step")).to_have_count(60)
    desk.press("j", "+")
    desk.find(".step").nth(1).hover()
    desk.press("a").wait_until_saved(1)
    seen = bench.rows[0]["extra"]["steps_seen"]
    assert seen[0][0] == 0
    assert seen[-1][1] < 60


def _paragraphs(text: str) -> list[list[int]]:
    """Where each paragraph of `text` starts and ends."""
    places, at = [], 0
    for paragraph in text.split("\n\n"):
        places.append([at, at + len(paragraph.rstrip())])
        at += len(paragraph) + 2
    return places


PRESS = """([key, code, more]) => document.dispatchEvent(new KeyboardEvent("keydown",
    {key, code, bubbles: true, composed: true, cancelable: true, ...more}))"""


def test_signs_are_signs_and_the_french_minus_is_the_digit_it_lies_on(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j")
    for key, code, more, marks in [
        ("+", "Equal", {"shiftKey": True}, "+"),  # American: the shifted key
        ("+", "NumpadAdd", {}, ""),  # again: taken back
        ("=", "Digit0", {"shiftKey": True}, ""),  # German: = lies on the zero, not on the plus
        ("à", "Digit0", {}, "0"),  # French: the unshifted digit row
        ("-", "NumpadSubtract", {}, "−"),
    ]:
        desk.page.evaluate(PRESS, [key, code, more])
        assert _marks(desk)[0] == marks
    desk.page.evaluate(PRESS, ["-", "Digit6", {}])  # French: 6, unshifted
    desk.wait_for_card(trace(2)).wait_until_saved(1)
    assert bench.rows[0]["reasons"] == ["rambling"]
    assert bench.rows[0]["extra"]["steps"] == [{"step": 0, "verdict": -1}]


def test_typing_a_sign_into_a_note_judges_no_step(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", "t")
    desk.page.keyboard.type("+0-gb")
    assert _marks(desk) == ["", "", "", ""]
    expect(desk.find("textarea").first).to_have_value("+0-gb")
