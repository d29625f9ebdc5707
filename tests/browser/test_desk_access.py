"""The desk without a mouse, without sight, in a small window, in colours of one's own."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.driver import Bench, Desk, trace

pytestmark = pytest.mark.browser

FOCUSED = """() => {
    let node = document.activeElement;
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
    if (!node?.getRootNode().host) return null;
    return node.getAttribute("aria-label") ?? node.closest("label")?.textContent
        ?? node.textContent.replace(/\\s+/g, " ").trim();
}"""


def _focused(desk: Desk) -> str | None:
    """The name or text of what has the focus inside the desk; None outside of it."""
    name: str | None = desk.page.evaluate(FOCUSED)
    return name


def _tab_until(desk: Desk, name: str) -> None:
    """Press Tab until the control of this name has the focus, once around the page at most."""
    for _ in range(80):
        desk.press("Tab")
        if (_focused(desk) or "").startswith(name):
            return
    raise AssertionError(f"Tab never came to {name!r}.")


def test_tab_walks_the_desk_in_reading_order_and_out_of_it_again(bench: Bench) -> None:
    desk = bench.tab(sidebar=1).open()
    # From a field of the page before the desk, through it, and out behind it: no trap.
    desk.page.get_by_role("button", name="A button of the page").focus()
    order: list[str] = []
    for _ in range(60):
        desk.press("Tab")
        name = _focused(desk)
        if name is not None:
            order.append(name)
        elif order:
            break
    assert _focused(desk) is None
    wanted = [
        "off", "surprisal", "rank", "entropy", "hedges", "privilege", "markers", "A−", "A+", "keys",
        "Problem and answers", "Reasoning trace, in steps", "Accept", "Reject", "Skip", "Flag",
        "Undo last", "1", "9", "+", "0", "−", "Note", "Directive",
    ]  # fmt: skip
    # Each is found behind the one before it.
    at = 0
    for name in wanted:
        later = [i for i in range(at, len(order)) if order[i].startswith(name)]
        assert later, f"{name} does not come after {order[:at]}"
        at = later[0] + 1


def test_the_whole_desk_works_without_a_mouse(bench: Bench) -> None:
    desk = bench.tab().open()
    spoken = desk.find(".spoken")
    for name, result in (
        ("rank", "Heatmap rank"),
        ("markers", "Markers off"),
        ("A+", "Text size 3 of 5"),
    ):
        _tab_until(desk, name)
        desk.press("Enter")
        expect(spoken).to_have_text(result)
    _tab_until(desk, "keys")
    desk.press("Enter")
    expect(desk.find(".sheet")).to_be_visible()
    # Inside a modal dialog Tab comes to its own controls; closed, it gives the focus back.
    _tab_until(desk, "change the key: flag")
    desk.press("Enter", "q", "Escape")
    expect(desk.find(".sheet")).to_be_hidden()
    assert (_focused(desk) or "").startswith("keys")
    desk.press("j", "j")
    _tab_until(desk, "−")
    desk.press("Space")
    expect(spoken).to_have_text("Step 2: bad.")
    _tab_until(desk, "Note")
    desk.page.keyboard.type("typed")
    desk.press("Escape", "q").wait_for_card(trace(2))
    expect(spoken).to_contain_text("Flagged. Next: Problem 2")
    _tab_until(desk, "3")
    desk.press("Enter").wait_for_card(trace(3)).wait_until_saved(2)
    expect(spoken).to_contain_text("Rejected, Leaks privilege. Next: Problem 3")
    _tab_until(desk, "Undo last")
    desk.press("Space").wait_for_card(trace(2)).wait_until_saved(3)
    expect(spoken).to_contain_text("Taken back: Rejected. The card is here again.")
    _tab_until(desk, "Flagged #1")
    desk.press("Enter").wait_for_card(trace(1))
    first = bench.rows[0]
    assert (first["verdict"], first["note"]) == ("flag", "typed")
    assert [(said["step"], said["verdict"]) for said in first["extra"]["steps"]] == [(1, -1)]


def test_a_screen_reader_finds_landmarks_names_and_the_text_of_every_colour(bench: Bench) -> None:
    desk = bench.tab().open()
    page = desk.page
    for region in ("Problem and answers", "Trace", "Verdict", "Reasoning trace, in steps"):
        expect(page.get_by_role("region", name=region, exact=True)).to_be_visible()
    for heading in (
        "Review desk",
        "Prompt",
        "Reference answer",
        "Trace",
        "Verdict",
        "The student's view",
    ):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_attached()
    for name, keys in (("Accept", "a"), ("Skip", "Space"), ("This step is good", "Plus g")):
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-keyshortcuts", keys)
    for name in ("Reject: Leaks privilege", "Undo last decision", "A− smaller text"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    for label in ("Note", "Directive"):
        expect(page.get_by_role("textbox", name=label)).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="nothing to save yet")).to_be_visible()
    desk.press("n")
    expect(desk.find(".spoken")).to_contain_text("Card: Problem 2")
    # Heat and markers are colours and lines: the token cursor says both in words.
    desk.press("j", "j")
    for _ in range(40):
        desk.press(".")
        if "marker" in (desk.find(".spoken").text_content() or ""):
            break
    expect(desk.find(".spoken")).to_contain_text("log-likelihood")
    expect(desk.find(".spoken")).to_contain_text("rank")
    expect(desk.find(".spoken")).to_contain_text("marker ")


@pytest.mark.parametrize(
    ("width", "height"), [(800, 700), (480, 800), (700, 450), (1400, 420)], ids=str
)
def test_small_windows_keep_verdict_card_and_receipt_in_reach(
    bench: Bench, width: int, height: int
) -> None:
    """(700, 450) is a window of 1400 × 900 at 200 % zoom."""
    desk = bench.tab()
    desk.page.set_viewport_size({"width": width, "height": height})
    desk.open()
    desk.press("]", "]", "]")
    desk.find(".pane").scroll_into_view_if_needed()
    boxes = []
    for verdict in ("accept", "reject", "skip", "flag"):
        button = desk.find(f".verdict.{verdict}")
        expect(button).to_be_in_viewport(ratio=0.99)
        boxes.append(button.bounding_box())
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert one is not None
            assert other is not None
            apart_x = (
                one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            )
            apart_y = (
                one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            )
            assert apart_x or apart_y
    # The trace keeps a line at least, and the foot a place of its own.
    pane, foot = desk.find(".pane").bounding_box(), desk.find(".foot").bounding_box()
    assert pane is not None
    assert foot is not None
    assert pane["height"] >= 40
    assert pane["y"] + pane["height"] <= foot["y"] + 1
    expect(desk.page.get_by_role("button", name="Undo last decision", exact=True)).to_be_attached()
    # Nothing is wider than the window, and what lies below is scrolled to.
    assert desk.page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".every((node) => node.scrollWidth <= node.clientWidth)"
    )
    for part in (".body >> nth=0", ".prompt", ".receipt", "textarea >> nth=0", ".undo"):
        desk.find(part).scroll_into_view_if_needed()
        expect(desk.find(part)).to_be_in_viewport()
        desk.find(part).click(trial=True)
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)


def test_reduced_motion_and_forced_colours_lose_nothing(bench: Bench, chromium: Browser) -> None:
    context = chromium.new_context(reduced_motion="reduce", forced_colors="active")
    desk = Desk(context, bench.server, home=bench.home.name).open()
    desk.press("a").wait_for_card(trace(2))
    assert (
        desk.page.locator(".desk").evaluate("node => node.getAnimations({ subtree: true }).length")
        == 0
    )

    def look(selector: str, *names: str) -> list[str]:
        found: list[str] = desk.find(selector).first.evaluate(
            "(node, names) => names.map((name) => getComputedStyle(node)[name])", list(names)
        )
        return found

    # Which heat is on, and what has the focus, is told by more than a colour that is taken away.
    on = look("[data-heat=surprisal][aria-pressed=true]", "backgroundColor", "color")
    assert on != look("[data-heat=rank][aria-pressed=false]", "backgroundColor", "color")
    desk.press("j")
    assert look(".step:focus", "outlineStyle") == ["solid"]
    desk.find(".pane").focus()
    desk.press("Tab")
    assert (
        desk.find(":focus-visible").first.evaluate("node => getComputedStyle(node).outlineStyle")
        == "solid"
    )
    context.close()
