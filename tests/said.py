"""What a command said, and ways to look at it."""

from __future__ import annotations

import json
import subprocess
import sys
from os import environ
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from curation.settings import ROOT


class Said(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its answer: one JSON object, alone on standard output, and nothing beside it."""
        assert (self.code, self.err) == (0, ""), self
        assert self.out.count("\n") == 1
        assert self.out.endswith("\n")
        answer = json.loads(self.out, parse_constant=_refuse)
        assert isinstance(answer, dict)
        return answer

    @property
    def error(self) -> str:
        """The one line on standard error of a command that failed; nothing on standard output."""
        assert self.code in (1, 2), self
        assert self.out == "", self
        assert self.err.count("\n") == 1, self.err
        assert self.err.endswith("\n")
        assert self.err.rstrip("\n").isprintable(), ascii(self.err)
        return self.err.rstrip("\n")


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


FAKE = (
    "import sys\n"
    "from curation import student\n"
    "from tests.fakes import FakeStudent\n"
    "student.load = lambda name, **dials: FakeStudent(name)\n"
    "from curation.__main__ import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)
"""A program like `python -m curation` whose students are fakes."""


def in_a_process(*words: object, cwd: Path = ROOT, program: str | None = None) -> Said:
    """The command line in a process of its own; `program` in the place of `-m curation`."""
    start = ["-m", "curation"] if program is None else ["-c", program]
    done = subprocess.run(
        [sys.executable, *start, *map(str, words)],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=120,
        env={**environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def contents(path: Path) -> dict[str, list[Any]]:
    """Every row of every table of a store that nobody holds."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
        return {
            name: connection.execute(f'select * from "{name}" order by all').pl().rows()
            for (name,) in tables
        }


def files(folder: Path) -> list[str]:
    """Everything that lies in a folder, however deep."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def first_trace(path: Path) -> str:
    """The id of the trace that came first, in a store that nobody holds."""
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute("select trace_id from trace order by position").fetchone()
    assert row is not None
    return str(row[0])
