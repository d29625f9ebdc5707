"""Labelled spans and confidence at the desk: by mouse, by keyboard, and kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.driver import Bench, Desk, trace
from tests.browser.made_up import a_card, some_cards

pytestmark = pytest.mark.browser

# Each 🌿 is one code point and two units of the browser; the zero-width space is shown as a badge.
TEXT = (
    "🌿🌿 The till starts empty.\n\nWait\u200b, 🌿 two maps come back; perhaps they are refunded."
)
WORDS_RECT = """([node, words]) => {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  const text = nodes.map((one) => one.data).join("");
  const place = (at) => {
    for (const one of nodes) {
      if (at <= one.data.length) return [one, at];
      at -= one.data.length;
    }
  };
  const from = text.indexOf(words);
  const rect = (at) => {
    const range = document.createRange();
    range.setStart(...place(at));
    range.collapse(true);
    return range.getBoundingClientRect();
  };
  const [a, b] = [rect(from), rect(from + words.length)];
  return [a.left, (a.top + a.bottom) / 2, b.left, (b.top + b.bottom) / 2];
}"""


def _drag_over(desk: Desk, words: str) -> None:
    """Select words of one step of the trace with the mouse."""
    step = desk.find(".step").filter(has_text=words).first
    body = step.locator(".body").element_handle()
    x, y, to_x, to_y = desk.page.evaluate(WORDS_RECT, [body, words])
    mouse = desk.page.mouse
    mouse.move(x + 1, y)
    mouse.down()
    mouse.move((x + to_x) / 2, (y + to_y) / 2)
    mouse.move(to_x, to_y)
    mouse.up()


def _listed(desk: Desk) -> list[tuple[str, str]]:
    """(label, words) of each line of the list beside the text."""
    names = desk.find(".spans .sp-name").all_text_contents()
    words = desk.find(".spans .sp-words").all_text_contents()
    return list(zip(names, words, strict=True))


@pytest.fixture
def leafy(bench: Bench) -> Bench:
    """Two cards; the first has characters beyond U+FFFF."""
    return bench.lay([a_card(TEXT, 1), *some_cards(2)[1:]])


def test_words_labelled_with_the_mouse_are_stored_in_code_points(leafy: Bench) -> None:
    desk = leafy.tab().open()
    _drag_over(desk, "two maps")
    menu = desk.page.get_by_role("dialog", name="Label the selection")
    # Offered, not open: keys still belong to the desk, so none stands on the labels.
    expect(menu).to_have_attribute("data-open", "false")
    menu.get_by_role("button", name="Wrong").click()
    expect(menu).to_be_hidden()
    assert _listed(desk) == [("Wrong", "two maps")]
    expect(desk.page.get_by_role("img", name="From here labelled Wrong:")).to_be_visible()
    assert "".join(desk.find(".sp[data-label='wrong']").all_text_contents()) == "two maps"
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    start = TEXT.index("two maps")
    assert leafy.rows[0]["extra"]["spans"] == [
        {"start": start, "end": start + len("two maps"), "label": "wrong"}
    ]


def test_a_span_made_by_keys_survives_a_reload_the_verdict_and_its_undo(leafy: Bench) -> None:
    desk = leafy.tab().open()
    # The step one stands on, its first word, the word behind, longer by two: "Wait" "," "🌿 two".
    desk.press("j", "j", "s", "ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "4")
    assert _listed(desk) == [("Good hesitation", "🌿 two")]
    desk.press("y", "y")
    expect(desk.find(".sure")).to_contain_text("fairly sure")
    desk.open()
    assert _listed(desk) == [("Good hesitation", "🌿 two")]
    expect(desk.find(".sure")).to_contain_text("fairly sure")
    desk.press("x").wait_for_card(trace(2)).wait_until_saved(1)
    assert _listed(desk) == []
    expect(desk.find(".sure")).to_contain_text("how sure?")
    desk.open().press("p").wait_for_card(trace(1))
    assert _listed(desk) == [("Good hesitation", "🌿 two")]
    expect(desk.find(".banner")).to_contain_text("You rejected this, fairly sure,")
    desk.press("u").wait_until_saved(2)
    assert _listed(desk) == [("Good hesitation", "🌿 two")]
    expect(desk.find(".sure")).to_contain_text("fairly sure")
    desk.press("y", "a").wait_for_card(trace(2)).wait_until_saved(3)
    first, undone, again = leafy.rows
    start = TEXT.index("🌿 two")
    assert first["extra"]["spans"] == again["extra"]["spans"]
    assert first["extra"]["spans"] == [
        {"start": start, "end": start + len("🌿 two"), "label": "good_hesitation"}
    ]
    assert "spans" not in undone["extra"]
    assert [row["extra"].get("confidence") for row in leafy.rows] == [2, None, 3]


def test_a_digit_in_the_menu_labels_and_rejects_nothing(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", ".", "s", "9")
    expect(desk.find(".spanmenu")).to_be_visible()
    desk.press("a", "x", "Escape")
    expect(desk.find(".spanmenu")).to_be_hidden()
    assert desk.shown == trace(1)
    # The token "The", then " till" by token, then taken back.
    desk.press("s", ".", "1")
    assert _listed(desk) == [("Leaks", "The till")]
    desk.press("s", "2")
    assert _listed(desk) == [("Wrong", "The"), ("Leaks", "The till")]
    desk.press("s", "Delete")
    assert _listed(desk) == [("Leaks", "The till")]
    assert bench.rows == []
    desk.press("2").wait_for_card(trace(2)).wait_until_saved(1)
    assert bench.rows[0]["reasons"] == ["wrong_step"]
    assert [span["label"] for span in bench.rows[0]["extra"]["spans"]] == ["leaks"]


def test_a_word_of_ones_own_and_the_same_word_from_the_list(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("j", "s", "0")
    desk.page.keyboard.type("  ax 1  of mine ")
    desk.press("Enter")
    assert [name for name, _ in _listed(desk)] == ["ax 1 of mine"]
    desk.press("j", "s", "0")
    desk.page.keyboard.type("unearned")
    desk.press("Enter")
    desk.find(".spans .drop").first.click()
    assert [name for name, _ in _listed(desk)] == ["Unearned"]
    desk.find(".pane").focus()
    desk.press("a").wait_until_saved(1)
    assert [span["label"] for span in bench.rows[0]["extra"]["spans"]] == ["unearned"]


def test_overlapping_spans_leave_text_heat_and_markers_as_they_are(bench: Bench) -> None:
    desk = bench.tab().open()
    text = desk.find(".leaf").text_content()
    looks = """nodes => {  // by token: its words, and heat and markers of each part
      const found = {};
      for (const { dataset, textContent, className } of nodes) {
        found[dataset.g] ??= ["", []];
        found[dataset.g][0] += textContent;
        if (!found[dataset.g][1].includes(className)) found[dataset.g][1].push(className);
      }
      return found;
    }"""
    before = desk.find(".t").evaluate_all(looks)
    desk.press("j", "j", "s", "1")
    _drag_over(desk, "come back; perhaps they")
    desk.press("s", "3")
    assert len(_listed(desk)) == 2
    expect(desk.find(".sp .sp").first).to_be_visible()
    assert desk.find(".leaf").text_content() == text
    assert desk.find(".t").evaluate_all(looks) == before


def test_shift_and_an_arrow_select_and_leave_the_card_where_it_is(bench: Bench) -> None:
    desk = bench.tab().open()
    desk.press("Shift+ArrowRight", "Shift+ArrowLeft")
    _drag_over(desk, "two maps")
    desk.press("Shift+ArrowRight", "Shift+ArrowRight", "s", "2")
    assert desk.shown == trace(1)
    ((label, words),) = _listed(desk)
    assert label == "Wrong"
    assert words.startswith("two maps")
    assert len(words) > len("two maps")
