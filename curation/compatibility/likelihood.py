"""What the student makes of a trace as a whole, of its steps, and of a teacher's score beside it.

Owns GRAPE's mean, the mean over steps, LALP's mean over windows, ASLEC-DROP, CAR and the share of
first choices. Pure arithmetic on per-token arrays; which step a token belongs to is an argument.

Units: log-likelihoods and entropies in nats (natural log), at most 0 for the former; ranks from 1.
NaN means that there was nothing to take a mean of (no token, no step), never that something went
wrong. A log-likelihood of minus infinity makes its mean minus infinity. ValueError for NaN, for
log-likelihoods above 0 and for arrays of different lengths.

None of these ranks traces of different teachers or lengths fairly: on agentic tasks
OpenThoughts-Agent saw every likelihood proxy with the wrong sign.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from curation.compatibility.arrays import floats, logprobs, place_in_step, steps

ASLEC_DROPPED = 1
"""Tokens left out at the start of each step: the paper's value (its code's default is 2)."""


def grape_nats(logprob_nats: npt.ArrayLike) -> float:
    """Mean log-likelihood per token, in nats; higher = the student would sooner have written it.

    Meant for choosing among the answers to one prompt (arg-max), not across prompts. NaN for no
    tokens. Source: GRAPE, https://arxiv.org/abs/2502.04194.
    """
    logprob = logprobs(logprob_nats, "logprob_nats")
    return float(logprob.mean()) if logprob.size else math.nan


def step_means_nats(
    logprob_nats: npt.ArrayLike, step_of_token: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Mean log-likelihood of each step that has tokens, in nats, in order of the steps."""
    logprob = logprobs(logprob_nats, "logprob_nats")
    step = steps(step_of_token, "step_of_token", logprob.size)
    if not logprob.size:
        return np.zeros(0)
    n = np.bincount(step)
    totals = np.bincount(step, weights=logprob)
    return np.asarray(totals[n > 0] / n[n > 0], dtype=np.float64)


def mean_step_logprob_nats(logprob_nats: npt.ArrayLike, step_of_token: npt.ArrayLike) -> float:
    """Unweighted mean over the steps of their mean log-likelihoods, in nats; higher = likelier.

    Every step weighs the same however long it is. Steps without tokens are skipped; NaN where no
    step has one. It is LALP without the window: every step is read after the whole trace before it.
    """
    return lalp_nats(step_means_nats(logprob_nats, step_of_token))


def lalp_nats(step_logprob_nats: npt.ArrayLike) -> float:
    """Local naturalness: the unweighted mean of the steps' mean log-likelihoods, in nats.

    `step_logprob_nats` has for each step the mean log-likelihood of its tokens after the prompt and
    at most k steps before it; k is the caller's and is printed beside the number, since accounts of
    the paper's k disagree. NaN entries (steps without tokens) are skipped; NaN where none is left.
    Higher = more natural step by step. Source: LALP, https://arxiv.org/abs/2510.03988.
    """
    means = logprobs(step_logprob_nats, "step_logprob_nats", allow_nan=True)
    means = means[~np.isnan(means)]
    return float(means.mean()) if means.size else math.nan


def aslec_drop_nats(
    logprob_nats: npt.ArrayLike, step_of_token: npt.ArrayLike, n_dropped: int = ASLEC_DROPPED
) -> float:
    """Mean log-likelihood per token without the first `n_dropped` tokens of every step, in nats.

    The first token of a step is surprising whatever the step says, so a plain mean favours long
    steps. NaN when nothing is left. Higher = likelier.
    Source: ASLEC, https://arxiv.org/abs/2604.06834 (paper 1 token, `wangbing1416/ASLEC` 2).
    """
    if n_dropped < 0:
        raise ValueError(f"n_dropped is 0 or more; got {n_dropped}")
    logprob = logprobs(logprob_nats, "logprob_nats")
    step = steps(step_of_token, "step_of_token", logprob.size)
    kept = logprob[place_in_step(step) >= n_dropped]
    return float(kept.mean()) if kept.size else math.nan


def car(reward: float, mean_nll_nats: float, beta: float = 1.0) -> float:
    """Compatibility-adjusted reward: reward / (1 + beta · mean NLL); higher = better.

    `reward` is a teacher's or judge's score in that judge's own unit (higher = better), so values
    compare only under one judge. NaN where either number is NaN; 0 for an infinite NLL. ValueError
    for a negative `beta` or NLL. Source: CAR, https://arxiv.org/abs/2411.07133.
    """
    if beta < 0 or mean_nll_nats < 0:
        raise ValueError(f"beta and the NLL are 0 or more; got {beta:g} and {mean_nll_nats:g}")
    return reward / (1.0 + beta * mean_nll_nats) if beta else reward


def top1_share(rank: npt.ArrayLike) -> float:
    """Share of tokens that were the student's first choice (rank 1; ties count), from 0 to 1.

    NaN for no tokens.
    """
    ranks = floats(rank, "rank")
    if (ranks < 1).any():
        raise ValueError("rank: ranks are counted from 1")
    return float((ranks == 1).mean()) if ranks.size else math.nan


def max_entropy_nats(entropy_nats: npt.ArrayLike) -> float:
    """The student's greatest uncertainty about any next token of the trace, in nats; NaN for none.

    Where it is high many continuations were open to the student, whatever the trace then says.
    """
    entropy = floats(entropy_nats, "entropy_nats")
    return float(entropy.max()) if entropy.size else math.nan
