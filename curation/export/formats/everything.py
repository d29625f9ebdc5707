"""Everything that is known, one row a trace, whatever was decided of it: for analysis, no trainer.

Columns are typed, also where a whole file has nothing in one: null is "not known", an empty list
"nothing was said". Offsets are code points of `text`, end exclusive.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import WEIGHT_COLUMN, Format
from curation.records import COMPATIBILITY_COLUMNS, PROFILE_COLUMNS

_SPAN = {"start": pl.Int64(), "end": pl.Int64()}
_BY = {"decision_id": pl.String(), "reviewer": pl.String()}

EVERYTHING_SCHEMA: dict[str, pl.DataType] = {
    "reference_answer": pl.String(),
    "reference_solution": pl.String(),
    "teacher_context_raw": pl.String(),
    "context_text": pl.String(),
    "sample_index": pl.Int64(),
    "final_answer": pl.String(),
    "external_id": pl.String(),
    "refined_from": pl.String(),
    "extra": pl.String(),
    "n_accept": pl.Int64(),
    "n_reject": pl.Int64(),
    "n_flag": pl.Int64(),
    "n_skip": pl.Int64(),
    "steps": pl.List(pl.Struct(_SPAN)),
    "student": pl.String(),
    "convention_id": pl.String(),
    "score_error": pl.String(),
    **dict.fromkeys(PROFILE_COLUMNS, pl.Float64()),
    **{name: pl.Float64() for names in COMPATIBILITY_COLUMNS.values() for name in names},
    "privileged_by": pl.String(),
    "lexicon_id": pl.String(),
    "n_words": pl.Int64(),
    "kim_count": pl.Int64(),
    "markers": pl.List(pl.Struct({**_SPAN, "category": pl.String()})),
    "decisions": pl.List(
        pl.Struct(
            {
                **_BY,
                "verdict": pl.String(),
                "decided_at": pl.Datetime("us", "UTC"),
                "reasons": pl.List(pl.String()),
                "note": pl.String(),
                "directive": pl.String(),
                "confidence": pl.Int64(),
                "active_s": pl.Float64(),
                "revealed": pl.Boolean(),
                "queue": pl.String(),
                "origin": pl.String(),
            }
        )
    ),
    "step_verdicts": pl.List(
        pl.Struct({**_BY, "step": pl.Int64(), "verdict": pl.Int64(), **_SPAN})
    ),
    "span_verdicts": pl.List(pl.Struct({**_BY, **_SPAN, "label": pl.String()})),
}
"""What a store knows of a trace beside what every export asks for. Null where it is not known; the
three lists of what people said are null where nobody said anything."""

_SAID = ("decisions", "step_verdicts", "span_verdicts")
_OF_THE_TRACE: dict[str, pl.DataType] = {
    "prompt": pl.String(),
    "text": pl.String(),
    "text_hash": pl.String(),
    "domain": pl.String(),
    "teacher_family": pl.String(),
    "is_correct": pl.Boolean(),
    "source": pl.String(),
    "licence": pl.String(),
    "state": pl.String(),
    "position": pl.Int64(),
    "edited_trace_id": pl.String(),
    "edit_decision_id": pl.String(),
}
_COLUMNS = {**_OF_THE_TRACE, **EVERYTHING_SCHEMA}


def _arrow(kind: pl.DataType) -> pa.DataType:
    """A Polars type as Parquet has it, with the plain forms of text and lists."""
    if isinstance(kind, pl.List):
        return pa.list_(_arrow(kind.inner))  # type: ignore[arg-type]
    if isinstance(kind, pl.Struct):
        return pa.struct([(each.name, _arrow(each.dtype)) for each in kind.fields])  # type: ignore[arg-type]
    plain: dict[type[pl.DataType], pa.DataType] = {
        pl.String: pa.string(),
        pl.Boolean: pa.bool_(),
        pl.Int64: pa.int64(),
        pl.Float64: pa.float64(),
        pl.Datetime: pa.timestamp("us", "UTC"),
    }
    return plain[type(kind)]


FORMATS: dict[str, Format] = {
    "everything": Format(
        "Everything, for analysis: every trace of the filter, whatever was decided of it, with its "
        "scores, markers, steps, decisions, step and span verdicts, notes and directives; best as "
        "Parquet, which is typed.",
        {
            name: pl.col(name).fill_null([]) if name in _SAID else pl.col(name).cast(kind)
            for name, kind in _COLUMNS.items()
        },
        {name: _arrow(kind) for name, kind in _COLUMNS.items()},
        {"trace_id": "text"},
        ("trace_id", "problem_id", "teacher", "teacher_context"),
        rows_of="everything",
        carries="stretches",
        weighed=WEIGHT_COLUMN,
    ),
}
