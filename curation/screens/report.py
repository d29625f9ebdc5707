"""The report to send: build it from the traces of a filter, look at it, take it along.

What stands in it is `leakage_report`'s; here it is shown and handed over. It is built when asked
for and kept nowhere, so that what is downloaded is of the store as it was at that moment. The
preview shows Markdown as its source and figures as images: nothing in them is interpreted.
"""

from __future__ import annotations

import streamlit as st

from curation import leakage_report, reporting, ui
from curation.lexicons import mark_pending


def section(room: ui.Room) -> None:
    """Filter, the button that builds, then preview and downloads."""
    st.caption(
        "Tables, figures, spot checks, limits and the commands to repeat it, for a colleague who "
        "has neither the store nor the app. Beginnings of prompts and the names of teachers and "
        "judges are in it; the traces are not."
    )
    with st.form("report", border=False):
        where = st.text_input(
            "Only traces where", key="report_where",
            placeholder="is_correct and domain = 'algebra'", help=ui.FILTER_HELP,
        )  # fmt: skip
        asked = st.form_submit_button("Build the report", icon=":material/description:")
    if not asked:
        return
    with st.spinner("Building the report"):
        mark_pending(room.store)
        frame = room.store.list_traces(where or None)
        found = leakage_report.document(
            room.store, frame, where or None, dated=leakage_report.now()
        )
        files = reporting.files_of(found)
    whole, page, _ = st.columns([2, 2, 3])
    whole.download_button(
        "Download all (zip)", reporting.zipped(files, "leakage-report"), "leakage-report.zip",
        "application/zip", key="report_zip", on_click="ignore", icon=":material/folder_zip:",
    )  # fmt: skip
    page.download_button(
        "Download HTML", files["report.html"], "leakage-report.html", "text/html",
        key="report_html", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    st.caption(
        "The zip holds the HTML, the Markdown and its figures. The HTML alone is whole: it opens "
        "offline, and printing makes a PDF of it."
    )
    text, drawn = st.tabs(["Text", "Figures"])
    text.code(files["report.md"].decode(), language=None, wrap_lines=True, height=600)
    for figure in found.figures():
        drawn.image(
            files[f"figures/{figure.name}.svg"].decode(), caption=ui.escaped(figure.alt), width=760
        )
