"""A recipe's selection and benchmarks, from the store's rows to the manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from curation import export
from curation.errors import ExportError
from curation.export import choosing
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace
from tests.test_export import FakeStore, a_row

LONG = [f"word{i}" for i in range(60)]


def a_prompt(changed: int | None = None) -> str:
    return " ".join("other" if i == changed else word for i, word in enumerate(LONG))


def many(n: int = 40) -> FakeStore:
    """`n` problems of two traces each; the prompts of the first twenty are near duplicates."""
    return FakeStore(
        [
            a_row(
                i,
                problem=i % n,
                prompt=a_prompt(2 * (i % n)) if i % n < 20 else f"What is the root of {i % n}?",
                text=f"trace {i} about {i % n}",
                teacher="a" if i < n else "b",
            )
            for i in range(2 * n)
        ]
    )


def written(store: Any, out: Path, **options: Any) -> tuple[export.Manifest, dict[str, list[Any]]]:
    """The manifest, and the rows by split."""
    manifest = export.write(store, export.recipe_from(options), out=out)
    rows: dict[str, list[Any]] = {split: [] for split in manifest.rows}
    for each in manifest.files:
        if each.split is not None:
            lines = (out / each.path).read_bytes().splitlines()
            rows[each.split] += [orjson.loads(line) for line in lines]
    return manifest, rows


HALVES = {"train": 0.5, "validation": 0.5}


def test_problems_of_near_duplicate_prompts_stand_in_one_split_unless_asked_otherwise(
    tmp_path: Path,
) -> None:
    near = {row["problem_id"] for row in many().frame.to_dicts()[:20]}
    shown = export.preview(many(), splits=HALVES)
    assert any("20 problems of near-duplicate prompts stand in 1 group" in n for n in shown.notes)
    assert any("raise selection.threshold" in note for note in shown.notes)
    _, rows = written(many(), tmp_path / "a", splits=HALVES)
    assert sorted(len(near & {row["problem_id"] for row in of}) for of in rows.values()) == [0, 20]
    _, rows = written(many(), tmp_path / "b", splits=HALVES, selection={"group": "problem"})
    # Twenty problems fall into one half all alike with probability 2 ** -19; the seed is fixed.
    assert all(near & {row["problem_id"] for row in of} for of in rows.values())


def test_neither_a_decision_nor_a_filter_moves_a_problem(tmp_path: Path) -> None:
    everything = many()
    _, before = written(everything, tmp_path / "a", splits=HALVES)
    where = {row["problem_id"]: split for split, of in before.items() for row in of}
    fewer = many()
    # The first problem, after which the group is named, is not accepted any more.
    first = pl.col("problem_id") == fewer.frame["problem_id"][0]
    fewer.frame = fewer.frame.with_columns(
        state=pl.when(first).then(pl.lit("rejected")).otherwise("state")
    )
    _, after = written(fewer, tmp_path / "b", splits=HALVES, where="teacher = 'b'")
    assert all(where[row["problem_id"]] == split for split, of in after.items() for row in of)
    assert sum(map(len, after.values())) == 39


def test_what_each_rule_leaves_out_is_counted_and_adds_up(tmp_path: Path) -> None:
    selection = {"per_problem": 1, "quota": {"column": "teacher", "shares": {"a": 0.8, "b": 0.2}}}
    manifest, rows = written(many(), tmp_path / "a", selection=selection)
    teachers = [row["teacher"] for of in rows.values() for row in of]
    # 80 traces of 40 problems: 40 beyond one a problem. Twenty of each teacher are left, so 20 of
    # `a` at 0.8 make a set of 25 with 5 of `b`.
    assert (teachers.count("a"), teachers.count("b")) == (20, 5)
    assert manifest.record["left_out"] == {
        "beyond 1 a problem": 40,
        "beyond the quota on teacher": 15,
    }
    options: Any = manifest.record["options"]
    assert options["selection"]["per_problem"] == 1
    again, _ = written(many(), tmp_path / "b", selection=selection)
    assert [each.sha256 for each in again.files] == [each.sha256 for each in manifest.files]


def test_a_selection_that_leaves_nothing_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="leaves none of 80 rows .80 longer than 3 chars"):
        export.write(many(), out=tmp_path / "a", selection={"max_chars": 3})
    assert list(tmp_path.iterdir()) == []


def test_one_of_each_cluster_of_duplicate_texts_goes_out(tmp_path: Path) -> None:
    store = FakeStore([a_row(i, text=f"Said {i // 4}." + " " * (i % 4)) for i in range(12)])
    manifest, rows = written(store, tmp_path / "a", selection={"duplicates": "exact"})
    assert sum(map(len, rows.values())) == 3
    assert manifest.record["left_out"] == {"an exact duplicate of a trace that goes out": 9}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks are named from the project's folder on."""
    monkeypatch.setattr(choosing, "ROOT", tmp_path)


