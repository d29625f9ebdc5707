"""The student's profile on the desk, and the Scores page from choosing to reviewing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from curation import commands
from curation import store as stores
from curation.records import COMPATIBILITY_COLUMNS
from curation.settings import ROOT
from tests.browser.driver import Bench, Desk
from tests.browser.made_up import a_card
from tests.browser.server import Server
from tests.browser.test_desk_shown import CONTRAST
from tests.builders import a_pack

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


def a_profiled_card(number: int = 1, **more: Any) -> dict[str, Any]:
    """Eight steps, a curve over them with a doubt, a derailment and a jump, and two heats."""
    text = "\n\n".join(
        [
            "The till starts empty.", "Wait, is it?", "Yes: 14 maps.", "Hmm, at three coins.",
            "So the rest is clear.", "Hmm, two came back.", "Then 42 minus 6.", "Answer: 36",
        ]
    )  # fmt: skip
    card = a_card(text, number)
    n = len(card["tokens"]["start_char"])
    numbers: dict[str, Any] = dict.fromkeys(COMPATIBILITY_COLUMNS["belief"])
    curve = [-9.0, -8.8, -9.8, -6.0, -6.02, -2.5, -4.0, -3.6, -3.5]
    families = {
        "belief": {
            **numbers, "belief_before_nats": curve[0], "belief_after_nats": curve[-1],
            "belief_gain_nats": 5.5, "belief_jump_share": 0.69, "point_step": list(range(9)),
            "point_nats": curve, "point_rival_nats": [-5.0] * 9, "error": None,
        },
        "hedges": {"per_token": [0.5 if i % 7 == 3 else 0.0001 for i in range(n)], "error": None},
        "privilege": {
            "per_token": [min(lp + (1.5 if i % 2 else -1.5), 0.0)
                          for i, lp in enumerate(card["tokens"]["logprob_nats"])],
            "privilege_gain_per_token_nats": 0.25, "privileged_by": "answer", "error": None,
        },
    }  # fmt: skip
    more = {"percentiles": {"mean_nll_nats": 40.0}, "n_pool": 30, **more}
    return {**card, "families": families, **more}


def test_the_panel_says_what_each_number_means_when_asked(bench: Bench) -> None:
    bench.lay([a_profiled_card()])
    desk = bench.tab().open()
    rows = desk.find(".score")
    expect(rows).to_have_count(9)
    expect(desk.find(".warning")).to_contain_text("Only 30 traces")
    surprise = desk.find('[data-score="mean_nll_nats"]')
    expect(surprise).to_contain_text("Mean NLL")
    expect(surprise).to_contain_text("source prefers lower · above 40 % of 30")
    expect(desk.find('[data-score="belief_gain_nats"]')).to_contain_text("−9.00 → −3.50")
    expect(surprise.locator("p").first).not_to_be_visible()
    surprise.locator("summary").focus()
    desk.press("Enter")
    expect(surprise.locator("p").first).to_be_visible()
    expect(surprise).to_contain_text("Not for: Choosing traces by it alone")
    expect(surprise).to_contain_text("How surprised the student is by each token")
    # The key was the summary's own: nothing was decided.
    assert bench.rows == []


def test_the_curve_and_the_steps_lead_to_each_other(bench: Bench) -> None:
    bench.lay([a_profiled_card()])
    desk = bench.tab().open()
    curve = desk.find("svg.belief")
    expect(curve).to_be_visible()
    label = curve.get_attribute("aria-label") or ""
    assert "−9.00 nats before the trace, −3.50 nats after 8 steps" in label
    points = desk.find(".point")
    expect(points).to_have_count(9)
    kinds = desk.find(".belief .mark").evaluate_all(
        "nodes => nodes.map(n => [n.dataset.kind, n.dataset.step])"
    )
    # "Wait" at step 1 falls by 1 and is overtaken; "Hmm" at 3 stays; "Hmm" at 5 falls for good.
    for mark in (["productive doubt", "1"], ["decorative", "3"], ["derailment", "5"]):
        assert mark in kinds
    points.nth(6).hover()
    expect(desk.find('.step[data-step="5"]')).to_have_class("step pointed")
    expect(desk.find(".belief-head .reading")).to_contain_text("derailment")
    points.nth(6).click()
    expect(desk.find('.step[data-step="5"]')).to_be_focused()
    expect(desk.find(".belief .now")).to_have_attribute("data-step", "5")
    desk.press("j")
    expect(desk.find(".belief .now")).to_have_attribute("data-step", "6")
    # By keyboard along the curve, and into the trace.
    points.nth(6).focus()
    desk.press("ArrowLeft")
    expect(points.nth(5)).to_be_focused()
    # From -6.02 to -2.50: +3.52.
    told = re.compile(r"^after step 5 of 8: −2\.50 nats \(\+3\.52\), wrong answer −5\.00")
    expect(points.nth(5)).to_have_attribute("aria-label", told)
    desk.press("Enter")
    expect(desk.find('.step[data-step="4"]')).to_be_focused()


@pytest.mark.parametrize("heat", ["hedges", "privilege"])
def test_the_new_heats_colour_tokens_and_underline_missing_hedges(bench: Bench, heat: str) -> None:
    bench.lay([a_profiled_card()])
    desk = bench.tab().open()
    desk.press("h", "h", "h", *(["h"] if heat == "privilege" else []))
    expect(desk.find(".steps")).to_have_attribute("data-heat", heat)
    expect(desk.find(".legend .swatch")).to_have_count(8)
    unit = {"hedges": "probability that a hedge begins", "privilege": "nats gained by privilege"}
    expect(desk.find(".legend")).to_contain_text(unit[heat])
    missing = desk.find(".step .missing")
    assert missing.count() > 0
    style = "(node, name) => getComputedStyle(node)[name]"
    assert missing.first.evaluate(style, "boxShadow") != "none"
    # A mass of .5 is of class 6; a gain of -1.5 of class 1, of two sides.
    coloured = desk.find(f".step .{'h6' if heat == 'hedges' else 'p1'}").first
    assert coloured.evaluate(style, "backgroundColor") != "rgba(0, 0, 0, 0)"
    missing.first.hover()
    expect(desk.find(".readout")).to_contain_text("hedge 0.5000")
    desk.press("h", *(["h"] if heat == "hedges" else []))
    expect(desk.find(".steps")).to_have_attribute("data-heat", "off")
    assert missing.first.evaluate(style, "boxShadow") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stays_readable_on_the_new_heats(bench: Bench, chromium: Browser, scheme: str) -> None:
    bench.lay([a_profiled_card()])
    context = chromium.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    desk = Desk(context, bench.server, home=bench.home.name).open()
    expect(desk.page.locator(".desk")).to_have_attribute("data-scheme", scheme)
    paper = desk.page.locator(".desk").evaluate("node => getComputedStyle(node).backgroundColor")
    for heat in ("hedges", "privilege"):
        desk.find(f'.segment[data-heat="{heat}"]').click()
        expect(desk.find(".legend")).to_have_attribute("data-heat", heat)
        for swatch in desk.find(".legend .swatch").all():
            ink, ground = swatch.evaluate(
                "n => [getComputedStyle(n).color, getComputedStyle(n).backgroundColor]"
            )
            assert desk.page.evaluate(CONTRAST, [ink, [paper, ground]]) >= 4.5, (heat, ground)
    for selector in (".about", ".title", ".belief-head .key", ".belief-head .kind", ".warning"):
        for node in desk.find(selector).all():
            ink = node.evaluate("n => getComputedStyle(n).color")
            assert desk.page.evaluate(CONTRAST, [ink, [paper]]) >= 4.5, selector
    context.close()


def test_a_hostile_teacher_and_error_stay_text(bench: Bench) -> None:
    card = a_profiled_card(teacher=f"smollm {HOSTILE}")
    card["families"]["ifd"] = {"error": HOSTILE}
    bench.lay([card])
    desk = bench.tab().open()
    expect(desk.find(".numbers")).to_contain_text(f"Not computed: ifd: {HOSTILE}")
    assert desk.find(":is(script, img, iframe)").count() == 0


def test_a_card_without_families_has_no_curve_and_says_what_is_missing(bench: Bench) -> None:
    desk = bench.tab().open()
    expect(desk.find(".curve").first).to_be_hidden()
    desk.find('.segment[data-heat="privilege"]').click()
    expect(desk.find(".legend")).to_contain_text("Not computed for this trace")


# The Scores page ----------------------------------------------------------------------------------


@pytest.fixture
def scores(serve: Callable[..., Server], tmp_path: Path, context: BrowserContext) -> Page:
    """The Scores page on twelve demo traces that are scored by a made-up pack."""
    path = tmp_path / "hedgerow.duckdb"
    few = tmp_path / "few.jsonl"
    demo = (ROOT / "data/demo/traces.jsonl").read_text("utf-8").splitlines(keepends=True)
    few.write_text("".join(demo[:12]), "utf-8")
    arguments = {"sources": [str(few)], "format": None, "map": None, "max_trace_chars": 10_000}
    with stores.open(path) as store:
        commands.run("ingest", store, arguments)
        rows = [vars(store.trace(i)) for i in store.list_traces()["trace_id"].to_list()]
        for i, row in enumerate(rows):
            pack = a_pack([row], n_tokens=100 + i, mean_nll_nats=1 + i / 10, rsr=2 + i / 7)
            store.add_pack(pack, "cv1_a", "smollm2-135m-instruct", {"dtype": "float32"}, f"p{i}")
    server = serve(ROOT / "app.py", env={"HEDGEROW_STORE": str(path)})
    page = context.new_page()
    page.goto(f"{server.url}/Scores")
    expect(page.get_by_role("heading", name="Scores", exact=True)).to_be_visible()
    return page


def test_the_scorer_is_started_and_paused_on_the_page(scores: Page) -> None:
    expect(scores.get_by_text("12 traces wait", exact=False)).to_be_visible()
    expect(scores.get_by_text("Paused.", exact=True)).to_be_visible()
    pause = scores.get_by_role("button", name="Pause")
    expect(pause).to_be_disabled()
    scores.get_by_role("button", name="Go on").click()
    expect(pause).to_be_enabled()
    expect(scores.get_by_text("Paused.", exact=True)).to_have_count(0)
    pause.click()
    expect(scores.get_by_text("Paused.", exact=True)).to_be_visible()


def test_what_is_drawn_around_in_the_chart_is_reviewed(scores: Page) -> None:
    scores.get_by_role("tab", name="Compare two scores").click()
    plot = scores.locator(".stPlotlyChart .nsewdrag").first
    expect(scores.get_by_text("Rank correlation (Spearman)", exact=False)).to_be_visible()
    expect(scores.locator(".stPlotlyChart .points path.point")).to_have_count(12)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    # The points lie on a line from the lower left: the left half holds some, not all.
    scores.mouse.move(box["x"] + 2, box["y"] + 2)
    scores.mouse.down()
    for share in (0.2, 0.4, 0.5):
        scores.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] - 2)
    scores.mouse.up()
    button = scores.get_by_role("button", name="Review these")
    expect(button).to_be_enabled()
    n = int(button.inner_text().split()[-1])
    assert 0 < n < 12
    button.click()
    desk = scores.locator(".desk")
    expect(desk).to_have_attribute("data-phase", "card")
    expect(desk.locator(".why")).to_contain_text("chosen in the chart")
    expect(desk.locator(".progress")).to_contain_text(f"0 of {n} decided, {n} left")
    assert "queue=selection" in scores.url
