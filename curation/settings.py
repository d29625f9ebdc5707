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
    backup_hours: int = 0
    """HEDGEROW_BACKUP_HOURS: who holds the store backs it up this often, in hours; 0 = never."""
    backups_kept: int = 7
    """HEDGEROW_BACKUPS_KEPT: how many of these backups stay."""
    token_file: str = ""
    """HEDGEROW_TOKEN_FILE: the file with the token of a store server."""
    ca_file: str = ""
    """HEDGEROW_CA_FILE: the authority behind the certificate of a store server."""


def token(environ: Mapping[str, str] | None = None) -> str | None:
    """The token of a store server, from HEDGEROW_TOKEN_FILE or HEDGEROW_TOKEN; None without either.

    It is no field of Settings, so that it is never shown with them. Raises CurationError where the
    file cannot be read, or the token is shorter than 16 characters or not plain ASCII.
    """
    env = os.environ if environ is None else environ
    name = env.get("HEDGEROW_TOKEN_FILE")
    try:
        text = Path(name).expanduser().read_text("ascii") if name else env.get("HEDGEROW_TOKEN", "")
    except (OSError, UnicodeDecodeError) as exc:
        raise CurationError(f"HEDGEROW_TOKEN_FILE ({name}) cannot be read: {exc}.") from exc
    found = text.strip()
    if not found and not name:
        return None
    if len(found) < 16 or not found.isascii() or not found.isprintable() or " " in found:
        raise CurationError(
            "The token of a store server takes at least 16 characters of ASCII without spaces; "
            "`openssl rand -hex 32` makes one."
        )
    return found


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
    return Settings(
        store=Path(os.path.expanduser(env.get("HEDGEROW_STORE") or default.store)),
        student=env.get("HEDGEROW_STUDENT") or default.student,
        dtype=dtype,
        reviewer=(env.get("HEDGEROW_REVIEWER") or default.reviewer).strip() or default.reviewer,
        background_scoring=scoring == "1",
        max_trace_chars=_whole(env, "MAX_TRACE_CHARS", default.max_trace_chars, 1),
        backup_hours=_whole(env, "BACKUP_HOURS", default.backup_hours, 0),
        backups_kept=_whole(env, "BACKUPS_KEPT", default.backups_kept, 1),
        token_file=env.get("HEDGEROW_TOKEN_FILE") or "",
        ca_file=env.get("HEDGEROW_CA_FILE") or "",
    )


def _whole(env: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = env.get(f"HEDGEROW_{name}") or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise CurationError(
            f"HEDGEROW_{name} is {text!r}; it takes a whole number of {least} or more."
        )
    return int(text)
