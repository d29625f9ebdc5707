"""Proxy-tuning: what a trace would be worth to a student that two small ones steer.

An expert s+ and an antiexpert s- of the student's own vocabulary shift its logits,

    s~ = s + alpha · (s+ - s-),   p~ = softmax(s~), proportional to p · (p+ / p-) ^ alpha,

so that what training the small ones would do to a large student can be looked at before anybody
trains it. Source: Liu et al. 2024, https://arxiv.org/abs/2401.08565 (its alpha is 1).

Owns that arithmetic for the tokens of a trace. All three read the very tokens that the student
reads, its chat template included, whatever their own templates are. Memory is bounded by three
times what scoring the trace takes and a block of logits. With alpha 0 the numbers are the
student's own, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from curation.errors import StudentError
from curation.student.causal import CausalStudent

TOP = 5
"""Likeliest tokens that are named at each place."""

BLOCK_NUMBERS = 64 * 49152
"""Logits of each student that are held at a time: 12 MB in float32."""

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ProxyReading:
    """A trace under the student and under the student as it is steered.

    Arrays have an entry for each scored token of the trace, in order; `start` and `end` are offsets
    into it (code points, end exclusive); log-likelihoods are in nats. `steered_nats - base_nats` is
    the shift. `divergence_nats` is KL(steered || base) of the whole distribution at the token's
    place: how much is changed there, whatever stands there. The last four have `TOP` columns: the
    ids of the likeliest tokens of the student and of the steered one, the first first, and their
    log-probabilities under each's own.
    """

    alpha: float
    token_id: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    base_nats: _Floats
    expert_nats: _Floats
    antiexpert_nats: _Floats
    steered_nats: _Floats
    divergence_nats: _Floats
    base_top_id: npt.NDArray[np.int32]
    base_top_nats: _Floats
    steered_top_id: npt.NDArray[np.int32]
    steered_top_nats: _Floats

    @property
    def shift_nats(self) -> _Floats:
        """How much likelier the steered student holds each token, in nats."""
        return self.steered_nats - self.base_nats


class Trio(NamedTuple):
    """A student and the two that steer it."""

    base: CausalStudent
    expert: CausalStudent
    antiexpert: CausalStudent


def steered(
    base: torch.Tensor, expert: torch.Tensor, antiexpert: torch.Tensor, alpha: float
) -> torch.Tensor:
    """Log-probabilities of softmax(base + alpha (expert - antiexpert)) over the last axis, in nats.

    The three are logits, up to a constant for each row. Where both that steer hold a token
    impossible they do not steer it.
    """
    if alpha == 0:
        return torch.log_softmax(base, dim=-1)
    change = (expert - antiexpert).nan_to_num_(nan=0.0, posinf=torch.inf, neginf=-torch.inf)
    return torch.log_softmax(base + alpha * change, dim=-1)


def check(trio: Trio) -> None:
    """Raise StudentError unless all three have one vocabulary, entry by entry."""
    hashes = [each.convention.record["tokenizer"] for each in trio]
    for role, each, found in zip(trio._fields, trio, hashes, strict=True):
        if found != hashes[0]:
            raise StudentError(
                f"The {role} {each.name} has another vocabulary than {trio.base.name}, so adding "
                "their logits would add numbers of different tokens. Choose students of one "
                "tokenizer: the same model before and after a fine-tuning, for instance."
            )


@torch.inference_mode()
def read(
    trio: Trio, prompt: str, trace: str, *, alpha: float = 1.0, top: int = TOP
) -> ProxyReading:
    """The trace's tokens under the student, and as it is steered by `alpha`.

    Raises StudentError where the three have not one vocabulary, where the trace does not fit the
    window of one of them, or where one gives something that is no number; ValueError for an alpha
    that is not finite.
    """
    if not np.isfinite(alpha):
        raise ValueError(f"alpha is a finite number; got {alpha}")
    check(trio)
    encoded = trio.base.admit(prompt, trace)
    for each in trio:
        if each.window is not None and len(encoded.ids) > each.window:
            raise StudentError(
                f"The trace has {len(encoded.ids):,} tokens with its prompt; the window of "
                f"{each.name} is {each.window:,}. Nothing is cut, so it is not read."
            )
    targets = torch.tensor(encoded.ids[encoded.first :])
    n, parts = len(targets), []
    for at, (base, expert, antiexpert) in zip(
        range(0, n, _rows(trio)), _blocks(trio, encoded.ids, encoded.first), strict=True
    ):
        asked = targets[at : at + base.shape[0], None]
        own = steered(base, base, base, 0.0)
        moved = steered(base, expert, antiexpert, alpha)
        sides = [own, steered(expert, expert, expert, 0.0)]
        sides += [steered(antiexpert, antiexpert, antiexpert, 0.0), moved]
        share = moved.exp()
        # 0 · (-inf - -inf) counts nothing: what has no probability has no part in it.
        divergence = torch.where(share > 0, share * (moved - own), 0.0).sum(-1).clamp_(min=0.0)
        parts.append(
            [
                *(side.gather(1, asked)[:, 0] for side in sides),
                divergence,
                *(found for side in (own, moved) for found in side.topk(top)),
            ]
        )
    arrays = [torch.cat(column).numpy() for column in zip(*parts, strict=True)]
    own_at, expert_at, antiexpert_at, moved_at, divergence_at = arrays[:5]
    if any(np.isnan(array).any() for array in arrays[:5]):
        raise StudentError("One of the three gave something that is no number; are weights whole?")
    own_top, own_id, moved_top, moved_id = arrays[5:]
    return ProxyReading(
        alpha=float(alpha),
        token_id=np.array(encoded.ids[encoded.first :], dtype=np.int32),
        start=encoded.start,
        end=encoded.end,
        base_nats=own_at,
        expert_nats=expert_at,
        antiexpert_nats=antiexpert_at,
        steered_nats=moved_at,
        divergence_nats=divergence_at,
        base_top_id=own_id.astype(np.int32),
        base_top_nats=own_top,
        steered_top_id=moved_id.astype(np.int32),
        steered_top_nats=moved_top,
    )


def _rows(trio: Trio) -> int:
    return max(1, BLOCK_NUMBERS // min(each.forward.vocabulary for each in trio))


def _blocks(
    trio: Trio, ids: list[int], first: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """The logits of the scored tokens of each of the three, a block of rows at a time.

    Vocabulary heads that are padded to different widths are cut to the narrowest: what lies beyond
    is no token of the vocabulary that they share.
    """
    width = min(each.forward.vocabulary for each in trio)
    hidden = [each.forward.states(ids)[first - 1 : -1] for each in trio]
    rows = _rows(trio)
    for at in range(0, len(ids) - first, rows):
        base, expert, antiexpert = (
            each.forward.logits(states[at : at + rows])[:, :width].float().cpu()
            for each, states in zip(trio, hidden, strict=True)
        )
        yield base, expert, antiexpert
