"""Assignments: what is drawn, who is offered it, how far they are."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import assigning, dealing, reviewing, sharing
from curation.assigning import Request
from curation.errors import CurationError, StoreError
from curation.reviewing import ASSIGNED
from curation.sharing import Overlap, Readers, Reservations
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Ten traces, in order of arrival."""
    store.add(a_batch(*(a_trace(f"T{n}.", prompt=f"P{n}?") for n in range(10))), "i")
    found: list[str] = store.list_traces()["trace_id"].to_list()
    return found


def _deck(store: Store, reviewer: str, queue: str = "in order") -> list[str]:
    line = reviewing.line(store, queue, reviewer, 0, ())
    return dealing.deal(store, line, queue, reviewer, 20, Readers(), Reservations()).deck


def test_what_is_assigned_is_offered_to_these_people_alone(store: Store, ids: list[str]) -> None:
    name = assigning.make(store, Request(("ada", "bo"), n=6, seed=3), made_by="lead")
    ada, bo = _deck(store, "ada", ASSIGNED), _deck(store, "bo", ASSIGNED)
    assert len(ada) == len(bo) == 3
    assert not set(ada) & set(bo)
    free = [i for i in ids if i not in ada + bo]
    assert _deck(store, "cyd") == free
    assert _deck(store, "cyd", ASSIGNED) == []
    assert _deck(store, "ada") == [i for i in ids if i in ada + free]
    store.withdraw_assignment(name, "lead")
    assert _deck(store, "cyd") == ids
    assert _deck(store, "ada", ASSIGNED) == []


def test_the_overlap_lets_another_person_in_beside_those_who_are_assigned(
    store: Store, ids: list[str]
) -> None:
    assigning.make(store, Request(("ada",)), made_by="lead")
    assert _deck(store, "bo") == []
    store.set_setting(sharing.SETTING, Overlap(1.0, 2).to_setting())
    assert _deck(store, "bo") == ids
    # Two readings each: bo's is taken, and the other place is kept for ada.
    store.decide(a_decision(ids[0], reviewer="bo"))
    assert _deck(store, "cyd") == ids[1:]
    assert _deck(store, "ada", ASSIGNED) == ids


def test_what_others_have_read_is_still_for_whom_it_is_assigned_to(
    store: Store, ids: list[str]
) -> None:
    store.decide(a_decision(ids[0], reviewer="bo"))
    assigning.make(store, Request(("ada", "bo"), readings=2, again=True), made_by="lead")
    assert _deck(store, "ada", ASSIGNED) == ids
    assert _deck(store, "bo", ASSIGNED) == ids[1:]


def test_a_dispute_over_an_assigned_trace_comes_to_whoever_did_not_vote(
    store: Store, ids: list[str]
) -> None:
    assigning.make(store, Request(("ada", "bo"), readings=2), made_by="lead")
    store.decide(a_decision(ids[0], "accept", reviewer="ada"))
    store.decide(a_decision(ids[0], "reject", reviewer="bo"))
    assert _deck(store, "cyd", "needs adjudication") == [ids[0]]
    assert _deck(store, "cyd", "needs second reading") == []


def test_an_assignment_leaves_out_what_is_read_or_assigned_unless_asked_again(
    store: Store, ids: list[str]
) -> None:
    store.decide(a_decision(ids[0], reviewer="ada"))
    store.decide(a_decision(ids[1], "skip", reviewer="ada"))
    first = assigning.plan(store, Request(("bo",)))
    assert (first.n_found, first.n_read, first.n_assigned, first.n_traces) == (10, 1, 0, 9)
    assigning.make(store, Request(("bo",), n=4), made_by="lead")
    second = assigning.plan(store, Request(("bo",)))
    assert (second.n_read, second.n_assigned, second.n_traces) == (1, 4, 5)
    # bo has four of the ten, ada has read one: two readings each are there for 10 - 4 - 1.
    again = assigning.plan(store, Request(("ada", "bo"), readings=2, again=True))
    assert (again.n_traces, again.n_short) == (10, 5)


