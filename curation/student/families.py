"""From what a student said of a trace to the rows that a pack keeps of it.

Owns which arithmetic (`curation.scores`, `curation.compatibility`) makes which family's numbers,
and that a family which fails, or does not exist for a trace, leaves a row that says so: else it
would be tried again for ever. Knows no model and no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from curation import compatibility, scores
from curation.records import COMPATIBILITY_COLUMNS, Family
from curation.student import Item, Reading, Record, Student, questions, recipe_id_of
from curation.student.packs import Row, family_row


class Recipes:
    """The recipes of one student, by family, and by the id that packs carry."""

    def __init__(self, student: Student) -> None:
        self.records: dict[str, Record] = {}
        self.ids: dict[str, str] = {}
        for family in COMPATIBILITY_COLUMNS:
            record = student.recipe(family)
            self.ids[family] = recipe_id_of(record)
            self.records[self.ids[family]] = record

    def of(self, rows: list[Row]) -> dict[str, Record]:
        """The records of the recipes that these rows name."""
        return {str(row["recipe_id"]): self.records[str(row["recipe_id"])] for row in rows}


def item_of(trace: Mapping[str, Any]) -> Item:
    """The item that a job's row asks for."""
    kind, text = trace["privileged_kind"], trace["privileged_text"]
    return Item(
        prompt=trace["prompt"],
        trace=trace["text"],
        families=tuple(trace["families"]),
        steps=tuple(zip(trace["step_start"], trace["step_end"], strict=True)),
        reference_answer=trace["reference_answer"],
        rival_answer=trace["rival_answer"],
        privileged=None
        if text is None
        else questions.privileged_prompt(trace["prompt"], kind, text),
    )


def failed_rows(trace: Mapping[str, Any], recipes: Recipes, error: str) -> list[Row]:
    """A row for every family that was asked of a trace which cannot be scored at all."""
    return [
        family_row(family, recipes.ids[family], {}, error)
        for family in trace["families"]
        if family in COMPATIBILITY_COLUMNS
    ]


def rows_of(trace: Mapping[str, Any], reading: Reading, recipes: Recipes) -> list[Row]:
    """A row for every family that was asked of a trace."""
    rows = []
    for family in trace["families"]:
        if family not in COMPATIBILITY_COLUMNS:
            continue
        error = reading.errors.get(family)
        numbers = {} if error is not None else _numbers(family, trace, reading)
        rows.append(family_row(family, recipes.ids[family], numbers, error))
    return rows


def _numbers(family: Family, trace: Mapping[str, Any], reading: Reading) -> dict[str, object]:
    """The family's columns; none where the trace has no such numbers."""
    own = reading.scores
    step = scores.step_of_token(own.end, trace["step_start"] or [0])
    if family == "steps":
        return {
            **compatibility.steps_columns(own.logprob_nats, own.rank, own.entropy_nats, step),
        }
    if family == "ifd" and reading.alone_nats is not None:
        begin = compatibility.answer_section(trace["text"], trace["step_start"])
        columns = compatibility.ifd_columns(own.logprob_nats, reading.alone_nats, own.end > begin)
        return {**columns, "per_token": reading.alone_nats.tolist()}
    if family == "privilege" and reading.privileged_nats is not None:
        columns = compatibility.privilege_columns(reading.privileged_nats, own.logprob_nats)
        return {
            **columns,
            "privileged_by": trace["privileged_by"],
            "per_token": reading.privileged_nats.tolist(),
        }
    if family == "hedges" and reading.opener_mass is not None:
        observed = np.isin(own.token_id, reading.opener_ids)
        columns = compatibility.hedges_columns(reading.opener_mass, observed, step)
        return {**columns, "per_token": reading.opener_mass.tolist()}
    if family == "rifd" and reading.prompt_nats is not None:
        assert reading.prompt_alone_nats is not None
        return {**compatibility.rifd_columns(reading.prompt_nats, reading.prompt_alone_nats)}
    if family == "lalp" and reading.window_step_nats is not None:
        return {**compatibility.lalp_columns(reading.window_step_nats)}
    if family == "belief" and reading.belief is not None:
        belief = reading.belief
        columns = compatibility.belief_columns(
            belief.step,
            belief.nats,
            belief.n_answer_tokens,
            belief.rival_nats,
            belief.shift_nats,
        )
        return {
            **columns,
            "point_step": belief.step.tolist(),
            "point_nats": belief.nats.tolist(),
            "point_rival_nats": belief.rival_nats.tolist(),
        }
    return {}
