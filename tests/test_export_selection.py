"""Which accepted rows go out: bands, duplicates, the best of a problem, caps, the quota."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import ExportError
from curation.export.recipe import recipe_from
from curation.export.selection import BestOf, Quota, Selection, select

drawn_rows = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("xyz"), st.integers(1, 4)), max_size=40
)
"""(problem, teacher, score)."""


def a_frame(*rows: tuple[int, str, float | None], texts: list[str] | None = None) -> pl.DataFrame:
    """Rows of (problem, teacher, score), `t0`, `t1`, … in this order."""
    said = texts or [f"trace {i} says {i * i}" for i in range(len(rows))]
    return pl.DataFrame(
        {
            "trace_id": [f"t{i}" for i in range(len(rows))],
            "problem_id": [f"p{problem}" for problem, _, _ in rows],
            "teacher": [teacher for _, teacher, _ in rows],
            "domain": ["counting" if problem % 2 else "algebra" for problem, _, _ in rows],
            "text": said,
            "n_chars": [len(text) for text in said],
            "position": list(range(len(rows))),
            "n_tokens": [None if score is None else int(10 * score) for _, _, score in rows],
            "rsr": [score for _, _, score in rows],
        },
        {
            "trace_id": pl.String, "problem_id": pl.String, "teacher": pl.String,
            "domain": pl.String, "text": pl.String, "n_chars": pl.Int64,
            "position": pl.Int64, "n_tokens": pl.Int64, "rsr": pl.Float64,
        },
    )  # fmt: skip


def kept(rows: pl.DataFrame, seed: int = 0, **rules: Any) -> tuple[list[str], dict[str, int]]:
    found = select(rows, Selection(**rules), seed, {"rsr": "lower"}.get)
    return found.rows["trace_id"].to_list(), found.left_out


def test_no_rule_keeps_every_row_and_leaves_nothing_out() -> None:
    rows = a_frame((0, "x", 1), (0, "x", None))
    found = select(rows, Selection(), 0)
    assert found.rows.equals(rows)
    assert found.left_out == {}


def test_bands_of_length_take_both_ends_in_and_count_the_unscored_apart() -> None:
    rows = a_frame((0, "x", 1), (0, "x", 2), (0, "x", 3), (0, "x", 4), (0, "x", None))
    ids, left_out = kept(rows, min_tokens=20, max_tokens=30)
    assert ids == ["t1", "t2"]
    assert left_out == {
        "not scored, so of unknown length in tokens": 1,
        "shorter than 20 tokens": 1,
        "longer than 30 tokens": 1,
    }
    rows = a_frame((0, "x", 1), (0, "x", 1), texts=["four", "fivee"])
    assert kept(rows, max_chars=4) == (["t0"], {"longer than 4 chars": 1})


def test_the_best_of_a_problem_follow_the_direction_and_never_the_unscored() -> None:
    rows = a_frame((0, "x", 3), (0, "x", 1), (0, "x", 2), (1, "x", None), (1, "x", 9))
    lowest = kept(rows, best_of=BestOf(by="rsr", n=2))
    assert lowest == (
        ["t1", "t2", "t4"],
        {"without a value of rsr": 1, "not among the best 2 of its problem by rsr": 1},
    )
    highest, _ = kept(rows, best_of=BestOf(by="rsr", n=1, order="higher"))
    assert highest == ["t0", "t4"]


def test_of_duplicates_the_best_goes_out_where_a_best_is_asked_for() -> None:
    rows = a_frame((0, "x", 3), (1, "x", 1), (2, "x", 2), texts=["Same.", "same. ", "Other."])
    ids, left_out = kept(rows, duplicates="exact", best_of=BestOf(by="rsr"))
    assert ids == ["t1", "t2"]
    assert left_out == {"an exact duplicate of a trace that goes out": 1}
    # 80 words, one changed in the middle: 75 of 81 shingles, 0.93.
    long = [f"word{i}" for i in range(80)]
    texts = [" ".join(long), " ".join([*long[:20], "other", *long[21:]]), "Other."]
    near, _ = kept(a_frame((0, "x", 1), (1, "x", 3), (2, "x", 2), texts=texts), duplicates="near")
    assert len(near) == 2
    assert "t2" in near


def test_a_random_n_of_each_problem_keeps_several_answers() -> None:
    rows = a_frame(*[(i % 3, "x", 1) for i in range(30)])
    ids, left_out = kept(rows, per_problem=4)
    assert Counter(int(each[1:]) % 3 for each in ids) == {0: 4, 1: 4, 2: 4}
    assert left_out == {"beyond 4 a problem": 18}
    assert ids != kept(rows, seed=1, per_problem=4)[0]


@settings(deadline=None, max_examples=50)
@given(drawn=drawn_rows, problem=st.integers(1, 4), teacher=st.integers(1, 6))
def test_caps_hold_and_every_row_is_kept_or_counted(
    drawn: list[tuple[int, str, float]], problem: int, teacher: int
) -> None:
    rows = a_frame(*drawn)
    found = select(rows, Selection(per_problem=problem, per_teacher=teacher, per_domain=7), 0)
    for column, cap in (("problem_id", problem), ("teacher", teacher), ("domain", 7)):
        assert all(n <= cap for n in Counter(found.rows[column]).values())
    assert found.rows.height + sum(found.left_out.values()) == rows.height


@settings(deadline=None, max_examples=50)
@given(drawn=drawn_rows, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(
    drawn: list[tuple[int, str, float]], order: random.Random
) -> None:
    rows = a_frame(*drawn)
    shuffled = rows[order.sample(range(rows.height), rows.height)]
    rules: dict[str, Any] = {"duplicates": "near", "best_of": BestOf(by="rsr", n=2)}
    rules |= {"per_teacher": 5, "per_domain": 6}
    if rows.height:
        assert set(kept(rows, **rules)[0]) == set(kept(shuffled, **rules)[0])
        assert kept(rows, **rules)[1] == kept(shuffled, **rules)[1]


@settings(deadline=None, max_examples=50)
@given(drawn=drawn_rows, cap=st.integers(1, 6))
def test_one_more_row_displaces_at_most_one_other_under_a_cap(
    drawn: list[tuple[int, str, float]], cap: int
) -> None:
    more = a_frame(*drawn, (0, "x", 1.0))
    before, after = (set(kept(rows, per_teacher=cap)[0]) for rows in (more[:-1], more))
    assert len(before - after) <= 1


@settings(deadline=None, max_examples=50)
@given(drawn=drawn_rows)
def test_quotas_by_share_are_kept_by_the_largest_set_that_can(
    drawn: list[tuple[int, str, float]],
) -> None:
    rows = a_frame(*drawn, (0, "x", 1), (0, "y", 1), (0, "z", 1))
    there = Counter(rows["teacher"])
    ids, left_out = kept(rows, quota=Quota(column="teacher", shares={"x": 0.5, "y": 0.3}))
    counts = Counter(rows.filter(pl.col("trace_id").is_in(ids))["teacher"])
    # The set is as large as the scarcest value lets it be; each value is rounded down.
    total = min(there["x"] / 0.5, there["y"] / 0.3, there["z"] / 0.2)
    for teacher, share in (("x", 0.5), ("y", 0.3), ("z", 0.2)):
        assert share * total - 1 < counts[teacher] <= share * total + 1e-6
    assert len(ids) + sum(left_out.values()) == rows.height


def test_shares_that_add_up_to_one_leave_the_other_values_out() -> None:
    rows = a_frame(*[(0, teacher, 1) for teacher in "xxxxyyyyyyyyzz"])
    ids, left_out = kept(rows, quota=Quota(column="teacher", shares={"x": 0.4, "y": 0.6}))
    # 4 of x at 0.4 make a set of 10: 4 of x, 6 of y, none of z.
    assert Counter(rows["teacher"][int(each[1:])] for each in ids) == {"x": 4, "y": 6}
    assert left_out == {"beyond the quota on teacher": 4}


def test_quotas_by_count_are_exact_and_leave_other_values_alone() -> None:
    rows = a_frame(*[(0, teacher, 1) for teacher in "xxxyyz"])
    ids, _ = kept(rows, quota=Quota(column="teacher", counts={"x": 2}))
    assert Counter(rows["teacher"][int(each[1:])] for each in ids) == {"x": 2, "y": 2, "z": 1}
    with pytest.raises(ExportError, match=r"wants 4 rows with teacher 'x', and 3 are left"):
        kept(rows, quota=Quota(column="teacher", counts={"x": 4}))
    with pytest.raises(ExportError, match=r"50\.0% of the rows with teacher 'w'"):
        kept(rows, quota=Quota(column="teacher", shares={"w": 0.5}))


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"min_tokens": 9, "max_tokens": 8}, "at least 9 and at most 8 tokens"),
        ({"min_chars": 9, "max_chars": 8}, "at least 9 and at most 8 chars"),
        ({"best_of": {"by": "rsr"}, "per_problem": 2}, "keep one of the two"),
        ({"quota": {"column": "teacher"}}, "either shares or counts"),
        ({"quota": {"column": "teacher", "shares": {}}}, "names no value"),
        ({"quota": {"column": "teacher", "shares": {"x": 0.7, "y": 0.4}}}, "add up to 1.1"),
        ({"quota": {"column": "teacher", "counts": {"x": 0}}}, "give more than 0"),
        ({"quota": {"column": "teacher", "counts": {"x": 5}}, "per_teacher": 4}, "raise the cap"),
        ({"threshold": 0.3}, "from 0.5 to 1"),
        ({"stratify": ["domain", "domain"]}, "twice by one column"),
        ({"per_problem": 0}, "selection.per_problem"),
        ({"best_off": {}}, "selection.best_off"),
    ],
)
def test_a_selection_that_contradicts_itself_is_refused(rules: dict[str, Any], says: str) -> None:
    with pytest.raises(ExportError, match=says):
        recipe_from({"selection": rules})


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"best_of": BestOf(by="nothing")}, "names the column 'nothing'"),
        ({"best_of": BestOf(by="teacher")}, "choose a number"),
        ({"best_of": BestOf(by="n_tokens")}, "choose best_of.order yourself"),
        ({"stratify": ("nothing",)}, "names the column 'nothing'"),
    ],
)
def test_a_column_that_cannot_serve_is_refused(rules: dict[str, Any], says: str) -> None:
    with pytest.raises(ExportError, match=says):
        kept(a_frame((0, "x", 1.0)), **rules)


def test_the_best_by_a_score_that_nobody_has_is_refused() -> None:
    with pytest.raises(ExportError, match="No accepted trace has a value of 'rsr'"):
        kept(a_frame((0, "x", None)), best_of=BestOf(by="rsr"))
