"""What is kept beside the review desk, for all who sit at one store."""

from __future__ import annotations

import streamlit as st

from curation import reviewing, ui
from curation.desk import cards, messages
from curation.store.reading import Pulse

HEAD_START_S = 1.0
"""In a large store, what the first card has before the pool is looked for beside it."""


@st.cache_resource(max_entries=4, show_spinner=False)
def pools(
    _room: ui.Room, path: str, student: str, *, is_small: bool
) -> reviewing.Newest[cards.Among]:
    """What percentiles are of, found beside the reviewing: in a large store it takes seconds."""
    return reviewing.Newest(lambda: cards.pool(_room.store), 0.0 if is_small else HEAD_START_S)


def pool(room: ui.Room, pulse: Pulse) -> cards.Among | None:
    """What percentiles are of, None until it is known; waited for where little is stored."""
    is_small = pulse.traces <= reviewing.EXACT
    asked = pools(room, str(room.store.path), room.student, is_small=is_small)
    return asked.at(reviewing.grown(pulse), patience_s=0.3 if is_small else 0.0)


@st.cache_resource(max_entries=32, show_spinner=False)
def prepared(
    _room: ui.Room, path: str, student: str, reviewer: str
) -> reviewing.Prepared[messages.Card]:
    """The cards that come behind this reviewer's deck, made while they read."""
    return reviewing.Prepared(8)


@st.cache_resource(max_entries=4, show_spinner=False)
def standing(_room: ui.Room, path: str, student: str) -> reviewing.Standing:
    """Under what the numbers of cards stand, for all sessions."""
    return reviewing.Standing(_room.store, student)
