"""The coverage benchmark: its worlds have the truth they claim, and its rows their shape."""

from __future__ import annotations

import numpy as np
import pytest

from curation.bench import intervals


@pytest.mark.parametrize("world", intervals.WORLDS, ids=lambda world: world.name)
def test_a_world_is_as_dense_as_its_formula_says(world: intervals.World) -> None:
    data = intervals.made(world, 200, 2000, np.random.default_rng(1)).sum(axis=(0, 1))
    assert 1000 * data[2] / data[3] == pytest.approx(intervals.density(world), rel=0.01)
    assert 1 - (data[0] / data[1]) / (data[2] / data[3]) == pytest.approx(0.3, abs=0.01)


def test_rows_count_what_is_held_and_tell_what_has_no_interval() -> None:
    # Of 0-2, 1-3, 3-4 and none: two of the three that exist hold 1.5.
    low, high = np.array([0.0, 1.0, 3.0, np.nan]), np.array([2.0, 3.0, 4.0, np.nan])
    row = intervals._row("x", low, high, 1.5, True)
    assert row["name"] == "x (1 of 4 have none)"
    assert (row["value"], row["met"]) == (pytest.approx(2 / 3), False)
    assert intervals._row("x", low, high, 1.5, False)["bar"] is None


def test_every_interval_that_is_used_is_asked_for_its_coverage() -> None:
    rows = intervals.rows(n_sets=50, sizes=(8, 20))
    assert all(row.keys() == {"name", "value", "unit", "ratio", "bar", "met"} for row in rows)
    used = {row["name"].split(":")[0] for row in rows if row["bar"] is not None}
    assert used == {
        "suppression", "density", "difference of densities", "suppression, unmatched",
        "mean difference", "hedge gain", "share by Wilson", "share by Clopper-Pearson",
    }  # fmt: skip
    # Below the smallest number of problems none is given, so none is asked for.
    assert not any(row["bar"] for row in rows if " 8 problems" in row["name"])
