"""The command `score`: resumable, one at a time, beside other students."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import caretaker, student
from curation.student.progress import only_scorer
from tests.fakes import FakeStudent
from tests.said import FAKE, Said, contents, first_trace, in_a_process

Curate = Callable[..., Said]


def test_scoring_goes_on_where_it_stopped(curate: Curate, demo: Path, fake: None) -> None:
    some = curate("score", "--limit", "5", "--json").json
    assert (some["scored"], some["failed"], some["waiting"]) == (5, 0, 7)
    items = curate("list", "--where", "n_tokens is not null", "--json").json["items"]
    assert [item["position"] for item in items] == [0, 1, 2, 3, 4]
    assert some["n_tokens"] == sum(item["n_tokens"] for item in items)
    assert some["tokens_per_second"] == pytest.approx(some["n_tokens"] / some["seconds"])
    rest = curate("score", "--json").json
    assert (rest["scored"], rest["waiting"]) == (7, 0)
    none = curate("score", "--json").json
    assert (none["scored"], none["n_tokens"], none["waiting"]) == (0, 0, 0)
    assert curate("status", "--json").json["scored"] == 12
    assert curate("score", "--limit", "0", "--json").json["scored"] == 0


def test_a_trace_that_cannot_be_scored_says_why_and_is_not_tried_again(
    curate: Curate, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(student, "load", lambda name, **dials: FakeStudent(name, window=70))
    answer = curate("score", "--json").json
    assert answer["failed"] > 0
    assert answer["scored"] + answer["failed"] == 12
    failed = curate("list", "--where", "score_error is not null", "--json").json["items"]
    assert len(failed) == answer["failed"]
    shown = curate("show", failed[0]["trace_id"], "--json").json
    assert "window is 70" in shown["score_error"]
    assert (shown["tokens"], shown["profile"]) == (None, None)
    assert curate("score", "--json").json["failed"] == 0


def test_another_student_is_scored_beside_the_first_and_shown_on_request(
    curate: Curate, demo: Path, fake: None
) -> None:
    curate("score", "--student", "one")
    curate("score", "--student", "two", "--limit", "1")
    trace_id = first_trace(demo)
    assert curate("status", "--json").json["students"] == ["one", "two"]
    assert curate("show", trace_id, "--json").json["convention"]["student"] == "two"
    both = [curate("show", trace_id, "--student", name, "--json").json for name in ("one", "two")]
    assert both[0]["tokens"]["logprob_nats"] == both[1]["tokens"]["logprob_nats"]
    assert both[0]["convention"]["convention_id"] != both[1]["convention"]["convention_id"]


def test_two_do_not_score_into_one_folder(curate: Curate, demo: Path, fake: None) -> None:
    with only_scorer(caretaker.packs_folder(demo)):
        before = contents(demo)
        assert f"Process {os.getpid()} is scoring into" in curate("score").error
        assert contents(demo) == before
    assert curate("score", "--json").json["scored"] == 12


def test_a_scorer_that_was_killed_leaves_packs_that_the_next_run_takes_in(
    curate: Curate, demo: Path, fake: None
) -> None:
    program = FAKE.replace(
        "FakeStudent(name)",
        "FakeStudent(name, before_score=lambda prompt, trace: "
        "[].append(calls.append(trace)) if len(calls) < 10 else os.kill(os.getpid(), 9))",
    ).replace("import sys\n", "import os, sys\ncalls = []\n")
    before = contents(demo)
    assert in_a_process("score", program=program).code == -9
    assert contents(demo) == before
    # Packs of 1 and 8 traces were whole; the tenth trace was lost with the process.
    answer = curate("score", "--json").json
    assert (answer["scored"], answer["waiting"]) == (12 - 9, 0)
    assert curate("status", "--json").json["scored"] == 12
    assert curate("verify", "--json").json["broken"] == []


def test_a_score_that_fails_midway_changes_nothing_and_keeps_its_packs(
    curate: Curate, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def die(prompt: str, trace: str) -> None:
        calls.append(trace)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(student, "load", lambda name, **dials: FakeStudent(before_score=die))
    before = contents(demo)
    assert "No space left on device" in curate("score").error
    assert contents(demo) == before
    # The first pack holds the first trace alone; the two behind it were not in a pack yet.
    answer = curate("score", "--json").json
    assert (answer["scored"], answer["waiting"]) == (12 - 1, 0)


@pytest.mark.usefixtures("fake")
def test_a_refined_trace_says_whether_it_passes_the_selection_rule(
    tmp_path: Path, curate: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": "a", "source": "s", "prompt": "Two and two?", "teacher": "t", "trace": "It is 4."}
    refined = {**row, "id": "b", "trace": "Two and two is 4.", "teacher_context": "refined"}
    orphan = {**refined, "id": "c", "trace": "Four.", "extra": {}}
    rows = [row, {**refined, "refined_from": "a"}, {**orphan, "refined_from": "nobody"}]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    curate("ingest", path, "--json")
    ids = {item["external_id"]: item["trace_id"] for item in curate("list", "--json").json["items"]}

    def shown(name: str) -> Any:
        return curate("show", ids[name], "--json").json["refinement"]

    curate("score", "--json")
    assert shown("a") is None
    assert (shown("b")["original"], shown("b")["keep"]) == (ids["a"], None)
    assert "score --scores ifd,rifd" in shown("b")["why"]
    assert "does not hold nobody" in shown("c")["why"]

    numbers = {ids["a"]: (0.8, 0.9), ids["b"]: (0.7, 0.6)}
    monkeypatch.setattr(
        "curation.store.Store.compatibility",
        lambda self, trace_id, student: (
            {
                "ifd": {"ifd_ppl": numbers[trace_id][0], "per_token": []},
                "rifd": {"rifd_ppl": numbers[trace_id][1]},
            }
            if trace_id in numbers
            else {}
        ),
    )
    monkeypatch.setattr("curation.commands.COMPATIBILITY_COLUMNS", {"ifd": (), "rifd": ()})
    # The r-IFD falls from .9 to .6, and .6 and .7 are below 1.
    assert shown("b")["keep"] is True
    assert "0.600" in shown("b")["why"]
    numbers[ids["b"]] = (0.7, 0.95)
    assert shown("b")["keep"] is False


def test_unknown_scores_are_refused_with_those_there_are(curate: Callable[..., Said]) -> None:
    said = curate("score", "--scores", "ifd,beleif")
    assert said.code == 2
    assert "no scores 'beleif'; there are likelihood, steps, ifd" in said.error
