"""Judging blind first: its switch on the Review page, and on Agreement what it shows.

The effect is shown where somebody has judged blind first, and in one line where nobody has.
"""

from __future__ import annotations

import streamlit as st

from curation import anchoring, ui

NOT_FOR = (
    "Each pair is one person's verdict on one trace before and after its scores were shown. A "
    "second look alone changes some verdicts, so this bounds the scores' own effect from above; "
    "verdicts that later changed again count as they stood first. Intervals are 95 %, Wilson's."
)


def switch() -> bool:
    """Whether the desk hides scores until the first verdict; it stays in the page's link."""
    return st.sidebar.toggle(
        "Blind first",
        key="blind_first",
        bind="query-params",
        help="Hides scores, heat, markers and belief curve until your first accept or reject of a "
        "card; then you confirm or change it. Both verdicts are kept; the Agreement page compares.",
    )


def section(room: ui.Room) -> None:
    """The anchoring effect: share changed, which way, with n and intervals."""
    found = anchoring.measured(room.store)
    st.subheader("Anchoring: verdicts before and after the scores")
    st.text(found.in_words())
    apart = {
        "without a second one": found.n_unconfirmed,
        "whose second one is a skip or a flag": found.n_left_open,
        "on traces that were not scored yet": found.n_without_scores,
    }
    if any(apart.values()):
        said = ", ".join(f"{n} {which}" for which, n in apart.items() if n)
        st.caption(f"Blind verdicts not counted: {said}.")
    if found.reason:
        st.page_link(
            "pages/3_Review.py", label="Review blind first", icon=":material/visibility_off:",
            query_params={"blind_first": "true"},
        )  # fmt: skip
        return
    rows = {
        "all": found.changed,
        "accepted, then rejected": found.to_reject,
        "rejected, then accepted": found.to_accept,
    }
    st.dataframe(
        [
            {
                "verdicts": name,
                "changed": share.n_changed,
                "of": share.n,
                "share %": 100 * share.share,
                "from %": 100 * share.low,
                "to %": 100 * share.high,
            }
            for name, share in rows.items()
        ],
        hide_index=True,
        placeholder="–",
        key="anchoring_table",
        alt="Verdicts that changed after the scores were shown, with intervals",
        column_config={
            name: st.column_config.NumberColumn(format="%.1f")
            for name in ("share %", "from %", "to %")
        },
    )
    st.caption(NOT_FOR)
