"""How far people agree on steps, on labelled spans, on pairs: three views of the Agreement page."""

from __future__ import annotations

import math

import polars as pl
import streamlit as st

from curation import agreement, ui
from curation.screens.numbers import ends, number

STEPS_HELP = (
    "A step counts where two people judged the same words of the same trace; one that somebody did "
    "not judge is no neutral verdict. The ordinal alpha takes bad, neither, good as an order. "
    "Intervals are 95 %, bootstrap over traces with all their steps."
)
SPANS_HELP = (
    "Alpha: Krippendorff's for unitizing, by the characters that people label alike; 1 = always, "
    "0 = as by chance. F1 = 2 · matched / (spans of one + spans of the other), over each two "
    "readers of a trace, not corrected for chance. Exact: same start, end and label; "
    "overlap: same label and a character in common. Who has never labelled a span is left out. "
    "Intervals are 95 %, bootstrap over traces."
)


CHOICES_HELP = (
    "Of a pair one says that the first trace is better, the second, or neither (a tie); a flag is "
    "no choice. Alpha and kappa take these three as they are, the ordinal alpha takes the tie as "
    "the middle. The best of several counts as a choice on each pair that it settles. Intervals: "
    "95 %, bootstrap over problems with all their pairs. Left chosen: sides are drawn by chance, "
    "and a share far from one half says that the place was chosen and not the text."
)


def metrics(*shown: tuple[str, float, tuple[float, float]]) -> None:
    """Coefficients in a row, each with its interval."""
    with st.container(horizontal=True):
        for name, value, ci in shown:
            with st.container(border=True, width=160):
                st.metric(name, number(value))
                st.caption(f"95 %: {ends(ci)}")


def steps(room: ui.Room) -> None:
    """The coefficients on step verdicts, or how they come about."""
    found = agreement.on_steps(room.store.step_verdicts())
    if not found.n_pairable:
        st.text(
            "No step was judged by two people yet. On the desk, + 0 and - (or g and b) judge the "
            "step one stands on; a second reader judges the same ones."
        )
        return
    metrics(
        ("Alpha", found.alpha, found.alpha_ci),
        ("Alpha, ordinal", found.alpha_ordinal, found.alpha_ordinal_ci),
        ("Equal pairs", found.percent, found.percent_ci),
    )
    st.caption(
        f"{found.n_pairable} steps of {found.n_traces} traces were judged by two or more of "
        f"{found.n_reviewers} people; on {found.n_opposed} one says good and another bad."
    )
    if found.reason:
        st.info(ui.escaped(found.reason), icon=":material/info:")
    st.caption(STEPS_HELP)


def spans(room: ui.Room, decisions: pl.DataFrame) -> None:
    """F1 by label, or how it comes about."""
    found = agreement.on_spans(room.store.span_verdicts(), decisions)
    if not found["n_traces"]:
        st.text(
            "No trace with labelled spans was read by two people who label any. On the desk, s "
            "labels a stretch of the trace."
        )
        return
    rows = [found["all"], *found["by_label"]]
    st.dataframe(
        [
            {
                "Label": row["label"] if row["label"] is not None else "(all)",
                "Spans": row["n_spans"],
                "Alpha": None if math.isnan(row["alpha_u"]) else row["alpha_u"],
                "95 %, alpha": ends(row["alpha_u_ci"]),
                "F1, exact": None if math.isnan(row["exact"]) else row["exact"],
                "95 %, exact": ends(row["exact_ci"]),
                "F1, overlap": None if math.isnan(row["overlap"]) else row["overlap"],
                "95 %, overlap": ends(row["overlap_ci"]),
            }
            for row in rows
        ],
        hide_index=True, alt="Agreement on labelled spans, by label", key="agreement_spans",
        column_config={
            name: st.column_config.NumberColumn(name, format="%.2f")
            for name in ("Alpha", "F1, exact", "F1, overlap")
        },
    )  # fmt: skip
    st.caption(f"On {found['n_traces']} traces, {found['n_reviewers']} people. {SPANS_HELP}")
    if found["reason"]:
        st.info(ui.escaped(found["reason"]), icon=":material/info:")


def choices(room: ui.Room) -> None:
    """The coefficients on pairs of traces, each two people, or how they come about."""
    said = room.store.pairs()
    found = agreement.on_choices(said)
    if not found.n_pairable:
        st.text(
            "No pair was decided by two people yet. On Compare everybody gets the same pairs under "
            "one seed, in an order and with sides of their own."
        )
        st.page_link("pages/8_Compare.py", label="Compare pairs", icon=":material/compare_arrows:")
        return
    metrics(
        ("Alpha", found.alpha, found.alpha_ci),
        ("Alpha, ordinal", found.alpha_ordinal, found.alpha_ordinal_ci),
        ("Cohen's kappa", found.kappa, found.kappa_ci),
        ("Equal choices", found.percent, found.percent_ci),
        ("Left chosen", found.left, found.left_ci),
    )
    st.caption(
        f"{found.n_pairable} pairs of {found.n_problems} problems were decided by two or more of "
        f"{found.n_reviewers} people; on {found.n_opposed} they chose opposite sides. "
        f"{100 * found.ties:.0f} % of all choices are ties."
    )
    if found.reason:
        st.info(ui.escaped(found.reason), icon=":material/info:")
    st.dataframe(
        [
            {
                "First": pair.first, "Second": pair.second, "Shared": pair.n_both,
                "Equal": f"{100 * pair.percent:.0f} %",
                "Kappa": None if math.isnan(pair.kappa) else pair.kappa,
            }
            for pair in agreement.pairwise_choices(said)
        ],
        hide_index=True, placeholder="–", alt="Each two people on pairs", key="agreement_choices",
        column_config={"Kappa": st.column_config.NumberColumn("Kappa", format="%.2f")},
    )  # fmt: skip
    st.caption(CHOICES_HELP)
