from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from curation import store as stores
from curation.errors import MigrationError
from curation.store.connection import MIGRATIONS, Connection
from tests.builders import a_batch, a_decision, a_trace


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """A folder with the shipped migrations and one more, as a later release would have."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "9000_later.sql").write_text("create table later (n integer);")
    return folder


def _applied(connection: Connection) -> list[str]:
    return connection._frame("select name from migration order by name")["name"].to_list()


def test_a_new_store_has_every_migration_and_opening_it_again_adds_none(tmp_path: Path) -> None:
    names = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))
    for _ in range(2):
        with stores.open(tmp_path / "s.duckdb") as store:
            assert _applied(store) == names
    assert list(tmp_path.glob("*upgrade*")) == []


def test_an_older_store_is_copied_aside_and_brought_up_to_date(tmp_path: Path, later: Path) -> None:
    path = tmp_path / "s.duckdb"
    trace = a_trace()
    with stores.open(path) as store:
        store.add(a_batch(trace), "i")
        store.decide(a_decision(trace["trace_id"]))
    with Connection(path, later) as upgraded:
        assert _applied(upgraded)[-1] == "9000_later"
        assert upgraded._value("select count(*) from decision") == 1
    (copy,) = tmp_path.glob("*upgrade.duckdb")
    with stores.open(copy) as old:
        assert old.status()["accepted"] == 1


def test_a_newer_store_is_refused_and_stays_as_it_is(tmp_path: Path, later: Path) -> None:
    path = tmp_path / "s.duckdb"
    Connection(path, later).close()
    before = path.read_bytes()
    with pytest.raises(MigrationError, match="newer Hedgerow .*9000_later"):
        stores.open(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_no_trace(tmp_path: Path, later: Path) -> None:
    path = tmp_path / "s.duckdb"
    (later / "9001_broken.sql").write_text("create table half (n integer); select * from nowhere;")
    with stores.open(path) as store:
        store.add(a_batch(a_trace()), "i")
    with pytest.raises(MigrationError, match="9001_broken"):
        Connection(path, later)
    (later / "9001_broken.sql").unlink()
    with Connection(path, later) as connection:
        assert _applied(connection)[-1] == "9000_later"
        assert not connection._value(
            "select count(*) from duckdb_tables() where table_name = 'half'"
        )
        assert connection._value("select count(*) from trace") == 1


def test_a_database_of_something_else_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as other:
        other.execute("create table cats (name varchar)")
    with pytest.raises(MigrationError, match="not a Hedgerow store"):
        stores.open(path)
    with duckdb.connect(str(path)) as other:
        assert other.execute("select table_name from duckdb_tables()").fetchall() == [("cats",)]


def test_every_migration_is_numbered_and_says_why() -> None:
    files = sorted(MIGRATIONS.glob("*.sql"))
    assert [path.name[:4] for path in files] == [f"{n:04d}" for n in range(1, len(files) + 1)]
    for path in files:
        assert path.read_text().startswith("-- ")
