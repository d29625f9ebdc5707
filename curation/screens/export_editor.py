"""The recipe of an export, edited: format, filter, splits, the folded parts, saved versions.

The draft lives in the widgets of this tab; *Save* makes a version of it in the store, and the link
names the version that was opened. Nothing here is written to disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st
from pydantic import BaseModel

from curation import export, export_recipes, gold_items, ui
from curation.errors import CurationError
from curation.export.formats import FAMILIES
from curation.screens import export_fields

OPENED = "export_opened"
"""Which saved version the draft began as, `NAME@NUMBER`; "" for none."""
SAID = "export_said"
PARTS: Mapping[str, tuple[str, str]] = {
    "teaching": ("Reasoning and loss", "school"),
    "weights": ("Weights of words", "line_weight"),
    "layout": ("Pairs, steps and directives", "call_split"),
    "selection": ("Selection and duplicates", "filter_list"),
    "contamination": ("Benchmarks to keep out", "gpp_maybe"),
    "budget": ("Hedging budget", "balance"),
    "writing": ("Files", "folder_zip"),
}
"""Title and icon of a recipe's part; one that is not here is called by its name."""


class Draft(NamedTuple):
    """The recipe in the widgets, and the saved version it began as."""

    recipe: export.Recipe
    opened: export_recipes.Named | None

    @property
    def name(self) -> str | None:
        """The name of the saved recipe that this is, unchanged; None for a draft."""
        held = self.opened
        return held.name if held is not None and held.recipe == self.recipe else None


def edit(room: ui.Room) -> Draft:
    """The widgets, and the recipe that they say. Raises CurationError where they say none."""
    opened = _opened(room)
    _fill(export.Recipe() if opened is None else opened.recipe, anew=False)
    _choose(room)
    format = st.selectbox(
        "Format", list(export.FORMATS), key="export_format", persist_state="session",
        format_func=lambda name: f"{FAMILIES.get(name, 'Plain')} · {name}",
    )  # fmt: skip
    st.caption(ui.escaped(export.FORMATS[format].replace("`", "")))  # dimmed code has no contrast
    where = _filter(room)
    splits, seed = st.columns([3, 1])
    typed = splits.text_input(
        "Splits, grouped by problem", key="export_splits", persist_state="session",
        help="name=share with commas between; no problem stands in two of them.",
    )  # fmt: skip
    drawn = seed.number_input("Seed", step=1, key="export_seed", persist_state="session")
    content: dict[str, Any] = {
        "format": format, "where": where, "splits": export.parse_splits(typed or ""), "seed": drawn,
        "files": st.segmented_control(
            "Files", list(export.FILE_TYPES), required=True, key="export_files",
            persist_state="session",
        ),
    }  # fmt: skip
    for name, model in _parts().items():
        title, icon = PARTS.get(name, (name.capitalize(), "tune"))
        changed = export_fields.n_changed(model, (name,))
        label = f"{title} · {changed} set" if changed else title
        with st.expander(label, icon=f":material/{icon}:", key=f"export_part_{name}"):
            content[name] = export_fields.form(model, (name,))
    return Draft(export.recipe_from(content), opened)


def _parts() -> dict[str, type[BaseModel]]:
    """The nested parts of a recipe, those with a title first and in their order."""
    found = {
        name: field.annotation
        for name, field in export.Recipe.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    order = [*(name for name in PARTS if name in found), *(n for n in found if n not in PARTS)]
    return {name: found[name] for name in order}


def _fill(recipe: export.Recipe, *, anew: bool) -> None:
    """Put a recipe into the widgets; what a person typed stays unless `anew`."""
    where, without_gold = gold_items.filter_parts(recipe.where)
    plain = {
        "export_format": recipe.format,
        "export_where": where or "",
        "export_without_gold": without_gold,
        "export_splits": ",".join(f"{name}={share:g}" for name, share in recipe.splits.items()),
        "export_seed": recipe.seed,
        "export_files": recipe.files,
    }
    for key, value in plain.items():
        if anew or key not in st.session_state:
            st.session_state[key] = value
    for name, model in _parts().items():
        export_fields.fill(model, recipe.content()[name], (name,), anew=anew)


def _opened(room: ui.Room) -> export_recipes.Named | None:
    """The saved version that the draft began as: the link's on the first run, then the chosen."""
    if OPENED not in st.session_state:
        st.session_state[OPENED] = st.query_params.get("recipe", "")
    reference = st.session_state[OPENED]
    if not reference:
        return None
    try:
        return export_recipes.find(room.store, reference)
    except CurationError as exc:
        st.warning(ui.escaped(f"{exc} The recipe below is a new one."))
        st.session_state[OPENED] = ""
        st.query_params.pop("recipe", None)
        return None


def _choose(room: ui.Room) -> None:
    """Which saved recipe to begin with."""
    log = room.store.export_recipe_log()
    labels = {
        f"{row['name']}@{row['number']}": f"{row['name']}@{row['number']} · {row['author']}, "
        f"{row['saved_at']:%Y-%m-%d %H:%M}"
        for row in log.iter_rows(named=True)
    }
    if not labels:
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = row.selectbox(
        "Saved recipes", list(labels), key="export_saved", format_func=lambda ref: labels[ref]
    )
    row.button(
        "Open", key="export_open", on_click=_open, args=(room, chosen), width="content",
        help="Puts this version into the form; what stands there unsaved is gone then.",
    )  # fmt: skip


def _open(room: ui.Room, reference: str) -> None:
    try:
        found = export_recipes.find(room.store, reference)
    except CurationError as exc:
        st.session_state[SAID] = ("error", str(exc))
        return
    st.session_state[OPENED] = reference
    st.query_params["recipe"] = reference
    _fill(found.recipe, anew=True)


def _filter(room: ui.Room) -> str | None:
    views = export_recipes.saved_filters(room.store)

    def take() -> None:
        st.session_state["export_where"] = views.get(st.session_state["export_view"]) or ""

    where = st.text_input(
        "Only traces where", key="export_where", placeholder="teacher_context = 'unguided'",
        help=ui.FILTER_HELP, persist_state="session",
    )  # fmt: skip
    if views:
        row = st.container(horizontal=True, vertical_alignment="bottom")
        row.selectbox("Saved views of Review", list(views), key="export_view")
        row.button("Use", key="export_view_use", on_click=take, width="content")
    is_without_gold = st.checkbox(
        "Leave gold items out", key="export_without_gold", persist_state="session",
        help="Traces whose right verdict was known; else they are exported like any other.",
    )  # fmt: skip
    return gold_items.export_filter((where or "").strip() or None, is_without_gold)
