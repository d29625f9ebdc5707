"""Sources into the store: the conductor between reading files and storing what they hold.

One run is one transaction: where the last of several sources cannot be read, nothing of the others
is stored, and no file of refused rows is left that speaks of a run that never was. Owns the place
of that file, `STORE.quarantine/`. How files are read is in ingest/, what is new is the store's.
"""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from curation import ingest
from curation.errors import IngestError
from curation.records import Refusal
from curation.store import Store

Arguments = dict[str, Any]
Progress = Callable[[int, int | None], None]


class _Source(NamedTuple):
    """A source that was read: what the store keeps of it."""

    origin: str
    format: str
    n_read: int
    n_new: int
    n_duplicate: int
    n_rejected: int


def parse_mapping(text: str) -> dict[str, str] | None:
    """`field=column` pairs between spaces or lines, quotes holding a name together; None for none.

    Raises IngestError naming the pair that is none.
    """
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise IngestError(f"The mapping {text!r} has a quote that does not close.") from exc
    pairs = {}
    for word in words:
        field, equals, column = word.partition("=")
        if not (field and equals and column):
            raise IngestError(f"The mapping {word!r} is not field=column, e.g. prompt=question.")
        pairs[field] = column
    return pairs or None


def check_sources(arguments: Arguments) -> None:
    """Open what `ingest` is to read. Raises IngestError where nothing of a source can be read."""
    for name in arguments["sources"]:
        _reading(name, arguments)


def _reading(name: str, arguments: Arguments) -> ingest.Reading:
    return ingest.read(
        Path(name),
        format=arguments["format"],
        mapping=arguments["map"],
        max_trace_chars=arguments["max_trace_chars"],
    )


def ingest_sources(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """Store what is new of `sources`, all or nothing; the answer of the command `ingest`.

    Raises IngestError where nothing of a source can be read; then no source was stored.
    """
    refusals: list[Refusal] = []
    quarantine: Path | None = None
    try:
        with store.transaction():
            sources: dict[str, _Source] = {}
            for name in arguments["sources"]:
                ingest_id = str(uuid.uuid4())
                sources[ingest_id] = _take_in(store, name, ingest_id, arguments, refusals, progress)
            quarantine = _quarantine(store, refusals)
            for ingest_id, source in sources.items():
                kept = str(quarantine) if source.n_rejected else None
                store.record_ingest(ingest_id, **source._asdict(), quarantine=kept)
    except BaseException:
        if quarantine is not None:
            quarantine.unlink(missing_ok=True)
        raise
    status = store.status()
    read = sources.values()
    return {
        "read": sum(source.n_read for source in read),
        "new": sum(source.n_new for source in read),
        "duplicate": sum(source.n_duplicate for source in read),
        "rejected": len(refusals),
        "problems": status["problems"],
        "traces": status["traces"],
        "format": ", ".join(dict.fromkeys(source.format for source in read)),
        "quarantine": str(quarantine) if quarantine else None,
        "refusals": [
            {"origin": r.origin, "line": r.line, "field": r.field, "reason": r.reason}
            for r in refusals[:20]
        ],
    }


def _take_in(
    store: Store,
    name: str,
    ingest_id: str,
    arguments: Arguments,
    refusals: list[Refusal],
    progress: Progress,
) -> _Source:
    """Store one source; its refused rows join `refusals`."""
    reading = _reading(name, arguments)
    n_read = n_new = n_duplicate = 0
    n_refused_before = len(refusals)
    for batch in reading:
        added = store.add(batch, ingest_id)
        n_read += batch.n_read
        n_new += added.n_new
        n_duplicate += added.n_duplicate
        refusals += [*batch.refusals, *added.refusals]
        progress(batch.n_read, None)
    n_rejected = len(refusals) - n_refused_before
    return _Source(Path(name).name, reading.format, n_read, n_new, n_duplicate, n_rejected)


def _quarantine(store: Store, refusals: list[Refusal]) -> Path | None:
    """Write the refused rows where they can be mended and ingested again."""
    if not refusals:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    path = store.path.with_name(store.path.name + ".quarantine") / f"refused-{stamp}.jsonl"
    ingest.write_quarantine(path, refusals)
    return path
