"""From a name or a path to a student that is ready to score."""

from __future__ import annotations

from pathlib import Path

from curation.errors import StudentError
from curation.student import Student


def load(
    name_or_path: str, *, dtype: str, threads: int | None, cache_dir: Path | str | None
) -> Student:
    """See `curation.student.load`."""
    raise StudentError(f"The student {name_or_path!r} cannot be loaded by this version yet.")
