"""What travels between a desk in the browser and the page: which cards are sent, and when."""

from __future__ import annotations

import uuid

import pytest

from curation.desk import messages, outbox, road
from curation.errors import StoreBusy, StoreError, StoreUnavailable, UnknownTrace
from curation.records import Decision, Stored

DECK = [("t1", "v1"), ("t2", "v1"), ("t3", "v2")]


def build(trace_id: str) -> messages.Card:
    if trace_id == "gone":
        raise UnknownTrace("The store holds no trace gone.")
    return {"trace_id": trace_id}


def names(cards: list[messages.Card]) -> list[object]:
    return [card["trace_id"] for card in cards]


def test_a_browser_that_has_not_spoken_gets_what_is_built_soon_and_asks_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 0.0
    monkeypatch.setattr("curation.desk.road.time.monotonic", lambda: now_s)

    def slow(trace_id: str) -> messages.Card:
        nonlocal now_s
        now_s += 0.03
        return build(trace_id)

    # After 0.03 s there is time for one more, after 0.06 s there is none.
    cards, missing = road.cards(DECK, outbox.wish(None), slow, is_first=True)
    assert (names(cards), missing) == (["t1", "t2"], {})
    wish = outbox.wish({"holding": [["t1", "v1"], ["t2", "v1"]]})
    assert names(road.cards(DECK, wish, slow)[0]) == ["t3"]
    now_s = 0.0
    monkeypatch.setattr(road, "FIRST_S", 0.0)
    assert names(road.cards(DECK, outbox.wish(None), slow, is_first=True)[0]) == ["t1"]
    assert names(road.cards(DECK, outbox.wish(None), slow)[0]) == ["t1", "t2", "t3"]


def test_a_card_held_in_its_version_is_not_built_again_and_one_asked_for_is() -> None:
    wish = outbox.wish({"holding": [["t1", "v1"], ["t3", "v1"]], "want": ["t9"]})
    assert names(road.cards(DECK, wish, build)[0]) == ["t2", "t3", "t9"]


def test_a_card_that_cannot_be_built_says_why_and_holds_nothing_up() -> None:
    cards, missing = road.cards([("gone", ""), *DECK], outbox.wish({}), build)
    assert names(cards) == ["t1", "t2", "t3"]
    assert missing == {"gone": "The store holds no trace gone."}


@pytest.mark.parametrize("away", [StoreBusy, StoreUnavailable])
def test_where_the_store_is_away_a_decision_and_all_behind_it_wait(
    away: type[StoreError],
) -> None:
    names = [str(uuid.uuid4()) for _ in range(3)]
    entries = [
        {"decision_id": name, "kind": "decide", "trace_id": "t", "verdict": "accept",
         "decided_at": "2026-11-22T12:00:00+00:00", "order": order}
        for order, name in enumerate(names)
    ]  # fmt: skip

    def decide(decision: Decision) -> Stored:
        if decision.decision_id == names[0]:
            return Stored(names[0], 1, decision.decided_at, True)
        raise away("The disk is full. Free some, then try again.")

    sent = {"store": "s", "reviewer": "ada", "entries": entries}
    reply = road.store(sent, "s", "ada", decide)
    assert isinstance(reply["acks"], dict)
    assert list(reply["acks"]) == names[:1]
    # Nothing is refused, which would leave it behind what is stored later.
    assert (reply["refused"], reply["trouble"]) == (
        {}, "The disk is full. Free some, then try again.",
    )  # fmt: skip
