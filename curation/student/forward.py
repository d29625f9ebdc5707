"""From token ids to log-likelihood, rank and entropy of the tokens that are scored.

Owns the forward pass. The transformer runs over whole sequences, the vocabulary head only over the
positions that are scored, a block of rows at a time, so that memory stays bounded: all logits of
8,192 tokens over 49,152 entries would be 1.6 GB. Knows no text.

What sequences share at their beginning is computed once (`curation.student.tree`), where the model
allows it; that is tried on loading, not assumed, and so is that the model is causal and that head
and transformer taken apart give what they give together. Models that do not allow it (sliding
windows, recurrent layers, positions that depend on the length) run padded on the right: attention
is causal, so no position sees the padding behind it, and without a mask the faster attention kernel
is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from curation.errors import StudentError, first_line
from curation.student import rotary
from curation.student.attention import NotShared, Plan, planned
from curation.student.machine import CPU_PACK_TOKENS
from curation.student.tree import Layout, Request, Trie

__all__ = ["Forward", "Request", "Statistics", "plan"]

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_SILU = ("SiLU", "SiLUActivation")
"""The names that torch and transformers give one activation."""

BLOCK_NUMBERS = 128 * 49152
"""Logits of one matrix product: 24 MB in float32; fewer rows make the product slower."""

GPU_BLOCK_NUMBERS = 2**27
"""The same on a GPU: 512 MB in float32, since small steps leave it idle."""

CACHED_NUMBERS = 16 * 49152
"""Logits that are looked at together: 3 MB in float32, which the cores' own caches hold."""

PACKED_BYTES = 2**29
"""A vocabulary head up to this size is kept a second time, as the matrix product wants it."""


class Statistics(NamedTuple):
    """Of each scored token of one sequence, in order."""

    logprob_nats: npt.NDArray[np.float32]
    rank: npt.NDArray[np.int32] | None = None
    entropy_nats: npt.NDArray[np.float32] | None = None
    opener_mass: npt.NDArray[np.float32] | None = None
    """Probability of the tokens in `Forward.openers`; None where there are none."""
    distribution: npt.NDArray[np.float32] | None = None
    """Log-probabilities of the whole vocabulary where `Request.keeps` asked for them."""


