"""What every page shares: its frame, the open store, the error boundary, safe text.

    with ui.page("Review") as room:
        room.store, room.caretaker, room.reviewer, room.settings

Owns the one store of the app's process, opened once and shared by all sessions, with its door and
its caretaker. `page` alone turns a CurationError into a message; everything else crashes loudly.
Traces, file names and what people typed are untrusted: they reach the screen through `st.text`,
`st.code`, a data frame, or `escaped`, never as Markdown or HTML.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from curation import owner, settings
from curation.caretaker import Caretaker
from curation.errors import CurationError
from curation.owner import Owner
from curation.settings import Settings
from curation.store import Store

PAGES = (
    ("app.py", "Home", "home"),
    ("pages/1_Ingest.py", "Ingest", "upload_file"),
    ("pages/2_Scores.py", "Scores", "monitoring"),
    ("pages/3_Review.py", "Review", "rate_review"),
    ("pages/4_Spot_check.py", "Spot check", "troubleshoot"),
    ("pages/5_Agreement.py", "Agreement", "balance"),
    ("pages/6_Export.py", "Export", "download"),
)
"""File, name and icon of each page, in the order of the sidebar."""

ICON = Path(__file__).parent / "hedgerow.svg"
"""A file of ours: Streamlit would fetch a Material page icon from a font service."""

REVIEWER = "reviewer"
"""The session's only key of ours: who is here. Everything else is in the store or in the link."""


DEMO_NOTE = (
    "The demo traces were written by a model that reasoned silently before it wrote. Even the "
    "unguided ones read as the work of someone who already knows, so their contexts hardly differ "
    "in hedging: a null result with a reason, and a good first lesson."
)


@dataclass(frozen=True)
class Room:
    """What a page works with."""

    store: Store
    caretaker: Caretaker
    reviewer: str
    settings: Settings

    @property
    def student(self) -> str:
        """Whose numbers are shown: the one chosen, else the one that the app scores for."""
        return self.store.setting("student") or self.settings.student


@contextmanager
def page(title: str) -> Iterator[Room]:
    """The frame of a page: its config, the sidebar, the store; errors are shown as they read."""
    name = "Hedgerow" if title == "Home" else f"{title} · Hedgerow"
    st.set_page_config(page_title=name, page_icon=str(ICON), layout="wide")
    with st.sidebar:
        for path, label, symbol in PAGES:
            st.page_link(path, label=label, icon=f":material/{symbol}:", width="stretch")
    try:
        room = _room()
    except CurationError as exc:
        _show(exc)
        st.button("Try again", key="try_again")
        st.stop()
    with boundary():
        with st.sidebar:
            _scoring_line(room.caretaker)
            st.caption("Store")
            st.text(room.settings.store.name, help=escaped(str(room.settings.store)))
        yield room


def _room() -> Room:
    """The store, who is here, and the dials. Raises CurationError."""
    dials = settings.read()
    held = _owner(str(dials.store), dials.student, dials.dtype, dials.background_scoring)
    typed = st.sidebar.text_input(
        "Reviewer",
        key=REVIEWER,
        value=dials.reviewer,
        help="Your decisions carry this name. It stays in the page's link.",
        bind="query-params",
        persist_state="session",
    )
    reviewer = (typed or "").strip() or dials.reviewer
    return Room(held.store, held.caretaker, reviewer, dials)


@contextmanager
def boundary() -> Iterator[None]:
    """Show a CurationError as it is written; for fragments, which run outside their page."""
    try:
        yield
    except CurationError as exc:
        _show(exc)


def _show(exc: CurationError) -> None:
    st.error(escaped(str(exc)), icon=":material/error:")


def escaped(text: str) -> str:
    """`text` for an element that reads Markdown: every mark of it stands for itself.

    ASCII punctuation is escaped as CommonMark allows; line breaks become spaces; control and
    bidirectional characters are shown by their code point.
    """
    out = []
    for char in text:
        if char in string.punctuation:
            out.append("\\" + char)
        elif char.isspace():
            out.append(" ")
        elif not char.isprintable():
            out.append(f"U+{ord(char):04X}")
        else:
            out.append(char)
    return "".join(out)


@st.cache_resource(show_spinner="Opening the store", on_release=lambda held: held.close())
def _owner(path: str, student: str, dtype: str, scoring: bool) -> Owner:
    return owner.open(Path(path), student=student, dtype=dtype, scoring=scoring)


def _scoring_line(caretaker: Caretaker) -> None:
    """Where scoring stands, in the sidebar; looks again by itself while there is some to do."""
    busy = caretaker.state()["waiting"] > 0

    @st.fragment(run_every=2 if busy else None)
    def line() -> None:
        with boundary():
            state = caretaker.state()
            if not state["total"]:
                return
            done = state["total"] - state["waiting"]
            st.progress(
                done / state["total"],
                text=f"{done} of {state['total']} traces scored"
                + (f", {state['failed']} without success" if state["failed"] else ""),
            )
            if state["problem"]:
                st.warning(escaped(state["problem"]), icon=":material/warning:")
            elif state["waiting"] and state["running"]:
                speed = state["tokens_per_second"]
                st.caption(
                    f"The student is reading, {speed:.0f} tokens/s."
                    if speed
                    else "The student is loading."
                )

    line()
