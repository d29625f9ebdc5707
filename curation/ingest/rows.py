"""What sources hand to formats: rows, and blocks of JSON lines that are still to be parsed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from curation.ingest.texts import RowError
from curation.records import Refusal


class Row(NamedTuple):
    """One row as it was read, and where it stood."""

    origin: str
    line: int
    value: Any
    raw: str | None = None
    """The text it was read from, where it was a text."""

    def text(self) -> str:
        """The row for a quarantine file: as it stood, else as JSON."""
        if self.raw is not None:
            return self.raw
        return json.dumps(self.value, ensure_ascii=False, default=str)


class Block(NamedTuple):
    """Whole lines, each one row of JSON."""

    origin: str
    first_line: int
    data: bytes


Item = Row | Refusal


def items(source: Iterable[Block | Item]) -> Iterator[Item]:
    """The rows of a source one by one; blank lines are none."""
    for part in source:
        if not isinstance(part, Block):
            yield part
            continue
        for line, raw in enumerate(part.data.split(b"\n"), part.first_line):
            item = parsed(part.origin, line, raw)
            if item is not None:
                yield item


def parsed(origin: str, line: int, raw: bytes) -> Row | Refusal | None:
    """The row that a line of JSON holds; None where the line is blank."""
    if not raw.strip():
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        reason = (
            f"is not valid UTF-8 (byte 0x{raw[exc.start]:02x} at byte {exc.start + 1} of the line);"
            " save the file as UTF-8"
        )
        return Refusal(origin, line, None, reason, raw.decode(errors="backslashreplace"))
    text = text.removesuffix("\r")
    try:
        return Row(origin, line, from_json(text), text)
    except RowError as error:
        return Refusal(origin, line, error.field, error.reason, text)


def from_json(text: str) -> Any:
    """What a JSON text says; RowError says where it is wrong.

    A key that stands twice in an object counts by its last value, as with every common reader.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        if text[exc.pos : exc.pos + 1] == "\0":
            raise RowError(None, f"holds a NUL at column {exc.colno}; take it out") from exc
        cut = exc.pos >= len(text.rstrip()) or exc.msg.startswith("Unterminated")
        raise RowError(
            None,
            f"is no valid JSON: {exc.msg} (column {exc.colno})"
            + ("; it seems to be cut off" if cut else ""),
        ) from exc
    except RecursionError as exc:
        raise RowError(None, "is nested too deeply to be read") from exc
    except ValueError as exc:  # a whole number of thousands of digits
        raise RowError(None, f"is no JSON that can be read: {exc}") from exc
