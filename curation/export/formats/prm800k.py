"""Step verdicts in the shape of PRM800K: one row for what one person said of one trace's steps.

A step's `rating` is 1, 0 or -1, and null where this person did not judge it: unseen is not neutral.
PRM800K shows labellers alternatives of a step; here each step has one completion, the trace's own.
`finish_reason` is `found_error` where a step was rated -1, `solution` where every step was rated
and none so, else null. `timestamp`, `total_time` and what PRM800K's own generator adds are null.

Source: https://github.com/openai/prm800k @ 7ecc794 (README, "Data").
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import STEPS_PROVENANCE, Format

_COMPLETION = pa.struct([("text", pa.string()), ("rating", pa.int64()), ("flagged", pa.bool_())])
_STEP = pa.struct(
    [
        ("completions", pa.list_(_COMPLETION)),
        ("human_completion", pa.string()),
        ("chosen_completion", pa.int64()),
    ]
)

FORMATS: dict[str, Format] = {
    "prm800k": Format(
        "Step verdicts shaped as PRM800K: `question` and `label` with a rating of 1, 0 or -1 for "
        "each step, one row for each person and trace; a step that was not judged has null.",
        {
            "labeler": pl.col("reviewer"),
            "timestamp": pl.lit(None, pl.String()),
            "generation": pl.lit(None, pl.Int64()),
            "is_quality_control_question": pl.lit(value=False),
            "is_initial_screening_question": pl.lit(value=False),
            "question": pl.struct(
                pl.col("prompt").alias("problem"),
                pl.col("reference_solution").alias("ground_truth_solution"),
                pl.col("reference_answer").alias("ground_truth_answer"),
                pl.col("said_steps").alias("pre_generated_steps"),
                pl.lit(None, pl.String()).alias("pre_generated_answer"),
                pl.lit(None, pl.Float64()).alias("pre_generated_verifier_score"),
            ),
            "label": pl.struct(
                pl.col("label_steps").alias("steps"),
                pl.lit(None, pl.Int64()).alias("total_time"),
                pl.col("finish_reason"),
            ),
            "steps": pl.col("said_steps"),
        },
        {
            "labeler": pa.string(),
            "timestamp": pa.string(),
            "generation": pa.int64(),
            "is_quality_control_question": pa.bool_(),
            "is_initial_screening_question": pa.bool_(),
            "question": pa.struct(
                [
                    ("problem", pa.string()),
                    ("ground_truth_solution", pa.string()),
                    ("ground_truth_answer", pa.string()),
                    ("pre_generated_steps", pa.list_(pa.string())),
                    ("pre_generated_answer", pa.string()),
                    ("pre_generated_verifier_score", pa.float64()),
                ]
            ),
            "label": pa.struct(
                [
                    ("steps", pa.list_(_STEP)),
                    ("total_time", pa.int64()),
                    ("finish_reason", pa.string()),
                ]
            ),
            "steps": pa.list_(pa.string()),
        },
        {"trace_id": "steps"},
        STEPS_PROVENANCE,
        rows_of="judgements",
    ),
}
