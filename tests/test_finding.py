"""Looking for traces by a condition and by what stands in them."""

from __future__ import annotations

import pytest

from curation.errors import FilterError
from curation.store import Store
from tests.builders import a_batch, a_trace


@pytest.fixture
def ids(store: Store) -> dict[str, str]:
    texts = {"hence": "Hence x = 4.", "so": "So 100 % sure (é).", "wait": "Wait, x might be 5."}
    traces = {
        name: a_trace(text, teacher="oak" if name == "so" else "elm")
        for name, text in texts.items()
    }
    store.add(a_batch(*traces.values()), "i")
    return {name: trace["trace_id"] for name, trace in traces.items()}


@pytest.mark.parametrize(
    ("where", "text", "found"),
    [
        (None, None, ["hence", "so", "wait"]),
        (None, "X = 4", ["hence"]),
        (None, "100 % SURE (É)", ["so"]),
        (None, "what is 2", ["hence", "so", "wait"]),
        (None, "/^(hence|so)/", ["hence", "so"]),
        (None, "/", []),
        ("teacher = 'elm'", None, ["hence", "wait"]),
        ("teacher = 'elm'", "/x\\s*=/", ["hence"]),
        ("state = 'undecided'", " ", ["hence", "so", "wait"]),
    ],
)
def test_a_search_finds_what_meets_both(
    store: Store, ids: dict[str, str], where: str | None, text: str | None, found: list[str]
) -> None:
    assert store.find(where, text) == [ids[name] for name in found]


def test_what_cannot_be_looked_for_is_explained(store: Store) -> None:
    with pytest.raises(FilterError, match="no regular expression"):
        store.find(None, "/(/")
    with pytest.raises(FilterError, match="colour"):
        store.find("colour = 'red'", "x")


def test_settings_of_one_kind_are_listed_and_forgotten(store: Store) -> None:
    store.set_setting("view/b", "2")
    store.set_setting("view/a", "1")
    store.set_setting("viewer", "3")
    assert store.settings("view/") == {"a": "1", "b": "2"}
    store.forget_setting("view/a")
    store.forget_setting("view/none")
    assert store.settings("view/") == {"b": "2"}
