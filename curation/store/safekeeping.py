"""Keeping what is stored: verify, backup, restore."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl

from curation import records
from curation.errors import StoreBusy, StoreError
from curation.store import copying
from curation.store.accounts import Accounts, broken_accounts
from curation.store.assigning import broken_assignments
from curation.store.auditing import Auditing, broken_audit
from curation.store.checking import broken_gold, broken_spot_checks
from curation.store.connection import Connection, now
from curation.store.decision_rows import decision_hash
from curation.store.edits import broken_edits
from curation.store.golding import broken_gold_verdicts
from curation.store.guidelines import guideline_findings
from curation.store.lexicons import change_findings
from curation.store.pair_choices import broken_choices
from curation.store.reading import Reading
from curation.store.recipes import broken_export_recipes


class Verification(NamedTuple):
    """What `verify` looked at, and what does not hold."""

    checked: int
    broken: list[str]
    """One line a finding: what, where, expected and found. Empty = all holds."""


class Copy(NamedTuple):
    """A backup that was written, and opened to prove it."""

    path: Path
    n_bytes: int
    sha256: str


class Safekeeping(Accounts, Auditing, Reading):
    """The part of a store that checks and copies it."""

    def record_export(
        self, export_id: str, format: str, out: str, n_rows: int, manifest: str
    ) -> None:
        """Note that a training set was written, with its manifest."""
        with self._writing() as cursor:
            cursor.execute(
                "insert or replace into export values ($id, $format, $out, $n, $manifest, $at)",
                {"id": export_id, "format": format, "out": out, "n": n_rows,
                 "manifest": manifest, "at": now()},
            )  # fmt: skip

    def exports(self) -> pl.DataFrame:
        """The training sets written so far, newest first, without their manifests."""
        return self._frame("select * exclude (manifest) from export order by exported_at desc")

    def verify(self, progress: Callable[[int], object] | None = None) -> Verification:
        """Re-derive every hash of the store and look for what is missing or dangling.

        `progress` is told "n more things checked".
        """
        findings: list[str] = []
        checked = 0
        checks = (
            _scores, _markings, _decisions, _conventions, _lexicons, _exports, broken_spot_checks,
            broken_gold, broken_choices, change_findings, broken_assignments, broken_edits,
            broken_gold_verdicts, guideline_findings, broken_export_recipes, broken_accounts,
            broken_audit,
        )  # fmt: skip
        for n, broken in chain(_traces(self), (check(self) for check in checks)):
            checked += n
            findings += broken
            if progress is not None:
                progress(n)
        return Verification(checked, findings)

    def backup(self, path: Path) -> Copy:
        """Write a consistent copy to `path` and open it to prove it; people may go on working.

        No write happens while the file is copied (they wait, well under a second a gigabyte on a
        local disk). A store on a server is read over the network instead, as it was at one moment.
        Raises StoreError where `path` exists or cannot be written.
        """
        path = path.absolute()
        if path.exists():
            raise StoreError(f"{path} exists already; name a new file for the backup.")
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.address is None:
                self._copy_file(partial)
            else:
                with Connection(partial) as opened:
                    copying.copy(self, opened)
            _sync(partial)
            os.replace(partial, path)
        except OSError as exc:
            raise StoreError(f"The backup {path} could not be written: {exc}.") from exc
        finally:
            _discard(partial)
        return Copy(path, path.stat().st_size, _sha256(path))

    def _copy_file(self, partial: Path) -> None:
        """Copy the file while nobody writes, and open the copy to see that it holds the same."""
        # Where other processes write, one of them may be about to; then the log goes along.
        refused = suppress(duckdb.TransactionException)
        with self._write_lock, refused, self._duckdb.cursor() as cursor:
            cursor.execute("checkpoint")
        with self._writing(changes=False):
            _copy_in_another_process(self.path, partial)
            wal = self.path.with_name(self.path.name + ".wal")
            if wal.exists() and wal.stat().st_size:
                _copy_in_another_process(wal, partial.with_name(partial.name + ".wal"))
            expected = _counts(self)
        with Connection(partial) as opened:
            found = _counts(opened)
        if found != expected:
            raise StoreError(f"The backup {partial} does not hold what the store does; try again.")


def restore(backup: Path, path: Path, *, until: datetime | None = None) -> tuple[Copy, Path | None]:
    """Make `backup` the store at `path`; returns the copy and where a store before it was put.

    The backup is opened and its hashes are checked first. A store that stood at `path` is moved
    aside, never overwritten. With `until` the store is what had been stored by that moment (see
    copying.py), and a new one: nothing may stand at `path`. Raises StoreError (StoreBusy while a
    process holds that store).
    """
    backup, path = backup.absolute(), path.absolute()
    if not backup.is_file():
        raise StoreError(f"There is no backup {backup}.")
    if until is not None and path.exists():
        raise StoreError(
            f"{path} exists already; what a backup held at a moment goes into a new store. "
            "Name one with --store."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, cut = (path.with_name(f"{path.name}.{word}") for word in ("partial", "cut"))
    try:
        _copy_in_another_process(backup, partial)
        try:
            opened = Safekeeping(partial)
        except StoreError as exc:
            raise type(exc)(str(exc).replace(str(partial), str(backup))) from exc
        try:
            verification = opened.verify()
            if until is not None and not verification.broken:
                earlier = Safekeeping(cut)
                try:
                    copying.copy(opened, earlier, until=until)
                    verification = earlier.verify()
                finally:
                    earlier.close()
        finally:
            opened.close()
        if until is not None and cut.exists():
            os.replace(cut, partial)
        if verification.broken:
            raise StoreError(
                f"{backup} is damaged ({verification.broken[0]}); nothing was restored. "
                "Try an older backup."
            )
        aside = None
        if path.exists():
            try:
                Connection(path).close()
            except StoreError as exc:
                if isinstance(exc, StoreBusy):
                    raise
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            aside = path.with_name(f"{path.stem}.before-restore-{stamp}{path.suffix}")
            os.replace(path, aside)
            wal = path.with_name(path.name + ".wal")
            if wal.exists():
                os.replace(wal, aside.with_name(aside.name + ".wal"))
        _sync(partial)
        os.replace(partial, path)
    except OSError as exc:
        raise StoreError(f"{backup} could not be restored to {path}: {exc}.") from exc
    finally:
        _discard(partial)
        _discard(cut)
    return Copy(path, path.stat().st_size, _sha256(path)), aside


def _traces(store: Safekeeping) -> Iterator[tuple[int, list[str]]]:
    last = -1
    while True:
        rows = store._frame(
            "select t.*, p.problem_id as known_problem from trace t left join problem p "
            "using (problem_id) where t.position > $last order by t.position limit 2000",
            last=last,
        ).to_dicts()
        if not rows:
            return
        last = rows[-1]["position"]
        yield len(rows), [finding for row in rows for finding in _trace_findings(row)]


def _trace_findings(row: dict[str, Any]) -> list[str]:
    name = row["trace_id"]
    found = []
    extra = _object(row["extra"])
    if extra is None:
        found.append(f"trace {name}: its extra is no JSON object")
    group = (extra or {}).get("problem_id")
    problem = records.problem_id(row["prompt"], None if group is None else str(group))
    if row["problem_id"] != problem:
        found.append(f"trace {name}: its problem's id should be {problem}, not {row['problem_id']}")
    if row["known_problem"] is None:
        found.append(f"trace {name}: its problem {row['problem_id']} is missing")
    expected = records.trace_id(
        row["problem_id"], row["prompt"], row["teacher"], row["teacher_context_raw"],
        row["context_text"], row["text"],
    )  # fmt: skip
    if name != expected:
        found.append(f"trace {name}: its content hashes to {expected}")
    if row["text_hash"] != records.text_hash(row["text"]):
        found.append(f"trace {name}: its text hash is not that of its text")
    starts, ends = row["step_start"], row["step_end"]
    bounds = [bound for step in zip(starts, ends, strict=False) for bound in step]
    if (
        len(starts) != len(ends)
        or bounds != sorted(bounds)
        or (bounds and not 0 <= bounds[0] <= bounds[-1] <= len(row["text"]))
    ):
        found.append(f"trace {name}: its steps are out of order or out of its text")
    return found


def _scores(store: Safekeeping) -> tuple[int, list[str]]:
    n = store._value("select count(*) from score")
    rows = store._frame(
        """
        select s.trace_id, s.convention_id,
            t.text_hash is distinct from s.text_hash as foreign_text,
            c.convention_id is null as unknown_convention,
            s.error is null and (
                s.n_tokens is distinct from len(s.token_id)
                or len(s.token_id) <> len(s.start_char) or len(s.token_id) <> len(s.end_char)
                or len(s.token_id) <> len(s.logprob_nats) or len(s.token_id) <> len(s."rank")
                or len(s.token_id) <> len(s.entropy_nats)) as uneven,
            s.error is null and abs(s.total_nll_nats + list_sum(s.logprob_nats::double[]))
                > 1e-3 * (1 + abs(s.total_nll_nats)) as other_sum
        from score s
        left join trace t using (trace_id)
        left join convention c using (convention_id)
        where foreign_text or unknown_convention or uneven or other_sum
        """
    ).to_dicts()
    what = {
        "foreign_text": "is not about a trace and text of this store",
        "unknown_convention": "names a convention that is not stored",
        "uneven": "has lists of unequal length",
        "other_sum": "has a total that is not the sum of its tokens",
    }
    return n, [
        f"score of {row['trace_id']} under {row['convention_id']}: it {text}"
        for row in rows
        for key, text in what.items()
        if row[key]
    ]


def _markings(store: Safekeeping) -> tuple[int, list[str]]:
    n = store._value("select count(*) from marking")
    rows = store._frame(
        "select m.trace_id, m.lexicon_id from marking m left join trace t using (trace_id) "
        "left join lexicon l using (lexicon_id) where t.trace_id is null or l.lexicon_id is null "
        "or len(m.start_char) <> len(m.end_char) or len(m.start_char) <> len(m.category) "
        "or list_max(m.end_char) > length(t.text)"
    ).to_dicts()
    return n, [
        f"marking of {row['trace_id']} by {row['lexicon_id']}: it does not fit trace and lexicon"
        for row in rows
    ]


def _decisions(store: Safekeeping) -> tuple[int, list[str]]:
    rows = store._frame(
        "select d.*, t.text_hash as trace_text_hash from decision d "
        "left join trace t using (trace_id) order by d.sequence"
    ).to_dicts()
    known = {row["decision_id"]: row for row in rows}
    broken = []
    for n, row in enumerate(rows, start=1):
        name = f"decision {row['decision_id']} (no. {row['sequence']})"
        if row["sequence"] != n:
            broken.append(f"{name}: number {n} is missing before it")
            break
        if row["content_hash"] != decision_hash(row):
            broken.append(f"{name}: it does not say what was stored")
        if row["trace_text_hash"] != row["text_hash"]:
            broken.append(f"{name}: it is not about a trace and text of this store")
        if row["withdraws"] is not None and row["withdraws"] not in known:
            broken.append(f"{name}: it withdraws {row['withdraws']}, which is missing")
    return len(rows), broken


def _conventions(store: Safekeeping) -> tuple[int, list[str]]:
    rows = store._frame("select convention_id, record from convention").to_dicts()
    broken = [
        f"convention {row['convention_id']}: its record hashes to another id"
        for row in rows
        if (_object(row["record"]) or {}).get("convention_id", row["convention_id"])
        != row["convention_id"]
    ]
    return len(rows), broken


def _lexicons(store: Safekeeping) -> tuple[int, list[str]]:
    rows = store._frame("select lexicon_id, content from lexicon").to_dicts()
    broken = [
        f"lexicon {row['lexicon_id']}: its content hashes to another id"
        for row in rows
        if records.content_id("lx1", row["content"]) != row["lexicon_id"]
    ]
    return len(rows), broken


def _exports(store: Safekeeping) -> tuple[int, list[str]]:
    rows = store._frame("select export_id, out, manifest from export").to_dicts()
    broken = [
        f"export {row['export_id']} to {row['out']}: place and manifest hash to another id"
        for row in rows
        if records.content_id("ex1", row["out"], row["manifest"]) != row["export_id"]
    ]
    return len(rows), broken


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _counts(store: Connection) -> list[tuple[str, int]]:
    """How many rows each table of a store holds."""
    names = store._frame(
        "select table_name from duckdb_tables() where not internal "
        "and database_name = current_database() order by table_name"
    )["table_name"].to_list()
    return [(name, store._value(f'select count(*) from "{name}"')) for name in names]


def _copy_in_another_process(source: Path, target: Path) -> None:
    """Copy a file without opening it in this process (see connection.py on locks)."""
    done = subprocess.run(
        ["cp", "--", str(source), str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(done.stderr.strip() or f"cp ended with {done.returncode}")


def _discard(partial: Path) -> None:
    """Remove a half-made copy; where that is impossible, the error that led here matters more."""
    for path in (partial, partial.with_name(partial.name + ".wal")):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Force a file and its name onto the disk."""
    for target, flags in ((path, os.O_RDWR), (path.parent, os.O_RDONLY)):
        descriptor = os.open(target, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
