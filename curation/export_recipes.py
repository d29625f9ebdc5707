"""Recipes that are kept: found by name or file, saved, told apart, filters of saved views.

Conductor: joins `export`, which knows what a recipe means, with the store, which keeps its text.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from curation import export, gold_items
from curation.errors import ExportError
from curation.export import versions
from curation.people_commands import VIEW
from curation.store import SavedRecipe, Store


class Named(NamedTuple):
    """A recipe, and what it is called."""

    recipe: export.Recipe
    name: str | None
    """The name under which it is saved; None for a recipe of a file."""
    number: int | None = None
    author: str | None = None

    @property
    def label(self) -> str:
        """How it is spoken of: `NAME@2`, or a recipe from a file."""
        return f"{self.name}@{self.number}" if self.name else "a recipe of a file"


def is_file(reference: str) -> bool:
    """Whether a reference names a file: it ends in .json, or has a folder in it."""
    return reference.endswith(".json") or os.sep in reference or "/" in reference


def absolute(reference: str) -> str:
    """A reference that another process, in another folder, understands too."""
    return os.path.abspath(os.path.expanduser(reference)) if is_file(reference) else reference


def find(store: Store, reference: str) -> Named:
    """The recipe that `FILE_OR_NAME[@VERSION]` means; without a version the newest.

    Raises ExportError for a file that holds none, StoreError for a name or version that is not
    there.
    """
    if is_file(reference):
        return Named(_read_file(Path(reference)), None)
    name, at, version = reference.partition("@")
    return opened(store.export_recipe(name, version if at else None))


def opened(saved: SavedRecipe) -> Named:
    """A saved version as a recipe. Raises ExportError where this release cannot read it."""
    recipe = export.read_recipe(saved.content, f"{saved.name}@{saved.number}")
    return Named(recipe, saved.name, saved.number, saved.author)


def save(store: Store, name: str, recipe: export.Recipe, author: str) -> SavedRecipe:
    """Save a recipe as the newest version of `name`, once its filter was found to run.

    Raises StoreError (name, author, filter); then nothing is saved.
    """
    if name.strip().endswith(".json"):
        raise ExportError(
            f"{name!r:.80} cannot name a recipe, since it reads as a file's name; leave .json out."
        )
    check_filter(store, recipe.where)
    return store.save_export_recipe(name, recipe.text, author)


def check_filter(store: Store, where: str | None) -> None:
    """Raises FilterError where the store cannot, or will not, run this filter."""
    if where is not None:
        store.list_traces(where, "arrival", 0)


def difference(was: export.Recipe, now: export.Recipe) -> list[str]:
    """What `now` says otherwise, a line for each field."""
    return [str(each) for each in versions.differences(was.content(), now.content())]


def write_file(recipe: export.Recipe, path: Path) -> None:
    """Write a recipe to a new file, to be read, changed and shared. Raises ExportError."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(pretty(recipe))
    except FileExistsError as exc:
        raise ExportError(f"{path} is there already; name a file to be made.") from exc
    except OSError as exc:
        raise ExportError(f"{path} cannot be written: {exc.strerror or exc}.") from exc


def pretty(recipe: export.Recipe) -> str:
    """A recipe as indented JSON, as a person edits it."""
    return json.dumps(recipe.content(), ensure_ascii=False, indent=2) + "\n"


def saved_filters(store: Store) -> dict[str, str | None]:
    """The saved views of the review queue, by name, each as a filter (None: it keeps everything).

    A view's text is looked for as the queue looks for it: letter case aside, between slashes as a
    regular expression.
    """
    found = {}
    for name, value in store.settings(VIEW).items():
        view = json.loads(value)
        found[name] = condition(view.get("where"), view.get("text"))
    return found


def condition(where: str | None, text: str | None) -> str | None:
    """One filter that asks for both, None where neither asks for anything."""
    parts = []
    if where and where.strip():
        parts.append(where.strip())
    sought = (text or "").strip()
    pattern = re.fullmatch(r"/(.+)/", sought, re.DOTALL)
    if pattern:
        quoted = _quoted(pattern[1])
        parts.append(
            f"regexp_matches(text, {quoted}, 'i') or regexp_matches(prompt, {quoted}, 'i')"
        )
    elif sought:
        quoted = _quoted(sought)
        parts.append(
            f"contains(lower(text), lower({quoted})) or contains(lower(prompt), lower({quoted}))"
        )
    return (
        " and ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts)
    ) or None


def from_flags(
    format: str, where: str | None, splits: str, seed: int, files: str, *, without_gold: bool
) -> export.Recipe:
    """The recipe of the flags of `export`. Raises ExportError."""
    return export.recipe_from(
        {
            "format": format,
            "where": gold_items.export_filter(where, without_gold),
            "splits": export.parse_splits(splits),
            "seed": seed,
            "files": files,
        }
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _read_file(path: Path) -> export.Recipe:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise ExportError(f"{path} is not UTF-8 (byte {exc.start}); convert it first.") from exc
    except OSError as exc:
        raise ExportError(
            f"The recipe {path} cannot be read: {exc.strerror or exc}. Name a JSON file, or a "
            "saved recipe (`python -m curation recipe list`)."
        ) from exc
    return export.read_recipe(text, str(path))
