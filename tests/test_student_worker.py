from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from curation import records, scores
from curation.errors import StudentError
from curation.settings import ROOT
from curation.student import packs, worker
from curation.student.progress import only_scorer, read_progress
from tests.fakes import FakeStudent


def a_job(path: Path, texts: list[str]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "trace_id": [f"tr1_{i:03}" for i in range(len(texts))],
            "prompt": [f"Question {i // 3}?" for i in range(len(texts))],
            "text": texts,
            "text_hash": [records.text_hash(text) for text in texts],
        },
        {name: packs.JOB_SCHEMA[name] for name in ("trace_id", "prompt", "text", "text_hash")},
    )
    packs.write_job(path, frame)
    return frame


def texts(n: int) -> list[str]:
    return [f"Step {i} says {i * i}. " * (1 + i % 5) for i in range(n)]


def packed(out: Path) -> pl.DataFrame:
    """All rows of the folder's packs; every one of them must be readable."""
    frames = [packs.read_pack(path).frame for path in sorted(out.glob("*" + packs.SUFFIX))]
    return pl.concat([pl.DataFrame(schema=records.PACK_SCHEMA), *frames])


def test_every_trace_is_scored_once_with_its_profile(tmp_path: Path) -> None:
    job = a_job(tmp_path / "job", texts(40))
    done = worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out")
    rows = packed(tmp_path / "out")
    assert (done.n_scored, done.n_failed, done.message) == (40, 0, "")
    assert done.n_tokens == rows["n_tokens"].sum()
    assert sorted(rows["trace_id"]) == job["trace_id"].to_list()
    row = rows.filter(trace_id="tr1_007").row(0, named=True)
    found = FakeStudent().score(job["prompt"][7], job["text"][7])
    assert row["logprob_nats"] == found.logprob_nats.tolist()
    assert row["rsr"] == scores.rsr(found.rank, -found.logprob_nats)
    assert row["text_hash"] == job["text_hash"][7]


def test_the_first_pack_holds_the_first_trace_alone(tmp_path: Path) -> None:
    packs_at_call: list[int] = []

    def look(prompt: str, trace: str) -> None:
        packs_at_call.append(len(list((tmp_path / "out").glob("*" + packs.SUFFIX))))

    a_job(tmp_path / "job", texts(20))
    worker.run(FakeStudent(before_score=look), tmp_path / "job", tmp_path / "out", pack_seconds=1e9)
    # One trace, its pack; then packs of eight.
    assert packs_at_call == [0] + [1] * 8 + [2] * 8 + [3] * 3


def test_a_second_run_scores_nothing_again(tmp_path: Path) -> None:
    a_job(tmp_path / "job", texts(10))
    worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out", limit=4)
    assert packed(tmp_path / "out")["trace_id"].to_list() == [f"tr1_{i:03}" for i in range(4)]
    calls: list[str] = []
    student = FakeStudent(before_score=lambda prompt, trace: calls.append(trace))
    assert worker.run(student, tmp_path / "job", tmp_path / "out").n_scored == 6
    assert calls == texts(10)[4:]
    assert worker.run(student, tmp_path / "job", tmp_path / "out").n_scored == 0
    progress = read_progress(tmp_path / "out")
    assert progress is not None
    assert (progress.state, progress.done, progress.total) == ("done", 10, 10)


def test_scores_of_another_convention_do_not_count(tmp_path: Path) -> None:
    a_job(tmp_path / "job", texts(3))
    worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out")
    assert worker.run(FakeStudent(salt="x"), tmp_path / "job", tmp_path / "out").n_scored == 3


def test_a_trace_that_cannot_be_scored_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    a_job(tmp_path / "job", ["One two.", "", "word " * 50, "Three."])
    done = worker.run(FakeStudent(window=20), tmp_path / "job", tmp_path / "out")
    assert (done.n_scored, done.n_failed) == (2, 2)
    errors = dict(packed(tmp_path / "out").select("trace_id", "error").iter_rows())
    assert "empty" in errors["tr1_001"]
    assert "51 tokens" in errors["tr1_002"]
    assert errors["tr1_000"] is errors["tr1_003"] is None
    progress = read_progress(tmp_path / "out")
    assert progress is not None
    assert (progress.done, progress.failed) == (4, 2)
    # A recorded failure is not tried again.
    assert worker.run(FakeStudent(window=20), tmp_path / "job", tmp_path / "out").n_failed == 0


