"""Formats: what each shape of rows becomes. The rows are ours, the column names the real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import ingest
from curation.errors import IngestError
from curation.records import PROBLEM_SCHEMA, TRACE_SCHEMA, Refusal

ASKED = "How many legs do three hens have?"
THOUGHT = "Each hen has two legs.\nSo 3 × 2 = 6."
ANSWERED = "Three hens have **6** legs."
INLINE = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWERED}"
SAID = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWERED}]


def read_rows(folder: Path, *rows: Any, **told: Any) -> tuple[list[dict[str, Any]], list[Refusal]]:
    """What a JSON Lines file of these rows becomes."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    traces, refusals = [], []
    for batch in ingest.read(path, **told):
        assert dict(batch.traces.schema) == TRACE_SCHEMA
        assert dict(batch.problems.schema) == PROBLEM_SCHEMA
        traces += batch.traces.to_dicts()
        refusals += batch.refusals
    return traces, refusals


def the_trace(folder: Path, row: Any, **told: Any) -> dict[str, Any]:
    """The one trace that a row becomes, its extra read."""
    traces, refusals = read_rows(folder, row, **told)
    assert not refusals
    assert len(traces) == 1
    return {**traces[0], "extra": json.loads(traces[0]["extra"])}


def format_of(folder: Path) -> str:
    return ingest.read(folder / "rows.jsonl").format


def test_a_native_record_keeps_all_it_says(tmp_path: Path) -> None:
    record = {
        "id": "hen-1",
        "source": "the yard",
        "licence": "CC0-1.0",
        "domain": "counting",
        "prompt": ASKED,
        "reference_answer": "6",
        "reference_solution": "3 × 2 = 6",
        "teacher": "Qwen2.5-7B-Instruct",
        "teacher_context": "solution_conditioned",
        "trace": INLINE,
        "final_answer": "6",
        "correct": True,
        "extra": {"problem_id": "hens", "dataset": "yard", "sample": "3", "votes": [1, 0]},
    }
    trace = the_trace(tmp_path, record)
    assert trace["text"] == INLINE
    assert (trace["teacher"], trace["teacher_family"]) == ("Qwen2.5-7B-Instruct", "Qwen")
    assert (trace["teacher_context"], trace["teacher_context_raw"]) == (
        "solution",
        "solution_conditioned",
    )
    assert trace["context_text"] == "3 × 2 = 6"
    assert (trace["external_id"], trace["is_correct"]) == ("hen-1", True)
    assert (trace["final_answer"], trace["reference_answer"]) == ("6", "6")
    assert trace["sample_index"] == 3
    assert trace["extra"] == record["extra"]
    assert (trace["origin"], trace["line"]) == ("rows.jsonl", 1)


def test_a_native_record_needs_prompt_and_trace_only(tmp_path: Path) -> None:
    trace = the_trace(tmp_path, {"prompt": ASKED, "trace": ANSWERED})
    assert trace["teacher"] == trace["teacher_context"] == "unknown"
    assert trace["source"] == "rows.jsonl"
    assert trace["is_correct"] is None
    assert trace["extra"] == {}


def test_columns_that_a_native_record_does_not_have_are_kept(tmp_path: Path) -> None:
    row = {"prompt": ASKED, "trace": ANSWERED, "votes": 3, "extra": {"votes": 2}}
    trace = the_trace(tmp_path, row)
    # the name stands twice with different values: both are kept
    assert trace["extra"] == {"votes": 2, "columns": {"votes": 3}}


def test_the_context_text_is_the_explicit_one_first(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "prompt": ASKED,
        "trace": ANSWERED,
        "reference_answer": "6",
        "teacher_context": "answer",
    }
    assert the_trace(tmp_path, row)["context_text"] == "6"
    row["extra"] = {"context_prompt": "Hint: it is six.", "reference_solution": "3 × 2"}
    assert the_trace(tmp_path, row)["context_text"] == "Hint: it is six."
    row["context_text"] = "The answer is 6."
    assert the_trace(tmp_path, row)["context_text"] == "The answer is 6."


def test_a_solution_may_stand_in_extra(tmp_path: Path) -> None:
    row = {
        "prompt": ASKED,
        "trace": ANSWERED,
        "teacher_context": "solution",
        "extra": {"reference_solution": "3 × 2"},
    }
    assert the_trace(tmp_path, row)["context_text"] == "3 × 2"


