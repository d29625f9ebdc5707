"""On the Scores page: how hard each problem is for the student, and which lie at its frontier."""

from __future__ import annotations

import polars as pl
import streamlit as st

from curation import compatibility
from curation.ui import Room

BANDS = {
    "mark": "Frontier", "external_id": "First trace", "domain": "Domain", "n_traces": "Traces",
    "solve_rate": "Solve rate", "majority_share": "Majority share", "band": "Band", "why": "Why",
    "majority_answer": "Majority answer", "class": "Student knows (SliCK-like)",
    "problem_id": "Problem",
}  # fmt: skip


def bands(room: Room, frame: pl.DataFrame) -> None:
    """How hard each problem is, from the traces of one teacher context; the frontier is marked."""
    contexts = frame["teacher_context"].unique().sort().to_list()
    context = st.selectbox("From traces whose teacher saw", contexts, key="bands_context",
                           index=contexts.index("unguided") if "unguided" in contexts else 0,
                           help="Traces that saw the answer make every problem easy.")  # fmt: skip
    traces = frame.filter(pl.col("teacher_context") == context)
    first = traces.unique("problem_id", keep="first").select("problem_id", "external_id", "domain")
    known = room.store.knowledge(room.student).select("problem_id", "class")
    found = compatibility.problem_bands(traces).join(first, on="problem_id")
    found = found.join(known, on="problem_id", how="left")
    off = pl.col("band") != "frontier"
    mark = pl.when(off).then(pl.lit("")).otherwise(pl.lit("◆ frontier"))
    st.dataframe(
        found.with_columns(mark=mark).sort(off, "band", "problem_id").select(*BANDS),
        hide_index=True, placeholder="–", key="bands_table", column_config=BANDS,
        alt="Problems with their solve rate, majority share and difficulty band",
    )  # fmt: skip
