"""What the student thinks of the traces: distributions, and the ones that stand out."""

from __future__ import annotations

import streamlit as st

from curation import figures, ui
from curation.store import ORDERS

with ui.page("Scores") as room:
    st.title("Scores")
    st.caption(
        "Numbers of one student under one convention. None of them is quality: they say how far a "
        "trace lies from what this student would write. Length and teacher stand beside them."
    )
    where = st.text_input(
        "Only traces where", key="scores_where", placeholder="teacher_context = 'unguided'",
        help="A DuckDB condition over the columns of trace_overview.",
    )  # fmt: skip
    order = st.selectbox("Order", ORDERS, index=ORDERS.index("nll"), key="scores_order")
    frame = room.store.list_traces(where or None, order)
    scored = frame.filter(frame["mean_nll_nats"].is_not_null())
    if not scored.height:
        st.info("The student has scored none of these traces yet.", icon=":material/hourglass:")
    else:
        if scored.height < 200:
            st.info(
                f"{scored.height} scored traces: below 200 a ranking by any of these is unstable.",
                icon=":material/info:",
            )
        for chart, key in (
            (figures.nll_by_context(scored), "scores_nll"),
            (figures.length_by_context(scored, "tokens"), "scores_length"),
        ):
            st.plotly_chart(chart.figure, alt=chart.alt, key=key)
        with st.expander("The convention under which these numbers stand"):
            for convention_id in scored["convention_id"].unique().sort():
                st.json(room.store.convention(convention_id))
    columns = [
        "trace_id", "external_id", "teacher", "teacher_family", "teacher_context", "state",
        "is_correct", "n_tokens", "mean_nll_nats", "perplexity", "rsr", "mean_rank",
        "mean_entropy_nats", "n_epistemic", "score_error",
    ]  # fmt: skip
    chosen = st.dataframe(
        frame.select(columns), hide_index=True, key="scores_table", on_select="rerun",
        selection_mode="single-row", alt="Traces with their scores, one a row",
    )  # fmt: skip
    for row in chosen["selection"]["rows"]:
        st.page_link(
            "pages/3_Review.py", label="Review the selected trace", icon=":material/rate_review:",
            query_params={"trace": frame["trace_id"][row]},
        )  # fmt: skip
