"""A store on a server: a cursor like DuckDB's own whose statements another process runs.

DuckDB's Quack protocol (HTTP, by two of its own extensions) lets one DuckDB run SQL in another.
Every function of the store speaks to a cursor: `execute` with named parameters, `pl`, `fetchall`,
`register`. Here is a second thing that answers to these, so that not one of those functions knows
where the store is.

Owns the extensions, the client's sessions, and what an error of the protocol means. Promises: a
cursor is a session of its own on the server, so its transaction is seen by nobody else; a question
outside of a transaction is asked again after the server went away and came back; a transaction
never is, since what was done in it is gone. The token stands in no message.

What Quack 1.5.5 does not do, and what is done about it, is in ARCHITECTURE.md: parameters are not
bound (so `PREPARE` and `EXECUTE`, with values as literals), the kind of an error is lost, what is
appended reaches permanent tables alone, nothing can be cancelled, and the session of a client that
died stays (serving.py). Sources: https://duckdb.org/docs/current/quack/overview; issues 173, 225,
257 and 259 of https://github.com/duckdb/duckdb-quack.
"""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
from polars import DataFrame

from curation.errors import StoreError, StoreUnavailable
from curation.store.address import Address
from curation.store.quack_errors import as_duckdb, is_lost, said

PATIENCE_S = 10.0
"""How long a question waits for a server that went away."""

WRITING = "/* writing */ "
"""Stands before every statement of a transaction that writes: the server knows it by that."""

_AS_JSON = 16
"""Lists longer than this travel as one JSON text: a literal each takes DuckDB quadratic time."""


