"""From choices of pairs to a preference set: by majority, ties counted, split by problem."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import datasets
import pytest

from curation import export
from curation.errors import ExportError
from curation.export import preferences
from curation.records import PREFER, pair_of
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace


def choose(store: Store, winner: str, loser: str, reviewer: str, verdict: str | None = None) -> str:
    """What `reviewer` says of two traces: the first is better, or `verdict` (skip, flag)."""
    pair = pair_of(winner, loser)
    said = verdict or ("accept" if pair[0] == winner else "reject")
    return store.decide(
        a_decision(
            pair[0], said, reviewer=reviewer, question=PREFER + pair[1], extra={"left": loser}
        )
    ).decision_id


@pytest.fixture
def problems(store: Store) -> list[list[str]]:
    """Three traces on each of four problems, stored; their ids by problem."""
    rows = [
        [a_trace(f"Way {n} to {p}.", prompt=f"What is {p}?", teacher=f"t{n}") for n in range(3)]
        for p in range(4)
    ]
    store.add(a_batch(*(row for problem in rows for row in problem)), "i")
    return [[row["trace_id"] for row in problem] for problem in rows]


def test_a_pair_goes_to_the_majority_and_ties_are_counted(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    a, b, c = problems[0]
    ids = [choose(store, b, a, "ada"), choose(store, b, a, "bob"), choose(store, a, b, "cy")]
    ids += [choose(store, a, b, "dee", "skip"), choose(store, a, b, "eve", "flag")]
    # One against one is disputed; a tie alone and a flag alone prefer nothing.
    choose(store, a, c, "ada")
    choose(store, c, a, "bob")
    choose(store, b, c, "ada", "skip")
    d, e, f = problems[1]
    choose(store, d, e, "ada", "flag")
    # The newest counts: f after all.
    choose(store, e, f, "ada")
    newest = choose(store, f, e, "ada")
    preview = export.preview(store, format="preference", splits={"train": 1})
    assert preview.states == {"preferred": 2, "disputed": 1, "tied": 1, "flagged": 1}
    assert preview.left_out == {"disputed": 1, "tied": 1, "flagged": 1}
    assert preview.notes == (
        "Votes on the exported pairs that count for neither side or lost: "
        "1 ties, 1 flags, 1 outvoted choices.",
    )
    manifest = export.write(store, format="preference", out=tmp_path / "x", splits={"train": 1})
    rows = [json.loads(line) for line in (tmp_path / "x/train.jsonl").read_text().splitlines()]
    assert [(row["trace_id"], row["rejected_id"]) for row in rows] == [(b, a), (f, e)]
    assert rows[0]["prompt"] == [{"role": "user", "content": "What is 0?"}]
    assert rows[0]["chosen"] == [{"role": "assistant", "content": "Way 1 to 0."}]
    assert rows[0]["rejected"] == [{"role": "assistant", "content": "Way 0 to 0."}]
    assert (rows[0]["teacher"], rows[0]["rejected_teacher"]) == ("t1", "t0")
    assert manifest.record["decisions"]["ids"] == sorted([*ids, newest])  # type: ignore[index]
    assert export.verify_export(tmp_path / "x").broken == []
    assert store.verify().broken == []


def test_a_problem_s_pairs_stand_in_one_split_and_load_as_a_dataset(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    for traces in problems:
        for winner, loser in combinations(traces, 2):
            choose(store, winner, loser, "ada")
    manifest = export.write(
        store, format="preference", out=tmp_path / "x", files="parquet",
        splits={"train": 0.5, "validation": 0.5},
    )  # fmt: skip
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    held = [set(split["problem_id"]) for split in loaded.values()]
    assert not set.intersection(*held)
    # Four problems of three pairs each.
    assert sum(split.num_rows for split in loaded.values()) == sum(manifest.rows.values()) == 12
    assert "pairs of traces" in (tmp_path / "x/README.md").read_text()
    assert export.verify_export(tmp_path / "x").broken == []


def test_a_filter_keeps_pairs_whose_two_traces_pass_it(
    store: Store, problems: list[list[str]]
) -> None:
    a, b, c = problems[0]
    for winner, loser in ((a, b), (b, c), (a, c)):
        choose(store, winner, loser, "ada")
    kept = export.preview(store, format="preference", where="teacher <> 't2'")
    assert kept.states["preferred"] == 1
    assert set(preferences.resolved(store.export_pairs("teacher <> 't2'"))["trace_id"]) == {a}


def test_where_nobody_compared_nothing_is_written(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    choose(store, problems[0][0], problems[0][1], "ada", "skip")
    with pytest.raises(ExportError, match="has a majority .0 preferred, 0 disputed, 1 tied"):
        export.write(store, format="preference", out=tmp_path / "x")
    assert not (tmp_path / "x").exists()
    # A verdict on a trace is none on a pair, and the other way round.
    assert export.preview(store).states["undecided"] == 12
