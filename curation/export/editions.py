"""Accepted rows -> the rows as they are taught: an edit stands in place of what it edited.

The person's word stands: what the student makes of an edit is shown elsewhere and changes nothing
here.
"""

from __future__ import annotations

import polars as pl


def as_taught(accepted: pl.DataFrame) -> pl.DataFrame:
    """The rows (`EXPORT_SCHEMA`) with the edit's trace, hash and context where there is one.

    Adds `is_edited`, `original_trace_id`: the trace that was decided on, edited or not, and
    `text_position`: where the text lies that is taught (`position` is the original's).
    `edit_decision_id` is "" where there is no edit.
    """
    is_edited = pl.col("edited_trace_id").is_not_null()

    def taught(original: str, edit: str) -> pl.Expr:
        return pl.when(is_edited).then(edit).otherwise(original).alias(original)

    return accepted.with_columns(
        is_edited.alias("is_edited"),
        pl.col("edit_decision_id").fill_null(""),
        pl.col("trace_id").alias("original_trace_id"),
        pl.coalesce("edited_position", "position").alias("text_position"),
        taught("trace_id", "edited_trace_id"),
        taught("text_hash", "edited_text_hash"),
        taught("teacher_context", "edited_context"),
    )
