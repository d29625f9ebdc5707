"""Assign: a slice of the traces, shared out among named people after a look at what it would be.

What is stored is what the preview shows: the button makes it under the same seed and filter.
"""

from __future__ import annotations

import json

import polars as pl
import streamlit as st

from curation import assigning, people_commands, ui
from curation.errors import CurationError
from curation.reviewing import ASSIGNED

HELP = (
    "Whom a trace is assigned to is offered it in every queue, and finds it in “assigned to me”; "
    "nobody else is, except where *Who reads what* asks for more readings than there are such "
    "people, in “needs adjudication”, or by a link. An assignment never changes; ending one frees "
    "what is not read, and keeps what was decided."
)
SAID = "assign_said"


def section(room: ui.Room) -> None:
    """The form, what it would give to whom, and the assignments so far."""
    st.caption(HELP)
    if said := st.session_state.pop(SAID, None):
        st.success(said, icon=":material/check:")
    request = _form(room)
    if request.reviewers:
        _preview(room, request)
    _past(room)


def _form(room: ui.Room) -> assigning.Request:
    known = room.store.status()["reviewers"]
    left, right = st.columns(2)
    people = left.multiselect(
        "To", known, accept_new_options=True, key="assign_to",
        placeholder="Names of reviewers", help="A name that is new is typed in.",
    )  # fmt: skip
    name = right.text_input("Called", key="assign_name", placeholder="pilot, week 1")
    views = room.store.settings(people_commands.VIEW)
    view = left.selectbox(
        "Saved view", list(views), index=None, key="assign_view", disabled=not views,
        placeholder="None: the filter beside it" if views else "None is saved (Review, Filter)",
    )  # fmt: skip
    where = right.text_input(
        "Only traces where", key="assign_where", disabled=view is not None,
        help=ui.FILTER_HELP, placeholder="teacher_context = 'unguided'",
    )  # fmt: skip
    text = None
    if view is not None:
        held = json.loads(views[view])
        where, text = held["where"] or "", held["text"] or None
    one, two, three, four = st.columns(4, vertical_alignment="bottom")
    way = one.selectbox(
        "Of these", ["all", "a number at random", "a share at random"], key="assign_way"
    )
    n = share = None
    if way == "a number at random":
        n = int(two.number_input("Traces", 1, 10**6, 100, key="assign_n"))
    elif way == "a share at random":
        share = two.number_input("Share (%)", 1, 100, 10, key="assign_share") / 100
    readings = three.number_input(
        "People for each trace", 1, max(len(people), 1), 1, key="assign_readings"
    )
    seed = four.number_input("Seed", 0, 10**6, 0, key="assign_seed")
    again = st.checkbox("Also what is read or assigned already", key="assign_again")
    return assigning.Request(
        reviewers=tuple(people), name=name, where=where.strip() or None, text=text, n=n,
        share=share, readings=int(readings), seed=int(seed), again=again,
    )  # fmt: skip


def _preview(room: ui.Room, request: assigning.Request) -> None:
    try:
        planned = assigning.plan(room.store, request)
    except CurationError as exc:
        st.error(ui.escaped(str(exc)), icon=":material/error:")
        return
    counts = planned.to_dict()
    each = ", ".join(f"{name} {n:,}" for name, n in counts["people"].items()) or "nobody"
    st.text(
        f"{planned.n_traces:,} of {planned.n_found:,} traces that match: {each}. Left out: "
        f"{planned.n_read:,} read already, {planned.n_assigned:,} assigned already."
    )
    if planned.n_short:
        st.text(f"{planned.n_short:,} of them have fewer readers left than you ask for.")
    if st.button(
        f"Assign {planned.n_traces:,} traces", key="assign_make", type="primary",
        icon=":material/assignment_ind:", disabled=not planned.n_traces,
    ):  # fmt: skip
        assigning.make(room.store, request, made_by=room.reviewer)
        st.session_state[SAID] = f"{planned.n_traces:,} traces are assigned."
        st.rerun()


def _past(room: ui.Room) -> None:
    st.subheader("Assignments")
    frame = room.store.assignments()
    if not frame.height:
        st.text("None so far: whoever opens Review is offered everything.")
        return
    progress = room.store.assignment_progress()
    rows = frame.to_dicts()
    st.dataframe(
        [
            {
                "Called": row["name"] or row["assignment_id"], "By": row["made_by"],
                "Made": row["made_at"], "Traces": row["n_traces"],
                "People each": row["readings"], "State": "ended" if row["withdrawn_at"] else "live",
            }
            for row in rows
        ],
        hide_index=True, alt="The assignments", key="assign_list",
        column_config={"Made": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
    )  # fmt: skip
    if progress.height:
        _progress(progress)
    live = {row["assignment_id"]: row for row in rows if row["withdrawn_at"] is None}
    if not live:
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    ending = left.selectbox(
        "End an assignment", list(live), index=None, key="assign_end",
        format_func=lambda i: f"{live[i]['name'] or i}, {live[i]['n_traces']} traces",
        placeholder="Choose one",
    )  # fmt: skip
    if right.button("End it", key="assign_withdraw", disabled=ending is None) and ending:
        room.store.withdraw_assignment(ending, room.reviewer)
        st.session_state[SAID] = "The assignment is ended; what was decided stays."
        st.rerun()


def _progress(progress: pl.DataFrame) -> None:
    st.dataframe(
        [
            {
                "Reviewer": row["reviewer"], "Assignment": row["name"] or row["assignment_id"],
                "Given": row["n_assigned"], "Left": row["n_left"],
                "Done": 100 * row["n_decided"] / row["n_assigned"],
            }
            for row in progress.to_dicts()
        ],
        hide_index=True, alt="How far each person is with each assignment", key="assign_progress",
        column_config={
            "Done": st.column_config.ProgressColumn(format="%d %%", min_value=0, max_value=100)
        },
    )  # fmt: skip
    st.page_link(
        "pages/3_Review.py", label="Read what is assigned to me", icon=":material/rate_review:",
        query_params={"queue": ASSIGNED},
    )  # fmt: skip
