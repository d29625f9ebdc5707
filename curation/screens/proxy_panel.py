"""Under the desk, when it is asked for: a trace as an expert and an antiexpert would steer it.

The trace is the card's; with *blind first*, where numbers come after the verdict, it is the last
one that was decided. The reading runs beside the app, and the panel looks again until it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from curation import proxy_jobs, ui
from curation.desk import steered
from curation.errors import CurationError

TRACE = "proxy_trace"
"""The trace of the desk's first card, as the desk told it."""
LOOKS_S = 2


def follow(deck: Sequence[str]) -> None:
    """Let the panel go with the first card of a desk's deck."""
    st.session_state[TRACE] = deck[0] if deck else None


def steering(room: ui.Room, *, is_blind_first: bool) -> None:
    """The switch, and behind it the panel."""
    if not room.may("lead"):
        return
    is_on = st.toggle(
        "Proxy-tuning preview", key="proxy_on", persist_state="session",
        help="What a small expert and a small antiexpert of the student's vocabulary would do to "
        "each token of the trace. Loads three students in a process of its own.",
    )  # fmt: skip
    if not is_on:
        return

    @st.fragment(run_every=LOOKS_S)
    def panel() -> None:
        with ui.boundary():
            _panel(room, is_blind_first=is_blind_first)

    panel()


def _panel(room: ui.Room, *, is_blind_first: bool) -> None:
    trace_id = _trace(room, is_blind_first=is_blind_first)
    if trace_id is None:
        st.caption("There is no trace yet: with blind first, decide on one.")
        return
    known = sorted({room.student, *(reader.student for reader in room.store.readers())})
    cells = st.columns(3)
    base, expert, antiexpert = (
        cell.selectbox(
            label, known, key=f"proxy_{label.lower()}", accept_new_options=True, help=help_text,
            index=known.index(room.student), persist_state="session",
        )
        for cell, label, help_text in zip(
            cells, ("Student", "Expert", "Antiexpert"),
            (
                "The one that is steered.",
                "Trained on what was accepted (export format proxy-expert): a folder or a name.",
                "Trained on what was rejected (export format proxy-antiexpert).",
            ),
            strict=False,
        )
    )  # fmt: skip
    row = st.container(horizontal=True, vertical_alignment="bottom")
    alpha = row.number_input(
        "α", value=1.0, width=160, step=0.25, key="proxy_alpha", persist_state="session",
        help="How far they steer: s + α (s⁺ − s⁻).",
    )  # fmt: skip
    asked = proxy_jobs.Asked(
        trace_id, base or room.student, expert or room.student, antiexpert or room.student,
        float(alpha), room.settings.dtype,
    )  # fmt: skip
    # A store on a server has no file here: its address is what a process is given.
    jobs = _jobs(str(room.store.address or room.store.path))
    job = jobs.find(asked)
    is_busy = job is not None and job.is_running
    if row.button("Read", width="content", key="proxy_read", type="primary", disabled=is_busy):
        room.require("preview proxies")
        job = jobs.start(asked)
        if job is None:
            st.caption("Another reading is under way; try again when it is there.")
    if job is None:
        st.caption(ui.escaped(f"{_named(room, trace_id)}: not read with these three yet."))
    elif job.is_running:
        st.caption(ui.escaped(f"{_named(room, trace_id)}: being read, some seconds a student."))
    elif job.error is not None:
        st.warning(ui.escaped(job.error), icon=":material/warning:")
    elif job.answer is not None:
        _reading(room, job.answer)


def _reading(room: ui.Room, answer: dict[str, Any]) -> None:
    (item,) = answer["items"]
    trace = room.store.trace(item["trace_id"])
    means = [
        f"{words} {item[name]:+.3f}"
        for words, name in (
            ("all tokens", "mean_shift_nats"),
            ("hedges", "hedge_shift_nats"),
            ("the others", "other_shift_nats"),
        )
        if item[name] is not None
    ]
    st.caption(
        ui.escaped(f"{_named(room, trace.trace_id)}. Mean shift in nats: {', '.join(means)}.")
    )
    if (n := item["n_tokens"]) > steered.MOST_TOKENS:
        st.caption(f"The first {steered.MOST_TOKENS:,} of {n:,} tokens are shown.")
    steered.mount(trace.text, item["tokens"], key="proxy_steered")
    st.caption(
        "No public study shows that these shifts foretell what training the student would do; they "
        "are what the two small ones would do to it at its logits."
    )


def _trace(room: ui.Room, *, is_blind_first: bool) -> str | None:
    """The card's trace, or the last one decided on where numbers come after the verdict."""
    if not is_blind_first:
        shown = st.session_state.get(TRACE)
        if shown is not None and room.store.holds_trace(shown):
            return str(shown)
    for row in room.store.recent_decisions(room.reviewer):
        return str(row["trace_id"])
    return None


def _named(room: ui.Room, trace_id: str) -> str:
    try:
        trace = room.store.trace(trace_id)
    except CurationError:
        return trace_id
    return f"Trace {trace.external_id or trace_id}"


@st.cache_resource(max_entries=4, show_spinner=False)
def _jobs(place: str) -> proxy_jobs.Jobs:
    """The readings of one store, for every session."""
    return proxy_jobs.Jobs(place)
