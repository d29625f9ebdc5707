"""Many decisions at once, and taking them back as one.

A bulk is ordinary decisions with the origin "bulk" and one id in their `extra` (`{"bulk": ID}`),
written in one transaction: all or none. Its undo is as many withdrawals, again all or none.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import VERDICTS, Decision, Verdict
from curation.store.connection import now
from curation.store.decision_rows import decision_hash, decision_row
from curation.store.reading import Reading

ORIGIN = "bulk"
_NAMED = 5
"""Traces that a refusal names."""
_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(
        ("decision_id", "trace_id", "question", "reviewer", "verdict", "withdraws", "note",
         "directive", "queue", "text_hash", "convention_id", "lexicon_id", "origin", "extra",
         "content_hash"),
        pl.String(),
    ),
    **dict.fromkeys(("shown_at", "decided_at", "stored_at"), pl.Datetime("us", "UTC")),
    "reasons": pl.List(pl.String()),
    "active_s": pl.Float64(),
    "revealed": pl.Boolean(),
    "sequence": pl.Int64(),
}  # fmt: skip


class Bulk(Reading):
    """The part of a store that decides many traces at once."""

    def decide_all(
        self,
        trace_ids: Sequence[str],
        reviewer: str,
        verdict: Verdict,
        *,
        reasons: Sequence[str] = (),
        note: str | None = None,
        under: Mapping[str, object] | None = None,
    ) -> tuple[str, int]:
        """Decide these traces alike, each once; the bulk's id and how many it decided.

        Traces that the reviewer has decided keep what was said of them. `under` stands in each
        decision's `extra`: the versions of what the reviewer went by. Raises StoreError where a
        trace is not stored, nothing is left to decide, or the reviewer or verdict is none.
        """
        if not reviewer.strip():
            raise StoreError("A decision needs the reviewer's name; give one, then decide again.")
        if verdict not in VERDICTS:
            raise StoreError(f"{verdict!r} is no verdict; they are {', '.join(VERDICTS)}.")
        bulk_id, at = str(uuid.uuid4()), now()
        with self._writing(changes=False):
            mine = self.decided_by(reviewer.strip())
            wanted = [trace_id for trace_id in dict.fromkeys(trace_ids) if trace_id not in mine]
            if not wanted:
                raise StoreError("You have decided all of these; there is nothing left to decide.")
            self._append(
                [
                    Decision(
                        decision_id=str(uuid.uuid4()), trace_id=trace_id, reviewer=reviewer,
                        verdict=verdict, decided_at=at, reasons=tuple(reasons), note=note,
                        origin=ORIGIN, extra={**(under or {}), "bulk": bulk_id},
                    )
                    for trace_id in wanted
                ]
            )  # fmt: skip
        return bulk_id, len(wanted)

    def undo_all(self, bulk_id: str, reviewer: str) -> int:
        """Withdraw all of a bulk that stands, by new records; how many these are.

        Raises StoreError where the bulk is not this reviewer's or nothing of it stands, and where
        the reviewer has decided some of its traces again since: these are named.
        """
        with self._writing(changes=False):
            rows = self._frame(
                """
                select d.decision_id, d.trace_id, d.reviewer, d.sequence, exists (
                    select 1 from live_decision l where l.decision_id = d.decision_id
                ) as is_live, exists (
                    select 1 from live_decision l where l.trace_id = d.trace_id
                        and l.reviewer = d.reviewer and l.question = d.question
                        and l.sequence > d.sequence
                ) as has_later
                from decision d
                where d.origin = 'bulk' and d.verdict is not null
                    and contains(d.extra, '"bulk": "' || $bulk || '"')
                order by d.sequence
                """,
                bulk=bulk_id,
            ).to_dicts()
            if not rows or rows[0]["reviewer"] != reviewer.strip():
                raise StoreError(f"{reviewer} has made no bulk decision {bulk_id}.")
            later = [row["trace_id"] for row in rows if row["has_later"]]
            if later:
                more = f" and {len(later) - _NAMED} more" if len(later) > _NAMED else ""
                raise StoreError(
                    f"You have decided {len(later)} of these again since: "
                    f"{', '.join(later[:_NAMED])}{more}. Nothing was taken back: undo those "
                    "decisions first, then this one."
                )
            live = [row for row in rows if row["is_live"]]
            if not live:
                raise StoreError("This bulk decision was taken back before.")
            at = now()
            self._append(
                [
                    Decision(
                        decision_id=str(uuid.uuid4()), trace_id=row["trace_id"], verdict=None,
                        reviewer=reviewer, withdraws=row["decision_id"], decided_at=at,
                        origin=ORIGIN, extra={"bulk": bulk_id},
                    )
                    for row in live
                ]
            )  # fmt: skip
        return len(live)

    def bulks(self, reviewer: str) -> list[dict[str, Any]]:
        """The reviewer's bulk decisions, newest first.

        Keys: bulk_id, decided_at, verdict, reasons, note, n, n_live (that stand).
        """
        return self._frame(
            """
            select regexp_extract(d.extra, '"bulk": "([^"]+)"', 1) as bulk_id,
                any_value(d.decided_at) as decided_at, any_value(d.verdict) as verdict,
                any_value(d.reasons) as reasons, any_value(d.note) as note, count(*) as n,
                count(l.decision_id) as n_live
            from decision d left join live_decision l using (decision_id)
            where d.origin = 'bulk' and d.verdict is not null and d.reviewer = $reviewer
            group by 1
            order by max(d.sequence) desc
            """,
            reviewer=reviewer.strip(),
        ).to_dicts()

    def _append(self, decisions: Sequence[Decision]) -> None:
        """Store new decisions, in order, in one transaction."""
        ids = [decision.trace_id for decision in decisions]
        hashes = dict(
            self._frame(
                "select trace_id, text_hash from trace "
                "where trace_id in (select unnest($ids::varchar[]))",
                ids=ids,
            ).iter_rows()
        )
        unknown = [trace_id for trace_id in ids if trace_id not in hashes]
        if unknown:
            raise StoreError(
                f"The store holds no trace {unknown[0]}; nothing was decided. Look again, then "
                "decide."
            )
        stored_at = now()
        rows = []
        for decision in decisions:
            row = decision_row(decision, hashes[decision.trace_id], dict(decision.extra))
            rows.append({**row, "content_hash": decision_hash(row), "stored_at": stored_at})
        with self._writing() as cursor:
            ((last,),) = cursor.execute(
                "select coalesce(max(sequence), 0) from decision"
            ).fetchall()
            frame = pl.DataFrame(
                [{**row, "sequence": last + n} for n, row in enumerate(rows, start=1)],
                schema=_SCHEMA,
            )
            cursor.register("batch_decision", frame)
            cursor.execute("insert into decision by name select * from batch_decision")
            cursor.unregister("batch_decision")
