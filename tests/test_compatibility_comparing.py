from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility import comparing as room

numbers = st.integers(-20, 20)
rows = st.lists(st.tuples(numbers, numbers, numbers), min_size=3, max_size=25)
Rows = list[tuple[int, int, int]]


def test_equal_values_share_their_ranks() -> None:
    # 1 | 3, 3 share (2 + 3) / 2 | 7
    assert room.average_ranks([3, 1, 3, 7]).tolist() == [2.5, 1.0, 2.5, 4.0]


def test_spearman_by_hand() -> None:
    # Ranks 1 2 3 4 5 and 2 1 4 3 5: d² = 1 1 1 1 0; 1 - 6 · 4 / (5 · 24) = .8
    got = room.spearman([10, 20, 30, 40, 50], [2, 1, 4, 3, 5])
    assert got.rho == pytest.approx(0.8)
    assert (got.n, got.n_left_out) == (5, 0)
    assert -1 <= got.low <= got.high <= 1


def test_spearman_with_ties_by_hand() -> None:
    # Ranks 1 2.5 2.5 4 and 1 2 3 4; centred -1.5 0 0 1.5 and -1.5 -.5 .5 1.5:
    # 4.5 / √(4.5 · 5) = .948683
    assert room.spearman([0, 1, 1, 2], [0, 1, 2, 3]).rho == pytest.approx(0.948683, abs=1e-6)


def test_missing_numbers_are_left_out_and_counted() -> None:
    got = room.spearman([1, None, 3, 4, math.nan], [1, 2, 3, 4, 5])
    assert (got.rho, got.n, got.n_left_out) == (1.0, 3, 2)
    assert room.spearman([1, 2, math.inf], [1, 2, 3]).rho == 1.0


def test_too_little_or_too_equal_data_has_no_rho() -> None:
    for a, b in (([], []), ([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3])):
        assert math.isnan(room.spearman(a, b).rho)
        assert math.isnan(room.spearman(a, b).low)


def test_partial_spearman_by_hand() -> None:
    # Ranks a 1 2 3 4, b 2 1 4 3, z 1 3 2 4. Rho = 1 - 6 Σd² / 60:
    # ab d² 1 1 1 1: .6; az 0 1 1 0: .8; bz 1 4 4 1: 0. (.6 - 0) / √(.36 · 1) = 1
    got = room.partial_spearman([1, 2, 3, 4], [2, 1, 4, 3], [1, 3, 2, 4])
    assert got.rho == pytest.approx(1.0)
    # b 1 2 4 3: ab 0 0 1 1: .8; bz 0 1 4 1: .4; (.8 - .32) / √(.36 · .84)
    got = room.partial_spearman([1, 2, 3, 4], [1, 2, 4, 3], [1, 3, 2, 4])
    assert got.rho == pytest.approx(0.48 / math.sqrt(0.36 * 0.84))


def test_what_length_orders_completely_leaves_nothing_to_see() -> None:
    assert math.isnan(room.partial_spearman([1, 2, 3, 4], [2, 1, 4, 3], [10, 20, 30, 40]).rho)
    assert room.partial_spearman([1, 2, 3, 4], [2, 1, 4, 3], [7, 7, 7, 7]).rho == pytest.approx(0.6)


def test_a_comparison_stands_beside_length_and_under_its_warning() -> None:
    a, b, length = [1, 2, 3, 4], [2, 1, 4, 3], [1, 3, 2, 4]
    got = room.compare(a, b, length)
    assert got.correlation.rho == pytest.approx(0.6)
    assert got.given_length.rho == pytest.approx(1.0)
    assert (got.a_with_length, got.b_with_length) == pytest.approx((0.8, 0.0))
    assert got.warning is not None
    assert got.warning.startswith("Only 4 traces: below 200")
    assert room.too_few(199) is not None
    assert room.too_few(200) is None


def test_z_scores_are_taken_within_a_family() -> None:
    # x: 1, 3: mean 2, sd √2; y: 10, 20, 30: mean 20, sd 10; z: one value; None: two equal ones
    values = [1, 3, 10, 20, 30, 5, 7, 7, None]
    families = ["x", "x", "y", "y", "y", "z", None, None, "x"]
    r = 1 / math.sqrt(2)
    expected = [-r, r, -1, 0, 1, math.nan, math.nan, math.nan, math.nan]
    assert room.z_scores(values, families).tolist() == pytest.approx(expected, nan_ok=True)
    assert room.z_scores([], []).size == 0


