"""Choices between two traces: one place a pair, undone and verified like any decision."""

from __future__ import annotations

import pytest

from curation.desk import outbox
from curation.errors import StoreError
from curation.records import PREFER, Decision, pair_of
from curation.store import Store, pair_choices
from tests.builders import a_batch, a_decision, a_trace

ONE, OTHER = f"tr1_{1:024x}", f"tr1_{2:024x}"
ENTRY = {
    "decision_id": "00000000-0000-4000-8000-000000000001",
    "kind": "decide",
    "trace_id": ONE,
    "question": PREFER + OTHER,
    "verdict": "reject",
    "left": OTHER,
    "decided_at": "2026-01-02T12:00:00Z",
    "revealed": False,
}


@pytest.fixture
def pair(store: Store) -> tuple[str, str]:
    """Two stored traces of one problem, the smaller id first; a third is of another problem."""
    one, other = a_trace("Two and two."), a_trace("Four, since 2 + 2.")
    store.add(a_batch(one, other, a_trace("Elsewhere.", prompt="What else?")), "i")
    return pair_of(one["trace_id"], other["trace_id"])


def a_choice(pair: tuple[str, str], verdict: str | None, **more: object) -> Decision:
    left = {"left": more.pop("left", pair[0])} if verdict else {}
    return a_decision(pair[0], verdict, question=PREFER + pair[1], extra=left, **more)


def test_an_entry_becomes_a_choice_that_says_who_stood_left() -> None:
    box = outbox.decisions({"entries": [ENTRY]}, reviewer="ada")
    assert box.refused == {}
    (decision,) = box.decisions
    assert (decision.trace_id, decision.question) == (ONE, PREFER + OTHER)
    assert decision.extra == {"left": OTHER}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"left": None}, "left names none"),
        ({"left": "tr1_x"}, "left names none"),
        ({"trace_id": OTHER, "question": PREFER + ONE}, "not the smaller"),
        ({"question": PREFER + ONE}, "not the smaller"),
        ({"question": "train"}, "has no left side"),
        ({"question": PREFER + "x"}, "no desk asks"),
        ({"kind": "undo", "verdict": None, "withdraws": "x"}, "an undo has no left side"),
        ({"steps": [[0, 1]]}, "judges no step"),
    ],
)
def test_an_entry_that_is_no_choice_is_refused(change: dict[str, object], why: str) -> None:
    box = outbox.decisions({"entries": [{**ENTRY, **change}]}, reviewer="ada")
    assert box.decisions == []
    assert why in next(iter(box.refused.values()))


def test_the_frame_says_who_was_chosen_by_whom_and_who_stood_left(
    store: Store, pair: tuple[str, str]
) -> None:
    one, other = pair
    store.decide(a_choice(pair, "accept", reviewer="ada", left=other))
    store.decide(a_choice(pair, "reject", reviewer="bob", revealed=True))
    store.decide(a_choice(pair, "skip", reviewer="cy"))
    store.decide(a_choice(pair, "flag", reviewer="dee"))
    found = store.pairs()
    assert found.schema == pair_choices.SCHEMA
    assert found.select("reviewer", "chosen", "rejected", "is_tie", "left").rows() == [
        ("ada", one, other, False, other),
        ("bob", other, one, False, one),
        ("cy", None, None, True, one),
        ("dee", None, None, False, one),
    ]
    assert found["problem_id"].n_unique() == 1
    # Not one of them says anything about either trace alone.
    assert store.status()["decided"] == 0
    assert store.verify().broken == []
    assert [len(store.decisions(name)) for name in pair] == [4, 4]


def test_a_newer_choice_counts_and_an_undone_one_does_not(
    store: Store, pair: tuple[str, str]
) -> None:
    first = store.decide(a_choice(pair, "accept", revealed=False))
    second = store.decide(a_choice(pair, "reject", revealed=True))
    assert store.pairs()["chosen"].to_list() == [pair[1]]
    assert store.pairs_chosen_by("ada") == {pair: second.decision_id}
    assert [row["decision_id"] for row in store.recent_choices("ada")] == [
        second.decision_id, first.decision_id,
    ]  # fmt: skip
    store.decide(a_choice(pair, None, withdraws=second.decision_id))
    assert store.pairs()["chosen"].to_list() == [pair[0]]
    mine = store.choice_of(pair, "ada")
    assert mine is not None
    assert (mine["verdict"], mine["left"]) == ("accept", pair[0])
    # What has been seen stays seen, whatever was taken back.
    assert store.was_pair_revealed(pair, "ada")
    assert not store.was_pair_revealed(pair, "bob")
    undone = store.undo("ada")
    assert undone is not None
    assert store.pairs().height == 0
    assert store.verify().broken == []


def test_what_is_no_choice_of_two_is_refused(store: Store, pair: tuple[str, str]) -> None:
    one, other = pair
    alone = store.list_traces("prompt = 'What else?'")["trace_id"][0]
    for wrong, why in (
        (a_decision(other, question=PREFER + one, extra={"left": one}), "the smaller of the two"),
        (a_decision(one, question=PREFER + other), "stood left"),
        (a_decision(one, question=PREFER + other, extra={"left": alone}), "stood left"),
        (a_choice(pair_of(one, alone), "accept"), "not two traces of one problem"),
        (a_choice((one, "tr9_unknown"), "accept"), "not two traces of one problem"),
        (a_decision(one, extra={"left": one}), "has no left side"),
    ):
        with pytest.raises(StoreError, match=why):
            store.decide(wrong)
    assert store.pairs().height == 0
