"""Step verdicts as PRM800K has them: its documented shape, and neutral apart from not judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import jsonschema
import pytest

from curation import export
from curation.errors import ExportError
from curation.store import Store
from tests.builders import a_trace
from tests.export_desk import decide, hold

TEXT = "Two and two.\nThat is five.\nSo it is 5."
# Steps: [0, 12), [13, 26), [27, 38).
STEPS = {"step_start": [0, 13, 27], "step_end": [12, 26, 38]}

NULLABLE = {"type": ["string", "null"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": [
        "labeler", "timestamp", "generation", "is_quality_control_question",
        "is_initial_screening_question", "question", "label",
    ],
    "properties": {
        "labeler": {"type": "string"},
        "is_quality_control_question": {"type": "boolean"},
        "is_initial_screening_question": {"type": "boolean"},
        "question": {
            "type": "object",
            "required": ["problem", "ground_truth_answer", "pre_generated_steps"],
            "properties": {
                "problem": {"type": "string"},
                "ground_truth_answer": NULLABLE,
                "ground_truth_solution": NULLABLE,
                "pre_generated_steps": {"type": "array", "items": {"type": "string"}},
            },
        },
        "label": {
            "type": "object",
            "required": ["steps", "total_time", "finish_reason"],
            "properties": {
                "finish_reason": {
                    "enum": ["found_error", "solution", "bad_problem", "give_up", None]
                },
                "steps": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["completions", "human_completion", "chosen_completion"],
                        "properties": {
                            "completions": {
                                "type": "array",
                                "items": {
                                    "type": "object",
                                    "required": ["text", "rating", "flagged"],
                                    "properties": {
                                        "text": {"type": "string"},
                                        "rating": {"enum": [-1, 0, 1, None]},
                                    },
                                },
                            },
                            "chosen_completion": {"type": ["integer", "null"]},
                        },
                    },
                },
            },
        },
    },
}  # fmt: skip
"""The README of openai/prm800k @ 7ecc794, "Data", as far as it says types."""


def ratings(row: dict[str, Any]) -> list[int | None]:
    return [step["completions"][0]["rating"] for step in row["label"]["steps"]]


def test_each_person_s_step_verdicts_are_a_row_of_their_own(store: Store, tmp_path: Path) -> None:
    one = a_trace(TEXT, **STEPS)
    other = a_trace(TEXT + "!", sample_index=1, **STEPS)
    silent = a_trace("No steps judged.", sample_index=2)
    hold(store, one, other, silent)
    decide(store, one["trace_id"], "reject", steps=[[0, 1], [1, -1]], seen=[[0, 3]])
    decide(store, one["trace_id"], "accept", "bob", steps=[[0, 1], [1, 0], [2, 1]])
    decide(store, other["trace_id"], "reject", steps=[[0, 0], [2, 1]])
    decide(store, silent["trace_id"])
    manifest = export.write(store, format="prm800k", out=tmp_path / "x", splits={"train": 1})
    assert manifest.rows == {"train": 3}
    assert manifest.record["left_out"] == {"no step judged": 1}
    rows = [json.loads(line) for line in (tmp_path / "x/train.jsonl").read_text().splitlines()]
    for row in rows:
        jsonschema.validate(row, SCHEMA)
    assert [(row["labeler"], ratings(row), row["label"]["finish_reason"]) for row in rows] == [
        ("ada", [1, -1], "found_error"),
        ("bob", [1, 0, 1], "solution"),
        ("ada", [0, None, 1], None),
    ]
    assert rows[0]["question"]["pre_generated_steps"] == TEXT.split("\n")
    assert (rows[0]["question"]["problem"], rows[0]["question"]["ground_truth_answer"]) == (
        "What is 2 + 2?", "4",
    )  # fmt: skip
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))["train"]
    assert [row["label"] for row in loaded] == [row["label"] for row in rows]
    assert export.verify_export(tmp_path / "x").broken == []


def test_without_step_verdicts_there_is_nothing_to_write(store: Store, tmp_path: Path) -> None:
    (one,) = hold(store, a_trace(TEXT, **STEPS))
    decide(store, one)
    with pytest.raises(ExportError, match="no step has a label"):
        export.write(store, format="prm800k", out=tmp_path / "x")
    assert not (tmp_path / "x").exists()
