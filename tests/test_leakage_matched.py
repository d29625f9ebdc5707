"""The matched view: who is compared with whom, each number by hand, and what confounds it."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from curation import leakage
from curation.answers import as_json
from curation.leakage import Matched, report
from curation.leakage.matching import GAIN_SUMS
from tests.test_leakage import of, traces

SAME = "matched on the problem only"


def matched(frame: pl.DataFrame, context: str = "answer") -> Matched:
    return of(report(frame), context).matched


def many(n: int = 12, **changes: Any) -> pl.DataFrame:
    """n problems, 100 words each: unguided 4 markers, answer 2; every second one more of each."""
    return traces(
        *[
            {"p": f"p{i:02}", "c": "unguided", "e": 4 + i % 2, "n": 100, **changes}
            for i in range(n)
        ],
        *[{"p": f"p{i:02}", "c": "answer", "e": 2 + i % 2, "n": 100, **changes} for i in range(n)],
    )


def test_a_context_is_compared_within_its_teacher() -> None:
    # oak: 4/100 unguided, 2/100 answer: S = .5. elm wrote unguided only (90/100), ash answer only.
    found = matched(
        traces(
            {"p": "p", "c": "unguided", "e": 4, "n": 100, "by": "oak"},
            {"p": "p", "c": "unguided", "e": 90, "n": 100, "by": "elm"},
            {"p": "p", "c": "answer", "e": 2, "n": 100, "by": "oak"},
            {"p": "p", "c": "answer", "e": 70, "n": 100, "by": "ash"},
        )
    )
    assert found.suppression == 0.5
    assert (found.matched_on, found.n_traces, found.n_left_out) == ("problem and teacher", 1, 1)
    assert "1 of its traces have no unguided one to be held against" in found.warnings


def test_the_teachers_of_a_problem_count_alike() -> None:
    # oak wrote unguided 2 and 4 (mean 3) and answer 1; elm unguided 9, answer 3; 100 words each.
    # Problem: unguided (3 + 9)/2 = 6, answer (1 + 3)/2 = 2: S = 1 - 2/6.
    found = matched(
        traces(
            {"p": "p", "c": "unguided", "e": 2, "n": 100, "by": "oak"},
            {"p": "p", "c": "unguided", "e": 4, "n": 100, "by": "oak"},
            {"p": "p", "c": "unguided", "e": 9, "n": 100, "by": "elm"},
            {"p": "p", "c": "answer", "e": 1, "n": 100, "by": "oak"},
            {"p": "p", "c": "answer", "e": 3, "n": 100, "by": "elm"},
        )
    )
    assert found.suppression == pytest.approx(2 / 3)


def test_other_teachers_are_compared_only_where_that_is_all_there_is_and_it_is_said() -> None:
    found = matched(
        traces(
            {"p": "p", "c": "unguided", "e": 4, "n": 100, "by": "oak"},
            {"p": "p", "c": "answer", "e": 1, "n": 100, "by": "elm"},
        )
    )
    assert (found.suppression, found.matched_on) == (0.75, "problem")
    assert SAME in found.warnings[0]
    assert "elm against oak" in found.warnings[0]


def test_differences_are_context_minus_unguided_with_a_t_interval() -> None:
    # NLL differences of 12 problems: six of -.1 and six of -.3: mean -.2; sd = .1·sqrt(12/11)
    # = .104447; se = .104447/sqrt(12) = .030151; t(11) = 2.200985: -.2 ± .066362.
    frame = pl.concat([many(nll=1.0).head(12), many(nll=0.9).tail(12)]).with_columns(
        pl.when((pl.col("teacher_context") == "answer") & (pl.col("n_epistemic") == 3))
        .then(0.7)
        .otherwise("mean_nll_nats")
        .alias("mean_nll_nats")
    )
    found = matched(frame).nll_difference_nats
    assert found.value == pytest.approx(-0.2)
    assert found.ci == pytest.approx((-0.266362, -0.133638), abs=1e-6)
    assert (found.n_problems, found.why) == (12, None)
    # Kim counts are the markers here: always 2 fewer; lengths are equal.
    assert matched(frame).kim_difference.value == -2
    assert matched(frame).length_difference.ci == (0.0, 0.0)


def test_a_number_that_is_not_there_says_why() -> None:
    found = matched(many())
    assert math.isnan(found.nll_difference_nats.value)
    assert found.nll_difference_nats.why == "not scored yet on both sides"
    assert found.hedge_privilege_gain_nats.why == "the family privilege is not scored here"
    assert found.profile["hedge"].difference.why is None
    assert found.profile["booster"].difference.why == "no marker of this category on either side"
    assert math.isnan(found.profile["booster"].difference.ci[0])


def test_the_category_profile_compares_per_1000() -> None:
    # hedge (the only category with markers): answer 2.5 per 100 = 25, unguided 45: -20.
    # Every problem has 2 fewer in 100 words, so leaving one out changes nothing: -20 ± 0.
    found = matched(many()).profile["hedge"]
    assert (found.per_1k, found.per_1k_unguided) == (25.0, 45.0)
    assert found.difference.value == pytest.approx(-20.0)
    assert found.difference.ci == pytest.approx((-20.0, -20.0))


def test_hedge_privilege_gain_pools_tokens_and_leaves_out_problems() -> None:
    # Two kinds of problems, six of each, answer context only: gain on markers -1 over 2 tokens and
    # -4 over 2; others 3 over 10 and 1 over 10. on = -30/24 = -1.25; off = 24/120 = .2: -1.45.
    frame = many()
    sums = {"gain_on_nats": (-1.0, -4.0), "n_gain_on": (2.0, 2.0), "gain_off_nats": (3.0, 1.0),
            "n_gain_off": (10.0, 10.0)}  # fmt: skip
    assert set(sums) == set(GAIN_SUMS)
    is_odd = pl.col("n_epistemic").is_in([3, 5])
    frame = frame.with_columns(
        pl.when(is_odd).then(odd).otherwise(even).alias(name) for name, (even, odd) in sums.items()
    )
    found = matched(frame).hedge_privilege_gain_nats
    assert found.value == pytest.approx(-1.45)
    # Without an even problem: on -29/22, off 21/110: -1.509091; without an odd one: on -26/22,
    # off 23/110: -1.390909. Half each: se = sqrt(11/12 · 12 · .0590909²) = .195982; · 2.200985.
    assert found.ci == pytest.approx((-1.45 - 0.431354, -1.45 + 0.431354), abs=1e-5)


def test_correctness_is_shown_and_held_fixed() -> None:
    # Correct on both sides: p0 only (4 -> 2: S = .5). p1's answer trace is wrong and has no marker.
    found = matched(
        traces(
            {"p": "p0", "c": "unguided", "e": 4, "n": 100, "ok": True},
            {"p": "p0", "c": "answer", "e": 2, "n": 100, "ok": True},
            {"p": "p1", "c": "unguided", "e": 4, "n": 100, "ok": True},
            {"p": "p1", "c": "answer", "e": 0, "n": 100, "ok": False},
        )
    )
    assert found.suppression == 0.75
    assert (found.share_correct, found.share_correct_unguided) == (0.5, 1.0)
    assert (found.both_correct.value, found.both_correct.n_problems) == (0.5, 1)
    assert found.both_correct.why == "an interval needs 12 problems; here are 1"
    assert any("50 % of its traces are correct, 100 %" in warning for warning in found.warnings)


def test_domains_stand_side_by_side_and_each_is_left_out_once() -> None:
    # algebra: 4 -> 2, S = .5; logic: 8 -> 8, S = 0; together 12 -> 10: S = 1/6.
    frame = traces(
        {"p": "a", "c": "unguided", "e": 4, "n": 100},
        {"p": "a", "c": "answer", "e": 2, "n": 100},
        {"p": "l", "c": "unguided", "e": 8, "n": 100},
        {"p": "l", "c": "answer", "e": 8, "n": 100},
    ).with_columns(
        pl.when(pl.col("problem_id") == "l")
        .then(pl.lit("logic"))
        .otherwise("domain")
        .alias("domain")
    )
    found = matched(frame)
    assert found.suppression == pytest.approx(1 / 6)
    assert [(d.domain, d.n_problems, d.suppression.value) for d in found.by_domain] == [
        ("algebra", 1, 0.5),
        ("logic", 1, 0.0),
    ]
    assert found.without_one_domain is not None
    assert (found.without_one_domain.low, found.without_one_domain.low_without) == (0.0, "algebra")
    assert (found.without_one_domain.high, found.without_one_domain.high_without) == (0.5, "logic")


def test_p_values_are_adjusted_for_the_contexts_tested() -> None:
    # 3 problems, all falling to 0: p = 2/8 for answer; unchanged under solution: p = 1.
    # Holm: .25 · 2 = .5; then max(.5, 1 · 1) = 1.
    frame = traces(
        *[{"p": f"p{i}", "c": "unguided", "e": 1 + i, "n": 100} for i in range(3)],
        *[{"p": f"p{i}", "c": "answer", "e": 0, "n": 100} for i in range(3)],
        *[{"p": f"p{i}", "c": "solution", "e": 1 + i, "n": 100} for i in range(3)],
    )
    assert (matched(frame).p_value, matched(frame).p_holm) == (0.25, 0.5)
    assert matched(frame, "solution").p_holm == 1.0


def test_unmatched_contexts_are_compared_under_that_name_only() -> None:
    # Different problems: unguided 4/100 on each of 12, answer 1/100 on 12 others: S = .75.
    frame = traces(
        *[{"p": f"u{i}", "c": "unguided", "e": 4, "n": 100} for i in range(12)],
        *[{"p": f"a{i}", "c": "answer", "e": 1, "n": 100} for i in range(12)],
    )
    found = report(frame)
    answer = of(found, "answer")
    assert answer.matched.n_problems == 0
    assert math.isnan(answer.matched.suppression)
    assert answer.unmatched is not None
    assert answer.unmatched.value == pytest.approx(0.75)
    assert answer.unmatched.ci == pytest.approx((0.75, 0.75))
    assert "answer" in found.unmatched
    assert of(report(many()), "answer").unmatched is None


def test_the_sources_words_for_a_context_are_told() -> None:
    words = ["cue_wrong", "cue_right"] * 12
    frame = many().with_columns(pl.Series("teacher_context_raw", words))
    assert (
        "it lumps several of the source's contexts: cue_right 6, cue_wrong 6"
        in matched(frame).warnings
    )


def test_the_answer_has_null_where_there_is_no_number() -> None:
    text = as_json(report(many(4)).to_dict())
    assert "NaN" not in text
    assert '"suppression_ci":[null,null]' in text
    assert '"nll_difference_nats":{"value":null,"ci":[null,null],"n_problems":0' in text


def test_places_are_tenths_of_each_trace() -> None:
    # 100 characters: 0 and 9 are in the first tenth, 10 in the second, 99 (and 100) in the last.
    frame = pl.DataFrame(
        {"teacher_context": ["answer"] * 5, "start_char": [0, 9, 10, 99, 100], "n_chars": [100] * 5}
    )
    found = leakage.marker_places(frame)
    assert found.height == 10
    assert found["n"].to_list() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert found["share"][0] == 0.4
    assert leakage.marker_places(frame.clear()).height == 0


def test_each_teacher_stands_for_itself() -> None:
    frame = traces(
        {"p": "p", "c": "answer", "e": 3, "n": 100, "by": "oak"},
        {"p": "p", "c": "answer", "e": 1, "n": 100, "by": "elm"},
    )
    found = report(frame).teachers
    assert [(row.teacher, row.epistemic_per_1k.value) for row in found] == [
        ("elm", 10),
        ("oak", 30),
    ]
