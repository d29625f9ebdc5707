"""Numbered marks on traces, looked at again: rows with an id of their content and a `sequence`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from curation.store.connection import Connection


def broken_marks(
    store: Connection, table: str, name: str, id_of: Callable[[dict[str, Any]], str]
) -> tuple[int, list[str]]:
    """How many marks were looked at, and those that are not what they were, or missing.

    `table` is keyed by `{table}_id`; `name` is what people call one of its rows; `id_of` makes the
    id that a row's content has.
    """
    rows = store._frame(
        f"select g.*, t.text_hash as trace_text_hash from {table} g "
        "left join trace t using (trace_id) order by g.sequence"
    ).to_dicts()
    broken = []
    for n, row in enumerate(rows, start=1):
        which = f"{name} {row[f'{table}_id']} (no. {row['sequence']})"
        if row["sequence"] != n:
            broken.append(f"{which}: number {n} is missing before it")
            break
        if id_of(row) != row[f"{table}_id"]:
            broken.append(f"{which}: it does not say what was stored")
        if row["trace_text_hash"] != row["text_hash"]:
            broken.append(f"{which}: it is not about a trace and text of this store")
    return len(rows), broken
