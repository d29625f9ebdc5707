"""What the student said of the tokens of traces, for weights in a training set."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation.store.reading import Reading


class TokenEvidence(Reading):
    """The part of a store that hands out what is known of tokens."""

    def export_token_evidence(self, trace_ids: Sequence[str]) -> pl.DataFrame:
        """What the student shown said of each token of these traces, one trace a row, in no order.

        Columns: `export.TOKEN_SCHEMA`. A trace that was not scored has no row; a family that was
        not computed, or could not be, is null. Reads the lists of all scored traces, however few
        are asked for: ask for many at once.
        """
        return self._frame(
            """
            with shown as (select value as student from setting where name = 'student')
            select s.trace_id, s.student, s.convention_id, s.start_char as token_start,
                s.end_char as token_end, s.logprob_nats, g.privileged_by,
                g.per_token as privileged_nats, h.per_token as hedge_mass
            from (select * from latest_score
                where trace_id in (select unnest($ids::varchar[]))) s
            join shown using (student)
            left join (select * from latest_compatibility where family = 'privilege'
                and error is null and trace_id in (select unnest($ids::varchar[]))) g
                on g.trace_id = s.trace_id and g.student = s.student
            left join (select * from latest_compatibility where family = 'hedges'
                and error is null and trace_id in (select unnest($ids::varchar[]))) h
                on h.trace_id = s.trace_id and h.student = s.student
            where s.error is null
            """,
            ids=list(trace_ids),
        )

    def export_token_counts(self, trace_ids: Sequence[str]) -> dict[str, int]:
        """How many of these traces the student scored, and of how many it said what.

        Keys: scored, gain_of_context, gain_of_reference, hedges.
        """
        row = self._one(
            """
            with shown as (select value as student from setting where name = 'student'),
            said as (
                select c.family, coalesce(c.privileged_by, 'context') = 'context' as is_context
                from latest_compatibility c join shown using (student)
                where c.error is null and c.family in ('privilege', 'hedges')
                    and c.trace_id in (select unnest($ids::varchar[]))
            )
            select
                (select count(*) from latest_score s join shown using (student)
                    where s.error is null
                        and s.trace_id in (select unnest($ids::varchar[]))) as scored,
                (select count(*) from said where family = 'privilege' and is_context)
                    as gain_of_context,
                (select count(*) from said where family = 'privilege' and not is_context)
                    as gain_of_reference,
                (select count(*) from said where family = 'hedges') as hedges
            """,
            ids=list(trace_ids),
        )
        assert row is not None
        return row
