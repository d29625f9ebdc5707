"""The peers of `bench_score.py`: minicons, lm-eval and plain loops, on a model of their own.

Each takes texts as a person would hand them over and answers with log-likelihoods in nats. The
model is loaded as the student's is, but nothing of ours touches it afterwards.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch

from curation.student import loading
from curation.student.causal import CausalStudent

Pair = tuple[str, str]
"""What the model reads before the trace, and the trace."""

Runner = Callable[[Sequence[Pair]], list[Any]]


class Raw(NamedTuple):
    """A tokenizer and a model as transformers gives them."""

    tokenizer: Any
    model: Any


def raw(name: str, cache_dir: str, dtype: torch.dtype = torch.float32) -> Raw:
    """The weights of the student `name`, loaded a second time."""
    tokenizer, model, _ = loading._read(loading.find(name), cache_dir)
    return Raw(tokenizer, model.to(dtype).eval())


@torch.inference_mode()
def logprobs(model: Any, ids: Sequence[int], first: int, stop: int | None = None) -> np.ndarray:
    """One forward pass, one log-softmax, one gather: of ids[first:stop]."""
    stop = len(ids) if stop is None else stop
    logits = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits
    rows = torch.log_softmax(logits[0, first - 1 : stop - 1].float(), dim=-1)
    targets = torch.tensor(list(ids[first:stop]))[:, None]
    return rows.gather(1, targets)[:, 0].numpy()


def plain(peer: Raw) -> Runner:
    """A pass for each trace: per token."""

    def run(pairs: Sequence[Pair]) -> list[np.ndarray]:
        found = []
        for before, trace in pairs:
            ids = peer.tokenizer(before + trace, add_special_tokens=False)["input_ids"]
            first = len(peer.tokenizer(before, add_special_tokens=False)["input_ids"])
            found.append(logprobs(peer.model, ids, first))
        return found

    return run


def minicons(peer: Raw, batch_size: int, avoid: Sequence[Pair]) -> Runner:
    """IncrementalLMScorer.conditional_score of minicons: per token.

    It counts a prefix without its padding tokens, so padding is made a token that `avoid` lacks.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scorer_of = _import("minicons.scorer").IncrementalLMScorer
    used = {i for before, _ in avoid for i in peer.tokenizer(before)["input_ids"]}
    special = [i for i, t in peer.tokenizer.added_tokens_decoder.items() if t.special]
    peer.tokenizer.pad_token_id = next(i for i in special if i not in used)
    scorer = scorer_of(peer.model, "cpu", tokenizer=peer.tokenizer)

    def run(pairs: Sequence[Pair]) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for a in range(0, len(pairs), batch_size):
            before, traces = map(list, zip(*pairs[a : a + batch_size], strict=True))
            found += scorer.conditional_score(
                before, traces, separator="", reduction=lambda nats: nats.numpy()
            )
        return found

    return run


def lm_eval(peer: Raw, batch_size: int) -> Runner:
    """lm-eval's HFLM.loglikelihood: (sum, whether it is greedy)."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    harness = _import("lm_eval.models.huggingface").HFLM(
        pretrained=peer.model, tokenizer=peer.tokenizer, batch_size=batch_size
    )

    def run(pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
        requests = [SimpleNamespace(args=pair) for pair in pairs]
        found: list[tuple[float, bool]] = harness.loglikelihood(requests, disable_tqdm=True)
        return found

    return run


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as exc:
        sys.exit(f"{exc}; the peers are in requirements-peers.txt, which scripts/test installs")


class Counter:
    """What a student's passes were asked for, to count the arithmetic that had to be done."""

    def __init__(self, student: CausalStudent) -> None:
        self._forward = student.forward
        self._run = student.forward.run
        self.requests: list[Any] = []

    def __enter__(self) -> Counter:
        def run(requests: Sequence[Any]) -> list[Any]:
            self.requests += requests
            return self._run(requests)

        self._forward.run = run  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        del self._forward.run  # type: ignore[attr-defined]
