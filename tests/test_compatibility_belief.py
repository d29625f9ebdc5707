from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility import belief as room

# science.md §7.
STEPS = [0, 1, 2, 3, 4]
NATS = [-6.0, -5.5, -1.0, -1.2, -0.1]

curves = st.lists(st.tuples(st.integers(1, 3), st.floats(-40, 0)), min_size=1, max_size=30).map(
    lambda rows: (
        (np.cumsum([gap for gap, _ in rows]) - rows[0][0]).tolist(),
        [nats for _, nats in rows],
    )
)
Curve = tuple[list[int], list[float]]


def test_the_increments_telescope_to_the_gain() -> None:
    got = room.read_belief(STEPS, NATS, n_answer_tokens=2)
    # -5.5 + 6 = .5; -1 + 5.5 = 4.5; -1.2 + 1 = -.2; -.1 + 1.2 = 1.1; sum 5.9
    assert got.increment_nats.tolist() == pytest.approx([0.5, 4.5, -0.2, 1.1])
    assert got.gain_nats == pytest.approx(5.9)
    assert (got.before_nats, got.after_nats) == (-6.0, -0.1)
    # per answer token: -6 / 2, -.1 / 2
    assert got.before_per_answer_token_nats == pytest.approx(-3.0)
    assert got.after_per_answer_token_nats == pytest.approx(-0.05)


def test_the_reward_pays_for_rises_only() -> None:
    # .1 · (.5 + 4.5 + 1.1) = .61
    assert room.delta_belief_reward([0.5, 4.5, -0.2, 1.1]) == pytest.approx(0.61)
    assert room.delta_belief_reward([0.5, -9.0], weight=1.0) == pytest.approx(0.5)
    assert room.delta_belief_reward([]) == 0.0


def test_the_jump_is_the_largest_increment_and_its_share_of_the_gain() -> None:
    got = room.read_belief(STEPS, NATS, 1)
    assert got.jump_step == 2  # with the second step read
    assert got.jump_share == pytest.approx(4.5 / 5.9)


def test_the_answer_wins_above_half_of_the_probability() -> None:
    # e^-1 = .37, e^-1.2 = .30, e^-.1 = .90: after 4 steps
    assert room.read_belief(STEPS, NATS, 1).win_step == 4
    assert room.read_belief([0, 1], [-0.1, -5.0], 1).win_step == 0
    assert room.read_belief([0, 1], [-5.0, -0.7], 1).win_step is None  # e^-.7 = .497


def test_the_answer_must_beat_a_known_rival_too() -> None:
    # Sums without an end token may both be near 1 ("1" begins "12").
    got = room.read_belief([0, 2, 5], [-3.0, -0.3, -0.2], 1, [-1.0, -0.1, -4.0])
    assert got.win_step == 5
    assert got.rival_margin_nats == pytest.approx(3.8)  # -.2 + 4
    assert room.read_belief(STEPS, NATS, 1, []).rival_margin_nats is None


def test_without_a_gain_there_is_no_jump_share() -> None:
    got = room.read_belief([0, 1, 2], [-1.0, -0.5, -2.0], 1)
    assert got.jump_share is None
    assert got.jump_step == 1
    assert room.read_belief([0, 1], [-1.0, -2.0], 1).jump_step is None
    alone = room.read_belief([0], [-1.0], 1)
    assert (alone.gain_nats, alone.jump_share, alone.jump_step) == (0.0, None, None)


def test_the_impossible_stays_a_number() -> None:
    got = room.read_belief([0, 1, 2], [-math.inf, -math.inf, -1.0], 1)
    assert got.increment_nats.tolist() == [0.0, math.inf]
    assert (got.gain_nats, got.jump_share, got.jump_step) == (math.inf, None, 2)
    assert room.read_belief([0, 1, 2], [-2.0, -math.inf, -1.0], 1).jump_share is None


def test_a_marker_is_read_by_what_the_belief_does_there() -> None:
    #     read 0    1     2     3     4      5     6
    nats = [-4.0, -4.05, -5.0, -3.0, -2.0, -3.5, -2.5]
    got = room.revision_map(range(7), nats, {0, 1, 3, 4, 5})
    # step 0: -.05; step 1: -.95, later at best -2 > -4.05; step 3: +1;
    # step 4: -1.5, later at best -2.5 < -2; step 5: +1, nothing later
    assert [(r.step, r.kind) for r in got] == [
        (0, "decorative"),
        (1, "productive doubt"),
        (3, "support"),
        (4, "derailment"),
        (5, "support"),
    ]
    assert got[1].increment_nats == pytest.approx(-0.95)
    assert got[1].later_nats == pytest.approx(2.05)
    assert got[3].later_nats == pytest.approx(-0.5)
    assert got[4].later_nats is None


