"""Browser tests: a real server on a free port, a real Chromium, temporary data.

`serve(script, …)` starts Streamlit on a script and stops it after the test (`server` scope: the
test); a `Server` can be killed and started again on the same port. `chromium` is one browser for
all tests; `context` is a fresh profile that lets nothing out but this machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip
START_S = 60


class Server:
    """A Streamlit server of the tests' own; output goes to a file, since a full pipe blocks."""

    def __init__(self, script: Path, folder: Path, env: Mapping[str, str], cwd: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        self.script = script
        self.cwd = cwd
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start, and wait until it is healthy."""
        command = [
            sys.executable, "-m", "streamlit", "run", str(self.script),
            "--server.port", str(self.port), "--server.address", "127.0.0.1",
            "--server.headless", "true", "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false",
        ]  # fmt: skip
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.cwd, env=self.env, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_S
        while not self.is_healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"The server did not start.\n{self.output()}")
            time.sleep(0.05)
        return self

    def is_healthy(self) -> bool:
        """Whether the server answers its health check."""
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def output(self) -> str:
        """What the server wrote, its end."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-8000:]

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def stop(self) -> None:
        """End the server as a person would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server with no chance to tidy up."""
        self._end(signal.SIGKILL)


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start a server that lives until the tests end: `serving(script, env=…, cwd=…)`."""
    yield from _servers(tmp_path_factory.mktemp("servers"))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server for this test alone: `serve(script, env=…, cwd=…)`."""
    yield from _servers(tmp_path)


def _servers(folder: Path) -> Iterator[Callable[..., Server]]:
    """A starter of servers; all are ended afterwards."""
    servers: list[Server] = []

    def start(script: Path, *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Server:
        server = Server(script, folder, env or {}, cwd)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, running."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One headless Chromium: HEDGEROW_CHROMIUM, else an installed one, else Playwright's own."""
    named = os.environ.get("HEDGEROW_CHROMIUM")
    found = named or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    try:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
    except Error as exc:
        pytest.fail(
            f"No Chromium starts ({found or 'none on PATH, none of Playwright'}): {exc}\n"
            "Install one (apt-get install chromium; or playwright install chromium), or name it "
            "in HEDGEROW_CHROMIUM. Leave the browser tests out with -m 'not browser'.",
            pytrace=False,
        )
    yield browser
    browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile. Whatever a page asks for outside this machine fails the test."""
    strangers: list[str] = []
    profile = chromium.new_context(viewport={"width": 1400, "height": 900})
    profile.set_default_timeout(20_000)
    profile.on(
        "request",
        lambda request: strangers.append(request.url) if not _is_local(request.url) else None,
    )
    yield profile
    profile.close()
    assert strangers == []


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://localhost:", "blob:", "data:", "ws:"))
