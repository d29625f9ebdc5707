"""How fast files come into a store, beside bare DuckDB reading the same file, in one run.

The measurement is `scripts/bench_ingest.py`, in processes of its own: the peer needs DuckDB bare,
which has one room in the library, and peak memory is a process's.
"""

from __future__ import annotations

from typing import Any

from curation.bench import from_script


def rows(*options: str) -> list[dict[str, Any]]:
    """The benchmark's rows; `options` are the script's (`--n 100000`, `--rounds 3`).

    Raises CurationError where it could not be run.
    """
    return from_script("bench_ingest.py", *options)
