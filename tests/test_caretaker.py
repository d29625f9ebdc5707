from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import caretaker, hedging, lexicons, scores
from curation.caretaker import Caretaker
from curation.hedging.changes import Change
from curation.settings import ROOT
from curation.store import Store
from curation.student import packs
from curation.student.progress import is_scoring, only_scorer
from tests.builders import a_batch, a_trace
from tests.fakes import FakeStudent

SCORER = """
import sys
from curation import student
from tests.fakes import FakeStudent
student.load = lambda name, **dials: FakeStudent(name)
from curation.student import worker
sys.exit(worker.main(sys.argv[1:]))
"""
"""The worker, with a fake student."""

BROKEN = """
import sys
open(sys.argv[sys.argv.index("--out") + 1] + "/started", "a").write("x")
sys.exit("Loading weights: 10%\\n\\nThe weights are missing.\\n")
"""
"""A scorer that fails at once, and leaves a mark for each time it was started."""

IDLE = BROKEN.replace('sys.exit("', 'print("')
"""A scorer that ends well without having scored anything."""

ENDLESS = """
import sys, time
open(sys.argv[sys.argv.index("--out") + 1] + "/started", "a").write("x")
while True: time.sleep(1)
"""


def scorer(program: str) -> tuple[str, ...]:
    return sys.executable, "-c", program


@pytest.fixture
def folder(store: Store) -> Path:
    """Where the packs of the store lie."""
    made = caretaker.packs_folder(store.path)
    made.mkdir()
    return made


@pytest.fixture
def traces(store: Store) -> list[dict[str, Any]]:
    """Twelve stored traces of four problems, of which likelihoods alone are wanted."""
    store.set_setting("scores", "likelihood")
    rows = [a_trace(f"Maybe it is {i}.", prompt=f"Question {i // 3}?") for i in range(12)]
    store.add(a_batch(*rows), "i")
    return rows


def write_pack(folder: Path, traces: list[dict[str, Any]], student: FakeStudent) -> Path:
    """A pack as a scorer writes it."""
    rows = []
    for trace in traces:
        found = student.score(trace["prompt"], trace["text"])
        profile = scores.profile(found.logprob_nats, found.rank, found.entropy_nats)
        rows.append(packs.scored_row(trace["trace_id"], found, profile._asdict()))
    return packs.write_pack(folder, rows, student.convention)


