"""On Home: a person's last decisions, each a link that opens its card to decide anew.

A new verdict is a new record; the old one stays in the store, and the newer one counts.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import streamlit as st

from curation import guidance, ui
from curation.desk.messages import VERDICT_WORDS
from curation.records import CONFIDENCE

ICONS = {"accept": "check", "reject": "close", "skip": "double_arrow", "flag": "flag"}


def section(room: ui.Room) -> None:
    """The last ten decisions, newest first; nothing where there is none."""
    recent = room.store.recent_decisions(room.reviewer)
    if not recent:
        return
    st.subheader("Your last decisions")
    st.caption("Each opens its card. A new verdict there replaces the old one, which stays stored.")
    labels = guidance.labels(room.store)
    for row in recent:
        st.page_link(
            "pages/3_Review.py",
            label=ui.escaped(_told(row, labels)),
            icon=f":material/{ICONS[row['verdict']]}:",
            query_params={"trace": row["trace_id"]},
            help=ui.escaped(_told(row, labels)),
        )


def _told(row: dict[str, Any], labels: dict[str, str]) -> str:
    """One decision on a line: what, why, when, of which trace."""
    why = ", ".join(labels.get(reason, reason) for reason in row["reasons"])
    edit = ", with an edit" if row["edit"] else ""
    said = [VERDICT_WORDS[row["verdict"]][1] + edit + (f" ({why})" if why else "")]
    said += [CONFIDENCE[row["confidence"]]] if row["confidence"] else []
    for name, what in (("steps", "step{} judged"), ("spans", "span{} labelled")):
        n = len(row[name])
        said += [f"{n} {what.format('s' if n > 1 else '')}"] if n else []
    parts = [
        f"#{row['sequence']} {', '.join(said)}",
        f"{row['decided_at'].astimezone(UTC):%d %b %Y, %H:%M} UTC",
        *([f"note: {row['note'][:60]}"] if row["note"] else []),
        # A problem has several traces, often of one teacher: the end of the id tells them apart.
        f"{row['prompt'][:80]} ({row['teacher'][:40]}, trace …{row['trace_id'][-6:]})",
    ]
    return " · ".join(parts)
