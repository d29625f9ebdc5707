"""Tiny students with random weights, saved as folders, so that every path of loading has a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

CORPUS = [
    "The answer is forty two, since six times seven is forty two.",
    "Wait, let me check that again.\n\nTwo and two make four.",
    "user assistant system prompt HEDGEROW question? 0123456789 {}<|>/_ 😀",
]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ["<|bos|>", "<|im_start|>", "<|im_end|>"]


def a_tokenizer(**options: Any) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with `CONTROL` tokens, which trims offsets as Llama 3's does."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=CONTROL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **options)


def a_sentencepiece_like_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer that puts a space before the text's beginning only, as newer Llama 2's do."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", *CONTROL], show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=CHATML)


def a_folder(
    path: Path,
    tokenizer: PreTrainedTokenizerFast | None = None,
    config: Any = None,
    seed: int = 0,
) -> Path:
    """A student's folder: `tokenizer` (default: no template, no BOS) and a model of `config`."""
    tokenizer = tokenizer or a_tokenizer()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config or a_config())
    # Random weights of the usual size make a nearly flat distribution; these make a peaked one.
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    tokenizer.save_pretrained(path)
    model.save_pretrained(path)
    return path


def a_config(kind: Any = LlamaConfig, **changes: Any) -> Any:
    """A configuration of two layers for any Llama-like family."""
    return kind(
        **{
            "vocab_size": 440,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "max_position_embeddings": 256,
            "pad_token_id": 0,
            "bos_token_id": 0,
            "eos_token_id": 2,
            **changes,
        }
    )
