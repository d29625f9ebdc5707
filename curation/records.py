"""What the rooms hand to each other: records, the frames they travel in, and how ids are made.

Owns the shapes and the identity rules. Knows nothing of files, models, databases or screens.

Identity is a content hash: `content_id(recipe, *parts)` is the recipe's tag, an underscore and the
first 24 hex digits of the SHA-256 over the length-prefixed UTF-8 of its parts (None is distinct
from ""). The tag names the recipe (`tr1` = traces, first recipe), so that a later recipe can stand
beside it. `verify` re-derives every id from what is stored.

Bulk travels in Polars frames whose schemas stand here (`PROBLEM_SCHEMA`, …); single things are
frozen dataclasses. Times are timezone-aware UTC. Offsets are Python string indices (code points),
end exclusive.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import polars as pl

Verdict = Literal["accept", "reject", "skip", "flag"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

TeacherContext = Literal[
    "unguided", "answer", "solution", "verifier", "hint", "feedback", "refined", "unknown"
]
TEACHER_CONTEXTS: tuple[TeacherContext, ...] = get_args(TeacherContext)

Category = Literal[
    "hedge",
    "reflection",
    "alternative",
    "verification",
    "retrospective",
    "booster",
    "evidential",
    "privilege",
]
CATEGORIES: tuple[Category, ...] = get_args(Category)
EPISTEMIC: tuple[Category, ...] = CATEGORIES[:5]
"""The categories that speak of the writer's own uncertainty or reconsideration."""

CONFIDENCE: dict[int, str] = {1: "unsure", 2: "fairly sure", 3: "sure"}
"""How sure a reviewer is of a verdict: what is stored -> what is shown. Null is no level."""

QUESTION = "train"
"""The question a plain verdict answers: should the student train on this trace?"""

PREFER = "prefer/"
"""`prefer/ID` asks: is this trace better than trace ID of its problem? So that a pair has one
place, it is asked of the smaller of the two ids and names the larger (`pair_of`)."""

MAX_AT_ONCE = 4
"""So many traces of a problem can be compared at once."""


def content_id(recipe: str, *parts: str | None) -> str:
    """The content-hash id of `parts` under `recipe`, as `recipe_` + 24 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        if part is None:
            digest.update(b"-")
        else:
            data = part.encode("utf-8")
            digest.update(b"%d:" % len(data))
            digest.update(data)
    return f"{recipe}_{digest.hexdigest()[:24]}"


def problem_id(prompt: str, group: str | None = None) -> str:
    """A problem's id: from its group where the source names one, else from its prompt.

    `group` is the source's own problem id (`extra.problem_id`): it holds together prompts that
    differ only in wording. Where two sources use one group for different problems, their reference
    answers contradict each other, and the store refuses the second.
    """
    if group is not None:
        return content_id("pb1", "group", group)
    return content_id("pb1", "prompt", prompt)


def trace_id(
    problem_id: str,
    prompt: str,
    teacher: str,
    teacher_context: str,
    context_text: str | None,
    text: str,
) -> str:
    """A trace's id: who wrote what, for which prompt, having seen what.

    `teacher_context` is the source's own word (`teacher_context_raw`), so that the id stays when
    the mapping of words to `TeacherContext` learns more.
    """
    return content_id("tr1", problem_id, prompt, teacher, teacher_context, context_text, text)


def text_hash(text: str) -> str:
    """The id of a piece of text alone: what a decision or a score was about."""
    return content_id("tx1", text)


def recipe_version_id(content: str) -> str:
    """The id of a version of an export's recipe, from its canonical text (`export.versions`)."""
    return content_id("er1", content)


def pair_of(one: str, other: str) -> tuple[str, str]:
    """The pair of two traces: their ids, the smaller first, which is where its choices are kept."""
    return (one, other) if one < other else (other, one)


@dataclass(frozen=True)
class Problem:
    """A question with what is known of its answer."""

    problem_id: str
    prompt: str
    domain: str | None
    reference_answer: str | None
    reference_solution: str | None
    source: str
    licence: str | None