def test_prompt_and_completion_as_text_and_as_messages(tmp_path: Path) -> None:
    trace = the_trace(tmp_path, {"prompt": ASKED, "completion": ANSWERED, "label": True})
    assert (trace["prompt"], trace["text"]) == (ASKED, ANSWERED)
    assert trace["extra"] == {"label": True}
    assert format_of(tmp_path) == "prompt-completion"
    listed = {"prompt": SAID[:1], "completion": [{**SAID[1], "reasoning_content": THOUGHT}]}
    trace = the_trace(tmp_path, listed)
    assert (trace["prompt"], trace["text"]) == (ASKED, INLINE)


def test_a_completion_that_ends_with_the_user_is_refused(tmp_path: Path) -> None:
    traces, refusals = read_rows(tmp_path, {"prompt": ASKED, "completion": SAID[:1]})
    assert not traces
    assert refusals[0].field == "completion"


def test_a_teacher_that_is_named_is_not_guessed_by_its_column(tmp_path: Path) -> None:
    row = {"problem": ASKED, "deepseek_reasoning": THOUGHT, "model": "DeepSeek-R1-0528"}
    trace = the_trace(tmp_path, row)
    assert (trace["teacher"], trace["text"]) == (
        "DeepSeek-R1-0528",
        f"<think>\n{THOUGHT}\n</think>",
    )


def test_question_reasoning_and_response(tmp_path: Path) -> None:
    row = {"question": ASKED, "reasoning": THOUGHT, "response": ANSWERED, "answer": 6}
    trace = the_trace(tmp_path, row)
    assert (trace["prompt"], trace["text"]) == (ASKED, INLINE)
    assert trace["reference_answer"] == "6"


def test_alpaca_joins_instruction_and_input(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "instruction": "Count the legs.",
        "input": "three hens",
        "output": ANSWERED,
    }
    trace = the_trace(tmp_path, row)
    assert trace["prompt"] == "Count the legs.\n\nthree hens"
    assert format_of(tmp_path) == "alpaca"
    row = {
        "instruction": "And four?",
        "input": "",
        "output": "8",
        "system": "Be brief.",
        "history": [[ASKED, ANSWERED]],
    }
    trace = the_trace(tmp_path, row)
    assert trace["prompt"] == f"User: {ASKED}\n\nAssistant: {ANSWERED}\n\nUser: And four?"
    assert trace["extra"]["system"] == "Be brief."


def test_sharegpt_and_the_openthoughts_conversations(tmp_path: Path) -> None:
    thought = f"<|begin_of_thought|>\n{THOUGHT}\n<|end_of_thought|>\n{ANSWERED}"
    row = {
        "system": "Think long.",
        "conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": thought}],
    }
    trace = the_trace(tmp_path, row)
    assert (trace["prompt"], trace["text"]) == (ASKED, thought)
    assert trace["extra"] == {"system": "Think long."}
    assert format_of(tmp_path) == "sharegpt"


def test_the_openthoughts_metadata(tmp_path: Path) -> None:
    row = {
        "problem": ASKED,
        "deepseek_reasoning": THOUGHT,
        "deepseek_solution": ANSWERED,
        "ground_truth_solution": "3 × 2 = 6",
        "domain": "math",
        "source": "numina_math",
        "test_cases": None,
        "starter_code": "",
    }
    trace = the_trace(tmp_path, row)
    assert (trace["prompt"], trace["text"]) == (ASKED, INLINE)
    assert (trace["teacher"], trace["teacher_family"]) == ("deepseek", "DeepSeek")
    assert (trace["source"], trace["teacher_context"]) == ("numina_math", "unknown")
    assert trace["extra"] == {"starter_code": ""}
    assert format_of(tmp_path) == "openthoughts"


def test_s1k_with_a_list_of_trajectories(tmp_path: Path) -> None:
    row = {
        "solution": "6",
        "question": ASKED,
        "cot_type": "math",
        "source_type": "AI-MO",
        "metadata": "{}",
        "cot": None,
        "thinking_trajectories": [THOUGHT],
        "attempt": ANSWERED,
    }
    trace = the_trace(tmp_path, row)
    assert (trace["prompt"], trace["text"]) == (ASKED, INLINE)
    assert (trace["teacher"], trace["source"]) == ("unknown", "AI-MO")
    assert trace["extra"] == {"cot_type": "math", "metadata": "{}"}
    assert format_of(tmp_path) == "s1k"


