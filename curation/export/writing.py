"""A finished export: the planned rows and their manifest become a folder, all at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import ExportError
from curation.export.budget import told
from curation.export.card import dataset_card
from curation.export.cautions import on_record
from curation.export.files import Shard, Shards
from curation.export.folder import building, publish, write_text
from curation.export.formats import format_of
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
from curation.export.planning import Plan, Preview, plan
from curation.export.recipe import Recipe, recipe_from
from curation.export.source import ExportSource, counts, of_both, sources
from curation.export.streaming import BATCH_BYTES, with_texts
from curation.export.templates import PREVIEWED_ROWS, Gate, Templates
from curation.export.weighing import weighed
from curation.export.weighted import Weigher, weigher


def preview(
    store: ExportSource,
    recipe: Recipe | None = None,
    *,
    templates: Templates | None = None,
    **options: Any,
) -> Preview:
    """What `write` with this recipe would export, counted; writes nothing.

    Where the recipe names a student's chat template and `templates` has it, the first rows are
    held against it; what it would drop is the refusal.

    Raises ExportError for options that make no sense, and what the store raises for `where`.
    """
    planned = plan(store, _one_recipe(recipe, options))
    shown, student = planned.preview, planned.recipe.teaching.template
    if student is None or shown.refusal is not None:
        return shown
    if templates is None:
        return replace(
            shown, notes=(*shown.notes, f"Not held against the template of {student!r} yet.")
        )
    gate = _gate(planned.recipe, templates)
    scale = weigher(store, planned.recipe)
    try:
        for batch in with_texts(store, planned.rows.head(PREVIEWED_ROWS)):
            gate.look(batch if scale is None else scale.add(batch))
    except ExportError as exc:
        return replace(shown, refusal=str(exc))
    return replace(shown, notes=(*shown.notes, *gate.notes()))


def on_scales(store: ExportSource, recipe: Recipe | None = None, **options: Any) -> dict[str, Any]:
    """`scales` and `budget` as the manifest of `write` with this recipe holds them.

    Told of what would go out even where a refusal (`refusal`, else None) keeps it from being
    written. Raises as `preview` does.
    """
    recipe = _one_recipe(recipe, options)
    planned = plan(store, recipe)
    found = planned.weighed or weighed(store, recipe, planned.rows, planned.why, planned.every)
    return {
        "scales": on_record(found.scales),
        "budget": told(recipe.budget, planned.preview.budget),
        "refusal": planned.preview.refusal,
    }


def refuse(store: ExportSource, recipe: Recipe, out: str | Path, *, overwrite: bool) -> None:
    """Raises the ExportError of `write` that needs no markers: about the folder, or no row.

    For whoever makes the store ready first, so that an export in vain leaves it as it was.
    """
    destination = Path(out).expanduser().resolve()
    with _explained(destination):
        check_destination(destination, overwrite)
    planned = plan(store, recipe)
    if planned.preview.refusal is not None and not planned.rows.height:
        raise ExportError(planned.preview.refusal)


def write(
    store: ExportSource,
    recipe: Recipe | None = None,
    *,
    out: str | Path,
    recipe_name: str | None = None,
    overwrite: bool = False,
    templates: Templates | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Manifest:
    """Writes what `recipe` asks for as a training set into the folder `out`.

    The recipe's options can be given by name instead (`format=…, where=…`). `recipe_name` is what
    the manifest calls the recipe, where it has a name; beside it stand its version id and whole
    content. Which rows are written the kind of the format decides (`taking`).

    A split's rows stand in one file or, from `recipe.writing.shard_mb` on, in several (a split
    without rows gets none); beside them a dataset card and the manifest.
    `datasets.load_dataset(out)` opens it. Texts are read while they are written, so memory does
    not grow with them. `progress` is called with rows written and rows in all.

    `out` must not exist or be empty. With `overwrite`, an earlier export there is replaced, but a
    folder that holds anything else never is.

    Where the recipe names a student's chat template, `templates` gives it, and every row is held
    against it (`templates`).

    Raises ExportError for options that make no sense, when there is nothing to export, when a
    template would drop words of a row, and when the disk refuses; then nothing was written, and
    what stood at `out` still does.
    """
    recipe = _one_recipe(recipe, options)
    destination = Path(out).expanduser().resolve()
    with _explained(destination):
        check_destination(destination, overwrite)
    planned = plan(store, recipe)
    if planned.preview.refusal is not None:
        raise ExportError(planned.preview.refusal)
    record = _record(store, recipe, recipe_name, planned)
    gate = None if recipe.teaching.template is None else _gate(recipe, templates)
    with _explained(destination):
        return _write_folder(store, destination, overwrite, planned, record, gate, progress)


def _gate(recipe: Recipe, templates: Templates | None) -> Gate:
    """What lets rows pass that the template of the recipe's student keeps whole."""
    teaching = recipe.teaching
    assert teaching.template is not None
    if templates is None:
        raise ExportError(
            f"The rows are to be held against the template of {teaching.template!r}, and nothing "
            "here can load it. Export with the command or on the page, or give `templates`."
        )
    return Gate(templates(teaching.template), recipe.format, teaching.reasoning)


