"""Reading in a process of its own: the same batches, the same errors, and nothing left running."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import ingest
from curation.errors import IngestError
from curation.ingest import apart, reading
from tests.test_ingest import BAD_AND_GOOD, line

REQUEST = {"format": None, "mapping": None, "max_trace_chars": 1000}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that reading starts; every source counts as large."""
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def noted(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(start(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(apart, "LARGE_BYTES", 0)
    return started


@pytest.mark.parametrize("name", ["rows.jsonl", os.fsdecode(b"n\xe9.jsonl")])
def test_another_process_reads_the_same(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(BAD_AND_GOOD)
    told = ingest.read(path, mapping={"teacher": "=Qwen"})
    there, here = list(told), list(told.batches_here())
    assert len(started) == apart.N_READERS
    assert [batch.n_read for batch in there] == [batch.n_read for batch in here]
    for one, two in zip(there, here, strict=True):
        assert one.traces.equals(two.traces)
        assert one.traces.schema == two.traces.schema
        assert one.problems.equals(two.problems)
        assert one.problems.schema == two.problems.schema
        assert one.refusals == two.refusals


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 300))
def test_readers_that_take_turns_read_all_in_order(
    tmp_path_factory: pytest.TempPathFactory, n_readers: int, n_blocks: int, size: int
) -> None:
    path = tmp_path_factory.mktemp("turns") / "rows.jsonl"
    path.write_bytes(b"".join(line(trace=str(i)) + b"broken\n" * (i % 3) for i in range(9)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_BYTES", size)
        patch.setattr(reading, "TURN_BLOCKS", n_blocks)
        told = ingest.read(path)
        turns = [list(told.turns_here(i, n_readers)) for i in range(n_readers)]
    in_order = [batch for turn in zip_longest(*turns) for batch in turn if batch is not None]
    (whole,) = told.batches_here()
    assert pl.concat(batch.traces for batch in in_order).equals(whole.traces)
    assert [refusal for batch in in_order for refusal in batch.refusals] == whole.refusals
    assert sum(batch.n_read for batch in in_order) == whole.n_read


def test_only_large_sources_are_read_in_another_process(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(line())
    monkeypatch.setattr(apart, "LARGE_BYTES", len(line()) + 1)
    assert len(list(ingest.read(tmp_path / "rows.jsonl"))) == 1
    assert not started
    assert not apart.is_large(tmp_path)
    (tmp_path / "more.jsonl").write_bytes(b"\n")
    assert apart.is_large(tmp_path)


def test_an_error_of_the_other_process_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"gone\.jsonl does not exist"):
        list(apart.batches({**REQUEST, "path": tmp_path / "gone.jsonl"}, 2))


def test_a_process_that_ends_early_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(IngestError, match=r"rows\.jsonl ended early, with status 1: no word"):
        list(apart.batches({**REQUEST, "path": tmp_path / "rows.jsonl"}, 1))


def test_a_reading_that_is_left_ends_its_process(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(line(trace="x" * 90_000 + str(i)) for i in range(400)))
    batches = apart.batches({**REQUEST, "path": path, "max_trace_chars": 100_000}, 2)
    first = next(batches)
    assert 0 < first.traces.height < 400
    batches.close()
    assert [process.returncode is None for process in started] == [False, False]
    assert isinstance(first.traces, pl.DataFrame)
    assert reading.BATCH_CHARS < 400 * 90_000
