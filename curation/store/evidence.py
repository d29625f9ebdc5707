"""What the leak signs look at: texts, markers, tokens and families of many traces in one answer."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation.store.checking import Checking


class Evidence(Checking):
    """The part of a store that gathers what speaks for or against a leak."""

    def pool_ids(self, limit: int) -> list[str]:
        """At most `limit` teachers' traces, drawn by their hash: the same until some are added."""
        frame = self._frame(
            "select trace_id from trace anti join edited_trace using (trace_id) "
            "order by md5(trace_id) limit $n",
            n=limit,
        )
        ids: list[str] = frame["trace_id"].to_list()
        return ids

    def evidence(self, trace_ids: Sequence[str], student: str | None) -> pl.DataFrame:
        """One row for each of `trace_ids` that is stored, in order of arrival.

        Text, prompt, reference answer, steps; markers under the lexicon in use (null = not marked);
        the student's tokens (null = not scored) and what belief, privilege and hedges say
        (null = not computed, or it could not be, as `…_error` says).
        """
        # Asked for one trace, by a constant, DuckDB reads the lists of few; a join reads them all.
        one = len(trace_ids) == 1
        asked = "= $ids" if one else "in (select unnest($ids::varchar[]))"
        return self._frame(
            f"""
            with family as (
                select * from latest_compatibility
                where student = $student and trace_id {asked}
            ),
            asked_score as (
                select * from latest_score where student = $student and trace_id {asked}
            ),
            asked_marking as (select * from marking where trace_id {asked}),
            counted as (
                select trace_id, lexicon_id, n_words from marker_count where trace_id {asked}
            )
            select t.trace_id, t.text, t.prompt, t.step_start, t.step_end, t.teacher_context,
                coalesce(nullif(trim(t.reference_answer), ''), nullif(trim(p.reference_answer), ''))
                    as reference_answer,
                n.n_words, m.start_char as marker_start, m.end_char as marker_end,
                m.category as marker_category,
                s.error as score_error, s.start_char as token_start, s.end_char as token_end,
                s.logprob_nats, s.entropy_nats,
                b.error as belief_error, b.point_step, b.point_nats,
                g.error as privilege_error, g.privileged_by, g.per_token as privileged_nats,
                g.privilege_gain_per_token_nats,
                h.error as hedges_error, h.per_token as hedge_mass
            from trace t
            join problem p using (problem_id)
            left join counted n on n.trace_id = t.trace_id
            left join asked_marking m on m.trace_id = n.trace_id and m.lexicon_id = n.lexicon_id
            left join asked_score s on s.trace_id = t.trace_id
            left join family b on b.trace_id = t.trace_id and b.family = 'belief'
            left join family g on g.trace_id = t.trace_id and g.family = 'privilege'
            left join family h on h.trace_id = t.trace_id and h.family = 'hedges'
            where t.trace_id {asked}
            order by t.position
            """,
            ids=trace_ids[0] if one else list(trace_ids),
            student=student,
        )

    def last_step_ends(self, trace_ids: Sequence[str]) -> pl.DataFrame:
        """trace_id and where its last step ends (code points): all of it but white space."""
        return self._frame(
            "select trace_id, step_end[-1] as n_chars from trace "
            "where trace_id in (select unnest($ids::varchar[]))",
            ids=list(trace_ids),
        )

    def marker_places(
        self, categories: Sequence[str], trace_ids: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Where the markers of these categories begin: trace_id, start_char, one marker a row.

        `trace_ids` = of these traces alone.
        """
        asked = "" if trace_ids is None else "where trace_id in (select unnest($ids::varchar[]))"
        return self._frame(
            f"""
            select trace_id, start_char from (
                select m.trace_id, unnest(m.start_char) as start_char,
                    unnest(m.category) as category
                from (select * from marking {asked}) m
                join (select trace_id, lexicon_id from marker_count {asked}) n
                    using (trace_id, lexicon_id)
            )
            where list_contains($categories::varchar[], category)
            """,
            categories=list(categories),
            **({} if trace_ids is None else {"ids": list(trace_ids)}),
        )
