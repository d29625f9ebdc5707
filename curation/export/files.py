"""The files of an export: rows as JSON Lines or Parquet in shards of a size, and back.

JSON Lines carry no types: `datasets` guesses them, and would read a column as dates if every value
in it looked like one. Parquet is typed.

What is rendered and written at a time is cut by the rows alone, however they were read, so the same
rows in the same order are the same bytes. One shard bears the split's name (`train.jsonl`); several
are numbered as the Hub numbers them (`train-00000-of-00012.jsonl`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from curation.export.formats import parquet_schema, render
from curation.export.reasoning import Placement

FileType = Literal["jsonl", "parquet"]
FILE_TYPES: tuple[FileType, ...] = get_args(FileType)

CHUNK_BYTES = 16 << 20
CHUNK_ROWS = 20_000
"""What is rendered and written at a time (one Parquet row group): bounds memory, not meaning."""


class Writing(BaseModel):
    """How the rows lie in files."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    shard_mb: float = Field(default=500, gt=0, allow_inf_nan=False)
    """A file that has reached this many MB (10^6 bytes, as it lies on the disk) is followed by
    another; it may go over by what is written at a time."""
    zstd: bool = False
    """Whether JSON Lines are compressed (`.jsonl.zst`). Parquet always is, inside."""


class Shard(NamedTuple):
    """A finished file: where it lies and how many rows it holds."""

    path: Path
    n_rows: int


def suffix(files: FileType, writing: Writing) -> str:
    """What the names of the files end with."""
    return "jsonl.zst" if files == "jsonl" and writing.zstd else files


class _Writer(Protocol):
    """An open file that takes rendered rows."""

    def write(self, rows: pl.DataFrame) -> None: ...

    def close(self) -> None: ...


class _Lines:
    """JSON Lines into `handle`, compressed as one frame where `zstd`."""

    def __init__(self, handle: io.BufferedWriter, *, zstd: bool) -> None:
        self._out = pa.PythonFile(handle, mode="w")
        if zstd:
            self._out = pa.CompressedOutputStream(self._out, "zstd")

    def write(self, rows: pl.DataFrame) -> None:
        # Through memory: given a real file, Polars would write past this handle.
        lines = io.BytesIO()
        rows.write_ndjson(lines)
        self._out.write(lines.getbuffer())
        self._out.flush()  # or the file's length would lag behind what it holds

    def close(self) -> None:
        self._out.close()


class _Parquet:
    """Parquet into `handle`, one row group a call."""

    def __init__(self, handle: io.BufferedWriter, schema: pa.Schema) -> None:
        self._schema = schema
        self._out = pq.ParquetWriter(handle, schema, compression="zstd")

    def write(self, rows: pl.DataFrame) -> None:
        # In one piece: pages end where pieces do, and those are cut as the rows were read.
        self._out.write_table(rows.rechunk().to_arrow().cast(self._schema))

    def close(self) -> None:
        self._out.close()


class Shards:
    """The files of one split, in `folder`, while they are written.

    Use as a context: what is left open by an error is closed. Raises OSError.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        format: str,
        files: FileType,
        writing: Writing,
        written: Callable[[int], None],
        place: Placement = "inline",
        *,
        weighed: bool = False,
    ) -> None:
        self._folder, self._split, self._format = folder, split, format
        self._files, self._writing, self._written = files, writing, written
        self._place: Placement = place
        self._weighed = weighed
        self._open = ExitStack()
        self._writer: _Writer | None = None
        self._handle: io.BufferedWriter | None = None
        self._done: list[Shard] = []
        self._n_rows = 0
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = self._pending_bytes = 0

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def add(self, rows: pl.DataFrame) -> None:
        """Takes rows that planning chose, with their texts; `written` counts what is on the way."""
        texts = [name for name in ("prompt", "text", "rejected_text") if name in rows.columns]
        sizes = rows.select(
            pl.sum_horizontal(pl.col(texts).str.len_bytes()).fill_null(0).cast(pl.Int64)
        )
        upto = sizes.to_series().cum_sum().to_numpy()  # bytes of the rows up to each, with it
        start, before = 0, 0
        while start < rows.height:
            room = CHUNK_BYTES - self._pending_bytes + before
            stop = int(np.searchsorted(upto, room, side="right"))
            stop = min(stop, start + CHUNK_ROWS - self._pending_rows)
            if not self._pending_rows:
                stop = max(stop, start + 1)  # a row larger than a chunk is one
            if stop > start:
                self._pending.append(rows.slice(start, stop - start))
                self._pending_rows += stop - start
                self._pending_bytes += int(upto[stop - 1]) - before
                start, before = stop, int(upto[stop - 1])
            if start < rows.height:
                self._write_pending()

    def finish(self) -> list[Shard]:
        """Writes what is left, forces everything to the disk and gives the files their names."""
        if self._pending_rows:
            self._write_pending()
        self._close()
        ending = suffix(self._files, self._writing)
        named = []
        for index, (path, n_rows) in enumerate(self._done):
            name = f"{self._split}-{index:05}-of-{len(self._done):05}.{ending}"
            if len(self._done) == 1:
                name = f"{self._split}.{ending}"
            named.append(Shard(path.rename(self._folder / name), n_rows))
        return named

    def _write_pending(self) -> None:
        if self._writer is None:
            self._begin()
        assert self._writer is not None
        assert self._handle is not None
        self._writer.write(
            render(pl.concat(self._pending), self._format, self._place, weighed=self._weighed)
        )
        n_rows = self._pending_rows
        self._n_rows += n_rows
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        if self._handle.tell() >= self._writing.shard_mb * 1e6:
            self._close()
        self._written(n_rows)

    def _begin(self) -> None:
        path = self._folder / f"{self._split}-{len(self._done):05}"
        self._handle = self._open.enter_context(path.open("wb"))
        self._writer = (
            _Lines(self._handle, zstd=self._writing.zstd)
            if self._files == "jsonl"
            else _Parquet(
                self._handle,
                parquet_schema(self._format, self._place, weighed=self._weighed),
            )
        )

    def _close(self) -> None:
        if self._writer is None:
            return
        path = self._folder / f"{self._split}-{len(self._done):05}"
        self._writer.close()
        self._open.close()
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
        self._done.append(Shard(path, self._n_rows))
        self._writer, self._handle, self._n_rows = None, None, 0


def read_rows(path: Path, files: FileType) -> Iterator[Mapping[str, object]]:
    """The rows of a written file, in order. Raises OSError or ValueError when it is damaged."""
    if files == "parquet":
        with pq.ParquetFile(path) as source:
            for batch in source.iter_batches(batch_size=1_000):
                yield from batch.to_pylist()
    else:
        compression = "zstd" if path.suffix == ".zst" else None
        with pa.input_stream(str(path), compression=compression) as source:
            for line in io.BufferedReader(source):
                yield orjson.loads(line)
