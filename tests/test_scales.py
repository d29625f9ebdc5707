"""The scales' arithmetic, by hand on tiny sets, and what holds of any set."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.export import cautions
from curation.export.scales import FIGURE_SCHEMA, Scales, Weighed, weigh
from curation.leakage import statistics as stats


def a_figure(trace_id: str, problem_id: str = "p1", **changes: Any) -> dict[str, Any]:
    """A trace of which nothing is known but its ids, or what is said."""
    unknown = dict.fromkeys(FIGURE_SCHEMA)
    return {
        **unknown, "trace_id": trace_id, "problem_id": problem_id, "teacher": "t",
        "teacher_context": "solution", "is_edit": False, **changes,
    }  # fmt: skip


def marked(trace_id: str, problem_id: str, n: int, n_tokens: int, **changes: Any) -> dict[str, Any]:
    """A trace with `n` hedges in `n_tokens` tokens."""
    counts = {name: 0 for name in FIGURE_SCHEMA if name.startswith("n_")}
    counts |= {"n_epistemic": n, "n_hedge": n, "n_tokens": n_tokens, "n_words": n_tokens}
    return a_figure(trace_id, problem_id, **{**counts, **changes})


def weighed(figures: list[dict[str, Any]], accepted: str, pool: str | None = None) -> Weighed:
    """Traces with one-letter ids on the scales: the pool is all of them unless it is said."""
    frame = pl.DataFrame(figures, schema=FIGURE_SCHEMA)
    ids = list(pool) if pool is not None else frame["trace_id"].to_list()
    left_out = [None if i in accepted else "rejected" for i in ids]
    states = pl.DataFrame(
        {"trace_id": ids, "left_out": left_out},
        schema={"trace_id": pl.String(), "left_out": pl.String()},
    )
    return weigh(frame, pl.Series(list(accepted), dtype=pl.String()), states)


def scales_of(figures: list[dict[str, Any]], accepted: str, pool: str | None = None) -> Scales:
    return weighed(figures, accepted, pool).scales


# The figures


def test_a_density_counts_each_problem_once_and_compares_by_ratio() -> None:
    found = scales_of(
        [
            marked("a", "p1", 2, 100),
            marked("b", "p1", 4, 300),
            marked("c", "p2", 1, 100),
            marked("d", "p2", 5, 100),
        ],
        accepted="abc",
    )
    row = found.row("epistemic_per_1k")
    # accepted: p1 (2 + 4)/2 = 3 in (100 + 300)/2 = 200; p2 1 in 100: 1000 · 4/300
    assert row.accepted.value == pytest.approx(13.3333333)
    # pool: p1 the same; p2 (1 + 5)/2 = 3 in 100: 1000 · 6/300
    assert row.pool.value == pytest.approx(20)
    assert row.against_pool.value == pytest.approx(13.3333333 / 20)
    assert (row.accepted.n, row.pool.n) == (3, 4)
    assert row.against_pool.why == "an interval needs 12 problems; here are 2"
    assert found.unit == "tokens"


def test_unguided_is_compared_on_the_problems_that_both_have() -> None:
    found = scales_of(
        [
            marked("a", "p1", 1, 100),
            marked("b", "p2", 90, 100),
            marked("u", "p1", 4, 100, teacher_context="unguided"),
            marked("v", "p3", 9, 100, teacher_context="unguided"),
        ],
        accepted="ab",
        pool="ab",
    )
    row = found.row("epistemic_per_1k")
    # the reference is u alone, though the filter does not keep it: p1's; v is of another problem
    assert row.reference.value == pytest.approx(40)
    # p1 alone: (1/100) / (4/100); b's 90 markers have nothing to be held against
    assert row.against_reference.value == pytest.approx(0.25)
    assert row.against_reference.n_problems == 1
    assert found.reference.is_same_problems is True
    assert found.reference.n_problems_shared == 1
    assert "partial reference" in {each.code for each in cautions.warnings(found)}


def test_without_unguided_traces_of_these_problems_the_pool_s_stand_in_and_it_is_said() -> None:
    figures = [
        marked("a", "p1", 1, 100),
        marked("u", "p2", 4, 100, teacher_context="unguided"),
    ]
    found = scales_of(figures, accepted="a")
    # p1 against p2: (1/100) / (4/100)
    assert found.row("epistemic_per_1k").against_reference.value == pytest.approx(0.25)
    assert found.reference.is_same_problems is False
    assert "other problems" in {each.code for each in cautions.warnings(found)}
    nothing = scales_of(figures, accepted="a", pool="a")
    assert nothing.reference.is_same_problems is None
    row = nothing.row("epistemic_per_1k")
    assert math.isnan(row.reference.value)
    assert math.isnan(row.against_reference.value)
    assert "no reference" in {each.code for each in cautions.warnings(nothing)}


def test_an_edit_is_no_unguided_reference() -> None:
    edit = marked("e", "p1", 4, 100, teacher_context="unguided", is_edit=True)
    assert scales_of([marked("a", "p1", 1, 100), edit], "a").reference.is_same_problems is None


def test_an_interval_leaves_out_one_problem_at_a_time() -> None:
    ours = [marked(f"a{i}", f"p{i}", i + 1, 100 + i) for i in range(12)]
    theirs = [
        marked(f"u{i}", f"p{i}", 14 - i, 90 + i, teacher_context="unguided") for i in range(12)
    ]
    states = pl.DataFrame({"trace_id": [row["trace_id"] for row in ours], "left_out": [None] * 12})
    frame = pl.DataFrame([*ours, *theirs], schema=FIGURE_SCHEMA)
    found = weigh(frame, states["trace_id"], states).scales.row("epistemic_per_1k")
    columns = np.array([[i + 1, 100 + i, 14 - i, 90 + i] for i in range(12)], dtype=np.float64)
    expected = stats.estimate(columns[:, :], stats.rate_ratio, log=True)
    assert found.against_reference.value == pytest.approx(expected.value)
    assert found.against_reference.ci == pytest.approx(expected.ci)


def test_lengths_and_shares_are_over_traces_and_shares_differ_in_points() -> None:
    found = scales_of(
        [
            marked("a", "p1", 0, 100, is_correct=True),
            marked("b", "p1", 0, 300, is_correct=False),
            marked("c", "p2", 0, 500, is_correct=True),
            marked("d", "p3", 0, 700, is_correct=None),
        ],
        accepted="ac",
    )
    length, correct = found.row("length"), found.row("is_correct")
    # (100 + 500)/2 over (100 + 300 + 500 + 700)/4
    assert (length.accepted.value, length.pool.value) == (300, 400)
    assert length.against_pool.value == pytest.approx(0.75)
    # 2 of 2; 2 of the 3 that are known: 1 - 2/3
    assert correct.against_pool.value == pytest.approx(1 / 3)
    assert (correct.pool.n, correct.pool.n_unknown) == (3, 1)


def test_solve_rate_and_frontier_are_of_problems_by_their_unguided_traces() -> None:
    def tries(problem: str, right: int, wrong: int) -> list[dict[str, Any]]:
        return [
            a_figure(f"{problem}{i}", problem, teacher_context="unguided", is_correct=i < right)
            for i in range(right + wrong)
        ]

    figures = [
        *tries("p1", 1, 3), *tries("p2", 4, 0),
        a_figure("a", "p1"), a_figure("b", "p1"), a_figure("c", "p2"), a_figure("d", "p3"),
    ]  # fmt: skip
    found = scales_of(figures, accepted="abcd", pool="abcd")
    rate, frontier = found.row("solve_rate").accepted, found.row("frontier").accepted
    # p1 1 of 4, p2 4 of 4, p3 nobody tried: (0.25 + 1)/2 over two problems, one unknown
    assert (rate.value, rate.n, rate.n_unknown) == (0.625, 2, 1)
    # of p1 and p2 only p1 lies in .125 to .5
    assert (frontier.value, frontier.n, frontier.n_unknown) == (0.5, 2, 1)
    assert found.mix("band").counts == {"frontier": (1, 1, 1), "too easy": (1, 1, 1)}


def test_where_nobody_judged_the_answers_decide_the_band_and_one_try_decides_nothing() -> None:
    def answers(problem: str, *said: str, **changes: Any) -> list[dict[str, Any]]:
        return [
            a_figure(f"{problem}{i}", problem, teacher_context="unguided", final_answer=answer,
                     **changes)
            for i, answer in enumerate(said)
        ]  # fmt: skip

    figures = [
        *answers("p1", "4", "4", "5", "6"), *answers("p2", "4"),
        *answers("p3", "4", is_correct=True), a_figure("a", "p1"),
        a_figure("b", "p2"), a_figure("c", "p3"),
    ]  # fmt: skip
    found = scales_of(figures, accepted="abc", pool="abc")
    # two of four answers agree: half, the upper end of the frontier; one try is too few
    assert found.mix("band").counts == {"frontier": (1, 1, 1)}
    assert found.mix("band").n_unknown == (2, 2, 2)
    rate = found.row("solve_rate").accepted
    assert (rate.n, rate.n_unknown) == (0, 3)


def test_a_privilege_gain_is_of_traces_whose_teacher_saw_something() -> None:
    found = scales_of(
        [
            a_figure("a", privilege_gain_per_token_nats=0.2),
            a_figure("b", privilege_gain_per_token_nats=0.4),
            a_figure("c"),
            a_figure("d", teacher_context="unguided"),
        ],
        accepted="abcd",
    )
    gain = found.row("privilege_gain_per_token_nats").accepted
    # (0.2 + 0.4)/2; c should have one and has not, d saw nothing
    assert gain.value == pytest.approx(0.3)
    assert (gain.n, gain.n_unknown) == (2, 1)
    # three of four saw the solution
    assert found.row("is_privileged").accepted.value == 0.75


def test_leak_signs_and_families_are_shares_of_those_that_are_known() -> None:
    found = scales_of(
        [
            marked("a", "p1", 0, 9, n_privilege=2, early_answer=True, teacher="SmolLM2-1.7B"),
            marked("b", "p1", 0, 9, early_answer=False, teacher="Qwen3-8B"),
            a_figure("c", teacher="nobody knows"),
        ],
        accepted="abc",
    )
    phrase, early = found.row("privilege_phrase"), found.row("early_answer")
    assert (phrase.accepted.value, phrase.accepted.n_unknown) == (0.5, 1)
    assert (early.accepted.value, early.accepted.n_unknown) == (0.5, 1)
    mix = found.mix("family")
    assert mix.counts == {"qwen": (1, 1, 0), "smollm": (1, 1, 0)}
    assert mix.n_unknown == (1, 1, 0)
    # the student is not known, so nobody can be of its family
    same = found.row("is_same_family").accepted
    assert math.isnan(same.value)
    assert (same.n, same.n_unknown) == (0, 3)


def test_the_student_s_own_family_is_counted() -> None:
    found = scales_of(
        [
            a_figure("a", teacher="SmolLM2-1.7B", student="smollm2-135m-instruct"),
            a_figure("b", teacher="Qwen3-8B", student="smollm2-135m-instruct"),
        ],
        accepted="ab",
    )
    assert found.row("is_same_family").accepted.value == 0.5
    assert found.student == "smollm2-135m-instruct"


def test_coverage_is_shares_entropy_and_what_is_missing() -> None:
    domains = {"a": "algebra", "b": "algebra", "c": "algebra", "d": "logic", "e": "geometry"}
    found = scales_of([a_figure(i, domain=name) for i, name in domains.items()], accepted="abcd")
    mix = found.mix("domain")
    assert mix.counts == {"algebra": (3, 3, 0), "geometry": (0, 1, 0), "logic": (1, 1, 0)}
    assert mix.missing == ("geometry",)
    # -(3/4 ln 3/4 + 1/4 ln 1/4); pool -(3/5 ln 3/5 + 2 · 1/5 ln 1/5)
    assert mix.entropy_nats[:2] == pytest.approx((0.5623351, 0.9502705))
    assert math.isnan(mix.entropy_nats[2])
    (lost,) = [each for each in cautions.warnings(found) if each.code == "coverage lost"]
    assert lost.names == ("geometry",)


def test_what_a_rule_left_out_is_told_with_what_the_set_would_be() -> None:
    figures = [
        marked("a", "p1", 1, 100, is_correct=True),
        marked("b", "p1", 5, 100, is_correct=False),
        marked("c", "p2", 2, 100, is_correct=True),
        marked("u", "p1", 4, 100, teacher_context="unguided"),
    ]
    frame = pl.DataFrame(figures, schema=FIGURE_SCHEMA)
    left_out = pl.DataFrame({"trace_id": list("abc"), "left_out": [None, "rejected", "undecided"]})
    found = weigh(frame, pl.Series(["a"]), left_out).scales.removed
    assert [(each.reason, each.n_traces) for each in found] == [("rejected", 1), ("undecided", 1)]
    # with b, p1 has (1 + 5)/2 = 3 in 100; over u's 4 in 100
    assert found[0].density_if_added == pytest.approx(30)
    assert found[0].ratio_if_added == pytest.approx(0.75)
    # with c: 1000 · (1 + 2)/(100 + 100), and on p1, which both have, still 1/4
    assert found[1].density_if_added == pytest.approx(15)
    assert found[1].ratio_if_added == pytest.approx(0.25)
    assert found[0].figures["is_correct"].value == 0


# What holds of any set


def test_unknown_is_never_zero() -> None:
    found = scales_of([a_figure("a", teacher_context="unknown")], accepted="a")
    for row in found.rows:
        assert math.isnan(row.accepted.value), row.name
        assert (row.accepted.n, row.accepted.n_unknown) == (0, 1), row.name
        assert math.isnan(row.against_pool.value)
    for mix in found.mixes:
        assert (mix.counts, mix.n_unknown[0]) == ({}, 1), mix.name
    told = found.to_dict()
    assert {row["accepted"]["value"] for row in told["rows"]} == {None}


TRACES = st.lists(
    st.fixed_dictionaries(
        {
            "problem_id": st.sampled_from(["p1", "p2", "p3", "p4"]),
            "n": st.none() | st.integers(0, 20),
            "n_tokens": st.integers(1, 500),
            "teacher_context": st.sampled_from(["unguided", "solution", "unknown"]),
            "domain": st.none() | st.sampled_from(["algebra", "`x` | y"]),
            "is_correct": st.none() | st.booleans(),
            "is_accepted": st.booleans(),
        }
    ),
    min_size=1,
    max_size=20,
)


def drawn(traces: list[dict[str, Any]]) -> tuple[pl.DataFrame, list[str], list[str]]:
    rows, accepted = [], []
    for i, trace in enumerate(traces):
        said = {key: trace[key] for key in ("teacher_context", "domain", "is_correct")}
        n, name = trace["n"], f"t{i:02}"
        make = marked(name, trace["problem_id"], n or 0, trace["n_tokens"], **said)
        rows.append(make if n is not None else a_figure(name, trace["problem_id"], **said))
        if trace["is_accepted"]:
            accepted.append(name)
    return pl.DataFrame(rows, schema=FIGURE_SCHEMA), accepted, [row["trace_id"] for row in rows]


@settings(deadline=None, max_examples=30)
@given(traces=TRACES, seed=st.integers(0, 9))
def test_the_order_of_rows_changes_nothing_and_all_of_it_is_json(
    traces: list[dict[str, Any]], seed: int
) -> None:
    frame, accepted, every = drawn(traces)
    pool = pl.DataFrame(
        {"trace_id": every, "left_out": [None if i in accepted else "undecided" for i in every]},
        schema={"trace_id": pl.String(), "left_out": pl.String()},
    )
    out = pl.Series(accepted, dtype=pl.String())
    order = random.Random(seed).sample(range(len(every)), len(every))
    told = json.dumps(cautions.on_record(weigh(frame, out, pool).scales), allow_nan=False)
    again = weigh(frame[order], out[::-1], pool[order[::-1]]).scales
    assert json.dumps(cautions.on_record(again), allow_nan=False) == told


@settings(deadline=None, max_examples=30)
@given(traces=TRACES)
def test_a_set_that_is_its_pool_differs_from_it_in_nothing(traces: list[dict[str, Any]]) -> None:
    frame, _, every = drawn(traces)
    pool = pl.DataFrame({"trace_id": every}).with_columns(left_out=pl.lit(None, pl.String()))
    found = weigh(frame, pl.Series(every), pool).scales
    for row in found.rows:
        assert row.accepted == row.pool or math.isnan(row.accepted.value)
        value = row.against_pool.value
        assert math.isnan(value) or value == pytest.approx(1 if row.how == "ratio" else 0)
    assert found.removed == ()
    assert all(mix.missing == () for mix in found.mixes)
    assert all(n_ours == n_pool for mix in found.mixes for n_ours, n_pool, _ in mix.counts.values())
