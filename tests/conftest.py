"""Fixtures of every test: nothing may touch a person's store."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curation import store as stores
from curation import student
from curation.__main__ import main
from curation.settings import ROOT
from curation.store import Store
from tests import served
from tests.fakes import FakeStudent
from tests.said import Said


@pytest.fixture(autouse=True)
def _settings_in_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STUDENT", "DTYPE", "REVIEWER", "MAX_TRACE_CHARS", "TOKEN", "TOKEN_FILE",
                 "IDENTITY"):  # fmt: skip
        monkeypatch.delenv(f"HEDGEROW_{name}", raising=False)
    monkeypatch.setenv("HEDGEROW_STORE", str(tmp_path / "hedgerow.duckdb"))
    monkeypatch.setenv("HEDGEROW_BACKGROUND_SCORING", "0")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a store does, it does on a file and on a server: these modules' tests run on both."""
    is_of_both = metafunc.module.__name__.removeprefix("tests.") in served.ON_BOTH
    if is_of_both and "store" in metafunc.fixturenames:
        kinds = ["file"] if served.is_of_the_file(metafunc.function) else ["file", "server"]
        metafunc.parametrize("store", kinds, indirect=True)


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store: a file of this process, or one on a server."""
    path = tmp_path / "hedgerow.duckdb"
    if getattr(request, "param", "file") == "server":
        with served.store_at(path, request.getfixturevalue("monkeypatch")) as opened:
            yield opened
        return
    with stores.open(path) as opened:
        yield opened


@pytest.fixture
def curate(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """The command line in this process: `curate("list", "--json")`."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as exc:
            code = int(exc.code or 0)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def _demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    few = folder / "few.jsonl"
    lines = (ROOT / "data/demo/traces.jsonl").read_text("utf-8").splitlines(keepends=True)
    few.write_text("".join(lines[:12]), "utf-8")
    assert main(["--store", str(folder / "demo.duckdb"), "ingest", str(few)]) == 0
    return folder / "demo.duckdb"


@pytest.fixture
def demo(_demo_file: Path, tmp_path: Path) -> Path:
    """The store of the settings, with the first twelve demo traces (four problems)."""
    return Path(shutil.copyfile(_demo_file, tmp_path / "hedgerow.duckdb"))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every student is a fake of the name that was asked for."""
    monkeypatch.setattr(student, "load", lambda name, **dials: FakeStudent(name))
