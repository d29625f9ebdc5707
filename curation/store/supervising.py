"""What the store knows of a trace beyond its verdict that a trainer can learn from."""

from __future__ import annotations

import json

import polars as pl

from curation.records import QUESTION
from curation.store.reading import Reading

_SPAN = ("start", "end", "verdict")
_STEPS: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "decision_id": pl.String(),
    "reviewer": pl.String(),
    "step_start": pl.List(pl.Int32()),
    "step_end": pl.List(pl.Int32()),
    "verdicts": pl.List(pl.Struct(dict.fromkeys(_SPAN, pl.Int64()))),
    "seen": pl.List(pl.List(pl.Int64())),
}


class Supervising(Reading):
    """The part of a store that answers for steps and directives."""

    def export_steps(self, where: str | None = None, question: str = QUESTION) -> pl.DataFrame:
        """Every current decision that judges a step of a trace `where` keeps, oldest first.

        Columns: `export.STEPS_SCHEMA`. Raises FilterError.
        """
        rows = self._filtered(
            """
            select trace_id, decision_id, reviewer, step_start, step_end, said
            from (
                select trace_id, decision_id, reviewer, sequence, extra as said
                from current_decision
                where question = $question and contains(extra, '"steps":')
            ) join trace using (trace_id)
            """,
            where,
            "order by sequence",
            question=question,
        )
        said = []
        for row in rows.iter_rows(named=True):
            extra = json.loads(row.pop("said"))
            row["verdicts"] = [{name: each[name] for name in _SPAN} for each in extra["steps"]]
            row["seen"] = extra.get("steps_seen", [])
            said.append(row)
        return pl.DataFrame(said, schema=_STEPS)

    def export_directives(self, where: str | None = None, question: str = QUESTION) -> pl.DataFrame:
        """What reviewers direct of each trace that `where` keeps, in the order they were given.

        Columns: `export.DIRECTIVES_SCHEMA`; a trace without one has no row. Raises FilterError.
        """
        return self._filtered(
            """
            select trace_id, directives, decision_ids, reviewers from (
                select trace_id, list(directive order by sequence) as directives,
                    list(decision_id order by sequence) as decision_ids,
                    list(reviewer order by sequence) as reviewers
                from current_decision
                where question = $question and trim(directive) <> ''
                group by trace_id
            ) join trace using (trace_id)
            """,
            where,
            "order by position",
            question=question,
        )

    def export_references(self) -> pl.DataFrame:
        """What is known of the answers of all problems. Columns: `export.REFERENCES_SCHEMA`."""
        return self._frame(
            "select problem_id, reference_answer, reference_solution from problem "
            "where reference_answer is not null or reference_solution is not null "
            "order by problem_id"
        )
