"""Mapping: rows whose columns a person named."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.errors import IngestError
from curation.records import problem_id
from tests.test_ingest_formats import ANSWERED, ASKED, INLINE, SAID, THOUGHT, read_rows, the_trace


def test_a_mapping_reads_unknown_columns(tmp_path: Path) -> None:
    row = {"q": ASKED, "deep": {"a": "6", "ok": "yes"}, "r": ANSWERED, "why": THOUGHT, "n": 3}
    mapping = {
        "prompt": "q",
        "trace": "r",
        "reasoning": "why",
        "reference_answer": "deep.a",
        "correct": "deep.ok",
        "teacher": "=DeepSeek-R1",
    }
    trace = the_trace(tmp_path, row, mapping=mapping)
    assert (trace["prompt"], trace["text"]) == (ASKED, INLINE)
    assert (trace["reference_answer"], trace["is_correct"]) == ("6", True)
    assert trace["teacher"] == "DeepSeek-R1"
    assert trace["extra"] == {"n": 3, "deep": {"a": "6", "ok": "yes"}}


def test_a_mapping_may_reach_into_messages_and_lists(tmp_path: Path) -> None:
    row = {"chat": SAID, "answers": ["6", "Six."], "marks": [True, False]}
    mapping = {"prompt": "chat.0.content", "trace": "answers", "correct": "marks"}
    traces, refusals = read_rows(tmp_path, row, mapping=mapping)
    assert not refusals
    assert [(t["prompt"], t["text"], t["is_correct"]) for t in traces] == [
        (ASKED, "6", True),
        (ASKED, "Six.", False),
    ]
    assert the_trace(tmp_path, row, mapping={"trace": "chat"})["text"] == ANSWERED


def test_one_mapped_id_is_numbered_over_several_traces(tmp_path: Path) -> None:
    row = {"problem": ASKED, "generations": ["6", "Six."], "key": 7}
    traces, refusals = read_rows(tmp_path, row, mapping={"id": "key", "problem_id": "key"})
    assert not refusals
    assert [t["external_id"] for t in traces] == ["7#0", "7#1"]
    assert traces[0]["problem_id"] == problem_id(ASKED, "7")


def test_a_mapping_of_side_fields_keeps_the_format(tmp_path: Path) -> None:
    row = {"messages": SAID, "extra": {"answer": "6"}}
    mapping = {"reference_answer": "extra.answer"}
    trace = the_trace(tmp_path, row, mapping=mapping)
    assert (trace["text"], trace["reference_answer"]) == (ANSWERED, "6")


def test_a_mapping_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    row = {"messages": SAID}
    with pytest.raises(IngestError, match="no field 'promt' to map; there are prompt, trace"):
        read_rows(tmp_path, row, mapping={"promt": "messages"})
    with pytest.raises(IngestError, match=r"no row has the column 'text' .* columns are messages"):
        read_rows(tmp_path, row, mapping={"trace": "text"})


def test_a_mapped_value_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    row = {"messages": SAID, "ok": "perhaps"}
    traces, refusals = read_rows(tmp_path, row, mapping={"correct": "ok"})
    assert not traces
    assert refusals[0].field == "correct"
