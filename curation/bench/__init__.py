"""Benchmarks against peers, one module a benchmark: `rows()` measures, `report()` says it in words.

Conductors: they may import any room. A row is `{name, value, unit, ratio, bar, met}`: `ratio`
against the peer that `name` says, `bar` what was asked (None where nothing was).
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from typing import Any

from curation.errors import CurationError
from curation.settings import ROOT

NAMES = ("ingest", "intervals", "markers", "review", "scale", "score", "splits", "spot_checks")
"""The benchmarks there are, each a module of this folder with a function `rows`."""


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of benchmark `name`. Raises CurationError where there is none of that name."""
    if name not in NAMES:
        raise CurationError(f"There is no benchmark {name!r}; there are {', '.join(NAMES)}.")
    measured: list[dict[str, Any]] = import_module(f"curation.bench.{name}").rows()
    return measured


def from_script(name: str, *options: str) -> list[dict[str, Any]]:
    """The rows that `scripts/NAME --json` measures, in a process of its own.

    Raises CurationError where it could not be run.
    """
    script = ROOT / "scripts" / name
    done = subprocess.run(
        [sys.executable, str(script), "--json", *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CurationError(f"{script} could not measure: {last}.")
    measured: list[dict[str, Any]] = json.loads(done.stdout)
    return measured
