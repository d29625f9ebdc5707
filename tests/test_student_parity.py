"""Parity modes beside the tools themselves, or a plain transcription of what they publish."""

from __future__ import annotations

import json
import math
import warnings
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from curation import student
from curation.errors import StudentError
from curation.settings import ROOT
from curation.student import loading, parity
from curation.student.causal import CausalStudent

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4
"""Nats a token."""

_LINES = (ROOT / "data/demo/traces.jsonl").read_text("utf-8").splitlines()
PAIRS = [(row["prompt"], row["trace"]) for row in map(json.loads, _LINES[:60:20])]
PAIRS.append(("Say it  \n", "  Two and two: café 😀\n\n\n12,345."))
PROMPT, TRACE = PAIRS[0]


class Peer(NamedTuple):
    """A model and a tokenizer that nothing of ours has touched."""

    tokenizer: Any
    model: Any


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unpacked")


@pytest.fixture(scope="module")
def peer(cache_dir: Path) -> Peer:
    tokenizer, model, _ = loading._read(loading.find(student.EMBEDDED), cache_dir)
    return Peer(tokenizer, model.eval())


@pytest.fixture(scope="module")
def ours(cache_dir: Path) -> CausalStudent:
    loaded = student.load(cache_dir=cache_dir)
    assert isinstance(loaded, CausalStudent)
    return loaded


@pytest.fixture(scope="module")
def minicons(peer: Peer) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its word lists, on import
        scorer = import_module("minicons.scorer")
    return scorer.IncrementalLMScorer(peer.model, "cpu", tokenizer=peer.tokenizer)


@pytest.fixture(scope="module")
def lm_eval(peer: Peer) -> Any:
    return import_module("lm_eval.models.huggingface").HFLM(
        pretrained=peer.model, tokenizer=peer.tokenizer, batch_size=1, max_length=400
    )


def by_minicons(scorer: Any, prefix: str, text: str, **options: Any) -> list[float]:
    batch = scorer.prime_text(prefix, text, **options)
    (found,) = scorer.compute_stats(batch)
    return list(found)


# minicons ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"separator": "\n\n"}, {"bos_token": True}])
@pytest.mark.parametrize("pair", PAIRS)
def test_minicons_gives_the_same_token_by_token(
    ours: CausalStudent, minicons: Any, pair: tuple[str, str], options: dict[str, Any]
) -> None:
    theirs = by_minicons(minicons, *pair, **options)
    found = parity.minicons(ours, *pair, **options)
    np.testing.assert_allclose(found.logprob_nats, theirs, atol=TOLERANCE, rtol=0)
    (score,) = minicons.conditional_score(*pair, **options)
    assert found.value == pytest.approx(score, abs=TOLERANCE)


def test_minicons_gives_the_same_without_a_prefix(ours: CausalStudent, minicons: Any) -> None:
    (score,) = minicons.sequence_score([TRACE])
    found = parity.minicons(ours, "", TRACE)
    assert found.value == pytest.approx(score, abs=TOLERANCE)
    # The first token is never scored.
    assert len(found.logprob_nats) == len(ours.encoder.plain_ids(TRACE)) - 1


def test_minicons_begins_too_early_where_the_prefix_has_an_end_token(
    ours: CausalStudent, minicons: Any
) -> None:
    prefix = ours.encoder.prefix(PROMPT).rstrip()
    theirs = by_minicons(minicons, prefix, TRACE, separator="\n")
    found = parity.minicons(ours, prefix, TRACE, separator="\n")
    np.testing.assert_allclose(found.logprob_nats, theirs, atol=TOLERANCE, rtol=0)
    assert "2 tokens early" in found.remarks[0]  # system and user each end in one