@dataclass(frozen=True)
class Trace:
    """One teacher's reasoning on one problem.

    `prompt` is the wording this teacher was given (the problem's own prompt may differ);
    `teacher_context` says what the teacher saw beyond it, `teacher_context_raw` the word the
    source used, `context_text` the text itself where it is known. `is_correct` None = nobody said.
    `extra` is a JSON object as text. `reference_answer` is the problem's as this source writes it:
    sources differ in notation, and the problem keeps the first.
    """

    trace_id: str
    problem_id: str
    prompt: str
    teacher: str
    teacher_family: str | None
    teacher_context: TeacherContext
    teacher_context_raw: str
    context_text: str | None
    sample_index: int
    text: str
    text_hash: str
    final_answer: str | None
    is_correct: bool | None
    refined_from: str | None
    source: str
    licence: str | None
    external_id: str | None
    extra: str
    reference_answer: str | None = None


PROBLEM_SCHEMA: dict[str, pl.DataType] = {
    "problem_id": pl.String(),
    "prompt": pl.String(),
    "domain": pl.String(),
    "reference_answer": pl.String(),
    "reference_solution": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
}

TRACE_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "prompt": pl.String(),
    "teacher": pl.String(),
    "teacher_family": pl.String(),
    "teacher_context": pl.String(),
    "teacher_context_raw": pl.String(),
    "context_text": pl.String(),
    "sample_index": pl.Int32(),
    "text": pl.String(),
    "text_hash": pl.String(),
    "final_answer": pl.String(),
    "is_correct": pl.Boolean(),
    "refined_from": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
    "external_id": pl.String(),
    "extra": pl.String(),
    "reference_answer": pl.String(),
    "step_start": pl.List(pl.Int32()),
    "step_end": pl.List(pl.Int32()),
    "origin": pl.String(),
    "line": pl.Int64(),
}
"""`Trace`, plus its steps (`text[step_start[i]:step_end[i]]`) and where the row stood: `origin`
(file name) and `line` (1-based; the row number in formats without lines)."""


class Refusal(NamedTuple):
    """A row that was not taken in, and why, so that a person can mend it."""

    origin: str
    line: int
    field: str | None
    reason: str
    row: str
    """The row as it stood (JSON text where it could be read, else the raw line)."""


class Batch(NamedTuple):
    """Some rows of a source, read: what can be stored and what cannot."""

    problems: pl.DataFrame
    """`PROBLEM_SCHEMA`; a problem may stand more than once, the first mention wins."""
    traces: pl.DataFrame
    """`TRACE_SCHEMA`."""
    refusals: list[Refusal]
    n_read: int
    """Rows read, refused ones included."""


class Marker(NamedTuple):
    """A marker in a text: `text[start:end]` is the surface, always."""

    start: int
    end: int
    category: Category
    text: str


TOKEN_COLUMNS: tuple[str, ...] = (
    "token_id",
    "start_char",
    "end_char",
    "logprob_nats",
    "rank",
    "entropy_nats",
)

MARKING_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "lexicon_id": pl.String(),
    "start_char": pl.List(pl.Int32()),
    "end_char": pl.List(pl.Int32()),
    "category": pl.List(pl.String()),
    "n_words": pl.Int32(),
    "kim_count": pl.Int32(),
}
"""One marked trace a row: the columns of the store's `marking`."""

PACK_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "text_hash": pl.String(),
    "prompt_hash": pl.String(),
    "convention_id": pl.String(),
    "error": pl.String(),
    "n_tokens": pl.Int32(),
    "total_nll_nats": pl.Float64(),
    "mean_nll_nats": pl.Float64(),
    "perplexity": pl.Float64(),
    "mean_rank": pl.Float64(),
    "mean_clipped_rank": pl.Float64(),
    "rsr": pl.Float64(),
    "mean_entropy_nats": pl.Float64(),
    "max_nll_nats": pl.Float64(),
    "token_id": pl.List(pl.Int32()),
    "start_char": pl.List(pl.Int32()),
    "end_char": pl.List(pl.Int32()),
    "logprob_nats": pl.List(pl.Float32()),
    "rank": pl.List(pl.Int32()),
    "entropy_nats": pl.List(pl.Float32()),
}
"""One scored trace a row. `error` says why a trace could not be scored; then the numbers are null
and the lists empty. `logprob_nats` and `entropy_nats` are natural-log, per token of the trace;
`rank` 1 = the student's first choice (ties take the best rank)."""

PROFILE_COLUMNS: tuple[str, ...] = (
    "n_tokens",
    "total_nll_nats",
    "mean_nll_nats",
    "perplexity",
    "mean_rank",
    "mean_clipped_rank",
    "rsr",
    "mean_entropy_nats",
    "max_nll_nats",
)


