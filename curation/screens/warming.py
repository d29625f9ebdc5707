"""What the first card of a process needs, read while nobody waits for it.

A page's modules and the libraries behind them take a second or two to import, the lexicon to fold,
the file to be read for the first time; in a large store, who has decided what, what percentiles
are of and what the pages tell of all traces. Whoever opens Home sets it off; scripts/run does so at
once. A page that is opened meanwhile waits for its own part alone.
"""

from __future__ import annotations

import threading

import streamlit as st

from curation import queues, reviewing, ui


@st.cache_resource(max_entries=4, show_spinner=False)
def begin(_room: ui.Room, path: str) -> threading.Thread:
    """The thread that reads it; once for each store of this process."""
    thread = threading.Thread(target=_read, args=(_room,), daemon=True, name="warming")
    thread.start()
    return thread


def _read(room: ui.Room) -> None:
    from curation.desk import cards  # with all that it imports
    from curation.screens import beside, review_queue  # the same

    store = room.store
    try:
        room.readers.catch_up(store.decided_since)
        first = review_queue.Choice(next(iter(queues.QUEUES)), (), None, None)
        deck, _ = review_queue.line(room, first, store.pulse()).left({}, 1)
        for trace_id in deck:
            cards.build(store, room.student, room.reviewer, trace_id, None, None)
        beside.pool(room, store.pulse())
        if store.pulse().traces > reviewing.EXACT:  # of fewer it is there at once
            of_dashboards(room)
    except Exception:  # as where the store is let go meanwhile
        return  # whoever asks for it is told


def of_dashboards(room: ui.Room) -> None:
    """What the pages show of the whole store, as long as nothing is stored in between."""
    from curation import lexicons
    from curation.screens import agreement, leakage, lexicon, numbers
    from curation.store import UNREAD

    store = room.store
    leakage.mark(room)
    lexicons.standing(store)
    estimate = leakage.reckoned(room, None)
    if estimate.frame.height:
        estimate.pairs, estimate.charts  # noqa: B018 - they are worked out
    found = agreement.known(room)
    if found.result.n_pairable:
        found.people, found.disputed  # noqa: B018
    lexicon.counted(store, lexicons.in_use(store)[lexicons.DEFAULT])
    store.lengths()
    store.list_traces(None, "nll", numbers.SHOWN + 1, columns=UNREAD)
    store.profile_state(room.student, store.families_wanted())
