"""Guidelines and reasons on the desk: opened by key, new ones told quietly, named by decisions."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.driver import Bench, trace
from tests.browser.test_desk_rendered import STRANGERS
from tests.hostile import HOSTILE

pytestmark = pytest.mark.browser

FIRST, SECOND = (f"gl1_{n:024x}" for n in (1, 2))
REASONS = [("leak", "Leaks privilege", False), ("other", "Anything else", False)]


def test_guidelines_open_by_key_and_a_new_version_is_told_until_it_is_opened(bench: Bench) -> None:
    bench.guide(FIRST, "Reject **leaks**: $p > 0.5$.", REASONS)
    desk = bench.tab(every=1).open()
    badge = desk.find(".guide-button")
    expect(badge).to_contain_text("guidelines changed")  # never opened
    desk.press("i")
    panel = desk.find(".guide")
    expect(panel.locator("strong")).to_have_text("leaks")
    expect(panel.locator("mo").first).to_be_visible()
    expect(panel.locator(".version")).to_contain_text("by ada, 22 November 2026 at")
    desk.press("a")  # the panel is before the desk
    expect(badge).not_to_contain_text("changed")
    desk.press("i")
    expect(panel).to_be_hidden()
    desk.press("2").wait_for_card(trace(2)).wait_until_saved(1)

    # "leak" is retired and the other one stands on key 1; what was decided keeps its label.
    bench.guide(SECOND, "\n\n".join(HOSTILE[:20]), [REASONS[1], ("leak", "Leaks privilege", True)])
    expect(badge).to_contain_text("guidelines changed")
    expect(desk.find(".reason")).to_have_count(1)
    desk.press("1").wait_for_card(trace(3)).wait_until_saved(2)
    desk.press("i")
    expect(panel.locator(".version")).to_contain_text(SECOND)
    expect(panel.locator(".rich")).to_contain_text("alert(1)")
    assert desk.find(STRANGERS).count() == 0
    desk.press("Escape")
    expect(panel).to_be_hidden()
    desk.open()
    expect(badge).not_to_contain_text("changed")  # opened before the reload
    said = [(row["reasons"], row["extra"]["guidelines_id"], row["extra"]["reasons_id"])
            for row in bench.rows]  # fmt: skip
    assert said == [(["other"], FIRST, FIRST), (["other"], SECOND, SECOND)]


def test_without_guidelines_there_is_no_button_and_the_key_says_so(bench: Bench) -> None:
    desk = bench.tab().open()
    expect(desk.find(".guide-button")).to_be_hidden()
    desk.press("i")
    expect(desk.find(".spoken")).to_contain_text("There are no guidelines")
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)
    assert "guidelines_id" not in bench.rows[0]["extra"]
