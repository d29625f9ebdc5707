"""Working through a job with a student: score packs, one after another.

Skips what stands in the folder's packs already, writes a first pack after the first trace and then
one every few traces or seconds, and says in `progress.json` how far it is. Killed at any moment it
loses the pack in progress and nothing else; run again it goes on. A trace that cannot be scored is
recorded with the reason, and the rest goes on. A pack that cannot be read is renamed to `.broken`,
and its traces are scored again.

It asks `curation.scores` for the profile of what the student said and `families` for the rest. It
knows no model; any `Student` will do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from curation import records, scores
from curation.errors import StudentError
from curation.student import Reading, Student
from curation.student.families import Recipes, failed_rows, item_of, rows_of
from curation.student.packs import (
    SUFFIX,
    Row,
    failed_row,
    read_job,
    read_pack,
    scored_row,
    write_pack,
)
from curation.student.progress import Progress, State, is_alive, only_scorer, write_progress

PACK_ROWS = 8
PACK_SECONDS = 5.0

WINDOW_ROWS = 32
"""Traces handed to the student together. Inside a window it may choose the order, and between two
windows the job is looked at again, so a window is short beside a person's patience."""

PROGRESS_SECONDS = 1.0


class Done(NamedTuple):
    """What one run of the scorer did."""

    n_scored: int
    n_failed: int
    n_tokens: int
    seconds: float
    message: str
    """What a person should know of how it went; often empty."""


def run(
    student: Student,
    job: Path,
    out: Path,
    *,
    limit: int | None = None,
    pack_rows: int = PACK_ROWS,
    pack_seconds: float = PACK_SECONDS,
    on_scored: Callable[[int], object] | None = None,
    parent_pid: int | None = None,
) -> Done:
    """Score what `job` asks for and `out` does not hold yet, in the job's order.

    `limit` is how many traces to score at most; `on_scored` is told "n more done". Raises
    StudentError where another scorer works in `out`, the job is none, or the disk refuses; what is
    in packs by then stays.
    """
    with only_scorer(out):
        work = _Work(student, out, pack_rows, pack_seconds, on_scored, _parent(parent_pid))
        with saying_how_it_ends(work.say, work.flush):
            return work.through(job, limit)


def pending(student: Student, job: Path, out: Path, limit: int | None = None) -> pl.DataFrame:
    """What `job` asks for and the packs in `out` do not hold, `limit` traces at most."""
    work = _Work(student, out, PACK_ROWS, PACK_SECONDS, None, _parent(None))
    work.learn_what_is_done()
    todo, _ = work.parted(read_job(job))
    return todo if limit is None else todo.head(limit)


