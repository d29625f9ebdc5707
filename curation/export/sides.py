"""One number of two sets of traces held against each other, with an interval over problems.

Owns how a number comes from a set (its sums by problem, how many traces it is of and of how many it
is unknown) and how two sets compare. What is compared stands in `scales`; the densities and the
jackknife are `curation.leakage`'s, nothing of them is derived anew here.

- A *density* counts each problem once (`leakage`): the traces of a problem enter as their mean, so
  that a problem with many samples does not decide. A *mean* or *share* is over traces, as a trainer
  sees them, or over problems where it is a property of these.
- Unknown is never zero: a trace without the number is in `n_unknown` and in no sum.
- Intervals leave out one problem at a time, on both sides at once, since the sets share traces.
  They say what other problems might have given; not what other reviewers would have accepted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from curation.leakage import statistics as stats
from curation.leakage.matching import Unit, problem_means
from curation.leakage.statistics import MIN_PROBLEMS_FOR_CI, NO_INTERVAL, Estimate, too_few

Comparison = Literal["ratio", "difference"]

_SUMS = {"problem_id": pl.String(), "over": pl.Float64(), "under": pl.Float64()}


@dataclass(frozen=True)
class Side:
    """A number of one set: `scale · Σ over / Σ under` of its problems."""

    sums: pl.DataFrame
    """problem_id, over, under; one row a problem that has the number, in order of problem_id."""
    n: int
    """Traces (or problems, where it is a property of these) that have the number."""
    n_unknown: int
    """Those that should have it and do not."""
    scale: float = 1.0

    @property
    def value(self) -> float:
        """The number; nan where nobody has it, or where there is nothing to divide by."""
        under = float(self.sums["under"].sum())
        return self.scale * float(self.sums["over"].sum()) / under if under > 0 else math.nan


def density(traces: pl.DataFrame, column: str, unit: Unit) -> Side:
    """Markers of `column` (a count) per 1,000 `unit`, each problem counted once."""
    length = f"n_{unit}"
    counted = traces.select(
        "problem_id", length, pl.col(column).alias("n_epistemic")
    ).filter(pl.col("n_epistemic").is_not_null() & (pl.col(length) > 0))  # fmt: skip
    sums = problem_means(counted, unit).select(
        "problem_id", pl.col("epistemic").alias("over"), pl.col("length").alias("under")
    )
    return Side(sums, counted.height, traces.height - counted.height, 1000.0)


def mean(traces: pl.DataFrame, value: pl.Expr, *, scale: float = 1.0) -> Side:
    """The mean of `value` (a number or a truth value, null = unknown) over the traces, `scale`d."""
    known = _finite(traces.select("problem_id", over=value.cast(pl.Float64)))
    sums = known.group_by("problem_id").agg(
        pl.col("over").sum(), under=pl.len().cast(pl.Float64)
    )  # fmt: skip
    return Side(sums.sort("problem_id"), known.height, traces.height - known.height, scale)


def mean_of_problems(traces: pl.DataFrame, value: pl.Expr, *, scale: float = 1.0) -> Side:
    """The mean over the problems of `traces`, each once, of what is a property of a problem."""
    every = traces.select("problem_id", over=value.cast(pl.Float64)).unique(
        "problem_id", keep="first", maintain_order=True
    )
    known = _finite(every).with_columns(under=pl.lit(1.0))
    return Side(known.sort("problem_id"), known.height, every.height - known.height, scale)


def compare(ours: Side, theirs: Side, how: Comparison, *, matched: bool = False) -> Estimate:
    """Ours over theirs, or ours minus theirs, with a 95 % interval over problems.

    `matched` looks only at the problems that both have, which is what can be compared where theirs
    are other traces of the same problems. nan with a reason where a side has no number, or theirs
    is 0 under a ratio; no interval below `MIN_PROBLEMS_FOR_CI` problems on the smaller side, and
    none for a ratio of 0 or where problems do not differ (unless the sets are the same).
    """
    mine, others = _having(ours), _having(theirs)
    if matched:
        mine, others = (
            mine.join(others, on="problem_id", how="semi"),
            others.join(mine, on="problem_id", how="semi"),
        )
    n = min(mine.height, others.height)
    if not n:
        return Estimate(math.nan, NO_INTERVAL, 0, "it is not known of one side")
    both = (
        mine.join(others, on="problem_id", how="full", suffix="_r", coalesce=True)
        .sort("problem_id")
        .select("over", "under", "over_r", "under_r")
        .fill_null(0.0)
        .to_numpy()
        .astype(np.float64)
    )
    total = both.sum(axis=0)
    if how == "difference":
        found = stats.estimate(both * [ours.scale, 1, theirs.scale, 1], stats.contrast)
    elif not total[2] > 0:
        return Estimate(math.nan, NO_INTERVAL, n, "the other side is 0: there is no ratio to it")
    elif not total[0] > 0:
        return Estimate(0.0, NO_INTERVAL, n, "there is none on our side: an interval needs some")
    else:
        found = stats.estimate(both, stats.rate_ratio, log=True)
    if n < MIN_PROBLEMS_FOR_CI:
        return Estimate(found.value, NO_INTERVAL, n, too_few(n))
    is_same = np.array_equal(both[:, :2], both[:, 2:])
    if not is_same and np.ptp(found.ci) <= 1e-9 * max(1.0, abs(found.value)):
        return Estimate(found.value, NO_INTERVAL, n, "every problem says the same: no spread")
    return Estimate(found.value, found.ci, n, found.why)


def _having(side: Side) -> pl.DataFrame:
    return side.sums.filter(pl.col("under") > 0)


def _finite(values: pl.DataFrame) -> pl.DataFrame:
    """Without those whose `over` is null, NaN or infinite."""
    return values.filter(pl.col("over").is_finite().fill_null(False))
