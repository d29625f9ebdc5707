"""The charts of the leakage overview: what their points and words say."""

from __future__ import annotations

import polars as pl

from curation import figures
from curation.leakage import marker_places


def test_places_are_drawn_in_percent_of_the_trace() -> None:
    # Answer: 1 of 4 markers in the first tenth, 3 in the last: 25 % at 5, 75 % at 95.
    markers = pl.DataFrame(
        {"teacher_context": ["answer"] * 4, "start_char": [0, 95, 96, 99], "n_chars": [100] * 4}
    )
    chart = figures.marker_places(marker_places(markers))
    (line,) = chart.figure.data
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (5, 25.0, 95, 75.0)
    assert line.customdata[-1][0] == 3
    assert "answer: 25 % of 4 in the first fifth" in chart.alt
    assert "no epistemic marker" in figures.marker_places(marker_places(markers.clear())).alt


def test_the_profile_says_which_intervals_leave_out_zero() -> None:
    rows = pl.DataFrame(
        {
            "teacher_context": ["answer"] * 3, "category": ["hedge", "booster", "privilege"],
            "difference": [-2.0, 0.5, 1.0], "low": [-3.0, -1.0, None], "high": [-1.0, 2.0, None],
        }
    )  # fmt: skip
    chart = figures.category_profile(rows, "words")
    points = chart.figure.data[0]
    assert list(points.x) == [-2.0, 0.5, 1.0]
    # From -2 up to -1 and down to -3; what has no interval has no bar.
    assert (points.error_x.array[0], points.error_x.arrayminus[0]) == (1.0, 1.0)
    assert (points.error_x.array[2], points.error_x.arrayminus[2]) == (0, 0)
    assert "answer: hedge -2.0" in chart.alt
    assert "booster +0.5" not in chart.alt
    assert "per 1,000 words" in chart.figure.layout.xaxis.title.text
    assert "Nothing is matched" in figures.category_profile(rows.clear(), "words").alt
