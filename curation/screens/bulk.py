"""Many traces decided alike: a filter, what it meets, ten examples, one button, one undo.

What is decided is exactly what the preview shows: the button carries the ids, and is made anew when
the filter changes. Traces that the reviewer has decided keep what was said of them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import streamlit as st

from curation import guidance, reasons, ui
from curation.errors import CurationError
from curation.records import VERDICTS

N_EXAMPLES = 10
SAID = "bulk_said"
HELP = (
    "For what a filter can tell, say a broken format: every trace that meets it gets your verdict, "
    "as a decision of yours with the origin “bulk”. It counts in agreement and in the export like "
    "any other. What needs reading belongs on the desk."
)


def section(room: ui.Room, where: str | None) -> None:
    """The section, under the filter `where` of the page."""
    if not room.may("lead"):
        st.caption("Deciding many at once takes the role lead.")
        return
    st.caption(HELP)
    st.text(f"Only traces where {where}" if where else "All traces: the filter above is empty.")
    text = st.text_input(
        "Holds the text", key="bulk_text",
        help="Besides the filter above. Between slashes it is a regular expression: /so|hence/",
    )  # fmt: skip
    found = room.store.find(where, text)
    mine = room.store.decided_by(room.reviewer)
    ids = [trace_id for trace_id in found if trace_id not in mine]
    st.markdown(
        f"**{len(ids):,} traces** would be decided; {len(found) - len(ids):,} that match have "
        "your verdict already, which stays."
    )
    if ids:
        _examples(room, ids)
    if where is None and not text.strip():
        st.info("Give a filter first: nobody decides everything at once.", icon=":material/info:")
    else:
        _form(room, ids)
    _past(room)


def _examples(room: ui.Room, ids: list[str]) -> None:
    """Ten of them by their hash, so that they are not all of one problem."""
    drawn = sorted(ids, key=lambda i: hashlib.sha256(i.encode()).digest())[:N_EXAMPLES]
    traces = [room.store.trace(trace_id) for trace_id in drawn]
    st.dataframe(
        [
            {
                "Teacher": trace.teacher, "Teacher saw": trace.teacher_context,
                "Prompt": trace.prompt[:160], "Begins": trace.text[:240],
                "Ends": trace.text[-160:], "Trace": trace.trace_id,
            }
            for trace in traces
        ],
        hide_index=True, placeholder="–", key="bulk_examples",
        column_config={
            "Teacher": st.column_config.Column(width="small"),
            "Prompt": st.column_config.Column(width="medium"),
            "Begins": st.column_config.Column(width="medium"),
            "Ends": st.column_config.Column(width="medium"),
        },
        alt=f"{len(drawn)} of {len(ids)} traces that would be decided",
    )  # fmt: skip


def _form(room: ui.Room, ids: list[str]) -> None:
    standing = guidance.in_force(room.store)
    usable = reasons.in_use(standing.reasons)
    left, right = st.columns(2)
    verdict = left.selectbox("Verdict", VERDICTS, index=1, key="bulk_verdict")
    chosen = right.multiselect(
        "Reasons", list(usable), format_func=lambda code: usable.get(code, code), key="bulk_reasons"
    )
    note = st.text_input("Note: why, for whoever reads these decisions later", key="bulk_note")

    def decide() -> None:
        try:
            _, n = room.store.decide_all(
                ids,
                room.reviewer,
                verdict,
                reasons=chosen,
                note=note.strip(),
                under=standing.stamp,
            )
        except CurationError as exc:
            st.session_state[SAID] = ("error", str(exc))
        else:
            st.session_state[SAID] = ("success", f"{n:,} traces decided: {verdict}.")

    st.button(
        f"Decide these {len(ids):,}: {verdict}", key="bulk_decide", on_click=decide,
        disabled=not ids or not note.strip(), type="primary",
        help="A note is needed." if ids and not note.strip() else None,
    )  # fmt: skip


def _past(room: ui.Room) -> None:
    """What was said of the last step, and the bulks that can be taken back."""
    kind, said = st.session_state.pop(SAID, (None, ""))
    if kind == "error":
        st.error(ui.escaped(said), icon=":material/error:")
    elif kind == "success":
        st.success(ui.escaped(said), icon=":material/check:")
    past = room.store.bulks(room.reviewer)
    if not past:
        return
    st.subheader("Your bulk decisions")
    labels = guidance.labels(room.store)
    for row in past[:10]:
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.text(_in_words(row, labels))
        right.button(
            "Take back", key=f"bulk_undo_{row['bulk_id']}", icon=":material/undo:",
            disabled=not row["n_live"], on_click=_undo, args=(room, row["bulk_id"]),
        )  # fmt: skip


def _undo(room: ui.Room, bulk_id: str) -> None:
    try:
        n = room.store.undo_all(bulk_id, room.reviewer)
    except CurationError as exc:
        st.session_state[SAID] = ("error", str(exc))
    else:
        st.session_state[SAID] = ("success", f"{n:,} decisions taken back.")


def _in_words(row: dict[str, Any], labels: dict[str, str]) -> str:
    why = ", ".join(labels.get(reason, reason) for reason in row["reasons"])
    stands = "" if row["n_live"] == row["n"] else f", {row['n_live']:,} of them stand"
    said = "; ".join(part for part in (why, row["note"]) if part)
    at = f"{row['decided_at']:%Y-%m-%d %H:%M} UTC"
    return f"{at}: {row['verdict']} {row['n']:,} traces{stands}" + (f" ({said})" if said else "")
