"""Accounts and sessions, as logs: the newest row of a name, and what happened in a session.

Owns who may come in and who is in, as far as it is written down. What a role may do is not its
business, nor how a password becomes a hash.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from curation.errors import StoreError
from curation.records import content_id
from curation.store.connection import Connection, now


class Account(NamedTuple):
    """An account as it stands."""

    name: str
    role: str
    password_hash: str | None
    is_enabled: bool
    valid_from: datetime
    """Sessions from before this are over: a password was set or the account closed then."""


class Accounts(Connection):
    """The part of a store that keeps accounts and sessions."""

    def account(self, name: str) -> Account | None:
        """The account of this name, letter case aside; None where there is none."""
        row = self._one(
            "select *, (select max(made_at) from identity_account p where p.name = a.name "
            "and p.what in ('add', 'password', 'disable')) as valid_from "
            "from identity_account a where lower(name) = lower($name) "
            "order by sequence desc limit 1",
            name=name,
        )
        return None if row is None else Account(*(row[field] for field in Account._fields))

    def accounts(self) -> pl.DataFrame:
        """Every account by name: name, role, is_enabled, has_password, made_by, made_at."""
        return self._frame(
            "select name, role, is_enabled, password_hash is not null as has_password, made_by, "
            "made_at from identity_account "
            "qualify row_number() over (partition by name order by sequence desc) = 1 order by name"
        )

    def add_account_event(
        self,
        name: str,
        what: str,
        *,
        made_by: str,
        role: str | None = None,
        password_hash: str | None = None,
    ) -> None:
        """Append what became of an account: add, role, password, disable or enable.

        Raises StoreError where it is there already, or not yet, or where nobody would be left who
        is an admin.
        """
        with self._writing() as cursor:
            held = self.account(name)
            if what == "add":
                if held is not None:
                    raise StoreError(f"There is an account {held.name} already.")
                row = Account(name, role or "reviewer", password_hash, True, now())
            elif held is None:
                raise StoreError(
                    f"There is no account {name}. `python -m curation accounts list` names them."
                )
            else:
                row = held._replace(
                    role=role or held.role,
                    password_hash=password_hash or held.password_hash,
                    is_enabled=what == "enable" or (held.is_enabled and what != "disable"),
                )
                if _was_admin(held) and not _was_admin(row) and self._n_admins() == 1:
                    raise StoreError(
                        f"{held.name} is the only admin; make somebody else one first."
                    )
            ((sequence,),) = cursor.execute(
                "select coalesce(max(sequence), 0) + 1 from identity_account"
            ).fetchall()
            said = {
                "sequence": sequence, "name": row.name, "what": what, "role": row.role,
                "password_hash": row.password_hash, "is_enabled": row.is_enabled,
                "made_by": made_by, "made_at": now(),
            }  # fmt: skip
            said["content_hash"] = _account_hash(said)
            names = ", ".join(said)
            values = ", ".join(f"${key}" for key in said)
            cursor.execute(f"insert into identity_account ({names}) values ({values})", said)

    def session(self, session_id: str) -> dict[str, Any] | None:
        """A session: session_id, name, opened_at, seen_at, is_closed; None where there is none."""
        return self._one(
            "select session_id, any_value(name) as name, "
            "min(made_at) filter (what = 'opened') as opened_at, max(made_at) as seen_at, "
            "bool_or(what = 'closed') as is_closed "
            "from identity_session where session_id = $id group by session_id "
            "having opened_at is not null",
            id=session_id,
        )

    def open_session(self, session_id: str, name: str, address: str) -> None:
        """Begin a session. Raises StoreError where it was begun before."""
        with self._writing(changes=False):
            if self.session(session_id) is not None:
                raise StoreError("This session was opened before; sign in again.")
            self._note(session_id, name, "opened", address)

    def see_session(self, session_id: str, name: str, address: str) -> None:
        """Note that something is done in a session."""
        self._note(session_id, name, "seen", address)

    def close_session(self, session_id: str, name: str, address: str) -> None:
        """End a session for good."""
        self._note(session_id, name, "closed", address)

    def _note(self, session_id: str, name: str, what: str, address: str) -> None:
        with self._writing(changes=False) as cursor:
            cursor.execute(
                "insert into identity_session values ($id, $name, $what, $address, $at)",
                {"id": session_id, "name": name, "what": what, "address": address, "at": now()},
            )

    def _n_admins(self) -> int:
        return self.accounts().filter(pl.col("is_enabled") & (pl.col("role") == "admin")).height


def broken_accounts(store: Connection) -> tuple[int, list[str]]:
    """For `verify`: how many rows were looked at, and what does not hold."""
    rows = store._frame("select * from identity_account order by sequence").to_dicts()
    broken = []
    for n, row in enumerate(rows, start=1):
        if row["sequence"] != n:
            broken.append(f"account log: number {n} is missing")
            break
        if row["content_hash"] != _account_hash(row):
            broken.append(f"account log no. {n} ({row['name']}): it does not say what was stored")
    return len(rows), broken


def _was_admin(account: Account) -> bool:
    return account.is_enabled and account.role == "admin"


def _account_hash(row: dict[str, Any]) -> str:
    return content_id(
        "ac1", str(row["sequence"]), row["name"], row["what"], row["role"], row["password_hash"],
        str(row["is_enabled"]), row["made_by"], row["made_at"].isoformat(),
    )  # fmt: skip
