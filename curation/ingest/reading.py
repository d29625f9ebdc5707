"""Conducting a reading: how a source is to be read, and reading it so.

The first rows decide the format, by majority; a row of another recognised format is read by its
own, unless the format was told. Native records in JSON Lines take the short road (native.py), all
else goes row by row. Large sources are read in a process of their own (apart.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import IngestError
from curation.ingest import apart
from curation.ingest import mapping as told_columns
from curation.ingest.conversation import kind
from curation.ingest.drafts import checked
from curation.ingest.formats import FORMATS, nearest, recognise
from curation.ingest.frames import Collector
from curation.ingest.lines import BLOCK_BYTES
from curation.ingest.native import plain_columns
from curation.ingest.quarantine import is_quarantined, unwrapped
from curation.ingest.rows import Block, Item, Row, items, parsed
from curation.ingest.sources import Source, open_source
from curation.ingest.taker import Drafts, Taker
from curation.ingest.texts import RowError
from curation.records import Batch, Refusal

BATCH_ROWS = 10_000
BATCH_CHARS = 16 << 20
_SAMPLE_ROWS = 100
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


class _Plan(NamedTuple):
    """How rows are read."""

    format: str
    is_told: bool
    mapping: Mapping[str, str]
    is_quarantine: bool
    max_trace_chars: int


class Reading:
    """A source that was opened and recognised; iterate over it for its batches.

    Each iteration reads from the beginning.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        source: Source,
        plan: _Plan,
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
            return apart.batches(self._request)
        return self.batches_here()

    def batches_here(self) -> Iterator[Batch]:
        """The batches, read in this process whatever the source's size."""
        collector = Collector()
        plan = self._plan
        is_quick = plan.format == "native" and not plan.mapping and not plan.is_quarantine
        for part in self._source.parts():
            if isinstance(part, Block) and is_quick:
                _read_block(part, plan, collector)
            else:
                for item in items([part]):
                    _read_item(item, plan, collector)
                    if collector.is_full(BATCH_ROWS, BATCH_CHARS):
                        yield collector.batch()
            if collector.is_full(BATCH_ROWS, BATCH_CHARS):
                yield collector.batch()
        if collector.n_read:
            yield collector.batch()


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
    plan, sample, why = _planned(source, path, format, mapping or {}, max_trace_chars)
    request = {
        "path": path,
        "format": format,
        "mapping": mapping,
        "max_trace_chars": max_trace_chars,
    }
    return Reading(request, source, plan, _mapping_of(sample, plan), why)


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
    plan, sample, why = _planned(source, path, format, mapping or {}, max_trace_chars)
    collector = Collector()
    for item in sample[:n]:
        _read_item(item, plan, collector)
    columns = list(dict.fromkeys(name for row in _objects(sample[:n]) for name in row))
    return Preview(plan.format, _mapping_of(sample[:n], plan), why, collector.batch(), columns)


def _open(path: Path, max_trace_chars: int) -> Source:
    # A character takes up to six bytes where JSON escapes it, and a row has more than its trace.
    max_row_bytes = max(_MIN_ROW_BYTES, 8 * max_trace_chars)
    return open_source(path, _is_record, max_row_bytes, BLOCK_BYTES)


def _is_record(value: object) -> bool:
    """Whether an object is a record, or was meant to be one."""
    if not isinstance(value, Mapping):
        return False
    columns = _filled(value)
    return bool(is_quarantined(value) or recognise(columns) or nearest(columns))


def _filled(row: Mapping[str, Any]) -> list[str]:
    """The columns in which a row says something."""
    return [column for column, value in row.items() if value is not None]


def _objects(sample: Sequence[Item]) -> list[Mapping[str, Any]]:
    return [i.value for i in sample if isinstance(i, Row) and isinstance(i.value, dict)]


def _planned(
    source: Source,
    path: object,
    format: str | None,
    mapping: Mapping[str, str],
    max_trace_chars: int,
) -> tuple[_Plan, list[Item], str]:
    """How to read a source, the first rows by which that was decided, and why so."""
    if format is not None and format not in FORMATS:
        raise IngestError(f"There is no format {format!r}; there are {', '.join(FORMATS)}.")
    sample = list(islice(items(source.parts()), _SAMPLE_ROWS))
    objects = _objects(sample)
    is_quarantine = bool(objects) and all(is_quarantined(row) for row in objects)
    if is_quarantine:
        sample = [unwrapped(item) for item in sample]
        objects = _objects(sample)
    told_columns.check(mapping, objects, path)
    names = [recognise(_filled(row)) or nearest(_filled(row)) for row in objects]
    found = Counter(name for name in names if name is not None)
    kind_of = f"{source.kind}, a quarantine file" if is_quarantine else source.kind
    if format is not None:
        name, why = format, f"{kind_of}; the format was told"
    elif told_columns.is_whole(mapping):
        name, why = "native", f"{kind_of}; read by the mapping that was told"
    elif found:
        name, n_rows = found.most_common(1)[0]
        why = f"{kind_of}; {n_rows} of the first {len(sample)} rows have {FORMATS[name].columns}"
    elif objects:
        columns = sorted({name for row in objects for name in row})
        raise IngestError(
            f"{path}: no known format has the columns {', '.join(columns)}; say which are the "
            "prompt and the trace: --map prompt=COLUMN --map trace=COLUMN."
        )
    elif any(isinstance(item, Row) or item.row.lstrip().startswith("{") for item in sample):
        name, why = "native", f"{kind_of}; no row could be recognised"
    else:
        first = next((item.reason for item in sample if isinstance(item, Refusal)), "is missing")
        raise IngestError(f"{path}: none of its first rows can be read; the first {first}.")
    return _Plan(name, format is not None, mapping, is_quarantine, max_trace_chars), sample, why


def _mapping_of(sample: Sequence[Item], plan: _Plan) -> dict[str, str]:
    """Which column gives which field in the rows of a sample."""
    mapping: dict[str, str] = {}
    for row in _objects(sample):
        drafts, taker = _drafts(row, plan)
        try:
            for _ in drafts:
                pass
        except (RowError, RecursionError):
            continue
        mapping = {**taker.mapping, **mapping}
    mapping |= plan.mapping
    order = {field: i for i, field in enumerate(told_columns.FIELDS)}
    return dict(sorted(mapping.items(), key=lambda told: order.get(told[0].split()[0], len(order))))


def _drafts(row: Mapping[str, Any], plan: _Plan) -> tuple[Drafts, Taker]:
    """The traces that a row makes, and which columns gave them."""
    taker = Taker(row)
    if told_columns.is_whole(plan.mapping):
        drafts = told_columns.told(taker, plan.mapping)
    else:
        name = plan.format
        if not plan.is_told:
            columns = _filled(row)
            name = name if FORMATS[name].fits(columns) else recognise(columns) or name
        drafts = FORMATS[name].drafts(taker)
    return told_columns.overlaid(drafts, row, plan.mapping), taker


def _read_item(item: Item, plan: _Plan, collector: Collector) -> None:
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
        for draft in _drafts(item.value, plan)[0]:
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


def _read_block(block: Block, plan: _Plan, collector: Collector) -> None:
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
