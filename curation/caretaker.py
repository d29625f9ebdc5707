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

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from curation import editing, signs
from curation.errors import CurationError
from curation.lexicons import mark_pending
from curation.settings import ROOT
from curation.store import Reader, Store
from curation.store.reading import Pulse
from curation.student import packs
from curation.student.progress import is_alive, is_scoring, read_progress

PAUSE_S = 0.4
"""Between two looks at the packs folder."""

MARKED_AT_ONCE = 250
"""Traces the caretaker marks before it looks at the packs again: well under a second's work."""

SCORER = (sys.executable, "-m", "curation.student.worker")
"""The command that scores a job; the arguments that `Caretaker` adds are the worker's."""


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
    """Store every pack that lies ready and delete it; one that cannot be taken is set aside.

    What fits of a pack is stored even where some of it is about traces that the store does not
    hold; such a pack is set aside too, so that nothing is lost unseen.
    """
    folder = packs_folder(store.path)
    scored = failed = n_tokens = 0
    set_aside: list[str] = []
    for path in sorted(folder.glob("*" + packs.SUFFIX)):
        try:
            pack = packs.read_pack(path)
            with store.transaction():
                taken = store.add_pack(
                    pack.frame,
                    pack.convention.convention_id,
                    pack.convention.student,
                    dict(pack.convention.record),
                    path.name,
                )
                store.add_families(pack.families, pack.recipes, path.name)
        except FileNotFoundError:
            continue  # another thread of the owner took it
        except CurationError as exc:
            set_aside.append(_set_aside(path, str(exc)))
            continue
        scored += taken.n_scored
        failed += taken.n_failed
        n_tokens += int(pack.frame["n_tokens"].sum())
        if taken.n_foreign:
            why = f"{taken.n_foreign} of its {pack.frame.height} traces are not in this store."
            set_aside.append(_set_aside(path, f"{path.name}: {why}"))
        else:
            path.unlink(missing_ok=True)
    return TakenIn(scored, failed, n_tokens, set_aside)


def _set_aside(path: Path, why: str) -> str:
    """Move a pack out of the way; `why`, with the place where it lies now."""
    unusable = path.parent / "unusable"
    unusable.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):  # another thread of the owner moved it
        os.replace(path, unusable / path.name)
    return f"{why} It was set aside in {unusable}."


def plan(
    store: Store,
    student: str,
    limit: int | None = None,
    convention_id: str | None = None,
    families: Sequence[str] | None = None,
    recipes: Mapping[str, str] | None = None,
) -> tuple[Path, int]:
    """Write a job of what is not scored yet; its path and how many traces it holds.

    `convention_id` None = the convention in use for `student`, `families` None = those that the
    store wants and what the advice on edits needs, `recipes` None = those in use.
    """
    take_in(store)
    wanted = store.families_wanted() if families is None else families
    for_edits = editing.RULE_FAMILIES if families is None else ()
    frame = store.unscored(student, limit, convention_id, wanted, recipes, for_edits)
    folder = packs_folder(store.path)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.parquet"
    packs.write_job(path, frame)
    return path, frame.height