def test_groups_that_lie_apart_keep_their_place() -> None:
    values = [1.0, 1.1, 5.0, 5.1, 3.0, 3.1, math.nan, math.inf]
    groups = ["low", "low", "high", "high", "mid", "mid", "gone", "high"]
    got = room.rank_stability(values, groups)
    assert [(g.group, g.rank, g.low_rank, g.high_rank) for g in got] == [
        ("high", 1, 1, 1),
        ("mid", 2, 2, 2),
        ("low", 3, 3, 3),
    ]
    assert [g.mean for g in got] == pytest.approx([5.05, 3.05, 1.05])
    assert [(g.same_share, g.n) for g in got] == [(1.0, 2)] * 3
    assert room.rank_stability([], []) == []


def test_groups_that_overlap_change_places() -> None:
    # Means .5 and .5: the tie goes to the first; resampled means differ as often either way.
    got = room.rank_stability([0, 1, 0, 1], ["a", "a", "b", "b"])
    assert [(g.group, g.low_rank, g.high_rank) for g in got] == [("a", 1, 2), ("b", 1, 2)]
    assert 0.5 < got[0].same_share < 0.9
    assert got == room.rank_stability([0, 1, 0, 1], ["a", "a", "b", "b"])


def test_percentiles_count_equals_half() -> None:
    # Pool 1 2 2 3: for 2 one below, two equal: (1 + 2/2) / 4; for 3: 3.5 / 4; for 0 none; 9 all
    got = room.percentiles([2, 3, 0, 9, None], [1, 2, 2, 3, math.nan])
    assert got.tolist() == pytest.approx([50.0, 87.5, 0.0, 100.0, math.nan], nan_ok=True)
    assert math.isnan(room.percentiles([1], [])[0])


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="scores"):
        room.spearman([1, 2], [1])
    with pytest.raises(ValueError, match="family"):
        room.z_scores([1], [])
    with pytest.raises(ValueError, match="group"):
        room.rank_stability([1], [])
    with pytest.raises(ValueError, match="missing"):
        room.average_ranks([math.nan])
    with pytest.raises(ValueError, match="vector"):
        room.percentiles([[1.0]], [1.0])


@given(rows)
def test_the_logarithm_of_the_length_changes_nothing(drawn: Rows) -> None:
    a, b, z = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    plain = room.partial_spearman(a, b, z + 21, n_resamples=0)
    logged = room.partial_spearman(a, b, np.log(z + 21), n_resamples=0)
    assert plain.rho == pytest.approx(logged.rho, nan_ok=True)


@given(rows)
def test_rho_is_symmetric_and_turns_with_the_sign(drawn: Rows) -> None:
    a, b, _ = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    rho = room.spearman(a, b, n_resamples=0).rho
    assert room.spearman(b, a, n_resamples=0).rho == pytest.approx(rho, nan_ok=True)
    assert room.spearman(-a, b, n_resamples=0).rho == pytest.approx(-rho, nan_ok=True)


@given(rows)
def test_partial_rho_is_the_correlation_of_what_length_leaves_over(drawn: Rows) -> None:
    a, b, z = (room.average_ranks(column) for column in zip(*drawn, strict=True))
    got = room.partial_spearman(a, b, z, n_resamples=0).rho
    if math.isnan(got) or np.ptp(z) == 0:
        return
    design = np.column_stack([np.ones(z.size), z])
    left = [y - design @ np.linalg.lstsq(design, y, rcond=None)[0] for y in (a, b)]
    assert got == pytest.approx(np.corrcoef(left[0], left[1])[0, 1], abs=1e-6)


@given(st.lists(numbers, min_size=1, max_size=30))
def test_percentiles_of_a_pool_in_itself_average_fifty(pool: list[int]) -> None:
    got = room.percentiles(pool, pool)
    assert got.mean() == pytest.approx(50.0)
    assert ((got > 0) & (got < 100)).all()


def test_a_comparison_is_told_with_its_intervals_and_what_is_left_out() -> None:
    # The orders of 1, 2, 3 and 10, 30, 20 have rho = 1 - 6 (0 + 1 + 1) / (3 · 8) = 0.5; the fourth
    # trace has no second number.
    said = room.compare([1, 2, 3, 4], [10, 30, 20, None], [5, 5, 5, 5], n_resamples=0).in_words()
    assert "Rank correlation (Spearman): +0.50 over 3 traces; 1 lack a number" in said
    assert "With length held (partial): +0.50" in said
    assert "not defined (too few traces, or no variation)" in said
