"""Decisions as a browser sends them, read by the desk's outbox and stored: where exports begin."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from curation import editing
from curation.desk import outbox
from curation.records import PREFER, pair_of
from curation.store import Store
from tests.builders import a_batch, a_trace


def hold(store: Store, *rows: dict[str, Any]) -> list[str]:
    """Puts traces (`builders.a_trace`) into the store; their ids."""
    store.add(a_batch(*rows), "i")
    return [str(row["trace_id"]) for row in rows]


def hold_many(store: Store, texts: Sequence[str], **changes: Any) -> list[str]:
    """A trace a text, each on a problem of its own; their ids."""
    rows = [a_trace(text, prompt=f"What is {i} + {i}?", **changes) for i, text in enumerate(texts)]
    return hold(store, *rows)


def decide(
    store: Store, trace_id: str, verdict: str = "accept", reviewer: str = "ada", **said: Any
) -> str:
    """One key press on the desk: the entry goes through the outbox into the store.

    `said` are fields of the entry: `spans` ([start, end, label]), `steps` ([step, verdict]),
    `seen`, `edit`, `note`, `directive`, `reasons`, …
    """
    entry = {
        "decision_id": str(uuid.uuid4()),
        "kind": "decide",
        "trace_id": trace_id,
        "verdict": verdict,
        "decided_at": "2026-01-02T12:00:00Z",
        **said,
    }
    return _store(store, entry, reviewer)


def prefer(
    store: Store, winner: str, loser: str, reviewer: str = "ada", verdict: str | None = None
) -> str:
    """One choice between two traces that stand side by side; or `skip` or `flag` of them."""
    one, other = pair_of(winner, loser)
    entry = {
        "decision_id": str(uuid.uuid4()),
        "kind": "decide",
        "trace_id": one,
        "question": PREFER + other,
        "verdict": verdict or ("accept" if one == winner else "reject"),
        "left": winner,
        "decided_at": "2026-01-02T12:00:00Z",
    }
    return _store(store, entry, reviewer)


def _store(store: Store, entry: dict[str, Any], reviewer: str) -> str:
    read = outbox.decisions({"entries": [entry]}, reviewer=reviewer)
    assert read.refused == {}
    (decision,) = read.decisions
    return editing.decide(store, decision).decision_id
