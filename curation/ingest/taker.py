"""Taking the fields of a trace out of the columns of a row, and keeping what is left.

A format says where prompt and traces stand; everything else that a row may carry is found here by
the usual names. Values are taken as they are or refused by field; what no field was taken from is
kept in `extra`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from curation.ingest import conversation
from curation.ingest.conversation import kind
from curation.ingest.drafts import Draft
from curation.ingest.texts import RowError

Drafts = Iterator[Draft | RowError]

SIDE_COLUMNS: dict[str, tuple[str, ...]] = {
    "teacher": ("teacher", "teacher_model", "model", "model_name", "generation_model", "generator"),
    "teacher_context": ("teacher_context",),
    "context_text": ("context_text",),
    "reference_answer": (
        "reference_answer",
        "ground_truth_answer",
        "expected_answer",
        "gold_answer",
        "answer",
    ),
    "reference_solution": (
        "reference_solution",
        "ground_truth_solution",
        "original_solution",
        "solution",
    ),
    "domain": ("domain", "subject", "category", "problem_type"),
    "source": ("source", "data_source", "source_type"),
    "licence": ("licence", "license"),
    "final_answer": ("final_answer", "extracted_answer"),
    "correct": ("correct", "is_correct"),
    "sample_index": ("sample_index",),
    "refined_from": ("refined_from",),
    "id": ("id", "uuid", "uid"),
    "group": ("problem_id",),
}
"""Where these fields of a draft are looked for: the first column that a row fills is taken."""


class Telling(NamedTuple):
    """One trace of a row: its text, and what is its own of fields, extra and id."""

    text: str
    fields: dict[str, Any]
    extra: dict[str, Any]
    label: str
    """What tells it from the other traces of the row."""


class Taker:
    """Takes the columns of one row and notes which column gave which field."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.used: set[str] = {"extra"}
        self.mapping: dict[str, str] = {}

    def take(self, field: str, *columns: str) -> Any:
        """The first of `columns` that the row fills, or None."""
        for column in columns:
            value = self.row.get(column)
            if value is not None and column not in self.used:
                self.used.add(column)
                self.mapping[field] = column
                return value
        return None

    def prompt(self, *columns: str) -> tuple[str, dict[str, Any]]:
        """A prompt given as text or as messages, and what is kept beside it."""
        value = self.take("prompt", *columns)
        name = self.mapping.get("prompt", columns[0])
        if conversation.is_turns(value):
            return conversation.prompt_of(conversation.turns(value, name), name)
        return required(name, value), {}

    def text(self, field: str, *columns: str) -> str | None:
        """The first of `columns` that holds a text, or None."""
        column = next((c for c in columns if isinstance(self.row.get(c), str)), None)
        return None if column is None else str(self.take(field, column))

    def drafts(
        self, prompt: str, kept: dict[str, Any], told: Iterable[Telling | RowError]
    ) -> Drafts:
        """The traces of the row, each with what the row says of all of them."""
        traces = list(told)
        given = extra_of(self.row)
        fields = {**from_extra(given), **self._side()}
        own_id = fields.pop("id", None)
        left = {
            column: value
            for column, value in self.row.items()
            if column not in self.used and value is not None
        }
        for one in traces:
            if isinstance(one, RowError):
                yield one
                continue
            mine = own_id if own_id is None or len(traces) == 1 else f"{own_id}#{one.label}"
            extra = merged(given, {**left, **kept, **one.extra})
            own = {field: value for field, value in one.fields.items() if value is not None}
            yield Draft(prompt, one.text, **{**fields, "id": mine, **own}, extra=extra)

    def _side(self) -> dict[str, Any]:
        """The fields that stand in columns of the usual names."""
        found: dict[str, Any] = {}
        for field, columns in SIDE_COLUMNS.items():
            column = next((c for c in columns if self.row.get(c) is not None), None)
            if column is None or column in self.used:
                continue
            try:
                found[field] = field_value(field, self.row[column])
            except RowError:
                continue  # a common word in another use: it stays in extra
            self.used.add(column)
            self.mapping[field] = column
        return found


def field_value(field: str, value: Any) -> Any:
    """`value` as a field of a draft; RowError names the field and what it takes."""
    if value is None or value != value:  # NaN is how some writers spell "missing"
        return None
    if field == "correct":
        if isinstance(value, bool):
            return value
        raise RowError(field, f"expected true, false or null, found {kind(value)}")
    if field == "sample_index":
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise RowError(field, f"expected a whole number, found {kind(value)}")
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise RowError(field, f"expected text, found {kind(value)}")


def required(field: str, value: Any) -> str:
    """A text that a trace cannot do without."""
    if value is None or value != value:
        raise RowError(field, "missing; a record needs a text here")
    if not isinstance(value, str):
        raise RowError(field, f"expected text, found {kind(value)}")
    return value


def extra_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row's `extra`: an object, or JSON text of one (tables have no objects)."""
    extra = row.get("extra")
    if extra is None:
        return {}
    if isinstance(extra, str):
        try:
            extra = json.loads(extra)
        except ValueError:
            raise RowError("extra", "expected an object, found text that is no JSON") from None
    if not isinstance(extra, Mapping):
        raise RowError("extra", f"expected an object, found {kind(extra)}")
    return extra


def from_extra(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a record may carry in `extra`; they stay there too."""
    found: dict[str, Any] = {}
    group, sample = extra.get("problem_id"), extra.get("sample")
    if type(group) is str or type(group) is int:
        found["group"] = str(group)
    context = extra.get("context_text") or extra.get("context_prompt")
    if isinstance(context, str):
        found["context_text"] = context
    if isinstance(solution := extra.get("reference_solution"), str):
        found["reference_solution"] = solution
    if type(sample) is int and 0 <= sample < 2**31:
        found["sample_index"] = sample
    elif isinstance(sample, str) and sample.isascii() and sample.isdigit() and len(sample) < 10:
        found["sample_index"] = int(sample)
    return found


def merged(extra: Mapping[str, Any], left: Mapping[str, Any]) -> dict[str, Any]:
    """`extra` with the columns that are left over; where both have a name, both are kept."""
    both = {name: left[name] for name in left if name in extra and extra[name] != left[name]}
    together = {**left, **extra}
    if both:
        together["columns"] = both
    return together
