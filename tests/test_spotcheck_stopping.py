"""Stopping early and correcting for the judge's errors, by hand, by property, by simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import spotcheck
from curation.spotcheck import Sprt


def test_the_sequence_after_one_verdict_by_hand() -> None:
    # Without end, one leaking verdict, alpha .05: B(2, 1)/p < 20 means p > .5/20 = .025.
    low, high = spotcheck.confidence_sequence([True])[0]
    assert (low, high) == pytest.approx((0.025, 1.0))


def test_the_sequence_of_a_small_population_by_hand() -> None:
    # N = 4, uniform prior; two clean verdicts: C(5, 3)/(5·C(T, 0)·C(4-T, 2)) for T = 0, 1, 2 is
    # 10/(5·6) = .33, 10/(5·3) = .67, 10/(5·1) = 2; T = 3, 4 cannot be. Below 1/.6 = 1.67 are 0, 1.
    assert spotcheck.confidence_sequence([False, False], 4, 0.6)[-1] == (0.0, 0.25)


def test_a_population_judged_whole_is_known() -> None:
    leaks = [True, False, False, True, False]
    assert spotcheck.confidence_sequence(leaks, 5)[-1] == (0.4, 0.4)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 200) | st.none())
def test_a_sequence_narrows_or_starts_again_where_nothing_would_remain(
    leaks: list[bool], more: int | None
) -> None:
    size = None if more is None else len(leaks) + more
    path = spotcheck.confidence_sequence(leaks, size)
    assert len(path) == len(leaks)
    assert all(0 <= low <= high <= 1 for low, high in path)
    for before, after in zip(path, path[1:], strict=False):
        is_within = before[0] <= after[0] and after[1] <= before[1]
        is_apart = after[1] < before[0] or before[1] < after[0]
        assert is_within or is_apart


def _misses(n: int, population: list[bool], runs: int, how: str) -> float:
    """In how many runs the truth leaves the interval at any look along the way."""
    rng = random.Random(20261122)
    truth, missed = sum(population) / len(population), 0
    for _ in range(runs):
        leaks = rng.sample(population, n)
        if how == "sequence":
            path = spotcheck.confidence_sequence(leaks, len(population))
        else:
            path = [spotcheck.wilson(sum(leaks[:t]), t) for t in range(1, n + 1)]
        missed += any(not low - 1e-9 <= truth <= high + 1e-9 for low, high in path)
    return missed / runs


def test_looking_after_every_verdict_is_safe_with_the_sequence_and_not_with_wilson() -> None:
    population = [True] * 30 + [False] * 270
    assert _misses(80, population, 300, "sequence") <= 0.05
    assert _misses(80, population, 300, "wilson") > 0.10


def test_a_proportional_sample_in_random_order_is_covered_too() -> None:
    # Two strata of 100 with shares 0 and .2: a proportional sample of 60 has 30 of each.
    rng = random.Random(7)
    strata = [[False] * 100, [True] * 20 + [False] * 80]
    missed = 0
    for _ in range(300):
        leaks = [leak for stratum in strata for leak in rng.sample(stratum, 30)]
        rng.shuffle(leaks)
        path = spotcheck.confidence_sequence(leaks, 200)
        missed += any(not low - 1e-9 <= 0.1 <= high + 1e-9 for low, high in path)
    assert missed / 300 <= 0.05


def test_strata_drawn_out_of_proportion_bound_the_bias() -> None:
    # 30 and 70 of 100, drawn 5 and 5: ½(|.5 - .3| + |.5 - .7|) = .2.
    assert spotcheck.design_bias([30, 70], [5, 5]) == pytest.approx(0.2)
    assert spotcheck.design_bias([30, 70], [3, 7]) == pytest.approx(0.0)


def test_the_stratified_sequence_weights_each_stratums_own() -> None:
    # Both strata judged whole: .25·1 + .75·(1/3).
    found = spotcheck.stratified_sequence([[True], [True, False, False]], [1, 3])
    assert found == pytest.approx((0.5, 0.5))
    # Nothing judged of the second: it may be anything.
    low, high = spotcheck.stratified_sequence([[True], []], [1, 3])
    assert (low, high) == pytest.approx((0.25, 1.0))


def test_walds_bounds_and_numbers_by_hand() -> None:
    # p0 .1, p1 .3, alpha .05, beta .1: ln(.1/.95) = -2.251292, ln(.9/.05) = 2.890372.
    test = Sprt(0.1, 0.3, 0.05, 0.1)
    assert test.bounds() == pytest.approx((-2.251292, 2.890372), abs=1e-6)
    # Steps ln 3 = 1.098612 and ln(.7/.9) = -.251314.
    # At p0: (.95·-2.251292 + .05·2.890372)/(.1·1.098612 - .9·.251314) = -1.994209/-.116322
    # = 17.144.
    # At p1: (.1·-2.251292 + .9·2.890372)/(.3·1.098612 - .7·.251314) = 2.376206/.153664 = 15.464.
    assert test.expected_n(0.1) == pytest.approx(17.144, abs=1e-3)
    assert test.expected_n(0.3) == pytest.approx(15.464, abs=1e-3)
    # By construction p0 is called with 1 - alpha there, and with beta at p1.
    assert test.probability_of_p0(0.1) == pytest.approx(0.95)
    assert test.probability_of_p0(0.3) == pytest.approx(0.1)


def test_the_test_decides_at_the_first_bound_it_meets_and_stays() -> None:
    test = Sprt(0.1, 0.3, 0.05, 0.1)
    # Three leaks: 3·1.098612 = 3.296 > 2.890; two are 2.197.
    after = test.after([True, True, True, *[False] * 40])
    assert (after.call, after.n_at_call) == ("p1", 3)
    # Clean ones: 9·-.251314 = -2.262 < -2.251, 8 are -2.011.
    assert test.after([False] * 9)[1:] == ("p0", 9)
    assert test.after([False] * 8).call is None


def test_the_tests_errors_stay_near_what_it_promises() -> None:
    rng = random.Random(3)
    test = Sprt(0.05, 0.15, 0.05, 0.1)
    for share, wrong, promised in ((0.05, "p1", 0.05), (0.15, "p0", 0.1)):
        calls = [test.after([rng.random() < share for _ in range(600)]).call for _ in range(400)]
        assert sum(call == wrong for call in calls) / 400 <= promised + 0.03


@pytest.mark.parametrize("bad", [(0.3, 0.1, 0.05, 0.05), (0.1, 0.3, 0.6, 0.5), (0, 0.3, 0.1, 0.1)])
def test_a_test_that_cannot_be_is_refused(bad: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="not"):
        Sprt(*bad).bounds()


def test_rogan_gladen_by_hand() -> None:
    # 25 of 100 called leaking; 18 of 20 found, 38 of 40 cleared: (.25 + .95 - 1)/(.9 + .95 - 1)
    # = .2/.85 = .235294.
    found = spotcheck.rogan_gladen(0.25, 100, 18, 20, 38, 40)
    assert found.share == pytest.approx(0.2 / 0.85)
    assert (found.sensitivity, found.specificity) == (0.9, 0.95)
    # Lang & Reiczigel: a' = (25 + 1.920729)/103.841459 = .259248; se' = 19/22 = .863636;
    # sp' = 39/42 = .928571; Youden .792208; p' = .187820/.792208 = .237084.
    # of_se = .863636·.136364/22 = .005353; of_sp = .928571·.071429/42 = .001579.
    # s = √(.259248·.740752/103.841459 + .056209·.005353 + .582041·.001579)/.792208
    #   = √(.001849 + .000301 + .000919)/.792208 = .055402/.792208 = .069933.
    # d = 7.682918·(.237084·.005353 - .762916·.001579) = .000496.
    # limits .237580 ± 1.959964·.069933.
    assert found.interval == pytest.approx((0.10051, 0.37465), abs=2e-5)
    assert found.reason is None


def test_a_correction_outside_of_0_to_1_is_clipped() -> None:
    assert spotcheck.rogan_gladen(0.02, 100, 9, 10, 8, 10).share == 0.0
    assert spotcheck.rogan_gladen(0.99, 100, 8, 10, 9, 10).share == 1.0


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((5, 10, 5, 10), "add up to 1 or less"),
        ((2, 10, 7, 10), "add up to 1 or less"),
        ((0, 0, 9, 10), "known to be leaking"),
        ((9, 10, 0, 0), "known to be clean"),
    ],
)
def test_what_cannot_be_corrected_is_refused_with_the_reason(
    counts: tuple[int, int, int, int], why: str
) -> None:
    found = spotcheck.rogan_gladen(0.25, 100, *counts)
    assert math.isnan(found.share)
    assert why in str(found.reason)


@given(st.floats(0, 1), st.integers(1, 300), st.integers(1, 40), st.integers(1, 40))
def test_a_judge_who_never_errs_corrects_nothing(share: float, n: int, k: int, m: int) -> None:
    found = spotcheck.rogan_gladen(share, n, k, k, m, m)
    assert found.share == pytest.approx(share)
    assert 0 <= found.interval[0] <= found.interval[1] <= 1
