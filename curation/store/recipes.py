"""Recipes of exports: named, in versions that are only added to.

A version is a name and a text; the same text under two names is one version id. What a recipe
means is worked out elsewhere (`curation.export.recipe`); here it is the canonical text that its id
hashes. (The recipes of scores, `Store.recipes`, are other things: how a number was computed.)
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any, NamedTuple

import polars as pl

from curation.errors import StoreError
from curation.records import content_id, recipe_version_id
from curation.store.connection import Connection, now

_NAME = re.compile(r"[^\W_][\w .-]{0,59}")


class SavedRecipe(NamedTuple):
    """A version of a recipe as it was saved."""

    name: str
    version_id: str
    content: str
    """The recipe's canonical JSON."""
    author: str
    number: int
    """1 for the first version of this name, 2 for the next, …"""
    is_new: bool = False
    """Whether saving it stored anything: what is the newest version already is not saved twice."""


def check_recipe_name(name: str) -> str:
    """`name` without spaces around it. Raises StoreError where it cannot name a recipe."""
    stripped = name.strip()
    if not _NAME.fullmatch(stripped) or not stripped.isprintable():
        raise StoreError(
            f"{name!r:.80} cannot name a recipe: give 1 to 60 letters, digits, spaces, dots, "
            "hyphens or underscores, a letter or digit first. Nothing was saved."
        )
    return stripped


def _row_hash(row: dict[str, Any]) -> str:
    at = row["saved_at"].astimezone(UTC).isoformat(timespec="microseconds")
    return content_id(
        "es1", str(row["sequence"]), row["name"], row["version_id"], row["author"], at
    )


class RecipeKeeping(Connection):
    """The part of a store that keeps recipes of exports."""

    def save_export_recipe(self, name: str, content: str, author: str) -> SavedRecipe:
        """Save a canonical text as the newest version of `name`; nothing changes where it is.

        Raises StoreError for a name that cannot be one, and for an author without a name.
        """
        name = check_recipe_name(name)
        if not author.strip():
            raise StoreError("A recipe needs the name of who saves it; give one, then save again.")
        version = recipe_version_id(content)
        with self._writing() as cursor:
            past = cursor.execute(
                "select version_id, author from export_recipe where name = $name order by sequence",
                {"name": name},
            ).fetchall()
            if past and past[-1][0] == version:
                return SavedRecipe(name, version, content, past[-1][1], len(past))
            row: dict[str, Any] = {
                "sequence": cursor.execute(
                    "select coalesce(max(sequence), 0) + 1 from export_recipe"
                ).fetchall()[0][0],
                "name": name,
                "version_id": version,
                "content": content,
                "author": author.strip(),
                "saved_at": now(),
            }
            row["content_hash"] = _row_hash(row)
            names, values = ", ".join(row), ", ".join(f"${key}" for key in row)
            cursor.execute(f"insert into export_recipe ({names}) values ({values})", row)
        return SavedRecipe(name, version, content, row["author"], len(past) + 1, is_new=True)

    def export_recipe(self, name: str, version: str | None = None) -> SavedRecipe:
        """The newest version of `name`, or the one that `version` names.

        That is its number (`2`, `v2`), its id, or how its id begins (6 signs or more). Raises
        StoreError that lists what there is.
        """
        log = self.export_recipe_log(name.strip())
        if not log.height:
            known = self.export_recipes()["name"].to_list()
            there = f"there are {', '.join(known)}" if known else "none is saved yet"
            raise StoreError(
                f"No recipe is called {name!r:.80}; {there}. `python -m curation recipe list` "
                "shows them; a recipe's file is named by its path."
            )
        if version is None:
            rows = log.head(1)
        elif re.fullmatch(r"v?\d{1,6}", version):
            rows = log.filter(pl.col("number") == int(version.removeprefix("v")))
        else:
            rows = log.filter(
                pl.col("version_id").str.starts_with(version)
                if len(version) >= 6
                else pl.lit(value=False)
            )
        if rows["version_id"].n_unique() != 1:
            raise StoreError(
                f"The recipe {name!r:.80} has {log.height} versions, and {version!r:.80} is "
                f"{'none' if not rows.height else 'more than one'} of them: name it by number "
                f"(1 to {log.height}), or by its id from `python -m curation recipe show`."
            )
        row = rows.row(0, named=True)
        return SavedRecipe(
            row["name"], row["version_id"], row["content"], row["author"], row["number"]
        )

    def export_recipes(self) -> pl.DataFrame:
        """The saved recipes by name, each with its newest version.

        Columns: name, n_versions, version_id, author, saved_at.
        """
        return self._frame(
            "select name, count(*) as n_versions, arg_max(version_id, sequence) as version_id, "
            "arg_max(author, sequence) as author, max(saved_at) as saved_at "
            "from export_recipe group by name order by name"
        )

    def export_recipe_log(self, name: str | None = None) -> pl.DataFrame:
        """Every version, newest first; of one recipe where it is named.

        Columns: sequence, name, number, version_id, content, author, saved_at.
        """
        return self._frame(
            "select sequence, name, "
            "row_number() over (partition by name order by sequence) as number, "
            "version_id, content, author, saved_at "
            "from export_recipe where $name is null or name = $name order by sequence desc",
            name=name,
        )


def broken_export_recipes(store: Connection) -> tuple[int, list[str]]:
    """For `verify`: how many versions were looked at, and what does not hold."""
    rows = store._frame("select * from export_recipe order by sequence").to_dicts()
    broken = []
    for n, row in enumerate(rows, start=1):
        name = f"recipe {row['name']} {row['version_id']} (no. {row['sequence']})"
        if row["sequence"] != n:
            broken.append(f"{name}: number {n} is missing before it")
            break
        expected = recipe_version_id(row["content"])
        if row["version_id"] != expected:
            broken.append(f"{name}: its text hashes to {expected}")
        if row["content_hash"] != _row_hash(row):
            broken.append(f"{name}: it does not say who saved it when, as it was saved")
    return len(rows), broken
