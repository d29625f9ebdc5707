"""What a decision says beside its verdict, in words for a terminal.

Works on the decisions that `show` answers with (`store.extras.described`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curation.records import CONFIDENCE

SHOWN_CHARS = 120
"""How much of a labelled stretch of text is shown."""


def rows(decisions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The decisions with how `sure` each is in words, None where nothing was said."""
    return [{**row, "sure": CONFIDENCE.get(row["confidence"])} for row in decisions]


def judged(decisions: Sequence[Mapping[str, Any]]) -> str:
    """A line for each step and each span that a decision says something of; "" for none."""
    return "".join(
        f"\n  no. {row['sequence']}: {' '.join(said.splitlines())}"
        for row in decisions
        for said in _said(row)
    )


def _said(row: Mapping[str, Any]) -> Iterator[str]:
    for step in row["steps"]:
        yield f"step {step['step'] + 1} {step['says']}"
    for span in row["spans"]:
        more = "…" if len(span["text"]) > SHOWN_CHARS else ""
        words = f"“{span['text'][:SHOWN_CHARS]}{more}”"
        yield f"{span['label']} {words}, characters {span['start']} to {span['end']}"
