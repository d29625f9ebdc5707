"""What is new among the decisions, for whoever keeps a tally of them in memory."""

from __future__ import annotations

import polars as pl

from curation.records import QUESTION
from curation.store.connection import Connection


class Following(Connection):
    """The part of a store that says what was decided since."""

    def decided_since(self, sequence: int, question: str = QUESTION) -> pl.DataFrame:
        """The records after `sequence`, in order, withdrawals among them.

        Columns: sequence, decision_id, trace_id, reviewer, verdict (null = a withdrawal) and
        withdraws.
        """
        return self._frame(
            "select sequence, decision_id, trace_id, reviewer, verdict, withdraws from decision "
            "where sequence > $sequence and question = $question order by sequence",
            sequence=sequence,
            question=question,
        )

    def n_withdrawn_by(self, reviewer: str) -> int:
        """How many decisions the reviewer has taken back so far."""
        n: int = self._value(
            "select count(*) from decision where reviewer = $reviewer and withdraws is not null",
            reviewer=reviewer,
        )
        return n
