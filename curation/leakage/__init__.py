"""Confidence leakage: do teachers who saw more doubt less? By teacher context, matched on problems.

Owns the statistics; takes one frame with one trace a row (`NEEDED` columns, any others beside
them). Knows nothing of texts, lexicons or stores. Two views that are never mixed: each context as
it stands (all its traces), and *matched*: only the problems that have traces under both the context
and `unguided`, each problem counted once (several traces of a problem under one context enter as
their mean). Only the matched view compares; where nothing is matched it is nan with a reason.

Formulas, over matched problems p, with e = mean count of epistemic markers of p's traces under a
context, n = mean length in the unit, c = the context, u = unguided:

    density d(c)      1000 · Σ e_p(c) / Σ n_p(c)
    suppression S     1 - d(c) / d(u)                 undefined where d(u) = 0
    raw fall          Σ e_p(u) / Σ e_p(c)             = length fall · density fall
    length fall       Σ n_p(u) / Σ n_p(c)
    length share      ln(length fall) / ln(raw fall)  of a raw fall > 1: how much is only length;
                      above 1 = density rose while the text shrank
    interval          BCa bootstrap over problems, 95 %
    p                 two-sided, paired: the two contexts of each problem are swapped at random;
                      statistic |d(u) - d(c)|; exact up to 12 problems, else (1 + hits)/(1 + draws)

The unit is the student's tokens when every marked trace is scored, else words; one report has one
unit and says which. A difference is evidence on what the context does only if nothing else differs:
shares of correct traces and of domains stand beside the numbers for that reason.

Sources: the quantities after Kim et al., arXiv 2603.24472 (counts per response; the density and the
split into length and density are ours); BCa: Efron 1987.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from curation.leakage.statistics import (
    MIN_PROBLEMS_FOR_CI,
    NO_INTERVAL,
    Floats,
    Interval,
    bca_interval,
    density,
    length_share,
    ratio,
    suppression,
    swap_p_value,
)
from curation.records import CATEGORIES, TEACHER_CONTEXTS

NEEDED: tuple[str, ...] = (
    "trace_id", "problem_id", "teacher_context", "is_correct", "n_tokens", "n_words",
    "n_epistemic", "kim_count", "mean_nll_nats", *(f"n_{category}" for category in CATEGORIES),
)  # fmt: skip
"""Columns of the frame; `n_epistemic` null = not marked yet, `n_tokens` null = not scored yet."""

REFERENCE = "unguided"

Unit = Literal["tokens", "words"]


@dataclass(frozen=True)
class Matched:
    """One context against unguided on the problems that have both. See the module's formulas."""

    n_problems: int
    n_traces: int
    n_traces_unguided: int
    epistemic_per_1k: float
    epistemic_per_1k_unguided: float
    suppression: float
    suppression_ci: Interval
    p_value: float
    raw_fall: float
    length_fall: float
    density_fall: float
    length_share: float
    kim_fall: float
    """Σ kim counts of unguided over those of the context."""
    reason: str | None
    """Why something above is nan."""


@dataclass(frozen=True)
class Context:
    """One teacher context as it stands: all its marked traces, nothing matched."""

    teacher_context: str
    n_traces: int
    n_problems: int
    epistemic_per_1k: float
    """Per 1,000 of the report's unit; traces of a problem enter as their mean."""
    epistemic_per_1k_ci: Interval
    epistemic_mean: float
    kim_count_mean: float
    n_tokens_mean: float
    n_tokens_median: float
    """Student tokens, over the scored traces; nan where none is."""
    n_words_mean: float
    n_words_median: float
    mean_nll_nats: float
    """Mean over scored traces of the mean NLL per token, nats."""
    share_correct: float
    """Of the traces whose correctness is known."""
    domains: dict[str, int]
    """Traces by domain."""
    per_1k: dict[str, float]
    """Markers per 1,000 of the report's unit, by category."""
    matched: Matched


@dataclass(frozen=True)
class Report:
    """Confidence leakage of a set of traces."""

    unit: Unit
    unit_reason: str
    contexts: tuple[Context, ...]
    """In the order of `records.TEACHER_CONTEXTS`; those without traces are left out."""
    unmatched: dict[str, str]
    """Context -> why it cannot be compared."""
    n_traces: int
    n_unmarked: int
    """Traces left out because they are not marked yet."""
    lexicon: str | None
    student: str | None
    seed: int
    n_resamples: int

    def to_dict(self) -> dict[str, Any]:
        """What `leakage --json` prints; the matched numbers stand in each context's entry."""
        return {**asdict(self), "contexts": [_flat(context) for context in self.contexts]}


