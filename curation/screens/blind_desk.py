"""The desk for a spot check: the drawn traces in their order, judged without seeing any score.

`instead` takes the place of the Review page where its link names a check (`?blind=ID`; not a name
that a control of another page is bound to: Streamlit drops those on the way). What the browser gets
of a trace is `messages.blind_card`; scores that arrive meanwhile change no card.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from curation import checks, desk, editing, guidance, ui
from curation.desk import cards, messages
from curation.screens import guidelines


def instead(room: ui.Room) -> None:
    """Show the blind desk and end the page's run, where the link names a check; else nothing."""
    named = st.query_params.get("blind")
    if named is None:
        return
    with ui.boundary():
        _screen(room, named)
    st.stop()


def _screen(room: ui.Room, check_id: str) -> None:
    """The desk over a check, or why this judge is no longer blind. Raises StoreError."""
    store, reviewer = room.store, room.reviewer
    check = store.spot_check(check_id)
    st.page_link(
        "pages/4_Spot_check.py", label=f"Back to the check {ui.escaped(check['name'])}",
        icon=":material/arrow_back:", query_params={"view": "Sampling session", "check": check_id},
    )  # fmt: skip
    if store.revealed_at(check_id, reviewer) is not None:
        st.info(
            "The scores of this check were shown to you, so what you judge now is not blind. "
            "Somebody else can still judge it."
        )
        return
    guidelines.link(room)
    question, key = check["question"], f"desk.{check_id}"
    decided = store.decided_by(reviewer, question)
    items = store.spot_check_items(check_id)["trace_id"].to_list()
    places = {trace_id: place for place, trace_id in enumerate(items, start=1)}
    left = checks.to_judge(store, check_id, reviewer)
    recent = store.recent_decisions(reviewer, question=question)
    desk.mount(
        [desk.Slip(i, f"blind|{decided.get(i)}") for i in left[: desk.depth(key)]],
        build=lambda trace_id: cards.build_blind(
            store, reviewer, trace_id, f"{places.get(trace_id)} of {len(items)} drawn", question
        ),
        text_of=partial(cards.text_of, store),
        decide=partial(editing.decide, store),  # what the other desk left behind too
        key=key,
        store_id=store.setting("store_id") or str(store.path),
        reviewer=reviewer,
        queue=f"spot check: {check['name']}",
        progress=messages.Progress(len(decided), len(items), len(left)),
        recent=[messages.Recent(**row) for row in recent],
        reasons=messages.LEAK_REASONS,
        question=question,
        words=messages.LEAK_WORDS,
        # Where it leaks: a span shows it. What else a reviewer may label is not what is asked here.
        span_labels=messages.LEAK_SPAN_LABELS,
        takes_own_label=False,
        is_blind=True,
        guidance=guidance.in_force(store),
    )
