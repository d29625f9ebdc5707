"""The commands that open stores themselves, if any: `serve`, `copy`, `doctor`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curation import console, doctor, serving, settings
from curation import store as stores
from curation.errors import CurationError
from curation.settings import Settings
from curation.store.address import PORT

COMMANDS = ("serve", "copy", "doctor")


def add_words(command: Callable[[str, str], argparse.ArgumentParser], dials: Settings) -> None:
    """The words of these commands, for the command line's parser."""
    p = command("serve", "hold the store for other processes and machines")
    p.add_argument("--listen", default=f"localhost:{PORT}", metavar="HOST:PORT")
    p.add_argument("--backup-hours", type=_count, default=dials.backup_hours, metavar="N",
                   help="back the store up this often (0: never)")  # fmt: skip
    p.add_argument("--keep", type=_count, default=dials.backups_kept, metavar="K",
                   help="backups that stay")  # fmt: skip

    p = command("copy", "copy everything into a new store, a file or on a server")
    p.add_argument("--to", dest="into", required=True, metavar="STORE")

    command("doctor", "whether everything is in place, and what to do where it is not")


def moment(text: str) -> datetime:
    """A moment in ISO 8601; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; it is written 2026-11-22T17:30:00Z"
        ) from exc
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def run(
    name: str,
    path: Path,
    arguments: dict[str, Any],
    bar: Callable[..., AbstractContextManager[Any]],
) -> dict[str, Any]:
    """Run one of them on the store at `path`. Raises CurationError."""
    if name == "serve":
        return _serve(path, arguments)
    if name == "doctor":
        with bar("doctor") as shown:
            return doctor.run(path, settings.read(), shown.update)
    return _copy(path, arguments["into"], bar)


def _serve(path: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    if stores.is_address(path):
        raise CurationError(f"{path} is a server itself; name the store's file with --store.")
    if arguments["keep"] < 1:
        raise CurationError("--keep takes 1 or more: the newest backup stays.")

    def say(line: str) -> None:
        sys.stderr.write(console.one_line(line) + "\n")
        sys.stderr.flush()

    serving.serve(
        path, arguments["listen"], say=say,
        backup_hours=arguments["backup_hours"], backups_kept=arguments["keep"],
    )  # fmt: skip
    return {"store": str(path), "served": arguments["listen"]}


def _copy(path: Path, to: str, bar: Callable[..., AbstractContextManager[Any]]) -> dict[str, Any]:
    """Copy a store and verify what arrived; a new file that does not hold is not left."""
    is_new_file = not stores.is_address(to)
    if is_new_file and Path(to).exists():
        raise CurationError(f"{to} exists already; name a new file to copy into.")
    target = Path(to).with_name(Path(to).name + ".partial") if is_new_file else Path(to)
    try:
        with bar("copy") as shown, stores.open(path, create=False) as source:

            def progress(n: int, total: int | None) -> None:
                shown.total = total
                shown.update(n)

            with stores.open(target) as arrived:
                rows = stores.copy(source, arrived, progress=progress)
                found = arrived.verify()
        if found.broken:
            raise CurationError(
                f"{path} does not hold what it should ({found.broken[0]}); see "
                "`python -m curation verify`. "
                + ("No copy was left." if is_new_file else f"{to} now holds the same.")
            )
        if is_new_file:
            target.rename(to)
    finally:
        if is_new_file:
            for left in (target, target.with_name(target.name + ".wal")):
                left.unlink(missing_ok=True)
    return {"from": str(path), "to": to, "rows": sum(rows.values()), "tables": rows,
            "checked": found.checked, "broken": found.broken}  # fmt: skip


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"takes a whole number of 0 or more, not {text!r}")
    return int(text)
