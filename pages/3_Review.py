"""The desk: one trace at a time, next to what the student makes of it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from curation import dealing, desk, editing, guidance, ui
from curation.desk import cards, messages
from curation.screens import anchoring, blind_desk, gold, guidelines, review_queue, span_labels
from curation.screens.beside import pool, prepared, standing
from curation.screens.proxy_panel import follow, steering
from curation.store.reading import Pulse

KEY = "desk"
RENEWED_S = 240
"""How often an open desk says that it still holds its cards, well before they are free again."""


def screen(
    room: ui.Room, choice: review_queue.Choice, first: str | None, *, is_blind_first: bool
) -> None:
    """Hand the browser its next cards and store what comes back."""
    store, student, queue = room.store, room.student, choice.queue
    pulse = store.pulse()
    with st.spinner("Ordering the queue"):  # seen only where it takes its time
        line = review_queue.line(room, choice, pulse)
    deck, n_left, n_elsewhere, decided, upcoming, ahead = dealing.deal(
        store, line, queue, room.reviewer, desk.depth(KEY), room.readers, room.reservations,
        desk.holding(KEY),
    )  # fmt: skip
    n_done = dealing.n_decided(queue, room.reviewer, decided, room.readers)
    review_queue.elsewhere(n_elsewhere)
    if first is not None:
        deck = [first, *(trace_id for trace_id in deck if trace_id != first)]
    follow(deck)
    stands = standing(room, str(store.path), student).of([*deck, *upcoming], pulse, lambda: ahead)
    among = pool(room, pulse)
    # Percentiles of a pool that has doubled since are worth a new card; one more trace is not.
    size = among.height.bit_length() if among else 0
    slips = {
        i: f"{score}|{families}|{size if score else ''}|{decided.get(i)}"
        for i, (score, families) in stands.items()
    }
    soon = prepared(room, str(store.path), student, room.reviewer)

    def build(trace_id: str) -> messages.Card:
        why = line.why(trace_id) or "opened by its link"
        return cards.build(store, student, room.reviewer, trace_id, why, among)

    desk.mount(
        [desk.Slip(i, slips[i]) for i in deck],
        build=lambda i: soon.take((i, slips.get(i), queue), partial(build, i)),
        text_of=partial(cards.text_of, store), decide=partial(editing.decide, store),
        key=KEY,
        store_id=store.setting("store_id") or str(store.path),
        reviewer=room.reviewer,
        queue=queue,
        progress=messages.Progress(n_done, n_done + n_left, n_left),
        recent=[messages.Recent(**row) for row in store.recent_decisions(room.reviewer)],
        span_labels=span_labels.labels(store),
        is_blind_first=is_blind_first,
        told=gold.told(store),
        scorer_rests=ui.scorer_rests(room),
        guidance=guidance.in_force(store),
    )  # fmt: skip
    for i in upcoming:
        soon.prepare((i, slips[i], queue), partial(build, i))


def pace_s(room: ui.Room, pulse: Pulse) -> int:
    """How often the desk looks again by itself: often only while something is on its way."""
    if pool(room, pulse) is None:
        return ui.BUSY_S
    if not room.caretaker.state()["waiting"]:
        return RENEWED_S
    return ui.BUSY_S if ui.scorer_rests(room) is None else ui.RESTING_S


with ui.page("Review") as room:
    guidelines.instead(room)  # where the link says that they are written
    blind_desk.instead(room)  # where the link names a spot check
    choice = review_queue.choose(room)
    is_blind_first = anchoring.switch()
    span_labels.section(room)
    guidelines.link(room)
    pulse = room.store.pulse()
    if not pulse.traces:
        st.info("There is nothing to review yet. Bring traces in first.")
        st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
    else:
        every_s = pace_s(room, pulse)
        linked = st.query_params.get("trace")
        if linked is not None and not room.store.holds_trace(linked):
            st.warning(ui.escaped(f"The link names {linked}, which this store does not hold."))
            linked = None

        @st.fragment(run_every=every_s)
        def desk_screen() -> None:
            """The desk, looked at again by itself: scores arrive, reservations are renewed."""
            with ui.boundary(room):
                screen(room, choice, linked, is_blind_first=is_blind_first)
                if every_s < RENEWED_S and pace_s(room, room.store.pulse()) != every_s:
                    st.rerun()  # or the fragment keeps for good the pace that the page gave it

        desk_screen()
        steering(room, is_blind_first=is_blind_first)
