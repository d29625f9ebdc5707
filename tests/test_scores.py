from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from curation import records, scores

# science.md's vector: ranks 1, 1, 5, 2 with NLL .5, .1, 1.2, .2.
RANKS = [1, 1, 5, 2]
NLL = [0.5, 0.1, 1.2, 0.2]
LOGPROBS = [-x for x in NLL]

Tokens = list[tuple[float, int, float]]

nlls = st.floats(0, 50, allow_nan=False)
ranks = st.integers(1, 50_000)
token_lists = st.lists(st.tuples(nlls, ranks, st.floats(0, 11)), min_size=1, max_size=60)


def test_rsr_is_the_sum_of_ranks_over_the_sum_of_surprisal() -> None:
    # (1 + 1 + 5 + 2) / (.5 + .1 + 1.2 + .2) = 9 / 2.0
    assert scores.rsr(RANKS, NLL) == pytest.approx(4.5)


def test_rsr_clips_ranks_at_a_hundred() -> None:
    # (1 + 1 + 100 + 2) / 2.0 = 104 / 2.0
    assert scores.rsr([1, 1, 250, 2], NLL) == pytest.approx(52.0)
    # without the clip: (1 + 1 + 250 + 2) / 2.0
    assert scores.rsr([1, 1, 250, 2], NLL, r_max=1000) == pytest.approx(127.0)


def test_rsr_of_a_trace_without_surprise_is_guarded_as_in_the_reference_code() -> None:
    # 2 / max(0, 1e-12)
    assert scores.rsr([1, 1], [0.0, 0.0]) == pytest.approx(2e12)


def test_rsr_of_a_set_is_a_ratio_of_means_and_not_a_mean_of_ratios() -> None:
    # Two traces: ranks 1, 3 with NLL .5, .5 (means 2, .5; ratio 4); rank 1 with NLL .1 (ratio 10).
    # ((2 + 1) / 2) / ((.5 + .1) / 2) = 1.5 / .3 = 5; the mean of the ratios would be 7.
    assert scores.dataset_rsr([2.0, 1.0], [0.5, 0.1]) == pytest.approx(5.0)
    assert math.isnan(scores.dataset_rsr([], []))
    with pytest.raises(ValueError, match="one of each"):
        scores.dataset_rsr([1.0], [])


def test_profile_by_hand() -> None:
    got = scores.profile(LOGPROBS, [1, 1, 250, 2], [0.4, 0.2, 2.0, 0.6])
    assert got.n_tokens == 4
    assert got.total_nll_nats == pytest.approx(2.0)
    assert got.mean_nll_nats == pytest.approx(0.5)  # 2.0 / 4
    assert got.perplexity == pytest.approx(1.6487212707)  # e^.5
    assert got.mean_rank == pytest.approx(63.5)  # 254 / 4
    assert got.mean_clipped_rank == pytest.approx(26.0)  # 104 / 4
    assert got.rsr == pytest.approx(52.0)
    assert got.mean_entropy_nats == pytest.approx(0.8)  # 3.2 / 4
    assert got.max_nll_nats == pytest.approx(1.2)


def test_profile_has_the_columns_that_packs_and_the_store_have() -> None:
    assert scores.Profile._fields == records.PROFILE_COLUMNS


def test_an_impossible_token_is_infinite_surprise_and_no_crash() -> None:
    got = scores.profile([-0.5, -math.inf], [1, 9], [0.1, 0.1])
    assert got.total_nll_nats == got.mean_nll_nats == got.perplexity == math.inf
    assert got.rsr == 0.0


def test_perplexity_beyond_a_float_is_infinite() -> None:
    assert scores.profile([-1000.0], [7], [0.0]).perplexity == math.inf


def test_a_certain_trace_has_no_negative_zero() -> None:
    got = scores.profile([0.0], [1], [0.0])
    assert math.copysign(1, got.total_nll_nats) == math.copysign(1, got.max_nll_nats) == 1


