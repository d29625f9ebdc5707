"""What people say of a few traces, in any order: decisions and undos for property tests."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from curation.records import VERDICTS
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace

TRACES = [a_trace(f"Thought {i}.", prompt=f"{i}?") for i in range(4)]
IDS = [trace["trace_id"] for trace in TRACES]


class Said(NamedTuple):
    """One word of one person; "undo" takes their last one back, whatever the trace."""

    trace_id: str
    reviewer: str
    verdict: str
    queue: str | None


WORDS = st.builds(
    Said,
    st.sampled_from(IDS),
    st.sampled_from(["ada", "ben", "cleo"]),
    st.sampled_from([*VERDICTS, "undo"]),
    st.sampled_from([None, "in order", "needs adjudication"]),
)


def say(store: Store, record: list[Said]) -> None:
    """Put the traces into an empty store and say all of it, in this order."""
    store.add(a_batch(*TRACES), "i")
    for trace_id, reviewer, verdict, queue in record:
        if verdict == "undo":
            store.undo(reviewer)
        else:
            store.decide(a_decision(trace_id, verdict, reviewer=reviewer, queue=queue))
