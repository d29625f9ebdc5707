"""Letting a student answer a problem itself: one greedy answer and some drawn at random.

Owns generation and how the answer is got out of what was written: the student goes on from its own
text with the elicitation of the belief curve, greedily, and what it says on that line is its
answer. So no pattern has to be found in free text. Zero-shot, which is why what comes of it is
called SliCK-like and not SliCK (https://arxiv.org/abs/2405.05904: ten random 4-shot prompts,
16 samples each at temperature .5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch

from curation.errors import StudentError
from curation.student import Record
from curation.student.causal import CausalStudent
from curation.student.questions import ELICITATION

TEMPERATURE = 0.5
ANSWER_TOKENS = 16
"""Tokens of the elicited answer at most."""


class Sampled(NamedTuple):
    """What a student answered."""

    greedy: str
    sampled: tuple[str, ...]
    n_tokens: int
    """Tokens generated, elicited answers included."""


def recipe(n_samples: int, max_tokens: int, seed: int) -> Record:
    """How knowledge is asked for: what must be equal for two findings to be compared."""
    return {
        "family": "knowledge",
        "shots": 0,
        "n_samples": n_samples,
        "temperature": str(TEMPERATURE),
        "max_tokens": max_tokens,
        "seed": seed,
        "elicitation": ELICITATION,
    }


@torch.inference_mode()
def sample(
    student: CausalStudent, prompt: str, n_samples: int, max_tokens: int, seed: int
) -> Sampled:
    """The student's greedy answer to `prompt` and `n_samples` drawn at temperature .5.

    The same seed gives the same answers on the same machine. Raises StudentError where prompt and
    answer do not fit the student's window.
    """
    prefix = student.encoder.prefix(prompt)
    ids = student.encoder.plain_ids(prefix)
    needed = len(ids) + max_tokens + len(student.encoder.plain_ids(ELICITATION)) + ANSWER_TOKENS
    if student.window is not None and needed > student.window:
        raise StudentError(
            f"The prompt and an answer of {max_tokens} tokens need {needed:,} tokens; the window "
            f"of {student.name} is {student.window:,}. Allow fewer tokens."
        )
    torch.manual_seed(seed)
    greedy = _generate(student, [ids], max_tokens, 1, is_greedy=True)
    drawn = _generate(student, [ids], max_tokens, n_samples, is_greedy=False) if n_samples else []
    asked = [
        [*ids, *written, *student.encoder.plain_ids(ELICITATION)] for written in [*greedy, *drawn]
    ]
    said = _generate(student, asked, ANSWER_TOKENS, 1, is_greedy=True)
    answers = [_first_line(student.encoder.text_of(tokens)) for tokens in said]
    n_tokens = sum(map(len, [*greedy, *drawn, *said]))
    return Sampled(answers[0], tuple(answers[1:]), n_tokens)


def _generate(
    student: CausalStudent,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    n_each: int,
    *,
    is_greedy: bool,
) -> list[list[int]]:
    """What follows each prompt, without the end token; `n_each` continuations of each."""
    model, end_ids = student.forward.model, student.encoder.end_ids
    width = max(map(len, prompts))
    padded = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, ids in enumerate(prompts):  # on the left: what is generated must follow the text
        padded[row, width - len(ids) :] = torch.tensor(ids)
        mask[row, width - len(ids) :] = 1
    how = {"do_sample": False} if is_greedy else {
        "do_sample": True, "temperature": TEMPERATURE, "top_k": 0, "top_p": 1.0,
    }  # fmt: skip
    with _one_thread():
        found = model.generate(
            padded.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=max_tokens,
            num_return_sequences=n_each,
            eos_token_id=sorted(end_ids) or None,
            pad_token_id=min(end_ids, default=0),
            **how,
        )
    continuations = []
    for row in found[:, width:].tolist():
        ends = [i for i, token in enumerate(row) if token in end_ids]
        continuations.append(row[: ends[0]] if ends else row)
    return continuations


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread of torch's, within.

    A step of generation is many small products, bound by memory: threads only wait for each
    other (beside a busy machine more than ten times longer than one alone takes).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _first_line(text: str) -> str:
    """The answer on its line: without what introduces or follows it."""
    line = (text.strip().splitlines() or [""])[0].strip()
    return line.removeprefix(":").strip().rstrip(".").strip()
