"""How a source is to be read, decided by its first rows.

The majority of the first rows decides the format; a row of another recognised format is read by
its own, unless the format was told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from curation.errors import IngestError
from curation.ingest import mapping as told_columns
from curation.ingest.formats import FORMATS, nearest, recognise
from curation.ingest.quarantine import is_quarantined, unwrapped
from curation.ingest.rows import Item, Row, items
from curation.ingest.sources import Source
from curation.ingest.taker import Drafts, Taker
from curation.ingest.texts import RowError
from curation.records import Refusal

_SAMPLE_ROWS = 100


class Plan(NamedTuple):
    """How rows are read."""

    format: str
    is_told: bool
    mapping: Mapping[str, str]
    is_quarantine: bool
    max_trace_chars: int


def is_record(value: object) -> bool:
    """Whether an object is a record, or was meant to be one."""
    if not isinstance(value, Mapping):
        return False
    columns = _filled(value)
    return bool(is_quarantined(value) or recognise(columns) or nearest(columns))


def _filled(row: Mapping[str, Any]) -> list[str]:
    """The columns in which a row says something."""
    return [column for column, value in row.items() if value is not None]


def objects(sample: Sequence[Item]) -> list[Mapping[str, Any]]:
    """The rows of a sample that have columns."""
    return [i.value for i in sample if isinstance(i, Row) and isinstance(i.value, dict)]


def planned(
    source: Source,
    path: object,
    format: str | None,
    mapping: Mapping[str, str],
    max_trace_chars: int,
) -> tuple[Plan, list[Item], str]:
    """How to read a source, the first rows by which that was decided, and why so."""
    if format is not None and format not in FORMATS:
        raise IngestError(f"There is no format {format!r}; there are {', '.join(FORMATS)}.")
    sample = list(islice(items(source.parts()), _SAMPLE_ROWS))
    rows = objects(sample)
    is_quarantine = bool(rows) and all(is_quarantined(row) for row in rows)
    if is_quarantine:
        sample = [unwrapped(item) for item in sample]
        rows = objects(sample)
    told_columns.check(mapping, rows, path)
    names = [recognise(_filled(row)) or nearest(_filled(row)) for row in rows]
    found = Counter(name for name in names if name is not None)
    kind_of = f"{source.kind}, a quarantine file" if is_quarantine else source.kind
    if format is not None:
        name, why = format, f"{kind_of}; the format was told"
    elif told_columns.is_whole(mapping):
        name, why = "native", f"{kind_of}; read by the mapping that was told"
    elif found:
        name, n_rows = found.most_common(1)[0]
        why = f"{kind_of}; {n_rows} of the first {len(sample)} rows have {FORMATS[name].columns}"
    elif rows:
        columns = sorted({name for row in rows for name in row})
        raise IngestError(
            f"{path}: no known format has the columns {', '.join(columns)}; say which are the "
            "prompt and the trace: --map prompt=COLUMN --map trace=COLUMN."
        )
    elif any(isinstance(item, Row) or item.row.lstrip().startswith("{") for item in sample):
        name, why = "native", f"{kind_of}; no row could be recognised"
    else:
        first = next((item.reason for item in sample if isinstance(item, Refusal)), "is missing")
        raise IngestError(f"{path}: none of its first rows can be read; the first {first}.")
    return Plan(name, format is not None, mapping, is_quarantine, max_trace_chars), sample, why


def mapping_of(sample: Sequence[Item], plan: Plan) -> dict[str, str]:
    """Which column gives which field in the rows of a sample."""
    mapping: dict[str, str] = {}
    for row in objects(sample):
        drafts, taker = drafts_of(row, plan)
        try:
            for _ in drafts:
                pass
        except (RowError, RecursionError):
            continue
        mapping = {**taker.mapping, **mapping}
    mapping |= plan.mapping
    order = {field: i for i, field in enumerate(told_columns.FIELDS)}
    return dict(sorted(mapping.items(), key=lambda told: order.get(told[0].split()[0], len(order))))


def drafts_of(row: Mapping[str, Any], plan: Plan) -> tuple[Drafts, Taker]:
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
