"""`python -m curation serve`: hold a store for other processes, and keep its backups.

A conductor. Answers until it is told to stop (SIGTERM, Ctrl-C). The token comes from a file or the
environment; where neither names one and the server is for this machine alone, one is made and
written beside the store, readable by its owner only. It is never shown.

Who is asking is not known here beyond the token: a decision carries the name that its client gives.
"""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from curation import settings
from curation import store as stores
from curation.backups import Schedule
from curation.errors import CurationError, StoreError
from curation.store.serving import Listener

TIDY_S = 1.0
"""Between two looks for clients that died while they wrote."""


def token_file(store: Path) -> Path:
    """Where the token lies that was made for a store."""
    return store.with_name(store.name + ".token")


def serve(
    store: Path,
    listen: str,
    *,
    backup_hours: int,
    backups_kept: int,
    say: Callable[[str], object],
    stopping: threading.Event | None = None,
) -> None:
    """Serve `store` at `listen` (host:port) until `stopping` is set or the process is told to stop.

    `say` is told what happens, a line each. Raises CurationError where the store cannot be opened,
    the port not listened on, or a server beyond this machine would have no token of its own.
    """
    address = stores.read_address(listen)
    token = settings.token()
    if token is None and not address.is_loopback:
        raise CurationError(
            f"{address} can be reached from other machines, so it needs a token: write one with "
            "`openssl rand -hex 32 > FILE` and set HEDGEROW_TOKEN_FILE to that file."
        )
    stop = stopping or threading.Event()
    if stopping is None:
        _on_signals(stop)
    with stores.open(store, serves=True) as held:
        if token is None:
            token = _made_token(token_file(held.path))
            say(f"the token is in {token_file(held.path)}: clients set HEDGEROW_TOKEN_FILE to it")
        listener = Listener(held, address, token)
        backups = Schedule(held, hours=backup_hours, kept=backups_kept)
        backups.start()
        say(f"serving {held.path} at {address}")
        if not address.is_loopback:
            say("put a reverse proxy with TLS before it: clients of other machines use HTTPS only")
        problem = None
        try:
            while not stop.wait(TIDY_S):
                if listener.tidy():
                    say("a client died while it wrote; what it had not finished is rolled back")
                if backups.problem != problem:
                    problem = backups.problem
                    say(problem or "backups are being made again")
        finally:
            backups.stop()
            listener.close()
    say("stopped")


def _on_signals(stop: threading.Event) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _made_token(path: Path) -> str:
    """The token in the file at `path`, made where there is none."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    except FileExistsError:
        pass
    except OSError as exc:
        raise StoreError(
            f"A token cannot be written to {path} ({exc.strerror}). Set HEDGEROW_TOKEN_FILE."
        ) from exc
    found = settings.token({"HEDGEROW_TOKEN_FILE": str(path)})
    assert found is not None
    return found
