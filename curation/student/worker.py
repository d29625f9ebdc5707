"""The scorer as a process of its own, beside the app or on any machine.

`python -m curation.student.worker --job FILE --out FOLDER` loads a student and works through the
job (`curation.student.scorer`). It runs at low priority, ends on SIGTERM with what it has scored
so far kept, and by itself when `--parent-pid` dies.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from curation.errors import StudentError
from curation.student import EMBEDDED, load
from curation.student.packs import read_job
from curation.student.progress import Progress, State, only_scorer, write_progress
from curation.student.scorer import PACK_ROWS, Done, run, saying_how_it_ends

__all__ = ["Done", "main", "run"]


class _Parser(argparse.ArgumentParser):
    """Wrong use ends with one line and the exit code 2."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}\n")
        raise SystemExit(2)


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit code (0 done or stopped, 1 an error in one line, 2 wrong use)."""
    parser = _Parser(prog="python -m curation.student.worker", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to score (write_job)")
    parser.add_argument("--out", type=Path, required=True, help="the folder for packs")
    parser.add_argument("--student", default=EMBEDDED)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=_at_least_one, default=os.cpu_count())
    parser.add_argument("--limit", type=_at_least_one, help="score at most this many traces")
    parser.add_argument("--pack-rows", type=_at_least_one, default=PACK_ROWS)
    parser.add_argument("--parent-pid", type=int, help="end when this process does")
    parser.add_argument(
        "--cache-dir", type=Path, help="keeps unpacked weights (default: students/ beside --out)"
    )
    given = parser.parse_args(arguments)
    out: Path = given.out
    signal.signal(signal.SIGTERM, _stop)
    os.nice(10)  # the app that shows the scores must stay quick
    try:
        read_job(given.job)  # says what is wrong with it before the student is loaded
        with only_scorer(out):
            progress = Progress(given.student, os.getpid())

            def say(state: State, message: str) -> None:
                progress.state, progress.message = state, message
                write_progress(out, progress)

            say("loading", "loading the student")
            with saying_how_it_ends(say, lambda: None):
                student = load(
                    given.student,
                    dtype=given.dtype,
                    threads=given.threads,
                    cache_dir=given.cache_dir or out.absolute().parent / "students",
                )
        run(
            student,
            given.job,
            out,
            limit=given.limit,
            pack_rows=given.pack_rows,
            parent_pid=given.parent_pid,
        )
    except (StudentError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def _stop(signum: int, frame: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
