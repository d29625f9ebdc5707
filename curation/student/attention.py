"""Attention over a layout of sequences that share prefixes (`curation.student.tree`).

Owns the kernel calls, and the way into a transformers model: an attention function of our own,
registered under `NAME`, which looks up what is to be computed in the `Plan` that is in force. The
model's other parts see one long sequence and the positions that they are given.

A plan holds tensors for one layout, made once and used by every layer. Not for several threads at
once: one process scores with one thread of its own, as `Forward` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from curation.student.tree import Layout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "hedgerow_tree"

HIDDEN = -1e30
"""Added to a score that must not count; finite, so that no row can become NaN."""


class NotShared(Exception):
    """The model's attention is of a kind that a layout would get wrong."""


class Plan:
    """What attention has to compute for one layout, as tensors of one dtype and device."""

    def __init__(self, layout: Layout, dtype: torch.dtype, device: torch.device) -> None:
        self.blocks = layout.blocks
        options: Any = {"dtype": dtype, "device": device}
        # One staircase serves all blocks without a mask of their own: its lower right corner.
        stairs = [b for b in layout.blocks if b.mask is None and b.n_keys > b.stop - b.start]
        rows = max((b.stop - b.start for b in stairs), default=0)
        width = max((b.n_keys for b in stairs), default=0)
        staircase = torch.full((rows, width), HIDDEN, **options).triu_(width - rows + 1)
        self.masks: list[torch.Tensor | None] = []
        for block in layout.blocks:
            n = block.stop - block.start
            if block.mask is not None:
                seen = torch.from_numpy(block.mask).to(device)
                hidden = torch.zeros(block.mask.shape, **options).masked_fill_(~seen, HIDDEN)
                self.masks.append(hidden)
            elif block.n_keys > n:
                self.masks.append(staircase[rows - n :, width - block.n_keys :])
            else:
                self.masks.append(None)

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Of (1, heads, rows, d) each, what every row attends to: (1, rows, heads, d)."""
        heads, rows, d = query.shape[1], query.shape[2], value.shape[3]
        out = torch.empty((1, rows, heads, d), dtype=query.dtype, device=query.device)
        for block, mask in zip(self.blocks, self.masks, strict=True):
            keys, values = (_gathered(t, block.keys) for t in (key, value))
            found = scaled_dot_product_attention(
                query[:, :, block.start : block.stop],
                keys,
                values,
                attn_mask=mask,
                is_causal=mask is None,
                scale=scale,
                enable_gqa=key.shape[1] != heads,
            )
            out[:, block.start : block.stop] = found.transpose(1, 2)
        return out


_in_force: list[Plan] = []


def _forward(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    is_causal: bool | None = None,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    odd = (sliding_window, softcap, s_aux, position_bias)
    if any(value is not None for value in odd) or is_causal is False:
        raise NotShared
    return _in_force[-1].attend(query, key, value, scaling), None


def _no_mask(*args: object, **kwargs: object) -> None:
    """The plan knows what is seen; the model need not make a mask."""


AttentionInterface.register(NAME, _forward)
AttentionMaskInterface.register(NAME, _no_mask)


@contextmanager
def planned(model: PreTrainedModel, plan: Plan) -> Iterator[None]:
    """Within, `model` attends as `plan` says."""
    before = model.config._attn_implementation
    _in_force.append(plan)
    try:
        model.set_attn_implementation(NAME)
        yield
    finally:
        model.set_attn_implementation(before)
        _in_force.pop()


def _gathered(tensor: torch.Tensor, ranges: tuple[tuple[int, int], ...]) -> torch.Tensor:
    """The rows of (1, heads, rows, d) that the ranges name, in their order."""
    merged: list[tuple[int, int]] = []
    for a, b in ranges:
        if merged and merged[-1][1] == a:
            merged[-1] = (merged[-1][0], b)
        else:
            merged.append((a, b))
    parts = [tensor[:, :, a:b] for a, b in merged]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
