"""Where the student would hedge, against where the trace does.

Owns the words that begin a hedge (`HEDGE_OPENERS`), the balance of expected and observed hedges,
the places of missing and theatrical ones, and the calibration of hedges against the next step's
entropy. Knows nothing of tokenizers: the student turns the words into token ids and hands over,
for each token of the trace, the *mass* h_t = the probability, after the prompt and the trace so
far, that the next token begins a hedge, and whether the token that stands there does
(`observed`, by the same set of ids, so that both sides count the same thing).

Expected and observed are in hedges a trace (sums over tokens), their difference too. A surplus of
expectation says that this student, here, would have hesitated where the trace does not; it does not
say that hesitating were right. All of it is our proposal: no public study
shows that it predicts accuracy after training.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curation.compatibility.arrays import (
    Bools,
    Floats,
    Ints,
    bools,
    floats,
    place_in_step,
    same_size,
    steps,
)

HEDGE_OPENERS: tuple[str, ...] = (
    "actually",
    "alternatively",
    "apparently",
    "arguably",
    "conceivably",
    "hm",
    "hmm",
    "hopefully",
    "maybe",
    "oops",
    "perhaps",
    "possibly",
    "presumably",
    "probably",
    "seem",
    "seemingly",
    "seems",
    "supposedly",
    "unsure",
    "wait",
)
"""First words of hedges and of reconsiderations that hardly ever begin anything else.

Lower case, sorted; the student room makes the variants (with and without a leading space,
capitalised) and keeps those that its vocabulary has as one token, or takes the first token where
that token begins little else.

Only the *first token* is seen, without what follows, so a word stands here only if it need not be
disambiguated. Left out for that reason: `may`, `might`, `could` (permission, ability, May the
month, might as strength), `about`, `around`, `roughly`, `approximately` (plain arithmetic: about
5 cm), `likely` (more likely than, a probability), `appears`, `suggests` (a digit appears twice),
`check`, `verify` (plain operations, nouns), `instead`, `another`, `what`, `let`, `I`, `not`,
`hold`, `if`, `but` (most of what they begin is no hedge), `unless`, `almost` (exact uses prevail).
`wait` stays although people wait in word problems: as the first word of a thought it is the most
frequent reconsideration of all (counted in Kim et al., https://arxiv.org/abs/2603.24472)."""

_WORD = re.compile(r"\s*([^\W\d_]+)")
_WORD_CHARS = 40

MISSING_MASS = 0.1
"""A position is a missing hedge from this probability on. Ours."""

THEATRICAL_MASS = 1e-3
"""An observed hedge is theatrical where the student gave it at most this. Ours."""


class HedgeBalance(NamedTuple):
    """Expected against observed hedges of one trace, in hedges; 0 tokens give 0 of all."""

    expected_hedges: float
    """Sum of the masses: how many the student would be expected to begin along this text."""
    observed_hedges: float
    hedge_deficit: float
    """expected - observed: above 0 the trace hedges less than the student would."""
    step_start_expected: float
    """The same over tokens that begin a step: more robust, since there a thought can turn."""
    step_start_observed: float
    step_start_hedge_deficit: float


class HedgePairs(NamedTuple):
    """A hedge or none in a step, and what the student's entropy was in the step after."""

    has_hedge: Bools
    next_entropy_nats: Floats


def hedge_balance(
    mass: npt.ArrayLike, observed: npt.ArrayLike, step_of_token: npt.ArrayLike
) -> HedgeBalance:
    """The expected and observed hedges of a trace and their difference.

    ValueError for masses outside 0 to 1 (a rounding of 1e-3 above is forgiven).
    """
    h, seen = _checked(mass, observed)
    begins = place_in_step(steps(step_of_token, "step_of_token", h.size)) == 0
    expected, n = float(h.sum()), float(seen.sum())
    at_start, n_at_start = float(h[begins].sum()), float(seen[begins].sum())
    return HedgeBalance(expected, n, expected - n, at_start, n_at_start, at_start - n_at_start)


def opens_hedge(text: str, start: int) -> bool:
    """Whether the word that begins at `start` of `text`, after white space, is a hedge opener.

    For tokens that are stored without their ids: it counts the words of `HEDGE_OPENERS`, whole.
    """
    word = _WORD.match(text, start, start + _WORD_CHARS)
    return word is not None and word[1].lower() in HEDGE_OPENERS


def missing_hedges(
    mass: npt.ArrayLike, observed: npt.ArrayLike, threshold: float = MISSING_MASS
) -> Ints:
    """Indices of the tokens where the student would hedge with at least `threshold` and the trace
    does not; in order of the trace.
    """
    h, seen = _checked(mass, observed)
    return np.flatnonzero((h >= threshold) & ~seen)


def theatrical_hedges(
    mass: npt.ArrayLike, observed: npt.ArrayLike, threshold: float = THEATRICAL_MASS
) -> Ints:
    """Indices of the observed hedges that the student gave at most `threshold`; in order.

    A hedge where this student sees nothing to doubt: put on, or beyond it.
    """
    h, seen = _checked(mass, observed)
    return np.flatnonzero((h <= threshold) & seen)


def next_step_pairs(has_hedge: npt.ArrayLike, step_entropy_nats: npt.ArrayLike) -> HedgePairs:
    """Each step but the last, paired with the mean entropy of the step after it.

    `step_entropy_nats` is the student's mean entropy per step; where it is NaN (a step without
    tokens) the pair before it is left out. HedgePairs of several traces may be joined.
    """
    entropy = floats(step_entropy_nats, "step_entropy_nats", allow_nan=True)
    hedged = bools(has_hedge, "has_hedge", entropy.size)[:-1]
    after = entropy[1:]
    known = ~np.isnan(after)
    return HedgePairs(hedged[known], after[known])


def hedge_calibration_auroc(has_hedge: npt.ArrayLike, next_entropy_nats: npt.ArrayLike) -> float:
    """Do hedges stand before uncertainty? AUROC of hedge presence against the next step's entropy.

    The probability that a step with a hedge is followed by a more uncertain step than a step
    without (ties count half): .5 = hedges say nothing, 1 = they stand exactly where the student
    will be uncertain, below .5 = where it will be sure. NaN where all steps or none have a hedge.
    """
    entropy = floats(next_entropy_nats, "next_entropy_nats")
    hedged = bools(has_hedge, "has_hedge", entropy.size)
    n_with = int(hedged.sum())
    n_without = hedged.size - n_with
    if not n_with or not n_without:
        return math.nan
    _, group, size = np.unique(entropy, return_inverse=True, return_counts=True)
    average_rank = np.cumsum(size) - (size - 1) / 2
    above = average_rank[group][hedged].sum() - n_with * (n_with + 1) / 2
    return float(above / (n_with * n_without))


def _checked(mass: npt.ArrayLike, observed: npt.ArrayLike) -> tuple[Floats, Bools]:
    h = floats(mass, "mass")
    if ((h < 0) | (h > 1.001)).any():
        raise ValueError("mass: probabilities from 0 to 1 are needed")
    same_size(np.asarray(observed), "observed", h.size)
    return h, bools(observed, "observed", h.size)
