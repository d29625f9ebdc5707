"""Any file that people bring, as rows with the place where each stood.

A source is recognised by what is in it; the ending of its name only decides between JSON Lines and
one JSON document, and between CSV and other text. Its parts are blocks of whole JSON lines (parsed
later, on the short road where that is possible), rows, and refusals of what could not be read as a
row. Memory is bounded whatever the file holds. Raises IngestError where nothing of it can be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import IngestError
from curation.ingest import documents, lines, tables
from curation.ingest.rows import Block, Item
from curation.ingest.texts import shown
from curation.records import Refusal

_HEAD_BYTES = 1 << 20
_LINES_ENDINGS = (".jsonl", ".ndjson")
_CSV_ENDINGS = (".csv", ".tsv")
_COMPRESSED_ENDINGS = (".gz", ".zst", ".zstd")
_TAKEN = "JSON Lines, JSON, CSV, Parquet, or a folder written by datasets.save_to_disk"


class Source(NamedTuple):
    """A file that was opened and recognised."""

    origin: str
    kind: str
    """What it is, in words."""
    parts: Callable[[], Iterator[Block | Item]]
    """Read it, from the beginning each time."""
    is_lines: bool = False
    """Whether the parts are blocks of lines, which several readers can share."""


def open_source(
    path: Path, is_row: Callable[[Any], bool], max_line_bytes: int, block_bytes: int
) -> Source:
    """The source at `path`; `is_row` tells a record from an object that holds records."""
    origin = shown(path.name)
    try:
        if path.is_dir():
            if not tables.is_dataset(path):
                raise IngestError(
                    f"{path} is a folder without a dataset (no state.json or dataset_dict.json); "
                    "name the files in it, or save it with datasets.save_to_disk."
                )
            return Source(origin, "a datasets folder", lambda: tables.folder_rows(path))
    except OSError as exc:
        raise IngestError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    with _opened(path, plainly=True) as file:
        head = file.read(8)
    if head.startswith(b"PAR1"):
        return Source(origin, "Parquet", lambda: tables.parquet_rows(path, origin))
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return Source(origin, "Arrow", lambda: tables.arrow_rows(path, origin))
    head = _text_head(path)
    start = head.lstrip()[:1]
    ending = _ending(path)
    if not start:
        raise IngestError(f"{path} is empty; expected at least one record.")
    if b"\0" in head[:4]:
        raise IngestError(
            f"{path} seems to be binary, or UTF-16 without a byte order mark; save it as UTF-8."
        )

    def blocks() -> Iterator[Block | Refusal]:
        with _opened(path) as stream:
            yield from lines.blocks(stream, origin, max_line_bytes, block_bytes)

    if start in b"{[" or ending in _LINES_ENDINGS:
        if _is_lines(head, ending, is_row):
            return Source(origin, "JSON Lines", blocks, is_lines=True)
        if start == b"[":
            return Source(origin, "a JSON array", lambda: _array(path, origin, max_line_bytes))
        return Source(origin, "a JSON object", lambda: _members(path, origin, is_row))
    first = head.lstrip().split(b"\n", 1)[0].decode(errors="replace")
    delimiter = max(tables.DELIMITERS, key=first.count)
    is_text = b"\0" not in head and "\ufffd" not in first
    if ending in _CSV_ENDINGS or (is_text and first.count(delimiter)):
        return Source(
            origin,
            "CSV",
            lambda: tables.csv_rows(blocks(), path, origin, delimiter, max_line_bytes),
        )
    what = "text, but no table" if is_text else "binary, or text that is not UTF-8"
    raise IngestError(f"{path} seems to be {what}; expected {_TAKEN}.")


@contextmanager
def _opened(path: Path, *, plainly: bool = False) -> Iterator[lines.Stream]:
    """The file's text (or, plainly, its bytes), closed in the end."""
    try:
        stream = path.open("rb") if plainly else lines.open_text(path)
    except FileNotFoundError as exc:
        raise IngestError(f"{path} does not exist; give the path of a file or a folder.") from exc
    except OSError as exc:
        raise IngestError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    try:
        yield stream
    finally:
        stream.close()


def _text_head(path: Path) -> bytes:
    """The beginning of the file's text."""
    head = b""
    with _opened(path) as stream:
        try:
            while len(head) < _HEAD_BYTES and (more := stream.read(_HEAD_BYTES)):
                head += more
        except lines.BROKEN as exc:
            if not head:
                raise IngestError(f"{path} cannot be read: {exc}.") from exc
    return head[:_HEAD_BYTES]


def _ending(path: Path) -> str:
    """The ending of the file's name, a compression's left aside."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in _COMPRESSED_ENDINGS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _is_lines(head: bytes, ending: str, is_row: Callable[[Any], bool]) -> bool:
    """Whether JSON text is one record a line (else it is one document)."""
    first, _, rest = head.lstrip().partition(b"\n")
    if len(head) >= _HEAD_BYTES and not rest:
        return ending in _LINES_ENDINGS  # the first line is longer than what was looked at
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        begins = rest.lstrip()[:1]
        if ending in _LINES_ENDINGS:
            return (first.strip(), begins) not in ((b"[", b"{"), (b"{", b'"'))
        return begins == b"{" and first.lstrip()[:1] == b"{"
    is_told = ending in _LINES_ENDINGS and isinstance(value, dict)
    if rest.strip() or is_told or not isinstance(value, list | dict):
        return True
    if isinstance(value, list):
        return False
    holds_rows = any(isinstance(v, list) and v and isinstance(v[0], dict) for v in value.values())
    return is_row(value) or not holds_rows


def _array(path: Path, origin: str, max_row_chars: int) -> Iterator[Item]:
    with _opened(path) as stream:
        yield from documents.array(stream, origin, max_row_chars)


def _members(path: Path, origin: str, is_row: Callable[[Any], bool]) -> Iterator[Item]:
    with _opened(path) as stream:
        yield from documents.members(stream, path, origin, is_row)
