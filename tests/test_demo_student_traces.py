"""The script that lets the embedded student write demo traces: its parts that need no model."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from types import ModuleType
from typing import Any

import pytest

from curation.compatibility.answers import answers_agree
from curation.settings import ROOT
from curation.student import questions

DEMO = ROOT / "data" / "demo"


def _script() -> ModuleType:
    path = ROOT / "scripts" / "make_demo_student_traces.py"
    spec = importlib.util.spec_from_file_location("make_demo_student_traces", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = _script()


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO / name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It is 54.\n\nAnswer: 54", "54"),
        ("Answer: 12\nNo, wait.\nAnswer: 13.", "13"),
        ("**Answer:** 7 am", "7 am"),
        ("The final answer: **1/2**", "1/2"),
        ("Answer: 'cannot be determined'.", "cannot be determined"),
        ("Answer: 5\nAnswer:\n", "5"),
        (r"so $\boxed{4}$ and \boxed{\frac{1}{3}} it is.", r"\boxed{\frac{1}{3}} it is."),
        ("The answer is 11.55. That is it.\nDone.", "11.55"),
        ("Then the final answer is: **amber**", "amber"),
        ("So there are 54 coins.", None),
        ("40 coins are left, which is the answer.", None),
        ("", None),
    ],
)
def test_the_answer_is_what_stands_where_the_prompt_asks_for_it(
    text: str, answer: str | None
) -> None:
    assert script.final_answer(text) == answer


def test_a_boxed_answer_is_compared_by_what_is_in_the_box() -> None:
    assert answers_agree(script.final_answer(r"so \boxed{\frac{1}{3}} it is."), "1/3")


def test_each_batch_has_a_seed_of_its_own_that_depends_on_nothing_drawn_before() -> None:
    problems = _rows("problems.jsonl")
    seeds = [script.batch_seed(0, batch) for batch in script.batches(problems)]
    assert len(seeds) == 12  # 48 problems, four a batch
    assert len(set(seeds)) == 12
    assert script.batch_seed(1, problems[:4]) != script.batch_seed(0, problems[:4])


def test_an_interrupted_file_goes_on_at_its_last_whole_batch() -> None:
    problems = [{"problem_id": f"p{i}"} for i in range(6)]
    lines = [
        json.dumps({"id": "x", "teacher_context": c, "extra": {"problem_id": p["problem_id"]}})
        for p in problems
        for c in script.CONTEXTS
    ]
    assert script.whole_batches([], problems) == 0
    assert script.whole_batches(lines[:11], problems) == 0
    assert script.whole_batches(lines[:12], problems) == 1
    assert script.whole_batches([*lines[:14], lines[14][:9]], problems) == 1
    assert script.whole_batches(lines, problems) == 2  # the second batch is the two left over


def test_a_file_of_something_else_is_left_alone() -> None:
    problems = [{"problem_id": "p0"}]
    line = json.dumps({"id": "x", "teacher_context": "hint", "extra": {"problem_id": "p0"}})
    with pytest.raises(SystemExit, match="not written by this script"):
        script.whole_batches([line], problems)


def test_the_file_holds_each_problem_under_each_context_and_says_how_it_was_made() -> None:
    rows = _rows("student.jsonl")
    problems = {row["problem_id"]: row for row in _rows("problems.jsonl")}
    found = Counter((row["extra"]["problem_id"], row["teacher_context"]) for row in rows)
    assert found == Counter(
        (problem, context) for problem in problems for context in script.CONTEXTS
    )
    for row in rows:
        problem, settings = problems[row["extra"]["problem_id"]], row["extra"]
        shown = script.CONTEXTS[row["teacher_context"]]
        assert row["context_text"] == (shown and problem[shown])
        assert row["prompt"] == problem["prompt"]
        assert row["final_answer"] == script.final_answer(row["trace"])
        agrees = answers_agree(row["final_answer"], row["reference_answer"])
        assert row["correct"] == (None if row["final_answer"] is None else agrees)
        assert (row["source"], row["licence"]) == ("written for this project", "CC0-1.0")
        assert settings["model"].startswith("sha256:")
        assert (settings["seed"], settings["temperature"], settings["top_p"]) == (0, 0.6, 0.95)
        assert settings["prompt_template"] == questions.PRIVILEGED.get(
            row["teacher_context"], "{prompt}"
        )
        assert settings["truncated"] == (settings["n_new_tokens"] == settings["max_new_tokens"])


def test_the_prompt_with_the_solution_is_that_of_kim_et_al_verbatim() -> None:
    # analyzing_reasoning_behavior/eval_with_hint.py
    assert questions.PRIVILEGED["solution"] == (
        "{prompt}\n\nCorrect solution: {text}\n\nCorrectly solve the original question."
    )
