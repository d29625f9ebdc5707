"""Edit and accept: what an edit changes, asked in a bare page; the whole road at the desk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from curation import desk
from tests.browser.driver import Bench, Desk, trace
from tests.browser.faults import FILL
from tests.browser.made_up import a_card, some_cards

pytestmark = pytest.mark.browser

HERE = Path(desk.__file__).parent
SOURCE = "\n".join(
    (HERE / name).read_text(encoding="utf-8") for name in ("text.js", "diff.js", "edits.js")
)
Ask = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def ask(chromium: Browser) -> Iterator[Ask]:
    """What a function of edits.js says of each of some things."""
    page = chromium.new_page()

    def run(function: str, things: Any) -> Any:
        return page.evaluate(
            f"(things) => {{ {SOURCE}; return things.map((one) => ({function})(one)) }}", things
        )

    yield run
    page.close()


def _texts(n: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of texts that share some lines and words: one of them is edits of the other."""
    rng = random.Random(seed)
    signs = [
        "a",
        "b ",
        "the ",
        "x = 3",
        " ",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        ".",
        "é",
        "👩‍🚀",
        "王",
        "\u202e",
    ]

    def text(most: int) -> str:
        return "".join(rng.choice(signs) for _ in range(rng.randrange(most)))

    pairs = []
    for _ in range(n):
        before = text(40)
        at, to = sorted(rng.randrange(len(before) + 1) for _ in "ab")
        pairs.append((before, before[:at] + text(6) + before[to:]))
    return pairs


def test_the_pieces_of_an_edit_are_the_two_texts(ask: Ask) -> None:
    pairs: list[tuple[str, str]] = _texts(3000, 5)
    line = "".join(f"so we add {i} and {i + 1}, which is {2 * i + 1}; " for i in range(5000))
    long = "\n".join(f"{i} of {'so it goes on and on; ' * 18}" for i in range(500))
    pairs += [
        (line, f"Hm. {line}no"),  # one line of 190,000 characters, changed at both ends
        (long, long.replace("250 of so", "250 of then").replace("499 of so", "499 of")),
        ("", "a"), ("a", ""), ("", ""),
    ]  # fmt: skip
    for (before, after), pieces in zip(
        pairs, ask("([a, b]) => changesBetween(a, b)", pairs), strict=True
    ):
        assert "".join(text for kind, text in pieces if kind != "new") == before
        assert "".join(text for kind, text in pieces if kind != "gone") == after
    said = ask("([a, b]) => changesBetween(a, b).filter(([k]) => k !== 'same')", pairs[3000:3002])
    assert said == [
        [["new", "Hm. "], ["new", "no"]],
        [["gone", "so"], ["new", "then"], ["gone", "so "]],
    ]


def test_what_is_not_typed_keeps_its_line_ends(ask: Ask) -> None:
    pairs = _texts(3000, 6)
    typed = [[before, after.replace("\r\n", "\n").replace("\r", "\n")] for before, after in pairs]
    for (before, field), stored in zip(
        typed, ask("([a, b]) => typedText(a, b)", typed), strict=True
    ):
        # As the field holds it, the stored text is what was typed.
        assert stored.replace("\r\n", "\n").replace("\r", "\n") == field
        if field == before.replace("\r\n", "\n").replace("\r", "\n"):
            assert stored == before
    assert ask(
        "([a, b]) => typedText(a, b)",
        [
            ["a\r\nb\r\nc", "a\nB\nc\nd"],
            ["a\rb", "a\nb"],
            ["a\r\nb", "a\nb\0\ud800"],
        ],
    ) == ["a\r\nB\r\nc\r\nd", "a\rb", "a\r\nb\ufffd"]


def test_changes_are_counted_by_place_and_word(ask: Ask) -> None:
    pairs = [
        ["The cat sat.\nIt purred.", "The dog sat.\nIt purred very loudly."],
        ["the same", "the same"],
    ]
    # cat -> dog, and two words more: two places, three in, one out.
    assert ask("([a, b]) => countWords(changeCounts(changesBetween(a, b)))", pairs) == [
        "2 changes: 3 words or signs in, 1 word or sign out",
        "0 changes: 0 words or signs in, 0 words or signs out",
    ]


def test_what_stands_around_a_change_is_cut_between_words(ask: Ask) -> None:
    # 140 characters; the last 80 begin with "two three", the first 80 end in "one two th".
    text = "one two three " * 10
    ends, begins = ask("(text) => [endOf(text), beginningOf(text)]", [text])[0]
    assert ends == "… three " + "one two three " * 5
    assert begins == "one two three " * 5 + "one two …"
    assert ask("(text) => [endOf(text), beginningOf(text)]", ["short "]) == [["short ", "short "]]


