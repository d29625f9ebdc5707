"""What a reviewer reads next: queue, filter and saved views, and how many people a trace is for.

Everything that is chosen stands in the page's link.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import streamlit as st

from curation import dealing, queues, reviewing, sharing, ui
from curation.errors import FilterError
from curation.reviewing import ASSIGNED, SELECTION
from curation.sharing import EVERYBODY, Overlap
from curation.store.adjudicating import QUEUE as ADJUDICATION
from curation.store.reading import Pulse

VIEW = "view/"
"""Saved views stand in settings of this beginning."""
TEXT_HELP = (
    "Looked for in prompt and trace, letter case aside. Between slashes it is a regular "
    "expression: /so|hence/"
)
ONCE_HELP = (
    "Looked at once; a condition on decisions does not follow them until traces or scores arrive."
)
ONCE, SOME, ALL = "Each trace by one person", "A share by several", "Everything by everybody"
OVERLAP_HELP = (
    "Holds for everybody on this store. What enough people have read is offered to nobody else, "
    "except by the queues “needs second reading” and “needs adjudication”, a selection or a link. "
    "The share is drawn by hash; its traces come to a second person without a word of the first."
)


class Choice(NamedTuple):
    """What the reviewer chose."""

    queue: str
    chosen: tuple[str, ...]
    """The traces of the selection that the link names."""
    where: str | None
    """A DuckDB condition that narrows the queue; None = none, also where it cannot be run."""
    text: str | None
    """What the traces of the queue hold; None = anything."""


def line(room: ui.Room, choice: Choice, pulse: Pulse) -> reviewing.Line:
    """The queue in order, made anew where what it hangs on has changed (`pulse` is the store's)."""
    version = reviewing.version(room.store, choice.queue, room.reviewer, pulse)
    whose = reviewing.whose(room.store, choice.queue, room.reviewer)
    return _ordered(room, whose, 0, choice, (str(room.store.path), *version))


@st.cache_resource(max_entries=32, show_spinner=False)
def _ordered(
    _room: ui.Room, reviewer: str, seed: int, choice: Choice, version: object
) -> reviewing.Line:
    """Nobody changes a line, so all reruns share it."""
    queue, chosen, where, text = choice
    found = reviewing.line(_room.store, queue, reviewer, seed, chosen)
    return found.within(set(_room.store.find(where, text))) if where or text else found


def choose(room: ui.Room) -> Choice:
    """The queue that the link or the sidebar names; what a link names in vain is said."""
    asked, named = st.query_params.get("queue"), st.query_params.get(SELECTION)
    kept = room.store.setting(f"{SELECTION}/{named}") if named else None
    chosen = tuple(json.loads(kept)) if kept else ()
    names = [*queues.QUEUES, *([SELECTION] if chosen else [])]
    if not room.may("lead"):
        names.remove(ADJUDICATION)
    if asked is not None and asked not in names:
        why = (
            f"The link names the selection {named or '(none)'}, which this store does not hold: "
            "choose the traces again on the Scores page."
            if asked == SELECTION
            else f"The link names the queue {asked}; there are {', '.join(names)}."
        )
        st.warning(ui.escaped(f"{why} The queue below is another one."))
    queue = st.sidebar.selectbox("Queue", names, key="queue", bind="query-params")
    _assigned(room, queue)
    absent = [i for i in chosen if not room.store.holds_trace(i)] if queue == SELECTION else []
    if absent:
        st.warning(f"{len(absent)} of the {len(chosen)} chosen traces are not in this store.")
    with st.sidebar:
        where, text = _filter(room, names)
        if room.may("lead"):
            with st.expander("Who reads what", icon=":material/group:"):
                _overlap(room)
    return Choice(queue, chosen, where, text)


def _assigned(room: ui.Room, queue: str) -> None:
    """Say what a lead gave to the reviewer, where they are in another queue."""

    def take() -> None:
        st.session_state["queue"] = ASSIGNED

    n = room.store.n_assigned_left(room.reviewer) if queue != ASSIGNED else 0
    if n:
        st.sidebar.button(
            f"{n:,} assigned to you", key="assigned_take", on_click=take, width="stretch",
            icon=":material/assignment_ind:",
        )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner="Looking through the traces")
