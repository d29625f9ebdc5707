"""Rows as the trainer reads them: one row of a plan, rendered through a student's chat template.

Conductor: joins the plan of an export with `student.template`, which knows tokens and what is
trained on. Nothing is written. Texts are read for the one row alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from curation.export import templates
from curation.export.formats import format_of, render
from curation.export.planning import Plan
from curation.export.streaming import with_texts
from curation.export.weighted import weigher
from curation.store import Store

MOST_CHARS = 60_000
"""Longer rows are not cut into tokens on a screen."""

LossOn = Literal["everything", "answer", "nothing"]


class Row(NamedTuple):
    """A row of an export before it is written."""

    split: str
    content: dict[str, Any]
    """What stands in the file."""
    messages: list[dict[str, Any]] | None
    """The conversation that the trainer renders; None where the format has no such thing."""
    loss_on: LossOn
    masked: dict[str, list[tuple[int, int]]]
    """Stretches of the last message without loss, by its key; code points, end exclusive."""
    weights: list[tuple[int, int, float]] | None = None
    """What the characters of the trace weigh; None where the recipe asks for no weights."""


def row_of(store: Store, plan: Plan, number: int) -> Row:
    """Row `number` (from 0) of what goes out, in the order of the files' rows.

    Raises IndexError where there is none, ExportError where its text is not what was decided on.
    """
    (batch,) = with_texts(store, plan.rows.slice(number, 1))
    recipe = plan.recipe
    scale = weigher(store, recipe)
    if scale is not None:
        batch = scale.add(batch)
    shown = render(batch, recipe.format, recipe.teaching.reasoning, weighed=recipe.weights.is_asked)
    content: dict[str, Any] = shown.row(0, named=True)
    messages, loss_on = _conversation(content, recipe.format)
    weights = None
    # What says loss or none alone has said it by now, and learns of no number between.
    if format_of(recipe.format).carries == "stretches" and "weights" in batch.columns:
        weights = [(each["start"], each["end"], each["weight"]) for each in batch["weights"][0]]
    return Row(batch["split"][0], content, messages, loss_on, _masked(messages), weights)


def as_json(content: Mapping[str, Any]) -> str:
    """A row as indented JSON, to be read."""
    return json.dumps(content, ensure_ascii=False, indent=2, default=str)


def _conversation(
    row: Mapping[str, Any], format: str
) -> tuple[list[dict[str, Any]] | None, LossOn]:
    """The messages of a row, and what its trainer learns of them unless it is told otherwise.

    Of a pair, those of the chosen trace.
    """
    if said := templates.conversations(row, format):
        if said[0][-1].get("train") is False:
            return said[0], "nothing"
        return said[0], "everything" if format == "sft-messages" else "answer"
    if _are_messages(row.get("messages")):
        is_silent = row["messages"][-1].get("weight") == 0
        return list(row["messages"]), "nothing" if is_silent else "answer"
    turns = row.get("conversations")
    if isinstance(turns, Sequence) and turns and all(isinstance(each, Mapping) for each in turns):
        roles = {"human": "user", "gpt": "assistant", "system": "system"}
        return [
            {"role": roles.get(each["from"], each["from"]), "content": each["value"]}
            for each in turns
        ], "answer"
    if isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str):
        asked = "\n".join(filter(None, (row["instruction"], row.get("input"))))
        return [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": row["output"]},
        ], "answer"
    return None, "answer"


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(isinstance(each, Mapping) and {"role", "content"} <= set(each) for each in value)
    )


def _masked(messages: list[dict[str, Any]] | None) -> dict[str, list[tuple[int, int]]]:
    """Axolotl's `train_detail` of the last message as stretches without loss (its end is in)."""
    detail = (messages[-1].get("train_detail") if messages else None) or []
    silent = [
        (each["begin_offset"], each["end_offset"] + 1) for each in detail if not each["train"]
    ]
    return {"content": silent} if silent else {}


def said(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages with the keys that templates know, and no others."""
    known = ("role", "content", "reasoning_content", "thinking")
    return [{key: each[key] for key in known if key in each} for each in messages]
