"""Dealing with assignments and gold items at once, against plain rules, in any order."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from curation import assigning, dealing, gold_items, reviewing
from curation import store as stores
from curation.errors import CurationError
from curation.reviewing import ASSIGNED
from curation.sharing import Readers, Reservations
from tests.builders import a_batch, a_decision, a_trace

TRACES = [a_trace(f"trace {n}", prompt=f"P{n}?") for n in range(12)]
IDS = [trace["trace_id"] for trace in TRACES]
NAMES = ["ada", "bo", "çelik"]
QUEUES = st.sampled_from(["in order", "random", ASSIGNED])


class Room(RuleBasedStateMachine):
    """Three people who read, a lead who assigns and marks; each trace is for one person."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = stores.open(Path(self.folder.name) / "s.duckdb")
        self.store.add(a_batch(*TRACES), "i")
        self.readers, self.desks = Readers(), Reservations()
        self.assigned: dict[str, set[tuple[str, str]]] = {}
        self.gold: dict[str, str] = {}
        self.said: dict[tuple[str, str], str] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    def _deal(self, name: str, queue: str) -> list[str]:
        line = reviewing.line(self.store, queue, name, 0, ())
        return dealing.deal(self.store, line, queue, name, 4, self.readers, self.desks).deck

    def _people(self, trace_id: str) -> set[str]:
        return {name for pairs in self.assigned.values() for i, name in pairs if i == trace_id}

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1), n=st.integers(1, 5),
          readings=st.integers(1, 2), seed=st.integers(0, 3), again=st.booleans())  # fmt: skip
    def assign(self, names: set[str], n: int, readings: int, seed: int, again: bool) -> None:
        request = assigning.Request(
            tuple(sorted(names)), n=n, readings=min(readings, len(names)), seed=seed, again=again
        )
        planned = assigning.plan(self.store, request)
        try:
            made = assigning.make(self.store, request, made_by="lead")
        except CurationError:
            assert planned.n_traces == 0
            return
        pairs = set(planned.items.select("trace_id", "reviewer").iter_rows())
        assert len(pairs) == planned.items.height
        for trace_id, name in pairs:
            assert name not in self._people(trace_id)
            assert self.said.get((trace_id, name)) not in ("accept", "reject")
        self.assigned[made] = pairs

    @precondition(lambda self: self.assigned)
    @rule(data=st.data())
    def withdraw(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.assigned)))
        self.store.withdraw_assignment(name, "lead")
        del self.assigned[name]

    @rule(trace_id=st.sampled_from(IDS), verdict=st.sampled_from(["accept", "reject"]))
    def mark(self, trace_id: str, verdict: str) -> None:
        gold_items.mark(self.store, [trace_id], verdict, marked_by="lead")
        gold_items.mix_in(self.store, 2, feedback=False)
        self.gold[trace_id] = verdict

    @precondition(lambda self: self.gold)
    @rule(data=st.data())
    def take_back(self, data: Any) -> None:
        trace_id = data.draw(st.sampled_from(sorted(self.gold)))
        gold_items.mark(self.store, [trace_id], None, marked_by="lead")
        del self.gold[trace_id]

    @rule(name=st.sampled_from(NAMES), queue=QUEUES, verdict=st.sampled_from(["accept", "skip"]))
    def read(self, name: str, queue: str, verdict: str) -> None:
        deck = self._deal(name, queue)
        assert deck == self._deal(name, queue), "the same state deals the same"
        assert len(set(deck)) == len(deck)
        for trace_id in deck:
            assert (trace_id, name) not in self.said, "nothing comes twice to one person"
            if trace_id in self.gold:
                continue
            people = self._people(trace_id)
            assert not people or name in people, "what is assigned is kept from others"
            if queue == ASSIGNED:
                assert name in people
            if not people:
                read = {who for (i, who), said in self.said.items()
                        if i == trace_id and said == "accept"}  # fmt: skip
                assert not read, "what is read is nobody's any more"
                assert self.desks.holders("train", trace_id) == {name}
        if deck:
            self.store.decide(a_decision(deck[0], verdict, reviewer=name, queue=queue))
            self.said[deck[0], name] = verdict

    @rule(name=st.sampled_from(NAMES))
    def undo(self, name: str) -> None:
        gone = self.store.undo(name)
        if gone is not None:
            del self.said[gone["trace_id"], name]

    @rule(name=st.sampled_from(NAMES))
    def look_at_what_is_assigned(self, name: str) -> None:
        # Whatever others do, one's own assignment is there to the end.
        mine = {i for i in IDS if name in self._people(i)}
        line = reviewing.line(self.store, ASSIGNED, name, 0, ())
        deck = dealing.deal(self.store, line, ASSIGNED, name, 99, self.readers, self.desks).deck
        waiting = {i for i in mine if (i, name) not in self.said}
        assert waiting <= set(deck)
        assert set(deck) - waiting <= set(self.gold)


TestRoom = Room.TestCase
TestRoom.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
