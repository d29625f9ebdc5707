"""Reason sets: why a trace may be rejected, as codes that are stored and labels that are shown.

A team changes its set: adds a reason, words a label better, puts reasons in another order, retires
one. A code never leaves the set, is never given twice and so never comes to mean something else:
what an old decision says can always be shown. The reasons in use stand in the order of the keys
1 to 9; retired ones follow.

Pure: sets in, sets out. Knows no store and no screen.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from curation.errors import CurationError

MAX_IN_USE = 9
MAX_LABEL_CHARS = 60

REASONS: Mapping[str, str] = {
    "wrong_answer": "Wrong answer",
    "wrong_step": "Wrong step",
    "leak": "Leaks privilege",
    "unearned": "Unearned leap",
    "overconfident": "Overconfident",
    "rambling": "Rambling",
    "unclear": "Unclear",
    "format": "Bad format",
    "other": "Other: see note",
}
"""The set that holds until a team stores its own: code -> label, in the order of the keys."""


class Reason(NamedTuple):
    """One reason of a set."""

    code: str
    """What decisions store."""
    label: str
    is_retired: bool = False
    """It can no longer be given, and is still shown where it was."""


DEFAULT: tuple[Reason, ...] = tuple(Reason(code, label) for code, label in REASONS.items())


class Guidance(NamedTuple):
    """What is in force."""

    guidelines_id: str | None
    """None where there are no guidelines."""
    text: str
    """Markdown; "" for none."""
    author: str
    stored_at: datetime | None
    reasons_id: str | None
    """None for the set that the program comes with."""
    reasons: tuple[Reason, ...]
    basis: Mapping[str, str | None]
    """Kind -> the version that a change of it builds on."""

    @property
    def stamp(self) -> dict[str, object]:
        """What a decision made now says in its `extra`."""
        said = {"guidelines_id": self.guidelines_id, "reasons_id": self.reasons_id}
        return {name: version for name, version in said.items() if version}


def in_use(reasons: Iterable[Reason]) -> dict[str, str]:
    """Code -> label of the reasons that can be given, in the order of the keys."""
    return {reason.code: reason.label for reason in reasons if not reason.is_retired}


def labels(reasons: Iterable[Reason]) -> dict[str, str]:
    """Code -> label of every reason, retired ones and the first set's too."""
    return {**REASONS, **{reason.code: reason.label for reason in reasons}}


def to_text(reasons: Iterable[Reason]) -> str:
    """A set as the JSON that is stored and hashed."""
    return json.dumps([reason._asdict() for reason in reasons], ensure_ascii=False)


def from_text(text: str) -> tuple[Reason, ...]:
    """The set that `to_text` wrote."""
    return tuple(Reason(**row) for row in json.loads(text))


def known(words: Iterable[str], reasons: Sequence[Reason]) -> tuple[tuple[str, ...], list[str]]:
    """What a person wrote, as codes, and which of it is no reason in use.

    A code stands for itself and a label, letter case aside, for its code. Anything else stays as it
    was written.
    """
    usable = in_use(reasons)
    by_label = {label.casefold(): code for code, label in usable.items()}
    codes = [
        word if word in usable else by_label.get(word.strip().casefold(), word) for word in words
    ]
    return tuple(dict.fromkeys(codes)), [code for code in codes if code not in usable]


def changed(
    before: Sequence[Reason], wished: Sequence[Reason], added: Sequence[str] = ()
) -> tuple[Reason, ...]:
    """The set after a change: `wished` as it stands, then a reason for each label of `added`.

    `wished` has every reason of `before`, with labels, order and retirement as wished. Raises
    CurationError for a set that cannot be used.
    """
    if sorted(reason.code for reason in wished) != sorted(reason.code for reason in before):
        raise ValueError("a change keeps every code of the set, each once")
    after = [Reason(each.code, " ".join(each.label.split()), each.is_retired) for each in wished]
    for label in filter(None, (" ".join(each.split()) for each in added)):
        after.append(Reason(_code_for(label, {reason.code for reason in after}), label))
    usable = [reason for reason in after if not reason.is_retired]
    if not 1 <= len(usable) <= MAX_IN_USE:
        raise CurationError(
            f"{len(usable)} reasons would be in use; the keys 1 to 9 take one to {MAX_IN_USE}. "
            "Retire some, or take one up again."
        )
    for reason in after:
        if not reason.label or len(reason.label) > MAX_LABEL_CHARS:
            raise CurationError(
                f"The label {reason.label[:40]!r} of {reason.code} has {len(reason.label)} "
                f"characters; it takes 1 to {MAX_LABEL_CHARS}."
            )
    doubled = {reason.label.casefold() for reason in usable}
    if len(doubled) < len(usable):
        raise CurationError("Two reasons in use have the same label; give each its own.")
    return (*usable, *(reason for reason in after if reason.is_retired))


def _code_for(label: str, taken: set[str]) -> str:
    """A new code from a label: `Too long: cut` -> `too_long_cut`, with a number where taken."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:32].strip("_") or "reason"
    code, n = base, 1
    while code in taken:
        n += 1
        code = f"{base}_{n}"
    return code
