"""What a marker does, as far as the text after it shows: does a revision or a test follow?

Words only mark a function (arXiv 2502.07374, 2603.15500): a `wait` that changes nothing is
decoration, a `let me check` that computes nothing is a gesture. This module looks for the deed: a
*claim* is a value given to something in the text (`x = 7`, `9 × 7 = 63`, `the total is 42`,
`the answer is (B)`). After a reflection, a claim about the same thing with another value is a
revision; after a verification, a computed claim is a recomputation.

First version, by surface only: it misses revisions of plans and of readings, and of things named
otherwise the second time, and takes a second case or a renamed thing for a revision; so its shares
are rough, good for comparing sets of traces, not for judging one. Offsets are string indices. The
definitions are ours and not validated anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from curation.records import Marker

__all__ = ["WINDOW_CHARS", "Claim", "Deed", "claims", "deeds", "place_counts"]

WINDOW_CHARS = 600
"""A deed this many characters after its marker's end, or further, is not laid to the marker."""

DeedKind = Literal["revises", "recomputes", "confirms"]


class Claim(NamedTuple):
    """`text[start:end]` says that `about` has `value` (both normalised)."""

    start: int
    end: int
    about: str
    value: str
    is_computed: bool
    """Whether the left side is a calculation (`9 × 7`), not a name."""


class Deed(NamedTuple):
    """What followed a marker: its kind, None where nothing was seen, and the claim that shows it.

    `earlier` is the value that the claim replaces or repeats; None for a new calculation.
    """

    marker: Marker
    kind: DeedKind | None
    claim: Claim | None
    earlier: str | None


def place_counts(markers: Iterable[Marker], n_chars: int, n_parts: int = 10) -> list[int]:
    """Markers in each equal part of the trace, by where they start; sums to the markers.

    `n_chars` is the trace's length. Divide by the sum for shares.
    """
    counts = [0] * n_parts
    for marker in markers:
        counts[min(n_parts - 1, marker.start * n_parts // max(1, n_chars))] += 1
    return counts


_NUMBER = r"[-−]?[$£€]?(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,20})(?:\.\d{1,20})?(?:/\d{1,20})?"
_TERM = r"(?:[A-Za-z]\w{0,2}(?:\(\w{1,6}\))?|\d[\d,]{0,20}(?:\.\d{1,20})?)"
_CLAIM = re.compile(
    rf"(?<![\w=:])(?P<left>{_TERM}(?: ?[-+−*/×·÷^] ?{_TERM}){{0,8}})"
    rf" ?= ?(?P<right>{_NUMBER})(?! ?[\w%*/×·⋅^√π(\\]|, ?\d|\.\d)"
    rf"|\b(?:[Tt]he|[Hh]er|[Hh]is|[Mm]y|[Oo]ur) (?P<name>(?:[a-z]+ ){{0,2}}?[a-z]+)"
    rf" (?:is|are|was|equals|becomes|should be|must be|comes to)"
    rf" (?:actually |then |really |now |only |therefore |about )?"
    rf"(?P<said>{_NUMBER}|\(?[A-E]\)?(?![\w']))(?!\w)"
)
_UNFINISHED = re.compile(
    r"(?:[-+−*/×·⋅÷^=√)\]{}_]|\b(?:sin|cos|tan|log|ln|sqrt|for|if|when|at|let|try|trying|test|say"
    r"|from|to|where|with|suppose|taking|set|setting|like|either|or|case|assume|assuming|given))"
    r"(?:[\s$]|\\\()*$",
    re.IGNORECASE,
)
"""Before a claim: it is the tail of a longer expression, or a value only tried."""
_INDICES = frozenset("ijkmn")
_SIGNS = str.maketrans({"−": "-", "×": "*", "·": "*", "÷": "/", " ": None, ",": None, "$": None})
_ANSWER = re.compile(r"(?:^| )(?:answer|option|choice)$")


def claims(text: str) -> list[Claim]:
    """The claims of `text`, by start, disjoint."""
    found = []
    for match in _CLAIM.finditer(text):
        if match["left"] is not None:
            about, value = match["left"].translate(_SIGNS), match["right"]
            is_computed = any(sign in about[1:] for sign in "+-*/^")
            if about.replace(".", "").isdigit() or about in _INDICES:
                continue  # 7 = 7 says nothing of a thing; an index runs, it is not revised
            if _UNFINISHED.search(text, max(0, match.start() - 14), match.start()):
                continue
        else:
            about, value, is_computed = match["name"], match["said"], False
            if _ANSWER.search(about):
                about = "answer"
        value = value.translate(_SIGNS).strip("()£€").rstrip(".")
        found.append(Claim(match.start(), match.end(), about, value, is_computed))
    return found


def deeds(text: str, markers: Sequence[Marker]) -> list[Deed]:
    """One deed a reflection or verification marker, in their order; other categories are skipped.

    A reflection *revises* when, within `WINDOW_CHARS` and before the next reflection, something is
    given another value than it had before the marker. A verification *recomputes* when a
    calculation follows in that reach that is not a revision, *confirms* when a named thing is given
    the value it had. A verification that finds another value *revises* too.
    """
    said = claims(text)
    acts = [m for m in markers if m.category in ("reflection", "verification")]
    found = []
    for i, marker in enumerate(acts):
        later = [m.start for m in acts[i + 1 :] if m.category == "reflection"]
        reach = min([marker.end + WINDOW_CHARS, *later[:1]])
        known = {claim.about: claim.value for claim in said if claim.end <= marker.start}
        following = [c for c in said if marker.end <= c.start < reach]
        found.append(_deed(marker, known, following))
    return found


def _deed(marker: Marker, known: dict[str, str], following: list[Claim]) -> Deed:
    """A revision where there is one; else, after a verification, the first claim that tests."""
    for claim in following:
        earlier = known.get(claim.about)
        if earlier is not None and earlier != claim.value:
            return Deed(marker, "revises", claim, earlier)
    if marker.category == "verification":
        for claim in following:
            if claim.is_computed:
                return Deed(marker, "recomputes", claim, known.get(claim.about))
            if claim.about in known:
                return Deed(marker, "confirms", claim, known[claim.about])
    return Deed(marker, None, None, None)
