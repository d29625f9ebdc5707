"""Progress: a table of who decided how much, how fast, and what is left of what they were given."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import streamlit as st

from curation import ui

LEAST_DAYS, N_DAYS = 7, 28
HELP = (
    "Decided: traces with a standing verdict of theirs; given and left: of what is assigned to "
    "them; undone: verdicts taken back. Seconds are on the card with idle time left out, over the "
    "decisions that were timed on the desk; the rate is per hour of such time. Speed is no "
    "quality: read it beside agreement and gold. Days are UTC."
)


def section(room: ui.Room) -> None:
    """The table, newest day last in its small plots."""
    rows = room.store.by_person()
    if not rows:
        st.text("Nobody has decided anything yet, and nothing is assigned.")
        st.page_link("pages/3_Review.py", label="Begin to review", icon=":material/rate_review:")
        return
    by_day = room.store.decisions_by_day()
    days = days_until(by_day)
    st.dataframe(
        [
            {
                "Reviewer": row["reviewer"], "Decided": row["n_decided"],
                "By day": counts_on(by_day, row["reviewer"], days),
                "Given": row["n_assigned"], "Left": row["n_left"],
                "Accepted": row["n_accepted"], "Rejected": row["n_rejected"],
                "Flagged": row["n_flagged"], "Skipped": row["n_skipped"],
                "Undone": row["n_undone"], "Median s": row["median_active_s"],
                "P90 s": row["p90_active_s"], "Per hour": row["decisions_per_active_hour"],
                "Last": row["last_at"],
            }
            for row in rows
        ],
        hide_index=True, alt="Progress by person", key="progress_people", placeholder="–",
        column_config={
            "By day": st.column_config.BarChartColumn(
                "By day", y_min=0,
                help=f"Decisions a day from {days[0]} to {days[-1]}" if days else None,
            ),
            **{
                name: st.column_config.NumberColumn(name, format="%.1f")
                for name in ("Median s", "P90 s")
            },
            "Per hour": st.column_config.NumberColumn("Per hour", format="%.0f"),
            "Last": st.column_config.DatetimeColumn("Last", format="YYYY-MM-DD HH:mm"),
        },
    )  # fmt: skip
    st.caption(HELP)


def days_until(by_day: pl.DataFrame) -> list[date]:
    """The days up to the last with a decision, from the first on; `LEAST_DAYS` to `N_DAYS`."""
    if not by_day.height:
        return []
    first, last = (min(by_day["day"]), max(by_day["day"]))
    n = min(max((last - first).days + 1, LEAST_DAYS), N_DAYS)
    return [last - timedelta(days=n - 1 - i) for i in range(n)]


def counts_on(by_day: pl.DataFrame, reviewer: str, days: list[date]) -> list[int]:
    """How many decisions of a person fall on each of the days."""
    mine = dict(by_day.filter(pl.col("reviewer") == reviewer).select("day", "n").iter_rows())
    return [mine.get(day, 0) for day in days]
