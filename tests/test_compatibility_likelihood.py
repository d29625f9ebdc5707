from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility import likelihood

# Three steps of 2, 1 and 3 tokens; the step with index 1 has none.
LOGPROB = [-3.0, -1.0, -4.0, -2.0, -0.5, -0.5]
STEP = [0, 0, 2, 3, 3, 3]

a_logprob = st.floats(-50, 0)
tokens_with_steps = st.lists(st.tuples(a_logprob, st.integers(0, 2)), min_size=1, max_size=40).map(
    lambda rows: ([x for x, _ in rows], np.cumsum([gap for _, gap in rows]).tolist())
)


def test_grape_is_the_mean_log_likelihood() -> None:
    # -(3 + 1 + 4 + 2 + .5 + .5) / 6 = -11 / 6
    assert likelihood.grape_nats(LOGPROB) == pytest.approx(-11 / 6)


def test_steps_weigh_the_same_whatever_their_length() -> None:
    # Steps: (-3 - 1) / 2 = -2; -4; (-2 - .5 - .5) / 3 = -1. Mean: -7 / 3. Index 1 is skipped.
    assert likelihood.step_means_nats(LOGPROB, STEP).tolist() == pytest.approx([-2, -4, -1])
    assert likelihood.mean_step_logprob_nats(LOGPROB, STEP) == pytest.approx(-7 / 3)


def test_lalp_skips_steps_without_tokens() -> None:
    # (-2 - 4) / 2
    assert likelihood.lalp_nats([-2.0, math.nan, -4.0]) == pytest.approx(-3.0)
    assert math.isnan(likelihood.lalp_nats([math.nan]))


def test_aslec_drop_leaves_out_the_first_tokens_of_every_step() -> None:
    # Left: -1 | nothing | -.5, -.5 -> -2 / 3
    assert likelihood.aslec_drop_nats(LOGPROB, STEP) == pytest.approx(-2 / 3)
    # Two left out: only the last -.5 stays.
    assert likelihood.aslec_drop_nats(LOGPROB, STEP, n_dropped=2) == pytest.approx(-0.5)
    # None left out: GRAPE.
    assert likelihood.aslec_drop_nats(LOGPROB, STEP, n_dropped=0) == pytest.approx(-11 / 6)
    assert math.isnan(likelihood.aslec_drop_nats(LOGPROB, STEP, n_dropped=3))


def test_car_divides_the_reward_by_one_plus_the_loss() -> None:
    # 6 / (1 + 1 · .5) = 4; with beta 2: 6 / 2 = 3; with beta 0 the reward itself
    assert likelihood.car(6.0, 0.5) == pytest.approx(4.0)
    assert likelihood.car(6.0, 0.5, beta=2.0) == pytest.approx(3.0)
    assert likelihood.car(6.0, math.inf, beta=0.0) == 6.0
    assert likelihood.car(6.0, math.inf) == 0.0
    assert math.isnan(likelihood.car(math.nan, 0.5))


def test_the_share_of_first_choices_and_the_greatest_entropy() -> None:
    # ranks 1, 1, 5, 2: two of four
    assert likelihood.top1_share([1, 1, 5, 2]) == 0.5
    assert likelihood.max_entropy_nats([0.4, 2.0, 0.6]) == 2.0


def test_nothing_to_take_a_mean_of_is_nan() -> None:
    assert math.isnan(likelihood.grape_nats([]))
    assert math.isnan(likelihood.mean_step_logprob_nats([], []))
    assert math.isnan(likelihood.aslec_drop_nats([], []))
    assert math.isnan(likelihood.top1_share([]))
    assert math.isnan(likelihood.max_entropy_nats([]))


def test_an_impossible_token_makes_the_mean_minus_infinity() -> None:
    assert likelihood.grape_nats([-1.0, -math.inf]) == -math.inf
    assert likelihood.mean_step_logprob_nats([-1.0, -math.inf], [0, 1]) == -math.inf
    assert likelihood.aslec_drop_nats([-1.0, -math.inf, -3.0, -2.0], [0, 1, 1, 1]) == -2.5


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="entry 1 is NaN"):
        likelihood.grape_nats([-1.0, math.nan])
    with pytest.raises(ValueError, match="entry 0 is 0.5; log-likelihoods are 0 or below"):
        likelihood.grape_nats([0.5])
    with pytest.raises(ValueError, match="one entry for each of 2"):
        likelihood.mean_step_logprob_nats([-1.0, -1.0], [0])
    with pytest.raises(ValueError, match="never go back"):
        likelihood.aslec_drop_nats([-1.0, -1.0], [1, 0])
    with pytest.raises(ValueError, match="n_dropped"):
        likelihood.aslec_drop_nats([-1.0], [0], n_dropped=-1)
    with pytest.raises(ValueError, match="counted from 1"):
        likelihood.top1_share([0])
    with pytest.raises(ValueError, match="0 or more"):
        likelihood.car(1.0, -0.5)
    with pytest.raises(ValueError, match="vector"):
        likelihood.grape_nats([[-1.0]])


@given(tokens_with_steps)
def test_one_step_for_all_is_grape_and_a_step_each_too(
    drawn: tuple[list[float], list[int]],
) -> None:
    logprob, _ = drawn
    mean = likelihood.grape_nats(logprob)
    one = likelihood.mean_step_logprob_nats(logprob, [0] * len(logprob))
    each = likelihood.mean_step_logprob_nats(logprob, list(range(len(logprob))))
    assert one == pytest.approx(mean)
    assert each == pytest.approx(mean)


@given(tokens_with_steps)
def test_the_numbers_of_steps_do_not_matter_only_where_they_change(
    drawn: tuple[list[float], list[int]],
) -> None:
    logprob, step = drawn
    far = [3 * s + 5 for s in step]
    assert likelihood.mean_step_logprob_nats(logprob, far) == pytest.approx(
        likelihood.mean_step_logprob_nats(logprob, step)
    )
    assert likelihood.aslec_drop_nats(logprob, far) == pytest.approx(
        likelihood.aslec_drop_nats(logprob, step), nan_ok=True
    )


@given(tokens_with_steps)
def test_a_mean_over_steps_lies_between_the_least_and_the_greatest_token(
    drawn: tuple[list[float], list[int]],
) -> None:
    logprob, step = drawn
    value = likelihood.mean_step_logprob_nats(logprob, step)
    assert min(logprob) - 1e-9 <= value <= max(logprob) + 1e-9
