"""The one connection to the store's file: opening, migrating, reading, writing.

Owns the file for as long as it is open. One DuckDB instance per process, one cursor per call,
fetched completely inside its `with`: Streamlit runs sessions in threads, and a DuckDB connection
serves one thread at a time while cursors of one instance do not disturb each other.

Reads take no lock. Writes do, one at a time: a sequence number, an undo and a backup each look
before they write, and two threads that looked at the same moment would agree on the same answer.
A write is on disk when its method returns (DuckDB syncs its log at commit).

The instance is opened with external access off, so no query, not even one that a person typed as
a filter, can read or write another file. For the same reason nothing here ever opens the store's
file itself while DuckDB holds it: closing any other descriptor of a file drops the process's
POSIX lock on it, and a second process could then open the store beside us.

A store may also be on a server (`quack:host:port`, see quack.py), or be the one a server holds.
Then it is *shared*: other processes write too, and a write transaction begins by changing the one
row of table `writer`, which DuckDB lets one open transaction do at a time.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import polars as pl

from curation.errors import MigrationError, StoreBusy, StoreUnavailable
from curation.store import quack
from curation.store.address import Address
from curation.store.instance import connect, first_line
from curation.store.quack_errors import tells_of_the_disk

_UNREADABLE = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.InternalException,
    duckdb.FatalException,
)
"""What DuckDB raises where the disk refuses or the file does not hold what it should."""

OURS = duckdb.__version__
"""The DuckDB of this process, which a server must have too."""

TURN_S = 120.0
"""How long a writer waits for its turn where other processes write too."""

TURN = "update writer set n_changes = n_changes + 0"
"""What makes it a process's turn to write; who comes second is refused (`_in_turn`)."""

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


Answer = TypeVar("Answer")

