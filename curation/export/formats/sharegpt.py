"""ShareGPT: `conversations`, a list of `from` (human, gpt) and `value`."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import Format, conversation

TURN = pa.struct([("from", pa.string()), ("value", pa.string())])
CONVERSATIONS = pa.list_(TURN)


def turn(speaker: str, column: str) -> pl.Expr:
    """The text in `column` as a turn of `speaker`."""
    return pl.struct(pl.lit(speaker).alias("from"), pl.col(column).alias("value"))


HUMAN, GPT = turn("human", "prompt"), turn("gpt", "text")

FORMATS: dict[str, Format] = {
    "sharegpt": Format(
        "ShareGPT: `conversations`, one human turn and one of gpt (`from`, `value`).",
        {"conversations": conversation(HUMAN, GPT)},
        {"conversations": CONVERSATIONS},
        {"trace_id": "conversations"},
    ),
}
