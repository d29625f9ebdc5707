"""The sampling session of the Spot check page, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import checks
from curation import store as stores
from curation.checks import Request
from curation.settings import ROOT


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def _session(**query: str) -> AppTest:
    """The sampling session as a link opens it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/4_Spot_check.py")
    for name, value in {"view": "Sampling session", **query}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def _texts(app: AppTest) -> str:
    kinds = (app.caption, app.text, app.info, app.warning, app.error)
    said = "\n".join(str(element.value) for kind in kinds for element in kind)
    return said.replace("\\", "")


def test_on_an_empty_store_it_says_what_is_missing(tmp_path: Path) -> None:
    app = _session()
    assert "leaves no trace" in _texts(app)
    assert not [button for button in app.button if button.key == "check_draw"]


def test_a_sample_is_drawn_with_its_size_and_strata_shown_first(demo: Path) -> None:
    app = _session()
    app.text_input(key="check_where").set_value("true")
    app.number_input(key="check_n").set_value(6).run()
    # ± 5 points about 7.5 %: 3.8415·.075·.925/.0025 = 106.6, of 12: 106.6/(1 + 105.6/12) = 10.9.
    # In the worst case 384.1/(1 + 383.1/12) = 11.7.
    assert "take 11 verdicts if about 7.5% leak, 12 in the worst case, of 12 traces" in _texts(app)
    assert app.button(key="check_draw").disabled
    app.text_input(key="check_name").set_value("first *look*").run()
    app.button(key="check_draw").click().run()
    assert not app.exception
    assert "Nothing is judged yet: 6 traces were drawn from 12." in _texts(app)
    st.cache_resource.clear()
    with stores.open(demo) as store:
        (row,) = store.spot_checks().to_dicts()
    assert (row["name"], row["n_drawn"], row["created_by"]) == ("first *look*", 6, "reviewer")


def test_the_report_is_read_and_the_reveal_comes_after_the_end(demo: Path) -> None:
    with stores.open(demo) as store:
        check = checks.create(store, Request("c", 6, where="true"), created_by="reviewer")
        drawn = checks.to_judge(store, check, "reviewer")
        for trace_id in drawn[:2]:
            checks.judge(store, check, trace_id, "clean", reviewer="reviewer")
    app = _session(check=check)
    assert app.button(key="check_reveal").disabled
    st.cache_resource.clear()
    with stores.open(demo) as store:
        for trace_id, word in zip(drawn[2:], ["clean", "clean", "clean", "leaking"], strict=True):
            checks.judge(store, check, trace_id, word, reviewer="reviewer")
    app = _session(check=check)
    # Two of each of three strata of four: 1 of 6 leaks.
    assert {metric.label: metric.value for metric in app.metric}["Leaking share"] == "16.7%"
    app.button(key="check_reveal").click().run()
    assert not app.exception
    assert "Judged, with scores and contexts" in [each.value for each in app.subheader]
    shown = app.dataframe[-1].value
    assert set(shown["trace_id"]) == set(drawn)
    assert set(shown["teacher_context"]) <= {"unguided", "answer", "solution"}
    st.cache_resource.clear()
    with stores.open(demo) as store:
        assert store.revealed_at(check, "reviewer") is not None


def test_a_link_to_a_check_that_is_not_there_is_explained(demo: Path) -> None:
    with stores.open(demo) as store:
        checks.create(store, Request("c", 4, where="true"), created_by="reviewer")
    app = _session(check="sc1_x")
    assert "names a check that this store does not hold" in _texts(app)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/3_Review.py")
    app.query_params["blind"] = "sc1_x"
    app.run()
    assert not app.exception
    assert "holds no spot check sc1_x" in _texts(app).replace("\\", "")
