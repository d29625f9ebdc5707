"""How hard a problem is for whoever wrote its traces, and how well the student knows it.

Owns the band of a problem from several traces (solve rate, majority) and the SliCK-like class from
the student's own samples. Rates are shares from 0 to 1; null means that nobody knows.

A solve rate means something only over traces that had to solve: pass traces of one teacher context
(unguided). Traces that saw the answer make every problem easy.

Sources: band .125-.5 (1-4 of 8), Kim et al., https://arxiv.org/abs/2603.24472; overly hard problems
teach answer repetition and skipped computation, https://arxiv.org/abs/2605.28388; majority as the
label, SQLM, https://arxiv.org/abs/2508.03682; SliCK, https://arxiv.org/abs/2405.05904. Majority
share as a stand-in for the solve rate is ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

import polars as pl

from curation.compatibility.answers import answer_key

LOW, HIGH = 0.125, 0.5
"""The frontier of Kim et al., both ends included: 1 to 4 of 8."""

MIN_TRACES_PER_PROBLEM = 2
"""Fewer judged traces (or answers) say nothing of a rate."""

FULL_SAMPLE = 8
"""What the source's band was defined on; with fewer the words say how many there were."""

Band = Literal["too easy", "easy", "frontier", "too hard", "unknown"]
BANDS: tuple[Band, ...] = get_args(Band)

Knowledge = Literal["HighlyKnown", "MaybeKnown", "WeaklyKnown", "Unknown"]

BAND_SCHEMA: dict[str, pl.DataType] = {
    "problem_id": pl.String(),
    "n_traces": pl.Int64(),
    "n_judged": pl.Int64(),
    "solve_rate": pl.Float64(),
    "n_answers": pl.Int64(),
    "majority_share": pl.Float64(),
    "majority_answer": pl.String(),
    "band": pl.String(),
    "is_overly_hard": pl.Boolean(),
    "why": pl.String(),
}
"""One problem a row, in order of first appearance. `solve_rate` = correct / judged traces, null
where none is judged. `majority_share` = traces with the most common answer / traces with an answer,
null without any; `majority_answer` is its first spelling, a label where no reference exists; null
where answers tie for the most. `is_overly_hard` is null where the band is unknown. `why` is for a
person to read."""


class _Band(NamedTuple):
    band: Band
    why: str


def problem_bands(traces: pl.DataFrame) -> pl.DataFrame:
    """The difficulty of each problem, as `BAND_SCHEMA`.

    `traces` has `problem_id`, `is_correct` (null = nobody said) and `final_answer` (null = none);
    other columns are ignored. The solve rate decides where at least two traces are judged, else
    the majority share stands in for it. ValueError names a missing column.
    """
    missing = {"problem_id", "is_correct", "final_answer"} - set(traces.columns)
    if missing:
        raise ValueError(f"columns missing from the traces: {', '.join(sorted(missing))}")
    rows = []
    # Lists, since a frame for each problem takes ten times as long.
    grouped = traces.group_by("problem_id", maintain_order=True).agg(
        pl.len(), pl.col("is_correct").drop_nulls(), pl.col("final_answer")
    )
    for problem, n_traces, judged, answers in grouped.iter_rows():
        n_answers, share, answer = majority(answers)
        band, why = _band(sum(judged), len(judged), n_answers, share)
        rows.append(
            (
                problem,
                n_traces,
                len(judged),
                sum(judged) / len(judged) if judged else None,
                n_answers,
                share,
                answer,
                band,
                None if band == "unknown" else band == "too hard",
                why,
            )
        )
    return pl.DataFrame(rows, schema=BAND_SCHEMA, orient="row")


class Majority(NamedTuple):
    """What most traces of a problem answer."""

    n_answers: int
    """Traces that have an answer."""
    share: float | None
    """Of these, those with the most common one; None without any."""
    answer: str | None
    """Its first spelling; None where several are equally common, or there is none."""


def majority(answers: Iterable[str | None]) -> Majority:
    """The most common answer by `answers.answer_key`; null and empty answers are not counted."""
    counts: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for answer in answers:
        key = answer_key(answer)
        if key is not None and answer is not None:
            counts[key] += 1
            spelling.setdefault(key, answer)
    if not counts:
        return Majority(0, None, None)
    n = counts.total()
    (first, most), *others = counts.most_common(2)
    tied = bool(others) and others[0][1] == most
    return Majority(n, most / n, None if tied else spelling[first])


def slick_like(greedy_correct: Sequence[bool], sampled_correct: Sequence[bool]) -> Knowledge:
    """How well the student knows an answer, from its own attempts: SliCK-like, not SliCK.

    HighlyKnown: every greedy attempt is right. MaybeKnown: some are. WeaklyKnown: no greedy one,
    but some sampled one. Unknown: none at all. SliCK itself takes 10 random 4-shot prompts, each
    with one greedy and 16 sampled (T .5) answers; with a single greedy attempt there is no
    MaybeKnown. ValueError without a greedy attempt, or where only samples could decide and there
    are none.
    """
    if not greedy_correct:
        raise ValueError("at least one greedy attempt is needed")
    if all(greedy_correct):
        return "HighlyKnown"
    if any(greedy_correct):
        return "MaybeKnown"
    if not sampled_correct:
        raise ValueError("no greedy attempt was right, so sampled ones are needed to tell more")
    return "WeaklyKnown" if any(sampled_correct) else "Unknown"


def _band(n_correct: int, n_judged: int, n_answers: int, share: float | None) -> _Band:
    """The band and its reason, from judged traces or else from how far the answers agree."""
    if n_judged >= MIN_TRACES_PER_PROBLEM:
        rate = n_correct / n_judged
        said = f"{n_correct} of {n_judged} judged traces are correct{_small(n_judged)}"
        if rate == 1:
            return _Band("too easy", f"{said}: nothing to learn here, or memorised.")
        if rate > HIGH:
            return _Band("easy", f"{said}: more than half.")
        if rate >= LOW:
            return _Band("frontier", f"{said}: sometimes within reach, sometimes not.")
        return _Band(
            "too hard",
            f"{said}: correct traces of such problems tend to repeat answers and skip computation.",
        )
    if share is not None and n_answers >= MIN_TRACES_PER_PROBLEM:
        n_same = round(share * n_answers)
        said = f"Correctness is not known; {n_same} of {n_answers} answers agree{_small(n_answers)}"
        if n_same == n_answers:
            return _Band("too easy", f"{said}: probably too easy, or memorised.")
        if n_same == 1:
            return _Band("too hard", f"{said}, that is none with another: probably too hard.")
        if share > HIGH:
            return _Band("easy", f"{said}: probably easy.")
        return _Band("frontier", f"{said}: some do, some do not.")
    return _Band(
        "unknown",
        f"{n_judged} judged traces and {n_answers} answers: at least "
        f"{MIN_TRACES_PER_PROBLEM} of either are needed.",
    )


def _small(n: int) -> str:
    """A warning where the rate rests on fewer traces than the band was made for."""
    return "" if n >= FULL_SAMPLE else f" (only {n}; the band was made on {FULL_SAMPLE})"