# lm-eval ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pair", [*PAIRS, ("", TRACE), ("One, two, ", "three"), ("1, 2, 3, 4, 5, 6, ", "7, 8, 9")]
)
def test_lm_eval_gives_the_same_sum(
    ours: CausalStudent, lm_eval: Any, pair: tuple[str, str]
) -> None:
    request = SimpleNamespace(args=pair)
    ((total, is_greedy),) = lm_eval.loglikelihood([request], disable_tqdm=True)
    found = parity.lm_eval(ours, *pair, max_length=400)
    n = len(found.logprob_nats)
    assert abs(found.values["sum_nats"] - total) < TOLERANCE * n
    assert found.values["is_greedy"] == is_greedy == pair[1].startswith("7")


def test_lm_eval_moves_the_space_to_what_is_scored(ours: CausalStudent) -> None:
    moved = parity.lm_eval(ours, "One, two, ", "three")
    assert moved.value == parity.lm_eval(ours, "One, two,", " three").value


def test_lm_eval_cuts_from_the_left_and_ours_says_so(ours: CausalStudent, lm_eval: Any) -> None:
    request = SimpleNamespace(args=(PAIRS[1][1] * 3, TRACE))
    ((total, _),) = lm_eval.loglikelihood([request], disable_tqdm=True)
    found = parity.lm_eval(ours, *request.args, max_length=400)
    assert found.is_truncated
    assert abs(found.value - total) < TOLERANCE * len(found.logprob_nats)


@pytest.mark.parametrize("pair", [("  \n", "a"), ("a", ""), ("a", "b " * 500)])
def test_what_lm_eval_asserts_is_an_error(ours: CausalStudent, pair: tuple[str, str]) -> None:
    with pytest.raises(StudentError, match="lm-eval scores 1 to 400 tokens"):
        parity.lm_eval(ours, *pair, max_length=400)


# IFD in three ways: the published programs, transcribed ------------------------------------------


def mean_loss(peer: Peer, text: str, limit: int, before: str | None = None) -> float:
    """The mean loss of `text` from the length of `before` on; of all of it where that is None."""
    ids = peer.tokenizer.encode(text, return_tensors="pt", truncation=True, max_length=limit)
    labels = ids.clone()
    if before is not None:
        labels[0, : len(peer.tokenizer.encode(before))] = -100
    with torch.no_grad():
        return float(peer.model(ids, labels=labels).loss)


def length(peer: Peer, text: str, limit: int) -> int:
    return len(peer.tokenizer.encode(text, truncation=True, max_length=limit))


LIMITS = [None, 150]
"""The tool's own, and one that cuts the demo's traces."""


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("template", ["alpaca", "wiz"])
@pytest.mark.parametrize("pair", PAIRS[::3])
def test_cherry_as_published(
    ours: CausalStudent, peer: Peer, pair: tuple[str, str], template: Any, limit: int | None
) -> None:
    instruction, output = pair
    n = limit or 1024
    before = instruction + "\n\n### Response:"
    if template == "alpaca":
        before = instruction = (
            "Below is an instruction that describes a task. Write a response that appropriately "
            f"completes the request.\n\n### Instruction:\n{instruction}\n\n### Response:"
        )
    left = n - length(peer, instruction, n) + 4
    alone = mean_loss(peer, "### Response:" + output, left, "### Response:")
    given = mean_loss(peer, before + output, n, before)
    found = parity.cherry(ours, *pair, template=template, max_length=n)
    assert found.value == pytest.approx(given / alone, abs=TOLERANCE)
    assert found.is_truncated == (limit is not None and pair is PAIRS[0])
    response = length(peer, "### Response:", n)
    n_alone = length(peer, "### Response:" + output, left) - response
    assert found.is_dropped == (given / alone > 1 or n - left + 4 + n_alone > n)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("pair", PAIRS[::3])
