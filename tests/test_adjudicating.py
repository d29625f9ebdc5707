"""Disputes, who settles them, and that a second reader learns nothing of the first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from curation import dealing, export, reviewing
from curation.desk import cards, messages
from curation.sharing import Readers, Reservations
from curation.store import Store
from curation.store.adjudicating import QUEUE
from tests.builders import a_batch, a_decision, a_trace
from tests.said import Said

TEXT = "Two and two is four. So four."


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Three traces, in order of arrival."""
    store.add(a_batch(*(a_trace(f"{TEXT} {n}", prompt=f"P{n}?") for n in range(3))), "i")
    found: list[str] = store.list_traces()["trace_id"].to_list()
    return found


def _state(store: Store, trace_id: str) -> str:
    return str(dict(store.list_traces().select("trace_id", "state").iter_rows())[trace_id])


def _dispute(store: Store, trace_id: str) -> None:
    store.decide(a_decision(trace_id, "accept", reviewer="ada"))
    store.decide(a_decision(trace_id, "reject", reviewer="bo"))


def _deck(store: Store, reviewer: str, queue: str) -> list[str]:
    line = reviewing.line(store, queue, reviewer, 0, ())
    return dealing.deal(store, line, queue, reviewer, 9, Readers(), Reservations()).deck


@pytest.mark.parametrize(("verdict", "state"), [("accept", "accepted"), ("reject", "rejected")])
def test_an_adjudication_settles_a_dispute_and_its_undo_opens_it(
    store: Store, ids: list[str], verdict: str, state: str
) -> None:
    _dispute(store, ids[0])
    assert _state(store, ids[0]) == "disputed"
    assert _deck(store, "cyd", QUEUE) == [ids[0]]
    store.decide(a_decision(ids[0], verdict, reviewer="cyd", queue=QUEUE))
    assert _state(store, ids[0]) == state
    assert _deck(store, "dee", QUEUE) == []
    assert store.open_disputes(ids) == set()
    store.undo("cyd")
    assert _state(store, ids[0]) == "disputed"
    assert _deck(store, "cyd", QUEUE) == [ids[0]]


def test_a_third_reading_in_another_queue_settles_nothing(store: Store, ids: list[str]) -> None:
    _dispute(store, ids[0])
    store.decide(a_decision(ids[0], "accept", reviewer="cyd", queue="needs second reading"))
    assert _state(store, ids[0]) == "disputed"


def test_who_voted_is_no_adjudicator_whatever_queue_they_come_by(
    store: Store, ids: list[str]
) -> None:
    _dispute(store, ids[0])
    assert _deck(store, "ada", QUEUE) == _deck(store, "bo", QUEUE) == []
    store.decide(a_decision(ids[0], "accept", reviewer="ada", queue=QUEUE))
    assert _state(store, ids[0]) == "disputed"
    assert store.adjudications().height == 0


def test_what_an_adjudicator_says_later_is_an_adjudication_too(
    store: Store, ids: list[str]
) -> None:
    _dispute(store, ids[0])
    store.decide(a_decision(ids[0], "accept", reviewer="cyd", queue=QUEUE))
    store.decide(a_decision(ids[0], "reject", reviewer="cyd", queue="in order"))
    assert _state(store, ids[0]) == "rejected"
    store.decide(a_decision(ids[0], "accept", reviewer="dee", queue=QUEUE))
    assert _state(store, ids[0]) == "accepted", "the newest of several stands"
    store.decide(a_decision(ids[0], "flag", reviewer="dee"))
    assert _state(store, ids[0]) == "rejected", "a flag settles nothing"


def test_readers_who_come_to_agree_against_the_adjudicator_open_the_dispute_again(
    store: Store, ids: list[str]
) -> None:
    _dispute(store, ids[0])
    store.decide(a_decision(ids[0], "accept", reviewer="cyd", queue=QUEUE))
    store.decide(a_decision(ids[0], "reject", reviewer="ada"))
    assert _state(store, ids[0]) == "disputed"


def test_what_is_adjudicated_is_exported_as_it_was_settled(
    store: Store, ids: list[str], tmp_path: Path
) -> None:
    for trace_id in ids:
        _dispute(store, trace_id)
    store.decide(a_decision(ids[0], "accept", reviewer="cyd", queue=QUEUE))
    store.decide(a_decision(ids[1], "reject", reviewer="cyd", queue=QUEUE))
    manifest = export.write(store, format="sft-messages", out=tmp_path / "x", splits={"train": 1})
    (row,) = (tmp_path / "x/train.jsonl").read_text("utf-8").splitlines()
    assert json.loads(row)["trace_id"] == ids[0]
    assert manifest.record["left_out"] == {"rejected": 1, "disputed": 1}


def test_an_adjudication_is_no_reading(store: Store, ids: list[str]) -> None:
    _dispute(store, ids[0])
    store.decide(a_decision(ids[0], "accept", reviewer="cyd", queue=QUEUE))
    assert store.readings()["reviewer"].to_list() == ["ada", "bo"]


def test_a_second_reading_is_blind_to_the_first(store: Store, ids: list[str]) -> None:
    def seen_by_bo() -> str:
        card = cards.build(store, "s", "bo", ids[0], None, None)
        recent = [messages.Recent(**row) for row in store.recent_decisions("bo")]
        said = [messages.recent_json(each) for each in recent]
        return json.dumps([card, said], sort_keys=True)

    before = seen_by_bo()
    extra: dict[str, object] = {
        "steps": [{"step": 0, "verdict": -1}],
        "spans": [{"start": 0, "end": 3, "label": "wrong"}],
    }
    store.decide(
        a_decision(ids[0], "reject", reviewer="ada", note="a slip", reasons=("leak",), extra=extra)
    )
    assert seen_by_bo() == before
    line = reviewing.line(store, "needs second reading", "bo", 0, ())
    assert line.why(ids[0]) == "read by 1 other, not by you"


def test_the_command_settles_for_those_alone_who_did_not_vote(
    curate: Callable[..., Said], demo: Path
) -> None:
    first, second = (item["trace_id"] for item in curate("list", "--json").json["items"][:2])
    for name, verdict in (("ada", "accept"), ("bo", "reject")):
        curate("decide", first, verdict, "--reviewer", name)
    assert "has voted" in curate("adjudicate", first, "accept", "--reviewer", "bo").error
    assert "Nobody differs" in curate("adjudicate", second, "accept", "--reviewer", "cyd").error
    answer = curate("adjudicate", first, "accept", "--reviewer", "cyd", "--json").json
    assert answer["state"] == "accepted"
    again = curate("adjudicate", first, "reject", "--reviewer", "cyd", "--json").json
    assert again["state"] == "rejected"
    assert curate("agreement", "--json").json["n_reviewers"] == 2
