"""How much the prompt helps the student with the trace (IFD), and the trace with it (r-IFD).

Owns the two forms of both, their slices, where the answer section begins, the selection rule of
Selective Reflection-Tuning for refined pairs, and the gate for a curator's own edit. Which texts
are scored before the span ("### Response:", the guessing instruction) is the student's convention;
this module sees per-token log-likelihoods only.

Units: log-likelihoods in nats; the ratios have none. The loss form divides mean NLLs, the
perplexity form divides perplexities. Both lie on the same side of 1 and order traces differently:
never compare one with the other.

NaN means that the ratio does not exist: no token in the slice, an infinite mean (a token the
student holds impossible), or for the loss form a mean NLL of 0 without the prompt.

Sources: Cherry LLM (loss form), https://github.com/tianyi-lab/Cherry_LLM; Superfiltering (ppl),
https://arxiv.org/abs/2402.00530; Selective Reflection-Tuning (r-IFD, ppl form, the rule),
https://arxiv.org/abs/2402.10110,
https://github.com/tianyi-lab/Reflection_Tuning/blob/5b6cef0/selection_code/get_select_data.py
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy.typing as npt

from curation.compatibility.arrays import Floats, bools, logprobs

FIRST_TOKENS = 256
"""Long traces restate the prompt, which pulls their IFD towards 1; their beginning does not yet."""

CUT = 1.0
"""At a ratio of 1 the condition gives no help; the sources keep what lies strictly below."""

_THINK_ENDS = "</think>"


class Ratio(NamedTuple):
    """One ratio in its two forms."""

    loss: float
    """Mean NLL with the condition / mean NLL without it."""
    ppl: float
    """exp of the difference of the same means; infinite where a float ends."""


class IfdPair(NamedTuple):
    """A prompt and a trace as the selection rule sees them, both in the perplexity form."""

    ifd: float
    rifd: float


class Choice(NamedTuple):
    """What a rule decided, and why, for a person to read."""

    keep: bool
    which: Literal["refined prompt, refined trace", "prompt, refined trace", "edit"]
    """The pair that was put to the test, kept or not."""
    why: str


def ifd(
    conditional_logprob: npt.ArrayLike,
    alone_logprob: npt.ArrayLike,
    *,
    first: int | None = None,
    within: npt.ArrayLike | None = None,
) -> Ratio:
    """IFD of a trace: its mean NLL after the prompt against its mean NLL alone.

    Higher = the prompt helps less, so the trace is harder to follow from it; at 1 or above it does
    not help. `first` takes the first so many tokens only (`FIRST_TOKENS`), `within` those whose
    entry is true (the answer section); with either, the two arrays must be of one length.
    NaN in `alone_logprob` is a token that has no number there (the first, where the tokenizer has
    no BOS): each mean is over its own scored tokens, as in Superfiltering.
    """
    conditional = logprobs(conditional_logprob, "conditional_logprob")
    alone = logprobs(alone_logprob, "alone_logprob", allow_nan=True)
    return _ratio(_slice(conditional, alone, first, within))


def rifd(prompt_given_trace_logprob: npt.ArrayLike, prompt_alone_logprob: npt.ArrayLike) -> Ratio:
    """r-IFD: the prompt's mean NLL after the trace and a request to guess it, against it alone.

    Lower = the trace tells better what it answers. NaN as in `ifd`.
    """
    given = logprobs(prompt_given_trace_logprob, "prompt_given_trace_logprob")
    alone = logprobs(prompt_alone_logprob, "prompt_alone_logprob", allow_nan=True)
    return _ratio((given, alone))


def answer_section(text: str, step_start: Sequence[int]) -> int:
    """Where the final answer section of a trace begins: an offset into `text`.

    The first visible character after the last `</think>` that anything follows; else the start of
    the last step; 0 for a text without steps.
    """
    end = text.rfind(_THINK_ENDS)
    if end >= 0:
        start = end + len(_THINK_ENDS)
        rest = text[start:].lstrip()
        if rest:
            return len(text) - len(rest)
    return int(step_start[-1]) if len(step_start) else 0


def keep_refined(
    original: IfdPair,
    refined_trace: IfdPair,
    refined_prompt: IfdPair | None = None,
    both_refined: IfdPair | None = None,
) -> Choice:
    """Whether to keep a refined trace, by the rule of Selective Reflection-Tuning.

    With Q, A the prompt and the trace and Q*, A* their refined forms, the pairs are (Q, A),
    (Q, A*), (Q*, A) and (Q*, A*), all in the perplexity form. Where the prompt was refined and
    IFD(Q*, A) > IFD(Q, A), (Q*, A*) is put to the test against (Q*, A); otherwise, and where only
    the trace was refined, (Q, A*) against (Q, A). It is kept iff its r-IFD is the lower one and
    both its r-IFD and its IFD are below 1. The released code keeps refined traces only, and so
    does this; the paper also keeps unrefined ones. A NaN keeps nothing, and `why` says so.

    `refined_prompt` and `both_refined` go together; ValueError where one is missing.
    """
    if (refined_prompt is None) != (both_refined is None):
        raise ValueError("refined_prompt and both_refined go together; one is missing")
    if refined_prompt is not None and both_refined is not None:
        if math.isnan(refined_prompt.ifd) or math.isnan(original.ifd):
            return Choice(
                False,
                "refined prompt, refined trace",
                "Not kept: the IFD of one of the prompts could not be computed, so it is unknown "
                "which prompt to go on with.",
            )
        if refined_prompt.ifd > original.ifd:
            keep, why = _passes(refined_prompt, both_refined)
            lead = (
                f"The refined prompt asks more of the student (IFD {original.ifd:.3f} -> "
                f"{refined_prompt.ifd:.3f}). "
            )
            return Choice(keep, "refined prompt, refined trace", lead + why)
        keep, why = _passes(original, refined_trace)
        lead = (
            f"The refined prompt asks no more of the student (IFD {original.ifd:.3f} -> "
            f"{refined_prompt.ifd:.3f}), so the original prompt stays. "
        )
        return Choice(keep, "prompt, refined trace", lead + why)
    keep, why = _passes(original, refined_trace)
    return Choice(keep, "prompt, refined trace", why)


def keep_edit(before: IfdPair, after: IfdPair) -> Choice:
    """Whether a curator's own edit passes: r-IFD falls, and IFD and r-IFD are below 1 after it.

    Perplexity forms, one student and one convention for both. The gate advises; the curator
    decides. NaN does not pass, and `why` says so.
    """
    keep, why = _passes(before, after)
    return Choice(keep, "edit", why)


def _passes(before: IfdPair, after: IfdPair) -> tuple[bool, str]:
    """The rule's test of one pair against another, with the reason in words."""
    if any(math.isnan(value) for value in (before.rifd, after.rifd, after.ifd)):
        return False, "Not kept: one of its numbers could not be computed."
    moved = f"r-IFD {before.rifd:.3f} -> {after.rifd:.3f}"
    if after.rifd < before.rifd:
        good = [f"the student guesses the prompt more easily from it ({moved})"]
        bad = []
    else:
        good = []
        bad = [f"the student guesses the prompt no more easily from it ({moved})"]
    for name, value, what in (
        ("IFD", after.ifd, "the prompt {} the student with the trace"),
        ("r-IFD", after.rifd, "the trace {} the student with the prompt"),
    ):
        if value < CUT:
            good.append(f"{what.format('helps')} ({name} {value:.3f} < 1)")
        else:
            bad.append(f"{what.format('does not help')} ({name} {value:.3f}, not below 1)")
    if bad:
        return False, f"Not kept: {'; '.join(bad)}."
    return True, f"Kept: {'; '.join(good)}."


