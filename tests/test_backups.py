"""Backups by the clock, and the command that serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from curation import backups, owner, serving
from curation import store as stores
from curation.errors import CurationError, StoreError
from curation.settings import ROOT
from curation.store import Store
from tests.builders import a_batch, a_trace
from tests.said import Said
from tests.served import a_free_address

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_backup_comes_when_it_is_due_and_the_newest_stay(store: Store) -> None:
    store.add(a_batch(a_trace()), "i")
    schedule = backups.Schedule(store, hours=6, kept=2)
    folder = backups.folder(store.path)
    folder.mkdir()
    (folder / "mine.duckdb").write_text("not one of ours")
    came = [
        hour for hour in range(24) if schedule.make_if_due(NOON + timedelta(hours=hour)) is not None
    ]
    # Every six hours from the first look: 0, 6, 12 and 18 h after noon; the last two stay, which
    # are those of 00:00 and 06:00 on the next day.
    assert came == [0, 6, 12, 18]
    assert [path.name for path in backups.made(store.path)] == [
        "2026-11-23T000000Z.duckdb", "2026-11-23T060000Z.duckdb",
    ]  # fmt: skip
    assert (folder / "mine.duckdb").read_text() == "not one of ours"
    with stores.open(backups.made(store.path)[-1]) as kept:
        assert kept.status()["traces"] == 1


def test_a_backup_that_cannot_be_made_costs_none_of_those_that_there_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = backups.Schedule(store, hours=1, kept=1)
    first = schedule.make_if_due(NOON)

    def full(path: Path) -> None:
        raise StoreError("No space left on device.")

    monkeypatch.setattr(store, "backup", full)
    with pytest.raises(CurationError, match="No space"):
        schedule.make_if_due(NOON + timedelta(hours=2))
    assert backups.made(store.path) == [first]


def test_the_app_makes_backups_of_a_file_and_leaves_a_server_to_its_own(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    held = owner.open(
        path, student="fake", dtype="float32", scoring=False, backup_hours=1, backups_kept=1
    )
    held.close()  # finishes what has begun
    assert len(backups.made(path)) == 1
    held = owner.open(path, student="fake", dtype="float32", scoring=False)
    held.close()
    assert len(backups.made(path)) == 1


def test_serve_holds_a_store_until_it_is_told_to_stop(
    curate: Callable[..., Said], demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = a_free_address()
    process = subprocess.Popen(
        [sys.executable, "-m", "curation", "serve", "--listen", str(address).removeprefix("quack:"),
         "--backup-hours", "1", "--json"],
        cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "HEDGEROW_STORE": str(demo)},
    )  # fmt: skip
    assert process.stderr is not None
    said = [process.stderr.readline(), process.stderr.readline()]
    token = serving.token_file(demo)
    assert token.stat().st_mode & 0o777 == 0o600
    assert f"serving {demo} at {address}" in said[1]
    assert token.read_text().strip() not in "".join(said)
    monkeypatch.setenv("HEDGEROW_TOKEN_FILE", str(token))
    assert curate("--store", address, "status", "--json").json["traces"] == 12
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert str(demo) in out
    assert len(backups.made(demo)) == 1
    monkeypatch.delenv("HEDGEROW_TOKEN_FILE")
    assert curate("--store", demo, "status", "--json").json["traces"] == 12


def test_beyond_this_machine_a_token_of_ones_own_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="needs a token"):
        serving.serve(
            tmp_path / "s.duckdb", "0.0.0.0:9", backup_hours=0, backups_kept=1,
            say=lambda line: None, stopping=threading.Event(),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_said_and_the_store_let_go(tmp_path: Path) -> None:
    stop = threading.Event()
    address, lines = a_free_address(), []

    def say(line: str) -> None:
        lines.append(line)
        if line.startswith("serving"):
            with pytest.raises(StoreError, match="cannot be listened on"):
                serve("other.duckdb")
            stop.set()

    def serve(name: str) -> None:
        serving.serve(
            tmp_path / name, str(address), backup_hours=0, backups_kept=1, say=say, stopping=stop
        )

    serve("s.duckdb")
    assert lines[-1] == "stopped"
    with stores.open(tmp_path / "other.duckdb") as store:
        assert store.status()["traces"] == 0
