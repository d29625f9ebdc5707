"""What an export asks: first which traces there are and what was decided, then what they say.

The first answer holds no text and grows with the traces by some hundred bytes each. Texts are asked
for by position, the order of arrival, because traces lie in the file in that order: a batch of
neighbours is read from one place, whatever the size of the store.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from curation.records import QUESTION
from curation.store.reading import Reading

TEXT_SCHEMA: dict[str, pl.DataType] = {
    "position": pl.Int64(),
    "prompt": pl.String(),
    "text": pl.String(),
}

GAP = 4_096
"""Positions further apart are asked for one by one: two of the vectors that DuckDB reads."""

_EDITS = """
select e.original_trace_id as trace_id, e.trace_id as edited_trace_id,
    x.text_hash as edited_text_hash, x.teacher_context as edited_context,
    x.position as edited_position, e.decision_id as edit_decision_id
from current_edit e join trace x on x.trace_id = e.trace_id
"""
_NO_EDITS = """
select trace_id, trace_id as edited_trace_id, text_hash as edited_text_hash,
    teacher_context as edited_context, position as edited_position, '' as edit_decision_id
from trace where false
"""


class Exporting(Reading):
    """The part of a store that answers an export."""

    def export_rows(self, where: str | None = None, question: str = QUESTION) -> pl.DataFrame:
        """What an export chooses from: every trace of the filter with its state, without its text.

        The trace of the edit that counts comes along (`edited_…`, `edit_decision_id`), null where
        there is none; it has no row of its own. Columns: `export.EXPORT_SCHEMA`, in order of
        arrival. Raises FilterError.
        """
        # What an edit is asks for every decision, so it is asked only where there are edits.
        edits = _EDITS if self._value("select count(*) from decision_edit") else _NO_EDITS
        rows = self._filtered(
            f"""
            select trace_id, problem_id, p.domain, t.teacher, t.teacher_family, t.teacher_context,
                t.text_hash, t.is_correct, t.source, t.licence, st.state, t.position,
                edited_trace_id, edited_text_hash, edited_context, edited_position,
                edit_decision_id
            from trace t
            join problem p using (problem_id)
            join trace_state st using (trace_id)
            left join ({edits}) edited using (trace_id)
            anti join edited_trace using (trace_id)
            """,
            where,
            "",
        ).sort("position")
        # As lists of its own: aggregated and joined in the query they take twice as long.
        said = (
            self._frame(
                "select trace_id, sequence, decision_id as decision_ids, reviewer as reviewers "
                "from current_decision where question = $question",
                question=question,
            )
            .sort("sequence")
            .drop("sequence")
            .group_by("trace_id", maintain_order=True)
            .all()
        )
        nothing = pl.lit([], pl.List(pl.String()))
        return rows.join(said, on="trace_id", how="left", maintain_order="left").with_columns(
            pl.col("decision_ids", "reviewers").fill_null(nothing)
        )

    def export_texts(self, positions: Sequence[int]) -> pl.DataFrame:
        """Prompt and text of the traces at these positions (`TEXT_SCHEMA`), each once, in no order.

        A position that no trace has is left out.
        """
        wanted = np.unique(np.asarray(positions, dtype=np.int64))
        runs = np.split(wanted, np.flatnonzero(np.diff(wanted) > GAP) + 1) if wanted.size else []
        found = [self._texts(run) for run in runs]
        return pl.concat(found) if found else pl.DataFrame(schema=TEXT_SCHEMA)

    def export_prompts(self) -> pl.DataFrame:
        """Each wording of each problem and the position of the first trace that was given it.

        Columns: problem_id, prompt, position.
        """
        return self._frame(
            "select problem_id, prompt, min(position) as position from trace group by all"
        )

    def export_columns(self, columns: Sequence[str]) -> pl.DataFrame:
        """`trace_id` and those of `columns` that `trace_overview` has, for every trace."""
        # Names of columns cannot be parameters; these are the view's own.
        there = [name for name, _ in self.overview_columns() if name in columns]
        named = ", ".join(dict.fromkeys(["trace_id", *there]))
        return self._frame(f"select {named} from trace_overview")

    def _texts(self, run: np.ndarray) -> pl.DataFrame:
        """The texts at ascending positions that lie close together."""
        first, last = int(run[0]), int(run[-1])
        asked = "select position, prompt, text from trace where position between $first and $last"
        # Where most are wanted, all are read: choosing them costs more than the few that are not.
        if 2 * run.size >= last - first + 1:
            found = self._frame(asked, first=first, last=last)
            return found.filter(pl.col("position").is_in(run)) if run.size < found.height else found
        return self._frame(
            f"{asked} and position in (select unnest($run::bigint[]))",
            first=first, last=last, run=run.tolist(),
        )  # fmt: skip
