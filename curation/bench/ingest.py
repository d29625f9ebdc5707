"""How fast files come into a store, beside bare DuckDB reading the same file, in one run.

The measurement is `scripts/bench_ingest.py`, in processes of its own: the peer needs DuckDB bare,
which has one room in the library, and peak memory is a process's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from curation.errors import CurationError
from curation.settings import ROOT


def rows(*options: str) -> list[dict[str, Any]]:
    """The benchmark's rows; `options` are the script's (`--n 100000`, `--rounds 3`).

    Raises CurationError where it could not be run.
    """
    script = ROOT / "scripts" / "bench_ingest.py"
    done = subprocess.run(
        [sys.executable, str(script), "--json", *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CurationError(f"{script} could not measure: {last}.")
    measured: list[dict[str, Any]] = json.loads(done.stdout)
    return measured
