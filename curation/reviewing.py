"""Who is next at the desk: an order made once and kept, however many decisions come in.

Ordering looks at every trace, so it must not happen at a key press. A `Line` holds an order; what
the reviewer has decided is taken out of it on reading, so that neither a decision nor an undo makes
it anew. `Newest` holds the answer to a question that takes longer than a person waits, and asks it
again on a thread of its own. `Prepared` makes what will be asked for next before it is.

Conductor: asks the store, hands what it says to `queues`. Knows no screen.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import filterfalse, islice
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import polars as pl

from curation import compatibility, leak_signs, queues, sharing
from curation.queues import Queue
from curation.sharing import Assigned, Done, Overlap
from curation.store import Store
from curation.store.reading import Pulse

SELECTION = "selection"
"""The name of the queue of traces that a person picked."""
BY_SCORE = frozenset(("most surprising", "unscored first", "most informative", leak_signs.QUEUE))
"""Queues whose order hangs on the student's scores."""
FRONTIER = "learning frontier"
ASSIGNED = "assigned to me"
STEADY = BY_SCORE | {
    ASSIGNED, "in order", "random", "teacher contrast", "one problem at a time", "random control",
    FRONTIER,
}  # fmt: skip
"""Queues in which a trace's place hangs on no decision."""
OWN = frozenset((ASSIGNED, "random", "one problem at a time"))
"""Queues of `STEADY` whose order hangs on who reads; the others are one order for all."""
READS: Mapping[str, tuple[str, ...]] = {
    "in order": (), ASSIGNED: (), "random": (), "random control": (), FRONTIER: (),
    "most surprising": ("mean_nll_nats",),
    "unscored first": ("mean_nll_nats",),
    "most informative": ("mean_nll_nats", "rsr"),
    "one problem at a time": ("teacher_context",),
    "teacher contrast": ("teacher_context", "n_epistemic", "n_words"),
    leak_signs.QUEUE: (),
}  # fmt: skip
"""What each queue of `STEADY` looks at, beside ids and arrival: what it need not, it does not wait
for."""
READ_ANYWAY = frozenset(("needs adjudication", "flagged by me", SELECTION))
"""Queues that offer what enough people have read, and what is assigned to others."""
TALLIES = 64
"""Of so many people at most a line knows what waits for them."""
EXACT = 2000
"""Up to this many scores, each new one is news to `grown`."""

Answer = TypeVar("Answer")


class Line:
    """An order of traces with their reasons, and what the reviewer had decided when it was made."""

    def __init__(self, queue: Queue, before: Mapping[str, str], whole: Line | None = None) -> None:
        """`whole` is the line with what is kept from the reviewer, None where nothing is."""
        self._queue = queue
        self._ids = queues.trace_ids(queue)
        self._place = {trace_id: place for place, trace_id in enumerate(self._ids)}
        self._before = before
        self.whole = whole or self
        self._tallies: dict[Done, _Tally] = {}

    def left(self, decided: Mapping[str, str], depth: int) -> tuple[list[str], int]:
        """The first `depth` traces that wait for the reviewer, and how many do in all.

        `decided` is `Store.decided_by` now: what it says otherwise than before does not wait.
        """
        gone: Collection[str] = decided.keys()
        if self._before:
            gone = {i for i, verdict in decided.items() if self._before.get(i) != verdict}
            gone |= {i for i in self._before if i not in decided}
        first = list(islice(filterfalse(gone.__contains__, self._ids), depth))
        return first, len(self._ids) - sum(map(self._place.__contains__, gone))

    def waiting(self, done: Done, depth: int) -> tuple[list[str], int]:
        """As `left`, of what is followed: asked again it looks at what is new alone."""
        tally = self._tallies.get(done)
        if tally is None:
            while len(self._tallies) >= TALLIES:
                self._tallies.pop(next(iter(self._tallies)), None)
            tally = self._tallies[done] = _Tally(self._ids, self._place, self._before, done)
        first, n = tally.waiting(depth)
        return [self._ids[place] for place in first], n

    def within(self, trace_ids: Collection[str]) -> Line:
        """The line with these traces alone, in its order."""
        whole = None if self.whole is self else self.whole.within(trace_ids)
        return Line(queues.within(self._queue, trace_ids), self._before, whole)

    def without(self, trace_ids: Collection[str]) -> Line:
        """The line without these traces, which stay in its `whole`."""
        if not trace_ids:
            return self
        kept = set(self._ids).difference(trace_ids)
        return Line(queues.within(self._queue, kept), self._before, self.whole)

    def holds(self, trace_id: str) -> bool:
        """Whether the trace is in the line, kept from the reviewer or not."""
        return trace_id in self.whole._place

    def is_open(self, trace_id: str) -> bool:
        """Whether the trace is in the line and not kept from the reviewer."""
        return trace_id in self._place

    def place(self, trace_id: str) -> int:
        """The trace's place in the whole line, -1 where it has none."""
        return self.whole._place.get(trace_id, -1)

    def why(self, trace_id: str) -> str | None:
        """Why the trace is in this queue, None where it is not."""
        place = self.place(trace_id)
        return None if place < 0 else self.whole._queue[place][1]