def report(traces: pl.DataFrame, *, seed: int = 0, n_resamples: int = 2000) -> Report:
    """The report on `traces`; `seed` fixes intervals and p-values.

    `lexicon_id` and `student` columns, where there, are reported when they hold one value. Raises
    ValueError for a missing column.
    """
    missing = [name for name in NEEDED if name not in traces.columns]
    if missing:
        raise ValueError(f"the frame lacks {', '.join(missing)}")
    marked = traces.filter(pl.col("n_epistemic").is_not_null())
    unit, unit_reason = _unit(marked)
    means = problem_means(marked, unit)
    contexts = []
    for name in TEACHER_CONTEXTS:
        own = marked.filter(pl.col("teacher_context") == name)
        if own.height:
            matched = _matched(marked, means, name, seed, n_resamples)
            contexts.append(_context(own, means, name, unit, matched, seed, n_resamples))
    return Report(
        unit=unit,
        unit_reason=unit_reason,
        contexts=tuple(contexts),
        unmatched={
            context.teacher_context: context.matched.reason or ""
            for context in contexts
            if context.teacher_context != REFERENCE and not context.matched.n_problems
        },
        n_traces=traces.height,
        n_unmarked=traces.height - marked.height,
        lexicon=_only(marked, "lexicon_id"),
        student=_only(marked, "student"),
        seed=seed,
        n_resamples=n_resamples,
    )


def problem_means(marked: pl.DataFrame, unit: Unit) -> pl.DataFrame:
    """Per problem and context: means over its traces of `epistemic`, `length` and `kim`.

    Columns problem_id, teacher_context, n_traces, epistemic, length (in `unit`), kim.
    """
    return (
        marked.group_by("problem_id", "teacher_context")
        .agg(
            pl.len().alias("n_traces"),
            pl.col("n_epistemic").cast(pl.Float64).mean().alias("epistemic"),
            pl.col(f"n_{unit}").cast(pl.Float64).mean().alias("length"),
            pl.col("kim_count").cast(pl.Float64).mean().alias("kim"),
        )
        .sort("problem_id", "teacher_context")
    )


def matched_pairs(traces: pl.DataFrame) -> pl.DataFrame:
    """Each matched problem and context with its densities, for a chart of lines.

    Columns problem_id, teacher_context, per_1k_unguided, per_1k, in the unit that `report` takes.
    """
    marked = traces.filter(pl.col("n_epistemic").is_not_null())
    means = problem_means(marked, _unit(marked)[0]).with_columns(
        per_1k=1000 * pl.col("epistemic") / pl.col("length").replace(0, None)
    )
    reference = means.filter(pl.col("teacher_context") == REFERENCE)
    return (
        means.filter(pl.col("teacher_context") != REFERENCE)
        .join(reference, on="problem_id", suffix="_unguided")
        .select("problem_id", "teacher_context", "per_1k_unguided", "per_1k")
        .sort("teacher_context", "problem_id")
    )


def _unit(marked: pl.DataFrame) -> tuple[Unit, str]:
    n_unscored = marked["n_tokens"].null_count()
    if marked.height and not n_unscored:
        return "tokens", "every trace is scored: lengths are the student's tokens"
    return "words", (
        f"{n_unscored} of {marked.height} traces are not scored yet: lengths are words"
        if marked.height
        else "there is no marked trace"
    )


