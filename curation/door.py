"""How a second process works on a store that the app holds: it asks the owner.

DuckDB lets one process open the file. The owner (the app) therefore keeps a door: a socket on the
loopback interface whose address and key stand in `STORE.owner.json`, readable by the same user
only. A command that finds the store in use sends its name and arguments through the door, and the
owner runs it on the store it holds and answers with the result: so listing, exporting and backing
up work while the app is open.

Owns the handshake and the messages (JSON; nothing is unpickled). Does not know the commands: the
handler does. Scoring does not go through here, only its beginning and its end (see caretaker.py).
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path
from typing import Any

from curation import errors
from curation.answers import as_json
from curation.errors import CurationError, StoreBusy, StoreError

Handler = Callable[[str, dict[str, Any]], dict[str, Any]]

_LARGEST_REQUEST = 1 << 20
_HANDSHAKE_S = 10.0
"""How long a caller waits for the owner's first word: another program may listen there by now."""


def owner_file(store: Path) -> Path:
    """Where the owner of a store says how it can be asked, by whatever path the store is named."""
    store = store.resolve()
    return store.with_name(store.name + ".owner.json")


class Door:
    """The owner's side: answers requests until it is closed."""

    def __init__(self, store: Path, handler: Handler) -> None:
        self._handler = handler
        self._file = owner_file(store)
        self._key = secrets.token_bytes(32)
        self._listener = Listener(("127.0.0.1", 0), backlog=128)  # 1 would stall a burst of callers
        self._closed = False
        host, port = self._listener.address[:2]
        _write_private(
            self._file,
            {"pid": os.getpid(), "host": host, "port": port, "key": self._key.hex()},
        )
        self._thread = threading.Thread(target=self._serve, name="hedgerow-door", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._closed = True
        self._file.unlink(missing_ok=True)
        with suppress(OSError):
            Client(self._listener.address).close()  # wakes the thread that waits for a caller
        self._thread.join(timeout=5)
        self._listener.close()

    def _serve(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
            except OSError:
                continue  # the caller left while knocking
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection:
            try:
                # Here rather than in the listener, so that a silent caller holds up only itself.
                deliver_challenge(connection, self._key)
                answer_challenge(connection, self._key)
                request = json.loads(connection.recv_bytes(_LARGEST_REQUEST))
            except (OSError, EOFError, ValueError, AuthenticationError):
                return  # the caller left, or was none of ours
            try:
                result = self._handler(request["command"], request["arguments"])
                answer = as_json({"result": result})
            except CurationError as exc:
                answer = as_json({"error": str(exc), "kind": type(exc).__name__})
            except Exception as exc:
                answer = as_json({"error": f"The owner failed: {exc!r}", "kind": "StoreError"})
                raise
            finally:
                with suppress(OSError):  # who asked may have left
                    connection.send_bytes(answer.encode())


def ask(store: Path, command: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """What the owner of `store` answers to a command, or None where no owner keeps a door.

    Raises the CurationError that the owner answered with; StoreBusy where the owner went away
    before it answered.
    """
    try:
        owner = json.loads(owner_file(store).read_text(encoding="utf-8"))
        connection = _connected(owner["host"], owner["port"], bytes.fromhex(owner["key"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError, AuthenticationError):
        return None
    with connection:
        request = json.dumps({"command": command, "arguments": arguments}).encode("ascii")
        if len(request) > _LARGEST_REQUEST:
            raise StoreError(
                f"`{command}` with {len(request):,} bytes of arguments is more than the process "
                f"that holds {store} takes ({_LARGEST_REQUEST:,}); shorten them, or close it first."
            )
        try:
            connection.send_bytes(request)
            answer = json.loads(connection.recv_bytes())
        except (OSError, EOFError) as exc:
            raise StoreBusy(
                f"Process {owner.get('pid')}, which holds {store}, went away before it answered "
                f"`{command}`. Look with `python -m curation status`, then try again."
            ) from exc
    if "error" in answer:
        raise getattr(errors, answer.get("kind", ""), CurationError)(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result


def _connected(host: str, port: int, key: bytes) -> Connection:
    """A connection to the owner, who proved to be it and to whom we did."""
    connection = Client((host, port))
    try:
        if not connection.poll(_HANDSHAKE_S):
            raise TimeoutError("nobody of ours answers there")
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
    except BaseException:
        connection.close()
        raise
    return connection


def _write_private(path: Path, content: dict[str, Any]) -> None:
    """Write a file that only its owner can read, in one step."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(partial, path)