def plan(lengths: Sequence[int], budget: int = CPU_PACK_TOKENS) -> list[list[int]]:
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

    def __init__(
        self, model: PreTrainedModel, name: str, pack_tokens: int = CPU_PACK_TOKENS
    ) -> None:
        """Take over `model`; `name` is the student's, for messages."""
        self._model = model.eval()
        self._name = name
        self._body = model.base_model
        self._head = model.get_output_embeddings()
        self._device = next(model.parameters()).device
        text = model.config.get_text_config()
        # What some families do to the logits after the head.
        self._softcap: float | None = getattr(text, "final_logit_softcapping", None)
        self._scale = float(getattr(text, "logit_scale", None) or 1.0)
        self._scale /= float(getattr(text, "logits_scaling", None) or 1.0)
        self._rope_kind = str((getattr(text, "rope_parameters", None) or {}).get("rope_type"))
        self._rotary = rotary.home_of(model)
        self._packed = _packed(self._head)
        self.pack_tokens = pack_tokens
        """Tokens of a pass; halved when memory does not hold it."""
        self.shares = False
        """Whether common beginnings are computed once; `check` finds out."""
        self.openers: torch.Tensor | None = None
        """Token ids whose summed probability full requests ask for."""
        for module in model.modules():
            activation = getattr(module, "act_fn", None)
            if hasattr(module, "gate_proj") and type(activation).__name__ in _SILU:
                # The same numbers, without another copy of the widest activations.
                module.act_fn = torch.nn.SiLU(inplace=True)

    @property
    def model(self) -> PreTrainedModel:
        """The whole model."""
        return self._model

    @property
    def vocabulary(self) -> int:
        """How many entries the head has; some may be padding that no token stands for."""
        return int(self._head.weight.shape[0])

    @torch.inference_mode()
    def states(self, ids: Sequence[int]) -> torch.Tensor:
        """The hidden states of one sequence: (tokens, d). Row i predicts token i + 1."""
        return self._hidden(torch.tensor([list(ids)], device=self._device))[0]

    @torch.inference_mode()
    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """The logits of some rows of `states`, in float32: (rows, `vocabulary`)."""
        return self._logits(states)

    @torch.inference_mode()
    def check(self, ids: Sequence[int]) -> None:
        """Raise StudentError unless the parts give the model's own logits, and never look ahead.

        Finds out, too, whether sequences may share their beginnings.
        """
        if self._head is None or self._head is self._model:
            raise StudentError(f"{self._name} has no vocabulary head; it is no language model.")
        probe = torch.tensor([list(ids)], device=self._device)
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
        self.shares = self._can_share(list(ids), tolerance)

    def _can_share(self, ids: list[int], tolerance: float) -> bool:
        """Whether a layout of sequences with common beginnings gives what each alone does."""
        if self._rope_kind in ("dynamic", "longrope") or len(ids) < 4:
            return False  # a token's place would turn on the longest sequence beside it
        half = len(ids) // 2
        sequences = [ids, [*ids[:half], *ids[::-1]], [*ids[:half], ids[-1], ids[0]]]
        sequences += [[*sequences[1][: half + 2], ids[half]], ids[1:]]
        trie = Trie()
        for sequence in sequences:
            trie.add(sequence)
        layout = trie.layout()
        try:
            shared = self._hidden_of(layout)
        except (NotShared, NotImplementedError, TypeError, ValueError, RuntimeError):
            return False  # whatever this model's attention needs that a layout cannot give
        for sequence, where in zip(sequences, layout.where, strict=True):
            alone = self._hidden(torch.tensor([sequence], device=self._device))[0].float()
            wrong = (shared[where].float() - alone).abs().max()
            if float(wrong) > tolerance * float(alone.abs().max()):
                return False
        return True

    @torch.inference_mode()
    def run(self, requests: Sequence[Request]) -> list[Statistics]:
        """The statistics of every request, in order; what they share is computed once.

        Raises StudentError where the model gives something that is no number, or where memory does
        not hold a single request.
        """
        try:
            return self._run(requests)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as exc:
            if not _is_out_of_memory(exc):
                raise
            problem = exc
        # Outside the handler: the failed pass must be freed before the next one begins.
        self.pack_tokens = max(256, self.pack_tokens // 2)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if len(requests) == 1:
            raise StudentError(
                f"Memory does not hold {len(requests[0].ids):,} tokens at once "
                f"({first_line(problem)}); score this trace on a machine with more."
            ) from problem
        half = len(requests) // 2
        return [*self.run(requests[:half]), *self.run(requests[half:])]

    def _run(self, requests: Sequence[Request]) -> list[Statistics]:
        found: list[Statistics | None] = [None] * len(requests)
        for hidden, where, chosen in self._passes(requests):
            for is_full in (True, False):
                part = [i for i in chosen if requests[i].is_full is is_full]
                if not part:
                    continue
                # The prediction of a token stands at the position before it.
                at = [where[i][requests[i].first - 1 : requests[i].last - 1] for i in part]
                asked = [requests[i].ids[requests[i].first : requests[i].last] for i in part]
                rows = torch.from_numpy(np.concatenate(at)).to(hidden.device)
                targets = torch.from_numpy(np.concatenate(asked).astype(np.int64))
                cuts = np.cumsum([len(ids) for ids in asked])[:-1]
                keep = [
                    int(n) + kept_at
                    for n, i in zip([0, *cuts], part, strict=True)
                    if (kept_at := requests[i].keeps) is not None
                ]
                statistics, kept = self._statistics(
                    hidden[rows], targets.to(hidden.device), is_full, keep
                )
                logprob, rank, entropy, mass = (
                    None if s is None else np.split(s, cuts) for s in statistics
                )
                assert logprob is not None
                for n, i in enumerate(part):
                    found[i] = Statistics(
                        logprob[n],
                        None if rank is None else rank[n],
                        None if entropy is None else entropy[n],
                        None if mass is None else mass[n],
                        None if requests[i].keeps is None else kept.pop(0),
                    )
        return [item for item in found if item is not None]

    def _passes(
        self, requests: Sequence[Request]
    ) -> Iterator[tuple[torch.Tensor, dict[int, npt.NDArray[np.int64]], list[int]]]:
        """Hidden states, where each sequence's tokens stand in them, and whose they are."""
        if self.shares:
            trie = Trie()
            for request in requests:
                trie.add(request.ids)
            layout = trie.layout()
            yield self._hidden_of(layout), dict(enumerate(layout.where)), [*range(len(requests))]
            return
        alone = self._rope_kind in ("dynamic", "longrope")
        for batch in plan([len(r.ids) for r in requests], 1 if alone else self.pack_tokens):
            width = max(len(requests[i].ids) for i in batch)
            padded = torch.zeros(len(batch), width, dtype=torch.long)
            for row, i in enumerate(batch):
                padded[row, : len(requests[i].ids)] = torch.tensor(requests[i].ids)
            hidden = self._hidden(padded.to(self._device)).flatten(0, 1)
            yield hidden, {i: np.arange(width) + row * width for row, i in enumerate(batch)}, batch

    def _hidden(self, ids: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self._body(input_ids=ids, use_cache=False).last_hidden_state
        return hidden

    def _hidden_of(self, layout: Layout) -> torch.Tensor:
        """The hidden state of every node of the layout: (nodes, d)."""
        device = self._device
        plan = Plan(layout, self._model.dtype, device)
        with planned(self._model, plan), rotary.in_place(self._rotary):
            hidden: torch.Tensor = self._body(
                input_ids=torch.from_numpy(layout.ids).to(device)[None],
                position_ids=torch.from_numpy(layout.position).to(device)[None],
                use_cache=False,
            ).last_hidden_state
        return hidden[0]

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """The model's logits in float32."""
        product = self._packed or self._head
        logits: torch.Tensor = product(hidden).float()
        if self._scale != 1.0:
            logits = logits.mul_(self._scale)
        if self._softcap is not None:
            logits = logits.div_(self._softcap).tanh_().mul_(self._softcap)
        return logits

    def _statistics(
        self, hidden: torch.Tensor, targets: torch.Tensor, is_full: bool, keep: list[int]
    ) -> tuple[list[npt.NDArray[Any] | None], list[npt.NDArray[np.float32]]]:
        """Of `targets` given the hidden states before them: the first fields of `Statistics`.

        And the whole distributions of the rows `keep`. Few passes over the logits, in memory that
        is used again: with the vocabulary at 49,152 the passes of a full request cost about a
        quarter of what the head's matrix product does, those of the others a tenth.

        Raises StudentError for what is no number.
        """
        n, vocabulary = hidden.shape[0], self._head.weight.shape[0]
        if hidden.device.type == "cpu":
            few = max(1, CACHED_NUMBERS // vocabulary)
            rows = max(few, BLOCK_NUMBERS // vocabulary // few * few)
        else:
            few = rows = max(1, GPU_BLOCK_NUMBERS // vocabulary)
        memory = torch.empty((few, vocabulary), device=hidden.device)
        logprob, rank, entropy, mass = torch.empty((4, n), device=hidden.device)
        kept: list[npt.NDArray[np.float32]] = []
        for a in range(0, n, few):
            if a % rows == 0:
                product = self._logits(hidden[a : a + rows])
            b = min(a + few, n)
            logits = product[a % rows : a % rows + few]
            other = memory[: b - a]
            target = logits.gather(1, targets[a:b, None])
            if is_full:
                # Counting in float32 is exact up to 16.7 million and quicker than in integers.
                rank[a:b] = torch.gt(logits, target, out=other).sum(-1) + 1
            top = logits.amax(-1, keepdim=True)
            logits = logits.sub_(top)
            share = torch.exp(logits, out=other)
            total = share.sum(-1)
            log_total = total.log()
            logprob[a:b] = (target - top)[:, 0] - log_total
            for row in keep:
                if a <= row < b:
                    kept.append((logits[row - a] - log_total[row - a]).cpu().numpy())
            if is_full:
                if self.openers is not None:
                    mass[a:b] = share.index_select(1, self.openers).sum(-1) / total
                # H = log Z - E[logit]; a logit of -inf has no mass, and 0 · -inf must not count.
                expected = share.mul_(logits.clamp_(min=-1e30)).sum(-1) / total
                entropy[a:b] = (log_total - expected).clamp_(min=0.0)
        if torch.isnan(logprob).any() or (is_full and torch.isnan(entropy).any()):
            raise StudentError(
                f"{self._name} gave something that is no number; are its weights whole?"
            )
        if not is_full:
            return [logprob.cpu().numpy(), None, None, None], kept
        return [
            logprob.cpu().numpy(),
            rank.cpu().numpy().astype(np.int32),
            entropy.cpu().numpy(),
            mass.cpu().numpy() if self.openers is not None else None,
        ], kept


class _PackedHead:
    """A vocabulary head whose weights are kept as the CPU's matrix product wants them.

    For few rows and many entries the product spends up to half its time on that order; the numbers
    are the same up to rounding. These operations are those of torch's own compiler, not documented
    for others, so `_packed` tries them and does without where they fail.
    """

    def __init__(self, weight: torch.Tensor, rows: int) -> None:
        self._weight, self._rows = weight, rows
        if weight.dtype == torch.float32:
            self._packed = torch.ops.mkl._mkl_reorder_linear_weight(weight, rows)
        else:
            self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """The products of (rows, d) with every entry: (rows, vocabulary)."""
        product: torch.Tensor
        if hidden.dtype == torch.float32:
            product = torch.ops.mkl._mkl_linear(
                hidden, self._packed, self._weight, None, self._rows
            )
        else:
            product = torch.ops.mkldnn._linear_pointwise(hidden, self._packed, None, "none", [], "")
        return product


@torch.inference_mode()
def _packed(head: torch.nn.Module | None) -> _PackedHead | None:
    """The head in the order that the CPU's matrix product wants, where that is to be had."""
    if type(head) is not torch.nn.Linear or getattr(head, "bias", None) is not None:
        return None
    weight = head.weight
    size = weight.numel() * weight.element_size()
    if weight.device.type != "cpu" or size > PACKED_BYTES:
        return None
    if weight.dtype not in (torch.float32, torch.bfloat16):
        return None
    try:
        return _PackedHead(weight, max(1, BLOCK_NUMBERS // weight.shape[0]))
    except (AttributeError, RuntimeError):  # a build of torch without these libraries
        return None


def _is_out_of_memory(exc: BaseException) -> bool:
    """Whether memory was short; the CPU's allocator has no exception of its own."""
    return isinstance(exc, torch.OutOfMemoryError | MemoryError) or (
        isinstance(exc, RuntimeError) and "can't allocate memory" in str(exc)
    )