def test_progress_counts_every_verdict_of_the_person_and_no_other(
    store: Store, ids: list[str]
) -> None:
    assigning.make(store, Request(("ada", "bo"), name="pilot", n=6), made_by="lead")
    mine = _deck(store, "ada", ASSIGNED)
    store.decide(a_decision(mine[0], "skip", reviewer="ada"))
    store.decide(a_decision(mine[1], "accept", reviewer="bo"))
    rows = store.assignment_progress().drop("assignment_id").rows()
    assert rows == [("pilot", "ada", 3, 1, 2), ("pilot", "bo", 3, 0, 3)]
    store.undo("ada")
    assert store.assignment_progress()["n_decided"].to_list() == [0, 0]


def test_the_same_request_of_the_same_store_draws_the_same(store: Store, ids: list[str]) -> None:
    request = Request(("ada", "bo"), share=0.5, readings=2, seed=4)
    once, twice = assigning.plan(store, request), assigning.plan(store, request)
    assert once.items.equals(twice.items)
    assert once.n_traces == 5
    other = assigning.plan(store, request._replace(seed=5))
    assert not once.items.equals(other.items)


def test_verify_finds_an_assignment_that_was_changed(store: Store, ids: list[str]) -> None:
    name = assigning.make(store, Request(("ada",), n=2), made_by="lead")
    assert store.verify().broken == []
    with store._writing() as cursor:
        cursor.execute("update assignment_item set reviewer = 'eve' where place = 1")
    assert store.verify().broken == [f"assignment {name}: it does not say what was stored"]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (Request(()), "at least one reviewer"),
        (Request(("ada", "ada ")), "named twice"),
        (Request(("ada",), readings=2), "2 readings"),
        (Request(("ada",), n=1, share=0.5), "not both"),
        (Request(("ada",), n=0), "0 traces"),
        (Request(("ada",), share=1.5), "at most 1"),
        (Request(("ada",), where="false"), "Nothing is left"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(
    store: Store, ids: list[str], request_: Request, says: str
) -> None:
    with pytest.raises(CurationError, match=says):
        assigning.make(store, request_, made_by="lead")


def test_an_assignment_that_is_not_there_cannot_be_ended(store: Store) -> None:
    with pytest.raises(StoreError, match="no assignment as1_x"):
        store.withdraw_assignment("as1_x", "lead")


NAMES = ["ada", "bo", "cyd", "dee"]
TRACES = [f"t{n}" for n in range(12)]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(TRACES), unique=True),
    st.lists(st.sampled_from(NAMES), unique=True, min_size=1),
    st.integers(1, 4),
    st.integers(0, 5),
)
def test_sharing_out_gives_each_trace_to_as_many_as_asked_and_keeps_the_load_even(
    traces: list[str], names: list[str], readings: int, seed: int
) -> None:
    rows = assigning.share_out(traces, names, readings, seed)
    assert len(set(rows)) == len(rows)
    assert Counter(trace for _, trace, _ in rows) == dict.fromkeys(
        traces, min(readings, len(names))
    )
    load = Counter(dict.fromkeys(names, 0))
    load.update(name for _, _, name in rows)
    assert max(load.values()) - min(load.values()) <= 1
    assert rows == assigning.share_out(traces, names, readings, seed)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(TRACES), st.sets(st.sampled_from(NAMES))), st.integers(1, 3))
def test_sharing_out_never_gives_a_trace_to_one_who_is_busy_with_it(
    busy: dict[str, set[str]], readings: int
) -> None:
    rows = assigning.share_out(TRACES, NAMES, readings, 0, busy)
    assert not any(name in busy.get(trace, ()) for _, trace, name in rows)
    free = {trace: len(set(NAMES) - busy.get(trace, set())) for trace in TRACES}
    assert Counter(trace for _, trace, _ in rows) == {
        trace: min(readings, n) for trace, n in free.items() if n
    }
