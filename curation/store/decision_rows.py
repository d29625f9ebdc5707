"""A decision as the table `decision` holds it: its row, its hash, and what it must agree with.

Asks through the cursor it is given. What is added when, and in which order, is deciding.py's.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb

from curation.errors import StoreError
from curation.records import Decision, Stored, content_id
from curation.store import edits, extras
from curation.store.edits import Edited

KNOWN = "select sequence, stored_at, content_hash from decision where decision_id = $decision_id"


def decision_hash(row: dict[str, Any]) -> str:
    """The hash over everything a decision says; `row` has the columns of table `decision`."""
    said = [
        row[name]
        for name in (
            "decision_id", "trace_id", "question", "reviewer", "verdict", "withdraws", "reasons",
            "note", "directive", "queue", "shown_at", "decided_at", "active_s", "text_hash",
            "convention_id", "lexicon_id", "revealed", "origin", "extra",
        )
    ]  # fmt: skip
    return content_id("dc1", json.dumps(said, default=_iso, ensure_ascii=False))


def speaks_of_words(decision: Decision) -> bool:
    """Whether the decision's `extra` is tied to the trace's words."""
    return bool((extras.NAMES | {"edit"}) & decision.extra.keys())


def tied(decision: Decision, edited: Edited | None, trace: dict[str, Any]) -> dict[str, object]:
    """The decision's `extra`, checked against the trace's words and tied to them.

    So is an edit, to the trace that it becomes.
    """
    extra = decision.extra
    if not speaks_of_words(decision):
        return extra
    if "edit" in extra:
        extra = edits.tied(decision, trace["text"], edited)
    return extras.checked(extra, trace["text"], trace["step_start"], trace["step_end"])


def decision_row(decision: Decision, text_hash: str, extra: dict[str, object]) -> dict[str, Any]:
    """A decision as the table `decision` holds it, without number, time of storing and hash."""
    return {
        "decision_id": decision.decision_id,
        "trace_id": decision.trace_id,
        "question": decision.question,
        "reviewer": decision.reviewer.strip(),
        "verdict": decision.verdict,
        "withdraws": decision.withdraws,
        "reasons": list(decision.reasons),
        "note": decision.note,
        "directive": decision.directive,
        "queue": decision.queue,
        "shown_at": decision.shown_at,
        "decided_at": decision.decided_at,
        "active_s": decision.active_s,
        "text_hash": text_hash,
        "convention_id": decision.convention_id,
        "lexicon_id": decision.lexicon_id,
        "revealed": decision.revealed,
        "origin": decision.origin,
        "extra": json.dumps(extra, sort_keys=True, ensure_ascii=False),
    }


def acknowledged(row: dict[str, Any], stored: dict[str, Any], *, was_new: bool) -> Stored:
    """What is stored under the decision's id. Raises StoreError where that says something else."""
    if stored["content_hash"] != row["content_hash"]:
        raise StoreError(
            f"Decision {row['decision_id']} is already stored and says something "
            "else; the stored one stays. Decide again to change it."
        )
    return Stored(row["decision_id"], stored["sequence"], stored["stored_at"], was_new)


def check_question(cursor: duckdb.DuckDBPyConnection, decision: Decision) -> None:
    """A judgement belongs to a spot check that drew its trace."""
    if not decision.question.startswith("leak/"):
        return
    drawn = cursor.execute(
        "select 1 from spot_check c join spot_check_item i using (spot_check_id) "
        "where c.question = $question and i.trace_id = $trace_id",
        {"question": decision.question, "trace_id": decision.trace_id},
    ).fetchall()
    if not drawn:
        raise StoreError(
            f"No spot check of this store asks {decision.question} of {decision.trace_id}; open "
            "the check again from the Spot check page."
        )


def check_withdrawal(cursor: duckdb.DuckDBPyConnection, decision: Decision) -> None:
    """A withdrawal takes back a verdict of the same person, on the same trace and question."""
    rows = (
        cursor.execute(
            "select reviewer, trace_id, verdict, question from decision where decision_id = $id",
            {"id": decision.withdraws},
        )
        .pl()
        .to_dicts()
    )
    if not rows:
        raise StoreError(f"There is no decision {decision.withdraws} to withdraw.")
    stored = rows[0]
    if stored["verdict"] is None:
        raise StoreError("A withdrawal cannot be withdrawn; decide again instead.")
    if stored["reviewer"] != decision.reviewer.strip():
        raise StoreError(
            f"Decision {decision.withdraws} is {stored['reviewer']}'s; "
            "only they can withdraw it. Give a verdict of your own instead."
        )
    if stored["trace_id"] != decision.trace_id:
        raise StoreError(
            f"Decision {decision.withdraws} is about {stored['trace_id']}, "
            f"not about {decision.trace_id}."
        )
    if stored["question"] != decision.question:
        raise StoreError(
            f"Decision {decision.withdraws} answers {stored['question']}, "
            f"not {decision.question}; take it back where it was given."
        )


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} has no place in a decision")
