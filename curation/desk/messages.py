"""What the desk tells the browser: records turned into the JSON of cards.

Offsets leave as UTF-16 code units, the way a browser counts; log-likelihoods and entropies leave
with four decimals; a number that is not finite leaves as null, since JSON has no word for it. Texts
leave as they are: the browser shows them as text and nothing else. Only the spans of a decision
travel in code points, both ways: not every decision has its text beside it to count in.

Knows nothing of Streamlit, of stores or of how a card looks. What comes back from the browser is
read in `outbox`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from curation.desk import profile as profiles
from curation.reasons import REASONS as REASONS
from curation.records import (
    CATEGORIES,
    EPISTEMIC,
    PROFILE_COLUMNS,
    TOKEN_COLUMNS,
    Problem,
    Trace,
    Verdict,
)

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
Card: TypeAlias = dict[str, Json]
Numbers: TypeAlias = "Sequence[float] | Sequence[int] | np.ndarray"

LEAK_REASONS: Mapping[str, str] = {
    "names_reference": "Names what it was given",
    "answer_first": "Answer before the work",
    "unearned": "Certain without a derivation",
    "retrofitted": "Works back from the answer",
    "other": "Other: see note",
}
"""By what a judge of a spot check knows a leak, in the order of the keys 1 to 5."""

SPAN_LABELS: Mapping[str, str] = {
    "leaks": "Leaks",
    "wrong": "Wrong",
    "unearned": "Unearned",
    "good_hesitation": "Good hesitation",
}
"""What a stretch of text can be labelled, in the order of the digits: stored -> shown. A team's own
labels follow these (`screens.span_labels`)."""

LEAK_SPAN_LABELS: Mapping[str, str] = {code: SPAN_LABELS[code] for code in ("leaks", "unearned")}
"""The same for a spot check: where it leaks. A check asks for nothing else."""

VERDICT_WORDS: Mapping[Verdict, tuple[str, str]] = {
    "accept": ("Accept", "Accepted"),
    "reject": ("Reject", "Rejected"),
    "skip": ("Skip", "Skipped"),
    "flag": ("Flag", "Flagged"),
}
"""What stands on the buttons, and what is said of a decision afterwards."""

LEAK_WORDS: Mapping[Verdict, tuple[str, str]] = {
    "accept": ("Clean", "Judged clean"),
    "reject": ("Leaking", "Judged leaking"),
    "skip": ("Unsure", "Left as unsure"),
    "flag": ("Flag", "Flagged"),
}
"""The same for a spot check."""

_SAW = {
    "unguided": "saw the prompt alone",
    "answer": "also saw the reference answer",
    "solution": "also saw a reference solution",
    "verifier": "also saw a verifier's verdict",
    "hint": "also saw a hint",
    "feedback": "also saw feedback on an earlier attempt",
    "refined": "rewrote an earlier trace",
    "unknown": "what the teacher saw is not known",
}


class Progress(NamedTuple):
    """Where one reviewer stands in one queue, in traces."""

    n_decided: int
    n_total: int
    n_left: int


@dataclass(frozen=True)
class Recent:
    """A live decision of the reviewer, with enough to show and to take back."""

    decision_id: str
    sequence: int
    trace_id: str
    verdict: Verdict
    decided_at: datetime
    reasons: Sequence[str] = ()
    note: str | None = None
    directive: str | None = None
    prompt: str = ""
    teacher: str = ""
    revealed: bool | None = None
    steps: Sequence[tuple[int, int]] = ()
    """(step, verdict) of the steps that were judged: 1, 0 or -1."""
    seen: Sequence[tuple[int, int]] = ()
    """Half-open ranges of the steps that stood on screen."""
    edit: Mapping[str, Json] | None = None
    """The text it was accepted with: trace_id (what it became), n_chars, text (None: not at hand),
    and perhaps keep and why (`editing.Advice`)."""
    spans: Sequence[tuple[int, int, str]] = ()
    """(start, end, label) of what was labelled, in code points, `end` exclusive."""
    confidence: int | None = None
    """1 to 3 (`records.CONFIDENCE`), None where nothing was said."""


def to_utf16(text: str, offsets: Numbers) -> list[int]:
    """The offsets into `text`, counted in UTF-16 code units instead of code points.

    Every code point above U+FFFF counts two. Raises ValueError for an offset outside the text.
    """
    points = np.asarray(offsets, dtype=np.int64)
    if points.size == 0:
        return []
    if points.min() < 0 or points.max() > len(text):
        raise ValueError(f"an offset lies outside the text of {len(text)} characters")
    if not text.isascii():
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        points = points + np.concatenate(([0], np.cumsum(codes > 0xFFFF)))[points]
    units: list[int] = points.tolist()
    return units


def card(
    trace: Trace,
    problem: Problem,
    *,
    steps: Sequence[tuple[int, int]],
    markers: Iterable[Sequence[int | str]],
    marker_words: Sequence[str] | None = None,
    tokens: Mapping[str, Numbers] | None,
    profile: Mapping[str, float | int | None] | None,
    scoring: str,
    convention_id: str | None = None,
    student: str | None = None,
    convention: str | None = None,
    lexicon_id: str | None = None,
    marking_refusal: str | None = None,
    why: str | None = None,
    mine: Recent | None = None,
    families: Mapping[str, Mapping[str, Any]] | None = None,
    percentiles: Mapping[str, float] | None = None,
    n_pool: int | None = None,
    leak_signs: Mapping[str, Any] | None = None,
    was_revealed: bool = False,
    edit_taken_back: Mapping[str, str] | None = None,
) -> Card:
    """One card as JSON: what is shown of a trace, offsets in UTF-16 code units.

    `steps` and `markers` (start, end, category, …) come in code points, as everywhere else.
    `tokens` has the lists of `records.TOKEN_COLUMNS`, None where the trace is not scored;
    `scoring` is "scored", "waiting" or "failed: why". `student` and `convention` are short words
    for the legend; `why` says in a line why this card is here; `mine` is the reviewer's verdict.
    `families` is `Store.compatibility` of the trace; `percentiles` says by column what percent of
    a pool of `n_pool` traces lies below it. `marker_words` has a few words a marker on what it
    does ("" = none), which follow its category in the card. `marking_refusal` says why the markers
    are not counted; then every count is None. `leak_signs` is what
    `leak_signs.of_trace` says. `was_revealed`: its numbers were on this reviewer's screen before.
    `edit_taken_back` is what `Store.edit_taken_back` says: the draft to go on with.
    """
    text = trace.text
    marks = [(int(mark[0]), int(mark[1]), str(mark[2])) for mark in markers]
    starts = to_utf16(text, [start for start, _ in steps])
    ends = to_utf16(text, [end for _, end in steps])
    mark_starts = to_utf16(text, [start for start, _, _ in marks])
    mark_ends = to_utf16(text, [end for _, end, _ in marks])
    says = marker_words or [""] * len(marks)
    counts = Counter(category for _, _, category in marks)
    numbers = {name: _significant((profile or {}).get(name)) for name in PROFILE_COLUMNS}
    n_tokens = numbers["n_tokens"]
    n_epistemic = sum(counts[category] for category in EPISTEMIC)
    return {
        "trace_id": trace.trace_id,
        "text_hash": trace.text_hash,
        "text": text,
        "prompt": trace.prompt,
        "reference_answer": problem.reference_answer,
        "reference_solution": problem.reference_solution,
        "final_answer": trace.final_answer,
        "match": match_of(trace, problem),
        "teacher": trace.teacher,
        "teacher_family": trace.teacher_family,
        "context": context_of(trace),
        "domain": problem.domain,
        "source": trace.source,
        "steps": [[a, b] for a, b in zip(starts, ends, strict=True)],
        "markers": [
            [a, b, category, said] if said else [a, b, category]
            for a, b, (_, _, category), said in zip(
                mark_starts, mark_ends, marks, says, strict=True
            )
        ],
        "marker_counts": {
            category: None if marking_refusal else counts[category] for category in CATEGORIES
        },
        "marking_refusal": marking_refusal,
        "epistemic_per_1k_tokens": (
            _significant(1000 * n_epistemic / n_tokens)
            if n_tokens and not marking_refusal
            else None
        ),
        "tokens": None
        if tokens is None
        else {**_tokens(text, tokens), **profiles.heats(text, tokens, families or {})},
        "profile": None if profile is None else dict(numbers),
        "panel": None
        if profile is None
        else profiles.panel(trace, profile, families or {}, percentiles or {}, n_pool, student),
        "leaks": None if leak_signs is None else profiles.leaks(leak_signs),
        "belief": profiles.belief(trace, (families or {}).get("belief", {}), steps, marks, tokens),
        "scoring": scoring,
        "convention_id": convention_id,
        "student": student,
        "convention": convention,
        "lexicon_id": lexicon_id,
        "why": why,
        "mine": None if mine is None else recent_json(mine),
        "was_revealed": was_revealed,
        "edit_taken_back": None if edit_taken_back is None else dict(edit_taken_back),
    }


def blind_card(
    trace: Trace,
    problem: Problem,
    *,
    steps: Sequence[tuple[int, int]],
    why: str | None = None,
    mine: Recent | None = None,
) -> Card:
    """A card to judge blind: prompt, reference answer and text; nothing else of the trace is in it.

    No teacher, context, source, correctness, marker, score or number leaves for the browser.
    """
    text = trace.text
    starts = to_utf16(text, [start for start, _ in steps])
    ends = to_utf16(text, [end for _, end in steps])
    return {
        "is_blind": True,
        "trace_id": trace.trace_id,
        "text_hash": trace.text_hash,
        "text": text,
        "prompt": trace.prompt,
        "reference_answer": problem.reference_answer,
        "steps": [[a, b] for a, b in zip(starts, ends, strict=True)],
        "markers": [],
        "marker_counts": {},
        "epistemic_per_1k_tokens": None,
        "tokens": None,
        "profile": None,
        "panel": None,
        "belief": None,
        "scoring": "",
        "convention_id": None,
        "lexicon_id": None,
        "why": why,
        "mine": None if mine is None else {**recent_json(mine), "teacher": ""},
    }


def recent_json(decision: Recent) -> Card:
    """A past decision as JSON, times in ISO UTC."""
    return {
        "decision_id": decision.decision_id,
        "sequence": decision.sequence,
        "trace_id": decision.trace_id,
        "verdict": decision.verdict,
        "decided_at": decision.decided_at.astimezone(UTC).isoformat(),
        "reasons": list(decision.reasons),
        "note": decision.note,
        "directive": decision.directive,
        "prompt": decision.prompt[:120],
        "teacher": decision.teacher,
        "revealed": decision.revealed,
        "steps": [[step, verdict] for step, verdict in decision.steps],
        "seen": [[start, end] for start, end in decision.seen],
        "spans": [[start, end, label] for start, end, label in decision.spans],
        "confidence": decision.confidence,
        "edit": None if decision.edit is None else dict(decision.edit),
    }


def context_of(trace: Trace) -> dict[str, Json]:
    """What the teacher saw beyond the prompt: its name, the source's word for it, and the text."""
    return {
        "name": trace.teacher_context,
        "raw": trace.teacher_context_raw,
        "says": _SAW[trace.teacher_context],
        "text": trace.context_text,
    }


