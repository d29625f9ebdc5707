"""What the student can absorb of the traces: scores side by side, and the ones that stand out."""

from __future__ import annotations

import json

import polars as pl
import streamlit as st

from curation import compatibility, figures, queues, ui
from curation.compatibility import ScoreWords
from curation.screens import bulk, numbers
from curation.screens.difficulty import bands
from curation.screens.scorer import scorer
from curation.store import ORDERS, UNREAD

# Length and the teacher's family stand beside every score, however far one scrolls.
PINNED = {"external_id": "Id in the source", "teacher_family": "Family", "n_tokens": "Tokens"}
BESIDE = {"teacher": "Teacher", "teacher_context": "Teacher saw", "is_correct": "Correct",
          "state": "State"}  # fmt: skip
ORDER_WORDS = {"arrival": "as they came", "nll": "mean NLL", "rsr": "RSR", "hedging": "hedging",
               "recent": "last decided"}  # fmt: skip


def table(room: ui.Room, frame: pl.DataFrame, known: list[ScoreWords]) -> None:
    """Every trace with its numbers under the catalogue's titles; a row leads to the desk."""
    scores = [words.column for words in known if words.column != "n_tokens"]
    chosen = st.dataframe(
        frame.select(*PINNED, *BESIDE, *scores, "score_error", "trace_id"),
        hide_index=True, placeholder="–",
        key="scores_table", on_select="rerun", selection_mode="single-row",
        alt="Traces with their scores, one a row",
        column_config={
            **{name: st.column_config.Column(title, pinned=True) for name, title in PINNED.items()},
            **BESIDE, "score_error": "Why not scored", "trace_id": "Trace",
            **{w.column: st.column_config.NumberColumn(f"{w.title} ({w.unit})", help=w.says,
                                                       format="%.3f")
               for w in known if w.column != "n_tokens"},
        },
    )  # fmt: skip
    for row in chosen["selection"]["rows"]:
        st.page_link(
            "pages/3_Review.py", label="Review the selected trace", icon=":material/rate_review:",
            query_params={"trace": frame["trace_id"][row]},
        )  # fmt: skip
    ui.words(known)
    ui.conventions(room, frame)


def comparison(room: ui.Room, frame: pl.DataFrame, known: list[ScoreWords]) -> None:
    """Two scores against each other with length held; what is picked goes to the desk."""
    one, two, three = st.columns(3)
    names = [words.column for words in known]
    first, second = (names.index(n) if n in names else 0 for n in ("mean_nll_nats", "rsr"))
    x = one.selectbox("Across", known, first, format_func=lambda w: w.title, key="compare_x")
    y = two.selectbox("Up", known, second, format_func=lambda w: w.title, key="compare_y")
    by = three.selectbox("Coloured by", ["teacher_context", "teacher"], key="compare_by",
                         format_func=lambda name: BESIDE[name])  # fmt: skip
    chart = figures.score_scatter(
        frame, x.column, y.column, f"{x.title} ({x.unit})", f"{y.title} ({y.unit})", by
    )
    picked = st.plotly_chart(
        chart.figure, alt=chart.alt, key="compare_chart", on_select="rerun",
        selection_mode=("points", "box", "lasso"),
    )  # fmt: skip
    ids = list(dict.fromkeys(p["customdata"][0] for p in picked["selection"]["points"]))
    if st.button(f"Review these {len(ids)}" if ids else "Review these", key="compare_review",
                 disabled=not ids, help="Draw a box or a lasso around points first."):  # fmt: skip
        name = queues.selection_id(ids)
        room.store.set_setting(f"selection/{name}", json.dumps(ids))
        st.switch_page("pages/3_Review.py", query_params={"queue": "selection", "selection": name})
    ui.compared(room, frame, x.column, y.column)


with ui.page("Scores") as room:
    st.title("Scores")
    st.caption("Numbers of one student under one convention. None of them is quality: they say how "
               "a trace looks to this student.")  # fmt: skip
    with st.expander("What the student computes", icon=":material/tune:", expanded=True):
        scorer(room, room.store.lengths())
    left, right = st.columns([3, 1])
    where = left.text_input("Only traces where", key="scores_where", help=ui.FILTER_HELP,
                            placeholder="teacher_context = 'unguided'")  # fmt: skip
    order = right.selectbox("Order", ORDERS, index=ORDERS.index("nll"), key="scores_order",
                            format_func=lambda name: ORDER_WORDS.get(name, name))  # fmt: skip
    frame = room.store.list_traces(where or None, order, numbers.SHOWN + 1, columns=UNREAD)
    is_cut = frame.height > numbers.SHOWN
    if is_cut:
        frame = frame.head(numbers.SHOWN)
        st.caption(f"These are the first {numbers.SHOWN:,} traces in this order; a condition above "
                   "shows others.")  # fmt: skip
    known = [words for words in compatibility.SCORES
             if words.column in frame.columns and frame[words.column].count()]  # fmt: skip
    scored = frame.filter(pl.col("mean_nll_nats").is_not_null())
    if frame.height and not scored.height:
        st.info("The student has scored none of these traces yet.", icon=":material/hourglass:")
    elif scored.height and (warning := compatibility.too_few(scored.height)):
        st.info(warning, icon=":material/info:")
    views = st.tabs(
        ["Traces", "Compare two scores", "Difficulty of problems", "Decide many"],
        key="scores_tab", on_change="rerun",
    )  # fmt: skip
    # Of a long list only the open tab is worked out.
    is_open = [not is_cut or bool(view.open) for view in views]
    if is_open[0]:
        with views[0]:
            table(room, frame, known)
    if is_open[3]:
        with views[3]:
            bulk.section(room, where or None)
    if scored.height and is_open[1]:
        with views[1]:
            comparison(room, scored, known)
    if scored.height and is_open[2]:
        with views[2]:
            # A problem's band is of all its traces, not of those that are shown.
            if not is_cut or st.toggle("Reckon all problems", key="bands_all",
                                       help="Takes its time over so many traces."):  # fmt: skip
                bands(room, room.store.list_traces(where or None, order) if is_cut else frame)
