"""Gold items: traces whose right verdict is known, and what people said of them before they knew.

A mark is appended and never edited; the newest of a trace counts, one without a verdict takes it
back. Whoever has ever marked a trace knows what is right there: it is no gold item for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import QUESTION, content_id
from curation.store.connection import Connection, now
from curation.store.deciding import Deciding
from curation.store.marks import broken_marks

SETTLING = ("accept", "reject")
"""The verdicts that can be right."""


def gold_verdict_id(row: dict[str, Any]) -> str:
    """The id of a mark: the hash of all that it says."""
    said = [
        row["trace_id"], row["text_hash"], row["verdict"], list(row["reasons"]), row["note"],
        row["marked_by"], row["marked_at"].astimezone(UTC).isoformat(timespec="microseconds"),
    ]  # fmt: skip
    return content_id("gv1", json.dumps(said, ensure_ascii=False))


class Golding(Deciding):
    """The part of a store that keeps gold items."""

    def mark_gold(
        self,
        trace_ids: Sequence[str],
        verdict: str | None,
        *,
        marked_by: str,
        reasons: Sequence[str] = (),
        note: str | None = None,
    ) -> list[str]:
        """Note what is right of these traces (None: taken back), all or none; the marks' ids.

        Raises UnknownTrace, and StoreError for another verdict or without the name of who marks.
        """
        if not marked_by.strip():
            raise StoreError("A gold item needs the name of who marks it.")
        if verdict is not None and verdict not in SETTLING:
            raise StoreError(f"What is right is accept or reject, not {verdict!r:.40}.")
        rows = []
        for trace_id in dict.fromkeys(trace_ids):
            row: dict[str, Any] = {
                "trace_id": trace_id,
                "text_hash": self._require_trace(trace_id)["text_hash"],
                "verdict": verdict,
                "reasons": list(dict.fromkeys(reasons)),
                "note": note,
                "marked_by": marked_by.strip(),
                "marked_at": now(),
            }
            rows.append({**row, "gold_verdict_id": gold_verdict_id(row)})
        with self._writing() as cursor:
            last = cursor.execute("select coalesce(max(sequence), 0) from gold_verdict").fetchall()[
                0
            ][0]
            for n, row in enumerate(rows, start=last + 1):
                names = ", ".join(row)
                values = ", ".join(f"${name}" for name in row)
                cursor.execute(
                    f"insert into gold_verdict ({names}, sequence) values ({values}, $sequence)",
                    {**row, "sequence": n},
                )
        return [row["gold_verdict_id"] for row in rows]

    def n_gold_records(self) -> int:
        """How many marks were made and taken back so far."""
        n: int = self._value("select count(*) from gold_verdict")
        return n

    def gold_items(self) -> pl.DataFrame:
        """The gold items of now, oldest first: trace_id, verdict, reasons, note, marked_by, …"""
        return self._frame(
            "select g.trace_id, g.verdict, g.reasons, g.note, g.marked_by, g.marked_at, t.teacher, "
            "t.teacher_context, left(t.prompt, 160) as prompt "
            "from current_gold_verdict g join trace t using (trace_id) order by g.sequence"
        )

    def gold_for(self, reviewer: str) -> dict[str, str]:
        """The gold items of now that the reviewer never marked: trace_id -> what is right."""
        frame = self._frame(
            "select trace_id, verdict from current_gold_verdict g where not exists ("
            "select 1 from gold_verdict m where m.trace_id = g.trace_id "
            "and m.marked_by = $reviewer) order by g.sequence",
            reviewer=reviewer.strip(),
        )
        return dict(frame.iter_rows())

    def gold_answers(self, question: str = QUESTION) -> pl.DataFrame:
        """The first accept or reject that each person gave on each gold item, in order.

        Columns: trace_id, reviewer, verdict, gold (what is right), decision_id, decided_at. One
        that was taken back later counts too: what is right may have been told in between. Without
        bulk decisions, which nobody read for, and without those who marked the trace.
        """
        return self._frame(
            """
            select d.trace_id, d.reviewer, d.verdict, g.verdict as gold, d.decision_id, d.decided_at
            from decision d join current_gold_verdict g using (trace_id)
            where d.question = $question and d.verdict in ('accept', 'reject')
                and d.origin <> 'bulk'
                and not exists (select 1 from gold_verdict m
                    where m.trace_id = d.trace_id and m.marked_by = d.reviewer)
            qualify row_number() over (
                partition by d.trace_id, d.reviewer order by d.sequence) = 1
            order by d.sequence
            """,
            question=question,
        )


def broken_gold_verdicts(store: Connection) -> tuple[int, list[str]]:
    """How many marks were looked at, and those that are not what they were, or missing."""
    return broken_marks(store, "gold_verdict", "gold item", gold_verdict_id)
