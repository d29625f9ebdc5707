"""What is compared next: the rule of the sidebar, or the traces that the link names.

`?left=ID` sets the other traces of the problem beside one, `?left=ID&right=ID` one other. Two are
compared at a time, or up to four; what is chosen stands in the page's link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import streamlit as st

from curation import desk, editing, grouping, guidance, pairing, ui
from curation.desk import messages
from curation.desk import pairs as desk_for_pairs
from curation.pairing import KINDS, MAKES, Rule
from curation.records import MAX_AT_ONCE
from curation.reviewing import Line

KINDS_HELP = (
    "Each problem's pairs or groups are drawn by the seed, the same for everybody; nobody gets one "
    "twice. In which order the traces stand is drawn for each person and recorded."
)
AT_ONCE_HELP = (
    "Two: which is better? More: all of a problem in columns, and which is best? That one is then "
    "stored as better than each of the others."
)
OPEN_HELP = (
    "Shows who wrote each trace, what the teacher saw and the student's numbers before you choose; "
    "your choices then say that they were not blind."
)

AT_FIRST = 2_000
"""Problems of a line that are paired at first; more when somebody has come to their end."""


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
        at_once = st.number_input(
            "Traces at once, at most", 2, MAX_AT_ONCE, 2, key="pairs_at_once", bind="query-params",
            help=AT_ONCE_HELP, disabled=right is not None,
        )  # fmt: skip
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
    n_at_once = 2 if right is not None else int(at_once)
    return Asked(Rule(kind, int(seed), int(each), n_at_once), left, right, shows_all)


class _Front(NamedTuple):
    """The first places of a person's line, and what is not among them."""

    line: Line
    n_problems: int
    """Of which the line is."""
    n_more: int
    """Problems that come after them."""


@st.cache_resource(max_entries=32, show_spinner="Pairing the traces")
def _problems(_room: ui.Room, rule: Rule, reviewer: str, version: object) -> list[str]:
    """The problems of a rule in the person's order."""
    return pairing.problems(_room.store, rule, reviewer)


@st.cache_resource(max_entries=32, show_spinner="Pairing the traces")
def _front(_room: ui.Room, asked: Asked, reviewer: str, version: object, n: int) -> _Front:
    """The pairs or groups of the first `n` problems. Nobody changes it, so all reruns share it."""
    store, rule, of_one = _room.store, asked.rule, asked.left
    if of_one is not None:
        if rule.at_once > 2:
            return _Front(grouping.beside(store, of_one, rule.at_once), 1, 0)
        return _Front(pairing.beside(store, of_one, asked.right), 1, 0)
    every = _problems(_room, rule, reviewer, version)
    made = (grouping if rule.at_once > 2 else pairing).line(store, rule, reviewer, every[:n])
    return _Front(made, min(n, len(every)), max(len(every) - n, 0))


def _line(room: ui.Room, asked: Asked, decided: Mapping[str, str]) -> _Front:
    """The line, of so many problems that something waits in it, or of all."""
    version = str(room.store.path), room.store.pulse().traces
    n = AT_FIRST
    while True:
        front = _front(room, asked._replace(shows_all=False), room.reviewer, version, n)
        if not front.n_more or front.line.left(decided, 1)[0]:
            return front
        n *= 4


def desk_of_pairs(room: ui.Room, asked: Asked) -> None:
    """Hand the browser its next pairs or groups and store what comes back. Raises CurationError."""
    store, reviewer, student = room.store, room.reviewer, room.student
    are_groups = asked.rule.at_once > 2
    key = "groups" if are_groups else "pairs"
    decided = (grouping if are_groups else pairing).decided(store, reviewer)
    line, n_problems, n_more = _line(room, asked, decided)
    if n_more:
        st.sidebar.caption(
            f"Counted are the first {n_problems:,} problems of your order; {n_more:,} come after."
        )
    depth = desk.depth(key)
    deck, n_left = line.left(decided, depth)
    everything, n_total = line.left({}, depth)
    if not n_total:
        _no_pairs(room, asked)
        return
    if asked.left is not None and (asked.right is not None or not deck):
        deck = everything  # what the link names is shown, chosen before or not

    def build(place: str) -> messages.Card:
        order, why = _order(asked, reviewer, place), line.why(place)
        if are_groups:
            return desk_for_pairs.build_group_card(store, student, reviewer, order, why)
        return desk_for_pairs.build_card(store, student, reviewer, place, order[0], why)

    scores = store.score_versions([i for place in deck for i in _ids(asked, place)], student)
    what = "best of several" if are_groups else "pairs"
    desk_for_pairs.mount(
        [
            desk.Slip(
                place,
                f"{_order(asked, reviewer, place)}|{decided.get(place)}|"
                + "|".join(str(scores.get(i)) for i in _ids(asked, place)),
            )
            for place in deck
        ],
        build=build,
        decide=partial(editing.decide, store),
        key=key,
        at_once=asked.rule.at_once,
        store_id=store.setting("store_id") or str(store.path),
        reviewer=reviewer,
        queue=f"{what}: {'beside one' if asked.left else asked.rule.kind}",
        progress=messages.Progress(n_total - n_left, n_total, n_left),
        recent=(store.recent_choices_among if are_groups else store.recent_choices)(reviewer),
        first=repr(asked._replace(shows_all=False)),
        guidance=guidance.in_force(store),
        shows_all=asked.shows_all,
    )


def _ids(asked: Asked, place: str) -> Sequence[str]:
    """The traces of a place."""
    return grouping.ids_at(place) if asked.rule.at_once > 2 else pairing.pair_at(place)


def _order(asked: Asked, reviewer: str, place: str) -> list[str]:
    """The traces of a place from left to right: of a pair, the link's own trace stands left."""
    ids = _ids(asked, place)
    if asked.rule.at_once > 2:
        return grouping.order_of(ids, reviewer, asked.rule.seed)
    left = asked.left
    if left not in ids:
        left = pairing.left_of(pairing.pair_at(place), reviewer, asked.rule.seed)
    return sorted(ids, key=lambda name: name != left)


def nothing_here() -> None:
    """What a store without traces says."""
    st.info("There is nothing to compare yet. Bring traces in first.")
    _to_ingest()


def _no_pairs(room: ui.Room, asked: Asked) -> None:
    """Why this rule finds no pair, what would make one, and where others are."""
    what = "group" if asked.rule.at_once > 2 else "pair"
    st.info(f"No pair here. {MAKES[asked.rule.kind]}", icon=":material/compare_arrows:")
    others = []
    for kind in KINDS:
        if kind != asked.rule.kind:
            rule = asked.rule._replace(kind=kind)
            front = _line(room, asked._replace(rule=rule), {})
            if n := front.line.left({}, 0)[1]:
                others.append((kind, n, f"{n:,} or more" if front.n_more else f"{n:,}"))
    for kind, n, said in others:
        st.page_link(
            "pages/8_Compare.py", label=f"{KINDS[kind]}: {said} {what}{'' if n == 1 else 's'}",
            icon=":material/compare_arrows:",
            query_params={**st.query_params.to_dict(), "pairs_kind": kind},
        )  # fmt: skip
    if not others:
        _to_ingest()


def _to_ingest() -> None:
    st.page_link("pages/1_Ingest.py", label="Ingest traces", icon=":material/upload_file:")
