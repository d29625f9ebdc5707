"""Versions of a recipe: its canonical text, the id of that text, and two of them told apart.

A version is what a recipe says, whole: every field, also those left at their default, so that a
manifest or a store keeps enough to rebuild the set when a later release has other defaults. Its id
(`records.recipe_version_id`) is the hash of its canonical text: JSON with sorted keys and without
spaces, save that the splits stand in their order, which decides which problem falls where.

Knows recipes as plain JSON values alone, so that an older or newer release's can be compared too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

IN_ORDER = "splits"
"""The one field whose keys keep their order."""


class Difference(NamedTuple):
    """One field of two recipes that differs, each side in words."""

    field: str
    """Where it stands, from outside in: "splits train", "selection max_per_problem"."""
    was: str
    now: str

    def __str__(self) -> str:
        """The difference as a line of text."""
        return f"{self.field}: {self.was} -> {self.now}"


def canonical(content: Mapping[str, Any]) -> str:
    """The text that is hashed and stored for a recipe of these JSON values."""
    return _text(content)


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """What `now` says otherwise than `was`, field by field, in the order of the fields.

    A field that one of them does not know is told too; an option of a later release, for instance.
    """
    found: list[Difference] = []
    _compare((), was, now, found)
    one, other = ([*(side.get(IN_ORDER) or {})] for side in (was, now))
    if one != other and sorted(one) == sorted(other):
        found.append(Difference(f"order of {IN_ORDER}", ", ".join(one), ", ".join(other)))
    return found


_ABSENT = object()


def _compare(
    path: tuple[str, ...], was: Mapping[str, Any], now: Mapping[str, Any], found: list[Difference]
) -> None:
    for name in dict.fromkeys([*was, *now]):
        before, after = was.get(name, _ABSENT), now.get(name, _ABSENT)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            _compare((*path, name), before, after, found)
        elif before is _ABSENT or after is _ABSENT or _text(before) != _text(after):
            place = " ".join((*path, name))
            found.append(Difference(place, in_words(before), in_words(after)))


def in_words(value: object) -> str:
    """A value of a recipe as a person reads it; "not named" for what is not there at all."""
    if value is _ABSENT:
        return "not named"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {in_words(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(in_words(each) for each in value) or "none"
    return str(value) or "empty"


def _text(value: Any) -> str:
    return json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"))


def _sorted(value: Any, *, in_order: bool = False) -> Any:
    """`value` with the keys of every object sorted, save where they stand in their order."""
    if isinstance(value, Mapping):
        names = list(value) if in_order else sorted(value)
        return {name: _sorted(value[name], in_order=name == IN_ORDER) for name in names}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    return value
