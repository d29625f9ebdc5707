"""Fields of what a browser sends, read with suspicion: a value of its type and size, or a refusal.

Knows nothing of what the fields mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

MAX_NOTE_CHARS = 20_000
MAX_WORD_CHARS = 200
MAX_STEPS = 20_000


class Refusal(Exception):
    """Why one entry cannot become a record."""


def string(entry: Mapping[str, object], name: str, limit: int) -> str | None:
    """A string of the entry that UTF-8 can write, None where null or blank. Raises Refusal."""
    value = entry.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal(f"{name} is no text")
    if len(value) > limit:
        raise Refusal(f"{name} has {len(value)} characters; at most {limit} are stored")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Refusal(f"{name} holds half a character (a lone surrogate)")
    return value if value.strip() else None


def word(entry: Mapping[str, object], name: str) -> str | None:
    """A short string, None where null or blank. Raises Refusal."""
    return string(entry, name, MAX_WORD_CHARS)


def prose(entry: Mapping[str, object], name: str) -> str | None:
    """A long string, None where null or blank. Raises Refusal."""
    return string(entry, name, MAX_NOTE_CHARS)


def number_pairs(entry: Mapping[str, object], name: str) -> list[tuple[int, int]]:
    """A list of pairs of whole numbers; empty where there is none. Raises Refusal."""
    value = entry.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_STEPS:
        raise Refusal(f"{name} is no list of at most {MAX_STEPS} pairs")
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or any(type(n) is not int for n in pair):
            raise Refusal(f"{name} holds {pair!r:.40}; it takes pairs of whole numbers")
    return [(first, second) for first, second in value]


def time(entry: Mapping[str, object], name: str) -> datetime | None:
    """A time of the entry in UTC; it must state its zone. Raises Refusal."""
    value = word(entry, name)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Refusal(f"{name} is {value[:40]!r}; it takes an ISO time") from None
    if at.tzinfo is None:
        raise Refusal(f"{name} is {value[:40]!r}, without a zone")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise Refusal(f"{name} is {value[:40]!r}, which lies outside the calendar") from None


def count(entry: Mapping[str, object], name: str, limit: int, at_least: int = 0) -> int | None:
    """A whole number of the entry from `at_least` to `limit`. Raises Refusal."""
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= limit:
        raise Refusal(
            f"{name} is {value!r:.40}; it takes a whole number from {at_least} to {limit}"
        )
    return value
