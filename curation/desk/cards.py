"""From the store to the desk: one trace with all that is known of it, as a card.

The only part of the desk that knows a store. Reads; never writes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from curation import compatibility, editing, functions, leak_signs, signs
from curation.desk import messages
from curation.desk.profile import SHOWN
from curation.records import PROFILE_COLUMNS, TOKEN_COLUMNS
from curation.store import Store

COLUMNS = [column for column, _ in SHOWN]


class Among(NamedTuple):
    """What a card's percentiles are of."""

    numbers: pl.DataFrame
    """The scored traces of the student shown, with the numbers of the panel."""
    leaks: leak_signs.Pool
    """The traces that leak signs are ranked in."""

    @property
    def height(self) -> int:
        """How many traces are scored."""
        return self.numbers.height


def pool(store: Store) -> Among:
    """What percentiles are of, as the store stands now."""
    return Among(store.numbers(COLUMNS), leak_signs.pool(store))


def standing(profile: dict[str, float | None], among: pl.DataFrame) -> dict[str, float]:
    """Where each number stands in a pool: percent of its traces below; those not known left out."""
    found = {}
    for column in set(COLUMNS) & set(profile):
        (percent,) = compatibility.percentiles([profile[column]], among[column].to_numpy())
        if np.isfinite(percent):
            found[column] = float(percent)
    return found


def text_of(store: Store, trace_id: str) -> messages.Card:
    """What the rendered view shows of a card: prompt, text, steps. Raises UnknownTrace."""
    trace = store.trace(trace_id)
    starts, ends = (messages.to_utf16(trace.text, edges) for edges in store.steps(trace_id))
    return {
        "prompt": trace.prompt,
        "text": trace.text,
        "steps": [[start, end] for start, end in zip(starts, ends, strict=True)],
    }


def build_blind(
    store: Store, reviewer: str, trace_id: str, why: str | None, question: str
) -> messages.Card:
    """What a judge may see of one trace; `question` is the spot check's. Raises UnknownTrace."""
    trace = store.trace(trace_id)
    mine = store.verdict_of(trace_id, reviewer, question)
    return messages.blind_card(
        trace,
        store.problem(trace.problem_id),
        steps=list(zip(*store.steps(trace_id), strict=True)),
        why=why,
        mine=messages.Recent(**mine) if mine else None,
    )


def build(
    store: Store, student: str, reviewer: str, trace_id: str, why: str | None, among: Among | None
) -> messages.Card:
    """All that the desk shows of one trace; `among` is the pool that percentiles are of.

    None = not known yet: then the card has neither percentiles nor leak signs. Raises UnknownTrace.
    """
    trace = store.trace(trace_id)
    score = store.tokens(trace_id, student)
    scored = score is not None and score["error"] is None
    families = store.compatibility(trace_id, student) if scored else {}
    profile = {name: score[name] for name in PROFILE_COLUMNS} if score and scored else None
    numbers = dict(profile or {})
    for family in families.values():
        numbers.update({name: family[name] for name in COLUMNS if name in family})
    record = store.convention(score["convention_id"]) if score else {}
    # Each question about a person's decisions looks through all of them.
    has_spoken = store.has_spoken(trace_id, reviewer)
    mine = store.verdict_of(trace_id, reviewer) if has_spoken else None
    if mine and (edit := mine["edit"]):
        edit.update(editing.advice(store, trace_id, edit["trace_id"], student)._asdict())
    marking = signs.marking_of(store, trace)
    markers = marking.markers or []
    return messages.card(
        trace,
        store.problem(trace.problem_id),
        steps=list(zip(*store.steps(trace_id), strict=True)),
        markers=markers,
        marker_words=functions.words(
            trace.text, markers, trace.prompt, trace.final_answer, marking.lexicon
        ),
        tokens={name: score[name] for name in TOKEN_COLUMNS} if score and scored else None,
        profile=profile,
        scoring="waiting" if score is None else "scored" if scored else f"failed: {score['error']}",
        convention_id=score["convention_id"] if score else None,
        student=student,
        convention=", ".join(str(record[name]) for name in ("dtype", "boundary") if name in record),
        lexicon_id=marking.lexicon.lexicon_id if marking.lexicon else None,
        marking_refusal=marking.refusal,
        why=why,
        mine=messages.Recent(**mine) if mine else None,
        families=families,
        percentiles=standing(numbers, among.numbers) if among else None,
        n_pool=among.height if among else None,
        leak_signs=leak_signs.of_trace(store, trace_id, among.leaks) if among else None,
        was_revealed=has_spoken and store.was_revealed(trace_id, reviewer),
        edit_taken_back=store.edit_taken_back(trace_id, reviewer) if has_spoken else None,
    )
