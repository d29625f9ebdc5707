"""The process that holds a store: the store, its door and its caretaker, opened and closed as one.

    owner = curation.owner.open(path, student="…", dtype="float32", scoring=True)

The app is one. Owns the order in which the three come and go, and what a command that came through
the door sets in motion here. Knows no screen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation import store as stores
from curation.backups import Schedule
from curation.caretaker import Caretaker
from curation.door import Door
from curation.errors import CurationError, StoreError
from curation.sharing import Readers, Reservations
from curation.store import Store


@dataclass(frozen=True)
class Owner:
    """The store as this process holds it, for everyone in it."""

    store: Store
    caretaker: Caretaker
    door: Door | None
    """None where the store is on a server, which takes everybody in by itself."""
    backups: Schedule | None = None
    """None where somebody else holds the store."""
    readers: Readers = field(default_factory=Readers)
    """Who has read what, by the decisions of this store."""
    reservations: Reservations = field(default_factory=Reservations)
    """Which cards are on whose desk."""

    def close(self) -> None:
        """Let go: no more answers, no scorer, the file free."""
        if self.door is not None:
            self.door.close()
        if self.backups is not None:
            self.backups.stop()
        self.caretaker.stop()
        self.store.close()


def open(
    path: Path,
    *,
    student: str,
    dtype: str,
    scoring: bool,
    backup_hours: int = 0,
    backups_kept: int = 7,
) -> Owner:
    """The store at `path` (made where there is none), with its door open and its caretaker at work.

    A store on a server needs neither door nor backups of ours.

    Raises StoreError, with nothing left open, where the store or its door cannot be opened.
    """
    store = stores.open(path)
    try:
        caretaker = Caretaker(store, student=student, dtype=dtype, scoring=scoring)

        def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
            return _answer(store, caretaker, name, arguments)

        if store.address is not None:
            caretaker.start()
            return Owner(store, caretaker, None)
        door = Door(store.path, answer)
    except OSError as exc:
        store.close()
        raise StoreError(
            f"The store's door could not be opened beside {path}: {exc.strerror or exc}. "
            "Mend the folder's permissions, or free some space there."
        ) from exc
    caretaker.start()
    backups = Schedule(store, hours=backup_hours, kept=backups_kept)
    backups.start()
    return Owner(store, caretaker, door, backups)


def _answer(
    store: Store, caretaker: Caretaker, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Run a command that came through the door."""
    from curation import commands  # half a second that the first page need not wait for

    if name not in commands.COMMANDS:
        raise CurationError(
            f"The process that holds {store.path} does not know `{name}`; it may be of another "
            "version. Close it, then try again."
        )
    if name == "score-plan":
        caretaker.pause_for(int(arguments["pid"]))
    answer = commands.run(name, store, arguments)
    if name == "ingest":
        caretaker.wake()
    return answer