Family = Literal["likelihood", "steps", "ifd", "rifd", "belief", "privilege", "hedges", "lalp"]
FAMILIES: tuple[Family, ...] = get_args(Family)
"""Scores that are computed together. "likelihood" is `PROFILE_COLUMNS` and the token lists of
`PACK_SCHEMA`; the others are rows of `COMPATIBILITY_SCHEMA`."""

STANDARD: tuple[Family, ...] = ("likelihood", "steps", "ifd", "belief", "privilege", "hedges")
"""What is computed unless something else is asked for: what shares most of its arithmetic."""

COMPATIBILITY_COLUMNS: dict[Family, tuple[str, ...]] = {
    "steps": ("mean_step_logprob_nats", "aslec_drop_nats", "top1_share", "max_entropy_nats"),
    "ifd": (
        "alone_nll_nats",
        "ifd_loss",
        "ifd_ppl",
        "ifd_loss_first256",
        "ifd_ppl_first256",
        "ifd_loss_answer",
        "ifd_ppl_answer",
    ),
    "rifd": ("prompt_nll_nats", "prompt_alone_nll_nats", "rifd_loss", "rifd_ppl"),
    "belief": (
        "n_answer_tokens",
        "belief_before_nats",
        "belief_after_nats",
        "belief_gain_nats",
        "belief_jump_share",
        "belief_jump_step",
        "belief_win_step",
        "rival_margin_nats",
        "answer_shift_nats",
    ),
    "privilege": ("privilege_gain_nats", "privilege_gain_per_token_nats"),
    "hedges": (
        "expected_hedges",
        "observed_hedges",
        "hedge_deficit",
        "step_start_hedge_deficit",
    ),
    "lalp": ("lalp_nats",),
}
"""The numbers of each family, one a trace (`curation.compatibility` defines them)."""

COMPATIBILITY_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "convention_id": pl.String(),
    "family": pl.String(),
    "recipe_id": pl.String(),
    "text_hash": pl.String(),
    "prompt_hash": pl.String(),
    "error": pl.String(),
    **{name: pl.Float64() for names in COMPATIBILITY_COLUMNS.values() for name in names},
    "privileged_by": pl.String(),
    "per_token": pl.List(pl.Float32()),
    "point_step": pl.List(pl.Int32()),
    "point_nats": pl.List(pl.Float32()),
    "point_rival_nats": pl.List(pl.Float32()),
}
"""One family of one trace a row; the numbers of other families are null, and so are numbers that
do not exist for this trace (no reference answer: no belief). `error` says why a family could not
be computed.

`per_token` has one number for each token of the trace, in order: for "ifd" the log-likelihood
without the prompt, for "privilege" the log-likelihood with the privileged text in the prompt, both
in nats; for "hedges" the probability that the student gives to beginning a hedge there; else empty.
`point_*` is the belief curve: after `point_step` steps have been read (0 = none) the reference
answer has the log-likelihood `point_nats` (summed over its tokens) and the most common wrong answer
`point_rival_nats` (empty where there is none). `privileged_by` says what the student was shown
beyond the prompt: "context" (what the teacher saw), "solution" or "answer" (the reference's, which
this teacher did not see)."""


@dataclass(frozen=True)
class Decision:
    """One person's verdict on one trace, as it was given; never edited afterwards.

    `decision_id` is made where the decision is made (the browser, the command line), so that
    sending it twice stores it once. `withdraws` names the decision that this record takes back;
    then `verdict` is None. `active_s` is time on the card with idle time left out. `extra` is
    stored as JSON; what it says of steps, spans and confidence is in `store.extras`.
    """

    decision_id: str
    trace_id: str
    reviewer: str
    verdict: Verdict | None
    decided_at: datetime
    question: str = QUESTION
    withdraws: str | None = None
    reasons: tuple[str, ...] = ()
    note: str | None = None
    directive: str | None = None
    queue: str | None = None
    shown_at: datetime | None = None
    active_s: float | None = None
    text_hash: str | None = None
    convention_id: str | None = None
    lexicon_id: str | None = None
    revealed: bool | None = None
    origin: str = "library"
    extra: dict[str, object] = field(default_factory=dict)


class Stored(NamedTuple):
    """What the store says of a decision: durable now, and whether it was there before."""

    decision_id: str
    sequence: int
    stored_at: datetime
    was_new: bool