def test_a_text_that_is_not_the_one_of_its_hash_is_not_scored(tmp_path: Path) -> None:
    frame = a_job(tmp_path / "job", ["One.", "Two."])
    packs.write_job(tmp_path / "job", frame.with_columns(text=pl.lit("Other.")))
    assert worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out").n_failed == 2
    assert "not the one its hash" in packed(tmp_path / "out")["error"][0]


def test_a_trace_named_twice_in_a_job_is_scored_once(tmp_path: Path) -> None:
    frame = a_job(tmp_path / "job", ["One.", "Two."])
    packs.write_job(tmp_path / "job", pl.concat([frame, frame]))
    assert worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out").n_scored == 2


def test_an_empty_job_is_done_at_once(tmp_path: Path) -> None:
    a_job(tmp_path / "job", [])
    assert worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out").n_scored == 0


def test_a_broken_pack_is_set_aside_said_and_scored_again(tmp_path: Path) -> None:
    a_job(tmp_path / "job", texts(12))
    out = tmp_path / "out"
    worker.run(FakeStudent(), tmp_path / "job", out)
    broken = sorted(out.glob("*" + packs.SUFFIX))[0]
    n_lost = packs.read_pack(broken).frame.height
    broken.write_bytes(broken.read_bytes()[:-100])
    (out / ".writing-left").write_bytes(b"half a pack")
    done = worker.run(FakeStudent(), tmp_path / "job", out)
    assert done.n_scored == n_lost
    assert broken.name in done.message
    assert packed(out)["trace_id"].n_unique() == packed(out).height == 12
    assert broken.with_name(broken.name + ".broken").exists()
    assert not (out / ".writing-left").exists()


def test_a_job_that_is_replaced_is_followed_from_the_next_window_on(tmp_path: Path) -> None:
    first = a_job(tmp_path / "job", texts(12))
    scored: list[str] = []

    def add_to_the_job(prompt: str, trace: str) -> None:
        scored.append(trace)
        if len(scored) == 3:
            late = first.head(1).with_columns(
                trace_id=pl.lit("tr1_new"),
                text=pl.lit("Urgent."),
                text_hash=pl.lit(records.text_hash("Urgent.")),
            )
            packs.write_job(tmp_path / "job", pl.concat([late, first]))

    worker.run(FakeStudent(before_score=add_to_the_job), tmp_path / "job", tmp_path / "out")
    # The windows are 1, 8, 32: the new trace opens the third.
    assert scored == [*texts(12)[:9], "Urgent.", *texts(12)[9:]]


def test_a_second_scorer_in_the_folder_is_refused_politely(tmp_path: Path) -> None:
    a_job(tmp_path / "job", texts(2))
    with (
        only_scorer(tmp_path / "out"),
        pytest.raises(StudentError, match="is scoring into .* already"),
    ):
        worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out")
    assert worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out").n_scored == 2


def test_a_full_disk_ends_the_run_with_its_reason_and_keeps_what_was_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_job(tmp_path / "job", texts(20))
    out = tmp_path / "out"
    real, calls = os.fsync, []

    def full_from_the_third_pack_on(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 4:  # two calls a pack: the file, its folder
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_from_the_third_pack_on)
    with pytest.raises(StudentError, match="No space left on device"):
        worker.run(FakeStudent(), tmp_path / "job", out, pack_seconds=1e9)
    progress = read_progress(out)
    assert progress is not None
    assert progress.state == "failed"
    assert "No space left" in progress.message
    assert packed(out).height == 9
    monkeypatch.undo()
    assert worker.run(FakeStudent(), tmp_path / "job", out).n_scored == 11


def test_on_scored_is_told_of_every_trace(tmp_path: Path) -> None:
    a_job(tmp_path / "job", ["One.", "", "Two."])
    told: list[int] = []
    worker.run(FakeStudent(), tmp_path / "job", tmp_path / "out", on_scored=told.append)
    assert told == [1, 1, 1]


# What follows runs the scorer as a process of its own, with a fake student put in its place.

