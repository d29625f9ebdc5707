"""What the export's scales weigh: numbers of every trace, without a text among them."""

from __future__ import annotations

import polars as pl

from curation.store.reading import Reading


class Weighing(Reading):
    """The part of a store that hands the export its figures."""

    def export_figures(self) -> pl.DataFrame:
        """Every trace, those that edits made too (`is_edit`), one a row, in no order.

        As `export.FIGURE_SCHEMA`: numbers of the student shown and of the lexicons in use, null
        where not known. `privilege_gain_per_token_nats` stands only where the gain is of what the
        teacher saw; `early_answer` is null where nobody looked, or there was no answer to look for.
        """
        return self._frame(
            """
            select t.trace_id, t.problem_id, p.domain, t.teacher, t.teacher_family,
                t.teacher_context, nullif(l.language, 'und') as language, t.is_correct,
                t.final_answer,
                t.ingest_id = 'edit' as is_edit, s.n_tokens::bigint as n_tokens,
                m.n_words::bigint as n_words, m.n_epistemic, m.n_hedge, m.n_reflection,
                m.n_alternative, m.n_verification, m.n_retrospective, m.n_booster,
                m.n_evidential, m.n_privilege, s.mean_nll_nats,
                case when coalesce(g.privileged_by, 'context') = 'context'
                    then g.privilege_gain_per_token_nats end as privilege_gain_per_token_nats,
                case when sc.trace_id is not null and nullif(trim(coalesce(
                        t.final_answer, t.reference_answer, p.reference_answer)), '') is not null
                    then sc.early_answer is not null end as early_answer,
                k.class as knowledge,
                (select value from setting where name = 'student') as student
            from trace t
            join problem p using (problem_id)
            left join marker_count m on m.trace_id = t.trace_id
            left join latest_score s on s.trace_id = t.trace_id and s.error is null
                and s.student = (select value from setting where name = 'student')
            left join latest_compatibility g on g.trace_id = t.trace_id
                and g.family = 'privilege' and g.error is null
                and g.student = (select value from setting where name = 'student')
            left join current_language l on l.trace_id = t.trace_id
            left join current_shortcut sc on sc.trace_id = t.trace_id
            left join latest_knowledge k on k.problem_id = t.problem_id
                and k.student = (select value from setting where name = 'student')
            """
        )

    def export_states(self, where: str | None = None) -> pl.DataFrame:
        """trace_id and state of every trace that the filter keeps; those of edits are left out."""
        return self._filtered(
            "select trace_id, state from trace_overview anti join edited_trace using (trace_id)",
            where,
            "order by trace_id",
        )
