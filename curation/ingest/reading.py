"""Conducting a reading: open a source, plan (planning.py), and read it in batches.

Native records in JSON Lines take the short road (native.py), all else goes row by row. Large
sources are read in processes of their own (apart.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from curation.ingest import apart
from curation.ingest.conversation import kind
from curation.ingest.drafts import checked
from curation.ingest.frames import Collector
from curation.ingest.lines import BLOCK_BYTES
from curation.ingest.native import plain_columns
from curation.ingest.planning import Plan, drafts_of, is_record, mapping_of, objects, planned
from curation.ingest.quarantine import unwrapped
from curation.ingest.rows import Block, Item, items, parsed
from curation.ingest.sources import Source, open_source
from curation.ingest.texts import RowError
from curation.records import Batch, Refusal

BATCH_ROWS = 10_000
BATCH_CHARS = 16 << 20
TURN_BLOCKS = 8
_PLAIN_ROWS = 64
_MIN_ROW_BYTES = 32 << 20


class Preview(NamedTuple):
    """How a source would be read; nothing is stored."""

    format: str
    mapping: dict[str, str]
    """Field -> the column it comes from (or several, in words)."""
    why: str
    """A sentence on how the format was found."""
    batch: Batch
    """The first rows, read."""
    columns: list[str]
    """The columns of those rows."""


class Reading:
    """A source that was opened and recognised; iterate over it for its batches.

    Each iteration reads from the beginning.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        source: Source,
        plan: Plan,
        mapping: dict[str, str],
        why: str,
    ) -> None:
        self._request = request
        self._source = source
        self._plan = plan
        self.origin = source.origin
        """The file's name, which rows carry."""
        self.format = plan.format
        """The format that most rows have."""
        self.mapping = mapping
        """Field -> the column it comes from, in the first rows."""
        self.why = why
        """A sentence on how the format was found."""

    def __iter__(self) -> Iterator[Batch]:
        if apart.is_large(self._request["path"]):
            return apart.batches(self._request, apart.N_READERS if self._source.is_lines else 1)
        return self.batches_here()

    def batches_here(self) -> Iterator[Batch]:
        """The batches, read in this process whatever the source's size."""
        collector = Collector()
        for part in self._source.parts():
            self._take(part, collector)
            if collector.is_full(BATCH_ROWS, BATCH_CHARS):
                yield collector.batch()
        if collector.n_read:
            yield collector.batch()

    def turns_here(self, reader: int, n_readers: int) -> Iterator[Batch]:
        """What one of several readers reads: a batch (perhaps an empty one) for each of its turns.

        All readers go through the whole source, and count its lines; in every turn of so many
        blocks another one parses them.
        """
        collector = Collector()
        turn = n_blocks = 0
        for part in self._source.parts():
            if isinstance(part, Block):
                if n_blocks == TURN_BLOCKS:
                    if turn % n_readers == reader:
                        yield collector.batch()
                    turn, n_blocks = turn + 1, 0
                n_blocks += 1
            if turn % n_readers == reader:
                self._take(part, collector)
        if turn % n_readers == reader:
            yield collector.batch()

    def _take(self, part: Block | Item, collector: Collector) -> None:
        """Read a part of the source."""
        plan = self._plan
        is_plain = plan.format == "native" and not plan.mapping and not plan.is_quarantine
        if is_plain and isinstance(part, Block):
            _read_block(part, plan, collector)
        else:
            for item in items([part]):
                _read_item(item, plan, collector)


def read(
    path: str | Path,
    *,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    max_trace_chars: int = 2_000_000,
) -> Reading:
    """A reading of the source at `path`: what it is, and an iteration over its batches.

    `format` (one of `FORMATS`) and `mapping` (field -> column, see mapping.py) tell what would
    else be recognised. Longer traces than `max_trace_chars` are refused. Memory is bounded by a few
    batches (about 16 MB of text each) and by the largest row.

    Raises IngestError where nothing of the source can be read, or its format cannot be told.
    """
    path = Path(path)
    source = _open(path, max_trace_chars)
    plan, sample, why = planned(source, path, format, mapping or {}, max_trace_chars)
    request = {
        "path": path,
        "format": format,
        "mapping": mapping,
        "max_trace_chars": max_trace_chars,
    }
    return Reading(request, source, plan, mapping_of(sample, plan), why)


def preview(
    path: str | Path,
    *,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    n: int = 20,
    max_trace_chars: int = 2_000_000,
) -> Preview:
    """How the source at `path` would be read, and its first `n` rows read so. Raises as `read`."""
    source = _open(Path(path), max_trace_chars)
    plan, sample, why = planned(source, path, format, mapping or {}, max_trace_chars)
    collector = Collector()
    for item in sample[:n]:
        _read_item(item, plan, collector)
    columns = list(dict.fromkeys(name for row in objects(sample[:n]) for name in row))
    return Preview(plan.format, mapping_of(sample[:n], plan), why, collector.batch(), columns)


def _open(path: Path, max_trace_chars: int) -> Source:
    # A character takes up to six bytes where JSON escapes it, and a row has more than its trace.
    max_row_bytes = max(_MIN_ROW_BYTES, 8 * max_trace_chars)
    return open_source(path, is_record, max_row_bytes, BLOCK_BYTES)


def _read_item(item: Item, plan: Plan, collector: Collector) -> None:
    """Read one row, the careful way."""
    collector.n_read += 1
    if plan.is_quarantine:
        item = unwrapped(item)
    if isinstance(item, Refusal):
        collector.refuse(item)
        return
    errors: list[RowError] = []
    n_taken = 0
    try:
        if not isinstance(item.value, dict):
            raise RowError(None, f"expected an object with columns, found {kind(item.value)}")
        for draft in drafts_of(item.value, plan)[0]:
            try:
                if isinstance(draft, RowError):
                    raise draft
                collector.add(checked(draft, plan.max_trace_chars), item.origin, item.line)
                n_taken += 1
            except RowError as error:
                errors.append(error)
    except RowError as error:
        errors.append(error)
    except RecursionError:
        errors.append(RowError(None, "is nested too deeply to be read"))
    if not errors and not n_taken:
        errors.append(RowError("trace", "missing; the row holds no trace"))
    if errors:
        more = f" (and {len(errors) - 1} more of its traces)" if len(errors) > 1 else ""
        first = errors[0]
        collector.refuse(
            Refusal(item.origin, item.line, first.field, first.reason + more, item.text())
        )


def _read_block(block: Block, plan: Plan, collector: Collector) -> None:
    """Read lines of native records, a few at a time, by the short road where all are plain."""
    lines = block.data.split(b"\n")
    may_hold_nul = b"\\u0000" in block.data
    for start in range(0, len(lines), _PLAIN_ROWS):
        raw = lines[start : start + _PLAIN_ROWS]
        if start + _PLAIN_ROWS >= len(lines) and not raw[-1]:
            raw.pop()  # behind the last line's end
        first = block.first_line + start
        columns = None if may_hold_nul or not raw else plain_columns(raw, plan.max_trace_chars)
        if columns is None:
            for line, one in enumerate(raw, first):
                item = parsed(block.origin, line, one)
                if item is not None:
                    _read_item(item, plan, collector)
            continue
        collector.n_read += len(raw)
        numbers = range(first, first + len(raw))
        for i, error in collector.add_columns(columns, block.origin, numbers).items():
            row = raw[i].decode().removesuffix("\r")
            collector.refuse(Refusal(block.origin, numbers[i], error.field, error.reason, row))
