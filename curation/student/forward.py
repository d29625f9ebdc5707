"""From token ids to log-likelihood, rank and entropy of the tokens that are scored.

Owns the forward pass. The transformer runs over whole sequences, the vocabulary head only over the
positions that are scored, a block of rows at a time, so that memory stays bounded: all logits of
8,192 tokens over 49,152 entries would be 1.6 GB. Knows no text.

Sequences of a batch are padded on the right. Attention is causal, so no position sees the padding
behind it: a mask would change nothing, and without one the faster attention kernel is taken. That
the model is causal, and that head and transformer taken apart give what they give together, is
checked on loading, not assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from curation.errors import StudentError
from curation.student.encoding import Encoded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH_TOKENS = 2048
"""Tokens of a batch, padding included. On a CPU, more gains nothing (measured: 1,250 tokens/s at
4 x 313, 1,280 at 6 x 313, 1,110 at 1 x 313)."""

BLOCK_NUMBERS = 128 * 49152
"""Logits that are looked at together: 24 MB in float32; fewer rows make the product slower."""


class Statistics(NamedTuple):
    """Of each scored token of one sequence, in order."""

    logprob_nats: npt.NDArray[np.float32]
    rank: npt.NDArray[np.int32]
    entropy_nats: npt.NDArray[np.float32]


def plan(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> list[list[int]]:
    """Batches of indices into `lengths`: each once, similar lengths together, shortest first.

    A batch, padded to its longest, holds at most `budget` tokens; a sequence longer than that is
    a batch of its own.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        # Ascending order: the newcomer is the longest, so it sets the padded width.
        if batches and (len(batches[-1]) + 1) * lengths[index] <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


class Forward:
    """A causal language model, taken apart into transformer and vocabulary head."""

    def __init__(self, model: PreTrainedModel, name: str) -> None:
        """Take over `model`; `name` is the student's, for messages."""
        self._model = model.eval()
        self._name = name
        self._body = model.base_model
        self._head = model.get_output_embeddings()
        text = model.config.get_text_config()
        # What some families do to the logits after the head.
        self._softcap: float | None = getattr(text, "final_logit_softcapping", None)
        self._scale = float(getattr(text, "logit_scale", None) or 1.0)
        self._scale /= float(getattr(text, "logits_scaling", None) or 1.0)

    @torch.inference_mode()
    def check(self, ids: Sequence[int]) -> None:
        """Raise StudentError unless the parts give the model's own logits, and never look ahead."""
        if self._head is None or self._head is self._model:
            raise StudentError(f"{self._name} has no vocabulary head; it is no language model.")
        probe = torch.tensor([list(ids)])
        hidden = self._hidden(probe)
        tolerance = 1e-4 if hidden.dtype == torch.float32 else 3e-2
        changed = probe.clone()
        changed[0, -1] = probe[0, 0]
        moved = (self._hidden(changed) - hidden)[0, :-1].float().abs().max()
        if float(moved) > tolerance * float(hidden.float().abs().max()):
            raise StudentError(
                f"{self._name} sees the words to come; a causal language model is needed."
            )
        expected = self._model(input_ids=probe, use_cache=False).logits[0].float()
        wrong = (self._logits(hidden[0]) - expected).abs().max()
        if float(wrong) > tolerance * float(expected.abs().max()):
            raise StudentError(
                f"{self._name} does something to its logits that is not known here; "
                "its likelihoods would be wrong, so it is refused."
            )

    @torch.inference_mode()
    def run(self, batch: Sequence[Encoded]) -> list[Statistics]:
        """The statistics of every sequence of a batch, in one pass over it.

        Raises StudentError where the model gives something that is no number.
        """
        width = max(len(item.ids) for item in batch)
        padded = torch.zeros(len(batch), width, dtype=torch.long)
        for row, item in enumerate(batch):
            padded[row, : len(item.ids)] = torch.tensor(item.ids)
        hidden = self._hidden(padded)
        # The prediction of a token stands at the position before it.
        wanted = torch.cat(
            [hidden[row, item.first - 1 : len(item.ids) - 1] for row, item in enumerate(batch)]
        )
        targets = torch.cat([torch.tensor(item.ids[item.first :]) for item in batch])
        logprob, rank, entropy = self._statistics(wanted, targets)
        if np.isnan(logprob).any() or np.isnan(entropy).any():
            raise StudentError(
                f"{self._name} gave something that is no number; are its weights whole?"
            )
        cuts = np.cumsum([item.n_scored for item in batch])[:-1]
        return [
            Statistics(*parts)
            for parts in zip(
                np.split(logprob, cuts), np.split(rank, cuts), np.split(entropy, cuts), strict=True
            )
        ]

    def _hidden(self, ids: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self._body(input_ids=ids, use_cache=False).last_hidden_state
        return hidden

    def _logits(self, hidden: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """The model's logits in float32; `out` may lend the memory."""
        logits: torch.Tensor
        plain = type(self._head) is torch.nn.Linear and self._head.bias is None
        if plain and hidden.dtype == torch.float32 and out is not None:
            logits = torch.mm(hidden, self._head.weight.t(), out=out)
        else:
            logits = self._head(hidden).float()
        if self._scale != 1.0:
            logits = logits.mul_(self._scale)
        if self._softcap is not None:
            logits = logits.div_(self._softcap).tanh_().mul_(self._softcap)
        return logits

    def _statistics(
        self, hidden: torch.Tensor, targets: torch.Tensor
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Log-likelihood, rank and entropy of `targets` given the hidden states before them.

        Few passes over the logits, in memory that is used again: with the vocabulary at 49,152 the
        passes cost about two fifths of what the head's matrix product does.
        """
        n, vocabulary = hidden.shape[0], self._head.weight.shape[0]
        rows = max(1, min(n, BLOCK_NUMBERS // vocabulary))
        memory = torch.empty(2, rows, vocabulary)
        logprob, rank, entropy = torch.empty(n), torch.empty(n), torch.empty(n)
        for a in range(0, n, rows):
            b = min(a + rows, n)
            logits = self._logits(hidden[a:b], out=memory[0, : b - a])
            other = memory[1, : b - a]
            target = logits.gather(1, targets[a:b, None])
            # Counting in float32 is exact up to 16.7 million and quicker than in integers.
            rank[a:b] = torch.gt(logits, target, out=other).sum(-1) + 1
            top = logits.amax(-1, keepdim=True)
            logits = logits.sub_(top)
            mass = torch.exp(logits, out=other)
            total = mass.sum(-1)
            log_total = total.log()
            logprob[a:b] = (target - top)[:, 0] - log_total
            # H = log Z - E[logit]; a logit of -inf has no mass, and 0 · -inf must not count.
            expected = mass.mul_(logits.clamp_(min=-1e30)).sum(-1) / total
            entropy[a:b] = (log_total - expected).clamp_(min=0.0)
        return logprob.numpy(), rank.numpy().astype(np.int32), entropy.numpy()
