from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility import difficulty as room

Row = tuple[bool | None, str | None]


def traces(rows: list[Row], problem: str = "p") -> pl.DataFrame:
    return pl.DataFrame(
        [(problem, *row) for row in rows],
        schema={"problem_id": pl.String, "is_correct": pl.Boolean, "final_answer": pl.String},
        orient="row",
    )


def judged(n_correct: int, n: int) -> list[Row]:
    return [(i < n_correct, None) for i in range(n)]


def answers(text: str) -> list[Row]:
    return [(None, a) for a in text.split()]


@pytest.mark.parametrize(
    ("n_correct", "band"),
    # .125 = 1/8 and .5 = 4/8 belong to the frontier
    [(0, "too hard"), (1, "frontier"), (4, "frontier"), (5, "easy"), (7, "easy"), (8, "too easy")],
)
def test_the_solve_rate_decides_the_band(n_correct: int, band: str) -> None:
    (row,) = room.problem_bands(traces(judged(n_correct, 8))).to_dicts()
    assert (row["band"], row["solve_rate"], row["n_judged"]) == (band, n_correct / 8, 8)
    assert row["is_overly_hard"] == (band == "too hard")
    assert row["why"].startswith(f"{n_correct} of 8 judged traces are correct:")


def test_just_under_an_eighth_is_too_hard() -> None:
    (row,) = room.problem_bands(traces(judged(1, 9))).to_dicts()
    assert row["band"] == "too hard"


@pytest.mark.parametrize(
    ("given", "band", "share", "answer"),
    [
        ("4 4 4.0 $4$", "too easy", 1.0, "4"),
        ("4 4 4 5", "easy", 0.75, "4"),
        ("4 4 5 6", "frontier", 0.5, "4"),
        ("4 4 5 5", "frontier", 0.5, None),
        ("4 5 6", "too hard", 1 / 3, None),
        ("4", "unknown", 1.0, "4"),
    ],
)
def test_without_judgements_agreement_stands_in(
    given: str, band: str, share: float, answer: str | None
) -> None:
    (row,) = room.problem_bands(traces(answers(given))).to_dicts()
    assert (row["band"], row["majority_answer"]) == (band, answer)
    assert row["majority_share"] == pytest.approx(share)
    assert row["solve_rate"] is None


def test_judgements_go_before_agreement() -> None:
    # Everybody says 4, and one of four was right by somebody's judgement: 1/4.
    rows: list[Row] = [(True, "4"), (False, "4"), (False, "4"), (False, "4"), (None, "4")]
    (row,) = room.problem_bands(traces(rows)).to_dicts()
    assert (row["band"], row["solve_rate"], row["n_traces"], row["n_judged"]) == (
        "frontier", 0.25, 5, 4,
    )  # fmt: skip
    assert "(only 4; the band was made on 8)" in row["why"]


def test_too_few_traces_are_unknown_and_not_overly_hard() -> None:
    (row,) = room.problem_bands(traces([(False, None)])).to_dicts()
    assert (row["band"], row["is_overly_hard"], row["solve_rate"]) == ("unknown", None, 0.0)
    assert row["majority_share"] is None


def test_problems_keep_their_order_and_the_schema() -> None:
    frame = pl.concat([traces(judged(1, 2), "b"), traces(answers("1 2"), "a")])
    got = room.problem_bands(frame)
    assert got["problem_id"].to_list() == ["b", "a"]
    assert dict(got.schema) == room.BAND_SCHEMA
    assert dict(room.problem_bands(frame.clear()).schema) == room.BAND_SCHEMA


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="final_answer"):
        room.problem_bands(traces([]).drop("final_answer"))


@pytest.mark.parametrize(
    ("greedy", "sampled", "known"),
    [
        ([True, True], [], "HighlyKnown"),
        ([True], [False] * 16, "HighlyKnown"),
        ([True, False], [], "MaybeKnown"),
        ([False, False], [False, True], "WeaklyKnown"),
        ([False], [False] * 16, "Unknown"),
    ],
)
def test_knowledge_goes_by_greedy_attempts_first(
    greedy: list[bool], sampled: list[bool], known: str
) -> None:
    assert room.slick_like(greedy, sampled) == known


def test_knowledge_needs_attempts() -> None:
    with pytest.raises(ValueError, match="greedy attempt is needed"):
        room.slick_like([], [True])
    with pytest.raises(ValueError, match="sampled"):
        room.slick_like([False], [])


some_rows = st.lists(
    st.tuples(st.sampled_from([True, False, None]), st.sampled_from(["1", "2", "3", "", None])),
    min_size=1,
    max_size=12,
)


@given(some_rows, st.randoms(use_true_random=False))
def test_the_order_of_traces_changes_neither_rate_nor_band(rows: list[Row], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    columns = ["solve_rate", "majority_share", "majority_answer", "band", "why"]
    one = room.problem_bands(traces(rows)).select(columns)
    other = room.problem_bands(traces(shuffled)).select(columns)
    assert one.equals(other)