class _Tally:
    """Which places of a line wait for somebody; safe to share by threads."""

    def __init__(
        self, ids: Sequence[str], place: Mapping[str, int], before: Mapping[str, str], done: Done
    ) -> None:
        self._ids, self._place, self._before, self._done = ids, place, before, done
        self._lock = threading.Lock()
        self._seen = (-1, 0)
        self._waits = np.zeros(len(ids), dtype=np.bool_)

    def waiting(self, depth: int) -> tuple[list[int], int]:
        """The first `depth` places, and how many there are."""
        with self._lock:
            # What changes while it is looked at is among the news next time.
            self._seen, changed = self._done.readers.news(self._seen)
            if changed is None:
                self._waits = ~self._done.marks(self._ids)
                changed = list(self._before)
            for trace_id in changed:
                if trace_id in self._place:
                    self._waits[self._place[trace_id]] = self._is_waiting(trace_id)
            places = np.flatnonzero(self._waits)
            return places[:depth].tolist(), places.size

    def _is_waiting(self, trace_id: str) -> bool:
        return self._done.get(trace_id) == self._before.get(trace_id)


def line(store: Store, queue: str, reviewer: str, seed: int, chosen: Sequence[str]) -> Line:
    """The line of a queue as the store stands now; `chosen` are the traces of a selection.

    What others are to read is not in it (`sharing.Assigned`), save in queues of `READ_ANYWAY`.
    """
    found = _whole_line(store, queue, reviewer, seed, chosen)
    if queue in READ_ANYWAY or not store.n_assignment_records():
        return found
    assigned, overlap = Assigned(), Overlap.read(store.setting(sharing.SETTING))
    catch_up(assigned, store)
    return found.without(assigned.kept_from(reviewer, overlap))


def catch_up(assigned: Assigned, store: Store) -> None:
    """Let `assigned` know who shall read what now."""
    assigned.catch_up(
        store.n_assignment_records(),
        lambda: store.assigned().select("trace_id", "reviewer").iter_rows(),
    )


def _whole_line(store: Store, queue: str, reviewer: str, seed: int, chosen: Sequence[str]) -> Line:
    if queue in STEADY:
        every = leak_signs.candidates(store, None, queue, READS[queue])
        if queue == FRONTIER:
            every = every.join(_bands(store), on="problem_id", how="left", maintain_order="left")
        if queue == ASSIGNED:
            mine = _mine(store, reviewer)
            gold = _gold_beside(store, reviewer, mine)
            every = every.join(pl.concat([mine, gold]), on="trace_id", how="left")
            found = Line(queues.assigned_to_me(every, reviewer, seed), {})
            return found.without(set(gold["trace_id"]))
        return Line(queues.QUEUES[queue](every, reviewer, seed), {})
    before = store.decided_by(reviewer)
    candidates = leak_signs.candidates(store, reviewer, queue)
    if queue == SELECTION:
        return Line(queues.selected(candidates, reviewer, chosen), before)
    return Line(queues.QUEUES[queue](candidates, reviewer, seed), before)


def _mine(store: Store, reviewer: str) -> pl.DataFrame:
    """What is assigned to the reviewer, in which order and by whom."""
    return (
        store.assigned()
        .filter(pl.col("reviewer") == reviewer)
        .select("trace_id", assigned_order="order", assigned_by="made_by")
    )


def _gold_beside(store: Store, reviewer: str, mine: pl.DataFrame) -> pl.DataFrame:
    """Gold items that are not assigned to the reviewer, as if they were: by the same people.

    They are mixed in among what is assigned and must give no other reason.
    """
    gold = [i for i in store.gold_for(reviewer) if i not in set(mine["trace_id"])]
    if not mine.height or not gold:
        return mine.clear()
    places = [hash_place(reviewer, i) % mine.height for i in gold]
    beside = mine.sort("assigned_order")[places]
    return beside.with_columns(pl.Series("trace_id", gold, dtype=pl.String()))


def hash_place(reviewer: str, trace_id: str) -> int:
    """A large number that hangs on the two names alone."""
    return int.from_bytes(hashlib.sha256(f"{reviewer}\0{trace_id}".encode()).digest()[:6])


def _bands(store: Store) -> pl.DataFrame:
    """Each problem's band with its reason, from unguided traces: others did not have to solve."""
    traces = store.solutions("unguided")
    return compatibility.problem_bands(traces).select(
        "problem_id", "band", pl.col("why").alias("band_why")
    )


