"""Agreement taken apart: by person, by reason, by any column, and over time.

Small parts are noisy; each row says how many traces it rests on, and has no interval below
`MIN_ITEMS_FOR_CI`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from curation.agreement import coefficients as co
from curation.agreement.coefficients import NO_INTERVAL, Interval
from curation.agreement.summary import MIN_ITEMS_FOR_CI, RATINGS, between, counted, rows_of

Row = dict[str, Any]


def whole(decisions: pl.DataFrame) -> dict[str, Any]:
    """`between` by its fields, and the parts: by_person, by_reason, by_context; for a program."""
    return {
        **between(decisions).to_dict(),
        "by_person": by_person(decisions),
        "by_reason": by_reason(decisions),
        "by_context": by_group(decisions, "teacher_context"),
    }


def by_person(
    decisions: pl.DataFrame, *, seed: int = 0, alone: Mapping[str, int] | None = None
) -> list[Row]:
    """Each reviewer against the rest, by name, on the traces that they and others rated.

    `percent`: the mean over traces of the share of the others who said the same, with its interval;
    `kappa`: Cohen's, against the majority of the others (even splits left out); `accepts` and
    `others_accept`: the share accepted on these traces, by them and by the mean of the others;
    `alpha_without`: alpha of everyone else. nan where there is nothing to compute. `alone` as in
    `between`: counted in `n_rated`.
    """
    alone = alone or {}
    rated = rows_of(decisions, RATINGS)
    found = []
    for name in sorted({*rated["reviewer"], *alone}):
        shared = _against_the_rest(rated, name)
        mine, others = shared["is_accept"].to_numpy(), shared["accept_share"].to_numpy()
        alike = np.where(mine, others, 1 - others)
        clear = others != 0.5
        said, majority = mine[clear], others[clear] > 0.5
        table = np.array(
            [[np.sum((said == a) & (majority == b)) for b in (True, False)] for a in (True, False)],
            dtype=np.float64,
        )
        rest = rated.filter(pl.col("reviewer") != name)
        found.append(
            {
                "reviewer": name,
                "n_rated": rated.filter(pl.col("reviewer") == name).height + alone.get(name, 0),
                "n_shared": shared.height,
                "percent": _mean(alike),
                "percent_ci": list(_interval(alike, seed)),
                "kappa": co.cohen_kappa(table),
                "accepts": _mean(mine),
                "others_accept": _mean(others),
                "alpha_without": co.krippendorff_alpha(counted(rest, RATINGS)),
            }
        )
    return found


def by_reason(decisions: pl.DataFrame, *, seed: int = 0) -> list[Row]:
    """Each reason that somebody gave with an accept or a reject, the most used first.

    A reviewer labels a trace with a reason or leaves it out, on the traces that two or more rated.
    `n_traces`: of these, those on which anyone gave it; `positive`: pairs of people who both gave
    it, over all pairs in which either did, counted as 2·both / (2·both + one) (Dice): whether
    people who name it find it in the same traces; `alpha` with its interval: chance-corrected.
    """
    rated = decisions.filter(pl.col("verdict").is_in(list(RATINGS)))
    shared = rated.filter(pl.len().over("trace_id") >= 2)
    found = []
    for reason in shared["reasons"].explode().drop_nulls().unique().sort():
        counts = (
            shared.group_by("trace_id")
            .agg(
                pl.col("reasons").list.contains(reason).sum().alias("given"),
                (~pl.col("reasons").list.contains(reason)).sum().alias("left"),
            )
            .sort("trace_id")
            .select("given", "left")
            .to_numpy()
            .astype(np.float64)
        )
        both = float((counts[:, 0] * (counts[:, 0] - 1)).sum())
        one = float((counts[:, 0] * counts[:, 1]).sum())
        alpha = co.krippendorff_alpha(counts)
        found.append(
            {
                "reason": str(reason),
                "n_traces": int((counts[:, 0] > 0).sum()),
                "positive": both / (both + one) if both + one else math.nan,
                "alpha": alpha,
                "alpha_ci": list(
                    co.bootstrap(co.coincidences(counts), co.alphas(2, "nominal"), seed, 1000, 1.0)
                    if len(counts) >= MIN_ITEMS_FOR_CI and not math.isnan(alpha)
                    else NO_INTERVAL
                ),
            }
        )
    return sorted(found, key=lambda row: (-int(row["n_traces"]), str(row["reason"])))


def by_group(decisions: pl.DataFrame, column: str) -> list[Row]:
    """`between` for each value of `column` (`teacher_context`, `teacher`), by its name.

    The keys are `column` and those of `Agreement.to_dict`.
    """
    return [
        {column: value, **between(decisions.filter(pl.col(column) == value)).to_dict()}
        for value in decisions[column].drop_nulls().unique().sort()
    ]


def drift(
    decisions: pl.DataFrame, by: Literal["week", "block"] = "week", block: int = 50
) -> pl.DataFrame:
    """Agreement with the others as time went on: reviewer, period, start, n_shared, percent.

    On the traces that the reviewer and others rated, as in `by_person`, placed by when the reviewer
    decided: in calendar weeks (UTC, from Monday), or in blocks of `block` of their shared traces in
    the order in which they decided them (`sequence`). `period` counts from 0 over those with a
    decision; `start` is its Monday, or the first decision of the block. Takes decided_at and
    sequence too. Raises ValueError for a block below 1.
    """
    if block < 1:
        raise ValueError(f"a block holds one decision or more, not {block}")
    rated = rows_of(decisions, RATINGS)
    times = decisions.select("trace_id", "reviewer", "decided_at", "sequence")
    found = []
    for name in sorted(rated["reviewer"].unique()):
        shared = (
            _against_the_rest(rated, name)
            .with_columns(reviewer=pl.lit(name))
            .join(times, on=["trace_id", "reviewer"])
            .sort("sequence")
            .with_columns(
                alike=pl.when("is_accept")
                .then("accept_share")
                .otherwise(1 - pl.col("accept_share")),
                period=pl.int_range(pl.len()) // block
                if by == "block"
                else pl.col("decided_at").dt.truncate("1w").rank("dense").cast(pl.Int64) - 1,
            )
        )
        found.append(
            shared.group_by("reviewer", "period")
            .agg(
                (
                    pl.col("decided_at").min()
                    if by == "block"
                    else pl.col("decided_at").dt.truncate("1w").min()
                ).alias("start"),
                pl.len().cast(pl.Int64).alias("n_shared"),
                pl.col("alike").mean().alias("percent"),
            )
            .sort("period")
        )
    schema = {
        "reviewer": pl.String(), "period": pl.Int64(), "start": pl.Datetime("us", "UTC"),
        "n_shared": pl.Int64(), "percent": pl.Float64(),
    }  # fmt: skip
    return pl.concat([pl.DataFrame(schema=schema), *(frame.cast(schema) for frame in found)])  # type: ignore[arg-type]


def _against_the_rest(rated: pl.DataFrame, name: str) -> pl.DataFrame:
    """Traces that `name` and others rated: trace_id, is_accept, the others' accept_share."""
    others = (
        rated.filter(pl.col("reviewer") != name)
        .group_by("trace_id")
        .agg((pl.col("verdict") == "accept").mean().alias("accept_share"))
    )
    return (
        rated.filter(pl.col("reviewer") == name)
        .select("trace_id", (pl.col("verdict") == "accept").alias("is_accept"))
        .join(others, on="trace_id")
        .sort("trace_id")
    )


def _interval(values: np.ndarray, seed: int) -> Interval:
    if len(values) < MIN_ITEMS_FOR_CI:
        return NO_INTERVAL
    parts = np.column_stack([values, np.ones(len(values))])
    return co.bootstrap(parts, co.share, seed, 1000)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
