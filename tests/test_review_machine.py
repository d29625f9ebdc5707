"""Deal, decide, edit, undo, adjudicate, wait, restart: the road of a card against a plain model.

The store, the dealer and the reservations are the real ones; the model is a list of live decisions
and a table of who holds what until when.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from curation import dealing, editing, reviewing, sharing
from curation import store as stores
from curation.records import text_hash
from curation.sharing import PARTING_S, RESERVED_S, Overlap, Readers, Reservations
from tests.builders import a_batch, a_decision, a_trace
from tests.test_sharing import Clock

TRACES = [a_trace(f"Trace {n}.", prompt=f"What is {n}?") for n in range(4)]
IDS = [trace["trace_id"] for trace in TRACES]
REVIEWERS = ["ada", "bo", "cem", "dora"]
SETTLE = ("accept", "reject")
DISPUTES = "needs adjudication"


class Said(NamedTuple):
    """A live decision, as the model remembers it."""

    decision_id: str
    trace_id: str
    reviewer: str
    verdict: str
    queue: str | None
    edit: str | None


class Review(RuleBasedStateMachine):
    """People at desks, who decide what they were dealt, or what they opened by a link."""

    @initialize(readings=st.sampled_from([1, 2, 3]))
    def begin(self, readings: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = stores.open(Path(self.folder.name) / "s.duckdb")
        self.store.add(a_batch(*TRACES), "i")
        self.overlap = Overlap(1.0, readings) if readings > 1 else Overlap()
        self.store.set_setting(sharing.SETTING, self.overlap.to_setting())
        self.clock = Clock()
        self.readers, self.desks = Readers(), Reservations(self.clock)
        self.kept = reviewing.line(self.store, "in order", "", 0, ())
        self.live: list[Said] = []
        self.edits: set[str] = set()
        self.held: dict[tuple[str, str], dict[str, float]] = {}

    # What people do ------------------------------------------------------------------------------

    @rule(reviewer=st.sampled_from(REVIEWERS), queue=st.sampled_from(["in order", DISPUTES]),
          depth=st.integers(1, 3))  # fmt: skip
    def deal(self, reviewer: str, queue: str, depth: int) -> None:
        # An order that hangs on no decision is kept, as at the desk, and follows them.
        kept = self.kept if queue == "in order" else None
        line = kept or reviewing.line(self.store, queue, reviewer, 0, ())
        hand = dealing.deal(
            self.store, line, queue, reviewer, depth, self.readers, self.desks
        )  # fmt: skip
        waiting = [i for i in IDS if self._waits(i, reviewer, queue)]
        free = [i for i in waiting if self._room(i, reviewer, queue) > len(
            self._holders(i) - {reviewer})]  # fmt: skip
        assert len(set(hand.deck)) == len(hand.deck) == min(depth, len(free))
        assert set(hand.deck) <= set(free)
        if queue == "in order":
            assert hand.deck == free[:depth]
        assert hand.n_left == len(waiting)
        now, said = self.clock.now, self._decided_by(reviewer)
        parting = {
            i: min(until, now + PARTING_S)
            for i, until in self.held.get((reviewer, queue), {}).items()
            if i not in said
        }
        self.held[reviewer, queue] = {**parting, **dict.fromkeys(hand.deck, now + RESERVED_S)}

    @rule(reviewer=st.sampled_from(REVIEWERS), trace=st.sampled_from(IDS),
          verdict=st.sampled_from(["accept", "reject", "skip", "flag"]))  # fmt: skip
    def decide(self, reviewer: str, trace: str, verdict: str) -> None:
        self._say(reviewer, trace, verdict)

    @rule(reviewer=st.sampled_from(REVIEWERS), verdict=st.sampled_from(SETTLE), data=st.data())
    def adjudicate(self, reviewer: str, verdict: str, data: st.DataObject) -> None:
        dealt = list(self.held.get((reviewer, DISPUTES), {}))
        if dealt:
            self._say(reviewer, data.draw(st.sampled_from(dealt)), verdict, queue=DISPUTES)

    @rule(reviewer=st.sampled_from(REVIEWERS), trace=st.sampled_from(TRACES),
          words=st.sampled_from(["shorter", "clearer"]))  # fmt: skip
    def edit(self, reviewer: str, trace: dict[str, str], words: str) -> None:
        self._say(reviewer, trace["trace_id"], "accept", edit=f"{trace['text']} {words}")

    @rule(reviewer=st.sampled_from(REVIEWERS))
    def undo(self, reviewer: str) -> None:
        own = [said for said in self.live if said.reviewer == reviewer]
        withdrawn = self.store.undo(reviewer)
        assert (withdrawn or {}).get("decision_id") == (own[-1].decision_id if own else None)
        if own:
            self.live.remove(own[-1])

    @rule(seconds=st.sampled_from([1.0, PARTING_S, RESERVED_S / 2, RESERVED_S]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def restart(self) -> None:
        path = self.store.path
        self.store.close()
        self.store = stores.open(path)
        self.readers, self.desks, self.held = Readers(), Reservations(self.clock), {}

    # What must hold ------------------------------------------------------------------------------

    @invariant()
    def each_trace_is_in_the_state_that_the_model_says(self) -> None:
        states = dict(self.store.list_traces().select("trace_id", "state").iter_rows())
        assert {i: states[i] for i in IDS} == {i: self._state(i) for i in IDS}

    @invariant()
    def an_edit_becomes_one_trace_and_stays_whatever_is_taken_back(self) -> None:
        texts = {
            self.store.trace(i).text
            for i in self.store.list_traces(with_edits=True)["trace_id"].to_list()
            if i not in IDS
        }
        assert texts == self.edits
        assert set(self.store.list_traces()["trace_id"]) == set(IDS)

    def teardown(self) -> None:
        assert self.store.verify().broken == []
        self.store.close()
        self.folder.cleanup()

    # The model -----------------------------------------------------------------------------------

    def _say(
        self, reviewer: str, trace_id: str, verdict: str, queue: str | None = None,
        edit: str | None = None,
    ) -> None:  # fmt: skip
        extra = {} if edit is None else {"edit": {"text": edit, "text_hash": text_hash(edit)}}
        decision = a_decision(trace_id, verdict, reviewer=reviewer, queue=queue, extra=extra)
        assert editing.decide(self.store, decision).was_new
        assert not editing.decide(self.store, decision).was_new
        self.live.append(Said(decision.decision_id, trace_id, reviewer, verdict, queue, edit))
        if edit is not None:
            self.edits.add(edit)

    def _newest(self, trace_id: str) -> dict[str, Said]:
        """What each person says of a trace now."""
        return {said.reviewer: said for said in self.live if said.trace_id == trace_id}

    def _adjudicators(self, trace_id: str) -> set[str]:
        """Who first accepted or rejected it out of the disputes."""
        first: dict[str, str | None] = {}
        for said in self.live:
            if said.trace_id == trace_id and said.verdict in SETTLE:
                first.setdefault(said.reviewer, said.queue)
        return {name for name, queue in first.items() if queue == DISPUTES}

    def _state(self, trace_id: str) -> str:
        newest = self._newest(trace_id)
        judges = self._adjudicators(trace_id)
        voted = [said for said in self.live if newest.get(said.reviewer) is said
                 and said.trace_id == trace_id and said.verdict in SETTLE]  # fmt: skip
        readers = {said.verdict for said in voted if said.reviewer not in judges}
        settled = [said.verdict for said in voted if said.reviewer in judges]
        every = {said.verdict for said in newest.values()}
        if len(readers) == 2 and settled:
            return {"accept": "accepted", "reject": "rejected"}[settled[-1]]
        if {"accept", "reject"} <= every:
            return "disputed"
        for verdict, state in (("accept", "accepted"), ("reject", "rejected"),
                               ("flag", "flagged"), ("skip", "skipped")):  # fmt: skip
            if verdict in every:
                return state
        return "undecided"

    def _decided_by(self, reviewer: str) -> set[str]:
        return {i for i in IDS if reviewer in self._newest(i)}

    def _has_read(self, trace_id: str) -> set[str]:
        return {n for n, said in self._newest(trace_id).items() if said.verdict in SETTLE}

    def _waits(self, trace_id: str, reviewer: str, queue: str) -> bool:
        if reviewer in self._newest(trace_id):
            return False
        if queue == DISPUTES:
            return self._state(trace_id) == "disputed"
        return len(self._has_read(trace_id)) < self.overlap.wished(trace_id)

    def _room(self, trace_id: str, reviewer: str, queue: str) -> int:
        if queue == DISPUTES:
            return 1
        return self.overlap.wished(trace_id) - len(self._has_read(trace_id) - {reviewer})

    def _holders(self, trace_id: str) -> set[str]:
        return {
            name for (name, _), ids in self.held.items() if ids.get(trace_id, 0.0) > self.clock.now
        }


TestReview = Review.TestCase
TestReview.settings = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
