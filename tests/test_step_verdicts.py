"""Verdicts on single steps, from the browser's entry to the store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.desk import outbox
from curation.errors import StoreError
from curation.records import text_hash
from curation.store import Store, step_verdicts
from tests.builders import a_batch, a_decision, a_trace

TEXT = "One is one.\n\nTwo é two.\n\nSo it is 3."
# "One is one." ends at 11, "Two é two." runs from 13 to 23, "So it is 3." from 25 to 36.
STARTS, ENDS = [0, 13, 25], [11, 23, 36]
ENTRY: dict[str, Any] = {
    "decision_id": "00000000-0000-4000-8000-000000000001",
    "kind": "decide",
    "trace_id": "tr1_1",
    "verdict": "reject",
    "decided_at": "2026-01-02T12:00:00Z",
}


def _extra(*steps: tuple[int, int], **more: object) -> dict[str, object]:
    return {"steps": [{"step": step, "verdict": verdict} for step, verdict in steps], **more}


@pytest.fixture
def held(store: Store) -> str:
    """A trace of three steps, in the store."""
    trace = a_trace(TEXT, step_start=STARTS, step_end=ENDS)
    store.add(a_batch(trace), "i")
    return str(trace["trace_id"])


def test_a_step_verdict_is_stored_with_the_words_it_is_about(store: Store, held: str) -> None:
    given_ = a_decision(held, extra=_extra((1, -1), steps_seen=[[0, 2]]))
    assert store.decide(given_).was_new
    assert not store.decide(given_).was_new
    (row,) = store.decisions(held)
    assert json.loads(row["extra"]) == {
        "steps": [
            {"step": 1, "verdict": -1, "start": 13, "end": 23, "text_hash": text_hash("Two é two.")}
        ],
        "steps_seen": [[0, 2]],
    }
    assert store.verify().broken == []


def test_only_judged_steps_have_a_row_and_a_zero_is_one(store: Store, held: str) -> None:
    store.decide(a_decision(held, extra=_extra((2, 0), (0, 1)), reviewer="ada"))
    store.decide(a_decision(held, reviewer="bo"))
    frame = store.step_verdicts()
    assert frame.schema == step_verdicts.SCHEMA
    assert frame.select("reviewer", "step", "verdict", "start", "end").rows() == [
        ("ada", 0, 1, 0, 11),
        ("ada", 2, 0, 25, 36),
    ]


def test_step_verdicts_go_with_the_decision_that_carried_them(store: Store, held: str) -> None:
    store.decide(a_decision(held, extra=_extra((0, 1)), reviewer="ada"))
    store.decide(a_decision(held, extra=_extra((0, -1)), reviewer="ada"))
    assert store.step_verdicts()["verdict"].to_list() == [-1]
    mine = store.verdict_of(held, "ada")
    assert mine is not None
    assert (mine["steps"], mine["seen"]) == ([(0, -1)], [])
    store.undo("ada")
    assert store.step_verdicts()["verdict"].to_list() == [1]
    store.undo("ada")
    assert store.step_verdicts().height == 0


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (_extra((3, 1)), "the trace has 3"),
        (_extra((-1, 1)), "the trace has 3"),
        (_extra((0, 2)), "takes 1, 0 or -1"),
        (_extra((0, 1), (0, 1)), "judged twice"),
        ({"steps": [{"step": 0, "verdict": 1, "start": 5}]}, "other words"),
        ({"steps": [{"step": 0, "verdict": 1, "mood": "good"}]}, "says 'mood' too"),
        ({"steps": {"0": 1}}, "takes a list"),
        ({"steps_seen": [[0, 4]]}, "has seen step 3"),
        ({"steps_seen": [[0]]}, "takes pairs"),
    ],
)
def test_a_step_verdict_that_fits_no_step_is_refused(
    store: Store, held: str, extra: dict[str, object], said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        store.decide(a_decision(held, extra=extra))
    assert store.decisions(held) == []


@given(
    st.dictionaries(st.integers(0, 40), st.sampled_from([-1, 0, 1])),
    st.sets(st.integers(0, 40)),
)
def test_what_a_browser_says_of_steps_is_read_as_it_is(
    steps: dict[int, int], seen: set[int]
) -> None:
    ranges: list[list[int]] = []
    for step in sorted(seen):
        if ranges and ranges[-1][1] == step:
            ranges[-1][1] = step + 1
        else:
            ranges.append([step, step + 1])
    said = {"steps": [list(pair) for pair in sorted(steps.items())], "seen": ranges}
    box = outbox.decisions({"entries": [{**ENTRY, **said}]}, reviewer="ada")
    assert box.refused == {}
    extra = box.decisions[0].extra
    assert extra.get("steps", []) == [{"step": i, "verdict": v} for i, v in sorted(steps.items())]
    assert extra.get("steps_seen", []) == ranges


@pytest.mark.parametrize(
    "said",
    [
        {"steps": "1"},
        {"steps": [[0, 2]]},
        {"steps": [[0, True]]},
        {"steps": [[-1, 1]]},
        {"steps": [[1, 1], [0, 1]]},
        {"steps": [[0, 1], [0, 1]]},
        {"steps": [[0, 1, 2]]},
        {"steps": [[0, 0.5]]},
        {"seen": [[2, 2]]},
        {"seen": [[0, 3], [2, 4]]},
        {"seen": [[-1, 3]]},
        {"steps": [[0, 1]] * 30_000},
    ],
)
def test_steps_that_are_none_are_refused(said: dict[str, object]) -> None:
    box = outbox.decisions({"entries": [{**ENTRY, **said}]}, reviewer="ada")
    assert box.decisions == []
    assert list(box.refused) == [ENTRY["decision_id"]]


def test_an_undo_judges_no_step() -> None:
    undo = {**ENTRY, "kind": "undo", "verdict": None, "withdraws": ENTRY["decision_id"]}
    box = outbox.decisions({"entries": [{**undo, "steps": [[0, 1]]}]}, reviewer="ada")
    assert box.decisions == []
