"""What a change to a lexicon would do to the store's traces, and how often its phrases occur.

A conductor: it looks, and stores nothing. Both lexicons read the same traces, so what differs is
the change. Only traces that may hold the phrase are read, and at most `LOOKED_AT` of them: an
answer says of how many it speaks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from curation import hedging, lexicons
from curation.hedging import changes as changing
from curation.hedging.changes import Change
from curation.hedging.lexicon import Lexicon
from curation.records import Marker
from curation.store import Store

LOOKED_AT = 2_000
"""Traces that a preview reads at most: a few seconds."""

COUNTED = 5_000
"""Traces, at most, whose markers say how often a phrase occurs."""

AROUND_CHARS = 50

OCCURRENCE_SCHEMA: dict[str, pl.DataType] = {
    "phrase": pl.String(),
    "category": pl.String(),
    "strength": pl.String(),
    "rule": pl.String(),
    "why": pl.String(),
    "source": pl.String(),
    "n_found": pl.Int64(),
}
"""An entry a row; `n_found` = how often it was the marker found, null where nothing is marked."""


class Example(NamedTuple):
    """A marker that comes, goes or changes: plain text of one trace, the line breaks as spaces."""

    trace_id: str
    before: str
    surface: str
    after: str
    was: str | None
    """The category under the lexicon in use; None = no marker."""
    becomes: str | None


class Effect(NamedTuple):
    """What a change would do."""

    lexicon_id: str
    """The version that it would be."""
    n_candidates: int
    """Traces of the language whose text may hold the phrase."""
    n_read: int
    """Those of them that were read for this answer; fewer where there are many."""
    n_traces: int
    """Traces read whose markers would change."""
    n_come: int
    n_go: int
    by_category: dict[str, tuple[int, int]]
    """Category -> markers that (go, come)."""
    examples: tuple[Example, ...]


def preview(
    store: Store, language: str, change: Change, n_examples: int = 5, limit: int = LOOKED_AT
) -> Effect:
    """The effect of `change` on the traces of a language; nothing is stored.

    Raises CurationError where the change does not fit the lexicon in use.
    """
    now = lexicons.state_of(store, language).lexicon
    then = changing.apply(now, [change])
    key = changing.key_of(change.phrase)
    word = max(re.findall(r"[^\W_]+", key), key=len)
    frame, n_candidates = store.holding(word, language, limit)
    n_traces, n_come, n_go = 0, 0, 0
    going: Counter[str] = Counter()
    coming: Counter[str] = Counter()
    examples: list[Example] = []
    for trace_id, prompt, text in frame.iter_rows():
        was = set(hedging.find_markers(text, prompt, now))
        becomes = set(hedging.find_markers(text, prompt, then))
        if was == becomes:
            continue
        n_traces += 1
        go, come = was - becomes, becomes - was
        n_go += len(go)
        n_come += len(come)
        going.update(marker.category for marker in go)
        coming.update(marker.category for marker in come)
        if len(examples) < n_examples:
            examples.append(_example(trace_id, text, go, come))
    named = sorted({*going, *coming})
    return Effect(
        then.lexicon_id, n_candidates, frame.height, n_traces, n_come, n_go,
        {name: (going[name], coming[name]) for name in named}, tuple(examples),
    )  # fmt: skip


def _example(trace_id: str, text: str, go: set[Marker], come: set[Marker]) -> Example:
    """The first place of a trace where a marker differs."""
    first = min((*go, *come))
    was = sorted(m.category for m in go if (m.start, m.end) == (first.start, first.end))
    becomes = sorted(m.category for m in come if (m.start, m.end) == (first.start, first.end))
    return Example(
        trace_id,
        " ".join(text[max(0, first.start - AROUND_CHARS) : first.start].split("\n")),
        " ".join(first.text.split("\n")),
        " ".join(text[first.end : first.end + AROUND_CHARS].split("\n")),
        ", ".join(was) or None,
        ", ".join(becomes) or None,
    )


Found = dict[tuple[str, str], int]
"""(Folded phrase, category) -> how often it was the marker."""


def count(store: Store, lexicon: Lexicon) -> Found:
    """How often each entry was the marker, in the first `COUNTED` traces that this version marked.

    An entry counts by its category, after its rule, not inside a longer phrase. Empty = no trace is
    marked yet.
    """
    surfaces: Counter[tuple[str, str]] = Counter()
    frame = store.marked_texts(lexicon.lexicon_id, COUNTED)
    for text, starts, ends, categories in frame.iter_rows():
        for start, end, category in zip(starts, ends, categories, strict=True):
            surfaces[text[start:end], category] += 1
    found: Counter[tuple[str, str]] = Counter()
    for (surface, category), n in surfaces.items():
        found[_key(surface), category] += n
    return dict(found)


def occurrences(lexicon: Lexicon, found: Found, search: str = "") -> pl.DataFrame:
    """The entries of a lexicon with their counts (`OCCURRENCE_SCHEMA`), by phrase.

    `search` keeps those with all its words in phrase, category, strength, rule or source.
    """
    words = search.lower().split()
    rows = []
    for entry in lexicon.entries:
        category = entry.category or changing.NONE
        if _holds(entry, category, words):
            n = found.get((_key(entry.phrase), category), 0)
            n_found = n if found and entry.category else None
            rows.append({**entry._asdict(), "category": category, "n_found": n_found})
    frame = pl.DataFrame(rows, schema=OCCURRENCE_SCHEMA)
    return frame.sort("phrase", "category", maintain_order=True)


def _key(phrase: str) -> str:
    return " ".join(hedging.text.fold(phrase).hay.split())


def _holds(entry: hedging.Entry, category: str, words: Sequence[str]) -> bool:
    of = " ".join((entry.phrase, category, entry.strength, entry.rule, entry.source)).lower()
    return all(word in of for word in words)
