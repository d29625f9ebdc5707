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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from curation import compatibility, owner, settings
from curation.caretaker import Caretaker
from curation.compatibility.cost import FAMILY_WORDS, duration, estimate
from curation.errors import CurationError
from curation.owner import Owner
from curation.records import FAMILIES, Family
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
    ("pages/7_Lexicon.py", "Lexicon", "dictionary"),
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


FILTER_HELP = "A DuckDB condition over the columns of trace_overview."


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


def _families_help() -> str:
    """Each family with what it costs and the titles of its numbers."""
    lines = []
    for family, name in FAMILY_WORDS.items():
        titles = [score.title for score in compatibility.SCORES if score.family == family]
        lines.append(f"- **{name.title}**: {name.says}. {'; '.join(titles)}.")
    lines.append(
        "\nWhat the student knows of a problem, from answers it gives: `python -m curation "
        "knowledge`, after `--estimate` has said what it costs."
    )
    return "\n".join(lines)


def scorer(room: Room, traces: pl.DataFrame) -> None:
    """Choose whose numbers are shown and which are computed; see the cost; start, pause, go on."""
    store, keeper = room.store, room.caretaker
    reads = room.settings.student
    students = sorted({*store.status()["students"], reads})
    shown = st.selectbox(
        "Student", students, index=students.index(room.student) if room.student in students else 0,
        key="scores_student", help="Whose numbers all pages show. Numbers of two never mix.",
    )  # fmt: skip
    if shown != room.student:
        store.set_setting("student", shown)
        st.rerun()
    if shown != reads:
        st.info(
            escaped(
                f"The app itself reads with {reads}. Start it with HEDGEROW_STUDENT={shown}, or "
                f"run `python -m curation score --student {shown}`, for more numbers of this one."
            )
        )
    wanted = store.families_wanted()
    chosen = st.multiselect(
        "Scores to compute", FAMILIES, default=[name for name in FAMILIES if name in wanted],
        format_func=lambda name: FAMILY_WORDS[name].title, key="scores_families",
        help=_families_help(),
    )  # fmt: skip
    families: list[Family] = ["likelihood", *(name for name in chosen if name != "likelihood")]
    todo = store.profile_state(reads, families)["waiting"]
    state = keeper.state()
    cost = estimate(traces, todo, families, state["measured_tokens_per_second"])
    st.text(cost.in_words())
    is_new = set(families) != set(wanted)
    buttons = st.container(horizontal=True)
    if buttons.button(
        "Start" if is_new or not state["paused"] else "Go on", key="scores_start", type="primary",
        disabled=not (is_new or state["paused"]), icon=":material/play_arrow:",
    ):  # fmt: skip
        store.set_setting("scores", ",".join(name for name in FAMILIES if name in families))
        keeper.resume()
        st.rerun()
    if buttons.button(
        "Pause", key="scores_pause", icon=":material/pause:", disabled=bool(state["paused"])
    ):
        keeper.pause()
        st.rerun()
    _scoring_progress(room, traces)


def _scoring_progress(room: Room, traces: pl.DataFrame) -> None:
    """How far the chosen scores are, at what speed, and what could not be computed."""
    store, keeper = room.store, room.caretaker
    reads = room.settings.student
    todo = store.profile_state(reads, store.families_wanted())["waiting"]

    @st.fragment(run_every=2 if todo and not keeper.state()["paused"] else None)
    def progress() -> None:
        with boundary():
            state = keeper.state()
            counts = store.profile_state(reads, store.families_wanted())
            if counts["total"]:
                st.progress(
                    counts["complete"] / counts["total"],
                    text=f"{counts['complete']:,} of {counts['total']:,} traces have these scores",
                )
            cost = estimate(traces, counts["waiting"], [], state["tokens_per_second"])
            st.caption(escaped(_pace(state, counts["waiting"], counts["total"], cost.seconds)))
            failures = store.failures(room.student)
            if failures.height:
                with st.expander(f"{failures.height} could not be computed"):
                    st.dataframe(
                        failures.select("external_id", "trace_id", "family", "error"),
                        hide_index=True, alt="What could not be computed, with the reason",
                    )  # fmt: skip

    progress()


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


def _pace(state: Mapping[str, Any], waiting: int, total: int, left_s: float | None) -> str:
    """In a line: at rest, at work, how fast and for how much longer, or done."""
    if state["problem"]:
        return str(state["problem"])
    if not waiting:
        return "All of it is done." if total else "There are no traces yet."
    if state["running"]:
        speed = state["tokens_per_second"]
        at = f"The student reads {speed:.0f} tokens/s." if speed else "The student is loading."
        left = f", about {duration(left_s)}" if left_s is not None else ""
        return f"{at} {waiting:,} traces to go{left}."
    return "Paused." if state["paused"] else "The scorer is about to start."
