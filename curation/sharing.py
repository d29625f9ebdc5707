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
import itertools
import json
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

SETTING = "overlap"
"""The store's setting that holds an `Overlap`."""
RESERVED_S = 600.0
"""A reservation that is not renewed ends after this many seconds."""
PARTING_S = 120.0
"""So long a card that a desk does not get again may still come to its screen."""
EVERYBODY = 10**9

VERDICTS_READ = ("accept", "reject")
"""The verdicts that are a reading; a skip or a flag is none."""

Fetch = Callable[[int], pl.DataFrame]
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
    """Who has accepted or rejected which trace, for one question; safe to share by threads.

    Of a million decisions it keeps the newest of each person on each trace, by name, and who stands
    by which; what stands behind a newest one only where there is something.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sequence = 0
        self._mine: dict[str, dict[str, str]] = {}
        """reviewer -> trace_id -> their newest live decision."""
        self._read: dict[str, set[str]] = {}
        """reviewer -> the traces of which that decision accepts or rejects."""
        self._before: dict[tuple[str, str], dict[str, bool]] = {}
        """trace_id, reviewer -> their older live decisions, and whether they accept or reject."""
        self._overlap = Overlap()
        self._full: dict[str, str] = {}
        self._news: list[str] = []
        self._era = 0
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

        Columns: sequence, decision_id, trace_id, reviewer, verdict (null = a withdrawal),
        withdraws; in order of sequence.
        """
        with self._lock:
            new = since(self._sequence)
            if not new.height:
                return
            if self._sequence == 0:
                self._take_all(new)
            else:
                for row in new.iter_rows(named=True):
                    self._take(row)
            self._sequence = int(new["sequence"][-1])

    def _take_all(self, records: pl.DataFrame) -> None:
        """What `_take` does with each record, where nothing was known: a column at a time."""
        live = records.filter(
            pl.col("verdict").is_not_null(),
            ~pl.col("decision_id").is_in(records["withdraws"].drop_nulls().implode()),
        ).with_columns(reads=pl.col("verdict").is_in(VERDICTS_READ))
        key = ["trace_id", "reviewer"]
        newest = live.unique(key, keep="last", maintain_order=True)
        for (reviewer,), rows in newest.partition_by("reviewer", as_dict=True).items():
            self._mine[reviewer] = dict(zip(rows["trace_id"], rows["decision_id"], strict=True))
            self._read[reviewer] = set(rows.filter("reads")["trace_id"])
        for row in live.join(newest, on="decision_id", how="anti").iter_rows(named=True):
            held = self._before.setdefault((row["trace_id"], row["reviewer"]), {})
            held[row["decision_id"]] = row["reads"]
        self._count_all()

    def _take(self, row: Mapping[str, Any]) -> None:
        trace_id, reviewer = row["trace_id"], row["reviewer"]
        mine = self._mine.setdefault(reviewer, {})
        read = self._read.setdefault(reviewer, set())
        live = self._before.pop((trace_id, reviewer), {})
        if trace_id in mine:
            live[mine[trace_id]] = trace_id in read
        if row["withdraws"] is None:
            live[row["decision_id"]] = row["verdict"] in VERDICTS_READ
        else:
            live.pop(row["withdraws"], None)
        if live:
            mine[trace_id], is_read = live.popitem()
        else:
            mine.pop(trace_id, None)
            is_read = False
        if live:
            self._before[trace_id, reviewer] = live
        (read.add if is_read else read.discard)(trace_id)
        self._count(trace_id)
        self._news.append(trace_id)

    def news(self, since: tuple[int, int]) -> tuple[tuple[int, int], list[str] | None]:
        """Of which traces something else is known than at `since`, and what to give next time.

        None = of whichever.
        """
        now = self._era, len(self._news)
        return now, self._news[since[1] : now[1]] if since[0] == now[0] else None

    def done(self, reviewer: str, overlap: Overlap | None, kept: frozenset[str]) -> Done:
        """What does not wait for the reviewer; see `Done`. `overlap` None = their own alone."""
        if overlap is not None:
            self._follow(overlap)
        return Done(self, reviewer, overlap is not None, kept)

    def decided_by(self, reviewer: str) -> dict[str, str]:
        """What the reviewer has decided: trace_id -> id of their current decision on it."""
        with self._lock:
            return dict(self._mine.get(reviewer, ()))

    def n_others(self, trace_id: str, reviewer: str) -> int:
        """How many people beside `reviewer` stand by an accept or a reject."""
        with self._lock:
            return self._n_people(trace_id) - (trace_id in self._read.get(reviewer, ()))

    def has_read(self, trace_id: str, reviewer: str) -> bool:
        """Whether the reviewer stands by an accept or a reject."""
        return trace_id in self._read.get(reviewer, ())

    def full(self, overlap: Overlap) -> dict[str, str]:
        """The traces that as many people have read as shall, as keys."""
        self._follow(overlap)
        with self._lock:
            return dict(self._full)

    def _follow(self, overlap: Overlap) -> None:
        with self._lock:
            if overlap != self._overlap:
                self._overlap = overlap
                self._count_all()

    def _n_people(self, trace_id: str) -> int:
        return sum(trace_id in read for read in self._read.values())

    def _count_all(self) -> None:
        self._era += 1
        one = dict.fromkeys(itertools.chain.from_iterable(self._read.values()), "read")
        if self._overlap.share == 0:  # everything is for one
            self._full = one
            return
        self._full = {}
        for trace_id in one:
            self._count(trace_id)

    def _count(self, trace_id: str) -> None:
        if self._n_people(trace_id) >= self._overlap.wished(trace_id):
            self._full[trace_id] = "read"
        else:
            self._full.pop(trace_id, None)


class Done(NamedTuple):
    """What does not wait for a reviewer: what they decided and what enough people have read.

    Of the readers as they are whenever it is asked; two that are equal always say the same.
    """

    readers: Readers
    reviewer: str
    with_full: bool
    """Whether what enough have read counts."""
    kept: frozenset[str]
    """What waits for the reviewer until they have decided it, however many have read it."""

    def get(self, trace_id: str) -> str | None:
        """Their decision on the trace, else "read" where enough have read it, None = it waits."""
        mine = self.readers._mine.get(self.reviewer, {}).get(trace_id)
        if mine is None and self.with_full and trace_id not in self.kept:
            return self.readers._full.get(trace_id)
        return mine

    def __contains__(self, trace_id: object) -> bool:
        return isinstance(trace_id, str) and self.get(trace_id) is not None

    def marks(self, trace_ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Of each trace, whether it does not wait."""
        n, mine = len(trace_ids), self.readers._mine.get(self.reviewer, {})
        found = np.fromiter(map(mine.__contains__, trace_ids), np.bool_, n)
        if self.with_full:
            full, kept = self.readers._full, self.kept
            found |= np.fromiter(map(full.__contains__, trace_ids), np.bool_, n)
            for place, trace_id in enumerate(trace_ids) if kept else ():
                if trace_id in kept:
                    found[place] = trace_id in mine
        return found


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