def _matched(
    marked: pl.DataFrame, means: pl.DataFrame, name: str, seed: int, n_resamples: int
) -> Matched:
    of_context = means.filter(pl.col("teacher_context") == name)
    reference = means.filter(pl.col("teacher_context") == REFERENCE)
    both = of_context.join(reference, on="problem_id", suffix="_u").sort("problem_id")
    if name == REFERENCE or not both.height:
        reason: str | None = (
            "this is the reference"
            if name == REFERENCE
            else "no problem has traces under both this context and unguided"
        )
        return Matched(
            n_problems=0, n_traces=0, n_traces_unguided=0, epistemic_per_1k=math.nan,
            epistemic_per_1k_unguided=math.nan, suppression=math.nan, suppression_ci=NO_INTERVAL,
            p_value=math.nan, raw_fall=math.nan, length_fall=math.nan, density_fall=math.nan,
            length_share=math.nan, kim_fall=math.nan, reason=reason,
        )  # fmt: skip
    e, n, k = (both[column].to_numpy() for column in ("epistemic", "length", "kim"))
    eu, nu, ku = (both[column].to_numpy() for column in ("epistemic_u", "length_u", "kim_u"))

    def suppressions(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            of_c, of_u = (weights @ e) / (weights @ n), (weights @ eu) / (weights @ nu)
            values: Floats = 1 - of_c / of_u
        return values

    value = suppression(e, n, eu, nu)
    raw, length = ratio(eu.sum(), e.sum()), ratio(nu.sum(), n.sum())
    reason = None
    if math.isnan(value):
        reason = "the unguided traces have no epistemic marker: there is nothing to suppress"
    elif both.height < MIN_PROBLEMS_FOR_CI:
        reason = f"an interval needs {MIN_PROBLEMS_FOR_CI} matched problems; here are {both.height}"
    return Matched(
        n_problems=both.height,
        n_traces=int(both["n_traces"].sum()),
        n_traces_unguided=int(both["n_traces_u"].sum()),
        epistemic_per_1k=density(e, n),
        epistemic_per_1k_unguided=density(eu, nu),
        suppression=value,
        suppression_ci=bca_interval(suppressions, len(e), seed=seed, n_resamples=n_resamples),
        p_value=swap_p_value(e, n, eu, nu, seed=seed),
        raw_fall=raw,
        length_fall=length,
        density_fall=ratio(density(eu, nu), density(e, n)),
        length_share=length_share(raw, length),
        kim_fall=ratio(ku.sum(), k.sum()),
        reason=reason,
    )


def _context(
    own: pl.DataFrame, means: pl.DataFrame, name: str, unit: Unit, matched: Matched,
    seed: int, n_resamples: int,
) -> Context:  # fmt: skip
    mine = means.filter(pl.col("teacher_context") == name)
    counts, lengths = mine["epistemic"].to_numpy(), mine["length"].to_numpy()

    def densities(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            values: Floats = 1000 * (weights @ counts) / (weights @ lengths)
        return values

    total = float(own[f"n_{unit}"].sum())
    domains = own["domain"] if "domain" in own.columns else pl.Series([], dtype=pl.String())
    return Context(
        teacher_context=name,
        n_traces=own.height,
        n_problems=mine.height,
        epistemic_per_1k=density(counts, lengths),
        epistemic_per_1k_ci=bca_interval(
            densities, len(counts), seed=seed, n_resamples=n_resamples
        ),
        epistemic_mean=_mean(own["n_epistemic"]),
        kim_count_mean=_mean(own["kim_count"]),
        n_tokens_mean=_mean(own["n_tokens"]),
        n_tokens_median=_median(own["n_tokens"]),
        n_words_mean=_mean(own["n_words"]),
        n_words_median=_median(own["n_words"]),
        mean_nll_nats=_mean(own["mean_nll_nats"]),
        share_correct=_mean(own["is_correct"].cast(pl.Float64)),
        domains={str(d): n for d, n in domains.drop_nulls().value_counts().sort("domain").rows()}
        if len(domains)
        else {},
        per_1k={
            category: ratio(1000.0 * float(own[f"n_{category}"].sum()), total)
            for category in CATEGORIES
        },
        matched=matched,
    )


def _flat(context: Context) -> dict[str, Any]:
    """One entry of `contexts`: its own numbers, then the matched ones (`matched_…` where both)."""
    row = asdict(context)
    matched = row.pop("matched")
    matched["n_problems_matched"] = matched.pop("n_problems")
    for name in ("epistemic_per_1k", "epistemic_per_1k_unguided", "n_traces", "n_traces_unguided"):
        matched[f"matched_{name}"] = matched.pop(name)
    return {**row, **matched}


def _mean(values: pl.Series) -> float:
    mean = values.cast(pl.Float64).fill_nan(None).mean()
    return math.nan if mean is None else float(mean)  # type: ignore[arg-type]


def _median(values: pl.Series) -> float:
    median = values.cast(pl.Float64).median()
    return math.nan if median is None else float(median)  # type: ignore[arg-type]


def _only(marked: pl.DataFrame, column: str) -> str | None:
    """The one value of a column; None where there is none, or more than one."""
    values = marked[column].drop_nulls().unique() if column in marked.columns else pl.Series()
    return str(values[0]) if len(values) == 1 else None
