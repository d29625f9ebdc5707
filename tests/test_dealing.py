"""What each desk gets when several people review one store."""

from __future__ import annotations

import pytest

from curation import dealing, reviewing, sharing
from curation.sharing import EVERYBODY, Overlap, Readers, Reservations
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace


class Team:
    """People at desks over one store."""

    def __init__(self, store: Store, overlap: Overlap | None = None, n: int = 8) -> None:
        store.add(a_batch(*(a_trace(f"T{i}.", prompt=f"P{i}?") for i in range(n))), "i")
        if overlap is not None:
            store.set_setting(sharing.SETTING, overlap.to_setting())
        self.store, self.readers, self.desks = store, Readers(), Reservations()
        self.ids: list[str] = store.list_traces()["trace_id"].to_list()

    def hand(self, reviewer: str, queue: str = "in order", depth: int = 3) -> dealing.Hand:
        line = reviewing.line(self.store, queue, reviewer, 0, ())
        return dealing.deal(
            self.store, line, queue, reviewer, depth, self.readers, self.desks
        )  # fmt: skip


def test_two_people_never_get_one_card(store: Store) -> None:
    team = Team(store)
    assert team.hand("ada").deck == team.ids[:3]
    assert team.hand("bo").deck == team.ids[3:6]
    # So near to the end of a queue nothing is reserved but what is on a desk.
    assert team.hand("bo").upcoming == ()
    store.decide(a_decision(team.ids[0], reviewer="ada"))
    # Read once, it is nobody's any more; ada's next card is the first that bo does not hold.
    assert team.hand("ada").deck == [*team.ids[1:3], team.ids[6]]
    assert team.hand("bo").deck == team.ids[3:6]
    assert team.hand("bo").n_left == 7


def test_what_comes_behind_a_deck_is_the_next_of_that_desk_alone(store: Store) -> None:
    n = dealing.AHEAD + 2
    team = Team(store, n=n)
    ada, bo = team.hand("ada"), team.hand("bo")
    assert (ada.deck, list(ada.upcoming)) == (team.ids[:3], team.ids[3:5])
    assert (bo.deck, list(bo.upcoming)) == (team.ids[5:8], team.ids[8:10])
    store.decide(a_decision(team.ids[0], reviewer="ada"))
    assert team.hand("ada").deck == team.ids[1:4]
    assert ada.n_left == n
    assert ada.n_elsewhere == 0


def test_after_a_restart_each_desk_keeps_what_its_browser_holds(store: Store) -> None:
    team = Team(store)
    team.hand("ada"), team.hand("bo")
    store.decide(a_decision(team.ids[3], reviewer="bo"))
    team.readers, team.desks = Readers(), Reservations()
    line = reviewing.line(store, "in order", "bo", 0, ())
    # bo's browser is first to ask, and holds ids 3 (decided) to 5, in no order, and one not here.
    held = [team.ids[5], team.ids[3], "tr1_elsewhere", team.ids[4]]
    hand = dealing.deal(store, line, "in order", "bo", 3, team.readers, team.desks, held)
    assert hand.deck == [*team.ids[4:6], team.ids[0]]
    # What of ada's is on bo's desk by now she does not get twice.
    assert team.hand("ada").deck == [*team.ids[1:3], team.ids[6]]


def test_a_short_deck_says_how_many_lie_on_other_desks(store: Store) -> None:
    team = Team(store)
    team.hand("ada", depth=6)
    hand = team.hand("bo", depth=6)
    assert (hand.deck, hand.n_left, hand.n_elsewhere) == (team.ids[6:], 8, 6)


def test_an_undo_puts_the_card_back_for_both(store: Store) -> None:
    team = Team(store)
    store.decide(a_decision(team.ids[0], reviewer="ada"))
    assert team.hand("bo").n_left == 7
    store.undo("ada")
    assert team.hand("bo").deck[0] == team.ids[0]


@pytest.mark.parametrize("readings", [2, EVERYBODY])
def test_the_overlap_comes_to_a_second_person(store: Store, readings: int) -> None:
    team = Team(store, Overlap(1.0, readings))
    assert team.hand("ada").deck == team.hand("bo").deck == team.ids[:3]
    store.decide(a_decision(team.ids[0], reviewer="ada"))
    store.decide(a_decision(team.ids[0], reviewer="bo"))
    assert (team.ids[0] in team.hand("cyd", depth=8).deck) == (readings == EVERYBODY)


def test_a_second_reading_may_be_asked_for_and_settles_into_the_overlap(store: Store) -> None:
    team = Team(store)
    store.decide(a_decision(team.ids[2], reviewer="ada"))
    assert team.hand("bo", "needs second reading").deck == [team.ids[2]]
    drawn = Overlap(0.5, 2)
    store.set_setting(sharing.SETTING, drawn.to_setting())
    for trace_id in team.ids:
        store.decide(a_decision(trace_id, reviewer="ada"))
    wanted = [i for i in team.ids if drawn.wished(i) == 2]
    assert 0 < len(wanted) < 8
    assert team.hand("bo", "needs second reading", 8).deck == wanted


def test_a_dispute_is_offered_to_one_who_did_not_vote(store: Store) -> None:
    team = Team(store)
    store.decide(a_decision(team.ids[1], "accept", reviewer="ada"))
    store.decide(a_decision(team.ids[1], "reject", reviewer="bo"))
    assert team.hand("ada", "needs adjudication").deck == []
    assert team.hand("cyd", "needs adjudication").deck == [team.ids[1]]
    hand = team.hand("dee", "needs adjudication")
    assert (hand.deck, hand.n_left, hand.n_elsewhere) == ([], 1, 1)
