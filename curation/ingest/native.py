"""The native record, by a short road and a careful one that agree.

`native_draft` is the definition: it checks each field and names the one that is wrong.
`plain_columns` takes many lines at once where all are plainly right, and leaves the others (None)
to the careful road: it is what makes large files fast. A property test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from curation.ingest.conversation import kind
from curation.ingest.drafts import UNKNOWN, Draft
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
    left = {
        name: value
        for name, value in row.items()
        if name not in _KNOWN and name != "license" and value is not None
    }
    extra = merged(extra_of(row), left)
    fields: dict[str, Any] = from_extra(extra)
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
    return Draft(prompt, text, **fields, extra=extra)


def plain_columns(lines: Sequence[bytes], max_trace_chars: int) -> dict[str, list[Any]] | None:
    """The checked drafts of lines that all hold plainly right records, as one list for each field.

    None where any of them needs a closer look. The lines hold no escaped NUL.
    """
    try:
        rows = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None
    if set(map(type, rows)) != {dict} or not set().union(*rows) <= _KNOWN:
        return None
    told = {name: [row.get(name) for row in rows] for name in NATIVE_COLUMNS}
    extras = told.pop("extra")
    types = {name: set(map(type, values)) for name, values in told.items()}
    prompts, texts, own_ids = told["prompt"], told.pop("trace"), told["id"]
    if (
        types["prompt"] != {str}
        or types["trace"] != {str}
        or not all(types[name] <= _TEXT_OR_NULL for name in _OPTIONAL_TEXTS)
        or not types["correct"] <= {bool, type(None)}
        or not types["id"] <= {str, int, type(None)}
        or types["sample_index"] != {type(None)}
        or set(map(type, extras)) != {dict}
        or not all(prompts)
        or not all(texts)
        or any(map(str.isspace, prompts))
        or any(map(str.isspace, texts))
        or max(map(len, texts)) > max_trace_chars
    ):
        return None
    told["extra_json"] = [orjson.dumps(extra).decode() for extra in extras]
    if _EXPONENT.search("".join(told["extra_json"])):
        return None  # perhaps a whole number beyond 64 bits, which orjson reads as a float
    told["text"] = texts
    told["teacher"] = [teacher or UNKNOWN for teacher in told["teacher"]]
    told["teacher_context"] = [context or UNKNOWN for context in told["teacher_context"]]
    if int in types["id"]:
        told["id"] = [str(own_id) if type(own_id) is int else own_id for own_id in own_ids]
    in_extra = [from_extra(extra) for extra in extras]
    told["group"] = [found.get("group") for found in in_extra]
    told["sample_index"] = [found.get("sample_index", 0) for found in in_extra]
    for name in ("context_text", "reference_solution"):
        told[name] = [
            found.get(name) if value is None else value
            for found, value in zip(in_extra, told[name], strict=True)
        ]
    return told
