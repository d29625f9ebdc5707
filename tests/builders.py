"""Plain builders of records, so that a test says only what matters to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from curation import records
from curation.records import PACK_SCHEMA, Batch, Decision

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def a_trace(text: str = "Two and two is four.", **changes: Any) -> dict[str, Any]:
    """One row of `TRACE_SCHEMA`, with ids that fit its content."""
    row: dict[str, Any] = {
        "prompt": "What is 2 + 2?",
        "teacher": "teacher-7b",
        "teacher_family": None,
        "teacher_context": "unguided",
        "context_text": None,
        "sample_index": 0,
        "text": text,
        "final_answer": "4",
        "is_correct": True,
        "refined_from": None,
        "source": "made up",
        "licence": "CC0-1.0",
        "external_id": None,
        "extra": "{}",
        "reference_answer": "4",
        "step_start": [0],
        "step_end": [len(text)],
        "origin": "made-up.jsonl",
        "line": 1,
        **changes,
    }
    row.setdefault("teacher_context_raw", row["teacher_context"])
    row.setdefault("problem_id", records.problem_id(row["prompt"]))
    row["text_hash"] = records.text_hash(text)
    row["trace_id"] = records.trace_id(
        row["problem_id"],
        row["prompt"],
        row["teacher"],
        row["teacher_context_raw"],
        row["context_text"],
        text,
    )
    return row


def a_batch(*traces: dict[str, Any]) -> Batch:
    """A batch of these traces, with a mention of each one's problem."""
    problems = [
        {
            "problem_id": trace["problem_id"],
            "prompt": trace["prompt"],
            "domain": "arithmetic",
            "reference_answer": trace["reference_answer"],
            "reference_solution": None,
            "source": trace["source"],
            "licence": trace["licence"],
        }
        for trace in traces
    ]
    return Batch(
        pl.DataFrame(problems, schema=records.PROBLEM_SCHEMA),
        pl.DataFrame(list(traces), schema=records.TRACE_SCHEMA),
        [],
        len(traces),
    )


def a_decision(trace_id: str, verdict: str | None = "accept", **changes: Any) -> Decision:
    """A decision on a trace; `reviewer` ada, at noon, under a fresh id."""
    return Decision(
        **{
            "decision_id": str(uuid.uuid4()),
            "trace_id": trace_id,
            "reviewer": "ada",
            "verdict": verdict,
            "decided_at": NOON,
            **changes,
        }
    )


def a_pack(traces: Sequence[dict[str, Any]], convention_id: str = "cv1_a", **changes: Any) -> Any:
    """A score pack frame: two tokens a trace, of 1 and 3 nats."""
    rows = [
        {
            "trace_id": trace["trace_id"],
            "text_hash": trace["text_hash"],
            "prompt_hash": records.text_hash(trace["prompt"]),
            "convention_id": convention_id,
            "error": None,
            "n_tokens": 2,
            "total_nll_nats": 4.0,
            "mean_nll_nats": 2.0,
            "perplexity": 7.389,
            "mean_rank": 2.0,
            "mean_clipped_rank": 2.0,
            "rsr": 1.0,
            "mean_entropy_nats": 0.5,
            "max_nll_nats": 3.0,
            "token_id": [1, 2],
            "start_char": [0, 3],
            "end_char": [3, 5],
            "logprob_nats": [-1.0, -3.0],
            "rank": [1, 3],
            "entropy_nats": [0.25, 0.75],
            **changes,
        }
        for trace in traces
    ]
    return pl.DataFrame(rows, schema=PACK_SCHEMA)
