"""The team's own span labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import store as stores
from curation.desk.messages import SPAN_LABELS
from curation.errors import CurationError
from curation.screens import span_labels
from curation.settings import ROOT
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def test_a_renamed_label_keeps_its_code_and_one_taken_off_its_spans(store: Store) -> None:
    trace = a_trace("One, two.")
    store.add(a_batch(trace), "i")
    code = span_labels.add(store, " Circular: proves itself ")
    assert code == "circular_proves_itself"
    said = {"spans": [{"start": 0, "end": 3, "label": code}]}
    store.decide(a_decision(trace["trace_id"], extra=said))
    span_labels.rename(store, code, "Circular")
    assert span_labels.labels(store) == {**SPAN_LABELS, code: "Circular"}
    store.forget_setting(span_labels.PREFIX + code)
    assert span_labels.labels(store) == SPAN_LABELS
    assert store.span_verdicts()["label"].to_list() == [code]


@pytest.mark.parametrize(
    "shown", ["", "  ", "a\nb", "w" * 61, "…", "Leaks", "LEAKS", "good-hesitation"]
)
def test_what_can_be_no_label_is_refused_and_changes_nothing(store: Store, shown: str) -> None:
    with pytest.raises(CurationError, match="label"):
        span_labels.add(store, shown)
    assert span_labels.labels(store) == SPAN_LABELS


def test_the_review_page_adds_a_label_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "hedgerow.duckdb"
    with stores.open(path) as store:
        store.add(a_batch(a_trace()), "i")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/3_Review.py").run()
    app.text_input(key="span_label_new").set_value("Leaps").run()
    app.button(key="span_label_add").click().run()
    assert not app.exception
    assert app.selectbox(key="span_label").options == ["Leaps"]
    st.cache_resource.clear()
    with stores.open(path) as store:
        assert list(span_labels.labels(store).items())[-1] == ("leaps", "Leaps")