def test_reflection_as_published(
    ours: CausalStudent, peer: Peer, pair: tuple[str, str], limit: int | None
) -> None:
    instruction, output = pair
    n = limit or 2048
    frame = (
        "A chat between a curious user and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the user's questions. USER: {} ASSISTANT:"
    )
    reverse = frame.format(
        "Below is the response to an instruction, please guess the corresponding instruction for "
        f"the given response.\n{output}\nGenerate the instruction for the above response."
    )
    prompt = frame.format(instruction)
    if length(peer, reverse, n) == n:
        with pytest.raises(StudentError, match="once its limit has cut the text"):
            parity.reflection(ours, *pair, max_length=n)
        return
    question = mean_loss(peer, instruction, n - length(peer, reverse, n) + 1)
    answer = mean_loss(peer, output, n - length(peer, prompt, n) + 1)
    question_given = mean_loss(peer, reverse + instruction, n, reverse)
    answer_given = mean_loss(peer, prompt + output, n, prompt)
    found = parity.reflection(ours, *pair, max_length=n)
    ifd, rifd = math.exp(answer_given - answer), math.exp(question_given - question)
    assert found.value == found.values["ifd_ppl"] == pytest.approx(ifd, rel=TOLERANCE)
    assert found.values["rifd_ppl"] == pytest.approx(rifd, rel=TOLERANCE)
    assert found.values["ifd_loss"] == pytest.approx(answer_given / answer, rel=TOLERANCE)
    assert found.values["rifd_loss"] == pytest.approx(question_given / question, rel=TOLERANCE)
    assert found.is_dropped == (ifd >= 1 or rifd >= 1)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("pair", PAIRS[::3])
def test_superfilter_as_published(
    ours: CausalStudent, peer: Peer, pair: tuple[str, str], limit: int | None
) -> None:
    instruction, output = pair
    n, prompt = limit or 1024, instruction + "\n"
    alone = mean_loss(peer, output, n - length(peer, prompt, n) + 1)
    given = mean_loss(peer, prompt + output, n, prompt)
    found = parity.superfilter(ours, *pair, max_length=n)
    assert found.value == pytest.approx(math.exp(given - alone), rel=TOLERANCE)
    if limit is None:
        # Alone the first token is unscored, so the spans differ by one.
        assert len(found.parts["alone"]) == len(peer.tokenizer.encode(output)) - 1


def test_with_a_bos_the_first_token_alone_is_scored_too(ours: CausalStudent, peer: Peer) -> None:
    found = parity.superfilter(ours, PROMPT, TRACE, bos=True)
    ids = [peer.tokenizer.bos_token_id, *peer.tokenizer.encode(TRACE)]
    with torch.no_grad():
        loss = float(peer.model(torch.tensor([ids]), labels=torch.tensor([ids])).loss)
    assert len(found.parts["alone"]) == len(ids) - 1
    assert -float(found.parts["alone"].mean()) == pytest.approx(loss, abs=TOLERANCE)


# RSR --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS[:2])
def test_rsr_as_published(ours: CausalStudent, peer: Peer, pair: tuple[str, str]) -> None:
    messages = [{"role": r, "content": c} for r, c in zip(("user", "assistant"), pair, strict=True)]
    ids = peer.tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"]
    header = peer.tokenizer.encode("<|im_start|>assistant\n")
    start = next(i for i in range(len(ids)) if ids[i : i + len(header)] == header) + len(header)
    end = ids.index(peer.tokenizer.convert_tokens_to_ids("<|im_end|>"), start)
    with torch.no_grad():
        logits = peer.model(torch.tensor([ids])).logits[0, start - 1 : end - 1].float()
    target = logits.gather(1, torch.tensor(ids[start:end])[:, None])[:, 0]
    nll = torch.logsumexp(logits, -1) - target
    rank = 1 + (logits.topk(100).values > target[:, None]).sum(-1)
    total = sum(min(int(r), 100) for r in rank)

    found = parity.rsr(ours, *pair)
    np.testing.assert_allclose(found.logprob_nats, -nll.numpy(), atol=TOLERANCE, rtol=0)
    assert found.value == pytest.approx(total / max(float(nll.sum()), 1e-12), rel=1e-4)
    assert found.values["mean_rank"] == total / len(rank)
    assert found.values["mean_nll_nats"] == pytest.approx(float(nll.mean()), abs=TOLERANCE)


