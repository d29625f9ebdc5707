"""What a student is asked about a trace, as sequences of tokens: one function a family of scores.

Owns the wording and the conventions beyond the likelihood's (`RECIPES`): what stands before a text
that is scored alone, how the privileged text is shown, how the reference answer is elicited after
each step, how the prompt is to be guessed from the trace. A change of wording is another recipe,
and numbers of different recipes are never compared.

All is asked with the trace's tokens as they are in its own reading, so that families can be held
against each other token by token. Knows tokens, no model.

Sources: IFD, alone text and reverse prompt: https://github.com/tianyi-lab/Reflection_Tuning
(`selection_code/data_analysis.py` at 5b6cef0); privileged prompt: `eval_with_hint.py` of
https://github.com/beanie00/self-distillation-analysis at 5c51051; answer probes after steps:
https://arxiv.org/abs/2602.12342 and https://arxiv.org/abs/2510.22255; windows of steps:
https://arxiv.org/abs/2510.03988.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curation.compatibility.expected_hedges import HEDGE_OPENERS
from curation.errors import StudentError
from curation.records import Family
from curation.student import Item, Record
from curation.student.encoding import Encoded, Encoder
from curation.student.tree import Request

PRIVILEGED = {
    "solution": "{prompt}\n\nCorrect solution: {text}\n\nCorrectly solve the original question.",
    "answer": "{prompt}\n\nCorrect answer: {text}\n\nCorrectly solve the original question.",
    "other": "{prompt}\n\n{text}\n\nCorrectly solve the original question.",
}
"""How the student is shown what the teacher saw, by what that was."""

ELICITATION = "\n\nThe final answer is"
"""Asks for the answer behind a step; the answer follows after a space, which is scored with it."""

END_THINK = "\n</think>"
"""Stands before the elicitation inside a think block."""

MAX_POINTS = 128
"""Points of a belief curve at most, before the trace and after its last step included."""

GUESS = (
    "Below is the response to an instruction, please guess the corresponding instruction for the "
    "given response.\n{trace}\nGenerate the instruction for the above response."
)

WINDOW_STEPS = 4
"""Steps before a step that "lalp" shows the student. Accounts of the paper disagree (4, or a share
of the steps), so it is in the recipe."""


class Probe(NamedTuple):
    """One request of a family, and which point, step or answer it is about."""

    family: Family
    name: str
    at: int
    request: Request


def privileged_prompt(prompt: str, kind: str, text: str) -> str:
    """The prompt with what the teacher saw: a "solution", an "answer", or something else."""
    return PRIVILEGED.get(kind, PRIVILEGED["other"]).format(prompt=prompt, text=text)


def recipe(family: Family, encoder: Encoder) -> Record:
    """How a family is asked, as a record: what must be equal for its numbers to be compared."""
    alone = encoder.header or "BOS"
    records: dict[Family, Record] = {
        "likelihood": {},
        "steps": {"n_dropped": 1},
        "ifd": {
            "alone": alone,
            "first_tokens": 256,
            "answer_section": "last step, or behind think",
        },
        "rifd": {"alone": alone, "guess": GUESS},
        "belief": {
            "elicitation": ELICITATION,
            "end_think": END_THINK,
            "answer": "scored with the space before it, no end token",
            "max_points": MAX_POINTS,
        },
        "privilege": {f"privileged_{kind}": text for kind, text in PRIVILEGED.items()},
        "hedges": {"openers": " ".join(HEDGE_OPENERS), "forms": "one token; space, capital"},
        "lalp": {"window_steps": WINDOW_STEPS},
    }
    return {"family": family, **records[family]}


def openers(encoder: Encoder) -> list[int]:
    """The ids of the tokens that begin a hedge and nothing else, ascending."""
    found = set()
    for word in HEDGE_OPENERS:
        for form in {word, word.capitalize()}:
            for text in (form, " " + form):
                if len(ids := encoder.plain_ids(text)) == 1:
                    found.add(ids[0])
    return sorted(found)


def alone(item: Item, encoded: Encoded, encoder: Encoder) -> list[Probe]:
    """The trace without its prompt."""
    found = encoder.encode_alone(item.trace)
    ids = _with_tokens_of(encoded, found)
    return [Probe("ifd", "alone", 0, Request(ids, len(ids) - encoded.n_scored, False))]


def privileged(item: Item, encoded: Encoded, encoder: Encoder) -> list[Probe]:
    """The trace after the privileged prompt; nothing where there is none."""
    if item.privileged is None:
        return []
    found = encoder.encode(item.privileged, item.trace)
    ids = _with_tokens_of(encoded, found)
    return [Probe("privilege", "privileged", 0, Request(ids, len(ids) - encoded.n_scored, False))]


def guess(item: Item, encoded: Encoded, encoder: Encoder) -> list[Probe]:
    """The prompt, to be guessed from the trace, and on its own; as an answer, both."""
    given = encoder.encode(GUESS.format(trace=item.trace), item.prompt)
    bare = encoder.encode_alone(item.prompt)
    return [
        Probe("rifd", "given", 0, Request(given.ids, given.first, False)),
        Probe("rifd", "alone", 0, Request(bare.ids, bare.first, False)),
    ]


def answers(item: Item, encoded: Encoded, encoder: Encoder) -> list[Probe]:
    """The reference answer, and its rival, asked for before the trace and after its steps.

    Nothing where there is no reference answer. `at` of a probe is the number of steps read.
    """
    wanted = [("reference", item.reference_answer), ("rival", item.rival_answer)]
    named = [(name, answer.strip()) for name, answer in wanted if answer and answer.strip()]
    if not named or named[0][0] != "reference":
        return []
    probes = []
    points = chosen_points(len(item.steps))
    space = encoder.plain_ids(" ")
    for n_read in points:
        cut = item.steps[n_read - 1][1] if n_read else 0
        tail = _elicitation(item.prompt, item.trace, cut, encoder)
        for name, answer in named:
            ids, first = encoder.continued(
                encoded, item.prompt, item.trace, cut, tail, " " + answer
            )
            if first >= len(ids):
                raise StudentError(f"No token of {encoder.name} begins in the answer {answer!r}.")
            # Where a space is a token of its own, what follows it is the answer's first word.
            word = 1 if ids[first : first + 1] == space and first + 1 < len(ids) else 0
            is_end = name == "reference" and n_read in (points[0], points[-1])
            request = Request(ids, first, False, word if is_end else None)
            probes.append(Probe("belief", name, n_read, request))
    return probes


def windows(item: Item, encoded: Encoded, encoder: Encoder) -> list[Probe]:
    """Every step after the prompt and the steps just before it alone."""
    probes = []
    for i, (start, end) in enumerate(item.steps):
        begin = item.steps[max(0, i - WINDOW_STEPS)][0]
        # The first token of a step may begin in the white space before it.
        gap = item.steps[i - 1][1] if i else 0
        part = encoder.encode(item.prompt, item.trace[begin:end])
        inside = np.flatnonzero(part.end > start - begin)
        first = int(inside[0]) if inside.size else part.n_scored
        if first < part.n_scored and part.start[first] >= gap - begin:
            probes.append(Probe("lalp", "step", i, Request(part.ids, part.first + first, False)))
    return probes


ASKED = {
    "ifd": alone,
    "privilege": privileged,
    "rifd": guess,
    "belief": answers,
    "lalp": windows,
}
"""What asks for each family that needs more than the trace's own reading."""