def version(store: Store, queue: str, reviewer: str, pulse: Pulse) -> tuple[object, ...]:
    """What the order of a queue hangs on, beside the reviewer's own new decisions.

    `pulse` is `Store.pulse` now.
    """
    assigned = store.n_assignment_records()
    shared = (
        assigned,
        store.setting(sharing.SETTING) if assigned else None,
        store.n_gold_records() if queue == ASSIGNED else None,
    )
    if queue in BY_SCORE:
        return pulse.traces, grown(pulse), shared
    if queue in STEADY:
        return pulse.traces, shared
    # A decision taken back puts its trace into the queue again.
    undone = store.n_withdrawn_by(reviewer)
    records = None if queue == SELECTION else store.n_records()
    return pulse.traces, undone, records, shared


def grown(pulse: Pulse) -> tuple[int, int]:
    """How much is scored: exactly where it is little, in steps of 2 % where it is much."""

    def step(n: int) -> int:
        return n if n <= EXACT else EXACT + int(math.log(n / EXACT, 1.02))

    return step(pulse.scores), step(pulse.families)


def whose(store: Store, queue: str, reviewer: str) -> str:
    """For whom the order of a queue is made: the reviewer, or nobody in particular ("")."""
    is_for_all = queue in STEADY - OWN and not store.n_assignment_records()
    return "" if is_for_all else reviewer


class Stands(NamedTuple):
    """Under what a trace's numbers stand; None where there are none."""

    score: str | None
    families: str | None


class Standing:
    """Under what the numbers of cards stand, asked for many cards at once.

    As long as nothing but decisions is stored it holds, and a key press asks nothing.
    """

    def __init__(self, store: Store, student: str) -> None:
        self._store, self._student = store, student
        self._lock = threading.Lock()
        self._pulse: Pulse | None = None
        self._known: dict[str, Stands] = {}

    def of(
        self, trace_ids: Collection[str], pulse: Pulse, ahead: Callable[[], Collection[str]]
    ) -> dict[str, Stands]:
        """For each of `trace_ids`, at `pulse`; `ahead` says what will be asked for soon."""
        with self._lock:
            if pulse != self._pulse:
                self._pulse, self._known = pulse, {}
            known = self._known
        if any(i not in known for i in trace_ids):
            asked = [i for i in dict.fromkeys([*trace_ids, *ahead()]) if i not in known]
            scores = self._store.score_versions(asked, self._student)
            families = self._store.profile_versions(asked, self._student)
            known.update((i, Stands(scores.get(i), families.get(i))) for i in asked)
        return {i: known[i] for i in trace_ids}


class Newest(Generic[Answer]):
    """The newest answer to a slow question, which is asked again when its version changes.

    The first time the asking waits `head_start_s`, so that it takes nothing from what a person
    waits for meanwhile.
    """

    class _Told(NamedTuple):
        version: object
        error: Exception | None

    def __init__(self, ask: Callable[[], Answer], head_start_s: float = 0.0) -> None:
        self._ask = ask
        self._head_start_s = head_start_s
        self._lock = threading.Lock()
        self._told: Newest._Told | None = None
        self._answer: Answer | None = None
        self._thread: threading.Thread | None = None

    def at(self, version: object, patience_s: float = 0.0) -> Answer | None:
        """The answer at `version`, else the one before it; None while there is none.

        Waits at most `patience_s`, and only where there is no answer yet. Raises what the asking
        raised, until the version changes.
        """
        with self._lock:
            if self._told is not None and self._told.version == version:
                if self._told.error is not None:
                    raise self._told.error
                return self._answer
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._find, args=(version,), daemon=True)
                self._thread.start()
            thread = self._thread
        if self._answer is None and patience_s:
            thread.join(patience_s)
        return self._answer

    def _find(self, version: object) -> None:
        error: Exception | None = None
        if self._told is None:
            time.sleep(self._head_start_s)
        try:
            answer = self._ask()
        except Exception as exc:  # told to whoever asks, on their thread
            error = exc
        with self._lock:
            self._told = self._Told(version, error)
            if error is None:
                self._answer = answer


class Prepared(Generic[Answer]):
    """What is made on a thread of its own before it is asked for; at most `n` wait at a time."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, Future[Answer]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prepared")

    def prepare(self, key: Hashable, make: Callable[[], Answer]) -> None:
        """Make this soon, if it is not made already; the oldest that nobody took is given up."""
        with self._lock:
            if key in self._waiting:
                return
            while len(self._waiting) >= self._n:
                self._waiting.pop(next(iter(self._waiting))).cancel()
            self._waiting[key] = self._thread.submit(make)

    def take(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """What was prepared under this key, once; else made now. Raises what making it raised."""
        with self._lock:
            found = self._waiting.pop(key, None)
        return make() if found is None else found.result()
