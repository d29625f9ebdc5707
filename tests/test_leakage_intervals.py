"""Intervals and tests of leakage, against tables and arithmetic done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.leakage import statistics as stats


@pytest.mark.parametrize(
    ("freedom", "table"),
    # Two-sided 95 % points of Student's t, from any printed table.
    [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (11, 2.201), (30, 2.042), (120, 1.980)],
)
def test_students_t_is_the_printed_table(freedom: int, table: float) -> None:
    assert stats.t_quantile(freedom) == pytest.approx(table, abs=5e-4)


def test_students_t_becomes_the_normal() -> None:
    assert stats.t_quantile(10**7) == pytest.approx(1.95996, abs=1e-4)
    assert stats.t_quantile(1000) == pytest.approx(1.96234, abs=1e-4)


def test_the_jackknife_of_a_mean_is_the_t_interval() -> None:
    # 1, 2, 3: mean 2, sd 1, se 1/sqrt(3) = .57735, t(2) = 4.302653: 2 ± 2.484138.
    columns = stats.mean_of(np.array([1.0, 2.0, 3.0]))
    value, low, high = stats.jackknife_t(columns, stats.mean)
    assert (value, low, high) == pytest.approx((2.0, -0.484138, 4.484138), abs=1e-5)


def test_a_ratio_is_jackknifed_on_the_log_scale() -> None:
    # Counts 1, 2, 3 in 100 each: 20 per 1,000. Without one: 25, 20, 15; logs 3.218876, 2.995732,
    # 2.708050, mean 2.974219; squares .059855 + .000463 + .070846 = .131164; se = sqrt(2/3 · that)
    # = .295707; t(2) = 4.302653: exp(2.995732 ± 1.272325) = 5.6043, 71.373.
    columns = np.array([[1.0, 100.0], [2.0, 100.0], [3.0, 100.0]])
    value, low, high = stats.jackknife_t(columns, stats.rate, log=True)
    assert (value, low, high) == pytest.approx((20.0, 5.6043, 71.373), rel=1e-3)
    # Widened: t(1) = 12.7062 and the error times sqrt(3/2): half = .362166 · 12.7062 = 4.601750.
    _, low, high = stats.jackknife_t(columns, stats.rate, log=True, widened=True)
    assert (low, high) == pytest.approx((20 * math.exp(-4.60175), 20 * math.exp(4.60175)), rel=1e-4)


def test_many_data_sets_at_once_are_each_alone() -> None:
    rng = np.random.default_rng(3)
    sets = rng.uniform(1, 9, (5, 20, 4))
    together = stats.jackknife_t(sets, stats.rate_ratio, log=True)
    for i in range(5):
        alone = stats.jackknife_t(sets[i], stats.rate_ratio, log=True)
        assert [values[i] for values in together] == pytest.approx([float(x) for x in alone])


def test_an_interval_says_why_it_is_not_there() -> None:
    # One problem holds every marker: without it nothing is left to take a logarithm of.
    alone = np.array([[5.0, 100.0]] + [[0.0, 100.0]] * 11)
    found = stats.estimate(alone, stats.rate, log=True)
    assert found.value == pytest.approx(1000 * 5 / 1200)
    assert math.isnan(found.ci[0])
    assert found.why == "one problem alone decides it"
    assert stats.estimate(alone[:0], stats.rate).why == "no problem has it"
    gone = np.array([[0.0, 100.0, 3.0, 100.0]] * 12)
    assert stats.suppressed(gone).value == 1.0
    assert "no epistemic marker is left" in str(stats.suppressed(gone).why)


def test_without_pairs_both_errors_add_up() -> None:
    # Twelve problems each; se of ln d is sqrt(11/12 · Σ away²) on either side. Context: counts 1, 3
    # in turn (leave-one-out sums 23, 21: ln 23 - ln 21 = .090972 apart, .045486 away,
    # se = sqrt(11/12 · 12 · .045486²) = .150860); unguided without spread: se 0. df = 11.
    # S = 1 - 20/40 = .5; half = 2.200985 · .150860 = .332040: 1 - .5·e^±.332040.
    context = np.array([[1.0, 100.0], [3.0, 100.0]] * 6)
    unguided = np.array([[4.0, 100.0]] * 12)
    found = stats.unpaired(context, unguided)
    assert found.value == pytest.approx(0.5)
    assert found.ci == pytest.approx(
        (1 - 0.5 * math.exp(0.33204), 1 - 0.5 * math.exp(-0.33204)), abs=1e-5
    )
    assert stats.unpaired(context * 0, unguided).why == "one side has no epistemic marker"


def test_holm_by_hand() -> None:
    # .01, .04, .03 of three: .01·3 = .03; .03·2 = .06; .04·1 = .04, but not below .06.
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    # A p that is not defined takes no part: two are left.
    found = stats.holm([math.nan, 0.2, 0.9])
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx([0.4, 0.9])


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_and_keeps_their_order(p_values: list[float]) -> None:
    found = stats.holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, found, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert sorted(found) == [found[i] for i in order]


def test_swapping_in_pieces_is_swapping_at_once() -> None:
    # 13 problems are drawn: unguided 2, context 1 each, 100 words: only all or none swapped reach
    # the gap of 10: chance 2^-12 a draw.
    columns = np.array([[1.0, 100.0, 2.0, 100.0]] * 13)
    assert stats.swap_p_value(columns) <= 12 / 10_001
    assert stats.swap_p_value(columns) == stats.swap_p_value(columns)
    assert math.isnan(stats.swap_p_value(columns[:0]))


def test_bca_of_a_symmetric_mean_is_near_the_normal_interval() -> None:
    # Mean of -2, -1, 0, 1, 2 ten times over: se = sqrt(2/50) = .2; 1.96 · .2 = .392
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0] * 10)
    rng = np.random.default_rng(0)
    drawn = rng.choice(values, (4000, 50)).mean(axis=1)[:, None]
    left_out = ((values.sum() - values) / 49)[:, None]
    low, high = stats.bca_bounds(drawn, np.array([0.0]), left_out)
    assert (low[0], high[0]) == pytest.approx((-0.392, 0.392), abs=0.03)
