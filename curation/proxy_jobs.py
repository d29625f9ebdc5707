"""Proxy readings for a screen: asked of a process of their own, kept while the app runs.

Three students would stay in the app's memory and take its cores; a process takes both with it when
it ends, and runs at low priority meanwhile. What was read is kept by what was asked, the last few.
Knows no screen.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import OrderedDict
from typing import Any, NamedTuple

from curation.settings import ROOT

KEPT = 16


class Asked(NamedTuple):
    """What is read: a trace, with which students, how far they steer."""

    trace_id: str
    student: str
    expert: str
    antiexpert: str
    alpha: float
    dtype: str = "float32"


class Job:
    """One reading, on its way or over."""

    def __init__(self, store: str, asked: Asked) -> None:
        self.answer: dict[str, Any] | None = None
        """What `proxy` answers of the trace; None until it is there."""
        self.error: str | None = None
        """Why there is no reading, as a person reads it."""
        self._command = [
            *_quietly(), sys.executable, "-m", "curation", "--store", store, "proxy", "--json",
            f"--student={asked.student}", f"--expert={asked.expert}",
            f"--antiexpert={asked.antiexpert}", f"--alpha={asked.alpha!r}",
            f"--dtype={asked.dtype}", "--", asked.trace_id,
        ]  # fmt: skip
        self._is_over = threading.Event()
        threading.Thread(target=self._run, name="hedgerow-proxy", daemon=True).start()

    @property
    def is_running(self) -> bool:
        """Whether it is still being read."""
        return not self._is_over.is_set()

    def wait(self, at_most_s: float) -> bool:
        """Wait for the end, at most so long; whether it came."""
        return self._is_over.wait(at_most_s)

    def _run(self) -> None:
        try:
            done = subprocess.run(
                self._command, capture_output=True, text=True, encoding="utf-8", check=False,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            if done.returncode == 0:
                self._take(json.loads(done.stdout))
            else:
                said = done.stderr.strip().splitlines() or ["The reading ended without a word."]
                self.error = said[-1].removeprefix("error: ")
        except (OSError, ValueError) as exc:
            self.error = f"The reading could not be started or understood ({exc}); try again."
        finally:
            self._is_over.set()

    def _take(self, answer: dict[str, Any]) -> None:
        if answer["failed"]:
            self.error = answer["failed"][0]["error"]
        else:
            self.answer = answer


class Jobs:
    """The readings of one store: one at a time, the last `KEPT` remembered."""

    def __init__(self, store: str) -> None:
        """Of the store at this path or address."""
        self._store = store
        self._jobs: OrderedDict[Asked, Job] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, asked: Asked) -> Job | None:
        """The reading that was asked for before, or None."""
        return self._jobs.get(asked)

    def start(self, asked: Asked) -> Job | None:
        """Begin a reading, or the one that is there; None while another runs."""
        with self._lock:
            held = self._jobs.get(asked)
            if held is not None and held.error is None:
                return held
            if any(job.is_running for job in self._jobs.values()):
                return None
            job = self._jobs[asked] = Job(self._store, asked)
            self._jobs.move_to_end(asked)
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)
            return job


def _quietly() -> list[str]:
    """What lets a command run at low priority: the app that shows its answer must stay quick."""
    nice = shutil.which("nice")
    return [nice, "-n", "10"] if nice else []
