"""Bring files in: what they hold, how they are read, what was refused and why."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from curation import commands, ingest, intake, ui
from curation.errors import IngestError

AUTOMATIC = "recognise"


def chosen_file() -> Path | None:
    """The file to read: uploaded (kept for this session) or named by its path."""
    upload = st.file_uploader("A file", help="JSONL, JSON, CSV or Parquet.", key="upload")
    named = st.text_input(
        "or a path on the machine that runs Hedgerow",
        key="path",
        placeholder="/data/traces.jsonl, or a folder that datasets.save_to_disk wrote",
    )
    if upload is not None:
        folder = Path(tempfile.gettempdir()) / f"hedgerow-{upload.file_id}"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / (Path(upload.name).name or "upload")
        if not path.exists():
            path.write_bytes(upload.getbuffer())
        return path
    return Path(named.strip()).expanduser() if named and named.strip() else None


def previewed(path: Path, form: str | None, mapping: dict[str, str] | None) -> ingest.Preview:
    """How the file would be read; an error speaks of the file and of this page's fields."""
    try:
        return ingest.preview(path, format=form, mapping=mapping)
    except IngestError as exc:
        words = str(exc).replace(str(path), path.name)
        words = words.replace("--map ", "").replace("--format ", "Format ")
        raise IngestError(f"{words} (Mapping and Format stand above.)") from exc


def store_it(room: ui.Room, path: Path, form: str | None, mapping: dict[str, str] | None) -> None:
    """Take the file in and say what came of it."""
    room.require("read files of the server")
    with st.spinner("Reading and storing"):
        answer = commands.run(
            "ingest",
            room.store,
            {
                "sources": [str(path)],
                "format": form,
                "map": mapping,
                "max_trace_chars": room.settings.max_trace_chars,
            },
        )
    room.caretaker.wake()
    st.success(
        f"{answer['read']:,} rows read: {answer['new']:,} new, {answer['duplicate']:,} known "
        f"already, {answer['rejected']:,} refused.",
        icon=":material/check:",
    )
    if answer["quarantine"]:
        st.warning("The refused rows lie in a file: mend them there and ingest it again.")
        st.code(answer["quarantine"], language=None, wrap_lines=True)
        st.dataframe(answer["refusals"], hide_index=True, placeholder="–")


with ui.page("Ingest") as room:
    st.title("Ingest")
    path = chosen_file()
    left, right = st.columns(2)
    form = left.selectbox("Format", [AUTOMATIC, *ingest.FORMATS], key="format")
    typed = right.text_input(
        "Mapping", key="mapping", placeholder="prompt=question trace=model_output",
        help="Only where the columns are not recognised: field=column pairs, dots reach inside, "
        "quotes hold a name with spaces together. Fields: " + ", ".join(ingest.FIELDS) + ".",
    )  # fmt: skip
    if path is not None:
        chosen = None if form == AUTOMATIC else form
        mapping = intake.parse_mapping(typed or "")
        preview = previewed(path, chosen, mapping)
        st.subheader("How it will be read")
        st.text(f"{preview.format}: {preview.why}")
        st.dataframe(
            [{"field": field, "column": column} for field, column in preview.mapping.items()],
            hide_index=True,
            placeholder="–",
        )
        traces = preview.batch.traces
        st.subheader(f"The first {traces.height} traces")
        st.dataframe(
            traces.select(
                "line", "prompt", "text", "teacher", "teacher_context", "reference_answer",
                "final_answer", "is_correct",
            ),
            hide_index=True, placeholder="–",
        )  # fmt: skip
        if preview.batch.refusals:
            st.warning(f"{len(preview.batch.refusals)} of the first rows would be refused.")
            st.dataframe(
                [{"line": r.line, "field": r.field, "why": r.reason}
                 for r in preview.batch.refusals],
                hide_index=True, placeholder="–",
            )  # fmt: skip
        if st.button("Store", type="primary", key="store", icon=":material/save:"):
            store_it(room, path, chosen, mapping)
    history = room.store.ingests()
    if history.height:
        st.subheader("What was read so far")
        st.dataframe(history.drop("ingest_id"), hide_index=True, placeholder="–")
