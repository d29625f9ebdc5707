"""From checked drafts to the frames that travel: ids, contexts, families, steps.

A `Collector` gathers the traces and refusals of a source and builds a `Batch` of the schemas in
records.py. Knows nothing of files and formats.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from curation import steps
from curation.ingest.drafts import Draft
from curation.ingest.texts import RowError, shown
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

REMEMBERED_IDS = 1_000_000
"""How many of a source's own ids one reading compares; the store compares all of them."""


class Collector:
    """Gathers the traces and refusals of a source and hands them out in batches.

    It works on columns: for many rows at once most of the work is then done outside the
    interpreter.
    """

    def __init__(self) -> None:
        self._first_of_id: dict[tuple[str, str], tuple[str, str, int]] = {}
        self._clear()

    def _clear(self) -> None:
        self.n_read = 0
        self._n_chars = 0
        self.refusals: list[Refusal] = []
        self._columns: dict[str, list[Any]] = {name: [] for name in _SCALAR_COLUMNS}
        self._starts = array("i")
        self._ends = array("i")
        self._n_steps = [0]
        self._problems: list[tuple[str | None, ...]] = []
        self._told: dict[str, tuple[bool, bool]] = {}

    def add(self, draft: Draft, origin: str, line: int) -> None:
        """Take a checked draft in.

        Raises RowError where the source's own id already stands for another trace.
        """
        columns = {field: [value] for field, value in zip(Draft._fields, draft, strict=True)}
        for error in self.add_columns(columns, origin, [line]).values():
            raise error

    def add_columns(
        self, told: Mapping[str, list[Any]], origin: str, lines: Sequence[int]
    ) -> dict[int, RowError]:
        """Take checked drafts in, as one list for each field of `Draft` but `extra`.

        What comes back are the rows that were left out, since their source's own id already stands
        for another trace.
        """
        prompts, texts, words = told["prompt"], told["text"], told["teacher_context"]
        contexts = list(map(teacher_context, words))
        sources = [origin if source is None else source for source in told["source"]]
        context_texts = [
            answer
            if text is None and context == "answer"
            else solution
            if text is None and context == "solution"
            else text
            for text, context, answer, solution in zip(
                told["context_text"],
                contexts,
                told["reference_answer"],
                told["reference_solution"],
                strict=True,
            )
        ]
        problems = list(map(problem_id, prompts, told["group"]))
        traces = list(
            map(trace_id, problems, prompts, told["teacher"], words, context_texts, texts)
        )
        clashes = self._clashes(sources, told["id"], traces, origin, lines)
        if clashes:
            left = [i for i in range(len(lines)) if i not in clashes]
            if left:
                kept = {field: [values[i] for i in left] for field, values in told.items()}
                self.add_columns(kept, origin, [lines[i] for i in left])
            return clashes
        self._note_problems(
            problems,
            prompts,
            told["domain"],
            told["reference_answer"],
            told["reference_solution"],
            sources,
            told["licence"],
        )
        made: dict[str, list[Any]] = {
            "trace_id": traces,
            "problem_id": problems,
            "prompt": prompts,
            "teacher": told["teacher"],
            "teacher_family": list(map(teacher_family, told["teacher"])),
            "teacher_context": contexts,
            "teacher_context_raw": words,
            "context_text": context_texts,
            "sample_index": told["sample_index"],
            "text": texts,
            "text_hash": list(map(text_hash, texts)),
            "final_answer": told["final_answer"],
            "is_correct": told["correct"],
            "refined_from": told["refined_from"],
            "source": sources,
            "licence": told["licence"],
            "external_id": told["id"],
            "extra": told["extra_json"],
            "reference_answer": told["reference_answer"],
            "origin": [origin] * len(lines),
            "line": list(lines),
        }
        for name, values in made.items():
            self._columns[name].extend(values)
        for starts, ends in map(steps.split, texts):
            self._starts.fromlist(starts)
            self._ends.fromlist(ends)
            self._n_steps.append(len(starts))
        for name in ("prompt", "text", "extra"):
            self._n_chars += sum(map(len, made[name]))
        return {}

    def _clashes(
        self,
        sources: Sequence[str],
        own_ids: Sequence[str | None],
        traces: Sequence[str],
        origin: str,
        lines: Sequence[int],
    ) -> dict[int, RowError]:
        """The rows whose own id stands for another trace already; the other ids are remembered."""
        clashes: dict[int, RowError] = {}
        for i, (source, own_id, trace) in enumerate(zip(sources, own_ids, traces, strict=True)):
            if own_id is None:
                continue
            first = self._first_of_id.get((source, own_id))
            if first is None:
                if len(self._first_of_id) < REMEMBERED_IDS:
                    self._first_of_id[source, own_id] = (trace, origin, lines[i])
            elif first[0] != trace:
                clashes[i] = RowError(
                    "id",
                    f"{own_id!r} stands for another trace at {first[1]}:{first[2]}; "
                    "give one of the two an id of its own",
                )
        return clashes

    def _note_problems(self, *columns: Sequence[Any]) -> None:
        """Note the problems (`PROBLEM_SCHEMA`) that are new, or of which a row tells more."""
        for row in zip(*columns, strict=True):
            problem, answer, solution = row[0], row[3], row[4]
            told = self._told.get(problem)
            if told is None or (answer and not told[0]) or (solution and not told[1]):
                had = told or (False, False)
                self._told[problem] = (had[0] or bool(answer), had[1] or bool(solution))
                self._problems.append(row)

    def refuse(self, refusal: Refusal) -> None:
        """Note a row that was not taken in."""
        origin, line, field, reason, row = refusal
        field = None if field is None else shown(field)
        self.refusals.append(Refusal(shown(origin), line, field, shown(reason), shown(row)))
        self._n_chars += len(row)

    def is_full(self, n_rows: int, n_chars: int) -> bool:
        """Whether so many traces and refusals, or so many characters, were gathered."""
        n_gathered = len(self._columns["trace_id"]) + len(self.refusals)
        return n_gathered >= n_rows or self._n_chars >= n_chars

    def batch(self) -> Batch:
        """What was gathered since the last batch."""
        until = pl.Series(self._n_steps, dtype=pl.Int64).cum_sum().to_arrow()
        offsets = {"step_start": self._starts, "step_end": self._ends}
        traces = pl.DataFrame(
            [
                _lists(name, offsets[name], until)
                if name in offsets
                else pl.Series(name, self._columns[name], dtype=dtype)
                for name, dtype in TRACE_SCHEMA.items()
            ]
        )
        problems = pl.DataFrame(self._problems, schema=PROBLEM_SCHEMA, orient="row")
        made = Batch(problems, traces, self.refusals, self.n_read)
        self._clear()
        return made


_SCALAR_COLUMNS = tuple(name for name in TRACE_SCHEMA if name not in ("step_start", "step_end"))


def _lists(name: str, flat: array[int], until: pa.Array) -> pl.Series:
    """Whole numbers as one List(Int32) column; list i ends before entry `until[i + 1]`."""
    values = pa.Array.from_buffers(pa.int32(), len(flat), [None, pa.py_buffer(flat)])
    return pl.Series(name, pa.LargeListArray.from_arrays(until, values), dtype=TRACE_SCHEMA[name])
