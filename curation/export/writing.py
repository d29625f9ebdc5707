"""A finished export: the planned rows and their manifest become a folder, all at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import ExportError
from curation.export.budget import told
from curation.export.card import dataset_card
from curation.export.cautions import on_record
from curation.export.files import file_name, write_file
from curation.export.folder import building, publish, write_text
from curation.export.manifest import (
    KIND,
    MANIFEST,
    Manifest,
    check_destination,
    decisions_sha256,
    describe_file,
    export_id,
    made_by,
    source_sha256,
)
from curation.export.planning import (
    ExportSource,
    Plan,
    Preview,
    counts,
    of_both,
    plan,
    sources,
    weighed,
)
from curation.export.recipe import Recipe, recipe_from
from curation.records import text_hash


def preview(store: ExportSource, recipe: Recipe | None = None, **options: Any) -> Preview:
    """What `write` with this recipe would export, counted; writes nothing.

    Raises ExportError for options that make no sense, and what the store raises for `where`.
    """
    return plan(store, _one_recipe(recipe, options)).preview


def on_scales(store: ExportSource, recipe: Recipe | None = None, **options: Any) -> dict[str, Any]:
    """`scales` and `budget` as the manifest of `write` with this recipe holds them.

    Told of what would go out even where a refusal (`refusal`, else None) keeps it from being
    written. Raises as `preview` does.
    """
    recipe = _one_recipe(recipe, options)
    planned = plan(store, recipe)
    found = planned.weighed or weighed(store, recipe.where, planned.rows)
    return {
        "scales": on_record(found.scales),
        "budget": told(recipe.budget, planned.preview.budget),
        "refusal": planned.preview.refusal,
    }


def write(
    store: ExportSource,
    recipe: Recipe | None = None,
    *,
    out: str | Path,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Manifest:
    """Writes what `recipe` asks for as a training set into the folder `out`.

    The recipe's options can be given by name instead (`format=…, where=…`). Accepted traces are
    written, or in a format of pairs those decided by a majority (`preferences`), where `where`
    keeps both traces.

    One file a split (a split without rows gets none), a dataset card and the manifest;
    `datasets.load_dataset(out)` opens it. `progress` is called with rows written and rows in all.

    `out` must not exist or be empty. With `overwrite`, an earlier export there is replaced, but a
    folder that holds anything else never is.

    Raises ExportError for options that make no sense, when there is nothing to export, and when the
    disk refuses; then nothing was written, and what stood at `out` still does.
    """
    recipe = _one_recipe(recipe, options)
    destination = Path(out).expanduser().resolve()
    with _explained(destination):
        check_destination(destination, overwrite)
    planned = plan(store, recipe)
    if planned.preview.refusal is not None:
        raise ExportError(planned.preview.refusal)
    _check_texts(planned.rows)
    record = _record(store, recipe, planned)
    with _explained(destination):
        return _write_folder(store, destination, overwrite, planned, record, progress)


def _one_recipe(recipe: Recipe | None, options: Mapping[str, Any]) -> Recipe:
    if recipe is None:
        return recipe_from(options)
    if options:
        raise TypeError(f"either a recipe or options by name, not both ({', '.join(options)})")
    return recipe


def _record(store: ExportSource, recipe: Recipe, planned: Plan) -> dict[str, object]:
    """The manifest without its files."""
    rows, shown = planned.rows, planned.preview
    found = planned.weighed or weighed(store, recipe.where, rows)
    decision_ids = rows["decision_ids"].explode(empty_as_null=False).unique().sort().to_list()
    return {
        "kind": KIND,
        "format": recipe.format,
        "files_as": recipe.files,
        "options": {
            "where": recipe.where,
            "question": recipe.question,
            "seed": recipe.seed,
            "splits": [{"name": name, "share": share} for name, share in recipe.splits.items()],
        },
        "rows": shown.rows,
        "problems": shown.problems,
        "states": shown.states,
        "left_out": shown.left_out,
        "notes": list(shown.notes),
        "contents": {
            column: counts(of_both(rows, column))
            for column in ("teacher", "teacher_context", "domain", "source", "licence")
        },
        "scales": on_record(found.scales),
        "budget": told(recipe.budget, shown.budget),
        "source_sha256": source_sha256(sources(rows)),
        "decisions": {"sha256": decisions_sha256(decision_ids), "ids": decision_ids},
        "reviewers": counts(rows["reviewers"].explode(empty_as_null=False)),
        "made_by": made_by(recipe.files),
        "store": dict(store.export_context()),
    }


@contextmanager
def _explained(destination: Path) -> Iterator[None]:
    """Turns what the file system refuses into an ExportError that a person can act on."""
    try:
        yield
    except OSError as exc:
        raise ExportError(
            f"The export could not be written to {destination}: {exc.strerror or exc}. Nothing was "
            "left behind; free some space or choose another folder, then export again."
        ) from exc


def _write_folder(
    store: ExportSource,
    destination: Path,
    overwrite: bool,
    planned: Plan,
    record: dict[str, object],
    progress: Callable[[int, int], None] | None,
) -> Manifest:
    accepted, rows = planned.rows, planned.preview.rows
    format, files = planned.recipe.format, planned.recipe.files
    done = 0

    def written(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        if progress is not None:
            progress(done, accepted.height)

    with building(destination) as folder:
        described = []
        for split, n_rows in rows.items():
            if n_rows:
                path = folder / file_name(split, files)
                of_split = accepted.filter(pl.col("split") == split)
                write_file(path, of_split, format, files, written)
                described.append(describe_file(path, split, n_rows))
        card = folder / "README.md"
        write_text(card, dataset_card(record, of_both(accepted, "text").str.len_chars().to_list()))
        described.append(describe_file(card, None, None))
        record["files"] = [each._asdict() for each in described]
        text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        write_text(folder / MANIFEST, text)
        identity = export_id(str(destination), text)
        publish(
            folder,
            destination,
            overwrite,
            lambda: store.record_export(identity, format, str(destination), accepted.height, text),
        )
    return Manifest(identity, destination / MANIFEST, format, rows, tuple(described), record)


def _check_texts(accepted: pl.DataFrame) -> None:
    """Raises ExportError if a text is not the one its hash, and so its decision, was about."""
    for (trace, expected), text in zip(sources(accepted), of_both(accepted, "text"), strict=True):
        if text_hash(text) != expected:
            raise ExportError(
                f"The text of {trace} does not match its hash, so it may not be what was decided "
                "on. Run `python -m curation verify`, and restore a backup if it confirms this."
            )
