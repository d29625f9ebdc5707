"""Bad recipes: each is refused in words, through every way in, and nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from curation import commands, export, export_recipes
from curation import store as stores
from curation.errors import CurationError
from curation.store import Store
from tests.builders import a_decision
from tests.said import Said, contents, files

Curate = Callable[..., Said]

BAD: dict[str, tuple[str, str]] = {
    "no JSON": ("format: sft", "recipe.json:1:1 is no JSON.*a recipe is a JSON object such as"),
    "cut short": ('{"seed": 1', "recipe.json:1:11 is no JSON"),
    "empty": ("", "is no JSON"),
    "a list": ("[1]", r"holds \[1\]; a recipe is a JSON object, whose fields are format, where"),
    "a text": ('"sft"', 'holds "sft"; a recipe is a JSON object'),
    "too deep": ("[" * 100_000, "nested too deeply"),
    "twice": ('{"seed": 1, "seed": 2}', "names the field 'seed' twice; each is given once"),
    "split twice": ('{"splits": {"a": 0.5, "a": 0.5}}', "names the field 'a' twice"),
    "unknown key": ('{"filter": "true"}', "there is no field 'filter'.*there are format, where"),
    "misspelt key": ('{"splts": {"train": 1}}', "no field 'splts'.*did you mean 'splits'"),
    "a place": ('{"out": "/tmp/x"}', "there is no field 'out'"),
    "no format": ('{"format": "sft"}', "no format 'sft'; choose one of sft-messages"),
    "format null": ('{"format": null}', "format is null, expected a valid string"),
    "file type": ('{"files": "csv"}', "no file type 'csv'; choose jsonl or parquet"),
    "files a list": ('{"files": ["jsonl"]}', r"no file type \['jsonl'\]"),
    "seed a text": ('{"seed": "3"}', 'seed is "3", expected a valid integer'),
    "seed a switch": ('{"seed": true}', "seed is true, expected a valid integer"),
    "seed broken": ('{"seed": 1.5}', "seed is 1.5, expected a valid integer"),
    "filter a number": ('{"where": 3}', "where is 3, expected a valid string"),
    "question": ('{"question": "leak"}', "question 'leak'; verdicts on 'train' are what is"),
    "no split": ('{"splits": {}}', "No split is named; name at least one"),
    "splits a list": ('{"splits": [1]}', r"splits is \[1\], expected an object"),
    "share a text": ('{"splits": {"train": "all"}}', 'splits.train is "all", expected a valid num'),
    "share null": ('{"splits": {"train": null}}', "splits.train is null, expected a valid number"),
    "too little": ('{"splits": {"train": 0.5}}', "add up to 0.5; they must add up to 1"),
    "share of none": ('{"splits": {"train": 1, "x": 0}}', "'x' has the share 0.0; give a number"),
    "negative": ('{"splits": {"train": 2, "x": -1}}', "'x' has the share -1.0"),
    "no number": ('{"splits": {"train": NaN}}', "'train' has the share nan"),
    "split a path": ('{"splits": {"../x": 1}}', "'../x' cannot name a split: use 1 to 40"),
    "listed twice": (
        '{"splits": [{"name": "a", "share": 0.5}, {"name": "a", "share": 0.5}]}',
        "name one twice",
    ),
    "unknown column": ('{"where": "colour = 1"}', "colour.*The columns: .*teacher_context"),
    "no condition": ('{"where": "teacher ="}', "is no SQL condition"),
    "a second statement": ('{"where": "true); drop table trace; --"}', "filter"),
    "writes": ('{"where": "(delete from trace returning 1)"}', "is no SQL condition"),
    "copies": ('{"where": "(copy trace to \'/tmp/stolen\')"}', "is no SQL condition"),
    "reads a file": (
        '{"where": "exists (from read_text(\'/etc/hostname\'))"}',
        "cannot be run.*file system operations are disabled",
    ),
    "attaches": ('{"where": "true; attach \'/tmp/x.duckdb\'"}', "filter"),
    "contradicts itself": (
        "{\"where\": \"teacher_context = 'answer' and teacher_context = 'hint'\"}",
        "nothing to export: no trace passes the filter",
    ),
    "wants no state there is": ('{"where": "state = \'rejected\'"}', "nothing to export"),
    "makes pairs of nothing": ('{"format": "preference"}', "no pair has a majority"),
}
FOUND_ONLY_BY_LOOKING = {"contradicts itself", "wants no state there is", "makes pairs of nothing"}
"""Recipes that make sense and meet nothing: they may be saved, since traces come and go."""


@pytest.fixture
def decided(demo: Path) -> Path:
    """A store in which one trace is accepted."""
    with stores.open(demo) as store:
        store.decide(a_decision(store.list_traces()["trace_id"][0]))
    return demo


@pytest.mark.parametrize("name", BAD)
def test_a_bad_recipe_is_refused_in_words_and_nothing_is_written(
    curate: Curate, decided: Path, tmp_path: Path, name: str
) -> None:
    text, says = BAD[name]
    recipe = tmp_path / "recipe.json"
    recipe.write_text(text, "utf-8")
    before, there = contents(decided), files(tmp_path)
    ways: list[tuple[object, ...]] = [("export", "--recipe", recipe, "--out", tmp_path / "set")]
    if name not in FOUND_ONLY_BY_LOOKING:
        ways.append(("recipe", "save", "mine", recipe, "--reviewer", "ada"))
    for words in ways:
        said = curate(*words)
        assert said.code == 1
        _matches(says, said.error)
    assert files(tmp_path) == there
    assert contents(decided) == before


@pytest.mark.parametrize("name", BAD)
def test_the_library_refuses_it_as_the_command_line_does(decided: Path, name: str) -> None:
    text, says = BAD[name]

    def use(store: Store) -> None:
        recipe = export.read_recipe(text, "recipe.json")
        commands.run("export", store, {"recipe": recipe, "out": decided.with_name("set")})

    with stores.open(decided) as store, pytest.raises(CurationError) as refused:
        use(store)
    _matches(says, str(refused.value))
    assert not decided.with_name("set").exists()


def _matches(pattern: str, text: str) -> None:
    assert re.search(pattern, " ".join(text.split())), text


def test_a_recipe_is_no_recipe_that_cannot_be_found(
    curate: Curate, decided: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    said = curate("export", "--recipe", tmp_path / "none.json", "--out", out)
    assert "cannot be read: No such file" in said.error
    said = curate("export", "--recipe", "mine", "--out", out)
    assert "No recipe is called 'mine'; none is saved yet" in said.error
    said = curate("export", "--from-manifest", tmp_path / "manifest.json", "--out", out)
    assert "name the manifest.json of an export" in said.error
    (tmp_path / "manifest.json").write_text("[]", "utf-8")
    said = curate("export", "--from-manifest", tmp_path / "manifest.json", "--out", out)
    assert "is no manifest of an export" in said.error
    latin = tmp_path / "latin.json"
    latin.write_bytes('{"where": "é"}'.encode("latin-1"))
    assert "is not UTF-8" in curate("recipe", "diff", latin, latin).error
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--recipe", "a", "--seed", "3"), "leave --seed out"),
        (("--recipe", "a", "--where", "true", "--without-gold"), "leave --where, --without-gold"),
        (("--from-manifest", "m", "--files", "parquet"), "leave --files out"),
        (("--recipe", "a", "--format", "sft-messages"), "not allowed with"),
        ((), "one of the arguments --format --recipe --from-manifest is required"),
    ],
)
def test_two_ways_to_say_what_is_exported_are_wrong_use(
    curate: Curate, decided: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    said = curate("export", *words, "--out", tmp_path / "set")
    assert said.code == 2
    assert says in said.error


def test_json_that_is_read_back_is_the_recipe_that_was_written() -> None:
    text = json.dumps({"splits": {"validation": 0.25, "train": 0.75}, "seed": 4})
    recipe = export.read_recipe(text, "r")
    again = export.read_recipe(export_recipes.pretty(recipe), "r")
    assert again == recipe
    assert list(again.splits) == ["validation", "train"]
    assert again.version_id == recipe.version_id
