"""Confidence leakage: does a teacher that saw more hedge less? And how many traces leak?"""

from __future__ import annotations

import streamlit as st

from curation import ui
from curation.screens import leakage, report, spot_check

with ui.page("Spot check") as room:
    st.title("Spot check")
    view = spot_check.view()
    if view == spot_check.SAMPLING:
        spot_check.sampling(room)
    elif view == spot_check.REPORT:
        report.section(room)
    else:
        leakage.overview(room)
