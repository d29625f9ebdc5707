"""The state of a trace is the same however it is reckoned, of all traces or of one."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import store
from curation.store.connection import MIGRATIONS
from tests.spoken import WORDS, Said, say


def as_first_defined() -> str:
    """The query of migration 0009, which defines what a state is."""
    text = (MIGRATIONS / "0009_adjudication.sql").read_text(encoding="utf-8")
    found = re.search(r"create or replace view trace_state as\n(.*?);", text, re.DOTALL)
    assert found is not None
    return found[1]


@given(record=st.lists(WORDS, max_size=12))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_one_pass_gives_the_states_that_the_views_give(tmp_path: Path, record: list[Said]) -> None:
    with store.open(tmp_path / f"{uuid.uuid4()}.duckdb") as opened:
        say(opened, record)
        order = "order by trace_id"
        before = opened._frame(f"select * from ({as_first_defined()}) {order}")
        now = opened._frame(f"select * from trace_state {order}")
        assert now.schema == before.schema
        assert now.equals(before)
        one = [
            opened._frame("select * from trace_state where trace_id = $i", i=i)
            for i in now["trace_id"]
        ]
        assert pl.concat(one).equals(now)
