"""Quarantine: refused rows lie in a file that can be mended and ingested again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation import ingest
from curation.errors import IngestError
from curation.records import Refusal
from tests.test_ingest import line, read, read_bytes

BAD = [
    line(trace=""),
    b'{"prompt": "a", "trace": "cut\n',
    b'{"prompt": "a", "trace": "\\ud800"}\n',
    b'{"prompt": "a", "trace": "n\xe9"}\n',
    line(correct="yes"),
    b"[1]\n",
]


@pytest.fixture
def quarantine(tmp_path: Path) -> Path:
    """The quarantine file of a source with a good row in front of the bad ones."""
    traces, refusals, _ = read_bytes(tmp_path, line() + b"".join(BAD), "source.jsonl")
    assert traces.height == 1
    path = tmp_path / "folder" / "refused.jsonl"
    assert ingest.write_quarantine(path, refusals) == len(BAD)
    return path


def test_a_quarantine_file_says_where_what_and_why(quarantine: Path) -> None:
    kept = [json.loads(row) for row in quarantine.read_text(encoding="utf-8").splitlines()]
    assert [set(row) for row in kept] == [{"origin", "line", "field", "reason", "row"}] * len(BAD)
    assert [row["line"] for row in kept] == [2, 3, 4, 5, 6, 7]
    assert {row["origin"] for row in kept} == {"source.jsonl"}
    assert kept[0]["row"] == BAD[0].decode().rstrip("\n")


def test_what_was_not_mended_is_refused_again_at_its_first_place(quarantine: Path) -> None:
    traces, refusals, n_read = read(quarantine)
    before = [Refusal(**json.loads(row)) for row in quarantine.read_text().splitlines()]
    assert traces.height == 0
    assert n_read == len(BAD)
    assert [(r.origin, r.line, r.field) for r in refusals] == [
        (r.origin, r.line, r.field) for r in before
    ]


def test_mended_rows_go_in_at_their_first_place(quarantine: Path) -> None:
    kept = [json.loads(row) for row in quarantine.read_text(encoding="utf-8").splitlines()]
    mended = '{"prompt": "a", "trace": "mended", "source": "source.jsonl"}'
    for row in kept[:4]:
        row["row"] = mended
    kept[4]["row"] = json.loads(mended)
    quarantine.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    traces, (refusal,), n_read = read(quarantine)
    assert n_read == 6
    assert traces["text"].to_list() == ["mended"] * 5
    assert traces["line"].to_list() == [2, 3, 4, 5, 6]
    assert traces["origin"].unique().to_list() == ["source.jsonl"]
    assert refusal.line == 7


def test_a_mended_row_has_the_id_it_would_have_had(tmp_path: Path) -> None:
    content = line(trace="") + line()
    whole, _, _ = read_bytes(tmp_path, line(trace="Four!") + line(), "source.jsonl")
    _, refusals, _ = read_bytes(tmp_path, content, "source.jsonl")
    path = tmp_path / "refused.jsonl"
    ingest.write_quarantine(path, [refusals[0]._replace(row=line(trace="Four!").decode())])
    mended, _, _ = read(path)
    assert mended.equals(whole.head(1))


def test_a_quarantine_file_is_recognised_and_its_rows_by_their_own_format(tmp_path: Path) -> None:
    refusal = Refusal("a.jsonl", 3, None, "why", '{"instruction": "a", "output": "b"}')
    ingest.write_quarantine(tmp_path / "refused.jsonl", [refusal])
    shown = ingest.preview(tmp_path / "refused.jsonl")
    assert shown.format == "alpaca"
    assert "a quarantine file" in shown.why
    assert shown.batch.traces["text"].to_list() == ["b"]
    assert shown.batch.traces["line"].to_list() == [3]


def test_a_row_left_empty_is_refused(tmp_path: Path) -> None:
    ingest.write_quarantine(tmp_path / "q.jsonl", [Refusal("a.csv", 3, None, "why", " ")])
    traces, (refusal,), _ = read(tmp_path / "q.jsonl", format="native")
    assert traces.height == 0
    assert (refusal.origin, refusal.line) == ("a.csv", 3)
    assert "put the mended row here" in refusal.reason


def test_a_place_that_is_none_is_refused_where_it_stands(tmp_path: Path) -> None:
    row = {"origin": "a", "line": 1, "field": None, "reason": "why", "row": line().decode()}
    told = [{**row, "line": -1}, {**row, "origin": "\ud800"}, {**row, "line": "1"}, row]
    content = "".join(json.dumps(one) + "\n" for one in told).encode()
    traces, refusals, _ = read_bytes(tmp_path, content, "q.jsonl")
    assert traces["origin"].to_list() == ["a"]
    assert [(r.origin, r.line, r.field) for r in refusals] == [
        ("q.jsonl", 1, "line"),
        ("q.jsonl", 2, "origin"),
        ("q.jsonl", 3, "line"),
    ]


def test_without_refusals_no_file_is_written(tmp_path: Path) -> None:
    assert ingest.write_quarantine(tmp_path / "refused.jsonl", []) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_quarantine_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IngestError, match="cannot be written"):
        ingest.write_quarantine(
            tmp_path / "file" / "refused.jsonl", [Refusal("a", 1, None, "", "")]
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
