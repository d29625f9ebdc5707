"""The few dials, read once from the environment (`HEDGEROW_*`); each is described in the README.

Owns nothing but their names, defaults and checks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curation.errors import CurationError

ROOT = Path(__file__).resolve().parent.parent
"""The project's root: where `app.py` and `data/` stand."""


DTYPES = ("float32", "bfloat16", "auto")
"""What a student computes in; `auto`: float32 where memory allows it, else bfloat16."""


@dataclass(frozen=True)
class Settings:
    """The dials of one process."""

    store: Path = ROOT / "data" / "hedgerow.duckdb"
    """HEDGEROW_STORE: the store's file."""
    student: str = "smollm2-135m-instruct"
    """HEDGEROW_STUDENT: the student by name, local path or hub name."""
    dtype: str = "float32"
    """HEDGEROW_DTYPE: float32, bfloat16, or auto (memory decides)."""
    reviewer: str = "reviewer"
    """HEDGEROW_REVIEWER: the name that decisions carry until a person gives another."""
    background_scoring: bool = True
    """HEDGEROW_BACKGROUND_SCORING: 0 = the app does not start a scorer of its own."""
    max_trace_chars: int = 2_000_000
    """HEDGEROW_MAX_TRACE_CHARS: longer traces are refused at the door, with this number."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that `environ` (default: the process's) asks for.

    Raises CurationError naming the variable and what it takes.
    """
    env = os.environ if environ is None else environ
    default = Settings()
    dtype = env.get("HEDGEROW_DTYPE") or default.dtype
    if dtype not in DTYPES:
        raise CurationError(
            f"HEDGEROW_DTYPE is {dtype!r}; it takes {', '.join(DTYPES[:-1])} or {DTYPES[-1]}."
        )
    scoring = env.get("HEDGEROW_BACKGROUND_SCORING") or "1"
    if scoring not in ("0", "1"):
        raise CurationError(f"HEDGEROW_BACKGROUND_SCORING is {scoring!r}; it takes 0 or 1.")
    limit = env.get("HEDGEROW_MAX_TRACE_CHARS") or str(default.max_trace_chars)
    if not limit.isascii() or not limit.isdigit() or len(limit) > 18 or int(limit) < 1:
        raise CurationError(
            f"HEDGEROW_MAX_TRACE_CHARS is {limit!r}; it takes a whole number of 1 or more."
        )
    return Settings(
        store=Path(os.path.expanduser(env.get("HEDGEROW_STORE") or default.store)),
        student=env.get("HEDGEROW_STUDENT") or default.student,
        dtype=dtype,
        reviewer=(env.get("HEDGEROW_REVIEWER") or default.reviewer).strip() or default.reviewer,
        background_scoring=scoring == "1",
        max_trace_chars=int(limit),
    )
