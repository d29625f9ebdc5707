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
        step=st.none() | st.sampled_from([-1, 0, 1]), revealed=st.none() | st.booleans(),
    )  # fmt: skip
    def decide(
        self, trace: str, reviewer: str, verdict: str, note: str | None, step: int | None,
        revealed: bool | None,
    ) -> None:  # fmt: skip
        decision = a_decision(
            trace, verdict, reviewer=reviewer, note=_storable(note), revealed=revealed,
            extra={} if step is None else {"steps": [{"step": 0, "verdict": step}]},
        )  # fmt: skip
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
    def a_step_verdict_stands_as_long_as_the_decision_that_carries_it(self) -> None:
        newest = {(one.trace_id, one.reviewer): one for one in self.live}
        model = {
            place: one.extra["steps"][0]["verdict"]  # type: ignore[index]
            for place, one in newest.items()
            if one.extra
        }
        rows = self.store.step_verdicts().to_dicts()
        assert {(row["trace_id"], row["reviewer"]): row["verdict"] for row in rows} == model

    @invariant()
    def a_blind_verdict_is_paired_with_the_first_one_given_after_the_look(self) -> None:
        model = {}
        for place in {(one.trace_id, one.reviewer) for one in self.live}:
            ever = [one for one in self.sent if (one.trace_id, one.reviewer) == place]
            looks = [n for n, one in enumerate(ever) if one.revealed]
            live = [(n, one) for n, one in enumerate(ever) if one in self.live]
            blind = [
                (n, one)
                for n, one in live
                if one.revealed is False
                and one.verdict in ("accept", "reject")
                and (not looks or n < looks[0])
            ]
            if blind:
                after = [one.verdict for n, one in live if one.revealed and n > blind[0][0]]
                model[place] = (blind[0][1].verdict, after[0] if after else None)
        rows = self.store.blind_pairs().to_dicts()
        pairs = {(row["trace_id"], row["reviewer"]): (row["blind"], row["sighted"]) for row in rows}
        assert pairs == model

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
