"""What to be warned of in a set that was weighed: each warning with its evidence and its limits.

Owns the thresholds and the words. A warning says what was found, what somebody saw who trained on
such data, and why that may not hold here; it forbids nothing (`budget` does, where asked to).
Nothing in a sentence is written by others: names of domains and families stand in `Warning.names`,
for whoever shows them to make harmless.

Sources: Kim et al., arXiv 2603.24472 (the ratio .7 is that under which its own report marks a
count; accuracies, |D| and the table behind the densities from others' accounts of the paper);
arXiv 2502.07374; 2505.07105; 2507.14805; 2509.23886; 2601.14249 (its smallest sample: 200). That a
share of 20 % unknown, or of half the traces privileged, is worth a warning is ours.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from curation.compatibility import MIN_TRACES
from curation.export.measures import DENSITY, PRIVILEGED
from curation.export.scales import Mix, Row, Scales

STRONG = 0.7
"""A density below this share of the reference's is strongly suppressed."""
MANY_PROBLEMS = 512
"""From so many problems on, Kim et al. saw suppressed sets do harm out of domain."""
MOSTLY = 0.5
UNKNOWN = 0.2
"""Shares of traces."""
MOST_NAMES = 12

Code = Literal[
    "nothing accepted", "no reference", "other problems", "partial reference", "below unguided",
    "large and suppressed", "coverage lost", "one family", "student's family",
    "mostly privileged", "few traces", "unknown", "words",
]  # fmt: skip

LIMITS = (
    "No public study shows that these figures, or privilege gain, expected hedges or jumps of "
    "belief, predict accuracy after training. Markers count use and mention alike and only mark a "
    "function of the text; Kim's ten words mark reflection more than hedging. Scores depend on the "
    "student, its template and truncation. Intervals say what other problems might have given, not "
    "what other reviewers would have accepted, and are not adjusted for there being many."
)
"""Stands wherever the scales are shown."""

_KIM = (
    "Kim et al. (arXiv 2603.24472) are reported to have trained a 7B model on 800 correct traces "
    "of mathematics whose writer had seen the solution: AIME24 fell from 54.8 to 20.2 %, and to "
    "51.0 % with unguided traces."
)
_WORDS_ONLY = (
    "The words are a sign and perhaps not the cause: elsewhere removing keywords changed little "
    "(arXiv 2502.07374), so adding hedges to texts is no cure."
)


class Warning(NamedTuple):
    """One thing to think of before training."""

    code: Code
    says: str
    """Sentences of ours alone."""
    names: tuple[str, ...] = ()
    """What others named, to be shown behind it."""


def warnings(scales: Scales) -> tuple[Warning, ...]:
    """What to be warned of, the gravest first; empty where nothing is."""
    if not scales.n_traces[0]:
        return (Warning("nothing accepted", "Nothing goes out yet, so there is nothing to weigh."),)
    found = [
        _suppressed_at_large(scales),
        _below_unguided(scales),
        _mostly_privileged(scales),
        _coverage_lost(scales.mix("domain")),
        _students_family(scales.row("is_same_family")),
        _one_family(scales.mix("family")),
        _reference(scales),
        _unknown(scales),
        _few(scales),
        _words(scales),
    ]
    return tuple(warning for warning in found if warning is not None)


def on_record(scales: Scales) -> dict[str, Any]:
    """The scales with their warnings and limits, as manifest, card and command have them."""
    told = [
        {"code": each.code, "says": each.says, "names": list(each.names)}
        for each in warnings(scales)
    ]
    return {**scales.to_dict(), "warnings": told, "limits": LIMITS}


def _below_unguided(scales: Scales) -> Warning | None:
    row = scales.row(DENSITY)
    found = row.against_reference
    if not found.value < 1:
        return None
    low, high = found.ci
    if high < 1:
        sure = f"95 % interval {low:.2f} to {high:.2f}, over {found.n_problems:,} problems"
    elif low <= 1:
        sure = (
            f"95 % interval {low:.2f} to {high:.2f}, which holds 1, so over {found.n_problems:,} "
            "problems this may be chance"
        )
    else:
        sure = f"no interval: {found.why}"
    return Warning(
        "below unguided",
        f"The set hesitates less than unguided traces do: {found.value:.2f} of their epistemic "
        f"markers per 1,000 {scales.unit} ({sure}). {_KIM} The guided traces had about a third of "
        f"the unguided density there. {_WORDS_ONLY}",
    )


def _suppressed_at_large(scales: Scales) -> Warning | None:
    found, n = scales.row(DENSITY).against_reference, scales.n_problems[0]
    if n < MANY_PROBLEMS or not found.value < STRONG:
        return None
    return Warning(
        "large and suppressed",
        f"{n:,} problems, and {found.value:.2f} of the unguided density, which is below {STRONG}. "
        f"Kim et al. (arXiv 2603.24472) found training towards guided answers harmless or helpful "
        f"on few problems and harmful out of domain from {MANY_PROBLEMS} on. That was on-policy "
        "distillation of one family on mathematics; where the step lies for this student is not "
        "known.",
    )


