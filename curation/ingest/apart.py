"""Large sources are read in processes of their own, so that reading and storing truly overlap.

A thread would not do: DuckDB asks for the interpreter's lock many times in a query, and each time
a thread that is busy reading keeps it waiting. The processes are started by their module's name and
not with `multiprocessing`, which would run the caller's main script again (under Streamlit, that is
a page). Batches come through pipes as Arrow streams and JSON, in the source's order; nothing is
unpickled. What runs there is worker.py.

Each reader compares the source's own ids only over what it reads itself; the store compares all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import IngestError
from curation.records import Batch, Refusal
from curation.settings import ROOT

LARGE_BYTES = 32 << 20
"""From this size on, processes of their own pay for their start."""

N_READERS = min(2, os.cpu_count() or 1)
"""How many share a source of lines."""

# glibc gives freed memory back to the system and asks for it again with every batch.
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_TOP_PAD_": str(32 << 20)}


def is_large(path: Path) -> bool:
    """Whether the source at `path` is better read in processes of their own."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) >= LARGE_BYTES


def batches(request: Mapping[str, Any], n_readers: int) -> Generator[Batch]:
    """The batches of `read(**request)`, read in other processes. Raises as reading does."""
    readers: list[_Reader] = []
    try:
        for i in range(n_readers):
            readers.append(_Reader(request, i, n_readers))
        for reader in cycle(readers):
            batch = reader.next()
            if batch is None:
                return
            if batch.n_read:
                yield batch
    finally:
        for reader in readers:
            reader.close()


class _Reader:
    """One process that reads."""

    def __init__(self, request: Mapping[str, Any], reader: int, n_readers: int) -> None:
        self._path = str(request["path"])
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "curation.ingest.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **_KEEP_MEMORY, "PYTHONPATH": os.pathsep.join(paths)},
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._in, self._out, self._err = (
            self._process.stdin,
            self._process.stdout,
            self._process.stderr,
        )
        asked = {"request": {**request, "path": self._path}}
        with suppress(BrokenPipeError):  # it ended already: its last words say why
            self._in.write(json.dumps({**asked, "reader": reader, "n_readers": n_readers}).encode())
            self._in.close()

    def next(self) -> Batch | None:
        """The next batch, or None at the end."""
        line = self._out.readline()
        if not line:
            last_words = self._err.read().decode(errors="replace").strip() or "no word"
            raise IngestError(
                f"The process that read {self._path} ended early, with status "
                f"{self._process.wait()}: {last_words.splitlines()[-1]}. Try again; a source in "
                "smaller files needs less memory."
            )
        told = json.loads(line)
        if "error" in told:
            raise IngestError(told["error"])
        if "n_read" not in told:
            return None
        traces, problems, refusals = (self._out.read(size) for size in told["sizes"])
        return Batch(
            pl.read_ipc_stream(problems),
            pl.read_ipc_stream(traces),
            [Refusal(*row) for row in json.loads(refusals)],
            told["n_read"],
        )

    def close(self) -> None:
        """End the process, wherever it is."""
        self._process.kill()
        for pipe in (self._in, self._out, self._err):
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()
