"""Message lists: what becomes the prompt, what the trace, and where reasoning goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.test_ingest_formats import (
    ANSWERED,
    ASKED,
    INLINE,
    SAID,
    THOUGHT,
    format_of,
    read_rows,
    the_trace,
)


@pytest.mark.parametrize("key", ["reasoning_content", "thinking", "reasoning"])
def test_reasoning_kept_apart_goes_inline(tmp_path: Path, key: str) -> None:
    row = {"messages": [SAID[0], {**SAID[1], key: THOUGHT}]}
    trace = the_trace(tmp_path, row)
    assert trace["text"] == INLINE
    assert trace["prompt"] == ASKED
    assert format_of(tmp_path) == "messages"


def test_reasoning_in_a_part_of_its_own_goes_inline(tmp_path: Path) -> None:
    parts = [{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": ANSWERED}]
    row = {"messages": [SAID[0], {"role": "assistant", "content": parts}]}
    assert the_trace(tmp_path, row)["text"] == INLINE


def test_inline_reasoning_stays_as_it_is(tmp_path: Path) -> None:
    text = f"<think>{THOUGHT}</think>{ANSWERED} "
    row = {"messages": [SAID[0], {"role": "assistant", "content": text}]}
    assert the_trace(tmp_path, row)["text"] == text
    row["messages"][1]["reasoning_content"] = THOUGHT
    assert the_trace(tmp_path, row)["text"] == text


def test_a_system_message_is_kept_beside_the_prompt(tmp_path: Path) -> None:
    row = {
        "messages": [{"role": "system", "content": "Be brief."}, *SAID],
        "answer": "6",
        "model": "gpt-4o",
        "uuid": "u1",
        "tags": ["hens"],
    }
    trace = the_trace(tmp_path, row)
    assert trace["prompt"] == ASKED
    assert trace["extra"] == {"system": "Be brief.", "tags": ["hens"]}
    assert (trace["reference_answer"], trace["teacher"]) == ("6", "gpt-4o")
    assert (trace["teacher_family"], trace["external_id"]) == ("GPT", "u1")


def test_earlier_turns_become_part_of_the_prompt(tmp_path: Path) -> None:
    turns = [*SAID, {"role": "user", "content": "And four?"}, {"role": "assistant", "content": "8"}]
    trace = the_trace(tmp_path, {"messages": turns})
    assert trace["prompt"] == f"User: {ASKED}\n\nAssistant: {ANSWERED}\n\nUser: And four?"
    assert trace["text"] == "8"
    assert trace["extra"]["messages"] == turns[:3]


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        (SAID[:1], "messages"),
        (SAID[1:], "messages"),
        ([], "messages"),
        ("a text", "messages"),
        ([SAID[0], {"content": "no role"}], "messages[1].role"),
        ([SAID[0], {"role": "assistant", "content": 7}], "messages[1].content"),
        ([SAID[0], {"role": "assistant", "content": [{"type": "image_url"}]}],
         "messages[1].content[0]"),
        ([SAID[0], "text"], "messages[1]"),
        ([SAID[0], {"role": "assistant", "content": ""}], "trace"),
    ],
)  # fmt: skip
def test_messages_that_are_no_exchange_are_refused_by_field(
    tmp_path: Path, messages: Any, field: str
) -> None:
    traces, refusals = read_rows(tmp_path, {"messages": messages})
    assert not traces
    assert [refusal.field for refusal in refusals] == [field]


def test_nothing_of_the_last_message_is_lost(tmp_path: Path) -> None:
    last = {**SAID[1], "thinking": "More.", "reasoning_content": THOUGHT, "weight": 0}
    trace = the_trace(tmp_path, {"messages": [SAID[0], last], "system": ["no text"]})
    assert trace["text"] == INLINE
    assert trace["extra"] == {"message": {"thinking": "More.", "weight": 0}, "system": ["no text"]}
