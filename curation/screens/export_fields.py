"""A form made of a model: each option of a recipe's part gets the widget that its type asks for.

The options belong to those who know them (`export.layout`, `export.teaching`, …); what they are
called, what they may be and what is said of them is read off their model. So an option that is
added there stands on the page, and none is forgotten. What a widget cannot say (objects in objects)
is typed as JSON.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from curation.errors import ExportError

Path = tuple[str, ...]


def key_of(path: Path) -> str:
    """The widget's key of the option at `path` of a recipe."""
    return "_".join(("export", *path))


def fill(model: type[BaseModel], content: Mapping[str, Any], path: Path, *, anew: bool) -> None:
    """Put a recipe's part before its widgets; what a person typed stays unless `anew`."""
    for name, field in model.model_fields.items():
        here, value = (*path, name), content.get(name)
        kind, is_optional = _kind(field)
        if _is_model(kind):
            if is_optional:
                _put((*here, "used"), value is not None, anew=anew)
            fill(kind, value or {}, here, anew=anew)
        else:
            if name not in content and not field.is_required():
                value = field.get_default(call_default_factory=True)
            _put(here, _shown(kind, value), anew=anew)


def form(model: type[BaseModel], path: Path) -> dict[str, Any]:
    """The widgets of a part, and what they say, as JSON values. Raises ExportError."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        here = (*path, name)
        kind, is_optional = _kind(field)
        label, help_text = name.replace("_", " ").capitalize(), _help(field)
        if not _is_model(kind):
            found[name] = _asked(kind, here, label, help_text, is_optional)
            continue
        if is_optional and not st.toggle(
            label, key=key_of((*here, "used")), help=help_text, persist_state="session"
        ):
            found[name] = None
            continue
        with st.container(border=True):
            found[name] = form(kind, here)
    return found


def n_changed(model: type[BaseModel], path: Path) -> int:
    """How many options of a part that was filled in are not at their default."""
    n = 0
    for name, field in model.model_fields.items():
        here, (kind, is_optional) = (*path, name), _kind(field)
        if not _is_model(kind):
            default = field.get_default(call_default_factory=True)
            n += st.session_state[key_of(here)] != _shown(kind, default)
        elif is_optional:
            n += bool(st.session_state[key_of((*here, "used"))])
        else:
            n += n_changed(kind, here)
    return n


def _put(path: Path, value: Any, *, anew: bool) -> None:
    key = key_of(path)
    if anew or key not in st.session_state:
        st.session_state[key] = value


def _asked(kind: Any, path: Path, label: str, help_text: str | None, is_optional: bool) -> Any:
    """The widget of one option, and what it says now."""
    key = key_of(path)
    if kind is bool:
        return st.toggle(label, key=key, help=help_text, persist_state="session")
    if get_origin(kind) is Literal:
        options = [*([None] if is_optional else []), *get_args(kind)]
        return st.selectbox(
            label, options, key=key, help=help_text, persist_state="session",
            format_func=lambda value: "–" if value is None else str(value),
        )  # fmt: skip
    if kind in (int, float):
        return st.number_input(
            label, key=key, help=help_text, persist_state="session", value=None,
            step=1 if kind is int else 0.05,
            format=None if kind is int else "%g",
            placeholder="no limit" if is_optional else None,
        )  # fmt: skip
    if _chosen_among(kind):
        return st.multiselect(
            label, list(_chosen_among(kind)), key=key, help=help_text, persist_state="session"
        )
    typed = (st.text_input(label, key=key, help=help_text, persist_state="session") or "").strip()
    if kind is str:
        return None if is_optional and not typed else typed
    if _is_words(kind):
        return [word.strip() for word in typed.split(",") if word.strip()]
    if not typed:
        return None
    try:
        return json.loads(typed)
    except json.JSONDecodeError as exc:
        raise ExportError(
            f"{label} is typed as JSON, and {typed[:40]!r} is none ({exc.msg}, place {exc.pos})."
        ) from exc


def _shown(kind: Any, value: Any) -> Any:
    """An option's value as its widget holds it."""
    if kind is bool or kind in (int, float) or get_origin(kind) is Literal:
        return float(value) if kind is float and value is not None else value
    if _chosen_among(kind):
        return list(value or ())
    if kind is str:
        return value or ""
    if _is_words(kind):
        return ", ".join(value or ())
    return "" if value is None else json.dumps(value, default=_as_json)


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"a {type(value).__name__}")


def _kind(field: FieldInfo) -> tuple[Any, bool]:
    """The type of an option, and whether it may be left out (None)."""
    annotation = field.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [each for each in get_args(annotation) if each is not type(None)]
        return (kinds[0] if len(kinds) == 1 else object), len(kinds) < len(get_args(annotation))
    return annotation, False


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _chosen_among(kind: Any) -> tuple[Any, ...]:
    """The words of a `tuple[Literal[…], …]`; empty for any other type."""
    arguments = get_args(kind)
    if get_origin(kind) is tuple and arguments and get_origin(arguments[0]) is Literal:
        return get_args(arguments[0])
    return ()


def _is_words(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[:1] == (str,)


def _help(field: FieldInfo) -> str | None:
    said = " ".join((field.description or "").split())
    return said or None