@contextmanager
def saying_how_it_ends(
    say: Callable[[State, str], None], flush: Callable[[], None]
) -> Iterator[None]:
    """Tell `say` when the work inside is stopped, after a last `flush`, or fails."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        flush()
        say("stopped", "stopped; start it again to go on")
        raise
    except (StudentError, OSError) as exc:
        say("failed", str(exc))
        raise


class _Work:
    """One run: what is done, the rows waiting for their pack, and what there is to say."""

    def __init__(
        self,
        student: Student,
        out: Path,
        pack_rows: int,
        pack_seconds: float,
        on_scored: Callable[[int], object] | None,
        parent_is_alive: Callable[[], bool],
    ) -> None:
        self.student = student
        self.out = out
        self.pack_rows = pack_rows
        self.pack_seconds = pack_seconds
        self.on_scored = on_scored
        self.parent_is_alive = parent_is_alive
        self.progress = Progress(student.name, os.getpid())
        self.recipes = Recipes(student)
        self.failed: dict[str, bool] = {}
        """Of every trace that has a likelihood, in this run or before: whether it failed."""
        self.families: dict[str, set[str]] = {}
        """Of every trace, the families that it has beside the likelihood."""
        self.rows: list[Row] = []
        self.n_scored = self.n_failed = 0
        self.began = self.flushed = self.said = time.monotonic()

    def through(self, job: Path, limit: int | None) -> Done:
        """Do the job, or `limit` traces of it."""
        self.learn_what_is_done()
        for window in self._windows(job, limit):
            traces = window.to_dicts()
            for index, result in self.student.read_many([item_of(trace) for trace in traces]):
                self._take(traces[index], result)
                now = time.monotonic()
                if len(self.rows) >= self.pack_rows or now - self.flushed >= self.pack_seconds:
                    self.flush()
                elif now - self.said >= PROGRESS_SECONDS:
                    self.say("scoring", self.progress.message)
                if self.on_scored is not None:
                    self.on_scored(1)
                if not self.parent_is_alive():
                    raise SystemExit(0)
            self.flush()
        self.say("done", self.progress.message)
        seconds = time.monotonic() - self.began
        n_tokens = self.progress.n_tokens
        return Done(self.n_scored, self.n_failed, n_tokens, seconds, self.progress.message)

    def flush(self) -> None:
        """Put the rows that wait into a pack."""
        if self.rows:
            families = [row for trace in self.rows for row in trace["families"]]  # type: ignore
            write_pack(self.out, self.rows, self.student.convention, self.recipes.of(families))
            self.rows = []
            self.say("scoring", self.progress.message)
        self.flushed = time.monotonic()

    def say(self, state: State, message: str) -> None:
        """Bring `progress.json` up to date; a full disk must not hide why the scorer stopped."""
        self.progress.state = state
        self.progress.message = message
        self.said = time.monotonic()
        if seconds := self.said - self.began:
            self.progress.tokens_per_second = round(self.progress.n_tokens / seconds, 1)
        try:
            write_progress(self.out, self.progress)
        except OSError:
            if state != "failed":
                raise

    def _take(self, trace: dict[str, Any], result: Reading | StudentError) -> None:
        """Make a row of what the student said of a trace."""
        trace_id, text_hash = trace["trace_id"], trace["text_hash"]
        if isinstance(result, Reading) and result.scores.text_hash != text_hash:
            result = StudentError("The job's text is not the one its hash was made of.")
        if isinstance(result, Reading):
            own = result.scores
            profile = scores.profile(own.logprob_nats, own.rank, own.entropy_nats)
            row = scored_row(trace_id, own, profile._asdict())
            families = rows_of(trace, result, self.recipes)
            self.n_scored += 1
            self.progress.n_tokens += profile.n_tokens
        else:
            prompt_hash = records.text_hash(trace["prompt"])
            convention_id = self.student.convention.convention_id
            row = failed_row(trace_id, text_hash, prompt_hash, convention_id, str(result))
            families = failed_rows(trace, self.recipes, str(result))
            self.n_failed += 1
            self.progress.failed += 1
        self.rows.append({**row, "families": families})
        self.progress.done += 1
        self.failed[trace_id] = isinstance(result, StudentError)
        self.families.setdefault(trace_id, set()).update(trace["families"])

    def learn_what_is_done(self) -> None:
        """Read the folder's packs of this convention."""
        for left in self.out.glob(".writing-*"):
            left.unlink(missing_ok=True)  # of a scorer that was killed: we hold the lock
        broken: list[str] = []
        for path in sorted(self.out.glob("*" + SUFFIX)):
            try:
                pack = read_pack(path)
            except FileNotFoundError:
                continue  # the store's owner took it in just now
            except StudentError as exc:
                os.replace(path, path.with_name(path.name + ".broken"))
                broken.append(str(exc))
                continue
            if pack.convention.convention_id == self.student.convention.convention_id:
                failed = pack.frame["error"].is_not_null()
                self.failed.update(zip(pack.frame["trace_id"], failed, strict=True))
                for trace_id, recipe_id, family in pack.families.select(
                    "trace_id", "recipe_id", "family"
                ).iter_rows():
                    if self.recipes.ids[family] == recipe_id:
                        self.families.setdefault(trace_id, set()).add(family)
        self.progress.message = " ".join(broken)

    def parted(self, job: pl.DataFrame) -> tuple[pl.DataFrame, list[bool]]:
        """What is left to do of a job, and of each trace that is done whether it failed."""
        frame = job.unique("trace_id", keep="first", maintain_order=True)
        asked = zip(frame["trace_id"], frame["families"], strict=True)
        is_done = pl.Series([self._is_done(i, set(f)) for i, f in asked], dtype=pl.Boolean)
        return frame.filter(~is_done), [self.failed[i] for i in frame.filter(is_done)["trace_id"]]

    def _is_done(self, trace_id: str, families: set[str]) -> bool:
        """Whether all that is asked of a trace stands in packs or was computed in this run."""
        has = self.families.get(trace_id, set())
        return trace_id in self.failed and families <= has | {"likelihood"}

    def _windows(self, job: Path, limit: int | None) -> Iterator[pl.DataFrame]:
        """What is to be scored, a window at a time: one trace first, so that it shows at once.

        The job may be replaced meanwhile; the next window comes from the new one.
        """
        seen: tuple[int, int] | None = None
        rows, given = 1, 0
        while True:
            if (version := _version(job)) != seen or seen is None:
                seen = version
                todo, known = self.parted(read_job(job))
                self.progress.done, self.progress.failed = len(known), sum(known)
            n_left = todo.height if limit is None else min(todo.height, limit - given)
            self.progress.total = self.progress.done + n_left
            self.say("scoring", self.progress.message)
            if not n_left:
                return
            window = todo.head(min(rows, n_left))
            yield window
            todo = todo.slice(window.height)
            given += window.height
            rows = min(WINDOW_ROWS, rows * PACK_ROWS)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino


def _parent(pid: int | None) -> Callable[[], bool]:
    """Whether process `pid` still lives; always, where there is none to watch."""
    if pid is None:
        return lambda: True
    if os.getppid() == pid:  # then it is ours, and a process that takes its number later is not
        return lambda: os.getppid() == pid
    return lambda: is_alive(pid)
