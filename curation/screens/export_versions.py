"""Saving the recipe on the Export page, and what it says otherwise than a saved version."""

from __future__ import annotations

import streamlit as st

from curation import export_recipes, ui
from curation.errors import CurationError
from curation.screens.export_editor import OPENED, SAID, Draft


def section(room: ui.Room, draft: Draft) -> None:
    """Save the draft under a name; compare it with any version."""
    kind, said = st.session_state.pop(SAID, (None, ""))
    if kind == "error":
        st.error(ui.escaped(said), icon=":material/error:")
    elif kind == "success":
        st.success(ui.escaped(said), icon=":material/check:")
    known = draft.opened.name if draft.opened is not None else ""
    if "export_name" not in st.session_state:
        st.session_state["export_name"] = known or ""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.text_input(
        "Save this recipe as", key="export_name", placeholder="sft-v1", persist_state="session"
    )
    row.button(
        "Save", key="export_save", on_click=_save, args=(room, draft), width="content",
        disabled=not (name or "").strip(), icon=":material/bookmark_add:",
    )  # fmt: skip
    log = room.store.export_recipe_log()
    if not log.height:
        st.caption("A saved recipe is a version that stays: it can be compared and written again.")
        return
    references = [f"{row['name']}@{row['number']}" for row in log.iter_rows(named=True)]
    chosen = st.selectbox("Compare with", references, key="export_compare")
    try:
        changed = export_recipes.difference(
            export_recipes.find(room.store, chosen).recipe, draft.recipe
        )
    except CurationError as exc:
        st.warning(ui.escaped(str(exc)))
        return
    if not changed:
        st.caption(ui.escaped(f"The same as {chosen}."))
        return
    st.caption(ui.escaped(f"{chosen} -> what stands on the left"))
    st.code("\n".join(changed), language=None, wrap_lines=True)


def _save(room: ui.Room, draft: Draft) -> None:
    name = str(st.session_state.get("export_name") or "")
    try:
        saved = export_recipes.save(room.store, name, draft.recipe, room.reviewer)
    except CurationError as exc:
        st.session_state[SAID] = ("error", str(exc))
        return
    reference = f"{saved.name}@{saved.number}"
    st.session_state[OPENED] = st.session_state["export_saved"] = reference
    st.session_state["export_compare"] = reference
    st.query_params["recipe"] = reference
    what = "saved" if saved.is_new else "is what was saved already; nothing changed"
    st.session_state[SAID] = ("success", f"{reference} {what}.")
