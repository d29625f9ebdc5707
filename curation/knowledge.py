"""Asking a student the problems themselves, to see which it knows (SliCK-like).

A conductor: problems from the store, answers from the student, classes from
`curation.compatibility`, rows back to the store, one problem at a time, so that stopping loses at
most one. It is asked for by name (`python -m curation knowledge`), since it costs far more than
scoring: every token is generated, one after another.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from curation import compatibility
from curation.errors import StudentError
from curation.student import recipe_id_of

SAMPLES = 8
MAX_TOKENS = 256


def most_tokens(n_problems: int, n_samples: int, max_tokens: int) -> int:
    """Tokens that will be generated at most: what it costs."""
    return n_problems * (1 + n_samples) * (max_tokens + _elicited())


def run(
    student: Any,
    problems: Sequence[Mapping[str, str]],
    *,
    n_samples: int,
    max_tokens: int,
    seed: int,
    store_row: Callable[[dict[str, Any]], object],
    on_asked: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Ask every problem and hand its row to `store_row`; counts by class, tokens and seconds.

    `problems` have problem_id, prompt and reference_answer. A problem that does not fit the
    student's window is listed under `failed` with the reason, and the rest goes on.
    """
    from curation.student import sampling

    recipe_id = recipe_id_of(sampling.recipe(n_samples, max_tokens, seed))
    began = time.monotonic()
    classes: Counter[str] = Counter()
    failed: list[dict[str, str]] = []
    n_tokens = 0
    for problem in problems:
        try:
            said = sampling.sample(student, problem["prompt"], n_samples, max_tokens, seed)
        except StudentError as exc:
            failed.append({"problem_id": problem["problem_id"], "error": str(exc)})
        else:
            answers = [said.greedy, *said.sampled]
            right = [
                compatibility.answers_agree(answer, problem["reference_answer"])
                for answer in answers
            ]
            kind = compatibility.slick_like(right[:1], right[1:])
            classes[kind] += 1
            n_tokens += said.n_tokens
            store_row(
                {
                    "problem_id": problem["problem_id"],
                    "convention_id": student.convention.convention_id,
                    "recipe_id": recipe_id,
                    "class": kind,
                    "n_samples": n_samples,
                    "is_greedy_correct": right[0],
                    "n_correct": sum(right[1:]),
                    "answers": answers,
                }
            )
        if on_asked is not None:
            on_asked(1)
    return {
        "asked": sum(classes.values()),
        "classes": dict(classes),
        "failed": failed,
        "n_tokens": n_tokens,
        "seconds": time.monotonic() - began,
    }


def _elicited() -> int:
    from curation.student import sampling

    return sampling.ANSWER_TOKENS
