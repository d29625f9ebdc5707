"""Backups by the clock, made by the process that holds the store.

They lie in `STORE.backups/`, named for their moment in UTC. Each is written and opened as
`Store.backup` does it. The next is due so many hours after the newest that lies there, whoever made
it, so restarts neither skip nor double one. When a new one is whole, all but the newest few go.
Whatever else lies in the folder is left alone.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from curation.errors import CurationError
from curation.store import Store

_STAMP = "%Y-%m-%dT%H%M%SZ"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z\.duckdb")

LOOK_S = 30.0
"""Between two looks at the clock."""


def folder(store: Path) -> Path:
    """Where the backups of a store lie."""
    return store.with_name(store.name + ".backups")


def made(store: Path) -> list[Path]:
    """The backups of a store, oldest first."""
    return sorted(path for path in folder(store).glob("*.duckdb") if _NAME.fullmatch(path.name))


def made_at(backup: Path) -> datetime:
    """When a backup was made, by its name."""
    return datetime.strptime(backup.stem, _STAMP).replace(tzinfo=UTC)


class Schedule:
    """A thread that makes a store's backups."""

    def __init__(self, store: Store, *, hours: int, kept: int) -> None:
        self._store, self._every, self._kept = store, timedelta(hours=hours), kept
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hedgerow-backups", daemon=True)
        self.problem: str | None = None
        """Why the last backup that was due could not be made, or None."""

    def start(self) -> None:
        """Begin, where there is anything to do: 0 hours mean never."""
        if self._every:
            self._thread.start()

    def stop(self) -> None:
        """Make no more; a backup that is being made is finished first."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def make_if_due(self, now: datetime) -> Path | None:
        """Make a backup where one is due at `now`, and let the oldest go; the new one's path.

        Raises CurationError where it cannot be made; those that there are stay.
        """
        there = made(self._store.path)
        if there and now - made_at(there[-1]) < self._every:
            return None
        path = folder(self._store.path) / f"{now.strftime(_STAMP)}.duckdb"
        self._store.backup(path)
        for old in made(self._store.path)[: -self._kept]:
            old.unlink(missing_ok=True)
        return path

    def _run(self) -> None:
        while True:
            try:
                self.make_if_due(datetime.now(UTC))
                self.problem = None
            except (CurationError, OSError) as exc:
                self.problem = f"The backup that is due was not made: {exc}"
            if self._stop.wait(LOOK_S):
                return
