"""Write a training set: first what would be in it, then the files and their manifest."""

from __future__ import annotations

import streamlit as st

from curation import commands, export, gold_items, ui
from curation.screens import export_scales
from curation.settings import ROOT

with ui.page("Export") as room:
    st.title("Export")
    left, right = st.columns(2)
    form = left.selectbox(
        "Format", list(export.FORMATS), key="export_format",
        format_func=lambda name: f"{name}: {export.FORMATS[name]}",
    )  # fmt: skip
    files = right.segmented_control(
        "Files", list(export.FILE_TYPES), default="jsonl", required=True, key="export_files"
    )
    where = left.text_input(
        "Only traces where", key="export_where", placeholder="teacher_context = 'unguided'",
        help="A DuckDB condition over the columns of trace_overview.",
    )  # fmt: skip
    typed_splits = right.text_input(
        "Splits, grouped by problem", value="train=0.9,validation=0.1", key="export_splits"
    )
    seed = int(right.number_input("Seed", value=0, step=1, key="export_seed"))
    out = left.text_input("Folder", value=str(ROOT / "exports" / "sft"), key="export_out")

    is_without_gold = right.checkbox(
        "Leave gold items out", key="export_without_gold",
        help="Traces whose right verdict was known; else they are exported like any other.",
    )  # fmt: skip
    where = gold_items.export_filter(where, is_without_gold) or ""
    splits = export.parse_splits(typed_splits or "")
    what = "pairs" if export.is_of_pairs(form) else "traces"
    recipe = export.recipe_from(
        {"format": form, "where": where or None, "splits": splits, "seed": seed}
    )
    preview = export.preview(room.store, recipe)
    st.subheader("What would be in it")
    st.dataframe(
        [
            {"split": name, what: n, "problems": preview.problems[name]}
            for name, n in preview.rows.items()
        ],
        hide_index=True,
        placeholder="–",
    )
    if preview.left_out:
        st.caption("Left out, by state")
        st.dataframe(
            [{"state": state, what: n} for state, n in preview.left_out.items()],
            hide_index=True,
            placeholder="–",
        )
    for note in preview.notes:
        st.info(ui.escaped(note), icon=":material/info:")
    if preview.refusal is not None:
        st.warning(ui.escaped(preview.refusal), icon=":material/block:")
    export_scales.section(room, recipe)
    st.subheader("Write it")
    overwrite = st.checkbox("Replace an earlier export in this folder", key="export_overwrite")
    if st.button(
        "Write", type="primary", key="export_write", icon=":material/save:",
        disabled=preview.refusal is not None,
    ):  # fmt: skip
        answer = commands.run(
            "export",
            room.store,
            {
                "format": form,
                "out": out,
                "where": where or None,
                "splits": typed_splits,
                "seed": seed,
                "files": files,
                "overwrite": overwrite,
            },
        )
        st.success(f"{sum(answer['rows'].values()):,} {what} written.", icon=":material/check:")
        st.dataframe(answer["files"], hide_index=True, placeholder="–")
        st.caption("Open it")
        st.code(f"import datasets\n\ndata = datasets.load_dataset({out!r})", language="python")
    written = room.store.exports()
    if written.height:
        st.subheader("Written so far")
        st.dataframe(written, hide_index=True, placeholder="–")
