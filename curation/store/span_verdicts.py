"""What a decision says of stretches of the text: "this leaks", "this is wrong".

A decision's `extra` holds, where its reviewer labelled something,

    "spans": [{"start": 120, "end": 188, "label": "leaks"}]

`text[start:end]` is what was labelled, in code points, end exclusive and never empty; the
decision's own `text_hash` says of which text, so that a span keeps its meaning. Spans may overlap.
`label` is a code that stays when the word on screen changes, or the reviewer's own word; a label in
no list of codes is shown as it is.

Knows nothing of databases.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from curation.errors import StoreError

MAX_LABEL_CHARS = 60

SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "reviewer": pl.String(),
    "decision_id": pl.String(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "label": pl.String(),
    "text": pl.String(),
    "n_chars": pl.Int64(),
}
"""A labelled span a row; `start` and `end` in code points, `end` exclusive; `text` its words,
`n_chars` the length of the whole trace in code points."""


def checked(extra: Mapping[str, object], text: str) -> dict[str, object]:
    """`extra` with its spans in order of start, end and label, each inside `text`.

    Raises StoreError for a span that is empty or not inside the text, a label that is blank, too
    long or not printable, and the same label twice on the same words.
    """
    if not extra.get("spans"):
        return {name: value for name, value in extra.items() if name != "spans"}
    spans = extra["spans"]
    if not isinstance(spans, list):
        raise StoreError(f"spans is {spans!r:.60}; it takes a list.")
    said = sorted(_checked(span, len(text)) for span in spans)
    for one, other in zip(said, said[1:], strict=False):
        if one == other:
            raise StoreError(f"{one[0]} to {one[1]} is labelled {one[2]!r} twice; once is enough.")
    return {**extra, "spans": [dict(zip(("start", "end", "label"), s, strict=True)) for s in said]}


def _checked(span: object, n_chars: int) -> tuple[int, int, str]:
    if not isinstance(span, Mapping) or span.keys() != {"start", "end", "label"}:
        raise StoreError(f"A span is {span!r:.60}; it takes start, end and label.")
    start, end, label = span["start"], span["end"], span["label"]
    if any(isinstance(at, bool) or not isinstance(at, int) for at in (start, end)):
        raise StoreError(f"A span runs from {start!r:.20} to {end!r:.20}; it takes whole numbers.")
    if start >= end:
        raise StoreError(f"A span runs from {start} to {end}, so no word is in it; label some.")
    if start < 0 or end > n_chars:
        raise StoreError(
            f"A span runs from {start} to {end}, and the trace has {n_chars} characters; open the "
            "card again, then label what it shows."
        )
    if not isinstance(label, str) or not label.isprintable() or label != label.strip() or not label:
        raise StoreError(f"{label!r:.80} is no label; it takes a word or a few on one line.")
    if len(label) > MAX_LABEL_CHARS:
        raise StoreError(f"A label has {len(label)} characters; it takes {MAX_LABEL_CHARS}.")
    return start, end, label


def triples(extra: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """(start, end, label) of a stored decision's `extra`, in its order."""
    return [(span["start"], span["end"], span["label"]) for span in extra.get("spans", [])]


def frame(decisions: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The spans of stored decisions (`SCHEMA`), in their order; each has the trace's `text`."""
    names = ("trace_id", "problem_id", "reviewer", "decision_id")
    said = [
        {
            **{name: row[name] for name in names},
            "start": start, "end": end, "label": label, "text": row["text"][start:end],
            "n_chars": len(row["text"]),
        }
        for row in decisions
        for start, end, label in triples(json.loads(row["extra"]))
    ]  # fmt: skip
    return pl.DataFrame(said, schema=SCHEMA)
