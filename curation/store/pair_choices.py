"""Choices between two traces of one problem, kept as decisions under `prefer/<the other's id>`.

The decision is about the smaller of the two ids, and its question names the larger, so that a pair
has one place. `accept` says that the trace is better, `reject` that the other is, `skip` that
neither is, `flag` that somebody should look. `extra["left"]` names the trace that stood left.

A choice of the best among several is one decision for each pair that it settles: the best over each
other, or for a tie or a flag every two of them. Each names all in the order in which they stood
(`extra["among"]`) and the first of these decisions (`extra["choice"]`).

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


def among(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choices among several, one each, of their stored decisions in order; the newest last.

    Keys: `decision_id` and `choice` (the id of its first decision), `parts` (decision_id, trace_id
    and question of each), `among`, `best` (None for a tie or a flag), `revealed` and `note` (of
    any), and those of the first decision. A choice of two that names no others is one among two.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        said = json.loads(row["extra"])
        pair = (row["trace_id"], row["question"].removeprefix(PREFER))
        stood = said.get("among") or sorted(pair, key=lambda name: name != said.get("left"))
        choice = said.get("choice") or row["decision_id"]
        part = {name: row[name] for name in ("decision_id", "trace_id", "question")}
        if choice not in found:
            found[choice] = {
                **row,
                "decision_id": choice,
                "choice": choice,
                "parts": [],
                "among": stood,
                "best": {"accept": pair[0], "reject": pair[1]}.get(row["verdict"]),
            }
            found[choice].pop("extra")
        found[choice]["parts"].append(part)
        found[choice]["revealed"] = found[choice]["revealed"] or row["revealed"]
        found[choice]["note"] = found[choice]["note"] or row["note"]
    return list(found.values())


def check(cursor: duckdb.DuckDBPyConnection, decision: Decision) -> None:
    """Raises StoreError unless a choice is between two traces of a problem, in its one place."""
    if not decision.question.startswith(PREFER):
        if decision.extra.keys() & {"left", "among", "choice"}:
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
    several = decision.extra.get("among")
    if several is None:
        return
    stood = several if isinstance(several, list) else []
    (n_here,) = cursor.execute(
        "select count(*) from trace where list_contains($ids::varchar[], trace_id) "
        "and problem_id = (select problem_id from trace where trace_id = $one)",
        {"ids": stood, "one": decision.trace_id},
    ).fetchall()[0]
    if not set(pair) <= set(stood) or n_here < len(stood) or "choice" not in decision.extra:
        raise StoreError(
            f"The choice between {decision.trace_id} and {other} says that it is one among "
            f"{len(stood)}, which are not traces of their problem with both among them."
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
