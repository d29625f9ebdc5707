"""`export` and `recipe` on the command line: their words, and what they answer.

export --format NAME --out DIR …            a training set, by flags
export --recipe FILE_OR_NAME[@VERSION] …    by a recipe, which says everything but the folder
export --from-manifest FILE --out NEW       an earlier export again, and whether it is the same
recipe save NAME FILE_OR_NAME[@VERSION]     a recipe as the newest version of a name
recipe list                                 the saved recipes
recipe show NAME[@VERSION]                  one of them, its versions, as a file with --out
recipe diff ONE OTHER                       what the other says otherwise, field by field

A version is named by its number (NAME@2) or by its id. A reference with a folder in it, or ending
in .json, is a file.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curation import export, export_recipes, export_scales, export_templates
from curation.errors import ExportError
from curation.export import rebuilding, versions
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]

FLAGS: dict[str, Any] = {
    "where": None,
    "splits": "train=0.9,validation=0.1",
    "seed": 0,
    "files": "jsonl",
    "without_gold": False,
}
"""The flags that say what a recipe says, with what they are when they are not given."""


def add_words(command: MakeParser) -> None:
    """Add both commands; `command(name, help)` makes a parser that has --json and --store."""
    p = command("export", "write a training set")
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--format", choices=export.FORMATS, default=None)
    what.add_argument(
        "--recipe", type=export_recipes.absolute, default=None, metavar="FILE_OR_NAME[@VERSION]",
        help="a recipe's file, or the name of a saved one",
    )  # fmt: skip
    what.add_argument(
        "--from-manifest", default=None, metavar="FILE",
        help="run the recipe of an earlier export's manifest.json again, and compare",
    )  # fmt: skip
    p.add_argument("--out", required=True, metavar="DIR")
    p.add_argument("--where", default=None, metavar="SQL")
    p.add_argument("--splits", type=_splits, default=None, help=f"default: {FLAGS['splits']}")
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--files", choices=export.FILE_TYPES, default=None)
    p.add_argument("--overwrite", action="store_true")
    p.add_argument("--without-gold", action="store_true", default=None, help="leave gold items out")

    recipe = command("recipe", "what training sets are made of: save, list, show and compare it")
    actions = recipe.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=help, description=help, allow_abbrev=False)
        # After the action too, as after every command.
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        added.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added

    p = action("save", "save a recipe as the newest version of a name")
    p.add_argument("name", metavar="NAME")
    _reference(p, "recipe")
    p.add_argument("--reviewer", required=True, help="who saves it")
    action("list", "the saved recipes")
    p = action("show", "a recipe and its versions")
    _reference(p, "recipe")
    p.add_argument("--out", default=None, metavar="FILE", help="write it to a new JSON file")
    p = action("diff", "what the second recipe says otherwise than the first")
    _reference(p, "was")
    _reference(p, "now")


def _reference(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(name, type=export_recipes.absolute, metavar="FILE_OR_NAME[@VERSION]")


def _splits(text: str) -> str:
    try:
        export.parse_splits(text)
    except ExportError as exc:
        raise argparse.ArgumentTypeError(str(exc).removesuffix(".")) from exc
    return text


def misuse(arguments: Arguments) -> str | None:
    """Why these arguments of `export` contradict each other, or None."""
    if arguments.get("format") is not None:
        return None
    given = [name for name in FLAGS if arguments.get(name) not in (None, False)]
    if not given:
        return None
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
    return (
        f"a recipe says everything but the folder, so leave {flags} out, or change the recipe "
        "(`recipe show NAME --out FILE` writes one to edit)"
    )


def write(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `export` answers. `recipe` may be an `export.Recipe` itself, `recipe_name` its name."""
    if arguments.get("from_manifest") is not None:
        return _again(store, arguments, progress)
    recipe, name = _asked(store, arguments)
    return _answer(_written(store, arguments, recipe, name, progress))


def _asked(store: Store, arguments: Arguments) -> tuple[export.Recipe, str | None]:
    given = arguments.get("recipe")
    if isinstance(given, export.Recipe):
        return given, arguments.get("recipe_name")
    if given is not None:
        found = export_recipes.find(store, given)
        return found.recipe, found.name
    flags = {
        name: standard if arguments.get(name) is None else arguments[name]
        for name, standard in FLAGS.items()
    }
    return export_recipes.from_flags(arguments["format"], **flags), None


def _written(
    store: Store,
    arguments: Arguments,
    recipe: export.Recipe,
    name: str | None,
    progress: Progress,
) -> export.Manifest:
    before = 0

    def tell(done: int, total: int) -> None:
        nonlocal before
        progress(done - before, total)
        before = done

    out, overwrite = Path(arguments["out"]), arguments.get("overwrite", False)
    if not export_scales.is_ready(store):
        export.refuse(store, recipe, out, overwrite=overwrite)
        export_scales.ready(store, recipe.where)
    return export.write(
        store, recipe, out=out, recipe_name=name, overwrite=overwrite,
        templates=export_templates.of(store.path), progress=tell,
    )  # fmt: skip


