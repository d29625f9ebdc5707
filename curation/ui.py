"""What every page shares: its frame, the open store, the error boundary, safe text.

    with ui.page("Review") as room:
        room.store, room.caretaker, room.reviewer, room.settings

A page begins with who opens it: without somebody who may, nothing of it runs, and what `room.store`
writes goes through the gate (`curation.gate`). Owns the one store of the app's process, opened once
and shared by all sessions, with its door and its caretaker. `page` alone turns a CurationError into
a message; everything else crashes loudly.
Traces, file names and what people typed are untrusted: they reach the screen through `st.text`,
`st.code`, a data frame, or `escaped`, never as Markdown or HTML.
"""

from __future__ import annotations

import gc
import string
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation import compatibility, identity, owner, settings
from curation.caretaker import Caretaker
from curation.errors import CurationError, SignedOut
from curation.gate import Guarded, Warrant
from curation.identity import Policy, Role
from curation.owner import Owner
from curation.screens import sign_in
from curation.settings import Settings
from curation.sharing import Readers, Reservations

PAGES = (
    ("app.py", "Home", "home"),
    ("pages/1_Ingest.py", "Ingest", "upload_file"),
    ("pages/2_Scores.py", "Scores", "monitoring"),
    ("pages/3_Review.py", "Review", "rate_review"),
    ("pages/4_Spot_check.py", "Spot check", "troubleshoot"),
    ("pages/5_Agreement.py", "Agreement", "balance"),
    ("pages/6_Export.py", "Export", "download"),
    ("pages/7_Lexicon.py", "Lexicon", "dictionary"),
    ("pages/8_Compare.py", "Compare", "compare_arrows"),
    ("pages/9_Accounts.py", "Accounts", "manage_accounts"),
)
"""File, name and icon of each page, in the order of the sidebar."""

ICON = Path(__file__).parent / "hedgerow.svg"
"""A file of ours: Streamlit would fetch a Material page icon from a font service."""

REVIEWER = "reviewer"
"""The session's only key of ours: who is here. Everything else is in the store or in the link."""


BUSY_S = 2
"""How often a page looks for what is on its way."""
RESTING_S = 20
"""How often it looks whether somebody let the scorer go on."""

FILTER_HELP = "A DuckDB condition over the columns of trace_overview."


STARTED_S = time.time()
"""When this process read the code it runs, in seconds of the epoch."""

_STANDING: set[str] = set()
"""Titles of the pages that have run to their end once in this process."""


@dataclass(frozen=True)
class Room:
    """What a page works with."""

    store: Guarded
    """The store as who is here sees it: reads are as ever, writes go through the gate."""
    caretaker: Caretaker
    reviewer: str
    settings: Settings
    readers: Readers
    reservations: Reservations
    warrant: Warrant
    """Who acts, asked anew each time."""

    def may(self, role: Role) -> bool:
        """Whether who is here has this role: what to offer. What is done asks again."""
        return self.warrant.may(role)

    def require(self, deed: str) -> None:
        """Raises Forbidden where who is here may not do this (`identity.DEEDS`), or SignedOut."""
        self.warrant.check_deed(deed)

    def still(self) -> None:
        """For fragments, which run outside their page: where the session has ended, sign in."""
        try:
            self.warrant.who()
        except SignedOut:
            st.rerun()

    @property
    def student(self) -> str:
        """Whose numbers are shown: the one chosen, else the one that the app scores for."""
        return self.store.setting("student") or self.settings.student


@contextmanager
def page(title: str) -> Iterator[Room]:
    """The frame of a page: its config, the sidebar, the store; errors are shown as they read."""
    name = "Hedgerow" if title == "Home" else f"{title} · Hedgerow"
    st.set_page_config(page_title=name, page_icon=str(ICON), layout="wide")
    if is_changed_since(STARTED_S, Path(__file__).parent):
        st.warning(
            "Hedgerow's files were changed after this app had started, so a page may fail. Stop it "
            "and start it again; what is stored stays as it is, and decisions wait in the browser.",
            icon=":material/restart_alt:",
        )
    links = st.sidebar.container()
    try:
        rules = identity.read()
        sign_in.check_address(rules)
        if rules.mode == "local":
            _links(links, "admin", rules)
        room = _room(rules)
        who = room.warrant.check_page(title)
    except CurationError as exc:
        _show(exc)
        st.button("Try again", key="try_again")
        st.stop()
    if rules.mode != "local":
        _links(links, who.role, rules)
    with boundary():
        with st.sidebar:
            _scoring_line(room)
            st.caption("Store")
            st.text(room.settings.store.name, help=escaped(str(room.settings.store)))
        yield room
    if title not in _STANDING:
        _STANDING.add(title)
        # Streamlit collects garbage after every rerun, and looks through all that the libraries are
        # made of: .1 to .15 s in which nobody's page moves. What is frozen it passes over.
        gc.freeze()


def is_changed_since(started_s: float, folder: Path) -> bool:
    """Whether a Python file under `folder` was written after `started_s` (seconds of the epoch).

    Streamlit reads page scripts anew for each run and keeps the modules that they import.
    """
    return any(path.stat().st_mtime > started_s for path in folder.rglob("*.py"))