def _slice(
    conditional: Floats, alone: Floats, first: int | None, within: npt.ArrayLike | None
) -> tuple[Floats, Floats]:
    """Both arrays over the tokens asked for."""
    if first is None and within is None:
        return conditional, alone
    if conditional.size != alone.size:
        raise ValueError(
            f"a slice needs the same tokens in both; got {conditional.size} and {alone.size}"
        )
    if within is not None:
        mask = bools(within, "within", conditional.size)
        conditional, alone = conditional[mask], alone[mask]
    if first is not None:
        if first < 0:
            raise ValueError(f"first is 0 or more tokens; got {first}")
        conditional, alone = conditional[:first], alone[:first]
    return conditional, alone


def _ratio(arrays: tuple[Floats, Floats]) -> Ratio:
    """Both forms of the ratio of the two arrays' mean NLLs."""
    given, alone = (_mean_nll(array) for array in arrays)
    if not (math.isfinite(given) and math.isfinite(alone)):
        return Ratio(math.nan, math.nan)
    loss = given / alone if alone > 0 else math.nan
    try:
        return Ratio(loss, math.exp(given - alone))
    except OverflowError:
        return Ratio(loss, math.inf)


def _mean_nll(logprob: Floats) -> float:
    """Minus the mean of the numbers that are there; NaN for none."""
    there = logprob[logprob == logprob]
    return float(-there.mean()) if there.size else math.nan
