"""How far each person is: what they decided, how fast, when last, and what is assigned to them."""

from __future__ import annotations

from typing import Any

import polars as pl

from curation.records import QUESTION
from curation.store.connection import Connection


class Progressing(Connection):
    """The part of a store that says who did how much."""

    def by_person(self, question: str = QUESTION) -> list[dict[str, Any]]:
        """Everybody who has decided or is assigned something, by name.

        n_decided (traces with a verdict of theirs that stands), n_accepted, n_rejected, n_flagged,
        n_skipped; n_undone (records that took one back); median_active_s and p90_active_s, seconds
        on card with idle time left out, over the standing decisions that were timed (`n_timed`;
        those of a bulk or a command are not; two a card where one judges blind first);
        decisions_per_active_hour of these; last_at (UTC, as stored); n_assigned and n_left
        (traces). None = nothing to compute it from.
        """
        return self._frame(
            """
            with said as (
                select reviewer, count(*) as n_decided,
                    count(*) filter (verdict = 'accept') as n_accepted,
                    count(*) filter (verdict = 'reject') as n_rejected,
                    count(*) filter (verdict = 'flag') as n_flagged,
                    count(*) filter (verdict = 'skip') as n_skipped
                from current_decision where question = $question group by reviewer
            ), timed as (
                select reviewer, count(active_s) as n_timed,
                    median(active_s) as median_active_s,
                    quantile_cont(active_s, 0.9) as p90_active_s,
                    case when sum(active_s) > 0 then 3600 * count(active_s) / sum(active_s) end
                        as decisions_per_active_hour
                from live_decision where question = $question group by reviewer
            ), seen as (
                select reviewer, count(*) filter (withdraws is not null) as n_undone,
                    max(stored_at) as last_at
                from decision where question = $question group by reviewer
            ), given as (
                select l.reviewer, count(*) as n_assigned, count(*) - count(d.decision_id) as n_left
                from (select distinct trace_id, reviewer from live_assignment) l
                left join current_decision d on d.trace_id = l.trace_id
                    and d.reviewer = l.reviewer and d.question = $question
                group by l.reviewer
            )
            select coalesce(seen.reviewer, given.reviewer) as reviewer,
                coalesce(n_decided, 0) as n_decided, coalesce(n_accepted, 0) as n_accepted,
                coalesce(n_rejected, 0) as n_rejected, coalesce(n_flagged, 0) as n_flagged,
                coalesce(n_skipped, 0) as n_skipped, coalesce(n_undone, 0) as n_undone,
                coalesce(n_timed, 0) as n_timed, median_active_s, p90_active_s,
                decisions_per_active_hour, last_at, coalesce(n_assigned, 0) as n_assigned,
                coalesce(n_left, 0) as n_left
            from seen full join given using (reviewer)
            left join said using (reviewer) left join timed using (reviewer)
            order by reviewer
            """,
            question=question,
        ).to_dicts()

    def decisions_by_day(self, question: str = QUESTION) -> pl.DataFrame:
        """How many standing decisions each person gave on each day (UTC): reviewer, day, n.

        Days without any have no row; by name and day.
        """
        return self._frame(
            "select reviewer, stored_at::date as day, count(*) as n from live_decision "
            "where question = $question group by all order by reviewer, day",
            question=question,
        )
