"""How far a scorer is, for others to see, and the lock that lets only one work in a folder.

`progress.json` is replaced as a whole, so that a reader never sees half of it. The lock is the
kernel's (flock on `scorer.lock`): it ends with the process however that dies, so a killed scorer
leaves nothing to clear up; the pid inside is for the message.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from curation.errors import StudentError

State = Literal["loading", "scoring", "done", "stopped", "failed"]


@dataclass
class Progress:
    """Where a scorer stands. Counts are of the job's traces, those of earlier runs included."""

    student: str
    pid: int
    state: State = "loading"
    message: str = ""
    done: int = 0
    total: int = 0
    failed: int = 0
    """Of `done`: traces that cannot be scored; their packs say why."""
    n_tokens: int = 0
    """Tokens scored in this run."""
    tokens_per_second: float | None = None
    updated_at: str = ""
    """UTC, ISO 8601."""


def write_progress(folder: Path, progress: Progress) -> None:
    """Say in `folder` where the scorer stands. Raises OSError where that cannot be written."""
    progress.updated_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    temporary = folder / f".progress-{os.getpid()}"
    temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")
    os.replace(temporary, folder / "progress.json")


def read_progress(folder: Path) -> Progress | None:
    """What a scorer last said in `folder`; None where none did, or not in these words."""
    try:
        return Progress(**json.loads((folder / "progress.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def only_scorer(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process alone; StudentError naming the other where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "scorer.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _lock(descriptor):
            pid = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "?"
            raise StudentError(
                f"Process {pid} is scoring into {folder} already; wait for it to end, or stop it."
            )
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


def is_scoring(folder: Path) -> bool:
    """Whether a live process holds `folder`."""
    try:
        descriptor = os.open(folder / "scorer.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor, tries=1)
    finally:
        os.close(descriptor)


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lock(descriptor: int, tries: int = 5) -> bool:
    """Whether the lock could be had; tried again, since `is_scoring` holds it for a moment."""
    for left in reversed(range(tries)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(0.02)
        else:
            return True
    return False
