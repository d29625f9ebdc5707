"""A trace as its row tells it, and what of it cannot be kept.

`checked` refuses what no store could keep or no reviewer could read: an empty text, a NUL, half a
surrogate pair, too many characters. Texts pass through exactly as they are: nothing is stripped,
folded or normalised.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any, NamedTuple

import orjson

from curation.ingest.texts import RowError, check_text

UNKNOWN = "unknown"
"""The teacher, or the teacher's context, of a row that does not tell."""

_MAX_INT32 = 2**31 - 1


class Draft(NamedTuple):
    """A trace as its row tells it. `source` None = the file's name."""

    prompt: str
    text: str
    teacher: str = UNKNOWN
    teacher_context: str = UNKNOWN
    """The source's own word."""
    context_text: str | None = None
    reference_answer: str | None = None
    reference_solution: str | None = None
    domain: str | None = None
    source: str | None = None
    licence: str | None = None
    final_answer: str | None = None
    correct: bool | None = None
    sample_index: int = 0
    refined_from: str | None = None
    id: str | None = None
    group: str | None = None
    """The source's own problem id: it groups traces whose prompts differ in wording."""
    extra: Mapping[str, Any] = {}
    extra_json: str | None = None
    """`extra` as JSON text, where it is at hand."""


_TEXT_FIELDS = tuple(
    (field, i)
    for i, field in enumerate(Draft._fields)
    if field not in ("correct", "sample_index", "extra", "extra_json")
)


def checked(draft: Draft, max_trace_chars: int) -> Draft:
    """`draft` with `extra_json` set, or RowError naming the first field that cannot be kept."""
    for field, text in (("prompt", draft.prompt), ("trace", draft.text)):
        if not text or text.isspace():
            raise RowError(field, "is empty; a record needs a text here")
    if len(draft.text) > max_trace_chars:
        raise RowError(
            "trace",
            f"has {len(draft.text):,} characters, more than the {max_trace_chars:,} that are taken "
            "in (HEDGEROW_MAX_TRACE_CHARS); cut it, or raise the limit",
        )
    for field, i in _TEXT_FIELDS:
        value = draft[i]
        if isinstance(value, str):
            check_text("trace" if field == "text" else field, value)
    if not 0 <= draft.sample_index <= _MAX_INT32:
        raise RowError("sample_index", f"is {draft.sample_index}; it takes 0 to {_MAX_INT32}")
    if draft.extra_json is None:
        extra = draft.extra
        if draft.group is not None and str(extra.get("problem_id")) != draft.group:
            # Wherever it stood in the row: a problem's id can be derived again from its trace.
            extra = {**extra, "problem_id": draft.group}
        return draft._replace(extra_json=to_json(extra))
    return draft


def to_json(value: object, field: str = "extra") -> str:
    """`value` as compact JSON text.

    What JSON has no word for is kept as text: NaN and the infinities by name, times in ISO 8601,
    bytes in base 64.
    """
    plain = _plain(value, field)
    try:
        return orjson.dumps(plain).decode()
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: object, field: str) -> object:
    """`value` in JSON's own types, its texts checked."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        check_text(field, value)
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        for key in value:
            check_text(field, str(key))
        return {str(key): _plain(item, f"{field}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, field) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
