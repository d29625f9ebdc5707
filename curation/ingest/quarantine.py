"""Rows that were refused, in a file that a person can mend and ingest again.

JSON Lines, one refusal each: `origin`, `line`, `field` (or null), `reason`, `row` (the row as it
stood: JSON text where it was JSON, else the raw text). To mend one, edit `row` (text or an object)
and ingest the file: each row is read in place of the original, and messages go on naming where that
stood.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from curation.errors import IngestError
from curation.ingest.rows import Item, Row, from_json
from curation.ingest.texts import RowError, shown
from curation.records import Refusal

_LAST_LINE = 2**63 - 1
_COLUMNS = frozenset(Refusal._fields)


def write_quarantine(path: str | Path, refusals: Iterable[Refusal]) -> int:
    """Write refusals to `path`, whole or not at all; how many there were.

    Without any, no file is written. A file that is there is replaced.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    n = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as out:
            for refusal in refusals:
                out.write(json.dumps(refusal._asdict(), ensure_ascii=False) + "\n")
                n += 1
            out.flush()
            os.fsync(out.fileno())
        if n:
            partial.replace(path)
        else:
            partial.unlink()
    except OSError as exc:
        with suppress(OSError):
            partial.unlink()
        raise IngestError(
            f"The refused rows cannot be written to {path}: {exc.strerror or exc}; "
            "free some space there, or choose another place."
        ) from exc
    return n


def is_quarantined(row: object) -> bool:
    """Whether a row is a refusal."""
    return isinstance(row, Mapping) and row.keys() == _COLUMNS


def unwrapped(item: Item) -> Item:
    """The row that a line of a quarantine file holds, at its first place; other items unchanged."""
    if isinstance(item, Refusal) or not is_quarantined(item.value):
        return item
    told: Mapping[str, object] = item.value
    origin, line, held = told["origin"], told["line"], told["row"]
    if not isinstance(origin, str) or "\0" in origin or shown(origin) != origin:
        return Refusal(item.origin, item.line, "origin", "is no file name", item.text())
    if not isinstance(line, int) or not 0 <= line <= _LAST_LINE:
        return Refusal(item.origin, item.line, "line", "is no line number", item.text())
    if not isinstance(held, str):
        return Row(origin, line, held)
    if not held.strip():
        return Refusal(origin, line, None, "is empty; put the mended row here", held)
    try:
        return Row(origin, line, from_json(held), held)
    except RowError as error:
        return Refusal(origin, line, error.field, error.reason, held)
