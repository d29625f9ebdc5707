"""Tables as rows: CSV, Parquet, Arrow, and folders that `datasets.save_to_disk` wrote.

Cells of CSV are text: an empty one is null, `true` and `false` in a column of verdicts are
booleans, and JSON is read in columns that hold lists or objects elsewhere. A CSV row carries the
line it begins on, the others their number in the table (in a folder: in their split).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from curation.errors import IngestError
from curation.ingest.lines import KEPT_CHARS
from curation.ingest.rows import Block, Item, Row
from curation.ingest.texts import shown
from curation.records import Refusal

DELIMITERS = ",\t;|"

_VERDICTS = frozenset(("correct", "is_correct"))
_OBJECTS = frozenset(("extra", "input"))
_LISTS = frozenset(
    (
        "messages",
        "conversations",
        "history",
        "generations",
        "responses",
        "completions",
        "outputs",
        "samples",
        "traces",
        "thinking_trajectories",
        "correctness",
        "correctness_math_verify",
        "correctness_llama",
        "finish_reasons",
        "is_reasoning_complete",
    )
)
_TEXT_OR_MESSAGES = frozenset(("prompt", "completion", "chosen", "rejected"))
_STRUCTURED = _OBJECTS | _LISTS | _TEXT_OR_MESSAGES
_BATCH_ROWS = 128


def csv_rows(
    blocks: Iterable[Block | Refusal], path: Path, origin: str, delimiter: str, max_cell_chars: int
) -> Iterator[Item]:
    """The rows of a CSV file, under the names of its first line."""
    lines = _Lines(blocks)
    csv.field_size_limit(max_cell_chars)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        names = [name.strip() or f"column {i}" for i, name in enumerate(next(reader), start=1)]
    except csv.Error as exc:
        raise IngestError(f"{path}:1: the header cannot be read as CSV: {exc}.") from exc
    except StopIteration:
        why = lines.refused[0].reason if lines.refused else "is missing"
        raise IngestError(f"{path}: the header of a CSV file {why}.") from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise IngestError(
            f"{path}:1: the header has {', '.join(twice)} twice; give each column its own name."
        )
    while True:
        lines.pulled.clear()
        reason, cells = None, None
        try:
            cells = next(reader)
        except StopIteration:
            yield from lines.refused
            return
        except csv.Error as exc:
            reason = f"is no valid CSV: {exc}"
        yield from lines.refused
        lines.refused.clear()
        if cells and len(cells) != len(names):
            reason = f"has {len(cells)} cells under a header of {len(names)}"
        if reason is not None:
            yield Refusal(origin, lines.first, None, reason, lines.text())
        elif cells:
            values = {name: _cell(name, cell) for name, cell in zip(names, cells, strict=True)}
            yield Row(origin, lines.first, values)


class _Lines:
    """The lines of a file for the CSV reader, which pulls as many as a row needs.

    Bytes that are not UTF-8 come as halves of surrogate pairs: they are refused in their row.
    """

    def __init__(self, blocks: Iterable[Block | Refusal]) -> None:
        self._lines = self._read(blocks)
        self.pulled: list[str] = []
        self.refused: list[Refusal] = []
        self.first = 1
        """The line on which the row that is being pulled begins."""

    def _read(self, blocks: Iterable[Block | Refusal]) -> Iterator[tuple[int, str]]:
        for block in blocks:
            if isinstance(block, Refusal):
                self.refused.append(block)
                continue
            lines = block.data.split(b"\n")
            for i, line in enumerate(lines[:-1], block.first_line):
                yield i, line.decode(errors="surrogateescape") + "\n"
            if lines[-1]:
                yield block.first_line + len(lines) - 1, lines[-1].decode(errors="surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        if not self.pulled:
            self.first = number
        self.pulled.append(line)
        return line

    def text(self) -> str:
        """What was pulled for this row, for a person to look at."""
        return "".join(self.pulled)[:KEPT_CHARS]


def _cell(name: str, cell: str) -> Any:
    """What a CSV cell says."""
    if not cell:
        return None
    if name in _VERDICTS and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if cell[0] not in "[{" or name not in _STRUCTURED:
        return cell
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    is_messages = isinstance(value, dict) or (value and isinstance(value[0], dict))
    return cell if name in _TEXT_OR_MESSAGES and not is_messages else value


def parquet_rows(path: Path, origin: str) -> Iterator[Item]:
    """The rows of a Parquet file."""
    with _readable(path, "Parquet"):
        file = pq.ParquetFile(path)
        yield from _rows(file.iter_batches(batch_size=_BATCH_ROWS), origin, 1)


def arrow_rows(path: Path, origin: str, first: int = 1) -> Iterator[Item]:
    """The rows of an Arrow file, in its stream or its file format, numbered from `first`."""
    with _readable(path, "Arrow"), pa.memory_map(str(path)) as source:
        if source.read(6) == b"ARROW1":
            file = pa.ipc.open_file(source)
            batches = (file.get_batch(i) for i in range(file.num_record_batches))
        else:
            source.seek(0)
            batches = iter(pa.ipc.open_stream(source))
        yield from _rows(batches, origin, first)


def folder_rows(folder: Path) -> Iterator[Item]:
    """The rows of a folder that `datasets.save_to_disk` wrote, of all its splits."""
    splits = _json(folder / "dataset_dict.json").get("splits")
    if isinstance(splits, list):
        for split in splits:
            part = folder / _plain_name(folder, split)
            yield from _split_rows(part, shown(f"{folder.name}/{split}"))
    else:
        yield from _split_rows(folder, shown(folder.name))


def is_dataset(folder: Path) -> bool:
    """Whether `datasets.save_to_disk` wrote this folder."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()


