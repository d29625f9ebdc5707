"""Queues: who comes next, why, and that nobody is left out."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import queues, reviewing

COVER_THE_UNDECIDED = [
    "in order", "random", "most surprising", "teacher contrast", "leak risk", "unscored first",
    "most informative", "learning frontier", "one problem at a time",
]  # fmt: skip


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "problem_id": st.sampled_from("pqr"),
            "teacher_context": st.sampled_from(["unguided", "answer", "solution"]),
            "my_verdict": st.sampled_from([None, None, "accept", "reject", "skip", "flag"]),
            "n_others": st.integers(0, 2),
            "mean_nll_nats": st.none() | st.floats(0, 9),
            "rsr": st.none() | st.floats(0, 9) | st.just(float("inf")),
            "state": st.sampled_from(["undecided", "accepted", "disputed"]),
            "n_epistemic": st.none() | st.integers(0, 9),
            "n_words": st.sampled_from([None, 0, 50, 100]),
        }
    ),
    max_size=20,
)


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


def test_the_unscored_come_first() -> None:
    frame = candidates({"mean_nll_nats": 1.0}, {}, {"mean_nll_nats": float("nan")})
    assert queues.unscored_first(frame, "ann", 0) == [
        ("t1", "not scored yet"),
        ("t2", "not scored yet"),
        ("t0", "scored by the student"),
    ]


def test_the_control_slice_is_a_twentieth_and_the_same_for_all() -> None:
    frame = candidates(*[{}] * 1000)
    slice_ = ids("random control", frame)
    assert len(slice_) == 50
    assert ids("random control", frame, 0, "bob") == slice_
    assert ids("random control", frame, 1) != slice_
    # 600 traces: 5 % are 30; those of them that were drawn among 1,000 keep their order.
    fewer = ids("random control", frame.head(600))
    assert len(fewer) == 30
    assert [i for i in slice_ if i in set(frame["trace_id"].head(600))] == fewer[: len(
        [i for i in slice_ if i in set(frame["trace_id"].head(600))]
    )]  # fmt: skip
    assert len(ids("random control", candidates(*[{}] * 7))) == 7
    # Deciding one shortens the slice; no other trace moves up into it.
    decided = frame.with_columns(
        my_verdict=pl.when(pl.col("trace_id") == slice_[0]).then(pl.lit("accept"))
    )
    assert ids("random control", decided) == slice_[1:]


def test_the_most_informative_is_where_two_scores_disagree() -> None:
    # Places in mean NLL: 0, 50, 100; in RSR: 100, 50, 0 with the tie-free ranks 3, 2, 1 of three.
    frame = candidates(
        {"mean_nll_nats": 0.5, "rsr": 2.0},
        {"mean_nll_nats": 1.0, "rsr": 3.0},
        {"mean_nll_nats": 2.0, "rsr": 1.0},
        {"mean_nll_nats": 2.0},
        {"mean_nll_nats": 2.0, "rsr": float("inf")},
    )
    # t0: 0 and 50; t1: 50 and 100; t2: 100 and 0: gaps 50, 50, 100.
    assert queues.most_informative(frame, "ann", 0) == [
        ("t2", "scores disagree: above 100 % in mean NLL, above 0 % in RSR"),
        ("t0", "scores disagree: above 0 % in mean NLL, above 50 % in RSR"),
        ("t1", "scores disagree: above 50 % in mean NLL, above 100 % in RSR"),
        ("t3", "two scores are not known yet"),
        ("t4", "two scores are not known yet"),
    ]


def test_the_learning_frontier_comes_before_what_is_easy_or_too_hard() -> None:
    bands = ["too easy", None, "frontier", "too hard", "easy", "unknown"]
    frame = candidates(*[{"problem_id": f"p{i}"} for i in range(6)]).with_columns(
        band=pl.Series(bands), band_why=pl.Series(["2 of 4."] * 6)
    )
    queue = queues.learning_frontier(frame, "ann", 0)
    assert [i for i, _ in queue] == ["t2", "t4", "t3", "t0", "t1", "t5"]
    assert queue[0][1] == "frontier: 2 of 4."
    assert queue[-1][1] == "its problem's difficulty is not known"


def test_a_problem_is_finished_before_the_next_and_people_begin_elsewhere() -> None:
    frame = candidates(
        *[{"problem_id": f"p{i % 9}", "teacher_context": c}
          for c in ("solution", "unguided") for i in range(9)]
    )  # fmt: skip
    problem = dict(frame.select("trace_id", "problem_id").iter_rows())
    order = ids("one problem at a time", frame)
    assert [problem[i] for i in order[::2]] == [problem[i] for i in order[1::2]]
    assert frame.filter(pl.col("trace_id") == order[0])["teacher_context"].item() == "unguided"
    assert problem[order[0]] != problem[ids("one problem at a time", frame, 0, "bob")[0]]


@settings(deadline=None)
@given(ROWS, st.sets(st.sampled_from([f"t{i}" for i in range(20)])))
def test_a_filtered_queue_is_the_queue_without_the_rest(
    rows: list[dict[str, Any]], kept: set[str]
) -> None:
    frame = candidates(*rows)
    for queue in queues.QUEUES.values():
        whole = queue(frame, "ann", 0)
        assert queues.within(whole, kept) == [pair for pair in whole if pair[0] in kept]


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


@given(rows=ROWS, queue=st.sampled_from(sorted(reviewing.STEADY)), seed=st.integers(0, 3))
def test_a_queue_reads_no_more_than_is_asked_of_the_store_for_it(
    rows: list[dict[str, Any]], queue: str, seed: int
) -> None:
    given_anyway = ["trace_id", "problem_id", "added_order", "my_verdict", "n_others"]
    every = candidates(*rows)
    narrow = every.select(*given_anyway, *reviewing.READS[queue])
    of_all, of_few = (queues.QUEUES[queue](frame, "ann", seed) for frame in (every, narrow))
    assert list(of_few) == list(of_all)
