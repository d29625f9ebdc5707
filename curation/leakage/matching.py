"""Who is compared with whom: the traces of a context beside unguided ones of the same problem.

Owns the pairing, no statistic. A context is compared within a problem *and* a teacher wherever any
teacher wrote under both; only where none did, within the problem alone, and then `Pairs.on` says
so: the teachers differ as well as the context. Each problem counts once: the traces of a teacher
enter as their mean, the teachers of a problem as the mean of those means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from curation.leakage.statistics import Floats
from curation.records import CATEGORIES

REFERENCE = "unguided"

Unit = Literal["tokens", "words"]
On = Literal["problem and teacher", "problem"]

GAIN_SUMS = ("gain_on_nats", "n_gain_on", "gain_off_nats", "n_gain_off")
"""Optional columns, one trace a row: privilege gain summed over the tokens of epistemic markers and
their number, then the same over all other tokens."""

_MEANS: dict[str, str] = {
    "epistemic": "n_epistemic",
    "kim": "kim_count",
    "nll": "mean_nll_nats",
    "gain": "privilege_gain_per_token_nats",
    "gain_total": "privilege_gain_nats",
    **{name: name for name in GAIN_SUMS},
    **{category: f"n_{category}" for category in CATEGORIES},
}


_KEYS: tuple[tuple[On, list[str]], ...] = (
    ("problem and teacher", ["problem_id", "teacher"]),
    ("problem", ["problem_id"]),
)


@dataclass(frozen=True)
class Pairs:
    """The matched problems of one context."""

    on: On | None
    """What was matched; None where nothing is."""
    context: pl.DataFrame
    """The traces of the context that take part."""
    unguided: pl.DataFrame
    n_left_out: int
    """Traces of the context without an unguided one to be held against."""
    problems: pl.DataFrame
    """One matched problem a row, in order of problem_id: means under the context (`epistemic`,
    `length`, …) and under unguided (`…_u`)."""

    def columns(self, *names: str) -> Floats:
        """`[n, k]` of the problems that have all `names`."""
        chosen = self.problems.select(names).cast(pl.Float64).fill_nan(None).drop_nulls()
        return chosen.to_numpy() if chosen.height else np.zeros((0, len(names)))

    def counts(self, name: str = "epistemic") -> Floats:
        """Columns count, length, count (unguided), length (unguided)."""
        return self.columns(name, "length", f"{name}_u", "length_u")


def pair(marked: pl.DataFrame, context: str, unit: Unit) -> Pairs:
    """The pairs of `context` with unguided among these marked traces."""
    own = marked.filter(pl.col("teacher_context") == context)
    reference = marked.filter(pl.col("teacher_context") == REFERENCE)
    if context == REFERENCE:
        reference = reference.clear()
    on: On | None = None
    for name, keys in _KEYS:
        mine, theirs = (
            own.join(reference, on=keys, how="semi"),
            reference.join(own, on=keys, how="semi"),
        )
        if mine.height:
            on = name
            break
    left = problem_means(mine, unit, keys)
    right = problem_means(theirs, unit, keys)
    return Pairs(
        on=on,
        context=mine,
        unguided=theirs,
        n_left_out=own.height - mine.height,
        problems=left.join(right, on="problem_id", suffix="_u").sort("problem_id"),
    )


def problem_means(traces: pl.DataFrame, unit: Unit, keys: list[str] | None = None) -> pl.DataFrame:
    """Per problem the means of what is counted, over its traces and then over `keys`' groups.

    Columns problem_id, n_traces, `length` (in `unit`), those of `_MEANS`; null where not known.
    """
    columns = {"length": f"n_{unit}", **_MEANS}
    there = {name: column for name, column in columns.items() if column in traces.columns}
    missing = [pl.lit(None, pl.Float64).alias(name) for name in columns if name not in there]
    means = [
        pl.col(column).cast(pl.Float64).fill_nan(None).mean().alias(name)
        for name, column in there.items()
    ]
    grouped = traces.group_by(*(keys or ["problem_id"])).agg(pl.len().alias("n_traces"), *means)
    return (
        grouped.group_by("problem_id")
        .agg(pl.col("n_traces").sum(), *(pl.col(name).mean() for name in there))
        .with_columns(*missing)
        .sort("problem_id")
    )
