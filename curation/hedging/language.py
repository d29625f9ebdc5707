r"""Which language a text is in, well enough to refuse counting it with another's lexicon.

Owns what is looked at and when to say nothing. The guess is py3langid's (BSD-3; naive Bayes over
byte n-grams, 140 languages, embedded, deterministic; Lui & Baldwin, aclanthology.org/P12-3005).
Of a text only its words are shown to it: code, LaTeX, addresses and formulas go, since `\text{…}`,
`np.array` and `x = ab` read as any language. Two mistakes are not alike: a refused English trace is
a hole in the data, so a guess counts only where there are enough words and the default language is
all but ruled out; else the language is `UNDETERMINED`, and the caller takes the default's lexicon.
Texts of two languages go by their beginning.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from curation.hedging.text import fold, masks

DEFAULT = "en"
"""Whose lexicon marks a text of which the language cannot be told."""

UNDETERMINED = "und"
"""ISO 639-2: the language cannot be told."""

DETECTOR = "py3langid-0.4.0/1"
"""What found a language: the model, and the version of what stands here. Count up on a change."""

LOOKED_AT_CHARS = 4_000
"""How much of a text's beginning is read."""

SHOWN_CHARS = 1_000
"""How many characters of words, of that, are shown to the model."""

FEWEST_LETTERS = 35
"""With fewer letters in words there is too little to tell by (an ideograph or syllable sign counts
as three)."""

LIKELY = 0.5
"""The least probability of a guess that is believed; close cousins (es, gl) share the rest."""

FOREIGN = 0.001
"""A text is foreign only where the default language is less probable than this. Over 4,300 pieces
of English reasoning traces the least probable had 0.016; one plain sentence of German has 1e-8."""


class Reading(NamedTuple):
    """What a text was found to be written in."""

    language: str
    """ISO 639-1, or `UNDETERMINED`."""
    probability: float
    """The model's for its best guess; 0 where it was not asked."""
    n_letters: int
    """Letters in the words that were looked at; few = the reason for `UNDETERMINED`."""


def read_language(text: str) -> Reading:
    """The language of `text`, from the words near its beginning."""
    shown = _words_of(text)
    n_letters = sum(3 if char >= "\u2e80" else 1 for char in shown if char != " ")
    if n_letters < FEWEST_LETTERS:
        return Reading(UNDETERMINED, 0.0, n_letters)
    ranked = _model().rank(shown)
    language, probability = ranked[0]
    if language != DEFAULT and (probability < LIKELY or dict(ranked)[DEFAULT] > FOREIGN):
        language = UNDETERMINED
    return Reading(str(language), float(probability), n_letters)


_ADDRESS = re.compile(r"\S*(?:://|www\.|@)\S*")
_WORD = re.compile(r"(?<![\w\\'])(?:[^\W\d_]{2,}(?:['-][^\W\d_]+)*)(?![\w(={\[])")
"""A word of two letters or more that is no part of an identifier, a call or a formula. A sign of a
script written without spaces is found as a run."""


def _words_of(text: str) -> str:
    """The words of the beginning of `text`, lower case, a space between."""
    low = fold(text[:LOOKED_AT_CHARS]).low
    pieces, last = [], 0
    for start, end in masks(low):
        if start >= last:
            pieces.append(low[last:start])
        last = max(last, end)
    pieces.append(low[last:])
    prose = _ADDRESS.sub(" ", " ".join(pieces))
    return " ".join(_WORD.findall(prose))[:SHOWN_CHARS]


@lru_cache(maxsize=1)
def _model() -> LanguageIdentifier:
    """py3langid's own model (1 s to load, 4 MB on disk)."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
