"""What a decision says beside its verdict: its `extra`, checked before storing and read back.

Steps (`step_verdicts`), spans (`span_verdicts`) and how sure the reviewer is: `"confidence": 2`,
one of `records.CONFIDENCE`; without it nothing was said of that, which is no level of its own.
An edit (`edits`) is checked where its trace is at hand, and only read back here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from curation.errors import StoreError
from curation.records import CONFIDENCE
from curation.store import edits, span_verdicts, step_verdicts

NAMES = frozenset(("steps", "steps_seen", "spans", "confidence"))


def checked(
    extra: Mapping[str, object], text: str, starts: Sequence[int], ends: Sequence[int]
) -> dict[str, object]:
    """`extra` tied to a trace's text and steps. Raises StoreError where it does not fit them."""
    confidence = extra.get("confidence")
    if confidence is not None and (type(confidence) is not int or confidence not in CONFIDENCE):
        levels = ", ".join(f"{level} ({word})" for level, word in CONFIDENCE.items())
        raise StoreError(f"{confidence!r:.40} is no confidence; it takes {levels}.")
    said = {k: v for k, v in extra.items() if k != "confidence" or v is not None}
    return span_verdicts.checked(step_verdicts.tied(said, text, starts, ends), text)


def described(row: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A stored record with what its `extra` holds in words; `text` is its trace's.

    Beside its columns: `steps` (step from 0, verdict, says), `spans` (start, end, label, text) and
    `confidence` (1 to 3 or None).
    """
    said = shown(row)
    return {
        **row,
        "steps": [
            {"step": step, "verdict": verdict, "says": step_verdicts.VERDICTS[verdict]}
            for step, verdict in said["steps"]
        ],
        "spans": [
            {"start": start, "end": end, "label": label, "text": text[start:end]}
            for start, end, label in said["spans"]
        ],
        "confidence": said["confidence"],
    }


def shown(row: Mapping[str, Any], *, with_text: bool = False) -> dict[str, Any]:
    """A decision to show: in place of `extra` what it holds.

    `steps` are (step, verdict) pairs, `seen` half-open ranges of the steps that were on screen,
    `spans` (start, end, label) in code points, `confidence` 1 to 3 or None, `edit` what `edits.of`
    says of it (its text only `with_text`) or None.
    """
    extra = json.loads(row["extra"])
    return {
        **{name: value for name, value in row.items() if name != "extra"},
        "steps": step_verdicts.pairs(row["extra"]),
        "seen": step_verdicts.seen(row["extra"]),
        "spans": span_verdicts.triples(extra),
        "confidence": extra.get("confidence"),
        "edit": edits.of(extra, with_text=with_text),
    }
