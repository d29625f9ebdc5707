"""What a person says of columns (`--map field=column`), and how a row is read by it.

A column may be a path into the row (`extra.answer`, `messages.0.content`) or, behind an equals
sign, the value itself (`=DeepSeek-R1`). Where prompt or trace is told, the row is read by what was
told, and other fields by their usual columns; else the row's own format is kept and the told fields
are set over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curation.errors import IngestError
from curation.ingest import conversation
from curation.ingest.conversation import with_reasoning
from curation.ingest.drafts import Draft
from curation.ingest.formats import COMPLETIONS, PROMPTS, spoken
from curation.ingest.taker import Drafts, Taker, Telling, field_value, required
from curation.ingest.texts import RowError

_MAIN = ("prompt", "trace", "reasoning")
_SIDE = {
    **{name: name for name in Draft._fields if name not in ("text", "group", "extra_json")},
    "problem_id": "group",
}
del _SIDE["prompt"], _SIDE["extra"]
FIELDS: tuple[str, ...] = (*_MAIN, *_SIDE)
"""What can be mapped."""

_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def check(mapping: Mapping[str, str], rows: Sequence[Mapping[str, Any]], path: object) -> None:
    """Raise IngestError for a field that does not exist, or a column that none of `rows` has."""
    for field, column in mapping.items():
        if field not in FIELDS:
            raise IngestError(f"There is no field {field!r} to map; there are {', '.join(FIELDS)}.")
        if rows and not column.startswith("=") and all(reach(r, column) is None for r in rows):
            columns = sorted({name for row in rows for name in row})
            raise IngestError(
                f"{path}: no row has the column {column!r} that {field!r} is mapped to; "
                f"its columns are {', '.join(columns)}."
            )


def is_whole(mapping: Mapping[str, str]) -> bool:
    """Whether rows are read by the mapping rather than by a format."""
    return "prompt" in mapping or "trace" in mapping


def reach(row: Mapping[str, Any], column: str) -> Any:
    """What stands in a column of `row`, or at a path into it; None where nothing does."""
    if column.startswith("="):
        return column[1:]
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


def told(taker: Taker, mapping: Mapping[str, str]) -> Drafts:
    """The traces of a row whose prompt or trace a person mapped."""
    taker.used |= {column for column in mapping.values() if column in taker.row} - {"extra"}
    taker.mapping.update({field: mapping[field] for field in _MAIN if field in mapping})
    kept: dict[str, Any] = {}
    if "trace" in mapping:
        name, value = mapping["trace"], reach(taker.row, mapping["trace"])
    else:
        value = taker.take("trace", "trace", *COMPLETIONS)
        name = taker.mapping.get("trace", "trace")
    if "prompt" not in mapping and conversation.is_turns(value) and len(value) > 1:
        found = conversation.exchange(value, name)
        prompt, kept, value = found.prompt, found.extra, found.trace
        taker.mapping["prompt"] = name
    elif "prompt" in mapping:
        asked = reach(taker.row, mapping["prompt"])
        if conversation.is_turns(asked):
            said = conversation.turns(asked, mapping["prompt"])
            prompt, kept = conversation.prompt_of(said, mapping["prompt"])
        else:
            prompt = required("prompt", asked)
    else:
        prompt, kept = taker.prompt(*PROMPTS)
    values = value if isinstance(value, list) and not conversation.is_turns(value) else [value]
    reasoning = reach(taker.row, mapping["reasoning"]) if "reasoning" in mapping else None

    def tellings() -> Iterator[Telling | RowError]:
        for i, one in enumerate(values):
            try:
                text = "" if one is None and reasoning else spoken(one, "trace")
                apart = _at(reasoning, i)
                if apart is not None:
                    text = with_reasoning(required("reasoning", apart), text)
            except RowError as error:
                yield error
                continue
            yield Telling(text, {"sample_index": i} if len(values) > 1 else {}, {}, str(i))

    yield from taker.drafts(prompt, kept, tellings())


def overlaid(drafts: Drafts, row: Mapping[str, Any], mapping: Mapping[str, str]) -> Drafts:
    """`drafts` with the fields that a person mapped set over them.

    A mapped list gives each trace its own entry; one id for several traces is numbered.
    """
    columns = {_SIDE[field]: column for field, column in mapping.items() if field in _SIDE}
    if not columns:
        yield from drafts
        return
    traces = list(drafts)
    for i, draft in enumerate(traces):
        if isinstance(draft, RowError):
            yield draft
            continue
        fields = {}
        for field, column in columns.items():
            value = _at(reach(row, column), i)
            if field == "correct" and str(value).lower() in _YES_NO:
                value = _YES_NO[str(value).lower()]
            if field == "sample_index" and isinstance(value, str) and value.isdigit():
                value = int(value)
            if value is not None:
                fields[field] = field_value(field, value)
                if field == "id" and len(traces) > 1:
                    fields[field] += f"#{i}"
        yield draft._replace(**fields)


def _at(value: Any, i: int) -> Any:
    """Entry `i` of a list, None beyond its end; a value that is no list is the same for all."""
    if not isinstance(value, list):
        return value
    return value[i] if i < len(value) else None
