"""Exports run again: one recipe gives the same bytes, and only what changed is different."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import commands, export
from curation import store as stores
from curation.export import rebuilding
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace
from tests.said import Said

Curate = Callable[..., Said]
unhurried = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

# Surrogates are no text; what ingest does with a NUL is tested where it is read.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
TEXTS = TEXTS.filter(lambda text: bool(text.strip()))
PROMPTS = st.lists(TEXTS, min_size=2, max_size=5, unique=True)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _filled(path: Path, prompts: list[str], texts: list[str]) -> tuple[Store, list[str]]:
    """A store with two accepted traces for each prompt, and their ids."""
    store = stores.open(path)
    traces = {
        trace["trace_id"]: trace
        for prompt in prompts
        for n, text in enumerate(texts)
        for trace in [a_trace(text, prompt=prompt, teacher=f"teacher-{n}")]
    }
    store.add(a_batch(*traces.values()), "in1")
    for trace_id in traces:
        store.decide(a_decision(trace_id))
    return store, list(traces)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _rows(folder: Path) -> dict[str, tuple[str, str]]:
    """The rows of an export by trace: which file, and the line as it stands."""
    return {
        json.loads(line)["trace_id"]: (path.name, line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text("utf-8").split("\n")
        if line
    }


@unhurried
@given(PROMPTS, st.lists(TEXTS, min_size=1, max_size=2, unique=True), st.data())
def test_a_changed_decision_changes_its_own_row_and_no_other(
    prompts: list[str], texts: list[str], data: st.DataObject
) -> None:
    with _folder() as folder:
        store, ids = _filled(folder / "s.duckdb", prompts, texts)
        with store:
            recipe = export.Recipe(seed=data.draw(st.integers(0, 3)))
            one = export.write(store, recipe, out=folder / "one")
            export.write(store, recipe, out=folder / "two")
            assert _bytes(folder / "one") == _bytes(folder / "two")
            changed = data.draw(st.sampled_from(ids))
            stored = store.decide(a_decision(changed, "reject"))
            now = export.write(store, recipe, out=folder / "now").record
            was = one.record
            before, after = _rows(folder / "one"), _rows(folder / "now")
            # The row is gone; a split that this leaves empty may borrow a problem, no row is
            # worded otherwise.
            assert before.keys() - after.keys() == {changed}
            assert after.keys() <= before.keys()
            assert all(after[trace][1] == before[trace][1] for trace in after)
            moved = [trace for trace in after if after[trace][0] != before[trace][0]]
            emptied = {name for name, _ in before.values()} - {
                name for trace, (name, _) in before.items() if trace != changed
            }
            assert not moved or emptied
            assert now["recipe"] == was["recipe"]
            assert now["states"]["rejected"] == 1  # type: ignore[index]
            gone = set(was["decisions"]["ids"]) - set(now["decisions"]["ids"])  # type: ignore[index]
            assert len(gone) == 1
            assert stored.decision_id not in now["decisions"]["ids"]  # type: ignore[index]
            again = rebuilding.compare(rebuilding.read_manifest(folder / "one"), folder / "now")
            assert not again.is_identical
            assert f"states accepted: {len(ids)} -> {len(ids) - 1}" in again.changed
            assert any(line.startswith("rows: 1 gone") for line in again.changed)
            store.undo("ada")
            export.write(store, recipe, out=folder / "back")
            assert _bytes(folder / "one") == _bytes(folder / "back")


@unhurried
@given(PROMPTS, st.lists(TEXTS, min_size=1, max_size=2, unique=True), st.data())
def test_what_is_exported_and_ingested_again_has_lost_nothing(
    prompts: list[str], texts: list[str], data: st.DataObject
) -> None:
    format = data.draw(st.sampled_from(["sft-messages", "sft-prompt-completion"]))
    files = data.draw(st.sampled_from(export.FILE_TYPES))
    with _folder() as folder:
        store, ids = _filled(folder / "s.duckdb", prompts, texts)
        with store:
            written = export.write(store, format=format, files=files, out=folder / "out")
            was = {_said(store, trace_id) for trace_id in ids}
        data_files = [str(folder / "out" / each.path) for each in written.files if each.split]
        with stores.open(folder / "again.duckdb") as again:
            answer = commands.run(
                "ingest",
                again,
                {"sources": data_files, "format": None, "map": None, "max_trace_chars": 10_000},
            )
            assert (answer["rejected"], answer["new"]) == (0, len(ids))
            listed = again.list_traces()["trace_id"].to_list()
            assert {_said(again, trace_id) for trace_id in listed} == was
            assert answer["problems"] == len(prompts)


def _said(store: Store, trace_id: str) -> tuple[str, str, str, str]:
    trace = store.trace(trace_id)
    return trace.prompt, trace.text, trace.teacher, trace.teacher_context


@pytest.fixture
def decided(demo: Path) -> Path:
    """The demo store with six traces accepted."""
    with stores.open(demo) as store:
        for trace_id in store.list_traces()["trace_id"].to_list()[:6]:
            store.decide(a_decision(trace_id))
    return demo


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text('{"splits": {"validation": 0.5, "train": 0.5}, "seed": 1}', "utf-8")
    return path


@pytest.mark.usefixtures("decided")
def test_a_recipe_is_saved_listed_shown_compared_and_exported(
    curate: Curate, tmp_path: Path, recipe_file: Path
) -> None:
    save = ("recipe", "save", "my set", recipe_file, "--reviewer", "ada", "--json")
    saved = curate(*save).json
    assert (saved["number"], saved["is_new"]) == (1, True)
    assert curate(*save).json["is_new"] is False
    recipe_file.write_text('{"splits": {"train": 1}, "seed": 1, "format": "sft-prompt-completion"}')
    assert curate(*save).json["number"] == 2
    (listed,) = curate("recipe", "list", "--json").json["items"]
    assert (listed["name"], listed["n_versions"], listed["author"]) == ("my set", 2, "ada")
    shown = curate("recipe", "show", "my set@1", "--json").json
    assert shown["version_id"] == saved["version_id"]
    assert list(shown["content"]["splits"]) == ["validation", "train"]
    assert [each["number"] for each in shown["versions"]] == [2, 1]
    assert curate("recipe", "diff", "my set@1", "my set", "--json").json["differences"] == [
        "format: sft-messages -> sft-prompt-completion",
        "splits validation: 0.5 -> not named",
        "splits train: 0.5 -> 1",
    ]
    assert "splits train: 0.5 -> 1" in curate("recipe", "diff", "my set@1", recipe_file).out
    answer = curate("export", "--recipe", "my set@v1", "--out", tmp_path / "set", "--json").json
    assert answer["recipe"]["name"] == "my set"
    assert answer["recipe"]["version_id"] == saved["version_id"]
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text("utf-8"))
    assert manifest["recipe"] == answer["recipe"]
    assert export.recipe_from(manifest["recipe"]["content"]).version_id == saved["version_id"]
    assert curate("verify", "--json").json["broken"] == []


@pytest.mark.usefixtures("decided")
def test_flags_and_the_recipe_that_says_the_same_write_the_same_bytes(
    curate: Curate, tmp_path: Path
) -> None:
    flags = ("--format", "sft-messages", "--seed", "3", "--splits", "train=0.5,validation=0.5",
             "--where", "n_chars > 10", "--without-gold")  # fmt: skip
    assert curate("export", *flags, "--out", tmp_path / "flags").code == 0
    (tmp_path / "r.json").write_text(
        json.dumps(
            {
                "seed": 3,
                "splits": {"train": 0.5, "validation": 0.5},
                "where": "(n_chars > 10) and "
                "trace_id not in (select trace_id from current_gold_verdict)",
            }
        ),
        "utf-8",
    )
    said = curate("export", "--recipe", tmp_path / "r.json", "--out", tmp_path / "recipe")
    assert said.code == 0
    assert _bytes(tmp_path / "flags") == _bytes(tmp_path / "recipe")


def test_an_export_is_rebuilt_from_its_manifest_alone_and_held_against_it(
    curate: Curate, decided: Path, tmp_path: Path, recipe_file: Path
) -> None:
    curate("recipe", "save", "mine", recipe_file, "--reviewer", "ada")
    first = curate("export", "--recipe", "mine", "--out", tmp_path / "one", "--json").json
    again = ("export", "--from-manifest", tmp_path / "one" / "manifest.json", "--out")
    same = curate(*again, tmp_path / "two", "--json").json
    assert (same["identical"], same["changed"]) == (True, [])
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")
    said = curate(*again, tmp_path / "one")
    assert "is the earlier export itself" in said.error

    with stores.open(decided) as store:
        ids = store.list_traces()["trace_id"].to_list()
        store.decide(a_decision(ids[0], "reject"))
        store.decide(a_decision(ids[7]))
    other = curate(*again, tmp_path / "three", "--json").json
    assert other["identical"] is False
    # Six were accepted: one of them is rejected now, one more is accepted, so five are the same.
    assert any(line.startswith("decisions: 1 of those behind") for line in other["changed"])
    assert "rows: 1 gone, 1 new; 5 are the same" in other["changed"]
    assert "states rejected: 0 -> 1" in other["changed"]
    assert other["recipe"] == first["recipe"]
    said = curate(*again, tmp_path / "four")
    assert "not the same:" in said.out
    assert "rows: 1 gone, 1 new; 5 are the same" in said.out


@pytest.mark.usefixtures("decided")
def test_a_manifest_of_before_recipes_and_of_other_code_is_rebuilt_too(
    curate: Curate, tmp_path: Path
) -> None:
    curate("export", "--format", "sft-messages", "--seed", "5", "--out", tmp_path / "one")
    path = tmp_path / "one" / "manifest.json"
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    del record["recipe"]
    record["made_by"]["source_sha256"] = "0" * 64
    path.write_text(json.dumps(record), "utf-8")
    answer = curate("export", "--from-manifest", path, "--out", tmp_path / "two", "--json").json
    assert answer["recipe"]["content"]["seed"] == 5
    assert answer["identical"] is False
    assert any(line.startswith("code: Hedgerow's sources") for line in answer["changed"])
    assert any("the earlier manifest does not hold" in line for line in answer["changed"])
    assert not any(line.startswith("rows") for line in answer["changed"])
    shutil.rmtree(tmp_path / "two")
    next((tmp_path / "one").glob("train.*")).unlink()
    answer = curate("export", "--from-manifest", path, "--out", tmp_path / "two", "--json").json
    assert any("cannot be read any more" in line for line in answer["changed"])
