"""The audit log and the commands about people: added to, bound together, readable, harmless."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from curation import account_commands
from curation import store as stores
from curation.errors import FilterError
from curation.store import Store
from tests.said import Said

Curate = Callable[..., Said]


def test_a_changed_missing_or_slipped_in_entry_is_found(store: Store) -> None:
    for who in ("ada", "ben", "mai"):
        store.audit(who, "sign-in", address="10.0.0.7", detail={"how": "password"})
    assert store.verify().broken == []
    log = store.audit_log()
    assert log["who"].to_list() == ["mai", "ben", "ada"]
    for broken, said in (
        ("update identity_audit set who = 'eve' where sequence = 2", "no. 2: it does not say"),
        ("delete from identity_audit where sequence = 2", "number 2 is missing"),
        ("update identity_audit set previous_hash = '' where sequence = 3", "no. 3: it does not"),
    ):
        with store._duckdb.cursor() as cursor:
            cursor.execute("begin transaction")
            cursor.execute(broken)
            rows = cursor.execute("select * from identity_audit order by sequence").pl()
            cursor.execute("rollback")
        found = _verified(rows, store)
        assert any(said in each for each in found), (broken, found)


def _verified(rows: object, store: Store) -> list[str]:
    """What `verify` would say of these rows."""
    from curation.store import auditing

    class Rows:
        def _frame(self, sql: str) -> object:
            return rows

    return auditing.broken_audit(Rows())[1]  # type: ignore[arg-type]


def test_no_filter_reads_accounts_sessions_or_the_log(store: Store) -> None:
    for where in (
        "(select count(*) from identity_account) > 0",
        'exists (from "IDENTITY_account")',
        "exists (select 1 from main.identity_session)",
        "exists (from (summarize identity_audit))",
        "exists (from query('select 1'))",
        "exists (from query_table('identity_' || 'account'))",
        "trace_id in (with x as (from identity_account) select name from x)",
    ):
        with pytest.raises(FilterError):
            store.list_traces(where)
    assert store.list_traces("trace_id not in (select trace_id from decision)").height == 0


def test_a_formula_in_the_log_is_no_formula_in_the_csv(store: Store) -> None:
    for who in ("=cmd|' /C calc'!A1", "+1", "-1", "@sum(a1)", "\t=1", 'a"b,c'):
        store.audit(who, "sign-in refused", address="10.0.0.7")
    rows = list(csv.DictReader(io.StringIO(account_commands.csv_of(store.audit_log()))))
    assert [row["who"] for row in rows] == [
        'a"b,c', "'\t=1", "'@sum(a1)", "'-1", "'+1", "'=cmd|' /C calc'!A1",
    ]  # fmt: skip


def test_accounts_are_added_changed_and_listed_by_command(
    curate: Curate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    added = curate("accounts", "add", "ada", "--role", "admin", "--password-stdin", "--json")
    # A store comes with the first ingest; so there is none yet.
    assert added.code == 1
    assert "no store" in added.err
    with stores.open(tmp_path / "hedgerow.duckdb"):
        pass
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    added = curate("accounts", "add", "ada", "--role", "admin", "--password-stdin", "--json")
    assert added.json["role"] == "admin"
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert curate("accounts", "reset", "ada", "--password-stdin").code == 1
    assert curate("accounts", "add", "ben", "--no-password").code == 0
    assert curate("accounts", "role", "ben", "lead").code == 0
    assert curate("accounts", "disable", "ada").code == 1  # the only admin
    assert curate("accounts", "disable", "ben").code == 0
    assert curate("accounts", "role", "nobody", "lead").code == 1
    items = curate("accounts", "list", "--json").json["items"]
    assert [(i["name"], i["role"], i["is_enabled"], i["has_password"]) for i in items] == [
        ("ada", "admin", True, True), ("ben", "lead", False, False),
    ]  # fmt: skip
    backup = tmp_path / "copy.duckdb"
    assert curate("backup", backup).code == 0
    assert curate("--store", tmp_path / "again.duckdb", "restore", backup).code == 0
    told = curate("--store", tmp_path / "again.duckdb", "audit", "--json").json
    assert [item["what"] for item in told["items"]] == ["restore", *["account"] * 4]
    assert curate("audit", "--what", "backup", "--json").json["n"] == 1
    assert "argon2" not in str(told)
    assert curate("verify").code == 0
    assert curate("audit", "--out", tmp_path / "log.csv").code == 0
    assert (tmp_path / "log.csv").read_text("utf-8").count(",account,") == 4
