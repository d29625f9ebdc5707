"""Queues: who comes next, why, and that nobody is left out."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import queues

COVER_THE_UNDECIDED = ["in order", "random", "most surprising", "teacher contrast", "leak risk"]


def candidates(*rows: dict[str, Any]) -> pl.DataFrame:
    """Candidates; ids t0, t1, … and arrival in the order given unless a row says otherwise."""
    default = dict.fromkeys(queues.CANDIDATE_SCHEMA)
    return pl.DataFrame(
        [
            {**default, "trace_id": f"t{i}", "problem_id": "p", "teacher": "oak", "n_others": 0,
             "teacher_context": "unguided", "added_order": i, **row}
            for i, row in enumerate(rows)
        ],
        schema=queues.CANDIDATE_SCHEMA,
    )  # fmt: skip


def ids(name: str, frame: pl.DataFrame, seed: int = 0, reviewer: str = "ann") -> list[str]:
    return [trace_id for trace_id, _ in queues.QUEUES[name](frame, reviewer, seed)]


def test_in_order_keeps_the_traces_of_a_problem_together() -> None:
    frame = candidates({"problem_id": "b"}, {"problem_id": "a"}, {"problem_id": "b"})
    assert queues.in_order(frame, "ann", 0) == [
        ("t0", "trace 1 of 2 on problem 1"),
        ("t2", "trace 2 of 2 on problem 1"),
        ("t1", "trace 1 of 1 on problem 2"),
    ]


def test_most_surprising_puts_the_unscored_last() -> None:
    frame = candidates(
        {"mean_nll_nats": 0.5}, {}, {"mean_nll_nats": 2.25}, {"mean_nll_nats": float("nan")}
    )
    queue = queues.most_surprising(frame, "ann", 0)
    assert [trace_id for trace_id, _ in queue] == ["t2", "t0", "t1", "t3"]
    assert queue[0][1] == "surprises the student: 2.25 nats a token"
    assert [why for _, why in queue[2:]] == ["not scored yet"] * 2


def test_teacher_contrast_orders_problems_by_their_spread() -> None:
    # p: 2/100 and 1/100 words: 20 - 10 = 10 per 1,000. q: 5/100 and 1/100: 50 - 10 = 40.
    # r has one marked trace: nothing to contrast.
    frame = candidates(
        {"problem_id": "p", "n_epistemic": 2, "n_words": 100, "teacher_context": "unguided"},
        {"problem_id": "p", "n_epistemic": 1, "n_words": 100, "teacher_context": "answer"},
        {"problem_id": "q", "n_epistemic": 5, "n_words": 100, "teacher_context": "unguided"},
        {"problem_id": "r", "n_epistemic": 9, "n_words": 100},
        {"problem_id": "q", "n_epistemic": 1, "n_words": 100, "teacher_context": "solution"},
    )
    queue = queues.teacher_contrast(frame, "ann", 0)
    assert [trace_id for trace_id, _ in queue] == ["t2", "t4", "t0", "t1", "t3"]
    assert queue[0][1] == "epistemic density differs by 40.0 per 1,000 words here"
    assert queue[-1][1] == "nothing to contrast it with yet"


def test_leak_risk_names_the_parts_and_puts_the_unknown_last() -> None:
    frame = candidates({}, {}, {}).with_columns(
        leak_risk=pl.Series([40.0, None, 70.0]),
        leak_reason=pl.Series(["no leak sign stands out", None, "answer after 12 words"]),
    )
    assert queues.leak_risk(frame, "ann", 0) == [
        ("t2", "answer after 12 words"),
        ("t0", "no leak sign stands out"),
        ("t1", "no leak sign is known yet"),
    ]
    # Candidates without the columns: all of them, as they came.
    assert ids("leak risk", candidates({}, {})) == ["t0", "t1"]


def test_random_depends_on_seed_and_reviewer_and_not_on_what_others_add() -> None:
    frame = candidates(*[{}] * 30)
    assert ids("random", frame, 1) == ids("random", frame, 1)
    assert ids("random", frame, 1) != ids("random", frame, 2)
    assert ids("random", frame, 1) != ids("random", frame, 1, "bob")
    fewer = frame.head(20)
    kept = [trace_id for trace_id in ids("random", frame, 1) if trace_id in set(fewer["trace_id"])]
    assert ids("random", fewer, 1) == kept


def test_a_second_reading_is_of_what_others_decided_and_i_did_not() -> None:
    frame = candidates(
        {"n_others": 2}, {"n_others": 0}, {"n_others": 1}, {"n_others": 1, "my_verdict": "skip"}
    )
    assert queues.needs_second_reading(frame, "ann", 0) == [
        ("t2", "read by 1 other, not by you"),
        ("t0", "read by 2 others, not by you"),
    ]


def test_adjudication_is_for_those_who_did_not_vote() -> None:
    frame = candidates(
        {"state": "disputed", "n_others": 2},
        {"state": "accepted", "n_others": 2},
        {"state": "disputed", "n_others": 3},
        {"state": "disputed", "n_others": 2, "my_verdict": "reject"},
    )
    assert queues.needs_adjudication(frame, "ann", 0) == [
        ("t2", "3 others differ here; you did not vote"),
        ("t0", "2 others differ here; you did not vote"),
    ]


def test_flagged_by_me_holds_my_flags_only() -> None:
    frame = candidates({"my_verdict": "flag"}, {}, {"my_verdict": "accept"})
    assert queues.flagged_by_me(frame, "ann", 0) == [("t0", "you flagged it")]


@pytest.mark.parametrize("name", list(queues.QUEUES))
def test_an_empty_collection_makes_an_empty_queue(name: str) -> None:
    assert queues.QUEUES[name](pl.DataFrame(schema=queues.CANDIDATE_SCHEMA), "ann", 0) == []


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "problem_id": st.sampled_from("pqr"),
            "teacher_context": st.sampled_from(["unguided", "answer", "solution"]),
            "my_verdict": st.sampled_from([None, None, "accept", "reject", "skip", "flag"]),
            "n_others": st.integers(0, 2),
            "mean_nll_nats": st.none() | st.floats(0, 9),
            "n_epistemic": st.none() | st.integers(0, 9),
            "n_words": st.sampled_from([None, 0, 50, 100]),
        }
    ),
    max_size=20,
)


@settings(deadline=None)
@given(ROWS, st.integers(0, 3))
def test_queues_are_permutations_of_the_undecided(rows: list[dict[str, Any]], seed: int) -> None:
    frame = candidates(*rows)
    undecided = frame.filter(pl.col("my_verdict").is_null())
    for name in COVER_THE_UNDECIDED:
        assert sorted(ids(name, frame, seed)) == sorted(undecided["trace_id"])
    shared = undecided.filter(pl.col("n_others") > 0)
    assert sorted(ids("needs second reading", frame, seed)) == sorted(shared["trace_id"])
    for name, queue in queues.QUEUES.items():
        assert queue(frame, "ann", seed) == queue(frame, "ann", seed)
        assert all(why and "\n" not in why for _, why in queue(frame, "ann", seed)), name


@settings(deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_given_does_not_matter(rows: list[dict[str, Any]], rng: Any) -> None:
    frame = candidates(*rows)
    order = list(range(frame.height))
    rng.shuffle(order)
    for queue in queues.QUEUES.values():
        assert queue(frame[order], "ann", 0) == queue(frame, "ann", 0)


def test_a_selection_holds_exactly_the_chosen_traces_each_once() -> None:
    frame = candidates({}, {"my_verdict": "accept"}, {}, {})
    assert queues.selected(frame, "ann", ["t3", "t1", "t0", "t3", "gone"]) == [
        ("t3", "chosen in the chart"),
        ("t0", "chosen in the chart"),
        ("t1", "chosen in the chart; you have decided it before"),
    ]


def test_a_selection_is_named_by_its_traces() -> None:
    assert queues.selection_id(["a", "b"]) == queues.selection_id(["a", "b"])
    assert queues.selection_id(["a", "b"]) != queues.selection_id(["b", "a"])
