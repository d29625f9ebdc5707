"""Planned rows -> the same rows with their texts, a batch at a time.

Planning knows rows by the position of their traces; what they say is read from the store when it is
written, so that memory is bounded by a batch, whatever the size of the set. The next batch is read
while the last one is being written. Every text is held against its hash, which is what the decision
was about.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import polars as pl
import polars_hash  # noqa: F401 - gives expressions their `chash`

from curation.errors import ExportError

BATCH_BYTES = 64 << 20
"""About how much text is read at a time; two batches are held, and what is being written. To
ask the store costs as much as to read a thousand texts."""

_FIRST_ROWS, _FEWEST_ROWS, _MOST_ROWS = 512, 16, 16_384

_ATTACHED = {
    "prompt": ("position", "prompt"),
    "text": ("text_position", "text"),
    "rejected_prompt": ("rejected_position", "prompt"),
    "rejected_text": ("rejected_position", "text"),
}
"""Column of a row -> the position of the trace that it is taken from, and which of its columns."""

_HASHED = {
    "text": ("trace_id", "text_hash"),
    "rejected_text": ("rejected_id", "rejected_text_hash"),
}
"""Column of a text -> the columns with its trace's id and the hash that it must have."""


class TextSource(Protocol):
    """What hands out texts: a store."""

    def export_texts(self, positions: list[int]) -> pl.DataFrame:
        """`position`, `prompt` and `text` of the traces at these positions, in any order."""
        ...


def with_texts(
    source: TextSource, rows: pl.DataFrame, *, batch_bytes: int = BATCH_BYTES
) -> Iterator[pl.DataFrame]:
    """`rows`, in order, in batches, with the columns of `_ATTACHED` that they have positions for.

    A column that is there already stays. A batch has about `batch_bytes` of text. Raises
    ExportError where a text is not what was decided on.
    """

    def read(batch: pl.DataFrame) -> pl.DataFrame:
        return _checked(_attached(source, batch))

    with ThreadPoolExecutor(1, "hedgerow-texts") as pool:
        start, n_rows = 0, _FIRST_ROWS
        coming = pool.submit(read, rows.head(n_rows))
        while start < rows.height:
            batch = coming.result()
            start += batch.height
            n_rows = _next_rows(batch, batch_bytes)
            coming = pool.submit(read, rows.slice(start, n_rows))
            yield batch


def _next_rows(batch: pl.DataFrame, batch_bytes: int) -> int:
    """How many rows make a batch of about `batch_bytes`, going by the last one."""
    texts = batch.select(pl.col(name) for name in _ATTACHED if name in batch.columns)
    n_bytes = max(1, int(texts.estimated_size()))
    return max(_FEWEST_ROWS, min(_MOST_ROWS, batch_bytes * batch.height // n_bytes))


def _attached(source: TextSource, rows: pl.DataFrame) -> pl.DataFrame:
    wanted = {
        column: where
        for column, where in _ATTACHED.items()
        if where[0] in rows.columns and column not in rows.columns
    }
    if not wanted:
        return rows
    positions = pl.concat([rows[name] for name in {name for name, _ in wanted.values()}])
    found = source.export_texts(positions.unique().sort().to_list())
    for place in sorted({name for name, _ in wanted.values()}):
        of_place = {column: part for column, (name, part) in wanted.items() if name == place}
        rows = rows.join(
            found.select(
                pl.col("position").alias(place),
                *(pl.col(part).alias(column) for column, part in of_place.items()),
            ),
            on=place,
            how="left",
            maintain_order="left",
        )
    return rows


def _checked(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows. Raises ExportError if a text is not the one that its hash names."""
    for column, names in _HASHED.items():
        if column not in rows.columns:
            continue
        trace, expected = names
        broken = rows.filter(text_hashes(column).ne_missing(pl.col(expected)))
        if broken.height:
            raise ExportError(
                f"The text of {broken[trace][0]} does not match its hash, so it may not be what "
                "was decided on. Run `python -m curation verify`, and restore a backup if it "
                "confirms this."
            )
    return rows


def text_hashes(column: str) -> pl.Expr:
    """`records.text_hash` of each text of `column`, all at once; null of null."""
    text = pl.col(column)
    told = pl.concat_str(text.str.len_bytes(), pl.lit(":"), text)
    digest = told.chash.sha2_256()  # type: ignore[attr-defined]
    return pl.concat_str(pl.lit("tx1_"), digest.str.head(24))
