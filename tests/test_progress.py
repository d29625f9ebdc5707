"""Progress by person: every number by hand, in the store, the command and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import assigning
from curation import store as stores
from curation.screens import progress
from curation.settings import ROOT
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace
from tests.said import Said


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Eight traces, in order of arrival."""
    store.add(a_batch(*(a_trace(f"T{n}.", prompt=f"P{n}?") for n in range(8))), "i")
    found: list[str] = store.list_traces()["trace_id"].to_list()
    return found


def test_progress_by_hand(store: Store, ids: list[str]) -> None:
    verdicts = ["accept", "accept", "reject", "flag", "skip"]
    for trace_id, verdict, seconds in zip(ids, verdicts, (10, 20, 30, 40, 50), strict=False):
        store.decide(a_decision(trace_id, verdict, active_s=float(seconds)))
    store.decide(a_decision(ids[5], "accept"))  # not timed
    store.decide(a_decision(ids[6], "accept", active_s=999.0))
    store.undo("ada")
    assigning.make(store, assigning.Request(("ada", "cyd"), again=True), made_by="lead")
    ada, cyd = store.by_person()
    assert (ada["reviewer"], ada["n_decided"]) == ("ada", 6)
    assert (ada["n_accepted"], ada["n_rejected"], ada["n_flagged"], ada["n_skipped"]) == (
        3,
        1,
        1,
        1,
    )
    assert ada["n_undone"] == 1
    # Timed and standing: 10, 20, 30, 40, 50. Median 30; p90 at place .9·4 = 3.6: 40 + .6·10 = 46;
    # 150 s for 5: 3600·5/150 = 120 an hour.
    assert (ada["n_timed"], ada["median_active_s"], ada["p90_active_s"]) == (5, 30.0, 46.0)
    assert ada["decisions_per_active_hour"] == pytest.approx(120)
    # The eight are shared out; ada gets none of the four that she accepted or rejected.
    items = store.assigned()
    mine = set(items.filter(pl.col("reviewer") == "ada")["trace_id"])
    assert ada["n_assigned"] == len(mine)
    assert ada["n_left"] == len(mine - set(ids[:6]))
    assert (cyd["reviewer"], cyd["n_decided"], cyd["n_assigned"]) == ("cyd", 0, 8 - len(mine))
    assert cyd["n_left"] == cyd["n_assigned"]
    assert (cyd["median_active_s"], cyd["decisions_per_active_hour"], cyd["last_at"]) == (
        None, None, None,
    )  # fmt: skip


def test_days_without_decisions_are_zeros_and_the_last_days_are_kept() -> None:
    by_day = pl.DataFrame(
        {"reviewer": ["ada", "bo", "ada"],
         "day": [date(2026, 1, 1), date(2026, 1, 3), date(2026, 1, 4)], "n": [5, 2, 7]}
    )  # fmt: skip
    days = progress.days_until(by_day)
    # A week at least: four days with the 1st and the 4th among them, three before.
    assert days == [
        *(date(2025, 12, n) for n in (29, 30, 31)),
        *(date(2026, 1, n) for n in (1, 2, 3, 4)),
    ]
    assert progress.counts_on(by_day, "ada", days) == [0, 0, 0, 5, 0, 0, 7]
    late = pl.concat([by_day, by_day.head(1).with_columns(day=date(2026, 3, 1))])
    assert len(progress.days_until(late)) == progress.N_DAYS
    assert progress.days_until(late)[-1] == date(2026, 3, 1)


def test_the_command_and_the_page_show_it(curate: Callable[..., Said], demo: Path) -> None:
    with stores.open(demo) as store:
        first = store.list_traces()["trace_id"][0]
        store.decide(a_decision(first, "reject", active_s=12.5))
    answer = curate("status", "--json").json
    (row,) = answer["by_person"]
    assert (row["reviewer"], row["n_rejected"], row["median_active_s"]) == ("ada", 1, 12.5)
    assert answer["reviewers"] == ["ada"]
    assert "an active hour" in curate("status").out
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/5_Agreement.py").run()
    app.segmented_control(key="view").set_value("Progress").run()
    assert not app.exception
    table = app.dataframe[0].value
    assert table["Decided"].to_list() == [1]
    assert [list(days) for days in table["By day"]] == [[0, 0, 0, 0, 0, 0, 1]]
