"""The numbers of each family as a row of `records.COMPATIBILITY_SCHEMA` has them.

Owns which definition stands in which column: one function a family, which gives exactly the columns
of `records.COMPATIBILITY_COLUMNS`. The definitions are in the other modules. None stands for a
number that does not exist for this trace (where they give NaN or None); infinite numbers stay.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from curation.compatibility import belief, expected_hedges, likelihood, privilege, ratios
from curation.compatibility.arrays import logprobs

Row = dict[str, float | None]


def steps_columns(
    logprob_nats: npt.ArrayLike,
    rank: npt.ArrayLike,
    entropy_nats: npt.ArrayLike,
    step_of_token: npt.ArrayLike,
) -> Row:
    """The family "steps", from the per-token numbers of the likelihood pass."""
    return _row(
        mean_step_logprob_nats=likelihood.mean_step_logprob_nats(logprob_nats, step_of_token),
        aslec_drop_nats=likelihood.aslec_drop_nats(logprob_nats, step_of_token),
        top1_share=likelihood.top1_share(rank),
        max_entropy_nats=likelihood.max_entropy_nats(entropy_nats),
    )


def ifd_columns(
    conditional_logprob: npt.ArrayLike,
    alone_logprob: npt.ArrayLike,
    in_answer_section: npt.ArrayLike,
) -> Row:
    """The family "ifd"; `in_answer_section` is true for tokens from `ratios.answer_section` on.

    `alone_logprob` may have NaN where a token was not scored without the prompt.
    """
    whole = ratios.ifd(conditional_logprob, alone_logprob)
    first = ratios.ifd(conditional_logprob, alone_logprob, first=ratios.FIRST_TOKENS)
    answer = ratios.ifd(conditional_logprob, alone_logprob, within=in_answer_section)
    return _row(
        alone_nll_nats=_mean_nll(alone_logprob),
        ifd_loss=whole.loss,
        ifd_ppl=whole.ppl,
        ifd_loss_first256=first.loss,
        ifd_ppl_first256=first.ppl,
        ifd_loss_answer=answer.loss,
        ifd_ppl_answer=answer.ppl,
    )


def rifd_columns(
    prompt_given_trace_logprob: npt.ArrayLike, prompt_alone_logprob: npt.ArrayLike
) -> Row:
    """The family "rifd", from the log-likelihoods of the prompt's tokens."""
    both = ratios.rifd(prompt_given_trace_logprob, prompt_alone_logprob)
    return _row(
        prompt_nll_nats=_mean_nll(prompt_given_trace_logprob),
        prompt_alone_nll_nats=_mean_nll(prompt_alone_logprob),
        rifd_loss=both.loss,
        rifd_ppl=both.ppl,
    )


def belief_columns(
    point_step: npt.ArrayLike,
    point_nats: npt.ArrayLike,
    n_answer_tokens: int,
    point_rival_nats: npt.ArrayLike | None = None,
    answer_shift_nats: float | None = None,
) -> Row:
    """The family "belief", from the points of the curve; without a rival its margin is None.

    `answer_shift_nats` is the student's own, over the answer's first token; where it is None, the
    reference answer and the rival (where known) are the candidates.
    """
    curve = belief.read_belief(point_step, point_nats, n_answer_tokens, point_rival_nats)
    known = [np.asarray(point_nats, dtype=np.float64)]
    if point_rival_nats is not None and np.size(point_rival_nats):
        known.append(np.asarray(point_rival_nats, dtype=np.float64))
    if answer_shift_nats is None:
        answer_shift_nats = belief.answer_shift_nats(
            [nats[0] for nats in known], [nats[-1] for nats in known]
        )
    return _row(
        n_answer_tokens=curve.n_answer_tokens,
        belief_before_nats=curve.before_nats,
        belief_after_nats=curve.after_nats,
        belief_gain_nats=curve.gain_nats,
        belief_jump_share=curve.jump_share,
        belief_jump_step=curve.jump_step,
        belief_win_step=curve.win_step,
        rival_margin_nats=curve.rival_margin_nats,
        answer_shift_nats=answer_shift_nats,
    )


def privilege_columns(privileged_logprob: npt.ArrayLike, conditional_logprob: npt.ArrayLike) -> Row:
    """The family "privilege"."""
    gain = privilege.privilege_gain(privilege.gain_nats(privileged_logprob, conditional_logprob))
    return _row(
        privilege_gain_nats=gain.total_nats, privilege_gain_per_token_nats=gain.per_token_nats
    )


def hedges_columns(
    mass: npt.ArrayLike, observed: npt.ArrayLike, step_of_token: npt.ArrayLike
) -> Row:
    """The family "hedges"."""
    found = expected_hedges.hedge_balance(mass, observed, step_of_token)
    return _row(
        expected_hedges=found.expected_hedges,
        observed_hedges=found.observed_hedges,
        hedge_deficit=found.hedge_deficit,
        step_start_hedge_deficit=found.step_start_hedge_deficit,
    )


def lalp_columns(step_logprob_nats: npt.ArrayLike) -> Row:
    """The family "lalp", from each step's mean log-likelihood after its window."""
    return _row(lalp_nats=likelihood.lalp_nats(step_logprob_nats))


def _row(**numbers: float | None) -> Row:
    """The numbers as floats, None for those that do not exist."""
    return {
        name: None if value is None or math.isnan(value) else float(value)
        for name, value in numbers.items()
    }


def _mean_nll(logprob_nats: npt.ArrayLike) -> float:
    """Minus the mean of the numbers that are there."""
    logprob = logprobs(logprob_nats, "logprob_nats", allow_nan=True)
    there = logprob[~np.isnan(logprob)]
    return float(-there.mean()) + 0.0 if there.size else math.nan
