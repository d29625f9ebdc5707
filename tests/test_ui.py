"""What pages share: why nobody reads, in words."""

from __future__ import annotations

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