def _links(place: DeltaGenerator, role: Role, rules: Policy) -> None:
    """The pages that somebody of this role may open."""
    for path, label, symbol in PAGES:
        if identity.allows(role, identity.PAGES[label]) and (
            label != "Accounts" or rules.mode != "local"
        ):
            place.page_link(path, label=label, icon=f":material/{symbol}:", width="stretch")


def _room(rules: Policy) -> Room:
    """The store, who is here, and the dials. Raises CurationError."""
    dials = settings.read()
    held = _owner(
        str(dials.store), dials.student, dials.dtype, dials.background_scoring,
        dials.backup_hours, dials.backups_kept,
    )  # fmt: skip
    if held.backups is not None and held.backups.problem is not None:
        st.sidebar.warning(escaped(held.backups.problem), icon=":material/warning:")
    reviewer = _typed_name(dials) if rules.mode == "local" else ""
    warrant = sign_in.warrant(held.store, rules, reviewer)
    if rules.mode != "local":
        who = warrant.who()
        reviewer = who.name
        with st.sidebar:
            sign_in.signed_in_line(held.store, rules, who)
    return Room(
        Guarded.of(held.store, warrant), held.caretaker, reviewer, dials, held.readers,
        held.reservations, warrant,
    )  # fmt: skip


def _typed_name(dials: Settings) -> str:
    """Who is here, as they say: on one's own machine nobody is asked more."""
    typed = st.sidebar.text_input(
        "Reviewer",
        key=REVIEWER,
        value=dials.reviewer,
        help="Your decisions carry this name. It stays in the page's link.",
        bind="query-params",
        persist_state="session",
    )
    return (typed or "").strip() or dials.reviewer


@contextmanager
def boundary(room: Room | None = None) -> Iterator[None]:
    """Show a CurationError as it is written; for fragments, which run outside their page.

    Given the room, the page is run anew where its session has ended: it asks to sign in.
    """
    if room is not None:
        room.still()
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
def _owner(
    path: str, student: str, dtype: str, scoring: bool, backup_hours: int, backups_kept: int
) -> Owner:
    return owner.open(
        Path(path), student=student, dtype=dtype, scoring=scoring,
        backup_hours=backup_hours, backups_kept=backups_kept,
    )  # fmt: skip


def _scoring_line(room: Room) -> None:
    """Where scoring stands, in the sidebar; looks again by itself while there is some to do."""
    caretaker, student = room.caretaker, room.student
    every_s = None
    if caretaker.state(student)["waiting"]:
        every_s = RESTING_S if scorer_rests(room) else BUSY_S

    @st.fragment(run_every=every_s)
    def line() -> None:
        with boundary(room):
            state = caretaker.state(student)
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
                if state["reads_with"] not in (None, student):
                    st.caption(escaped(f"Reading with {state['reads_with']} first."))
                else:
                    st.caption(
                        f"The student is reading, {speed:.0f} tokens/s."
                        if speed
                        else "The student is loading."
                    )
            if every_s and not state["waiting"]:
                st.rerun()  # or the line looks again for good

    line()


def scorer_rests(room: Room) -> str | None:
    """Why nobody is reading what the student shown has not read; None where somebody is or will."""
    state = room.caretaker.state(room.student)
    if state["problem"]:
        return str(state["problem"])
    if state["paused"] and not state["running"]:
        return "The scorer is paused: let it go on on the page Scores."
    return None


def words(scores: Sequence[compatibility.ScoreWords]) -> None:
    """Of each score: what it says, which way to read it, what it is not for, its source."""
    with st.expander("What each number says, and what it is not for"):
        st.dataframe(
            [
                {
                    "Score": score.title,
                    "Unit": score.unit,
                    "The source prefers": score.direction,
                    "Says": score.says,
                    "Not for": score.not_for,
                    "Source": score.source,
                }
                for score in scores
            ],
            hide_index=True,
            placeholder="–",
            alt="The words of each score",
        )


def compared(room: Room, traces: pl.DataFrame, x: str, y: str) -> None:
    """Two scores of traces in words, with length held, and the teachers of the student's family."""
    columns = [traces[name].to_numpy() for name in (x, y, "n_tokens")]
    found = compatibility.compare(*columns, n_resamples=200)
    st.text(found.in_words())
    if found.warning:
        st.caption(found.warning)
    teachers = traces.select("teacher", "teacher_family").unique(maintain_order=True)
    kin = [compatibility.same_family(room.student, *row) for row in teachers.iter_rows()]
    for why in dict.fromkeys(each.why for each in kin if each.is_same):
        st.warning(escaped(why), icon=":material/family_restroom:")


def conventions(room: Room, traces: pl.DataFrame) -> None:
    """The convention records, and the recipes in use, under which the numbers of traces stand."""
    with st.expander("The convention and the recipes under which these numbers stand"):
        recipes = room.store.recipes()
        for convention in traces["convention_id"].drop_nulls().unique().sort():
            used = [
                recipe
                for recipe in recipes
                if recipe["recipe_id"]
                == room.store.setting(f"recipe/{convention}/{recipe['family']}")
            ]
            st.json({"convention": room.store.convention(convention), "recipes": used})
