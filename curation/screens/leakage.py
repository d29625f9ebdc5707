"""The overview of confidence leakage: by context and teacher, matched, and what confounds it.

Numbers come from `leak_signs.report`, as the command's and the sent report's do; here they are put
in tables and charts. The traces behind every point are one click away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl
import streamlit as st

from curation import figures, leak_signs, leakage, ui
from curation.leakage import Context, Estimate, Report
from curation.leakage_tables import (
    DEMO_NOTE,
    DEMO_TEACHER,
    GAIN_HELP,
    LIMITS,
    METHOD,
    sentences,
)
from curation.lexicons import mark_pending
from curation.records import EPISTEMIC
from curation.screens import functions
from curation.store import Store
from curation.store.reading import Pulse

AT_ONCE = 10_000
"""Traces of a store that are all reckoned with whenever the page opens."""
DRAWN = 500
"""Problems that stand for all where there are more traces, until somebody asks for all."""


def overview(room: ui.Room) -> None:
    """The whole overview: filter, tables, charts, confounding, the traces behind the points."""
    where = st.text_input(
        "Only traces where", key="spot_where", placeholder="is_correct and domain = 'algebra'",
        help=ui.FILTER_HELP,
    )  # fmt: skip
    with st.spinner("Finding the markers of new traces"):
        mark(room)
    found, is_drawn = _traces(room, where or None)
    frame = found.frame
    if not frame.height:
        st.info(
            "No trace fits this condition." if where else "There are no traces yet.",
            icon=":material/info:",
        )
        if not where:
            st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
        return
    report = found.report
    st.caption(f"Density is per 1,000 {report.unit}: {report.unit_reason}")
    st.text("\n".join(sentences(report)))
    if DEMO_TEACHER in set(frame["teacher"]):
        st.info(DEMO_NOTE, icon=":material/info:")
    _as_they_stand(report)
    _matched(report)
    _confounding(report)
    functions.section(room, frame, is_asked=is_drawn)
    _charts(room, found)
    st.caption(LIMITS)


class Reckoning:
    """What is reckoned from traces at one moment, when it is asked for; nobody changes it."""

    def __init__(self, store: Store, frame: pl.DataFrame, n_problems: int) -> None:
        self._store, self.frame, self.n_problems = store, frame, n_problems
        """Of which the traces are, or were drawn."""

    @cached_property
    def report(self) -> Report:
        """The report on them."""
        return leak_signs.report(self._store, self.frame)

    @cached_property
    def pairs(self) -> tuple[figures.Chart, dict[str, list[str]]]:
        """The chart of problems, and the traces of each."""
        pairs = leakage.matched_pairs(self.report)
        of_problem: dict[str, list[str]] = {}
        for problem, ids in pairs.select("problem_id", "trace_ids").iter_rows():
            of_problem.setdefault(problem, []).extend(ids)
        return figures.matched_pairs(pairs, self.report.unit), of_problem

    @cached_property
    def charts(self) -> dict[str, figures.Chart]:
        """The other charts: density, nll, length, places, categories."""
        frame, unit = self.frame, self.report.unit
        return {
            "density": figures.density_by_context(frame, unit),
            "nll": figures.nll_by_context(frame),
            "length": figures.length_by_context(frame, unit),
            "places": figures.marker_places(_places(self._store, frame)),
            "categories": figures.category_profile(_profile(self.report), unit),
        }


def mark(room: ui.Room) -> None:
    """Find the markers of traces that have none, where anything was stored since."""
    _mark(room, (str(room.store.path), room.store.pulse()))


@st.cache_resource(max_entries=4, show_spinner=False)
def _mark(_room: ui.Room, version: object) -> None:
    mark_pending(_room.store)


def _traces(room: ui.Room, where: str | None) -> tuple[Reckoning, bool]:
    """The traces that are reckoned with, and whether they are of drawn problems only."""
    if room.store.pulse().traces <= AT_ONCE:
        return reckoned(room, where), False
    if st.toggle("Reckon all problems", key="spot_all", help="Takes minutes over a million."):
        with st.spinner("Reading what is known of all traces"):
            return Reckoning(room.store, room.store.list_traces(where), 0), False
    found = reckoned(room, where)
    is_drawn = found.n_problems > DRAWN
    if is_drawn:
        st.info(
            f"An estimate: reckoned from {DRAWN:,} of {found.n_problems:,} problems, drawn by "
            "their hash, with all their traces. The intervals say what others would have given.",
            icon=":material/casino:",
        )
    return found, is_drawn


def reckoned(room: ui.Room, where: str | None) -> Reckoning:
    """Reckoned from all traces, or of many from drawn problems; once for what is stored.

    Raises FilterError.
    """
    store = room.store
    return _reckoned(store, str(store.path), where, store.pulse(), store.n_records())


@st.cache_resource(max_entries=4, show_spinner=False)
def _reckoned(_store: Store, path: str, where: str | None, pulse: Pulse, n: int) -> Reckoning:
    if pulse.traces > AT_ONCE:
        return Reckoning(_store, *_store.drawn(DRAWN, where))
    return Reckoning(_store, _store.list_traces(where), 0)


def _as_they_stand(report: Report) -> None:
    per_1k = f"Markers per 1,000 {report.unit}"
    st.subheader("As they stand")
    by_context, by_teacher = st.tabs(["By teacher context", "By teacher"])
    _table(
        by_context,
        [
            {
                "Context": c.teacher_context, "Traces": c.n_traces, "Problems": c.n_problems,
                per_1k: c.epistemic_per_1k,
                "95 % interval": _ends(c.epistemic_per_1k_ci, c.epistemic_per_1k_why),
                "Kim count, mean": c.kim_count_mean, "Tokens, mean": c.n_tokens_mean,
                "Words, mean": c.n_words_mean, "Mean NLL (nats/token)": c.mean_nll_nats,
                "Correct": c.share_correct,
            }
            for c in report.contexts
        ],
    )  # fmt: skip
    _table(
        by_teacher,
        [
            {
                "Teacher": row.teacher, "Context": row.teacher_context, "Traces": row.n_traces,
                "Problems": row.n_problems, per_1k: row.epistemic_per_1k.value,
                "95 % interval": _ends(row.epistemic_per_1k.ci, row.epistemic_per_1k.why),
                "Kim count, mean": row.kim_count_mean, "Words, mean": row.n_words_mean,
                "Correct": row.share_correct,
            }
            for row in report.teachers
        ],
    )  # fmt: skip


def _matched(report: Report) -> None:
    st.subheader("Matched on the problem")
    st.caption(METHOD)
    contexts = _compared(report)
    if not contexts:
        st.info(
            "Nothing is matched: no problem has traces both unguided and under another context."
        )
    _table(
        st,
        [
            {
                "Context": c.teacher_context, "Problems": c.matched.n_problems,
                f"Per 1,000 {report.unit}": c.matched.epistemic_per_1k,
                "Unguided": c.matched.epistemic_per_1k_unguided,
                "Suppression": c.matched.suppression,
                "95 % interval": _ends(c.matched.suppression_ci, c.matched.reason),
                "p": c.matched.p_value, "p (Holm)": c.matched.p_holm,
                "Raw fall": c.matched.raw_fall, "Length fall": c.matched.length_fall,
                "Density fall": c.matched.density_fall, "Length share": c.matched.length_share,
                "Kim fall": c.matched.kim_fall,
            }
            for c in contexts
        ],
    )  # fmt: skip
    _table(
        st,
        [
            {
                "Context": c.teacher_context,
                "Kim count, difference": _told(c.matched.kim_difference),
                f"Length, difference ({report.unit})": _told(c.matched.length_difference),
                "Mean NLL, difference (nats/token)": _told(c.matched.nll_difference_nats),
                "Privilege gain (nats/token)": _told(c.matched.privilege_gain_per_token_nats),
                "Privilege gain (nats/trace)": _told(c.matched.privilege_gain_nats),
                "Gain on hedges − elsewhere (nats/token)": _told(
                    c.matched.hedge_privilege_gain_nats
                ),
            }
            for c in contexts
        ],
    )  # fmt: skip
    if contexts:
        st.caption(f"Differences are context minus unguided. {GAIN_HELP}")
    for context in report.contexts:
        if context.unmatched is not None:
            name = context.teacher_context
            with st.container(border=True):
                st.text(f"Unmatched: {name}. {report.unmatched[name].capitalize()}.")
                st.text(
                    "Over different problems, where teachers and domains may differ too, so no "
                    f"comparison of contexts: suppression {_told(context.unmatched)}"
                )


def _confounding(report: Report) -> None:
    contexts = _compared(report)
    if not contexts:
        return
    st.subheader("What else differs")
    for context in contexts:
        for warning in context.matched.warnings:
            st.warning(
                ui.escaped(f"{context.teacher_context}: {warning}"), icon=":material/balance:"
            )
    _table(
        st,
        [
            {
                "Context": c.teacher_context, "Matched on": c.matched.matched_on,
                "Correct": c.matched.share_correct,
                "Correct, unguided": c.matched.share_correct_unguided,
                "Suppression, both correct": _told(c.matched.both_correct),
                "Problems, both correct": c.matched.both_correct.n_problems,
                "Suppression without one domain": _range(c),
            }
            for c in contexts
        ],
    )  # fmt: skip
    with st.expander("By domain"):
        _table(
            st,
            [
                {
                    "Context": c.teacher_context, "Domain": row.domain, "Problems": row.n_problems,
                    "Suppression": row.suppression.value,
                    "95 % interval": _ends(row.suppression.ci, row.suppression.why),
                }
                for c in contexts
                for row in c.matched.by_domain
            ],
        )  # fmt: skip


def _charts(room: ui.Room, found: Reckoning) -> None:
    st.subheader("Behind the points")
    place = st.container()
    lines, of_problem = found.pairs
    charts = found.charts
    picked = [i for problem in _picked(lines, "spot_pairs") for i in of_problem.get(problem, [])]
    left, right = st.columns(2)
    with left:
        picked += _picked(charts["density"], "spot_density")
        picked += _picked(charts["nll"], "spot_nll")
    with right:
        picked += _picked(charts["length"], "spot_length")
        _show(charts["places"], "spot_places")
    _show(charts["categories"], "spot_categories")
    st.caption("The intervals by category are not adjusted for being eight.")
    with place:
        if not picked:
            st.text("Pick a point in one of the charts below to read its traces here.")
        behind(room, list(dict.fromkeys(picked)))


def behind(room: ui.Room, trace_ids: Sequence[str]) -> None:
    """The traces behind picked points, as they are."""
    for trace_id in trace_ids[:10]:
        trace = room.store.trace(trace_id)
        with st.container(border=True):
            st.page_link(
                "pages/3_Review.py", label="Open on the desk", icon=":material/rate_review:",
                query_params={"trace": trace_id},
            )  # fmt: skip
            st.text(f"{trace.teacher}, {trace.teacher_context}, answer {trace.final_answer}")
            st.code(trace.text[:4000], language=None, wrap_lines=True)
    if len(trace_ids) > 10:
        st.text(f"… and {len(trace_ids) - 10} more; pick fewer points to read those.")


def _places(store: Store, frame: pl.DataFrame) -> pl.DataFrame:
    """Where the epistemic markers of these traces stand."""
    ids = frame["trace_id"].to_list()
    markers = store.marker_places(list(EPISTEMIC), ids)
    if "n_chars" not in frame.columns:  # of drawn traces no text is read
        frame = frame.join(store.last_step_ends(ids), on="trace_id")
    return leakage.marker_places(
        markers.join(
            frame.select("trace_id", "teacher_context", "n_chars"), on="trace_id", how="inner"
        )
    )


def _profile(report: Report) -> pl.DataFrame:
    rows = [
        {
            "teacher_context": c.teacher_context, "category": category,
            "difference": _finite(part.difference.value), "low": _finite(part.difference.ci[0]),
            "high": _finite(part.difference.ci[1]),
        }
        for c in _compared(report)
        for category, part in c.matched.profile.items()
    ]  # fmt: skip
    schema = {
        "teacher_context": pl.String(), "category": pl.String(), "difference": pl.Float64(),
        "low": pl.Float64(), "high": pl.Float64(),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _compared(report: Report) -> list[Context]:
    return [context for context in report.contexts if context.matched.n_problems]


def _picked(chart: figures.Chart, key: str) -> list[str]:
    """Draw a chart that can be clicked; what the picked points are of."""
    event: Any = st.plotly_chart(
        chart.figure, alt=chart.alt, key=key, on_select="rerun", selection_mode="points"
    )
    points = event["selection"]["points"]
    return [str(point["customdata"][0]) for point in points if point.get("customdata")]


def _show(chart: figures.Chart, key: str) -> None:
    st.plotly_chart(chart.figure, alt=chart.alt, key=key)


def _table(place: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows under plain labels; shares as percent, what is undefined empty."""
    shown = [{name: _finite(value) for name, value in row.items()} for row in rows]
    if not shown:
        return
    columns = {}
    for name in shown[0]:
        if name.startswith("Correct"):
            columns[name] = st.column_config.NumberColumn(name, format="percent")
        elif any(isinstance(row[name], float) for row in shown):
            columns[name] = st.column_config.NumberColumn(name, format="%.3f")
    place.dataframe(
        pl.DataFrame(shown, strict=False, infer_schema_length=None), hide_index=True,
        column_config=columns,
    )  # fmt: skip


def _told(found: Estimate) -> str:
    """A value with its interval, or with why there is none."""
    if not math.isfinite(found.value):
        return f"– ({found.why})"
    return f"{found.value:.3f} ({_ends(found.ci, found.why)})".replace("-", "−")


def _ends(ci: tuple[float, float], why: str | None) -> str:
    if not math.isfinite(ci[0]):
        return why or "–"
    return f"{ci[0]:.3f} to {ci[1]:.3f}".replace("-", "−")


def _range(context: Context) -> str:
    apart = context.matched.without_one_domain
    if apart is None:
        return "one domain only"
    return (
        f"{apart.low:.3f} (without {apart.low_without}) to {apart.high:.3f} "
        f"(without {apart.high_without})"
    )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