@pytest.mark.parametrize(
    ("logprob", "rank", "entropy", "says"),
    [
        ([], [], [], "at least one token"),
        ([-1.0], [1, 2], [0.0], "2 ranks"),
        ([-1.0, math.nan], [1, 1], [0.0, 0.0], "token 1 is NaN"),
        ([[-1.0]], [[1]], [[0.0]], "a vector"),
    ],
)
def test_misuse_is_named(
    logprob: list[float], rank: list[int], entropy: list[float], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        scores.profile(logprob, rank, entropy)


@given(token_lists)
def test_float32_arrays_are_summed_in_float64(tokens: Tokens) -> None:
    logprob = np.array([-t[0] for t in tokens], dtype=np.float32)
    total = scores.total_nll_nats(logprob)
    assert total == pytest.approx(-sum(float(x) for x in logprob), rel=1e-12)


@given(token_lists, st.randoms(use_true_random=False))
def test_a_profile_does_not_depend_on_the_order_of_tokens(
    tokens: Tokens, dice: random.Random
) -> None:
    shuffled = list(tokens)
    dice.shuffle(shuffled)
    one, other = (
        scores.profile([-t[0] for t in ts], [t[1] for t in ts], [t[2] for t in ts])
        for ts in (tokens, shuffled)
    )
    assert one == pytest.approx(other, rel=1e-9)


@given(token_lists)
def test_bounds_and_identities_of_a_profile(tokens: Tokens) -> None:
    assume(sum(t[0] for t in tokens) > 1e-6)
    got = scores.profile([-t[0] for t in tokens], [t[1] for t in tokens], [t[2] for t in tokens])
    assert 1 <= got.mean_clipped_rank <= min(got.mean_rank, scores.R_MAX) + 1e-9
    assert got.mean_nll_nats <= got.max_nll_nats + 1e-9
    # RSR = (n · mean clipped rank) / (n · mean NLL)
    assert got.rsr == pytest.approx(got.mean_clipped_rank / got.mean_nll_nats)
    # a set of one trace is that trace
    alone = scores.dataset_rsr([got.mean_clipped_rank], [got.mean_nll_nats])
    assert alone == pytest.approx(got.rsr)


def test_tokens_go_to_the_step_that_holds_their_word() -> None:
    # text  "One two.\n\n Three."   steps [0, 8) and [11, 17)
    # tokens "One" " two" "." "\n\n" " Three" "."
    ends = [3, 7, 8, 10, 16, 17]
    assert scores.step_of_token(ends, [0, 11]).tolist() == [0, 0, 0, 0, 1, 1]


def test_white_space_before_the_first_step_belongs_to_it() -> None:
    assert scores.step_of_token([2, 5], [2]).tolist() == [0, 0]


def test_step_means_by_hand() -> None:
    # Step 0: .5 + .1 + .3 = .9 over 3 tokens; step 1 has none; step 2: 1.2 over 1.
    got = scores.per_step([-0.5, -0.1, -0.3, -1.2], [3, 7, 8, 25], [0, 10, 20])
    assert got.n_tokens.tolist() == [3, 0, 1]
    assert got.total_nll_nats.tolist() == pytest.approx([0.9, 0.0, 1.2])
    assert got.mean_nll_nats[0] == pytest.approx(0.3)
    assert math.isnan(got.mean_nll_nats[1])
    assert got.mean_nll_nats[2] == pytest.approx(1.2)


def test_tokens_without_a_step_are_misuse() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        scores.per_step([-1.0], [1], [])
    with pytest.raises(ValueError, match="2 token ends"):
        scores.per_step([-1.0], [1, 2], [0])


@given(
    st.lists(st.tuples(nlls, st.integers(1, 9)), min_size=1, max_size=40),
    st.sets(st.integers(0, 200), min_size=1, max_size=20),
)
def test_steps_add_up_to_the_trace(tokens: list[tuple[float, int]], starts: set[int]) -> None:
    ends = np.cumsum([width for _, width in tokens])
    got = scores.per_step([-t[0] for t in tokens], ends, sorted(starts))
    assert got.n_tokens.sum() == len(tokens)
    assert got.total_nll_nats.sum() == pytest.approx(sum(t[0] for t in tokens))
