"""What `bench_score.py` holds the scoring against: the machine's best matrix product, right now."""

from __future__ import annotations

import time

import torch

from curation.bench.score import Shape
from curation.student.causal import CausalStudent

ROWS = 3072
"""Tokens of a pass."""


def shape(reader: CausalStudent) -> Shape:
    """The sizes of a student's model."""
    forward = reader.forward
    head = forward._model.get_output_embeddings().weight
    embedding = forward._model.get_input_embeddings().weight
    body = sum(
        p.numel()
        for p in forward._model.base_model.parameters()
        if p.dim() == 2 and p is not embedding
    )
    text = forward._model.config.get_text_config()
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Shape(
        body, head.numel(), width * text.num_attention_heads, text.num_hidden_layers
    )  # fmt: skip


class Ceiling:
    """The best matrix product of a dtype: found once, measured again at every call.

    Of a square and of the products of the model, the one that was fastest.
    """

    def __init__(self, dtype: str, reader: CausalStudent, quick: bool) -> None:
        self._kind = {"float32": torch.float32, "bfloat16": torch.bfloat16}[dtype]
        self._seconds = 0.05 if quick else 0.4
        self.found: list[float] = []
        """Operations a second at every call."""
        text = reader.forward._model.config.get_text_config()
        d, wide = text.hidden_size, text.intermediate_size
        square = 512 if quick else 4096
        sizes = [(square, square, square), (ROWS, d, wide), (ROWS, wide, d), (ROWS, d, d),
                 (128, d, text.vocab_size)]  # fmt: skip
        self._size = max(sizes, key=lambda size: max(self._speed(*size) for _ in range(3)))

    def __call__(self) -> None:
        """Measure once more."""
        self.found.append(self._speed(*self._size))

    def pairs(self) -> list[float]:
        """The better of each two calls, one after the other, in order."""
        return [max(pair) for pair in zip(self.found[::2], self.found[1::2], strict=True)]

    def _speed(self, m: int, k: int, n: int) -> float:
        a, b = torch.randn(m, k).to(self._kind), torch.randn(n, k).to(self._kind)
        torch.nn.functional.linear(a, b)
        began, times = time.perf_counter(), 0
        while time.perf_counter() - began < self._seconds:
            torch.nn.functional.linear(a, b)
            times += 1
        return 2.0 * m * k * n * times / (time.perf_counter() - began)
