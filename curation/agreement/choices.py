"""Agreement on pairs: which of two traces of a problem people say is better.

A unit is a pair of traces. What is said of it is one of `CHOICES`: the other, neither (a tie), the
one. Which trace is *the one* is a matter of ids, the same for everybody and no matter of taste, so
chance has about even odds. A flag is no choice. The choices are an order with the tie in its
middle. Pairs of one problem share traces, and the best of several decides many pairs at once: they
are no independent draws, so intervals resample problems with all their pairs.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from curation.agreement import coefficients as co
from curation.agreement.coefficients import NO_INTERVAL, Floats, Interval
from curation.agreement.summary import (
    MIN_ITEMS_FOR_CI,
    Pair,
    counted,
    mean,
    pairwise,
    rows_of,
    tables,
)

CHOICES: tuple[str, ...] = ("reject", "skip", "accept")
"""What is said of a pair, in order: its second trace is better, neither is, its first is."""


@dataclass(frozen=True)
class ChoiceAgreement:
    """How far people agree on pairs. What is undefined is nan; `reason` says why.

    Intervals are 95 % percentile intervals, bootstrap over problems, from `MIN_ITEMS_FOR_CI` of
    them on which two people chose.
    """

    n_pairs: int
    """Pairs with at least one choice or tie."""
    n_reviewers: int
    n_pairable: int
    """Pairs with choices of two or more."""
    n_problems: int
    """Problems that these pairs are of."""
    alpha: float
    """Krippendorff's alpha, nominal, a tie being a choice of its own."""
    alpha_ci: Interval
    alpha_ordinal: float
    """Krippendorff's alpha with the tie in the middle."""
    alpha_ordinal_ci: Interval
    kappa: float
    """Cohen's kappa over the three choices, the mean over pairs of people where it is defined."""
    kappa_ci: Interval
    percent: float
    """Share (0 to 1) of pairs of choices on the same pair of traces that are equal."""
    percent_ci: Interval
    n_opposed: int
    """Pairs on which one chose the one and another the other."""
    ties: float
    """Share (0 to 1) of all choices that are ties."""
    left: float
    """Share (0 to 1) of all choices that took the trace that stood further left; ties left out.

    Sides are drawn by chance: far from one half says that the place was chosen, not the text.
    """
    left_ci: Interval
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name; intervals as lists; undefined numbers stay nan."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def on_choices(choices: pl.DataFrame, *, seed: int = 0, n_resamples: int = 2000) -> ChoiceAgreement:
    """The agreement on pairs; `choices` has problem_id, trace_id, other_id, verdict, reviewer,
    chosen and left, one row a pair and reviewer.

    Raises ValueError where a reviewer stands twice on a pair.
    """
    said = _as_items(choices)
    rated = rows_of(said, CHOICES)
    counts = counted(rated, CHOICES)
    shared = rated.filter(pl.len().over("trace_id") >= 2)["trace_id"].unique().sort()
    problem_of = dict(said.select("trace_id", "problem_id").iter_rows())
    problems = [problem_of[item] for item in shared]
    n_problems = len(set(problems))
    cells, kappas = tables(rated, CHOICES)
    pairs = co.pairs_alike(counts)
    alpha, ordinal = (co.krippendorff_alpha(counts, level) for level in ("nominal", "ordinal"))
    kappa = mean([value for value in kappas if not math.isnan(value)])
    percent = float(co.share(pairs.sum(axis=0)[None])[0])
    sides, their_problems = _sides(said)

    def interval(
        value: float,
        parts: Floats,
        statistic: co.Statistic,
        undefined: float = 1.0,
        of: list[str] = problems,
    ) -> Interval:
        if math.isnan(value) or len(set(of)) < MIN_ITEMS_FOR_CI:
            return NO_INTERVAL
        return co.bootstrap(co.summed(parts, of), statistic, seed, n_resamples, undefined)

    reason = None
    if not len(counts):
        reason = "no pair was decided by two people yet"
    elif math.isnan(alpha):
        reason = "all shared choices are the same: what chance would give cannot be told"
    elif n_problems < MIN_ITEMS_FOR_CI:
        reason = f"an interval needs {MIN_ITEMS_FOR_CI} problems; these pairs are of {n_problems}"
    n_labels = len(CHOICES)
    coincidences = co.coincidences(counts)
    left = float(co.share(sides.sum(axis=0)[None])[0])
    n_tied = rated.filter(pl.col("verdict") == "skip").height
    return ChoiceAgreement(
        n_pairs=rated["trace_id"].n_unique(),
        n_reviewers=rated["reviewer"].n_unique(),
        n_pairable=len(counts),
        n_problems=n_problems,
        alpha=alpha,
        alpha_ci=interval(alpha, coincidences, co.alphas(n_labels, "nominal")),
        alpha_ordinal=ordinal,
        alpha_ordinal_ci=interval(ordinal, coincidences, co.alphas(n_labels, "ordinal")),
        kappa=kappa,
        kappa_ci=interval(kappa, cells, co.mean_kappa(len(kappas), n_labels)),
        percent=percent,
        percent_ci=interval(percent, pairs, co.share, math.nan),
        n_opposed=int(((counts[:, 0] > 0) & (counts[:, 2] > 0)).sum()),
        ties=n_tied / rated.height if rated.height else math.nan,
        left=left,
        left_ci=interval(left, sides, co.share, math.nan, their_problems),
        reason=reason,
    )


def pairwise_choices(choices: pl.DataFrame) -> list[Pair]:
    """Each two people who decided a pair in common, by name. `choices` as in `on_choices`."""
    return pairwise(_as_items(choices), ratings=CHOICES)


def _as_items(choices: pl.DataFrame) -> pl.DataFrame:
    """The choices with the pair in the place of the trace."""
    return choices.with_columns(trace_id=pl.format("{}|{}", "trace_id", "other_id"))


def _sides(said: pl.DataFrame) -> tuple[Floats, list[str]]:
    """[left was chosen, 1] of every choice that took a side that is known, and its problem."""
    known = said.filter(pl.col("chosen").is_not_null() & pl.col("left").is_not_null())
    took_left = (known["chosen"] == known["left"]).to_numpy().astype(np.float64)
    return np.column_stack([took_left, np.ones(len(took_left))]), known["problem_id"].to_list()
