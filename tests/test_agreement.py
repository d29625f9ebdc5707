"""Agreement: published examples by hand, edge conventions, and what must change nothing."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import agreement

SCHEMA = {"trace_id": pl.String(), "reviewer": pl.String(), "verdict": pl.String()}


def decisions(**given_by: str) -> pl.DataFrame:
    """One row a letter: reviewer -> verdicts in order of the traces (a, x, s, f; `.` = none)."""
    names = {"a": "accept", "x": "reject", "s": "skip", "f": "flag"}
    rows = [
        {"trace_id": f"t{i:02}", "reviewer": reviewer, "verdict": names[letter]}
        for reviewer, letters in given_by.items()
        for i, letter in enumerate(letters)
        if letter != "."
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def test_alpha_of_krippendorffs_two_observers() -> None:
    # Krippendorff (2011), A: Meg 0100000010, Owen 1110010000 (0 -> a, 1 -> x).
    # Ratings n = 20: n_1 = 2 + 4 = 6, n_0 = 14. They differ on items 1, 3, 6 and 9: o_01 = 4.
    # alpha = 1 - (n - 1)·o_01 / (n_0·n_1) = 1 - 19·4 / (14·6) = 1 - 76/84 = 8/84 = .0952
    found = agreement.between(decisions(meg="axaaaaaaxa", owen="xxxaaxaaaa"))
    assert found.alpha == pytest.approx(8 / 84)
    assert (found.n_items, found.n_reviewers, found.n_pairable) == (10, 2, 10)
    # 6 of 10 alike; p_e = .8·.6 + .2·.4 = .56; kappa = (.6 - .56) / .44 = 1/11
    assert found.percent == pytest.approx(0.6)
    assert found.kappa == pytest.approx(1 / 11)
    assert found.n_disputed == 4
    assert found.reason is None


def test_alpha_of_krippendorffs_four_observers_with_gaps() -> None:
    # Krippendorff (2011), C: 4 observers, 12 units, labels 1 to 5, alpha = .743.
    # n_1..n_5 = 9, 13, 10, 5, 3: n = 40. Unit 12 has one rating only.
    # Σ o_cc = 7 + 10 + 8 + 4 + 3 = 32 of 40, so Σ_{c≠k} o_ck = 8;
    # Σ_{c≠k} n_c·n_k = 40² - (81 + 169 + 100 + 25 + 9) = 1600 - 384 = 1216
    # alpha = 1 - 39·8/1216 = .7434
    rows = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    units = list(zip(*rows, strict=True))
    counts = np.array([[unit.count(label) for label in "12345"] for unit in units], dtype=float)
    assert counts[counts.sum(axis=1) >= 2].sum(axis=0).tolist() == [9, 13, 10, 5, 3]
    assert agreement.krippendorff_alpha(counts) == pytest.approx(1 - 39 * 8 / 1216)


def test_kappa_by_hand() -> None:
    # 20 both yes, 5 and 10 apart, 15 both no: p_o = 35/50 = .7;
    # p_e = (25·30 + 25·20) / 2500 = .5; kappa = .2 / .5 = .4
    assert agreement.cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx(0.4)
    assert math.isnan(agreement.cohen_kappa(np.array([[9.0, 0.0], [0.0, 0.0]])))


def test_kappa_of_three_reviewers_is_the_mean_over_pairs() -> None:
    frame = decisions(ann="aaxx", bob="aaxx", cyd="axax")
    # ann-bob agree always: 1. ann-cyd and bob-cyd: 2 of 4, p_e = .5: 0. Mean = 1/3.
    pairs = agreement.pairwise(frame)
    assert [(p.first, p.second, p.n_both, p.kappa) for p in pairs] == [
        ("ann", "bob", 4, 1.0),
        ("ann", "cyd", 4, 0.0),
        ("bob", "cyd", 4, 0.0),
    ]
    found = agreement.between(frame)
    assert found.kappa == pytest.approx(1 / 3)
    # Pairs alike: ann-bob 4, the others 2 each: 8 of 12.
    assert found.percent == pytest.approx(8 / 12)


def test_skips_and_flags_are_no_ratings() -> None:
    with_them = agreement.between(decisions(ann="aaxxxas", bob="axxxafa"))
    # The last two traces have one rating each: they count as items, not as pairs.
    assert (with_them.n_items, with_them.n_pairable) == (7, 5)
    without = agreement.between(decisions(ann="aaxxx", bob="axxxa"))
    assert with_them.alpha == without.alpha


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pl.DataFrame(schema=SCHEMA), "two reviewers"),
        (decisions(ann="axax"), "two reviewers"),
        (decisions(ann="ax..", bob="..ax"), "two reviewers"),
        (decisions(ann="aaaaaa", bob="aaaaaa"), "all shared verdicts are the same"),
    ],
)
def test_thin_data_give_nan_and_a_reason(frame: pl.DataFrame, why: str) -> None:
    found = agreement.between(frame)
    assert math.isnan(found.alpha)
    assert all(math.isnan(bound) for bound in found.alpha_ci)
    assert found.reason is not None
    assert why in found.reason


def test_few_shared_traces_give_alpha_without_an_interval() -> None:
    found = agreement.between(decisions(ann="axx", bob="axa"))
    # n = 6, n_a = 3, n_x = 3, one of three apart: o_ax = 1; alpha = 1 - 5·1/9 = 4/9
    assert found.alpha == pytest.approx(4 / 9)
    assert math.isnan(found.alpha_ci[0])
    assert found.reason == "an interval needs 5 shared traces; there are 3"


def test_the_interval_holds_alpha_and_repeats_under_its_seed() -> None:
    frame = decisions(ann="aaxxxaaxxa" * 4, bob="axxxaaaxxa" * 4)
    one, same, other = (agreement.between(frame, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one.alpha_ci != other.alpha_ci
    assert one.alpha_ci[0] < one.alpha < one.alpha_ci[1]


def test_confusion_counts_every_pair_of_verdicts() -> None:
    table = agreement.confusion(decisions(ann="aaxsf", bob="axxa."), "ann", "bob")
    assert table.height == 16
    hits = table.filter(pl.col("n") > 0).sort("first", "second").rows()
    assert hits == [
        ("accept", "accept", 1),
        ("accept", "reject", 1),
        ("reject", "reject", 1),
        ("skip", "accept", 1),
    ]


def test_disputed_lists_who_said_what_most_even_first() -> None:
    frame = decisions(ann="axaa", bob="axxx", cyd="axa.")
    # t02: accept, reject, accept (majority 2/3); t03: accept, reject (1/2): more even, so first.
    assert agreement.disputed(frame).rows() == [
        ("t03", 2, ["ann: accept", "bob: reject"]),
        ("t02", 3, ["ann: accept", "bob: reject", "cyd: accept"]),
    ]


def test_two_verdicts_of_one_reviewer_on_a_trace_are_misuse() -> None:
    twice = pl.concat([decisions(ann="a"), decisions(ann="x")])
    with pytest.raises(ValueError, match="stands twice"):
        agreement.between(twice)


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from("ax.")] * 3), min_size=1, max_size=25),
    st.permutations(["ann", "bob", "cyd"]),
)
def test_reviewers_and_labels_are_only_names(
    ratings: list[tuple[str, str, str]], names: list[str]
) -> None:
    letters = ["".join(column) for column in zip(*ratings, strict=True)]
    plain = agreement.between(decisions(**dict(zip(["ann", "bob", "cyd"], letters, strict=True))))
    swapped = [row.translate(str.maketrans("ax", "xa")) for row in letters]
    other = agreement.between(decisions(**dict(zip(names, swapped, strict=True))))
    assert other.n_pairable == plain.n_pairable
    for name in ("alpha", "percent", "kappa"):
        assert getattr(other, name) == pytest.approx(getattr(plain, name), nan_ok=True)
