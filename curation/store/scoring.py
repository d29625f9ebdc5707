"""What the student says of the traces: conventions and score packs; settings.

A number belongs to the convention it was computed under (model, tokenizer, template, dtype, …).
The setting `convention/STUDENT` names the one in use for a student; numbers of others stay stored
and are never shown beside it.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import polars as pl

from curation.errors import StoreError, UnknownTrace
from curation.records import PACK_SCHEMA, PROFILE_COLUMNS, TOKEN_COLUMNS
from curation.store.connection import now
from curation.store.students import Students


def unknown_trace(trace_id: str) -> UnknownTrace:
    """What is said where the store holds no trace of this id."""
    return UnknownTrace(
        f"The store holds no trace {trace_id}. `python -m curation list` shows the ids."
    )


class Taken(NamedTuple):
    """What became of a score pack."""

    n_scored: int
    n_failed: int
    n_known: int
    """Rows whose trace had a score under this convention already; the stored one stays."""
    n_foreign: int
    """Rows about a trace that the store does not hold, or holds with another text."""


class Scoring(Students):
    """The part of a store that keeps scores."""

    def setting(self, name: str) -> str | None:
        """A remembered setting's value, or None."""
        row = self._one("select value from setting where name = $name", name=name)
        return row["value"] if row else None

    def set_setting(self, name: str, value: str) -> None:
        """Remember a setting."""
        if self.setting(name) == value:
            return
        with self._writing() as cursor:
            cursor.execute(
                "insert or replace into setting values ($name, $value)",
                {"name": name, "value": value},
            )

    def use_convention(
        self, convention_id: str, student: str, record: dict[str, Any], *, show: bool = True
    ) -> None:
        """Make this convention the one in use for `student`, and `student` the one shown.

        `show` False: another student that is shown already stays so.
        """
        text = json.dumps(record, sort_keys=True, ensure_ascii=False)
        with self._writing() as cursor:
            cursor.execute(
                "insert into convention values ($id, $student, $record, $at) "
                "on conflict do nothing",
                {"id": convention_id, "student": student, "record": text, "at": now()},
            )
            cursor.execute(
                "insert or replace into setting values ($name, $value)",
                {"name": "convention/" + student, "value": convention_id},
            )
            cursor.execute(
                f"insert or {'replace' if show else 'ignore'} into setting "
                "values ('student', $value)",
                {"value": student},
            )

    def convention(self, convention_id: str) -> dict[str, Any]:
        """A convention record, with its id and student."""
        row = self._one("select * from convention where convention_id = $id", id=convention_id)
        if row is None:
            raise StoreError(f"The store knows no convention {convention_id}.")
        return {
            "convention_id": convention_id,
            "student": row["student"],
            **json.loads(row["record"]),
        }

    def conventions(self) -> list[dict[str, Any]]:
        """Every convention record that the store knows, with its id and student, oldest first."""
        ids = self._frame("select convention_id from convention order by added_at, convention_id")
        return [self.convention(convention_id) for convention_id in ids["convention_id"]]

    def current_convention(self, student: str) -> str | None:
        """The id of the convention in use for a student, or None while nothing is scored."""
        return self.setting("convention/" + student)

    def add_pack(
        self,
        frame: pl.DataFrame,
        convention_id: str,
        student: str,
        record: dict[str, Any],
        pack: str,
    ) -> Taken:
        """Store a score pack; a score that is already there stays.

        A convention that the store has not seen before comes into use with its first pack (the
        student was updated); which student is shown stays. One that it knows does not: a pack that
        was left lying, or comes late from another machine, must not bring back a convention that
        somebody replaced.

        Raises StoreError where the frame is not of `PACK_SCHEMA` or names another convention.
        """
        if dict(frame.schema) != PACK_SCHEMA:
            raise StoreError(f"Score pack {pack} has the columns {frame.schema}; it was not taken.")
        if frame.filter(pl.col("convention_id") != convention_id).height:
            raise StoreError(f"Score pack {pack} mixes conventions; it was not taken.")
        known = "select 1 from convention where convention_id = $id"
        if self._one(known, id=convention_id) is None:
            self.use_convention(convention_id, student, record, show=False)
        with self._writing() as cursor:
            cursor.register("pack", frame)
            fitting = cursor.execute(
                "select p.trace_id, p.error, exists (select 1 from score s where "
                "s.trace_id = p.trace_id and s.convention_id = p.convention_id) as known "
                "from pack p join trace t using (trace_id, text_hash)"
            ).pl()
            cursor.execute(
                """
                insert into score by name
                select p.*, $pack as pack, $at::timestamptz as scored_at
                from pack p semi join trace t using (trace_id, text_hash)
                on conflict do nothing
                """,
                {"pack": pack, "at": now()},
            )
            cursor.unregister("pack")
        new = fitting.filter(~pl.col("known"))
        n_failed = new.filter(pl.col("error").is_not_null()).height
        return Taken(
            n_scored=new.height - n_failed,
            n_failed=n_failed,
            n_known=fitting.height - new.height,
            n_foreign=frame.height - fitting.height,
        )

    def tokens(self, trace_id: str, student: str) -> dict[str, Any] | None:
        """A trace's score under the convention in use for `student`, or None where there is none.

        Keys: `TOKEN_COLUMNS` (lists of equal length, one entry per token of the trace),
        `PROFILE_COLUMNS`, convention_id, error (why it could not be scored, or None).
        """
        columns = ", ".join(f's."{name}"' for name in (*TOKEN_COLUMNS, *PROFILE_COLUMNS))
        return self._one(
            f"select {columns}, s.convention_id, s.error from latest_score s "
            "where s.trace_id = $trace_id and s.student = $student",
            trace_id=trace_id,
            student=student,
        )

    def score_versions(self, trace_ids: list[str], student: str) -> dict[str, str]:
        """For those of `trace_ids` that have a score: the convention it stands under."""
        frame = self._frame(
            "select trace_id, convention_id from latest_score "
            "where student = $student and trace_id in (select unnest($ids::varchar[]))",
            student=student,
            ids=trace_ids,
        )
        return dict(frame.iter_rows())

    def scoring_state(self, student: str) -> dict[str, int]:
        """How many traces are scored, failed and waiting under the convention in use."""
        row = self._one(
            """
            select count(*) as total, count(s.trace_id) filter (s.error is null) as scored,
                count(s.error) as failed
            from trace t left join (
                select trace_id, error from latest_score where student = $student
            ) s using (trace_id)
            """,
            student=student,
        )
        assert row is not None
        return {**row, "waiting": row["total"] - row["scored"] - row["failed"]}

    def _require_trace(self, trace_id: str) -> dict[str, Any]:
        row = self._one("select trace_id, text_hash from trace where trace_id = $id", id=trace_id)
        if row is None:
            raise unknown_trace(trace_id)
        return row
