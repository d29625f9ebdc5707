"""Disputes and who settled them: the views `adjudication` and `trace_state` say what counts."""

from __future__ import annotations

import polars as pl

from curation.store.deciding import Deciding

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

    def open_disputes(self) -> set[str]:
        """The traces on which people differ and nobody has settled it."""
        return set(self._frame("select trace_id from open_dispute")["trace_id"])