def test_a_row_that_rsr_would_skip_or_misread_is_an_error(ours: CausalStudent) -> None:
    with pytest.raises(StudentError, match="skips such a row"):
        parity.rsr(ours, PROMPT, "\n\nTwo.")
    with pytest.raises(StudentError, match="control token"):
        parity.rsr(ours, PROMPT, "Two.<|im_end|> Three.")


# By hand ----------------------------------------------------------------------------------------


class _Told:
    """A forward pass that says what it is told to, cut to each request."""

    def __init__(self, *answers: tuple[list[float], list[int]]) -> None:
        self.answers = answers

    def run(self, requests: Any) -> list[Any]:
        assert len(requests) == len(self.answers)
        return [
            SimpleNamespace(logprob_nats=np.array(nats, np.float32), rank=np.array(ranks))
            for nats, ranks in self.answers
        ]


@pytest.fixture
def told(ours: CausalStudent, monkeypatch: pytest.MonkeyPatch) -> Any:
    def tell(*answers: tuple[list[float], list[int]]) -> CausalStudent:
        monkeypatch.setattr(ours, "forward", _Told(*answers))
        return ours

    return tell


GIVEN, ALONE = [-0.5, -0.1, -1.2, -0.2], [-2.0, -0.4, -1.6, -0.8]


def test_ifd_by_hand(told: Any) -> None:
    given, alone = (GIVEN, [1] * 4), (ALONE, [1] * 4)
    # Means .5 and 1.2: the ratio of losses is .5/1.2 = .416667, of perplexities e^-.7 = .496585.
    assert parity.cherry(told(given, alone), "a", "b c d").value == pytest.approx(
        0.416667, abs=1e-6
    )
    found = parity.superfilter(told(given, alone), "a", "b c d")
    assert found.value == pytest.approx(0.496585, abs=1e-6)
    # The question the other way about: e^(1.2 - .5) = 2.013753.
    found = parity.reflection(told(given, alone, alone, given), "a b", "b c d")
    assert found.value == pytest.approx(0.496585, abs=1e-6)
    assert found.values["rifd_ppl"] == pytest.approx(2.013753, abs=1e-6)
    assert found.values["ifd_loss"] == pytest.approx(0.416667, abs=1e-6)
    assert found.is_dropped


def test_rsr_by_hand(told: Any) -> None:
    # Ranks 1, 1, 5, 2 over NLL .5 + .1 + 1.2 + .2 = 2.0: 9/2 = 4.5; 250 counts as 100: 104/2 = 52.
    assert parity.rsr(told((GIVEN, [1, 1, 5, 2])), "a", "b").value == pytest.approx(4.5)
    assert parity.rsr(told((GIVEN, [1, 1, 250, 2])), "a", "b").value == pytest.approx(52.0)


def test_means_and_sums_by_hand(told: Any) -> None:
    # -(.5 + .1 + 1.2 + .2) = -2.0, over four tokens -.5
    assert parity.minicons(told((GIVEN, [1] * 4)), "a", "b").value == pytest.approx(-0.5)
    found = parity.lm_eval(told((GIVEN, [1, 1, 1, 2])), "a", " b")
    assert found.values == {"sum_nats": pytest.approx(-2.0), "is_greedy": 0}


# Misuse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", parity.MODES)
def test_every_mode_scores_by_name_and_refuses_what_is_empty_or_too_long(
    ours: CausalStudent, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    found = parity.score(ours, mode, "Say it.", "Two and two.")
    assert found.mode == mode
    assert np.isfinite(found.logprob_nats).all()
    with pytest.raises(StudentError):
        parity.score(ours, mode, "Say it.", "")
    monkeypatch.setattr(ours, "window", 12)
    with pytest.raises(StudentError, match="12"):
        parity.score(ours, mode, "Say it, and say it again.", "Two and two make four, not 5 or 6.")


def test_an_unknown_mode_is_refused(ours: CausalStudent) -> None:
    with pytest.raises(StudentError, match="minicons, lm-eval, cherry"):
        parity.score(ours, "lmppl", "a", "b")
