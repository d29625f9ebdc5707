"""The native record, by a short road and a careful one that agree.

`native_draft` is the definition: it checks each field and names the one that is wrong.
`quick_draft` takes a row that is plainly right and leaves the rest (None) to the careful road: it
is what makes large files fast. A property test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from curation.ingest.conversation import kind
from curation.ingest.frames import UNKNOWN, Draft
from curation.ingest.taker import extra_of, field_value, from_extra, merged, required
from curation.ingest.texts import RowError

NATIVE_COLUMNS = (
    "id",
    "source",
    "licence",
    "domain",
    "prompt",
    "reference_answer",
    "reference_solution",
    "teacher",
    "teacher_context",
    "context_text",
    "trace",
    "final_answer",
    "correct",
    "sample_index",
    "refined_from",
    "extra",
)
_KNOWN = frozenset(NATIVE_COLUMNS)
_OPTIONAL_TEXTS = (
    "source",
    "licence",
    "domain",
    "reference_answer",
    "reference_solution",
    "teacher",
    "teacher_context",
    "context_text",
    "final_answer",
    "refined_from",
)
_TEXT_OR_NULL = {str, type(None)}
_EXPONENT = re.compile(r"\de\+?\d")


def native_draft(row: Mapping[str, Any]) -> Draft:
    """The draft that a native record makes; RowError names the field that is missing or wrong.

    A missing teacher or context is `unknown`; NaN counts as missing; an id may be a whole number.
    Columns that the record does not have go to `extra`.
    """
    prompt, text = required("prompt", row.get("prompt")), required("trace", row.get("trace"))
    given = extra_of(row)
    fields: dict[str, Any] = from_extra(given)
    for name in _OPTIONAL_TEXTS:
        value = row.get(name)
        if name == "licence" and value is None:
            value = row.get("license")
        if value is None or value != value:
            continue
        if not isinstance(value, str):
            raise RowError(name, f"expected text or null, found {kind(value)}")
        fields[name] = value
    for name in ("correct", "sample_index", "id"):
        if (value := field_value(name, row.get(name))) is not None:
            fields[name] = value
    fields["teacher"] = fields.get("teacher") or UNKNOWN
    fields["teacher_context"] = fields.get("teacher_context") or UNKNOWN
    left = {
        name: value
        for name, value in row.items()
        if name not in _KNOWN and name != "license" and value is not None
    }
    return Draft(prompt, text, **fields, extra=merged(given, left))


def quick_draft(row: object, max_trace_chars: int) -> Draft | None:
    """The same draft, checked, for a row parsed by orjson and free of NULs; None = look closely."""
    if type(row) is not dict or not row.keys() <= _KNOWN:
        return None
    get = row.get
    prompt, text, own_id, correct = get("prompt"), get("trace"), get("id"), get("correct")
    teacher, context, extra = get("teacher"), get("teacher_context"), get("extra")
    context_text, solution = get("context_text"), get("reference_solution")
    answer, domain, source = get("reference_answer"), get("domain"), get("source")
    licence, final_answer, refined = get("licence"), get("final_answer"), get("refined_from")
    if (
        type(prompt) is not str
        or type(text) is not str
        or type(extra) is not dict
        or (correct is not None and type(correct) is not bool)
        or prompt.isspace()
        or text.isspace()
        or not prompt
        or not 0 < len(text) <= max_trace_chars
        or "sample_index" in row
        or not {
            type(own_id),
            type(teacher),
            type(context),
            type(context_text),
            type(solution),
            type(answer),
            type(domain),
            type(source),
            type(licence),
            type(final_answer),
            type(refined),
        }
        <= _TEXT_OR_NULL
    ):
        return None
    extra_json = orjson.dumps(extra).decode()
    if _EXPONENT.search(extra_json):  # orjson reads whole numbers beyond 64 bits as floats
        return None
    found = from_extra(extra)
    return Draft(
        prompt,
        text,
        teacher or UNKNOWN,
        context or UNKNOWN,
        found.get("context_text") if context_text is None else context_text,
        answer,
        found.get("reference_solution") if solution is None else solution,
        domain,
        source,
        licence,
        final_answer,
        correct,
        found.get("sample_index", 0),
        refined,
        own_id,
        found.get("group"),
        extra,
        extra_json,
    )
