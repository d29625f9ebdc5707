"""Where reviewers differ, and by how much."""

from __future__ import annotations

import math

import streamlit as st

from curation import agreement, figures, ui


def number(value: float) -> str:
    """A coefficient as people read it."""
    return "–" if math.isnan(value) else f"{value:.2f}"


with ui.page("Agreement") as room:
    st.title("Agreement")
    decisions = room.store.current_decisions()
    result = agreement.between(decisions)
    low, high = result.alpha_ci
    columns = st.columns(4)
    columns[0].metric(
        "Krippendorff's alpha", number(result.alpha), border=True,
        help="Nominal. 1: always agreed; 0: as if by chance. Rely on 0.80 and more.",
    )  # fmt: skip
    columns[1].metric("95 % interval", f"{number(low)} to {number(high)}", border=True)
    columns[2].metric(
        "Cohen's kappa", number(result.kappa), border=True, help="The mean over pairs of reviewers."
    )
    columns[3].metric("Equal pairs", number(result.percent), border=True)
    st.caption(
        f"{result.n_pairable} traces were accepted or rejected by two or more of "
        f"{result.n_reviewers} reviewers; skips and flags are no ratings."
    )
    if result.reason:
        st.info(ui.escaped(result.reason), icon=":material/info:")

    pairs = agreement.pairwise(decisions)
    if pairs:
        st.subheader("Pair by pair")
        st.dataframe([pair._asdict() for pair in pairs], hide_index=True)
        names = [f"{pair.first} and {pair.second}" for pair in pairs]
        chosen = st.selectbox(
            "Reviewers", range(len(pairs)), format_func=lambda i: names[i], key="agreement_pair"
        )
        pair = pairs[chosen]
        table = agreement.confusion(decisions, pair.first, pair.second)
        figure = figures.confusion(table, pair.first, pair.second)
        st.plotly_chart(figure.figure, alt=figure.alt, key="agreement_confusion")

    differing = agreement.disputed(decisions)
    st.subheader("On these they differ")
    if not differing.height:
        st.text("Nowhere, so far.")
    for row in differing.head(50).to_dicts():
        left, right = st.columns([1, 3])
        left.page_link(
            "pages/3_Review.py", label="Open", icon=":material/rate_review:",
            query_params={"trace": row["trace_id"]},
        )  # fmt: skip
        right.text(room.store.trace(row["trace_id"]).prompt[:160])
        right.text(", ".join(row["verdicts"]))
