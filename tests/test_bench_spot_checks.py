"""The simulation of a spot check's intervals, small."""

from __future__ import annotations

from curation.bench import spot_checks


def test_the_intervals_hold_in_a_small_simulation_and_peeking_at_wilson_does_not() -> None:
    rows = spot_checks.rows(n_sets=60, n_sessions=60)
    # Four worlds: two intervals under each of three allocations, two more under two of them.
    assert len(rows) == 4 * (3 * 2 + 2 * 2)
    fixed = [row["value"] for row in rows if "at every look" not in row["name"]]
    safe = [row["value"] for row in rows if row["name"].startswith("sequence")]
    peeked = [row["value"] for row in rows if "not used" in row["name"]]
    assert min(fixed) > 0.85
    assert sum(safe) / len(safe) > 0.93
    assert sum(peeked) / len(peeked) < 0.9
