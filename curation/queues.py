"""Candidates to queues: which trace a reviewer sees next, and why, in one line for the card.

`QUEUES` is the only registry: name -> function `(candidates, reviewer, seed)` that returns
`[(trace_id, reason)]` in order. Each queue holds exactly the traces that the reviewer has not
decided (no verdict of any kind), each once, and repeats under its seed; a filter of the rest says
so in its docstring (`assigned to me`, `random control`, `needs second reading`, `needs
adjudication`, `flagged by me`). `selected` is the queue of traces that a person picked, under a
name of its own (`selection_id`). The store makes the candidates (`CANDIDATE_SCHEMA`, one trace a
row, seen by one reviewer); nothing here reads or decides.

Reasons speak of the trace and of numbers that the card shows anyway; they name no verdict of
another person, so that a second reading stays blind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import overload

import polars as pl

from curation.records import TEACHER_CONTEXTS, content_id

CANDIDATE_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "domain": pl.String(),
    "teacher": pl.String(),
    "teacher_context": pl.String(),
    "is_correct": pl.Boolean(),
    "state": pl.String(),
    "n_chars": pl.Int64(),
    "mean_nll_nats": pl.Float64(),
    "rsr": pl.Float64(),
    "n_tokens": pl.Int32(),
    "n_epistemic": pl.Int64(),
    "n_words": pl.Int32(),
    "my_verdict": pl.String(),
    "n_others": pl.Int64(),
    "added_order": pl.Int64(),
}
"""`my_verdict` None = this reviewer has decided nothing; `n_others` = other people's accepts and
rejects; `added_order` grows with arrival. Other columns may stand beside these; null = unknown."""


class Ordered(Sequence[tuple[str, str]]):
    """A queue whose reasons are worded when somebody asks: a long one holds no sentence a trace."""

    def __init__(self, frame: pl.DataFrame, reason: Callable[[dict[str, object]], str]) -> None:
        self._frame = frame
        self._reason = reason

    def __len__(self) -> int:
        return self._frame.height

    @overload
    def __getitem__(self, index: int) -> tuple[str, str]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, str]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, str] | list[tuple[str, str]]:
        if isinstance(index, slice):
            return list(Ordered(self._frame[index], self._reason))
        row = self._frame.row(index, named=True)
        return str(row["trace_id"]), self._reason(row)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for row in self._frame.iter_rows(named=True):
            yield str(row["trace_id"]), self._reason(row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def within(self, trace_ids: Collection[str]) -> Ordered:
        """What of it is among these."""
        kept = pl.Series(list(trace_ids), dtype=pl.String())
        return Ordered(self._frame.filter(pl.col("trace_id").is_in(kept)), self._reason)

    @property
    def trace_ids(self) -> list[str]:
        """The ids alone, in order."""
        return self._frame["trace_id"].to_list()


CONTROL_SHARE, CONTROL_LEAST = 0.05, 20
"""How much of the collection the control slice is."""
FRONTIER_ORDER = ("frontier", "easy", "too hard", "too easy")
"""The bands of a problem, in the order in which `learning frontier` takes them."""

Queue = Sequence[tuple[str, str]]
_CONTEXT_ORDER = pl.col("teacher_context").replace_strict(
    {context: place for place, context in enumerate(TEACHER_CONTEXTS)}, default=99
)
_PER_1K_WORDS = 1000 * pl.col("n_epistemic") / pl.col("n_words").replace(0, None)


def in_order(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Problem by problem as they arrived, the contexts of a problem together."""
    ordered = _undecided(candidates).sort("nth_problem", "added_order", maintain_order=True)
    return _queue(
        ordered,
        lambda row: f"trace {row['nth']} of {row['n_of_problem']} on problem {row['nth_problem']}",
    )


