"""Traces -> rows as a trainer takes them.

A format is a name, a sentence for people, what its rows are made of and the Polars expressions of
its training columns. Each trainer family has a module of its own; `FORMATS` is the only list of
them all. The kind of file is a separate choice (`files`), so a format has one name however it is
stored.

Beside the training columns every row carries `PROVENANCE_COLUMNS` (a pair: `PAIR_PROVENANCE`), so
that anyone can trace it back. TRL's trainers drop columns they do not know before a batch is made
(tests/test_export_trl.py trains on them). The text of a trace is the assistant's turn, unchanged,
`<think>` and all, unless its reasoning is asked for under a key of its own (`reasoning`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from curation.export import reasoning
from curation.export.formats import (
    alpaca,
    axolotl,
    everything,
    llama_factory,
    openai,
    prm800k,
    sharegpt,
    trl,
)
from curation.export.formats.layout import (
    PAIR_PROVENANCE,
    PROVENANCE_COLUMNS,
    PROVENANCE_TYPES,
    Format,
    RowsOf,
)
from curation.export.reasoning import Placement

__all__ = [
    "FAMILIES", "FORMATS", "PAIR_PROVENANCE", "PROVENANCE_COLUMNS", "Format", "RowsOf", "format_of",
    "is_of_pairs", "parquet_schema", "render", "rows_of", "traces_of",
]  # fmt: skip

_FORMATS: dict[str, Format] = {
    **trl.FORMATS,
    **axolotl.FORMATS,
    **llama_factory.FORMATS,
    **openai.FORMATS,
    **alpaca.FORMATS,
    **sharegpt.FORMATS,
    **prm800k.FORMATS,
    **everything.FORMATS,
}

FORMATS: dict[str, str] = {name: each.description for name, each in _FORMATS.items()}
"""Format name -> one line on what it is, for people."""


FAMILIES: dict[str, str] = {
    name: family
    for family, formats in {
        "TRL": trl.FORMATS,
        "axolotl": axolotl.FORMATS,
        "LLaMA-Factory": llama_factory.FORMATS,
        "OpenAI": openai.FORMATS,
        "Alpaca": alpaca.FORMATS,
        "ShareGPT": sharegpt.FORMATS,
    }.items()
    for name in formats
}
"""Format name -> whose trainer takes it; formats of no trainer's own stand in no family."""


def format_of(format: str) -> Format:
    """The format of that name."""
    return _FORMATS[format]


def rows_of(format: str) -> RowsOf:
    """What the rows of a format are made of."""
    return _FORMATS[format].rows_of


def is_of_pairs(format: str) -> bool:
    """Whether the rows of a format are choices between two traces."""
    return rows_of(format) == "pairs"


def render(
    frame: pl.DataFrame, format: str, place: Placement = "inline", *, weighed: bool = False
) -> pl.DataFrame:
    """The rows as they will be written: training columns first, then where they come from.

    Where the reasoning has a place of its own, what stood around it in the text comes last.
    `weighed`: with what their words weigh (`weighted`), as the format says it.
    """
    layout = _FORMATS[format]
    answers = layout.answers.values()
    columns = dict(layout.columns)
    if weighed:
        columns |= {name: each for name, (each, _) in layout.weighed.items()}
    seams = [] if place == "inline" else [
        seam
        for id_column in layout.answers
        for seam in reasoning.seams(*_text_of(id_column))
    ]  # fmt: skip
    return frame.select(
        *(
            (reasoning.placed(each, place) if name in answers else each).alias(name)
            for name, each in columns.items()
        ),
        *layout.provenance,
        *seams,
    )


def _text_of(id_column: str) -> tuple[str, str]:
    """The column of a trace's text in the planned rows, and the prefix of its columns."""
    prefix = id_column.removesuffix("id").removesuffix("trace_")
    return f"{prefix}text", prefix


def traces_of(
    row: Mapping[str, object], format: str, place: Placement = "inline"
) -> list[tuple[str, str]]:
    """The traces (id, text) in a written row. Raises ValueError if it is not of `format`."""
    found = []
    for id_column, column in _FORMATS[format].answers.items():
        prefix = _text_of(id_column)[1]
        around = (str(row.get(f"{prefix}think_{side}", "")) for side in ("open", "close"))
        found.append((str(row[id_column]), _written_of(row, column, place, *around)))
    return found


def _written_of(
    row: Mapping[str, object], column: str, place: Placement, opening: str, closing: str
) -> str:
    """What a row says of a trace in `column`, one of its format's `answers`."""
    value = row.get(column)
    if isinstance(value, str):
        start = row.get("trace_start", 0)
        if isinstance(start, int) and 0 <= start <= len(value):
            return value[start:]
        raise ValueError(f"trace_start is no place in {column!r}")
    if isinstance(value, list) and value and all(isinstance(step, str) for step in value):
        return "\n".join(value)
    said = value[-1] if isinstance(value, list) and value else value
    if isinstance(said, dict):
        if said.get("from") == "gpt" and isinstance(said.get("value"), str):
            return str(said["value"])
        if said.get("role") == ("user" if column == "prompt" else "assistant"):
            return reasoning.joined(said, place, opening, closing)
    raise ValueError(f"no message, steps or text of a trace in {column!r}")


def parquet_schema(format: str, place: Placement = "inline", *, weighed: bool = False) -> pa.Schema:
    """The columns of a format's rows, typed."""
    layout = _FORMATS[format]
    types = dict(layout.types)
    if weighed:
        types |= {name: each for name, (_, each) in layout.weighed.items()}
    seams = [] if place == "inline" else [
        (f"{_text_of(id_column)[1]}think_{side}", pa.string())
        for id_column in layout.answers
        for side in ("open", "close")
    ]  # fmt: skip
    return pa.schema(
        [
            (name, _with_key(each, place) if name in layout.answers.values() else each)
            for name, each in types.items()
        ]
        + [(name, PROVENANCE_TYPES.get(name, pa.string())) for name in layout.provenance]
        + seams
    )


def _with_key(messages: pa.DataType, place: Placement) -> pa.DataType:
    """The type of messages that carry reasoning at `place`."""
    if place == "inline":
        return messages
    return pa.list_(pa.struct([*messages.value_type, (place, pa.string())]))
