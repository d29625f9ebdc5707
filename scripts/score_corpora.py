"""What `bench_score.py` scores: corpora made from the demo, and a student of almost no cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from curation import steps, student
from curation.records import Family
from curation.settings import ROOT
from curation.student import Item, questions
from curation.student.causal import CausalStudent

FAMILIES: tuple[Family, ...] = ("likelihood", "ifd", "belief", "privilege")


def demo() -> list[dict[str, Any]]:
    """The demo's traces, those of a problem side by side."""
    lines = (ROOT / "data/demo/traces.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return sorted(rows, key=lambda one: one["extra"]["problem_id"])


def spread(rows: list[dict[str, Any]], n: int, size: int = 3) -> list[dict[str, Any]]:
    """About `n` of them: whole problems, evenly from the file."""
    groups = [rows[i : i + size] for i in range(0, len(rows), size)]
    n_groups = max(1, min(len(groups), n // size))
    return [one for i in range(n_groups) for one in groups[i * len(groups) // n_groups]]


def spans(trace: str) -> tuple[tuple[int, int], ...]:
    """The steps of a trace."""
    return tuple(zip(*steps.split(trace), strict=True))


def eight(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Eight distinct traces a problem: its own, and what is left of them from a later step on.

    Beginnings would be whole traces that others contain, which is computed for nothing; these share
    the prompt alone, as traces do that were sampled apart.
    """
    found = []
    for i in range(0, len(rows), 3):
        own = rows[i : i + 3]
        texts = {one["trace"]: None for one in own}
        cuts = [one["trace"][start:] for one in own for start, _ in spans(one["trace"])[1:]]
        for text in cuts:
            if len(texts) < 8 and len(text) > 40:
                texts[text] = None
        found += [{**own[0], "trace": text} for text in texts]
    return found


def joined(rows: list[dict[str, Any]], ours: CausalStudent, n_tokens: int, n: int) -> list[Any]:
    """`n` traces above `n_tokens` tokens: traces of a problem, then of those behind it, joined."""
    found = []
    for k in range(n):
        at = k * len(rows) // n
        text = rows[at]["trace"]
        for one in rows[at + 1 :] + rows[:at]:
            if len(ours.encoder.plain_ids(text)) > n_tokens:
                break
            text += "\n\n" + one["trace"]
        found.append({**rows[at], "trace": text})
    return found


def items(rows: list[dict[str, Any]]) -> list[Item]:
    """What (b) asks of each."""
    return [
        Item(
            one["prompt"], one["trace"], FAMILIES, spans(one["trace"]), one["reference_answer"],
            privileged=questions.privileged_prompt(
                one["prompt"], "solution", one["reference_solution"]
            ),
        )
        for one in rows
    ]  # fmt: skip


def tiny_student(folder: Path, threads: int) -> CausalStudent:
    """A student whose model costs next to nothing: one layer, a token a byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = {"<|bos|>": 0, **{letter: i + 1 for i, letter in enumerate(letters)}}
    backend = Tokenizer(models.BPE(vocab=tokens, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|bos|>").save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokens), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=2048,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    loaded = student.load(str(folder), threads=threads)
    assert isinstance(loaded, CausalStudent)
    return loaded
