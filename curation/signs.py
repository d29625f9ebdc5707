"""Signs in a trace's text: its markers, and shortcuts, found for every trace and kept in the store.

A conductor: reads traces from the store, asks `curation.compatibility` and stores what it finds
under the id of the rules. New rules find anew; what old ones found stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from curation import compatibility, hedging, lexicons
from curation.hedging.language import DEFAULT, UNDETERMINED, read_language
from curation.hedging.lexicon import Lexicon
from curation.records import Marker, Trace
from curation.store import SHORTCUT_SCHEMA, Store

RULES_ID = f"shortcuts-{compatibility.SHORTCUT_RULES}"


class Marking(NamedTuple):
    """What the lexicons in use say of a trace."""

    markers: list[Marker] | None
    """None = not counted; `refusal` says why."""
    lexicon: Lexicon | None
    language: str
    """ISO 639-1; "und" = cannot be told, so English is assumed."""
    refusal: str | None


def marking_of(store: Store, trace: Trace) -> Marking:
    """The trace's markers: as stored, or found now where the caretaker has not come by yet."""
    language = store.language(trace.trace_id) or read_language(trace.text).language
    lexicon = lexicons.in_use(store).get(DEFAULT if language == UNDETERMINED else language)
    if lexicon is None:
        return Marking(None, None, language, lexicons.refusal(language))
    marking = store.marking_under(lexicon.lexicon_id, trace.trace_id)
    if marking is None:
        found = hedging.find_markers(trace.text, trace.prompt, lexicon)
    else:
        spans = zip(marking["start_char"], marking["end_char"], marking["category"], strict=True)
        found = [Marker(start, end, kind, trace.text[start:end]) for start, end, kind in spans]
    return Marking(found, lexicon, language, None)


def markers_of(store: Store, trace: Trace) -> list[Marker]:
    """The trace's markers; empty where it is not counted, which `marking_of` tells apart."""
    return marking_of(store, trace).markers or []


def described(
    text: str,
    markers: Sequence[Marker],
    prompt: str | None = None,
    answer: str | None = None,
    lexicon: Lexicon | None = None,
) -> list[dict[str, Any]]:
    """Each marker as a row for JSON: its own fields, then those of its `hedging.Reading`."""
    readings = hedging.describe(text, markers, prompt, lexicon, answer)
    return [
        {**marker._asdict(), **reading._asdict()}
        for marker, reading in zip(markers, readings, strict=True)
    ]


def search_pending(
    store: Store, progress: Callable[[int], object] | None = None, limit: int | None = None
) -> int:
    """Search every trace that these rules have not searched yet; how many were.

    `limit` is how many to search at most; `progress` is told "n more done".
    """
    store.set_setting("shortcut_rules", RULES_ID)
    n = 0
    while limit is None or n < limit:
        frame = store.unsearched(RULES_ID, 1000 if limit is None else limit - n)
        if not frame.height:
            break
        rows = [_row(**row) for row in frame.iter_rows(named=True)]
        store.add_shortcuts(pl.DataFrame(rows, SHORTCUT_SCHEMA))
        n += frame.height
        if progress is not None:
            progress(frame.height)
    return n


def _row(
    trace_id: str,
    prompt: str,
    text: str,
    step_start: list[int],
    step_end: list[int],
    answer: str | None,
) -> dict[str, object]:
    found = compatibility.find_shortcuts(
        text, prompt=prompt, answer=answer, step_start=step_start, step_end=step_end
    )
    return {
        "trace_id": trace_id,
        "rules_id": RULES_ID,
        "repeated_share": found.repeated_share,
        "has_loop": found.loop is not None,
        "n_answer_repetitions": found.n_answer_repetitions,
        "is_truncated": found.is_truncated,
        "n_skipped_computations": len(found.skipped_steps),
        "early_answer": found.early_answer,
    }
