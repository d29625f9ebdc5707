"""A spot check on the real app: drawn on the page, judged blind by keyboard, read in the report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from curation import check_report, checks, guidance
from curation import store as stores
from curation.checks import Request
from curation.records import CATEGORIES, TEACHER_CONTEXTS
from curation.settings import ROOT
from tests.browser.driver import Desk
from tests.browser.server import Server
from tests.builders import a_batch, a_pack, a_trace

pytestmark = pytest.mark.browser

Serve = Callable[..., Server]
TEACHER, STUDENT = "teacher-unseen", "smollm2-135m-instruct"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of twelve scored traces of two contexts, all with markers."""
    path = tmp_path / "hedgerow.duckdb"
    traces = [
        a_trace(
            f"Number {n}. Wait, perhaps it is {n}.\n\nSo {n} it is.", teacher=TEACHER,
            teacher_context=("unguided", "solution")[n % 2], source="source-unseen",
            context_text="A text that only the teacher saw." if n % 2 else None,
        )
        for n in range(12)
    ]  # fmt: skip
    with stores.open(path) as store:
        store.add(a_batch(*traces), "i")
        store.add_pack(a_pack(traces), "cv1_a", STUDENT, {"dtype": "float32"}, "p")
    return path


@pytest.fixture
def start(serve: Serve, path: Path) -> Callable[[], Server]:
    """Start the app on that store."""
    return lambda: serve(ROOT / "app.py", env={"HEDGEROW_STORE": str(path)})


def _drawn(path: Path) -> tuple[str, list[str]]:
    """A check of five traces, drawn before the app holds the store."""
    with stores.open(path) as store:
        check = checks.create(store, Request("five", 5, where="true"), created_by="ada")
        return check, store.spot_check_items(check)["trace_id"].to_list()


def _seen(desk: Desk) -> str:
    """All that stands in the desk's document, shown or not: texts and attributes, styles apart."""
    markup: str = desk.page.locator(".desk").evaluate("node => node.outerHTML")
    return markup


def test_the_link_to_the_blind_desk_leads_there(
    path: Path, start: Callable[[], Server], context: BrowserContext
) -> None:
    check, ids = _drawn(path)
    desk = Desk(
        context, start(), "Spot_check", view="Sampling session", check=check, reviewer="ada"
    )
    desk.page.goto(desk.url)
    desk.page.get_by_text("Judge blind on the desk").click()
    desk.wait_for_card(ids[0])
    expect(desk.find(".verdict").first).to_have_text(re.compile("Clean"))


def test_five_traces_judged_blind_one_undone_a_reload_and_a_report(
    path: Path, start: Callable[[], Server], context: BrowserContext
) -> None:
    check, ids = _drawn(path)
    with stores.open(path) as store:
        version = guidance.write_guidelines(store, "A leak **names** it.", "ada", None)
    server = start()
    desk = Desk(context, server, "Review", blind=check, reviewer="ada").open()
    desk.wait_for_card(ids[0])
    desk.press("i")
    expect(desk.find(".guide strong")).to_have_text("names")
    desk.press("Escape")
    expect(desk.find(".verdict")).to_have_text(
        [re.compile("Clean"), re.compile("Leaking"), re.compile("Unsure"), re.compile("Flag")]
    )
    # Where it leaks can be shown; what else a reviewer labels is not asked here.
    desk.press("j", "s")
    expect(desk.find(".spanmenu .items")).to_have_text("1Leaks2Unearned")
    desk.press("2")
    desk.press("a").wait_for_card(ids[1]).press("x").wait_for_card(ids[2]).press("x")
    desk.wait_for_card(ids[3]).wait_until_saved(3)
    desk.press("u").wait_for_card(ids[2]).wait_until_saved(4)
    desk.open().wait_for_card(ids[2])
    expect(desk.find(".progress")).to_contain_text("2 of 5 decided, 3 left")
    desk.press("a").wait_for_card(ids[3]).press("1").wait_for_card(ids[4]).press(" ")
    desk.wait_for_phase("end").wait_until_saved(7)
    desk.page.get_by_role("link", name="Back to the check five").click()
    expect(desk.page.get_by_text("5 of 5 judged by ada, 0 left")).to_be_visible()
    expect(desk.page.get_by_text("from 4 judged, 2 of them leaking")).to_be_visible()
    assert desk.crashes == []
    server.stop()
    with stores.open(path) as store:
        found = check_report.report(store, check)
        said = store.judgements(check).sort("place")
        assert store.verify().broken == []
        assert store.status()["decided"] == 0
        rows = [row for i in ids for row in store.decisions(i)]
        spans = store.span_verdicts(store.spot_check(check)["question"])
        assert spans.select("trace_id", "label").rows() == [(ids[0], "unearned")]
        assert store.span_verdicts().is_empty()
    # Clean, leaking, clean (after the undo), leaking by a reason, unsure: 2 of 4.
    assert (found["leaking"], found["clean"], found["unsure"]) == (2, 2, 1)
    assert said["verdict"].to_list() == ["accept", "reject", "accept", "reject", "skip"]
    assert said["reasons"].to_list()[3] == ["names_reference"]
    assert {row["revealed"] for row in rows if row["verdict"]} == {False}
    # Each names the guidelines in force; its reasons are the check's own, of no version.
    stamps = [json.loads(row["extra"]) for row in rows if row["verdict"]]
    assert {said.get("guidelines_id") for said in stamps} == {version}
    assert not [said for said in stamps if "reasons_id" in said]


def test_the_blind_desk_holds_no_score_marker_teacher_or_context(
    path: Path, start: Callable[[], Server], context: BrowserContext
) -> None:
    check, ids = _drawn(path)
    server = start()
    desk = Desk(context, server, "Review", blind=check).open().wait_for_card(ids[0])
    # Keys that would show something do nothing here.
    desk.press("h", "m", ".", "d", "?")
    expect(desk.find(".sheet")).to_be_visible()
    seen = _seen(desk)
    hidden = [
        TEACHER, "source-unseen", STUDENT, "only the teacher saw", "cv1_a", "Heat", "surprisal",
        "entropy", "nats", "marker ", "match", "Teacher", "Belief", "privilege", "float32",
        *(f"m-{category}" for category in CATEGORIES),
        *(f'data-context="{name}"' for name in TEACHER_CONTEXTS),
    ]  # fmt: skip
    assert [word for word in hidden if word in seen] == []
    for part in (".t", ".m", ".numbers", ".legend", ".readout", ".curve", "[data-heat='rank']"):
        assert desk.find(part).count() == 0
    assert desk.crashes == []


def test_a_judgement_left_in_the_browser_keeps_its_question_on_another_desk(
    path: Path, start: Callable[[], Server], context: BrowserContext
) -> None:
    check, ids = _drawn(path)
    server = start()
    desk = Desk(context, server, "Review", blind=check, reviewer="ada").open()
    desk.wait_for_card(ids[0])
    server.kill()
    desk.press("x").wait_for_card(ids[1])
    assert desk.waiting() == 1
    desk.page.close()
    server.start()
    # The usual desk sends what the blind one left behind, and does not take it for its own.
    usual = Desk(context, server, "Review", reviewer="ada").open().wait_until_saved(1)
    expect(usual.find(".progress")).to_contain_text("0 of 12 decided, 12 left")
    server.stop()
    with stores.open(path) as store:
        assert store.judgements(check)["trace_id"].to_list() == [ids[0]]
        assert store.status()["decided"] == 0
        assert store.verify().broken == []
