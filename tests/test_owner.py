"""Commands while another process, such as the app, holds the store: they go through its door."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from curation import __main__ as command_line
from curation import door, owner, student
from curation import store as stores
from curation.errors import StoreError
from curation.settings import ROOT
from tests.fakes import FakeStudent
from tests.said import Said, contents, first_trace
from tests.test_caretaker import ENDLESS, until

Curate = Callable[..., Said]

OWNER = """
import functools, sys
from pathlib import Path
from curation import commands, owner
def fail(*arguments): raise ZeroDivisionError("a bug")
commands.COMMANDS["agreement"] = fail
endless = (sys.executable, "-c", sys.argv[2])
owner.Caretaker = functools.partial(owner.Caretaker, scorer=endless)
held = owner.open(
    Path(sys.argv[1]), student="fake", dtype="float32", scoring=bool(sys.argv[2])
)
print("open", flush=True)
sys.stdin.read()
held.close()
"""
"""Holds a store until its standard input ends. Its `agreement` has a bug."""


@contextmanager
def held(path: Path, scorer: str = "") -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the store at `path`; it must live to the end, and close in peace."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path), scorer],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert stream(process.stdout).readline() == "open\n"
        yield process
        if process.poll() is None:
            process.communicate()
            assert process.returncode == 0


def stream(one: IO[str] | None) -> IO[str]:
    assert one is not None
    return one


def test_every_command_answers_as_if_the_store_were_free(
    curate: Curate, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace_id = first_trace(demo)
    shutil.copyfile(ROOT / "data/demo/traces.jsonl", tmp_path / "more.jsonl")
    asked: list[tuple[str, ...]] = [
        ("status",),
        ("list", "--where", "teacher_context = 'answer'", "--order", "length", "--limit", "2"),
        ("ingest", "more.jsonl"),
        ("decide", trace_id, "accept", "--reviewer", "ada", "--note", "ü\n\x1b"),
        ("undo", "--reviewer", "ada"),
        ("decide", trace_id, "accept", "--reviewer", "ada", "--reason", "a", "b"),
        ("show", trace_id),
        ("leakage",),
        ("export", "--format", "sft-messages", "--out", "out", "--splits", "train=1"),
        ("verify",),
        ("verify", "out"),
        ("backup", "copy.duckdb"),
        ("status",),
    ]
    # The caller's folder is not the owner's: paths are relative to the caller's.
    answers = []
    for name in ("free", "held"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copyfile(demo, folder / "h.duckdb")
        shutil.copyfile(tmp_path / "more.jsonl", folder / "more.jsonl")
        monkeypatch.chdir(folder)
        if name == "free":
            answers.append(
                [curate("--store", "h.duckdb", "--json", *words).json for words in asked]
            )
        else:
            with held(folder / "h.duckdb"):
                answers.append(
                    [curate("--store", "h.duckdb", "--json", *words).json for words in asked]
                )
        assert (folder / "out" / "manifest.json").exists()
        assert len(contents(folder / "copy.duckdb")["decision"]) == 3
    for words, free, through_the_door in zip(asked, *answers, strict=True):
        assert free.keys() == through_the_door.keys(), words
        if words[0] in ("list", "leakage", "ingest"):
            assert free == through_the_door, words
    shown_free, shown = answers[0][6], answers[1][6]
    assert shown["decisions"][0]["note"] == "ü\n\x1b"
    assert shown["trace"] == shown_free["trace"]
    at = [d["stored_at"] for one in (shown, shown_free) for d in one["decisions"]]
    assert {(len(when), when[-6:]) for when in at} == {
        (len("2026-01-02T12:00:00.123456+00:00"), "+00:00")
    }


def test_a_failure_reads_the_same_through_the_door_and_the_owner_survives(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    (tmp_path / "few.jsonl").write_text('{"prompt": "?", "trace": "!"}\n')
    failures: list[tuple[object, ...]] = [
        ("show", "tr1_nope"),
        ("decide", "tr1_nope", "accept", "--reviewer", "ada"),
        ("undo", "--reviewer", "nobody"),
        ("list", "--where", "nonsense\x1b[2J = 1"),
        ("ingest", tmp_path / "few.jsonl", tmp_path / "missing.jsonl"),
        ("export", "--format", "sft-messages", "--out", tmp_path / "out"),
        ("backup", tmp_path / "few.jsonl"),
        ("backup", tmp_path / "few.jsonl" / "copy"),
    ]
    before = without_markers(demo)
    free = [curate(*words) for words in failures]
    with held(demo):
        assert [curate(*words) for words in failures] == free
        assert all(said.error for said in free)
        assert curate("status", "--json").json["traces"] == 12
    assert without_markers(demo) == before


def without_markers(path: Path) -> dict[str, list[Any]]:
    """What is stored but for what the owner's caretaker adds by itself."""
    found = contents(path)
    kept = ("shortcut_rules", "language_detector", "lexicon/en", "student")
    found["setting"] = [row for row in found["setting"] if row[0] not in kept]
    own = ("marking", "lexicon", "shortcut", "student", "trace_language")
    return {name: rows for name, rows in found.items() if name not in own}


