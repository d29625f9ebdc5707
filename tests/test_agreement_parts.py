"""Agreement taken apart, further coefficients, their intervals: published and by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import agreement
from curation.agreement import coefficients as co

# Fleiss 1971, table 1: 30 patients, six psychiatrists, five diagnoses (depression, personality
# disorder, schizophrenia, neurosis, other); how many gave each.
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
WORDS = {"a": "accept", "x": "reject", "s": "skip", "f": "flag"}
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def decisions(**given_by: str) -> pl.DataFrame:
    """A decision a letter (`.` = none), one an hour, reviewer after reviewer."""
    rows: list[dict[str, Any]] = []
    for reviewer, letters in given_by.items():
        for i, letter in enumerate(letters):
            if letter != ".":
                rows.append(
                    {"trace_id": f"t{i:02}", "reviewer": reviewer, "verdict": WORDS[letter],
                     "teacher_context": "answer" if i % 2 else "unguided", "reasons": [],
                     "sequence": len(rows) + 1, "decided_at": MONDAY + timedelta(hours=len(rows))}
                )  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            "trace_id": pl.String(), "reviewer": pl.String(), "verdict": pl.String(),
            "teacher_context": pl.String(), "reasons": pl.List(pl.String()),
            "sequence": pl.Int64(), "decided_at": pl.Datetime("us", "UTC"),
        },
    )  # fmt: skip


def with_reasons(frame: pl.DataFrame, *reasons: str) -> pl.DataFrame:
    """The decisions with these reasons, in their order; "" = none."""
    lists = [[reason] if reason else [] for reason in reasons]
    return frame.with_columns(reasons=pl.Series(lists, dtype=pl.List(pl.String())))


def test_fleiss_kappa_of_fleiss_own_diagnoses() -> None:
    # Fleiss 1971: totals 26, 26, 30, 55, 43 of 180; P = .555, P_e = .220; kappa = .430
    counts = np.array([[int(n) for n in row] for row in FLEISS_1971.split()], dtype=np.float64)
    assert counts.sum(axis=0).tolist() == [26, 26, 30, 55, 43]
    assert agreement.fleiss_kappa(counts) == pytest.approx(0.430, abs=5e-4)


def test_fleiss_kappa_takes_equal_numbers_of_ratings_only() -> None:
    with pytest.raises(ValueError, match="same number of ratings"):
        agreement.fleiss_kappa(np.array([[2.0, 1.0], [1.0, 1.0]]))


def test_fleiss_stands_on_the_traces_with_the_commonest_number_of_readers() -> None:
    # Three readers on t0 to t2, two on t3. Of the three: aaa, aax, xxx: P = (1 + 1/3 + 1)/3 = 7/9,
    # p_a = 5/9: P_e = 25/81 + 16/81 = 41/81; kappa = (63 - 41)/(81 - 41) = 22/40 = .55
    found = agreement.between(decisions(ann="aaxa", bob="aaxx", cyd="axx."))
    assert (found.n_fleiss_items, found.n_fleiss_ratings) == (3, 3)
    assert found.fleiss_kappa == pytest.approx(0.55)


def test_ordinal_alpha_of_krippendorffs_four_observers() -> None:
    # Krippendorff (2011), D: ordinal alpha = .815 of the data that give .743 as nominal ones.
    rows = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    units = list(zip(*rows, strict=True))
    counts = np.array([[unit.count(label) for label in "12345"] for unit in units], dtype=float)
    assert agreement.krippendorff_alpha(counts, "ordinal") == pytest.approx(0.815, abs=5e-4)


def test_a_flag_lies_between_a_reject_and_an_accept() -> None:
    # Pairs (a,a), (x,x), (a,f): o_aa = o_xx = 2, o_af = o_fa = 1; n_x, n_f, n_a = 2, 1, 3; n = 6.
    # δ²_fa = (1 + 3 - 4/2)² = 4, δ²_xf = (2 + 1 - 3/2)² = 2.25, δ²_xa = (6 - 5/2)² = 12.25
    # D_o = 2·1·4 = 8; D_e = 2·(1·3·4 + 2·1·2.25 + 2·3·12.25) = 180; alpha = 1 - 5·8/180 = 7/9
    found = agreement.between(decisions(ann="axa", bob="axf"))
    assert found.alpha_ordinal == pytest.approx(7 / 9)
    assert found.n_pairable == 2


def test_every_interval_holds_its_coefficient_and_repeats() -> None:
    frame = decisions(ann="aaxxxaaxxa" * 3, bob="axxxaaaxxa" * 3, cyd="axfxaaaxxx" * 3)
    found = agreement.between(frame)
    assert found == agreement.between(frame)
    for name in ("alpha", "alpha_ordinal", "kappa", "fleiss_kappa", "percent"):
        low, high = getattr(found, f"{name}_ci")
        assert low < getattr(found, name) < high, name


def test_the_bootstrap_of_a_share_is_the_binomials() -> None:
    # 30 of 100: a resample has Binomial(100, .3)/100; its 2.5 and 97.5 % points are .21 and .39.
    parts = np.array([[1.0, 1.0]] * 30 + [[0.0, 1.0]] * 70)
    low, high = co.bootstrap(parts, co.share, 0, 4000)
    assert (low, high) == pytest.approx((0.21, 0.39), abs=0.011)


def test_each_person_stands_against_the_rest() -> None:
    # t0: ann a, bob a, cyd a; t1: a, x, x; t2: x, x, a; t3: a, a, -
    found = {row["reviewer"]: row for row in agreement.by_person(
        decisions(ann="aaxa", bob="axxa", cyd="axa.")
    )}  # fmt: skip
    ann = found["ann"]
    # Others alike: t0 2/2, t1 0/2, t2 1/2, t3 1/1: mean 2.5/4. Accepts 3 of 4; the others accept
    # 1, 0, 1/2, 1: mean 2.5/4. Without the even split t2: table a/a 2, a/x 1: p_o = 2/3 and
    # p_e = 1·2/3: kappa 0.
    assert (ann["n_rated"], ann["n_shared"]) == (4, 4)
    assert ann["percent"] == pytest.approx(0.625)
    assert (ann["accepts"], ann["others_accept"]) == (0.75, pytest.approx(0.625))
    assert ann["kappa"] == pytest.approx(0.0)
    # bob and cyd share t0 to t2: n = 6, three each way, one apart: 1 - 5·2/(36 - 18) = 4/9
    assert ann["alpha_without"] == pytest.approx(4 / 9)
    assert found["cyd"]["n_shared"] == 3
    assert math.isnan(ann["percent_ci"][0])


def test_reasons_agree_where_people_name_them_on_the_same_traces() -> None:
    frame = with_reasons(
        decisions(ann="xxa", bob="xxx"), "leak", "leak", "", "leak", "format", "leak"
    )
    leak, form = agreement.by_reason(frame)
    # leak: t0 both, t1 ann alone, t2 bob alone: 2·1/(2·1 + 2) = 1/2.
    # Labels: given 4, left 2; two of three apart: alpha = 1 - 5·4/(36 - 16 - 4) = 1 - 20/16
    assert (leak["reason"], leak["n_traces"]) == ("leak", 3)
    assert leak["positive"] == pytest.approx(0.5)
    assert leak["alpha"] == pytest.approx(-0.25)
    assert (form["reason"], form["n_traces"], form["positive"]) == ("format", 1, 0.0)


def test_contexts_have_an_agreement_of_their_own() -> None:
    rows = agreement.by_group(decisions(ann="aaxx", bob="axxx"), "teacher_context")
    # unguided: t0 and t2, both alike; answer: t1 and t3, one of two alike.
    assert [(r["teacher_context"], r["percent"]) for r in rows] == [
        ("answer", 0.5),
        ("unguided", 1.0),
    ]


def test_drift_by_blocks_follows_the_order_of_deciding() -> None:
    frame = decisions(ann="aaaax", bob="aaxx.")
    found = agreement.drift(frame, "block", 2).filter(pl.col("reviewer") == "ann")
    # ann shares t0 to t3 with bob: alike on t0 and t1, apart on t2 (a, x) and t3 (a, x).
    assert found.select("period", "n_shared", "percent").rows() == [(0, 2, 1.0), (1, 2, 0.0)]


def test_drift_by_week_begins_on_mondays() -> None:
    frame = decisions(ann="aa", bob="ax").with_columns(
        decided_at=pl.Series(
            [MONDAY, MONDAY + timedelta(days=6), MONDAY, MONDAY + timedelta(days=7)]
        )
    )
    found = agreement.drift(frame, "week")
    # ann decides both in one week (Monday and Sunday), bob the second a week later.
    assert found.select("reviewer", "period", "n_shared", "percent").rows() == [
        ("ann", 0, 2, 0.5),
        ("bob", 0, 1, 1.0),
        ("bob", 1, 1, 0.0),
    ]
    assert found["start"].dt.strftime("%a %d").to_list() == ["Mon 05", "Mon 05", "Mon 12"]


def test_nothing_shared_makes_empty_parts() -> None:
    alone = decisions(ann="ax")
    (row,) = agreement.by_person(alone)
    assert row["n_shared"] == 0
    assert math.isnan(row["percent"])
    assert agreement.by_reason(alone) == []
    assert agreement.drift(alone).height == 0
    assert agreement.by_person(decisions()) == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=15
    )
)  # fmt: skip
def test_turning_the_order_round_leaves_the_ordinal_alpha(rows: list[list[int]]) -> None:
    counts = np.array(rows, dtype=np.float64)
    both = [agreement.krippendorff_alpha(c, "ordinal") for c in (counts, counts[:, ::-1])]
    assert both[0] == pytest.approx(both[1], nan_ok=True)
