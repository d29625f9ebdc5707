"""Function, not word, for a whole trace and for a pool: what its markers led to.

Owns the summary of one trace (`functions`, from its text and markers) and of many by a group
(`summary`, from a frame of `FUNCTION_SCHEMA`). What counts as a revision or a recomputation is
`following.py`'s; here stand two definitions more:

- A **self-correction** is a revision of a value with both claims near its marker: the earlier one
  within `NEAR_CHARS` before it, the one that replaces it within `NEAR_CHARS` after it.
- A **dead end** is a road that was left. A road runs from the trace's start, or from the last turn,
  to the next turn (an `alternative` marker or `start over`). It is a dead end when it computed
  numbers that neither the prompt nor the text before had, none of them stands anywhere after the
  turn, and the last `LEAVING_CHARS` before the turn say that it fails (`is_said`). Roads whose
  numbers are never used again without such words are kept apart: often they are cases.

Shares are of what was counted, with the count beside them; nan (in frames null) where nothing was.
Nothing here was validated beyond our own short passages, and small numbers reappear by chance, so
dead ends are undercounted. Knows nothing of stores, students or beliefs.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from curation.hedging.following import Claim, Deed, calculations, claims, deeds
from curation.records import EPISTEMIC, Marker

__all__ = [
    "FUNCTION_SCHEMA", "LEAVING_CHARS", "NEAR_CHARS", "DeadEnd", "Functions", "SelfCorrection",
    "functions", "row", "summary",
]  # fmt: skip

LEAVING_CHARS = 160
NEAR_CHARS = 300


class SelfCorrection(NamedTuple):
    """`about` had the value of `old`, then that of `new`; both spans are in the text."""

    old: Claim
    new: Claim


class DeadEnd(NamedTuple):
    """`text[start:end]` was a road whose numbers are not used after it; `end` is the turn."""

    start: int
    end: int
    is_said: bool


class Functions(NamedTuple):
    """What the markers of one trace led to."""

    n_markers: int
    """Markers of the epistemic categories."""
    places: list[float]
    """Where each of them starts, as a share of the trace's length: 0 ≤ place < 1."""
    deeds: list[Deed]
    """One a reflection or verification marker, in order."""
    self_corrections: list[SelfCorrection]
    """In order, each pair of claims once."""
    dead_ends: list[DeadEnd]
    steps: list[int | None]
    """The index of the step in which each deed's marker stands; None without steps."""

    def counts(self) -> dict[str, int]:
        """The columns of `FUNCTION_SCHEMA` that are counts."""
        reflections = [d for d in self.deeds if d.marker.category == "reflection"]
        checks = [d for d in self.deeds if d.marker.category == "verification"]
        n_revising = sum(d.kind == "revises" for d in reflections)
        n_said = sum(road.is_said for road in self.dead_ends)
        return {
            "n_markers": self.n_markers,
            "n_reflections": len(reflections),
            "n_revising": n_revising,
            "n_decorative": len(reflections) - n_revising,
            "n_verifications": len(checks),
            "n_recomputing": sum(d.kind == "recomputes" for d in checks),
            "n_word_only": sum(d.kind is None for d in checks),
            "n_self_corrections": len(self.self_corrections),
            "n_dead_ends": n_said,
            "n_unused_roads": len(self.dead_ends) - n_said,
        }


_COUNTS = (
    "n_markers", "n_reflections", "n_revising", "n_decorative", "n_verifications",
    "n_recomputing", "n_word_only", "n_self_corrections", "n_dead_ends", "n_unused_roads",
)  # fmt: skip
FUNCTION_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    **{name: pl.Int64() for name in _COUNTS},
}
"""One trace a row."""

