"""Which students the app reads with: rows, so that several can be held side by side.

What they said is kept elsewhere (`scoring.py`, `profiling.py`) and stays when one is let go.
"""

from __future__ import annotations

from typing import NamedTuple

from curation.store.connection import Connection, now


class Reader(NamedTuple):
    """A student that the app's scorer reads with."""

    student: str
    dtype: str
    is_wanted: bool
    """False: its numbers are kept, and no more are made."""


class Students(Connection):
    """The part of a store that knows which students are to read."""

    def set_reader(self, student: str, dtype: str, *, is_wanted: bool = True) -> None:
        """Let the app read with `student`, or no longer; the newest word counts."""
        with self._writing() as cursor:
            cursor.execute(
                "insert into student values ($student, $dtype, $is_wanted, $at) "
                "on conflict do update set dtype = $dtype, is_wanted = $is_wanted",
                {"student": student, "dtype": dtype, "is_wanted": is_wanted, "at": now()},
            )

    def readers(self) -> list[Reader]:
        """Every student that was ever to read here; the one shown first, then by age."""
        frame = self._frame(
            """
            select r.student, r.dtype, r.is_wanted from student r
            order by r.student is distinct from
                (select value from setting where name = 'student'), r.added_at, r.student
            """
        )
        return [Reader(*row) for row in frame.iter_rows()]
