"""A store moves between a file and a server, and back to an earlier moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from curation import store as stores
from curation.errors import StoreError
from curation.store import Store, copying
from tests.builders import a_batch, a_decision, a_trace
from tests.said import Said
from tests.served import TOKEN, listening

Curate = Callable[..., Said]


def _contents(store: Store) -> dict[str, copying.Held]:
    with store._reading() as cursor:
        return {name: copying._held(cursor, name, "true", {}) for name in copying._tables(cursor)}


def test_a_store_goes_to_a_server_and_back_and_is_the_same(
    curate: Curate, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEDGEROW_TOKEN", TOKEN)
    trace_id = curate("list", "--limit", 1, "--json").json["items"][0]["trace_id"]
    curate("decide", trace_id, "accept", "--reviewer", "ada")
    with stores.open(demo) as store:
        before = _contents(store)
    with listening(tmp_path / "held.duckdb") as listener:
        there = curate("copy", "--to", listener.address, "--json").json
        assert there["rows"] == sum(table.n_rows for table in before.values())
        again = curate("copy", "--to", listener.address)
        assert (again.code, "holds traces already" in again.err) == (1, True)
        back = tmp_path / "back.duckdb"
        answer = curate("--store", listener.address, "copy", "--to", back, "--json").json
    assert answer["tables"] == there["tables"]
    assert answer["broken"] == []
    with stores.open(back) as store:
        assert _contents(store) == before


def test_every_command_line_command_finds_the_server(
    curate: Curate, demo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEDGEROW_TOKEN", TOKEN)
    with listening(demo) as listener:
        at = ("--store", listener.address)
        items = curate(*at, "list", "--json").json["items"]
        decided = curate(*at, "decide", items[0]["trace_id"], "reject", "--reviewer", "ada")
        assert decided.code == 0
        assert curate(*at, "status", "--json").json["rejected"] == 1
        assert curate(*at, "undo", "--reviewer", "ada").code == 0
        assert curate(*at, "verify").code == 0
        kept = curate(*at, "backup", tmp_path / "kept.duckdb", "--json").json
        assert kept["bytes"] > 0
        assert "while it is not served" in curate(*at, "restore", tmp_path / "kept.duckdb").error
    with stores.open(tmp_path / "kept.duckdb") as store:
        assert store.n_records() == 2


def test_a_copy_into_a_file_that_is_there_or_from_one_that_is_not_leaves_nothing(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("mine")
    assert "exists already" in curate("copy", "--to", tmp_path / "there").error
    assert (tmp_path / "there").read_text() == "mine"
    said = curate("--store", tmp_path / "none.duckdb", "copy", "--to", tmp_path / "new")
    assert "no store" in said.error
    assert sorted(tmp_path.glob("n*")) == []


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], datetime]:
    """Sets the clock of the store to so many hours after a certain noon, and says the time."""

    def at(hours: float) -> datetime:
        moment = datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(hours=hours)
        for module in ("connection", "deciding", "intake", "scoring"):
            monkeypatch.setattr(f"curation.store.{module}.now", lambda: moment)
        return moment

    return at


def test_an_earlier_moment_comes_back_as_a_new_store(
    store: Store, day: Callable[[float], datetime], curate: Curate, tmp_path: Path
) -> None:
    one, two = a_trace("one"), a_trace("two")
    day(0)
    store.add(a_batch(one), "i")
    day(1)
    store.decide(a_decision(one["trace_id"], reviewer="ada", decision_id="d1"))
    day(2)
    store.undo("ada")
    store.add(a_batch(two), "j")
    day(3)
    store.decide(a_decision(two["trace_id"], "reject", reviewer="ada", decision_id="d2"))
    copy = store.backup(tmp_path / "copy.duckdb")
    before = copy.path.read_bytes()

    def at(hours: float) -> tuple[int, int, int]:
        moment, new = day(hours).isoformat(), tmp_path / f"at-{hours}.duckdb"
        assert curate("--store", new, "restore", copy.path, "--until", moment).code == 0
        with stores.open(new) as then:
            assert then.verify().broken == []
            status = then.status()
            return status["traces"], status["accepted"], then.n_records()

    # Traces, accepted ones, records: at 0.5 h nothing was decided; at 1.5 h the first trace was
    # accepted; at 2.5 h that was taken back (2 records) and the second trace was there; at the end
    # a third record, the rejection.
    assert [at(hours) for hours in (-1, 0.5, 1.5, 2.5, 4)] == [
        (0, 0, 0), (1, 0, 0), (1, 1, 1), (2, 0, 2), (2, 0, 3),
    ]  # fmt: skip
    assert copy.path.read_bytes() == before


def test_an_earlier_moment_never_takes_the_place_of_a_store(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    curate("backup", tmp_path / "copy.duckdb")
    before = demo.read_bytes()
    said = curate("restore", tmp_path / "copy.duckdb", "--until", "2026-11-22T12:00:00Z")
    assert "exists already" in said.error
    assert demo.read_bytes() == before
    assert curate("restore", tmp_path / "copy.duckdb", "--until", "noon").code == 2


def test_numbers_without_gaps_stay_so_where_the_clock_was_set_back(
    store: Store, day: Callable[[float], datetime], tmp_path: Path
) -> None:
    traces = [a_trace(f"trace {n}") for n in range(3)]
    day(0)
    store.add(a_batch(*traces), "i")
    for hours, trace in zip((1, 3, 2), traces, strict=True):
        day(hours)
        store.decide(a_decision(trace["trace_id"]))
    copy = store.backup(tmp_path / "copy.duckdb")
    # Stored at 1, 3 and 2 h: by 2.5 h the first and the third; the second stands between them, so
    # the beginning that is whole is the first alone.
    stores.restore(copy.path, tmp_path / "then.duckdb", until=day(2.5))
    with stores.open(tmp_path / "then.duckdb") as then:
        assert then.verify().broken == []
        assert then.n_records() == 1


def test_every_table_says_when_its_rows_came_or_whose_they_are(store: Store) -> None:
    timeless = {"setting"}
    with store._reading() as cursor:
        for name in set(copying._tables(cursor)) - timeless:
            condition, _ = copying._condition(cursor, name, datetime.now(UTC))
            assert condition != "true", f"copying.py does not know when rows of {name} came"


def test_a_copy_that_arrives_changed_is_not_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(a_batch(a_trace()), "i")
    real = copying._copy_table

    def careless(reader: object, writer: object, table: str, *rest: object) -> None:
        if table != "trace":
            real(reader, writer, table, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "_copy_table", careless)
    with stores.open(tmp_path / "new.duckdb") as target:
        with pytest.raises(StoreError, match="differs from .* in trace; nothing was copied"):
            stores.copy(store, target)
        assert target.status()["problems"] == 0
