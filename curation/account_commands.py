"""`accounts` and `audit` on the command line: who may come in, and what was done.

accounts add NAME       let somebody in; asks for a password, or reads it from standard input
accounts reset NAME     give a new password, which ends their sessions
accounts role NAME R    give a role: reviewer, lead or admin
accounts disable NAME   close an account, at once; enable opens it again
accounts list           who may come in

Who can run them owns the store's file, or has the key of its door. A password never stands in the
words of a command and leaves the process that asked for it as a hash alone.
"""

from __future__ import annotations

import argparse
import csv
import getpass
import io
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from curation import store as stores
from curation.errors import CurationError
from curation.identity import ROLES
from curation.identity.passwords import checked_name, hashed
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]
Table = Callable[[list[dict[str, Any]], list[tuple[str, str]]], str]

COMMAND_LINE = "command line"
"""Where a deed of the command line comes from, in the audit log."""

AUDITED = frozenset(("ingest", "export", "backup"))
"""Commands that the audit log tells of, beside those that write there themselves."""


def add_words(command: MakeParser) -> None:
    """Add the commands; `command(name, help)` makes a parser that has --json and --store."""
    accounts = command("accounts", "who may come in, and as what")
    actions = accounts.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help: str) -> argparse.ArgumentParser:
        p: argparse.ArgumentParser = actions.add_parser(
            name, help=help, description=help, allow_abbrev=False
        )
        p.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        p.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if name != "list":
            p.add_argument("name", metavar="NAME")
        return p

    p = action("add", "let somebody in")
    p.add_argument("--role", choices=ROLES, default="reviewer")
    p.add_argument("--no-password", action="store_true", help="a proxy or a provider signs them in")
    _from_stdin(p)
    _from_stdin(action("reset", "give a new password; it ends their sessions"))
    action("role", "give a role").add_argument("role", choices=ROLES, metavar="ROLE")
    action("disable", "close an account, at once")
    action("enable", "open an account again")
    action("list", "who may come in")

    p = command("audit", "what was done, by whom and from where")
    p.add_argument("--who", default=None, metavar="NAME")
    p.add_argument("--what", default=None, metavar="WORD", help='such as "sign-in refused"')
    p.add_argument("--since", default=None, metavar="MOMENT", help="such as 2026-11-22T09:00Z")
    p.add_argument("--limit", type=int, default=None, metavar="N", help="the newest N")
    p.add_argument("--out", default=None, metavar="FILE.csv", help="write them as CSV")


def _from_stdin(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )


def ask(arguments: Arguments) -> Arguments:
    """The arguments of `accounts` with the hash of the password that somebody types.

    Raises CurationError where it cannot be one.
    """
    arguments = {**arguments, "by": os_user()}
    is_piped = arguments.pop("password_stdin", False)
    if arguments["action"] not in ("add", "reset") or arguments.get("no_password"):
        return {**arguments, "password_hash": None}
    if is_piped:
        typed = sys.stdin.readline().rstrip("\n")
    else:
        typed = getpass.getpass("Password: ")
        if typed != getpass.getpass("Once more: "):
            raise CurationError("The two are not the same; nothing was changed.")
    return {**arguments, "password_hash": hashed(typed)}


def accounts(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `accounts` does with a store."""
    action = arguments["action"]
    if action == "list":
        return {"items": store.accounts().to_dicts()}
    name, by = checked_name(arguments["name"]), arguments["by"]
    what = "password" if action == "reset" else str(action)
    with store.transaction():
        store.add_account_event(
            name, what, made_by=by, role=arguments.get("role"),
            password_hash=arguments.get("password_hash"),
        )  # fmt: skip
        detail = {"what": what, **({"role": r} if (r := arguments.get("role")) else {})}
        store.audit(by, "account", name, address=COMMAND_LINE, detail=detail)
    held = store.account(name)
    assert held is not None, "it was just written"
    return {"name": held.name, "role": held.role, "is_enabled": held.is_enabled,
            "has_password": held.password_hash is not None}  # fmt: skip


def audit(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `audit` answers: the entries, newest first; `head` is the hash of the newest of all."""
    since = None
    if arguments["since"] is not None:
        try:
            since = datetime.fromisoformat(arguments["since"])
        except ValueError as exc:
            raise CurationError(
                f"--since is {arguments['since']!r}; it takes a moment such as 2026-11-22T09:00Z."
            ) from exc
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
    log = store.audit_log(
        who=arguments["who"], what=arguments["what"], since=since, limit=arguments["limit"]
    )
    newest = store.audit_log(limit=1)
    answer: dict[str, Any] = {
        "n": log.height, "head": newest["content_hash"][0] if newest.height else None,
    }  # fmt: skip
    if arguments["out"] is None:
        return {**answer, "items": log.to_dicts()}
    path = Path(arguments["out"])
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(csv_of(log))
    except FileExistsError as exc:
        raise CurationError(f"{path} exists already; name a new file.") from exc
    return {**answer, "out": str(path)}


def csv_of(log: pl.DataFrame) -> str:
    """The entries as CSV. A cell that a spreadsheet would run gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(log.columns)
    for row in log.iter_rows():
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def note(store: Store, name: str, arguments: Arguments) -> None:
    """Write a command that was run into the audit log, where it is one that is told of."""
    if name not in AUDITED:
        return
    told = ("sources", "out", "file", "format")
    detail = {key: arguments[key] for key in told if arguments.get(key)}
    store.audit(os_user(), name, address=COMMAND_LINE, detail=detail)


def note_restored(path: Path, backup: str) -> None:
    """Write into a store that was just restored, as its newest entry, that it was."""
    with stores.open(path) as store:
        store.audit(os_user(), "restore", address=COMMAND_LINE, detail={"file": backup})


def os_user() -> str:
    """Whom the operating system runs us for."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def accounts_in_words(answer: dict[str, Any], table: Table) -> str:
    """How the answer of `accounts` reads."""
    if "items" not in answer:
        closed = "" if answer["is_enabled"] else ", closed"
        return f"{answer['name']}: {answer['role']}{closed}"
    if not answer["items"]:
        return "Nobody has an account. `python -m curation accounts add NAME --role admin`"
    names = [
        ("name", "name"), ("role", "role"), ("is_enabled", "open"), ("has_password", "password"),
        ("made_by", "last changed by"), ("made_at", "at"),
    ]  # fmt: skip
    return table(answer["items"], names)


def audit_in_words(answer: dict[str, Any], table: Table) -> str:
    """How the answer of `audit` reads."""
    if "out" in answer:
        return f"{answer['n']:,} entries written to {answer['out']}; the newest is {answer['head']}"
    if not answer["items"]:
        return "No entry."
    names = [("made_at", "at (UTC)"), ("who", "who"), ("what", "what"), ("subject", "of"),
             ("detail", "detail"), ("address", "from")]  # fmt: skip
    return (
        f"{table(answer['items'], names)}\n{answer['n']:,} entries; the newest is {answer['head']}"
    )


COMMANDS: dict[str, Callable[[Store, Arguments, Progress], dict[str, Any]]] = {
    "accounts": accounts,
    "audit": audit,
}
