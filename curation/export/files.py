"""The files of an export: a frame of planned rows as JSON Lines or Parquet, and back.

JSON Lines carry no types: `datasets` guesses them, and would read a column as dates if every value
in it looked like one. Parquet is typed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, get_args

import orjson
import polars as pl
import pyarrow.parquet as pq

from curation.export.formats import parquet_schema, render

FileType = Literal["jsonl", "parquet"]
FILE_TYPES: tuple[FileType, ...] = get_args(FileType)

CHUNK_BYTES = 16 << 20
CHUNK_ROWS = 20_000
"""What is rendered and written at a time (one Parquet row group): bounds memory, not meaning."""


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
            schema = parquet_schema(format)
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
