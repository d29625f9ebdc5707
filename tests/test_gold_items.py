"""Gold items: where they come, who gets them, what is told, how often people are right."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import assigning, dealing, gold_items, reviewing
from curation.desk import cards
from curation.errors import CurationError, StoreError
from curation.gold_items import Mixing, is_gold_place, mixed
from curation.reviewing import ASSIGNED
from curation.sharing import Readers, Reservations
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace

N = 60


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Sixty traces, in order of arrival."""
    store.add(a_batch(*(a_trace(f"T{n}.", prompt=f"P{n}?") for n in range(N))), "i")
    found: list[str] = store.list_traces()["trace_id"].to_list()
    return found


class Desk:
    """One person at a desk who takes the first card again and again."""

    def __init__(self, store: Store, reviewer: str, readers: Readers, held: Reservations) -> None:
        self.store, self.reviewer, self.readers, self.held = store, reviewer, readers, held

    def deck(self, queue: str = "in order", depth: int = 6) -> list[str]:
        line = reviewing.line(self.store, queue, self.reviewer, 0, ())
        return dealing.deal(
            self.store, line, queue, self.reviewer, depth, self.readers, self.held
        ).deck

    def decide(self, queue: str = "in order", verdict: str = "accept") -> str | None:
        deck = self.deck(queue)
        if not deck:
            return None
        self.store.decide(a_decision(deck[0], verdict, reviewer=self.reviewer, queue=queue))
        return deck[0]


def _desks(store: Store, *names: str) -> list[Desk]:
    readers, held = Readers(), Reservations()
    return [Desk(store, name, readers, held) for name in names]


def test_one_card_of_each_stretch_is_gold_and_each_comes_once(store: Store, ids: list[str]) -> None:
    gold_items.mark(store, ids[20:23], "reject", marked_by="lead")
    gold_items.mix_in(store, 5, feedback=False)
    for desk in _desks(store, "ada", "bo"):
        shown = [desk.decide() for _ in range(15)]
        assert len(set(shown)) == 15
        stretches = [shown[n : n + 5] for n in (0, 5, 10)]
        assert [sum(i in ids[20:23] for i in stretch) for stretch in stretches] == [1, 1, 1]


def test_who_marked_an_item_does_not_get_it_as_gold(store: Store, ids: list[str]) -> None:
    gold_items.mark(store, ids[20:], "reject", marked_by="lead")
    gold_items.mix_in(store, 2, feedback=False)
    (lead,) = _desks(store, "lead")
    assert lead.deck(depth=12) == ids[:12]


def test_gold_comes_to_everybody_though_it_is_read_and_assigned_to_another(
    store: Store, ids: list[str]
) -> None:
    assigning.make(store, assigning.Request(("bo",)), made_by="lead")
    assigning.make(store, assigning.Request(("ada",), where="true", n=6, again=True), made_by="z")
    mine = set(store.assigned().filter(reviewer="ada")["trace_id"])
    gold = [i for i in ids if i not in mine][:3]
    for trace_id in gold:
        store.decide(a_decision(trace_id, reviewer="bo"))
    gold_items.mark(store, gold, "accept", marked_by="lead")
    gold_items.mix_in(store, 2, feedback=False)
    (ada,) = _desks(store, "ada")
    line = reviewing.line(store, ASSIGNED, "ada", 0, ())
    deck = ada.deck(ASSIGNED, depth=9)
    assert sorted(deck) == sorted([*mine, *gold])
    # A gold item gives the reason that every card of this queue gives.
    assert {line.why(i) for i in deck} == {"assigned to you by z"}


@pytest.mark.parametrize("queue", ["in order", ASSIGNED])
def test_what_is_left_falls_by_one_with_every_card_gold_or_not(
    store: Store, ids: list[str], queue: str
) -> None:
    for trace_id in ids[40:]:
        store.decide(a_decision(trace_id, reviewer="bo"))
    gold_items.mark(store, ids[50:], "accept", marked_by="lead")
    gold_items.mix_in(store, 4, feedback=False)
    if queue == ASSIGNED:
        assigning.make(store, assigning.Request(("ada",)), made_by="lead")
    (ada,) = _desks(store, "ada")
    said = []
    while True:
        line = reviewing.line(store, queue, "ada", 0, ())
        hand = dealing.deal(store, line, queue, "ada", 6, ada.readers, ada.held)
        said.append(
            (dealing.n_decided(queue, "ada", hand.decided, ada.readers), hand.n_left)
        )  # fmt: skip
        if not hand.deck:
            break
        store.decide(a_decision(hand.deck[0], reviewer="ada"))
    n = len(said) - 1
    assert n == 50, "the forty that are not read, and all ten gold items"
    assert said == [(i, n - i) for i in range(n + 1)]


def test_without_other_cards_the_queue_ends_and_gold_does_not_lengthen_it(
    store: Store, ids: list[str]
) -> None:
    gold_items.mark(store, ids[:2], "accept", marked_by="lead")
    gold_items.mix_in(store, 2, feedback=False)
    ada, bo = _desks(store, "ada", "bo")
    assert len({ada.decide() for _ in range(N)}) == N
    assert ada.deck() == bo.deck() == []


def test_an_undo_brings_the_gold_item_back_to_the_same_place(store: Store, ids: list[str]) -> None:
    gold_items.mark(store, ids[20:], "accept", marked_by="lead")
    gold_items.mix_in(store, 2, feedback=False)
    (ada,) = _desks(store, "ada")
    for _ in range(8):
        before = ada.deck()
        assert ada.decide() == before[0]
        store.undo("ada")
        assert ada.deck() == before
        ada.decide()
        # What lay in the deck stays there while it comes nearer.
        assert ada.deck(depth=5) == before[1:]


