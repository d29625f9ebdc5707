"""Agreement on single steps: what people said of the same words of the same trace.

A unit is a step of a trace with its text (`text_hash`): verdicts on words that differ are never
compared. The verdicts are an order, -1, 0, 1 (bad, neither, good); a step that somebody did not
judge has no rating of theirs, which is not a 0. Steps of one trace are no independent draws, so
intervals resample traces with all their steps.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from curation.agreement import coefficients as co
from curation.agreement.coefficients import NO_INTERVAL, Floats, Interval
from curation.agreement.summary import MIN_ITEMS_FOR_CI

STEP_RATINGS: tuple[int, ...] = (-1, 0, 1)
"""The verdicts on a step, in order."""


@dataclass(frozen=True)
class StepAgreement:
    """How far people agree on steps. What is undefined is nan; `reason` says why.

    Intervals are 95 % percentile intervals, bootstrap over traces, from `MIN_ITEMS_FOR_CI` of them.
    """

    n_steps: int
    """Steps with at least one verdict."""
    n_reviewers: int
    n_pairable: int
    """Steps with verdicts of two or more on the same words."""
    n_traces: int
    """Traces that these steps are of."""
    alpha: float
    """Krippendorff's alpha, nominal."""
    alpha_ci: Interval
    alpha_ordinal: float
    """Krippendorff's alpha over -1, 0, 1 as an order."""
    alpha_ordinal_ci: Interval
    percent: float
    """Share (0 to 1) of pairs of verdicts on the same step that are equal."""
    percent_ci: Interval
    n_opposed: int
    """Steps that one calls good and another bad."""
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name; intervals as lists; undefined numbers stay nan."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def on_steps(verdicts: pl.DataFrame, *, seed: int = 0, n_resamples: int = 2000) -> StepAgreement:
    """The agreement on steps; `verdicts` has trace_id, reviewer, step, verdict, text_hash.

    Raises ValueError where a reviewer stands twice on a step.
    """
    unit = ["trace_id", "step", "text_hash"]
    if verdicts.select(*unit, "reviewer").is_duplicated().any():
        raise ValueError("a reviewer stands twice on a step; pass what stands now only")
    counted = (
        verdicts.group_by(unit)
        .agg((pl.col("verdict") == label).sum().alias(str(label)) for label in STEP_RATINGS)
        .sort(unit)
    )
    names = [str(label) for label in STEP_RATINGS]
    counts = counted.select(names).to_numpy().astype(np.float64).reshape(-1, len(names))
    is_pairable = counts.sum(axis=1) >= 2
    counts = counts[is_pairable]
    traces = counted.filter(pl.Series(is_pairable, dtype=pl.Boolean()))["trace_id"].to_list()
    n_traces = len(set(traces))
    alpha = co.krippendorff_alpha(counts)
    ordinal = co.krippendorff_alpha(counts, "ordinal")
    pairs = co.pairs_alike(counts)
    percent = float(co.share(pairs.sum(axis=0)[None])[0])

    def interval(
        value: float, parts: Floats, statistic: co.Statistic, undefined: float = 1.0
    ) -> Interval:
        if math.isnan(value) or n_traces < MIN_ITEMS_FOR_CI:
            return NO_INTERVAL
        return co.bootstrap(co.summed(parts, traces), statistic, seed, n_resamples, undefined)

    reason = None
    if not len(counts):
        reason = "no step was judged by two people yet"
    elif math.isnan(alpha):
        reason = "all shared verdicts are the same: what chance would give cannot be told"
    elif n_traces < MIN_ITEMS_FOR_CI:
        reason = f"an interval needs {MIN_ITEMS_FOR_CI} traces; these steps are of {n_traces}"
    n_labels = len(STEP_RATINGS)
    coincidences = co.coincidences(counts)
    return StepAgreement(
        n_steps=counted.height,
        n_reviewers=verdicts["reviewer"].n_unique(),
        n_pairable=len(counts),
        n_traces=n_traces,
        alpha=alpha,
        alpha_ci=interval(alpha, coincidences, co.alphas(n_labels, "nominal")),
        alpha_ordinal=ordinal,
        alpha_ordinal_ci=interval(ordinal, coincidences, co.alphas(n_labels, "ordinal")),
        percent=percent,
        percent_ci=interval(percent, pairs, co.share, math.nan),
        n_opposed=int(((counts[:, 0] > 0) & (counts[:, 2] > 0)).sum()),
        reason=reason,
    )
