"""Keys as a reviewer wants them: changed in the sheet, named anew everywhere, carried along."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.driver import Bench, Desk, trace

pytestmark = pytest.mark.browser

PRESS = """([key, code]) => document.dispatchEvent(new KeyboardEvent("keydown",
    {key, code, bubbles: true, composed: true, cancelable: true}))"""


def _change(desk: Desk, action: str) -> Locator:
    """Ask in the open sheet for another key of an action; where the sheet says what came of it."""
    desk.find(f"[data-change='{action}']").click()
    said = desk.find(".sheet .said")
    expect(said).to_contain_text("Press the new key for: ")
    return said


def test_a_changed_key_decides_is_named_everywhere_and_outlives_a_reload(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("?")
    said = _change(desk, "accept")
    desk.press("q")
    expect(said).to_have_text("q now does it: accept.")
    said = _change(desk, "undo")
    desk.press("z")
    expect(said).to_contain_text("z now does it")
    desk.press("Escape")
    expect(desk.find(".sheet")).to_be_hidden()
    # a accepts no more and Backspace takes nothing back: an action has the keys it was given.
    desk.press("a")
    assert desk.shown == trace(1)
    desk.press("q").wait_for_card(trace(2)).press("Backspace")
    assert desk.shown == trace(2)
    desk.press("z").wait_for_card(trace(1)).wait_until_saved(2)
    assert bench.said() == [("1", "accept"), ("1", None)]
    desk.open()
    accept = desk.find(".verdict.accept")
    expect(accept.locator("kbd")).to_have_text("q")
    expect(accept).to_have_attribute("aria-keyshortcuts", "q")
    expect(desk.find(".undo")).to_have_attribute("aria-keyshortcuts", "z")
    desk.press("q", "n", "p", "p")
    expect(desk.find(".banner")).to_contain_text("z takes it back")


def test_a_key_that_is_taken_or_reserved_is_refused_with_the_reason(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("?")
    said = _change(desk, "accept")
    for key, why in (
        ("x", "x is taken: reject."),
        ("Backspace", "backspace is taken: undo the last decision"),
        ("c", "c is reserved: Streamlit"),
        ("r", "r is reserved: Streamlit"),
        ("1", "1 is reserved: it rejects with that reason."),
        ("Enter", "Enter is reserved"),
        ("PageDown", "PageDown is reserved: the browser needs it."),
        ("Control+q", "That press is no key of its own"),
    ):
        desk.press(key)
        expect(said).to_contain_text(why)
    desk.press("Escape")
    expect(desk.find(".sheet")).to_be_visible()
    expect(said).to_contain_text("Press “change” beside an action")
    # Streamlit heard none of it: its dialog of the caches is not there.
    expect(desk.page.get_by_role("dialog")).to_have_count(1)
    desk.press("?", "a").wait_for_card(trace(2)).wait_until_saved(1)
    assert bench.said() == [("1", "accept")]


def test_a_key_is_changed_by_its_letter_or_its_place(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("?")
    for action, (key, code), cap in (
        ("accept", ("й", "KeyQ"), "q"),  # Russian: the key where q is
        ("flag", ("q", "KeyA"), None),  # French: q by what it writes, which is taken now
        ("flag", ("ö", "Semicolon"), ";"),  # German: the key where ; is
    ):
        said = _change(desk, action)
        desk.page.evaluate(PRESS, [key, code])
        expect(said).to_contain_text(f"{cap} now does it" if cap else "q is taken: accept.")
    desk.press("Escape", "q", ";").wait_for_card(trace(3)).wait_until_saved(2)
    assert bench.said() == [("1", "accept"), ("2", "flag")]


def test_keys_travel_as_a_line_and_go_back_to_the_defaults(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("?")
    line, said = desk.find(".sheet .line"), desk.find(".sheet .said")
    use = desk.page.get_by_role("button", name="Use this line")
    line.fill('{"accept": "q", "skip": "Delete"}')
    use.click()
    expect(said).to_contain_text("The keys are changed.")
    expect(line).to_have_value('{"accept":"q","skip":"Delete"}')
    for wrong, why in (
        ("not a line", "This is no line of keys"),
        ('{"fly": "q"}', 'The desk has no action "fly"'),
        ('{"accept": "c"}', "c is reserved"),
        ('{"accept": "q", "flag": "q"}', "q stands there for two actions."),
        ('{"accept": {}}', "is no key for accept"),
    ):
        line.fill(wrong)
        use.click()
        expect(said).to_contain_text(why)
    # A refused line changes nothing.
    desk.press("Escape", "q", "Delete").wait_for_card(trace(3)).press("?")
    desk.page.get_by_role("button", name="Back to the defaults").click()
    expect(line).to_have_value("{}")
    desk.press("Escape", "a").wait_for_card(trace(4)).wait_until_saved(3)
    assert bench.said() == [("1", "accept"), ("2", "skip"), ("3", "accept")]


def test_streamlits_keys_are_letters_where_one_types(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("t")
    desk.page.keyboard.type("cr ?[")
    expect(desk.find("textarea").first).to_have_value("cr ?[")
    desk.press("Escape", "?")
    desk.find(".sheet .line").focus()
    desk.page.keyboard.type("cr?")
    expect(desk.find(".sheet .line")).to_have_value("{}cr?")
    # No dialog of Streamlit's opened; ours is the only one.
    expect(desk.page.get_by_role("dialog")).to_have_count(1)
    expect(desk.find(".sheet")).to_be_visible()


def test_two_tabs_have_the_same_keys_and_a_spoilt_line_leaves_the_defaults(bench: Bench) -> None:
    first, second = bench.tab().open(), bench.tab().open()
    first.press("?")
    _change(first, "reject")
    first.press("q")
    expect(second.find(".verdict.reject kbd")).to_have_text("q")
    second.page.evaluate("localStorage.setItem('hedgerow/1-keys', '{\"accept\":\"c\"}')")
    second.open()
    expect(second.find(".verdict.reject kbd")).to_have_text("x")
    second.press("x").wait_for_card(trace(2)).wait_until_saved(1)


def test_the_text_has_five_sizes_that_the_browser_keeps(bench: Bench) -> None:
    desk = bench.tab().open()
    body = desk.find(".body").first

    def size() -> float:
        return float(body.evaluate("node => parseFloat(getComputedStyle(node).fontSize)"))

    # 16 px at 0.875, 1, 1.15, 1.35 and 1.6; the keys stop at the ends.
    seen = [size()]
    for key in "]]]][[[[[":
        desk.press(key)
        seen.append(size())
    assert seen == pytest.approx([16, 18.4, 21.6, 25.6, 25.6, 21.6, 18.4, 16, 14, 14])
    expect(desk.page.get_by_role("button", name="smaller text")).to_be_disabled()
    desk.page.get_by_role("button", name="larger text").click(click_count=2, delay=10)
    desk.page.get_by_role("button", name="larger text").click()
    desk.open()
    expect(desk.page.locator(".desk")).to_have_attribute("data-text-size", "3")
    assert size() == pytest.approx(18.4)
