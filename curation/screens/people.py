"""The Agreement page's views: how far people agree, and the work that is given to them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from curation import ui
from curation.screens import agreement, anchoring, assign, gold, progress


def _agreement(room: ui.Room) -> None:
    agreement.overview(room)
    anchoring.section(room)


VIEWS: dict[str, Callable[[ui.Room], None]] = {
    "Agreement": _agreement,
    "Progress": progress.section,
    "Assign": assign.section,
    "Gold": gold.section,
}


def chosen(room: ui.Room) -> None:
    """The view that is chosen; its name stands in the link."""
    view = st.segmented_control(
        "View", list(VIEWS), default="Agreement", key="view", required=True, bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    VIEWS[view or "Agreement"](room)
