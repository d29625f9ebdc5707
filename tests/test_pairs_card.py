"""What the desk for pairs hands to the browser, without a browser, and what its page says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import store as stores
from curation.desk import pairs
from curation.errors import CurationError
from curation.pairing import place_of
from curation.records import PREFER, pair_of
from curation.settings import ROOT
from curation.store import Store
from tests.builders import a_batch, a_decision, a_pack, a_trace

STUDENT = "smollm2-135m-instruct"


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def two(store: Store) -> tuple[str, str]:
    """A pair: one trace with an emoji before its second step, and one whose steps stand apart."""
    one = a_trace("🙂 sum it up.\nSo it is four.", step_start=[0, 13], step_end=[12, 27])
    other = a_trace("Wait.\nSo it is four.", teacher_context="solution", step_start=[0, 6],
                    step_end=[5, 20])  # fmt: skip
    store.add(a_batch(one, other), "i")
    store.add_pack(a_pack([one]), "cv1_a", STUDENT, {}, "p")
    return one["trace_id"], other["trace_id"]


def test_a_card_holds_both_sides_in_utf16_and_the_links_between_their_steps(store: Store) -> None:
    one, other = two(store)
    pair = pair_of(one, other)
    card = cast(Any, pairs.build_card(store, STUDENT, "ada", place_of(pair), one, "pair 1 of 1"))
    assert (card["trace_id"], card["question"]) == (pair[0], PREFER + pair[1])
    assert [side["trace_id"] for side in card["sides"]] == [one, other]
    # The emoji is one code point and two UTF-16 units: everything behind it moves by one.
    assert card["sides"][0]["steps"] == [[0, 13], [14, 28]]
    assert card["links"] == [[0, 1, [[1, 1]]]]
    assert card["sides"][1]["about"]["context"]["name"] == "solution"
    assert [line[0] for line in card["sides"][0]["about"]["numbers"]][:2] == ["tokens", "mean NLL"]
    assert card["sides"][1]["about"]["numbers"] == []
    assert (card["mine"], card["was_revealed"]) == (None, False)


def test_a_chosen_pair_stands_as_it_stood_when_it_was_chosen(store: Store) -> None:
    one, other = two(store)
    pair = pair_of(one, other)
    store.decide(
        a_decision(pair[0], question=PREFER + pair[1], extra={"left": other}, revealed=True)
    )
    card = cast(Any, pairs.build_card(store, STUDENT, "ada", place_of(pair), one, None))
    assert [side["trace_id"] for side in card["sides"]] == [other, one]
    assert (card["mine"]["left"], card["was_revealed"]) == (other, True)
    # Another person's card knows nothing of it.
    bob = cast(Any, pairs.build_card(store, STUDENT, "bob", place_of(pair), one, None))
    assert (bob["mine"], bob["was_revealed"]) == (None, False)
    with pytest.raises(CurationError, match="names no pair"):
        pairs.build_card(store, STUDENT, "ada", "nonsense", one, None)


def _page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/8_Compare.py").run()


def _links(app: AppTest) -> dict[str, tuple[str, str]]:
    """Label -> (page, query) of every link on the page."""
    found = [link.proto for link in app.get("page_link")]
    return {link.label: (link.page, link.query_string) for link in found}


def test_the_page_says_where_nothing_can_be_compared(tmp_path: Path) -> None:
    with stores.open(tmp_path / "hedgerow.duckdb") as store:
        store.add(a_batch(a_trace("Alone.")), "i")
    app = _page()
    assert not app.exception
    assert "No pair here. Two traces of one problem" in app.info[0].value
    assert "Ingest traces" in _links(app)


def test_an_empty_store_leads_to_ingest() -> None:
    app = _page()
    assert not app.exception
    assert "nothing to compare yet" in app.info[0].value
    assert "Ingest traces" in _links(app)


def test_a_rule_without_a_pair_says_what_makes_one_and_leads_to_the_others(tmp_path: Path) -> None:
    with stores.open(tmp_path / "hedgerow.duckdb") as store:
        store.add(a_batch(*(a_trace(f"Text {n}.", sample_index=n) for n in range(3))), "i")
    app = _page(pairs_kind="teachers")
    assert not app.exception
    assert "by two teachers" in app.info[0].value
    links = _links(app)
    # Three traces of one teacher: 3 pairs of any kind, none by context or refined.
    assert links["Any two traces: 3 pairs"] == ("Compare", "pairs_kind=any")
    assert not [label for label in links if label.startswith(("Same teacher", "Original"))]


def test_guidelines_are_written_beside_the_desk_for_pairs_too(tmp_path: Path) -> None:
    with stores.open(tmp_path / "hedgerow.duckdb") as store:
        two(store)
    app = _page(guidelines="edit", pairs_seed="3")
    assert not app.exception
    assert _links(app)["Back to the desk"] == ("Compare", "pairs_seed=3")


def test_the_page_says_what_is_wrong_with_its_link(tmp_path: Path) -> None:
    with stores.open(tmp_path / "hedgerow.duckdb") as store:
        traces = [a_trace("Alone."), a_trace("Elsewhere.", prompt="What else?")]
        store.add(a_batch(*traces), "i")
    app = _page(left=traces[0]["trace_id"], right=traces[1]["trace_id"])
    assert not app.exception
    assert "traces of different problems" in app.error[0].value