def test_a_card_says_nothing_of_gold_before_the_verdict(store: Store, ids: list[str]) -> None:
    plain = json.dumps(cards.build(store, "s", "ada", ids[0], "in order", None), sort_keys=True)
    gold_items.mark(store, ids[:1], "reject", marked_by="lead", reasons=["leak"], note="sure")
    gold_items.mix_in(store, 2, feedback=True)
    marked = json.dumps(cards.build(store, "s", "ada", ids[0], "in order", None), sort_keys=True)
    assert marked == plain


def test_what_is_right_is_told_after_a_verdict_where_that_is_wished(
    store: Store, ids: list[str]
) -> None:
    gold_items.mark(store, ids[:1], "reject", marked_by="lead", reasons=["leak"])
    said = a_decision(ids[0], "accept", reviewer="ada")
    assert gold_items.right_verdict(store, said) is None
    gold_items.mix_in(store, 20, feedback=True)
    assert gold_items.right_verdict(store, said) == {
        "verdict": "reject", "reasons": ["leak"], "agrees": False,
    }  # fmt: skip
    silent = [
        a_decision(ids[0], "skip"),
        a_decision(ids[0], "accept", revealed=False),
        a_decision(ids[0], "accept", reviewer="lead"),
        a_decision(ids[1], "accept"),
        a_decision(ids[0], None, withdraws="x"),
    ]
    assert [gold_items.right_verdict(store, each) for each in silent] == [None] * 5


def test_accuracy_counts_the_first_verdict_of_each_person_on_each_item(
    store: Store, ids: list[str]
) -> None:
    gold_items.mark(store, ids[:3], "accept", marked_by="lead")
    gold_items.mark(store, ids[3:4], "reject", marked_by="lead")
    store.decide(a_decision(ids[0], "reject", reviewer="ada"))
    store.undo("ada")
    store.decide(a_decision(ids[0], "accept", reviewer="ada"))  # told by then, perhaps
    store.decide(a_decision(ids[1], "skip", reviewer="ada"))
    store.decide(a_decision(ids[1], "accept", reviewer="ada"))
    store.decide(a_decision(ids[2], "accept", reviewer="ada"))
    store.decide(a_decision(ids[3], "accept", reviewer="ada"))
    store.decide(a_decision(ids[0], "reject", reviewer="lead"))
    store.decide(a_decision(ids[0], "reject", reviewer="bo", origin="bulk"))
    (row,) = gold_items.accuracy(store.gold_answers())
    # Right on items 1 and 2 of four. Wilson, z = 1.96: the middle is (2 + 1.92) / (4 + 3.84) = .5,
    # the half width 1.96·√(4·.25 + .96)/(4 + 3.84) = 1.96·1.4/7.84 = .35
    assert (row["reviewer"], row["n"], row["n_right"], row["accuracy"]) == ("ada", 4, 2, 0.5)
    assert row["accuracy_ci"] == pytest.approx([0.15, 0.85], abs=0.001)
    assert (row["n_wrongly_accepted"], row["n_wrongly_rejected"]) == (1, 1)
    assert row["says"].startswith("too few")


def test_a_mark_is_taken_back_by_a_record_and_nothing_is_lost(store: Store, ids: list[str]) -> None:
    gold_items.mark(store, ids[:2], "accept", marked_by="lead")
    gold_items.mark(store, ids[:1], None, marked_by="lead")
    assert store.gold_items()["trace_id"].to_list() == [ids[1]]
    assert store.n_gold_records() == 3
    with pytest.raises(CurationError, match="is no gold item"):
        gold_items.mark(store, ids[:1], None, marked_by="lead")
    with pytest.raises(StoreError, match="accept or reject"):
        gold_items.mark(store, ids[:1], "skip", marked_by="lead")
    assert store.verify().broken == []
    with store._writing() as cursor:
        cursor.execute("update gold_verdict set verdict = 'reject' where sequence = 2")
    assert len(store.verify().broken) == 1


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(0, 99), st.text(max_size=5))
def test_every_stretch_has_one_gold_place(one_in: int, seed: int, reviewer: str) -> None:
    mixing = Mixing(one_in, False, seed)
    places = [n for n in range(5 * one_in) if is_gold_place(mixing, reviewer, n)]
    assert [place // one_in for place in places] == [0, 1, 2, 3, 4]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 30), unique=True),
    st.sets(st.integers(0, 30)),
    st.integers(0, 50),
    st.integers(2, 6),
)
def test_mixing_keeps_the_order_shows_nothing_twice_and_repeats(
    deck: list[int], gold: set[int], n_decided: int, one_in: int
) -> None:
    names, golden = [f"t{n}" for n in deck], {f"t{n}" for n in gold}
    mixing = Mixing(one_in, False, 7)

    def place_of(name: str) -> int:
        return int(name[1:])

    found = mixed(names, golden, n_decided, mixing, "ada", place_of)
    assert len(set(found)) == len(found)
    assert set(names) <= set(found) <= set(names) | golden
    assert [i for i in found if i not in golden] == [i for i in names if i not in golden]
    added = set(found) - set(names)
    assert all(is_gold_place(mixing, "ada", n_decided + found.index(i)) for i in added)
    assert found == mixed(names, golden, n_decided, mixing, "ada", place_of)
