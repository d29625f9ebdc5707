"""The rendered view in a browser: formulas and Markdown stand there, and nothing else happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Dialog, expect

from curation import rendering
from curation.desk import rendered
from curation.settings import ROOT
from tests.browser.driver import Bench, trace
from tests.browser.made_up import a_card
from tests.hostile import HOSTILE, MARKUP

pytestmark = pytest.mark.browser

DESK: Path = ROOT / "curation" / "desk"
STRANGERS = (
    ":is(script, img, iframe, style, a, object, embed, form, base, meta, link, video, .rich input)"
)


def test_w_shows_markdown_and_formulas_and_steps_keep_their_verdicts(bench: Bench) -> None:
    text = (
        "**First**: $\\frac{1}{2}$ of it costs $5.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "Then $\\foo$."
    )
    bench.lay(
        [
            a_card(text, 1, prompt="What is $x^2$?"),
            a_card("And **again**.", 2),
            a_card("z" * 60_001, 3),
        ]
    )
    desk = bench.tab().open()
    expect(desk.find(".step .rich")).to_have_count(0)  # nobody asked
    desk.press("w")
    expect(desk.find(".step .rich mfrac")).to_be_visible()
    expect(desk.find(".problem .rich msup")).to_be_visible()
    expect(desk.find(".step .rich td")).to_have_count(2)
    expect(desk.find(".step .rich .source")).to_have_text("$\\foo$")
    expect(desk.find(".step .body").first).to_be_hidden()
    expect(desk.find(".readout")).to_be_hidden()
    desk.press("j", "j", "-")
    expect(desk.find(".step .judged").nth(1)).to_have_attribute("data-verdict", "-1")
    desk.press("a").wait_for_card(trace(2))
    expect(desk.find(".step .rich strong")).to_be_visible()
    # The choice outlives the page, and the next card says why it is not rendered.
    desk.open().wait_for_card(trace(2))
    expect(desk.find(".step .rich strong")).to_be_visible()
    desk.press("x").wait_for_card(trace(3))
    expect(desk.find(".view-note")).to_contain_text("60,001 characters; up to 60,000 are rendered")
    expect(desk.find(".step .body")).to_be_visible()
    desk.press("w").press("p").wait_for_card(trace(2))
    expect(desk.find(".step .body")).to_be_visible()
    expect(desk.find(".step .rich")).to_be_hidden()
    desk.wait_until_saved(2)
    assert [row["verdict"] for row in bench.rows] == ["accept", "reject"]
    assert bench.rows[0]["extra"]["steps"] == [{"step": 1, "verdict": -1}]


def test_hostile_text_rendered_asks_for_nothing_and_does_nothing(bench: Bench) -> None:
    """The context fails where a request leaves, the bench where a dialog opens or a page breaks."""
    half = len(HOSTILE) // 2
    cards = [
        a_card("\n\n".join(HOSTILE[:half]), 1, prompt=HOSTILE[0]),
        a_card("\n\n".join(HOSTILE[half:]), 2, prompt="\n\n".join(HOSTILE[:40])),
        *(a_card(text, 3 + n, prompt=text) for n, text in enumerate(HOSTILE[:3])),
    ]  # fmt: skip
    bench.lay(cards)
    desk = bench.tab().open().press("w")
    for card in cards:
        desk.wait_for_card(card["trace_id"])
        expect(desk.find(".view-note")).to_contain_text("Rendered.")
        assert desk.find(".step .rich").count() == len(card["steps"])
        assert desk.find(STRANGERS).count() == 0
        assert desk.find(".rich *").evaluate_all(
            "nodes => nodes.flatMap((n) => [...n.attributes].map((a) => a.name)).filter((name) =>"
            " /^on|href|src|style|^id$|action|xlink/.test(name))"
        ) == []  # fmt: skip
        desk.press("j", "k", "a")
    desk.wait_for_phase("end").wait_until_saved(len(cards))
    assert desk.page.url == desk.url


def test_the_browsers_own_copy_lets_nothing_pass_that_the_sanitiser_would(
    context: BrowserContext,
) -> None:
    """The second fence alone: raw hostile HTML, as if nothing had sanitised it."""
    page = context.new_page()
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.add_script_tag(
        content=f"const RENDERED = {json.dumps(rendered.ALLOWED)};\n"
        + "\n".join((DESK / name).read_text("utf-8") for name in ("text.js", "rendered.js"))
    )
    left = page.evaluate(
        """texts => texts.flatMap((html) => {
            document.body.replaceChildren(richNodes(html));
            return [...document.body.querySelectorAll("*:not(.hidden-char)")].flatMap(
                (n) => [n.localName, ...[...n.attributes].map((a) => `@${a.name}=${a.value}`)]);
        })""",
        [*MARKUP, "<p class='sheet boxed' id=x><ol start='2' type=a><li value=3>x</li></ol>"],
    )  # fmt: skip
    attributes = {name for name in left if name.startswith("@")}
    assert attributes == {"@class=boxed", "@start=2"}
    assert set(left) - attributes <= rendering.TAGS
    assert {"p", "ol", "math", "mi"} <= set(left)
    assert dialogs == []
