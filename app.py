"""Home: where the curation stands, and what needs a person next."""

from __future__ import annotations

import streamlit as st

from curation import ui
from curation.leakage_tables import DEMO_NOTE, DEMO_TEACHER
from curation.screens import history, warming

with ui.page("Home") as room:
    warming.begin(room, str(room.store.path))
    status = room.store.status()
    st.title("Hedgerow")
    st.caption(
        "Curate reasoning traces for distillation: each trace next to what your student makes of "
        "it and to where the teacher hesitates."
    )
    total, left = status["traces"], status["traces"] - status["decided"]
    for column, (label, value, help_text) in zip(
        st.columns(5),
        [
            ("Problems", status["problems"], "Distinct questions in the store."),
            ("Traces", total, "Teacher traces in the store."),
            ("Scored", status["scored"], "Traces the student in use has read."),
            ("Accepted", status["accepted"], "All who gave a verdict accept."),
            ("Rejected", status["rejected"], "All who gave a verdict reject."),
        ],
        strict=True,
    ):
        column.metric(label, f"{value:,}", help=help_text, border=True)
    if total:
        st.progress(
            status["decided"] / total,
            text=f"{status['decided']:,} of {total:,} traces decided, {left:,} left",
        )

    st.subheader("What to do next")
    if not total:
        st.write("The store is empty. Bring traces in: JSONL, JSON, CSV, Parquet or a dataset.")
        st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
    if left:
        st.page_link(
            "pages/3_Review.py",
            label=f"Review: {left:,} traces wait for a verdict",
            icon=":material/rate_review:",
        )
    if status["disputed"]:
        st.page_link(
            "pages/5_Agreement.py",
            label=f"Settle {status['disputed']:,} traces on which reviewers differ",
            icon=":material/balance:",
        )
    if status["flagged"]:
        st.page_link(
            "pages/3_Review.py",
            label=f"Look again at {status['flagged']:,} flagged traces",
            icon=":material/flag:",
            query_params={"queue": "flagged by me"},
        )
    if status["scored"]:
        st.page_link(
            "pages/4_Spot_check.py",
            label="Spot-check confidence leakage by teacher context",
            icon=":material/troubleshoot:",
        )
    if status["accepted"]:
        st.page_link(
            "pages/6_Export.py",
            label=f"Export a training set from {status['accepted']:,} accepted traces",
            icon=":material/download:",
        )

    history.section(room)
    if room.store.holds_teacher(DEMO_TEACHER):
        st.info(DEMO_NOTE, icon=":material/info:")