def _n_found(_room: ui.Room, where: str | None, text: str | None, version: object) -> int:
    return len(_room.store.find(where, text))


def _filter(room: ui.Room, names: list[str]) -> tuple[str | None, str | None]:
    """The filter of the link; where it cannot be run, why, and none."""
    views = {
        name: json.loads(view) for name, view in room.store.settings(VIEW).items()
    }  # fmt: skip

    def apply() -> None:
        view = views.get(st.session_state["view_name"])
        if view is not None:
            st.session_state["where"], st.session_state["text"] = view["where"], view["text"]
            if view["queue"] in names:
                st.session_state["queue"] = view["queue"]

    is_used = any(st.query_params.get(name) for name in ("where", "text"))
    with st.expander("Filter", icon=":material/filter_alt:", expanded=is_used):
        if views:
            st.selectbox(
                "Saved views", list(views), index=None, key="view_name", on_change=apply,
                placeholder="Choose a view",
            )  # fmt: skip
        text = st.text_input("Holds the text", key="text", bind="query-params", help=TEXT_HELP)
        where = st.text_input(
            "Only traces where", key="where", bind="query-params",
            help=f"{ui.FILTER_HELP} {ONCE_HELP}", placeholder="teacher_context = 'unguided'",
        )  # fmt: skip
        asked = where.strip() or None, text.strip() or None
        if asked == (None, None):
            return asked
        try:
            n = _n_found(room, *asked, (str(room.store.path), room.store.pulse()[:4]))
        except FilterError as exc:
            st.error(ui.escaped(f"{exc} The queue is not filtered."))
            return None, None
        st.caption(f"{n:,} traces match, decided ones too.")
        if room.may("lead"):
            st.page_link(
                "pages/5_Agreement.py", label="Mark these as gold", icon=":material/verified:",
                query_params={"view": "Gold", "gold_where": where, "gold_text": text},
            )  # fmt: skip
        name = st.text_input("Name of this view", key="view_new", placeholder="long and unguided")
        save, forget = st.columns(2)
        if save.button("Save", key="view_save", disabled=not name.strip()):
            view = {"where": where, "text": text, "queue": st.session_state["queue"]}
            room.store.set_setting(VIEW + name.strip(), json.dumps(view, sort_keys=True))
            st.rerun()
        gone = st.session_state.get("view_name")
        if forget.button("Forget", key="view_forget", disabled=gone not in views):
            room.store.forget_setting(f"{VIEW}{gone}")
            st.rerun()
    return asked


def _overlap(room: ui.Room) -> None:
    held = dealing.overlap_of(room.store)
    now = ONCE if held.share == 0 else ALL if held.readings == EVERYBODY else SOME
    way = st.radio(
        "Each trace is read", [ONCE, SOME, ALL], [ONCE, SOME, ALL].index(now), key="overlap_way",
        help=OVERLAP_HELP,
    )  # fmt: skip
    wished = Overlap()
    if way == ALL:
        wished = Overlap(1.0, EVERYBODY)
    elif way == SOME:
        share = st.number_input(
            "Share of the traces (%)", 1, 100, round(100 * held.share) if now == SOME else 20,
            key="overlap_share",
        )  # fmt: skip
        readings = st.number_input(
            "People for each of these", 2, 50, held.readings if now == SOME else 2,
            key="overlap_readings",
        )  # fmt: skip
        wished = Overlap(share / 100, int(readings))
    st.page_link(
        "pages/5_Agreement.py", label="Assign traces to people", icon=":material/assignment_ind:",
        query_params={"view": "Assign"},
    )  # fmt: skip
    if wished != held and st.button("Use this from now on", key="overlap_use"):
        room.store.set_setting(sharing.SETTING, wished.to_setting())
        st.rerun()


def elsewhere(n: int) -> None:
    """Say where the rest of a short queue is."""
    if n:
        st.caption(
            f"{n} more of this queue {'is' if n == 1 else 'are'} on other people's desks. What "
            f"they leave undecided comes back within {round(sharing.RESERVED_S / 60)} minutes."
        )
