"""An export that is written while its asker may go elsewhere: a thread of the process that owns it.

One at a time for a store. It goes on when the page is left and is found there again, in every tab;
when the process ends it ends with it, and since a folder appears complete or not at all nothing
stands at the destination then. Knows no screen.
"""

from __future__ import annotations

import threading
from typing import Any

from curation import commands
from curation.errors import CurationError, ExportError
from curation.store import Store


class Job:
    """One export: how far it is, and how it ended."""

    def __init__(self, store: Store, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.n_written, self.n_rows = 0, 0
        self.answer: dict[str, Any] | None = None
        """What `export` answers; None until it is finished."""
        self.error: str | None = None
        """Why nothing was written, as a person reads it."""
        self.crash: Exception | None = None
        """What went wrong that no person can put right."""
        self._store = store
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hedgerow-export", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether it is still being written."""
        return not self._is_over.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self, at_most_s: float) -> bool:
        """Wait for the end, at most so long; whether it came."""
        return self._is_over.wait(at_most_s)

    def _run(self) -> None:
        try:
            self.answer = commands.run("export", self._store, self.arguments, self._tell)
        except CurationError as exc:
            self.error = str(exc)
        except Exception as exc:
            self.crash = exc  # who looks at the job raises it; a thread has nobody to tell
        finally:
            self._is_over.set()

    def _tell(self, n: int, total: int | None) -> None:
        self.n_written, self.n_rows = self.n_written + n, total or 0


class Jobs:
    """The export of a store that is being written, or was last."""

    def __init__(self) -> None:
        self.last: Job | None = None
        self._lock = threading.Lock()

    def start(self, store: Store, arguments: dict[str, Any]) -> Job:
        """Begin an export (the arguments of the command). Raises ExportError while one runs."""
        with self._lock:
            if self.last is not None and self.last.is_running:
                raise ExportError(
                    f"{self.last.arguments['out']} is being written; wait until it is finished."
                )
            self.last = Job(store, arguments)
        self.last.start()
        return self.last
