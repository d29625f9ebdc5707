"""Who reads what: how many people a trace is for, who has it on their desk, who has read it.

    overlap = Overlap.read(store.setting(SETTING))
    readers.catch_up(store.decided_since)
    done = readers.full(overlap)
    mine = reservations.take(question, queue, reviewer, order, n, room_for)

Four small things that the process which holds the store keeps in memory:

- `Overlap`, a setting: each trace is read by one person, and a share of them, drawn by hash, by
  `readings` people; or everything by everybody.
- `Readers`: who has accepted or rejected which trace. Fed with the records that are new since it
  last looked, so that a decision costs the same in a store of a hundred or of a hundred thousand.
- `Assigned`: who shall read which trace. An assigned trace is offered to these people, and to
  others only where the overlap asks for more readings than they are.
- `Reservations`: a card on somebody's desk is offered to nobody else. Each ends after `RESERVED_S`
  seconds unless the desk that holds it asks again. What it does not get again stays its own for
  `PARTING_S`, since a browser may show a card before it hears that it is gone. Kept nowhere: a
  restart forgets them, and each desk claims anew what its browser holds.

None of them ever refuses a decision: they choose what is offered, and who opens a trace by its link
may decide it. Knows nothing of stores and screens.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any, NamedTuple

SETTING = "overlap"
"""The store's setting that holds an `Overlap`."""
RESERVED_S = 600.0
"""A reservation that is not renewed ends after this many seconds."""
PARTING_S = 120.0
"""So long a card that a desk does not get again may still come to its screen."""
EVERYBODY = 10**9

Fetch = Callable[[int], Iterable[dict[str, Any]]]
"""From a sequence number to the records after it, in order."""


class Overlap(NamedTuple):
    """How many people a trace is for."""

    share: float = 0.0
    """Which share of the traces (0 to 1) is for several people; the others are for one."""
    readings: int = 2
    """How many people these are for; `EVERYBODY` has no limit."""

    @classmethod
    def read(cls, setting: str | None) -> Overlap:
        """The overlap that a setting holds; each trace once where there is none."""
        if setting is None:
            return cls()
        held = json.loads(setting)
        return cls(float(held["share"]), int(held["readings"]))

    def to_setting(self) -> str:
        """The text that `read` reads."""
        return json.dumps(self._asdict(), sort_keys=True)

    def wished(self, trace_id: str) -> int:
        """How many people shall read this trace: by its hash, the same in every session."""
        return self.readings if _place(trace_id) < self.share else 1


class Readers:
    """Who has accepted or rejected which trace, for one question; safe to share by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sequence = 0
        self._live: dict[tuple[str, str], dict[str, str]] = {}
        self._mine: dict[str, dict[str, str]] = {}
        self._of: dict[str, set[str]] = {}
        self._overlap = Overlap()
        self._full: dict[str, str] = {}
        self.assigned = Assigned()
        self._gold: dict[str, tuple[object, dict[str, str]]] = {}

    def gold_for(
        self, reviewer: str, version: object, fetch: Callable[[], dict[str, str]]
    ) -> dict[str, str]:
        """The reviewer's gold items, fetched anew where the version is a new one."""
        held = self._gold.get(reviewer)
        if held is None or held[0] != version:
            held = self._gold[reviewer] = (version, fetch())
        return held[1]

    def known_gold(self, reviewer: str) -> set[str]:
        """The reviewer's gold items, decided ones too, as they were last fetched."""
        held = self._gold.get(reviewer)
        return set() if held is None else set(held[1])

    def catch_up(self, since: Fetch) -> None:
        """Take in the records after the last one seen.

        A record: sequence, decision_id, trace_id, reviewer, verdict, withdraws.
        """
        with self._lock:
            for row in since(self._sequence):
                trace_id, reviewer = row["trace_id"], row["reviewer"]
                live = self._live.setdefault((trace_id, reviewer), {})
                if row["withdraws"] is None:
                    live[row["decision_id"]] = row["verdict"]
                else:
                    live.pop(row["withdraws"], None)
                newest_id = next(reversed(live), None)
                mine = self._mine.setdefault(reviewer, {})
                if newest_id is None:
                    mine.pop(trace_id, None)
                else:
                    mine[trace_id] = newest_id
                newest = live[newest_id] if newest_id is not None else None
                people = self._of.setdefault(trace_id, set())
                (people.add if newest in ("accept", "reject") else people.discard)(reviewer)
                self._sequence = row["sequence"]
                self._count(trace_id)

    def decided_by(self, reviewer: str) -> dict[str, str]:
        """What the reviewer has decided: trace_id -> id of their current decision on it."""
        with self._lock:
            return dict(self._mine.get(reviewer, ()))

    def n_others(self, trace_id: str, reviewer: str) -> int:
        """How many people beside `reviewer` stand by an accept or a reject."""
        people = self._of.get(trace_id, ())
        return len(people) - (reviewer in people)

    def has_read(self, trace_id: str, reviewer: str) -> bool:
        """Whether the reviewer stands by an accept or a reject."""
        return reviewer in self._of.get(trace_id, ())

    def full(self, overlap: Overlap) -> dict[str, str]:
        """The traces that as many people have read as shall, as keys."""
        with self._lock:
            if overlap != self._overlap:
                self._overlap, self._full = overlap, {}
                for trace_id in self._of:
                    self._count(trace_id)
            return dict(self._full)

    def _count(self, trace_id: str) -> None:
        if len(self._of[trace_id]) >= self._overlap.wished(trace_id):
            self._full[trace_id] = "read"
        else:
            self._full.pop(trace_id, None)


