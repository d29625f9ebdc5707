"""One row of an export as its trainer reads it: through the student's template, loss in colour."""

from __future__ import annotations

import streamlit as st

from curation import export_reading, export_templates, ui
from curation.desk import taught
from curation.errors import StudentError
from curation.export.planning import Plan


def section(room: ui.Room, plan: Plan) -> None:
    """Choose a row; see it as a file holds it and, where it is a conversation, as tokens."""
    n = plan.rows.height
    if not n:
        st.caption("There is no row yet: the first tab says what is missing.")
        return
    left, right = st.columns(2, vertical_alignment="bottom")
    number = left.number_input(
        f"Row, of {n:,}", min_value=1, max_value=n, step=1, key="export_row", value=1
    )
    student = right.text_input(
        "Student whose template renders it", value=room.student, key="export_row_student",
        help="The student to be trained: a folder, a .gguf file or the embedded one.",
    )  # fmt: skip
    row = export_reading.row_of(room.store, plan, int(number) - 1)
    st.caption(ui.escaped(f"Split {row.split}, trace {row.content.get('trace_id', '–')}"))
    if row.messages is None:
        st.caption("Rows of this format are no conversation, so no template renders them.")
    elif sum(len(str(each.get("content"))) for each in row.messages) > export_reading.MOST_CHARS:
        st.caption("This row is too long to be shown in tokens.")
    elif st.toggle(
        "Tokens and loss, through the chat template", key="export_tokens",
        help="Loads the student's tokenizer, not its weights; the first time takes seconds.",
    ):  # fmt: skip
        _tokens(room, row, (student or "").strip() or room.student)
    st.caption("The row as it stands in the file")
    st.code(export_reading.as_json(row.content), language="json", wrap_lines=True, height=360)


def _tokens(room: ui.Room, row: export_reading.Row, student: str) -> None:
    assert row.messages is not None
    messages = export_reading.said(row.messages)
    try:
        with st.spinner("Loading the tokenizer"):
            template = export_templates.of(room.store.path)(student)
        finding = template.look(messages)
        pieces = template.preview(
            messages, loss_on=row.loss_on, masked=row.masked, weights=row.weights or ()
        )
    except StudentError as exc:
        st.warning(ui.escaped(str(exc)), icon=":material/warning:")
        return
    if finding.status == "dropped":
        st.error(ui.escaped(finding.said), icon=":material/error:")
        st.code(finding.diff, language="diff", wrap_lines=True)
    elif finding.said:
        st.caption(ui.escaped(finding.said))
    n_loss = sum(piece.has_loss for piece in pieces)
    told = f"{len(pieces):,} tokens, {n_loss:,} of them carry loss"
    if row.weights is not None:
        n_below = sum(piece.has_loss and piece.weight < 1 for piece in pieces)
        total = sum(piece.weight for piece in pieces)
        told += f", {n_below:,} of these weigh less than 1; together they count for {total:,.1f}"
    st.caption(f"{told}.")
    if len(pieces) > taught.MOST_TOKENS:
        st.caption(f"The first {taught.MOST_TOKENS:,} are shown.")
    taught.mount(pieces, key="export_taught", label="The row in tokens")
