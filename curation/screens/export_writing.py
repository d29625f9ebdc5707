"""Writing an export: where to, how far it is, what came of it, and the check of it.

It is written by a thread of the app (`export_jobs`): leaving the page does not stop it, and whoever
comes back, in any tab, finds it here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from curation import commands, export_jobs, ui
from curation.export.planning import Plan
from curation.screens.export_editor import Draft
from curation.settings import ROOT

AT_ONCE_S = 1.0
"""A small set is there so soon that no progress is worth showing."""


def section(room: ui.Room, draft: Draft, plan: Plan) -> None:
    """The folder, the button, and the export that runs or was last."""
    jobs = _jobs(str(room.store.path))
    st.subheader("Write")
    if "export_out" not in st.session_state:
        st.session_state["export_out"] = str(ROOT / "exports" / "sft")
    out = st.text_input("Folder", key="export_out", persist_state="session")
    overwrite = st.checkbox("Replace an earlier export in this folder", key="export_overwrite")
    is_busy = jobs.last is not None and jobs.last.is_running
    if st.button(
        "Write", type="primary", key="export_write", icon=":material/save:",
        disabled=plan.preview.refusal is not None or is_busy or not (out or "").strip(),
    ):  # fmt: skip
        started = jobs.start(
            room.store.of_job("write an export"),
            {
                "recipe": draft.recipe,
                "recipe_name": draft.name,
                "out": str(Path(out).expanduser()),
                "overwrite": overwrite,
            },
        )
        started.wait(AT_ONCE_S)
    if jobs.last is not None:
        _standing(jobs.last)
    written = room.store.exports()
    if written.height:
        with st.expander(f"Written so far ({written.height:,})", icon=":material/history:"):
            st.dataframe(written, hide_index=True, placeholder="–", key="export_written")


def _standing(job: export_jobs.Job) -> None:
    if job.is_running:
        _progress(job)
    elif job.crash is not None:
        raise job.crash
    elif job.error is not None:
        st.error(ui.escaped(job.error), icon=":material/error:")
    elif job.answer is not None:
        _result(job.answer)


def _progress(job: export_jobs.Job) -> None:
    """The bar, which looks again by itself; the page is run anew at the end."""

    @st.fragment(run_every=0.5)
    def bar() -> None:
        if not job.is_running:
            st.rerun(scope="app")
        share = job.n_written / job.n_rows if job.n_rows else 0.0
        of = f"{job.n_written:,} of {job.n_rows:,} rows" if job.n_rows else "Planning"
        st.progress(min(share, 1.0), text=of)
        st.caption(
            "You may leave this page: the app goes on writing, and this page says how far it is. "
            "If the app itself is stopped, no half-made folder is left under this name."
        )

    bar()


def _result(answer: dict[str, Any]) -> None:
    folder = str(Path(answer["manifest"]).parent)
    recipe = answer["recipe"]
    called = f" by the recipe {recipe['name']}" if recipe["name"] else ""
    n = sum(answer["rows"].values())
    st.success(
        ui.escaped(f"{n:,} rows written as {answer['format']}{called} to {folder}."),
        icon=":material/check:",
    )
    st.dataframe(
        [
            {"file": each["path"], "bytes": each["bytes"], "sha256": each["sha256"]}
            for each in answer["files"]
        ],
        hide_index=True, placeholder="–", key="export_files_written", alt="Files and their hashes",
    )  # fmt: skip
    st.caption("Open it")
    st.code(f"import datasets\n\ndata = datasets.load_dataset({folder!r})", language="python")
    st.caption("Make it again from its manifest, and see whether anything changed")
    st.code(
        f"python -m curation export --from-manifest {answer['manifest']!r} --out NEW_FOLDER",
        language="sh", wrap_lines=True,
    )  # fmt: skip
    if st.button("Verify", key="export_verify", icon=":material/verified:"):
        found = commands.verify_export(Path(folder))
        if found["broken"]:
            st.error(f"{len(found['broken']):,} of {found['checked']:,} things do not hold.")
            st.code("\n".join(found["broken"]), language=None, wrap_lines=True)
        else:
            st.success(
                f"{found['checked']:,} things checked, none is broken.", icon=":material/verified:"
            )


@st.cache_resource
def _jobs(path: str) -> export_jobs.Jobs:
    """The exports of one store, for every session."""
    return export_jobs.Jobs()