def a_benchmark(folder: Path, *texts: str) -> Path:
    path = folder / "bench.jsonl"
    path.write_text("".join(json.dumps({"question": text}) + "\n" for text in texts))
    return path


def test_rows_in_a_benchmark_are_left_out_and_the_manifest_says_how(tmp_path: Path) -> None:
    path = a_benchmark(tmp_path, "Something else", a_prompt(), "what is the root of 30?")
    manifest, rows = written(
        many(), tmp_path / "a", contamination={"benchmarks": [{"path": "bench.jsonl"}]}
    )
    # The twenty near prompts (runs of 13, MinHash) and the one alike, of two traces each.
    assert sum(map(len, rows.values())) == 80 - 42
    assert manifest.record["left_out"] == {"found in a benchmark": 42}
    said: Any = manifest.record["contamination"]
    (bench,) = said["benchmarks"]
    assert bench == {
        "name": "bench.jsonl",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "field": "question",
        "lines": 3,
        "traces": 42,
        "traces_by_method": {"exact": 2, "ngram": 40, "minhash": 42},
    }
    assert str(tmp_path) not in (tmp_path / "a" / "manifest.json").read_text()
    assert export.verify_export(tmp_path / "a").broken == []


def test_rows_in_a_benchmark_can_be_kept_and_are_told_of(tmp_path: Path) -> None:
    a_benchmark(tmp_path, "what is the root of 30?")
    shown = export.preview(
        many(), contamination={"benchmarks": [{"path": "bench.jsonl"}], "exclude": False}
    )
    assert sum(shown.rows.values()) == 80
    assert any(note.startswith("2 rows found in a benchmark, and exp") for note in shown.notes)


def test_pairs_are_found_by_what_they_reject_too(tmp_path: Path) -> None:
    store = FakeStore([a_row(i, text=" ".join(LONG) if i == 0 else f"{i}") for i in range(5)])
    a_benchmark(tmp_path, "Not: " + " ".join(LONG[:11]) + " and more")
    shown = export.preview(
        store, format="preference", contamination={"benchmarks": [{"path": "bench.jsonl"}]}
    )
    # 14 words; `not word0 … word10` are 12 of them, too short a run: nothing is found.
    assert shown.left_out == {}
    a_benchmark(tmp_path, "Not: " + " ".join(LONG[:12]) + " and more")
    shown = export.preview(
        store, format="preference", contamination={"benchmarks": [{"path": "bench.jsonl"}]}
    )
    assert shown.left_out == {"found in a benchmark": 1}


def test_two_benchmarks_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "other"):
        a_benchmark(folder, "a")
    files = [{"path": "bench.jsonl"}, {"path": "other/bench.jsonl"}]
    with pytest.raises(ExportError, match=r"Two benchmarks are called 'bench\.jsonl'"):
        export.preview(many(), contamination={"benchmarks": files})


@pytest.mark.parametrize("path", ["/data/bench.jsonl", "~/bench.jsonl", " "])
def test_a_recipe_names_no_machine(path: str) -> None:
    with pytest.raises(ExportError, match="from the project's folder on"):
        export.recipe_from({"contamination": {"benchmarks": [{"path": path}]}})


def test_a_store_answers_with_prompts_scores_and_difficulty(tmp_path: Path) -> None:
    traces = [
        a_trace(f"Trace {i} of {problem}.", prompt=f"What is {problem} + {problem}?",
                is_correct=problem == 0 or i == 0)
        for problem in range(2) for i in range(4)
    ]  # fmt: skip
    with Store(tmp_path / "s.duckdb") as store:
        store.add(a_batch(*traces), "in1")
        for trace in traces:
            store.decide(a_decision(trace["trace_id"]))
        prompts = store.export_prompts().sort("position")
        assert prompts["prompt"].to_list() == ["What is 0 + 0?", "What is 1 + 1?"]
        assert store.export_columns(["n_tokens", "nothing"]).columns == ["trace_id", "n_tokens"]
        # 4 of 4 right is too easy, 1 of 4 is on the frontier: a stratum each.
        shown = export.preview(
            store, selection={"stratify": ["difficulty"], "quota": {
                "column": "difficulty", "counts": {"frontier": 3},
            }},
        )  # fmt: skip
        assert shown.left_out == {"beyond the quota on difficulty": 1}
        assert sum(shown.rows.values()) == 7
        with pytest.raises(ExportError, match="No accepted trace has a value of 'rsr'"):
            export.preview(store, selection={"best_of": {"by": "rsr"}})
        with pytest.raises(ExportError, match=r"choose best_of\.order yourself"):
            export.preview(store, selection={"best_of": {"by": "n_tokens"}})
        with pytest.raises(ExportError, match="none of that name"):
            export.preview(store, selection={"stratify": ["nothing"]})
        with pytest.raises(ExportError, match="cannot stratify by 'rsr'"):
            export.preview(store, selection={"stratify": ["rsr"]})
