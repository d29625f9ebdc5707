"""Leakage: each number against arithmetic done by hand."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import leakage
from curation.leakage import report
from curation.records import CATEGORIES

SCHEMA = {
    "trace_id": pl.String(), "problem_id": pl.String(), "teacher": pl.String(),
    "teacher_context": pl.String(),
    "domain": pl.String(), "is_correct": pl.Boolean(), "n_tokens": pl.Int32(),
    "n_words": pl.Int32(), "n_epistemic": pl.Int64(), "kim_count": pl.Int32(),
    "mean_nll_nats": pl.Float64(), "lexicon_id": pl.String(), "student": pl.String(),
    **{f"n_{c}": pl.Int64() for c in CATEGORIES},
}  # fmt: skip


def traces(*rows: dict[str, Any]) -> pl.DataFrame:
    """One trace a row: p = problem, c = context, e = epistemic markers, n = words (and tokens)."""
    return pl.DataFrame(
        [
            {
                "trace_id": f"t{i}", "problem_id": row["p"], "teacher": row.get("by", "oak"),
                "teacher_context": row["c"],
                "domain": "algebra", "n_epistemic": row["e"], "n_words": row["n"],
                "n_tokens": row.get("tokens", row["n"]), "kim_count": row.get("k", row["e"] or 0),
                "is_correct": row.get("ok"), "mean_nll_nats": row.get("nll"),
                "lexicon_id": "lx1_a", "student": "small",
                **{f"n_{c}": 0 for c in CATEGORIES}, "n_hedge": row["e"],
            }
            for i, row in enumerate(rows)
        ],
        schema=SCHEMA,
    )  # fmt: skip


def pairs(unguided: list[tuple[int, int]], answer: list[tuple[int, int]]) -> pl.DataFrame:
    """(markers, words) of problem i under unguided and under answer."""
    return traces(
        *[{"p": f"p{i}", "c": "unguided", "e": e, "n": n} for i, (e, n) in enumerate(unguided)],
        *[{"p": f"p{i}", "c": "answer", "e": e, "n": n} for i, (e, n) in enumerate(answer)],
    )


def of(found: leakage.Report, name: str) -> leakage.Context:
    return next(context for context in found.contexts if context.teacher_context == name)


def test_kims_table_falls_mostly_by_length() -> None:
    # Kim et al. (science §9): unguided E 182.5 in 13,054 tokens, solution-guided 8.8 in 1,873
    # (times ten, to be whole): densities 13.980 and 4.698 per 1,000.
    # raw fall 182.5/8.8 = 20.74; length fall 13054/1873 = 6.970; density fall 2.976;
    # 6.970 · 2.976 = 20.74. length share = ln 6.970 / ln 20.74 = 1.9416/3.0320 = .6404
    # S = 1 - 4.698/13.980 = .6639
    table = traces(
        {"p": "kim", "c": "unguided", "e": 1825, "n": 130_540},
        {"p": "kim", "c": "solution", "e": 88, "n": 18_730},
    )
    found = of(report(table), "solution")
    assert of(report(table), "unguided").epistemic_per_1k == pytest.approx(13.980, abs=5e-4)
    assert found.epistemic_per_1k == pytest.approx(4.698, abs=5e-4)
    assert found.matched.raw_fall == pytest.approx(20.74, abs=5e-3)
    assert found.matched.length_fall == pytest.approx(6.970, abs=5e-4)
    assert found.matched.density_fall == pytest.approx(2.976, abs=5e-4)
    assert found.matched.length_share == pytest.approx(0.6404, abs=5e-4)
    assert found.matched.suppression == pytest.approx(0.6639, abs=5e-4)


def test_only_problems_with_both_contexts_are_compared_and_each_counts_once() -> None:
    table = traces(
        # p: unguided twice (4 and 2 markers in 100 and 200 words): mean 3 in 150; answer 1 in 100.
        {"p": "p", "c": "unguided", "e": 4, "n": 100},
        {"p": "p", "c": "unguided", "e": 2, "n": 200},
        {"p": "p", "c": "answer", "e": 1, "n": 100},
        # q: 5 in 50 against 2 in 100. r and s stand alone.
        {"p": "q", "c": "unguided", "e": 5, "n": 50},
        {"p": "q", "c": "answer", "e": 2, "n": 100},
        {"p": "r", "c": "unguided", "e": 90, "n": 100},
        {"p": "s", "c": "answer", "e": 80, "n": 100},
    )
    matched = of(report(table), "answer").matched
    # d(u) = 1000·(3 + 5)/(150 + 50) = 40; d(c) = 1000·(1 + 2)/200 = 15; S = 1 - 15/40 = .625
    assert matched.epistemic_per_1k_unguided == pytest.approx(40)
    assert matched.epistemic_per_1k == pytest.approx(15)
    assert matched.suppression == pytest.approx(0.625)
    assert (matched.n_problems, matched.n_traces, matched.n_traces_unguided) == (2, 2, 3)
    # As it stands: (1 + 2 + 80)/300 words.
    assert of(report(table), "answer").epistemic_per_1k == pytest.approx(1000 * 83 / 300)


def test_the_swap_test_enumerates_all_swaps_of_few_problems() -> None:
    # Densities (all lengths 100): u 10, 20, 30 against 0, 0, 0: of 2^3 = 8 swaps only the
    # observed one and its mirror reach a gap of 60/300: p = 2/8.
    table = pairs([(1, 100), (2, 100), (3, 100)], [(0, 100)] * 3)
    assert of(report(table), "answer").matched.p_value == pytest.approx(2 / 8)
    # u 1, 2 against c 2, 1: no gap at all, every swap reaches it: p = 1.
    table = pairs([(1, 100), (2, 100)], [(2, 100), (1, 100)])
    assert of(report(table), "answer").matched.p_value == 1.0


def test_the_swap_test_draws_when_there_are_many_problems() -> None:
    # 20 problems, all falling: only all or none swapped reach it; 10,000 draws hit that with
    # probability 2^-19 each: p = 1/10,001 unless one did.
    matched = of(report(pairs([(5, 100)] * 20, [(1, 100)] * 20)), "answer").matched
    assert matched.p_value <= 3 / 10_001
    assert matched.suppression_ci == pytest.approx((0.8, 0.8))


def test_nothing_matched_is_said() -> None:
    table = traces(
        {"p": "p", "c": "unguided", "e": 4, "n": 100}, {"p": "q", "c": "solution", "e": 1, "n": 100}
    )
    found = report(table)
    assert found.unmatched == {
        "solution": "no problem has traces under both this context and unguided"
    }
    matched = of(found, "solution").matched
    assert matched.n_problems == 0
    assert math.isnan(matched.suppression)
    assert math.isnan(matched.p_value)
    assert of(found, "solution").epistemic_per_1k == 10


def test_no_marker_to_suppress_is_undefined_with_a_reason() -> None:
    matched = of(report(pairs([(0, 100)] * 6, [(2, 100)] * 6)), "answer").matched
    assert math.isnan(matched.suppression)
    assert all(math.isnan(bound) for bound in matched.suppression_ci)
    assert matched.reason == (
        "the unguided traces have no epistemic marker: there is nothing to suppress"
    )
    # All markers gone: S = 1, and an endless raw fall has no share.
    gone = of(report(pairs([(2, 100)] * 6, [(0, 100)] * 6)), "answer").matched
    assert (gone.suppression, gone.raw_fall) == (1.0, math.inf)
    assert math.isnan(gone.length_share)


def test_few_matched_problems_give_no_interval() -> None:
    matched = of(report(pairs([(2, 100)] * 4, [(1, 100)] * 4)), "answer").matched
    assert math.isnan(matched.suppression_ci[0])
    assert matched.reason == "an interval needs 12 problems; here are 4"


def test_lengths_are_words_until_every_trace_is_scored() -> None:
    scored = {"p": "p", "c": "unguided", "e": 4, "n": 100, "tokens": 200}
    unscored = {"p": "p", "c": "answer", "e": 4, "n": 100, "tokens": None}
    # 4 in 200 tokens = 20 per 1,000; 4 in 100 words = 40.
    assert report(traces(scored)).contexts[0].epistemic_per_1k == 20
    assert report(traces(scored)).unit == "tokens"
    mixed = report(traces(scored, unscored))
    assert mixed.unit == "words"
    assert mixed.unit_reason == "1 of 2 traces are not scored yet: lengths are words"
    assert mixed.contexts[0].epistemic_per_1k == 40


def test_summaries_beside_the_density() -> None:
    found = of(
        report(
            traces(
                {"p": "p", "c": "answer", "e": 3, "n": 100, "k": 5, "ok": True, "nll": 1.0},
                {"p": "q", "c": "answer", "e": 1, "n": 300, "k": 1, "ok": False, "nll": 2.0},
                {"p": "r", "c": "answer", "e": 2, "n": 200, "k": 0, "nll": None},
            )
        ),
        "answer",
    )
    assert (found.epistemic_mean, found.kim_count_mean) == (2.0, 2.0)
    assert (found.n_words_median, found.n_tokens_mean, found.mean_nll_nats) == (200, 200, 1.5)
    assert found.share_correct == 0.5
    assert found.domains == {"algebra": 3}
    # 6 hedges in 600 tokens.
    assert found.per_1k["hedge"] == 10.0
    assert found.per_1k["booster"] == 0.0


def test_unmarked_traces_are_left_out_and_counted() -> None:
    found = report(
        traces(
            {"p": "p", "c": "answer", "e": 3, "n": 100},
            {"p": "q", "c": "answer", "e": None, "n": 9},
        )
    )
    assert (found.n_traces, found.n_unmarked, found.contexts[0].n_traces) == (2, 1, 1)


def test_no_traces_make_an_empty_report() -> None:
    found = report(traces())
    assert (found.contexts, found.unmatched, found.unit) == ((), {}, "words")
    assert found.lexicon is None


def test_the_answer_of_the_command_has_its_keys() -> None:
    answer = report(pairs([(2, 100)] * 6, [(1, 100)] * 6)).to_dict()
    assert {"contexts", "unmatched", "lexicon", "student", "unit"} <= set(answer)
    assert (answer["lexicon"], answer["student"]) == ("lx1_a", "small")
    entry = answer["contexts"][1]
    assert {
        "teacher_context", "n_traces", "n_problems_matched", "epistemic_per_1k",
        "epistemic_per_1k_ci", "n_tokens_mean", "kim_count_mean", "suppression", "suppression_ci",
        "p_value",
    } <= set(entry)  # fmt: skip
    assert (entry["teacher_context"], entry["suppression"]) == ("answer", 0.5)
    assert entry["n_problems_matched"] == 6


def test_pairs_for_the_chart() -> None:
    found = leakage.matched_pairs(report(pairs([(2, 100), (3, 100)], [(1, 100)])))
    # t0 is unguided on p0, t1 on p1; t2 is the answer context's on p0.
    assert found.rows() == [("p0", "answer", 20.0, 10.0, ["t0", "t2"])]


def test_a_missing_column_is_misuse() -> None:
    with pytest.raises(ValueError, match="lacks kim_count"):
        report(traces().drop("kim_count"))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(10, 99), st.integers(0, 9), st.integers(10, 99)),
        min_size=1,
        max_size=9,
    )
)
def test_raw_fall_is_length_fall_times_density_fall(rows: list[tuple[int, int, int, int]]) -> None:
    table = pairs([(a, b) for a, b, _, _ in rows], [(c, d) for _, _, c, d in rows])
    matched = of(report(table), "answer").matched
    if math.isfinite(matched.raw_fall):
        assert matched.raw_fall == pytest.approx(matched.length_fall * matched.density_fall)
    if math.isfinite(matched.suppression) and 0 < matched.density_fall < math.inf:
        assert matched.suppression == pytest.approx(1 - 1 / matched.density_fall)
    assert 0 < matched.p_value <= 1