class Caretaker:
    """A thread of the app that keeps its store's scores and markers coming."""

    def __init__(
        self,
        store: Store,
        *,
        student: str,
        dtype: str,
        scoring: bool,
        scorer: Sequence[str] = SCORER,
    ) -> None:
        self._store = store
        self._student = student
        self._dtype = dtype
        self._scorer = tuple(scorer)
        self._folder = packs_folder(store.path)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._try_again = threading.Event()
        # The scorer belongs to this thread and, when another process asks for a pause, to a
        # thread of the door: the lock keeps one from being started while the other ends it.
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._reads: str = student
        self._paused_for: int | None = None
        self._is_paused = not scoring
        self._waiting_at_start = 0
        self._given_up_at: dict[str, int] = {}
        self._trouble: str | None = None
        self._nothing_at: Pulse | None = None
        self._counted: dict[tuple[object, ...], tuple[Pulse, dict[str, int]]] = {}
        self._scorer_problem: dict[str, str] = {}
        self._set_aside: str | None = None
        self._thread = threading.Thread(target=self._run, name="hedgerow-caretaker", daemon=True)

    def start(self) -> None:
        """Begin; returns at once.

        The app's student becomes one of the store's readers; one that is new here is shown, too.
        """
        known = {reader.student: reader for reader in self._store.readers()}
        before = known.get(self._student)
        if before is None or before.dtype != self._dtype:
            is_wanted = before is None or before.is_wanted
            self._store.set_reader(self._student, self._dtype, is_wanted=is_wanted)
        if before is None:
            self._store.set_setting("student", self._student)
        self._thread.start()

    def wake(self) -> None:
        """Look again now, and try a scorer again that was given up: traces were added."""
        self._try_again.set()
        self._wake.set()

    def stop(self) -> None:
        """End the thread and the scorer."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=10)
        with self._lock:
            self._end_worker()

    def state(self, student: str | None = None) -> dict[str, Any]:
        """Where the scoring of a student (None = the app's) stands: counts, and who is at work.

        `running`: a scorer is at work, ours or another, and `reads_with` is its student (None =
        nobody's, or not said yet). `tokens_per_second` is of the scorer at work,
        `measured_tokens_per_second` what the last one of this student said, also when it has ended
        (None = never measured here). `paused`: the app's own scorer rests until `resume`, because
        of `pause` or `scoring=False`. `problem` is what a person should know: why the scorer
        ended, what could not be taken in.
        """
        student = student or self._student
        worker = self._worker
        running = (worker is not None and worker.poll() is None) or is_scoring(self._folder)
        progress = read_progress(self._folder) if running else None
        return {
            **self._count(("scoring", student), lambda: self._store.scoring_state(student)),
            "student": student,
            "running": running,
            "reads_with": progress.student if progress else None,
            "message": progress.message if progress else None,
            "tokens_per_second": progress.tokens_per_second if progress else None,
            "measured_tokens_per_second": self._measured(student),
            "paused": self._is_paused,
            "problem": self._trouble or self._scorer_problem.get(student) or self._set_aside,
        }

    def pause(self) -> None:
        """Stop the app's own scorer until `resume`; what it has read is kept."""
        with self._lock:
            self._is_paused = True
            self._end_worker()

    def resume(self) -> None:
        """Let the app's own scorer work (again), one that was given up included."""
        with self._lock:
            self._is_paused = False
        self.wake()

    def pause_for(self, pid: int) -> None:
        """Stop the app's own scorer while process `pid` scores."""
        with self._lock:
            self._paused_for = pid
            self._end_worker()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if self._round():
                    continue
                self._wake.wait(PAUSE_S)
                self._wake.clear()
        except BaseException as exc:
            self._trouble = f"Scores and markers are no longer kept up: {exc!r}. Restart the app."
            raise

    def _round(self) -> bool:
        """Do what there is to do; whether there is more to do at once."""
        try:
            self._take_in()
            n_marked = n_searched = 0
            pulse = self._store.pulse()
            if pulse != self._nothing_at:  # looking what is unmarked costs more than the marking
                n_marked = mark_pending(self._store, limit=MARKED_AT_ONCE)
                n_searched = signs.search_pending(self._store, limit=MARKED_AT_ONCE)
                self._nothing_at = None if n_marked or n_searched else pulse
            self._keep_scoring()
        except (CurationError, OSError) as exc:
            self._trouble = str(exc)
            return False
        self._trouble = None
        return MARKED_AT_ONCE in (n_marked, n_searched)

    def _take_in(self) -> None:
        taken = take_in(self._store)
        if taken.set_aside:
            self._set_aside = taken.set_aside[-1]

    def _keep_scoring(self) -> None:
        """Start a scorer where there is something to score and nobody at it."""
        with self._lock:
            if self._is_paused:
                return
            if self._paused_for is not None:
                if is_alive(self._paused_for):
                    return
                self._paused_for = None
            if self._worker is not None:
                code = self._worker.poll()
                if code is None:
                    return
                self._worker = None
                self._take_in()  # what it wrote last
                self._judge(code)
            if is_scoring(self._folder):
                return  # another process is at it; its packs come in all the same
            if self._try_again.is_set():
                self._try_again.clear()
                self._given_up_at.clear()
            # One at a time, the student that is shown first: two would share the same cores.
            for reader in self._store.readers():
                waiting = self._waiting(reader.student) if reader.is_wanted else 0
                is_given_up = waiting == self._given_up_at.get(reader.student)
                if waiting and not is_given_up and self._start_scorer(reader, waiting):
                    return

    def _measured(self, student: str) -> float | None:
        progress = read_progress(self._folder)
        known = progress is not None and progress.student == student
        return progress.tokens_per_second if progress and known else None

    def _waiting(self, student: str) -> int:
        families = self._store.families_wanted()
        return self._count(
            ("profile", student, families),
            lambda: self._store.profile_state(student, families, editing.RULE_FAMILIES),
        )["waiting"]

    def _count(self, what: tuple[object, ...], ask: Callable[[], dict[str, int]]) -> dict[str, int]:
        """What `ask` says, asked again only where something was stored since: it looks at all."""
        pulse = self._store.pulse()
        known = self._counted.get(what)
        if known is None or known[0] != pulse:
            known = self._counted[what] = (pulse, ask())
        return known[1]

    def _judge(self, code: int) -> None:
        """A scorer ended: go on where it got on, give up until something changes where it did not.

        A scorer that ends well without having scored counts as failed too: else a pack that the
        store cannot take would be made again and again.
        """
        waiting = self._waiting(self._reads)
        got_on = waiting < self._waiting_at_start
        self._scorer_problem.pop(self._reads, None)
        self._given_up_at.pop(self._reads, None)
        if code or not got_on:
            self._scorer_problem[self._reads] = self._last_words()
        if not got_on:
            self._given_up_at[self._reads] = waiting

    def _start_scorer(self, reader: Reader, waiting: int) -> bool:
        """Start one for this student; whether there was a job for it."""
        job, n = plan(self._store, reader.student)
        if not n:
            return False
        self._waiting_at_start = waiting
        self._reads = reader.student
        with (self._folder / "scorer.log").open("wb") as log:
            self._worker = subprocess.Popen(
                [
                    *self._scorer, "--job", str(job), "--out", str(self._folder),
                    "--student", reader.student, "--dtype", reader.dtype,
                    "--parent-pid", str(os.getpid()),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )  # fmt: skip
        return True

    def _last_words(self) -> str:
        """The scorer's last line: why it ended."""
        path = self._folder / "scorer.log"
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            text = ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        why = lines[-1] if lines else f"it scored nothing and said nothing (see {path})."
        return f"The scorer ended: {why}"

    def _end_worker(self) -> None:
        """Stop the scorer, if it runs; what it has scored so far lies in its packs."""
        if self._worker is None:
            return
        self._worker.terminate()
        try:
            self._worker.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.wait()
        self._worker = None
