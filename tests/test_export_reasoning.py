"""Where reasoning stands: split without loss, placed where asked, put together again."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import export
from curation.errors import ExportError
from curation.export import reasoning
from curation.store import Store
from tests.builders import a_trace
from tests.export_desk import decide, hold, hold_many, prefer

PIECES = ["<think>", "</think>", "\n", "\r\n", " ", "Wait,", "é😀", "no", "think>", "<"]


def parted(text: str) -> dict[str, str | None]:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String()})
    row: dict[str, str | None] = frame.select(reasoning.parts(pl.col("text"))).item()
    return row


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(deadline=None)
def test_the_parts_of_a_trace_in_a_row_are_the_trace(text: str) -> None:
    row = parted(text)
    assert row["think_shape"] in reasoning.SHAPES
    found = [row["think_open"], row["reasoning"], row["think_close"], row["answer"]]
    assert "".join(each or "" for each in found) == text
    # No think block is not an empty one.
    assert (row["reasoning"] is None) == (row["think_shape"] == "none")
    if row["think_shape"] == "none":
        assert row["answer"] == text


@pytest.mark.parametrize(
    ("text", "shape", "thought", "answer"),
    [
        ("<think>\nHm.\n</think>\n\n4", "block", "Hm.", "4"),
        (" <think>Hm.</think>4", "block", "Hm.", "4"),
        ("<think>\n\n</think>\n\n4", "block", "", "4"),
        ("Hm.\n</think>\n4", "headless", "Hm.", "4"),
        ("<think>Hm.", "unclosed", "Hm.", ""),
        ("It is 4.", "none", None, "It is 4."),
        ("First: <think>Hm.</think>4", "none", None, "First: <think>Hm.</think>4"),
        ("<think>a</think>b</think>c", "block", "a", "b</think>c"),
    ],
)
def test_each_shape_of_trace_is_told_apart(
    text: str, shape: str, thought: str | None, answer: str
) -> None:
    row = parted(text)
    assert (row["think_shape"], row["reasoning"], row["answer"]) == (shape, thought, answer)


@pytest.mark.parametrize("files", export.FILE_TYPES)
@pytest.mark.parametrize("place", ["reasoning_content", "thinking"])
def test_reasoning_moves_to_its_key_and_the_trace_can_be_put_together(
    store: Store, tmp_path: Path, place: reasoning.Placement, files: export.files.FileType
) -> None:
    texts = ["<think>\nWait.\n</think>\n\nIt is 0.", "It is 2.", "<think>It never"]
    for trace in hold_many(store, texts):
        decide(store, trace)
    manifest = export.write(
        store, format="sft-messages", out=tmp_path / "x", files=files, splits={"train": 1},
        teaching={"reasoning": place},
    )  # fmt: skip
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))["train"]
    answers = [row["messages"][1] for row in loaded]
    assert [(each[place], each["content"]) for each in answers] == [
        ("Wait.", "It is 0."), (None, "It is 2."), ("It never", ""),
    ]  # fmt: skip
    assert [row["messages"][0][place] for row in loaded] == [None] * 3
    assert [(row["think_open"], row["think_close"]) for row in loaded] == [
        ("<think>\n", "\n</think>\n\n"), ("", ""), ("<think>", ""),
    ]  # fmt: skip
    notes = " ".join(str(note) for note in manifest.record["notes"])  # type: ignore[attr-defined]
    assert "Traces with no think block at the beginning" in notes
    assert "Traces with a think block that never ends, so their answer is empty: 1 of 3." in notes
    # The hash over the source texts is re-derived from the rows: nothing was lost.
    assert export.verify_export(tmp_path / "x").broken == []


def test_both_sides_of_a_pair_are_placed(store: Store, tmp_path: Path) -> None:
    good, bad = hold(
        store, a_trace("<think>Hm.</think>4"), a_trace("<think>No.</think>5", sample_index=1)
    )
    prefer(store, good, bad)
    export.write(
        store, format="preference", out=tmp_path / "x", splits={"train": 1},
        teaching={"reasoning": "thinking"},
    )  # fmt: skip
    (row,) = map(json.loads, (tmp_path / "x/train.jsonl").read_text().splitlines())
    assert row["chosen"] == [{"role": "assistant", "content": "4", "thinking": "Hm."}]
    assert row["rejected"] == [{"role": "assistant", "content": "5", "thinking": "No."}]
    assert (row["rejected_think_open"], row["rejected_think_close"]) == ("<think>", "</think>")
    assert export.verify_export(tmp_path / "x").broken == []


def test_a_format_without_a_place_for_reasoning_refuses(store: Store, tmp_path: Path) -> None:
    (one,) = hold_many(store, ["<think>Hm.</think>4"])
    decide(store, one)
    with pytest.raises(ExportError, match="'alpaca' has no place for 'thinking'.*inline"):
        export.write(store, format="alpaca", out=tmp_path / "x", teaching={"reasoning": "thinking"})
    with pytest.raises(ExportError, match="teaching.reasoning"):
        export.write(store, out=tmp_path / "x", teaching={"reasoning": "elsewhere"})
    with pytest.raises(ExportError, match="teaching.thoughts"):
        export.write(store, out=tmp_path / "x", teaching={"thoughts": "inline"})
    assert not (tmp_path / "x").exists()
