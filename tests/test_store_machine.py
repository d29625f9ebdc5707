"""Decide, change, withdraw, resend, reopen: the store against a plain dict."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from curation import store as stores
from curation.records import VERDICTS, Decision
from tests.builders import a_batch, a_decision, a_trace

TRACES = [a_trace(f"trace {n}") for n in range(4)]
IDS = [trace["trace_id"] for trace in TRACES]
REVIEWERS = ["ada", "bo", "çelik"]


class Curation(RuleBasedStateMachine):
    """The model: a list of live decisions in the order in which they were given."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = stores.open(Path(self.folder.name) / "s.duckdb")
        self.store.add(a_batch(*TRACES), "i")
        self.live: list[Decision] = []
        self.sent: list[Decision] = []

    @rule(
        trace=st.sampled_from(IDS), reviewer=st.sampled_from(REVIEWERS),
        verdict=st.sampled_from(VERDICTS), note=st.none() | st.text(max_size=20),
    )  # fmt: skip
    def decide(self, trace: str, reviewer: str, verdict: str, note: str | None) -> None:
        decision = a_decision(trace, verdict, reviewer=reviewer, note=_storable(note))
        assert self.store.decide(decision).was_new
        self.live.append(decision)
        self.sent.append(decision)

    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        if self.sent:
            again = data.draw(st.sampled_from(self.sent))
            assert not self.store.decide(again).was_new

    @rule(reviewer=st.sampled_from(REVIEWERS))
    def undo(self, reviewer: str) -> None:
        own = [decision for decision in self.live if decision.reviewer == reviewer]
        withdrawn = self.store.undo(reviewer)
        if own:
            assert withdrawn is not None
            assert withdrawn["decision_id"] == own[-1].decision_id
            self.live.remove(own[-1])
        else:
            assert withdrawn is None

    @rule()
    def reopen(self) -> None:
        path = self.store.path
        self.store.close()
        self.store = stores.open(path)

    @invariant()
    def the_current_decision_is_the_newest_that_stands(self) -> None:
        model: dict[tuple[str, str], str] = {}
        for decision in self.live:
            model[decision.trace_id, decision.reviewer] = str(decision.verdict)
        frame = self.store.current_decisions()
        stored = {(r["trace_id"], r["reviewer"]): r["verdict"] for r in frame.to_dicts()}
        assert stored == model
        states = dict(self.store.list_traces().select("trace_id", "state").iter_rows())
        assert states == {trace_id: _state(model, trace_id) for trace_id in IDS}

    @invariant()
    def every_hash_holds(self) -> None:
        assert self.store.verify().broken == []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


def _state(model: dict[tuple[str, str], str], trace_id: str) -> str:
    said = {verdict for (trace, _), verdict in model.items() if trace == trace_id}
    if {"accept", "reject"} <= said:
        return "disputed"
    for verdict, state in (
        ("accept", "accepted"),
        ("reject", "rejected"),
        ("flag", "flagged"),
        ("skip", "skipped"),
    ):
        if verdict in said:
            return state
    return "undecided"


def _storable(note: Any) -> Any:
    """Text that UTF-8 can say (the desk refuses the rest before it gets here)."""
    return None if note is None else note.encode("utf-8", "ignore").decode().replace("\0", "")


TestCuration = Curation.TestCase
TestCuration.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
