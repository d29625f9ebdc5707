"""All that the store knows of each trace, one row a trace, its text aside."""

from __future__ import annotations

import polars as pl

from curation.records import COMPATIBILITY_COLUMNS, PROFILE_COLUMNS, QUESTION
from curation.store.deciding import Deciding
from curation.store.reading import Reading

_FIGURES = ", ".join(
    (*PROFILE_COLUMNS, *(name for names in COMPATIBILITY_COLUMNS.values() for name in names))
)


class Gathering(Reading, Deciding):
    """The part of a store that tells everything."""

    def export_everything(self, where: str | None = None, question: str = QUESTION) -> pl.DataFrame:
        """Every trace of the filter with what is known of it (`export.EVERYTHING_SCHEMA`).

        Scores are those of the student shown, markers those of the lexicons in use, decisions the
        current ones of `question`, oldest first. Edits have no row of their own. Raises
        FilterError.
        """
        rows = self._filtered(
            f"""
            select trace_id, o.reference_answer, p.reference_solution, o.teacher_context_raw,
                t.context_text, o.sample_index, o.final_answer, o.external_id, o.refined_from,
                o.extra, o.n_accept, o.n_reject, o.n_flag, o.n_skip,
                list_transform(list_zip(t.step_start, t.step_end),
                    lambda s: {{'start': s[1], 'end': s[2]}}) as steps,
                o.student, o.convention_id, o.score_error, {_FIGURES}, o.privileged_by,
                o.lexicon_id, o.n_words, o.kim_count,
                list_transform(list_zip(m.start_char, m.end_char, m.category),
                    lambda s: {{'start': s[1], 'end': s[2], 'category': s[3]}}) as markers,
                d.decisions
            from trace_overview o
            join trace t using (trace_id)
            join problem p on p.problem_id = t.problem_id
            left join marking m using (trace_id, lexicon_id)
            left join (
                select trace_id, list({{
                    decision_id: decision_id, reviewer: reviewer, verdict: verdict,
                    decided_at: decided_at, reasons: reasons, note: note, directive: directive,
                    confidence: try_cast(json_extract_string(extra, '$.confidence') as bigint),
                    active_s: active_s, revealed: revealed, queue: queue, origin: origin
                }} order by sequence) as decisions
                from current_decision
                where question = $question
                group by trace_id
            ) d using (trace_id)
            anti join edited_trace using (trace_id)
            """,
            where,
            "order by t.position",
            question=question,
        )
        steps = self.step_verdicts(question).select(
            "trace_id", said=pl.struct("decision_id", "reviewer", "step", "verdict", "start", "end")
        )
        spans = self.span_verdicts(question).select(
            "trace_id", said=pl.struct("decision_id", "reviewer", "start", "end", "label")
        )
        for name, said in (("step_verdicts", steps), ("span_verdicts", spans)):
            of_each = said.group_by("trace_id", maintain_order=True).agg(pl.col("said").alias(name))
            rows = rows.join(of_each, on="trace_id", how="left", maintain_order="left")
        return rows
