"""Write a training set by a recipe: what would be in it, how it will be read, then the files."""

from __future__ import annotations

import streamlit as st

from curation import ui
from curation.screens import (
    export_editor,
    export_preview,
    export_reading,
    export_scales,
    export_versions,
    export_writing,
)

with ui.page("Export") as room:
    st.title("Export")
    if not room.store.pulse().traces:
        st.info("The store is empty: there is nothing to export yet.", icon=":material/info:")
        st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
    left, right = st.columns([5, 7], gap="large")
    # What a recipe cannot be is said where its contents would stand.
    with right, ui.boundary():
        with left:
            st.subheader("Recipe")
            draft = export_editor.edit(room)
        plan = export_preview.planned(room, draft.recipe)
        if plan is None:
            export_preview.waiting(room, draft.recipe)
            st.stop()
        # Only the open tab is worked out: the others read texts, load tokenizers and weigh all.
        contents, reading, scales, versions = st.tabs(
            ["What would be in it", "As the trainer reads it", "The scales", "Versions"],
            key="export_tab", on_change="rerun",
        )  # fmt: skip
        if contents.open:
            with contents:
                export_preview.section(plan)
        if reading.open:
            with reading:
                export_reading.section(room, plan)
        if scales.open:
            with scales:
                export_scales.section(room, draft.recipe)
        if versions.open:
            with versions:
                export_versions.section(room, draft)
        export_writing.section(room, draft, plan)
