"""From the per-token numbers of one trace to the numbers that describe it.

Owns the definitions: mean and total NLL, perplexity, rank and entropy means, RSR and its form for
a set of traces, and the same by step. Pure arithmetic on arrays; knows nothing of models or texts.

Units: log-likelihoods, NLLs and entropies in nats (natural log), means per scored token, ranks
from 1. Sums run in float64 whatever comes in. A likelihood is not a quality: none of these numbers
may be read alone, and none is comparable across conventions (`curation.student`).

Sources: RSR is the Rank-Surprisal Ratio, https://arxiv.org/abs/2601.14249, as computed by
https://github.com/UmeanNever/RankSurprisalRatio/blob/2675c0106cd953adda6656cbdc395dab4e5fbcab/rsr_cal.py
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

R_MAX = 100
"""Ranks above this count as this, as in the RSR paper (its ablation: no clip does worse)."""

_TINY_NATS = 1e-12
"""The least denominator of a ratio to surprisal, as in the reference code."""

Floats = npt.NDArray[np.float64]


class Profile(NamedTuple):
    """What the student makes of one trace; the fields are `records.PROFILE_COLUMNS`."""

    n_tokens: int
    total_nll_nats: float
    mean_nll_nats: float
    """Per scored token; lower = the student would sooner have written this."""
    perplexity: float
    """exp(mean_nll_nats); infinite where that is beyond a float."""
    mean_rank: float
    mean_clipped_rank: float
    """Ranks above `R_MAX` taken as `R_MAX`."""
    rsr: float
    """Lower is better: likely in order, yet not without information."""
    mean_entropy_nats: float
    max_nll_nats: float
    """The most surprising token."""


class StepScores(NamedTuple):
    """The trace's tokens by step: three arrays, one entry a step."""

    n_tokens: npt.NDArray[np.int64]
    total_nll_nats: Floats
    mean_nll_nats: Floats
    """NaN for a step that no token belongs to."""


def profile(
    logprob_nats: npt.ArrayLike, rank: npt.ArrayLike, entropy_nats: npt.ArrayLike
) -> Profile:
    """The profile of one trace from its three per-token arrays.

    A log-likelihood of minus infinity (a token the student holds impossible) gives an infinite
    NLL and perplexity and an RSR of 0. Raises ValueError for empty arrays, arrays of different
    lengths and NaN.
    """
    logprob, entropy = _floats(logprob_nats, "logprob_nats"), _floats(entropy_nats, "entropy_nats")
    ranks = _floats(rank, "rank")
    if not logprob.size == ranks.size == entropy.size:
        raise ValueError(
            f"arrays of one length are needed; got {logprob.size} log-likelihoods, "
            f"{ranks.size} ranks and {entropy.size} entropies"
        )
    mean_nll = mean_nll_nats(logprob)
    return Profile(
        n_tokens=logprob.size,
        total_nll_nats=total_nll_nats(logprob),
        mean_nll_nats=mean_nll,
        perplexity=perplexity(mean_nll),
        mean_rank=float(ranks.mean()),
        mean_clipped_rank=mean_clipped_rank(ranks),
        rsr=rsr(ranks, -logprob),
        mean_entropy_nats=float(entropy.mean()),
        max_nll_nats=float(-logprob.min()) + 0.0,
    )


def total_nll_nats(logprob_nats: npt.ArrayLike) -> float:
    """Minus the sum of the log-likelihoods."""
    return float(-_floats(logprob_nats, "logprob_nats").sum()) + 0.0


def mean_nll_nats(logprob_nats: npt.ArrayLike) -> float:
    """Minus the mean of the log-likelihoods (GRAPE's score with the sign turned)."""
    return float(-_floats(logprob_nats, "logprob_nats").mean()) + 0.0


def perplexity(mean_nll: float) -> float:
    """exp(mean_nll), infinite where a float ends."""
    try:
        return math.exp(mean_nll)
    except OverflowError:
        return math.inf


def mean_clipped_rank(rank: npt.ArrayLike, r_max: int = R_MAX) -> float:
    """The mean of min(rank, r_max)."""
    return float(np.minimum(_floats(rank, "rank"), r_max).mean())


def rsr(rank: npt.ArrayLike, nll_nats: npt.ArrayLike, r_max: int = R_MAX) -> float:
    """Rank-Surprisal Ratio of one trace: Σ min(rank, r_max) / Σ nll; lower is better.

    The denominator is at least 1e-12, as in the reference code.
    """
    clipped = np.minimum(_floats(rank, "rank"), r_max).sum()
    return float(clipped / max(float(_floats(nll_nats, "nll_nats").sum()), _TINY_NATS))


def dataset_rsr(clipped_rank_means: npt.ArrayLike, nll_means: npt.ArrayLike) -> float:
    """RSR of a set of traces: the mean of their mean clipped ranks / the mean of their mean NLLs.

    A ratio of means, as in the reference code, not the mean of the ratios: every trace weighs the
    same whatever its length. NaN for no traces.
    """
    ranks = np.asarray(clipped_rank_means, dtype=np.float64)
    nlls = np.asarray(nll_means, dtype=np.float64)
    if ranks.shape != nlls.shape:
        raise ValueError(f"one of each a trace is needed; got {ranks.size} and {nlls.size}")
    if ranks.size == 0:
        return math.nan
    return float(ranks.mean() / max(float(nlls.mean()), _TINY_NATS))


def step_of_token(end: npt.ArrayLike, step_start: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The step each token belongs to: the last one that begins before the token ends.

    Tokens of most tokenizers carry the space before a word, so the first token of a step begins
    in the gap before it; it belongs to that step. A token of the gap alone (blank lines) belongs
    to the step before, since that is where the student had to know that the step was over; before
    the first step it belongs to the first. So every token has one step.

    `end` are the tokens' end offsets, `step_start` the steps' starts, ascending; at least one.
    """
    starts = np.asarray(step_start, dtype=np.int64)
    if starts.size == 0:
        raise ValueError("a text with tokens has at least one step; got none")
    found = np.searchsorted(starts, np.asarray(end, dtype=np.int64), side="left") - 1
    return np.maximum(found, 0).astype(np.int64)


def per_step(
    logprob_nats: npt.ArrayLike, end: npt.ArrayLike, step_start: npt.ArrayLike
) -> StepScores:
    """Tokens, total and mean NLL of every step, in order; tokens by `step_of_token`.

    The totals add up to the trace's.
    """
    logprob = _floats(logprob_nats, "logprob_nats")
    step = step_of_token(end, step_start)
    if step.size != logprob.size:
        raise ValueError(f"got {logprob.size} log-likelihoods and {step.size} token ends")
    n_steps = np.asarray(step_start).size
    n = np.bincount(step, minlength=n_steps)
    total = np.bincount(step, weights=-logprob, minlength=n_steps).astype(np.float64)
    mean: Floats = np.full(n_steps, np.nan)
    np.divide(total, n, out=mean, where=n > 0)
    return StepScores(n, total, mean)


def _floats(values: npt.ArrayLike, name: str) -> Floats:
    """`values` as a float64 vector that is neither empty nor NaN anywhere."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name}: a vector of at least one token is needed; got {array.shape}")
    if np.isnan(array).any():
        raise ValueError(f"{name}: token {int(np.isnan(array).argmax())} is NaN")
    return array
