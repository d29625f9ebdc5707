"""Signs in a trace's text that it answers without working: loops, skipped work, early answers.

Owns `find_shortcuts`, which gathers the signs, and three of them: answers repeated, results stated
without a computation, and the answer before any derivation (`loops` and `endings` own the others).
Text only, no model, linear in the text. All are hints for a reader, and all lean to silence: a
flagged trace may be fine, and a trace without flags may still be hollow.

Sources: overly hard problems teach answer repetition and skipped computation,
https://arxiv.org/abs/2605.28388; early answer emission after public projects that scrub leaked
solutions (30 % of the trace, 40 words). The rules themselves are ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from curation.compatibility.answers import normalise_answer
from curation.compatibility.endings import truncation
from curation.compatibility.loops import Loop, longest_loop, repeated_share

SHORTCUT_RULES = 1
"""Raised when the rules change in a way that can change what they find."""

EARLY_SHARE = 0.3
"""Named before this share of the trace's characters = early."""
STRONG_WORDS = 40
"""Fewer words than this before it = strong."""
STATEMENT_CHARS = 120
"""How far behind "the answer is" the answer may stand."""

Early = Literal["early", "strong"]

_STATEMENT = re.compile(
    r"\\boxed\s{0,3}\{|\banswer(?:\s{1,3}(?:is|would be|should be|must be)\b|\s{0,3}[:=])",
    re.IGNORECASE,
)
_WORKING = re.compile(
    r"[=×÷√≡⇒→]|\d\s?[-+*/^−·]\s?[\d(]|\\(?:times|cdot|frac|dfrac|div|sqrt|sum|int|implies)\b"
    r"|\b(?:plus|minus|times|divid\w*|add(?:s|ed|ing)?|subtract\w*|multipl\w*|comput\w*|calculat\w*"
    r"|because|since|let|suppose|assume|consider|first)\b",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"[+*/=^×÷·%√<>≤≥−–]|\d\s?-\s?\d|\\(?:times|cdot|frac|dfrac|div|sqrt|sum|pm|binom)\b"
    r"|\b(?:plus|minus|times|divi\w*|add\w*|subtract\w*|multipl\w*|sum\w*|product|difference|half"
    r"|halv\w*|third|quarter|twice|doubl\w*|tripl\w*|squar\w*|cub\w*|roots?|percent\w*|per|each"
    r"|every|remain\w*|left|more|less|fewer|average|mean|median|ratio|count\w*|comput\w*"
    r"|calculat\w*|round\w*|mod|modulo|convert\w*|factor\w*|dozen|from|between)\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\b(?:so|thus|therefore|hence|total|altogether|answer|result|gives|equals|makes)\b", re.I
)
_NUMBER = re.compile(
    r"(?<![\w.,#\\])(?<!step )(?<!case )(?<!part )(?<!option )"
    r"\d{1,12}(?:,\d{3})*(?:\.\d{1,12})?(?!\w)",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\b(?:how (?:many|much|long|far|old)|what is|calculate|compute|find)\b", re.I)
_PROOF = re.compile(r"\b(?:prove|proof|show that)\b", re.IGNORECASE)


class Shortcuts(NamedTuple):
    """The signs found in one trace."""

    repeated_share: float
    """Share of runs of six words that stand earlier in the trace already, 0 to 1."""
    loop: Loop | None
    """The longest block that goes round at least three times."""
    n_answer_repetitions: int
    """Statements of the answer after the first; 1 is usual where thinking and answer part."""
    is_truncated: bool
    truncated_why: str | None
    skipped_steps: tuple[int, ...]
    """Indices of steps that state a result nobody computed."""
    early_answer: Early | None
    """"early": the answer stands in the first 30 % and no derivation before it; "strong": fewer
    than 40 words before it, too."""


def find_shortcuts(
    text: str,
    *,
    prompt: str = "",
    answer: str | None = None,
    step_start: Sequence[int] = (),
    step_end: Sequence[int] = (),
) -> Shortcuts:
    """All signs of one trace.

    `answer` is the final or the reference answer; without it no answer is early, and every
    statement of an answer counts as one. Steps are `text[step_start[i]:step_end[i]]`; without them
    no step is looked at.
    """
    why = truncation(text)
    return Shortcuts(
        repeated_share=repeated_share(text),
        loop=longest_loop(text),
        n_answer_repetitions=n_answer_repetitions(text, answer),
        is_truncated=why is not None,
        truncated_why=why,
        skipped_steps=skipped_computations(text, prompt, step_start, step_end),
        early_answer=answer_before_derivation(text, answer, prompt),
    )


def n_answer_repetitions(text: str, answer: str | None = None) -> int:
    r"""How often the answer is stated again after it was stated first; 0 for once or never.

    A statement is `\boxed{` or "answer is", "answer:" and the like, followed within 120 characters
    by the answer; without `answer`, by anything. "The answer is \boxed{4}" is one statement.
    """
    pattern = _spellings(answer, least_chars=1) if answer is not None else None
    n, behind = 0, 0
    for found in _STATEMENT.finditer(text):
        if found.start() < behind:
            continue
        if pattern is None:
            n += 1
            line_end = text.find("\n", found.end())
            behind = min(
                found.end() + STATEMENT_CHARS, len(text) if line_end < 0 else max(line_end, 0)
            )
        else:
            stated = pattern.search(text, found.end(), found.end() + STATEMENT_CHARS)
            if stated is not None:
                n += 1
                behind = stated.end()
    return max(0, n - 1)


def skipped_computations(
    text: str, prompt: str, step_start: Sequence[int], step_end: Sequence[int]
) -> tuple[int, ...]:
    """Indices of steps that state a result which nothing computes.

    Looked at only where the prompt asks for a number and holds at least two. Such a step concludes
    ("so", "total", "answer", …) with a number of two digits or more that stands neither in the
    prompt nor earlier in the trace; the step does not recall two known numbers before it ("50, of
    them 12 children, so 38"); and neither it nor the step before names any operation, in signs or
    words. Much is missed on purpose: any sign or word that could be work counts as work.
    """
    given = set(map(_value, _NUMBER.findall(prompt)))
    if len(given) < 2 or _ASKS.search(prompt) is None:
        return ()
    seen = given
    found = []
    worked_before = False
    for i, (start, end) in enumerate(zip(step_start, step_end, strict=True)):
        step = text[start:end]
        works = _OPERATION.search(step) is not None
        cue = _CONCLUDES.search(step)
        if cue is not None and not works and not worked_before:
            recalled = set(map(_value, _NUMBER.findall(step[: cue.start()]))) & seen
            stated = (_value(m.group()) for m in _NUMBER.finditer(step, cue.end()))
            if len(recalled) < 2 and any(len(v) >= 2 and v not in seen for v in stated):
                found.append(i)
        seen.update(map(_value, _NUMBER.findall(step)))
        worked_before = works
    return tuple(found)


def answer_before_derivation(text: str, answer: str | None, prompt: str = "") -> Early | None:
    """Whether the answer is named in the first 30 % of the trace before anything derives it.

    None too where there is no answer, where it stands in the prompt, where the prompt asks for a
    proof, and for answers of one character (they stand anywhere).
    """
    pattern = _spellings(answer or "", least_chars=2)
    if pattern is None or _PROOF.search(prompt) or pattern.search(prompt):
        return None
    found = pattern.search(text, 0, int(EARLY_SHARE * len(text)) + len(answer or ""))
    if found is None or found.start() >= EARLY_SHARE * len(text):
        return None
    before = text[: found.start()]
    if _WORKING.search(before):
        return None
    return "strong" if len(before.split()) < STRONG_WORDS else "early"


def _spellings(answer: str, least_chars: int) -> re.Pattern[str] | None:
    """A pattern for the answer as written and in its normal form, at word boundaries."""
    whole = " ".join(answer.split()).strip(" .")
    variants = {whole, normalise_answer(answer)}
    if whole.isdecimal():
        variants.add(f"{int(whole[:40]):,}")
    long_enough = sorted((v for v in variants if len(v) >= least_chars), key=lambda v: (-len(v), v))
    if not long_enough:
        return None
    either = "|".join(map(re.escape, long_enough))
    return re.compile(rf"(?<![\w.])(?:{either})(?!\w|[.,]\d)", re.IGNORECASE)


def _value(number: str) -> str:
    """A number's digits as they compare: no commas, no trailing zeros of a fraction."""
    plain = number.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
