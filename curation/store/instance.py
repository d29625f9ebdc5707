"""A DuckDB instance for a store, set up: of its file, alone or for others too, or of a server.

Owns DuckDB's settings and the words of what stands in the way of opening one. What the instance is
used for is in connection.py.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import cast

import duckdb

from curation import settings
from curation.errors import StoreBusy, StoreError
from curation.store import quack
from curation.store.address import Address

MEMORY_LIMIT = "1536MiB"
"""What DuckDB may hold, its copies of the file's blocks included (its own default is four fifths of
the machine, which a store of several GB would fill); what needs more goes through `STORE.tmp`."""


def connect(place: Path | Address, serves: bool) -> duckdb.DuckDBPyConnection:
    """An instance that runs the statements of the store at `place`.

    `serves`: other processes will run theirs in it. Raises StoreError (StoreBusy where another
    process holds the file).
    """
    if isinstance(place, Address):
        token = settings.token()
        if token is None:
            raise StoreError(
                f"{place} asks for a token. Set HEDGEROW_TOKEN_FILE to the file that holds it."
            )
        server = quack.Server(place, token, settings.read().ca_file)
        return cast(duckdb.DuckDBPyConnection, server)  # it answers to what the store asks of one
    path = place
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            str(path),
            config={
                "enable_external_access": "true" if serves else "false",
                "autoinstall_known_extensions": "false",
                "memory_limit": MEMORY_LIMIT,
            },
        )
    except duckdb.IOException as exc:
        raise _explained(path, exc) from exc
    except (OSError, duckdb.Error) as exc:
        raise StoreError(
            f"{path} could not be opened: {first_line(exc)} Check the folder and its permissions, "
            "or name another file with --store or HEDGEROW_STORE."
        ) from exc
    if not serves:
        connection.execute("set TimeZone = 'UTC'")
        return connection
    try:
        quack.load(connection)
    except BaseException:
        connection.close()
        raise
    # The extensions are files; from here on nothing is read or set any more, by us or a client.
    for setting in ("TimeZone = 'UTC'", "enable_external_access = false"):
        connection.execute(f"set global {setting}")
    connection.execute("set lock_configuration = true")
    return connection


def _explained(path: Path, exc: duckdb.IOException) -> StoreError:
    """Why the file could not be opened, and what to do."""
    held = re.search(r"Conflicting lock is held in (.+?) \(PID (\d+)\)", str(exc))
    if held:
        pid = int(held[2])
        return StoreBusy(
            f"{path} is in use by process {pid} ({_command_of(pid) or held[1]}). One process owns "
            "a store at a time: close that one, or work through it."
        )
    if "Could not set lock" in str(exc):
        return StoreBusy(
            f"{path} is in use by another process. One process owns a store at a time: close "
            "that one (`fuser` or `lsof` on the file names it), or work through it."
        )
    if "not a valid DuckDB database file" in str(exc):
        return StoreError(
            f"{path} is no DuckDB file. Name another with --store or HEDGEROW_STORE, or bring back "
            "a backup with `python -m curation restore FILE`."
        )
    return StoreError(
        f"{path} could not be opened: {first_line(exc)} Check the folder and its permissions, or "
        "bring back a backup with `python -m curation restore FILE`."
    )


def _command_of(pid: int) -> str | None:
    """The command line of a process of this machine, where the system tells it."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return " ".join(os.fsdecode(word) for word in words if word)[:200] or None


def first_line(exc: BaseException) -> str:
    """The first line of an error, as one sentence."""
    line = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
    return line if line.endswith((".", "!")) else f"{line}."
