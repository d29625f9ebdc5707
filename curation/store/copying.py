"""A store's records into another store, whichever of the two is a file and which on a server.

What is copied is what one moment held: all of it is read in one transaction. What arrived is held
against what left, table by table, by number and by the sum of the rows' hashes, before the target's
transaction ends; so a copy is whole or the target is as it was.

With `until` only what was stored by then is copied: the log is append-only, so an earlier state is
its beginning. What is not appended to goes along as it stands now: settings, the choice of
students, and answers that were filled into a problem later.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from curation.errors import StoreError
from curation.store.connection import Connection

_ROWS = 1000
"""Read at once: a score holds six lists as long as its trace."""

_OF_ITS_OWN = ("migration", "writer")
"""Tables that say something of the file they are in."""

_WHEN = (
    "stored_at", "added_at", "scored_at", "made_at", "withdrawn_at", "saved_at", "marked_at",
    "sampled_at", "changed_at", "created_at", "revealed_at", "exported_at", "started_at",
)  # fmt: skip
"""Columns that say when the store took a row in; a table has one of them at most."""

_WITH = {
    "assignment_item": ("assignment", "assignment_id"),
    "marking": ("trace", "trace_id"),
    "shortcut": ("trace", "trace_id"),
    "spot_check_item": ("spot_check", "spot_check_id"),
    "spot_check_stratum": ("spot_check", "spot_check_id"),
    "trace_language": ("trace", "trace_id"),
}
"""Tables without such a column: whose rows theirs belong to, and by which name."""


class Held(NamedTuple):
    """What a table holds."""

    n_rows: int
    hashes: str
    """The sum of its rows' hashes, in decimals."""


def copy(
    source: Connection,
    target: Connection,
    *,
    until: datetime | None = None,
    progress: Callable[[int, int | None], object] | None = None,
) -> dict[str, int]:
    """Copy everything of `source` into `target`; how many rows of each table.

    Raises StoreError, with nothing changed, where the target holds traces or decisions already, or
    what arrived is not what left.
    """
    with source._reading() as reader, target._writing() as writer:
        if writer.execute(
            "select (select count(*) from trace) + (select count(*) from decision)"
        ).fetchall() != [(0,)]:
            raise StoreError(
                f"{target.place} holds traces already; nothing was copied. Name a new store."
            )
        reader.execute("begin transaction read only")
        try:
            kept = {name: _condition(reader, name, until) for name in _tables(reader)}
            held = {name: _held(reader, name, *kept[name]) for name in kept}
            total = sum(table.n_rows for table in held.values())
            for name in kept:
                _copy_table(reader, writer, name, *kept[name], progress, total)
        finally:
            reader.execute("rollback")
        arrived = {name: _held(writer, name, "true", {}) for name in kept}
        wrong = [name for name in kept if arrived[name] != held[name]]
        if wrong:
            raise StoreError(
                f"What arrived in {target.place} differs from {source.place} in "
                f"{', '.join(wrong)}; nothing was copied. Try again."
            )
    return {name: table.n_rows for name, table in held.items()}


def _tables(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    rows = cursor.execute(
        "select table_name from duckdb_tables() where not internal and not temporary "
        "and database_name = current_database() order by table_name"
    ).fetchall()
    return [name for (name,) in rows if name not in _OF_ITS_OWN]


def _condition(
    cursor: duckdb.DuckDBPyConnection, table: str, until: datetime | None
) -> tuple[str, dict[str, Any]]:
    """Which rows of a table were stored by `until`, as SQL with its parameters."""
    if until is None:
        return "true", {}
    if table in _WITH:
        parent, key = _WITH[table]
        of_parent, parameters = _condition(cursor, parent, until)
        return f'{key} in (select {key} from "{parent}" where {of_parent})', parameters
    columns = [
        name
        for (name,) in cursor.execute(
            "select column_name from duckdb_columns() where table_name = $name "
            "and database_name = current_database()",
            {"name": table},
        ).fetchall()
    ]
    when = next((name for name in _WHEN if name in columns), None)
    if when is None:
        return "true", {}
    if "sequence" in columns:  # without gaps, even where a clock was set back meanwhile
        later = f'(select min(sequence) from "{table}" where {when} > $until::timestamptz)'
        return f"sequence < coalesce({later}, {2**62})", {"until": until}
    return f"{when} <= $until::timestamptz", {"until": until}


def _held(
    cursor: duckdb.DuckDBPyConnection, table: str, condition: str, parameters: dict[str, Any]
) -> Held:
    row = cursor.execute(
        f"select count(*), coalesce(sum(hash(held)), 0)::varchar "
        f'from (select * from "{table}" where {condition}) held',
        parameters or None,
    ).fetchall()[0]
    return Held(*row)


def _copy_table(
    reader: duckdb.DuckDBPyConnection,
    writer: duckdb.DuckDBPyConnection,
    table: str,
    condition: str,
    parameters: dict[str, Any],
    progress: Callable[[int, int | None], object] | None,
    total: int,
) -> None:
    """Copy the rows in their order. What a new store already has in this table gives way."""
    writer.execute(f'delete from "{table}"')
    ((last,),) = reader.execute(f'select max(rowid) from "{table}"').fetchall()
    for start in range(0, -1 if last is None else last + 1, _ROWS):
        frame = reader.execute(
            f'select * from "{table}" where rowid >= $start and rowid < $stop and {condition} '
            "order by rowid",
            {**parameters, "start": start, "stop": start + _ROWS},
        ).pl()
        if frame.height:
            writer.register("arriving", frame)
            writer.execute(f'insert into "{table}" by name select * from arriving')
            writer.unregister("arriving")
        if progress is not None:
            progress(frame.height, total)
