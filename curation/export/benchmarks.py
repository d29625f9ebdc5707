"""Benchmark files -> their lines as texts, for `contamination` to look for.

Owns how a file that a person points at is read: JSON Lines, Parquet, CSV or plain text (one text a
line), by the ending of its name, and what is said where it cannot be. Knows nothing of traces.

The file is named in records by its name and the SHA-256 of its bytes, never by its folder.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import orjson
import polars as pl
from polars.exceptions import PolarsError

from curation.errors import ExportError, first_line

ENDINGS = (".jsonl", ".parquet", ".csv", ".txt")

USUAL_FIELDS = ("question", "problem", "prompt", "query", "input", "instruction", "text")
"""Where no field is named, the first of these that the file has."""


class Benchmark(NamedTuple):
    """A benchmark: `lines` has `line` (from 1; of Parquet and CSV the row's number) and `text`."""

    name: str
    sha256: str
    field: str | None
    """Where the texts stood; None in a plain text file."""
    lines: pl.DataFrame


def read_benchmark(path: str | Path, field: str | None = None) -> Benchmark:
    """The texts of `field` in the file at `path`; empty ones are left out.

    Raises ExportError that names the file, the line and the field where it cannot be read so.
    """
    path = Path(path).expanduser()
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ExportError(
            f"The benchmark {path.name} is of no kind that can be read; give a file that ends in "
            f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."
        )
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise ExportError(
            f"The benchmark {path} cannot be read: {exc.strerror or exc}. Check its name."
        ) from exc
    if ending == ".txt":
        field = None
        lines = list(enumerate(_decoded(content, path.name).splitlines(), 1))
    elif ending == ".jsonl":
        field, lines = _json_lines(content, path.name, field)
    else:
        field, lines = _table(content, path.name, ending, field)
    frame = pl.DataFrame(lines, {"line": pl.Int64(), "text": pl.String()}, orient="row")
    frame = frame.filter(pl.col("text").str.strip_chars() != "")
    if not frame.height:
        raise ExportError(f"The benchmark {path.name} holds no text; give one that does.")
    return Benchmark(path.name, hashlib.sha256(content).hexdigest(), field, frame)


def _json_lines(content: bytes, name: str, field: str | None) -> tuple[str, list[tuple[int, str]]]:
    lines = []
    # Only a line feed ends a line here: JSON strings may hold other line ends as they are.
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as exc:
            raise ExportError(
                f"{name}:{number} is no JSON ({first_line(exc)}); a benchmark in .jsonl has one "
                "object a line."
            ) from exc
        if not isinstance(row, dict):
            raise ExportError(f"{name}:{number} is no JSON object; one a line was expected.")
        field = _field(list(row), field, f"{name}:{number}")
        lines.append((number, _text(row[field], f"{name}:{number}", field)))
    if field is None:
        raise ExportError(f"The benchmark {name} holds no line; give one that does.")
    return field, lines


def _table(
    content: bytes, name: str, ending: str, field: str | None
) -> tuple[str, list[tuple[int, str]]]:
    try:
        frame = (
            pl.read_parquet(content)
            if ending == ".parquet"
            else pl.read_csv(content, infer_schema=False)
        )
    except (PolarsError, OSError) as exc:
        raise ExportError(
            f"The benchmark {name} cannot be read as {ending[1:]}: {first_line(exc)}."
        ) from exc
    field = _field(frame.columns, field, name)
    values = frame[field]
    return field, [
        (number, _text(value, f"{name}, row {number}", field))
        for number, value in enumerate(values.to_list(), 1)
    ]


def _field(there: list[str], wanted: str | None, where: str) -> str:
    field = wanted or next((name for name in USUAL_FIELDS if name in there), None)
    if field is None or field not in there:
        raise ExportError(
            f"{where} has "
            + (f"no field {wanted!r}" if wanted else "none of the usual fields of a question")
            + f"; it has {', '.join(there) or 'none at all'}. Name the one that holds the question."
        )
    return field


def _text(value: object, where: str, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ExportError(
            f"{where} has no text in {field!r} but a {type(value).__name__}; name a field of text."
        )
    return value


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise ExportError(f"{name}:{line} is not UTF-8; save the file as UTF-8.") from exc
