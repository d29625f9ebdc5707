"""What a terminal is shown, and what a program reads."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import __main__ as command_line
from curation import console
from curation.answers import as_json
from curation.settings import ROOT
from tests.said import Said, first_trace

Curate = Callable[..., Said]


def test_nothing_stored_can_drive_a_terminal(curate: Curate, demo: Path, tmp_path: Path) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07 \u202eabc\u2066 \x9b31m \r\u2028 \U000e0041"
    row = {"id": evil, "prompt": evil, "trace": f"maybe {evil}\nlast line", "teacher": evil,
           "teacher_context": evil, "reference_answer": evil, "extra": {"a": evil}}  # fmt: skip
    source = tmp_path / f"{evil.replace('/', '')}.jsonl"
    bad = json.dumps({"prompt": evil, "trace": 5})
    source.write_text(json.dumps(row) + "\n" + bad + "\n", "utf-8")
    said = [curate("ingest", source)]
    trace = curate("list", "--where", "position = 12", "--json").json["items"][0]["trace_id"]
    note = ("--reason", evil, "--note", evil, "--directive", evil)
    said.append(curate("decide", trace, "flag", "--reviewer", "ada" + evil, *note))
    (tmp_path / "lines.jsonl").write_text(json.dumps({"id": evil, "text": "may\x1b[2Jbe maybe"}))
    asked = [("list",), ("show", trace), ("status",), ("agreement",), ("leakage",), ("verify",),
             ("mark", tmp_path / "lines.jsonl"), ("backup", tmp_path / f"b{evil}")]  # fmt: skip
    said += [curate(*words) for words in asked]
    for one in said:
        assert one.code == 0, one
        assert [c for c in one.out if not c.isprintable() and c not in "\n\t"] == []
    assert "\\x1b[2J" in said[0].out
    shown = said[3].out.splitlines()
    # A line of the trace cannot pass for a line of ours: it is indented.
    assert "  last line" in shown
    assert "last line" not in shown


def test_what_a_value_looks_like_to_a_person() -> None:
    answer: dict[str, Any] = {
        "a": None,
        "long name": float("nan"),
        "b": [0.12345, True],
        "c": {},
        "d": "x\ny",
    }
    assert console.readable("status", answer) == (
        "a          –\nlong name  –\nb          0.1235, yes\nc          –\nd          x\\x0ay"
    )


def test_json_holds_what_json_can_hold() -> None:
    answer: dict[str, Any] = {"nan": float("nan"), "infinite": [float("inf"), -1.5], "pair": (1, 2)}
    assert as_json(answer) == '{"nan":null,"infinite":[null,-1.5],"pair":[1,2]}'
    odd = {"big": 2**70, "lone": "\ud800", "nan": float("nan")}
    assert json.loads(as_json(odd)) == {"big": 2**70, "lone": "\ud800", "nan": None}


def test_an_answer_reaches_a_terminal_of_any_encoding(demo: Path) -> None:
    trace = first_trace(demo)
    plain = ["status"], ["show", trace]
    for words in plain:
        said = _in_ascii(*words)
        assert (said.returncode, said.stderr) == (0, b"")
        assert said.stdout.isascii()
    shown = json.loads(_in_ascii("show", trace, "--json").stdout.decode("utf-8"))
    assert shown["trace"]["trace_id"] == trace


def _in_ascii(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "curation", *words],
        cwd=ROOT, capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip


def test_who_stops_reading_hears_no_complaint(demo: Path) -> None:
    command = [sys.executable, "-m", "curation", "list", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
        assert one.stdout is not None
        assert one.stderr is not None
        one.stdout.close()
        assert one.stderr.read() == b""


def test_a_progress_bar_is_for_terminals_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with command_line._bar("list") as bar:
        assert bar.disable

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with command_line._bar("list") as bar:
        assert not bar.disable
        assert bar.delay == 1