def _one_recipe(recipe: Recipe | None, options: Mapping[str, Any]) -> Recipe:
    if recipe is None:
        return recipe_from(options)
    if options:
        raise TypeError(f"either a recipe or options by name, not both ({', '.join(options)})")
    return recipe


def _record(
    store: ExportSource, recipe: Recipe, recipe_name: str | None, planned: Plan
) -> dict[str, object]:
    """The manifest without its files."""
    rows, shown = planned.rows, planned.preview
    with ThreadPoolExecutor(1, "hedgerow-scales") as pool:
        coming = pool.submit(
            lambda: planned.weighed or weighed(store, recipe, rows, planned.why, planned.every)
        )
        decision_ids = rows["decision_ids"].explode(empty_as_null=False).unique().sort().to_list()
        hashes = source_sha256(sources(rows)), decisions_sha256(decision_ids)
        context = dict(store.export_context())
        found = coming.result()
    return {
        "kind": KIND,
        "format": recipe.format,
        "files_as": recipe.files,
        "recipe": {
            "name": recipe_name,
            "version_id": recipe.version_id,
            "content": recipe.content_sorted(),
        },
        "options": {
            "where": recipe.where,
            "question": recipe.question,
            "seed": recipe.seed,
            "splits": [{"name": name, "share": share} for name, share in recipe.splits.items()],
            "writing": recipe.writing.model_dump(),
            "layout": recipe.layout.model_dump(mode="json"),
            "teaching": recipe.teaching.model_dump(mode="json"),
            "weights": recipe.weights.model_dump(mode="json"),
            "selection": recipe.selection.model_dump(mode="json"),
        },
        "contamination": planned.contamination,
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
        "source_sha256": hashes[0],
        "decisions": {"sha256": hashes[1], "ids": decision_ids},
        "reviewers": counts(rows["reviewers"].explode(empty_as_null=False)),
        "made_by": made_by(recipe.files),
        "store": context,
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
    gate: Gate | None,
    progress: Callable[[int, int], None] | None,
) -> Manifest:
    rows, n_rows = planned.preview.rows, planned.rows.height
    format = planned.recipe.format
    with building(destination) as folder:
        scale = weigher(store, planned.recipe)
        shards, lengths = _write_rows(store, folder, planned, gate, scale, progress)
        if gate is not None:
            record["template"] = gate.record()
        if scale is not None:
            record["weights"] = scale.record()
        described = [
            describe_file(shard.path, split, shard.n_rows)
            for split, of_split in shards.items()
            for shard in of_split
        ]
        card = folder / "README.md"
        names = {split: [each.path.name for each in found] for split, found in shards.items()}
        write_text(card, dataset_card(record, lengths, names))
        described.append(describe_file(card, None, None))
        sidecars = format_of(format).sidecars
        for name, said in (sidecars(names) if sidecars else {}).items():
            write_text(folder / name, said)
            described.append(describe_file(folder / name, None, None))
        record["files"] = [each._asdict() for each in described]
        text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        write_text(folder / MANIFEST, text)
        identity = export_id(str(destination), text)
        publish(
            folder,
            destination,
            overwrite,
            lambda: store.record_export(identity, format, str(destination), n_rows, text),
        )
    return Manifest(identity, destination / MANIFEST, format, rows, tuple(described), record)


def _write_rows(
    store: ExportSource,
    folder: Path,
    planned: Plan,
    gate: Gate | None,
    scale: Weigher | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[dict[str, list[Shard]], list[int]]:
    """The files of each split that has rows, and the characters of every trace in them."""
    recipe, done = planned.recipe, 0
    lengths: list[int] = []

    def written(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        if progress is not None:
            progress(done, planned.rows.height)

    with ExitStack() as open_files:
        splits = {
            split: open_files.enter_context(
                Shards(
                    folder,
                    split,
                    recipe.format,
                    recipe.files,
                    recipe.writing,
                    written,
                    recipe.teaching.reasoning,
                    weighed=scale is not None,
                )
            )
            for split, n_rows in planned.preview.rows.items()
            if n_rows
        }
        # What the student said of tokens is several times as large as the texts.
        batch_bytes = BATCH_BYTES if scale is None else BATCH_BYTES // 4
        for batch in with_texts(store, planned.rows, batch_bytes=batch_bytes):
            lengths.extend(of_both(batch, "text").str.len_chars())
            if scale is not None:
                batch = scale.add(batch)
            if gate is not None:
                gate.look(batch)
            for split, shards in splits.items():
                rows = batch.filter(pl.col("split") == split)
                if rows.height:
                    shards.add(rows)
        return {split: shards.finish() for split, shards in splits.items()}, lengths
