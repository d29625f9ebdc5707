"""The Lexicon page: an effect is seen before it is stored, and what is stored can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import lexicons
from curation import store as stores
from curation.hedging.changes import Change
from curation.hedging.versions import read_content
from curation.settings import ROOT
from tests.builders import a_batch, a_trace

GERMAN = "Vielleicht sind es vier Kugeln, aber ich bin mir nicht sicher. Ich prüfe es nochmal."


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with three traces, marked: two in English, one in German."""
    path = tmp_path / "hedgerow.duckdb"
    with stores.open(path) as store:
        traces = [a_trace(text) for text in ("Maybe <b>4</b>, maybe 5.", "It is 4.", GERMAN)]
        store.add(a_batch(*traces), "i")
        lexicons.mark_pending(store)
    return path


def opened() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/7_Lexicon.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.caption, app.text, app.info, app.warning, app.error, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_what_a_change_would_do_is_shown_and_nothing_is_stored(path: Path) -> None:
    app = opened()
    assert "Not counted: 1, in a language without a lexicon" in said(app)
    assert "(de 1)" in said(app)
    app.selectbox(key="lexicon_action").set_value("silence")
    app.text_input(key="lexicon_phrase").set_value("maybe").run()
    assert not app.exception
    # "Maybe <b>4</b>, maybe 5.": both go, in one trace.
    assert metrics(app)["Traces that change"] == "1"
    assert (metrics(app)["Markers that come"], metrics(app)["Markers that go"]) == ("0", "2")
    assert app.button(key="lexicon_store").disabled
    assert "Say why" in said(app)
    (examples,) = [
        element.value for element in app.dataframe if "would be" in element.value.columns
    ]
    assert examples["marker"].to_list() == ["Maybe"]
    assert examples["after"].to_list() == [" <b>4</b>, maybe 5."]
    st.cache_resource.clear()
    with stores.open(path) as store:
        assert store.lexicon_changes() == []


def test_a_change_is_stored_with_name_and_reason_and_withdrawn(path: Path) -> None:
    app = opened()
    before = app.code[0].value
    app.selectbox(key="lexicon_action").set_value("silence")
    app.text_input(key="lexicon_phrase").set_value("maybe")
    app.text_input(key="lexicon_why").set_value("a habit, here").run()
    app.button(key="lexicon_store").click().run()
    assert not app.exception
    assert app.code[0].value != before
    assert app.text_input(key="lexicon_phrase").value == ""
    app.text_input(key="lexicon_withdraw_why").set_value("it is none").run()
    app.button(key="lexicon_withdraw").click().run()
    assert not app.exception
    assert app.code[0].value == before
    st.cache_resource.clear()
    with stores.open(path) as store:
        log = store.lexicon_changes()
        assert [(r["action"], r["phrase"], r["who"], r["why"]) for r in log] == [
            ("silence", "maybe", "reviewer", "a habit, here"),
            ("withdraw", None, "reviewer", "it is none"),
        ]


def test_a_change_that_does_not_fit_says_why_and_cannot_be_stored(path: Path) -> None:
    app = opened()
    app.text_input(key="lexicon_phrase").set_value("maybe")
    app.text_input(key="lexicon_why").set_value("more").run()
    assert "'maybe' is hedge already" in said(app)
    assert not [button for button in app.button if button.key == "lexicon_store"]


def test_an_earlier_version_is_one_click_away(path: Path) -> None:
    with stores.open(path) as store:
        first = store.current_lexicons()["en"]
        wished = Change("silence", "maybe", why="w", who="ada")
        lexicons.change(store, "en", [wished])
        lexicons.mark_pending(store)
    app = opened()
    assert app.code[0].value != first
    app.selectbox(key="lexicon_use").set_value(first)
    app.text_input(key="lexicon_use_why").set_value("as published").run()
    app.button(key="lexicon_use_it").click().run()
    assert not app.exception
    assert app.code[0].value == first


def test_the_entries_are_searched_and_counted(path: Path) -> None:
    app = opened()
    app.text_input(key="lexicon_search").set_value("maybe hedge strong classes").run()
    (entries,) = [element.value for element in app.dataframe if "n_found" in element.value.columns]
    assert entries["phrase"].to_list() == ["maybe"]
    assert entries["n_found"].to_list() == [2]


def test_a_language_that_was_brought_in_is_chosen_by_a_link_and_goes_when_it_is_withdrawn(
    path: Path,
) -> None:
    table = "phrase\tcategory\tstrength\trule\twhy\tsource\nvielleicht\thedge\tstrong\t\tx\town\n"
    with stores.open(path) as store:
        german = read_content(table, "de", "ours.tsv")
        lexicons.take_in(store, german, why="ours", who="ada")
        lexicons.mark_pending(store)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.query_params["lexicon_language"] = "de"
    app.run()
    app.switch_page("pages/7_Lexicon.py").run()
    app.selectbox(key="lexicon_language").set_value("de").run()
    assert not app.exception
    assert app.code[0].value == german.lexicon_id
    assert "Not counted" not in said(app)
    app.text_input(key="lexicon_withdraw_why").set_value("no more").run()
    app.button(key="lexicon_withdraw").click().run()
    assert not app.exception
    assert app.selectbox(key="lexicon_language").options == ["en"]
    assert "Not counted: 1" in said(app)
