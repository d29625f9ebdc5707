"""Two traces side by side on the real app: chosen by keys, undone, reloaded, the server killed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from curation import guidance
from curation import store as stores
from curation.records import PREFER, pair_of
from curation.settings import ROOT
from tests.browser.driver import Desk
from tests.browser.server import Server
from tests.browser.wire import Slow
from tests.builders import a_batch, a_pack, a_trace

pytestmark = pytest.mark.browser

Serve = Callable[..., Server]
HOSTILE = "<img src=x onerror=alert(1)><b>bold</b> \u202eabc &amp; [link](http://x.invalid)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Four problems of two traces each; the fourth holds hostile text."""
    path = tmp_path / "hedgerow.duckdb"
    traces = []
    for p in range(4):
        told = [
            f"Start from {p}.\n\nThen the sum is {p} + 1.\n\nSo it is {p + 1}.",
            f"Start from {p}.\n\nWait. Let me look.\n\nThen the total is {p} + 1.",
        ]
        for n, text in enumerate(told):
            text = f"{HOSTILE}\n\n{text}" if p == 3 else text
            steps = [match.span() for match in re.finditer(r"\S[^\n]*", text)]
            traces.append(
                a_trace(
                    text, prompt=f"What is {p} + 1? {HOSTILE if p == 3 else ''}",
                    teacher=f"teacher-unseen-{n}", teacher_context=("unguided", "solution")[n],
                    step_start=[start for start, _ in steps], step_end=[end for _, end in steps],
                )
            )  # fmt: skip
    with stores.open(path) as store:
        store.add(a_batch(*traces), "i")
        store.add_pack(a_pack(traces), "cv1_a", "smollm2-135m-instruct", {}, "p")
    return path


@pytest.fixture
def start(serve: Serve, path: Path) -> Callable[[], Server]:
    """Start the app on that store."""
    return lambda: serve(ROOT / "app.py", env={"HEDGEROW_STORE": str(path)})


def next_pair(desk: Desk, after: str) -> str:
    """The place of the pair that stands there once `after` is gone."""
    expect(desk.page.locator(".desk")).not_to_have_attribute("data-trace", after)
    desk.wait_for_deck()
    return desk.shown


def test_choices_by_keys_survive_an_undo_a_reload_and_a_killed_server(
    path: Path, start: Callable[[], Server], context: BrowserContext
) -> None:
    server = start()
    desk = Desk(context, server, "Compare", reviewer="ada").open()
    expect(desk.find(".progress")).to_contain_text("0 of 4 decided, 4 left")
    first = desk.shown
    # Nothing of who wrote it is on the page, and typing in the note chooses nothing.
    assert "teacher-unseen" not in desk.page.locator(".desk").evaluate("node => node.outerHTML")
    desk.press("t")
    desk.page.keyboard.type("12 f")
    desk.press("Escape", "1")
    second = next_pair(desk, first)
    desk.press("2")
    third = next_pair(desk, second)
    desk.wait_until_saved(2)
    desk.press("u").wait_for_card(second).wait_until_saved(3)
    desk.open().wait_for_card(second)
    expect(desk.find(".progress")).to_contain_text("1 of 4 decided, 3 left")
    server.kill()
    desk.press("1").wait_for_card(third).press(" ")
    fourth = next_pair(desk, third)
    assert desk.waiting() == 2
    server.start()
    desk.wait_until_saved(5)
    desk.press("p").wait_for_card(third)
    expect(desk.find(".banner")).to_contain_text("Called a tie by you on ")
    desk.press("n").wait_for_card(fourth)
    assert desk.crashes == []
    server.stop()
    with stores.open(path) as store:
        found = store.pairs().rows(named=True)
        assert store.verify().broken == []
        notes = [row["note"] for row in store.recent_choices("ada")]
    assert ["|".join((row["trace_id"], row["other_id"])) for row in found] == [first, second, third]
    # 1 = the left one, whichever id it has; the tie chose nobody.
    assert [row["chosen"] for row in found] == [found[0]["left"], found[1]["left"], None]
    assert [row["is_tie"] for row in found] == [False, False, True]
    assert {row["revealed"] for row in found} == {False}
    assert notes == [None, None, "12 f"]


