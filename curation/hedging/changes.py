"""A team's changes to a lexicon: phrases added, silenced, put into another category.

    newer = apply(load_lexicon(), [Change("silence", "roughly", why="a quantity, here")])

Owns what a change may say and how a table's text carries it. A changed lexicon is a lexicon like
any other: its text is a table that `read_lexicon` reads, so it can be exported, shared and taken
up elsewhere, and its id is the hash of that text. Only what marks enters the text. Why, who and
when stay in the list of changes, so two teams that mark alike have one id, in whatever order and
on whatever day they came to it; changes that cancel each other leave the text as it was.

A phrase is changed in all its categories at once: `silence` takes it out of the table (a shorter
phrase inside it may then be found), `reclassify` gives it one category, `add` one more. Category
`none` makes a phrase no marker, nor anything inside it. A context rule is written for one category:
it stays where only the strength changes, and goes where the category does. Knows no store.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from curation.errors import CurationError
from curation.hedging import lexicon as tables
from curation.hedging.lexicon import Entry, Lexicon, read_lexicon
from curation.hedging.text import fold
from curation.records import CATEGORIES

Action = Literal["add", "silence", "reclassify"]
ACTIONS: tuple[Action, ...] = get_args(Action)

NONE = "none"
"""The category of what is no marker, nor anything inside it."""

LONGEST_PHRASE_CHARS = 100

_TEAM = "\n# Entries of a team: added, or put into another category.\n"
"""Begins the part of a table that carries changes; its rows are sorted."""

_WHY, _SOURCE = "a team's entry", "team"


class Change(NamedTuple):
    """One change, as it was wished. `category` and `strength` None = as it is ("strong" if new)."""

    action: Action
    phrase: str
    category: str | None = None
    strength: str | None = None
    why: str = ""
    who: str = ""
    at: datetime | None = None


class Idle(NamedTuple):
    """A change that has no effect on a lexicon, with the reason."""

    place: int
    change: Change
    reason: str


def apply(lexicon: Lexicon, changes: Iterable[Change]) -> Lexicon:
    """The lexicon with all of `changes`, in their order; itself where they come to nothing.

    Raises CurationError for a change that does not fit, naming it.
    """
    changed, idle = rebase(lexicon, list(changes))
    if idle:
        raise CurationError(idle[0].reason)
    return changed


def rebase(lexicon: Lexicon, changes: Sequence[Change]) -> tuple[Lexicon, list[Idle]]:
    """As `apply`, but a change that does not fit (any more) is left out and returned.

    For changes that were made to another version: what a newer one ships needs no adding.
    """
    before = _by_key(lexicon)
    now = {key: list(entries) for key, entries in before.items()}
    idle = []
    for index, change in enumerate(changes):
        try:
            key = key_of(change.phrase)
            now[key] = _changed(now, key, change)
        except CurationError as exc:
            idle.append(Idle(index, change, str(exc)))
    touched = {key: now[key] for key in now if now[key] != before.get(key, [])}
    if not touched:
        return lexicon, idle
    content = _rewritten(lexicon.content, touched)
    return read_lexicon(content, lexicon.language, f"the changed lexicon {lexicon.language}"), idle


def key_of(phrase: str) -> str:
    """A phrase as it is looked for: folded, with single spaces.

    Raises CurationError for one that a table cannot hold.
    """
    key = " ".join(fold(" ".join(phrase.split())).hay.split())
    if not any(char.isalnum() for char in key):
        raise CurationError("A phrase needs a letter or a digit; this one is empty.")
    if len(key) > LONGEST_PHRASE_CHARS:
        raise CurationError(
            f"The phrase {key[:40]!r}… has {len(key)} characters; at most {LONGEST_PHRASE_CHARS}."
        )
    if not key.isprintable() or key.startswith("#") or set("{}") & set(key):
        raise CurationError(
            f"The phrase {key!r} holds a sign that a table cannot ({{ }}, # in front, control "
            "characters); write each phrase on its own, as it stands in a text."
        )
    return key


def _by_key(lexicon: Lexicon) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in lexicon.entries:
        found.setdefault(_key_in_table(entry.phrase), []).append(entry)
    return found


def _key_in_table(phrase: str) -> str:
    return " ".join(fold(phrase).hay.split())


def _changed(known: dict[str, list[Entry]], key: str, change: Change) -> list[Entry]:
    """What the phrase's entries become. Raises CurationError where the change does not fit."""
    if change.action not in ACTIONS:
        raise CurationError(
            f"There is no change {change.action!r}; there are {', '.join(ACTIONS)}."
        )
    if change.strength not in (None, "weak", "strong"):
        raise CurationError(f"Strength {change.strength!r}; it is weak or strong.")
    entries = known.get(key, [])
    if change.action != "add" and not entries:
        present = [name for name, found in known.items() if found]
        near = difflib.get_close_matches(key, present, n=3, cutoff=0.6)
        hint = f"near it: {', '.join(near)}" if near else "`add` makes it one"
        raise CurationError(f"The lexicon has no phrase {key!r} to {change.action}; {hint}.")
    if change.action == "silence":
        if change.category is not None or change.strength is not None:
            raise CurationError(f"To silence {key!r} takes neither category nor strength.")
        return []
    category = change.category
    if category is None and change.action == "reclassify" and change.strength is not None:
        category = _name(entries[0])  # only the strength is to change
    if category not in (*CATEGORIES, NONE):
        raise CurationError(
            f"Category {category!r} for {key!r}; it takes one of {', '.join((*CATEGORIES, NONE))}."
        )
    named = next((known_ for known_ in CATEGORIES if known_ == category), None)
    if change.action == "add":
        return _with_one_more(entries, Entry(key, named, change.strength or "strong", "", _WHY,
                                             _SOURCE))  # fmt: skip
    strength = change.strength or entries[0].strength
    if {(entry.category, entry.strength) for entry in entries} == {(named, strength)}:
        raise CurationError(f"{key!r} is {category} ({strength}) already.")
    rule = next((entry.rule for entry in entries if entry.category == named), "")
    return [Entry(key, named, strength, rule, _WHY, _SOURCE)]


