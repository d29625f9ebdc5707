"""On the Scores page: which students read, what they compute, what it costs, how far they are.

Owns no number. A student is a row of the store (`store.readers`): all that are wanted are read
with, one after another, the one shown first; numbers of two are never mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from curation import compatibility
from curation.compatibility.cost import FAMILY_WORDS, duration, estimate
from curation.errors import StudentError
from curation.records import FAMILIES, Family
from curation.settings import DTYPES
from curation.store import Reader
from curation.student import check_name
from curation.ui import Room, boundary, escaped


def scorer(room: Room, lengths: pl.DataFrame) -> None:
    """Choose whose numbers are shown and which are computed; see the cost; start, pause, go on."""
    store, keeper = room.store, room.caretaker
    if not room.may("lead"):
        st.caption("Leads choose whose numbers are shown and which are computed.")
        _progress(room, lengths, room.student)
        return
    shown = _students(room)
    wanted = store.families_wanted()
    chosen = st.multiselect(
        "Scores to compute", FAMILIES, default=[name for name in FAMILIES if name in wanted],
        format_func=lambda name: FAMILY_WORDS[name].title, key="scores_families",
        help=_families_help(),
    )  # fmt: skip
    families: list[Family] = ["likelihood", *(name for name in chosen if name != "likelihood")]
    todo = store.profile_state(shown, families)["waiting"]
    state = keeper.state(shown)
    if lengths.height:
        cost = estimate(lengths, todo, families, state["measured_tokens_per_second"])
        st.text(cost.in_words())
    is_new = set(families) != set(wanted)
    buttons = st.container(horizontal=True)
    if buttons.button(
        "Start" if is_new or not state["paused"] else "Go on", key="scores_start", type="primary",
        disabled=not (is_new or (state["paused"] and state["total"])), icon=":material/play_arrow:",
    ):  # fmt: skip
        room.require("steer the scorer")
        store.set_setting("scores", ",".join(name for name in FAMILIES if name in families))
        keeper.resume()
        st.rerun()
    if buttons.button(
        "Pause", key="scores_pause", icon=":material/pause:", disabled=bool(state["paused"])
    ):
        room.require("steer the scorer")
        keeper.pause()
        st.rerun()
    _progress(room, lengths, shown)


def _students(room: Room) -> str:
    """Choose the student that is shown, add one, or let one go; the name of the one shown."""
    store, keeper = room.store, room.caretaker
    readers = {reader.student: reader for reader in store.readers()}
    students = sorted({*store.students(), *readers, room.student})
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    shown: str = left.selectbox(
        "Student", students, index=students.index(room.student), key="scores_student",
        help="Whose numbers all pages show. Numbers of two never mix.",
    )  # fmt: skip
    if shown != room.student:
        store.set_setting("student", shown)
        st.rerun()
    reader = readers.get(shown, Reader(shown, room.settings.dtype, False))
    reads = right.toggle(
        "Reads in this app", value=reader.is_wanted, key=f"scores_reads_{shown}",
        help="Off: its numbers stay as they are, and new traces are not read with it.",
    )  # fmt: skip
    if reads != reader.is_wanted:
        store.set_reader(shown, reader.dtype, is_wanted=reads)
        keeper.wake()
        st.rerun()
    with st.popover("Add a student", icon=":material/person_add:"):
        name = st.text_input(
            "Name", key="scores_new_student",
            placeholder="a folder, a .gguf file, or owner/model of the hub",
            help="A causal language model with its tokenizer: config.json with safetensors, or "
            "GGUF. No code that comes with a model is run.",
        )  # fmt: skip
        dtype = st.selectbox("Computed in", DTYPES, key="scores_new_dtype")
        problem = _problem_of(name.strip())
        if problem:
            st.warning(escaped(problem), icon=":material/warning:")
        st.button(
            "Add", key="scores_add_student", disabled=problem != "", on_click=_add,
            args=(room, name.strip(), dtype),
        )  # fmt: skip
    return shown


def _problem_of(name: str) -> str | None:
    """Why no student can have this name; "" where one can, None while none is typed."""
    if not name:
        return None
    try:
        check_name(name)
    except StudentError as exc:
        return str(exc)
    return ""


def _add(room: Room, name: str, dtype: str) -> None:
    """Let the app read with a student, and show it: the choice above follows."""
    room.store.set_reader(name, dtype)
    room.store.set_setting("student", name)
    st.session_state["scores_student"] = name
    room.caretaker.wake()


def _progress(room: Room, lengths: pl.DataFrame, shown: str) -> None:
    """How far the chosen scores are, at what speed, and what could not be computed."""
    store, keeper = room.store, room.caretaker
    todo = store.profile_state(shown, store.families_wanted())["waiting"]

    @st.fragment(run_every=2 if todo and not keeper.state()["paused"] else None)
    def progress() -> None:
        with boundary():
            state = keeper.state(shown)
            counts = store.profile_state(shown, store.families_wanted())
            if counts["total"]:
                st.progress(
                    counts["complete"] / counts["total"],
                    text=f"{counts['complete']:,} of {counts['total']:,} traces have these scores",
                )
            cost = estimate(lengths, counts["waiting"], [], state["tokens_per_second"])
            st.caption(escaped(_pace(state, counts["waiting"], counts["total"], cost.seconds)))
            failures = store.failures(shown)
            if failures.height:
                with st.expander(f"{failures.height} could not be computed"):
                    st.dataframe(
                        failures.select("external_id", "trace_id", "family", "error"),
                        hide_index=True, placeholder="–",
                        alt="What could not be computed, with the reason",
                    )  # fmt: skip

    progress()


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


def _pace(state: Mapping[str, Any], waiting: int, total: int, left_s: float | None) -> str:
    """In a line: at rest, at work, how fast and for how much longer, or done."""
    if state["problem"]:
        return str(state["problem"])
    if not waiting:
        return "All of it is done." if total else "There are no traces yet."
    if state["running"] and state["reads_with"] not in (None, state["student"]):
        return f"{waiting:,} traces to go; the scorer reads with {state['reads_with']} first."
    if state["running"]:
        speed = state["tokens_per_second"]
        at = f"The student reads {speed:.0f} tokens/s." if speed else "The student is loading."
        left = f", about {duration(left_s)}" if left_s is not None else ""
        return f"{at} {waiting:,} traces to go{left}."
    return "Paused." if state["paused"] else "The scorer is about to start."