def load(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the protocol into a DuckDB instance, from the wheels and without the network.

    The extensions are signed and checked by DuckDB. Raises StoreError where they are missing or
    made for another DuckDB.
    """
    for name in ("httpfs", "quack"):
        try:
            path = extension_file(name)
            connection.execute(f"load {_literal(str(path))}")
        except (ModuleNotFoundError, FileNotFoundError, duckdb.Error) as exc:
            raise StoreError(
                f"DuckDB's extension {name} for {duckdb.__version__} cannot be loaded "
                f"({_first_line(exc)}). `pip install duckdb-extension-{name}=={duckdb.__version__}`"
                " in the environment of Hedgerow mends it."
            ) from exc


def extension_file(name: str) -> Path:
    """The file of one of DuckDB's extensions as its wheel has it, for the DuckDB installed here.

    Raises ModuleNotFoundError without the wheel, FileNotFoundError where it is for another DuckDB.
    """
    folder = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
    path = Path(str(folder / f"{name}.duckdb_extension"))
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    return path


class Server:
    """A store server as its client holds it: as many sessions there as there are open cursors."""

    def __init__(self, address: Address, token: str, ca_file: str = "") -> None:
        self.address = address
        self._token = token
        self._lock = threading.Lock()
        self._free: list[str] = []
        self._n_sessions = 0
        self._client = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_persistent_secrets": "false",
            }
        )
        try:
            load(self._client)
            self._client.execute("set TimeZone = 'UTC'")
            if ca_file:
                self._client.execute(f"set global ca_cert_file = {_literal(ca_file)}")
            with self.cursor():
                pass
        except BaseException:
            self._client.close()
            raise

    def close(self) -> None:
        """Leave the server, which forgets our sessions."""
        with self._lock:
            for name in self._free:
                with suppress(duckdb.Error):
                    self._client.execute(f"detach {name}")
            self._free.clear()
        self._client.close()

    def cursor(self) -> RemoteCursor:
        """A cursor with a session of its own. Raises StoreError where the server refuses one."""
        with self._lock:
            if self._free:
                return RemoteCursor(self, self._client.cursor(), self._free.pop())
            self._n_sessions += 1
            name = f"session{self._n_sessions}"
        client = self._client.cursor()
        try:
            self._attach(client, name)
        except BaseException as exc:
            client.close()
            if isinstance(exc, duckdb.Error):
                raise self._refused(exc) from None  # its text holds the statement, token and all
            raise
        return RemoteCursor(self, client, name)

    def _attach(self, client: duckdb.DuckDBPyConnection, name: str) -> None:
        client.execute(
            f"attach {_literal(str(self.address))} as {name} "
            f"(type quack, token {_literal(self._token)})"
        )

    def _again(self, client: duckdb.DuckDBPyConnection, name: str) -> None:
        """A new session under the name of a lost one, as soon as the server is there."""
        with suppress(duckdb.Error):
            client.execute(f"detach {name}")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._attach(client, name)
                return
            except duckdb.Error as exc:
                if not is_lost(exc) or time.monotonic() > deadline:
                    raise self._refused(exc) from None
            time.sleep(random.uniform(0.05, 0.2))

    def _give_back(self, name: str) -> None:
        with self._lock:
            self._free.append(name)

    def _refused(self, exc: duckdb.Error) -> StoreError:
        """Why no session came about, and what to do; without the token."""
        text = said(exc).replace(self._token, "…")
        if "Authentication failed" in text:
            return StoreError(
                f"The store server {self.address} does not take this token. Set "
                "HEDGEROW_TOKEN_FILE (or HEDGEROW_TOKEN) to the one that it was started with."
            )
        if "SSL" in text or "certificate" in text:
            return StoreError(
                f"{self.address} offers no TLS that can be trusted ({text}). Beyond this machine a "
                "store server is reached through a reverse proxy with a certificate; "
                "HEDGEROW_CA_FILE names the authority of a private one."
            )
        return StoreUnavailable(
            f"The store server {self.address} cannot be reached ({text}). Start it with "
            "`python -m curation serve`, or mend its name, port or the network between."
        )


class RemoteCursor:
    """What the store asks of DuckDB's own cursor, done in a session on the server."""

    def __init__(self, server: Server, client: duckdb.DuckDBPyConnection, session: str) -> None:
        self._server, self._client, self._session = server, client, session
        self._frame: DataFrame | None = None
        self._in_transaction = self._is_writing = False

    def __enter__(self) -> RemoteCursor:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End what is unfinished and let others have the session."""
        if self._in_transaction:
            with suppress(duckdb.Error, StoreError):
                self.execute("rollback")
        self._client.close()
        self._server._give_back(self._session)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> RemoteCursor:
        """Run SQL on the server, with its named parameters; what it answers is fetched at once.

        Raises duckdb.Error as DuckDB would; StoreError where the server is lost for good, or inside
        a transaction.
        """
        word = sql.lstrip().removeprefix(WRITING).split(None, 1)[0].rstrip(";").lower()
        begins, ends = word == "begin", word in ("commit", "rollback")
        text = _with_values(sql, parameters) if parameters else sql
        if self._is_writing and not ends:
            text = WRITING + text
        try:
            self._frame = self._ask(text)
        except duckdb.Error as exc:
            if not is_lost(exc):
                self._in_transaction |= begins  # where what stands behind `begin` failed
                raise as_duckdb(said(exc)) from exc
            if self._in_transaction:
                self._forget_transaction()
                if word == "rollback":
                    return self
                raise StoreUnavailable(_gone(self._server.address, word == "commit")) from exc
            self._server._again(self._client, self._session)
            try:
                self._frame = self._ask(text)
            except duckdb.Error as again:
                raise as_duckdb(said(again)) from again
        if begins:
            self._in_transaction, self._is_writing = True, text.startswith(WRITING)
        elif ends:
            self._in_transaction = self._is_writing = False
        return self

    def pl(self) -> DataFrame:
        """What the last statement answered."""
        assert self._frame is not None
        return self._frame

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that the last statement answered."""
        return self.pl().rows()

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first of them, or None."""
        return next(iter(self.fetchall()), None)

    def register(self, name: str, frame: DataFrame) -> None:
        """Make a frame a table of this name, which only this transaction ever sees.

        Quack appends to permanent tables alone, so it is one, made inside the transaction and
        dropped (`unregister`) before its end.
        """
        if not self._is_writing:
            raise ValueError("A frame can be registered inside a write transaction only.")
        local = f"local_{name}"
        self._client.register(local, frame)
        try:
            described = self._client.execute(f"describe select * from {local}").fetchall()
            columns = ", ".join(f"{_quoted(row[0])} {row[1]}" for row in described)
            self.execute(f"drop table if exists {_quoted(name)}")
            self.execute(f"create table {_quoted(name)} ({columns})")
            # The client knows the tables that there were when it came.
            self._client.execute("call quack_clear_cache()")
            self._client.execute(f"insert into {self._session}.{_quoted(name)} from {local}")
        except duckdb.Error as exc:
            if is_lost(exc):
                self._forget_transaction()
                raise StoreUnavailable(_gone(self._server.address, False)) from exc
            raise
        finally:
            self._client.unregister(local)

    def unregister(self, name: str) -> None:
        """Take the table away again."""
        self.execute(f"drop table if exists {_quoted(name)}")

    def _ask(self, text: str) -> DataFrame:
        return self._client.execute(
            "from quack_query_by_name($session, $text)", {"session": self._session, "text": text}
        ).pl()

    def _forget_transaction(self) -> None:
        """The session is gone, and with it what was not committed."""
        self._in_transaction = self._is_writing = False


def _with_values(sql: str, parameters: Mapping[str, Any]) -> str:
    """One text that runs `sql` with these values: Quack sends texts, not parameters."""
    return f"prepare asked as {sql.rstrip().rstrip(';')}; execute asked({_values(parameters)})"


def at_once(
    turn: str, change: tuple[str, Mapping[str, Any]], answer: tuple[str, Mapping[str, Any]]
) -> str:
    """One text that changes the store in a transaction of its own and then asks it something.

    Each of the two is SQL with its named parameters; `turn` is what the transaction begins with.
    """
    sql, values = change
    # Prepared inside: DuckDB may answer a `max` while it plans, from what is stored at that moment.
    return (
        f"/* at once */ begin transaction; {turn}; prepare change as {sql}; "
        f"execute change({_values(values)}); commit; {_with_values(*answer)}"
    )


def _values(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{_quoted(name)} := {_literal(value)}" for name, value in parameters.items())


def _literal(value: Any) -> str:
    """A Python value as DuckDB reads it in SQL, of the type that DuckDB's client would give it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"({value})"
    if isinstance(value, float):
        return f"'{value!r}'::double"
    if isinstance(value, str):
        # A zero byte would end the statement's text.
        parts = ["'" + part.replace("'", "''") + "'" for part in value.split("\0")]
        return f"({' || chr(0) || '.join(parts)})" if len(parts) > 1 else parts[0]
    if isinstance(value, datetime):
        kind = "timestamp" if value.tzinfo is None else "timestamptz"
        return f"'{value.isoformat()}'::{kind}"
    if isinstance(value, date):
        return f"'{value.isoformat()}'::date"
    if isinstance(value, bytes):
        return "from_hex('" + value.hex() + "')"
    if isinstance(value, list | tuple):
        return _list(list(value))
    raise TypeError(f"A {type(value).__name__} cannot be sent to a store server.")


def _list(values: list[Any]) -> str:
    types: dict[type, str] = {str: "varchar", int: "bigint", float: "double"}
    kinds = {type(value) for value in values if value is not None}
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    is_finite = kind is not float or all(v is None or math.isfinite(v) for v in values)
    if len(values) > _AS_JSON and kind in types and is_finite:
        return f"{_literal(json.dumps(values))}::json::{types[kind]}[]"
    return f"[{', '.join(map(_literal, values))}]"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _gone(address: Address, was_committing: bool) -> str:
    """What to say of a transaction whose server went away."""
    if was_committing:
        return (
            f"The store server {address} went away while it stored this; whether it did is not "
            "known. Do it again: what is stored already is not stored twice."
        )
    return (
        f"The store server {address} went away; nothing of this change was stored. "
        "Do it again when the server is back."
    )


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
