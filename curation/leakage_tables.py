"""The leakage report as tables of words: what `leakage.Report` says, written as people read it.

A conductor: numbers come from `leakage` and `functions`, tables are `reporting`'s. Nothing is
computed here; a number is written with three decimals, "–" where it is not defined, and an interval
that does not exist gives its reason instead. The page shows the same numbers under the same names.
"""

from __future__ import annotations

import math

import polars as pl

from curation.leakage import Context, Estimate, Report
from curation.leakage.statistics import Interval
from curation.reporting import Table

LIMITS = (
    "No public study shows that any of these predicts accuracy after training. Markers count use "
    "and mention alike, and numbers depend on the student, its template and the lexicon. A "
    "difference speaks of the context only if nothing else differs: read what differs first."
)
METHOD = (
    "Suppression is 1 − density(context) ÷ density(unguided) over the problems that have both, of "
    "the same teacher where one wrote both; below 0 = more markers under the context. Intervals "
    "are 95 % jackknife t over problems, from 12 problems on; p is two-sided, contexts swapped "
    "within problems, and beside it adjusted for the contexts tested (Holm). A fall is the "
    "unguided value over the context's; length share is how much of the raw fall is length."
)
GAIN_HELP = (
    "How much likelier the student finds the text when it is shown what the teacher saw, on tokens "
    "of epistemic markers minus on the others. Below 0 = privilege argues against hedging there."
)
FUNCTIONS_NOTE = (
    "Words only mark a function. A reflection is followed by a revision where a value or formula "
    "is replaced, something is taken back outright, or another approach begins; a check recomputes "
    "where a calculation with the checked numbers follows. Found by surface, validated on our own "
    "short passages only: good for comparing contexts, not for judging one trace."
)

DEMO_TEACHER = "hedgerow-demo-teacher"
DEMO_NOTE = (
    "The demo traces were written by a model that reasoned silently before it wrote. Even the "
    "unguided ones read as the work of someone who already knows, so their contexts hardly differ "
    "in hedging: a null result with a reason, and a good first lesson."
)


