"""The app's housekeeping beside the pages: score packs in, markers up to date, a scorer at work.

Scoring never happens in the process that holds the store: it would hold up every click, and only
one process may open the file. Instead

    owner    writes a job (Parquet: what is to be scored, in the order curators see it)
    scorer   any process, on this machine or another: reads the job, writes score packs
    owner    takes the packs in, each in one transaction, and deletes them

in `STORE.packs/`. A pack appears whole or not at all, and taking one in twice changes nothing, so
either side may be killed at any moment. `python -m curation score` goes the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

from curation import hedging
from curation.errors import CurationError
from curation.settings import ROOT
from curation.store import Store
from curation.student import packs

PAUSE_S = 0.4
"""Between two looks at the packs folder."""


class TakenIn(NamedTuple):
    """What came of the packs that lay ready."""

    scored: int
    failed: int
    n_tokens: int
    set_aside: list[str]
    """Packs that cannot be taken, each with the reason; they lie in `unusable/`."""


def packs_folder(store_path: Path) -> Path:
    """Where the jobs and packs of a store lie."""
    return store_path.with_name(store_path.name + ".packs")


def take_in(store: Store) -> TakenIn:
    """Store every pack that lies ready and delete it; one that cannot be taken is set aside."""
    folder = packs_folder(store.path)
    scored = failed = n_tokens = 0
    set_aside: list[str] = []
    for path in sorted(folder.glob("*.pack.parquet")):
        try:
            pack = packs.read_pack(path)
            taken = store.add_pack(
                pack.frame,
                pack.convention.convention_id,
                pack.convention.student,
                dict(pack.convention.record),
                path.name,
            )
        except FileNotFoundError:
            continue  # another thread of the owner took it
        except CurationError as exc:
            unusable = folder / "unusable"
            unusable.mkdir(exist_ok=True)
            os.replace(path, unusable / path.name)
            set_aside.append(str(exc))
            continue
        path.unlink(missing_ok=True)
        scored += taken.n_scored
        failed += taken.n_failed
        n_tokens += int(pack.frame["n_tokens"].sum())
    return TakenIn(scored, failed, n_tokens, set_aside)


def plan(store: Store, student: str, limit: int | None = None) -> tuple[Path, int]:
    """Write a job of what is not scored yet; its path and how many traces it holds."""
    take_in(store)
    frame = store.unscored(student, limit)
    folder = packs_folder(store.path)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.parquet"
    packs.write_job(path, frame)
    return path, frame.height


def mark_pending(store: Store, progress: Any = None) -> int:
    """Bring the markers of every trace up to the lexicon in use; how many traces were marked."""
    lexicon = hedging.load_lexicon()
    store.use_lexicon(lexicon.lexicon_id, lexicon.language, lexicon.content)
    n = 0
    while True:
        frame = store.unmarked(lexicon.lexicon_id)
        if not frame.height:
            return n
        store.add_markings(
            hedging.mark_many(
                frame["trace_id"].to_list(), frame["text"].to_list(), frame["prompt"].to_list()
            )
        )
        n += frame.height
        if progress is not None:
            progress(frame.height)


class Caretaker:
    """A thread of the app that keeps its store's scores and markers coming."""

    def __init__(self, store: Store, *, student: str, dtype: str, scoring: bool) -> None:
        self._store = store
        self._student = student
        self._dtype = dtype
        self._scoring = scoring
        self._worker: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._problem: str | None = None
        self._given_up_at: int | None = None
        self.version = 0
        """Grows whenever scores or markers came in."""
        self._thread = threading.Thread(target=self._run, name="hedgerow-caretaker", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def wake(self) -> None:
        """Look again now: traces were added."""
        self._given_up_at = None
        self._wake.set()

    def stop(self) -> None:
        """End the thread and the scorer."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=10)
        self._end_worker()

    def state(self) -> dict[str, Any]:
        """Where scoring stands: counts, whether a scorer is at work, its speed, any problem."""
        counts = self._store.scoring_state(self._student)
        running = self._worker is not None and self._worker.poll() is None
        progress: dict[str, Any] = {}
        if running:
            try:
                text = (packs_folder(self._store.path) / "progress.json").read_text("utf-8")
                progress = json.loads(text)
            except (OSError, ValueError):
                progress = {}
        return {
            **counts,
            "student": self._student,
            "running": running,
            "message": progress.get("message"),
            "tokens_per_second": progress.get("tokens_per_second"),
            "problem": self._problem,
        }

    def pause_for(self, pid: int) -> None:
        """Stop the app's own scorer while process `pid` scores."""
        self._paused_for = pid
        self._end_worker()

    _paused_for: int | None = None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                taken = take_in(self._store)
                marked = mark_pending(self._store)
                if taken.scored or taken.failed or marked:
                    self.version += 1
                if taken.set_aside:
                    self._problem = taken.set_aside[-1]
                self._keep_scoring()
            except CurationError as exc:
                self._problem = str(exc)
            self._wake.wait(PAUSE_S)
            self._wake.clear()

    def _keep_scoring(self) -> None:
        """Start a scorer where there is something to score and nobody at it."""
        if not self._scoring:
            return
        if self._paused_for is not None:
            if _is_alive(self._paused_for):
                return
            self._paused_for = None
        if self._worker is not None:
            code = self._worker.poll()
            if code is None:
                return
            self._worker = None
            if code:
                self._problem = self._last_words()
                self._given_up_at = self._store.scoring_state(self._student)["waiting"]
        waiting = self._store.scoring_state(self._student)["waiting"]
        if not waiting or waiting == self._given_up_at:
            return
        job, n = plan(self._store, self._student)
        if n:
            self._worker = self._spawn(job)

    def _spawn(self, job: Path) -> subprocess.Popen[bytes]:
        folder = packs_folder(self._store.path)
        with (folder / "scorer.log").open("wb") as log:
            return subprocess.Popen(
                [
                    sys.executable, "-m", "curation.student.worker", "--job", str(job),
                    "--out", str(folder), "--student", self._student, "--dtype", self._dtype,
                    "--parent-pid", str(os.getpid()),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )  # fmt: skip

    def _last_words(self) -> str:
        """The scorer's last line: why it ended."""
        try:
            text = (packs_folder(self._store.path) / "scorer.log").read_text("utf-8", "replace")
        except OSError:
            text = ""
        lines = [line for line in text.splitlines() if line.strip()]
        return f"The scorer ended: {lines[-1] if lines else 'it said nothing'}"

    def _end_worker(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()
            try:
                self._worker.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._worker.kill()
                self._worker.wait()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