REMEMBERED = 64
"""So many answers are kept, each until what it hangs on changes."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Connection:
    """An open store. Use `curation.store.open`, which gives a whole `Store`.

    `path` is the store's file. A store on a server (`address`) has none here: `path` is then beside
    what lies where a store's things lie on this machine. `serves`: this process holds the file
    for others, which write through it.
    """

    def __init__(
        self, place: Path | Address, migrations: Path = MIGRATIONS, *, serves: bool = False
    ) -> None:
        self.address = place if isinstance(place, Address) else None
        self.path = place.beside if isinstance(place, Address) else place
        self.place = str(place)
        """What the store is called in what a person reads."""
        self._serves = serves
        self._is_shared = False  # until the table is there that it takes
        self._write_lock = threading.RLock()
        self._transaction: duckdb.DuckDBPyConnection | None = None
        self._writer: int | None = None
        """The thread whose transaction that is."""
        self._changes_pending = False
        self._answers: dict[Hashable, tuple[Hashable, Any]] = {}
        self._n_changes = 0
        """How often something beside decisions was written; counted once it is on disk."""
        self._duckdb = connect(place, serves)
        try:
            if self.address is None:
                self._migrate(migrations)
            else:
                self._shake_hands(migrations)
            self._is_shared = serves or self.address is not None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file. Everything stored is already on disk."""
        with self._write_lock:
            self._duckdb.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _frame(self, sql: str, **parameters: Any) -> pl.DataFrame:
        """What a query answers, as a frame."""
        with self._reading() as cursor:
            return cursor.execute(sql, parameters or None).pl()

    def _one(self, sql: str, **parameters: Any) -> dict[str, Any] | None:
        """The first row of what a query answers, or None."""
        rows = self._frame(sql, **parameters).head(1).to_dicts()
        return rows[0] if rows else None

    def _value(self, sql: str, **parameters: Any) -> Any:
        """The single value that a query answers."""
        return self._frame(sql, **parameters).item()

    def _remembered(self, about: Hashable, version: Hashable, ask: Callable[[], Answer]) -> Answer:
        """What was answered to this at this version, else asked now; nobody may change it.

        The version is read before asking, so what is written meanwhile is asked for next time.
        """
        held = self._answers.get(about)
        if held is None or held[0] != version:
            while len(self._answers) >= REMEMBERED:
                self._answers.pop(next(iter(self._answers)), None)
            held = self._answers[about] = version, ask()
        answer: Answer = held[1]
        return answer

    def _views(self) -> dict[str, str]:
        """The definition of every view, by its name."""
        found = self._frame("select view_name, sql from duckdb_views() where not internal")
        return dict(found.iter_rows())

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one question; a file that cannot be read is explained."""
        with self._duckdb.cursor() as cursor:
            try:
                yield cursor
            except duckdb.Error as exc:
                if not _is_of_the_disk(exc):
                    raise
                raise StoreUnavailable(
                    f"{self.place} could not be read: {first_line(exc)} Where the disk is sound, "
                    "the file is damaged: bring back a backup with "
                    "`python -m curation restore FILE`."
                ) from exc

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes inside one: all on disk at the end, or none of them."""
        with self._writing():
            yield

    @contextmanager
    def _writing(self, *, changes: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """One write transaction, or the enclosing one where this thread is in one already.

        `changes` says whether anything but decisions is written.
        """
        with self._write_lock:
            if self._transaction is not None:
                self._changes_pending |= changes
                yield self._transaction
                return
            with self._duckdb.cursor() as cursor, self._explaining_writes(cursor):
                try:
                    self._begin(cursor)
                    self._transaction, self._changes_pending = cursor, changes
                    self._writer = threading.get_ident()
                    yield cursor
                    if self._is_shared and self._changes_pending:
                        cursor.execute("update writer set n_changes = n_changes + 1")
                    cursor.execute("commit")
                    self._n_changes += self._changes_pending
                finally:
                    self._transaction = self._writer = None

    @contextmanager
    def _explaining_writes(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Whatever fails inside is rolled back; where disk or file are why, that is said."""
        try:
            yield
        except duckdb.Error as exc:
            _roll_back(cursor)
            if not _is_of_the_disk(exc):
                raise
            raise StoreUnavailable(
                f"{self.place} could not be written: {first_line(exc)} Nothing of this "
                "change was stored. Free disk space or mend the permissions, then try "
                "again; where the file is damaged, bring back a backup with "
                "`python -m curation restore FILE`."
            ) from exc
        except BaseException:
            _roll_back(cursor)
            raise

    @contextmanager
    def _asking(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor that sees what this thread's own open transaction has written, if there is one.

        The transaction of another thread is none of its business.
        """
        if self._writer == threading.get_ident() and self._transaction is not None:
            yield self._transaction
            return
        with self._reading() as cursor:
            yield cursor

    def _append_row(
        self, insert: str, row: dict[str, Any], answer: str, asked: dict[str, Any]
    ) -> pl.DataFrame:
        """Append a row and say what `answer` then finds; on disk when this returns.

        A store on a server takes it in one request, so that nobody's turn lasts for the length of a
        journey, and is sent it again where its answer was lost: `insert` must do nothing the second
        time.
        """
        if self.address is None or self._writer == threading.get_ident():
            with self._writing(changes=False) as cursor:
                cursor.execute(insert, row)
                return cursor.execute(answer, asked).pl()
        text = quack.at_once(TURN, (insert, row), (answer, asked))
        with self._write_lock, self._duckdb.cursor() as cursor, self._explaining_writes(cursor):
            self._in_turn(cursor, text)
            return cursor.pl()

    def _begin(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Begin to write; where others write too, as soon as it is our turn."""
        if not self._is_shared:
            cursor.execute("begin transaction")
            return
        self._in_turn(cursor, f"{quack.WRITING}begin transaction; {TURN}")

    def _in_turn(self, cursor: duckdb.DuckDBPyConnection, text: str) -> None:
        """Run what takes our turn, as soon as no other process has its own."""
        deadline = time.monotonic() + TURN_S
        while True:
            try:
                cursor.execute(text)
                return
            except duckdb.TransactionException as exc:
                _roll_back(cursor)
                if _is_of_the_disk(exc):
                    raise
                if time.monotonic() > deadline:
                    raise StoreBusy(
                        f"Another process has been writing to {self.place} for {TURN_S:.0f} s; "
                        "nothing of this change was stored. Try again when it is done."
                    ) from exc
            time.sleep(random.uniform(0.001, 0.02))

    def _how_often_changed(self) -> int:
        """How often something beside decisions was written so far, by whomever."""
        if self._is_shared:
            return int(self._value("select n_changes from writer"))
        return self._n_changes

    def _shake_hands(self, folder: Path) -> None:
        """See that the server has our DuckDB and our schema. Raises MigrationError."""
        theirs = str(self._value("select library_version from pragma_version()")).removeprefix("v")
        if theirs != OURS:
            raise MigrationError(
                f"{self.place} runs DuckDB {theirs} and this machine {OURS}. Install "
                "the same Hedgerow on both."
            )
        if not self._value("select count(*) from duckdb_tables() where table_name = 'writer'"):
            raise MigrationError(
                f"{self.place} serves no Hedgerow store of this version. Start it with "
                "`python -m curation serve`, from the same Hedgerow as here."
            )
        applied = self._frame("select max(name) as newest from migration").item()
        known = max(path.stem for path in folder.glob("*.sql"))
        if applied != known:
            older = "this machine" if applied > known else "the server"
            raise MigrationError(
                f"{self.place} has the schema {applied} and this machine knows up to {known}. "
                f"Nothing was changed. Update Hedgerow on {older}."
            )

    def _migrate(self, folder: Path) -> None:
        """Bring the file to the newest schema, after a backup where it holds anything."""
        known = sorted(folder.glob("*.sql"))
        if not self._value("select count(*) from duckdb_tables() where table_name = 'migration'"):
            if self._value("select count(*) from duckdb_tables()"):
                raise MigrationError(
                    f"{self.path} is a DuckDB file, but not a Hedgerow store. Nothing was changed. "
                    "Name another file with --store or HEDGEROW_STORE."
                )
            with self._writing() as cursor:
                cursor.execute(
                    "create table migration"
                    " (name varchar primary key, applied_at timestamptz not null)"
                )
        applied = set(self._frame("select name from migration")["name"].to_list())
        newer = sorted(applied - {path.stem for path in known})
        if newer:
            raise MigrationError(
                f"{self.path} was written by a newer Hedgerow (it has {newer[-1]}; this one "
                f"knows up to {known[-1].stem}). Nothing was changed. Update Hedgerow, then open "
                "it again."
            )
        pending = [path for path in known if path.stem not in applied]
        if applied and pending:
            self._keep_a_copy(sorted(applied)[-1])
        for path in pending:
            try:
                with self._writing() as cursor:
                    cursor.execute(path.read_text(encoding="utf-8"))
                    cursor.execute(
                        "insert into migration values ($name, $at)",
                        {"name": path.stem, "at": now()},
                    )
            except duckdb.Error as exc:
                raise MigrationError(
                    f"{self.path} could not be brought to {path.stem}: {first_line(exc)} "
                    "This step was undone; report it with this message."
                ) from exc

    def _keep_a_copy(self, schema: str) -> None:
        """Copy the file aside before its schema changes (closed meanwhile, see the module)."""
        copy = self.path.with_name(f"{self.path.stem}.before-{schema}-upgrade.duckdb")
        self._duckdb.close()
        n = 1
        while copy.exists():
            n += 1
            copy = self.path.with_name(f"{self.path.stem}.before-{schema}-upgrade-{n}.duckdb")
        shutil.copyfile(self.path, copy)
        self._duckdb = connect(self.path, self._serves)


def _is_of_the_disk(exc: duckdb.Error) -> bool:
    """Whether disk or file are why; at a commit, DuckDB tells that as a failed transaction."""
    return isinstance(exc, _UNREADABLE) or tells_of_the_disk(str(exc))


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    """Undo the transaction, unless DuckDB already has."""
    with suppress(duckdb.Error):
        cursor.execute("rollback")
