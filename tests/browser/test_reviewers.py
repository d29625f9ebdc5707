"""Several reviewers at once: the command's own arithmetic, and a short run of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from curation.settings import ROOT
from tests.browser.reviewers import Outcome

pytestmark = pytest.mark.browser


def test_an_outcome_counts_what_is_lost_doubled_and_shared() -> None:
    said = {"ada": [("t1", "accept"), ("t2", "accept")], "ben": [("t2", "accept")]}
    rows = [
        {"reviewer": reviewer, "trace_id": trace_id, "verdict": "accept"}
        for reviewer, trace_id in [("ada", "t1"), ("ada", "t1"), ("ben", "t2")]
    ]
    found = Outcome(said, []).hold_against(rows)
    # Ada's t2 is missing, her t1 is there twice; only ben decided t2.
    assert (found.lost, found.doubled, found.n_shared, found.is_in_order) == (1, 1, 0, False)
    whole = [{"reviewer": r, "trace_id": t, "verdict": v} for r, s in said.items() for t, v in s]
    found = Outcome(said, []).hold_against(whole)
    assert (found.lost, found.doubled, found.n_shared, found.is_in_order) == (0, 0, 1, True)


def test_three_people_at_once_lose_and_double_nothing() -> None:
    # A process of its own: it drives a browser, and so does the process of these tests.
    said = subprocess.run(
        [sys.executable, "-m", "tests.browser.reviewers",
         "--reviewers", "3", "--minutes", "0.05", "--every", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert " 0 lost, 0 doubled, each in order" in said.stdout
