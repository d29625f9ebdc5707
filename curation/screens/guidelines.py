"""Writing what reviewers go by: the guidelines' Markdown and the reason set, with earlier versions.

`instead` takes the place of a page with a desk where its link says so (`?guidelines=edit`). What is
stored comes into force at once, on every desk; nothing of before is lost. The text is shown
rendered on the desk alone, by the one renderer that sanitises.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import streamlit as st

from curation import guidance, reasons, ui
from curation.errors import CurationError
from curation.reasons import Guidance, Reason

PARAMETER = "guidelines"
SAID = "guidelines_said"
TEXT_HELP = (
    "Markdown and formulas; links and images are shown as text. On the desk, key i opens them; who "
    "has not seen this version is told quietly that they changed."
)
REASONS_HELP = (
    "The reasons in use stand on the keys 1 to 9 in the order of their places. Word a label better "
    "freely, but give a new meaning a new reason: what was decided before keeps its code. A reason "
    "that is no longer in use is still shown where it was given."
)


REVIEW = "pages/3_Review.py"


def link(room: ui.Room, page: str = REVIEW) -> None:
    """In the sidebar of `page`, for leads: where guidelines and reasons are written."""
    if not room.may("lead"):
        return
    st.sidebar.page_link(
        page, label="Guidelines and reasons", icon=":material/rule:",
        query_params={**st.query_params.to_dict(), PARAMETER: "edit"},
    )  # fmt: skip


def instead(room: ui.Room, page: str = REVIEW) -> None:
    """Show the editor and end the page's run, where the link asks for it; else nothing."""
    if st.query_params.get(PARAMETER) != "edit" or not room.may("lead"):
        return
    rest = {name: v for name, v in st.query_params.to_dict().items() if name != PARAMETER}
    st.page_link(
        page, label="Back to the desk", icon=":material/arrow_back:",
        query_params=rest,
    )  # fmt: skip
    with ui.boundary():
        standing = guidance.in_force(room.store)
        kind, said = st.session_state.pop(SAID, (None, ""))
        if kind is not None:
            show = st.error if kind == "error" else st.success
            show(ui.escaped(said), icon=f":material/{'error' if kind == 'error' else 'check'}:")
        _text(room, standing)
        _reasons(room, standing)
    st.stop()


def _told(change: Any, done: str) -> None:
    """Run a change and say what became of it on the next run."""
    try:
        change()
    except CurationError as exc:
        st.session_state[SAID] = ("error", str(exc))
    else:
        st.session_state[SAID] = ("success", done)


def _text(room: ui.Room, standing: Guidance) -> None:
    st.subheader("Guidelines")
    version, based_on = standing.guidelines_id, standing.basis.get("guidelines")
    if standing.stored_at is not None:
        st.caption(ui.escaped(f"In force: {_by(standing.author, standing.stored_at)}, {version}"))
    # The key is the version's: what another one left in the field is not written over this one.
    key = f"guidelines_text_{based_on}"

    def store() -> None:
        text = st.session_state[key]
        _told(
            lambda: guidance.write_guidelines(room.store, text, room.reviewer, based_on),
            "The guidelines are in force." if text.strip() else "There are no guidelines now.",
        )

    st.text_area(
        "What reviewers are to do", standing.text, key=key, height=360, help=TEXT_HELP,
        max_chars=guidance.MAX_CHARS,
    )  # fmt: skip
    st.button("Put in force", key="guidelines_store", on_click=store, type="primary")
    _earlier(room, based_on)


def _earlier(room: ui.Room, based_on: str | None) -> None:
    """Earlier versions, to read and to put in force again."""
    log = [row for row in room.store.guideline_log("guidelines").to_dicts() if row["content"]]
    if len({row["guideline_id"] for row in log}) < 2:
        return
    with st.expander(f"Earlier versions ({len(log) - 1})"):
        row = st.selectbox(
            "Version", log, key="guidelines_version",
            format_func=lambda each: (
                f"no. {each['sequence']}, {_by(each['author'], each['stored_at'])}"
                f"{' (in force)' if each['is_in_force'] else ''}"
            ),
        )  # fmt: skip
        st.code(row["content"], language=None, wrap_lines=True)

        def again() -> None:
            _told(
                lambda: guidance.write_guidelines(
                    room.store, row["content"], room.reviewer, based_on
                ),
                "The earlier guidelines are in force again.",
            )

        st.button(
            "Put this one in force again", key="guidelines_again", on_click=again,
            disabled=row["guideline_id"] == based_on,
        )  # fmt: skip


def _reasons(room: ui.Room, standing: Guidance) -> None:
    st.subheader("Reasons")
    st.caption(REASONS_HELP)
    based_on = standing.basis.get("reasons")

    def key(name: str, code: str) -> str:
        return f"reason_{name}_{code}_{based_on}"

    def store() -> None:
        state = st.session_state
        placed = sorted(
            enumerate(standing.reasons, start=1),
            # Of two that wish for one place, the one that was moved there comes first.
            key=lambda pair: (
                (place := state[key("place", pair[1].code)]),
                place == pair[0],
                pair[0],
            ),
        )
        wished = [
            Reason(
                reason.code,
                state[key("label", reason.code)],
                not state[key("use", reason.code)],
            )
            for _, reason in placed
        ]
        added = [state[key("new", "label")]]
        _told(
            lambda: guidance.change_reasons(room.store, wished, added, room.reviewer, based_on),
            "The reasons are in force.",
        )

    with st.form(f"reasons_{based_on}", border=False):
        for title, column in zip(("Place", "Label"), st.columns([1, 5, 2]), strict=False):
            column.caption(title)
        for place, reason in enumerate(standing.reasons, start=1):
            where, label, used = st.columns([1, 5, 2], vertical_alignment="bottom")
            where.number_input(
                f"Place of {reason.code}", 1, 99, place, key=key("place", reason.code),
                label_visibility="collapsed",
            )  # fmt: skip
            label.text_input(
                f"Label of {reason.code}", reason.label, key=key("label", reason.code),
                max_chars=reasons.MAX_LABEL_CHARS, label_visibility="collapsed",
            )  # fmt: skip
            used.checkbox(
                f"in use ({reason.code})", not reason.is_retired, key=key("use", reason.code)
            )
        st.text_input(
            "A new reason", key=key("new", "label"), max_chars=reasons.MAX_LABEL_CHARS,
            placeholder="Skips a case",
        )  # fmt: skip
        st.form_submit_button("Put in force", key="reasons_store", on_click=store, type="primary")


def _by(author: str, at: Any) -> str:
    return f"by {author}, {at.astimezone(UTC):%d %b %Y, %H:%M} UTC"
