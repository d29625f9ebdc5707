"""The edit that a decision carries: the trace's text as its reviewer would have it.

A decision that accepts a trace for training may hold in its `extra`

    "edit": {"text": "…", "text_hash": "tx1_…", "trace_id": "tr1_…"}

`text` is the whole edited text and `text_hash` its hash; `trace_id` is the trace that it became,
stored in the same transaction (`Edited`), so that the student reads it and its markers are counted.
The original stays as it is. The same text edited twice is one trace.

Owns what an edit may say and how its trace is written. Knows nothing of desks and steps: who
decides brings the trace with its steps (`curation.editing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from curation.errors import StoreError
from curation.records import QUESTION, Decision, Trace, text_hash
from curation.store.connection import Connection, now

if TYPE_CHECKING:
    from curation.store.deciding import Deciding

INGEST_ID = "edit"
"""What a trace that an edit made has in place of the run that took it in."""
_FIELDS = {"text", "text_hash", "trace_id"}


class Edited(NamedTuple):
    """An edited text as the trace that it becomes, with its steps (code points, end exclusive)."""

    trace: Trace
    step_start: list[int]
    step_end: list[int]


def tied(decision: Decision, original: str, edited: Edited | None) -> dict[str, object]:
    """The decision's `extra` with its edit tied to the trace that it becomes.

    `original` is the text that was decided on. Raises StoreError where the edit is none, equals the
    original, stands on another verdict than accept or another question than `train`, or where
    `edited` is missing or not that text.
    """
    edit = decision.extra["edit"]
    if not isinstance(edit, Mapping) or edit.keys() - _FIELDS:
        raise StoreError("An edit takes text, and nothing but its hash and trace beside it.")
    text = edit.get("text")
    if not isinstance(text, str) or not text.strip():
        raise StoreError("An edit needs a text; to leave nothing of a trace, reject it.")
    if (decision.question, decision.verdict) != (QUESTION, "accept"):
        raise StoreError("Only a trace that is accepted for training can be edited with it.")
    if text == original:
        raise StoreError("Nothing changed: the edit is the trace's own text. Accept it as it is.")
    if edited is None or (edited.trace.text, edited.trace.refined_from) != (
        text, decision.trace_id,
    ):  # fmt: skip
        raise StoreError("An edit is stored with the trace it becomes; use curation.editing.")
    whole = {"text": text, "text_hash": text_hash(text), "trace_id": edited.trace.trace_id}
    if any(whole[name] != value for name, value in edit.items()):
        raise StoreError("The edit's hash or trace is not that of its text; edit again.")
    return {**decision.extra, "edit": whole}


def is_an_edit(trace_id: str, original: str) -> StoreError:
    """What is said where somebody decides on a trace that an edit made."""
    return StoreError(
        f"{trace_id} is the text of an edit and is accepted with it; decide on "
        f"{original}, the trace that was edited."
    )


def insert(cursor: duckdb.DuckDBPyConnection, edited: Edited) -> None:
    """Write the edit's trace; nothing happens where it is stored already."""
    row = {
        **asdict(edited.trace),
        "step_start": edited.step_start,
        "step_end": edited.step_end,
        "origin": "desk",
        "line": 0,
        "ingest_id": INGEST_ID,
        "added_at": now(),
    }
    cursor.execute(
        f"insert into trace ({', '.join(row)}, position) "
        f"select {', '.join('$' + name for name in row)}, "
        "(select coalesce(max(position), -1) + 1 from trace) on conflict do nothing",
        row,
    )


def of(extra: Mapping[str, Any], *, with_text: bool) -> dict[str, Any] | None:
    """What a stored decision's `extra` says of its edit; None where it carries none.

    Keys: trace_id, n_chars (code points) and text, which is None unless `with_text`: the list of a
    reviewer's last decisions would carry it with every answer.
    """
    edit = extra.get("edit")
    if edit is None:
        return None
    return {
        "trace_id": edit["trace_id"],
        "n_chars": len(edit["text"]),
        "text": edit["text"] if with_text else None,
    }


class Edits(Connection):
    """The part of a store that answers for edits."""

    def edit_trace_ids(self) -> list[str]:
        """The traces that edits made, in order of arrival."""
        frame = self._frame(
            "select trace_id from trace semi join edited_trace using (trace_id) order by position"
        )
        ids: list[str] = frame["trace_id"].to_list()
        return ids

    def has_spoken(self, trace_id: str, reviewer: str) -> bool:
        """Whether any record of the reviewer is about this trace, withdrawn ones too."""
        said = self._one(
            "select 1 as n from decision where trace_id = $trace_id and reviewer = $reviewer "
            "limit 1",
            trace_id=trace_id,
            reviewer=reviewer,
        )
        return said is not None

    def edit_taken_back(self, trace_id: str, reviewer: str) -> dict[str, str] | None:
        """The edit that the reviewer took back last on this trace: decision_id, text; or None."""
        rows = self._frame(
            """
            select decision_id, withdraws, json_extract_string(extra, '$.edit.text') as text
            from decision where trace_id = $trace_id and reviewer = $reviewer
            order by sequence
            """,
            trace_id=trace_id,
            reviewer=reviewer,
        ).to_dicts()
        texts = {row["decision_id"]: row["text"] for row in rows if row["text"] is not None}
        gone = [row["withdraws"] for row in rows if row["withdraws"] in texts]
        return {"decision_id": gone[-1], "text": texts[gone[-1]]} if gone else None


def broken_edits(store: Deciding) -> tuple[int, list[str]]:
    """For `verify`: every edit names a trace of this store that has its text."""
    rows = store._frame(
        "select e.decision_id, e.sequence, e.trace_id, t.text_hash is distinct from e.text_hash "
        "as is_broken from decision_edit e left join trace t on t.trace_id = e.trace_id "
        "order by e.sequence"
    ).to_dicts()
    return len(rows), [
        f"decision {row['decision_id']} (no. {row['sequence']}): its edit became "
        f"{row['trace_id']}, which is missing or has another text"
        for row in rows
        if row["is_broken"]
    ]