def until(condition: Callable[[], bool], deadline_s: float = 30.0) -> None:
    """Wait until something holds; it must within the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.01)


@contextmanager
def kept(store: Store, program: str = SCORER, **dials: Any) -> Iterator[Caretaker]:
    """A caretaker at work, whose scorer is `program`."""
    dials = {"student": "fake", "dtype": "float32", "scoring": True, **dials}
    keeper = Caretaker(store, scorer=scorer(program), **dials)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()


def test_good_packs_are_stored_and_deleted(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    write_pack(folder, traces[:5], FakeStudent())
    write_pack(folder, traces[5:7], FakeStudent())
    taken = caretaker.take_in(store)
    assert (taken.scored, taken.failed, taken.set_aside) == (7, 0, [])
    # "Maybe it is 3." has four words, and the fake makes a token of each.
    assert taken.n_tokens == 7 * 4
    assert list(folder.iterdir()) == []
    assert store.scoring_state("fake") == {"total": 12, "scored": 7, "failed": 0, "waiting": 5}
    assert caretaker.take_in(store) == (0, 0, 0, [])


def test_a_pack_that_comes_twice_counts_once(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    path = write_pack(folder, traces[:5], FakeStudent())
    data = path.read_bytes()
    caretaker.take_in(store)
    path.write_bytes(data)
    write_pack(folder, traces[4:6], FakeStudent())
    taken = caretaker.take_in(store)
    assert (taken.scored, taken.set_aside) == (1, [])
    assert list(folder.iterdir()) == []


def test_what_cannot_be_taken_in_is_set_aside_with_the_reason(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    good = write_pack(folder, traces[:1], FakeStudent())
    corrupt = folder / ("0" + packs.SUFFIX)
    corrupt.write_bytes(good.read_bytes()[:-10])
    nonsense = folder / ("1" + packs.SUFFIX)
    nonsense.write_text("nonsense")
    foreign = write_pack(folder, [traces[1], a_trace("elsewhere")], FakeStudent())
    # The same trace with another text is foreign too, whatever its id says.
    changed = write_pack(folder, [{**traces[2], "text": "Something else."}], FakeStudent())
    taken = caretaker.take_in(store)
    # Of the foreign pack, the row that is about a trace of ours is stored.
    assert taken.scored == 2
    assert sorted(path.name for path in (folder / "unusable").iterdir()) == sorted(
        [corrupt.name, nonsense.name, foreign.name, changed.name]
    )
    assert len(taken.set_aside) == 4
    reasons = "\n".join(taken.set_aside)
    assert "1 of its 2 traces are not in this store" in reasons
    assert "1 of its 1 traces are not in this store" in reasons
    assert "cut short" in reasons
    assert caretaker.take_in(store) == (0, 0, 0, [])


def test_a_late_pack_does_not_bring_an_old_convention_back(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    old, new = FakeStudent(salt="old"), FakeStudent(salt="new")
    write_pack(folder, traces[:6], old)
    caretaker.take_in(store)
    write_pack(folder, traces[:2], new)
    caretaker.take_in(store)
    assert store.current_convention("fake") == new.convention.convention_id
    write_pack(folder, traces[6:], old)
    assert caretaker.take_in(store).scored == 6
    assert store.current_convention("fake") == new.convention.convention_id
    assert store.scoring_state("fake")["scored"] == 2


def test_a_job_holds_what_is_not_scored_under_a_convention(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    student = FakeStudent()
    write_pack(folder, traces[:4], student)
    job, n = caretaker.plan(store, "fake", limit=3)
    assert n == 3
    asked = packs.read_job(job)
    assert asked["trace_id"].to_list() == [trace["trace_id"] for trace in traces[4:7]]
    assert asked["text"].to_list() == [trace["text"] for trace in traces[4:7]]
    assert caretaker.plan(store, "fake", None, "cv1_another")[1] == 12
    assert caretaker.plan(store, "another")[1] == 12


def test_markers_are_brought_up_to_date_once_and_again_for_a_new_lexicon(
    store: Store, traces: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    assert lexicons.mark_pending(store, limit=5) == 5
    assert not lexicons.all_are_marked(store)
    assert lexicons.mark_pending(store, told.append) == 7
    assert told == [7]
    assert lexicons.all_are_marked(store)
    assert lexicons.mark_pending(store) == 0
    lexicon = hedging.load_lexicon()
    assert store.list_traces()["lexicon_id"].to_list() == [lexicon.lexicon_id] * 12
    assert store.list_traces()["n_hedge"].to_list() == [1] * 12
    text = "\n".join(
        line for line in lexicon.content.splitlines() if not line.startswith("maybe\t")
    )
    newer = hedging.read_lexicon(text)
    monkeypatch.setattr(hedging, "load_lexicon", lambda language: newer)
    assert not lexicons.all_are_marked(store)
    assert lexicons.mark_pending(store) == 12
    assert store.list_traces()["lexicon_id"].to_list() == [newer.lexicon_id] * 12
    assert store.list_traces()["n_hedge"].to_list() == [0] * 12
    assert lexicons.mark_pending(store) == 0


def test_everything_is_scored_and_marked_in_the_background(
    store: Store, traces: list[dict[str, Any]]
) -> None:
    with kept(store) as keeper:
        until(lambda: keeper.state()["waiting"] == 0)
        until(lambda: lexicons.all_are_marked(store))
        until(lambda: not keeper.state()["running"])
        state = keeper.state()
        assert (state["scored"], state["failed"], state["total"]) == (12, 0, 12)
        assert state["problem"] is None
        assert state["student"] == "fake"
        # And what comes later, too.
        later = a_trace("Later, perhaps.")
        store.add(a_batch(later), "i")
        keeper.wake()
        until(lambda: keeper.state()["scored"] == 13)
    assert store.tokens(later["trace_id"], "fake") is not None


def test_packs_that_arrive_from_elsewhere_are_taken_in(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    with kept(store, BROKEN, scoring=False) as keeper:
        for i in range(0, 12, 4):
            write_pack(folder, traces[i : i + 4], FakeStudent())
            until(lambda i=i: keeper.state()["scored"] == i + 4)  # type: ignore[misc]
        (folder / ("0" + packs.SUFFIX)).write_text("nonsense")
        until(lambda: keeper.state()["problem"] is not None)
        assert "set aside in" in keeper.state()["problem"]
    assert not (folder / "started").exists()


def test_no_scorer_is_started_for_nothing(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    write_pack(folder, traces, FakeStudent())
    with kept(store, ENDLESS) as keeper:
        rounds_of(keeper, 3)
        assert keeper.state()["waiting"] == 0
    assert not (folder / "started").exists()


def test_a_paused_scorer_ends_and_goes_on_when_resumed(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    with kept(store, ENDLESS) as keeper:
        until((folder / "started").exists)
        until(lambda: keeper.state()["running"])
        keeper.pause()
        state = keeper.state()
        assert (state["paused"], state["running"]) == (True, False)
        rounds_of(keeper, 3)
        assert (folder / "started").read_text() == "x"
        keeper.resume()
        assert not keeper.state()["paused"]
        until(lambda: (folder / "started").read_text() == "xx")


def test_what_must_not_start_by_itself_starts_when_asked(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    with kept(store, scoring=False) as keeper:
        rounds_of(keeper, 3)
        assert keeper.state()["paused"]
        assert keeper.state()["measured_tokens_per_second"] is None
        keeper.resume()
        until(lambda: keeper.state()["scored"] == 12)
        # What the scorer measured stands when it has ended, too.
        until(lambda: not keeper.state()["running"])
        assert keeper.state()["tokens_per_second"] is None
        assert keeper.state()["measured_tokens_per_second"] > 0


def test_a_scorer_that_fails_at_once_is_given_up_until_something_changes(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    started = folder / "started"
    with kept(store, BROKEN) as keeper:
        until(lambda: keeper.state()["problem"] is not None)
        # Its last line is what people are told.
        assert keeper.state()["problem"] == "The scorer ended: The weights are missing."
        assert not keeper.state()["running"]
        rounds_of(keeper, 5)
        assert started.read_text() == "x"
        store.add(a_batch(a_trace("One more.")), "i")
        until(lambda: started.read_text() == "xx")
        keeper.wake()
        until(lambda: started.read_text() == "xxx")


def test_a_scorer_that_ends_well_but_gets_nowhere_is_given_up_too(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    with kept(store, IDLE) as keeper:
        until(lambda: keeper.state()["problem"] is not None)
        rounds_of(keeper, 5)
        assert (folder / "started").read_text() == "x"


def test_a_scorer_that_dies_after_some_work_is_started_again(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    dying = SCORER.replace(
        "FakeStudent(name)",
        "FakeStudent(name, before_score=lambda prompt, trace: calls.append(trace) "
        "if len(calls) < 10 else os._exit(9))",
    ).replace("import sys\n", "import os, sys\ncalls = []\n")
    with kept(store, dying) as keeper:
        # Packs of 1 and 8 traces are whole when it dies; the next run scores the other three.
        until(lambda: keeper.state()["waiting"] == 0)
        until(lambda: not keeper.state()["running"])
        # Its end is judged a moment after it is gone.
        until(lambda: keeper.state()["problem"] is None)


def rounds_of(keeper: Caretaker, n: int) -> None:
    """Let the caretaker look `n` times."""
    seen = 0
    look = keeper._take_in

    def counted() -> None:
        nonlocal seen
        look()
        seen += 1

    keeper._take_in = counted  # type: ignore[method-assign]

    def looked() -> bool:
        keeper._wake.set()
        return seen > n

    until(looked)
    keeper._take_in = look  # type: ignore[method-assign]


def test_no_scorer_is_started_while_another_process_scores(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c",
         "import sys; from pathlib import Path; from curation.student.progress import only_scorer\n"
         "with only_scorer(Path(sys.argv[1])): print(flush=True); sys.stdin.read()", str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert other.stdout is not None
    other.stdout.readline()
    with kept(store, ENDLESS) as keeper:
        rounds_of(keeper, 3)
        assert keeper.state()["running"], "somebody is at work"
        assert not (folder / "started").exists()
        # Its packs come in all the same.
        write_pack(folder, traces[:3], FakeStudent())
        until(lambda: keeper.state()["scored"] == 3)
        other.communicate()
        until(lambda: (folder / "started").exists())


def test_a_pause_ends_the_scorer_and_lasts_as_long_as_the_other_process(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    started = folder / "started"
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with kept(store, ENDLESS) as keeper:
        until(lambda: started.exists() and started.read_text() == "x")
        keeper.pause_for(sleeper.pid)
        assert not keeper.state()["running"]
        rounds_of(keeper, 3)
        assert started.read_text() == "x"
        sleeper.communicate(b"\n")
        until(lambda: started.read_text() == "xx")
        assert keeper.state()["problem"] is None, "a scorer that was paused has not failed"


def test_the_scorer_ends_with_the_caretaker(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    with kept(store, ENDLESS) as one:
        until(lambda: one.state()["running"])
        worker = one._worker
        assert worker is not None
    assert worker.returncode is not None
    assert not one.state()["running"]


def test_a_caretaker_that_was_never_started_can_be_stopped(store: Store) -> None:
    keeper = Caretaker(store, student="fake", dtype="float32", scoring=True)
    keeper.stop()
    assert keeper.state()["running"] is False


def test_trouble_with_the_disk_is_told_and_passes(
    store: Store, folder: Path, traces: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, frame: pl.DataFrame) -> None:
        raise OSError(28, "No space left on device")

    write_job = packs.write_job
    monkeypatch.setattr(packs, "write_job", full)
    with kept(store) as keeper:
        until(lambda: "No space left" in (keeper.state()["problem"] or ""))
        monkeypatch.setattr(packs, "write_job", write_job)
        until(lambda: keeper.state()["scored"] == 12)
        until(lambda: keeper.state()["problem"] is None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_housekeeping_is_not_hidden(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*arguments: object, **more: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(caretaker, "mark_pending", bug)
    with kept(store) as keeper:
        until(lambda: "ZeroDivisionError" in (keeper.state()["problem"] or ""))


def test_the_speed_of_the_scorer_is_told(
    store: Store, folder: Path, traces: list[dict[str, Any]]
) -> None:
    with only_scorer(folder):
        assert is_scoring(folder)
        (folder / "progress.json").write_text(
            '{"student": "fake", "pid": 1, "state": "scoring", "message": "so far", '
            '"tokens_per_second": 12.5}'
        )
        keeper = Caretaker(store, student="fake", dtype="float32", scoring=True)
        state = keeper.state()
        assert (state["running"], state["tokens_per_second"]) == (True, 12.5)
        assert state["message"] == "so far"
    state = keeper.state()
    assert (state["running"], state["tokens_per_second"], state["message"]) == (False, None, None)


def test_traces_are_marked_anew_when_the_lexicon_in_use_changes(
    store: Store, traces: list[dict[str, Any]]
) -> None:
    with kept(store):
        until(lambda: lexicons.all_are_marked(store))
        assert store.list_traces()["n_hedge"].to_list() == [1] * 12
        wished = Change("silence", "maybe", why="a habit here", who="ada")
        lexicons.change(store, "en", [wished])
        until(lambda: lexicons.all_are_marked(store))
        assert store.list_traces()["n_hedge"].to_list() == [0] * 12