def chosen_points(n_steps: int) -> list[int]:
    """Numbers of steps after which the answer is asked for: 0 and all, evenly between."""
    if n_steps + 1 <= MAX_POINTS:
        return list(range(n_steps + 1))
    return sorted({round(i * n_steps / (MAX_POINTS - 1)) for i in range(MAX_POINTS)})


def _elicitation(prompt: str, trace: str, cut: int, encoder: Encoder) -> str:
    """What asks for the answer behind `trace[:cut]`, outside of any think block."""
    thinks = trace.lstrip().startswith("<think>")
    opened = thinks or encoder.prefix(prompt, trace).rstrip().endswith("<think>")
    if cut == 0:
        # The template's own opener stays where the trace brings one, so it is not brought again.
        opened_already = encoder.prefix(prompt).rstrip().endswith("<think>")
        opener = "<think>" if thinks and not opened_already else ""
        return opener + (END_THINK + ELICITATION if opened else ELICITATION.lstrip())
    return (END_THINK if opened and "</think>" not in trace[:cut] else "") + ELICITATION


def _with_tokens_of(encoded: Encoded, other: Encoded) -> Sequence[int]:
    """The ids of `other`, with the trace in the tokens it has in `encoded`."""
    own = encoded.ids[encoded.first :]
    if other.ids[len(other.ids) - len(own) :] == own and len(other.ids) > len(own):
        return other.ids
    return [*other.ids[: other.first], *own]
