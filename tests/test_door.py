from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import pytest

from curation import door
from curation.door import Door
from curation.errors import FilterError, StoreBusy
from curation.settings import ROOT


def _handle(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if name == "refuse":
        raise FilterError("There is no column so.")
    if name == "leave":
        os._exit(0)
    return {"name": name, "text": arguments["text"] * 2}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """The path of a store whose owner keeps a door."""
    path = tmp_path / "s.duckdb"
    opened = Door(path, _handle)
    yield path
    opened.close()


def test_the_owner_answers_what_it_is_asked(kept: Path) -> None:
    assert door.ask(kept, "say", {"text": "ü\n"}) == {"name": "say", "text": "ü\nü\n"}
    assert door.ask(kept, "say", {"text": "again"}) == {"name": "say", "text": "againagain"}


def test_an_error_arrives_as_the_error_it_was(kept: Path) -> None:
    with pytest.raises(FilterError, match="There is no column so"):
        door.ask(kept, "refuse", {})


def test_only_the_user_can_read_the_key(kept: Path) -> None:
    assert stat.S_IMODE(door.owner_file(kept).stat().st_mode) == 0o600


def test_a_stranger_without_the_key_gets_no_answer_and_does_no_harm(kept: Path) -> None:
    owner = json.loads(door.owner_file(kept).read_text())
    for key in (b"guessed", b"guessed again"):
        with pytest.raises((AuthenticationError, OSError, EOFError)):
            Client((owner["host"], owner["port"]), authkey=key)
    assert door.ask(kept, "say", {"text": "a"}) == {"name": "say", "text": "aa"}


def test_a_caller_that_says_nothing_holds_nobody_up(kept: Path) -> None:
    owner = json.loads(door.owner_file(kept).read_text())
    with socket.create_connection((owner["host"], owner["port"])):
        assert door.ask(kept, "say", {"text": "a"}) == {"name": "say", "text": "aa"}


def test_no_door_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    assert door.ask(path, "say", {}) is None
    opened = Door(path, _handle)
    stale = door.owner_file(path).read_text()
    opened.close()
    assert not door.owner_file(path).exists()
    door.owner_file(path).write_text(stale)
    assert door.ask(path, "say", {}) is None
    door.owner_file(path).write_text("{")
    assert door.ask(path, "say", {}) is None


def test_an_owner_that_dies_midway_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    script = (
        "import sys; from pathlib import Path; from tests import test_door\n"
        "from curation import door\n"
        "kept = door.Door(Path(sys.argv[1]), test_door._handle); print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert owner.stdout is not None
    assert owner.stdout.readline().strip() == "open"
    with pytest.raises(StoreBusy, match=f"Process {owner.pid}"):
        door.ask(path, "leave", {})
    owner.communicate()
