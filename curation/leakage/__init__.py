"""Confidence leakage: do teachers who saw more doubt less? By teacher context, matched on problems.

Owns the statistics; takes one frame with one trace a row (`NEEDED` columns; those of `OPTIONAL` are
used where they stand beside them). Knows nothing of texts, lexicons or stores. Two views that are
never mixed: each context as it stands (all its traces, `contexts`), and *matched* (`matched`): only
problems that have traces under both the context and `unguided`, by the same teacher where there is
one who wrote both (`matching`), each problem counted once. Only the matched view compares; where
nothing is matched it is nan with a reason, and a comparison over different problems stands in
`Context.unmatched`, under that name.

Formulas, over matched problems p, with e = mean count of epistemic markers of p's traces under a
context, n = mean length in the unit, c = the context, u = unguided:

    density d(c)      1000 · Σ e_p(c) / Σ n_p(c)
    suppression S     1 - d(c) / d(u)                 undefined where d(u) = 0; negative = more
    raw fall          Σ e_p(u) / Σ e_p(c)             = length fall · density fall
    length fall       Σ n_p(u) / Σ n_p(c)
    length share      ln(length fall) / ln(raw fall)  of a raw fall > 1: how much is only length;
                      above 1 = density rose while the text shrank
    difference        mean over p of (context - unguided): length, Kim count, mean NLL
    hedge gain        Σ gain on tokens of epistemic markers / their number - the same over others
    interval          jackknife t over problems, 95 %, ratios on the log scale (`statistics`)
    p                 two-sided, paired: the two contexts of each problem are swapped at random;
                      statistic |d(u) - d(c)|; exact up to 12 problems, else (1 + hits)/(1 + draws)
    p (Holm)          the same, adjusted for the contexts that are tested in this report

The unit is the student's tokens when every marked trace is scored, else words; one report has one
unit and says which. A difference is evidence on what the context does only if nothing else differs:
shares of correct traces, domains and teachers stand beside the numbers for that reason, and
`Matched.warnings` says what does.

Sources: the quantities after Kim et al., arXiv 2603.24472 (counts per response; the density and the
split into length and density are ours); the hedge gain is ours, after arXiv 2605.11609.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import polars as pl

from curation.leakage import statistics as stats
from curation.leakage.matched import Matched, adjusted, compare
from curation.leakage.matching import GAIN_SUMS, REFERENCE, Pairs, Unit, pair, problem_means
from curation.leakage.statistics import MIN_PROBLEMS_FOR_CI, Estimate, Interval, ratio
from curation.records import CATEGORIES, TEACHER_CONTEXTS

__all__ = [
    "GAIN_SUMS", "MIN_PROBLEMS_FOR_CI", "NEEDED", "OPTIONAL", "PLACES", "REFERENCE", "Context",
    "Estimate", "Matched", "OfTeacher", "Pairs", "Report", "Unit", "marker_places",
    "matched_pairs", "pair", "report", "unit_of",
]  # fmt: skip

NEEDED: tuple[str, ...] = (
    "trace_id", "problem_id", "teacher", "teacher_context", "is_correct", "n_tokens", "n_words",
    "n_epistemic", "kim_count", "mean_nll_nats", *(f"n_{category}" for category in CATEGORIES),
)  # fmt: skip
"""Columns of the frame; `n_epistemic` null = not marked yet, `n_tokens` null = not scored yet."""

OPTIONAL: tuple[str, ...] = (
    "domain", "teacher_context_raw", "privilege_gain_nats", "privilege_gain_per_token_nats",
    "privileged_by", "lexicon_id", "student", *GAIN_SUMS,
)  # fmt: skip

PLACES = 10
"""Parts of a trace, of equal length in characters, that `marker_places` counts in."""


@dataclass(frozen=True)
class Context:
    """One teacher context as it stands: all its marked traces, nothing matched."""

    teacher_context: str
    n_traces: int
    n_problems: int
    epistemic_per_1k: float
    """Per 1,000 of the report's unit; traces of a problem enter as their mean."""
    epistemic_per_1k_ci: Interval
    epistemic_per_1k_why: str | None
    """Why there is no interval."""
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
    unmatched: Estimate | None
    """Suppression over *different* problems, where nothing is matched: teachers, problems and
    domains differ with the context. None for what is matched, and for the reference."""


