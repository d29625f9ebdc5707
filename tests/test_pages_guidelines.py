"""Guidelines and reasons are written on the Review page, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import guidance
from curation import store as stores
from curation.settings import ROOT
from tests.builders import a_batch, a_trace


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the settings of a test put the store."""
    path = tmp_path / "hedgerow.duckdb"
    with stores.open(path) as store:
        store.add(a_batch(a_trace("It is 4.")), "i")
    return path


def _editor() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/3_Review.py")
    app.query_params["guidelines"] = "edit"
    app.run()
    assert not app.exception
    return app


def test_guidelines_are_written_and_an_earlier_version_comes_back(path: Path) -> None:
    app = _editor()
    app.text_area(key="guidelines_text_None").set_value("Reject *leaks*.").run()
    app.button(key="guidelines_store").click().run()
    assert [element.value.replace("\\", "") for element in app.success] == [
        "The guidelines are in force."
    ]
    (area,) = app.text_area
    assert area.value == "Reject *leaks*."
    area.set_value("Accept all.").run()
    app.button(key="guidelines_store").click().run()
    app.selectbox(key="guidelines_version").select_index(1).run()
    assert [block.value for block in app.code] == ["Reject *leaks*."]
    app.button(key="guidelines_again").click().run()
    assert not app.exception
    st.cache_resource.clear()
    with stores.open(path) as store:
        assert guidance.in_force(store).text == "Reject *leaks*."
        assert store.guideline_log().height == 3


def test_reasons_are_reordered_retired_worded_and_added_in_one_step(path: Path) -> None:
    app = _editor()
    app.number_input(key="reason_place_other_None").set_value(1)
    app.text_input(key="reason_label_unclear_None").set_value("Hard to follow")
    app.checkbox(key="reason_use_leak_None").set_value(False)
    app.text_input(key="reason_new_label_None").set_value("Skips a case")
    app.button(key="reasons_store").click().run()
    assert not app.exception
    assert [element.value.replace("\\", "") for element in app.success] == [
        "The reasons are in force."
    ]
    st.cache_resource.clear()
    with stores.open(path) as store:
        now = guidance.in_force(store)
    assert [(reason.code, reason.label) for reason in now.reasons if not reason.is_retired] == [
        ("other", "Other: see note"), ("wrong_answer", "Wrong answer"),
        ("wrong_step", "Wrong step"), ("unearned", "Unearned leap"),
        ("overconfident", "Overconfident"), ("rambling", "Rambling"),
        ("unclear", "Hard to follow"), ("format", "Bad format"), ("skips_a_case", "Skips a case"),
    ]  # fmt: skip
    assert [reason.code for reason in now.reasons if reason.is_retired] == ["leak"]


def test_what_cannot_be_is_explained_and_nothing_is_stored(path: Path) -> None:
    app = _editor()
    app.text_input(key="reason_new_label_None").set_value("A tenth")
    app.button(key="reasons_store").click().run()
    assert "10 reasons would be in use" in app.error[0].value
    assert not app.exception
    st.cache_resource.clear()
    with stores.open(path) as store:
        assert store.guideline_log().height == 0


def test_the_link_beside_the_desk_leads_to_the_editor_and_back(path: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/3_Review.py")
    app.query_params["queue"] = "random"
    app.run()
    links = {link.proto.label: link.proto.query_string for link in app.get("page_link")}
    assert links["Guidelines and reasons"] == "queue=random&guidelines=edit"
    app.query_params["guidelines"] = "edit"
    app.run()
    links = {link.proto.label: link.proto.query_string for link in app.get("page_link")}
    assert links["Back to the desk"] == "queue=random"
