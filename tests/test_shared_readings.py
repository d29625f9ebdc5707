"""Agreement asked of the traces that several people read is that of all of them."""

from __future__ import annotations

import uuid
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import agreement, store
from tests.spoken import IDS, WORDS, Said, say


@given(record=st.lists(WORDS, max_size=14))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_who_reads_alone_changes_no_coefficient_and_is_counted(
    tmp_path: Path, record: list[Said]
) -> None:
    with store.open(tmp_path / f"{uuid.uuid4()}.duckdb") as opened:
        # Asked between, it goes on from what it knew; asked first, it reads all.
        say(opened, record[: len(record) // 2])
        opened.shared_readings()
        say(opened, record[len(record) // 2 :])
        every = opened.readings()
        shared, alone = opened.shared_readings()
        # nan is not equal to itself, its text is.
        assert repr(agreement.between(shared, alone=alone)) == repr(agreement.between(every))
        assert repr(agreement.by_person(shared, alone=alone)) == repr(agreement.by_person(every))
        assert agreement.disputed(shared).equals(agreement.disputed(every))
        assert agreement.by_reason(shared) == agreement.by_reason(every)
    with store.open(opened.path) as anew:
        first, counted = anew.shared_readings()
        assert first.equals(shared)
        assert counted == alone
        opened = anew
        ids = IDS
        states = opened.list_traces()
        differing = set(states.filter(states["state"] == "disputed")["trace_id"])
        assert opened.open_disputes(ids) == differing
        assert opened.open_disputes(ids[:1]) == differing & {ids[0]}
