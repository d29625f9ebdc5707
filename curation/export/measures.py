"""What the scales weigh: each figure with its title, its unit and how two sets of it compare.

Shares run from 0 to 1. The figures' columns are `scales.FIGURE_SCHEMA`'s and those that `described`
adds from other rooms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from curation import compatibility
from curation.export.sides import Comparison, Side, density, mean, mean_of_problems
from curation.leakage import REFERENCE, Unit
from curation.records import CATEGORIES, EPISTEMIC

DENSITY = "epistemic_per_1k"
"""The figure that the hedging budget looks at."""

PRIVILEGED = ("answer", "solution", "verifier", "hint", "feedback")
"""Contexts in which the teacher saw what the student will not have. `refined` and `unknown` do not
tell."""

MIXES: tuple[tuple[str, str, str], ...] = (
    ("domain", "Domains", "traces"),
    ("language", "Languages", "traces"),
    ("context", "What the teacher saw", "traces"),
    ("family", "Teacher families", "traces"),
    ("band", "Difficulty of the problems, by unguided traces", "problems"),
    ("knowledge", "What the student knows of the problems (SliCK-like)", "problems"),
)
"""Column, title and what is counted of the compositions that are weighed."""

IN_SHORT = (DENSITY, "length", "is_correct", "is_privileged", "solve_rate")
"""The figures that are told of what was left out."""


class Measure(NamedTuple):
    """A figure that is weighed."""

    name: str
    title: str
    unit: str
    how: Comparison
    side: Callable[[pl.DataFrame], Side]
    """From the traces of a set."""
    of: str = "traces"


def unguided(figures: pl.DataFrame) -> pl.DataFrame:
    """The traces whose teacher saw the prompt alone; no edits of such."""
    return figures.filter((pl.col("teacher_context") == REFERENCE) & ~pl.col("is_edit"))


def described(figures: pl.DataFrame, student: str | None) -> pl.DataFrame:
    """The figures with what `compatibility` says of their problems and teachers.

    Adds solve_rate and band (of the problem's unguided traces; null = unknown), family and
    is_same_family, is_privileged, and context (null where the teacher's is unknown).
    """
    least = compatibility.difficulty.MIN_TRACES_PER_PROBLEM
    n_judged = pl.col("is_correct").count().over("problem_id")
    # Answers are read only where they decide: where too few are judged, and there are several.
    asked = (n_judged < least) & (pl.len().over("problem_id") >= least)
    tried = unguided(figures).with_columns(final_answer=pl.when(asked).then("final_answer"))
    by_problem = bands(tried, least)
    teachers = figures.select("teacher", "teacher_family").unique().sort(pl.all())
    told = [
        compatibility.same_family(student or "", teacher, family)
        for teacher, family in teachers.iter_rows()
    ]
    families = teachers.with_columns(
        pl.Series("family", [each.teacher_family for each in told], dtype=pl.String()),
        pl.Series("is_same_family", [each.is_same for each in told], dtype=pl.Boolean()),
    )
    context, keys = pl.col("teacher_context"), ["teacher", "teacher_family"]
    return (
        figures.join(by_problem, on="problem_id", how="left", maintain_order="left")
        .join(families, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            is_privileged=pl.when(context.is_in(PRIVILEGED))
            .then(True)
            .when(context == REFERENCE)
            .then(False),
            context=pl.when(context != "unknown").then(context),
        )
    )


def bands(tried: pl.DataFrame, least: int) -> pl.DataFrame:
    """problem_id, solve_rate (null below `least` judged) and band of each problem (null=unknown).

    Problems of whose answers nothing is read, with as many traces, judged and right, are alike: one
    of them is reckoned for all.
    """
    alike = ("n", "n_judged", "n_right", "is_read")
    problems = tried.group_by("problem_id").agg(
        n=pl.len(),
        n_judged=pl.col("is_correct").count(),
        n_right=pl.col("is_correct").sum(),
        is_read=pl.col("final_answer").count() > 0,
    )
    shown = pl.when("is_read").then("problem_id").otherwise(pl.col("problem_id").min().over(alike))
    problems = problems.select("problem_id", shown=shown)
    some = tried.join(problems, left_on="problem_id", right_on="shown", how="semi")
    found = compatibility.problem_bands(some.cast({"problem_id": pl.String()})).select(
        pl.col("problem_id").cast(tried.schema["problem_id"]).alias("shown"),
        pl.when(pl.col("n_judged") >= least).then("solve_rate"),
        pl.col("band").replace("unknown", None),
    )
    return problems.join(found, on="shown").drop("shown")


def measures(unit: Unit) -> list[Measure]:
    """Every figure, in the order in which it is shown."""
    per_1k = f"markers per 1,000 {unit}"
    gain = "privilege_gain_per_token_nats"
    return [
        Measure(DENSITY, "Epistemic markers", per_1k, "ratio", _counted("n_epistemic", unit)),
        *(
            Measure(
                f"{name}_per_1k",
                f"… {name}" if name in EPISTEMIC else name.capitalize(),
                per_1k, "ratio", _counted(f"n_{name}", unit),
            )
            for name in CATEGORIES
        ),
        Measure("length", "Length", unit, "ratio", _mean(pl.col(f"n_{unit}"))),
        Measure("mean_nll_nats", "Mean NLL", "nats a token", "difference",
                _mean(pl.col("mean_nll_nats"))),
        Measure("is_correct", "Correct", "share", "difference", _mean(pl.col("is_correct"))),
        Measure("is_privileged", "Teacher saw an answer, solution or hint", "share",
                "difference", _mean(pl.col("is_privileged"))),
        Measure(gain, "Privilege gain, where the teacher saw something", "nats a token",
                "difference", _gain),
        Measure("privilege_phrase", "With a privilege phrase", "share", "difference",
                _mean(pl.col("n_privilege") > 0)),
        Measure("early_answer", "Answer before any derivation", "share", "difference",
                _mean(pl.col("early_answer"))),
        Measure("is_same_family", "Teacher of the student's family", "share", "difference",
                _mean(pl.col("is_same_family"))),
        Measure("solve_rate", "Solve rate of the problems", "share", "difference",
                _of_problems(pl.col("solve_rate")), "problems"),
        Measure("frontier", "Problems at the frontier (solve rate .125 to .5)", "share",
                "difference", _of_problems(pl.col("band") == "frontier"), "problems"),
    ]  # fmt: skip


def _counted(column: str, unit: Unit) -> Callable[[pl.DataFrame], Side]:
    return lambda traces: density(traces, column, unit)


def _mean(value: pl.Expr) -> Callable[[pl.DataFrame], Side]:
    return lambda traces: mean(traces, value)


def _of_problems(value: pl.Expr) -> Callable[[pl.DataFrame], Side]:
    return lambda traces: mean_of_problems(traces, value)


def _gain(traces: pl.DataFrame) -> Side:
    """Unguided traces have no gain to know; where the context is not known, neither is the gain."""
    guided = traces.filter(pl.col("is_privileged").fill_null(True))
    return mean(guided, pl.col("privilege_gain_per_token_nats"))
