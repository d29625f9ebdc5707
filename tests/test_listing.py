"""The first traces of a list are those of the whole list, and say the same."""

from __future__ import annotations

import uuid
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import lexicons, store
from curation.records import VERDICTS, Decision
from curation.store import ORDERS, UNREAD, Store
from tests.builders import a_batch, a_decision, a_pack, a_trace

TRACES = [
    a_trace(f"{'Thought ' * (i % 3 + 1)}{i}.", prompt=f"{i // 2}?", sample_index=i)
    for i in range(6)
]
IDS = [trace["trace_id"] for trace in TRACES]


def a_store(path: Path, scored: set[int], verdicts: list[tuple[int, str, str]]) -> Store:
    """A store of `TRACES`, some of them scored, with these decisions (trace, reviewer, verdict)."""
    opened = store.open(path / f"{uuid.uuid4()}.duckdb")
    opened.add(a_batch(*TRACES), "i")
    if scored:
        pack = a_pack([TRACES[i] for i in sorted(scored)])
        nll = pl.Series("mean_nll_nats", [float(-i % 4) for i in sorted(scored)])
        opened.add_pack(pack.with_columns(nll), "cv1_a", "tiny", {"dtype": "float32"}, "p")
        opened.set_setting("student", "tiny")
    for trace, reviewer, verdict in verdicts:
        if verdict == "undo":
            opened.undo(reviewer)
        else:
            opened.decide(a_decision(IDS[trace], verdict, reviewer=reviewer))
    return opened


said = st.tuples(
    st.integers(0, len(TRACES) - 1),
    st.sampled_from(["ada", "ben"]),
    st.sampled_from([*VERDICTS, "undo"]),
)


@given(
    scored=st.sets(st.integers(0, len(TRACES) - 1)),
    verdicts=st.lists(said, max_size=6),
    limit=st.integers(0, len(TRACES) + 1),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_first_traces_are_the_beginning_of_the_whole_list(
    tmp_path: Path, scored: set[int], verdicts: list[tuple[int, str, str]], limit: int
) -> None:
    with a_store(tmp_path, scored, verdicts) as opened:
        for order in ORDERS:
            whole = opened.list_traces(None, order)
            assert opened.list_traces(None, order, limit).equals(whole.head(limit))
            few = opened.list_traces(None, order, limit, columns=UNREAD)
            assert few.equals(whole.head(limit).select(UNREAD))


def test_overviews_come_in_the_order_asked_for_each_once(tmp_path: Path) -> None:
    with a_store(tmp_path, {0, 1}, [(0, "ada", "accept"), (0, "ben", "reject")]) as opened:
        asked = [IDS[3], IDS[0], "tr1_of_nobody", IDS[3]]
        found = opened.overviews(asked)
        assert found["trace_id"].to_list() == [IDS[3], IDS[0]]
        assert found["state"].to_list() == ["undecided", "disputed"]
        whole = opened.list_traces()
        assert found.sort("position").equals(whole.filter(pl.col("trace_id").is_in(asked)))


def test_status_is_counted_anew_after_each_record(tmp_path: Path) -> None:
    with a_store(tmp_path, set(), []) as opened:
        opened.status()["reviewers"].append("nobody")  # what was handed out is the caller's
        assert opened.status()["reviewers"] == []
        decision: Decision = a_decision(IDS[0])
        opened.decide(decision)
        assert (opened.status()["accepted"], opened.status()["reviewers"]) == (1, ["ada"])
        opened.undo("ada")
        assert (opened.status()["accepted"], opened.status()["reviewers"]) == (0, [])
        opened.add(a_batch(a_trace("One more.", prompt="9?")), "j")
        assert opened.status()["traces"] == len(TRACES) + 1


@pytest.mark.parametrize(("limit", "n"), [(1, 1), (4, 4), (100, len(TRACES))])
def test_what_reading_costs_is_guessed_from_the_first_traces(
    tmp_path: Path, limit: int, n: int
) -> None:
    with a_store(tmp_path, {1}, []) as opened:
        found = opened.lengths(limit)
        assert sorted(found["n_chars"]) == sorted(len(t["text"]) for t in TRACES[:n])
        assert found["n_tokens"].count() == (n > 1)


def test_drawn_problems_come_whole_and_are_the_same_each_time(tmp_path: Path) -> None:
    with a_store(tmp_path, {0}, [(0, "ada", "accept")]) as opened:
        whole = opened.list_traces().select(UNREAD)
        for n in range(1, 4):  # three problems of two traces each
            found, n_all = opened.drawn(n)
            assert (found["problem_id"].n_unique(), found.height, n_all) == (n, 2 * n, 3)
            assert found.equals(opened.drawn(n)[0])
            assert found.equals(whole.filter(pl.col("trace_id").is_in(found["trace_id"].to_list())))
        found, n_all = opened.drawn(5, "state = 'accepted'")
        assert (found["trace_id"].to_list(), n_all) == ([IDS[0]], 1)


def test_a_marker_is_found_among_all_and_among_some(tmp_path: Path) -> None:
    with a_store(tmp_path, set(), []) as opened:
        marked = a_trace("Perhaps so. Perhaps not.", prompt="Again?")
        opened.add(a_batch(marked), "j")
        lexicons.mark_pending(opened)
        places = opened.marker_places(["hedge"])
        assert places.filter(pl.col("trace_id") == marked["trace_id"])["start_char"].to_list() == [
            0, 12,
        ]  # fmt: skip
        assert opened.marker_places(["hedge"], [marked["trace_id"]]).equals(places)
        assert not opened.marker_places(["hedge"], IDS).height
        assert opened.last_step_ends([marked["trace_id"]])["n_chars"].to_list() == [24]
