"""Three and four traces side by side on the real app: the best by one key, taken back as one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from curation import store as stores
from curation.settings import ROOT
from tests.browser.axe import serious
from tests.browser.driver import Desk
from tests.browser.test_compare_page import Serve
from tests.builders import a_batch, a_trace

pytestmark = pytest.mark.browser
ENDS = ("So it is {}.", "It must be {}.", "That gives {}, I think.", "Hence {}, as said.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A problem of four traces and one of three, in steps that share their beginning."""
    path = tmp_path / "hedgerow.duckdb"
    traces = []
    for p, n_traces in enumerate((4, 3)):
        for n in range(n_traces):
            text = f"Start from {p}.\n\n{ENDS[n].format(p + 1)}"
            steps = [match.span() for match in re.finditer(r"\S[^\n]*", text)]
            traces.append(
                a_trace(
                    text, prompt=f"What is {p} + 1?", teacher=f"teacher-unseen-{n}",
                    step_start=[start for start, _ in steps], step_end=[end for _, end in steps],
                )
            )  # fmt: skip
    with stores.open(path) as store:
        store.add(a_batch(*traces), "i")
    return path


def test_the_best_of_several_by_key_is_stored_pair_by_pair_and_taken_back_as_one(
    path: Path, serve: Serve, context: BrowserContext
) -> None:
    server = serve(ROOT / "app.py", env={"HEDGEROW_STORE": str(path)})
    desk = Desk(context, server, "Compare", reviewer="ada", pairs_at_once=4).open()
    expect(desk.find(".progress")).to_contain_text("0 of 2 decided, 2 left")
    assert "teacher-unseen" not in desk.page.locator(".desk").evaluate("node => node.outerHTML")
    first = desk.shown
    n = len(first.split("|"))
    expect(desk.find(".side").filter(visible=True)).to_have_count(n)
    # The one that is read is unmarked, the others are held against it; another key reads another.
    expect(desk.find(".two mark").first).to_be_visible()
    expect(desk.find(".one mark")).to_have_count(0)
    desk.press("j")
    expect(desk.find(".pointed")).to_have_count(n - 1)
    desk.press(".")
    expect(desk.find(".one mark").first).to_be_visible()
    expect(desk.find(".two mark")).to_have_count(0)
    # Two at a time, each held against the other; the next two; all again.
    desk.press("w")
    expect(desk.find(".side").filter(visible=True)).to_have_count(2)
    expect(desk.find(".share")).to_contain_text("% in common")
    desk.press(".", "w")
    expect(desk.find(".side").filter(visible=True)).to_have_count(n)
    assert serious(desk.page, "light") == []
    # The server is gone, and one key is n - 1 decisions that wait.
    server.kill()
    desk.press("t")
    desk.page.keyboard.type("the shortest")
    desk.press("Escape", "3")
    expect(desk.page.locator(".desk")).not_to_have_attribute("data-trace", first)
    desk.wait_for_deck()
    second = desk.shown
    assert desk.waiting() == n - 1
    expect(desk.find(".progress")).to_contain_text("1 of 2 decided, 1 left")
    server.start()
    desk.wait_until_saved(n - 1)
    # A reload, and undo from the history: all of them are taken back with one key.
    desk.open().wait_for_card(second).press("u").wait_for_card(first)
    desk.wait_until_saved(2 * (n - 1))
    expect(desk.find(".progress")).to_contain_text("0 of 2 decided, 2 left")
    expect(desk.find("textarea")).to_have_value("the shortest")
    desk.press("1").wait_for_card(second).press(" ").wait_for_phase("end")
    expect(desk.find(".receipt")).to_have_attribute("data-waiting", "0")
    desk.press("p").wait_for_card(second)
    expect(desk.find(".banner")).to_contain_text("Called alike by you on ")
    desk.press("p").wait_for_card(first)
    expect(desk.find(".banner")).to_contain_text("1 chosen by you on ")
    assert desk.crashes == []
    server.stop()
    with stores.open(path) as store:
        found = store.pairs().rows(named=True)
        (alike, best) = store.recent_choices_among("ada")
        assert store.verify().broken == []
    ids = first.split("|")
    chosen = [row for row in found if row["chosen"]]
    assert {row["chosen"] for row in chosen} == {best["among"][0]}
    assert sorted(row["rejected"] for row in chosen) == sorted(set(ids) - {best["among"][0]})
    # Who stood left of each two is who stood further left of all.
    assert all(row["left"] == row["chosen"] for row in chosen)
    assert {row["revealed"] for row in found} == {False}
    # All alike is a tie of every two: 3 of three traces, 6 of four.
    n_other = len(second.split("|"))
    assert sum(row["is_tie"] for row in found) == n_other * (n_other - 1) // 2
    assert (best["note"], sorted(alike["among"])) == ("the shortest", second.split("|"))
