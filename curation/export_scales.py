"""The scales of a set that is not written yet: for the command, and for the Export page.

    scales --format NAME [--where SQL] [--hedging-budget SHARE]
    scales --recipe FILE_OR_NAME[@VERSION]

A conductor: brings what is counted in texts up to date, then asks `export.on_scales`, which reads
the store's figures and weighs them as an export does. So page, command and manifest say the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from curation import export, export_recipes, gold_items, lexicons, signs
from curation.export import scale_words as words
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]


def add_words(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the command; `command(name, help)` makes a parser that has --json and --store."""
    p = command("scales", "what would be exported, against the pool and unguided traces")
    what = p.add_mutually_exclusive_group()
    what.add_argument("--format", choices=export.FORMATS, default="sft-messages")
    what.add_argument(
        "--recipe", type=export_recipes.absolute, default=None, metavar="FILE_OR_NAME[@VERSION]",
        help="a recipe's file, or the name of a saved one; it says all that the flags say",
    )  # fmt: skip
    p.add_argument("--where", default=None, metavar="SQL")
    p.add_argument("--without-gold", action="store_true", help="leave gold items out")
    p.add_argument(
        "--hedging-budget", type=float, default=None, metavar="SHARE",
        help="the share of the unguided density that the set has to keep",
    )  # fmt: skip


def misuse(arguments: Arguments) -> str | None:
    """Why these arguments contradict each other, or None."""
    given = ("where", "without_gold", "hedging_budget")
    if arguments.get("recipe") is None or not any(arguments.get(name) for name in given):
        return None
    return "a recipe says which traces and which budget: leave the other flags out"


def is_ready(store: Store) -> bool:
    """Whether the markers and shortcuts of every trace are counted."""
    return lexicons.all_are_marked(store) and not store.unsearched(signs.RULES_ID, 1).height


def ready(store: Store, where: str | None, progress: Progress | None = None) -> None:
    """Counts the markers and shortcuts of new traces; a filter that cannot run changes nothing.

    Raises FilterError.
    """
    if is_ready(store):
        return

    def tell(n: int) -> None:
        if progress is not None:
            progress(n, None)

    store.export_states(where)
    lexicons.mark_pending(store, tell)
    signs.search_pending(store, tell)


def of(store: Store, recipe: export.Recipe, progress: Progress | None = None) -> dict[str, Any]:
    """`scales`, `budget` and `refusal` of what `recipe` would write (`export.on_scales`)."""
    ready(store, recipe.where, progress)
    return export.on_scales(store, recipe)


def answer(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `scales` answers."""
    if arguments.get("recipe") is not None:
        return of(store, export_recipes.find(store, arguments["recipe"]).recipe, progress)
    where = gold_items.export_filter(arguments["where"], arguments["without_gold"])
    budget = {"share": arguments["hedging_budget"]}
    recipe = export.recipe_from({"format": arguments["format"], "where": where, "budget": budget})
    return of(store, recipe, progress)


def in_words(
    answer: dict[str, Any], table: Callable[..., str], one_line: Callable[[str], str]
) -> str:
    """What `scales` prints; `table(rows, columns)` lays rows out, `one_line` makes words safe."""
    scales = answer["scales"]

    def laid(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        return table(named, [(name, name) for name in columns])

    parts = [words.heading(scales)]
    parts += [
        one_line("! " + each["says"] + (f" ({', '.join(each['names'])})" if each["names"] else ""))
        for each in scales["warnings"]
    ]
    parts.append(laid(words.COLUMNS, words.rows(scales)))
    for mix in scales["mixes"]:
        if mix["counts"]:
            rows = [*words.mix_rows(mix), *words.mix_totals(mix)]
            parts.append(f"{mix['title']} ({mix['of']})\n{laid(words.MIX_COLUMNS, rows)}")
    if scales["removed"]:
        removed = laid(words.REMOVED_COLUMNS, words.removed_rows(scales))
        parts.append(f"What was left out\n{removed}")
    parts.append(one_line(answer["refusal"] or words.budget(answer["budget"])))
    return "\n\n".join([*parts, scales["limits"]])
