"""Leak signs: each value by hand, what is not known apart from zero, and the order they make."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import leak_signs, leakage
from curation.leakage import signs
from curation.leakage.signs import SIGNS, Early, Jump, Sign

TEXT = "Start at 2. Wait, no. Clearly 41. So 40 + 1 = 41."
"""Steps of 11, 9, 11 and 15 characters."""


def a_row(**changes: Any) -> dict[str, Any]:
    """One row of `Store.evidence`: four steps, one token each, all families scored."""
    return {
        "trace_id": "t", "text": TEXT, "prompt": "How many?", "teacher_context": "answer",
        "step_start": [0, 12, 22, 34], "step_end": [11, 21, 33, 49], "reference_answer": "41",
        "n_words": 12, "marker_start": [12, 22], "marker_end": [16, 29],
        "marker_category": ["reflection", "booster"], "score_error": None,
        "token_start": [0, 11, 21, 33], "token_end": [5, 16, 29, 36],
        "logprob_nats": [-0.5, -1.0, -6.0, -0.5], "entropy_nats": [0.5, 0.5, 2.0, 0.5],
        "belief_error": None, "point_step": [0, 1, 2, 3, 4],
        "point_nats": [-9.0, -8.0, -9.0, -4.0, -0.1], "privilege_error": None,
        "privileged_by": "context", "privileged_nats": [-0.25, -1.5, -6.0, -0.5],
        "privilege_gain_per_token_nats": 0.125, "hedges_error": None,
        "hedge_mass": [0.0, 0.5, 0.3, 0.0], **changes,
    }  # fmt: skip


def found(**changes: Any) -> dict[str, Sign]:
    return {sign.name: sign for sign in leak_signs.signs_of(a_row(**changes))}


def test_every_sign_is_looked_for_in_its_order() -> None:
    assert list(found()) == list(SIGNS)
    assert all(sign.is_known for sign in found().values())


def test_an_early_answer_is_told_with_what_stands_before_it() -> None:
    # "41" at character 30 of 49, after 6 words: 19/49 of the trace comes after; under 40 words.
    sign = found()["early_answer"]
    assert sign.value == pytest.approx(1 - 30 / 49)
    assert (sign.says, sign.spans) == ("answer after 6 words", ((30, 32),))
    assert signs.early_answer(Early(9, 11, 50, 0.1, False)).says == "answer after 50 words (weak)"
    assert signs.early_answer(None).value == 0


def test_an_unearned_jump_is_a_rise_in_a_surprising_step_without_work() -> None:
    # Reading step 2 ("Clearly") brings 5 nats; its NLL of 6 is the highest; no check, no "=".
    # Step 3 brings 3.9, but has an equals sign and does not surprise.
    sign = found()["unearned_jumps"]
    assert (sign.value, sign.steps) == (5.0, (2,))
    assert sign.says == "1 unearned jump of belief, the largest 5.0 nats"
    checked = found(marker_category=["reflection", "verification"])["unearned_jumps"]
    assert (checked.value, checked.says) == (0.0, "0 unearned jumps of belief")


def test_certainty_counts_where_the_student_is_open() -> None:
    # Entropies .5, .5, 2, .5: the .8 quantile is .5 + .4·1.5 = 1.1 (between the 3rd and 4th):
    # only token 2 is open. The booster begins in it, and its mass of .3 is a missing hedge there:
    # one place of four tokens: 250 per 1,000.
    sign = found()["certain_where_open"]
    assert (sign.value, sign.spans) == (250.0, ((21, 29),))
    assert sign.says == "certain at 1 place where the student is not (1 booster)"
    # Token 1 would hedge too, and does: "Wait".
    calm = found(entropy_nats=[0.5, 2.0, 0.5, 0.5])["certain_where_open"]
    assert calm.value == 0.0


def test_boosters_at_surprising_steps_and_right_after_them() -> None:
    # 12 words; "Clearly" stands in step 2, the surprising one: 1000/12.
    assert found()["boosters_at_surprise"].value == pytest.approx(1000 / 12)
    nll = np.array([0.5, 6.0, 1.0, 0.5])
    after = signs.boosters_at_surprise(nll, [0, 12, 22, 34], [(22, 29)], 12)
    assert after.value == pytest.approx(1000 / 12)
    assert after.steps == (2,)
    far = signs.boosters_at_surprise(nll, [0, 12, 22, 34], [(36, 40)], 12)
    assert far.value == 0.0
    even = signs.boosters_at_surprise(np.ones(4), [0, 12, 22, 34], [(22, 29)], 12)
    assert even.value == 0.0


def test_what_is_not_known_says_why_and_is_not_zero() -> None:
    bare = found(
        logprob_nats=None, entropy_nats=None, token_start=None, token_end=None, hedge_mass=None,
        point_step=None, point_nats=None, privileged_nats=None, privileged_by=None,
        privilege_gain_per_token_nats=None, reference_answer=None,
    )  # fmt: skip
    assert bare["privilege_phrases"].value == 0
    assert bare["boosters_at_surprise"].says == "not known: the student has not scored it yet"
    assert bare["early_answer"].says == "not known: there is no reference answer"
    assert [name for name, sign in bare.items() if sign.is_known] == ["privilege_phrases"]
    unmarked = found(marker_start=None)
    assert unmarked["privilege_phrases"].value is None
    assert "not counted" in unmarked["certain_where_open"].says
    assert "scoring failed: too long" in found(logprob_nats=None, score_error="too long")[
        "certain_where_open"
    ].says  # fmt: skip


def test_what_the_teacher_did_not_see_is_no_gain_of_its() -> None:
    sign = found(privileged_by="solution")["privilege_gain"]
    assert sign.value is None
    assert "the reference solution was not seen by this teacher" in sign.says
    assert found()["privilege_gain"].says == "privilege gain +0.125 nats a token"


@pytest.mark.parametrize("answer", ["7", "many"])
def test_an_answer_that_cannot_be_looked_for_is_not_known(answer: str) -> None:
    # One character stands anywhere; "many" stands in the prompt.
    assert found(reference_answer=answer)["early_answer"].value is None


def values(**columns: list[float | None]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    return pl.DataFrame(
        {name: columns.get(name, [None] * n) for name in SIGNS},
        schema=dict.fromkeys(SIGNS, pl.Float64()),
    )


def test_the_risk_is_the_shrunken_mean_of_percentiles() -> None:
    # Pool of four: phrases 0, 0, 0, 2; gains .1, .2, .3, unknown.
    pool = values(privilege_phrases=[0, 0, 0, 2], privilege_gain=[0.1, 0.2, 0.3, None])
    ranked = signs.ranked(pool, pool)
    # Phrases: 0 has none below and three equal: 1.5/4 = 37.5 %; 2: 3.5/4 = 87.5 %.
    assert ranked["privilege_phrases_percentile"].to_list() == [37.5, 37.5, 37.5, 87.5]
    # Gains of three: .1 stands at .5/3 = 16.67 %.
    assert ranked["privilege_gain_percentile"][0] == pytest.approx(100 / 6)
    # First: mean 27.083 of 2 known: 50 + 2/4·(-22.917) = 38.542. Last: 50 + 1/3·37.5 = 62.5.
    assert ranked["leak_risk"][0] == pytest.approx(38.5417, abs=1e-4)
    assert ranked["leak_risk"][3] == pytest.approx(62.5)
    assert ranked["n_signs_known"].to_list() == [2, 2, 2, 1]


def test_a_trace_of_which_nothing_is_known_has_no_risk() -> None:
    pool = values(privilege_phrases=[0.0, None])
    assert signs.ranked(pool, pool)["leak_risk"].to_list() == [50.0, None]
    # A trace from outside the pool is ranked in it.
    outside = signs.ranked(values(privilege_phrases=[5.0]), pool)
    assert outside["privilege_phrases_percentile"][0] == 100.0


@given(st.lists(st.one_of(st.none(), st.floats(0, 9)), min_size=1, max_size=20))
def test_percentiles_and_risks_lie_between_0_and_100(numbers: list[float | None]) -> None:
    pool = values(early_answer=numbers, unearned_jumps=list(reversed(numbers)))
    ranked = signs.ranked(pool, pool)
    for column in ("early_answer_percentile", "leak_risk"):
        assert ranked[column].drop_nulls().is_between(0, 100).all()
    assert (ranked["leak_risk"].is_null() == (ranked["n_signs_known"] == 0)).all()


def test_the_reason_names_the_parts() -> None:
    pool = values(privilege_phrases=[0, 0, 3], early_answer=[0, 0.2, 0.9])
    row = signs.ranked(pool, pool).row(2, named=True)
    says = {name: name for name in SIGNS}
    says.update(privilege_phrases="3 privilege phrases", early_answer="answer after 12 words")
    told = "3 privilege phrases; answer after 12 words (2 of 6 signs known)"
    assert signs.reason(row, says) == told
    calm = signs.ranked(pool, pool).row(0, named=True)
    assert signs.reason(calm, says) == "no leak sign stands out (2 of 6 signs known)"


def test_a_jump_over_sampled_points_names_all_its_steps() -> None:
    assert signs.unearned_jumps([Jump(2, 4, 3.0), Jump(7, 7, 2.5)]).steps == (2, 3, 4, 7)


class FakeStore:
    """Two traces: one scored, one not."""

    def evidence(self, trace_ids: list[str], student: str | None) -> pl.DataFrame:
        rows = [a_row(trace_id="a"), a_row(trace_id="b", privileged_nats=None)]
        return pl.DataFrame([row for row in rows if row["trace_id"] in trace_ids])

    def setting(self, name: str) -> str | None:
        return "small"


def test_gains_are_summed_on_and_off_the_tokens_of_epistemic_markers() -> None:
    # Gains -.25 + .5 = .25, -1.5 + 1 = -.5, 0, 0; "Wait" (12 to 16) lies in token 1 (11 to 16);
    # the booster is not epistemic.
    frame = pl.DataFrame({"trace_id": ["a", "b"], "privilege_gain_nats": [-0.25, None]})
    store: Any = FakeStore()
    sums = leak_signs.with_gains(store, frame).select("trace_id", *leakage.GAIN_SUMS)
    assert sums.rows() == [("a", -0.5, 1.0, 0.25, 3.0), ("b", None, None, None, None)]
