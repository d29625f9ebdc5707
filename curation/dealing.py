"""From an order to a desk: the next cards that nobody else holds, and that are not read enough.

Gold items are mixed in at their places (`gold_items`): they are for everybody, read enough or not,
assigned to others or not, and lie on several desks.

A conductor: the order is a `reviewing.Line`, what others read and hold is in `sharing`. What is
dealt is reserved, and dealt again (renewed) for as long as the desk asks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from curation import gold_items, sharing
from curation.gold_items import Mixing
from curation.records import QUESTION
from curation.reviewing import ASSIGNED, READ_ANYWAY, STEADY, Line, catch_up
from curation.sharing import EVERYBODY, Overlap, Readers, Reservations
from curation.store import Store

UNRESERVED = frozenset(("needs second reading", "flagged by me"))
"""Queues whose cards may lie on several desks: that is what they are for."""

UPCOMING = 2
"""How many cards behind the deck are made before they are asked for."""

AHEAD = 64
"""How many cards ahead one asks about at once."""


class Hand(NamedTuple):
    """What one desk gets."""

    deck: list[str]
    n_left: int
    """Traces of the queue that wait for this reviewer, the deck and other desks' among them, and
    the gold items that will come in between: the number falls by one with every card."""
    n_elsewhere: int
    """Of these, those on other desks, where that is why the deck is short."""
    decided: dict[str, str]
    """What the reviewer has decided so far, as `Store.decided_by` has it."""
    upcoming: tuple[str, ...] = ()
    """What comes behind the deck, reserved as well; nothing near the end of a queue."""
    ahead: tuple[str, ...] = ()
    """What waits first, so that it can be asked about at once."""


def overlap_of(store: Store) -> Overlap:
    """How many people a trace of this store is for."""
    return Overlap.read(store.setting(sharing.SETTING))


def deal(
    store: Store,
    line: Line,
    queue: str,
    reviewer: str,
    depth: int,
    readers: Readers,
    reservations: Reservations,
    holding: Collection[str] = (),
) -> Hand:
    """The next `depth` cards of `queue` for `reviewer`, whose browser is `holding` some already.

    Left out is what as many people have read as shall (`Overlap`), except in queues that are made
    of such traces; what is assigned to the reviewer is for them, however many have read it, and a
    place is kept for each who has not. A second reading is of what others read; where a share of
    the traces is drawn for several people, of these alone.
    """
    overlap = overlap_of(store)
    readers.catch_up(store.decided_since)
    assigned = readers.assigned
    catch_up(assigned, store)
    decided = readers.decided_by(reviewer)
    is_second = queue == "needs second reading"
    is_of_full = queue in READ_ANYWAY or (is_second and overlap.share == 0)
    done = readers.done(reviewer, None if is_of_full else overlap, assigned.to(reviewer))
    if queue in UNRESERVED:
        deck, n_left = line.waiting(done, depth)
        return Hand(deck, n_left, 0, decided)
    mixing, gold = _gold_for(store, line, queue, reviewer, readers, decided)
    n_held = reservations.n_held(QUESTION, reviewer)
    waiting, n_left = line.waiting(done, max(AHEAD, depth + UPCOMING + n_held + len(gold)))
    ahead = tuple(waiting[:AHEAD])
    # Gold items are held back for their places; behind all others they are cards like any.
    waiting = [*(i for i in waiting if i not in gold), *(i for i in waiting if i in gold)]

    def room_for(trace_id: str) -> int:
        if queue in READ_ANYWAY:
            return 1
        people = assigned.people(trace_id)
        if reviewer in people:
            return EVERYBODY
        kept = sum(not readers.has_read(trace_id, name) for name in people)
        return overlap.wished(trace_id) - readers.n_others(trace_id, reviewer) - kept

    shown = sorted((i for i in holding if line.is_open(i) and i not in done), key=line.place)
    # What comes next is reserved too: else every desk makes the same cards, and one gets them. Not
    # near the end of a queue, where somebody else may wait for them.
    more = UPCOMING if n_left >= AHEAD else 0
    taken = reservations.take(
        QUESTION, queue, reviewer, waiting, depth + more, room_for, decided=decided,
        shown=[i for i in shown if i not in gold],
    )  # fmt: skip
    deck, upcoming = taken[:depth], tuple(taken[depth:])
    n_elsewhere = n_left - len(deck) if len(deck) < depth else 0
    if gold:
        n_within = sum(line.is_open(i) and i not in done for i in gold)
        n_left = (
            n_left
            - n_within
            + gold_items.n_to_come(
                mixing, reviewer, len(decided), n_left - n_within, len(gold), n_within
            )
        )
        deck = gold_items.mixed(deck, gold, len(decided), mixing, reviewer, line.place)[:depth]
    return Hand(deck, n_left, n_elsewhere, decided, upcoming, ahead)


def n_decided(queue: str, reviewer: str, decided: Mapping[str, str], readers: Readers) -> int:
    """How many traces the reviewer has decided; in what is assigned to them, of these.

    Gold items count there too: a number that stood still would tell them apart.
    """
    if queue == ASSIGNED:
        mine = readers.assigned.to(reviewer) | readers.known_gold(reviewer)
        return len(mine & decided.keys())
    return len(decided)


def _gold_for(
    store: Store,
    line: Line,
    queue: str,
    reviewer: str,
    readers: Readers,
    decided: dict[str, str],
) -> tuple[Mixing, set[str]]:
    """How gold items are mixed in, and those of this queue that the reviewer has not decided."""
    n_records = store.n_gold_records() if queue in STEADY else 0
    if not n_records:
        return Mixing(one_in=0), set()
    mixing = Mixing.read(store)
    if not mixing.one_in:
        return mixing, set()
    every = readers.gold_for(reviewer, n_records, lambda: store.gold_for(reviewer))
    return mixing, {i for i in every if i not in decided and line.holds(i)}
