"""What the student gains in likelihood when it is shown what the teacher saw.

Owns the privilege gain per token, by step and in total, its contrast between epistemic tokens and
others, and that contrast over many traces with an interval (hedge privilege gain).

PG_t = log p(y_t | prompt, privileged text, y_<t) - log p(y_t | prompt, y_<t), in nats. Summed over
a trace it estimates the information that the trace took from the privileged text; read it, do not
rank by it: no public study shows that it predicts accuracy after training. Above 0 = the token is
easier to foresee for who has seen the answer; below 0 = privilege argues against it, as it does
against deliberation (https://arxiv.org/abs/2605.11609, where the same quantity is a PMI).

Which text was shown is the caller's to say (`records.COMPATIBILITY_SCHEMA`, `privileged_by`).
Masks say which tokens are epistemic; this room does not find markers. The contrast and its
bootstrap are our proposal, validated nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curation.compatibility.arrays import Bools, Floats, Ints, bools, floats, logprobs, steps

N_RESAMPLES = 2000
LEVEL = 0.95


class Privilege(NamedTuple):
    """The privilege gain of one trace, in nats."""

    total_nats: float
    per_token_nats: float
    """Mean per token; NaN for no tokens."""


class StepGain(NamedTuple):
    """Privilege gain by step, one entry a step index up to the last that has tokens."""

    n_tokens: Ints
    total_nats: Floats
    per_token_nats: Floats
    """NaN for a step without tokens."""


class Contrast(NamedTuple):
    """Gain on the tokens of a mask against gain on the others, in nats per token."""

    difference_nats: float
    """on - off; NaN where either side has no token."""
    on_nats: float
    off_nats: float
    n_on: int
    n_off: int


class HedgeGain(NamedTuple):
    """Hedge privilege gain over many traces, in nats per token.

    Below 0 = privilege argues against hedging where these traces hedge.
    """

    difference_nats: float
    """Mean over all epistemic tokens - mean over all others; NaN where either has none."""
    low_nats: float
    """Percentile bootstrap over traces; both ends NaN below two traces, or where a resample in
    ten or more had no token on one side (then the interval would be of the lucky ones)."""
    high_nats: float
    n_traces: int
    n_traces_with_both: int
    """Traces that have epistemic tokens and others."""
    n_on: int
    n_off: int


def gain_nats(privileged_logprob: npt.ArrayLike, conditional_logprob: npt.ArrayLike) -> Floats:
    """Privilege gain of each token, in nats; empty for no tokens.

    `privileged_logprob` is the student's log-likelihood with the privileged text in the prompt,
    `conditional_logprob` without. A token that both hold impossible gains 0.
    """
    privileged = logprobs(privileged_logprob, "privileged_logprob")
    conditional = logprobs(conditional_logprob, "conditional_logprob")
    if privileged.size != conditional.size:
        raise ValueError(
            f"the same tokens are needed in both; got {privileged.size} and {conditional.size}"
        )
    with np.errstate(invalid="ignore"):
        gain = privileged - conditional
    return np.where(np.isnan(gain), 0.0, gain)


def privilege_gain(gain: npt.ArrayLike) -> Privilege:
    """Total and mean of a trace's gains (`gain_nats`); NaN where gains of both infinities meet."""
    values = floats(gain, "gain")
    with np.errstate(invalid="ignore"):
        total = float(values.sum())
    return Privilege(total, total / values.size if values.size else math.nan)


def gain_by_step(gain: npt.ArrayLike, step_of_token: npt.ArrayLike) -> StepGain:
    """Tokens, total and mean gain of every step; the totals add up to the trace's."""
    values = floats(gain, "gain")
    step = steps(step_of_token, "step_of_token", values.size)
    n = np.bincount(step)
    total = np.bincount(step, weights=values).astype(np.float64)
    mean: Floats = np.full(n.size, np.nan)
    np.divide(total, n, out=mean, where=n > 0)
    return StepGain(n.astype(np.int64), total, mean)


def gain_on(gain: npt.ArrayLike, mask: npt.ArrayLike) -> Contrast:
    """Mean gain on the tokens of `mask` (the epistemic ones) minus the mean on the others."""
    values, on = _checked(gain, mask)
    return _contrast(np.array([_sums(values, on)]))


def hedge_privilege_gain(
    traces: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> HedgeGain:
    """The contrast of `gain_on` over many traces, with a bootstrap interval by trace.

    `traces` has each trace's gains and the mask of its epistemic tokens. Tokens are pooled, so long
    traces weigh more; whole traces are drawn, because tokens of one trace are not independent
    (traces of one problem are not either: pass one trace a problem where that matters).
    Deterministic under `seed`.
    """
    if not 0 < level < 1:
        raise ValueError(f"level lies between 0 and 1; got {level}")
    sums = np.array([_sums(*_checked(*trace)) for trace in traces]).reshape(-1, 4)
    whole = _contrast(sums)
    low, high = _interval(sums, n_resamples, level, seed)
    both = int(((sums[:, 1] > 0) & (sums[:, 3] > 0)).sum())
    return HedgeGain(whole.difference_nats, low, high, len(traces), both, whole.n_on, whole.n_off)


def raised_tokens(gain: npt.ArrayLike, n: int = 10) -> Ints:
    """Indices of the tokens that privilege makes likelier, the most first; at most `n`.

    Gains above 0 only; ties in the order of the trace.
    """
    values = floats(gain, "gain")
    order = np.argsort(-values, kind="stable")[:n]
    return order[values[order] > 0]


def lowered_tokens(gain: npt.ArrayLike, n: int = 10) -> Ints:
    """Indices of the tokens that privilege argues against, the most first; at most `n`."""
    return raised_tokens(-floats(gain, "gain"), n)


def _checked(gain: npt.ArrayLike, mask: npt.ArrayLike) -> tuple[Floats, Bools]:
    values = floats(gain, "gain")
    return values, bools(mask, "mask", values.size)


def _sums(values: Floats, on: Bools) -> tuple[float, float, float, float]:
    """Sum and count of the gains on the mask, then off it."""
    n_on = int(on.sum())
    with np.errstate(invalid="ignore"):
        return float(values[on].sum()), n_on, float(values[~on].sum()), values.size - n_on


def _contrast(sums: Floats) -> Contrast:
    """The contrast of pooled tokens from rows of `_sums`."""
    with np.errstate(invalid="ignore"):
        on_sum, n_on, off_sum, n_off = sums.sum(axis=0).tolist()
    on = on_sum / n_on if n_on else math.nan
    off = off_sum / n_off if n_off else math.nan
    return Contrast(on - off, on, off, int(n_on), int(n_off))


def _interval(sums: Floats, n_resamples: int, level: float, seed: int) -> tuple[float, float]:
    """Percentile bootstrap of the pooled contrast, drawing rows of `sums`."""
    n = sums.shape[0]
    if n < 2 or n_resamples < 1:
        return math.nan, math.nan
    random = np.random.default_rng(seed)
    drawn = np.empty((n_resamples, 4))
    with np.errstate(invalid="ignore"):
        for i in range(n_resamples):  # one by one: all draws at once would not fit for many traces
            drawn[i] = sums[random.integers(0, n, n)].sum(axis=0)
    usable = drawn[(drawn[:, 1] > 0) & (drawn[:, 3] > 0)]
    if usable.shape[0] <= 0.9 * n_resamples:
        return math.nan, math.nan
    with np.errstate(invalid="ignore"):
        values = usable[:, 0] / usable[:, 1] - usable[:, 2] / usable[:, 3]
    if not np.isfinite(values).all():
        return math.nan, math.nan
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
