"""Fixtures of every test: nothing may touch a person's store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from curation import store as stores
from curation.store import Store


@pytest.fixture(autouse=True)
def _settings_in_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STUDENT", "DTYPE", "REVIEWER", "MAX_TRACE_CHARS"):
        monkeypatch.delenv(f"HEDGEROW_{name}", raising=False)
    monkeypatch.setenv("HEDGEROW_STORE", str(tmp_path / "hedgerow.duckdb"))
    monkeypatch.setenv("HEDGEROW_BACKGROUND_SCORING", "0")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with stores.open(tmp_path / "hedgerow.duckdb") as opened:
        yield opened
