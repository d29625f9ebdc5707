"""Assignments: which traces a lead gave to whom, written whole, once, and ended by a record.

What was drawn is stored under the hash of what was asked for and of who was given which trace, so
that an assignment never changes; the progress of it is read off the decisions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import QUESTION, content_id
from curation.store.connection import Connection, now

ITEM_SCHEMA: dict[str, pl.DataType] = {
    "place": pl.Int32(),
    "trace_id": pl.String(),
    "reviewer": pl.String(),
}
"""One trace for one person a row; `place` counts from 1 in the order to read in."""


def assignment_id(row: dict[str, Any], items: Sequence[tuple[int, str, str]]) -> str:
    """The id of an assignment: the hash of all that it says."""
    said = [
        row["name"], row["asked"], list(row["reviewers"]), row["readings"], row["seed"],
        row["made_by"], row["made_at"].astimezone(UTC).isoformat(timespec="microseconds"),
    ]  # fmt: skip
    return content_id(
        "as1", *(json.dumps(each, ensure_ascii=False) for each in (said, sorted(map(list, items))))
    )


class Assigning(Connection):
    """The part of a store that keeps assignments."""

    def add_assignment(
        self,
        items: pl.DataFrame,
        *,
        name: str,
        asked: dict[str, Any],
        reviewers: Sequence[str],
        readings: int,
        seed: int,
        made_by: str,
        made_at: datetime | None = None,
    ) -> str:
        """Store an assignment with its items (`ITEM_SCHEMA`); its id. The same again adds nothing.

        Raises StoreError where it is not said who makes it, or nothing is in it.
        """
        if not made_by.strip():
            raise StoreError("An assignment needs the name of who makes it.")
        if not items.height:
            raise StoreError("An assignment without traces is none; choose some.")
        items = items.select(list(ITEM_SCHEMA)).cast(ITEM_SCHEMA)  # type: ignore[arg-type]
        row: dict[str, Any] = {
            "name": name.strip(),
            "asked": json.dumps(asked, sort_keys=True, ensure_ascii=False),
            "reviewers": list(reviewers),
            "readings": readings,
            "seed": seed,
            "made_by": " ".join(made_by.split()),
            "made_at": made_at or now(),
        }
        row["assignment_id"] = assignment_id(row, items.rows())
        with self._writing() as cursor:
            if cursor.execute(
                "select 1 from assignment where assignment_id = $id", {"id": row["assignment_id"]}
            ).fetchall():
                return str(row["assignment_id"])
            row["sequence"] = cursor.execute(
                "select coalesce(max(sequence), 0) + 1 from assignment"
            ).fetchall()[0][0]
            columns = ", ".join(row)
            values = ", ".join(f"${key}" for key in row)
            cursor.execute(f"insert into assignment ({columns}) values ({values})", row)
            cursor.register("batch_assignment", items)
            cursor.execute(
                "insert into assignment_item (assignment_id, place, trace_id, reviewer) "
                "select $id, place, trace_id, reviewer from batch_assignment",
                {"id": row["assignment_id"]},
            )
            cursor.unregister("batch_assignment")
        return str(row["assignment_id"])

    def withdraw_assignment(self, name: str, withdrawn_by: str) -> datetime:
        """End an assignment by a record; when it ended. Ending it again changes nothing.

        What was decided stays. Raises StoreError where there is no such assignment.
        """
        if not withdrawn_by.strip():
            raise StoreError("Ending an assignment needs the name of who ends it.")
        if not self.assignments().filter(pl.col("assignment_id") == name).height:
            raise StoreError(
                f"The store holds no assignment {name}. `python -m curation assign list` shows "
                "the ids."
            )
        with self._writing() as cursor:
            cursor.execute(
                "insert or ignore into assignment_withdrawal values ($id, $by, $at)",
                {"id": name, "by": withdrawn_by.strip(), "at": now()},
            )
        at: datetime = self._value(
            "select withdrawn_at from assignment_withdrawal where assignment_id = $id", id=name
        )
        return at

    def n_assignment_records(self) -> int:
        """How many assignments were made and ended so far: who shall read what hangs on it."""
        n: int = self._value(
            "select (select count(*) from assignment) + "
            "(select count(*) from assignment_withdrawal)"
        )
        return n

    def n_assigned_left(self, reviewer: str, question: str = QUESTION) -> int:
        """How many traces wait for the reviewer by an assignment."""
        if not self.n_assignment_records():  # where nobody assigns, no decision is looked at
            return 0
        n: int = self._value(
            "select count(distinct l.trace_id) from live_assignment l "
            "where l.reviewer = $reviewer and l.trace_id not in (select trace_id "
            "from current_decision where reviewer = $reviewer and question = $question)",
            reviewer=reviewer,
            question=question,
        )
        return n

    def assignments(self) -> pl.DataFrame:
        """Every assignment, newest first, ended ones too (`withdrawn_at` is not null)."""
        return self._frame(
            "select a.*, w.withdrawn_by, w.withdrawn_at, "
            "(select count(distinct trace_id) from assignment_item i "
            "where i.assignment_id = a.assignment_id) as n_traces "
            "from assignment a left join assignment_withdrawal w using (assignment_id) "
            "order by a.sequence desc"
        )

    def assigned(self) -> pl.DataFrame:
        """Who shall read what now, each once: trace_id, reviewer, `order` (from 1), name, made_by.

        In the order of the assignments, in each in the order to read in.
        """
        return self._frame(
            "select trace_id, reviewer, name, made_by, "
            'row_number() over (order by sequence, place, reviewer) as "order" '
            "from live_assignment qualify row_number() over "
            "(partition by trace_id, reviewer order by sequence, place) = 1 order by 5"
        )

    def assignment_progress(self, question: str = QUESTION) -> pl.DataFrame:
        """How far each person is with each live assignment.

        Columns: assignment_id, name, reviewer, n_assigned, n_decided (with any verdict), n_left.
        """
        return self._frame(
            """
            select l.assignment_id, l.name, l.reviewer, count(*) as n_assigned,
                count(d.decision_id) as n_decided, count(*) - count(d.decision_id) as n_left
            from live_assignment l left join current_decision d
                on d.trace_id = l.trace_id and d.reviewer = l.reviewer and d.question = $question
            group by l.assignment_id, l.name, l.sequence, l.reviewer
            order by l.sequence desc, l.reviewer
            """,
            question=question,
        )


def broken_assignments(store: Connection) -> tuple[int, list[str]]:
    """How many assignments were looked at, and those that are not what they were, or missing."""
    rows = store._frame("select * from assignment order by sequence").to_dicts()
    broken = []
    for n, row in enumerate(rows, start=1):
        name = row["assignment_id"]
        items = store._frame(
            "select place, trace_id, reviewer from assignment_item where assignment_id = $id",
            id=name,
        )
        if row["sequence"] != n:
            broken.append(f"assignment {name}: number {n} is missing before it")
            break
        if assignment_id(row, items.rows()) != name:
            broken.append(f"assignment {name}: it does not say what was stored")
    stray = store._frame(
        "select i.assignment_id, i.trace_id from assignment_item i left join trace t "
        "using (trace_id) where t.trace_id is null"
    )
    broken += [
        f"assignment {name}: it names {trace}, which the store does not hold"
        for name, trace in stray.iter_rows()
    ]
    ended = store._frame(
        "select w.assignment_id from assignment_withdrawal w left join assignment a "
        "using (assignment_id) where a.assignment_id is null"
    )
    broken += [f"assignment {name}: it was ended, but is missing" for (name,) in ended.iter_rows()]
    return len(rows), broken
