"""The desk: one trace at a time, next to what the student makes of it."""

from __future__ import annotations

import json

import streamlit as st

from curation import desk, queues, reviewing, ui
from curation.desk import cards, messages
from curation.screens import blind_desk

KEY = "desk"
SELECTION = reviewing.SELECTION


@st.cache_resource(max_entries=32, show_spinner="Ordering the queue")
def ordered(
    _room: ui.Room, queue: str, reviewer: str, seed: int, chosen: tuple[str, ...], version: object
) -> reviewing.Line:
    """The queue in order. Nobody changes it, so all reruns share it."""
    return reviewing.line(_room.store, queue, reviewer, seed, chosen)


@st.cache_resource(max_entries=4, show_spinner=False)
def pools(_room: ui.Room, path: str, student: str) -> reviewing.Newest[cards.Among]:
    """What percentiles are of, found beside the reviewing: in a large store it takes seconds."""
    return reviewing.Newest(lambda: cards.pool(_room.store))


def pool(room: ui.Room) -> cards.Among | None:
    """What percentiles are of, None until it is known; waited for where little is stored."""
    asked = pools(room, str(room.store.path), room.student)
    return asked.at(reviewing.grown(room.store.pulse()), patience_s=0.3)


def screen(room: ui.Room, queue: str, first: str | None, chosen: tuple[str, ...]) -> None:
    """Hand the browser its next cards and store what comes back."""
    store, student = room.store, room.student
    version = (str(store.path), *reviewing.version(store, queue, room.reviewer))
    line = ordered(room, queue, room.reviewer, 0, chosen, version)
    decided = store.decided_by(room.reviewer)
    deck, n_left = line.left(decided, desk.depth(KEY))
    if first is not None and first not in deck[:1]:
        deck = [first, *(trace_id for trace_id in deck if trace_id != first)]
    scores = store.score_versions(deck, student)
    profiles = store.profile_versions(deck, student)
    among = pool(room)
    # Percentiles of a pool that has doubled since are worth a new card; one more trace is not.
    size = among.height.bit_length() if among else 0
    desk.mount(
        [
            desk.Slip(i, f"{scores.get(i)}|{profiles.get(i)}|{size if i in scores else ''}|"
                      f"{decided.get(i)}")
            for i in deck
        ],
        build=lambda trace_id: cards.build(
            store, student, room.reviewer, trace_id,
            line.why(trace_id) or "opened by its link", among,
        ),
        decide=store.decide,
        key=KEY,
        store_id=store.setting("store_id") or str(store.path),
        reviewer=room.reviewer,
        queue=queue,
        progress=messages.Progress(len(decided), len(decided) + n_left, n_left),
        recent=[messages.Recent(**row) for row in store.recent_decisions(room.reviewer)],
    )  # fmt: skip


with ui.page("Review") as room:
    blind_desk.instead(room)  # where the link names a spot check
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
    if not room.store.pulse().traces:
        st.info("There is nothing to review yet. Bring traces in first.")
        st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
    else:
        waiting = room.caretaker.state()["waiting"] or pool(room) is None
        linked = st.query_params.get("trace")
        if linked is not None and not room.store.holds_trace(linked):
            st.warning(ui.escaped(f"The link names {linked}, which this store does not hold."))
            linked = None

        @st.fragment(run_every=2 if waiting else None)
        def desk_screen() -> None:
            """The desk, looked at again by itself while scores or the pool are on their way."""
            with ui.boundary():
                screen(room, queue, linked, chosen)

        desk_screen()
