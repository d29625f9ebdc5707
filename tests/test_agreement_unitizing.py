"""Krippendorff's alpha for unitizing: the published example, by hand, and beside plain loops."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from curation.agreement import on_spans, unitizing
from curation.agreement.unitizing import Span
from curation.store import span_verdicts

# Krippendorff 2019, Content Analysis, 4th ed., figure 12.11: three people, 60 units of length.
# Published: alpha 0.510, and 0.413 for unit against gap (0.4136 before rounding).
ALEX = [(0, 7, "1"), (7, 13, "2"), (30, 32, "5"), (32, 37, "6"), (37, 44, "6"), (44, 60, "7")]
PAUL = [(0, 7, "1"), (7, 13, "3"), (13, 21, "5"), (32, 44, "6")]
SUZAN = [(0, 7, "1"), (7, 13, "4"), (13, 21, "5"), (32, 37, "6"), (37, 41, "6"), (41, 44, "6")]


def _frame(said: dict[tuple[str, str], list[Span]], n_chars: int) -> pl.DataFrame:
    rows = [
        {"trace_id": trace, "problem_id": "p", "reviewer": name, "decision_id": "d",
         "start": start, "end": end, "label": label, "text": "x", "n_chars": n_chars}
        for (trace, name), spans in said.items() for start, end, label in spans
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=span_verdicts.SCHEMA)


def _read(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [{"trace_id": t, "reviewer": r, "verdict": "accept"} for t, r in pairs]
    return pl.DataFrame(rows, schema=["trace_id", "reviewer", "verdict"])


NOBODY = pl.DataFrame(
    schema={"trace_id": pl.String(), "reviewer": pl.String(), "verdict": pl.String()}
)


def test_the_published_example() -> None:
    said = {("t", "alex"): ALEX, ("t", "paul"): PAUL, ("t", "suzan"): SUZAN}
    found = on_spans(_frame(said, 60), NOBODY)
    assert found["all"]["alpha_u"] == pytest.approx(0.510, abs=5e-4)
    unit_or_gap = [
        [(start, end, frozenset({"unit"})) for start, end, _ in mine]
        for mine in (ALEX, PAUL, SUZAN)
    ]
    parts = unitizing.parts(unit_or_gap, 60, {frozenset({"unit"}): 1})
    # Lengths: gaps 71, units 109 of 180; 26 of the gaps' 71 meet a unit. S = 71 + 911 = 982.
    # 1 - 26·(180² - 982)/(180·71·109) = 1 - 816868/1393020.
    assert parts.tolist() == [45.0, 26.0, 26.0, 83.0, 982.0]
    assert unitizing.alphas(2)(parts[None])[0] == pytest.approx(1 - 816_868 / 1_393_020)
    assert unitizing.alphas(2)(parts[None])[0] == pytest.approx(0.413, abs=1e-3)


def test_one_label_by_hand_where_a_reader_marked_nothing_on_one_text() -> None:
    said = {("t", "ada"): [(0, 4, "a")], ("t", "bo"): [(2, 6, "a")], ("u", "ada"): [(0, 5, "a")]}
    found = on_spans(_frame(said, 10), _read(("u", "bo")))
    # t: a meets a on 2 characters, a gap on 2 + 2, gaps meet on 4; u: a meets a gap on 5, gaps
    # meet on 5. In both orders l_aa = 4, l_a0 = l_0a = 4 + 5 = 9, l_00 = 8 + 10 = 18; so n = 40,
    # l_a = 13, l_0 = 27.
    # S = 16 + 16 + 25 + (6 + 6 + 5 + 10) = 84. Apart: 40 - 22 = 18; n² - 169 - 729 = 702.
    assert found["all"]["alpha_u"] == pytest.approx(1 - 18 * (1600 - 84) / (40 * 702))
    assert found["by_label"][0]["alpha_u"] == found["all"]["alpha_u"]
    assert math.isnan(found["all"]["alpha_u_ci"][0])


def test_alike_is_1_and_one_value_alone_says_nothing() -> None:
    both = {(t, name): [(1, 4, "a"), (4, 9, "b")] for t in "tuvwx" for name in ("ada", "bo")}
    found = on_spans(_frame(both, 12), NOBODY)["all"]
    assert (found["alpha_u"], found["alpha_u_ci"]) == (1.0, [1.0, 1.0])
    everything = {("t", name): [(0, 12, "a")] for name in ("ada", "bo")}
    assert math.isnan(on_spans(_frame(everything, 12), NOBODY)["all"]["alpha_u"])
    unknown = _frame(everything, 12).with_columns(n_chars=pl.lit(None, dtype=pl.Int64()))
    assert math.isnan(on_spans(unknown, NOBODY)["all"]["alpha_u"])


def test_words_with_two_labels_are_a_unit_of_their_own() -> None:
    a, b = frozenset("a"), frozenset("b")
    assert unitizing.units([(0, 5, "a"), (3, 8, "b")]) == [(0, 3, a), (3, 5, a | b), (5, 8, b)]
    # Of one label, what overlaps is one unit; what only touches stays two.
    assert unitizing.units([(0, 5, "a"), (3, 8, "a"), (8, 9, "a")]) == [(0, 8, a), (8, 9, a)]
    assert unitizing.units([]) == []


SAID = st.lists(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from("ab")), max_size=4
    ),
    min_size=2, max_size=3,
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(SAID, min_size=1, max_size=3))
def test_the_sums_are_those_of_the_formula_character_by_character(
    texts: list[list[list[Any]]],
) -> None:
    n_chars = 14
    cut = [[unitizing.units([(a, a + n, v) for a, n, v in m]) for m in people] for people in texts]
    values = sorted({v for people in cut for mine in people for *_, v in mine}, key=sorted)
    place = {value: n for n, value in enumerate(values, 1)}
    rows = np.array([unitizing.parts(people, n_chars, place) for people in cut])
    found = unitizing.alphas(1 + len(place))(rows.sum(axis=0)[None])[0]
    met: dict[tuple[int, int], float] = {}
    squares = 0.0
    for people in cut:
        on = [[0] * n_chars for _ in people]
        for mine, values_of in zip(people, on, strict=True):
            for start, end, value in mine:
                values_of[start:end] = [place[value]] * (end - start)
                squares += (end - start) ** 2
            squares += values_of.count(0)
        for i, one in enumerate(on):
            for j, other in enumerate(on):
                if i != j:
                    for pair in zip(one, other, strict=True):
                        met[pair] = met.get(pair, 0) + 1 / (len(people) - 1)
    n = sum(met.values())
    length = {c: sum(x for (a, _), x in met.items() if a == c) for c, _ in met}
    observed = sum(x for (c, k), x in met.items() if c != k)
    expected = sum(
        n * length[c] * length[k] / (n**2 - squares) for c in length for k in length if c != k
    )
    if not expected:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(1 - observed / expected)
        assert found <= 1