def random(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Shuffled; the seed and the reviewer's name decide, so that people read in other orders.

    A trace's place hangs on its id alone: what others add or decide does not reshuffle the rest.
    """
    keys = [_hash(f"{seed}\0{reviewer}\0{trace_id}") for trace_id in candidates["trace_id"]]
    ordered = _undecided(candidates.with_columns(pl.Series("_key", keys, dtype=pl.String()))).sort(
        "_key"
    )
    return _queue(ordered, lambda row: f"drawn at random (seed {seed})")


def most_surprising(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Highest mean NLL under the student first; the unscored last, in order of arrival."""
    ordered = _undecided(candidates.with_columns(pl.col("mean_nll_nats").fill_nan(None))).sort(
        "mean_nll_nats", "added_order", descending=[True, False], nulls_last=True
    )
    return _queue(
        ordered,
        lambda row: (
            "not scored yet"
            if row["mean_nll_nats"] is None
            else f"surprises the student: {row['mean_nll_nats']:.2f} nats a token"
        ),
    )


def teacher_contrast(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Problem by problem, contexts side by side; widest spread of epistemic density first.

    Spread = highest minus lowest of epistemic markers per 1,000 words among all traces of the
    problem, decided ones too, so that deciding one moves no other. Problems with fewer than two
    marked traces come last.
    """
    spread = (_PER_1K_WORDS.max() - _PER_1K_WORDS.min()).over("problem_id")
    n_marked = _PER_1K_WORDS.count().over("problem_id")
    ordered = _undecided(
        candidates.with_columns(_spread=pl.when(n_marked >= 2).then(spread))
    ).sort(
        "_spread", "nth_problem", _CONTEXT_ORDER, "added_order",
        descending=[True, False, False, False], nulls_last=True, maintain_order=True,
    )  # fmt: skip
    return _queue(
        ordered,
        lambda row: (
            "nothing to contrast it with yet"
            if row["_spread"] is None
            else f"epistemic density differs by {row['_spread']:.1f} per 1,000 words here"
        ),
    )


def needs_second_reading(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Only what others accepted or rejected and this reviewer did not: fewest readers first."""
    ordered = _undecided(candidates).filter(pl.col("n_others") > 0).sort("n_others", "added_order")
    return _queue(
        ordered,
        lambda row: (
            "read by 1 other, not by you"
            if row["n_others"] == 1
            else f"read by {row['n_others']} others, not by you"
        ),
    )


def needs_adjudication(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Only what others dispute and this reviewer did not vote on: most votes first."""
    ordered = (
        _undecided(candidates)
        .filter(pl.col("state") == "disputed")
        .sort("n_others", "added_order", descending=[True, False])
    )
    return _queue(ordered, lambda row: f"{row['n_others']} others differ here; you did not vote")


def flagged_by_me(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Only what this reviewer flagged (and so decided already), in order of arrival."""
    ordered = candidates.filter(pl.col("my_verdict") == "flag").sort("added_order", "trace_id")
    return _queue(ordered, lambda row: "you flagged it")


def unscored_first(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """What the student has not scored first, then the rest; each in order of arrival."""
    ordered = _undecided(
        candidates.with_columns(_scored=pl.col("mean_nll_nats").fill_nan(None).is_not_null())
    ).sort("_scored", "added_order")
    return _queue(
        ordered, lambda row: "scored by the student" if row["_scored"] else "not scored yet"
    )


def control_slice(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Only a random slice, the same for everybody: what a queue that picks is held against.

    The first `CONTROL_SHARE` of all traces, at least `CONTROL_LEAST`, in an order of hashes of the
    seed and the id; a collection that grows adds to the slice.
    """
    n = max(CONTROL_LEAST, round(CONTROL_SHARE * candidates.height))
    keys = [_hash(f"control\0{seed}\0{trace_id}") for trace_id in candidates["trace_id"]]
    drawn = candidates.with_columns(pl.Series("_key", keys, dtype=pl.String())).sort("_key").head(n)
    return _queue(
        _undecided(drawn).sort("_key"),
        lambda row: f"control slice: {min(n, candidates.height)} of {candidates.height} at random",
    )


def one_problem_at_a_time(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """A problem to its end before the next: its traces by teacher context, then by arrival.

    Problems in an order of the seed and the reviewer's name, so that people begin with others.
    """
    key = pl.col("problem_id").map_elements(
        lambda problem: _hash(f"{seed}\0{reviewer}\0{problem}"), return_dtype=pl.String()
    )
    ordered = _undecided(candidates.with_columns(_key=key)).sort(
        "_key", _CONTEXT_ORDER, "added_order", maintain_order=True
    )
    return _queue(
        ordered,
        lambda row: (
            f"one of {row['n_of_problem']} on this problem: finish it before the next"
            if row["n_of_problem"] != 1
            else "the only trace on its problem"
        ),
    )


def most_informative(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Where two scores of the student disagree most about the trace; the unscored last.

    The gap between a trace's percentiles (0 to 100, ties in the middle) in mean NLL and in RSR
    among all traces that have both: both prefer low values, so a gap says that one would keep what
    the other would drop. A trace's place is that among all traces, decided ones too.
    """
    both = candidates.with_columns(
        pl.col("mean_nll_nats", "rsr").fill_nan(None).replace(float("inf"), None)
    ).with_columns(_has=pl.all_horizontal(pl.col("mean_nll_nats", "rsr").is_not_null()))
    n = max(int(both["_has"].sum()) - 1, 1)
    place = [
        ((pl.when("_has").then(name).rank("average") - 1) * 100 / n).alias(f"_{name}")
        for name in ("mean_nll_nats", "rsr")
    ]
    ordered = _undecided(
        both.with_columns(place).with_columns(
            _gap=(pl.col("_mean_nll_nats") - pl.col("_rsr")).abs()
        )
    ).sort("_gap", "added_order", descending=[True, False], nulls_last=True)
    return _queue(
        ordered,
        lambda row: (
            "two scores are not known yet"
            if row["_gap"] is None
            else f"scores disagree: above {row['_mean_nll_nats']:.0f} % in mean NLL, "
            f"above {row['_rsr']:.0f} % in RSR"
        ),
    )


def learning_frontier(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Problems that are neither too easy nor too hard first: frontier, easy, too hard, too easy.

    Reads the columns `band` and `band_why` (a word of `FRONTIER_ORDER` and its reason in a
    sentence); problems of which nothing is known, and all without the columns, come last. Inside a
    band in order of arrival, the traces of a problem together.
    """
    order = {band: place for place, band in enumerate(FRONTIER_ORDER)}
    ordered = _undecided(
        _with(candidates, dict.fromkeys(("band", "band_why"), pl.String())).with_columns(
            _band=pl.col("band").replace_strict(order, default=len(order))
        )
    ).sort("_band", "nth_problem", "added_order")
    return _queue(
        ordered,
        lambda row: (
            "its problem's difficulty is not known"
            if row["band"] not in order
            else f"{row['band']}: {row['band_why'] or 'no reason is given'}"
        ),
    )


def leak_risk(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """The highest leak risk first; what nothing is known of last, in order of arrival.

    Reads the columns `leak_risk` (0 to 100) and `leak_reason`, which name the parts of the order
    and no verdict; without them nothing is known of any trace.
    """
    there = {"leak_risk": pl.Float64(), "leak_reason": pl.String()}
    ordered = _undecided(_with(candidates, there)).sort(
        "leak_risk", "added_order", descending=[True, False], nulls_last=True
    )
    return _queue(ordered, lambda row: str(row["leak_reason"] or "no leak sign is known yet"))


def assigned_to_me(candidates: pl.DataFrame, reviewer: str, seed: int) -> Queue:
    """Only what a lead gave to this reviewer, in the order of the assignments.

    Reads the columns `assigned_order` (null = not assigned to them) and `assigned_by`; without them
    nothing is assigned.
    """
    there = {"assigned_order": pl.Int64(), "assigned_by": pl.String()}
    ordered = (
        _undecided(_with(candidates, there))
        .filter(pl.col("assigned_order").is_not_null())
        .sort("assigned_order", "trace_id")
    )
    return _queue(ordered, lambda row: f"assigned to you by {row['assigned_by']}")


def selected(candidates: pl.DataFrame, reviewer: str, trace_ids: Sequence[str]) -> Queue:
    """Exactly these traces in the order given, each once: those to decide, then those decided.

    Ids that are not among the candidates are left out; the caller says how many.
    """
    verdicts = dict(candidates.select("trace_id", "my_verdict").iter_rows())
    there = [trace_id for trace_id in dict.fromkeys(trace_ids) if trace_id in verdicts]
    return [(i, "chosen in the chart") for i in there if verdicts[i] is None] + [
        (i, "chosen in the chart; you have decided it before")
        for i in there
        if verdicts[i] is not None
    ]


def selection_id(trace_ids: Sequence[str]) -> str:
    """The name of a selection: the same traces in the same order have the same."""
    return content_id("sl1", *trace_ids)


QUEUES: dict[str, Callable[[pl.DataFrame, str, int], Queue]] = {
    "in order": in_order,
    "assigned to me": assigned_to_me,
    "random": random,
    "most surprising": most_surprising,
    "unscored first": unscored_first,
    "most informative": most_informative,
    "learning frontier": learning_frontier,
    "one problem at a time": one_problem_at_a_time,
    "teacher contrast": teacher_contrast,
    "leak risk": leak_risk,
    "random control": control_slice,
    "needs second reading": needs_second_reading,
    "needs adjudication": needs_adjudication,
    "flagged by me": flagged_by_me,
}
"""Name as people read it -> queue."""


def _undecided(candidates: pl.DataFrame) -> pl.DataFrame:
    """The rows without a verdict of this reviewer, each with its place among its problem's traces.

    Places count decided traces too, so that they stay what they are while a reviewer works.
    """
    return (
        candidates.sort("added_order", "trace_id")
        .with_columns(
            pl.int_range(1, pl.len() + 1).over("problem_id").alias("nth"),
            pl.len().over("problem_id").alias("n_of_problem"),
            pl.col("added_order").min().over("problem_id").rank("dense").alias("nth_problem"),
        )
        .filter(pl.col("my_verdict").is_null())
    )


def _with(candidates: pl.DataFrame, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The candidates with these columns, null where nobody gave them."""
    return candidates.with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in columns.items()
        if name not in candidates.columns
    )


def _queue(ordered: pl.DataFrame, reason: Callable[[dict[str, object]], str]) -> Queue:
    return Ordered(ordered, reason)


def trace_ids(queue: Queue) -> list[str]:
    """The ids of a queue, in order, without its reasons."""
    return queue.trace_ids if isinstance(queue, Ordered) else [trace_id for trace_id, _ in queue]


def within(queue: Queue, trace_ids: Collection[str]) -> Queue:
    """What of a queue is among `trace_ids`, in its order and with its reasons."""
    if isinstance(queue, Ordered):
        return queue.within(trace_ids)
    return [pair for pair in queue if pair[0] in trace_ids]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
