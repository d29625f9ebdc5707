"""Agreement on steps and on spans: every number with its arithmetic."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from curation.agreement import on_spans, on_steps
from curation.agreement.spans import matched
from curation.store import span_verdicts, step_verdicts


def _steps(*rows: tuple[str, str, int, int], text_hash: str = "tx1_a") -> pl.DataFrame:
    """(trace, reviewer, step, verdict) as the store gives them."""
    return pl.DataFrame(
        [
            {"trace_id": trace, "problem_id": "p", "reviewer": name, "decision_id": "d",
             "step": step, "verdict": verdict, "start": 0, "end": 1, "text_hash": text_hash}
            for trace, name, step, verdict in rows
        ],
        schema=step_verdicts.SCHEMA,
    )  # fmt: skip


def _spans(*rows: tuple[str, str, int, int, str]) -> pl.DataFrame:
    """(trace, reviewer, start, end, label) as the store gives them."""
    return pl.DataFrame(
        [
            {"trace_id": trace, "problem_id": "p", "reviewer": name, "decision_id": "d",
             "start": start, "end": end, "label": label, "text": "x"}
            for trace, name, start, end, label in rows
        ],
        schema=span_verdicts.SCHEMA,
    )  # fmt: skip


def _read(*pairs: tuple[str, str], verdict: str = "accept") -> pl.DataFrame:
    return pl.DataFrame(
        [{"trace_id": t, "reviewer": r, "verdict": verdict} for t, r in pairs],
        schema={"trace_id": pl.String(), "reviewer": pl.String(), "verdict": pl.String()},
    )


FOUR = _steps(
    ("t", "ada", 0, 1), ("t", "bo", 0, 1),
    ("t", "ada", 1, -1), ("t", "bo", 1, -1),
    ("t", "ada", 2, 1), ("t", "bo", 2, 0),
    ("t", "ada", 3, 0),
)  # fmt: skip


def test_alpha_on_steps_by_hand() -> None:
    found = on_steps(FOUR)
    assert (found.n_steps, found.n_reviewers, found.n_pairable, found.n_traces) == (4, 2, 3, 1)
    # Pairs: (1,1), (-1,-1), (1,0). Equal: 2 of 3.
    assert found.percent == pytest.approx(2 / 3)
    # Coincidences: o_11 = 2, o_-1-1 = 2, o_10 = o_01 = 1; n_-1 = 2, n_0 = 1, n_1 = 3, n = 6.
    # Nominal: observed = 2; by chance = 36 - (4 + 1 + 9) = 22; 1 - 5·2/22 = 12/22.
    assert found.alpha == pytest.approx(12 / 22)
    # Ordinal: d²(0,1) = (1 + 3 - (1 + 3)/2)² = 4; d²(-1,0) = (3 - 1.5)² = 2.25;
    # d²(-1,1) = (6 - 2.5)² = 12.25. Observed = 2·4 = 8;
    # by chance = 2·(2·1·2.25 + 1·3·4 + 2·3·12.25) = 2·(4.5 + 12 + 73.5) = 180; 1 - 5·8/180.
    assert found.alpha_ordinal == pytest.approx(1 - 40 / 180)
    assert found.n_opposed == 0
    assert math.isnan(found.alpha_ci[0])
    assert found.reason == "an interval needs 5 traces; these steps are of 1"


def test_verdicts_on_other_words_are_not_compared() -> None:
    other = pl.concat([_steps(("t", "ada", 0, 1)), _steps(("t", "bo", 0, 1), text_hash="tx1_b")])
    found = on_steps(other)
    assert (found.n_steps, found.n_pairable) == (2, 0)
    assert math.isnan(found.alpha)
    assert found.reason == "no step was judged by two people yet"


def test_a_step_that_one_did_not_judge_is_no_neutral_verdict() -> None:
    found = on_steps(_steps(("t", "ada", 0, 1), ("t", "ada", 1, -1), ("t", "bo", 0, 1)))
    assert found.n_pairable == 1
    assert found.percent == 1.0
    assert found.reason is not None
    assert "chance" in found.reason


def test_the_interval_resamples_traces_and_not_steps() -> None:
    # Five traces of which one disagrees on all its ten steps: with traces drawn, the share of
    # equal pairs goes from 0.2 (four draws of that one) to 1 (none); with 50 steps drawn as if
    # they were alone, it could not fall below about 0.68.
    rows = [
        (f"t{t}", name, step, -1 if t == 0 and name == "bo" else 1)
        for t in range(5) for step in range(10) for name in ("ada", "bo")
    ]  # fmt: skip
    found = on_steps(_steps(*rows))
    assert found.percent == pytest.approx(0.8)
    assert found.percent_ci[0] <= 0.4
    assert found.percent_ci[1] == 1.0
    assert found.n_opposed == 10


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from("abc")),
        st.sampled_from([-1, 0, 1]),
        min_size=1,
    )
)
def test_alpha_on_steps_is_that_of_plain_loops_over_pairs(
    said: dict[tuple[int, int, str], int],
) -> None:
    found = on_steps(_steps(*((f"t{t}", name, s, v) for (t, s, name), v in said.items())))
    units: dict[tuple[int, int], list[int]] = {}
    for (t, step, _), verdict in said.items():
        units.setdefault((t, step), []).append(verdict)
    shared = [ratings for ratings in units.values() if len(ratings) > 1]
    ratings = [rating for unit in shared for rating in unit]
    n = [ratings.count(label) for label in (-1, 0, 1)]

    def apart(one: int, other: int, *, is_ordinal: bool) -> float:
        low, high = sorted((one + 1, other + 1))
        if not is_ordinal:
            return float(one != other)
        return (sum(n[low : high + 1]) - (n[low] + n[high]) / 2) ** 2 if low < high else 0.0

    for value, is_ordinal in ((found.alpha, False), (found.alpha_ordinal, True)):
        observed = sum(
            apart(a, b, is_ordinal=is_ordinal) / (len(unit) - 1)
            for unit in shared for a, b in permutations(unit, 2)
        )  # fmt: skip
        by_chance = sum(apart(a, b, is_ordinal=is_ordinal) for a, b in permutations(ratings, 2))
        if not by_chance:
            assert math.isnan(value)
        else:
            # D_o / D_e, both means over pairs: (observed / n) / (by_chance / n(n - 1))
            assert value == pytest.approx(1 - (len(ratings) - 1) * observed / by_chance)


def test_f1_on_spans_by_hand() -> None:
    spans = _spans(
        ("t", "ada", 0, 10, "leaks"), ("t", "bo", 0, 10, "leaks"),
        ("t", "ada", 20, 30, "leaks"), ("t", "bo", 25, 40, "leaks"),
        ("t", "ada", 50, 60, "wrong"), ("t", "bo", 50, 60, "leaks"),
        ("u", "ada", 0, 5, "wrong"),
    )  # fmt: skip
    found = on_spans(spans, _read(("t", "ada"), ("t", "bo"), ("u", "bo"), ("u", "cyd")))
    # leaks: ada 2, bo 3; exact 1: 2·1/5; overlapping 2: 2·2/5.
    # wrong: on t ada 1, bo 0; on u ada 1 and bo, who read it, 0: nothing matches.
    # all: 2·1/(5 + 2) and 2·2/(5 + 2). cyd has labelled nothing and is left out.
    assert (found["n_reviewers"], found["n_traces"]) == (2, 2)
    leaks, wrong = found["by_label"]
    assert (leaks["label"], leaks["n_spans"]) == ("leaks", 5)
    assert (leaks["exact"], leaks["overlap"]) == (pytest.approx(2 / 5), pytest.approx(4 / 5))
    assert (wrong["n_spans"], wrong["exact"], wrong["overlap"]) == (2, 0.0, 0.0)
    assert found["all"]["exact"] == pytest.approx(2 / 7)
    assert found["all"]["overlap"] == pytest.approx(4 / 7)
    assert found["reason"] == "an interval needs 5 traces; these spans are on 2"


def test_f1_over_three_people_sums_over_their_pairs() -> None:
    spans = _spans(*(("t", name, 0, 4, "a") for name in ("ada", "bo")), ("t", "cyd", 5, 9, "a"))
    # Pairs: ada-bo 2·1 of 2; ada-cyd 0 of 2; bo-cyd 0 of 2: 2/6.
    assert on_spans(spans, _read())["all"]["exact"] == pytest.approx(1 / 3)


def test_a_skip_says_nothing_of_spans() -> None:
    spans = _spans(("t", "ada", 0, 4, "a"), ("u", "bo", 0, 4, "a"))
    assert on_spans(spans, _read(("t", "bo"), verdict="skip"))["n_traces"] == 0
    assert on_spans(spans, _read(("t", "bo")))["all"]["exact"] == 0.0


def test_touching_spans_have_no_character_in_common() -> None:
    assert matched([(0, 5)], [(5, 9)]) == 0
    assert matched([(0, 5)], [(4, 9)]) == 1
    # One long span cannot be matched to both short ones.
    assert matched([(0, 9)], [(0, 2), (4, 6)]) == 1
    # The first of the left meets both on the right, the second only the first: both are matched.
    assert matched([(0, 9), (0, 2)], [(0, 2), (4, 6)]) == 2


SPANS = st.lists(
    st.tuples(
        st.sampled_from("tuvwxy"), st.sampled_from(["ada", "bo", "cyd"]),
        st.integers(0, 9), st.integers(1, 5), st.sampled_from(["a", "b"]),
    ),
    unique=True,
)  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(SPANS)
def test_f1_lies_between_0_and_1_and_does_not_hang_on_names_or_order(
    rows: list[tuple[Any, ...]],
) -> None:
    whole = [(t, name, start, start + n, label) for t, name, start, n, label in rows]
    found = on_spans(_spans(*whole), _read())
    other = {"ada": "z", "bo": "y", "cyd": "x"}
    again = on_spans(
        _spans(*((t, other[n], a, b, c) for t, n, a, b, c in reversed(whole))), _read()
    )
    for one, two in zip([found["all"], *found["by_label"]], [again["all"], *again["by_label"]],
                        strict=True):  # fmt: skip
        assert one["label"] == two["label"]
        if math.isnan(one["exact"]):
            assert math.isnan(two["exact"])
            continue
        assert 0 <= one["exact"] <= one["overlap"] <= 1
        assert (one["exact"], one["overlap"]) == (two["exact"], two["overlap"])
        if not math.isnan(one["overlap_ci"][0]):
            assert one["overlap_ci"][0] <= one["overlap"] <= one["overlap_ci"][1]
