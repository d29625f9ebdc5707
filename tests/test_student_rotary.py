"""Rotating in place gives the same bits, and only where the model's own code is the known one."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from transformers.models.llama import modeling_llama

from curation.student import rotary
from tests import tiny


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_place_gives_the_same_bits(dtype: torch.dtype) -> None:
    torch.manual_seed(0)

    def made(heads: int) -> torch.Tensor:
        return torch.randn(1, 7, heads * 8).to(dtype).view(1, 7, heads, 8).transpose(1, 2)

    q, k = made(4), made(2)
    cos, sin = torch.randn(2, 1, 7, 8).to(dtype)
    plain = modeling_llama.apply_rotary_pos_emb(q.clone(), k.clone(), cos, sin)
    quick = rotary.apply_in_place(q.clone(), k.clone(), cos, sin)
    for one, other in zip(plain, quick, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("kind", "is_known"),
    [
        (transformers.LlamaConfig, True),
        (transformers.Qwen3Config, True),
        (transformers.Olmo2Config, False),
    ],
)
def test_only_known_code_is_replaced(kind: Any, is_known: bool) -> None:
    model = transformers.AutoModelForCausalLM.from_config(tiny.a_config(kind))
    assert (rotary.home_of(model) is not None) is is_known


def test_a_model_without_rotary_positions_is_left_alone() -> None:
    home = rotary.home_of(SimpleNamespace(base_model=ModuleType("none")))
    assert home is None
    with rotary.in_place(home):
        assert modeling_llama.apply_rotary_pos_emb is not rotary.apply_in_place


def test_afterwards_the_models_own_code_stands_again() -> None:
    own = modeling_llama.apply_rotary_pos_emb

    def fail() -> None:
        with rotary.in_place(modeling_llama):
            assert modeling_llama.apply_rotary_pos_emb is rotary.apply_in_place
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert modeling_llama.apply_rotary_pos_emb is own
