"""How the student's belief in the reference answer moves as it reads a trace.

Owns the belief curve and what is read off it: gain, increments, jump, first win, the ΔBelief
reward, the belief revision map, unearned jumps and the shift of the answer distribution.

The curve has *points*: after `point_step` steps have been read (0 = none, ascending, maybe a
sample of all) the answer has the log-likelihood `point_nats`, in nats, summed over its tokens. So
reading the step with *index* k (from 0) moves the student from k steps read to k + 1. `jump_step`
and `win_step` are numbers of steps read, as `point_step` is; sets of steps, and `Revision.step`,
are indices. An increment between two points belongs to all steps between them together.

Steps are never ranked or pruned by increments: forced-answer probing mis-ranks sentences
(https://arxiv.org/abs/2506.19143), and a negative increment at a "wait" is belief revision. A high
belief before the trace means guessable or memorised. The revision map, unearned jumps and all
thresholds here are our proposals, validated nowhere.

Sources: ΔBelief-RL, https://arxiv.org/abs/2602.12342, with
https://github.com/bethgelab/delta-belief-rl/blob/f173b54/delta_belief_rl/llm_agent/generation.py;
persuasion scores, https://arxiv.org/abs/2404.04633.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from curation.compatibility.arrays import Floats, Ints, floats, logprobs, same_size

REWARD_WEIGHT = 0.1
"""λ of the ΔBelief reward in the released scripts (its base config: 1.0, clipped at ±2)."""

FLAT_NATS = 0.1
"""A marker whose step moves the belief by at most this is decorative: odds change by under 11 %."""

JUMP_NATS = 2.0
"""An increment of this or more is a jump: the answer became at least 7.4 times as likely."""

SURPRISING_SHARE = 0.75
"""A step is surprising when its mean NLL lies above this quantile of the trace's own steps."""

_HALF_NATS = math.log(0.5)

Kind = Literal["productive doubt", "derailment", "decorative", "support"]


class Belief(NamedTuple):
    """The belief curve of one trace, read off; log-likelihoods in nats, summed over the answer."""

    n_answer_tokens: int
    before_nats: float
    """Before the trace; high = guessable or memorised."""
    after_nats: float
    gain_nats: float
    """after - before; the increments add up to it."""
    before_per_answer_token_nats: float
    after_per_answer_token_nats: float
    increment_nats: Floats
    """One per point after the first: what the steps since the point before it brought."""
    jump_share: float | None
    """Largest increment / gain; above 1 where the rest lost belief. None where nothing was gained
    (gain of 0 or below) or either number is infinite."""
    jump_step: int | None
    """Steps read just after the largest increment (the first of equals): the jump came with the
    last of them, or, between sampled points, since the point before. None: none is positive."""
    win_step: int | None
    """Steps read at the first point where the answer has more than half of the probability (and,
    where a rival is known, more than the rival). 0 = it won before the trace; None = never."""
    rival_margin_nats: float | None
    """After the trace: log-likelihood of the answer minus that of the rival (the most common wrong
    answer); None where no rival is known."""


class Revision(NamedTuple):
    """What the belief did at one step with a reflection marker."""

    step: int
    """The step's index, from 0."""
    kind: Kind
    """"productive doubt": the belief fell and later rose above where it was before the step;
    "derailment": it fell and never did; "decorative": it stayed; "support": it rose."""
    increment_nats: float
    later_nats: float | None
    """The highest later belief minus that before the step; None where no point comes later."""
    n_steps: int
    """Steps that share this increment; above 1 the points were sampled and the kind is blurred."""


class Jump(NamedTuple):
    """A rise of belief that nothing in the steps read seems to have earned."""

    first_step: int
    """Index, from 0, of the first step of the increment."""
    last_step: int
    """Index of the last; the same where every step has a point."""
    increment_nats: float


def read_belief(
    point_step: npt.ArrayLike,
    point_nats: npt.ArrayLike,
    n_answer_tokens: int,
    point_rival_nats: npt.ArrayLike | None = None,
) -> Belief:
    """What the curve says in numbers; fields and units in `Belief`.

    An empty `point_rival_nats` is no rival, as in `records.COMPATIBILITY_SCHEMA`. Raises ValueError
    for an empty curve, steps that do not ascend, NaN, and log-likelihoods above 0.
    """
    step, nats, delta = _curve(point_step, point_nats)
    if n_answer_tokens < 1:
        raise ValueError(f"an answer has at least one token; got {n_answer_tokens}")
    rival = logprobs([] if point_rival_nats is None else point_rival_nats, "point_rival_nats")
    if rival.size:
        same_size(rival, "point_rival_nats", nats.size)
    before, after = float(nats[0]), float(nats[-1])
    gain = _difference(nats[[0, -1]])[0]
    top = int(delta.argmax()) if delta.size else -1
    rises = top >= 0 and delta[top] > 0
    wins = nats > _HALF_NATS
    if rival.size:
        wins &= nats > rival
    return Belief(
        n_answer_tokens=n_answer_tokens,
        before_nats=before,
        after_nats=after,
        gain_nats=float(gain),
        before_per_answer_token_nats=before / n_answer_tokens,
        after_per_answer_token_nats=after / n_answer_tokens,
        increment_nats=delta,
        jump_share=(
            float(delta[top] / gain) if gain > 0 and np.isfinite([gain, delta[top]]).all() else None
        ),
        jump_step=int(step[top + 1]) if rises else None,
        win_step=int(step[wins.argmax()]) if wins.any() else None,
        rival_margin_nats=(
            float(_difference(np.array([rival[-1], nats[-1]]))[0]) if rival.size else None
        ),
    )


