"""Bytes of a text file as blocks of whole lines, in bounded memory.

Compressed files (gzip, Zstandard) are opened by their first bytes; a byte order mark is taken off
and UTF-16 turned into UTF-8. A line that is longer than a row may be is passed over without being
kept, and refused; so is what stands behind a break in compressed data.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from curation.errors import IngestError
from curation.ingest.rows import Block
from curation.records import Refusal

BLOCK_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
KEPT_CHARS = 10_000
"""How much of a row that is too long is kept in its refusal."""

_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BROKEN = (EOFError, OSError, zlib.error)
"""What reading raises where compressed data is broken (`BadGzipFile` and Arrow's are OSErrors)."""


class Stream(Protocol):
    """Bytes to read."""

    def read(self, size: int, /) -> bytes:
        """At most `size` more bytes; empty at the end."""

    def close(self) -> None:
        """Let the file go."""


class _Utf16:
    """A UTF-16 stream as UTF-8. Halves of surrogate pairs come out as bytes that are not UTF-8."""

    def __init__(self, stream: Stream, head: bytes) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
        self._ready = self._decoder.decode(head).encode("utf-8", "surrogatepass")
        self._is_odd = False

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes of UTF-16 as UTF-8."""
        data = self._stream.read(size)
        ready, self._ready = self._ready, b""
        if data:
            return ready + self._decoder.decode(data).encode("utf-8", "surrogatepass")
        if self._decoder.getstate()[0] and not self._is_odd:
            self._is_odd = True
            ready += b"\xff"  # half a character at the end: the row is refused, not repaired
        return ready

    def close(self) -> None:
        """Let the file go."""
        self._stream.close()


class _Decompressed:
    """A compressed file's bytes. What stands before a break is given out before the error."""

    def __init__(self, path: Path, magic: bytes) -> None:
        is_gzip = magic.startswith(_GZIP)
        self._file = gzip.GzipFile(path) if is_gzip else pa.input_stream(path, compression="zstd")
        self._error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        """At most `size` more bytes, fewer only at the end or before a break."""
        pieces: list[bytes] = []
        left = size
        while left > 0 and self._error is None:
            try:
                piece = self._file.read1(min(left, _PIECE_BYTES))
            except BROKEN as exc:
                self._error = exc
                break
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        if self._error is not None and not pieces:
            raise self._error
        return b"".join(pieces)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class _Joined:
    """A stream with the bytes that were looked at put back in front."""

    def __init__(self, head: bytes, stream: Stream) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        """At most `size` more bytes."""
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._stream.read(size)

    def close(self) -> None:
        """Let the file go."""
        self._stream.close()


def open_text(path: Path) -> Stream:
    """The file's text as UTF-8 bytes, decompressed, without a byte order mark."""
    with path.open("rb") as file:
        magic = file.read(4)
    stream: Stream
    if magic.startswith(_GZIP) or magic == _ZSTANDARD:
        stream = _Decompressed(path, magic)
    else:
        stream = path.open("rb")
    try:
        head = stream.read(4)
        if head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
            raise IngestError(f"{path} is UTF-32 text; save it as UTF-8.")
    except BROKEN as exc:
        stream.close()
        raise IngestError(f"{path} is compressed, but broken: {exc}.") from exc
    except IngestError:
        stream.close()
        raise
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _Utf16(stream, head)
    return _Joined(head.removeprefix(codecs.BOM_UTF8), stream)


def blocks(
    stream: Stream, origin: str, max_line_bytes: int, size: int = BLOCK_BYTES
) -> Iterator[Block | Refusal]:
    """The stream's lines in blocks of about `size` bytes, and refusals where they stood.

    `size` is at most `max_line_bytes`: so only a line that began in an earlier read can be too
    long, and never more than the two together is held.
    """
    line = 1
    data = b""
    try:
        while more := stream.read(size):
            data += more
            end = data.find(b"\n")
            n_bytes = end if end >= 0 else len(data)
            if n_bytes > max_line_bytes:
                start = data[:KEPT_CHARS]
                while end < 0 and (data := stream.read(size)):
                    end = data.find(b"\n")
                    n_bytes += end if end >= 0 else len(data)
                data = data[end + 1 :] if end >= 0 else b""
                reason = (
                    f"has {n_bytes:,} bytes, more than the {max_line_bytes:,} of one row; "
                    "only its beginning is kept here"
                )
                yield Refusal(origin, line, None, reason, _shown(start))
                line += 1
            cut = data.rfind(b"\n") + 1
            if cut:
                block, data = data[:cut], data[cut:]
                yield Block(origin, line, block)
                line += block.count(b"\n")
    except BROKEN as exc:
        reason = f"cannot be read: the file breaks off here ({exc})"
        yield Refusal(origin, line, None, reason, _shown(data[:KEPT_CHARS]))
        return
    if data:
        yield Block(origin, line, data)


def _shown(data: bytes) -> str:
    """Bytes of a row for a person to look at."""
    return data.decode(errors="backslashreplace")
