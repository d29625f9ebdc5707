"""What markers do, by teacher context: a section of the Spot check's overview.

Numbers are `curation.functions`'; here they become a table. Only numbers and the words of teacher
contexts are shown, no text of a trace.
"""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl
import streamlit as st

from curation import functions
from curation.leakage_tables import FUNCTIONS_NOTE
from curation.screens import numbers
from curation.ui import Room

LABELS = {
    "teacher_context": "Teacher context",
    "n_traces": "Traces",
    "markers_per_trace": "Markers per trace",
    "place_mean": "Mean place (0–1)",
    "n_reflections": "Reflections",
    "revising_share": "Followed by a revision",
    "n_verifications": "Checks",
    "recomputing_share": "That recompute",
    "n_self_corrections": "Self-corrections",
    "n_dead_ends": "Abandoned dead ends",
}
BELIEF_LABELS = {
    "n_believed": "Reflections with a belief",
    "productive_doubt_share": "Productive doubt",
    "derailment_share": "Derailment",
    "flat_share": "Belief hardly moved",
}
_SHARES = {"Followed by a revision", "That recompute", *list(BELIEF_LABELS.values())[1:]}


def table(found: pl.DataFrame) -> pl.DataFrame:
    """`functions.by_context` as people read it; the belief columns only where there is a belief."""
    labels = dict(LABELS)
    if found["n_believed"].sum():
        labels |= BELIEF_LABELS
    return found.select(pl.col(name).alias(label) for name, label in labels.items())


def section(room: Room, frame: pl.DataFrame, *, is_asked: bool = False) -> None:
    """Markers per trace and what follows them, a row a teacher context of `frame` (list_traces).

    Read where somebody asks for it: of many traces, or `is_asked`.
    """
    st.subheader("Function, not word")
    if (is_asked or frame.height > numbers.SHOWN) and not st.toggle(
        f"Read {frame.height:,} traces for it", key="functions_all",
        help="Every text is read again, which takes its time over so many.",
    ):  # fmt: skip
        return
    ids = frame["trace_id"].to_list()
    lexicons = sorted(set(frame["lexicon_id"].drop_nulls()))
    said = "\n".join([*ids, *lexicons, str(frame["belief_gain_nats"].count()), room.student])
    key = hashlib.sha256(said.encode()).hexdigest()
    found = _found(key, room, ids)
    if not found.height:
        st.text("No trace here is marked yet.")
        return
    shown = table(functions.by_context(found))
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(format="percent")
        if name in _SHARES
        else st.column_config.NumberColumn(format="%.2f")
        for name in shown.columns
        if shown[name].dtype == pl.Float64
    }
    st.dataframe(shown, hide_index=True, placeholder="–", column_config=config)
    st.caption(FUNCTIONS_NOTE)
    if missing := frame.height - found.height:
        st.caption(f"{missing:,} traces are not counted: not marked, or no lexicon for them.")


@st.cache_resource(max_entries=4, show_spinner="Reading what follows the markers")
def _found(key: str, _room: Room, _trace_ids: list[str]) -> pl.DataFrame:
    """The pool of these traces; `key` names them, their lexicons and how many beliefs there are."""
    return functions.pool(_room.store, _trace_ids, _room.student)
