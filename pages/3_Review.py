"""The desk: one trace at a time, next to what the student makes of it."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from curation import desk, leak_signs, queues, ui
from curation.desk import cards, messages
from curation.screens import blind_desk

KEY = "desk"
SELECTION = "selection"


@st.cache_resource(max_entries=32, show_spinner="Ordering the queue")
def ordered(
    _room: ui.Room, queue: str, reviewer: str, seed: int, chosen: tuple[str, ...], version: object
) -> tuple[list[Any], dict[str, str]]:
    """The queue in order, (trace_id, why), and what the reviewer had decided when it was made.

    Nobody changes it, so all reruns share it: a copy of a long queue would cost every key press.
    """
    candidates = leak_signs.candidates(_room.store, reviewer, queue)
    order = (
        queues.selected(candidates, reviewer, chosen)
        if queue == SELECTION
        else queues.QUEUES[queue](candidates, reviewer, seed)
    )
    return order, _room.store.decided_by(reviewer)


@st.cache_resource(max_entries=4, show_spinner=False)
def pool(_room: ui.Room, version: object) -> Any:
    """The numbers of all scored traces, which percentiles are of; nobody changes them."""
    return cards.pool(_room.store)


def version_of(room: ui.Room, queue: str) -> object:
    """What the order of this queue depends on, beside the reviewer's own new decisions."""
    status = room.store.status()
    on = dict.fromkeys(("needs second reading", "needs adjudication", "flagged by me"), "records")
    news = on.get(queue, "scored" if queue in ("most surprising", "leak risk") else "traces")
    # A decision taken back puts its trace into the queue again.
    undone = room.store.n_withdrawn_by(room.reviewer)
    return str(room.store.path), status["traces"], undone, status[news]


def screen(room: ui.Room, queue: str, first: str | None, chosen: tuple[str, ...]) -> None:
    """Hand the browser its next cards and store what comes back."""
    store, student = room.store, room.student
    order, before = ordered(room, queue, room.reviewer, 0, chosen, version_of(room, queue))
    decided = store.decided_by(room.reviewer)
    whys = dict(order)
    left = [trace_id for trace_id in whys if decided.get(trace_id) == before.get(trace_id)]
    deck = left[: desk.depth(KEY)]
    if first is not None and first not in deck[:1]:
        deck = [first, *(trace_id for trace_id in deck if trace_id != first)]
    scores = store.score_versions(deck, student)
    profiles = store.profile_versions(deck, student)
    among = pool(room, (str(store.path), student, store.status()["scored"]))
    # Percentiles of a pool that has doubled since are worth a new card; one more trace is not.
    size = among.height.bit_length()
    desk.mount(
        [
            desk.Slip(i, f"{scores.get(i)}|{profiles.get(i)}|{size if i in scores else ''}|"
                      f"{decided.get(i)}")
            for i in deck
        ],
        build=lambda trace_id: cards.build(
            store, student, room.reviewer, trace_id, whys.get(trace_id, "opened by its link"), among
        ),
        decide=store.decide,
        key=KEY,
        store_id=store.setting("store_id") or str(store.path),
        reviewer=room.reviewer,
        queue=queue,
        progress=messages.Progress(len(decided), len(decided) + len(left), len(left)),
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
    if not room.store.status()["traces"]:
        st.info("There is nothing to review yet. Bring traces in first.")
        st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
    else:
        waiting = room.caretaker.state()["waiting"]
        linked = st.query_params.get("trace")
        if linked is not None and not room.store.holds_trace(linked):
            st.warning(ui.escaped(f"The link names {linked}, which this store does not hold."))
            linked = None

        @st.fragment(run_every=2 if waiting else None)
        def desk_screen() -> None:
            """The desk, looked at again by itself while scores are on their way."""
            with ui.boundary():
                screen(room, queue, linked, chosen)

        desk_screen()
