"""Alpaca: `instruction`, `input` (empty: a prompt is one text) and `output`.

Source: https://github.com/tatsu-lab/stanford_alpaca (README, "Data Release").
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import Format

COLUMNS: dict[str, pl.Expr] = {
    "instruction": pl.col("prompt"),
    "input": pl.lit(""),
    "output": pl.col("text"),
}
TYPES: dict[str, pa.DataType] = dict.fromkeys(COLUMNS, pa.string())

FORMATS: dict[str, Format] = {
    "alpaca": Format(
        "Alpaca: `instruction` (the prompt), `input` (empty) and `output` (the trace).",
        COLUMNS,
        TYPES,
        {"trace_id": "output"},
    ),
}
