"""What reviewers said of single steps -> steps with labels, as a process reward model learns them.

A step's label is what most of its reviewers said (`majority`): good is true, bad is false, and
neutral is what the recipe says (`Layout.neutral_steps`). A step may have no label, and why matters:

- `unseen`: it stood on no screen of those who judged the trace. Unseen is not neutral.
- `unmarked`: somebody who judged other steps saw it and said nothing of it; the recipe may count
  that as good (`Layout.unmarked_steps`).
- `disputed`: no verdict has more votes than each other one.

The row ends before the first step without a label, or the trace stays out: labels beyond a hole
would belong to a text that the model is not shown. Steps carry no white space at their ends, since
trainers put a separator of their own behind each.

Knows nothing of stores; `STEPS_SCHEMA` is what one hands over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl

from curation.export.layout import Layout
from curation.export.source import plural

_SPAN = {"start": pl.Int64(), "end": pl.Int64()}

STEPS_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "decision_id": pl.String(),
    "reviewer": pl.String(),
    "step_start": pl.List(pl.Int32()),
    "step_end": pl.List(pl.Int32()),
    "verdicts": pl.List(pl.Struct({**_SPAN, "verdict": pl.Int64()})),
    "seen": pl.List(pl.List(pl.Int64())),
}
"""A current decision that judges at least one step a row. `text[step_start[i]:step_end[i]]` is step
i (code points); a verdict names the words it is about by the same offsets; `seen` are half-open
ranges of steps, counted from 0, that stood on the reviewer's screen."""

Missing = Literal["unseen", "unmarked", "disputed"]
MISSING: tuple[Missing, ...] = ("unseen", "unmarked", "disputed")
"""Why a step has no label."""


class Labelled(NamedTuple):
    """A trace's steps as they go out: `completions` and `labels` are equally long.

    `missing` is why the first step without a label has none, None where every step has one;
    `n_cut` counts the steps from there on, `n_neutral` the judged-neutral steps before it and
    `n_disputed` the disputed steps of the whole trace.
    """

    completions: list[str]
    labels: list[bool]
    missing: Missing | None
    n_cut: int
    n_neutral: int
    n_disputed: int


def labelled_rows(
    judged: pl.DataFrame, texts: Mapping[str, str], said: pl.DataFrame, layout: Layout
) -> tuple[pl.DataFrame, dict[str, int], list[str]]:
    """Traces with `completions`, `labels`, `text` and `n_steps`; how many stay out, why; notes.

    `judged` are rows of `EXPORT_SCHEMA` in order, `texts` what they say by id, `said` rows of
    `STEPS_SCHEMA`: each of the traces has one at least. `text` are the completions, a line's end
    between them; `n_steps` counts the steps of the whole trace. The rows' decisions are those that
    judged steps.
    """
    by_trace: dict[str, list[dict[str, Any]]] = {}
    for row in said.iter_rows(named=True):
        by_trace.setdefault(row["trace_id"], []).append(row)
    made: list[tuple[Any, ...]] = []
    left_out: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for trace_id in judged["trace_id"]:
        steps = by_trace[trace_id]
        each = labelled(texts[trace_id], steps, layout)
        found["disputed"] += each.n_disputed
        if each.missing is not None and layout.unlabelled_steps == "leave-out":
            left_out[f"a step is {each.missing}"] += 1
            continue
        if not each.completions:
            left_out[
                f"its first step is {each.missing}" if each.missing else "only neutral steps"
            ] += 1
            continue
        found["neutral"] += each.n_neutral
        found["cut"] += each.n_cut
        found["traces cut"] += each.n_cut > 0
        made.append(
            (
                trace_id, each.completions, each.labels, "\n".join(each.completions),
                len(steps[0]["step_start"]),
                [row["decision_id"] for row in steps], [row["reviewer"] for row in steps],
            )
        )  # fmt: skip
    rows = judged.drop("decision_ids", "reviewers").join(
        pl.DataFrame(made, schema=_MADE, orient="row"), on="trace_id", maintain_order="left"
    )
    return rows, dict(sorted(left_out.items())), _notes(found, layout)


_MADE: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "completions": pl.List(pl.String()),
    "labels": pl.List(pl.Boolean()),
    "text": pl.String(),
    "n_steps": pl.Int64(),
    "decision_ids": pl.List(pl.String()),
    "reviewers": pl.List(pl.String()),
}


def _notes(found: Mapping[str, int], layout: Layout) -> list[str]:
    told = []
    if found["cut"]:
        told.append(
            f"{plural(found['traces cut'], 'trace')} end early: {plural(found['cut'], 'step')} "
            "stand at or behind the first one without a label (unseen, unmarked or disputed)."
        )
    if found["neutral"]:
        does = "labelled true" if layout.neutral_steps == "true" else "left out with their labels"
        told.append(f"{plural(found['neutral'], 'neutral step')} {does}.")
    if found["disputed"]:
        told.append(
            f"On {plural(found['disputed'], 'step')} of the judged traces reviewers are evenly "
            "divided; these have no label."
        )
    return told


def majority(votes: Iterable[int]) -> int | None:
    """The verdict (1, 0 or -1) with more votes than each other one; None where none has."""
    ranked = Counter(votes).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def labelled(text: str, said: Sequence[Mapping[str, Any]], layout: Layout) -> Labelled:
    """A trace's steps with their labels; `said` are its rows of `STEPS_SCHEMA`, one at least."""
    spans = list(zip(said[0]["step_start"], said[0]["step_end"], strict=True))
    votes: dict[tuple[int, int], list[int]] = {span: [] for span in spans}
    for decision in said:
        for each in decision["verdicts"]:
            # Words that are no step now: what was said of them stands, but labels no step.
            votes.get((each["start"], each["end"]), []).append(each["verdict"])
    seen = {step for each in said for start, end in each["seen"] for step in range(start, end)}
    verdicts = [_verdict(votes[span], step in seen, layout) for step, span in enumerate(spans)]
    n_whole = next((i for i, each in enumerate(verdicts) if isinstance(each, str)), len(verdicts))
    first = verdicts[n_whole] if n_whole < len(verdicts) else None
    completions, labels, n_neutral = [], [], 0
    for (start, end), verdict in zip(spans[:n_whole], verdicts[:n_whole], strict=True):
        n_neutral += verdict == 0
        if verdict == 0 and layout.neutral_steps == "drop":
            continue
        completions.append(text[start:end].strip())
        labels.append(verdict != -1)
    return Labelled(
        completions, labels,
        missing=first if isinstance(first, str) else None,
        n_cut=len(spans) - n_whole,
        n_neutral=n_neutral,
        n_disputed=verdicts.count("disputed"),
    )  # fmt: skip


def _verdict(votes: Sequence[int], is_seen: bool, layout: Layout) -> int | Missing:
    """What is said of one step: 1, 0 or -1, or why nothing is."""
    if votes:
        found = majority(votes)
        return "disputed" if found is None else found
    if not is_seen:
        return "unseen"
    return 1 if layout.unmarked_steps == "good" else "unmarked"
