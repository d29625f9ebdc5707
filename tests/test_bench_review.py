"""The benchmark of the desk, on a store so small that only its road is tried."""

from __future__ import annotations

import importlib.util

import pytest

from curation.bench import review
from curation.errors import CurationError


@pytest.mark.browser
def test_the_desk_is_measured_beside_plain_buttons() -> None:
    rows = review.rows("--n", "400", "--decisions", "4", "--memory", "10", "--openings", "1")
    assert all(row.keys() == {"name", "value", "unit", "ratio", "bar", "met"} for row in rows)
    assert [(row["bar"], row["unit"]) for row in rows if row["bar"] is not None] == [
        (20, "ms"), (50, "ms"), (300, "ms"), (20, "ms"), (2000, "ms"), (0, "keys"), (1.2, "times"),
    ]  # fmt: skip
    by_name = {row["name"]: row["value"] for row in rows}
    ours = by_name["key to next card painted, p50 of 4, against plain buttons"]
    # The ratio is that of the two medians.
    assert rows[0]["ratio"] == pytest.approx(
        by_name["the same card from plain Streamlit buttons, p50 of 3"] / ours
    )
    assert 0 < ours <= by_name["key to next card painted, p95 of 4"]


def test_without_playwright_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CurationError, match="requirements-dev.txt"):
        review.rows()
