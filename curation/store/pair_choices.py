"""Choices between two traces of one problem, kept as decisions under `prefer/<the other's id>`.

The decision is about the smaller of the two ids, and its question names the larger, so that a pair
has one place. `accept` says that the trace is better, `reject` that the other is, `skip` that
neither is, `flag` that somebody should look. `extra["left"]` names the trace that stood left.

Knows the tables of traces and decisions by their names; asks through the cursor it is given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from curation.errors import StoreError
from curation.records import PREFER, Decision
from curation.store.connection import Connection

SCHEMA: dict[str, pl.DataType] = {
    "problem_id": pl.String(),
    "trace_id": pl.String(),
    "other_id": pl.String(),
    "verdict": pl.String(),
    "chosen": pl.String(),
    "rejected": pl.String(),
    "is_tie": pl.Boolean(),
    "reviewer": pl.String(),
    "left": pl.String(),
    "revealed": pl.Boolean(),
    "decided_at": pl.Datetime("us", "UTC"),
    "sequence": pl.Int64(),
    "decision_id": pl.String(),
}
"""A choice a row. `trace_id` < `other_id` are the pair; `chosen` and `rejected` are null for a tie
and for a flag; `left` is the trace that stood left; `revealed` says whether teachers, contexts and
scores were on screen before the choice."""


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Current choices (`SCHEMA`), in their order, of stored decisions joined to their problem."""
    said = []
    for row in rows:
        first, second = row["trace_id"], row["question"].removeprefix(PREFER)
        better = {"accept": (first, second), "reject": (second, first)}
        chosen, rejected = better.get(row["verdict"], (None, None))
        more = {
            "other_id": second, "chosen": chosen, "rejected": rejected, "left": left(row["extra"]),
            "is_tie": row["verdict"] == "skip",
        }  # fmt: skip
        said.append({name: {**row, **more}[name] for name in SCHEMA})
    return pl.DataFrame(said, schema=SCHEMA)


def left(extra: str) -> str | None:
    """Which trace stood left, of a stored choice's `extra`."""
    said: str | None = json.loads(extra).get("left")
    return said


def check(cursor: duckdb.DuckDBPyConnection, decision: Decision) -> None:
    """Raises StoreError unless a choice is between two traces of a problem, in its one place."""
    if not decision.question.startswith(PREFER):
        if "left" in decision.extra:
            raise StoreError("A verdict on one trace has no left side; only a choice of two has.")
        return
    other = decision.question.removeprefix(PREFER)
    if decision.trace_id >= other:
        raise StoreError(
            f"The choice between {decision.trace_id} and {other} is kept with the smaller of the "
            "two ids, under a question that names the larger; send it there."
        )
    pair = (decision.trace_id, other)
    found = cursor.execute(
        "select count(*), count(distinct problem_id) from trace where trace_id in ($one, $other)",
        {"one": decision.trace_id, "other": other},
    ).fetchall()
    if found != [(2, 1)]:
        raise StoreError(
            f"{decision.trace_id} and {other} are not two traces of one problem of this store; "
            "open the pair again from the Compare page."
        )
    if decision.verdict is not None and decision.extra.get("left") not in pair:
        raise StoreError(
            "A choice of two says which of them stood left: extra['left'] takes one of their ids, "
            f"not {decision.extra.get('left')!r:.60}."
        )


def broken_choices(store: Connection) -> tuple[int, list[str]]:
    """How many choices were looked at, and those that are between no two traces of a problem."""
    rows = store._frame(
        "select d.decision_id, d.question, d.trace_id < o.trace_id and t.problem_id = o.problem_id "
        "as is_pair from decision d left join trace t using (trace_id) "
        "left join trace o on o.trace_id = substr(d.question, length($prefer) + 1) "
        "where starts_with(d.question, $prefer)",
        prefer=PREFER,
    )
    return rows.height, [
        f"decision {decision}: its question {question} names no other trace of its problem"
        for decision, question, is_pair in rows.iter_rows()
        if not is_pair
    ]
