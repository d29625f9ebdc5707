"""A finished export -> is it what its manifest says?

Everything is re-derived from the files: their hashes and sizes, the rows of each split, the hash
over trace ids and texts (from the texts themselves), the decisions' hash, and that no problem
stands in two splits. The manifest itself is vouched for by the store, which kept a copy of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from curation.errors import ExportError
from curation.export.files import FILE_TYPES, read_rows
from curation.export.formats import FORMATS, traces_of
from curation.export.manifest import (
    KIND,
    MANIFEST,
    ExportedFile,
    decisions_sha256,
    describe_file,
    source_sha256,
)
from curation.records import text_hash


class Verification(NamedTuple):
    """How many things were checked, and a sentence for each that is not as the manifest says."""

    checked: int
    broken: list[str]


def verify_export(path: str | Path) -> Verification:
    """Checks the export in the folder `path` (or whose `manifest.json` is `path`).

    Raises ExportError when there is no manifest of ours to check against.
    """
    given = Path(path).expanduser()
    manifest = given if given.name == MANIFEST else given / MANIFEST
    try:
        record = json.loads(manifest.read_text(encoding="utf-8"))
        kind = record["kind"]
    except OSError as exc:
        raise ExportError(
            f"{manifest} cannot be read ({exc.strerror or exc}); "
            "name the folder of an export, which holds its manifest.json."
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        return Verification(1, [f"{MANIFEST} is no manifest of an export: {exc}"])
    if kind != KIND:
        raise ExportError(f"{manifest} is of the kind {kind!r}; this version checks {KIND!r}.")
    checks = _checks(manifest.parent, record)
    try:
        results = list(checks)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        return Verification(1, [f"{MANIFEST} is damaged: {type(exc).__name__} {exc}"])
    return Verification(len(results), [problem for problem in results if problem is not None])


def _checks(folder: Path, record: dict[str, Any]) -> Iterator[str | None]:
    """One item a check: None, or what is broken."""
    format, files = record["format"], record["files_as"]
    # Exports that were written before reasoning had a choice of places keep it inline.
    place = record["options"].get("teaching", {}).get("reasoning", "inline")
    if format not in FORMATS or files not in FILE_TYPES:
        raise ValueError(f"unknown format {format!r} as {files!r}")
    listed = [ExportedFile(**each) for each in record["files"]]
    for name in sorted({entry.name for entry in folder.iterdir()} - {MANIFEST}):
        if name not in {each.path for each in listed}:
            yield f"{name} stands in the folder but not in the manifest"
    split_of: dict[str, str] = {}
    torn: set[str] = set()
    source: list[tuple[str, str]] = []
    rows = dict.fromkeys(record["rows"], 0)
    for each in listed:
        if Path(each.path).name != each.path:
            yield f"{each.path!r} leads out of the folder, so it was not opened"
            continue
        yield _broken_file(folder, each)
        if each.split is None:
            continue
        try:
            for row in read_rows(folder / each.path, files):
                problem = str(row["problem_id"])
                if split_of.setdefault(problem, each.split) != each.split:
                    torn.add(problem)
                source += [(name, text_hash(text)) for name, text in traces_of(row, format, place)]
                rows[each.split] = rows.get(each.split, 0) + 1
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as exc:
            yield f"{each.path} cannot be read as {format} after row {rows[each.split]}: {exc}"
    for split, expected in record["rows"].items():
        yield (
            None if rows[split] == expected else _differs(f"rows of {split}", rows[split], expected)
        )
    more = f", and so do {len(torn) - 1} more problems" if len(torn) > 1 else ""
    yield f"{min(torn)} stands in two splits{more}" if torn else None
    for what, found, expected in (
        ("hash of the source rows", source_sha256(source), record["source_sha256"]),
        (
            "hash of the decisions",
            decisions_sha256(record["decisions"]["ids"]),
            record["decisions"]["sha256"],
        ),
    ):
        yield None if found == expected else _differs(what, found, expected)


def _broken_file(folder: Path, expected: ExportedFile) -> str | None:
    try:
        found = describe_file(folder / expected.path, expected.split, expected.rows)
    except OSError as exc:
        return f"{expected.path} cannot be read: {exc.strerror or exc}"
    if found == expected:
        return None
    return (
        f"{expected.path} has {found.bytes} bytes with SHA-256 {found.sha256}; "
        f"the manifest says {expected.bytes} bytes with {expected.sha256}"
    )


def _differs(what: str, found: object, expected: object) -> str:
    return f"the {what} is {found}; the manifest says {expected}"