def _split_rows(folder: Path, origin: str) -> Iterator[Item]:
    state = _json(folder / "state.json")
    if state.get("_indices_data_files"):
        raise IngestError(
            f"{folder} was saved with an index over its rows; call flatten_indices() on the "
            "dataset and save it again."
        )
    files = state.get("_data_files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise IngestError(f"{folder}/state.json names no data files; save the dataset again.")
    first = 1
    for file in files:
        for item in arrow_rows(folder / _plain_name(folder, file.get("filename")), origin, first):
            yield item
            first = item.line + 1


def _plain_name(folder: Path, name: object) -> str:
    """A file name out of a dataset's own files, which must not lead out of its folder."""
    if isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name:
        return name
    raise IngestError(f"{folder} names {name!r}, which is no file of its own.")


def _json(path: Path) -> dict[str, Any]:
    """A dataset's own JSON file; empty where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise IngestError(f"{path} cannot be read: {exc}.") from exc
    return value if isinstance(value, dict) else {}


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turns what Arrow says of a broken file into an IngestError."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as exc:
        what = str(exc).strip().splitlines()[0]
        raise IngestError(f"{path} cannot be read as {kind}: {what}") from exc


def _rows(batches: Iterable[pa.RecordBatch], origin: str, first: int) -> Iterator[Item]:
    """The rows of record batches; one whose text is not UTF-8 is refused, naming the column.

    Arrow trusts the offsets in a file and would read beside the data where they are broken, so
    every batch is validated before it is touched.
    """
    number = first
    for large in batches:
        for start in range(0, large.num_rows, _BATCH_ROWS):
            batch = large.slice(start, _BATCH_ROWS)
            rows: list[Item]
            try:
                batch.validate(full=True)
                rows = [Row(origin, number + i, value) for i, value in enumerate(batch.to_pylist())]
            except pa.ArrowInvalid as exc:
                if "UTF8" not in str(exc):
                    raise
                rows = [_careful(batch.slice(i, 1), origin, number + i) for i in range(len(batch))]
            yield from rows
            number += len(rows)


def _careful(row: pa.RecordBatch, origin: str, number: int) -> Item:
    """One row; a refusal with its readable cells where one holds bytes that are not UTF-8."""
    values = {}
    broken = None
    for name, column in zip(row.schema.names, row.columns, strict=True):
        try:
            column.validate(full=True)
            values[name] = column[0].as_py()
        except pa.ArrowInvalid as exc:
            if "UTF8" not in str(exc):
                raise
            broken = broken or name
    told = Row(origin, number, values)
    if broken is None:
        return told
    return Refusal(origin, number, broken, "holds bytes that are not valid UTF-8", told.text())
