"""What a decision says of single steps, tied to the words that were judged.

A decision's `extra` holds, where its reviewer judged or saw steps,

    "steps": [{"step": 3, "verdict": -1, "start": 120, "end": 188, "text_hash": "tx1_…"}]
    "steps_seen": [[0, 5], [9, 10]]

`step` counts from 0; `verdict` is 1 (good), 0 (neither) or -1 (bad); `text[start:end]` is the step
in code points and `text_hash` the hash of these words, so that a verdict keeps its meaning where a
later version cuts steps differently. `steps_seen` are half-open ranges of the steps that stood on
the reviewer's screen. A step missing from `steps` was not judged, which is not a 0; one in no range
was not seen.

Knows nothing of databases.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import text_hash

VERDICTS: Mapping[int, str] = {1: "good", 0: "neither", -1: "bad"}
"""What a step verdict means."""

SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "reviewer": pl.String(),
    "decision_id": pl.String(),
    "step": pl.Int64(),
    "verdict": pl.Int64(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "text_hash": pl.String(),
}
"""A step verdict a row; `start` and `end` in code points, `end` exclusive."""


def tied(
    extra: Mapping[str, object], text: str, starts: Sequence[int], ends: Sequence[int]
) -> dict[str, object]:
    """`extra` with each of its step verdicts tied to the words of the trace.

    Each entry of `steps` gives at least `step` and `verdict`; they come back in order of the step.
    Raises StoreError for a step that the trace does not have, one judged twice, a verdict that is
    none, and a place or hash that is given and is not the step's.
    """
    if not extra.get("steps") and not extra.get("steps_seen"):
        return dict(extra)
    said: dict[int, dict[str, object]] = {}
    for entry in _list(extra, "steps"):
        if not isinstance(entry, Mapping):
            raise StoreError(f"A step verdict is {entry!r:.60}; it takes step and verdict.")
        step = _step(entry.get("step"), len(starts), "judges")
        if step in said:
            raise StoreError(f"Step {step + 1} is judged twice; it takes one verdict.")
        verdict = entry.get("verdict")
        if isinstance(verdict, bool) or verdict not in VERDICTS:
            raise StoreError(f"{verdict!r:.40} is no step verdict; it takes 1, 0 or -1.")
        start, end = starts[step], ends[step]
        whole = {
            "step": step, "verdict": verdict, "start": start, "end": end,
            "text_hash": text_hash(text[start:end]),
        }  # fmt: skip
        if entry.keys() - whole.keys():
            raise StoreError(f"A step verdict says {min(entry.keys() - whole.keys())!r:.40} too.")
        if any(whole[name] != value for name, value in entry.items()):
            raise StoreError(
                f"The verdict on step {step + 1} was given on other words than the trace has "
                "there; open the card again, then decide."
            )
        said[step] = whole
    for pair in _list(extra, "steps_seen"):
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise StoreError(f"steps_seen holds {pair!r:.60}; it takes pairs [from, to).")
        _step(pair[0], len(starts), "has seen")
        _step(pair[1] - 1, len(starts), "has seen")
    found = {name: value for name, value in extra.items() if name != "steps"}
    return {**found, "steps": [said[step] for step in sorted(said)]} if said else found


def pairs(extra: str) -> list[tuple[int, int]]:
    """(step, verdict) of a stored decision's `extra`, in order of the step."""
    return [(entry["step"], entry["verdict"]) for entry in json.loads(extra).get("steps", [])]


def seen(extra: str) -> list[tuple[int, int]]:
    """[from, to) of the steps that stood on screen, of a stored decision's `extra`."""
    return [(start, end) for start, end in json.loads(extra).get("steps_seen", [])]


def frame(decisions: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The step verdicts of stored decisions (`SCHEMA`), in their order."""
    said = [
        {**{name: row[name] for name in ("trace_id", "problem_id", "reviewer", "decision_id")}, **e}
        for row in decisions
        for e in json.loads(row["extra"]).get("steps", [])
    ]
    return pl.DataFrame(said, schema=SCHEMA)


def _list(extra: Mapping[str, object], name: str) -> list[Any]:
    value = extra.get(name, [])
    if not isinstance(value, list):
        raise StoreError(f"{name} is {value!r:.60}; it takes a list.")
    return value


def _step(number: object, n_steps: int, does: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < n_steps:
        raise StoreError(
            f"The decision {does} step {number!r:.40}, counted from 0; the trace has {n_steps}."
        )
    return number
