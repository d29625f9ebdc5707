"""What is read while nobody waits for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st

from curation import lexicons, reviewing
from curation.screens import agreement, beside, leakage, lexicon, warming
from curation.sharing import Readers
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace


def test_home_reads_who_decided_what_and_what_percentiles_are_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_resource.clear()
    monkeypatch.setattr(beside, "HEAD_START_S", 0.0)
    trace = a_trace("Perhaps it is 4.")
    store.add(a_batch(trace), "i")
    store.decide(a_decision(trace["trace_id"], reviewer="ada"))
    room = SimpleNamespace(store=store, student="s", reviewer="ada", readers=Readers())
    thread = warming.begin(room, str(Path(store.path)))  # type: ignore[arg-type]
    thread.join(60)
    assert not thread.is_alive()
    # Nobody asks the store again: what was read is there.
    assert list(room.readers.decided_by("ada")) == [trace["trace_id"]]
    pulse = store.pulse()
    found = beside.pools(room, str(store.path), "s", is_small=True)  # type: ignore[arg-type]
    assert found.at(reviewing.grown(pulse)) is not None


def test_in_a_large_store_what_pages_tell_of_all_traces_is_read_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()
    trace = a_trace("Perhaps it is 4.")
    store.add(a_batch(trace), "i")
    for reviewer in ("ada", "ben"):
        store.decide(a_decision(trace["trace_id"], reviewer=reviewer))
    room = SimpleNamespace(store=store, student="s", reviewer="ada", readers=Readers())
    warming.of_dashboards(room)  # type: ignore[arg-type]

    def refuse(*args: object, **named: object) -> None:
        raise AssertionError("the store is asked again")

    for name in ("shared_readings", "marker_places", "marked_texts", "_marking_state"):
        monkeypatch.setattr(store, name, refuse)
    assert agreement.known(room).result.n_pairable == 1  # type: ignore[arg-type]
    assert set(leakage.reckoned(room, None).charts) >= {"density", "places"}  # type: ignore[arg-type]
    assert lexicons.standing(store)["counted"] == 1
    assert sum(lexicon.counted(store, lexicons.in_use(store)["en"]).values()) == 1  # Perhaps
    # What is decided since is not missed.
    monkeypatch.undo()
    store.decide(a_decision(trace["trace_id"], "reject", reviewer="ben"))
    assert agreement.known(room).result.n_disputed == 1  # type: ignore[arg-type]
