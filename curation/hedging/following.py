"""What a marker does, as far as the text after it shows: does a revision or a test follow?

Words only mark a function (arXiv 2502.07374, 2603.15500): a `wait` that changes nothing is
decoration, a `let me check` that computes nothing is a gesture. This module looks for the deed: a
*claim* is a value given to something in the text (`x = 7`, `9 × 7 = 63`, `the total is 42`,
`the answer is (B)`). After a reflection, a claim about the same thing with another value is a
revision; after a verification, a computed claim is a recomputation.

Definitions, all by surface and ours, validated on nothing but our own short passages
(`passages.jsonl` of the evaluation folder). A **revision** is one of four things after the marker,
within `WINDOW_CHARS` and before a reflection in a later sentence:

- *value*: a named thing is given another value than before (`x = 12` … `x = 8`; `the total is …`;
  `the answer is …`; `12 ways` … `24 ways` after there are, we need, it takes);
- *formula*: the same letter is set equal to another formula (`y = 2x − 3` … `y = x − 3`);
- *retraction*: the marker's sentence or the next says outright (not: perhaps) that something was
  wrong, misread or forgotten;
- *approach*: the marker's sentence or the next turns to another road (an `alternative` marker) and
  a calculation or a claim follows.

A **recomputation** is a calculation that follows a verification marker before the text moves on
(Next, Now, Then we need) and shares a number with the text before it. Without one, and without a
repeated claim, the verification stands in word only.

What this misses: revisions of plans and of readings in other words, things named otherwise the
second time, checks in words or letters. What it takes for a revision: a second case, a renamed
thing. So shares are rough, good for comparing sets of traces, not for judging one. Offsets are
string indices.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from curation.records import Marker

__all__ = [
    "WINDOW_CHARS", "Claim", "Deed", "calculations", "claims", "deeds", "formulas", "place_counts",
]  # fmt: skip

WINDOW_CHARS = 600
"""A deed this many characters after its marker's end, or further, is not laid to the marker."""

DeedKind = Literal["revises", "recomputes", "confirms"]
Sign = Literal["value", "formula", "retraction", "approach"]
"""What a revision was seen by; in this order where there are several."""


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
    by: Sign | None = None
    """What shows a revision; None for other kinds. Without a claim only by words."""
    replaced: Claim | None = None
    """The earlier claim whose value was replaced, where the revision is one of value or formula."""


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
    rf"(?P<said>{_NUMBER}|\(?[A-E]\)?(?![\w']))(?!\w| ?[*/×·⋅÷^+=])"
    r"|\b(?:[Tt]here (?:are|is)|(?:[Ww]e|I) need|[Ii]t takes|[Tt]hat makes)"
    rf" (?:about |only |exactly )?(?P<many>{_NUMBER}) (?P<what>[a-z]{{3,20}})\b"
)
_UNFINISHED = re.compile(
    r"(?:[-+−*/×·⋅÷^=√)\]{}_]|\b(?:sin|cos|tan|log|ln|sqrt|for|if|when|at|let|try|trying|test|say"
    r"|from|to|where|with|check|since|suppose|taking|set|setting|like|either|or|case|assume|assuming|given))"
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
        elif match["what"] is not None:
            about, value, is_computed = match["what"], match["many"], False
        else:
            about, value, is_computed = match["name"], match["said"], False
            if _ANSWER.search(about):
                about = "answer"
        value = value.translate(_SIGNS).strip("()£€").rstrip(".")
        found.append(Claim(match.start(), match.end(), about, value, is_computed))
    return found


_FORMULA = re.compile(
    r"(?<![\w=+*/^·×\-])(?P<left>[A-Za-z]) ?= ?(?P<right>[\w(][\w ()+\-−*/×·÷^²³√]{0,40}[\w)²³])"
    r"(?=[.,;:!?\s]|$)"
)
_WORD_OF_TWO = re.compile(r"[A-Za-z]{2}")


def formulas(text: str) -> list[Claim]:
    """Where a single letter is set equal to a formula with letters in it, by start, disjoint."""
    found = []
    for match in _FORMULA.finditer(text):
        value = match["right"].translate(_SIGNS)
        if _WORD_OF_TWO.search(match["right"]) or not re.search("[A-Za-z]", value):
            continue
        if value.count("(") != value.count(")"):
            continue
        found.append(Claim(match.start(), match.end(), match["left"], value, False))
    return found


_PART = rf"\(?{_NUMBER}[²³]?\)?(?: ?[-+−*/×·÷^] ?\(?{_NUMBER}[²³]?\)?){{0,8}}"
_CALCULATION = re.compile(rf"(?<![\w.]){_PART}(?: ?= ?{_PART}){{1,4}}")
_OPERATION = re.compile(r"\d\)?[²³]|\d\)? ?[-+−*/×·÷^] ?\(?\d")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def calculations(text: str, low: int, high: int) -> list[tuple[int, int]]:
    """Spans of the equations between numbers in `text[low:high]` that have an operation."""
    return [
        match.span()
        for match in _CALCULATION.finditer(text, low, high)
        if _OPERATION.search(match[0])
    ]


_STOP = re.compile(r"[.!?](?=\s|$)|\n")
_RETRACTED = re.compile(
    r"\b(?:is|was|it's|that's|this is|are|were)(?: just| clearly| actually)?"
    r" (?:wrong|incorrect|not (?:right|correct|true)|an? (?:mistake|error)|off)\b"
    r"|\b(?:isn't|wasn't|can't be) (?:right|correct)\b(?! ?\?)"
    r"|\bi(?:'ve)? (?:made|have made) an? (?:\w+ )?(?:mistake|error|slip)\b|\bmy mistake\b"
    r"|\bi(?:'ve| have)? (?:\w+ly )?(?:misread|miscounted|miscalculated|misremembered|misunderstood"
    r"|forgot|forgotten|overlooked|mixed up|confused|dropped the|dropped a|missed|ignored)\b"
    r"|\bi counted [^.]{1,40} twice\b|\bi (?:should|ought to) have\b"
    r"|\bit should (?:be|have been)\b|\bthat ignores\b",
    re.IGNORECASE,
)
_ONLY_SUPPOSED = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|might|may|could|did|whether|if|unless|sure|think|check"
    r"|possible|seems?|like|so|where|not)\b[^.!?\n]*$",
    re.IGNORECASE,
)
"""Before a retraction: it is only supposed (maybe I made a mistake), asked or denied."""
_MOVES_ON = re.compile(
    r"(?:^|[.!?\n]\s*)(?:next|now|moving on|then we (?:need|want|have to)|after that)\b",
    re.IGNORECASE,
)