def test_the_threshold_of_decoration_is_a_parameter() -> None:
    kinds = [
        room.revision_map([0, 1, 2], [-2.0, -2.3, -1.0], [0], t)[0].kind for t in (0.1, 0.3001)
    ]
    assert kinds == ["productive doubt", "decorative"]


def test_between_sampled_points_a_marker_shares_its_increment() -> None:
    got = room.revision_map([0, 4, 9], [-3.0, -5.0, -1.0], [2, 7, 9, 12])
    assert [(r.step, r.kind, r.n_steps) for r in got] == [
        (2, "productive doubt", 4),
        (7, "support", 5),
    ]  # 9 and 12 lie behind the last point


def test_a_jump_in_a_surprising_step_that_derives_nothing_is_unearned() -> None:
    nll = [0.5, 3.0, 0.6, 0.4]
    # +4.5 with step 1; quantile .75 of the NLLs, lower: .6; 3 > .6
    assert room.unearned_jumps(STEPS, NATS, nll, set()) == [room.Jump(1, 1, 4.5)]
    assert room.unearned_jumps(STEPS, NATS, nll, {1}) == []
    assert room.unearned_jumps(STEPS, NATS, [0.5, 0.5, 3.0, 0.4], set()) == []
    assert room.unearned_jumps(STEPS, NATS, [1.0] * 4, set()) == []
    assert room.unearned_jumps(STEPS, NATS, [math.nan] * 4, set()) == []
    assert room.unearned_jumps(STEPS, NATS, nll, set(), jump_nats=5.0) == []


def test_between_sampled_points_one_earning_step_earns_the_jump() -> None:
    nll = [0.5, 3.0, 0.6, 0.4]
    assert room.unearned_jumps([0, 3, 4], [-6.0, -1.0, -0.5], nll, {3}) == [room.Jump(0, 2, 5.0)]
    assert room.unearned_jumps([0, 3, 4], [-6.0, -1.0, -0.5], nll, {2}) == []


def test_the_shift_is_the_divergence_over_candidates_and_the_rest() -> None:
    # before .25, .25, rest .5; after .5, .25, rest .25:
    # .5 ln 2 + .25 ln 1 + .25 ln .5 = .25 ln 2
    got = room.answer_shift_nats(np.log([0.25, 0.25]), np.log([0.5, 0.25]))
    assert got == pytest.approx(0.25 * math.log(2))
    assert room.answer_shift_nats([-1.0], [-1.0]) == 0.0
    assert room.answer_shift_nats([-math.inf], [-1.0]) == math.inf
    assert math.isnan(room.answer_shift_nats([], []))
    # .9 + .6 = 1.5 is scaled to .6, .4; after .5, .5: .5 ln(.5/.6) + .5 ln(.5/.4)
    over = room.answer_shift_nats(np.log([0.9, 0.6]), np.log([0.5, 0.5]))
    assert over == pytest.approx(0.5 * math.log(0.5 / 0.6) + 0.5 * math.log(0.5 / 0.4))


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        room.read_belief([], [], 1)
    with pytest.raises(ValueError, match="ascending"):
        room.read_belief([0, 0], [-1.0, -1.0], 1)
    with pytest.raises(ValueError, match="at least one token"):
        room.read_belief([0], [-1.0], 0)
    with pytest.raises(ValueError, match="point_rival_nats"):
        room.read_belief([0, 1], [-1.0, -1.0], 1, [-1.0])
    with pytest.raises(ValueError, match="only 1 have an NLL"):
        room.unearned_jumps([0, 2], [-1.0, -1.0], [0.5], [])


@given(curves)
def test_increments_add_up_whatever_the_curve(curve: Curve) -> None:
    step, nats = curve
    got = room.read_belief(step, nats, 3)
    assert got.increment_nats.sum() == pytest.approx(got.gain_nats, abs=1e-9)
    assert got.increment_nats.size == len(step) - 1
    assert room.delta_belief_reward(got.increment_nats, 1.0) >= got.gain_nats - 1e-9
    if got.jump_share is not None and got.increment_nats.size:
        assert got.jump_share >= 1 / got.increment_nats.size - 1e-9


@given(curves, st.sets(st.integers(0, 100)))
def test_every_marked_step_that_was_measured_stands_in_the_map_once(
    curve: Curve, marked: set[int]
) -> None:
    step, nats = curve
    got = room.revision_map(step, nats, marked)
    assert [r.step for r in got] == sorted(k for k in marked if step[0] <= k < step[-1])


@given(st.lists(st.tuples(st.floats(-30, 0), st.floats(-30, 0)), min_size=1, max_size=5))
def test_a_shift_is_never_negative(rows: list[tuple[float, float]]) -> None:
    before, after = zip(*rows, strict=True)
    assert room.answer_shift_nats(before, after) >= 0
