"""Benchmarks against peers, one module a benchmark: `rows()` measures, `report()` says it in words.

Conductors: they may import any room. A row is `{name, value, unit, ratio, bar, met}`: `ratio`
against the peer that `name` says, `bar` what was asked (None where nothing was).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from curation.errors import CurationError

NAMES = ("ingest", "markers", "score")
"""The benchmarks there are, each a module of this folder with a function `rows`."""


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of benchmark `name`. Raises CurationError where there is none of that name."""
    if name not in NAMES:
        raise CurationError(f"There is no benchmark {name!r}; there are {', '.join(NAMES)}.")
    measured: list[dict[str, Any]] = import_module(f"curation.bench.{name}").rows()
    return measured
