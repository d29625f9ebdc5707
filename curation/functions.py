"""What markers do, for the traces of a store: the deeds of each, and a pool by teacher context.

    frame = pool(store, trace_ids, student)    a row a trace: counts, and the belief map beside them
    by_context(frame)                          shares by teacher context, with n
    words(text, markers)                       a few words a marker, for the desk

A conductor: joins the store's markers, steps and belief curves with what `curation.hedging` and
`curation.compatibility.revision_map` say of them. The definitions stand there. Two views of the
same question, kept apart: deeds are seen in the text; the belief map (productive doubt, derailment,
decorative, support) is the student's, and exists only where the belief family was scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from curation import compatibility, hedging
from curation.hedging.following import deeds
from curation.hedging.functions import FUNCTION_SCHEMA, functions, row, summary
from curation.hedging.lexicon import Lexicon
from curation.records import TEACHER_CONTEXTS, Marker
from curation.store import Store

BELIEF_KINDS = {
    "productive doubt": "n_productive_doubt",
    "derailment": "n_derailment",
    "decorative": "n_flat",
    "support": "n_support",
}
"""`revision_map`'s kinds and their columns. `n_flat`: steps with a reflection where the student's
belief hardly moves, which is not the same as a marker that no revision follows."""

POOL_SCHEMA: dict[str, pl.DataType] = {
    **FUNCTION_SCHEMA,
    "teacher_context": pl.String(),
    "place_mean": pl.Float64(),
    **{column: pl.Int64() for column in BELIEF_KINDS.values()},
}
"""One marked trace a row. `place_mean` is the mean place of its epistemic markers along the trace
(0 = start, 1 = end; null without markers); the belief columns are null where no curve is stored."""

_BATCH = 2_000
"""Traces asked for at a time: each question looks through all scores, whatever it is about."""


def pool(
    store: Store,
    trace_ids: Sequence[str],
    student: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> pl.DataFrame:
    """`POOL_SCHEMA` for those of `trace_ids` that are marked, in order of arrival.

    What is not marked (yet, or because its language has no lexicon) has no row: compare heights.
    `progress` is told "n more done".
    """
    rows: list[dict[str, Any]] = []
    for first in range(0, len(trace_ids), _BATCH):
        batch = list(trace_ids[first : first + _BATCH])
        for found in store.evidence(batch, student).iter_rows(named=True):
            if found["marker_start"] is not None:
                rows.append(_pooled(found))
        if progress is not None:
            progress(len(batch))
    return pl.DataFrame(rows, POOL_SCHEMA)


def _pooled(found: Mapping[str, Any]) -> dict[str, Any]:
    text = found["text"]
    spans = zip(found["marker_start"], found["marker_end"], found["marker_category"], strict=True)
    markers = [Marker(start, end, kind, text[start:end]) for start, end, kind in spans]
    done = functions(text, markers, found["prompt"], found["step_start"])
    return {
        **row(found["trace_id"], done),
        "teacher_context": found["teacher_context"],
        "place_mean": float(np.mean(done.places)) if done.places else None,
        **belief_counts(
            found["point_step"] if found["belief_error"] is None else None,
            found["point_nats"],
            found["step_start"],
            markers,
        ),
    }


def belief_counts(
    point_step: Sequence[int] | None,
    point_nats: Sequence[float] | None,
    step_start: Sequence[int],
    markers: Sequence[Marker],
) -> dict[str, int | None]:
    """Steps with a reflection by what the student's belief did there; all None without a curve."""
    if not point_step or not point_nats:
        return dict.fromkeys(BELIEF_KINDS.values())
    starts = np.asarray(step_start[1:], dtype=np.int64)
    marked = {
        int(np.searchsorted(starts, marker.start, side="right"))
        for marker in markers
        if marker.category == "reflection"
    }
    kinds: Counter[str] = Counter(
        r.kind for r in compatibility.revision_map(point_step, point_nats, marked)
    )
    return {column: kinds[kind] for kind, column in BELIEF_KINDS.items()}


def by_context(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a teacher context of a `POOL_SCHEMA` frame: `summary` of `hedging.functions`.

    In the order of `records.TEACHER_CONTEXTS`.

    Beside it `place_mean` (mean over the traces that have markers), `n_believed` (steps with a
    reflection whose belief is known) and the shares of them that are productive doubt, derailment
    and flat; null where there are none.
    """
    columns = list(BELIEF_KINDS.values())
    n_believed = pl.sum_horizontal(columns)
    beside = (
        frame.group_by("teacher_context")
        .agg(pl.col("place_mean").mean(), *(pl.col(column).sum() for column in columns))
        .with_columns(n_believed.alias("n_believed"))
        .with_columns(
            pl.when(pl.col("n_believed") > 0)
            .then(pl.col(column) / pl.col("n_believed"))
            .alias(f"{column.removeprefix('n_')}_share")
            for column in columns[:3]
        )
        .drop(columns)
    )
    joined = summary(frame).join(beside, on="teacher_context", how="left")
    return joined.sort(pl.col("teacher_context").cast(pl.Enum(TEACHER_CONTEXTS)))


_DEED_WORDS = {
    "revises": "a revision follows",
    "recomputes": "a computation checks",
    "confirms": "the value is said again",
}


def words(
    text: str,
    markers: Sequence[Marker],
    prompt: str | None = None,
    answer: str | None = None,
    lexicon: Lexicon | None = None,
) -> list[str]:
    """For each marker a few words on what it does: its strength and scope, or what follows it.

    Plain text of at most about a hundred characters; empty where there is nothing to say.
    """
    done = {(d.marker.start, d.marker.category): d for d in deeds(text, markers)}
    said = []
    for marker, reading in zip(
        markers, hedging.describe(text, markers, prompt, lexicon, answer), strict=True
    ):
        parts: list[str] = []
        deed = done.get((marker.start, marker.category))
        if deed is not None:
            if deed.replaced is not None and deed.claim is not None:
                parts.append(f"{deed.claim.about}: {deed.replaced.value} → {deed.claim.value}")
            else:
                nothing = "decorative" if marker.category == "reflection" else "in word only"
                parts.append(_DEED_WORDS.get(str(deed.kind), nothing))
        elif reading.scope_start is not None and reading.scope_end is not None:
            clause = " ".join(text[reading.scope_start : reading.scope_end].split())
            short = clause if len(clause) <= _CLAUSE_CHARS else f"{clause[: _CLAUSE_CHARS - 1]}…"
            parts += [reading.strength or "", f"of “{short}”"]
            parts += ["negated"] * reading.is_negated + ["conditional"] * reading.is_conditional
            parts += ["quoted"] * reading.is_quoted + ["the answer"] * bool(reading.holds_answer)
        said.append(", ".join(part for part in parts if part))
    return said


_CLAUSE_CHARS = 60
