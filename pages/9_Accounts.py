"""Who may come in, with which role; and what was done, by whom and from where."""

from __future__ import annotations

import streamlit as st

from curation import ui
from curation.screens import accounts

with ui.page("Accounts") as room:
    st.title("Accounts")
    accounts.chosen(room)
