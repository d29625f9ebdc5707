"""Choices between two traces -> pairs to train on: who won, and why a pair stays out.

A pair's votes are the current choices of its reviewers. The trace that more of them chose is
`chosen`, the other `rejected`; ties and flags are votes for neither, and are counted. A pair with
as many votes on both sides is `disputed` and stays out, like one that nobody had a preference on.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

PAIR_STATES: tuple[str, ...] = ("preferred", "disputed", "tied", "flagged")
"""What can be decided of a pair; only `preferred` is exported."""

SIDE: dict[str, pl.DataType] = {
    **dict.fromkeys(
        ("id", "prompt", "text_hash", "teacher", "teacher_context", "source", "licence"),
        pl.String(),
    ),
    "position": pl.Int64(),
}

PAIR_SCHEMA: dict[str, pl.DataType] = {
    **{f"{side}_{name}": type_ for side in ("first", "second") for name, type_ in SIDE.items()},
    "problem_id": pl.String(),
    "domain": pl.String(),
    "n_first": pl.Int64(),
    "n_second": pl.Int64(),
    "n_tie": pl.Int64(),
    "n_flag": pl.Int64(),
    "n_edits": pl.Int64(),
    "decision_ids": pl.List(pl.String()),
    "reviewers": pl.List(pl.String()),
}
"""What a store hands over for each pair that somebody decided: its two traces, `first_…` and
`second_…`, how many chose each or neither, how many of these votes are edits, and the current
decisions. A trace's `position` is its place in the order of arrival, by which its text is read."""


def resolved(pairs: pl.DataFrame) -> pl.DataFrame:
    """One row a pair of `pairs` (`PAIR_SCHEMA`), as an export takes it.

    The winner's columns stand under their own names (`trace_id`, `prompt`, …), the other's under
    `rejected_…`, and `text_position` is where the winner's text lies; `state` is one of
    `PAIR_STATES`. Where a pair is not preferred, which of the two stands where means nothing.
    """
    first_won = pl.col("n_first") > pl.col("n_second")

    def won(name: str) -> pl.Expr:
        return pl.when(first_won).then(f"first_{name}").otherwise(f"second_{name}")

    def lost(name: str) -> pl.Expr:
        return pl.when(first_won).then(f"second_{name}").otherwise(f"first_{name}")

    return pairs.select(
        "problem_id", "domain", "decision_ids", "reviewers", "n_tie", "n_flag",
        won("id").alias("trace_id"),
        *(won(name).alias(name) for name in SIDE if name != "id"),
        won("position").alias("text_position"),
        *(lost(name).alias(f"rejected_{name}") for name in SIDE),
        pair_source=pl.when(
            pl.sum_horizontal("n_first", "n_second", "n_tie", "n_flag") == pl.col("n_edits")
        ).then(pl.lit("edits")).otherwise(pl.lit("choices")),
        n_outvoted=pl.min_horizontal("n_first", "n_second"),
        state=pl.when(pl.col("n_first") != pl.col("n_second"))
        .then(pl.lit("preferred"))
        .when(pl.col("n_first") > 0)
        .then(pl.lit("disputed"))
        .when(pl.col("n_tie") > 0)
        .then(pl.lit("tied"))
        .otherwise(pl.lit("flagged")),
    ).sort("position", "trace_id", "rejected_id")  # fmt: skip


def notes(rows: pl.DataFrame) -> list[str]:
    """What is worth knowing of the pairs that go out, `rows` of `resolved`; empty where nothing."""
    said: Mapping[str, int] = {
        "ties": int(rows["n_tie"].sum()),
        "flags": int(rows["n_flag"].sum()),
        "outvoted choices": int(rows["n_outvoted"].sum()),
    }
    found = []
    if any(said.values()):
        counted = ", ".join(f"{n:,} {what}" for what, n in said.items() if n)
        found.append(f"Votes on the exported pairs that count for neither side or lost: {counted}.")
    n_worded = rows.filter(pl.col("prompt") != pl.col("rejected_prompt")).height
    if n_worded:
        found.append(
            f"{n_worded:,} of the pairs hold traces of differently worded prompts; the row has the "
            "chosen trace's."
        )
    return found
