from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility import expected_hedges as room

# Steps of 3 and 2 tokens; the trace begins step 1 (from 0) with a hedge that nobody expected.
MASS = [0.5, 0.02, 0.0, 0.0005, 0.1]
OBSERVED = [False, True, False, True, False]
STEP = [0, 0, 0, 1, 1]

tokens = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40)


def test_expected_minus_observed_is_the_deficit() -> None:
    got = room.hedge_balance(MASS, OBSERVED, STEP)
    # .5 + .02 + 0 + .0005 + .1 = .6205; two observed; .6205 - 2
    assert got.expected_hedges == pytest.approx(0.6205)
    assert got.observed_hedges == 2.0
    assert got.hedge_deficit == pytest.approx(-1.3795)
    # Step starts are the tokens 0 and 3: .5 + .0005 expected, one observed
    assert got.step_start_expected == pytest.approx(0.5005)
    assert got.step_start_observed == 1.0
    assert got.step_start_hedge_deficit == pytest.approx(-0.4995)


def test_no_token_expects_and_shows_nothing() -> None:
    assert room.hedge_balance([], [], []) == (0, 0, 0, 0, 0, 0)


def test_missing_hedges_are_where_the_student_would_and_the_trace_does_not() -> None:
    assert room.missing_hedges(MASS, OBSERVED).tolist() == [0, 4]
    assert room.missing_hedges(MASS, OBSERVED, threshold=0.2).tolist() == [0]


def test_theatrical_hedges_are_where_the_trace_does_and_the_student_would_not() -> None:
    assert room.theatrical_hedges(MASS, OBSERVED).tolist() == [3]
    assert room.theatrical_hedges(MASS, OBSERVED, threshold=0.02).tolist() == [1, 3]


def test_a_step_is_paired_with_the_entropy_of_the_next() -> None:
    got = room.next_step_pairs([True, False, True, False], [0.1, 0.2, math.nan, 0.4])
    # 0 -> .2; 1 -> NaN, left out; 2 -> .4; the last has no next
    assert got.has_hedge.tolist() == [True, True]
    assert got.next_entropy_nats.tolist() == [0.2, 0.4]
    assert room.next_step_pairs([], []).has_hedge.size == 0


def test_auroc_counts_pairs_and_halves_ties() -> None:
    # With: 2, 1. Without: 1, 0. Pairs 2>1, 2>0, 1=1, 1>0: (1 + 1 + .5 + 1) / 4
    assert room.hedge_calibration_auroc([True, False, True, False], [2, 1, 1, 0]) == 0.875
    assert room.hedge_calibration_auroc([True, False], [0.0, 1.0]) == 0.0


def test_auroc_of_one_class_is_nan() -> None:
    assert math.isnan(room.hedge_calibration_auroc([True, True], [1.0, 2.0]))
    assert math.isnan(room.hedge_calibration_auroc([False], [1.0]))
    assert math.isnan(room.hedge_calibration_auroc([], []))


def test_the_openers_are_single_plain_words_and_none_of_the_ambiguous() -> None:
    assert list(room.HEDGE_OPENERS) == sorted(set(room.HEDGE_OPENERS))
    assert all(word.isalpha() and word.islower() for word in room.HEDGE_OPENERS)
    assert not set(room.HEDGE_OPENERS) & {"may", "might", "could", "check", "about", "likely"}


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        room.missing_hedges([1.5], [False])
    with pytest.raises(ValueError, match="observed"):
        room.hedge_balance([0.5], [], [0])
    with pytest.raises(ValueError, match="has_hedge"):
        room.hedge_calibration_auroc([True], [1.0, 2.0])


@given(tokens)
def test_no_place_is_both_missing_and_theatrical(drawn: list[tuple[float, bool]]) -> None:
    mass, observed = [m for m, _ in drawn], [o for _, o in drawn]
    missing = set(room.missing_hedges(mass, observed, 0.3).tolist())
    theatrical = set(room.theatrical_hedges(mass, observed, 0.3).tolist())
    assert not missing & theatrical
    assert all(observed[i] for i in theatrical)
    assert not any(observed[i] for i in missing)


@given(tokens)
def test_a_step_for_every_token_makes_every_token_a_start(drawn: list[tuple[float, bool]]) -> None:
    mass, observed = [m for m, _ in drawn], [o for _, o in drawn]
    got = room.hedge_balance(mass, observed, range(len(drawn)))
    assert got.step_start_hedge_deficit == pytest.approx(got.hedge_deficit)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[bool, int]]) -> None:
    with_, without = [e for h, e in rows if h], [e for h, e in rows if not h]
    got = room.hedge_calibration_auroc([h for h, _ in rows], [e for _, e in rows])
    if not with_ or not without:
        assert math.isnan(got)
        return
    wins = [float(a > b) + 0.5 * (a == b) for a in with_ for b in without]
    assert got == pytest.approx(np.mean(wins))
