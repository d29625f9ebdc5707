"""Guidelines and reason sets: versions that were put in force, one after the other.

The log is appended to and never edited. What a reason set means is worked out elsewhere
(`curation.reasons`); here a version is a kind and a text.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import content_id
from curation.store.connection import Connection, now

KINDS = ("guidelines", "reasons")


def guideline_id(kind: str, content: str) -> str:
    """The id of a version: the hash of its kind and text."""
    return content_id("gl1", kind, content)


def _row_hash(row: dict[str, Any]) -> str:
    at = row["stored_at"].astimezone(UTC).isoformat(timespec="microseconds")
    return content_id("gr1", str(row["sequence"]), row["guideline_id"], row["author"], at)


class Guiding(Connection):
    """The part of a store that keeps guidelines and reason sets."""

    def put_in_force(self, kind: str, content: str, author: str, based_on: str | None) -> str:
        """Put a version of `kind` in force from now on; its id. Already in force: nothing changes.

        `based_on` is the version that its author saw in force, None for none. Raises StoreError
        where another is by now, so that nobody's change is undone unseen, or the author has no
        name.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is none of {KINDS}")
        if not author.strip():
            raise StoreError("A version needs the name of who writes it; give one, then store it.")
        name = guideline_id(kind, content)
        with self._writing() as cursor:
            standing = cursor.execute(
                "select guideline_id, author from current_guideline where kind = $kind",
                {"kind": kind},
            ).fetchall()
            present, by = standing[0] if standing else (None, None)
            if present == name:
                return name
            if present != based_on:
                raise StoreError(
                    f"{by} has stored other {kind} since you opened these; reload the page, then "
                    "make your change there. Nothing was stored."
                )
            row: dict[str, Any] = {
                "sequence": cursor.execute(
                    "select coalesce(max(sequence), 0) + 1 from guideline"
                ).fetchall()[0][0],
                "guideline_id": name,
                "kind": kind,
                "content": content,
                "author": author.strip(),
                "stored_at": now(),
            }
            row["content_hash"] = _row_hash(row)
            names, values = ", ".join(row), ", ".join(f"${key}" for key in row)
            cursor.execute(f"insert into guideline ({names}) values ({values})", row)
        return name

    def in_force(self) -> dict[str, dict[str, Any]]:
        """What is in force by kind: guideline_id, content, author, stored_at; no key for none."""
        rows = self._frame(
            "select kind, guideline_id, content, author, stored_at from current_guideline"
        ).to_dicts()
        return {row["kind"]: row for row in rows}

    def guideline_log(self, kind: str | None = None) -> pl.DataFrame:
        """Every time that a version was put in force, newest first; of one kind where it is named.

        Columns: sequence, guideline_id, kind, content, author, stored_at, is_in_force.
        """
        return self._frame(
            "select g.* exclude (content_hash), c.sequence is not null as is_in_force "
            "from guideline g left join current_guideline c using (sequence) "
            "where $kind is null or g.kind = $kind order by g.sequence desc",
            kind=kind,
        )


def guideline_findings(store: Connection) -> tuple[int, list[str]]:
    """For `verify`: how many versions were looked at, and what does not hold."""
    rows = store._frame("select * from guideline order by sequence").to_dicts()
    broken = []
    for n, row in enumerate(rows, start=1):
        name = f"{row['kind']} {row['guideline_id']} (no. {row['sequence']})"
        if row["sequence"] != n:
            broken.append(f"{name}: number {n} is missing before it")
            break
        expected = guideline_id(row["kind"], row["content"])
        if row["guideline_id"] != expected:
            broken.append(f"{name}: its text hashes to {expected}")
        if row["content_hash"] != _row_hash(row):
            broken.append(f"{name}: it does not say who stored it when, as it was stored")
    return len(rows), broken
