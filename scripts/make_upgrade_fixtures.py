"""Make a store as each earlier version of the schema made it: `tests/data/upgrade/NAME.duckdb.gz`.

`make_upgrade_fixtures.py [--only NAME]`. For every migration but the newest, the code of the last
commit before the next one was added is taken from the repository into a temporary folder and run
there: it ingests the first six demo traces, decides on two of them and takes one of these back. So
a fixture is what people of that day have on their disks, not what today's code thinks they have.
Run it when a migration was added, in a full clone; existing fixtures are left as they are.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "data" / "upgrade"
N_TRACES = 6


def main() -> None:
    """Make the fixtures that there are not yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=None, metavar="NAME", help="a migration's name")
    only = parser.parse_args().only
    FIXTURES.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in (ROOT / "curation" / "migrations").glob("*.sql"))
    for name, following in zip(names, names[1:], strict=False):
        schema = name.removesuffix(".sql")
        target = FIXTURES / f"{schema}.duckdb.gz"
        if target.exists() or only not in (None, schema):
            continue
        commit = _git(
            "log", "--diff-filter=A", "--format=%H", "--", f"curation/migrations/{following}"
        )
        content = _made_by(commit.split()[-1] + "^")
        target.write_bytes(gzip.compress(content, 9, mtime=0))
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size:,} bytes")


def _made_by(commit: str) -> bytes:
    """A store as the code at `commit` makes it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        archive = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(place / "code", filter="data")
        lines = (place / "code/data/demo/traces.jsonl").read_text("utf-8").splitlines(True)
        (place / "few.jsonl").write_text("".join(lines[:N_TRACES]), "utf-8")

        def curate(*words: str) -> dict[str, Any]:
            done = subprocess.run(
                [sys.executable, "-m", "curation", *words, "--json"],
                cwd=place / "code", check=True, capture_output=True, text=True,
                env={**os.environ, "HEDGEROW_STORE": str(place / "store.duckdb")},
            )  # fmt: skip
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer

        curate("ingest", str(place / "few.jsonl"))
        ids = [item["trace_id"] for item in curate("list")["items"]]
        curate("decide", ids[0], "accept", "--reviewer", "ada", "--note", "kept")
        curate("decide", ids[1], "reject", "--reviewer", "ben")
        curate("undo", "--reviewer", "ben")
        assert not list(place.glob("store.duckdb.wal")), "the store was not closed"
        return (place / "store.duckdb").read_bytes()


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
