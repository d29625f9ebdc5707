"""What pages share: why nobody reads, in words, and whether the code was changed under the app."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from curation import ui


def _room(**state: Any) -> ui.Room:
    """A room whose caretaker says this of the student shown."""
    said = {"problem": None, "paused": False, "running": False, **state}
    keeper = SimpleNamespace(state=lambda student: {"student": student, **said})
    return cast(ui.Room, SimpleNamespace(student="shown", caretaker=keeper))


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({}, None),  # about to start
        ({"running": True}, None),
        ({"running": True, "paused": True}, None),  # another process reads
        ({"paused": True}, "The scorer is paused: let it go on on the page Scores."),
        ({"problem": "No such folder.", "paused": True}, "No such folder."),
    ],
)
def test_a_card_without_scores_can_say_why_nobody_reads(
    state: dict[str, Any], why: str | None
) -> None:
    assert ui.scorer_rests(_room(**state)) == why


def test_an_app_whose_files_are_newer_than_itself_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    module = tmp_path / "room" / "module.py"
    module.write_text("")
    os.utime(module, (100, 100))
    assert not ui.is_changed_since(100.0, tmp_path)
    assert ui.is_changed_since(99.5, tmp_path)
    # A store or a log beside the code is no code.
    (tmp_path / "server.log").write_text("")
    assert not ui.is_changed_since(100.0, tmp_path)