def test_s1k_1_1_tells_two_teachers_apart(tmp_path: Path) -> None:
    row = {
        "question": ASKED,
        "solution": "3 × 2 = 6",
        "gemini_thinking_trajectory": "Hens. Legs.",
        "gemini_attempt": "5",
        "gemini_grade": "No",
        "deepseek_thinking_trajectory": THOUGHT,
        "deepseek_attempt": ANSWERED,
        "deepseek_grade": "Yes",
        "deepseek_grade_reason": "It says six.",
    }
    traces, refusals = read_rows(tmp_path, row)
    assert not refusals
    assert [(t["teacher"], t["teacher_family"], t["is_correct"]) for t in traces] == [
        ("gemini", "Gemini", False),
        ("deepseek", "DeepSeek", True),
    ]
    assert [t["text"] for t in traces] == ["<think>\nHens. Legs.\n</think>\n\n5", INLINE]
    assert traces[0]["problem_id"] == traces[1]["problem_id"]
    assert "deepseek_grade_reason" not in json.loads(traces[0]["extra"])
    assert json.loads(traces[1]["extra"])["deepseek_grade_reason"] == "It says six."


def test_open_r1_makes_one_trace_of_each_generation(tmp_path: Path) -> None:
    row = {
        "problem": ASKED,
        "solution": "3 × 2 = 6",
        "answer": "6",
        "problem_type": "Algebra",
        "source": "olympiads",
        "uuid": "u1",
        "is_reasoning_complete": [True, False],
        "generations": [INLINE, "<think>Hmm"],
        "correctness_math_verify": [True, False],
        "correctness_llama": None,
        "finish_reasons": ["stop", "length"],
        "correctness_count": 1,
        "messages": [SAID[0], {"role": "assistant", "content": INLINE}],
    }
    traces, refusals = read_rows(tmp_path, row)
    assert not refusals
    assert [t["text"] for t in traces] == [INLINE, "<think>Hmm"]
    assert [t["is_correct"] for t in traces] == [True, False]
    assert [t["sample_index"] for t in traces] == [0, 1]
    assert [t["external_id"] for t in traces] == ["u1#0", "u1#1"]
    assert {t["reference_answer"] for t in traces} == {"6"}
    extras = [json.loads(t["extra"]) for t in traces]
    assert [extra["finish_reasons"] for extra in extras] == ["stop", "length"]
    assert "messages" not in extras[0]
    assert format_of(tmp_path) == "open-r1"


def test_one_bad_generation_does_not_cost_the_others(tmp_path: Path) -> None:
    row = {"prompt": ASKED, "responses": [ANSWERED, "", None, "Six."]}
    traces, refusals = read_rows(tmp_path, row)
    assert [t["text"] for t in traces] == [ANSWERED, "Six."]
    (refusal,) = refusals
    assert refusal.field == "trace"
    assert "1 more" in refusal.reason
    assert json.loads(refusal.row) == row


@pytest.mark.parametrize(
    "row",
    [
        {"problem": ASKED, "generations": []},
        {"question": ASKED, "thinking_trajectories": []},
        {"prompt": ASKED, "responses": [None]},
    ],
)
def test_a_row_without_any_trace_is_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    traces, refusals = read_rows(tmp_path, row)
    assert not traces
    assert len(refusals) == 1


def test_verdicts_that_do_not_match_the_generations_are_refused(tmp_path: Path) -> None:
    row = {"problem": ASKED, "generations": ["6", "7"], "correctness_math_verify": [True]}
    traces, refusals = read_rows(tmp_path, row)
    assert not traces
    assert refusals[0].field == "correctness_math_verify"


def test_a_pair_becomes_two_traces_and_no_decision(tmp_path: Path) -> None:
    row = {
        "prompt": ASKED,
        "chosen": ANSWERED,
        "rejected": "Five.",
        "chosen_model": "claude-3",
        "rejected_model": "Mistral-7B",
        "chosen_rating": 5,
        "rejected_rating": 1,
        "id": 7,
    }
    traces, refusals = read_rows(tmp_path, row)
    assert not refusals
    extras = [json.loads(t["extra"]) for t in traces]
    assert extras == [
        {"preference": "chosen", "chosen_rating": 5},
        {"preference": "rejected", "rejected_rating": 1},
    ]
    assert [t["text"] for t in traces] == [ANSWERED, "Five."]
    assert [t["teacher_family"] for t in traces] == ["Claude", "Mistral"]
    assert [t["external_id"] for t in traces] == ["7#chosen", "7#rejected"]
    assert [t["is_correct"] for t in traces] == [None, None]


