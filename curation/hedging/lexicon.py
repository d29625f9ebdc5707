"""Lexicons: tables of phrases, read and compiled.

Owns the table's format and its errors. The table is data (`curation/lexicon/<language>.tsv`); its
`# rules: n` line names the version of the context rules that it was written for, so that the
hash of the table changes when a rule does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import ahocorasick_rs

from curation.errors import CurationError
from curation.hedging.rules import RULES
from curation.hedging.text import fold
from curation.records import CATEGORIES, Category, content_id

LEXICON_FOLDER = Path(__file__).parent.parent / "lexicon"
_COLUMNS = ["phrase", "category", "strength", "rule", "why", "source"]
_NOT_A_MARKER = "none"


class Entry(NamedTuple):
    """One phrase of a lexicon, written out; `category` None = no marker, nor anything inside it."""

    phrase: str
    category: Category | None
    strength: str
    rule: str
    why: str
    source: str


@dataclass(frozen=True)
class Lexicon:
    """A versioned list of phrases; `lexicon_id` is the hash of `content`, the file as it stood."""

    lexicon_id: str
    language: str
    content: str
    entries: tuple[Entry, ...]

    @cached_property
    def _grouped(self) -> dict[str, list[Entry]]:
        """Folded phrase -> its entries."""
        grouped: dict[str, list[Entry]] = {}
        phrases = [entry.phrase for entry in self.entries]
        # As paragraphs of one text: folding thousands one by one takes most of a second.
        folded = fold("\n\n".join(phrases)).hay.split("  ")
        if len(folded) != len(phrases) or any(phrase != phrase.strip() for phrase in phrases):
            folded = [fold(phrase).hay for phrase in phrases]
        for phrase, entry in zip(folded, self.entries, strict=True):
            grouped.setdefault(phrase, []).append(entry)
        return grouped

    @cached_property
    def phrases(self) -> list[list[Entry]]:
        """The entries of each distinct phrase, in the order of the automaton's patterns."""
        return list(self._grouped.values())

    @cached_property
    def strengths(self) -> dict[tuple[str, Category], Literal["weak", "strong"]]:
        """(folded phrase, category) -> how surely it is that category, as the table says."""
        return {
            (phrase, entry.category): "strong" if entry.strength == "strong" else "weak"
            for phrase, entries in self._grouped.items()
            for entry in entries
            if entry.category is not None
        }

    @cached_property
    def automaton(self) -> ahocorasick_rs.AhoCorasick:
        """Finds every occurrence of every phrase in a folded text, overlapping ones too."""
        patterns = list(self._grouped)
        return ahocorasick_rs.AhoCorasick(patterns, matchkind=ahocorasick_rs.MatchKind.Standard)


def read_lexicon(content: str, language: str = "en", origin: str = "lexicon") -> Lexicon:
    """The lexicon that a table's text describes.

    Tab-separated, a header row, `#` lines are comments; `{a,b,}` in a phrase stands for each
    alternative. Raises CurationError naming `origin`, line and column of what is wrong.
    """
    entries: list[Entry] = []
    header_seen = False
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split("\t")
        if not header_seen:
            if cells != _COLUMNS:
                raise CurationError(
                    f"{origin}:{number}: the header is {cells}; it must be {_COLUMNS}, with tabs."
                )
            header_seen = True
            continue
        if len(cells) != len(_COLUMNS):
            raise CurationError(
                f"{origin}:{number}: {len(cells)} columns; an entry has {len(_COLUMNS)}."
            )
        pattern, category, strength, rule, why, source = cells
        if category not in (*CATEGORIES, _NOT_A_MARKER):
            raise CurationError(
                f"{origin}:{number}: category {category!r}; it takes one of"
                f" {', '.join((*CATEGORIES, _NOT_A_MARKER))}."
            )
        if strength not in ("weak", "strong"):
            raise CurationError(f"{origin}:{number}: strength {strength!r}; it is weak or strong.")
        if rule and rule not in RULES:
            raise CurationError(
                f"{origin}:{number}: rule {rule!r} is unknown; leave it empty or use one of"
                f" {', '.join(sorted(RULES))}."
            )
        named = next((c for c in CATEGORIES if c == category), None)
        for phrase in alternatives(pattern):
            if not phrase:
                raise CurationError(f"{origin}:{number}: {pattern!r} leaves an empty phrase.")
            entries.append(Entry(phrase, named, strength, rule, why, source))
    if not entries:
        raise CurationError(f"{origin}: no entry in the table; give at least one phrase.")
    return Lexicon(content_id("lx1", content), language, content, tuple(entries))


def load_lexicon(language: str = "en") -> Lexicon:
    """The lexicon shipped for `language`, read once. Raises CurationError where there is none."""
    return _shipped(language)


@lru_cache(maxsize=16)
def _shipped(language: str) -> Lexicon:
    path = LEXICON_FOLDER / f"{language}.tsv"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in LEXICON_FOLDER.glob("*.tsv")))
        raise CurationError(f"There is no lexicon for language {language!r}; there is: {known}.")
    return read_lexicon(path.read_text(encoding="utf-8"), language, path.name)


def alternatives(pattern: str) -> list[str]:
    """The phrases that `pattern` stands for: each choice of its `{a,b,}` groups, nested or not."""
    inner = re.search(r"\{([^{}]*)\}", pattern)
    if inner is None:
        return [" ".join(pattern.split())]
    return [
        phrase
        for choice in inner[1].split(",")
        for phrase in alternatives(pattern[: inner.start()] + choice + pattern[inner.end() :])
    ]
