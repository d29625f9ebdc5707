"""Random faults around a desk at work: a few of the runs of `python -m tests.browser.faults`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import faults
from tests.browser.server import Server

pytestmark = pytest.mark.browser


def test_no_decision_is_lost_doubled_or_out_of_order_among_random_faults(
    serve: Callable[..., Server], tmp_path: Path, chromium: Browser
) -> None:
    server = serve(faults.HARNESS, env={"HEDGEROW_HARNESS": str(tmp_path)})
    founds = [faults.run(server, tmp_path, chromium, seed) for seed in (0, 1, 2)]
    assert [found for found in founds if not found.is_sound] == []
    # The runs did what they are for: they decided, and more than one kind of fault came by.
    assert all(found.n_pressed for found in founds)
    assert len({fault for found in founds for fault in found.done}) >= 6
    assert "edit" in {done for found in founds for done in found.done}


def test_a_run_tells_what_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    class Written:
        rows = [
            {
                "decision_id": f"…{tab:02x}", "trace_id": trace_id, "verdict": verdict,
                "extra": {"edit": {"text": edit}} if edit else {},
            }
            for tab, trace_id, verdict, edit in [
                (0, "t2", "accept", None), (0, "t1", "accept", None), (1, "t3", "flag", None),
                (1, "t3", "flag", None), (1, "t5", "accept", "It is 5."),
            ]
        ]  # fmt: skip

    run = faults.Run.__new__(faults.Run)
    run.seed, run.done, run.n_ignored, run.unsure = 0, [], 0, []
    run.bench = Written()  # type: ignore[assignment]
    run.pressed = [
        faults.Pressed(0, "t1", "accept"),
        faults.Pressed(0, "t2", "accept"),
        faults.Pressed(1, "t3", "flag"),
        faults.Pressed(1, "t4", "reject"),
        faults.Pressed(1, "t5", "accept", "It is five."),
    ]
    found = run.found()
    # An accept whose edit is another one is lost, and what is stored instead is too much.
    assert found.lost == [
        faults.Pressed(1, "t4", "reject"), faults.Pressed(1, "t5", "accept", "It is five."),
    ]  # fmt: skip
    assert found.surplus == [
        faults.Pressed(1, "t3", "flag"), faults.Pressed(1, "t5", "accept", "It is 5."),
    ]  # fmt: skip
    # Tab 0 pressed t1 before t2; t2 was stored before t1.
    assert (found.n_disordered, found.n_crossed, found.is_sound) == (1, 0, False)
    # A key that perhaps was not heard may be stored, once.
    run.unsure = [faults.Pressed(1, "t3", "flag"), faults.Pressed(1, "t9", "skip")]
    assert run.found().surplus == [faults.Pressed(1, "t5", "accept", "It is 5.")]
    run.unsure = [faults.Pressed(1, "t3", "flag")] * 3
    assert run.found().surplus == [faults.Pressed(1, "t5", "accept", "It is 5.")]
