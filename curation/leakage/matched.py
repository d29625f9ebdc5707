"""One context held against unguided on the problems that have both, and what else differs there.

Owns the matched view. Every comparison is two-sided, context minus unguided or one over the other,
and carries its interval over problems or why it has none. What confounds a comparison stands beside
it: correctness, domain, teacher.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from curation.leakage import statistics as stats
from curation.leakage.matching import REFERENCE, On, Pairs, Unit, pair
from curation.leakage.statistics import NO_INTERVAL, Estimate, Interval
from curation.records import CATEGORIES

APART = 0.1
"""Shares of correct traces that differ by this much or more are warned of."""


@dataclass(frozen=True)
class Profile:
    """One category of markers on the matched problems."""

    per_1k: float
    per_1k_unguided: float
    difference: Estimate
    """Per 1,000 of the unit: context minus unguided."""


@dataclass(frozen=True)
class DomainRow:
    """The suppression on the matched problems of one domain."""

    domain: str
    n_problems: int
    suppression: Estimate


@dataclass(frozen=True)
class WithoutOne:
    """The range of the suppression when each domain is left out once."""

    low: float
    low_without: str
    high: float
    high_without: str


@dataclass(frozen=True)
class Matched:
    """One context against unguided on the problems that have both (formulas: `leakage`)."""

    n_problems: int
    n_traces: int
    n_traces_unguided: int
    matched_on: On | None
    n_left_out: int
    epistemic_per_1k: float
    epistemic_per_1k_unguided: float
    suppression: float
    suppression_ci: Interval
    p_value: float
    p_holm: float
    """Adjusted for the contexts that are tested together (Holm)."""
    raw_fall: float
    length_fall: float
    density_fall: float
    length_share: float
    kim_fall: float
    """Σ kim counts of unguided over those of the context."""
    kim_difference: Estimate
    """Kim count a response, context minus unguided."""
    length_difference: Estimate
    """Length in the unit, context minus unguided."""
    nll_difference_nats: Estimate
    """Mean NLL a token, context minus unguided; negative = easier for the student."""
    privilege_gain_per_token_nats: Estimate
    """Mean over problems, under the context."""
    privilege_gain_nats: Estimate
    """The same, summed over the trace."""
    hedge_privilege_gain_nats: Estimate
    """Gain on tokens of epistemic markers minus on the others; below 0 = privilege argues against
    hedging where these traces hedge."""
    privileged_by: dict[str, int]
    """What the student was shown for the context's traces; see `records.COMPATIBILITY_SCHEMA`."""
    profile: dict[str, Profile]
    """By category; these intervals are not adjusted for being eight."""
    share_correct: float
    share_correct_unguided: float
    both_correct: Estimate
    """Suppression among correct traces only, on problems where both sides have one."""
    by_domain: tuple[DomainRow, ...]
    without_one_domain: WithoutOne | None
    """None with fewer than two domains."""
    warnings: tuple[str, ...]
    """What else differs between the two sides."""
    reason: str | None
    """Why something above is nan."""
    pairs: Pairs = field(repr=False, compare=False)


def compare(marked: pl.DataFrame, context: str, unit: Unit, seed: int) -> Matched:
    """The matched view of one context; nan with a reason where nothing is matched."""
    pairs = pair(marked, context, unit)
    counts = pairs.counts()
    found = stats.suppressed(counts)
    e, n, eu, nu = counts.sum(axis=0) if len(counts) else [math.nan] * 4
    raw, length = stats.ratio(eu, e), stats.ratio(nu, n)
    density, density_u = 1000 * stats.ratio(e, n), 1000 * stats.ratio(eu, nu)
    kim, kim_u = pairs.columns("kim", "kim_u").sum(axis=0) if len(counts) else [math.nan] * 2
    reason = found.why
    if not len(counts):
        reason = (
            "this is the reference"
            if context == REFERENCE
            else "no problem has traces under both this context and unguided"
        )
        found = Estimate(math.nan, NO_INTERVAL, 0, reason)
    return Matched(
        n_problems=pairs.problems.height,
        n_traces=pairs.context.height,
        n_traces_unguided=pairs.unguided.height,
        matched_on=pairs.on,
        n_left_out=pairs.n_left_out,
        epistemic_per_1k=density,
        epistemic_per_1k_unguided=density_u,
        suppression=found.value,
        suppression_ci=found.ci,
        p_value=stats.swap_p_value(counts, seed=seed),
        p_holm=math.nan,
        raw_fall=raw,
        length_fall=length,
        density_fall=stats.ratio(density_u, density),
        length_share=stats.length_share(raw, length),
        kim_fall=stats.ratio(kim_u, kim),
        kim_difference=_difference(pairs, "kim"),
        length_difference=_difference(pairs, "length"),
        nll_difference_nats=_difference(pairs, "nll", "not scored yet on both sides"),
        privilege_gain_per_token_nats=_mean(pairs, "gain"),
        privilege_gain_nats=_mean(pairs, "gain_total"),
        hedge_privilege_gain_nats=_hedge_gain(pairs),
        privileged_by=_counted(pairs.context, "privileged_by"),
        profile={category: _profile(pairs, category) for category in CATEGORIES},
        share_correct=_share_correct(pairs.context),
        share_correct_unguided=_share_correct(pairs.unguided),
        both_correct=_both_correct(marked, context, unit),
        by_domain=tuple(_by_domain(pairs)),
        without_one_domain=_without_one(pairs),
        warnings=tuple(_warnings(pairs)),
        reason=reason,
        pairs=pairs,
    )