def test_a_late_answer_does_not_bring_the_last_pair_back(
    path: Path, start: Callable[[], Server], context: BrowserContext
) -> None:
    slow = Slow(context)
    desk = Desk(context, start(), "Compare", reviewer="ada").open()
    for _ in range(2):
        shown = desk.shown
        desk.press("1")
        next_pair(desk, shown)
    desk.wait_until_saved(2)
    slow.hold(until=b'"sequence": 3')
    third = desk.shown
    desk.press("1")
    fourth = next_pair(desk, third)
    slow.wait_until_held(desk.page)
    desk.press("2").wait_for_phase("end")
    # Now comes the answer to the third choice, for which the fourth pair is still open.
    slow.let_answers_through()
    expect(desk.find(".receipt")).to_have_attribute("data-waiting", "1")
    desk.wait_for_phase("end")
    slow.let_requests_through()
    desk.wait_until_saved(4).wait_for_phase("end")
    desk.press("p").wait_for_card(fourth)


def test_differences_are_marked_hostile_text_is_text_and_a_look_is_recorded(
    path: Path, start: Callable[[], Server], context: BrowserContext
) -> None:
    with stores.open(path) as store:
        version = guidance.write_guidelines(store, "Take the **shorter**.", "ada", None)
        ids = store.list_traces("contains(prompt, 'What is 3')")["trace_id"].to_list()
    server = start()
    desk = Desk(context, server, "Compare", reviewer="ada", left=ids[1], right=ids[0]).open()
    desk.wait_for_card("|".join(pair_of(*ids)))
    expect(desk.find(".left mark")).to_have_text(["Wait. Let me look.", "total"])
    expect(desk.find(".right mark")).to_have_text(["sum", ".", "So it is 4"])
    for side in (".left", ".right"):
        expect(desk.find(f"{side} .step").first).to_contain_text("<img src=x onerror=alert(1)>")
    assert desk.find("img").count() == 0
    assert desk.find(".problem b").count() == 0
    # j walks the left side; the linked step of the right one is pointed at.
    desk.press("j", "j", "j", "j")
    expect(desk.find(".right .pointed")).to_contain_text("Then the sum")
    desk.press("v")
    expect(desk.find(".left .about")).to_contain_text("teacher-unseen-1")
    # What reviewers go by opens here too, and a key behind it chooses nothing.
    desk.press("i")
    expect(desk.find(".guide strong")).to_have_text("shorter")
    desk.press("1", "i")
    expect(desk.find(".guide")).to_be_hidden()
    desk.press("2").wait_until_saved(1)
    assert (desk.crashes, desk.dialogs) == ([], [])
    server.stop()
    with stores.open(path) as store:
        (row,) = store.pairs().rows(named=True)
        decision = store.decisions(ids[0])[0]
    assert (row["left"], row["chosen"], row["revealed"]) == (ids[1], ids[0], True)
    assert decision["question"] == PREFER + pair_of(*ids)[1]
    assert json.loads(decision["extra"])["guidelines_id"] == version


def test_review_opens_the_other_traces_of_its_problem_beside_the_one_on_screen(
    start: Callable[[], Server], context: BrowserContext
) -> None:
    desk = Desk(context, start(), "Review", reviewer="ada").open()
    one = desk.shown
    with context.expect_page() as opened:
        desk.press("l")
    expect(opened.value.locator(".desk")).to_have_attribute("data-phase", "card")
    assert one in (opened.value.locator(".desk").get_attribute("data-trace") or "").split("|")
    expect(opened.value.locator(".progress")).to_contain_text("0 of 1 decided")
    assert desk.shown == one
