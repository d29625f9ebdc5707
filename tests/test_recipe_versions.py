"""Recipes as versions: one text for one meaning, differences in words, nothing saved is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import store as stores
from curation.errors import StoreError
from curation.export import versions
from curation.records import recipe_version_id
from curation.store import Store

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
CONTENTS = st.dictionaries(st.text("abcs", max_size=3), VALUES, max_size=5)


def _shuffled(value: Any) -> Any:
    """The same JSON with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {name: _shuffled(value[name]) for name in reversed(value)}
    return [_shuffled(each) for each in value] if isinstance(value, list) else value


@unhurried
@given(CONTENTS)
def test_a_version_does_not_hang_on_the_order_in_which_fields_were_written(
    content: dict[str, Any],
) -> None:
    text = versions.canonical(content)
    assert versions.canonical(_shuffled(content)) == text
    assert json.loads(text) == content


def test_the_order_of_the_splits_is_part_of_a_version() -> None:
    one = {"splits": {"train": 0.5, "validation": 0.5}}
    other = {"splits": {"validation": 0.5, "train": 0.5}}
    assert versions.canonical(one) == '{"splits":{"train":0.5,"validation":0.5}}'
    assert versions.canonical(one) != versions.canonical(other)
    assert [str(each) for each in versions.differences(one, other)] == [
        "order of splits: train, validation -> validation, train"
    ]


@unhurried
@given(CONTENTS, CONTENTS)
def test_two_recipes_differ_in_words_exactly_where_they_differ(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    is_same = versions.canonical(one) == versions.canonical(other)
    assert (versions.differences(one, other) == []) == is_same


def test_differences_are_told_field_by_field() -> None:
    was = {
        "where": None,
        "splits": {"train": 0.9, "validation": 0.1},
        "selection": {"max_per_problem": None, "drop": False, "bands": ["a"]},
    }
    now = {
        "where": "domain = 'algebra'",
        "splits": {"train": 0.8, "validation": 0.1, "test": 0.1},
        "selection": {"max_per_problem": 2, "drop": True, "bands": []},
        "seed": 0,
    }
    assert [str(each) for each in versions.differences(was, now)] == [
        "where: none -> domain = 'algebra'",
        "splits train: 0.9 -> 0.8",
        "splits test: not named -> 0.1",
        "selection max_per_problem: none -> 2",
        "selection drop: no -> yes",
        "selection bands: a -> none",
        "seed: not named -> 0",
    ]


def test_saving_appends_a_version_and_the_same_again_appends_none(store: Store) -> None:
    first = store.save_export_recipe(" my set ", '{"seed":0}', "ada")
    again = store.save_export_recipe("my set", '{"seed":0}', "bo")
    second = store.save_export_recipe("my set", '{"seed":1}', "bo")
    back = store.save_export_recipe("my set", '{"seed":0}', "bo")
    assert (first.number, first.is_new, first.author) == (1, True, "ada")
    assert (again.number, again.is_new, again.author) == (1, False, "ada")
    assert (second.number, back.number) == (2, 3)
    assert back.version_id == first.version_id == recipe_version_id('{"seed":0}')
    log = store.export_recipe_log("my set")
    assert log["number"].to_list() == [3, 2, 1]
    assert log["author"].to_list() == ["bo", "bo", "ada"]
    (listed,) = store.export_recipes().to_dicts()
    assert (listed["n_versions"], listed["author"]) == (3, "bo")
    assert store.verify().broken == []


def test_a_version_is_opened_by_number_by_id_and_by_how_its_id_begins(store: Store) -> None:
    first = store.save_export_recipe("a", '{"seed":0}', "ada")
    store.save_export_recipe("a", '{"seed":1}', "ada")
    store.save_export_recipe("b", '{"seed":7}', "ada")
    assert store.export_recipe("a").content == '{"seed":1}'
    for version in ("1", "v1", first.version_id, first.version_id[:10]):
        assert store.export_recipe("a", version).content == '{"seed":0}'
    for version in ("0", "3", "er1_", "er1", "x", "", "v"):
        with pytest.raises(StoreError, match="has 2 versions, and .* is none of them"):
            store.export_recipe("a", version)
    with pytest.raises(StoreError, match="No recipe is called 'c'; there are a, b"):
        store.export_recipe("c")


@pytest.mark.parametrize(
    "name", ["", " ", "../x", "a/b", "a@2", "-x", "x" * 61, "a\nb", "<b>", "a\u202eb"]
)
def test_a_name_that_could_be_taken_for_a_path_or_a_version_is_refused(
    store: Store, name: str
) -> None:
    with pytest.raises(StoreError, match="cannot name a recipe"):
        store.save_export_recipe(name, "{}", "ada")
    with pytest.raises(StoreError, match="the name of who saves it"):
        store.save_export_recipe("a", "{}", " ")
    assert store.export_recipes().height == 0


def test_verify_finds_a_recipe_that_was_changed_behind_the_stores_back(tmp_path: Path) -> None:
    with stores.open(tmp_path / "s.duckdb") as store:
        store.save_export_recipe("a", '{"seed":0}', "ada")
        store.save_export_recipe("b", '{"seed":1}', "ada")
        with store._writing() as cursor:
            cursor.execute("update export_recipe set content = '{}' where name = 'a'")
            cursor.execute("update export_recipe set author = 'bo' where name = 'b'")
        first, second = store.verify().broken
    assert "recipe a" in first
    assert "its text hashes to" in first
    assert "does not say who saved it" in second
