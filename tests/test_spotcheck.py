"""The sample and the intervals of a spot check, by hand and by property."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import spotcheck
from curation.spotcheck import StratumCount

A, B, C = ("answer", "t"), ("solution", "t"), ("unguided", "t")


def test_proportional_allocation_goes_by_largest_remainder() -> None:
    # 10 of 60+25+15: quotas 6, 2.5, 1.5; floors 6, 2, 1 leave one; the remainders .5 and .5 tie,
    # and the earlier name gets it.
    assert spotcheck.allocate({A: 60, B: 25, C: 15}, 10, "proportional") == {A: 6, B: 3, C: 1}


def test_every_stratum_gets_one_from_whoever_is_furthest_above_its_quota() -> None:
    # 10 of 97+2+1: quotas 9.7, .2, .1; floors 9, 0, 0, and the remainder .7 makes it 10, 0, 0.
    # Two strata without one take theirs from the first.
    assert spotcheck.allocate({A: 97, B: 2, C: 1}, 10, "proportional") == {A: 8, B: 1, C: 1}


def test_equal_allocation_hands_on_what_a_small_stratum_cannot_give() -> None:
    # 12 in three: 4 each, but C holds 2; the 2 left go one each to A and B.
    assert spotcheck.allocate({A: 50, B: 20, C: 2}, 12, "equal") == {A: 5, B: 5, C: 2}


def test_too_few_for_one_of_each_is_refused() -> None:
    with pytest.raises(ValueError, match="one of each of 3 strata"):
        spotcheck.allocate({A: 5, B: 5, C: 5}, 2, "proportional")


_sizes = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")),
    st.integers(1, 40), min_size=1,
)  # fmt: skip


@given(_sizes, st.integers(9, 400), st.sampled_from(["proportional", "equal"]))
def test_an_allocation_fits_its_strata_and_adds_up(
    sizes: dict[tuple[str, str], int], n: int, how: spotcheck.Allocation
) -> None:
    given_ = spotcheck.allocate(sizes, n, how)
    assert sum(given_.values()) == min(n, sum(sizes.values()))
    assert all(1 <= given_[stratum] <= sizes[stratum] for stratum in sizes)


def _population(**sizes: int) -> dict[tuple[str, str], list[str]]:
    return {(name, "t"): [f"{name}-{i}" for i in range(n)] for name, n in sizes.items()}


def test_the_same_seed_draws_the_same_and_another_seed_another_sample() -> None:
    population = _population(answer=50, solution=50)
    first = spotcheck.draw(population, 20, "proportional", 7)
    assert spotcheck.draw(population, 20, "proportional", 7) == first
    assert set(spotcheck.draw(population, 20, "proportional", 8)) != set(first)


@given(st.integers(0, 99), st.integers(1, 30))
def test_what_is_added_later_does_not_reshuffle_the_rest(seed: int, n_new: int) -> None:
    before = spotcheck.draw(_population(answer=40), 15, "simple", seed)
    grown = {("answer", "t"): [f"answer-{i}" for i in range(40)] + [f"n-{i}" for i in range(n_new)]}
    after = spotcheck.draw(grown, 15, "simple", seed)
    # Newcomers may push out some; those who stay keep their order.
    kept = [trace_id for trace_id in after if not trace_id.startswith("n-")]
    assert [trace_id for trace_id in before if trace_id in kept] == kept


def test_a_larger_sample_holds_the_smaller_one() -> None:
    population = _population(answer=60)
    smaller = spotcheck.draw(population, 10, "simple", 3)
    larger = spotcheck.draw(population, 25, "simple", 3)
    assert set(smaller) < set(larger)
    assert [trace_id for trace_id in larger if trace_id in smaller] == smaller


def test_wilson_is_the_published_interval() -> None:
    # 10 of 100, z = 1.959964: z² = 3.841459, z²/n = .03841459.
    # middle (.1 + .01920729)/1.03841459 = .1147974; half 1.959964·√(.1·.9/100 + .03841459/400)
    # /1.03841459 = 1.959964·√(.0009 + .00009603647)/1.03841459 = .0595683.
    assert spotcheck.wilson(10, 100) == pytest.approx((0.0552291, 0.1743657), abs=1e-7)
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    assert spotcheck.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert spotcheck.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert spotcheck.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert spotcheck.wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_clopper_pearson_is_the_published_interval() -> None:
    # Newcombe 1998, table I, method 5 (exact).
    assert spotcheck.clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert spotcheck.clopper_pearson(15, 148) == pytest.approx((0.0578, 0.1617), abs=5e-5)
    assert spotcheck.clopper_pearson(1, 29) == pytest.approx((0.0009, 0.1776), abs=5e-5)
    # None of 20: 1 - (.025)^(1/20) = 1 - e^(-3.688879/20) = .168433.
    assert spotcheck.clopper_pearson(0, 20) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))


@given(st.integers(2, 60).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n))))
def test_the_exact_limits_leave_a_tail_of_a_fortieth_each(counted: tuple[int, int]) -> None:
    # At the lower limit P(X >= k) is .025, at the upper P(X <= k): sums of binomial probabilities.
    k, n = counted
    low, high = spotcheck.clopper_pearson(k, n)
    above = sum(math.comb(n, i) * low**i * (1 - low) ** (n - i) for i in range(k, n + 1))
    below = sum(math.comb(n, i) * high**i * (1 - high) ** (n - i) for i in range(k + 1))
    assert (above, below) == pytest.approx((0.025, 0.025), abs=1e-9)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_hold_the_share_and_mirror_when_the_event_is_the_other(
    x: tuple[int, int],
) -> None:
    k, n = x
    for interval in (spotcheck.wilson, spotcheck.clopper_pearson):
        low, high = interval(k, n)
        assert 0 <= low <= k / n <= high <= 1
        other = interval(n - k, n)
        assert (1 - other[1], 1 - other[0]) == pytest.approx((low, high), abs=1e-9)


def test_without_a_verdict_there_is_no_interval() -> None:
    assert all(map(math.isnan, (*spotcheck.wilson(0, 0), *spotcheck.clopper_pearson(0, 0))))


def test_sample_sizes_are_cochrans() -> None:
    # 1.959964²·.25/.05² = 384.15 -> 385; of 1,000: 384.15/(1 + 383.15/1000) = 277.74 -> 278.
    assert spotcheck.widest_sample_size(0.05) == 385
    assert spotcheck.widest_sample_size(0.05, n_population=1000) == 278
    # A share of .1: 3.841459·.09/.0025 = 138.29 -> 139.
    assert spotcheck.sample_size(0.05, 0.1) == 139
    assert spotcheck.sample_size(0.01, 0.5, n_population=30) <= 30


def test_strata_count_by_what_they_hold() -> None:
    # 5 of 50 judged in a stratum of 1,000; 10 of 50 in one of 3,000: .25·.1 + .75·.2 = .175.
    # Variance .25²·.95·.09/49 + .75²·(1 - 50/3000)·.16/49
    #   = .0625·.95·.00183673 + .5625·.983333·.00326531 = .000109056 + .001806122 = .001915179.
    # Effective: .175·.825/.001915179·(100/99) = 76.146.
    found = spotcheck.stratified_share([StratumCount(1000, 50, 5), StratumCount(3000, 50, 10)])
    assert found.share == pytest.approx(0.175)
    assert found.raw_share == pytest.approx(0.15)
    assert found.standard_error == pytest.approx(math.sqrt(0.001915179), rel=1e-6)
    assert found.n_effective == pytest.approx(76.146, abs=1e-3)
    assert found.wilson == pytest.approx(spotcheck.wilson(0.175 * 76.14608, 76.14608), abs=1e-6)


def test_a_stratum_without_a_leak_is_no_guide_to_its_spread() -> None:
    # .9 of the population has 0 of 20, .1 has 4 of 20. The variance alone, .1²·.8·.16/19, would
    # pass for .02·.98/.0000674 = 291 verdicts; the weights leave
    # 1/(.9²·(1 - 20/900)/20 + .1²·.8/20) = 1/(.0396 + .0004) = 25.
    found = spotcheck.stratified_share([StratumCount(900, 20, 0), StratumCount(100, 20, 4)])
    assert found.share == pytest.approx(0.02)
    assert found.n_effective == pytest.approx(25)


def test_one_stratum_of_a_large_population_gives_the_plain_interval() -> None:
    found = spotcheck.stratified_share([StratumCount(10**9, 100, 10)])
    assert found.wilson == pytest.approx(spotcheck.wilson(10, 100), abs=1e-6)
    assert found.clopper_pearson == pytest.approx(spotcheck.clopper_pearson(10, 100), abs=1e-6)


def test_a_census_leaves_nothing_open() -> None:
    found = spotcheck.stratified_share([StratumCount(4, 4, 1), StratumCount(6, 6, 0)])
    assert (found.share, found.wilson) == (0.1, (0.1, 0.1))
    assert found.standard_error == 0


def test_a_stratum_without_a_verdict_is_not_spoken_of() -> None:
    found = spotcheck.stratified_share([StratumCount(30, 10, 5), StratumCount(70, 0, 0)])
    assert (found.share, found.represented) == (0.5, 0.3)
    assert math.isnan(spotcheck.stratified_share([StratumCount(9, 0, 0)]).share)


@given(
    st.lists(
        st.integers(1, 60).flatmap(
            lambda size: st.integers(0, size).flatmap(
                lambda n: st.tuples(st.just(size), st.just(n), st.integers(0, n))
            )
        ),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_the_weighted_share_lies_in_its_intervals(rows: list[tuple[int, int, int]]) -> None:
    found = spotcheck.stratified_share([StratumCount(*row) for row in rows])
    if not found.n_judged:
        assert math.isnan(found.share)
        return
    for low, high in (found.wilson, found.clopper_pearson):
        assert -1e-9 <= low <= found.share + 1e-9
        assert found.share - 1e-9 <= high <= 1 + 1e-9
