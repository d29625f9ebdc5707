"""What the desk shows: hostile text as text, heat, markers, late scores; for every eye."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.driver import Bench, Desk, trace
from tests.browser.made_up import a_card

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>alert('s')</script> <img src=x onerror=alert('i')> <svg onload=alert('v')>\n\n"
    "![beacon](http://198.51.100.7/p.png) [link](javascript:alert('l')) $x$ $$\\alpha$$\n\n"
    "</div></li><iframe src='http://198.51.100.7/'></iframe><style>*{display:none}</style>\n\n"
    "{{7*7}} ${7*7} :material/star: :red[no] <b onmouseover=alert(1)>bold</b> &amp; &#60;"
)


def test_hostile_text_is_shown_as_text(bench: Bench) -> None:
    bench.lay(
        [
            a_card(
                HOSTILE, 1, prompt=HOSTILE, reference_answer=HOSTILE, final_answer=HOSTILE,
                teacher=HOSTILE, why=HOSTILE, context_text=HOSTILE, reference_solution=HOSTILE,
                domain=HOSTILE, teacher_context="hint",
            ),
            a_card("plain", 2),
        ]
    )  # fmt: skip
    desk = bench.tab().open()
    first = desk.find(".step .body").first
    assert first.inner_text().replace("↵", "").startswith(HOSTILE.split("\n\n", maxsplit=1)[0])
    expect(desk.find(".prompt")).to_have_text(HOSTILE, use_inner_text=True)
    for summary in desk.find("summary").all():
        summary.click()
    desk.press("h", "h", "m", ".", "?")
    desk.press("Escape", "a").wait_for_card(trace(2)).wait_until_saved(1)
    desk.press("u").wait_for_card(trace(1))
    strangers = desk.find(":is(script, img, iframe, style, b, a, object, embed, form)")
    assert strangers.count() == 0
    assert desk.find("*").evaluate_all(
        "nodes => nodes.filter((n) => [...n.attributes].some((a) => /^on/.test(a.name))).length"
    ) == 0  # fmt: skip


def test_characters_that_hide_or_reorder_are_made_visible(bench: Bench) -> None:
    text = "pay \u202eevil\u202c a\u200bb x\u2066y\u2069 \u0007 tag\U000e0041 half\u00adway"
    bench.lay([a_card(text, 1, prompt=f"\u202e{text}", why=f"\u202e{text}"), a_card("next", 2)])
    desk = bench.tab().open()
    shown = desk.find(".step .hidden-char").evaluate_all("nodes => nodes.map((n) => n.dataset.u)")
    assert shown == [
        "U+202E", "U+202C", "U+200B", "U+2066", "U+2069", "U+0007", "U+E0041", "U+00AD",
    ]  # fmt: skip
    everything = desk.page.locator(".desk").inner_text()
    assert not set(everything) & set("\u202e\u202c\u200b\u2066\u2069\u0007\U000e0041\u00ad")
    labels = desk.find("[title], [aria-label]").evaluate_all(
        "nodes => nodes.map((n) => `${n.title} ${n.getAttribute('aria-label')}`).join()"
    )
    assert "\u202e" not in labels


def test_joiners_that_do_honest_work_are_left_alone(bench: Bench) -> None:
    england = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    text = f"👩\u200d👩\u200d👧 می\u200cروم क्\u200dष {england}"
    bench.lay([a_card(text, 1)])
    desk = bench.tab().open()
    expect(desk.find(".step .hidden-char")).to_have_count(0)
    assert desk.find(".step .body").inner_text() == text


def test_tokens_inside_one_character_are_shown_together(bench: Bench) -> None:
    # 👩‍👧 is three code points, here in four tokens, two of them inside the first; é is two.
    text = "a 👩\u200d👧 e\u0301!"
    tokens = {
        "token_id": [1, 2, 3, 4, 5, 6, 7, 8],
        "start_char": [0, 1, 2, 3, 4, 5, 7, 8],
        "end_char": [1, 3, 3, 4, 5, 7, 8, 9],
        "logprob_nats": [-0.01, -0.2, -9.0, -0.3, -0.4, -0.05, -0.06, -0.07],
        "rank": [1] * 8,
        "entropy_nats": [0.1] * 8,
    }
    bench.lay([a_card(text, 1, tokens=tokens)])
    desk = bench.tab().open()
    pieces = desk.find(".step .t").all_inner_texts()
    assert pieces == ["a", " 👩\u200d👧", " e\u0301", "!"]
    assert "".join(pieces) == text
    # The strongest of the four colours the character: 9 nats lie above 8, the last class.
    expect(desk.find(".step .t").nth(1)).to_have_class(re.compile(r"\bs7\b"))
    desk.find(".step .t").nth(1).hover()
    expect(desk.find(".readout")).to_contain_text("−0.2000 · −9.0000 · −0.3000 · −0.4000 nats")


def test_heat_and_markers_stand_together_with_exact_values(bench: Bench) -> None:
    text = "So perhaps not."
    tokens = {
        "token_id": [11, 12, 13, 14, 15],
        "start_char": [0, 2, 6, 10, 14],
        "end_char": [2, 6, 10, 14, 15],
        "logprob_nats": [-0.02, -4.4321, -0.7, -0.3, -0.02],
        "rank": [1, 57, 2, 1, 1],
        "entropy_nats": [0.05, 3.25, 1.5, 0.7, 0.1],
    }
    bench.lay([a_card(text, 1, tokens=tokens, marker_words=["of <b>not</b>"])])
    desk = bench.tab().open()
    marked = desk.find(".step .m-hedge")
    assert "".join(marked.all_inner_texts()) == "perhaps"
    piece = marked.first  # "per", of the token " per"
    style = "(node, name) => getComputedStyle(node)[name]"
    assert piece.evaluate(style, "textDecorationLine") == "underline"
    surprisal = piece.evaluate(style, "backgroundColor")
    plain = desk.find(".step .t").first.evaluate(style, "backgroundColor")
    assert surprisal != plain == "rgba(0, 0, 0, 0)"
    piece.hover()
    readout = desk.find(".readout")
    for words in ("log-likelihood −4.4321 nats", "rank 57", "entropy 3.2500 nats", "token 12"):
        expect(readout).to_contain_text(words)
    expect(readout).to_contain_text("marker hedge (of <b>not</b>)")
    box = readout.bounding_box()
    desk.press("h")
    expect(desk.find(".steps")).to_have_attribute("data-heat", "rank")
    assert piece.evaluate(style, "backgroundColor") not in (surprisal, plain)
    expect(desk.find(".legend")).to_contain_text("place in the student's list")
    desk.press("h", "h")
    expect(desk.find(".steps")).to_have_attribute("data-heat", "off")
    assert piece.evaluate(style, "backgroundColor") == plain
    assert piece.evaluate(style, "textDecorationLine") == "underline"
    desk.press("m")
    assert piece.evaluate(style, "textDecorationLine") == "none"
    assert readout.bounding_box() == box
    # The choice outlives a reload.
    desk.open()
    expect(desk.find(".steps")).to_have_attribute("data-heat", "off")


@pytest.mark.parametrize("text", ["x" * 200_000, "ab " * 66_666, "🌿" * 100_000])
def test_a_trace_of_200_000_characters_stays_usable(bench: Bench, text: str) -> None:
    bench.lay([a_card(text.strip(), 1), a_card("plain", 2)])
    desk = bench.tab().open()
    assert desk.find(".step").first.evaluate("node => node.scrollWidth <= node.clientWidth")
    fold = desk.page.get_by_role("button", name=re.compile("Show all .* characters of step 1"))
    fold.click()
    expect(desk.page.get_by_role("button", name="Fold step 1")).to_be_visible()
    assert len(desk.find(".step .body").first.inner_text()) == len(text.strip())
    desk.press("j", ".", "h", "a").wait_for_card(trace(2)).wait_until_saved(1)


def test_a_long_trace_decorates_its_steps_when_they_come_near(bench: Bench) -> None:
    text = "\n\n".join(f"Step number {n} goes on, perhaps." * 6 for n in range(300))
    bench.lay([a_card(text, 1)])
    desk = bench.tab().open()
    last = desk.find(".step").last
    expect(last.locator(".t")).to_have_count(0)
    assert "Step number 299" in (last.text_content() or "")
    last.scroll_into_view_if_needed()
    expect(last.locator(".t").first).to_be_attached()


def test_scores_that_arrive_late_are_painted_in_place(bench: Bench) -> None:
    text = "\n\n".join(f"Step {n}: wait, perhaps it is {n}." * 4 for n in range(40))
    bench.lay([a_card(text, 1), a_card("next", 2)], scored=[])
    (bench.home / "resting").write_text("The scorer is paused.")
    desk = bench.tab(every=0.3).open()
    expect(desk.find(".legend")).to_have_text("Not scored yet. The scorer is paused.")
    (bench.home / "resting").unlink()
    expect(desk.find(".legend")).to_contain_text("Not scored yet: the student is still reading.")
    pane = desk.find(".pane")
    pane.evaluate("node => { node.scrollTop = 700; }")
    desk.press("t")
    desk.page.keyboard.type("half a no")
    bench.score(trace(1))
    expect(desk.find(".legend")).to_contain_text("nats per token")
    expect(desk.find(".step .t").first).to_be_attached()
    expect(desk.find(".numbers")).to_contain_text("Perplexity")
    desk.page.keyboard.type("te")
    expect(desk.find("textarea").first).to_have_value("half a note")
    assert pane.evaluate("node => node.scrollTop") == 700
    desk.press("Escape", "a").wait_until_saved(1)
    assert bench.rows[0]["convention_id"] == "cv1_1"


# Comfort and access -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size", [(1600, 950), (1000, 800), (420, 900)], ids=["wide", "middle", "narrow"]
)
def test_verdict_buttons_never_move(bench: Bench, size: tuple[int, int]) -> None:
    cards = [
        a_card("Short.", 1),
        a_card("Long. " * 900, 2, prompt="A long prompt. " * 60, with_tokens=False),
        a_card("Other. " * 30, 3, reference_answer=None, final_answer=None, why=None),
    ]
    bench.lay(cards)
    desk = bench.tab()
    desk.page.set_viewport_size({"width": size[0], "height": size[1]})
    desk.open()
    buttons = desk.find(".verdict")
    places = [[button.bounding_box() for button in buttons.all()]]
    for number in (2, 3):
        desk.press("n").wait_for_card(trace(number))
        places.append([button.bounding_box() for button in buttons.all()])
    assert places[0] == places[1] == places[2]
    for box in places[0]:
        assert box is not None
        assert min(box["x"], box["y"]) >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
    assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


CONTRAST = """([foreground, background]) => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
    const pen = canvas.getContext("2d", {willReadFrequently: true});
    const luminance = (...layers) => {
        for (const colour of layers) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
        const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [a, b] = [luminance(...background, foreground), luminance(...background)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stays_readable_on_every_strength_of_heat(
    bench: Bench, chromium: Browser, scheme: str
) -> None:
    context = chromium.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    desk = Desk(context, bench.server, home=bench.home.name).open()
    expect(desk.page.locator(".desk")).to_have_attribute("data-scheme", scheme)
    paper = desk.page.locator(".desk").evaluate("node => getComputedStyle(node).backgroundColor")
    for heat in ("surprisal", "rank", "entropy"):
        expect(desk.find(".steps")).to_have_attribute("data-heat", heat)
        swatches = desk.find(".legend .swatch")
        assert swatches.count() == 8
        for swatch in swatches.all():
            ink, ground = swatch.evaluate(
                "n => [getComputedStyle(n).color, getComputedStyle(n).backgroundColor]"
            )
            ratio = desk.page.evaluate(CONTRAST, [ink, [paper, ground]])
            assert ratio >= 4.5, (heat, ground, ratio)
        desk.press("h")
    for selector in (".verdict", ".dim", ".label", ".reason", ".badge", ".past"):
        for node in desk.find(selector).all():
            ink = node.evaluate("n => getComputedStyle(n).color")
            assert desk.page.evaluate(CONTRAST, [ink, [paper]]) >= 4.5, selector
    context.close()


def test_a_choice_is_shown_for_a_moment_without_delay(bench: Bench) -> None:
    desk = bench.tab().open()
    root = desk.page.locator(".desk")
    desk.press("x")
    # Both at once: the next card and the choice.
    assert root.evaluate("node => [node.dataset.flash, node.dataset.trace]") == ["reject", trace(2)]
    expect(root).not_to_have_attribute("data-flash", re.compile("."))


def test_the_next_card_begins_at_its_top(bench: Bench) -> None:
    bench.lay([a_card("Line.\n\n" * 200, 1), a_card("Line.\n\n" * 200, 2)])
    desk = bench.tab().open()
    pane = desk.find(".pane")
    pane.evaluate("node => { node.scrollTop = 900; }")
    desk.press("a").wait_for_card(trace(2))
    expect(pane).to_have_js_property("scrollTop", 0)
