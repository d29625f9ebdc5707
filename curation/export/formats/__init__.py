"""Traces -> rows as a trainer takes them.

A format is a name, a sentence for people, what its rows are made of and the Polars expressions of
its training columns. Each trainer family has a module of its own; `FORMATS` is the only list of
them all. The kind of file is a separate choice (`files`), so a format has one name however it is
stored.

Beside the training columns every row carries `PROVENANCE_COLUMNS` (a pair: `PAIR_PROVENANCE`), so
that anyone can trace it back. TRL's trainers drop columns they do not know before a batch is made
(tests/test_export_trl.py trains on them). The text of a trace is the assistant's turn, unchanged,
`<think>` and all.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from curation.export.formats import trl
from curation.export.formats.layout import (
    PAIR_PROVENANCE,
    PROVENANCE_COLUMNS,
    PROVENANCE_TYPES,
    Format,
    RowsOf,
)

__all__ = [
    "FORMATS", "PAIR_PROVENANCE", "PROVENANCE_COLUMNS", "Format", "RowsOf", "is_of_pairs",
    "parquet_schema", "render", "rows_of", "traces_of",
]  # fmt: skip

_FORMATS: dict[str, Format] = {**trl.FORMATS}

FORMATS: dict[str, str] = {name: each.description for name, each in _FORMATS.items()}
"""Format name -> one line on what it is, for people."""


def rows_of(format: str) -> RowsOf:
    """What the rows of a format are made of."""
    return _FORMATS[format].rows_of


def is_of_pairs(format: str) -> bool:
    """Whether the rows of a format are choices between two traces."""
    return rows_of(format) == "pairs"


def render(frame: pl.DataFrame, format: str) -> pl.DataFrame:
    """The rows as they will be written: training columns first, then where they come from."""
    layout = _FORMATS[format]
    return frame.select(
        *(expression.alias(name) for name, expression in layout.columns.items()),
        *layout.provenance,
    )


def traces_of(row: Mapping[str, object], format: str) -> list[tuple[str, str]]:
    """The traces (id, text) in a written row. Raises ValueError if it is not of `format`."""
    return [
        (str(row[id_column]), _written_of(row, column))
        for id_column, column in _FORMATS[format].answers.items()
    ]


def _written_of(row: Mapping[str, object], column: str) -> str:
    """What a row says of a trace in `column`, one of its format's `answers`."""
    value = row.get(column)
    if isinstance(value, str):
        start = row.get("trace_start", 0)
        if isinstance(start, int) and 0 <= start <= len(value):
            return value[start:]
        raise ValueError(f"trace_start is no place in {column!r}")
    if isinstance(value, list) and value:
        if all(isinstance(step, str) for step in value):
            return "\n".join(value)
        said, role = value[-1], "user" if column == "prompt" else "assistant"
        if isinstance(said, dict) and said.get("role") == role:
            text = said.get("content")
            if isinstance(text, str):
                return text
    raise ValueError(f"no message, steps or text of a trace in {column!r}")


def parquet_schema(format: str) -> pa.Schema:
    """The columns of a format's rows, typed."""
    return pa.schema(
        [*_FORMATS[format].types.items()]
        + [(name, PROVENANCE_TYPES.get(name, pa.string())) for name in _FORMATS[format].provenance]
    )
