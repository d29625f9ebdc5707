"""Stores that earlier versions made open, are brought up to date, and hold what they held.

`scripts/make_upgrade_fixtures.py` made them, with the code of their day.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from curation import store as stores
from curation.settings import ROOT
from curation.store.connection import MIGRATIONS
from tests.builders import a_decision

FIXTURES = sorted((ROOT / "tests" / "data" / "upgrade").glob("*.duckdb.gz"))
SCHEMAS = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


def test_every_earlier_schema_has_a_store() -> None:
    assert [path.name.removesuffix(".duckdb.gz") for path in FIXTURES] == SCHEMAS[:-1]


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name.split("_")[0])
def test_a_store_of_an_earlier_version_is_brought_up_to_date(fixture: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    path.write_bytes(gzip.decompress(fixture.read_bytes()))
    with stores.open(path) as store:
        assert store._frame("select max(name) as newest from migration").item() == SCHEMAS[-1]
        assert store.verify().broken == []
        status = store.status()
        # Six traces; ada accepted one; ben rejected another and took it back: three records.
        assert (status["traces"], status["records"]) == (6, 3)
        assert (status["accepted"], status["rejected"]) == (1, 0)
        assert status["reviewers"] == ["ada"]
        undecided = store.list_traces("state = 'undecided'")["trace_id"].to_list()
        assert store.decide(a_decision(undecided[0], decision_id="new")).sequence == 4
    schema = fixture.name.removesuffix(".duckdb.gz")
    (aside,) = tmp_path.glob("*upgrade.duckdb")
    assert aside.name == f"old.before-{schema}-upgrade.duckdb"
    assert gzip.decompress(fixture.read_bytes()) == aside.read_bytes()
