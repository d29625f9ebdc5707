"""The benchmark of splits, small."""

from __future__ import annotations

from curation.bench import splits
from curation.export.splits import problem_groups


def test_the_benchmark_measures_both_ways_of_grouping_and_the_peer_in_one_run() -> None:
    rows = splits.rows(n=400, beside_peer=50)
    assert [row["bar"] for row in rows] == [60, 60, None]
    assert [row["met"] for row in rows] == [True, True, None]
    assert all(row["value"] > 0 and row["ratio"] > 0 and row["unit"] == "s" for row in rows)


def test_the_made_up_prompts_have_the_near_duplicates_that_are_promised() -> None:
    # 400 traces make 100 problems: those of numbers 49 and 99 are near to the ones before.
    groups = problem_groups(splits._made_up(400), 0.8)
    assert groups["group"].n_unique() == 98
