"""What goes out comes back: every format that the ingest reads, from decisions at the desk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import export
from curation import store as stores
from curation.export.files import FileType
from curation.export.formats import rows_of
from curation.ingest import reading
from curation.store import Store
from tests.builders import a_trace
from tests.export_desk import decide, hold, prefer

READ = [
    "sft-messages", "sft-prompt-completion", "proxy-expert", "proxy-antiexpert", "kto", "dpo",
    "preference", "axolotl", "axolotl-dpo", "axolotl-kto", "llama-factory", "llama-factory-alpaca",
    "llama-factory-dpo", "llama-factory-kto", "openai", "openai-dpo", "alpaca", "sharegpt",
]  # fmt: skip
NOT_READ = {
    "sft-text": "prompt and trace are one text",
    "stepwise": "its steps have lost the white space between them",
    "sdpo": "it holds no trace",
    "distillation": "it holds no trace",
    "prm800k": "it holds judgements of steps",
    "everything": "its trace stands in `text`, which any file may have: --map trace=text",
}
PIECES = st.sampled_from(
    [
        "<think>\n",
        "\n</think>\n\n",
        "Wait",
        " 4",
        "\r\n",
        "\t",
        "é",
        "😀",
        "\u2028",
        '"',
        "{x}",
        "$$",
        "،",
        "  ",
    ]
)
TEXT = st.lists(PIECES, min_size=1, max_size=6).map("".join)


def came_back(path: Path) -> list[dict[str, Any]]:
    """The traces that the ingest reads of a file, none of which it refuses."""
    batches = list(reading.read(path))
    assert [each.reason for batch in batches for each in batch.refusals] == []
    return pl.concat([batch.traces for batch in batches]).to_dicts()


def test_every_format_is_read_back_or_it_is_said_why_not() -> None:
    assert sorted([*READ, *NOT_READ]) == sorted(export.FORMATS)


@pytest.mark.parametrize("format", READ)
@given(said=st.lists(TEXT, min_size=4, max_size=4), files=st.sampled_from(export.FILE_TYPES))
@settings(max_examples=3, deadline=None)
def test_export_and_ingest_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, format: str, said: list[str], files: FileType
) -> None:
    folder = tmp_path_factory.mktemp("there-and-back")
    with stores.open(folder / "h.duckdb") as store:
        contexts = ("unguided", "answer", "solution", "hint")
        rows = [
            a_trace(
                f"{n}{text}!", prompt=f"What{said[n % 2]} is {n % 2}?", teacher=f"teacher-{n}",
                teacher_context=contexts[n],
            )
            for n, text in enumerate(said)
        ]  # fmt: skip
        good, better, bad, worse = hold(store, *rows)
        for trace in (good, better):
            decide(store, trace)
        for trace in (bad, worse):
            decide(store, trace, "reject")
        prefer(store, good, bad)
        prefer(store, better, worse)
        export.write(store, format=format, out=folder / "x", files=files, splits={"train": 1})
    found = came_back(folder / "x" / f"train.{files}")
    taken: dict[str, list[int]] = {"accepted": [0, 1], "rejected": [2, 3]}
    told = taken.get(rows_of(format), [0, 1, 2, 3])
    kept = ("prompt", "text", "teacher", "teacher_context")
    assert sorted(tuple(row[name] for name in kept) for row in found) == sorted(
        tuple(rows[n][name] for name in kept) for n in told
    )
    # Where it came from, and what was said of it, stay beside it.
    ids = {row["trace_id"]: row["text"] for row in rows}
    for row in found:
        extra = json.loads(row["extra"])
        side = "rejected_id" if extra.get("preference") == "rejected" else "trace_id"
        assert ids[extra[side]] == row["text"]
        assert extra["problem_id"] in {each["problem_id"] for each in rows}
        if rows_of(format) == "labelled":
            label = extra["kto_tag" if format == "llama-factory-kto" else "label"]
            assert label is (ids[extra["trace_id"]] in (rows[0]["text"], rows[1]["text"]))


def test_an_edit_comes_back_as_it_was_taught(store: Store, tmp_path: Path) -> None:
    (one,) = hold(store, a_trace("It is 4. The key says 4."))
    decide(store, one, edit={"text": "It is 4, I think."})
    export.write(store, format="sharegpt", out=tmp_path / "x", splits={"train": 1})
    (row,) = came_back(tmp_path / "x" / "train.jsonl")
    extra = json.loads(row["extra"])
    assert row["text"] == "It is 4, I think."
    assert (extra["is_edited"], extra["original_trace_id"]) == (True, one)
