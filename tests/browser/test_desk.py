"""Deciding at the desk, by key."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.driver import Bench, trace
from tests.browser.made_up import some_cards

pytestmark = pytest.mark.browser

# Deciding -----------------------------------------------------------------------------------------


def test_three_decisions_survive_a_reload_and_the_fourth_card_is_next(bench: Bench) -> None:
    desk = bench.tab().open()
    assert desk.shown == trace(1)
    desk.press("a", "x", "f").wait_for_card(trace(4)).wait_until_saved(3)
    desk.open()
    assert desk.shown == trace(4)
    assert bench.said() == [("1", "accept"), ("2", "reject"), ("3", "flag")]
    expect(desk.find(".progress")).to_contain_text("3 of 12 decided, 9 left in this queue")


def test_a_decision_says_what_was_on_screen(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("t")
    desk.page.keyboard.type("step 2 is thin")
    desk.press("Escape", "d")
    desk.page.keyboard.type("show the division")
    desk.press("Escape", "3").wait_until_saved(1)
    (row,) = bench.rows
    assert row["verdict"] == "reject"
    assert row["reasons"] == ["leak"]
    assert row["note"] == "step 2 is thin"
    assert row["directive"] == "show the division"
    assert (row["convention_id"], row["lexicon_id"], row["revealed"]) == ("cv1_1", "lx1_1", True)
    assert row["queue"] == "random control"
    assert row["shown_at"] < row["decided_at"]
    assert 0 < row["active_s"] < 60
    expect(desk.find("textarea").first).to_have_value("")


def test_every_digit_rejects_with_its_reason_and_space_skips(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("1", "9", " ").wait_until_saved(3)
    assert bench.said() == [("1", "reject"), ("2", "reject"), ("3", "skip")]
    assert [row["reasons"] for row in bench.rows] == [["wrong_answer"], ["other"], []]


def test_undo_brings_the_card_back_and_appends_a_withdrawal(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("t")
    desk.page.keyboard.type("kept")
    desk.press("Escape", "a", "x").wait_until_saved(2)
    desk.press("u").wait_for_card(trace(2)).press("Backspace").wait_for_card(trace(1))
    desk.wait_until_saved(4)
    expect(desk.find("textarea").first).to_have_value("kept")
    desk.press("f").wait_for_card(trace(2)).wait_until_saved(5)
    rows = bench.rows
    assert [row["verdict"] for row in rows] == ["accept", "reject", None, None, "flag"]
    assert rows[2]["withdraws"] == rows[1]["decision_id"]
    assert rows[3]["withdraws"] == rows[0]["decision_id"]
    assert rows[4]["note"] == "kept"


def test_undo_reaches_back_beyond_a_reload_and_the_last_ten(bench: Bench) -> None:
    desk = bench.tab().open()
    for number in range(2, 13):
        desk.press("a").wait_for_card(trace(number))
    desk.wait_until_saved(11)
    desk.open().wait_for_card(trace(12))
    for number in range(11, 0, -1):
        desk.press("u").wait_for_card(trace(number))
    desk.wait_until_saved(22)
    assert {row["withdraws"] for row in bench.rows[11:]} == {
        row["decision_id"] for row in bench.rows[:11]
    }
    expect(desk.find(".progress")).to_contain_text("0 of 12 decided")


def test_undo_before_the_decision_was_stored_keeps_both_records(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("a", "u", "x").wait_until_saved(3)
    assert bench.said() == [("1", "accept"), ("1", None), ("1", "reject")]


def test_a_past_decision_opens_with_a_click_and_a_new_verdict_replaces_it(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("a", "a").wait_until_saved(2)
    desk.find(".past").last.click()
    desk.wait_for_card(trace(1))
    expect(desk.find(".banner")).to_contain_text("You accepted this on ")
    desk.press("x").wait_for_card(trace(3)).wait_until_saved(3)
    assert bench.said() == [("1", "accept"), ("2", "accept"), ("1", "reject")]
    expect(desk.find(".progress")).to_contain_text("2 of 12 decided, 10 left")


def test_leafing_through_cards_decides_nothing(bench: Bench) -> None:
    desk = bench.tab().open()
    for number in range(2, 13):
        desk.press("n").wait_for_card(trace(number))
    desk.press("n", "p").wait_for_card(trace(11))
    desk.press("ArrowRight").wait_for_card(trace(12)).press("ArrowLeft").wait_for_card(trace(11))
    assert bench.rows == []
    desk.press("a").wait_for_card(trace(12)).wait_until_saved(1)
    assert bench.said() == [("11", "accept")]


def test_the_end_of_the_queue_is_said_and_undo_still_works(bench: Bench) -> None:
    bench.lay(some_cards(2))
    desk = bench.tab().open()
    desk.press("a", "a", "a", "x").wait_for_phase("end").wait_until_saved(2)
    expect(desk.find(".notice")).to_contain_text("This queue is done")
    desk.press("u").wait_for_card(trace(2))


def test_a_note_that_is_not_decided_yet_survives_a_reload(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("t")
    desk.page.keyboard.type("half a thought")
    desk.open()
    expect(desk.find("textarea").first).to_have_value("half a thought")
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    assert bench.rows[0]["note"] == "half a thought"
    expect(desk.find("textarea").first).to_have_value("")


# Keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["note", "directive"])
def test_typing_decides_nothing(bench: Bench, field: str) -> None:
    desk = bench.tab().open()
    desk.press("t" if field == "note" else "d")
    desk.page.keyboard.type("ax 1uf?")
    desk.press("Backspace")
    area = desk.find("textarea").nth(0 if field == "note" else 1)
    expect(area).to_have_value("ax 1uf")
    assert desk.shown == trace(1)
    # The first decision after it is the first at all.
    desk.press("Escape", "a").wait_until_saved(1)
    assert bench.said() == [("1", "accept")]


def test_typing_in_a_field_of_the_page_decides_nothing(bench: Bench) -> None:
    desk = bench.tab(sidebar=1).open()
    field = desk.page.get_by_label("A field of the page")
    field.click()
    desk.page.keyboard.type("ax 1")
    expect(field).to_have_value("ax 1")
    assert desk.shown == trace(1)
    desk.page.get_by_role("button", name="A button of the page").focus()
    desk.press("Space")
    assert desk.shown == trace(1)
    desk.press("a").wait_until_saved(1)
    assert bench.said() == [("1", "accept")]


def test_a_key_held_down_counts_once(bench: Bench) -> None:
    desk = bench.tab().open()
    card = 1
    for key, moves in (("a", 1), (" ", 1), ("1", 1), ("u", -1), ("Backspace", -1), ("n", 1)):
        for _ in range(6):
            desk.page.keyboard.down(key)
        desk.page.keyboard.up(key)
        card += moves
        desk.wait_for_card(trace(card))
    desk.wait_until_saved(5)
    assert bench.said() == [
        ("1", "accept"),
        ("2", "skip"),
        ("3", "reject"),
        ("3", None),
        ("2", None),
    ]


def test_enter_held_on_a_button_counts_once_and_space_presses_it(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.find(".verdict.accept").focus()
    for _ in range(5):
        desk.page.keyboard.down("Enter")
    desk.page.keyboard.up("Enter")
    desk.wait_for_card(trace(2))
    desk.press("Space").wait_for_card(trace(3)).wait_until_saved(2)
    assert bench.said() == [("1", "accept"), ("2", "accept")]


def test_a_double_click_decides_once_and_gives_the_keys_back(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.find(".verdict.reject").dblclick()
    desk.wait_for_card(trace(2))
    desk.press("Space").wait_until_saved(2)
    assert bench.said() == [("1", "reject"), ("2", "skip")]


def test_chords_are_not_ours(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("Control+a", "Alt+x", "Meta+u", "Shift+A", "Control+Enter")
    assert desk.shown == trace(1)
    desk.press("f").wait_until_saved(1)
    assert bench.said() == [("1", "flag")]


PRESS = """([key, code, more]) => document.dispatchEvent(new KeyboardEvent("keydown",
    {key, code, bubbles: true, composed: true, cancelable: true, ...more}))"""


def test_keys_work_on_any_layout(bench: Bench) -> None:
    presses = [
        ("ф", "KeyA", "accept"),  # Russian: the key where a is
        ("χ", "KeyX", "reject"),  # Greek
        ("ㄹ", "KeyF", "flag"),  # Korean
        ("a", "KeyQ", "accept"),  # French: the letter counts, wherever it lies
        ("é", "Digit2", "reject"),  # French: the unshifted digit row
        ("1", "Digit1", "reject"),  # French, shifted
        ("A", "KeyA", "accept"),  # caps lock
    ]
    desk = bench.tab().open()
    for number, (key, code, _) in enumerate(presses, 1):
        desk.page.evaluate(PRESS, [key, code, {"shiftKey": key == "1"}])
        desk.wait_for_card(trace(number + 1))
    desk.wait_until_saved(len(presses))
    assert [row["verdict"] for row in bench.rows] == [verdict for _, _, verdict in presses]


def test_what_only_looks_like_a_key_does_nothing(bench: Bench) -> None:
    presses: list[tuple[str, str, dict[str, Any]]] = [
        ("q", "KeyA", {}),  # French: a's place, another letter
        ("a", "KeyA", {"isComposing": True}),
        ("Process", "KeyA", {"keyCode": 229}),
        ("@", "Digit2", {"ctrlKey": True, "altKey": True}),  # AltGr
        ("!", "Digit1", {"shiftKey": True}),
        ("c", "KeyC", {}),
        ("r", "KeyR", {}),
    ]
    desk = bench.tab().open()
    for press in presses:
        desk.page.evaluate(PRESS, list(press))
    assert desk.shown == trace(1)
    desk.press("a").wait_until_saved(1)
    assert bench.said() == [("1", "accept")]


def test_the_key_sheet_opens_and_escape_closes_it(bench: Bench) -> None:
    desk = bench.tab().open()
    sheet = desk.find(".sheet")
    desk.press("?")
    expect(sheet).to_be_visible()
    desk.press("a")
    assert desk.shown == trace(1)
    desk.press("Escape")
    expect(sheet).to_be_hidden()
    desk.press("a").wait_for_card(trace(2))


def test_steps_and_tokens_are_walked_by_key(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", "j")
    expect(desk.find(".step:focus")).to_have_attribute("data-step", "1")
    desk.press("k")
    expect(desk.find(".step:focus")).to_have_attribute("data-step", "0")
    desk.press(".", ".", ",", ".")
    expect(desk.find(".t.cursor")).to_have_text(" till")
    expect(desk.find(".readout")).to_contain_text("log-likelihood −")
    expect(desk.find(".readout")).to_contain_text("␣till")


def test_repaints_add_no_listener(bench: Bench) -> None:
    # The page asks by itself every 0.2 s and the score state changes under it: many runs.
    bench.score()
    desk = bench.tab(every=0.2).open()
    for n in range(1, 7):
        bench.score(*(trace(k) for k in range(1, n + 1)))
        expect(desk.find(".numbers .scoring")).to_have_count(0)
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    assert bench.said() == [("1", "accept")]
