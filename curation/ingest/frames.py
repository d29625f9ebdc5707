"""From drafts of traces to the frames that travel: checks, ids, steps.

A `Draft` is a trace as its row tells it. `checked` refuses what no store could keep or no reviewer
could read (an empty text, a NUL, half a surrogate pair, too many characters); `Collector` derives
ids, the teacher's context and family, and steps, and builds a `Batch` of the schemas in records.py.

Texts pass through exactly as they are: nothing is stripped, folded or normalised. Knows nothing of
files and formats.
"""

from __future__ import annotations

import base64
import json
import math
from array import array
from collections.abc import Mapping
from datetime import date, time
from typing import Any, NamedTuple

import orjson
import polars as pl
import pyarrow as pa

from curation import steps
from curation.ingest.texts import RowError, check_text, shown
from curation.ingest.vocabulary import teacher_context, teacher_family
from curation.records import (
    PROBLEM_SCHEMA,
    TRACE_SCHEMA,
    Batch,
    Refusal,
    problem_id,
    text_hash,
    trace_id,
)

UNKNOWN = "unknown"
"""The teacher, or the teacher's context, of a row that does not tell."""

REMEMBERED_IDS = 1_000_000
"""How many of a source's own ids one reading compares; the store compares all of them."""

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


class Collector:
    """Gathers the traces and refusals of a source and hands them out in batches."""

    def __init__(self) -> None:
        self._first_of_id: dict[tuple[str, str], tuple[str, str, int]] = {}
        self._clear()

    def _clear(self) -> None:
        self.n_read = 0
        self._n_chars = 0
        self.refusals: list[Refusal] = []
        self._rows: list[tuple[Any, ...]] = []
        self._starts = array("i")
        self._ends = array("i")
        self._n_steps = [0]
        self._problems: list[tuple[str | None, ...]] = []
        self._told: dict[str, tuple[bool, bool]] = {}

    def add(self, draft: Draft, origin: str, line: int) -> None:
        """Take a checked draft in.

        Raises RowError where the source's own id already stands for another trace.
        """
        (
            prompt, text, teacher, word, context_text, answer, solution, domain, source, licence,
            final_answer, correct, sample_index, refined_from, own_id, group, _, extra,
        ) = draft  # fmt: skip
        if source is None:
            source = origin
        context = teacher_context(word)
        if context_text is None:
            if context == "answer":
                context_text = answer
            elif context == "solution":
                context_text = solution
        problem = problem_id(prompt, group)
        trace = trace_id(problem, prompt, teacher, word, context_text, text)
        if own_id is not None:
            self._remember(source, own_id, trace, origin, line)
        told = self._told.get(problem)
        if told is None or (answer and not told[0]) or (solution and not told[1]):
            self._told[problem] = (
                bool(answer) or (told is not None and told[0]),
                bool(solution) or (told is not None and told[1]),
            )
            self._problems.append((problem, prompt, domain, answer, solution, source, licence))
        self._n_chars += len(text) + len(prompt) + len(extra or "")
        starts, ends = steps.split(text)
        self._starts.extend(starts)
        self._ends.extend(ends)
        self._n_steps.append(len(starts))
        self._rows.append(
            (
                trace, problem, prompt, teacher, teacher_family(teacher), context, word,
                context_text, sample_index, text, text_hash(text), final_answer, correct,
                refined_from, source, licence, own_id, extra, answer, origin, line,
            )
        )  # fmt: skip

    def _remember(self, source: str, own_id: str, trace: str, origin: str, line: int) -> None:
        """Note which trace an id stands for; RowError where it stands for another one."""
        first = self._first_of_id.get((source, own_id))
        if first is None:
            if len(self._first_of_id) < REMEMBERED_IDS:
                self._first_of_id[source, own_id] = (trace, origin, line)
        elif first[0] != trace:
            raise RowError(
                "id",
                f"{own_id!r} stands for another trace at {first[1]}:{first[2]}; "
                "give one of the two an id of its own",
            )

    def refuse(self, refusal: Refusal) -> None:
        """Note a row that was not taken in."""
        origin, line, field, reason, row = refusal
        field = None if field is None else shown(field)
        self.refusals.append(Refusal(shown(origin), line, field, shown(reason), shown(row)))
        self._n_chars += len(row)

    def is_full(self, n_rows: int, n_chars: int) -> bool:
        """Whether so many traces and refusals, or so many characters, were gathered."""
        return len(self._rows) + len(self.refusals) >= n_rows or self._n_chars >= n_chars

    def batch(self) -> Batch:
        """What was gathered since the last batch."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(_ROW_COLUMNS)
        frame = dict(zip(_ROW_COLUMNS, columns, strict=True))
        until = pl.Series(self._n_steps, dtype=pl.Int64).cum_sum().to_arrow()
        offsets = {"step_start": self._starts, "step_end": self._ends}
        traces = pl.DataFrame(
            [
                _lists(name, offsets[name], until)
                if name in offsets
                else pl.Series(name, frame[name], dtype=dtype)
                for name, dtype in TRACE_SCHEMA.items()
            ]
        )
        problems = pl.DataFrame(self._problems, schema=PROBLEM_SCHEMA, orient="row")
        made = Batch(problems, traces, self.refusals, self.n_read)
        self._clear()
        return made


_ROW_COLUMNS = tuple(name for name in TRACE_SCHEMA if name not in ("step_start", "step_end"))


def _lists(name: str, flat: array[int], until: pa.Array) -> pl.Series:
    """Whole numbers as one List(Int32) column; list i ends before entry `until[i + 1]`."""
    values = pa.Array.from_buffers(pa.int32(), len(flat), [None, pa.py_buffer(flat)])
    return pl.Series(name, pa.LargeListArray.from_arrays(until, values), dtype=TRACE_SCHEMA[name])
