"""One number of two sets of traces: sums by problem agree with what leakage says of problems."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.export.sides import compare, density, mean, mean_of_problems
from curation.leakage.matching import problem_means

SCHEMA = {"problem_id": pl.UInt32(), "n_words": pl.Int64(), "n_epistemic": pl.Int64()}
TRACES = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.one_of(st.none(), st.integers(0, 90)),
        st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=25,
)


@given(TRACES)
def test_a_density_counts_each_problem_with_the_means_that_leakage_gives_it(
    told: list[tuple[int, int | None, int | None]],
) -> None:
    traces = pl.DataFrame(told, schema=SCHEMA, orient="row")
    known = traces.filter(pl.col("n_epistemic").is_not_null() & (pl.col("n_words") > 0))
    means = problem_means(known, "words")
    side = density(traces, "n_epistemic", "words")
    assert side.problems.tolist() == means["problem_id"].to_list()
    assert side.over.tolist() == pytest.approx(means["epistemic"].to_list())
    assert side.under.tolist() == pytest.approx(means["length"].to_list())
    assert (side.n, side.n_unknown) == (known.height, traces.height - known.height)


def test_what_is_a_property_of_a_problem_counts_once_and_where_it_is_not_known_not_at_all() -> None:
    traces = pl.DataFrame(
        {"problem_id": [3, 3, 3, 0, 5], "rate": [0.1, 0.1, 0.1, 0.4, None]},
        schema={"problem_id": pl.UInt32(), "rate": pl.Float64()},
    )
    side = mean_of_problems(traces, pl.col("rate"))
    # Problems 0 and 3 are known, 5 is not: (0.4 + 0.1) / 2 = 0.25, whereas over the four traces
    # that know it the mean is (3 · 0.1 + 0.4) / 4 = 0.175.
    assert (side.value, side.n, side.n_unknown) == (0.25, 2, 1)
    assert mean(traces, pl.col("rate")).value == pytest.approx(0.175)


def test_only_shared_problems_are_compared_where_sets_are_matched() -> None:
    ours = mean(_values([(0, 1.0), (0, 3.0), (9, 8.0)]), pl.col("value"))
    theirs = mean(_values([(0, 1.0), (4, 5.0)]), pl.col("value"))
    # Problem 0 alone is in both: 2 over 1. Unmatched: (1 + 3 + 8) / 3 = 4 over (1 + 5) / 2 = 3.
    assert compare(ours, theirs, "ratio", matched=True).value == 2
    assert compare(ours, theirs, "ratio").value == pytest.approx(4 / 3)
    assert compare(ours, theirs, "ratio", matched=True).n_problems == 1
    nobody = mean(_values([]), pl.col("value"))
    assert math.isnan(compare(ours, nobody, "difference").value)


def _values(told: list[tuple[int, float]]) -> pl.DataFrame:
    schema = {"problem_id": pl.UInt32(), "value": pl.Float64()}
    return pl.DataFrame(told, schema=schema, orient="row")
