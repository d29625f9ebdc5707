"""Signs of shortcuts are found once for every trace, and stand in the overview."""

from __future__ import annotations

import pytest

from curation import signs
from curation.store import Store
from tests.builders import a_batch, a_trace

LOOP = "I check the sum of these two numbers again. " * 8
EARLY = "The answer is 4. " + "That is what was asked for in the question here. " * 12


def test_every_trace_is_searched_once(store: Store) -> None:
    traces = [a_trace(), a_trace(LOOP), a_trace(EARLY)]
    store.add(a_batch(*traces), "i")
    told: list[int] = []
    assert signs.search_pending(store, told.append, limit=2) == 2
    assert signs.search_pending(store, told.append) == 1
    assert signs.search_pending(store, told.append) == 0
    assert told == [2, 1]
    found = store.list_traces()
    assert found["has_loop"].to_list() == [False, True, True]
    assert found["repeated_share"].to_list()[0] == 0
    assert store.list_traces("has_loop")["trace_id"].to_list() == [
        trace["trace_id"] for trace in traces[1:]
    ]


def test_new_rules_search_anew_and_the_old_findings_stay(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(a_batch(a_trace(LOOP)), "i")
    signs.search_pending(store)
    monkeypatch.setattr(signs, "RULES_ID", "shortcuts-later")
    assert signs.search_pending(store) == 1
    assert store.list_traces()["has_loop"].to_list() == [True]
    assert store.unsearched("shortcuts-1").height == 0