def test_a_bug_of_the_owner_is_told_in_one_line_and_it_survives(curate: Curate, demo: Path) -> None:
    with held(demo) as process:
        said = curate("agreement")
        assert "The owner failed: ZeroDivisionError('a bug')" in said.error
        assert curate("status", "--json").json["traces"] == 12
        _, log = process.communicate()
    assert "Traceback" in log, "the owner's own log has all of it"


def test_the_store_cannot_be_replaced_under_its_owner(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    shutil.copyfile(demo, tmp_path / "copy")
    with held(demo) as process:
        assert f"in use by process {process.pid}" in curate("restore", tmp_path / "copy").error


def test_the_door_is_found_by_another_path_of_the_same_store(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.duckdb"
    link.symlink_to(demo)
    with held(demo):
        assert curate("--store", link, "status", "--json").json["traces"] == 12


def test_more_than_the_door_takes_is_refused_in_words(curate: Curate, demo: Path) -> None:
    with held(demo):
        words = ("decide", first_trace_of(curate), "accept", "--reviewer", "ada", "--note")
        assert "shorten them" in curate(*words, "x" * (2 << 20)).error
        assert curate(*words, "x" * (1 << 19), "--json").json["sequence"] == 1


def first_trace_of(curate: Curate) -> str:
    return str(curate("list", "--limit", "1", "--json").json["items"][0]["trace_id"])


def test_many_callers_at_once_lose_nothing(curate: Curate, demo: Path) -> None:
    trace_id = first_trace(demo)

    def decide(i: int) -> Any:
        arguments: dict[str, Any] = {
            "trace_id": trace_id,
            "verdict": "accept",
            "reviewer": f"r{i}",
            "reason": [],
            "note": None,
            "directive": None,
        }
        answer = door.ask(demo, "decide", arguments)
        assert answer is not None
        return answer["sequence"]

    with held(demo), ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(decide, range(48))) == list(range(1, 49))
    assert len(contents(demo)["decision"]) == 48


def test_scoring_goes_through_the_door_and_stops_the_owners_scorer_meanwhile(
    curate: Curate, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(student, "load", lambda name, **dials: FakeStudent("fake"))
    started = demo.with_name(demo.name + ".packs") / "started"
    with held(demo, ENDLESS):
        until(lambda: started.exists())
        some = curate("score", "--limit", "5", "--json").json
        assert (some["scored"], some["waiting"]) == (5, 7)
        assert curate("status", "--json").json["scored"] == 5
        rest = curate("score", "--json").json
        assert (rest["scored"], rest["waiting"]) == (7, 0)
        # This process lives, so the owner waits for it with its own scorer.
        assert started.read_text() == "x"
        assert curate("verify", "--json").json["broken"] == []


def test_an_owner_that_was_killed_is_not_waited_for(curate: Curate, demo: Path) -> None:
    with held(demo) as process:
        process.kill()
        process.wait()
    assert door.owner_file(demo).exists()
    assert curate("status", "--json").json["traces"] == 12


def test_a_stranger_behind_an_old_address_is_not_taken_for_the_owner(
    curate: Curate, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_HANDSHAKE_S", 0.05)
    monkeypatch.setattr(command_line, "PATIENCE_S", 0.0)
    with held(demo) as process, socket.create_server(("127.0.0.1", 0)) as silent:
        told = json.loads(door.owner_file(demo).read_text())
        told["port"] = silent.getsockname()[1]
        door.owner_file(demo).write_text(json.dumps(told))
        assert f"in use by process {process.pid}" in curate("status").error


def test_an_owner_that_cannot_open_its_door_lets_the_store_go(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(owner, "Door", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        owner.open(demo, student="fake", dtype="float32", scoring=False)
    stores.open(demo).close()


def test_an_unknown_command_is_refused_by_the_owner(demo: Path) -> None:
    kept = owner.open(demo, student="fake", dtype="float32", scoring=False)
    try:
        with pytest.raises(Exception, match="does not know `drop`"):
            door.ask(demo, "drop", {})
        told = door.ask(demo, "status", {})
        assert told is not None
        assert told["traces"] == 12
    finally:
        kept.close()
    assert not door.owner_file(demo).exists()