CHILD = """
import os, signal, sys
from curation.student import packs, worker
from tests.fakes import FakeStudent

where, n, *arguments = sys.argv[1:]
calls = 0

def here(*_):
    global calls
    calls += 1
    if calls == int(n):
        os.kill(os.getpid(), signal.SIGTERM if where == "term" else signal.SIGKILL)

def before_score(prompt, trace):
    print(trace, flush=True)
    if where in ("score", "term"):
        here()

def deadly(function, before):
    def patched(*args, **kwargs):
        if before:
            here()
        result = function(*args, **kwargs)
        if not before:
            here()
        return result
    return patched

if where in ("before fsync", "after fsync"):
    os.fsync = deadly(os.fsync, where.startswith("before"))
if where in ("before replace", "after replace"):
    os.replace = deadly(os.replace, where.startswith("before"))
worker.load = lambda *args, **kwargs: FakeStudent(before_score=before_score)
sys.exit(worker.main(arguments))
"""


def start(where: str, n: int, job: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), where, str(n),
         "--job", str(job), "--out", str(out), "--pack-rows", "3", *more],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


MOMENTS: dict[str, Callable[[random.Random], int]] = {
    "score": lambda dice: dice.randint(1, 12),
    "before fsync": lambda dice: dice.randint(1, 6),
    "after fsync": lambda dice: dice.randint(1, 6),
    "before replace": lambda dice: dice.randint(1, 12),
    "after replace": lambda dice: dice.randint(1, 12),
}


@pytest.mark.parametrize("where", MOMENTS)
def test_killed_at_any_moment_no_trace_is_scored_twice_and_none_is_missing(
    where: str, tmp_path: Path
) -> None:
    job = a_job(tmp_path / "job", texts(24))
    out = tmp_path / "out"
    dice = random.Random(where)
    codes = []
    for _ in range(4):
        before = set(packed(out)["trace_id"])
        run = start(where, MOMENTS[where](dice), tmp_path / "job", out)
        codes.append(run.returncode)
        texts_before = set(job.filter(pl.col("trace_id").is_in(before))["text"])
        assert set(run.stdout.splitlines()) <= set(job["text"]) - texts_before
    assert codes.count(-signal.SIGKILL) >= 3
    assert start("never", 0, tmp_path / "job", out).returncode == 0
    rows = packed(out)
    assert sorted(rows["trace_id"]) == job["trace_id"].to_list()
    # What came together in pieces is what one quiet run gives.
    worker.run(FakeStudent(), tmp_path / "job", tmp_path / "quiet")
    assert rows.sort("trace_id").equals(packed(tmp_path / "quiet").sort("trace_id"))


def test_asked_to_stop_it_keeps_what_it_has_and_says_so(tmp_path: Path) -> None:
    a_job(tmp_path / "job", texts(24))
    out = tmp_path / "out"
    run = start("term", 7, tmp_path / "job", out)
    assert (run.returncode, run.stderr) == (0, "")
    assert packed(out).height == 6  # the seventh was not scored yet
    progress = read_progress(out)
    assert progress is not None
    assert (progress.state, progress.done, progress.total) == ("stopped", 6, 24)


def test_it_ends_when_its_parent_does(tmp_path: Path) -> None:
    a_job(tmp_path / "job", texts(24))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    run = start("never", 0, tmp_path / "job", tmp_path / "out", "--parent-pid", str(gone.pid))
    assert run.returncode == 0
    assert packed(tmp_path / "out").height == 1
    assert start("never", 0, tmp_path / "job", tmp_path / "out", "--parent-pid", str(os.getpid()))
    assert packed(tmp_path / "out").height == 24


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "--job"),
        (["--job", "nowhere", "--out", "out", "--limit", "0"], 2, "--limit"),
        (["--job", "nowhere", "--out", "out"], 1, "nowhere cannot be read"),
        (["--job", "job", "--out", "job/inside"], 1, "job"),
        (["--job", "job", "--out", "out", "--student", "nobody"], 1, "no student 'nobody'"),
        (["--job", "job", "--out", "out", "--dtype", "int4"], 1, "'int4' is not known"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    arguments: list[str], code: int, says: str, tmp_path: Path
) -> None:
    a_job(tmp_path / "job", texts(2))
    run = subprocess.run(
        [sys.executable, "-m", "curation.student.worker", *arguments],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == code
    assert says in run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""


def test_a_student_that_cannot_be_loaded_shows_in_the_progress(tmp_path: Path) -> None:
    a_job(tmp_path / "job", texts(2))
    run = subprocess.run(
        [sys.executable, "-m", "curation.student.worker", "--student", "nobody",
         "--job", str(tmp_path / "job"), "--out", str(tmp_path / "out")],
        cwd=ROOT, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    progress = read_progress(tmp_path / "out")
    assert progress is not None
    assert progress.state == "failed"
    assert "nobody" in progress.message
