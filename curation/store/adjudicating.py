"""Disputes and who settled them: the views `adjudication` and `trace_state` say what counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from curation.records import QUESTION
from curation.store.deciding import SAID_NOW, Deciding
from curation.store.narrowing import narrowed

QUEUE = "needs adjudication"
"""The queue whose verdicts are adjudications (`decision.queue`); the view names it too."""


class _Shared(NamedTuple):
    """What `shared_readings` knew of the first `upto` records, which never change."""

    upto: int
    readings: pl.DataFrame
    alone: Counter[str]


class Adjudicating(Deciding):
    """The part of a store that tells readings from adjudications."""

    _shared: _Shared | None = None

    def adjudications(self) -> pl.DataFrame:
        """What adjudicators say now: decision_id, sequence, trace_id, reviewer, verdict."""
        return self._frame("select * from adjudication order by sequence")

    def readings(self) -> pl.DataFrame:
        """`current_decisions` without adjudications: what agreement is measured on.

        Who adjudicates knows that others differ, and sees disputed traces alone.
        """
        return self.current_decisions().join(self.adjudications(), on="decision_id", how="anti")

    def shared_readings(self) -> tuple[pl.DataFrame, dict[str, int]]:
        """The `readings` of traces of which several people said something, and the rest counted.

        The rest: of how many traces a reviewer alone said accept or reject, by name. Most traces of
        a large store have one reader, and say nothing of agreement. Of many decisions those are
        read that came since it was asked last, with all that was said of their traces.
        """
        upto: int = self._value("select coalesce(max(sequence), 0) from decision")
        held = self._shared
        if held is None:
            held = self._shared_of(None, upto)
        elif held.upto < upto:
            touched = self._frame(
                "select distinct trace_id from decision "
                "where sequence > $since and sequence <= $upto and question = $question",
                since=held.upto, upto=upto, question=QUESTION,
            )["trace_id"]  # fmt: skip
            before, after = (self._shared_of(touched, at) for at in (held.upto, upto))
            alone = Counter(held.alone)
            alone.subtract(before.alone)
            alone.update(after.alone)
            rest = held.readings.filter(~pl.col("trace_id").is_in(touched.implode()))
            held = _Shared(upto, pl.concat([rest, after.readings]).sort("sequence"), alone)
        self._shared = held
        return held.readings, {name: n for name, n in sorted(held.alone.items()) if n}

    def _shared_of(self, touched: pl.Series | None, upto: int) -> _Shared:
        """The same of the traces `touched` (None = all), as the first `upto` records have it."""
        among = "true" if touched is None else "trace_id in (select unnest($touched::varchar[]))"
        of_these: dict[str, Any] = {} if touched is None else {"touched": touched.to_list()}
        heard = f"sequence <= $upto and {among}"
        live = narrowed(self._views(), ["live_decision"], {"decision": heard})
        told = self._frame(
            f"""
            {live}, told as materialized (
                select trace_id, min(reviewer) as reviewer, arg_max(verdict, sequence) as verdict,
                    min(reviewer) <> max(reviewer)
                        or bool_or(coalesce(queue = $adjudication, false)) as is_shared
                from live_decision where question = $question group by trace_id
            )
            select trace_id, null as reviewer, null as n from told where is_shared
            union all
            select null, reviewer, count(*) from told
            where not is_shared and verdict in ('accept', 'reject') group by reviewer
            """,
            adjudication=QUEUE, question=QUESTION, upto=upto, **of_these,
        )  # fmt: skip
        alone = told.drop_nulls("reviewer").select("reviewer", "n")
        some = narrowed(
            self._views(),
            ["current_decision", "adjudication"],
            {"decision": "sequence <= $upto and trace_id in (select unnest($ids::varchar[]))"},
        )
        readings = self._frame(
            f"{some} {SAID_NOW} anti join adjudication a on a.decision_id = d.decision_id "
            "where d.question = $question order by d.sequence",
            question=QUESTION, upto=upto, ids=told["trace_id"].drop_nulls().to_list(),
        )  # fmt: skip
        return _Shared(upto, readings, Counter(dict(alone.iter_rows())))

    def open_disputes(self, among: Sequence[str]) -> set[str]:
        """Those of these traces on which people differ and nobody has settled it."""
        some = narrowed(
            self._views(),
            ["open_dispute"],
            dict.fromkeys(("trace", "decision"), "trace_id in (select unnest($ids::varchar[]))"),
        )
        return set(self._frame(f"{some} select trace_id from open_dispute", ids=among)["trace_id"])