def adjusted(found: Sequence[Matched]) -> list[Matched]:
    """The same with Holm's p over all that have a p-value."""
    p_values = stats.holm([matched.p_value for matched in found])
    return [replace(matched, p_holm=p) for matched, p in zip(found, p_values, strict=True)]


def _difference(pairs: Pairs, name: str, why: str = "nothing is matched") -> Estimate:
    both = pairs.columns(name, f"{name}_u")
    if not len(both):
        return Estimate(math.nan, NO_INTERVAL, 0, why)
    return stats.estimate(stats.mean_of(both[:, 0] - both[:, 1]), stats.mean)


def _mean(pairs: Pairs, name: str) -> Estimate:
    values = pairs.columns(name)
    if not len(values):
        return Estimate(math.nan, NO_INTERVAL, 0, "the family privilege is not scored here")
    return stats.estimate(stats.mean_of(values[:, 0]), stats.mean)


def _hedge_gain(pairs: Pairs) -> Estimate:
    sums = pairs.columns("gain_on_nats", "n_gain_on", "gain_off_nats", "n_gain_off")
    if not len(sums):
        return Estimate(math.nan, NO_INTERVAL, 0, "the family privilege is not scored here")
    if not sums[:, 1].sum() > 0:
        why = "no token of an epistemic marker was scored"
        return Estimate(math.nan, NO_INTERVAL, len(sums), why)
    return stats.estimate(sums, stats.contrast)


def _profile(pairs: Pairs, category: str) -> Profile:
    counts = pairs.counts(category)
    found = stats.estimate(counts, stats.rate_difference)
    c, n, cu, nu = counts.sum(axis=0) if len(counts) else [math.nan] * 4
    if c == 0 and cu == 0:
        why = "no marker of this category on either side"
        found = Estimate(found.value, NO_INTERVAL, len(counts), why)
    return Profile(1000 * stats.ratio(c, n), 1000 * stats.ratio(cu, nu), found)


def _both_correct(marked: pl.DataFrame, context: str, unit: Unit) -> Estimate:
    pairs = pair(marked.filter(pl.col("is_correct")), context, unit)
    if not pairs.problems.height:
        why = "no matched problem has a correct trace on both sides"
        return Estimate(math.nan, NO_INTERVAL, 0, why)
    return stats.suppressed(pairs.counts())


def _by_domain(pairs: Pairs) -> list[DomainRow]:
    return [
        DomainRow(domain, int(mask.sum()), stats.suppressed(pairs.counts()[mask]))
        for domain, mask in _domains(pairs)
    ]


def _without_one(pairs: Pairs) -> WithoutOne | None:
    domains = _domains(pairs)
    left = [
        (stats.suppressed(pairs.counts()[~mask]).value, domain)
        for domain, mask in domains
        if not mask.all()
    ]
    known = [pair for pair in left if math.isfinite(pair[0])]
    if len(domains) < 2 or not known:
        return None
    low, high = min(known), max(known)
    return WithoutOne(low[0], low[1], high[0], high[1])


def _domains(pairs: Pairs) -> list[tuple[str, np.ndarray]]:
    """Each domain and which of the matched problems (that have counts) it holds."""
    if "domain" not in pairs.context.columns or not pairs.problems.height:
        return []
    domain_of = dict(pairs.context.select("problem_id", "domain").iter_rows())
    with_counts = pairs.problems.drop_nulls(["epistemic", "length", "epistemic_u", "length_u"])
    names = [domain_of.get(i) or "(none)" for i in with_counts["problem_id"]]
    return [(name, np.array([n == name for n in names])) for name in sorted(set(names))]


def _warnings(pairs: Pairs) -> list[str]:
    """What differs between the sides beside the context, in sentences."""
    if pairs.on is None:
        return []
    found = []
    if pairs.on == "problem":
        found.append(
            "no teacher wrote under both: matched on the problem only, so the teachers differ too "
            f"({_named(pairs.context)} against {_named(pairs.unguided)})"
        )
    teachers = sorted(set(pairs.context["teacher"].drop_nulls()))
    if len(teachers) > 1:
        found.append(
            f"{len(teachers)} teachers are pooled ({_named(pairs.context)}): who wrote more under "
            "one context weighs more there, so filter by teacher before reading this"
        )
    here, there = _share_correct(pairs.context), _share_correct(pairs.unguided)
    if abs(here - there) >= APART:
        found.append(
            f"{100 * here:.0f} % of its traces are correct, {100 * there:.0f} % of the unguided "
            "ones: what looks like the context may be correctness"
        )
    for name in ("context", "unguided"):
        known = (pairs.context if name == "context" else pairs.unguided)["is_correct"]
        if known.null_count():
            found.append(f"correctness is not known of {known.null_count()} traces ({name})")
    words = _counted(pairs.context, "teacher_context_raw")
    if len(words) > 1:
        told = ", ".join(f"{word} {n}" for word, n in words.items())
        found.append(f"it lumps several of the source's contexts: {told}")
    if pairs.n_left_out:
        found.append(f"{pairs.n_left_out} of its traces have no unguided one to be held against")
    return found


def _named(traces: pl.DataFrame) -> str:
    return ", ".join(sorted(set(traces["teacher"].drop_nulls()))[:5])


def _counted(traces: pl.DataFrame, column: str) -> dict[str, int]:
    if column not in traces.columns:
        return {}
    values = traces[column].drop_nulls()
    return {str(value): n for value, n in values.value_counts().sort(column).iter_rows()}


def _share_correct(traces: pl.DataFrame) -> float:
    """Of the traces whose correctness is known; nan where nobody said."""
    share = traces["is_correct"].cast(pl.Float64).mean()
    return math.nan if share is None else float(share)  # type: ignore[arg-type]