def delta_belief_reward(increment_nats: npt.ArrayLike, weight: float = REWARD_WEIGHT) -> float:
    """The ΔBelief reward of a trace: weight · the sum of its positive increments (nats).

    It pays for the way as well as the goal: a belief that wavers earns more than one that rises
    straight, so it never ranks traces here. 0 for no increments.
    """
    return weight * float(np.maximum(floats(increment_nats, "increment_nats"), 0.0).sum())


def revision_map(
    point_step: npt.ArrayLike,
    point_nats: npt.ArrayLike,
    marked_steps: Collection[int],
    threshold_nats: float = FLAT_NATS,
) -> list[Revision]:
    """For each step index that has a reflection marker, in order: what the belief did there.

    An increment of at most `threshold_nats` in size is decorative. Marked steps that lie outside
    the curve's points are left out (nothing was measured there). Ours; shares of the kinds per
    teacher and context part the function of markers from their mere presence.
    """
    step, nats, delta = _curve(point_step, point_nats)
    found = []
    for marked in sorted(set(marked_steps)):
        at = int(np.searchsorted(step, marked, side="right"))  # the first point after reading it
        if at == 0 or at == step.size:
            continue
        change = float(delta[at - 1])
        later = _highest_later(nats, at)
        recovers = later is not None and later > 0
        kind: Kind
        if abs(change) <= threshold_nats:
            kind = "decorative"
        elif change > 0:
            kind = "support"
        else:
            kind = "productive doubt" if recovers else "derailment"
        found.append(Revision(marked, kind, change, later, int(step[at] - step[at - 1])))
    return found


def unearned_jumps(
    point_step: npt.ArrayLike,
    point_nats: npt.ArrayLike,
    step_nll_nats: npt.ArrayLike,
    earned_steps: Collection[int],
    jump_nats: float = JUMP_NATS,
    surprising_share: float = SURPRISING_SHARE,
) -> list[Jump]:
    """Large increments in surprising steps without a marker of derivation or verification.

    `step_nll_nats` has the mean NLL of every step of the trace (NaN = no tokens: never surprising);
    `earned_steps` are the indices of steps that derive or verify. Between sampled points, one
    earning step earns the whole increment, and one surprising step is enough. A step is surprising
    above the `surprising_share` quantile of the trace's steps, so a trace of even steps has none.
    A hint to look for privilege or a leap, no proof. Ours.
    """
    step, _, delta = _curve(point_step, point_nats)
    nll = floats(step_nll_nats, "step_nll_nats", allow_nan=True)
    if step[-1] > nll.size:
        raise ValueError(f"the curve reads {step[-1]} steps, but only {nll.size} have an NLL")
    known = nll[~np.isnan(nll)]
    if not known.size:
        return []
    surprising = nll > np.quantile(known, surprising_share, method="lower")
    found = []
    for i in np.flatnonzero(delta >= jump_nats):
        first, last = int(step[i]), int(step[i + 1]) - 1
        if surprising[first : last + 1].any() and not any(
            k in earned_steps for k in range(first, last + 1)
        ):
            found.append(Jump(first, last, float(delta[i])))
    return found


def answer_shift_nats(before_nats: npt.ArrayLike, after_nats: npt.ArrayLike) -> float:
    """How far reading the trace moved the student's answers: Σ p_after · ln(p_after / p_before).

    The persuasion score ψ over the candidate answers whose log-likelihoods before and after are
    given, with all other answers together as one more (its probability is what the candidates
    leave). Lumping can only lower ψ, so this is a lower bound of it, in nats; 0 = the trace moved
    nothing that was looked at. With a wrong belief before, near 0 means that the student ignores
    the trace. NaN without candidates; infinite where the trace made the impossible possible.
    Candidates should exclude each other; where they do not ("1" begins "12") and their sum is above
    1, both sides are scaled to 1. Source: https://arxiv.org/abs/2404.04633 (ψ).
    """
    before = logprobs(before_nats, "before_nats")
    after = logprobs(after_nats, "after_nats")
    same_size(after, "after_nats", before.size)
    if not before.size:
        return math.nan
    p, q = (_with_the_rest(array) for array in (after, before))
    some = p > 0
    if (q[some] == 0).any():
        return math.inf
    return max(0.0, float((p[some] * np.log(p[some] / q[some])).sum()))


def _curve(point_step: npt.ArrayLike, point_nats: npt.ArrayLike) -> tuple[Ints, Floats, Floats]:
    """The points, checked, and the increments between them."""
    nats = logprobs(point_nats, "point_nats")
    step = np.asarray(point_step, dtype=np.int64)
    same_size(step, "point_step", nats.size)
    if not nats.size:
        raise ValueError("a belief curve has at least one point; got none")
    if step[0] < 0 or (np.diff(step) <= 0).any():
        raise ValueError("point_step: numbers of steps read, from 0 on and ascending, are needed")
    return step, nats, _difference(nats)


def _difference(nats: Floats) -> Floats:
    """Differences of neighbours; 0 between two that are both minus infinity."""
    with np.errstate(invalid="ignore"):
        change = np.diff(nats)
    return np.where(np.isnan(change), 0.0, change)


def _highest_later(nats: Floats, at: int) -> float | None:
    """The highest point after `at`, minus the point before it; None where none comes after."""
    if at + 1 >= nats.size:
        return None
    return float(_difference(np.array([nats[at - 1], nats[at + 1 :].max()]))[0])


def _with_the_rest(nats: Floats) -> Floats:
    """Probabilities of the candidates and, last, of everything else; they add up to 1."""
    p = np.exp(np.minimum(nats, 0.0))
    total = float(p.sum())
    return np.append(p, 1.0 - total) if total < 1.0 else np.append(p / total, 0.0)
