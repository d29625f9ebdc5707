"""Lists of traces: all that a filter keeps, in an order, or the first of them.

A row of `trace_overview` joins whatever is stored of a trace, and over a million traces that takes
seconds, whatever the limit. So where a limit is given and no filter, the ids are looked for first,
by the column of the order alone, and the overview is asked of these traces only (`narrowing`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Literal, get_args

import polars as pl

from curation.errors import FilterError
from curation.store.narrowing import narrowed
from curation.store.reading import LISTED, Reading

Order = Literal["arrival", "problem", "nll", "rsr", "length", "hedging", "recent"]
ORDERS: tuple[Order, ...] = get_args(Order)
_ORDER_BY: dict[Order, str] = {
    "arrival": "position",
    "problem": "min(position) over (partition by problem_id), position",
    "nll": "mean_nll_nats desc nulls last, position",
    "rsr": "rsr desc nulls last, position",
    "length": "n_chars desc, position",
    "hedging": "n_epistemic / greatest(n_words, 1) desc nulls last, position",
    "recent": "last_sequence desc nulls last, position",
}
_SCORED = """
    trace t left join latest_score s on s.trace_id = t.trace_id
        and s.student = (select value from setting where name = 'student')
"""
_ORDERED: dict[Order, str] = {
    "arrival": "select trace_id, position from trace",
    "problem": "select trace_id, position, problem_id from trace",
    "nll": f"select t.trace_id, position, mean_nll_nats from {_SCORED}",
    "rsr": f"select t.trace_id, position, rsr from {_SCORED}",
    "length": "select trace_id, position, length(text) as n_chars from trace",
    "hedging": "select t.trace_id, position, n_epistemic, n_words from trace t "
    "left join marker_count m on m.trace_id = t.trace_id",
    "recent": "select t.trace_id, position, last_sequence from trace t "
    "join trace_state using (trace_id)",
}
"""What each order looks at, a row a trace, as the overview has it."""

UNREAD: tuple[str, ...] = tuple(name for name in re.findall(r"\w+", LISTED) if name != "n_chars")
"""What is listed of a trace without reading its text."""

_OF_TRACES = (
    "trace", "decision", "score", "marking", "compatibility", "shortcut", "trace_language",
)  # fmt: skip
"""The tables below the overview that grow with the traces; each says by `trace_id` of which."""


class Listing(Reading):
    """The part of a store that lists traces."""

    def list_traces(
        self,
        where: str | None = None,
        order: str = "arrival",
        limit: int | None = None,
        *,
        with_edits: bool = False,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Traces with their state and scores, one a row, without their texts.

        Those of teachers; `with_edits`, what reviewers' edits made too. `where` is a DuckDB
        condition over the columns of view `trace_overview`. `columns` names those that are wanted
        (None = all that are listed, for which every text is measured). Raises FilterError.
        """
        if order not in ORDERS:
            raise FilterError(f"There is no order {order!r}; they are {', '.join(ORDERS)}.")
        if limit is not None and limit < 0:
            raise FilterError(f"A limit is a whole number of 0 or more, not {limit}.")
        listed = LISTED if columns is None else ", ".join(columns)
        without = "" if with_edits else " anti join edited_trace using (trace_id)"
        if limit is None or (where is not None and where.strip()):
            return self._filtered(
                f"select {listed} from trace_overview{without}",
                where,
                f"order by {_ORDER_BY[order]} limit $limit",
                limit=limit,
            )
        version = self._how_often_changed(), self.n_records()
        return self._remembered(
            ("list", order, limit, with_edits, listed), version,
            lambda: self._first(f"({_ORDERED[order]}){without}", _ORDER_BY[order], limit, listed),
        )  # fmt: skip

    def _first(self, ordered: str, order_by: str, limit: int, listed: str) -> pl.DataFrame:
        first = self._frame(
            f"select trace_id from {ordered} order by {order_by} limit $limit", limit=limit
        )
        return self._overviews(first["trace_id"].to_list(), listed)

    def overviews(
        self, trace_ids: Collection[str], columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """What `list_traces` says of these traces, in the order of `trace_ids`, each once.

        One that is not stored is left out.
        """
        listed = LISTED if columns is None else ", ".join(columns)
        return self._overviews(list(dict.fromkeys(trace_ids)), listed)

    def drawn(self, n_problems: int, where: str | None = None) -> tuple[pl.DataFrame, int]:
        """The traces of `n_problems` (columns `UNREAD`), and of how many problems they were drawn.

        Problems are drawn by their hash, with all of their traces that `where` keeps: the same ones
        as long as no problem is added. In order of arrival. Raises FilterError.
        """
        kept = "trace" if where is None or not where.strip() else "trace_overview"
        problems = self._filtered(
            "select problem_id, count(*) over () as n from (select distinct problem_id "
            f"from {kept} anti join edited_trace using (trace_id)",
            where,
            ") order by md5(problem_id) limit $n_problems",
            n_problems=n_problems,
        )
        ids = self._filtered(
            f"select trace_id from {kept} anti join edited_trace using (trace_id) "
            "semi join (select unnest($ids::varchar[]) as problem_id) using (problem_id)",
            where,
            "order by position",
            ids=problems["problem_id"].to_list(),
        )
        n_all = int(problems["n"][0]) if problems.height else 0
        return self._overviews(ids["trace_id"].to_list(), ", ".join(UNREAD)), n_all

    def _overviews(self, trace_ids: Sequence[str], listed: str) -> pl.DataFrame:
        return self._frame(
            f"{self._of_some} select {listed} from trace_overview "
            "join (select unnest($ids::varchar[]) as trace_id, "
            "generate_subscripts($ids::varchar[], 1) as asked_place) using (trace_id) "
            "order by asked_place",
            ids=list(trace_ids),
        )

    @cached_property
    def _of_some(self) -> str:
        """The overview of the traces `$ids` alone."""
        asked = "trace_id in (select unnest($ids::varchar[]))"
        return narrowed(self._views(), ["trace_overview"], dict.fromkeys(_OF_TRACES, asked))
