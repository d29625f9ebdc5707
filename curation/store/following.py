"""What is new among the decisions, for whoever keeps a tally of them in memory."""

from __future__ import annotations

from typing import Any

from curation.records import QUESTION
from curation.store.connection import Connection


class Following(Connection):
    """The part of a store that says what was decided since."""

    def decided_since(self, sequence: int, question: str = QUESTION) -> list[dict[str, Any]]:
        """The records after `sequence`, in order, withdrawals among them.

        Keys: sequence, decision_id, trace_id, reviewer, verdict (None = a withdrawal), withdraws.
        """
        return self._frame(
            "select sequence, decision_id, trace_id, reviewer, verdict, withdraws from decision "
            "where sequence > $sequence and question = $question order by sequence",
            sequence=sequence,
            question=question,
        ).to_dicts()
