"""The manifest: an export's record of itself, and the hashes in it that can be re-derived.

It holds the format and the options, rows and problems by split, what was left out and why, each
file's SHA-256, a hash over the source rows, the decisions behind them, who made them, and what the
store said of itself. It holds no time and no path, so that the same store and options give the
same bytes.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from curation.errors import ExportError
from curation.export.files import FileType
from curation.records import content_id
from curation.settings import ROOT

MANIFEST = "manifest.json"
KIND = "hedgerow-export-1"
"""What a manifest calls itself; the number is the recipe's."""


class ExportedFile(NamedTuple):
    """A written file: its name in the folder, its split and rows (None: no data file), its hash."""

    path: str
    split: str | None
    rows: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A finished export. `record` is what `manifest.json`, at `path`, holds."""

    export_id: str
    path: Path
    format: str
    rows: dict[str, int]
    files: tuple[ExportedFile, ...]
    record: dict[str, object]


def export_id(out: str, manifest: str) -> str:
    """The id of an export, from its place and its `manifest.json`: the same again is the same."""
    return content_id("ex1", out, manifest)


def source_sha256(rows: Iterable[tuple[str, ...]]) -> str:
    """SHA-256 over the sorted lines `trace_id<TAB>text_hash<LF>` of the exported traces."""
    return _lines_sha256("\t".join(row) for row in rows)


def decisions_sha256(decision_ids: Iterable[str]) -> str:
    """SHA-256 over the sorted lines `decision_id<LF>` of the decisions behind the traces."""
    return _lines_sha256(decision_ids)


def describe_file(path: Path, split: str | None, rows: int | None) -> ExportedFile:
    """`path` as it now stands on the disk. Raises OSError."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return ExportedFile(path.name, split, rows, path.stat().st_size, digest)


def check_destination(destination: Path, overwrite: bool) -> None:
    """Raises ExportError unless `destination` may be written, or replaced, without losing work."""
    if not destination.name:
        raise ExportError(f"{destination} cannot be an export; name a folder to be made.")
    if not destination.exists():
        return
    if not destination.is_dir():
        raise ExportError(
            f"{destination} is a file; an export is a folder, so choose another name."
        )
    there = {entry.name for entry in destination.iterdir()}
    if not there:
        return
    if not overwrite:
        raise ExportError(
            f"{destination} already holds files, and none was touched. Choose another folder, "
            "or replace the export that stands there (--overwrite; on the page, the check box)."
        )
    try:
        record = json.loads((destination / MANIFEST).read_text(encoding="utf-8"))
        ours = {MANIFEST, *(str(each["path"]) for each in record["files"])}
        is_export = record["kind"] == KIND
    except (OSError, ValueError, KeyError, TypeError):
        ours, is_export = set(), False
    if foreign := sorted(there - ours) if is_export else sorted(there):
        raise ExportError(
            f"{destination} holds files that are no part of an export ({foreign[0]!r}"
            + (f" and {len(foreign) - 1} more" if len(foreign) > 1 else "")
            + "), so it is not overwritten. Choose another folder, or move them away."
        )


def made_by(files: FileType) -> dict[str, str]:
    """Which code wrote this: version, a hash of the package's sources, and what fixes the bytes."""
    version, source = _code()
    made = {"hedgerow": version, "source_sha256": source}
    if files == "parquet":
        made["pyarrow"] = pa.__version__
    return made


@cache
def _code() -> tuple[str, str]:
    """Version and hash of the sources as this process found them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = ROOT / "curation"
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")) + sorted(package.rglob("*.sql")):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return project["project"]["version"], digest.hexdigest()


def _lines_sha256(lines: Iterable[str]) -> str:
    ordered = sorted(lines)
    return hashlib.sha256("\n".join([*ordered, ""]).encode()).hexdigest()
