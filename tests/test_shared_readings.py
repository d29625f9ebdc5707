"""Agreement asked of the traces that several people read is that of all of them."""

from __future__ import annotations

import uuid
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import agreement, store
from curation.records import VERDICTS
from tests.builders import a_batch, a_decision, a_trace

TRACES = [a_trace(f"Thought {i}.", prompt=f"{i}?") for i in range(4)]
QUEUES = (None, "in order", "needs adjudication")

said = st.tuples(
    st.integers(0, len(TRACES) - 1),
    st.sampled_from(["ada", "ben", "cleo"]),
    st.sampled_from([*VERDICTS, "undo"]),
    st.sampled_from(QUEUES),
)


@given(record=st.lists(said, max_size=14))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_who_reads_alone_changes_no_coefficient_and_is_counted(
    tmp_path: Path, record: list[tuple[int, str, str, str | None]]
) -> None:
    with store.open(tmp_path / f"{uuid.uuid4()}.duckdb") as opened:
        opened.add(a_batch(*TRACES), "i")
        for trace, reviewer, verdict, queue in record:
            if verdict == "undo":
                opened.undo(reviewer)
            else:
                decision = a_decision(
                    TRACES[trace]["trace_id"], verdict, reviewer=reviewer, queue=queue
                )
                opened.decide(decision)
        every = opened.readings()
        shared, alone = opened.shared_readings()
        # nan is not equal to itself, its text is.
        assert repr(agreement.between(shared, alone=alone)) == repr(agreement.between(every))
        assert repr(agreement.by_person(shared, alone=alone)) == repr(agreement.by_person(every))
        assert agreement.disputed(shared).equals(agreement.disputed(every))
        assert agreement.by_reason(shared) == agreement.by_reason(every)
        ids = [trace["trace_id"] for trace in TRACES]
        states = opened.list_traces()
        differing = set(states.filter(states["state"] == "disputed")["trace_id"])
        assert opened.open_disputes(ids) == differing
        assert opened.open_disputes(ids[:1]) == differing & {ids[0]}
