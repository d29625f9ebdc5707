"""What a row teaches: where its reasoning stands, and which of its words carry loss.

Every default is what a format does anyway; a choice that a format cannot follow is refused before
anything is written. Knows planned rows and labelled spans; no store, trainer or template.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

import polars as pl
from pydantic import BaseModel, ConfigDict

from curation.errors import ExportError
from curation.export import loss, reasoning
from curation.export.formats import format_of
from curation.export.reasoning import Placement
from curation.export.streaming import TextSource, with_texts

SPAN_COLUMNS = ("trace_id", "start", "end", "label")


class Teaching(BaseModel):
    """How a row is taught. An unknown option is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    reasoning: Placement = "inline"
    """Where the reasoning of message formats stands (`reasoning`)."""
    no_loss: tuple[str, ...] = loss.NO_LOSS
    """Labels of spans whose words carry no loss, in formats that can say so; none: all do."""
    template: str | None = None
    """The student whose chat template the rows are held against before they are written."""


def check(teaching: Teaching, format: str) -> None:
    """Raises ExportError where the format cannot place reasoning as it is asked to."""
    places = format_of(format).reasoning_in
    if teaching.reasoning not in places:
        raise ExportError(
            f"The format {format!r} has no place for {teaching.reasoning!r}: its reasoning can "
            f"stand {' or '.join(places)}. Choose that, or a format with messages."
        )
    if teaching.template is not None and not format_of(format).chats:
        raise ExportError(
            f"Rows of {format!r} cannot be held against a chat template: its trainer applies one "
            "of its own, or none. Leave `teaching.template` out, or choose a format with messages."
        )


class TeachingSource(TextSource, Protocol):
    """What is asked of a store to know what a row teaches."""

    def span_verdicts(self, question: str) -> pl.DataFrame:
        """What each reviewer says now of stretches of text, one a row (`SPAN_COLUMNS`)."""
        ...


def taught(
    source: TeachingSource,
    rows: pl.DataFrame,
    teaching: Teaching,
    format: str,
    question: str,
    *,
    is_weighed: bool = False,
) -> tuple[pl.DataFrame, list[str]]:
    """The planned rows with what `format` says of loss, and sentences worth reading first.

    Adds `is_trained` and `train_detail` (`loss.DETAIL`) where the format can mask. Texts are read
    where they have to be known: of traces with labelled words, and of all where the reasoning
    moves. `is_weighed`: what carries loss comes of the rows' weights later (`weighted`). Raises
    ExportError where words carry no loss and the reasoning is to be moved.
    """
    told = []
    if teaching.reasoning != "inline":
        shapes: Counter[str] = Counter()
        for batch in with_texts(source, rows):
            for column in ("text", "rejected_text"):
                if column in batch.columns:
                    shapes.update(reasoning.shapes(batch[column]))
        told += reasoning.notes(shapes, teaching.reasoning)
    if is_weighed or not format_of(format).is_masked:
        return rows, told
    spans = source.span_verdicts(question).filter(pl.col("label").is_in(list(teaching.no_loss)))
    known = rows.join(
        spans.select(original_trace_id="trace_id").unique(), on="original_trace_id", how="semi"
    )
    n_edited = int(known["is_edited"].sum())
    masked, n_silent = _masked(source, known.filter(~pl.col("is_edited")), spans)
    if masked.height and teaching.reasoning != "inline":
        raise ExportError(
            f"{masked.height:,} of the traces have words without loss, and moving their reasoning "
            f"to {teaching.reasoning!r} would leave these words in another place. Keep it inline "
            "(axolotl's `split_thinking` moves it on loading), or let no label take away loss."
        )
    if masked.height:
        labels = ", ".join(sorted(set(spans["label"])))
        told.append(
            f"Traces with words without loss (labelled {labels}), widened to whole words: "
            f"{masked.height:,}."
        )
    if n_silent:
        told.append(f"Traces masked from end to end, without any loss: {n_silent:,}.")
    if n_edited:
        told.append(
            "Traces with labelled words that were accepted with an edit, of which nothing is "
            f"masked, since the labels are about the original: {n_edited:,}."
        )
    rows = rows.join(masked, on="trace_id", how="left", maintain_order="left")
    return rows.with_columns(pl.col("is_trained").fill_null(value=True)), told


def _masked(
    source: TeachingSource, rows: pl.DataFrame, spans: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """`trace_id`, `is_trained`, `train_detail` of each of the rows; how many have no loss at all.

    One reviewer's label is enough.
    """
    of: dict[str, list[loss.Span]] = {}
    for trace_id, start, end in spans.select("trace_id", "start", "end").iter_rows():
        of.setdefault(trace_id, []).append((start, end))
    found: list[tuple[str, bool, list[dict[str, int | bool]] | None]] = []
    for batch in with_texts(source, rows):
        for trace_id, text in batch.select("trace_id", "text").iter_rows():
            masked = loss.widened(text, of[trace_id])
            # One stretch from end to end: nothing is left, and only `train` can say so.
            is_silent = masked == [(0, len(text))]
            detail = None if is_silent else loss.train_detail(text, masked)
            found.append((trace_id, not is_silent, detail))
    schema = {"trace_id": pl.String(), "is_trained": pl.Boolean(), "train_detail": loss.DETAIL}
    return pl.DataFrame(found, schema, orient="row"), sum(not each[1] for each in found)
