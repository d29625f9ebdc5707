"""The Review page around the desk: blind first from a link, and past decisions from Home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from curation import gold_items
from curation import store as stores
from curation.settings import ROOT
from tests.browser.driver import Desk
from tests.browser.server import Server
from tests.builders import a_batch, a_pack, a_trace

pytestmark = pytest.mark.browser

TRACES = [
    a_trace(f"Trace {n} adds two and two.\n\nSo it is 4.", step_start=[0, 27], step_end=[25, 38])
    for n in range(4)
]
STUDENT = "smollm2-135m-instruct"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with four scored traces."""
    path = tmp_path / "hedgerow.duckdb"
    with stores.open(path) as store:
        store.add(a_batch(*TRACES), "i")
        store.add_pack(a_pack(TRACES), "cv1_a", STUDENT, {"dtype": "float32"}, "p")
    return path


@pytest.fixture
def server(serve: Callable[..., Server], path: Path) -> Server:
    """The app on that store, with a student that does not read."""
    env = {"HEDGEROW_STORE": str(path), "HEDGEROW_BACKGROUND_SCORING": "0"}
    return serve(ROOT / "app.py", env=env)


def test_blind_first_stays_in_the_link_and_keeps_both_verdicts(
    server: Server, path: Path, context: BrowserContext
) -> None:
    desk = Desk(context, server, "Review", reviewer="ada").open()
    page = desk.page
    expect(desk.find(".numbers")).to_contain_text("Mean NLL")
    page.get_by_text("Blind first", exact=True).click()
    expect(page.locator(".desk")).to_have_attribute("data-blind-first", "true")
    # The card that was open had been seen with its scores; the next one had not.
    desk.find(".pane").focus()
    desk.press("a")
    expect(desk.find(".legend")).to_contain_text("Hidden until your first verdict")
    assert "blind_first=true" in page.url
    blind = desk.shown
    page.reload()
    desk.wait_for_card(blind).wait_until_saved(1)
    expect(desk.find(".legend")).to_contain_text("Hidden until your first verdict")
    desk.press("j", "+", "a")
    expect(desk.find(".numbers")).to_contain_text("Mean NLL")
    desk.press("x").wait_until_saved(3)
    page.get_by_role("link", name="Agreement").click()
    expect(page.get_by_text("1 of 1 verdicts changed once the scores were shown")).to_be_visible()
    assert desk.crashes == []
    server.stop()
    with stores.open(path) as store:
        assert store.verify().broken == []
        said = [(row["verdict"], row["revealed"]) for row in store.decisions(blind)]
        assert said == [("accept", False), ("reject", True)]
        assert store.current_decisions().filter(trace_id=blind)["verdict"].to_list() == ["reject"]
        (step,) = store.step_verdicts().to_dicts()
        assert (step["trace_id"], step["step"], step["verdict"]) == (blind, 0, 1)
        assert (step["start"], step["end"]) == (0, 25)


def test_a_past_decision_is_one_click_from_home_and_decided_anew(
    server: Server, path: Path, context: BrowserContext
) -> None:
    desk = Desk(context, server, "Review", reviewer="ada").open()
    page = desk.page
    first = desk.shown
    desk.press("a", "x").wait_until_saved(2)
    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="#1 Accepted").click()
    desk.wait_for_card(first)
    expect(desk.find(".banner")).to_contain_text("You accepted this on ")
    expect(page.get_by_role("textbox", name="Reviewer")).to_have_value("ada")
    desk.press("3").wait_until_saved(3)
    assert desk.shown != first
    server.stop()
    with stores.open(path) as store:
        assert [row["verdict"] for row in store.decisions(first)] == ["accept", "reject"]
        assert store.current_decisions().filter(trace_id=first)["reasons"].to_list() == [["leak"]]


def test_feedback_on_a_gold_item_comes_with_the_receipt_and_not_with_the_card(
    serve: Callable[..., Server], path: Path, context: BrowserContext
) -> None:
    with stores.open(path) as store:
        ids = [trace["trace_id"] for trace in TRACES]
        gold_items.mark(store, ids, "reject", marked_by="lead", reasons=["leak"])
        gold_items.mix_in(store, 2, feedback=True)
    env = {"HEDGEROW_STORE": str(path), "HEDGEROW_BACKGROUND_SCORING": "0"}
    desk = Desk(context, serve(ROOT / "app.py", env=env), "Review", reviewer="ada").open()
    expect(desk.find(".numbers")).to_contain_text("Mean NLL")
    assert "gold" not in desk.page.locator(".desk").inner_text().lower()
    desk.press("a").wait_until_saved(1)
    expect(desk.find(".receipt")).to_contain_text(
        "that was a gold item: reject (Leaks privilege), you do not"
    )
    desk.press("x").wait_until_saved(2)
    expect(desk.find(".receipt")).to_contain_text("you agree")
