"""The labels that a stretch of text can be given: the house's own, then the team's.

A label of the team is the setting `span_label/CODE`, whose value is what is shown. The code is made
of the first wording and is what decisions store: a label that is renamed keeps its spans, one that
is taken off the list is still read on them.
"""

from __future__ import annotations

import re

import streamlit as st

from curation import ui
from curation.desk.messages import SPAN_LABELS
from curation.errors import CurationError
from curation.store import Store
from curation.store.span_verdicts import MAX_LABEL_CHARS

PREFIX = "span_label/"


def labels(store: Store) -> dict[str, str]:
    """What is stored -> what is shown, in the order of the digits."""
    return {**SPAN_LABELS, **store.settings(PREFIX)}


def add(store: Store, shown: str) -> str:
    """Put a label on the team's list; its code. Raises CurationError where it cannot be one."""
    shown = _readable(store, shown)
    code = re.sub(r"\W+", "_", shown.casefold()).strip("_")
    if not code:
        raise CurationError(f"{shown!r} has no letter or digit; a label needs one.")
    if code in labels(store):
        raise CurationError(f"The label {labels(store)[code]!r} is stored as {code}, as this is.")
    store.set_setting(PREFIX + code, shown)
    return code


def rename(store: Store, code: str, shown: str) -> None:
    """Show a label of the team as this from now on. Raises CurationError as `add` does."""
    if code not in store.settings(PREFIX):
        raise CurationError(f"The team has no label {code}; it may be off the list since.")
    if store.settings(PREFIX)[code] != shown.strip():
        store.set_setting(PREFIX + code, _readable(store, shown))


def _readable(store: Store, shown: str) -> str:
    shown = shown.strip()
    if not shown or not shown.isprintable() or len(shown) > MAX_LABEL_CHARS:
        raise CurationError(
            f"A label is a word or a few on one line, at most {MAX_LABEL_CHARS} characters."
        )
    if shown.casefold() in (other.casefold() for other in labels(store).values()):
        raise CurationError(f"There is a label {shown!r} already.")
    return shown


def section(room: ui.Room) -> None:
    """In the sidebar, for leads: the team's labels, to add to, to rename, to take off the list."""
    if not room.may("lead"):
        return
    with st.sidebar.expander("Span labels", icon=":material/label:"), ui.boundary():
        own = room.store.settings(PREFIX)
        st.caption(
            "Select words of a trace and press s. Holds for everybody on this store: "
            + ui.escaped(", ".join(labels(room.store).values()))
        )
        new = st.text_input("New label", key="span_label_new", max_chars=MAX_LABEL_CHARS)
        if st.button("Add", key="span_label_add", disabled=not new.strip()):
            add(room.store, new)
            st.rerun()
        if not own:
            return
        code = st.selectbox(
            "A label of the team", list(own), key="span_label", format_func=lambda name: own[name]
        )
        shown = st.text_input(
            "Shown as", own[code], key=f"span_label_shown.{code}", max_chars=MAX_LABEL_CHARS,
            help="Spans keep their label under its new name.",
        )  # fmt: skip
        keep, forget = st.columns(2)
        if keep.button("Rename", key="span_label_rename", disabled=shown.strip() == own[code]):
            rename(room.store, code, shown)
            st.rerun()
        if forget.button("Take off", key="span_label_forget", help="Stored spans keep it."):
            room.store.forget_setting(PREFIX + code)
            st.rerun()
