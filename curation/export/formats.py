"""Accepted traces -> rows as a trainer takes them, and the files they stand in.

A format is a name, a sentence for people and the Polars expressions of its training columns;
`FORMATS` is the only list of them. The kind of file is a separate choice (`FILE_TYPES`), so a
format has one name however it is stored.

Beside the training columns every row carries `PROVENANCE_COLUMNS` (a pair: `PAIR_PROVENANCE`), so
that anyone can trace it back. TRL's trainers drop columns they do not know before a batch is made
(tests/test_export_trl.py trains on them). The text of a trace is the assistant's turn, unchanged,
`<think>` and all.

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

PAIR_PROVENANCE: tuple[str, ...] = (
    "trace_id", "problem_id", "teacher", "teacher_context",
    "rejected_id", "rejected_teacher", "rejected_teacher_context",
)  # fmt: skip
"""The same for a pair: the first four are the chosen trace's."""

CHUNK_BYTES = 16 << 20
CHUNK_ROWS = 20_000
"""What is rendered and written at a time (one Parquet row group): bounds memory, not meaning."""


class Format(NamedTuple):
    """A way to lay out a row: its description, its training columns, where its traces stand."""

    description: str
    columns: dict[str, pl.Expr]
    answers: dict[str, str]
    """Column of a trace's id -> the column whose last message is that trace."""
    provenance: tuple[str, ...] = PROVENANCE_COLUMNS
    of_pairs: bool = False
    """Whether a row is a choice between two traces, and not an accepted trace."""


def _message(role: str, column: str) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("role"), pl.col(column).alias("content"))


_USER, _ASSISTANT = _message("user", "prompt"), _message("assistant", "text")

_FORMATS: dict[str, Format] = {
    "sft-messages": Format(
        "TRL SFT, conversational: one `messages` list a row, user then assistant. The loss covers "
        "the whole conversation unless the trainer is told `assistant_only_loss=True`.",
        {"messages": pl.concat_list(_USER, _ASSISTANT)},
        {"trace_id": "messages"},
    ),
    "sft-prompt-completion": Format(
        "TRL SFT, prompt and completion: each a list of one message, so that the student's chat "
        "template applies. The loss covers the completion only.",
        {"prompt": pl.concat_list(_USER), "completion": pl.concat_list(_ASSISTANT)},
        {"trace_id": "completion"},
    ),
    "preference": Format(
        "TRL DPO, conversational: `prompt`, `chosen` and `rejected`, each a list of one message. A "
        "row is a pair that people compared, by majority; the traces need not be accepted.",
        {
            "prompt": pl.concat_list(_USER),
            "chosen": pl.concat_list(_ASSISTANT),
            "rejected": pl.concat_list(_message("assistant", "rejected_text")),
        },
        {"trace_id": "chosen", "rejected_id": "rejected"},
        PAIR_PROVENANCE,
        of_pairs=True,
    ),
}

FORMATS: dict[str, str] = {name: each.description for name, each in _FORMATS.items()}
"""Format name -> one line on what it is, for people."""


def is_of_pairs(format: str) -> bool:
    """Whether the rows of a format are choices between two traces."""
    return _FORMATS[format].of_pairs


_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def render(frame: pl.DataFrame, format: str) -> pl.DataFrame:
    """The rows as they will be written: training columns first, then where they come from."""
    _, columns, _, provenance, _ = _FORMATS[format]
    return frame.select(
        *(expression.alias(name) for name, expression in columns.items()), *provenance
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


def traces_of(row: Mapping[str, object], format: str) -> list[tuple[str, str]]:
    """The traces (id, text) in a written row. Raises ValueError if it is not of `format`."""
    return [
        (str(row[id_column]), _last_answer(row, column))
        for id_column, column in _FORMATS[format].answers.items()
    ]


def _last_answer(row: Mapping[str, object], column: str) -> str:
    messages = row.get(column)
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        text = messages[-1].get("content")
        if isinstance(text, str) and messages[-1].get("role") == "assistant":
            return text
    raise ValueError(f"no assistant message at the end of {column!r}")


def _parquet_schema(format: str) -> pa.Schema:
    return pa.schema(
        [(name, _MESSAGES) for name in _FORMATS[format].columns]
        + [
            (name, pa.bool_() if name == "is_edited" else pa.string())
            for name in _FORMATS[format].provenance
        ]
    )


def _chunks(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs of rows of at most CHUNK_ROWS rows and about CHUNK_BYTES of text; one row at least."""
    texts = [name for name in ("prompt", "text", "rejected_text") if name in frame.columns]
    sizes = frame.select(pl.sum_horizontal(pl.col(texts).str.len_bytes()))
    start, total = 0, 0
    for index, size in enumerate(sizes.to_series()):
        if index > start and (total + size > CHUNK_BYTES or index - start >= CHUNK_ROWS):
            yield frame.slice(start, index - start)
            start, total = index, 0
        total += size
    if start < frame.height:
        yield frame.slice(start)
