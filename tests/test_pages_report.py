"""The report on the Spot check page: built when asked for, shown uninterpreted, handed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import leakage_report
from curation import store as stores
from curation.settings import ROOT


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def _page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/4_Spot_check.py")
    app.query_params["view"] = "Report to send"
    return app.run()


def _build(app: AppTest) -> AppTest:
    (button,) = [button for button in app.button if button.label == "Build the report"]
    return button.click().run()


def test_nothing_is_built_before_it_is_asked_for(demo: Path) -> None:
    app = _page()
    assert not app.exception
    assert not app.code
    assert not app.get("download_button")


def test_what_is_shown_is_the_commands_report_and_can_be_taken_along(demo: Path) -> None:
    app = _page()
    app.text_input(key="report_where").set_value("domain = 'arithmetic'")
    app = _build(app)
    assert not app.exception
    assert [button.proto.label for button in app.get("download_button")] == [
        "Download all (zip)", "Download HTML",
    ]  # fmt: skip
    shown = app.code[0].value
    st.cache_resource.clear()
    with stores.open(demo) as store:
        frame = store.list_traces("domain = 'arithmetic'")
        made = leakage_report.files(store, frame, "domain = 'arithmetic'", dated="x")
    lines = made["report.md"].decode().splitlines()
    other = [two for one, two in zip(lines, shown.splitlines(), strict=True) if one != two]
    assert len(other) == 2  # the date, and the seal
    assert other[0].startswith("Dated 20")
    n_figures = sum(path.endswith(".svg") for path in made)
    assert len(app.get("image")) == n_figures


def test_a_filter_that_cannot_run_is_explained(demo: Path) -> None:
    app = _page()
    app.text_input(key="report_where").set_value("no_such_column = 1")
    app = _build(app)
    assert not app.exception
    assert "no_such_column" in app.error[0].value.replace("\\", "")


def test_an_empty_store_makes_a_report_that_says_so(tmp_path: Path) -> None:
    app = _build(_page())
    assert not app.exception
    assert "no teacher context to hold against unguided" in app.code[0].value
