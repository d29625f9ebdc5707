"""How an export, its splits and every page bear a million decided traces.

The measurement is `scripts/bench_scale.py`, in processes of its own: the peer needs DuckDB bare,
which has one room in the library, peak memory is a process's, and pages are opened in Chromium
through Playwright, which only the tests need otherwise (without it the pages are left out).
"""

from __future__ import annotations

import importlib.util
from typing import Any

from curation.bench import from_script


def rows(*options: str) -> list[dict[str, Any]]:
    """The benchmark's rows; `options` are the script's (`--traces 20000`, `--store FILE`).

    Raises CurationError where it could not be run.
    """
    if importlib.util.find_spec("playwright") is None:
        options = (*options, "--without-pages")
    return from_script("bench_scale.py", *options)
