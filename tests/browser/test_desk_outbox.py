"""No decision is lost or doubled, whatever happens to server, tab, storage or clock."""

from __future__ import annotations

import signal

import pytest
from playwright.sync_api import expect

from tests.browser.driver import Bench, Desk, trace
from tests.browser.faults import FILL

pytestmark = pytest.mark.browser


def test_a_cut_connection_loses_nothing_and_doubles_nothing(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    desk.press("a").wait_until_saved(1)
    own_bench.server.kill()
    desk.press("x", "f").wait_for_card(trace(4)).wait_for_receipt("2 waiting")
    expect(desk.find(".past.waiting")).to_have_count(2)
    own_bench.server.start()
    desk.wait_until_saved(3)
    assert own_bench.said() == [("1", "accept"), ("2", "reject"), ("3", "flag")]
    desk.press("a").wait_until_saved(4)


def test_one_decides_on_while_streamlit_mourns_its_connection(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    own_bench.server.kill()
    expect(desk.page.get_by_text("Connection error")).to_be_visible()
    desk.press("a").wait_for_card(trace(2)).press("x").wait_for_card(trace(3))
    own_bench.server.start()
    desk.wait_until_saved(2)
    assert own_bench.said() == [("1", "accept"), ("2", "reject")]


def test_a_key_counts_while_the_word_on_the_lost_connection_still_stands(bench: Bench) -> None:
    desk = bench.tab().open()
    show = """(text) => { const dialog = document.createElement("div");
        dialog.setAttribute("role", "dialog"); dialog.setAttribute("aria-modal", "true");
        dialog.textContent = text; document.body.append(dialog); window.shown = dialog; }"""
    desk.page.evaluate(show, "Something to answer first")
    desk.press("a")
    assert desk.shown == trace(1)
    desk.page.evaluate("shown.remove()")
    desk.page.evaluate(show, "Connection error: is Streamlit still running?")
    desk.press("a").wait_for_card(trace(2)).wait_until_saved(1)


def test_a_closed_tab_sends_what_waits_when_the_desk_opens_again(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    own_bench.server.kill()
    desk.press("a", "x", "u").wait_for_card(trace(2))
    assert desk.waiting() == 3
    desk.page.close()
    own_bench.server.start()
    later = own_bench.tab().open()
    later.wait_until_saved(3).wait_for_card(trace(2))
    assert later.waiting() == 0
    assert own_bench.said() == [("1", "accept"), ("2", "reject"), ("2", None)]


def test_when_the_cards_run_out_offline_it_says_so_and_goes_on_later(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    own_bench.server.kill()
    for number in range(2, 7):
        desk.press("a").wait_for_card(trace(number))
    desk.press("a").wait_for_phase("fetching")
    expect(desk.find(".notice")).to_contain_text("6 decisions are kept in this browser")
    desk.press("a", "x")
    assert desk.waiting() == 6
    own_bench.server.start()
    desk.wait_for_card(trace(7)).wait_until_saved(6)
    assert own_bench.said() == [(str(n), "accept") for n in range(1, 7)]


def test_the_receipt_knows_at_once_what_waits_whatever_its_words_say(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    desk.press("a").wait_until_saved(1)
    assert own_bench.server.process is not None
    own_bench.server.process.send_signal(signal.SIGSTOP)
    desk.press("a")
    # Read once, right behind the key: the words may still name the first decision.
    assert desk.find(".receipt").get_attribute("data-waiting") == "1"
    own_bench.server.process.send_signal(signal.SIGCONT)
    desk.wait_until_saved(2)


@pytest.mark.parametrize("seconds", [0, 30])  # in 30 the socket is given up
def test_a_frozen_server_delays_and_loses_nothing(own_bench: Bench, seconds: int) -> None:
    desk = own_bench.tab().open()
    assert own_bench.server.process is not None
    own_bench.server.process.send_signal(signal.SIGSTOP)
    desk.press("a", "a", "a").wait_for_card(trace(4)).wait_for_receipt("3 waiting")
    desk.page.wait_for_timeout(1000 * seconds)
    own_bench.server.process.send_signal(signal.SIGCONT)
    desk.wait_until_saved(3)
    assert own_bench.said() == [(str(n), "accept") for n in (1, 2, 3)]


def test_killed_right_after_each_key_nothing_is_lost(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    for number in range(1, 5):
        desk.press("a").wait_for_card(trace(number + 1))
        own_bench.server.kill()
        own_bench.server.start()
    desk.wait_until_saved(4)
    assert own_bench.said() == [(str(n), "accept") for n in (1, 2, 3, 4)]


def test_two_tabs_of_one_reviewer_do_not_fight(own_bench: Bench) -> None:
    one = own_bench.tab().open()
    two = own_bench.tab().open()
    own_bench.server.kill()
    one.press("a").wait_for_card(trace(2))
    # The other tab hears of it: its card has a verdict now, and is not yanked away.
    expect(two.find(".banner")).to_contain_text("You accepted this on ")
    two.press("n").wait_for_card(trace(2)).press("x").wait_for_card(trace(3))
    one.press("n").press("f")
    assert one.waiting() == two.waiting() == 3
    own_bench.server.start()
    one.wait_until_saved()
    two.wait_until_saved()
    assert one.waiting() == 0
    assert own_bench.said() == [("1", "accept"), ("2", "reject"), ("3", "flag")]


def test_a_busy_store_keeps_decisions_waiting_and_says_why(bench: Bench) -> None:
    desk = bench.tab().open()
    (bench.home / "busy").touch()
    desk.press("a", "x").wait_for_receipt("Process 4711 holds the store")
    assert bench.rows == []
    (bench.home / "busy").unlink()
    desk.wait_until_saved(2)
    assert bench.said() == [("1", "accept"), ("2", "reject")]


def refuse_the_first(bench: Bench) -> Desk:
    """A desk whose first decision the store does not take, and whose second it does."""
    desk = bench.tab().open()
    desk.press("t")
    desk.page.keyboard.type("refuse me")
    desk.press("Escape", "a", "x").wait_for_receipt("1 not stored: This note is not to the")
    assert bench.said() == [("2", "reject")]
    # Not a word of it is forgotten.
    return desk.open().wait_for_receipt("1 not stored")


def test_a_refused_decision_is_sent_again_when_one_asks(bench: Bench) -> None:
    desk = refuse_the_first(bench)
    (bench.home / "lenient").touch()
    desk.page.get_by_role("button", name="Try again").click()
    desk.wait_until_saved(2)
    assert bench.said() == [("2", "reject"), ("1", "accept")]


def test_a_refused_decision_stays_until_the_reviewer_gives_it_up(bench: Bench) -> None:
    desk = refuse_the_first(bench)
    desk.page.get_by_role("button", name="Discard").click()
    assert desk.waiting() == 1
    desk.page.get_by_role("button", name="Discard for good?").click()
    desk.wait_until_saved(1)
    assert desk.waiting() == 0
    desk.press("p").wait_for_card(trace(1)).press("f").wait_until_saved(2)


def test_full_storage_is_said_and_the_decision_still_arrives(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    own_bench.server.kill()
    desk.page.evaluate(FILL)
    desk.press("a").wait_for_receipt("1 waiting · only in this tab: keep it open")
    own_bench.server.start()
    desk.wait_until_saved(1)
    assert own_bench.said() == [("1", "accept")]


def test_what_only_the_tab_holds_outlives_a_desk_that_is_taken_off_the_page(bench: Bench) -> None:
    desk = bench.tab(every=0.2).open()
    desk.page.evaluate(FILL)
    (bench.home / "busy").touch()
    desk.press("a").wait_for_card(trace(2)).press("x").wait_for_card(trace(3)).press("t")
    desk.page.keyboard.type("half said")
    desk.press("Escape").wait_for_receipt("2 waiting · only in this tab: keep it open")
    assert desk.waiting() == 0
    (bench.home / "away").touch()
    expect(desk.page.get_by_text("The desk is away.")).to_be_visible()
    expect(desk.page.locator(".desk")).to_have_count(0)
    (bench.home / "away").unlink()
    desk.wait_for_card(trace(3)).wait_for_receipt("2 waiting · only in this tab: keep it open")
    (bench.home / "busy").unlink()
    desk.wait_until_saved(2)
    assert bench.said() == [("1", "accept"), ("2", "reject")]
    desk.press("f").wait_until_saved(3)
    assert bench.rows[2]["note"] == "half said"


def test_each_reviewer_has_an_outbox_of_their_own(own_bench: Bench) -> None:
    ana = own_bench.tab(reviewer="ana").open()
    own_bench.server.kill()
    ana.press("a").wait_for_receipt("1 waiting")
    ana.page.close()
    own_bench.server.start()
    bob = own_bench.tab(reviewer="bob").open()
    bob.press("x").wait_until_saved(1).wait_for_receipt("1 of ana wait for their desk")
    assert [row["reviewer"] for row in own_bench.rows] == ["bob"]
    own_bench.tab(reviewer="ana").open().wait_until_saved(2)
    assert [row["reviewer"] for row in own_bench.rows] == ["bob", "ana"]


def test_a_clock_moved_back_keeps_the_order(own_bench: Bench) -> None:
    desk = own_bench.tab().open()
    own_bench.server.kill()
    desk.press("a").wait_for_card(trace(2))
    desk.page.evaluate(
        "() => { const D = Date; window.Date = class extends D {"
        " constructor(...a) { super(...(a.length ? a : [D.now() - 86400000])); } } }"
    )
    desk.press("u", "x").wait_for_card(trace(2))
    own_bench.server.start()
    desk.wait_until_saved(3)
    rows = own_bench.rows
    assert [row["verdict"] for row in rows] == ["accept", None, "reject"]
    assert rows[2]["decided_at"] < rows[0]["decided_at"]
