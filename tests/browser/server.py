"""A Streamlit server of the tests' own: on a free port, killed and started at will."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.browser.wire import Wire

ROOT = Path(__file__).resolve().parents[2]
START_S = 60


class Server:
    """A Streamlit server of the tests' own; output goes to a file, since a full pipe blocks.

    With HEDGEROW_TEST_DELAY_MS set, browsers reach it over a wire that is up to so many
    milliseconds late: a run of the tests like that finds those that lean on time.
    """

    def __init__(self, script: Path, folder: Path, env: Mapping[str, str], cwd: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        delay_ms = int(os.environ.get("HEDGEROW_TEST_DELAY_MS", "0"))
        self.url = Wire(self.port, delay_ms).url if delay_ms else f"http://127.0.0.1:{self.port}"
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
            url = f"http://127.0.0.1:{self.port}/_stcore/health"
            with urllib.request.urlopen(url, timeout=2) as answer:
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
