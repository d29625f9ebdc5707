"""Where reviewers differ, and by how much."""

from __future__ import annotations

import streamlit as st

from curation import ui
from curation.screens import agreement, anchoring

with ui.page("Agreement") as room:
    st.title("Agreement")
    agreement.overview(room)
    anchoring.section(room)
