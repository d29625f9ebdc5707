"""`doctor`: each thing that can be amiss is told, with what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from curation import doctor, owner
from curation.store import Address
from tests.said import Said
from tests.served import TOKEN, listening

Curate = Callable[..., Said]


def _checks(said: Said) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in said.json["checks"]}


def test_a_sound_store_is_well_and_the_command_ends_with_success(
    curate: Curate, demo: Path
) -> None:
    said = curate("doctor", "--json")
    assert said.code == 0
    checks = _checks(said)
    names = ("store server", "student", "writing", "store")
    assert {checks[name]["state"] for name in names} == {"ok"}
    assert checks["store"]["says"].startswith("12 traces")
    assert checks["backups"]["state"] == "warn"
    answer = said.json
    assert answer["ok"] + answer["warn"] + answer["fail"] == len(answer["checks"])
    words = curate("doctor").out
    assert all(check["do"] in words for check in answer["checks"] if check["do"])


def test_a_store_that_does_not_hold_fails_and_so_does_the_command(
    curate: Curate, demo: Path
) -> None:
    with duckdb.connect(str(demo)) as connection:
        connection.execute("update trace set text = 'changed' where position = 0")
    said = curate("doctor")
    assert said.code == 1
    assert "1 of" in said.err
    assert "fail  store:" in said.out
    assert "restore" in said.out


def test_a_file_that_is_no_store_fails_and_the_other_checks_go_on(
    curate: Curate, demo: Path
) -> None:
    demo.write_text("no database, " * 1000)
    said = curate("doctor")
    assert said.code == 1
    assert "no DuckDB file" in said.out
    assert "port:" in said.out


def test_without_a_store_it_says_how_to_make_one_and_makes_none(
    curate: Curate, tmp_path: Path
) -> None:
    said = curate("--store", tmp_path / "deep" / "none.duckdb", "doctor", "--json")
    assert said.code == 0
    assert _checks(said)["store"]["state"] == "warn"
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_the_app_holds_is_asked_for_through_it(curate: Curate, demo: Path) -> None:
    held = owner.open(demo, student="fake", dtype="float32", scoring=False)
    try:
        assert doctor._store(demo, lambda n: None).__next__().state == "ok"
    finally:
        held.close()


def test_a_served_store_and_an_open_token_are_looked_at(
    curate: Curate, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o644)
    monkeypatch.setenv("HEDGEROW_TOKEN_FILE", str(token))
    monkeypatch.setattr(Address, "beside", property(lambda _: tmp_path / "client"))
    with listening(demo) as listener:
        checks = _checks(curate("--store", listener.address, "doctor", "--json"))
        assert checks["store"]["says"].startswith("12 traces")
        assert checks["token"]["state"] == "warn"
        assert "chmod 600" in checks["token"]["do"]
        token.chmod(0o600)
        checks = _checks(curate("--store", listener.address, "doctor", "--json"))
        assert checks["token"]["state"] == "ok"
    gone = curate("--store", listener.address, "doctor", "--json")
    assert gone.code == 1
    assert "cannot be reached" in gone.out


def test_missing_and_other_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "polars":
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name == "nh3" else real(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    missing, other = doctor._packages()
    assert (missing.state, other.state) == ("fail", "warn")
    assert "polars" in missing.says
    assert "nh3 0.1 (pinned:" in other.says


class _Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(
    ("free", "state"), [(100 << 20, "fail"), (1 << 30, "warn"), (3 << 30, "ok")]
)
def test_little_disk_space_is_told(
    free: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(free))
    (finding,) = doctor._disk(tmp_path / "s.duckdb")
    assert finding.state == state


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_in_use_is_told(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PORT", taken)
    assert [f.state for f in doctor._ports() if str(taken) in f.says] == ["warn"]


def test_a_student_that_is_not_here_is_told(
    curate: Curate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEDGEROW_STUDENT", "nobody/has-this-one")
    assert _checks(curate("doctor", "--json"))["student"]["state"] == "warn"


def test_a_folder_that_takes_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    (finding,) = doctor._folder(tmp_path / "s.duckdb")
    assert finding.state == "fail"
    assert "Permission denied" in finding.says
