"""JSON documents as rows: an array of records, or one object that holds a single list of them.

An array is read as a stream, so that a cut in it costs only the rows behind the cut. Rows are
numbered from 1 (a document has no lines of its own).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from curation.errors import IngestError
from curation.ingest.lines import BROKEN, KEPT_CHARS, Stream
from curation.ingest.rows import Item, Row
from curation.records import Refusal

MAX_OBJECT_BYTES = 256 << 20
"""An object is read whole; a larger one would need too much memory."""

_PIECE_BYTES = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")


def array(stream: Stream, origin: str, max_row_chars: int) -> Iterator[Item]:
    """The elements of a JSON array, as far as it can be read."""
    text = _Text(stream)
    text.skip(text.next() == "[")
    number = 0
    while True:
        text.skip(text.next() == "," and number > 0)
        if text.next() == "]":
            text.skip(True)
            if text.next():
                yield text.refusal(origin, number + 1, "stands behind the end of the array")
            return
        number += 1
        try:
            value = text.value(max_row_chars)
        except (ValueError, RecursionError) as exc:
            reason = "the file ends inside the array" if text.is_cut(exc) else str(exc)
            yield text.refusal(origin, number, f"cannot be read: {reason}")
            return
        yield Row(origin, number, value)


def members(stream: Stream, path: Path, origin: str, is_row: Callable[[Any], bool]) -> list[Row]:
    """The rows of a JSON object: the object itself, or those of the one list that it holds."""
    data = b""
    try:
        while len(data) <= MAX_OBJECT_BYTES and (more := stream.read(MAX_OBJECT_BYTES)):
            data += more
    except BROKEN as exc:
        raise IngestError(f"{path} breaks off: {exc}.") from exc
    if len(data) > MAX_OBJECT_BYTES:
        raise IngestError(
            f"{path} is one JSON object of more than {MAX_OBJECT_BYTES >> 20} MB, which would "
            "have to be read at once; write it as JSON Lines, one record a line."
        )
    try:
        value = json.loads(data)
    except UnicodeDecodeError as exc:
        raise IngestError(
            f"{path} is not valid UTF-8 (byte {exc.start + 1}); save it as UTF-8."
        ) from exc
    except json.JSONDecodeError as exc:
        raise IngestError(
            f"{path}:{exc.lineno}:{exc.colno}: no valid JSON ({exc.msg}); expected an array or an "
            "object of records, or one record a line."
        ) from exc
    except (RecursionError, ValueError) as exc:
        raise IngestError(f"{path} cannot be read as JSON: {exc}.") from exc
    if is_row(value):
        return [Row(origin, 1, value)]
    lists = {
        name: items
        for name, items in value.items()
        if isinstance(items, list) and items and isinstance(items[0], dict)
    }
    if len(lists) != 1:
        found = f"{len(lists)} lists of records ({', '.join(lists)})" if lists else "no record"
        raise IngestError(
            f"{path} is a JSON object with {found}; expected one record, or one list of records."
        )
    (items,) = lists.values()
    return [Row(origin, i, item) for i, item in enumerate(items, start=1)]


class _Text:
    """A stream's text, of which only a piece is held.

    Bytes that are not UTF-8 come as halves of surrogate pairs: they are refused in their row.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._json = json.JSONDecoder()
        self._held = ""
        self._at = 0
        self.is_at_end = False

    def _read_on(self, n_bytes: int) -> None:
        try:
            data = self._stream.read(n_bytes)
        except BROKEN:
            data = b""
        self.is_at_end = not data
        self._held = self._held[self._at :] + self._decoder.decode(data, final=not data)
        self._at = 0

    def next(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            found = _SPACE.match(self._held, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._held) or self.is_at_end:
                return self._held[self._at : self._at + 1]
            self._read_on(_PIECE_BYTES)

    def skip(self, is_wanted: bool) -> None:
        """Pass over the next character, if that is wanted."""
        self._at += is_wanted

    def value(self, max_chars: int) -> Any:
        """The JSON value that begins here; ValueError where none does."""
        n_bytes = _PIECE_BYTES
        while True:
            try:
                value, end = self._json.raw_decode(self._held, self._at)
                if end < len(self._held) or self.is_at_end:
                    self._at = end
                    return value
            except ValueError:
                if self.is_at_end or len(self._held) - self._at > max_chars:
                    raise
            self._read_on(n_bytes)
            n_bytes *= 2

    def is_cut(self, error: Exception) -> bool:
        """Whether `error` says no more than that the text ends too early."""
        return isinstance(error, json.JSONDecodeError) and (
            error.pos >= len(self._held.rstrip()) or error.msg.startswith("Unterminated")
        )

    def refusal(self, origin: str, number: int, reason: str) -> Refusal:
        """A refusal of what stands here, and of all behind it."""
        row = self._held[self._at : self._at + KEPT_CHARS]
        return Refusal(origin, number, None, f"{reason}; nothing from here on was read", row)
