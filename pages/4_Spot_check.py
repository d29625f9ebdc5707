"""Confidence leakage: does a teacher that saw more hedge less? Matched on the problem."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import streamlit as st

from curation import figures, leakage, ui
from curation.lexicons import mark_pending
from curation.screens import spot_check

LIMITS = (
    "No public study shows that any of these predicts accuracy after training. Markers count use "
    "and mention alike, and numbers depend on the student, its template and the lexicon. "
    "Correctness and domain may differ between contexts: see their shares beside each."
)

AS_THEY_STAND = (
    "teacher_context", "n_traces", "n_problems", "epistemic_per_1k", "epistemic_per_1k_ci",
    "epistemic_mean", "kim_count_mean", "n_tokens_median", "n_words_median", "mean_nll_nats",
    "share_correct",
)  # fmt: skip
MATCHED = (
    "teacher_context", "n_problems_matched", "matched_epistemic_per_1k",
    "matched_epistemic_per_1k_unguided", "suppression", "suppression_ci", "p_value", "raw_fall",
    "length_fall", "density_fall", "length_share", "kim_fall", "reason",
)  # fmt: skip


def rounded(value: Any) -> Any:
    """A number as people read it; what is undefined stays empty."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 3)
    return value


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pl.DataFrame:
    """These columns of the report; an interval stands in one cell."""
    return pl.DataFrame(
        {
            name: [
                " to ".join(str(rounded(bound)) for bound in row[name])
                if isinstance(row[name], list | tuple)
                else rounded(row[name])
                for row in rows
            ]
            for name in columns
        },
        strict=False,
    )


def selected(event: Any) -> list[str]:
    """The trace ids of the points that a person picked."""
    points = event["selection"]["points"]
    return [str(point["customdata"][0]) for point in points if point.get("customdata")]


def behind(room: ui.Room, trace_ids: list[str]) -> None:
    """The traces behind the picked points, as they are."""
    for trace_id in trace_ids[:10]:
        trace = room.store.trace(trace_id)
        with st.container(border=True):
            st.page_link(
                "pages/3_Review.py", label="Open on the desk", query_params={"trace": trace_id}
            )
            st.text(f"{trace.teacher}, {trace.teacher_context}, answer {trace.final_answer}")
            st.code(trace.text[:4000], language=None, wrap_lines=True)


with ui.page("Spot check") as room:
    st.title("Spot check")
    if spot_check.view() == spot_check.SAMPLING:
        spot_check.sampling(room)
        st.stop()
    where = st.text_input(
        "Only traces where", key="spot_where", placeholder="is_correct and domain = 'algebra'",
        help="A DuckDB condition over the columns of trace_overview.",
    )  # fmt: skip
    with st.spinner("Finding the markers of new traces"):
        mark_pending(room.store)
    frame = room.store.list_traces(where or None)
    report = leakage.report(frame)
    st.caption(f"Density is per 1,000 {report.unit}: {report.unit_reason}")
    if room.store.holds_source("written for this project"):
        st.info(ui.DEMO_NOTE, icon=":material/info:")
    rows = report.to_dict()["contexts"]
    st.subheader("By teacher context")
    st.dataframe(table(rows, AS_THEY_STAND), hide_index=True)
    st.subheader("Matched on the problem")
    st.caption(
        "Suppression is 1 − density(context) ÷ density(unguided) over the problems that have both; "
        "the interval is a bootstrap over problems, p a paired sign-flip test. A fall is the "
        "unguided value over the context's; length share is how much of the raw fall is length."
    )
    guided = [row for row in rows if row["teacher_context"] != "unguided"]
    st.dataframe(table(guided, MATCHED), hide_index=True)
    for context, why in report.unmatched.items():
        st.text(f"{context}: {why}")
    st.subheader("Behind the points")
    place, picked = st.container(), list[str]()
    for chart, key in (
        (figures.density_by_context(frame, report.unit), "spot_density"),
        (figures.length_by_context(frame, report.unit), "spot_length"),
        (figures.nll_by_context(frame), "spot_nll"),
    ):
        event = st.plotly_chart(
            chart.figure, alt=chart.alt, key=key, on_select="rerun", selection_mode="points"
        )
        picked += selected(event)
    lines = figures.matched_pairs(leakage.matched_pairs(report), report.unit)
    st.plotly_chart(lines.figure, alt=lines.alt, key="spot_pairs")
    with place:
        if not picked:
            st.text("Pick a point in one of the charts below to read its trace here.")
        behind(room, list(dict.fromkeys(picked)))
    st.caption(LIMITS)
