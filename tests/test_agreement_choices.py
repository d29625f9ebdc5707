"""Agreement on pairs of traces: every number with its arithmetic."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import people_commands
from curation.agreement import between, on_choices, pairwise_choices
from curation.records import PREFER
from curation.store import Store, pair_choices
from tests.builders import a_batch, a_decision, a_trace


def _said(*rows: tuple[str, int, str, str, bool]) -> pl.DataFrame:
    """(reviewer, pair, problem, verdict, whether left was the first) as the store gives them."""
    found: list[dict[str, Any]] = []
    for name, pair, problem, verdict, is_left in rows:
        one, other = f"{pair}a", f"{pair}b"
        chosen = {"accept": one, "reject": other}.get(verdict)
        found.append(
            {"problem_id": problem, "trace_id": one, "other_id": other, "verdict": verdict,
             "chosen": chosen, "left": one if is_left else other, "reviewer": name,
             "rejected": None, "is_tie": verdict == "skip", "revealed": False,
             "decided_at": None, "sequence": 0, "decision_id": "d"}
        )  # fmt: skip
    return pl.DataFrame(found, schema=pair_choices.SCHEMA)


FOUR = _said(
    ("ada", 1, "p", "accept", True), ("bo", 1, "p", "accept", False),
    ("ada", 2, "p", "reject", True), ("bo", 2, "p", "reject", True),
    ("ada", 3, "q", "accept", True), ("bo", 3, "q", "skip", True),
    ("ada", 4, "q", "accept", True), ("bo", 4, "q", "reject", False),
    ("ada", 5, "q", "accept", True), ("bo", 5, "q", "flag", True),
)  # fmt: skip


def test_agreement_on_pairs_by_hand() -> None:
    found = on_choices(FOUR)
    assert (found.n_pairs, found.n_pairable, found.n_problems, found.n_reviewers) == (5, 4, 2, 2)
    # Equal on pairs 1 and 2 of 4; the flag on 5 is no choice. Opposed: pair 4.
    assert found.percent == pytest.approx(2 / 4)
    assert found.n_opposed == 1
    # Kappa. ada: 3 accept, 1 reject; bo: 1 accept, 2 reject, 1 tie.
    # p_o = 1/2; p_e = (3·1 + 1·2 + 0·1)/16 = 5/16; (8 - 5)/(16 - 5) = 3/11.
    assert found.kappa == pytest.approx(3 / 11)
    # Alpha. o_aa = 2, o_rr = 2, o_as = o_sa = 1, o_ar = o_ra = 1; n_a = 4, n_r = 3, n_s = 1, n = 8.
    # Observed = 4; by chance = 64 - (16 + 9 + 1) = 38; 1 - 7·4/38 = 10/38.
    assert found.alpha == pytest.approx(10 / 38)
    # Ordinal r < s < a: d(r,s) = (3+1)/2 = 2, d(s,a) = (1+4)/2 = 2.5, d(r,a) = (3+4)/2 + 1 = 4.5.
    # Observed = 2·(6.25 + 20.25) = 53; by chance = 2·(3·1·4 + 1·4·6.25 + 3·4·20.25) = 560.
    assert found.alpha_ordinal == pytest.approx(1 - 7 * 53 / 560)
    # Ties: 1 of 9 choices. Left: ada took it on 1, 3, 4 and 5, not on 2; bo on 4, where the second
    # stood left, not on 1 and 2: 5 of 8.
    assert found.ties == pytest.approx(1 / 9)
    assert found.left == pytest.approx(5 / 8)
    assert math.isnan(found.alpha_ci[0])
    assert found.reason == "an interval needs 5 problems; these pairs are of 2"
    (pair,) = pairwise_choices(FOUR)
    assert (pair.first, pair.second, pair.n_both) == ("ada", "bo", 4)
    assert [pair.percent, pair.kappa] == pytest.approx([0.5, 3 / 11])


def test_nothing_is_said_of_nothing() -> None:
    found = on_choices(FOUR.clear())
    assert (found.n_pairs, found.reason) == (0, "no pair was decided by two people yet")
    assert all(math.isnan(x) for x in (found.alpha, found.kappa, found.percent, found.left))
    same = on_choices(FOUR.filter(pl.col("trace_id") == "1a"))
    assert same.reason == "all shared choices are the same: what chance would give cannot be told"
    assert same.percent == 1


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bo", "cy"]), st.integers(0, 9),
        st.sampled_from(["accept", "reject", "skip"]), st.booleans(),
    ),
    unique_by=lambda row: row[:2], max_size=30,
)  # fmt: skip


@given(ROWS)
@settings(deadline=None)
def test_the_coefficients_are_those_of_the_house_and_exchanging_the_two_traces_changes_none(
    rows: list[tuple[str, int, str, bool]],
) -> None:
    def said(turn: dict[str, str]) -> pl.DataFrame:
        return _said(*((name, n, f"p{n % 7}", turn[v], left) for name, n, v, left in rows))

    as_it_is = {v: v for v in ("accept", "reject", "skip")}
    found = on_choices(said(as_it_is), n_resamples=50)
    pairs = said(as_it_is).with_columns(trace_id=pl.format("{}|{}", "trace_id", "other_id"))
    house = between(pairs, ratings=("reject", "skip", "accept"), n_resamples=50)
    turned = on_choices(said({**as_it_is, "accept": "reject", "reject": "accept"}), n_resamples=50)
    for name in ("alpha", "kappa", "percent"):
        assert getattr(found, name) == pytest.approx(getattr(house, name), nan_ok=True)
    for name in ("alpha", "alpha_ordinal", "kappa", "percent", "ties"):
        assert getattr(found, name) == pytest.approx(getattr(turned, name), nan_ok=True)


def test_intervals_draw_problems_with_all_their_pairs() -> None:
    # Six problems of ten pairs; on three of them two people agree on all, on three on none.
    rows = []
    for pair in range(60):
        problem = pair // 10
        mine = "accept" if pair % 2 else "reject"
        other = mine if problem < 3 else {"accept": "reject", "reject": "accept"}[mine]
        rows += [("ada", pair, f"p{problem}", mine, True), ("bo", pair, f"p{problem}", other, True)]
    found = on_choices(_said(*rows))
    assert found.percent == 0.5
    # Of 6 draws with replacement 0 agree with chance 1/64 and one or none with 7/64: 2.5 % lies at
    # 1 of 6. Drawing the 60 pairs singly would give about 0.37 to 0.63.
    assert list(found.percent_ci) == pytest.approx([1 / 6, 5 / 6])
    assert found.reason is None


def test_the_command_tells_of_pairs(store: Store) -> None:
    traces = [a_trace(f"Text {n}.", sample_index=n) for n in range(2)]
    store.add(a_batch(*traces), "i")
    one, other = sorted(trace["trace_id"] for trace in traces)
    for name, verdict in (("ada", "accept"), ("bo", "reject")):
        store.decide(
            a_decision(one, verdict, reviewer=name, question=PREFER + other, extra={"left": one})
        )
    found = people_commands.agreed(store)["choices"]
    assert (found["n_pairable"], found["n_opposed"], found["percent"]) == (1, 1, 0)
    assert found["by_pair"] == [
        {"first": "ada", "second": "bo", "n_both": 1, "percent": 0.0, "kappa": 0.0}
    ]
    told = people_commands.agreed_in_words(
        people_commands.agreed(store), lambda rows, heads: ", ".join(name for name, _ in heads)
    )
    assert told[0].startswith("on pairs\nn_pairable")
