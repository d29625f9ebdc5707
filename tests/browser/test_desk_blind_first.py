"""Judging blind first: scores hidden until a verdict, then a second one with them in view."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.driver import Bench, Desk, trace

pytestmark = pytest.mark.browser


def _is_hidden(desk: Desk) -> None:
    """Nothing on the page tells what the student or the lexicon says of the card."""
    expect(desk.find(".legend")).to_contain_text("Hidden until your first verdict")
    expect(desk.find(".numbers .value")).to_have_count(0)
    expect(desk.find(".curve")).to_be_hidden()
    expect(desk.find(".t, .m, .mean")).to_have_count(0)
    expect(desk.find(".why")).not_to_contain_text("seeded order")


def _is_shown(desk: Desk) -> None:
    expect(desk.find(".numbers")).to_contain_text("Mean NLL")
    expect(desk.find(".t").first).to_be_visible()
    expect(desk.find(".m").first).to_be_attached()
    expect(desk.find(".why")).to_contain_text("seeded order")


def _verdicts(bench: Bench) -> list[tuple[str, bool, Any]]:
    """(verdict, revealed, convention) of every record, in order."""
    return [(row["verdict"], row["revealed"], row["convention_id"]) for row in bench.rows]


def test_the_first_verdict_shows_the_scores_and_the_second_goes_on(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    _is_hidden(desk)
    desk.press("a")
    _is_shown(desk)
    assert desk.shown == trace(1)
    expect(desk.find(".banner")).to_contain_text("confirm it or change it")
    desk.press("x").wait_for_card(trace(2)).wait_until_saved(2)
    _is_hidden(desk)
    # What was on screen is in the record: no numbers with the first, the student's with the second.
    assert _verdicts(bench) == [("accept", False, None), ("reject", True, "cv1_1")]
    assert bench.rows[0]["lexicon_id"] is None
    expect(desk.find(".progress")).to_contain_text("1 of 12 decided, 11 left")
    desk.press("p").wait_for_card(trace(1))
    expect(desk.find(".banner")).to_contain_text("rejected this")


def test_hands_stay_on_the_same_key_to_confirm(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    desk.press("a", "a", "3", "3").wait_for_card(trace(3)).wait_until_saved(4)
    assert bench.said() == [("1", "accept"), ("1", "accept"), ("2", "reject"), ("2", "reject")]
    assert [row["revealed"] for row in bench.rows] == [False, True, False, True]


def test_keys_of_the_scores_do_nothing_while_they_are_hidden(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    desk.press("h", "m", ".", ",")
    _is_hidden(desk)
    pressed = desk.find("[data-heat='surprisal'][aria-pressed='true']")
    expect(pressed).to_have_attribute("aria-disabled", "true")
    desk.press("v")
    _is_shown(desk)
    expect(pressed).to_have_attribute("aria-disabled", "false")
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    assert _verdicts(bench) == [("accept", True, "cv1_1")]


def test_a_look_counts_after_a_reload_and_in_another_tab(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    desk.press("v")
    _is_shown(desk)
    desk.open().wait_for_card(trace(1))
    _is_shown(desk)
    other = bench.tab(blind=1).open().wait_for_card(trace(1))
    _is_shown(other)
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    _is_hidden(desk)
    assert _verdicts(bench) == [("accept", True, "cv1_1")]


def test_a_skip_or_a_flag_shows_nothing_and_goes_on(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    desk.press(" ").wait_for_card(trace(2)).press("f").wait_for_card(trace(3)).wait_until_saved(2)
    assert [row["revealed"] for row in bench.rows] == [False, False]
    desk.open().wait_for_card(trace(3))
    desk.press("p").wait_for_card(trace(2))
    _is_hidden(desk)


def test_a_card_left_between_its_two_verdicts_asks_again_after_a_reload(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    desk.press("a", "n").wait_for_card(trace(2)).wait_until_saved(1)
    desk.open().wait_for_card(trace(2)).press("p").wait_for_card(trace(1))
    _is_shown(desk)
    expect(desk.find(".banner")).to_contain_text("confirm it or change it")
    desk.press("a").wait_until_saved(2)
    assert [row["revealed"] for row in bench.rows] == [False, True]


def test_undo_takes_a_verdict_back_and_not_the_look(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    desk.press("a", "u").wait_until_saved(2)
    _is_shown(desk)
    desk.open().wait_for_card(trace(1))
    _is_shown(desk)
    desk.press("x").wait_for_card(trace(2)).wait_until_saved(3)
    assert [row["revealed"] for row in bench.rows] == [False, None, True]


def test_the_note_and_the_steps_of_the_first_verdict_go_with_the_second(bench: Bench) -> None:
    desk = bench.tab(blind=1).open()
    desk.press("j", "+", "t")
    desk.page.keyboard.type("thin")
    desk.press("Escape", "a")
    expect(desk.find(".judged").first).to_have_text("+")
    desk.press("j", "-", "x").wait_for_card(trace(2)).wait_until_saved(2)
    assert [row["note"] for row in bench.rows] == ["thin", "thin"]
    steps = [[(s["step"], s["verdict"]) for s in row["extra"]["steps"]] for row in bench.rows]
    assert steps == [[(0, 1)], [(0, 1), (1, -1)]]


def test_offline_the_scores_are_shown_all_the_same(own_bench: Bench) -> None:
    desk = own_bench.tab(blind=1).open()
    own_bench.server.kill()
    desk.press("a")
    _is_shown(desk)
    desk.press("x").wait_for_card(trace(2))
    _is_hidden(desk)
    own_bench.server.start()
    desk.wait_until_saved(2)
    assert _verdicts(own_bench) == [("accept", False, None), ("reject", True, "cv1_1")]


def test_without_the_switch_nothing_is_hidden(bench: Bench) -> None:
    desk = bench.tab().open()
    _is_shown(desk)
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    assert _verdicts(bench) == [("accept", True, "cv1_1")]
