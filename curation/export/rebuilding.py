"""An earlier export, and the same recipe run again: the same bytes, or what differs, in words.

A manifest holds its recipe whole, so that anyone with the store can run it again. What comes out is
the same bytes where nothing that counts has changed; else the manifests say what did: decisions,
the store's lexicons and guidelines, the code, the rows. Where the earlier files still stand beside
their manifest, the rows themselves are held against each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from curation.errors import ExportError
from curation.export.files import FILE_TYPES, read_rows
from curation.export.manifest import KIND, MANIFEST
from curation.export.recipe import Recipe, recipe_from
from curation.export.versions import differences

_TOLD = 20
"""So many differences of one part of the manifests are told one by one."""

_APART = ("files", "decisions", "recipe", "options", "source_sha256", "kind", "contents")
"""What is told in words of its own, or follows from what is."""


class Earlier(NamedTuple):
    """What an export's manifest says of how it was made."""

    recipe: Recipe
    name: str | None
    """What the recipe was called."""
    record: dict[str, Any]
    folder: Path


class Compared(NamedTuple):
    """Two exports of one recipe: whether their bytes are the same, and what differs."""

    is_identical: bool
    changed: list[str]
    """A sentence for each thing; empty where the bytes are the same."""


def read_manifest(path: Path) -> Earlier:
    """The export whose manifest, or whose folder, is `path`. Raises ExportError."""
    given = path if path.name == MANIFEST else path / MANIFEST
    try:
        record = json.loads(given.read_text(encoding="utf-8"))
        kind = record["kind"]
        held = record.get("recipe") or {"name": None, "content": _before_recipes(record)}
        name, content = held["name"], dict(held["content"])
    except OSError as exc:
        raise ExportError(
            f"{given} cannot be read ({exc.strerror or exc}); name the manifest.json of an export."
        ) from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ExportError(
            f"{given} is no manifest of an export ({type(exc).__name__}: {exc}); name one that "
            "`python -m curation export` wrote."
        ) from exc
    if kind != KIND:
        raise ExportError(f"{given} is of the kind {kind!r}; this version rebuilds {KIND!r}.")
    return Earlier(recipe_from(content), name, record, given.parent)


def _before_recipes(record: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a manifest written before manifests held one."""
    return {"format": record["format"], "files": record["files_as"], **record["options"]}


def compare(earlier: Earlier, folder: Path) -> Compared:
    """What the export in `folder` has otherwise than the earlier one. Raises OSError.

    `earlier` and the new manifest are compared; so are the rows, by the trace they are about, where
    the earlier data files still stand beside their manifest as it describes them.
    """
    was = earlier.record
    now = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if was == now:
        return Compared(True, [])
    changed = [f"recipe, {each}" for each in _recipe_differences(earlier, now)]
    changed += _decisions(was["decisions"]["ids"], now["decisions"]["ids"])
    for part in [name for name in now if name not in _APART]:
        found = [
            each
            for each in differences({part: was.get(part)}, {part: now[part]})
            if each.field != "made_by source_sha256"
        ]
        changed += [str(each) for each in found[:_TOLD]]
        if len(found) > _TOLD:
            changed.append(f"{part}: {len(found) - _TOLD:,} more differences")
    if was.get("made_by", {}).get("source_sha256") != now["made_by"]["source_sha256"]:
        changed.append("code: Hedgerow's sources are other ones than those that wrote the earlier")
    return Compared(False, changed + _files(earlier, now, folder))


def _recipe_differences(earlier: Earlier, now: Mapping[str, Any]) -> list[str]:
    """Options that this release has and the earlier did not know, or knew otherwise."""
    held = earlier.record.get("recipe")
    if held is None:
        return ["which the earlier manifest does not hold: options of today at their default"]
    return [str(each) for each in differences(held["content"], now["recipe"]["content"])]


def _decisions(was: list[str], now: list[str]) -> list[str]:
    gone, come = len(set(was) - set(now)), len(set(now) - set(was))
    if not gone and not come:
        return []
    return [
        f"decisions: {gone:,} of those behind the earlier rows stand no longer (taken back, "
        f"replaced, or the trace is left out), {come:,} are new"
    ]


def _files(earlier: Earlier, now: Mapping[str, Any], folder: Path) -> list[str]:
    """Which files have other bytes, and which rows."""
    before = {each["path"]: each for each in earlier.record["files"]}
    after = {each["path"]: each for each in now["files"]}
    told = [f"files: {name} is no longer written" for name in before if name not in after]
    told += [f"files: {name} is new" for name in after if name not in before]
    other = [
        name for name in after if name in before and before[name]["sha256"] != after[name]["sha256"]
    ]
    told += [f"files: {name} has other bytes" for name in other]
    try:
        old_rows = _rows(earlier.folder, earlier.record)
        new_rows = _rows(folder, now)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as exc:
        return [*told, f"rows: the earlier files cannot be read any more ({type(exc).__name__})"]
    gone, come = old_rows.keys() - new_rows.keys(), new_rows.keys() - old_rows.keys()
    both = old_rows.keys() & new_rows.keys()
    moved = sum(old_rows[key][0] != new_rows[key][0] for key in both)
    reworded = sum(old_rows[key][1] != new_rows[key][1] for key in both)
    counted = {"gone": len(gone), "new": len(come), "in another split": moved,
               "with another content": reworded}  # fmt: skip
    if any(counted.values()):
        n_same = sum(old_rows[key] == new_rows[key] for key in both)
        said = ", ".join(f"{n:,} {what}" for what, n in counted.items() if n)
        told.append(f"rows: {said}; {n_same:,} are the same")
    return told


def _rows(folder: Path, record: Mapping[str, Any]) -> dict[tuple[str, int], tuple[str, bytes]]:
    """Of each row, by its traces and their how-manieth row: its split and a hash of its content."""
    if record["files_as"] not in FILE_TYPES:
        raise ValueError(f"unknown file type {record['files_as']!r}")
    found: dict[tuple[str, int], tuple[str, bytes]] = {}
    seen: dict[str, int] = {}
    for each in record["files"]:
        if each["split"] is None:
            continue
        for row in _read(folder, each["path"], record["files_as"]):
            about = f"{row.get('trace_id')} {row.get('rejected_id', '')}"
            seen[about] = seen.get(about, 0) + 1
            digest = hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).digest()[:12]
            found[about, seen[about]] = (each["split"], digest)
    return found


def _read(folder: Path, name: str, files: Any) -> Iterator[Mapping[str, object]]:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name!r} leads out of the folder")
    yield from read_rows(folder / name, files)
