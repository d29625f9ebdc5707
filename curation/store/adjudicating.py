"""Disputes and who settled them: the views `adjudication` and `trace_state` say what counts."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation.records import QUESTION
from curation.store.deciding import SAID_NOW, Deciding
from curation.store.narrowing import narrowed

QUEUE = "needs adjudication"
"""The queue whose verdicts are adjudications (`decision.queue`); the view names it too."""


class Adjudicating(Deciding):
    """The part of a store that tells readings from adjudications."""

    def adjudications(self) -> pl.DataFrame:
        """What adjudicators say now: decision_id, sequence, trace_id, reviewer, verdict."""
        return self._frame("select * from adjudication order by sequence")

    def readings(self) -> pl.DataFrame:
        """`current_decisions` without adjudications: what agreement is measured on.

        Who adjudicates knows that others differ, and sees disputed traces alone.
        """
        return self.current_decisions().join(self.adjudications(), on="decision_id", how="anti")

    def shared_readings(self) -> tuple[pl.DataFrame, dict[str, int]]:
        """The `readings` of traces of which several people said something, and the rest counted.

        The rest: of how many traces a reviewer alone said accept or reject, by name. Most traces of
        a large store have one reader, and say nothing of agreement.
        """
        told = self._frame(
            """
            with told as materialized (
                select trace_id, min(reviewer) as reviewer, arg_max(verdict, sequence) as verdict,
                    min(reviewer) <> max(reviewer)
                        or bool_or(coalesce(queue = $adjudication, false)) as is_shared
                from live_decision where question = $question group by trace_id
            )
            select trace_id, null as reviewer, null as n from told where is_shared
            union all
            select null, reviewer, count(*) from told
            where not is_shared and verdict in ('accept', 'reject') group by reviewer
            """,
            adjudication=QUEUE,
            question=QUESTION,
        )
        alone = told.drop_nulls("reviewer").select("reviewer", "n").sort("reviewer")
        some = narrowed(
            self._views(),
            ["current_decision", "adjudication"],
            {"decision": "trace_id in (select unnest($ids::varchar[]))"},
        )
        readings = self._frame(
            f"{some} {SAID_NOW} anti join adjudication a on a.decision_id = d.decision_id "
            "where d.question = $question order by d.sequence",
            question=QUESTION,
            ids=told["trace_id"].drop_nulls().to_list(),
        )
        return readings, dict(alone.iter_rows())

    def open_disputes(self, among: Sequence[str]) -> set[str]:
        """Those of these traces on which people differ and nobody has settled it."""
        some = narrowed(
            self._views(),
            ["open_dispute"],
            dict.fromkeys(("trace", "decision"), "trace_id in (select unnest($ids::varchar[]))"),
        )
        return set(self._frame(f"{some} select trace_id from open_dispute", ids=among)["trace_id"])
