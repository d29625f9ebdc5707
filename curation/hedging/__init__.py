"""Text to markers: where a writer doubts, reconsiders, checks, insists, or betrays what they saw.

Owns the lexicon (data: `curation/lexicon/en.tsv`) and the finding of its phrases. Knows nothing of
stores, students or statistics. `find_markers` promises: `text[start:end]` is the marker's text;
sorted by start; disjoint inside a category, the longest match first; a phrase may serve several
categories. Letter case, apostrophes (’ ʼ '), hyphen or space, odd spaces, several spaces and one
line break inside a phrase make no difference. Not marked: what lies inside a word, code (fenced,
inline, identifiers), LaTeX, a phrase alone in quotation marks (mentioned, not used), and what the
trace copies from its prompt (`COPIED_WORDS` words in a row, or a quotation found there).
Appending a paragraph changes nothing before it, unless a code fence stood open.

How: the text is folded to plain lower case without moving an offset, one Aho-Corasick pass finds
all phrases, and only these candidates are looked at (word boundaries, masks, then the context rule
that the lexicon names: `rules.py`). Cost grows with the text and the candidates, hardly with
the lexicon.

`kim_count` is the count of arXiv 2603.24472 (ten words, as substrings), so that published numbers
can be compared; it marks reflection more than hedging.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import polars as pl

from curation.hedging.early import EarlyAnswer, early_answer
from curation.hedging.lexicon import Entry, Lexicon, load_lexicon, read_lexicon
from curation.hedging.rules import RULES
from curation.hedging.scope import Reading, describe
from curation.hedging.text import (
    COPIED_WORDS,
    Site,
    fold,
    is_mention_or_name,
    joins,
    masks,
    read_prompt,
)
from curation.records import MARKING_SCHEMA, Category, Marker

__all__ = [
    "COPIED_WORDS", "KIM_WORDS", "MARKING_SCHEMA", "EarlyAnswer", "Entry", "Lexicon", "Reading",
    "describe", "early_answer", "find_markers", "kim_count", "load_lexicon", "mark_many",
    "n_words", "per_1k", "read_lexicon",
]  # fmt: skip

KIM_WORDS = (
    "wait", "hmm", "perhaps", "maybe", "actually", "alternatively", "seems", "might", "likely",
    "check",
)  # fmt: skip
"""Source: github.com/beanie00/self-distillation-analysis @ 5c51051,
eval/check_epistemic_tokens.py."""


def find_markers(
    text: str, prompt: str | None = None, lexicon: Lexicon | None = None
) -> list[Marker]:
    """The markers of `text`, by start; `start` and `end` are string indices, end exclusive.

    With `prompt`, what the text copies from it is left out, and privilege phrases whose words the
    prompt itself uses are not privilege. `lexicon` None = the English one.
    """
    lexicon = lexicon or load_lexicon()
    folded = fold(text)
    groups = lexicon.phrases
    hay, low = folded.hay, folded.low
    candidates: list[tuple[int, int, list[Entry]]] = []
    n_chars = len(hay)
    for index, start, end in lexicon.automaton.find_matches_as_indexes(hay, overlapping=True):
        if start and hay[start - 1] != " " and joins(hay[start - 1]):
            continue
        if end < n_chars and hay[end] != " " and joins(hay[end]):
            continue
        candidates.append((start, end, groups[index]))
    if not candidates:
        return []
    candidates.sort(key=lambda c: (c[0], -c[1]))
    masked = masks(low)
    mask_starts = [m[0] for m in masked]
    copies = read_prompt(prompt) if prompt else None
    taken: dict[Category | None, int] = {}
    found: list[tuple[int, int, Category]] = []
    for start, end, group in candidates:
        if end <= taken.get(None, 0):
            continue  # inside an idiom that is no marker
        if group[0].category is None:
            taken[None] = max(end, taken.get(None, 0))
            continue
        if all(start < taken.get(entry.category, 0) for entry in group):
            continue
        inside = bisect_right(mask_starts, start) - 1
        if inside >= 0 and start < masked[inside][1]:
            continue
        if is_mention_or_name(folded.cased, start, end):
            continue
        site = Site(low, folded.cased, start, end)
        copied: bool | None = None
        for entry in group:
            category = entry.category
            if category is None or start < taken.get(category, 0):
                continue
            if entry.rule and not RULES[entry.rule](site):
                continue
            if copies is not None:
                if category == "privilege" and copies.names(hay[start:end]):
                    continue
                if copied is None:
                    copied = copies.is_copied(low, start, end)
                if copied:
                    continue
            taken[category] = end
            found.append((start, end, category))
    markers = []
    for start, end, category in found:
        start, end = folded.place(start), folded.place(end - 1) + 1
        markers.append(Marker(start, end, category, text[start:end]))
    return markers


def mark_many(
    trace_ids: Sequence[str],
    texts: Sequence[str],
    prompts: Sequence[str | None] | None = None,
    lexicon: Lexicon | None = None,
) -> pl.DataFrame:
    """The markings of many traces, `MARKING_SCHEMA`, in the order given."""
    lexicon = lexicon or load_lexicon()
    asked: Iterable[str | None] = [None] * len(texts) if prompts is None else prompts
    columns: dict[str, list[object]] = {name: [] for name in MARKING_SCHEMA}
    for trace_id, text, prompt in zip(trace_ids, texts, asked, strict=True):
        markers = find_markers(text, prompt, lexicon)
        columns["trace_id"].append(trace_id)
        columns["lexicon_id"].append(lexicon.lexicon_id)
        columns["start_char"].append([m.start for m in markers])
        columns["end_char"].append([m.end for m in markers])
        columns["category"].append([m.category for m in markers])
        columns["n_words"].append(n_words(text))
        columns["kim_count"].append(kim_count(text))
    return pl.DataFrame(columns, schema=MARKING_SCHEMA)


def kim_count(text: str) -> int:
    """How often the ten words of Kim et al. occur in `text` as lower-case substrings."""
    low = text.lower()
    return sum(low.count(word) for word in KIM_WORDS)


def n_words(text: str) -> int:
    """Words of `text`: pieces between white space, as `wc -w` counts them."""
    return len(text.split())


def per_1k(count: float, n_units: float | None) -> float:
    """`count` per 1,000 units (tokens or words, as the caller's name says); nan without units."""
    return 1000.0 * count / n_units if n_units else float("nan")
