from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility import privilege as room

PRIVILEGED = [-0.5, -3.0, -0.25, -1.0]
CONDITIONAL = [-2.0, -1.0, -0.75, -1.0]
GAIN = [1.5, -2.0, 0.5, 0.0]  # -.5 + 2; -3 + 1; -.25 + .75; 0
MASK = [False, True, False, False]

traces = st.lists(
    st.lists(st.tuples(st.floats(-20, 20), st.booleans()), max_size=15), max_size=8
).map(lambda all_: [([g for g, _ in one], [m for _, m in one]) for one in all_])
Traces = list[tuple[list[float], list[bool]]]


def test_the_gain_is_the_difference_per_token() -> None:
    assert room.gain_nats(PRIVILEGED, CONDITIONAL).tolist() == pytest.approx(GAIN)


def test_total_and_mean() -> None:
    # 1.5 - 2 + .5 + 0 = 0; a second trace: 1.5 + .5 = 2, mean 1
    assert room.privilege_gain(GAIN) == room.Privilege(0.0, 0.0)
    assert room.privilege_gain([1.5, 0.5]) == room.Privilege(2.0, 1.0)
    assert math.isnan(room.privilege_gain([]).per_token_nats)


def test_what_both_hold_impossible_gains_nothing() -> None:
    got = room.gain_nats([-math.inf, -1.0], [-math.inf, -math.inf])
    assert got.tolist() == [0.0, math.inf]


def test_gains_of_both_infinities_have_no_total() -> None:
    both = [math.inf, -math.inf]
    assert math.isnan(room.privilege_gain(both).total_nats)
    assert room.gain_on(both, [True, False]).difference_nats == math.inf
    got = room.hedge_privilege_gain([(both, [True, True]), (GAIN, MASK)])
    assert math.isnan(got.difference_nats)
    assert math.isnan(got.low_nats)


def test_the_gain_by_step_adds_up() -> None:
    got = room.gain_by_step(GAIN, [0, 0, 2, 2])
    # step 0: 1.5 - 2 = -.5 over 2; step 1 has no tokens; step 2: .5 over 2
    assert got.n_tokens.tolist() == [2, 0, 2]
    assert got.total_nats.tolist() == pytest.approx([-0.5, 0.0, 0.5])
    assert got.per_token_nats.tolist() == pytest.approx([-0.25, math.nan, 0.25], nan_ok=True)


def test_the_contrast_is_epistemic_minus_others() -> None:
    # on: -2; off: (1.5 + .5 + 0) / 3 = 2/3; difference -8/3
    got = room.gain_on(GAIN, MASK)
    assert got.difference_nats == pytest.approx(-8 / 3)
    assert (got.on_nats, got.n_on, got.n_off) == (-2.0, 1, 3)
    assert math.isnan(room.gain_on(GAIN, [False] * 4).difference_nats)
    assert math.isnan(room.gain_on([], []).difference_nats)


def test_tokens_are_pooled_over_traces() -> None:
    # on: -2, -1 -> -1.5; off: 1.5, .5, 0, 1 -> .75; difference -2.25
    got = room.hedge_privilege_gain([(GAIN, MASK), ([-1.0, 1.0], [True, False])])
    assert got.difference_nats == pytest.approx(-2.25)
    assert (got.n_traces, got.n_traces_with_both, got.n_on, got.n_off) == (2, 2, 2, 4)
    # Drawn with replacement, the two alone give -8/3 and -2: the interval spans them.
    assert got.low_nats == pytest.approx(-8 / 3)
    assert got.high_nats == pytest.approx(-2.0)


def test_equal_traces_leave_no_doubt_and_a_seed_decides_the_draw() -> None:
    same = room.hedge_privilege_gain([(GAIN, MASK)] * 5)
    assert same.low_nats == pytest.approx(same.difference_nats)
    assert same.high_nats == pytest.approx(same.difference_nats)
    rows: Traces = [([float(i), 0.0], [True, False]) for i in range(8)]
    assert room.hedge_privilege_gain(rows, seed=3) == room.hedge_privilege_gain(rows, seed=3)


def test_too_little_gives_no_interval() -> None:
    one = room.hedge_privilege_gain([(GAIN, MASK)])
    assert one.difference_nats == pytest.approx(-8 / 3)
    assert math.isnan(one.low_nats)
    # One of three traces hedges: (2/3)^3 = 30 % of the draws have no hedge at all.
    rare = room.hedge_privilege_gain([(GAIN, MASK), ([1.0], [False]), ([1.0], [False])])
    assert math.isnan(rare.high_nats)
    assert rare.n_traces_with_both == 1
    assert math.isnan(room.hedge_privilege_gain([]).difference_nats)


def test_top_tokens_are_the_ones_most_moved() -> None:
    assert room.raised_tokens(GAIN).tolist() == [0, 2]
    assert room.raised_tokens([1.0, 2.0, 1.0], n=2).tolist() == [1, 0]
    assert room.lowered_tokens(GAIN).tolist() == [1]


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="same tokens"):
        room.gain_nats([-1.0], [])
    with pytest.raises(ValueError, match="mask"):
        room.gain_on(GAIN, [True])
    with pytest.raises(ValueError, match="level"):
        room.hedge_privilege_gain([], level=1.0)


@given(traces)
def test_the_order_of_traces_does_not_change_the_value(drawn: Traces) -> None:
    forth = room.hedge_privilege_gain(drawn, n_resamples=1).difference_nats
    back = room.hedge_privilege_gain(drawn[::-1], n_resamples=1).difference_nats
    assert forth == pytest.approx(back, nan_ok=True)


@given(traces)
def test_swapping_the_sides_turns_the_sign(drawn: Traces) -> None:
    turned = [(gain, [not m for m in mask]) for gain, mask in drawn]
    got = room.hedge_privilege_gain(drawn, n_resamples=1).difference_nats
    other = room.hedge_privilege_gain(turned, n_resamples=1).difference_nats
    assert got == pytest.approx(-other, nan_ok=True)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=30), st.integers(0, 8))
def test_steps_share_out_the_whole_gain(gain: list[float], width: int) -> None:
    step = np.arange(len(gain)) // (width + 1)
    got = room.gain_by_step(gain, step)
    assert got.total_nats.sum() == pytest.approx(room.privilege_gain(gain).total_nats, abs=1e-9)
    assert got.n_tokens.sum() == len(gain)
