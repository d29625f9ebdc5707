"""The audit log: who did what, when and from where, each row bound to the one before it.

A row's hash covers the hash before it, so a row that is changed, taken out or put in between breaks
every one behind it, and `verify` says where. Whoever notes the newest hash elsewhere (`audit`
prints it) also notices an end that was cut off.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl

from curation.records import content_id
from curation.store.connection import Connection, now

FAILED = "sign-in refused"
"""The word under which a failed attempt stands."""


class Auditing(Connection):
    """The part of a store that keeps the audit log."""

    def audit(
        self, who: str, what: str, subject: str = "", *, address: str, detail: object = None
    ) -> None:
        """Append one entry; `detail` is anything that JSON holds."""
        with self._writing(changes=False) as cursor:
            last = cursor.execute(
                "select sequence, content_hash from identity_audit order by sequence desc limit 1"
            ).fetchall()
            sequence, previous = last[0] if last else (0, "")
            row = {
                "sequence": sequence + 1, "made_at": now(), "who": who, "what": what,
                "subject": subject, "address": address, "previous_hash": previous,
                "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str),
            }  # fmt: skip
            row["content_hash"] = _row_hash(row)
            names = ", ".join(row)
            values = ", ".join(f"${key}" for key in row)
            cursor.execute(f"insert into identity_audit ({names}) values ({values})", row)

    def audit_log(
        self,
        *,
        who: str | None = None,
        what: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> pl.DataFrame:
        """The entries, newest first: sequence, made_at, who, what, subject, detail, address, hash.

        `who` and `what` are held against the whole name or word; `since` is a moment.
        """
        return self._frame(
            "select sequence, made_at, who, what, subject, detail, address, content_hash "
            "from identity_audit where ($who is null or who = $who) "
            "and ($what is null or what = $what) "
            "and ($since is null or made_at >= $since::timestamptz) "
            "order by sequence desc limit $limit",
            who=who,
            what=what,
            since=since,
            limit=limit,
        )

    def failed_sign_ins(self, name: str, address: str, since: datetime) -> dict[str, Any]:
        """Failed attempts at a name since its last success, and from an address, with the last's.

        Keys: n_name, last_name, n_address, last_address (moments, None without any).
        """
        row = self._one(
            f"""
            with tried as (
                select * from identity_audit
                where made_at >= $since::timestamptz and what in ('{FAILED}', 'sign-in')
            )
            select
                count(*) filter (what = '{FAILED}' and lower(who) = lower($name)
                    and sequence > coalesce((select max(sequence) from tried
                        where what = 'sign-in' and lower(who) = lower($name)), 0)) as n_name,
                max(made_at) filter (what = '{FAILED}' and lower(who) = lower($name)) as last_name,
                count(*) filter (what = '{FAILED}' and address = $address) as n_address,
                max(made_at) filter (what = '{FAILED}' and address = $address) as last_address
            from tried
            """,
            name=name,
            address=address,
            since=since,
        )
        assert row is not None, "a query without groups answers one row"
        return row


def broken_audit(store: Connection) -> tuple[int, list[str]]:
    """For `verify`: how many entries were looked at, and what does not hold."""
    rows = store._frame("select * from identity_audit order by sequence").to_dicts()
    broken, previous = [], ""
    for n, row in enumerate(rows, start=1):
        if row["sequence"] != n:
            broken.append(f"audit log: number {n} is missing")
            break
        if row["previous_hash"] != previous:
            broken.append(f"audit log no. {n}: it does not follow the one before it")
        if row["content_hash"] != _row_hash(row):
            broken.append(f"audit log no. {n}: it does not say what was stored")
        previous = row["content_hash"]
    return len(rows), broken


def _row_hash(row: dict[str, Any]) -> str:
    return content_id(
        "au1", str(row["sequence"]), row["made_at"].isoformat(), row["who"], row["what"],
        row["subject"], row["detail"], row["address"], row["previous_hash"],
    )  # fmt: skip
