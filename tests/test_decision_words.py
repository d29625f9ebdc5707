"""Where steps, spans and confidence of a decision are read again: `show` and Home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import console
from curation import store as stores
from curation.commands import COMMANDS
from curation.settings import ROOT
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def test_show_says_what_was_labelled_and_how_sure_the_verdict_is(store: Store) -> None:
    trace = a_trace("🌿 One is\x1b one.", step_start=[0], step_end=[14])
    store.add(a_batch(trace), "i")
    said = {
        "steps": [{"step": 0, "verdict": -1}],
        "spans": [{"start": 2, "end": 9, "label": "leaks"}],
        "confidence": 2,
    }
    store.decide(a_decision(trace["trace_id"], extra=said))
    store.decide(a_decision(trace["trace_id"], reviewer="bo"))
    answer = COMMANDS["show"](
        store, {"trace_id": trace["trace_id"], "student": None}, lambda done, total: None
    )
    first, second = answer["decisions"]
    assert first["spans"] == [{"start": 2, "end": 9, "label": "leaks", "text": "One is\x1b"}]
    assert first["steps"] == [{"step": 0, "verdict": -1, "says": "bad"}]
    assert (first["confidence"], second["confidence"]) == (2, None)
    assert (second["spans"], second["steps"]) == ([], [])
    read = console.readable("show", answer)
    assert "fairly sure" in read
    assert "no. 1: step 1 bad" in read
    assert "no. 1: leaks “One is\\x1b”, characters 2 to 9" in read


def test_home_says_of_a_past_decision_how_sure_it_was(tmp_path: Path) -> None:
    trace = a_trace("One, two.")
    with stores.open(tmp_path / "hedgerow.duckdb") as store:
        store.add(a_batch(trace), "i")
        said = {"spans": [{"start": 0, "end": 3, "label": "leaks"}], "confidence": 3}
        store.decide(a_decision(trace["trace_id"], reviewer="reviewer", extra=said))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    (label,) = [e.proto.label for e in app.get("page_link") if "Accepted" in e.proto.label]
    assert label.startswith(r"\#1 Accepted\, sure\, 1 span labelled")