def _mostly_privileged(scales: Scales) -> Warning | None:
    share = scales.row("is_privileged").accepted
    if not share.value > MOSTLY:
        return None
    seen = [name for name in PRIVILEGED if scales.mix("context").counts.get(name, (0,))[0]]
    return Warning(
        "mostly privileged",
        f"In {100 * share.value:.0f} % of the {share.n:,} traces whose context is known, the "
        f"teacher saw what the student will not have ({', '.join(seen)}). {_KIM} Correct answers "
        "were no protection. Whether it holds for other contexts than solutions is less known.",
    )


def _coverage_lost(mix: Mix) -> Warning | None:
    if not mix.missing:
        return None
    n = sum(mix.counts[value][1] for value in mix.missing)
    before, after = mix.entropy_nats[1], mix.entropy_nats[0]
    return Warning(
        "coverage lost",
        f"Missing from the set entirely: {_n(len(mix.missing), 'domain')} of the pool, with "
        f"{_n(n, 'trace')} there; entropy over domains went from {before:.2f} to {after:.2f} nats. "
        "What a student gained was seen to grow with the coverage of its data (arXiv 2505.07105). "
        "Domains are the sources' own words, and coarse.",
        mix.missing[:MOST_NAMES],
    )


def _one_family(mix: Mix) -> Warning | None:
    counts = {value: n[0] for value, n in mix.counts.items() if n[0]}
    n = sum(counts.values())
    if len(counts) != 1 or mix.n_unknown[0] > UNKNOWN * (n + mix.n_unknown[0]):
        return None
    return Warning(
        "one family",
        f"All {n:,} traces whose teacher's family is known are of one family. The set carries its "
        "habits, seen by a reviewer or not: traits passed through data that say nothing of them "
        "(arXiv 2507.14805), though there only where teacher and student shared a base.",
        tuple(counts),
    )


def _students_family(row: Row) -> Warning | None:
    if not row.accepted.value > 0:
        return None
    return Warning(
        "student's family",
        f"{100 * row.accepted.value:.0f} % of the traces are by teachers of the student's own "
        "family. With a shared base, traits passed through unrelated data and filters on words did "
        "not stop it (arXiv 2507.14805, 2509.23886), and the student finds such text likely "
        "whatever its worth. A family is a name: two of one name may differ in their base.",
    )


def _reference(scales: Scales) -> Warning | None:
    reference, n = scales.reference, scales.n_problems[0]
    if reference.is_same_problems is None:
        return Warning(
            "no reference",
            "There is no unguided trace to hold the set against, so how much it hesitates for its "
            "problems cannot be said, and no hedging budget can be kept. Ingest some traces whose "
            "teacher saw the prompt alone, of the same problems and teacher if possible.",
        )
    if not reference.is_same_problems:
        return Warning(
            "other problems",
            "The unguided traces are of other problems: what differs may be the problems and not "
            "the set.",
        )
    if reference.n_problems_shared < (1 - UNKNOWN) * n:
        return Warning(
            "partial reference",
            f"Only {reference.n_problems_shared:,} of the {n:,} problems have an unguided trace; "
            "what is held against unguided speaks of these alone.",
        )
    return None


def _unknown(scales: Scales) -> Warning | None:
    lacking = [
        (number.n_unknown / (number.n + number.n_unknown), row.title)
        for row in scales.rows
        for number in [row.accepted]
        if number.n + number.n_unknown and (row.name == DENSITY or not row.name.endswith("_per_1k"))
    ]
    many = [f"{title} ({100 * share:.0f} %)" for share, title in lacking if share > UNKNOWN]
    if not many:
        return None
    return Warning(
        "unknown",
        f"Not known for many of what goes out: {'; '.join(many)}. These figures are of the rest, "
        "which may differ; unknown is not zero. `score`, `remark` and `knowledge` fill in what "
        "can be known.",
    )


def _few(scales: Scales) -> Warning | None:
    n = scales.n_traces[0]
    if n >= MIN_TRACES:
        return None
    return Warning(
        "few traces",
        f"{_n(n, 'trace')}: below {MIN_TRACES}, differences between scores are mostly chance "
        "(the ablation of arXiv 2601.14249 stops there). This speaks of the figures, not of what "
        "the set is worth.",
    )


def _words(scales: Scales) -> Warning | None:
    if scales.unit == "tokens":
        return None
    return Warning(
        "words",
        f"Lengths are words, not the student's tokens: {scales.unit_reason}. Densities do not "
        "compare with published ones per 1,000 tokens.",
    )


def _n(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
