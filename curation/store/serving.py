"""Holding a store for other processes: the listener of the Quack protocol, and its janitor.

    listener = serving.Listener(store, address, token)
    …
    listener.tidy()      # every second or so
    listener.close()

The store was opened with `serves=True`: the protocol is loaded, nothing of the machine's files can
be read through it, and its settings are locked. Who has the token can do to the store whatever SQL
can, its owner's way: the roles of people are not decided here.

Quack 1.5.5 keeps the session of a client that died, its open transaction too, and knows no way to
end one. A dead writer would hold up every other. `tidy` finds it by the mark that stands before the
statements of a write transaction (`quack.WRITING`) and opens the listener anew, which ends every
session; living clients come back by themselves (https://github.com/duckdb/duckdb-quack/issues/225).
"""

from __future__ import annotations

import socket
import time
from typing import Any

import duckdb

from curation.errors import StoreError
from curation.store import Store, quack
from curation.store.address import Address
from curation.store.connection import TURN

LETS_GO_S = 5.0
"""How long we wait for a port to be free."""

IDLE_S = 60.0
"""How long a write transaction may do nothing before its client is taken for dead."""


class Listener:
    """The open port of a store that this process holds."""

    def __init__(self, store: Store, address: Address, token: str) -> None:
        self._store, self.address, self._token = store, address, token
        self._silent: dict[tuple[Any, Any], float] = {}
        self._listen()

    def close(self) -> None:
        """Close the port; what was not committed is rolled back."""
        self._call("call quack_stop($uri)", uri=str(self.address))

    def sessions(self) -> int:
        """How many sessions clients have, idle ones and those of dead clients too."""
        return int(self._call("select count(*) from quack_active_connections()")[0][0])

    def tidy(self, idle_s: float = IDLE_S) -> bool:
        """End the write transaction of a client that is gone; whether there was one.

        Gone is who began to write and was found silent for `idle_s` seconds, from the first look
        that found it so: how long its last statement took counts for nothing. Of a statement that
        failed Quack keeps no words, so a client that died after one is found by the turn that it
        still has, while nobody else is known to write.
        """
        sessions = self._call(
            "select id, began, state, starts_with(query, $mark) as is_writing "
            "from quack_active_connections() as c(server, id, query, state, began)",
            mark=quack.WRITING.strip(),
        )
        silent = [row[:2] for row in sessions if row[3] and row[2] == "finished"]
        if not any(row[3] for row in sessions) and self._is_turn_taken():
            silent += [row[:2] for row in sessions if row[2] == "cancelled"]
        now = time.monotonic()
        self._silent = {one: self._silent.get(one, now) for one in silent}
        if not any(now - since >= idle_s for since in self._silent.values()):
            return False
        self.close()
        self._listen()
        return True

    def _is_turn_taken(self) -> bool:
        """Whether some transaction has the turn to write now."""
        with self._store._duckdb.cursor() as cursor:
            cursor.execute("begin transaction")
            try:
                cursor.execute(TURN)
            except duckdb.TransactionException:
                return True
            finally:
                cursor.execute("rollback")
        return False

    def _listen(self) -> None:
        _check_free(self.address)
        try:
            self._call(
                "call quack_serve($uri, token => $token, allow_other_hostname => $open)",
                uri=str(self.address), token=self._token, open=not self.address.is_loopback,
            )  # fmt: skip
        except duckdb.Error as exc:
            said = str(exc).replace(self._token, "…").strip().splitlines()[0]
            raise StoreError(
                f"{self.address} cannot be listened on ({said}). Name a free port of this machine "
                "with --listen."
            ) from None  # its text may hold the token

    def _call(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self._store._duckdb.cursor() as cursor:
            return cursor.execute(sql, parameters or None).fetchall()


def _check_free(address: Address) -> None:
    """Raises StoreError where somebody listens there: two Quack servers would share the port.

    A listener that was just closed takes a moment to let go. Who was killed leaves ends of
    connections behind until its clients notice; they do not hold up the next, and a trial of
    binding the port would take them for a listener.
    """
    deadline = time.monotonic() + LETS_GO_S
    while _is_listened_on(address):
        if time.monotonic() > deadline:
            raise StoreError(
                f"{address} cannot be listened on (Address already in use). Name a free "
                "port of this machine with --listen."
            )
        time.sleep(0.1)


def _is_listened_on(address: Address) -> bool:
    """Whether a caller is let in. A socket that happened to call itself has met nobody."""
    try:
        with socket.create_connection(address, timeout=1.0) as probe:
            return bool(probe.getsockname() != probe.getpeername())
    except TimeoutError:
        return True
    except OSError:
        return False