class Assigned:
    """Who shall read which trace; safe to share by threads."""

    def __init__(self) -> None:
        self._version: object = None
        self._held: tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]] = ({}, {})

    def catch_up(self, version: object, fetch: Callable[[], Iterable[tuple[Any, ...]]]) -> None:
        """Take in who shall read what now, (trace_id, reviewer), where the version is a new one."""
        if version == self._version:
            return
        people: dict[str, set[str]] = {}
        traces: dict[str, set[str]] = {}
        for trace_id, reviewer in fetch():
            people.setdefault(trace_id, set()).add(reviewer)
            traces.setdefault(reviewer, set()).add(trace_id)
        # Replaced as one, so that a thread that asks meanwhile sees the old whole or the new one.
        self._held = (
            {trace_id: frozenset(names) for trace_id, names in people.items()},
            {reviewer: frozenset(ids) for reviewer, ids in traces.items()},
        )
        self._version = version

    def people(self, trace_id: str) -> frozenset[str]:
        """Whom the trace is assigned to."""
        return self._held[0].get(trace_id, frozenset())

    def to(self, reviewer: str) -> frozenset[str]:
        """What is assigned to the reviewer."""
        return self._held[1].get(reviewer, frozenset())

    def kept_from(self, reviewer: str, overlap: Overlap) -> set[str]:
        """What is assigned to others so that no reading is left for this reviewer."""
        return {
            trace_id
            for trace_id, names in self._held[0].items()
            if reviewer not in names and overlap.wished(trace_id) <= len(names)
        }


class Reservations:
    """Which cards are on whose desk; safe to share by threads. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str, str], dict[str, float]] = {}  # trace_id -> until

    def take(
        self,
        question: str,
        queue: str,
        reviewer: str,
        order: Iterable[str],
        n: int,
        room_for: Callable[[str], int] = lambda trace_id: 1,
        *,
        decided: Container[str] = (),
        shown: Iterable[str] = (),
    ) -> list[str]:
        """The first `n` of `order` that are not on too many other desks, reserved from now on.

        `room_for` says how many people a trace still has room for, the reviewer among them. What
        the reviewer held for this queue before and does not get again is free after `PARTING_S`,
        and at once where it is among what they have `decided`. `shown` is what their browser holds
        of this queue: it comes first where nothing is known to be reserved for them.
        """
        with self._lock:
            now = self._clock()
            held = {
                key: {i: until for i, until in ids.items() if until > now}
                for key, ids in self._held.items()
            }
            self._held = {key: ids for key, ids in held.items() if ids}
            if not any((asked, name) == (question, reviewer) for asked, _, name in self._held):
                order = dict.fromkeys([*shown, *order])
            others: dict[str, set[str]] = {}
            for (asked, _, name), ids in self._held.items():
                if asked == question and name != reviewer:
                    for trace_id in ids:
                        others.setdefault(trace_id, set()).add(name)
            taken = list(_first(order, n, lambda i: len(others.get(i, ())) < room_for(i)))
            parting = {
                i: min(until, now + PARTING_S)
                for i, until in self._held.get((question, queue, reviewer), {}).items()
                if i not in decided
            }
            mine = parting | dict.fromkeys(taken, now + RESERVED_S)
            self._held[question, queue, reviewer] = mine
            return taken

    def n_held(self, question: str, reviewer: str) -> int:
        """How many cards others may hold now: so many more to look at for a whole deck."""
        with self._lock:
            return sum(
                len(ids)
                for (asked, _, name), ids in self._held.items()
                if asked == question and name != reviewer
            )

    def holders(self, question: str, trace_id: str) -> set[str]:
        """Who has this trace on their desk now."""
        with self._lock:
            now = self._clock()
            return {
                name
                for (asked, _, name), ids in self._held.items()
                if asked == question and ids.get(trace_id, now) > now
            }


def _first(order: Iterable[str], n: int, is_free: Callable[[str], bool]) -> Iterator[str]:
    if n < 1:
        return
    for trace_id in order:
        if is_free(trace_id):
            yield trace_id
            n -= 1
            if not n:
                return


def _place(trace_id: str) -> float:
    """A number in [0, 1) that hangs on the id alone."""
    return int.from_bytes(hashlib.sha256(f"overlap\0{trace_id}".encode()).digest()[:6]) / 2**48
