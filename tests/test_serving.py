"""A store on a server: what only such a store can do wrong."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from curation import settings
from curation import store as stores
from curation.errors import CurationError, FilterError, MigrationError, StoreError
from curation.settings import ROOT
from curation.store import Address, quack
from tests.builders import a_batch, a_decision, a_trace
from tests.served import TOKEN, a_free_address, listening

TEXT = "it's \0 $trace_id; drop table decision -- “é” \\ \n\t/* writing */ end"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEDGEROW_TOKEN", TOKEN)
    return tmp_path / "held.duckdb"


@pytest.fixture
def address(place: Path) -> Iterator[Address]:
    with listening(place) as listener:
        yield listener.address


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -7, 2**62, 0.1, -1e-300, math.inf, TEXT, "", "\0", b"\x00'\xff",
     datetime(2026, 11, 22, 17, 30, 1, 5, UTC), date(1999, 1, 2),
     [TEXT, None, ""], list(range(40)), [0.1, math.inf] * 20, [TEXT] * 40],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_parameter_arrives_as_the_value_and_type_that_duckdb_itself_binds(
    address: Address, value: object
) -> None:
    sql = "select $value as v, typeof($value) as t"
    if isinstance(value, list):  # without elements to go by, both need the type
        sql = (
            f"select $value::{'varchar' if str in map(type, value) else 'double'}[] as v, 'l' as t"
        )
    with duckdb.connect() as here:
        here.execute("set TimeZone = 'UTC'")
        expected = here.execute(sql, {"value": value}).pl()
    with stores.open(str(address)) as store, store._duckdb.cursor() as cursor:
        found = cursor.execute(sql, {"value": value}).pl()
    assert found.rows()[0][0] == expected.rows()[0][0]
    if not isinstance(value, int) or isinstance(value, bool):  # of 4 or of 8 bytes
        assert found.rows()[0][1] == expected.rows()[0][1]


def test_two_clients_of_two_hundred_decisions_each_lose_none(place: Path, address: Address) -> None:
    """Prints how long a decision took, in milliseconds."""
    traces = [a_trace(f"trace {n}") for n in range(200)]
    with stores.open(str(address)) as store:
        store.add(a_batch(*traces), "i")
    script = (
        "import sys, time\n"
        "from curation import store as stores\n"
        "from tests.builders import a_decision\n"
        "with stores.open(sys.argv[1]) as store:\n"
        "    ids = store.list_traces()['trace_id'].to_list()\n"
        "    began = time.monotonic()\n"
        "    for i in ids:\n"
        "        who = sys.argv[2]\n"
        "        store.decide(a_decision(i, reviewer=who, decision_id=f'{who}/{i}'))\n"
        "    print(1000 * (time.monotonic() - began) / len(ids))\n"
    )
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(address), who],
            cwd=ROOT, stdout=subprocess.PIPE, text=True, env=path,
        )
        for who in ("ada", "ben")
    ]  # fmt: skip
    said = [client.communicate(timeout=300)[0] for client in clients]
    assert [client.returncode for client in clients] == [0, 0]
    took = " and ".join(f"{float(ms):.1f}" for ms in said)
    sys.stderr.write(f"two clients at once, ms a decision: {took}\n")
    with stores.open(str(address)) as store:
        # 200 traces, decided once by each of two people: 400 records, numbered without a gap,
        # which is what `verify` looks at.
        assert store.n_records() == 400
        assert store.verify().broken == []


def test_a_server_that_comes_back_finds_its_clients_again_and_nothing_is_lost(place: Path) -> None:
    address = a_free_address()
    trace = a_trace()
    decision = a_decision(trace["trace_id"])
    with listening(place, address):
        store = stores.open(str(address))
        store.add(a_batch(trace), "i")
        first = store.decide(decision)
    with listening(place, address):
        assert store.status()["accepted"] == 1
        # The browser sends again what it has no answer to.
        again = store.decide(decision)
    assert (first.was_new, again.was_new) == (True, False)
    assert first.sequence == again.sequence
    store.close()


def test_a_server_that_is_killed_has_every_decision_that_it_acknowledged(place: Path) -> None:
    address = a_free_address()
    words = [sys.executable, "-m", "curation", "--store", str(place), "serve", "--listen"]

    def started() -> subprocess.Popen[str]:
        server = subprocess.Popen(
            [*words, str(address).removeprefix("quack:")],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.stderr is not None
        assert "serving" in server.stderr.readline()
        return server

    server = started()
    store = stores.open(str(address))
    traces = [a_trace(f"trace {n}") for n in range(5)]
    store.add(a_batch(*traces), "i")
    for n, trace in enumerate(traces[:3], start=1):
        assert store.decide(a_decision(trace["trace_id"])).sequence == n
    server.kill()
    server.communicate(timeout=60)
    server = started()
    for n, trace in enumerate(traces[3:], start=4):
        assert store.decide(a_decision(trace["trace_id"])).sequence == n
    assert store.n_records() == 5
    assert store.verify().broken == []
    store.close()
    server.terminate()
    server.communicate(timeout=60)
    assert server.returncode == 0


def test_a_change_cut_off_in_the_middle_is_told_and_not_there(place: Path) -> None:
    with listening(place) as listener, stores.open(str(listener.address)) as store:
        store.add(a_batch(a_trace("one")), "i")

        def cut_off() -> None:
            with store.transaction():
                store.add(a_batch(a_trace("two")), "j")
                listener.close()
                listener._listen()
                store.add(a_batch(a_trace("three")), "k")

        with pytest.raises(StoreError, match="nothing of this change was stored"):
            cut_off()
        assert store.status()["traces"] == 1
        store.add(a_batch(a_trace("two")), "j")
        assert store.status()["traces"] == 2


def test_a_client_that_dies_while_it_writes_does_not_hold_up_the_others(place: Path) -> None:
    script = (
        "import os, sys\n"
        "from curation import store as stores\n"
        "store = stores.open(sys.argv[1])\n"
        "with store.transaction():\n"
        "    store.set_setting('half', 'made')\n"
        "    os._exit(9)\n"
    )
    with listening(place) as listener, stores.open(str(listener.address)) as store:
        died = subprocess.run(
            [sys.executable, "-c", script, str(listener.address)], cwd=ROOT, check=False
        )
        assert died.returncode == 9
        assert listener.tidy() is False  # it said something a moment ago
        assert listener.tidy(idle_s=0.0) is True
        store.set_setting("whole", "change")
        assert (store.setting("half"), store.setting("whole")) == (None, "change")
        assert listener.tidy(idle_s=0.0) is False


def test_a_client_that_dies_after_a_failure_does_not_hold_up_the_others(place: Path) -> None:
    script = (
        "import os, sys\n"
        "from curation import store as stores\n"
        "store = stores.open(sys.argv[1])\n"
        "with store._writing() as cursor:\n"
        "    try:\n"
        "        cursor.execute('insert into setting values (null, null)')\n"
        "    finally:\n"
        "        os._exit(9)\n"
    )
    with listening(place) as listener, stores.open(str(listener.address)) as store:
        died = subprocess.run(
            [sys.executable, "-c", script, str(listener.address)], cwd=ROOT, check=False
        )
        assert died.returncode == 9
        assert listener.tidy() is False
        assert listener.tidy(idle_s=0.0) is True
        store.set_setting("whole", "change")
        assert store.setting("whole") == "change"


def test_a_living_client_whose_statement_failed_is_left_alone(place: Path) -> None:
    with listening(place) as listener, stores.open(str(listener.address)) as store:
        with pytest.raises(FilterError):
            store.list_traces("no_such_column = 1")
        assert listener.tidy(idle_s=0.0) is False


def test_a_decision_takes_two_questions_and_one_turn(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stores.open(str(address)) as store:
        trace = a_trace()
        store.add(a_batch(trace), "i")
        asked: list[str] = []
        ask = quack.RemoteCursor._ask

        def counted(self: quack.RemoteCursor, text: str) -> pl.DataFrame:
            asked.append(text)
            return ask(self, text)

        monkeypatch.setattr(quack.RemoteCursor, "_ask", counted)
        assert store.decide(a_decision(trace["trace_id"])).was_new
        # What it hangs on; then turn, record, commit and answer as one text.
        assert [text.count("commit;") for text in asked] == [0, 1]


def test_a_decision_whose_answer_was_lost_is_stored_once_and_acknowledged(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(place) as listener, stores.open(str(listener.address)) as store:
        trace = a_trace()
        store.add(a_batch(trace), "i")
        ask, n_lost = quack.RemoteCursor._ask, 0

        def lost_once(self: quack.RemoteCursor, text: str) -> pl.DataFrame:
            nonlocal n_lost
            found = ask(self, text)
            if "commit;" in text and not n_lost:
                n_lost += 1
                listener.close()
                listener._listen()
                raise duckdb.IOException("Failed to send message: the line is dead")
            return found

        monkeypatch.setattr(quack.RemoteCursor, "_ask", lost_once)
        stored = store.decide(a_decision(trace["trace_id"]))
        assert (n_lost, stored.sequence, store.n_records()) == (1, 1, 1)
        assert store.verify().broken == []


def test_a_writer_waits_its_turn_and_readers_see_what_was_there(address: Address) -> None:
    one, two = stores.open(str(address)), stores.open(str(address))
    began = threading.Event()
    order = []

    def second() -> None:
        began.set()
        two.set_setting("word", "second")
        order.append("second")

    thread = threading.Thread(target=second)
    with one.transaction():
        one.set_setting("word", "first")
        thread.start()
        began.wait(30)
        assert two.setting("word") is None
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert one.setting("word") == "second"
    one.close()
    two.close()


def test_what_one_client_writes_makes_the_others_pulse_another(address: Address) -> None:
    with stores.open(str(address)) as one, stores.open(str(address)) as two:
        before = two.pulse()
        one.add(a_batch(a_trace()), "i")
        assert two.pulse() != before
        assert two.pulse() == one.pulse()


def test_a_wrong_token_is_said_and_no_token_is_ever_shown(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEDGEROW_TOKEN", "some-other-token-0123")
    with pytest.raises(StoreError, match="does not take this token") as refused:
        stores.open(str(address))
    shown = [str(refused.value), str(refused.value.__cause__), repr(settings.read())]
    assert not any("some-other-token-0123" in text or TOKEN in text for text in shown)
    monkeypatch.delenv("HEDGEROW_TOKEN")
    with pytest.raises(StoreError, match="asks for a token"):
        stores.open(str(address))


def test_a_server_that_is_not_there_is_named(place: Path) -> None:
    address = a_free_address()
    with pytest.raises(StoreError, match=rf"{address} cannot be reached .* curation serve"):
        stores.open(str(address))


def test_a_server_of_another_version_is_refused_in_words(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with listening(place) as listener:
        where = str(listener.address)
        with listener._store._writing() as cursor:
            cursor.execute("insert into migration values ('9000_later', now())")
        with pytest.raises(MigrationError, match=r"9000_later .* Update Hedgerow on this machine"):
            stores.open(where)
        monkeypatch.setattr("curation.store.connection.OURS", "1.9.9")
        with pytest.raises(MigrationError, match=r"runs DuckDB 1\.5.* this machine 1\.9\.9"):
            stores.open(where)


def test_through_a_server_no_file_of_its_machine_is_read_and_no_setting_changed(
    address: Address,
) -> None:
    with stores.open(str(address)) as store, store._duckdb.cursor() as cursor:
        for sql in (
            "select * from read_text('/etc/hostname')", "attach '/tmp/other.duckdb'",
            "copy (select 1) to '/tmp/out.csv'", "set memory_limit = '1TB'",
            "set enable_external_access = true", "install spatial",
        ):  # fmt: skip
            with pytest.raises(duckdb.Error, match=r"disabled|locked|Cannot"):
                cursor.execute(sql)


def test_a_filter_cannot_reach_the_listener(address: Address) -> None:
    with stores.open(str(address)) as store:
        with pytest.raises(FilterError, match="quack_"):
            store.list_traces(f"exists (from quack_stop('{address}'))")
        assert store.status()["traces"] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quack:localhost", ("localhost", 9494)),
        ("quack://db.example.org:9000", ("db.example.org", 9000)),
        ("[::1]:1234", ("::1", 1234)),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, expected: tuple[str, int]) -> None:
    assert stores.read_address(text) == expected
    assert stores.read_address(str(stores.read_address(text))) == expected


@pytest.mark.parametrize("text", ["quack:", "quack:host:0", "quack:host:99999", "a b", "h/../x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="quack:host:port"):
        stores.read_address(text)


def test_a_short_token_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush-hush\n")
    with pytest.raises(CurationError, match="at least 16") as refused:
        settings.token({"HEDGEROW_TOKEN_FILE": str(tmp_path / "token")})
    assert "hush" not in str(refused.value)


def test_the_extensions_are_those_of_the_duckdb_that_is_installed() -> None:
    for name in ("httpfs", "quack"):
        assert quack.extension_file(name).parent.name == f"v{duckdb.__version__}"
    with pytest.raises(ModuleNotFoundError):
        quack.extension_file("nothing")
    pins = (ROOT / "requirements.txt").read_text("utf-8")
    for package in ("duckdb", "duckdb-extension-quack", "duckdb-extension-httpfs"):
        assert f"\n{package}=={duckdb.__version__}\n" in pins
