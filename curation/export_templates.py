"""The chat templates of students, for exports: loaded when a recipe asks, and shown token by token.

Conductor: joins `export`, which says what a row is, with `student.template`, which renders it.
transformers is loaded when a template is asked for, not before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from curation import export
from curation.errors import StudentError
from curation.export import planning, streaming, templates
from curation.export.formats import render
from curation.export.source import ExportSource

if TYPE_CHECKING:
    from curation.student.template import ChatTemplate


def of(store_path: Path) -> templates.Templates:
    """The templates of students by name, unpacked beside the store where they come as GGUF."""
    folder = store_path.parent / "students"

    def template(student: str) -> ChatTemplate:
        return _loaded(student, folder)

    return template


@cache
def _loaded(student: str, folder: Path) -> ChatTemplate:
    from curation.student import template

    return template.of_student(student, cache_dir=folder)


class Shown(NamedTuple):
    """A row as the trainer reads it: each conversation's tokens, or why there are none."""

    trace_id: str
    conversations: list[list[tuple[str, bool]]]
    """The text of each token, and whether it carries loss; the texts in a row are the rendering."""
    refusal: str | None


def shown(
    store: ExportSource, recipe: export.Recipe, template: ChatTemplate, n_rows: int = 3
) -> list[Shown]:
    """The first rows of `recipe` as the trainer reads them. Raises as `export.preview` does.

    What carries loss is what the format's trainer learns with its defaults: all of a `messages` row
    in TRL, else the answer with what ends the turn (of which axolotl learns the end token alone).
    """
    planned = planning.plan(store, recipe)
    format, place = recipe.format, recipe.teaching.reasoning
    found = []
    for batch in streaming.with_texts(store, planned.rows.head(n_rows)):
        is_masked = "train_detail" in batch.columns
        details = batch["train_detail"].to_list() if is_masked else [None] * len(batch)
        for row, detail in zip(
            render(batch, format, place).iter_rows(named=True), details, strict=True
        ):
            found.append(_shown(row, format, template, detail))
    return found


def _shown(
    row: Mapping[str, Any],
    format: str,
    template: ChatTemplate,
    detail: Sequence[Mapping[str, Any]] | None,
) -> Shown:
    masked = [
        (each["begin_offset"], each["end_offset"] + 1) for each in detail or () if not each["train"]
    ]
    said: list[list[tuple[str, bool]]] = []
    try:
        for messages in templates.conversations(row, format):
            is_silent = messages[-1].get("train") is False
            pieces = template.preview(
                messages,
                loss_on="everything" if format == "sft-messages" else "answer",
                masked={"content": masked} if masked else None,
            )
            said.append([(piece.text, piece.has_loss and not is_silent) for piece in pieces])
    except StudentError as exc:
        return Shown(str(row["trace_id"]), [], str(exc))
    return Shown(str(row["trace_id"]), said, None)
