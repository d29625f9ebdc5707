"""Accepted traces -> rows as a trainer takes them, and the files they stand in.

A format is a name, a sentence for people and the Polars expressions of its training columns;
`FORMATS` is the only list of them. The kind of file is a separate choice (`FILE_TYPES`), so a
format has one name however it is stored.

Beside the training columns every row carries `PROVENANCE_COLUMNS`, so that anyone can trace it
back. TRL's trainers drop columns they do not know before a batch is made (tests/test_export_trl.py
trains on them). The text of a trace is the assistant's turn, unchanged, `<think>` and all.

JSON Lines carry no types: `datasets` guesses them, and would read a column as dates if every value
in it looked like one. Parquet is typed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

FileType = Literal["jsonl", "parquet"]
FILE_TYPES: tuple[FileType, ...] = get_args(FileType)

PROVENANCE_COLUMNS: tuple[str, ...] = (
    "trace_id",
    "problem_id",
    "teacher",
    "teacher_context",
    "is_edited",
    "original_trace_id",
    "edit_decision_id",
)
"""`trace_id` is the trace whose text stands in the row. Where it was accepted with an edit
(`is_edited`), that is what the edit became, `original_trace_id` what the teacher wrote and
`edit_decision_id` the decision; else the first two are alike and the last is "": a column that is
null in one split would have another type there."""

CHUNK_BYTES = 16 << 20
CHUNK_ROWS = 20_000
"""What is rendered and written at a time (one Parquet row group): bounds memory, not meaning."""


class Format(NamedTuple):
    """A way to lay out a row: its description, its training columns, where the trace stands."""

    description: str
    columns: dict[str, pl.Expr]
    answer_column: str
    """The column whose last message is the trace."""


def _message(role: str, column: str) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("role"), pl.col(column).alias("content"))


_USER, _ASSISTANT = _message("user", "prompt"), _message("assistant", "text")

_FORMATS: dict[str, Format] = {
    "sft-messages": Format(
        "TRL SFT, conversational: one `messages` list a row, user then assistant. The loss covers "
        "the whole conversation unless the trainer is told `assistant_only_loss=True`.",
        {"messages": pl.concat_list(_USER, _ASSISTANT)},
        "messages",
    ),
    "sft-prompt-completion": Format(
        "TRL SFT, prompt and completion: each a list of one message, so that the student's chat "
        "template applies. The loss covers the completion only.",
        {"prompt": pl.concat_list(_USER), "completion": pl.concat_list(_ASSISTANT)},
        "completion",
    ),
}

FORMATS: dict[str, str] = {name: each.description for name, each in _FORMATS.items()}
"""Format name -> one line on what it is, for people."""

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def render(frame: pl.DataFrame, format: str) -> pl.DataFrame:
    """The rows as they will be written: training columns first, then `PROVENANCE_COLUMNS`."""
    columns = _FORMATS[format].columns
    return frame.select(
        *(expression.alias(name) for name, expression in columns.items()), *PROVENANCE_COLUMNS
    )


def file_name(split: str, files: FileType) -> str:
    """The name of a split's file inside the export's folder."""
    return f"{split}.{files}"


def write_file(
    path: Path,
    frame: pl.DataFrame,
    format: str,
    files: FileType,
    written: Callable[[int], None],
) -> None:
    """Writes `frame` in `format` to `path`, chunk by chunk, and forces it to the disk.

    Calls `written` with the number of rows after each chunk. Raises OSError.
    """
    with path.open("wb") as handle:
        if files == "jsonl":
            for chunk in _chunks(frame):
                # Through memory: given a real file, Polars would write past this handle.
                lines = io.BytesIO()
                render(chunk, format).write_ndjson(lines)
                handle.write(lines.getbuffer())
                written(chunk.height)
        else:
            schema = _parquet_schema(format)
            with pq.ParquetWriter(handle, schema, compression="zstd") as writer:
                for chunk in _chunks(frame):
                    writer.write_table(render(chunk, format).to_arrow().cast(schema))
                    written(chunk.height)
        handle.flush()
        os.fsync(handle.fileno())


def read_rows(path: Path, files: FileType) -> Iterator[Mapping[str, object]]:
    """The rows of a written file, in order. Raises OSError or ValueError when it is damaged."""
    if files == "parquet":
        with pq.ParquetFile(path) as source:
            for batch in source.iter_batches(batch_size=1_000):
                yield from batch.to_pylist()
    else:
        with path.open("rb") as handle:
            for line in handle:
                yield orjson.loads(line)


def trace_text(row: Mapping[str, object], format: str) -> str:
    """The trace that a written row teaches. Raises ValueError if the row is not of `format`."""
    messages = row.get(_FORMATS[format].answer_column)
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        text = messages[-1].get("content")
        if isinstance(text, str) and messages[-1].get("role") == "assistant":
            return text
    raise ValueError(f"no assistant message at the end of {_FORMATS[format].answer_column!r}")


def _parquet_schema(format: str) -> pa.Schema:
    return pa.schema(
        [(name, _MESSAGES) for name in _FORMATS[format].columns]
        + [
            (name, pa.bool_() if name == "is_edited" else pa.string())
            for name in PROVENANCE_COLUMNS
        ]
    )


def _chunks(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs of rows of at most CHUNK_ROWS rows and about CHUNK_BYTES of text; one row at least."""
    sizes = frame.select(pl.col("prompt").str.len_bytes() + pl.col("text").str.len_bytes())
    start, total = 0, 0
    for index, size in enumerate(sizes.to_series()):
        if index > start and (total + size > CHUNK_BYTES or index - start >= CHUNK_ROWS):
            yield frame.slice(start, index - start)
            start, total = index, 0
        total += size
    if start < frame.height:
        yield frame.slice(start)
