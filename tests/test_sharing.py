"""Who reads what: overlap, readers, reservations, against a plain model of the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from curation import store as stores
from curation.records import QUESTION, Decision
from curation.sharing import EVERYBODY, PARTING_S, RESERVED_S, Overlap, Readers, Reservations
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace

TRACES = [a_trace(f"trace {n}") for n in range(6)]
IDS = [trace["trace_id"] for trace in TRACES]
REVIEWERS = ["ada", "bo", "çelik"]
HALF = Overlap(0.5, 2)


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_card_on_one_desk_is_offered_to_no_other() -> None:
    desks = Reservations(Clock())
    assert desks.take(QUESTION, "random", "ada", IDS, 2) == IDS[:2]
    assert desks.take(QUESTION, "in order", "bo", IDS, 2) == IDS[2:4]
    assert desks.take(QUESTION, "random", "ada", IDS, 2) == IDS[:2]
    assert desks.holders(QUESTION, IDS[0]) == {"ada"}


def test_another_question_has_reservations_of_its_own() -> None:
    desks = Reservations(Clock())
    desks.take(QUESTION, "random", "ada", IDS, 2)
    assert desks.take("leak/1", "random", "bo", IDS, 2) == IDS[:2]


def test_what_was_decided_is_free_at_once() -> None:
    desks = Reservations(Clock())
    desks.take(QUESTION, "random", "ada", IDS, 3)
    desks.take(QUESTION, "random", "ada", IDS[2:], 2, decided=IDS[:2])
    assert desks.take(QUESTION, "random", "bo", IDS, 3) == [IDS[0], IDS[1], IDS[4]]


def test_what_leaves_a_desk_undecided_may_still_be_on_its_screen_for_a_while() -> None:
    clock = Clock()
    desks = Reservations(clock)
    desks.take(QUESTION, "random", "ada", IDS, 3)
    desks.take(QUESTION, "random", "ada", IDS, 1)
    clock.now += PARTING_S - 1
    assert desks.take(QUESTION, "random", "bo", IDS, 1) == [IDS[3]]
    assert desks.take(QUESTION, "random", "ada", IDS, 1) == [IDS[0]]  # which renews no parting
    clock.now += 1
    assert desks.take(QUESTION, "random", "bo", IDS, 2) == IDS[1:3]


def test_after_a_restart_a_desk_claims_what_its_browser_shows() -> None:
    desks = Reservations(Clock())
    assert desks.take(QUESTION, "random", "bo", IDS, 2, shown=IDS[3:5]) == IDS[3:5]
    # Whoever has something reserved gets the order as it stands: here another queue's cards.
    assert desks.take(QUESTION, "in order", "bo", IDS, 2, shown=IDS[4:6]) == IDS[:2]
    assert desks.take(QUESTION, "random", "ada", IDS, 2, shown=IDS[4:5]) == [IDS[2], IDS[5]]


def test_a_reservation_ends_unless_it_is_renewed() -> None:
    clock = Clock()
    desks = Reservations(clock)
    desks.take(QUESTION, "random", "ada", IDS, 1)
    clock.now += RESERVED_S - 1
    desks.take(QUESTION, "random", "ada", IDS, 1)
    clock.now += RESERVED_S - 1
    assert desks.take(QUESTION, "random", "bo", IDS, 1) == [IDS[1]]
    clock.now += 1
    assert desks.holders(QUESTION, IDS[0]) == set()
    assert desks.take(QUESTION, "random", "bo", IDS, 1) == [IDS[0]]


def test_a_trace_with_room_for_two_may_lie_on_two_desks() -> None:
    desks = Reservations(Clock())
    for name in ("ada", "bo"):
        assert desks.take(QUESTION, "random", name, IDS, 1, lambda i: 2) == [IDS[0]]
    assert desks.take(QUESTION, "random", "çelik", IDS, 1, lambda i: 2) == [IDS[1]]


def test_the_overlap_draws_its_share_by_hash() -> None:
    ids = [f"tr1_{n}" for n in range(4000)]
    drawn = [trace_id for trace_id in ids if Overlap(0.2, 3).wished(trace_id) == 3]
    # Binomial(4000, .2): 800 with a standard deviation of 25.3; five of them are 126.
    assert abs(len(drawn) - 800) < 126
    assert {i for i in ids if Overlap(0.1, 3).wished(i) == 3} < set(drawn)
    assert {Overlap(0.0, 3).wished(i) for i in ids} == {1}
    assert {Overlap(1.0, EVERYBODY).wished(i) for i in ids} == {EVERYBODY}


def test_an_overlap_survives_its_setting() -> None:
    assert Overlap.read(HALF.to_setting()) == HALF
    assert Overlap.read(None) == Overlap(0.0, 2)


def test_a_skip_reads_nothing_and_a_withdrawn_skip_brings_the_verdict_before_it_back(
    store: Store,
) -> None:
    store.add(a_batch(*TRACES), "i")
    readers = Readers()
    store.decide(a_decision(IDS[0], "accept"))
    store.decide(a_decision(IDS[0], "skip"))
    readers.catch_up(store.decided_since)
    assert (readers.n_others(IDS[0], "bo"), list(readers.full(Overlap()))) == (0, [])
    store.undo("ada")
    readers.catch_up(store.decided_since)
    assert (readers.n_others(IDS[0], "bo"), list(readers.full(Overlap()))) == (1, [IDS[0]])
    assert readers.n_others(IDS[0], "ada") == 0


class Desks(RuleBasedStateMachine):
    """The model: the live decisions in order, and who holds what until when."""

    @initialize(share=st.sampled_from([0.0, 0.5, 1.0]))
    def begin(self, share: float) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = stores.open(Path(self.folder.name) / "s.duckdb")
        self.store.add(a_batch(*TRACES), "i")
        self.clock = Clock()
        self.readers, self.desks = Readers(), Reservations(self.clock)
        self.overlap = Overlap(share, 2)
        self.live: list[Decision] = []
        self.held: dict[tuple[str, str], dict[str, float]] = {}

    @rule(
        trace=st.sampled_from(IDS), reviewer=st.sampled_from(REVIEWERS),
        verdict=st.sampled_from(["accept", "reject", "skip", "flag"]),
    )  # fmt: skip
    def decide(self, trace: str, reviewer: str, verdict: str) -> None:
        decision = a_decision(trace, verdict, reviewer=reviewer)
        self.store.decide(decision)
        self.live.append(decision)

    @rule(reviewer=st.sampled_from(REVIEWERS))
    def undo(self, reviewer: str) -> None:
        self.store.undo(reviewer)
        own = [decision for decision in self.live if decision.reviewer == reviewer]
        if own:
            self.live.remove(own[-1])

    @rule(
        reviewer=st.sampled_from(REVIEWERS), queue=st.sampled_from(["random", "in order"]),
        n=st.integers(1, 3),
    )  # fmt: skip
    def reserve(self, reviewer: str, queue: str, n: int) -> None:
        self.readers.catch_up(self.store.decided_since)
        mine = {d.trace_id for d in self.live if d.reviewer == reviewer}
        full = self.readers.full(self.overlap)
        order = [i for i in IDS if i not in full and i not in mine]
        taken = self.desks.take(
            QUESTION, queue, reviewer, order, n,
            lambda i: self.overlap.wished(i) - self.readers.n_others(i, reviewer), decided=mine,
        )  # fmt: skip
        free = []
        for trace_id in order:
            readers = self._readers(trace_id)
            holders = self._holders(trace_id) - {reviewer}
            if len(readers) + len(holders) < self.overlap.wished(trace_id):
                free.append(trace_id)
        assert taken == free[:n]
        parting = {
            i: min(until, self.clock.now + PARTING_S)
            for i, until in self.held.get((reviewer, queue), {}).items()
            if i not in mine
        }
        self.held[reviewer, queue] = {
            **parting,
            **dict.fromkeys(taken, self.clock.now + RESERVED_S),
        }

    @rule()
    def the_readers_begin_anew(self) -> None:
        self.readers = Readers()  # and take in everything as one

    @rule(seconds=st.sampled_from([1.0, PARTING_S, RESERVED_S / 2, RESERVED_S]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def the_readers_are_those_whose_newest_word_is_a_verdict(self) -> None:
        self.readers.catch_up(self.store.decided_since)
        for name in REVIEWERS:
            assert self.readers.decided_by(name) == self.store.decided_by(name)
        full = self.readers.full(self.overlap)
        for trace_id in IDS:
            readers = self._readers(trace_id)
            assert (trace_id in full) == (len(readers) >= self.overlap.wished(trace_id))
            for name in REVIEWERS:
                assert self.readers.n_others(trace_id, name) == len(readers - {name})

    @invariant()
    def a_desk_holds_what_it_took_until_it_ends(self) -> None:
        for trace_id in IDS:
            assert self.desks.holders(QUESTION, trace_id) == self._holders(trace_id)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def _readers(self, trace_id: str) -> set[str]:
        newest = {d.reviewer: d.verdict for d in self.live if d.trace_id == trace_id}
        return {name for name, verdict in newest.items() if verdict in ("accept", "reject")}

    def _holders(self, trace_id: str) -> set[str]:
        return {
            name for (name, _), ids in self.held.items() if ids.get(trace_id, 0.0) > self.clock.now
        }


TestDesks = Desks.TestCase
TestDesks.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