def _with_one_more(entries: list[Entry], new: Entry) -> list[Entry]:
    held = [_name(entry) for entry in entries]
    if _name(new) in held:
        raise CurationError(f"{new.phrase!r} is {_name(new)} already; `reclassify` changes it.")
    if held and NONE in (*held, _name(new)):
        raise CurationError(
            f"{new.phrase!r} is {', '.join(held)}; what is {NONE} cannot be a marker beside it. "
            "Use `reclassify`."
        )
    return [*entries, new]


def _name(entry: Entry) -> str:
    return entry.category or NONE


def _rewritten(content: str, touched: dict[str, list[Entry]]) -> str:
    """The table's text with other entries for the `touched` phrases.

    A row of several phrases of which some are touched becomes a row for each of the others.
    """
    head, _, tail = content.partition(_TEAM)
    rows = [row for row in _without(tail, touched).splitlines() if row]
    for entries in touched.values():
        for entry in entries:
            rows.append("\t".join((entry.phrase, _name(entry), *entry[2:])))
    text = _without(head, touched)
    return text + _TEAM + "".join(f"{row}\n" for row in sorted(rows)) if rows else text


def _without(text: str, touched: dict[str, list[Entry]]) -> str:
    """A part of a table without the `touched` phrases; its other rows as they stand."""
    kept = []
    for line in text.splitlines(keepends=True):
        cells = line.rstrip("\r\n").split("\t")
        if line.startswith("#") or len(cells) < len(Entry._fields) or cells[1] == "category":
            kept.append(line)
            continue
        phrases = tables.alternatives(cells[0])
        left = [phrase for phrase in phrases if _key_in_table(phrase) not in touched]
        if len(left) == len(phrases):
            kept.append(line)
        else:
            kept += ["\t".join((phrase, *cells[1:])) + "\n" for phrase in left]
    return "".join(kept)