def number(value: float | None, digits: int = 3) -> str:
    """A number with its sign and decimals; "–" where it is not defined."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share from 0 to 1 as percent; "–" where it is not known."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f} %"


def ends(interval: Interval, why: str | None = None) -> str:
    """Both ends of an interval, or why there is none."""
    if not math.isfinite(interval[0]):
        return why or "–"
    return f"{number(interval[0])} to {number(interval[1])}"


def told(found: Estimate) -> str:
    """A value with its interval, or with why there is none."""
    if not math.isfinite(found.value):
        return f"– ({found.why})" if found.why else "–"
    return f"{number(found.value)} ({ends(found.ci, found.why)})"


def compared(report: Report) -> list[Context]:
    """The contexts that are matched with unguided."""
    return [context for context in report.contexts if context.matched.n_problems]


def by_context(report: Report) -> Table:
    """Each context as it stands."""
    columns = (
        "Context", "Traces", "Problems", f"Markers per 1,000 {report.unit}", "95 % interval",
        "Kim count, mean", "Tokens, mean", "Words, mean", "Mean NLL (nats/token)", "Correct",
    )  # fmt: skip
    rows = tuple(
        (
            c.teacher_context, f"{c.n_traces:,}", f"{c.n_problems:,}", number(c.epistemic_per_1k),
            ends(c.epistemic_per_1k_ci, c.epistemic_per_1k_why), number(c.kim_count_mean),
            number(c.n_tokens_mean), number(c.n_words_mean), number(c.mean_nll_nats),
            percent(c.share_correct),
        )
        for c in report.contexts
    )  # fmt: skip
    return Table("By teacher context", columns, rows)


def by_teacher(report: Report) -> Table:
    """Each teacher under each context as it stands."""
    columns = (
        "Teacher", "Context", "Traces", "Problems", f"Markers per 1,000 {report.unit}",
        "95 % interval", "Kim count, mean", "Words, mean", "Correct",
    )  # fmt: skip
    rows = tuple(
        (
            row.teacher, row.teacher_context, f"{row.n_traces:,}", f"{row.n_problems:,}",
            number(row.epistemic_per_1k.value),
            ends(row.epistemic_per_1k.ci, row.epistemic_per_1k.why),
            number(row.kim_count_mean), number(row.n_words_mean), percent(row.share_correct),
        )
        for row in report.teachers
    )  # fmt: skip
    return Table("By teacher", columns, rows)


def matched(report: Report) -> Table:
    """The suppression of each matched context, and what of the raw fall is length: a row each."""
    contexts = compared(report)
    found = [context.matched for context in contexts]
    rows: tuple[tuple[str, ...], ...] = (
        ("Problems", *(f"{m.n_problems:,}" for m in found)),
        (f"Markers per 1,000 {report.unit}", *(number(m.epistemic_per_1k) for m in found)),
        ("The same, unguided", *(number(m.epistemic_per_1k_unguided) for m in found)),
        ("Suppression", *(number(m.suppression) for m in found)),
        ("95 % interval", *(ends(m.suppression_ci, m.reason) for m in found)),
        ("p", *(number(m.p_value, 4) for m in found)),
        ("p (Holm)", *(number(m.p_holm, 4) for m in found)),
        ("Raw fall", *(number(m.raw_fall) for m in found)),
        ("Length fall", *(number(m.length_fall) for m in found)),
        ("Density fall", *(number(m.density_fall) for m in found)),
        ("Length share", *(number(m.length_share) for m in found)),
        ("Kim fall", *(number(m.kim_fall) for m in found)),
    )
    columns = ("Quantity", *(context.teacher_context for context in contexts))
    return Table("Suppression, matched on the problem", columns, rows)


def differences(report: Report) -> Table:
    """What else changes with the context on the matched problems: a row a quantity."""
    contexts = compared(report)
    quantities = (
        ("Kim count, difference", [c.matched.kim_difference for c in contexts]),
        (f"Length, difference ({report.unit})", [c.matched.length_difference for c in contexts]),
        ("Mean NLL, difference (nats/token)", [c.matched.nll_difference_nats for c in contexts]),
        (
            "Privilege gain (nats/token)",
            [c.matched.privilege_gain_per_token_nats for c in contexts],
        ),
        ("Privilege gain (nats/trace)", [c.matched.privilege_gain_nats for c in contexts]),
        (
            "Gain on hedges − elsewhere (nats/token)",
            [c.matched.hedge_privilege_gain_nats for c in contexts],
        ),
    )
    return Table(
        "Differences on the matched problems, context minus unguided (95 % interval)",
        ("Quantity", *(c.teacher_context for c in contexts)),
        tuple((name, *map(told, found)) for name, found in quantities),
    )


def confounding(report: Report) -> Table:
    """Correctness and domain beside the suppression of each matched context."""
    columns = (
        "Context", "Matched on", "Correct", "Correct, unguided", "Suppression, both correct",
        "Problems, both correct", "Suppression without one domain",
    )  # fmt: skip
    rows = tuple(
        (
            c.teacher_context, m.matched_on or "–", percent(m.share_correct),
            percent(m.share_correct_unguided), told(m.both_correct),
            f"{m.both_correct.n_problems:,}", _range(c),
        )
        for c in compared(report)
        for m in [c.matched]
    )  # fmt: skip
    return Table("Correctness and domain", columns, rows)


def by_domain(report: Report) -> Table:
    """The suppression in each domain."""
    rows = tuple(
        (
            c.teacher_context, row.domain, f"{row.n_problems:,}", number(row.suppression.value),
            ends(row.suppression.ci, row.suppression.why),
        )
        for c in compared(report)
        for row in c.matched.by_domain
    )  # fmt: skip
    columns = ("Context", "Domain", "Problems", "Suppression", "95 % interval")
    return Table("By domain", columns, rows)


def profile(report: Report) -> Table:
    """Markers of each category on the matched problems, and their difference."""
    rows = tuple(
        (
            c.teacher_context, category, number(part.per_1k), number(part.per_1k_unguided),
            number(part.difference.value), ends(part.difference.ci, part.difference.why),
        )
        for c in compared(report)
        for category, part in c.matched.profile.items()
    )  # fmt: skip
    columns = ("Context", "Category", "Per 1,000", "Unguided", "Difference", "95 % interval")
    return Table(f"Markers per 1,000 {report.unit}, by category", columns, rows)


_FUNCTIONS = {
    "n_traces": "Traces", "markers_per_trace": "Markers per trace",
    "place_mean": "Mean place (0–1)", "n_reflections": "Reflections",
    "revising_share": "Followed by a revision", "n_verifications": "Checks",
    "recomputing_share": "That recompute", "n_self_corrections": "Self-corrections",
    "n_dead_ends": "Abandoned dead ends",
}  # fmt: skip
_BELIEFS = {
    "n_believed": "Reflections with a belief", "productive_doubt_share": "Productive doubt",
    "derailment_share": "Derailment", "flat_share": "Belief hardly moved",
}  # fmt: skip


def functions(found: pl.DataFrame) -> Table:
    """`functions.by_context` in words; the belief columns only where there is a belief."""
    named = _FUNCTIONS | (_BELIEFS if found["n_believed"].sum() else {})
    rows = tuple(
        (str(row["teacher_context"]), *(_function(name, row[name]) for name in named))
        for row in found.iter_rows(named=True)
    )
    return Table("What markers do", ("Context", *named.values()), rows)


def _function(name: str, value: float | None) -> str:
    if name.endswith("_share"):
        return percent(value)
    return f"{value:,}" if isinstance(value, int) else number(value, 2)


def _range(context: Context) -> str:
    apart = context.matched.without_one_domain
    if apart is None:
        return "one domain only"
    return (
        f"{number(apart.low)} (without {apart.low_without}) to {number(apart.high)} "
        f"(without {apart.high_without})"
    )


def sentences(report: Report) -> list[str]:
    """Each comparison in a sentence, with what its interval allows one to say and no more."""
    said: list[str] = []
    for context in report.contexts:
        name, found = context.teacher_context, context.matched
        if found.n_problems:
            p = f", p = {number(found.p_value, 4)} ({number(found.p_holm, 4)} after Holm)"
            said.append(
                f"{name}: {number(found.epistemic_per_1k)} epistemic markers per 1,000 "
                f"{report.unit} on {found.n_problems:,} matched problems, against "
                f"{number(found.epistemic_per_1k_unguided)} unguided. Suppression "
                f"{number(found.suppression)} "
                f"({ends(found.suppression_ci, found.reason)}){p}. {_reads(context)}"
            )
        elif name in report.unmatched:
            said.append(f"{name}: not compared, since {report.unmatched[name]}.")
    return said or ["There is no teacher context to hold against unguided here."]


def _reads(context: Context) -> str:
    low, high = context.matched.suppression_ci
    if low > 0:
        return "The interval lies above 0: fewer markers under the context."
    if high < 0:
        return "The interval lies below 0: more markers under the context."
    return (
        "There is no interval." if low != low else "The interval holds 0: no difference is shown."
    )
