"""What an export would hold, counted, before anything is written; and where to go when nothing is.

The plan of a recipe is worked out once for what the store holds (no texts are read for it).
"""

from __future__ import annotations

import streamlit as st

from curation import export, reviewing, ui
from curation.export.formats import rows_of
from curation.export.planning import Plan, plan
from curation.store import Store

_WHERE_TO_GO = {
    "pairs": ("pages/8_Compare.py", "Compare traces of a problem", "compare_arrows"),
}
_REVIEW = ("pages/3_Review.py", "Decide on traces in Review", "rate_review")


PATIENCE_S = 0.7
"""A plan that takes longer is waited for beside the page, which opens meanwhile."""
LOOKS_S = 1
AT_ONCE = 50_000
"""Traces of a store whose plans are waited for."""


def planned(room: ui.Room, recipe: export.Recipe) -> Plan | None:
    """The plan of a recipe for what the store holds now; None while it is worked out.

    Only in a large store it is not waited for. Raises CurationError.
    """
    asked = room.store, str(room.store.path), _state(room), recipe.text
    if room.store.pulse().traces <= AT_ONCE:
        return _plan(*asked)
    return _beside(*asked).at(None, PATIENCE_S)


def _state(room: ui.Room) -> str:
    return f"{room.store.n_records()} {room.store.pulse()}"


@st.cache_resource(max_entries=4, show_spinner="Counting what would be in it")
def _plan(_store: Store, path: str, state: str, recipe: str) -> Plan:
    return plan(_store, export.read_recipe(recipe, "the recipe"))


@st.cache_resource(max_entries=4, show_spinner=False)
def _beside(_store: Store, path: str, state: str, recipe: str) -> reviewing.Newest[Plan]:
    """The same on a thread of its own."""
    return reviewing.Newest(lambda: plan(_store, export.read_recipe(recipe, "the recipe")))


def waiting(room: ui.Room, recipe: export.Recipe) -> None:
    """What is known before the plan is, and the page anew when it is there."""
    st.info("What would be in it is being counted: some seconds over so many traces.",
            icon=":material/hourglass:")  # fmt: skip
    status = room.store.status()
    states = ("accepted", "rejected", "disputed", "flagged", "skipped")
    st.caption("The whole store by state, whatever the filter")
    st.dataframe(
        [{"state": state, "n": status[state]} for state in states if status[state]],
        hide_index=True, placeholder="–", key="export_states", alt="Counts of all by state",
    )  # fmt: skip

    @st.fragment(run_every=LOOKS_S)
    def look() -> None:
        with ui.boundary():
            if planned(room, recipe) is not None:
                st.rerun()

    look()


def section(found: Plan) -> None:
    """Counts by split and state, what stays out and why, notes and refusal."""
    shown, recipe = found.preview, found.recipe
    if shown.refusal is not None:
        st.warning(ui.escaped(shown.refusal), icon=":material/block:")
        if not found.rows.height and any(shown.states.values()):
            page, label, icon = _WHERE_TO_GO.get(rows_of(recipe.format), _REVIEW)
            st.page_link(page, label=label, icon=f":material/{icon}:")
    total, n_problems = sum(shown.rows.values()), sum(shown.problems.values())
    with st.container(horizontal=True):
        st.metric("Rows", f"{total:,}", border=True)
        st.metric("Problems", f"{n_problems:,}", border=True)
        st.metric("Left out", f"{sum(shown.left_out.values()):,}", border=True)
    st.caption("By split")
    st.dataframe(
        [
            {
                "split": name, "asked": recipe.splits[name],
                "got": shown.problems[name] / n_problems if n_problems else None,
                "rows": n, "problems": shown.problems[name],
            }
            for name, n in shown.rows.items()
        ],
        hide_index=True, placeholder="–", key="export_by_split",
        column_config={
            "asked": st.column_config.NumberColumn(format="percent"),
            "got": st.column_config.NumberColumn(format="percent", help="Share of the problems"),
        },
        alt="Rows and problems of each split",
    )  # fmt: skip
    st.caption("What the filter keeps, by state")
    st.dataframe(
        [{"state": state, "n": n} for state, n in shown.states.items() if n],
        hide_index=True, placeholder="–", key="export_by_state", alt="Counts by state",
    )  # fmt: skip
    st.caption("Left out, and why")
    st.dataframe(
        [{"reason": reason, "n": n} for reason, n in shown.left_out.items()],
        hide_index=True, placeholder="–", key="export_left_out", alt="What is left out and why",
    )  # fmt: skip
    for note in shown.notes:
        st.info(ui.escaped(note), icon=":material/info:")
