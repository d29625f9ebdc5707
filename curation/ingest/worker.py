"""Reads a source for another process: `python -m curation.ingest.worker` (see apart.py).

Takes one request from standard input, in JSON: the arguments of `read`, and which `reader` of how
many (`n_readers`) this is. Writes each batch to standard output as a line of JSON (`n_read`, and
the `sizes` of what follows), then traces and problems as Arrow streams and refusals as JSON; at the
end an empty object, or `error`.
"""

from __future__ import annotations

import gc
import io
import json
import sys
from collections.abc import Mapping
from typing import IO, Any

import polars as pl

from curation.errors import IngestError
from curation.ingest.reading import read


def answer(request: Mapping[str, Any], reader: int, n_readers: int, out: IO[bytes]) -> None:
    """Write this reader's batches of `read(**request)` to `out`, and what went wrong at the end."""
    try:
        reading = read(**request)
        batches = (
            reading.batches_here() if n_readers == 1 else reading.turns_here(reader, n_readers)
        )
        for batch in batches:
            parts = [
                _stream(batch.traces),
                _stream(batch.problems),
                json.dumps(batch.refusals).encode(),
            ]
            _tell(out, {"n_read": batch.n_read, "sizes": [len(part) for part in parts]})
            for part in parts:
                out.write(part)
            out.flush()
    except IngestError as exc:
        _tell(out, {"error": str(exc)})
    else:
        _tell(out, {})
    out.flush()


def _tell(out: IO[bytes], message: Mapping[str, Any]) -> None:
    out.write(json.dumps(message).encode() + b"\n")


def _stream(frame: pl.DataFrame) -> bytes:
    """A frame as an Arrow stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


if __name__ == "__main__":
    gc.disable()  # rows make no cycles, and looking for some takes a twentieth of the time
    answer(**json.loads(sys.stdin.buffer.read()), out=sys.stdout.buffer)
