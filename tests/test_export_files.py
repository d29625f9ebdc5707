"""Shards and compression: the same rows whatever they lie in, all of them or nothing."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from curation import export, store
from curation.errors import ExportError
from curation.export import files as export_files
from curation.export import streaming
from curation.export.files import FileType
from curation.settings import ROOT
from tests.builders import a_batch, a_decision, a_trace
from tests.test_export import FakeStore, a_row, bytes_of, no_network  # noqa: F401 - a fixture

KINDS = [("jsonl", False), ("jsonl", True), ("parquet", False)]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows at a time, so that a few rows fill several shards."""
    monkeypatch.setattr(export_files, "CHUNK_ROWS", 10)


def a_store(n: int = 100) -> FakeStore:
    return FakeStore([a_row(i, text=os.urandom(200).hex()) for i in range(n)])


def written(
    source: FakeStore, out: Path, files: FileType, *, zstd: bool = False, shard_mb: float = 0.001
) -> export.Manifest:
    return export.write(
        source,
        export.Recipe(
            files=files,
            splits={"train": 1},
            writing=export_files.Writing(shard_mb=shard_mb, zstd=zstd),
        ),
        out=out,
    )


@pytest.mark.parametrize(("files", "zstd"), KINDS)
def test_shards_open_as_one_split_with_every_row_in_order(
    tmp_path: Path, small_chunks: None, files: FileType, zstd: bool
) -> None:
    source = a_store()
    manifest = written(source, tmp_path / "x", files, zstd=zstd)
    # 10 rows of 400 random hex digits each hold 2,000 bytes that nothing packs: more than the 1,000
    # of a shard. So each chunk of 10 of the 100 rows ends its shard.
    ending = "jsonl.zst" if zstd else files
    data = [each for each in manifest.files if each.split == "train"]
    assert [each.path for each in data] == [f"train-{i:05}-of-00010.{ending}" for i in range(10)]
    assert [each.rows for each in data] == [10] * 10
    head = (tmp_path / "x" / "README.md").read_text().split("---\n")[1]
    (config,) = yaml.safe_load(head)["configs"]
    assert config["data_files"] == [{"split": "train", "path": [each.path for each in data]}]
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"]["trace_id"][:] == source.frame["trace_id"].to_list()
    assert [row[1]["content"] for row in loaded["train"]["messages"]] == [
        source.rows[i]["text"] for i in range(100)
    ]
    assert export.verify_export(tmp_path / "x").broken == []


@pytest.mark.parametrize(("files", "zstd"), KINDS)
def test_the_same_shards_twice_are_the_same_bytes_however_texts_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_chunks: None, files: FileType, zstd: bool
) -> None:
    source = a_store()
    written(source, tmp_path / "once", files, zstd=zstd)
    monkeypatch.setattr(streaming, "_FIRST_ROWS", 7)
    monkeypatch.setattr(streaming, "_MOST_ROWS", 13)
    written(source, tmp_path / "twice", files, zstd=zstd)
    assert bytes_of(tmp_path / "once") == bytes_of(tmp_path / "twice")


def test_the_pages_within_a_file_are_the_same_however_texts_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 3 MB of text in one row group: several pages of 1 MB, which end where what is written ends.
    source = FakeStore([a_row(i, text=os.urandom(500).hex()) for i in range(3_000)])
    written(source, tmp_path / "whole", "parquet", shard_mb=500)
    monkeypatch.setattr(streaming, "_FIRST_ROWS", 7)
    monkeypatch.setattr(streaming, "_MOST_ROWS", 130)
    written(source, tmp_path / "in bits", "parquet", shard_mb=500)
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "in bits")


def test_one_shard_bears_the_name_of_its_split(tmp_path: Path) -> None:
    written(a_store(), tmp_path / "x", "jsonl", zstd=True, shard_mb=500)
    assert set(bytes_of(tmp_path / "x")) == {"train.jsonl.zst", "README.md", "manifest.json"}


@pytest.mark.parametrize("field", [{"shard_mb": 0}, {"shard_mb": float("inf")}, {"level": 3}])
def test_a_size_that_no_file_can_have_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ExportError, match=f"writing.{next(iter(field))}"):
        export.recipe_from({"writing": field})


@pytest.mark.parametrize(("files", "zstd"), KINDS)
def test_a_byte_changed_in_any_shard_is_found(
    tmp_path: Path, small_chunks: None, files: FileType, zstd: bool
) -> None:
    manifest = written(a_store(30), tmp_path / "x", files, zstd=zstd)
    for each in manifest.files:
        path = tmp_path / "x" / each.path
        kept = path.read_bytes()
        changed = bytearray(kept)
        changed[len(kept) // 2] ^= 1
        path.write_bytes(changed)
        assert any(item.startswith(each.path) for item in export.verify_export(path.parent).broken)
        path.write_bytes(kept)
    assert export.verify_export(tmp_path / "x").broken == []


class Full:
    """A file that finds the disk full at the `fails_at`-th write of all such files."""

    writes: Iterator[int]
    fails_at: int

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def write(self, data: Any) -> int:
        if next(Full.writes) == Full.fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return int(self._file.write(data))


@pytest.mark.parametrize(("files", "zstd"), KINDS)
def test_a_disk_that_fills_at_any_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_chunks: None, files: FileType, zstd: bool
) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        file = opened(path, mode, *rest, **options)
        return Full(file) if "w" in mode else file

    source = a_store(30)
    Full.writes, Full.fails_at = iter(range(10_000)), -1
    monkeypatch.setattr(Path, "open", full)
    written(source, tmp_path / "whole", files, zstd=zstd)
    n_writes = next(Full.writes)
    assert n_writes >= 5  # three shards, the card and the manifest at least
    for fails_at in range(n_writes):
        Full.writes, Full.fails_at = iter(range(10_000)), fails_at
        with pytest.raises(ExportError, match="No space left on device"):
            written(source, tmp_path / "x", files, zstd=zstd)
        assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    assert len(source.recorded) == 1


KILLED = """
import sys, time
from pathlib import Path
from curation import export, store
from curation.export import files
files.CHUNK_ROWS = 1

def wait(done, total):
    if done == 2:
        print("half", flush=True)
        time.sleep(60)

with store.open(sys.argv[1]) as opened:
    export.write(opened, format="sft-messages", out=sys.argv[2], splits={"train": 1}, progress=wait)
"""


def test_a_kill_in_the_middle_leaves_no_folder_and_the_next_export_succeeds(tmp_path: Path) -> None:
    path, out = tmp_path / "s.duckdb", tmp_path / "sets" / "x"
    traces = [a_trace(f"Thought {i}.", prompt=f"{i}?") for i in range(5)]
    with store.open(path) as opened:
        opened.add(a_batch(*traces), "i")
        for trace in traces:
            opened.decide(a_decision(trace["trace_id"]))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), str(out)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (left,) = out.parent.iterdir()
    assert left.name.startswith(".x.partial-")
    with store.open(path) as opened:
        assert opened.exports().height == 0
        manifest = export.write(opened, format="sft-messages", out=out, splits={"train": 1})
    assert manifest.rows == {"train": 5}
    assert export.verify_export(out).broken == []
