"""The desk: one trace at a time, next to what the student makes of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from curation import desk, hedging, queues, ui
from curation.desk import messages
from curation.records import PROFILE_COLUMNS, TOKEN_COLUMNS, Marker, Trace

KEY = "desk"


def markers(room: ui.Room, trace: Trace) -> list[Marker]:
    """The trace's markers: as stored, or found now where the caretaker has not come by yet."""
    marking = room.store.marking(trace.trace_id)
    if marking is None or marking["lexicon_id"] != hedging.load_lexicon().lexicon_id:
        return hedging.find_markers(trace.text, trace.prompt)
    spans = zip(marking["start_char"], marking["end_char"], marking["category"], strict=True)
    return [Marker(start, end, kind, trace.text[start:end]) for start, end, kind in spans]


def card(room: ui.Room, trace_id: str, why: str | None) -> dict[str, Any]:
    """All that the desk shows of one trace."""
    store, student = room.store, room.settings.student
    trace = store.trace(trace_id)
    score = store.tokens(trace_id, student)
    scored = score is not None and score["error"] is None
    record = store.convention(score["convention_id"]) if score else {}
    mine = store.verdict_of(trace_id, room.reviewer)
    return messages.card(
        trace,
        store.problem(trace.problem_id),
        steps=list(zip(*store.steps(trace_id), strict=True)),
        markers=markers(room, trace),
        tokens={name: score[name] for name in TOKEN_COLUMNS} if score and scored else None,
        profile={name: score[name] for name in PROFILE_COLUMNS} if score and scored else None,
        scoring="waiting" if score is None else "scored" if scored else f"failed: {score['error']}",
        convention_id=score["convention_id"] if score else None,
        student=student,
        convention=", ".join(str(record[name]) for name in ("dtype", "boundary") if name in record),
        lexicon_id=hedging.load_lexicon().lexicon_id,
        why=why,
        mine=messages.Recent(**mine) if mine else None,
    )


@st.cache_resource(max_entries=32, show_spinner="Ordering the queue")
def ordered(
    _room: ui.Room, queue: str, reviewer: str, seed: int, version: object
) -> tuple[list[Any], dict[str, str]]:
    """The queue in order, (trace_id, why), and what the reviewer had decided when it was made.

    Nobody changes it, so all reruns share it: a copy of a long queue would cost every key press.
    """
    order = queues.QUEUES[queue](_room.store.candidates(reviewer), reviewer, seed)
    return order, _room.store.decided_by(reviewer)


def version_of(room: ui.Room, queue: str) -> object:
    """What the order of this queue depends on, beside the reviewer's own new decisions."""
    status = room.store.status()
    on = {"needs second reading": "records", "flagged by me": "records"}
    news = on.get(queue, "scored" if queue == "most surprising" else "traces")
    # A decision taken back puts its trace into the queue again.
    undone = room.store.n_withdrawn_by(room.reviewer)
    return str(room.store.path), status["traces"], undone, status[news]


def screen(room: ui.Room, queue: str, first: str | None) -> None:
    """Hand the browser its next cards and store what comes back."""
    store = room.store
    order, before = ordered(room, queue, room.reviewer, 0, version_of(room, queue))
    decided = store.decided_by(room.reviewer)
    whys = dict(order)
    left = [trace_id for trace_id in whys if decided.get(trace_id) == before.get(trace_id)]
    deck = left[: desk.depth(KEY)]
    if first is not None and first not in deck[:1]:
        deck = [first, *(trace_id for trace_id in deck if trace_id != first)]
    scores = store.score_versions(deck, room.settings.student)
    desk.mount(
        [
            desk.Slip(trace_id, f"{scores.get(trace_id)}|{decided.get(trace_id)}")
            for trace_id in deck
        ],
        build=lambda trace_id: card(room, trace_id, whys.get(trace_id, "opened by its link")),
        decide=store.decide,
        key=KEY,
        store_id=store.setting("store_id") or str(store.path),
        reviewer=room.reviewer,
        queue=queue,
        progress=messages.Progress(
            n_decided=len(decided), n_total=len(decided) + len(left), n_left=len(left)
        ),
        recent=[messages.Recent(**row) for row in store.recent_decisions(room.reviewer)],
        reasons=messages.REASONS,
    )


with ui.page("Review") as room:
    queue = st.sidebar.selectbox("Queue", list(queues.QUEUES), key="queue", bind="query-params")
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
                screen(room, queue, linked)

        desk_screen()
