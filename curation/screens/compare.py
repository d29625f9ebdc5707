"""What is compared next: the rule of the sidebar, or the traces that the link names.

`?left=ID` sets every other trace of the problem beside one, `?left=ID&right=ID` one other. What is
chosen stands in the page's link.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import streamlit as st

from curation import desk, editing, guidance, pairing, ui
from curation.desk import messages
from curation.desk import pairs as desk_for_pairs
from curation.pairing import KINDS, MAKES, Rule
from curation.reviewing import Line

KEY = "pairs"
KINDS_HELP = (
    "Each problem's pairs are drawn by the seed, the same for everybody; nobody gets one twice. "
    "Which trace stands left is drawn for each person and recorded."
)
OPEN_HELP = (
    "Shows who wrote each trace, what the teacher saw and the student's numbers before you choose; "
    "your choices then say that they were not blind."
)


class Asked(NamedTuple):
    """What the page was asked to compare."""

    rule: Rule
    left: str | None
    right: str | None
    shows_all: bool


def choose(room: ui.Room) -> Asked:
    """The rule that the sidebar or the link names, and the traces of the link."""
    left, right = (st.query_params.get(name) for name in ("left", "right"))
    with st.sidebar:
        kind = st.selectbox(
            "Pairs", list(KINDS), key="pairs_kind", bind="query-params", help=KINDS_HELP,
            disabled=left is not None,
        )  # fmt: skip
        st.caption(KINDS[kind])
        each = st.number_input(
            "At most, of one problem", 1, 1000, 3, key="pairs_each", bind="query-params",
            disabled=left is not None,
        )  # fmt: skip
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, 0, key="pairs_seed", bind="query-params",
            disabled=left is not None,
        )  # fmt: skip
        shows_all = st.toggle(
            "Show who wrote it", key="pairs_open", bind="query-params", help=OPEN_HELP
        )
    if left is not None:
        st.page_link(
            "pages/8_Compare.py", label="Compare other pairs", icon=":material/arrow_back:"
        )
    return Asked(Rule(kind, int(seed), int(each)), left, right, shows_all)


@st.cache_resource(max_entries=32, show_spinner="Pairing the traces")
def _line(_room: ui.Room, asked: Asked, reviewer: str, version: object) -> Line:
    """The pairs in order. Nobody changes it, so all reruns share it."""
    if asked.left is not None:
        return pairing.beside(_room.store, asked.left, asked.right)
    return pairing.line(_room.store, asked.rule, reviewer)


def desk_of_pairs(room: ui.Room, asked: Asked) -> None:
    """Hand the browser its next pairs and store what comes back. Raises CurationError."""
    store, reviewer, student = room.store, room.reviewer, room.student
    line = _line(
        room, asked._replace(shows_all=False), reviewer, (str(store.path), store.pulse().traces)
    )
    decided = pairing.decided(store, reviewer)
    depth = desk.depth(KEY)
    deck, n_left = line.left(decided, depth)
    everything, n_total = line.left({}, depth)
    if not n_total:
        _no_pairs(room, asked)
        return
    if asked.left is not None and (asked.right is not None or not deck):
        deck = everything  # what the link names is shown, chosen before or not

    def left_of(place: str) -> str:
        pair = pairing.pair_at(place)
        return (
            asked.left if asked.left in pair else pairing.left_of(pair, reviewer, asked.rule.seed)
        )

    scores = store.score_versions([i for place in deck for i in pairing.pair_at(place)], student)
    desk_for_pairs.mount(
        [
            desk.Slip(
                place,
                f"{left_of(place)}|{decided.get(place)}|"
                + "|".join(str(scores.get(i)) for i in pairing.pair_at(place)),
            )
            for place in deck
        ],
        build=lambda place: desk_for_pairs.build_card(
            store, student, reviewer, place, left_of(place), line.why(place)
        ),
        decide=partial(editing.decide, store),
        key=KEY,
        store_id=store.setting("store_id") or str(store.path),
        reviewer=reviewer,
        queue="pairs: beside one" if asked.left else f"pairs: {asked.rule.kind}",
        progress=messages.Progress(n_total - n_left, n_total, n_left),
        recent=store.recent_choices(reviewer),
        first=repr(asked._replace(shows_all=False)),
        guidance=guidance.in_force(store),
        shows_all=asked.shows_all,
    )


def nothing_here() -> None:
    """What a store without traces says."""
    st.info("There is nothing to compare yet. Bring traces in first.")
    _to_ingest()


def _no_pairs(room: ui.Room, asked: Asked) -> None:
    """Why this rule finds no pair, what would make one, and where others are."""
    st.info(f"No pair here. {MAKES[asked.rule.kind]}", icon=":material/compare_arrows:")
    others = [
        (kind, n)
        for kind in KINDS
        if kind != asked.rule.kind
        and (n := _line(
            room, asked._replace(rule=asked.rule._replace(kind=kind), shows_all=False),
            room.reviewer, (str(room.store.path), room.store.pulse().traces),
        ).left({}, 0)[1])
    ]  # fmt: skip
    for kind, n in others:
        st.page_link(
            "pages/8_Compare.py", label=f"{KINDS[kind]}: {n} pair{'' if n == 1 else 's'}",
            icon=":material/compare_arrows:",
            query_params={**st.query_params.to_dict(), "pairs_kind": kind},
        )  # fmt: skip
    if not others:
        _to_ingest()


def _to_ingest() -> None:
    st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