_LEAVES = re.compile(
    r"\b(?:(?:doesn't|does not|didn't|did not|won't|will not|isn't|is not|not) (?:really )?"
    r"(?:work|help|helpful|useful|promising|lead|leading|go|going)"
    r"|(?:leads?|going|goes|getting) nowhere|dead end|no use|(?:i'm|am|get|got) stuck"
    r"|(?:too|gets?|getting|very|is) (?:many|messy|complicated|hard|long|tedious|ugly|involved)"
    r"|(?:i )?(?:can't|cannot|don't) (?:see|know) how|give up|abandon|hopeless)\b",
    re.IGNORECASE,
)
_OVER = re.compile(r"\bstart(?:ing)? (?:over|again|afresh)\b", re.IGNORECASE)
_GIVES = re.compile(r"\b(?:gives|yields|makes|leaves|(?:i|we) get) \d+", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")


def functions(
    text: str,
    markers: Sequence[Marker],
    prompt: str | None = None,
    step_start: Sequence[int] = (),
) -> Functions:
    """What the markers of a trace led to; `step_start` has the ascending starts of its steps.

    Cost grows with the text and the markers.
    """
    own = [m for m in markers if m.category in EPISTEMIC]
    done = deeds(text, markers)
    corrections: dict[tuple[int, int], SelfCorrection] = {}
    for deed in done:
        if deed.by != "value" or deed.replaced is None or deed.claim is None:
            continue
        if (
            deed.marker.start - deed.replaced.end <= NEAR_CHARS
            and deed.claim.start - deed.marker.end <= NEAR_CHARS
        ):
            pair = SelfCorrection(deed.replaced, deed.claim)
            corrections.setdefault((pair.old.start, pair.new.start), pair)
    return Functions(
        len(own),
        [m.start / len(text) for m in own],
        done,
        sorted(corrections.values(), key=lambda pair: pair.new.start),
        _dead_ends(text, markers, prompt),
        [_step(step_start, deed.marker.start) for deed in done],
    )


def _step(step_start: Sequence[int], at: int) -> int | None:
    if not step_start:
        return None
    return max(0, bisect_right(step_start, at) - 1)


def _dead_ends(text: str, markers: Sequence[Marker], prompt: str | None) -> list[DeadEnd]:
    """The roads left, in order; the last road of a trace is never one."""
    turns = {m.start for m in markers if m.category == "alternative"}
    turns |= {over.start() for over in _OVER.finditer(text)}
    numbers = [(n.start(), n[0]) for n in _NUMBER.finditer(text)]
    last_place = {number: at for at, number in numbers}
    computed = sorted(
        calculations(text, 0, len(text))
        + [(claim.start, claim.end) for claim in claims(text)]
        + [given.span() for given in _GIVES.finditer(text)]
    )
    known = set(_NUMBER.findall(prompt or ""))
    found, start, seen = [], 0, 0
    for turn in sorted(turns):
        road: set[str] = set()
        while seen < len(numbers) and numbers[seen][0] < turn:
            road.add(numbers[seen][1])
            seen += 1
        new = road - known
        first = bisect_left(computed, (start, start))
        has_result = first < len(computed) and computed[first][1] <= turn
        if new and has_result and all(last_place[number] < turn for number in new):
            left = _LEAVES.search(text, max(start, turn - LEAVING_CHARS), turn)
            found.append(DeadEnd(start, turn, left is not None))
        known |= road
        start = turn
    return found


def summary(frame: pl.DataFrame, by: str = "teacher_context") -> pl.DataFrame:
    """One row a group of `by`, sorted: counts over its traces, means and shares.

    `frame` has `FUNCTION_SCHEMA` and the column `by`. `markers_per_trace`,
    `self_corrections_per_trace` and `dead_ends_per_trace` are means over traces;
    `revising_share` is of `n_reflections`, `recomputing_share` of `n_verifications`: null where
    there are none. Markers of a trace depend on each other, so these shares have no interval here.
    """

    def share(part: str, whole: str) -> pl.Expr:
        return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))

    return (
        frame.group_by(by)
        .agg(pl.len().alias("n_traces"), *(pl.col(name).sum() for name in _COUNTS))
        .with_columns(
            (pl.col("n_markers") / pl.col("n_traces")).alias("markers_per_trace"),
            share("n_revising", "n_reflections").alias("revising_share"),
            share("n_recomputing", "n_verifications").alias("recomputing_share"),
            (pl.col("n_self_corrections") / pl.col("n_traces")).alias("self_corrections_per_trace"),
            (pl.col("n_dead_ends") / pl.col("n_traces")).alias("dead_ends_per_trace"),
        )
        .sort(by)
    )


def row(trace_id: str, found: Functions) -> dict[str, Any]:
    """A row of `FUNCTION_SCHEMA`."""
    return {"trace_id": trace_id, **found.counts()}
