"""Large sources are read in a process of their own, so that reading and storing truly overlap.

A thread would not do: DuckDB asks for the interpreter's lock many times in a query, and each time
a thread that is busy reading keeps it waiting. The other process is started by its module's name
and not with `multiprocessing`, which would run the caller's main script again (under Streamlit,
that is a page). Batches come through a pipe as Arrow streams and JSON; nothing is unpickled. What
runs there is worker.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import IngestError
from curation.records import Batch, Refusal
from curation.settings import ROOT

LARGE_BYTES = 32 << 20
"""From this size on, a process of its own pays for its start."""


def is_large(path: Path) -> bool:
    """Whether the source at `path` is better read in a process of its own."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) >= LARGE_BYTES


def batches(request: Mapping[str, Any]) -> Generator[Batch]:
    """The batches of `read(**request)`, read in another process. Raises as reading does."""
    command = [sys.executable, "-m", "curation.ingest.worker"]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    worker = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stderr is not None
    try:
        with suppress(BrokenPipeError):  # it ended already: its last words say why
            worker.stdin.write(json.dumps({**request, "path": str(request["path"])}).encode())
            worker.stdin.close()
        while True:
            line = worker.stdout.readline()
            if not line:
                last_words = worker.stderr.read().decode(errors="replace").strip()
                raise IngestError(
                    f"The process that read {request['path']} ended early, with status "
                    f"{worker.wait()}: {(last_words or 'no word').splitlines()[-1]}. Try again; a "
                    "source in smaller files needs less memory."
                )
            told = json.loads(line)
            if "error" in told:
                raise IngestError(told["error"])
            if "n_read" not in told:
                return
            traces, problems, refusals = (worker.stdout.read(size) for size in told["sizes"])
            yield Batch(
                pl.read_ipc_stream(problems),
                pl.read_ipc_stream(traces),
                [Refusal(*row) for row in json.loads(refusals)],
                told["n_read"],
            )
    finally:
        worker.kill()
        for pipe in (worker.stdin, worker.stdout, worker.stderr):
            with suppress(BrokenPipeError):
                pipe.close()
        worker.wait()
