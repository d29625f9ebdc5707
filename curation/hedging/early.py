"""Early answer emission: the reference answer named before the trace had room to derive it.

A surface sign of privilege, weak alone. It needs the reference answer, so it is no marker; pages
show it beside them. Rules after public projects that scrub leaked solutions; limits are theirs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

EARLY_SHARE = 0.3
"""Named before this share of the trace's characters = early."""
STRONG_WORDS = 40
"""Fewer words than this before it = strong."""


class EarlyAnswer(NamedTuple):
    """Where the answer is first named: `text[start:end]`."""

    start: int
    end: int
    n_words_before: int
    share_before: float
    is_strong: bool


def early_answer(
    text: str, reference_answer: str | None, prompt: str | None = None
) -> EarlyAnswer | None:
    """The first naming of the reference answer in `text`, if it is early; else None.

    Compared as written and without LaTeX, units and `x =`; variants of one character are not
    looked for (they stand anywhere). None too when the prompt holds the answer, or there is none,
    or it asks for a proof.
    """
    variants = answer_variants(reference_answer or "")
    asked = (prompt or "").lower()
    if not variants or re.search(r"\b(?:prove|proof|show that)\b", asked):
        return None
    pattern = re.compile(
        r"(?<![\w.])(?:" + "|".join(map(re.escape, variants)) + r")(?!\w|[.,]\d)", re.IGNORECASE
    )
    if pattern.search(asked):
        return None
    found = pattern.search(text)
    if found is None:
        return None
    n_words = len(text[: found.start()].split())
    share = found.start() / len(text)
    if share >= EARLY_SHARE and n_words >= STRONG_WORDS:
        return None
    return EarlyAnswer(found.start(), found.end(), n_words, share, n_words < STRONG_WORDS)


_UNIT = re.compile(r"(?<=\d)\s*(?:°|%|[a-zµ]+(?:/[a-z]+)?(?:[²³]|\^\{?[23]\}?)?|\\[a-z]+)\.?$")
_WRAPPED = re.compile(r"\\(?:boxed|text|textbf|mathrm|mbox|left|right)\b\s*|[{}$]|\\[,;! ()\[\]]")


def answer_variants(answer: str) -> list[str]:
    """Ways to write an answer, lower case, longest first, none shorter than two characters."""
    whole = " ".join(answer.lower().split()).strip(" .")
    no_latex = re.sub(r"\\[dt]?frac\{([^{}]+)\}\{([^{}]+)\}", r"\1/\2", whole)
    no_latex = _WRAPPED.sub("", no_latex).strip(" .")
    right_side = re.sub(r"^[a-z]\w{0,2}\s*=\s*", "", no_latex)
    bare = _UNIT.sub("", right_side).strip()
    no_commas = re.sub(r"(?<=\d),(?=\d{3}\b)", "", bare)
    found = {whole, no_latex, right_side, bare, no_commas}
    return sorted((v for v in found if len(v) >= 2), key=lambda v: (-len(v), v))