def match_of(trace: Trace, problem: Problem) -> dict[str, Json]:
    """Whether the final answer is right as the source has it, and what that compares."""
    state = {True: "match", False: "mismatch", None: "unknown"}[trace.is_correct]
    if trace.is_correct is None:
        says = "Nobody said whether the final answer is right."
    elif trace.final_answer is None or problem.reference_answer is None:
        says = "As the source judged the trace; one of the two answers is not given here."
    else:
        says = "The trace's final answer against the reference answer, as the source judged it."
    return {"state": state, "says": says}


def _tokens(text: str, tokens: Mapping[str, Numbers]) -> dict[str, Json]:
    """The token lists of a card; they must be of one length."""
    n = {len(tokens[name]) for name in TOKEN_COLUMNS}
    if len(n) != 1:
        raise ValueError(f"the token lists differ in length: {sorted(n)}")
    return {
        "id": [int(value) for value in tokens["token_id"]],
        "start": list(to_utf16(text, tokens["start_char"])),
        "end": list(to_utf16(text, tokens["end_char"])),
        "logprob": _rounded(tokens["logprob_nats"]),
        "rank": [int(value) for value in tokens["rank"]],
        "entropy": _rounded(tokens["entropy_nats"]),
    }


def _rounded(values: Numbers) -> list[Json]:
    """The values with four decimals; null where not finite."""
    exact = np.asarray(values, dtype=np.float64)
    rounded = np.round(exact, 4).tolist()
    if np.isfinite(exact).all():
        return list(rounded)
    return [value if math.isfinite(value) else None for value in rounded]


def _significant(value: float | int | None) -> float | int | None:
    """The number with six significant digits, None where there is none; whole ones stay whole."""
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.6g}")