# The whole road -----------------------------------------------------------------------------------


def _field(desk: Desk) -> Any:
    return desk.find(".edit-field")


def test_an_edit_is_drafted_kept_accepted_shown_and_taken_back(bench: Bench) -> None:
    original = "Take 3 and 4.\n\nClearly it is 7."
    better = "Take 3 and 4.\n\nI think it is 7."
    bench.lay([a_card(original, 1), *some_cards(3)[1:]])
    desk = bench.tab().open()
    desk.press("e")
    expect(_field(desk)).to_be_focused()
    expect(_field(desk)).to_have_value(original)
    # Keys write here, and nothing is accepted that is the original's own text.
    desk.press("Control+Enter")
    expect(desk.find(".editing [role=status]")).to_contain_text("Nothing changed")
    _field(desk).fill(better)
    expect(desk.find(".editor ins")).to_have_text("I think")
    expect(desk.find(".editor del")).to_have_text("Clearly")
    expect(desk.find(".editing [role=status]")).to_contain_text("1 change: 2 words")
    # Esc keeps a draft, and so do a verdict that waits for the editor and a reload.
    desk.find(".verdict.accept").click()
    expect(_field(desk)).to_be_focused()
    desk.press("Escape")
    expect(desk.find(".pane")).to_be_focused()
    desk.open()
    expect(desk.find(".edited .draft")).to_be_visible()
    desk.press("e")
    expect(_field(desk)).to_have_value(better)
    desk.press("Control+Enter").wait_for_card(trace(2)).wait_until_saved(1)
    assert bench.rows[0]["verdict"] == "accept"
    assert bench.rows[0]["extra"]["edit"]["text"] == better
    # Back at the card it says what was changed: from memory, and from the server after a reload.
    for _ in "ab":
        desk.press("p").wait_for_card(trace(1))
        expect(desk.find(".edited summary")).to_contain_text("Accepted with an edit")
        expect(desk.find(".edited ins")).to_have_text("I think")
        expect(desk.find(".edited .draft")).to_have_count(0)
        assert desk.find(".step .body").last.inner_text() == "Clearly it is 7."
        desk.open()
    # Undo without the card at hand: the edit is a draft again.
    desk.press("u").wait_for_card(trace(1)).wait_until_saved(2)
    expect(desk.find(".edited .draft")).to_be_visible()
    expect(desk.find(".edited summary")).to_have_count(0)
    desk.press("e")
    expect(_field(desk)).to_have_value(better)
    desk.find(".editing").get_by_text("Back to the original").click()
    expect(_field(desk)).to_have_value(original)
    desk.press("Escape", "a").wait_for_card(trace(2)).wait_until_saved(3)
    assert "edit" not in bench.rows[2]["extra"]


def test_an_edit_waits_for_the_server_even_where_the_browser_has_no_room(bench: Bench) -> None:
    text = "\r\n".join(f"Line {i} of <b>many</b>." for i in range(3))
    bench.lay([a_card(text, 1), *some_cards(3)[1:]])
    (bench.home / "busy").touch()
    desk = bench.tab().open()
    desk.page.evaluate(FILL)
    desk.press("e")
    _field(desk).press("Control+End")
    desk.page.keyboard.type(" ax1u")
    expect(desk.find(".editing [role=status]")).to_contain_text("only in this tab")
    assert desk.shown == trace(1)
    desk.press("Control+Enter").wait_for_card(trace(2)).wait_for_receipt("only in this tab")
    desk.press("p").wait_for_card(trace(1))
    expect(desk.find(".edited ins")).to_have_text("ax1u")
    (bench.home / "busy").unlink()
    desk.wait_until_saved(1)
    # What was not typed has the line ends that it had.
    assert bench.rows[0]["extra"]["edit"]["text"] == f"{text} ax1u"


def test_an_edit_that_the_server_refuses_is_a_draft_again_when_it_is_given_up(bench: Bench) -> None:
    bench.lay([a_card("It is\u200b 4.", 1), *some_cards(3)[1:]])
    desk = bench.tab().open()
    desk.press("t")
    desk.page.keyboard.type("refuse me")
    desk.press("Escape", "e")
    expect(desk.find(".editing [role=status]")).to_contain_text("1 invisible character")
    _field(desk).fill("Perhaps it is 4.")
    desk.press("Control+Enter").wait_for_card(trace(2)).wait_for_receipt("1 not stored")
    for _ in "ab":
        desk.find(".receipt").get_by_text("Discard").click()
    desk.wait_for_receipt("nothing to save yet")
    desk.open()
    desk.wait_for_card(trace(1)).press("e")
    expect(_field(desk)).to_have_value("Perhaps it is 4.")
    assert bench.rows == []
