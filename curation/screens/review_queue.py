"""What a reviewer reads next: the queue in the sidebar, and how many people a trace is for.

Everything that is chosen stands in the page's link.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import streamlit as st

from curation import dealing, queues, sharing, ui
from curation.reviewing import SELECTION
from curation.sharing import EVERYBODY, Overlap

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


def choose(room: ui.Room) -> Choice:
    """The queue that the link or the sidebar names; what a link names in vain is said."""
    asked, named = st.query_params.get("queue"), st.query_params.get(SELECTION)
    kept = room.store.setting(f"{SELECTION}/{named}") if named else None
    chosen = tuple(json.loads(kept)) if kept else ()
    names = [*queues.QUEUES, *([SELECTION] if chosen else [])]
    if asked is not None and asked not in names:
        why = (
            f"The link names the selection {named or '(none)'}, which this store does not hold: "
            "choose the traces again on the Scores page."
            if asked == SELECTION
            else f"The link names the queue {asked}; there are {', '.join(names)}."
        )
        st.warning(ui.escaped(f"{why} The queue below is another one."))
    queue = st.sidebar.selectbox("Queue", names, key="queue", bind="query-params")
    absent = [i for i in chosen if not room.store.holds_trace(i)] if queue == SELECTION else []
    if absent:
        st.warning(f"{len(absent)} of the {len(chosen)} chosen traces are not in this store.")
    with st.sidebar.expander("Who reads what", icon=":material/group:"):
        _overlap(room)
    return Choice(queue, chosen)


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