def _answer(manifest: export.Manifest) -> dict[str, Any]:
    return {
        "format": manifest.format,
        "rows": manifest.rows,
        "files": [
            {"path": file.path, "sha256": file.sha256, "bytes": file.bytes}
            for file in manifest.files
        ],
        "manifest": str(manifest.path),
        "left_out": manifest.record["left_out"],
        "recipe": manifest.record["recipe"],
    }


def _again(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """An earlier export again: the answer of `export`, `identical` and what `changed`."""
    earlier = rebuilding.read_manifest(Path(arguments["from_manifest"]))
    out = Path(arguments["out"])
    if out.resolve() == earlier.folder.resolve():
        raise ExportError(
            f"{out} is the earlier export itself, and nothing could be compared; name another "
            "folder with --out."
        )
    manifest = _written(store, arguments, earlier.recipe, earlier.name, progress)
    compared = rebuilding.compare(earlier, manifest.path.parent)
    return {
        **_answer(manifest),
        "identical": compared.is_identical,
        "changed": compared.changed,
    }


def recipe(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `recipe ACTION` answers."""
    asked = arguments["action"]
    if asked == "save":
        found = export_recipes.find(store, arguments["recipe"])
        saved = export_recipes.save(store, arguments["name"], found.recipe, arguments["reviewer"])
        return {
            "action": asked, "name": saved.name, "number": saved.number,
            "version_id": saved.version_id, "is_new": saved.is_new, "author": saved.author,
        }  # fmt: skip
    if asked == "list":
        return {"action": asked, "items": store.export_recipes().to_dicts()}
    if asked == "diff":
        was = export_recipes.find(store, arguments["was"])
        now = export_recipes.find(store, arguments["now"])
        return {
            "action": asked, "was": was.label, "now": now.label,
            "differences": export_recipes.difference(was.recipe, now.recipe),
        }  # fmt: skip
    found = export_recipes.find(store, arguments["recipe"])
    if arguments["out"] is not None:
        export_recipes.write_file(found.recipe, Path(arguments["out"]))
    log = store.export_recipe_log(found.name).drop("sequence", "content", "name").to_dicts()
    return {
        "action": asked, "name": found.name, "number": found.number,
        "version_id": found.recipe.version_id, "content": found.recipe.content(),
        "versions": log if found.name else [], "file": arguments["out"],
    }  # fmt: skip


def written_in_words(answer: dict[str, Any], value: Callable[[Any], str]) -> str:
    """What `export` prints; `value` writes one value on one line."""
    splits = ", ".join(f"{name} {n}" for name, n in answer["rows"].items())
    lines = [f"{sum(answer['rows'].values())} rows written as {answer['format']}: {splits}"]
    lines += [
        f"  {value(file['path'])}  {file['bytes']} bytes  SHA-256 {file['sha256']}"
        for file in answer["files"]
    ]
    if answer["left_out"]:
        lines.append(f"left out: {value(answer['left_out'])}")
    lines.append(f"manifest: {value(answer['manifest'])}")
    if "identical" in answer:
        same = "the same bytes as the earlier export" if answer["identical"] else "not the same:"
        lines += [same, *(f"  {value(each)}" for each in answer["changed"])]
    return "\n".join(lines)


def in_words(answer: dict[str, Any], table: Callable[..., str]) -> str:
    """What `recipe ACTION` prints; `table(rows, columns)` lays rows out."""
    asked = answer["action"]
    if asked == "save":
        stored = "saved" if answer["is_new"] else "already saved, nothing changed"
        return f"{answer['name']}@{answer['number']}  {answer['version_id']}  {stored}"
    if asked == "diff":
        lines = answer["differences"] or ["they say the same"]
        return "\n".join([f"{answer['was']} -> {answer['now']}", *(f"  {e}" for e in lines)])
    if asked == "list":
        columns = [("name", "recipe"), ("n_versions", "versions"), ("version_id", "newest"),
                   ("author", "by"), ("saved_at", "at")]  # fmt: skip
        return table(answer["items"], columns)
    columns = [("number", "version"), ("version_id", "id"), ("author", "by"), ("saved_at", "at")]
    parts = [f"{answer['name']}@{answer['number']}  {answer['version_id']}"] * bool(answer["name"])
    parts.append("\n".join(_fields(answer["content"])))
    if answer["versions"]:
        parts.append(table(answer["versions"], columns))
    if answer["file"]:
        parts.append(f"written to {answer['file']}")
    return "\n\n".join(parts)


def _fields(content: dict[str, Any]) -> list[str]:
    """A recipe in a line for each field that is not nested, each nested one under its name."""
    width = max(map(len, content))
    return [f"{name:<{width}}  {versions.in_words(value)}" for name, value in content.items()]
