"""What one person said of one trace's steps -> a row of its own, with every verdict as given.

Unlike `stepwise`, which puts people's verdicts together into a label, nothing is decided here:
neutral stays neutral, and a step that was not judged has no rating.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

_COMPLETION = pl.Struct({"text": pl.String(), "rating": pl.Int64(), "flagged": pl.Boolean()})
_STEP = pl.Struct(
    {
        "completions": pl.List(_COMPLETION),
        "human_completion": pl.String(),
        "chosen_completion": pl.Int64(),
    }
)
_MADE: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "decision_ids": pl.List(pl.String()),
    "reviewers": pl.List(pl.String()),
    "reviewer": pl.String(),
    "said_steps": pl.List(pl.String()),
    "label_steps": pl.List(_STEP),
    "finish_reason": pl.String(),
    "n_steps": pl.Int64(),
    "text": pl.String(),
}


def finish_reason(ratings: list[int | None]) -> str | None:
    """PRM800K's word for how a labelling ended: an error was found, or all was right; else None."""
    if -1 in ratings:
        return "found_error"
    return None if None in ratings else "solution"


def rows(judged: pl.DataFrame, texts: Mapping[str, str], said: pl.DataFrame) -> pl.DataFrame:
    """A row for each of `said` (`stepwise.STEPS_SCHEMA`), in order of their traces, then as given.

    `judged` are rows of `EXPORT_SCHEMA`, `texts` what they say by id. `said_steps` are the steps of
    the whole trace, without white space at their ends, `text` the same, a line's end between them;
    `label_steps` go up to the last step that this person judged.
    """
    made = []
    for each in said.iter_rows(named=True):
        text = texts[each["trace_id"]]
        spans = list(zip(each["step_start"], each["step_end"], strict=True))
        ratings = {(v["start"], v["end"]): v["verdict"] for v in each["verdicts"]}
        found = [ratings.get(span) for span in spans]
        steps = [text[start:end].strip() for start, end in spans]
        n_judged = max((i + 1 for i, rating in enumerate(found) if rating is not None), default=0)
        label = [
            {
                "completions": [{"text": step, "rating": rating, "flagged": None}],
                "human_completion": None,
                "chosen_completion": None if rating is None else 0,
            }
            for step, rating in zip(steps[:n_judged], found, strict=False)
        ]
        made.append(
            (
                each["trace_id"], [each["decision_id"]], [each["reviewer"]], each["reviewer"],
                steps, label, finish_reason(found), len(steps), "\n".join(steps),
            )
        )  # fmt: skip
    return judged.drop("decision_ids", "reviewers").join(
        pl.DataFrame(made, schema=_MADE, orient="row"), on="trace_id", maintain_order="left_right"
    )
