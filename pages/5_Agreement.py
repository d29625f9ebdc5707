"""Where reviewers differ, and by how much; who reads what."""

from __future__ import annotations

import streamlit as st

from curation import ui
from curation.screens import people

with ui.page("Agreement") as room:
    st.title("Agreement")
    people.chosen(room)
