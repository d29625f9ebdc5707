"""The line at the desk: an order that decisions do not make anew."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from curation import assigning, queues, reviewing
from curation import store as stores
from curation.errors import StoreError
from curation.reviewing import EXACT, Line, Newest, Standing, Stands, grown
from curation.store import Store
from curation.store.reading import Pulse
from tests.builders import a_batch, a_decision, a_trace


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = stores.open(tmp_path / "s.duckdb")
    opened.add(a_batch(*(a_trace(f"Step {n}.", prompt=f"Problem {n}?") for n in range(5))), "one")
    return opened


@pytest.mark.parametrize("queue", [name for name in queues.QUEUES if name in reviewing.STEADY])
def test_a_decision_and_its_undo_leave_the_order_of_a_steady_queue_as_it_was(
    store: Store, queue: str
) -> None:
    if queue == reviewing.ASSIGNED:
        assigning.make(store, assigning.Request(("ada",)), made_by="lead")
    version = reviewing.version(store, queue, "ada", store.pulse())
    line = reviewing.line(store, queue, "ada", 0, ())
    ids, n = line.left(store.decided_by("ada"), 9)
    assert (len(ids), n) == (5, 5)
    store.decide(a_decision(ids[0]))
    store.decide(a_decision(ids[2], reviewer="ben"))
    assert reviewing.version(store, queue, "ada", store.pulse()) == version
    assert line.left(store.decided_by("ada"), 2) == (ids[1:3], 4)
    store.undo("ada")
    assert reviewing.version(store, queue, "ada", store.pulse()) == version
    assert line.left(store.decided_by("ada"), 9) == (ids, 5)
    # What was decided before the order was made comes back too.
    store.decide(a_decision(ids[0]))
    later = reviewing.line(store, queue, "ada", 0, ())
    assert later.left(store.decided_by("ada"), 9) == (ids[1:], 4)
    store.undo("ada")
    assert later.left(store.decided_by("ada"), 9) == (ids, 5)
    assert line.why(ids[0])
    assert line.why("tr1_none") is None


def test_what_others_said_makes_a_second_reading_anew(store: Store) -> None:
    queue = "needs second reading"
    before = reviewing.version(store, queue, "ada", store.pulse())
    first = store.list_traces()["trace_id"][0]
    store.decide(a_decision(first, reviewer="ben"))
    assert reviewing.version(store, queue, "ada", store.pulse()) != before
    line = reviewing.line(store, queue, "ada", 0, ())
    assert line.left(store.decided_by("ada"), 9) == ([first], 1)
    store.decide(a_decision(first))
    assert line.left(store.decided_by("ada"), 9) == ([], 0)


def test_a_pulse_changes_with_everything_but_decisions(store: Store) -> None:
    pulse = store.pulse()
    store.decide(a_decision(store.list_traces()["trace_id"][0]))
    assert store.pulse() == pulse
    store.set_setting("scores", "likelihood")
    assert store.pulse() != pulse
    pulse = store.pulse()
    store.add(a_batch(a_trace("Another.")), "two")
    assert store.pulse() != pulse


def test_many_scores_are_news_in_steps_of_two_percent() -> None:
    def at(n: int) -> tuple[int, int]:
        return grown(Pulse(9, "", n, 0, ""))

    assert at(EXACT - 1) != at(EXACT)
    # 100,000 · 1.02 = 102,000: one step further at most, and at 103,000 at least one.
    assert at(100_000)[0] + 1 >= at(101_000)[0]
    assert at(100_000) != at(103_000)


def test_a_slow_question_is_answered_with_what_was_known_until_it_is_known_anew() -> None:
    may_answer = threading.Event()
    answers = iter([1, 2])

    def ask() -> int:
        may_answer.wait(10)
        return next(answers)

    slow = Newest(ask)
    assert slow.at("a") is None
    may_answer.set()
    assert slow.at("a", patience_s=10) == 1
    may_answer.clear()
    assert slow.at("b") == 1
    may_answer.set()
    thread = slow._thread
    assert thread is not None
    thread.join(10)
    assert slow.at("b") == 2


def test_what_the_asking_raised_is_raised_where_it_is_wanted() -> None:
    def ask() -> int:
        raise ValueError("no")

    slow = Newest(ask)
    slow.at("a", patience_s=10)
    with pytest.raises(ValueError, match="no"):
        slow.at("a")


def test_a_line_of_a_picked_list_keeps_its_order() -> None:
    line = Line([("b", "chosen"), ("a", "chosen")], {"a": "d1"})
    # a was decided when the line was made, and so is no news; b is decided since.
    assert line.left({"a": "d1"}, 9) == (["b", "a"], 2)
    assert line.left({"a": "d1", "b": "d2"}, 9) == (["a"], 1)


def test_what_was_prepared_is_taken_once_and_what_was_not_is_made_now() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    soon: reviewing.Prepared[str] = reviewing.Prepared(2)
    for name in ("a", "a", "b"):
        soon.prepare(name, partial(make, name))
    # The second "a" is the first one; taking finds it made, or waits for it.
    assert [soon.take("a", lambda: "now"), soon.take("b", lambda: "now")] == ["A", "B"]
    assert soon.take("a", lambda: "now") == "now"
    assert made == ["a", "b"]


def test_what_fails_while_it_is_prepared_fails_for_whoever_takes_it() -> None:
    def fail() -> str:
        raise StoreError("gone")

    soon: reviewing.Prepared[str] = reviewing.Prepared(2)
    soon.prepare("a", fail)
    with pytest.raises(StoreError, match="gone"):
        soon.take("a", lambda: "now")
    assert soon.take("a", lambda: "now") == "now"


def test_the_oldest_that_nobody_took_is_given_up() -> None:
    soon: reviewing.Prepared[str] = reviewing.Prepared(2)
    for name in ("a", "b", "c"):
        soon.prepare(name, partial(str, name))
    assert [soon.take(name, lambda: "now") for name in "abc"] == ["now", "b", "c"]


def test_the_first_asking_leaves_the_machine_to_the_first_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("curation.reviewing.time.sleep", waited.append)
    answers = iter("ab")
    slow = Newest(lambda: next(answers), head_start_s=1.0)
    assert [slow.at(1, patience_s=9.0), waited] == ["a", [1.0]]
    slow.at(2)
    assert slow._thread is not None
    slow._thread.join()
    assert [slow.at(2), waited] == ["b", [1.0]]


def test_where_numbers_stand_is_asked_for_many_cards_at_once_until_something_is_stored() -> None:
    asked: list[list[str]] = []

    class Answers:
        def score_versions(self, ids: list[str], student: str) -> dict[str, str]:
            asked.append(ids)
            return {i: f"{student} {len(asked)}" for i in ids if i != "unscored"}

        def profile_versions(self, ids: list[str], student: str) -> dict[str, str]:
            return {}

    stands = Standing(cast(Store, Answers()), "sp")
    now = Pulse(0, "", 0, 0, "")
    first = stands.of(["a"], now, lambda: ["a", "b", "unscored"])
    assert first == {"a": Stands("sp 1", None)}
    again = stands.of(["b", "unscored"], now, lambda: ["c"])
    assert again == {"b": Stands("sp 1", None), "unscored": Stands(None, None)}
    assert asked == [["a", "b", "unscored"]]
    later = stands.of(["b"], now._replace(scores=1), list)
    assert [later, asked[1:]] == [{"b": Stands("sp 2", None)}, [["b"]]]
