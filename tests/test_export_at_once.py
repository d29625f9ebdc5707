"""What an export reckons of many rows at once is what it is of each alone."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import compatibility
from curation.export.measures import bands
from curation.export.streaming import text_hashes
from curation.records import text_hash

LEAST = 2
answered = st.tuples(
    st.sampled_from(["p", "q", "r", "s"]),
    st.sampled_from([True, False, None]),
    st.sampled_from(["4", "5", None]),
)


@given(st.lists(st.text() | st.none()))
@settings(deadline=None)
def test_texts_have_the_hashes_that_each_has(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    expected = [None if text is None else text_hash(text) for text in texts]
    assert frame.select(text_hashes("text")).to_series().to_list() == expected


@given(st.lists(answered, max_size=16), st.booleans())
@settings(deadline=None)
def test_problems_that_are_alike_have_the_bands_that_each_has(
    rows: list[tuple[str, bool | None, str | None]], are_read: bool
) -> None:
    schema = {"problem_id": pl.String, "is_correct": pl.Boolean, "final_answer": pl.String}
    tried = pl.DataFrame(rows, schema, orient="row")
    if not are_read:
        tried = tried.with_columns(final_answer=pl.lit(None, pl.String))
    expected = compatibility.problem_bands(tried).select(
        "problem_id",
        pl.when(pl.col("n_judged") >= LEAST).then("solve_rate"),
        pl.col("band").replace("unknown", None),
    )
    found = bands(tried, LEAST).sort("problem_id")
    assert found.equals(expected.sort("problem_id"))
