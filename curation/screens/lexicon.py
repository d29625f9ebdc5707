"""The sections of the Lexicon page: the version in use, the form with its preview, log, entries.

A phrase is what somebody typed and a context is a trace: both stand in table cells and `st.text`.
"""

from __future__ import annotations

import uuid

import polars as pl
import streamlit as st

from curation import lexicon_effects, lexicons
from curation.errors import CurationError
from curation.hedging import versions as tables
from curation.hedging.changes import ACTIONS, NONE, Change
from curation.hedging.lexicon import Lexicon
from curation.lexicon_effects import Effect, Found
from curation.lexicons import State
from curation.records import CATEGORIES
from curation.store import Store
from curation.ui import Room, boundary, escaped

SHOWN = 500
"""Entries in the table at once; the search narrows them."""

_ACTS = {
    "add": "Add a phrase",
    "silence": "Silence a phrase",
    "reclassify": "Put a phrase into another category",
}
_CATEGORY_WORDS = {NONE: "none: no marker, nor anything inside it"}


def version(room: Room, state: State) -> None:
    """Which version is in use, what it stands on, and the table to take away."""
    lexicon = state.lexicon
    left, middle, right = st.columns([3, 1, 1], vertical_alignment="bottom")
    base = f"on version {state.base_id}" if state.base_id else "on the shipped lexicon"
    with left:
        st.caption("In use")
        st.code(lexicon.lexicon_id, language=None)
        st.caption(
            f"The team's changes in it: {len(state.changes)}, {base}. Every count carries this id."
        )
    middle.metric("Entries", f"{len(lexicon.entries):,}")
    right.download_button(
        "Table (TSV)", lexicon.content.encode(), f"{lexicon.language}.tsv", key="lexicon_download",
        mime="text/tab-separated-values", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    for idle in state.idle:
        st.warning(
            escaped(f"A change has no effect ({idle.change.action} {idle.change.phrase}): "
                    f"{idle.reason}"),
            icon=":material/warning:",
        )  # fmt: skip


def progress(room: Room) -> None:
    """How far the app has marked the traces with the lexicons in use; what is not counted."""
    waiting = lexicons.standing(room.store)["waiting"]

    @st.fragment(run_every=1 if waiting else None)
    def line() -> None:
        with boundary():
            now = lexicons.standing(room.store)
            total = now["counted"] + now["refused"] + now["waiting"]
            if not total:
                st.caption("There are no traces yet.")
                return
            done = now["counted"] + now["refused"]
            st.progress(done / total, text=f"{now['counted']:,} of {total:,} traces marked")
            if now["refused"]:
                by_language = ", ".join(
                    f"{language} {n:,}" for language, n in now["refused_languages"].items()
                )
                st.info(
                    f"Not counted: {now['refused']:,}, in a language without a lexicon "
                    f"({escaped(by_language)}).",
                    icon=":material/translate:",
                )
            if now["undetermined"]:
                st.caption(
                    f"Too few words to tell a language: {now['undetermined']:,}, marked as English."
                )
            if waiting and not now["waiting"]:
                st.rerun()

    line()


def form(room: Room, state: State) -> None:
    """Say what to change, see what it would do, then store it."""
    first, second, third, fourth = st.columns([2, 3, 2, 1])
    action = first.selectbox("Change", ACTIONS, format_func=_ACTS.__getitem__, key="lexicon_action")
    phrase = second.text_input("Phrase", key="lexicon_phrase", max_chars=100) or ""
    category = strength = None
    if action != "silence":
        category = third.selectbox(
            "Category", (*CATEGORIES, NONE), key="lexicon_category",
            format_func=lambda name: _CATEGORY_WORDS.get(name, name),
        )  # fmt: skip
        strength = fourth.selectbox("Strength", ("strong", "weak"), key="lexicon_strength")
    why = st.text_input("Why", key="lexicon_why", placeholder="what speaks for it") or ""
    if not phrase.strip():
        st.caption("Type a phrase to see what the change would do. Nothing is stored before that.")
        return
    wished = Change(action, phrase, category, strength, why.strip(), room.reviewer)
    try:
        n_traces = room.store.status()["traces"]
        version = (str(room.store.path), state.lexicon.lexicon_id, n_traces)
        effect = _preview(
            room.store, state.lexicon.language, wished._replace(why="", who=""), version
        )
    except CurationError as exc:
        st.warning(escaped(str(exc)), icon=":material/block:")
        return
    _effect(effect)
    st.button(
        "Store the change", type="primary", icon=":material/save:", key="lexicon_store",
        disabled=not why.strip(), on_click=_store, help="It carries your name, and the reason.",
        args=(room, state.lexicon.language, wished, str(uuid.uuid4())),
    )  # fmt: skip
    if not why.strip():
        st.caption("Say why, so that the others can follow.")


def _store(room: Room, language: str, wished: Change, change_id: str) -> None:
    """Store a change as it was previewed."""
    with boundary():
        lexicons.change(room.store, language, [wished], [change_id])
        room.caretaker.wake()
        st.session_state["lexicon_phrase"] = ""
        st.session_state["lexicon_why"] = ""
        st.toast("Stored. The traces are being marked anew.", icon=":material/check:")


def _effect(effect: Effect) -> None:
    if not effect.n_traces:
        st.info(
            f"As far as read, no trace would change: of the {effect.n_candidates:,} that may hold "
            "the phrase, none would be marked differently. It would still hold for traces to come."
        )
        return
    columns = st.columns(3)
    columns[0].metric("Traces that change", f"{effect.n_traces:,}", border=True)
    columns[1].metric("Markers that come", f"{effect.n_come:,}", border=True)
    columns[2].metric("Markers that go", f"{effect.n_go:,}", border=True)
    if effect.n_read < effect.n_candidates:
        st.caption(
            f"Of the first {effect.n_read:,} of {effect.n_candidates:,} traces that may hold it."
        )
    if effect.examples:
        st.dataframe(
            [
                {
                    "is now": example.was or "–",
                    "would be": example.becomes or "–",
                    "before": example.before,
                    "marker": example.surface,
                    "after": example.after,
                    "trace": example.trace_id,
                }
                for example in effect.examples
            ],
            hide_index=True, placeholder="–",
            key="lexicon_examples", alt="Examples of what would change",
        )  # fmt: skip


def changes(room: Room, state: State) -> None:
    """The team's log for this language, newest first, and the form to take one back."""
    log = room.store.lexicon_changes(state.lexicon.language)[::-1]
    if not log:
        st.caption("None so far: the lexicon is as it was shipped.")
        return
    withdrawn = {record["withdraws"] for record in log}
    st.dataframe(
        [
            {
                "no.": record["sequence"],
                "change": record["action"],
                "phrase": record["phrase"] or _about(record, log),
                "category": record["category"] or "",
                "strength": record["strength"] or "",
                "why": record["why"],
                "who": record["who"],
                "when": record["changed_at"],
                "withdrawn": record["change_id"] in withdrawn,
            }
            for record in log
        ],
        hide_index=True, placeholder="–", key="lexicon_log", alt="The team's changes",
    )  # fmt: skip
    live = {record["change_id"]: record for record in log if record["is_live"]}
    if not live:
        return
    left, middle, right = st.columns([3, 3, 1], vertical_alignment="bottom")
    chosen = left.selectbox(
        "Take back", list(live), key="lexicon_take_back",
        format_func=lambda i: f"no. {live[i]['sequence']}: {live[i]['action']} "
        f"{live[i]['phrase'] or live[i]['lexicon_id'] or 'shipped'}",
    )  # fmt: skip
    why = middle.text_input("Why take it back", key="lexicon_withdraw_why") or ""
    right.button(
        "Withdraw", key="lexicon_withdraw", icon=":material/undo:", disabled=not why.strip(),
        on_click=_withdraw, args=(room, chosen, why),
    )  # fmt: skip


def _withdraw(room: Room, change_id: str, why: str) -> None:
    """Take a change back."""
    with boundary():
        lexicons.withdraw(room.store, change_id, why=why, who=room.reviewer)
        room.caretaker.wake()
        st.session_state["lexicon_withdraw_why"] = ""


def _about(record: dict[str, object], log: list[dict[str, object]]) -> str:
    """What a record without a phrase is about."""
    if record["action"] == "use":
        return str(record["lexicon_id"] or "shipped")
    return next(f"no. {r['sequence']}" for r in log if r["change_id"] == record["withdraws"])


def entries(room: Room, state: State) -> None:
    """The entries, searched, with how often each was the marker found."""
    search = st.text_input(
        "Search", key="lexicon_search", placeholder="a phrase, category, rule or source"
    )
    lexicon = state.lexicon
    with st.spinner("Counting how often each phrase occurs"):
        counts = counted(room.store, lexicon)
    found = lexicon_effects.occurrences(lexicon, counts, search or "")
    shown = found.sort("n_found", descending=True, nulls_last=True, maintain_order=True)
    st.dataframe(
        shown.head(SHOWN),
        hide_index=True, placeholder="–", key="lexicon_entries", alt="The entries of the lexicon",
        column_config={
            "n_found": st.column_config.NumberColumn(
                "found", help="How often it was the marker in the traces marked by this version: "
                "after its rule, not inside a longer phrase. Empty: not marked yet, or no marker.",
            ),
        },
    )  # fmt: skip
    if found.height > SHOWN:
        st.caption(f"The {SHOWN} most frequent of {found.height:,}; the search narrows them.")


def counted(store: Store, lexicon: Lexicon) -> Found:
    """How often each entry was found, counted once for what is marked."""
    known = store.lexicon_versions().filter(pl.col("lexicon_id") == lexicon.lexicon_id)
    version = str(store.path), lexicon.lexicon_id, int(known["n_marked"].sum())
    return _counts(store, lexicon, version)


@st.cache_data(max_entries=4, show_spinner=False)
def _counts(_store: Store, _lexicon: Lexicon, version: tuple[str, str, int]) -> Found:
    """How often each entry was found; `version` names what that depends on."""
    return lexicon_effects.count(_store, _lexicon)


@st.cache_data(max_entries=16, show_spinner="Reading the traces that hold the phrase")
def _preview(_store: Store, language: str, wished: Change, version: tuple[str, str, int]) -> Effect:
    """What a change would do; `version` names what that depends on."""
    return lexicon_effects.preview(_store, language, wished)


def versions(room: Room, state: State) -> None:
    """Every stored version of this language, and the way back to one."""
    known = room.store.lexicon_versions().filter(pl.col("language") == state.lexicon.language)
    if not known.height:
        st.caption("None is stored yet; the first comes with the first trace marked.")
        return
    st.dataframe(
        known.drop("language"), hide_index=True, placeholder="–",
        key="lexicon_versions", alt="The stored versions",
        column_config={"n_marked": "traces marked", "is_in_use": "in use", "added_at": "added"},
    )  # fmt: skip
    others = known.filter(~pl.col("is_in_use"))["lexicon_id"].to_list()
    if state.lexicon.language in tables.shipped_languages():
        others.insert(0, "shipped")
    if not others:
        return
    left, middle, right = st.columns([3, 3, 1], vertical_alignment="bottom")
    chosen = left.selectbox("Go to", others, key="lexicon_use")
    why = middle.text_input("Why go there", key="lexicon_use_why") or ""
    right.button(
        "Use", key="lexicon_use_it", icon=":material/history:", disabled=not why.strip(),
        on_click=_use, args=(room, chosen, why, state.lexicon.language),
    )  # fmt: skip
    st.caption("The team's changes so far stay in the log; later ones stand on this version.")


def bring_in(room: Room) -> None:
    """Take a lexicon from a table that another team exported, or that is for another language."""
    with st.expander("Bring in a table (TSV)"):
        left, middle = st.columns([3, 1])
        file = left.file_uploader("Table", type=["tsv"], key="lexicon_file")
        language = middle.text_input(
            "Language", key="lexicon_file_language", placeholder="as its name says: de.tsv",
            help="ISO 639. Needed where neither the file's name nor a line `# language: de` says.",
        )  # fmt: skip
        why = st.text_input("Why bring it in", key="lexicon_file_why") or ""
        if file is None:
            return
        try:
            content = file.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            st.warning(f"It is not UTF-8 (byte {exc.start}); convert it first.")
            return
        lexicon = tables.read_content(content, (language or "").strip() or None, file.name)
        st.text(f"Language {lexicon.language}, {len(lexicon.entries):,} entries")
        st.button(
            "Use this table", key="lexicon_file_use", icon=":material/upload:",
            disabled=not why.strip(), on_click=_take_in, args=(room, lexicon, why),
        )  # fmt: skip


def _take_in(room: Room, lexicon: Lexicon, why: str) -> None:
    """Store a table and use it."""
    with boundary():
        lexicons.take_in(room.store, lexicon, why=why, who=room.reviewer)
        room.caretaker.wake()
        st.session_state["lexicon_file_why"] = ""
        st.toast("In use. The traces are being marked.", icon=":material/check:")


def _use(room: Room, lexicon_id: str, why: str, language: str) -> None:
    """Go to a version."""
    with boundary():
        lexicons.use(room.store, lexicon_id, why=why, who=room.reviewer, language=language)
        room.caretaker.wake()
        st.session_state["lexicon_use_why"] = ""