@dataclass(frozen=True)
class OfTeacher:
    """One teacher under one context, as they stand."""

    teacher: str
    teacher_context: str
    n_traces: int
    n_problems: int
    epistemic_per_1k: Estimate
    kim_count_mean: float
    n_words_mean: float
    share_correct: float


@dataclass(frozen=True)
class Report:
    """Confidence leakage of a set of traces."""

    unit: Unit
    unit_reason: str
    contexts: tuple[Context, ...]
    """In the order of `records.TEACHER_CONTEXTS`; those without traces are left out."""
    teachers: tuple[OfTeacher, ...]
    unmatched: dict[str, str]
    """Context -> why it cannot be compared."""
    n_traces: int
    n_unmarked: int
    """Traces left out because they are not marked yet."""
    lexicon: str | None
    student: str | None
    seed: int
    """Of the drawn swaps behind the p-values; the intervals need none."""

    def to_dict(self) -> dict[str, Any]:
        """What `leakage --json` prints; the matched numbers stand in each context's entry."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        parts["teachers"] = [asdict(row) for row in self.teachers]
        return {**parts, "contexts": [_flat(context) for context in self.contexts]}

    def context(self, name: str) -> Context | None:
        """The entry of one context, None where it has no traces."""
        return next((c for c in self.contexts if c.teacher_context == name), None)


def report(traces: pl.DataFrame, *, seed: int = 0) -> Report:
    """The report on `traces`; `seed` fixes the drawn p-values.

    `lexicon_id` and `student` columns, where there, are reported when they hold one value. Raises
    ValueError for a missing column.
    """
    missing = [name for name in NEEDED if name not in traces.columns]
    if missing:
        raise ValueError(f"the frame lacks {', '.join(missing)}")
    marked = traces.filter(pl.col("n_epistemic").is_not_null())
    unit, unit_reason = unit_of(marked)
    present = [name for name in TEACHER_CONTEXTS if name in set(marked["teacher_context"])]
    comparisons = adjusted([compare(marked, name, unit, seed) for name in present])
    contexts = tuple(
        _context(marked, name, unit, matched)
        for name, matched in zip(present, comparisons, strict=True)
    )
    return Report(
        unit=unit,
        unit_reason=unit_reason,
        contexts=contexts,
        teachers=tuple(_of_teachers(marked, unit)),
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
    )


def unit_of(marked: pl.DataFrame) -> tuple[Unit, str]:
    """The unit of lengths and why: tokens where every marked trace is scored, else words."""
    n_unscored = marked["n_tokens"].null_count()
    if marked.height and not n_unscored:
        return "tokens", "every trace is scored: lengths are the student's tokens"
    return "words", (
        f"{n_unscored} of {marked.height} traces are not scored yet: lengths are words"
        if marked.height
        else "there is no marked trace"
    )


def matched_pairs(found: Report) -> pl.DataFrame:
    """Each matched problem and context with its densities, for a chart of lines.

    Columns problem_id, teacher_context, per_1k_unguided, per_1k (in the report's unit), trace_ids
    (those behind the pair, unguided first).
    """
    schema = {
        "problem_id": pl.String(), "teacher_context": pl.String(), "per_1k_unguided": pl.Float64(),
        "per_1k": pl.Float64(), "trace_ids": pl.List(pl.String()),
    }  # fmt: skip
    frames = [pl.DataFrame(schema=schema)]
    for context in found.contexts:
        pairs = context.matched.pairs
        if not pairs.problems.height:
            continue
        behind = (
            pl.concat(
                [side.select("problem_id", "trace_id") for side in (pairs.unguided, pairs.context)]
            )
            .group_by("problem_id", maintain_order=True)
            .agg(pl.col("trace_id").alias("trace_ids"))
        )
        frames.append(
            pairs.problems.join(behind, on="problem_id")
            .select(
                "problem_id",
                pl.lit(context.teacher_context).alias("teacher_context"),
                (1000 * pl.col("epistemic_u") / pl.col("length_u").replace(0, None)).alias(
                    "per_1k_unguided"
                ),
                (1000 * pl.col("epistemic") / pl.col("length").replace(0, None)).alias("per_1k"),
                "trace_ids",
            )
            .drop_nulls(["per_1k_unguided", "per_1k"])
            .sort("problem_id")
        )
    return pl.concat(frames)


def marker_places(markers: pl.DataFrame) -> pl.DataFrame:
    """Where markers stand along the trace: `teacher_context`, `place` (0 to 9), `n`, `share`.

    `markers` has one marker a row: teacher_context, start_char, n_chars (of its trace). `place` is
    the tenth of the trace's characters it begins in, `share` its part of the context's markers;
    every place of a context that has markers is there, with 0 too.
    """
    counted = (
        markers.with_columns(
            place=(PLACES * pl.col("start_char") // pl.col("n_chars").replace(0, None))
            .clip(0, PLACES - 1)
            .cast(pl.Int64)
        )
        .drop_nulls("place")
        .group_by("teacher_context", "place")
        .agg(pl.len().cast(pl.Int64).alias("n"))
    )
    every = counted.select(pl.col("teacher_context").unique()).join(
        pl.DataFrame({"place": range(PLACES)}, {"place": pl.Int64()}), how="cross"
    )
    return (
        every.join(counted, on=["teacher_context", "place"], how="left")
        .with_columns(pl.col("n").fill_null(0))
        .with_columns(share=pl.col("n") / pl.col("n").sum().over("teacher_context"))
        .sort("teacher_context", "place")
    )


def _context(marked: pl.DataFrame, name: str, unit: Unit, matched: Matched) -> Context:
    own = marked.filter(pl.col("teacher_context") == name)
    columns = _columns(own, unit)
    found = stats.density(columns)
    unmatched = None
    if name != REFERENCE and not matched.n_problems:
        reference = marked.filter(pl.col("teacher_context") == REFERENCE)
        unmatched = stats.unpaired(columns, _columns(reference, unit))
    total = float(own[f"n_{unit}"].sum())
    domains = own["domain"] if "domain" in own.columns else pl.Series([], dtype=pl.String())
    return Context(
        teacher_context=name,
        n_traces=own.height,
        n_problems=len(columns),
        epistemic_per_1k=found.value,
        epistemic_per_1k_ci=found.ci,
        epistemic_per_1k_why=found.why,
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
        unmatched=unmatched,
    )


def _of_teachers(marked: pl.DataFrame, unit: Unit) -> Iterable[OfTeacher]:
    for teacher in sorted(set(marked["teacher"])):
        of_teacher = marked.filter(pl.col("teacher") == teacher)
        for context in TEACHER_CONTEXTS:
            own = of_teacher.filter(pl.col("teacher_context") == context)
            if own.height:
                columns = _columns(own, unit)
                yield OfTeacher(
                    teacher=teacher,
                    teacher_context=context,
                    n_traces=own.height,
                    n_problems=len(columns),
                    epistemic_per_1k=stats.density(columns),
                    kim_count_mean=_mean(own["kim_count"]),
                    n_words_mean=_mean(own["n_words"]),
                    share_correct=_mean(own["is_correct"].cast(pl.Float64)),
                )


def _columns(own: pl.DataFrame, unit: Unit) -> stats.Floats:
    """Mean count and mean length of each problem's traces."""
    return problem_means(own, unit).select("epistemic", "length").to_numpy().astype(np.float64)


def _flat(context: Context) -> dict[str, Any]:
    """One entry of `contexts`: its own numbers, then the matched ones (`matched_…` where both)."""
    row = {f.name: getattr(context, f.name) for f in fields(context)}
    own = row.pop("matched")
    if context.unmatched is not None:
        row["unmatched"] = asdict(context.unmatched)
    matched = {f.name: _plain(getattr(own, f.name)) for f in fields(own) if f.name != "pairs"}
    matched["n_problems_matched"] = matched.pop("n_problems")
    both = (
        "epistemic_per_1k", "epistemic_per_1k_unguided", "n_traces", "n_traces_unguided",
        "share_correct", "share_correct_unguided",
    )  # fmt: skip
    for name in both:
        matched[f"matched_{name}"] = matched.pop(name)
    return {**row, **matched}


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, tuples of them and dicts of them too."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and value and hasattr(value[0], "__dataclass_fields__"):
        return [asdict(item) for item in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


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
