"""The benchmark of a large store, on one so small that only its road is tried."""

from __future__ import annotations

import importlib.util

import pytest

from curation.bench import scale


def test_an_export_is_measured_beside_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None
    )  # no pages without a browser
    rows = scale.rows("--traces", "400")
    assert all(row.keys() == {"name", "value", "unit", "ratio", "bar", "met"} for row in rows)
    assert [(row["bar"], row["unit"]) for row in rows if row["bar"] is not None] == [
        (0.5, "traces/s"), (4096, "MB"), (60, "s"), (60, "s"), (4096, "MB"), (0, "things"),
    ]  # fmt: skip
    by_name = {row["name"].split(",")[0].split(" of ")[0]: row for row in rows}
    # The ratio is that of the two speeds: the same rows, each in its own time.
    assert rows[0]["ratio"] == pytest.approx(rows[0]["value"] / by_name["DuckDB's COPY"]["value"])
    assert by_name["things that verify found broken"]["met"]
