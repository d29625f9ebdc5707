"""Which phrases mark, what the team changed, and what a change would do before it is stored."""

from __future__ import annotations

import streamlit as st

from curation import lexicons, ui
from curation.screens import lexicon as screen

with ui.page("Lexicon") as room:
    st.title("Lexicon")
    states = lexicons.states(room.store)
    language = st.selectbox(
        "Language", list(states), key="lexicon_language", bind="query-params",
        help="A trace in a language without a lexicon is not counted at all. A lexicon for another "
        "language is one table: `python -m curation lexicon import FILE`.",
    )  # fmt: skip
    state = states.get(language, states[lexicons.DEFAULT])
    screen.version(room, state)
    screen.progress(room)
    st.subheader("Change it")
    screen.form(room, state)
    st.subheader("Changes of the team")
    screen.changes(room, state)
    st.subheader("Entries")
    screen.entries(room, state)
    st.subheader("Versions")
    screen.versions(room, state)
    screen.bring_in(room)