def test_a_pair_of_whole_conversations(tmp_path: Path) -> None:
    rejected = [SAID[0], {"role": "assistant", "content": "Five."}]
    traces, refusals = read_rows(tmp_path, {"chosen": SAID, "rejected": rejected})
    assert not refusals
    assert [(t["prompt"], t["text"]) for t in traces] == [(ASKED, ANSWERED), (ASKED, "Five.")]
    shaped = {
        "input": {"messages": SAID[:1]},
        "preferred_output": SAID[1:],
        "non_preferred_output": rejected[1:],
    }
    traces, refusals = read_rows(tmp_path, shaped)
    assert not refusals
    assert [(t["prompt"], t["text"]) for t in traces] == [(ASKED, ANSWERED), (ASKED, "Five.")]


def test_the_steps_of_one_trace_are_not_taken_for_several_traces(tmp_path: Path) -> None:
    row = {"prompt": ASKED, "completions": ["Two each.", "So six."], "labels": [True, True]}
    traces, refusals = read_rows(tmp_path, row)
    assert not traces
    assert refusals[0].field == "trace"


def test_rows_of_several_formats_in_one_file_are_each_read_by_their_own(tmp_path: Path) -> None:
    traces, refusals = read_rows(
        tmp_path,
        {"prompt": ASKED, "trace": "Six."},
        {"prompt": ASKED, "trace": "It is six."},
        {"messages": SAID},
        {"instruction": ASKED, "output": "6!"},
        {"prompt": ASKED, "answer": "6"},
        {"colour": "white"},
    )
    assert [t["text"] for t in traces] == ["Six.", "It is six.", ANSWERED, "6!"]
    assert [(r.line, r.field) for r in refusals] == [(5, "trace"), (6, "prompt")]


def test_a_format_that_was_told_is_not_departed_from(tmp_path: Path) -> None:
    rows = {"messages": SAID, "prompt": ASKED, "completion": "Six."}, {"messages": SAID}
    traces, refusals = read_rows(tmp_path, *rows, format="prompt-completion")
    assert [t["text"] for t in traces] == ["Six."]
    assert [r.line for r in refusals] == [2]


def test_a_format_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="no format 'natve'; there are native, s1k"):
        read_rows(tmp_path, {"prompt": ASKED, "trace": "Six."}, format="natve")


def test_columns_that_nobody_knows_are_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"columns a, b; .* --map prompt=COLUMN"):
        read_rows(tmp_path, {"a": 1, "b": 2})


def test_a_preview_shows_mapping_reason_and_first_rows(tmp_path: Path) -> None:
    read_rows(tmp_path, *[{"messages": SAID, "answer": str(i)} for i in range(30)])
    shown = ingest.preview(tmp_path / "rows.jsonl", n=5)
    assert shown.format == "messages"
    assert list(shown.mapping.items()) == [
        ("prompt", "messages"),
        ("trace", "messages"),
        ("reference_answer", "answer"),
    ]
    assert shown.why == "JSON Lines; 30 of the first 30 rows have messages"
    assert shown.batch.traces.height == shown.batch.n_read == 5
    assert shown.columns == ["messages", "answer"]


@pytest.mark.parametrize("name", ingest.FORMATS)
def test_every_format_refuses_an_empty_row_by_field(tmp_path: Path, name: str) -> None:
    traces, refusals = read_rows(tmp_path, {"note": "x"}, {}, format=name)
    assert not traces
    assert [r.line for r in refusals] == [1, 2]
    assert all(r.field for r in refusals)


def test_problems_are_told_once_and_completed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"prompt": ASKED, "trace": "Six."},
        {"prompt": ASKED, "trace": "6", "reference_answer": "6"},
        {"prompt": ASKED, "trace": "6!", "reference_answer": "6"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (batch,) = ingest.read(path)
    # the second mention brings the answer, the third nothing new
    assert batch.problems["reference_answer"].to_list() == [None, "6"]
    assert batch.problems["problem_id"].n_unique() == 1
    assert batch.traces["problem_id"].n_unique() == 1
    assert isinstance(batch.traces, pl.DataFrame)
