"""Spot checks: samples that were drawn, labels that are certain, who has seen behind the blind.

A check is written whole, once, under the hash of what was asked for and what was drawn; a label is
appended, and the newest of a trace counts. The judgements are decisions under the check's question.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import content_id
from curation.store.connection import now
from curation.store.deciding import Deciding
from curation.store.marks import broken_marks

ASKED = (
    "name", "filter", "seed", "allocation", "n_wished", "gold_share", "stop_rule", "p0", "p1",
    "alpha", "beta", "half_width", "n_gold_left_out", "created_by", "created_at",
)  # fmt: skip
"""The columns that a check is asked for with; the rest is derived from them."""

_REAL = ("gold_share", "p0", "p1", "alpha", "beta", "half_width")

STRATUM_SCHEMA: dict[str, pl.DataType] = {
    "teacher_context": pl.String(),
    "teacher": pl.String(),
    "n_population": pl.Int64(),
}
ITEM_SCHEMA: dict[str, pl.DataType] = {
    "place": pl.Int32(),
    "trace_id": pl.String(),
    "text_hash": pl.String(),
    "teacher_context": pl.String(),
    "teacher": pl.String(),
    "is_gold": pl.Boolean(),
}


def spot_check_id(asked: dict[str, Any], strata: pl.DataFrame, items: pl.DataFrame) -> str:
    """The id of a check: the hash of what was asked for, of the population and of the sample."""
    said = {name: float(asked[name]) if name in _REAL else asked[name] for name in ASKED}
    said["created_at"] = asked["created_at"].astimezone(UTC).isoformat(timespec="microseconds")
    rows = [
        frame.select(list(schema)).sort(list(schema)).rows()
        for frame, schema in ((strata, STRATUM_SCHEMA), (items, ITEM_SCHEMA))
    ]
    return content_id("sc1", _text(said), *map(_text, rows))


def _text(rows: object) -> str:
    return json.dumps(rows, ensure_ascii=False)


def _gold_label_id(row: dict[str, Any]) -> str:
    said = [
        row["trace_id"], row["text_hash"], row["is_leaking"], row["source"], list(row["judges"]),
        row["marked_by"], row["marked_at"].astimezone(UTC).isoformat(timespec="microseconds"),
    ]  # fmt: skip
    return content_id("gd1", _text(said))


class Checking(Deciding):
    """The part of a store that keeps spot checks."""

    def add_spot_check(
        self, asked: dict[str, Any], strata: pl.DataFrame, items: pl.DataFrame
    ) -> str:
        """Store a check with its population (`STRATUM_SCHEMA`) and sample (`ITEM_SCHEMA`); its id.

        `asked` has the columns of `ASKED`. The same check again changes nothing.
        """
        strata = strata.select(list(STRATUM_SCHEMA)).cast(STRATUM_SCHEMA)  # type: ignore[arg-type]
        items = items.select(list(ITEM_SCHEMA)).cast(ITEM_SCHEMA)  # type: ignore[arg-type]
        name = spot_check_id(asked, strata, items)
        row = {
            "spot_check_id": name, "question": f"leak/{name}", **{key: asked[key] for key in ASKED}
        }  # fmt: skip
        with self._writing() as cursor:
            if cursor.execute(
                "select 1 from spot_check where spot_check_id = $id", {"id": name}
            ).fetchall():
                return name
            columns = ", ".join(row)
            values = ", ".join(f"${key}" for key in row)
            cursor.execute(f"insert into spot_check ({columns}) values ({values})", row)
            for table, frame in (("spot_check_stratum", strata), ("spot_check_item", items)):
                cursor.register("batch_spot_check", frame)
                cursor.execute(
                    f"insert into {table} (spot_check_id, {', '.join(frame.columns)}) "
                    f"select $id, {', '.join(frame.columns)} from batch_spot_check",
                    {"id": name},
                )
                cursor.unregister("batch_spot_check")
        return name

    def strata(self) -> pl.DataFrame:
        """Every trace of a teacher with its stratum, in order of arrival; edits are none.

        Columns: trace_id, text_hash, teacher_context, teacher.
        """
        return self._frame(
            "select trace_id, text_hash, teacher_context, teacher from trace "
            "anti join edited_trace using (trace_id) order by position"
        )

    def spot_checks(self) -> pl.DataFrame:
        """Every check, newest first, with how many were drawn, gold too, and judgements so far."""
        return self._frame(
            """
            select c.*, (select sum(n_population)::bigint from spot_check_stratum s
                    where s.spot_check_id = c.spot_check_id) as n_population,
                (select count(*) from spot_check_item i
                    where i.spot_check_id = c.spot_check_id) as n_drawn,
                (select count(*) from spot_check_judgement j
                    where j.spot_check_id = c.spot_check_id) as n_judgements
            from spot_check c order by c.created_at desc, c.spot_check_id
            """
        )

    def spot_check(self, name: str) -> dict[str, Any]:
        """One check, as `spot_checks` has it. Raises StoreError where there is none."""
        rows = self.spot_checks().filter(pl.col("spot_check_id") == name).to_dicts()
        if not rows:
            raise StoreError(
                f"The store holds no spot check {name}. `python -m curation spotcheck list` shows "
                "the ids."
            )
        return rows[0]

    def spot_check_strata(self, name: str) -> pl.DataFrame:
        """The population of a check by stratum, as it stood (`STRATUM_SCHEMA`)."""
        return self._frame(
            "select teacher_context, teacher, n_population from spot_check_stratum "
            "where spot_check_id = $id order by teacher_context, teacher",
            id=name,
        )

    def spot_check_items(self, name: str) -> pl.DataFrame:
        """What a check drew, in the order to judge it (`ITEM_SCHEMA`)."""
        return self._frame(
            "select place, trace_id, text_hash, teacher_context, teacher, is_gold "
            "from spot_check_item where spot_check_id = $id order by place",
            id=name,
        )

    def judgements(self, name: str) -> pl.DataFrame:
        """What each judge says now of each drawn trace, in the order it was said."""
        return self._frame(
            "select * from spot_check_judgement where spot_check_id = $id order by sequence",
            id=name,
        )

    def reveal(self, name: str, reviewer: str) -> datetime:
        """Note that a judge is shown scores and contexts now; when they first were."""
        self.spot_check(name)
        with self._writing() as cursor:
            cursor.execute(
                "insert or ignore into spot_check_reveal values ($id, $reviewer, $at)",
                {"id": name, "reviewer": reviewer.strip(), "at": now()},
            )
        found = self.revealed_at(name, reviewer)
        assert found is not None
        return found

    def revealed_at(self, name: str, reviewer: str) -> datetime | None:
        """When a judge was first shown the scores of a check, None while they are blind."""
        row = self._one(
            "select revealed_at from spot_check_reveal "
            "where spot_check_id = $id and reviewer = $reviewer",
            id=name,
            reviewer=reviewer.strip(),
        )
        return row["revealed_at"] if row else None

    def add_gold(
        self,
        trace_id: str,
        is_leaking: bool | None,
        *,
        source: str,
        marked_by: str,
        judges: Sequence[str] = (),
    ) -> str:
        """Note that a trace is known to be leaking or clean (None = that is taken back); its id.

        `judges` are the people whose own judgements made the label. Raises UnknownTrace, and
        StoreError where it is not said who knows it and from where.
        """
        if not source.strip() or not marked_by.strip():
            raise StoreError("A known state needs a source and the name of who marks it.")
        trace = self._require_trace(trace_id)
        row: dict[str, Any] = {
            "trace_id": trace_id,
            "text_hash": trace["text_hash"],
            "is_leaking": is_leaking,
            "source": source.strip(),
            "judges": sorted({judge.strip() for judge in judges}),
            "marked_by": marked_by.strip(),
            "marked_at": now(),
        }
        row["gold_label_id"] = _gold_label_id(row)
        with self._writing() as cursor:
            row["sequence"] = cursor.execute(
                "select coalesce(max(sequence), 0) + 1 from gold_label"
            ).fetchall()[0][0]
            names = ", ".join(row)
            values = ", ".join(f"${key}" for key in row)
            cursor.execute(f"insert into gold_label ({names}) values ({values})", row)
        return str(row["gold_label_id"])

    def gold(self) -> pl.DataFrame:
        """What is known for certain now of which trace, from where and by whom, oldest first."""
        return self._frame(
            "select g.trace_id, g.text_hash, t.teacher_context, t.teacher, g.is_leaking, g.source, "
            "g.judges, g.marked_by, g.marked_at from current_gold g join trace t using (trace_id) "
            "order by g.sequence"
        )


def broken_spot_checks(store: Checking) -> tuple[int, list[str]]:
    """How many checks were looked at, and those that are not what their ids say."""
    checks = store.spot_checks().to_dicts()
    broken = []
    for row in checks:
        name = row["spot_check_id"]
        items = store.spot_check_items(name)
        if spot_check_id(row, store.spot_check_strata(name), items) != name:
            broken.append(f"spot check {name}: what was asked and drawn hashes to another id")
        if items["place"].to_list() != list(range(1, items.height + 1)):
            broken.append(f"spot check {name}: a drawn trace is missing")
    foreign = store._frame(
        "select i.spot_check_id, i.trace_id from spot_check_item i left join trace t "
        "using (trace_id) where t.text_hash is distinct from i.text_hash"
    )
    broken += [
        f"spot check {check}: it drew {trace}, which is no trace and text of this store"
        for check, trace in foreign.iter_rows()
    ]
    stray = store._frame(
        "select d.decision_id, d.question from decision d "
        "left join spot_check c on c.question = d.question "
        "left join spot_check_item i "
        "on i.spot_check_id = c.spot_check_id and i.trace_id = d.trace_id "
        "where starts_with(d.question, 'leak/') and i.trace_id is null"
    )
    broken += [
        f"decision {decision}: its question {question} is none about this trace"
        for decision, question in stray.iter_rows()
    ]
    return len(checks), broken


def broken_gold(store: Checking) -> tuple[int, list[str]]:
    """How many labels were looked at, and those that are not what they were, or missing."""
    return broken_marks(store, "gold_label", "gold label", _gold_label_id)
