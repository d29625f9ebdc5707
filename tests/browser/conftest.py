"""Browser tests: a real server on a free port, a real Chromium, temporary data.

`serve(script, env=…, cwd=…)` starts Streamlit on a script for one test, `serving(…)` for all; a
`Server` can be killed and started again on its port. `chromium` is one browser for all tests;
`context` is a fresh profile, and a test fails if its pages ask for anything outside this machine.
`bench` and `own_bench` are the desk's harness, on a server shared by all or for one test alone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Playwright,
    expect,
    sync_playwright,
)

from tests.browser.driver import Bench
from tests.browser.made_up import some_cards
from tests.browser.server import ROOT, Server

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip
HARNESS = Path(__file__).parent / "desk_harness.py"
PATIENCE_MS = 20_000
"""How long a state may take before a test gives up on it; nothing is timed."""

expect.set_options(timeout=PATIENCE_MS)


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


def installed() -> str | None:
    """Which Chromium to use: HEDGEROW_CHROMIUM, else an installed one; None = Playwright's own."""
    named = os.environ.get("HEDGEROW_CHROMIUM")
    return named or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


def launch(playwright: Playwright) -> Browser:
    """A headless Chromium. Raises playwright's Error where none starts."""
    return playwright.chromium.launch(executable_path=installed(), args=list(ARGUMENTS))


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One headless Chromium for all tests."""
    try:
        browser = launch(playwright)
    except Error as exc:
        found = installed()
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
    profile.set_default_timeout(PATIENCE_MS)
    profile.on(
        "request",
        lambda request: strangers.append(request.url) if not _is_local(request.url) else None,
    )
    yield profile
    profile.close()
    assert strangers == []


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://localhost:", "blob:", "data:", "ws:"))


@pytest.fixture(scope="session")
def harness_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shared harness."""
    return tmp_path_factory.mktemp("harness")


@pytest.fixture(scope="session")
def harness_server(serving: Callable[..., Server], harness_root: Path) -> Server:
    """The server of the shared harness."""
    return serving(HARNESS, env={"HEDGEROW_HARNESS": str(harness_root)})


@pytest.fixture
def bench(
    harness_server: Server,
    harness_root: Path,
    request: pytest.FixtureRequest,
    context: BrowserContext,
) -> Iterator[Bench]:
    """A bench with twelve plain cards, on a server that all tests share."""
    name = re.sub(r"\W+", "-", request.node.name)
    made = Bench(harness_server, harness_root, name, context).lay(some_cards(12))
    yield made
    made.check()


@pytest.fixture
def own_bench(
    serve: Callable[..., Server], tmp_path: Path, context: BrowserContext
) -> Iterator[Bench]:
    """A bench with twelve plain cards, on a server of its own that may be killed."""
    home = tmp_path / "harness"
    server = serve(HARNESS, env={"HEDGEROW_HARNESS": str(home)})
    made = Bench(server, home, "own", context).lay(some_cards(12))
    yield made
    made.check()