def deeds(text: str, markers: Sequence[Marker]) -> list[Deed]:
    """One deed a reflection or verification marker, in their order; other categories are skipped.

    A reflection *revises*, by one of the four signs above, or does nothing that is seen (kind
    None: decorative). A verification *recomputes*, *confirms* (a named thing is given the value it
    had), *revises* (a value or formula is replaced), or stands in word only (None). Markers of one
    sentence share what follows it.
    """
    said = sorted([*claims(text), *formulas(text)])
    acts = [m for m in markers if m.category in ("reflection", "verification")]
    turns = [m.start for m in markers if m.category == "alternative"]
    starts = [claim.start for claim in said]
    ended = sorted(said, key=lambda claim: claim.end)
    known: Known = {}
    n_known = 0
    found = []
    for i, marker in enumerate(acts):
        while n_known < len(ended) and ended[n_known].end <= marker.start:
            claim = ended[n_known]
            known[claim.about, _is_formula(claim)] = claim
            n_known += 1
        reach = marker.end + WINDOW_CHARS
        for j in range(i + 1, len(acts)):
            later = acts[j]
            if later.start >= reach:
                break
            if later.category == "reflection" and _STOP.search(text, marker.end, later.start):
                reach = later.start
                break
        following = said[bisect_left(starts, marker.end) : bisect_left(starts, reach)]
        near = turns[bisect_left(turns, marker.end) : bisect_left(turns, reach)]
        found.append(_deed(text, marker, known, following, near, min(reach, len(text))))
    return found


Known = dict[tuple[str, bool], Claim]


def _is_formula(claim: Claim) -> bool:
    return any(c.isalpha() for c in claim.value) and len(claim.value) > 1


def _deed(
    text: str, marker: Marker, known: Known, following: list[Claim], turns: list[int], reach: int
) -> Deed:
    """A revision where there is one; else, after a verification, the first thing that tests."""
    for claim in following:
        earlier = known.get((claim.about, _is_formula(claim)))
        if earlier is not None and earlier.value != claim.value:
            if _is_formula(claim) and marker.category != "reflection":
                continue  # a check writes the same thing in another form
            by: Sign = "formula" if _is_formula(claim) else "value"
            return Deed(marker, "revises", claim, earlier.value, by, earlier)
    if marker.category == "reflection":
        return _by_words(text, marker, following, turns, reach)
    moves_on = _MOVES_ON.search(text, marker.end, reach)
    for start, end in calculations(text, marker.end, moves_on.start() if moves_on else reach):
        numbers = set(_DIGITS.findall(text, start, end))
        before = max(0, marker.start - WINDOW_CHARS)
        if numbers & set(_DIGITS.findall(text, before, marker.start)):
            shown = Claim(start, end, text[start:end], "", True)
            claim = next((c for c in following if start <= c.start < end), shown)
            same = known.get((claim.about, False))
            return Deed(marker, "recomputes", claim, same.value if same else None)
    for claim in following:
        same = known.get((claim.about, _is_formula(claim)))
        if same is not None:
            return Deed(marker, "confirms", claim, same.value)
    return Deed(marker, None, None, None)


def _by_words(
    text: str, marker: Marker, following: list[Claim], turns: list[int], reach: int
) -> Deed:
    """A revision said in words in the marker's sentence or the next; else nothing."""
    close = reach
    for n, stop in enumerate(_STOP.finditer(text, marker.end, reach)):
        if n == 1:
            close = stop.end()
            break
    for said in _RETRACTED.finditer(text, marker.start, close):
        if not _ONLY_SUPPOSED.search(text, max(0, said.start() - 40), said.start()):
            return Deed(marker, "revises", None, None, "retraction")
    for turn in turns:
        if turn < close and any(c.start > turn for c in following):
            return Deed(marker, "revises", None, None, "approach")
    return Deed(marker, None, None, None)
