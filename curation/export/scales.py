"""The scales: what goes out, held against what there was to choose from and against unguided.

Owns the three sets and what is told of them. Frames in, values out; which figures there are stands
in `measures`, how one compares in `sides`, what to be warned of in `cautions`.

- *accepted*: the traces that go out, an edit in place of what it edited; of a format of pairs the
  chosen ones.
- *pool*: every trace that the recipe's filter keeps, in every state.
- *reference*: unguided traces of the same problems, in whatever state, whether or not the filter
  keeps them; where there are none, the pool's unguided traces of other problems; else nothing.
  `Reference.says` tells which. Against traces of the same problems, a comparison looks only at the
  problems that have both.

A trace without a number is counted as unknown and enters no sum. A privilege gain exists only where
the teacher saw something, so unguided traces are neither known nor unknown there. Solve rate and
band are of the unguided traces of a problem in the whole store (`compatibility.problem_bands`).

Sources: densities and intervals `curation.leakage`; the band, Kim et al., arXiv 2603.24472; entropy
is Shannon's, of the observed shares, which underrates that of few traces. What to weigh is ours: no
public study shows that any of these predicts what training on the set does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from curation.export.measures import (
    IN_SHORT,
    MIXES,
    Measure,
    described,
    measures,
    unguided,
)
from curation.export.sides import Comparison, Side, compare, density
from curation.leakage import Estimate, Unit, unit_of
from curation.records import CATEGORIES

FIGURE_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(
        ("trace_id", "problem_id", "domain", "teacher", "teacher_family", "teacher_context"),
        pl.String(),
    ),
    "language": pl.String(),
    "is_correct": pl.Boolean(),
    "final_answer": pl.String(),
    "is_edit": pl.Boolean(),
    **dict.fromkeys(
        ("n_tokens", "n_words", "n_epistemic", *(f"n_{category}" for category in CATEGORIES)),
        pl.Int64(),
    ),
    "mean_nll_nats": pl.Float64(),
    "privilege_gain_per_token_nats": pl.Float64(),
    "early_answer": pl.Boolean(),
    "knowledge": pl.String(),
    "student": pl.String(),
}
"""What a store tells of each trace; null = not known. `is_edit`: a reviewer's edit made it.
`privilege_gain_per_token_nats` is of what the teacher saw, `knowledge` the SliCK-like class of the
problem, `language` its ISO 639-1 code, `student` whose numbers they are, the same in every row."""

AT_MOST_TOLD = 50
"""Values of a composition that are told one by one; the rest is counted together."""
DIGITS = 9
"""Significant digits of what is written down: the last ones depend on the order of summing."""


class Number(NamedTuple):
    """A figure of one set: nan where it is known of none of its traces."""

    value: float
    n: int
    n_unknown: int


class Row(NamedTuple):
    """One figure of the three sets, and the accepted held against the others."""

    name: str
    title: str
    unit: str
    of: str
    """What `n` counts: "traces" or "problems"."""
    how: Comparison
    accepted: Number
    pool: Number
    reference: Number
    against_pool: Estimate
    against_reference: Estimate


class Mix(NamedTuple):
    """How the sets are made up, by the value of one column; triples as in `Scales`."""

    name: str
    title: str
    of: str
    counts: dict[str, tuple[int, int, int]]
    """Value -> how many have it; the pool's most frequent first. Unknown is no value."""
    n_unknown: tuple[int, int, int]
    entropy_nats: tuple[float, float, float]
    """Of the known values' shares; nan where none is known."""
    missing: tuple[str, ...]
    """Values of the pool that nothing accepted has."""


class Reference(NamedTuple):
    """What stands for unguided."""

    is_same_problems: bool | None
    """None: there is no reference."""
    says: str
    n_problems_shared: int
    """Problems of the accepted set that have such traces."""


class Removed(NamedTuple):
    """What one rule left out of the pool, and what the set would be with it."""

    reason: str
    n_traces: int
    n_problems: int
    figures: dict[str, Number]
    """By the name of a row: those of `measures.IN_SHORT`."""
    density_if_added: float
    """Epistemic markers per 1,000 of the accepted set and these together."""
    ratio_if_added: float
    """That over the reference's, compared as `Row.against_reference` is."""


class Scales(NamedTuple):
    """Everything that was weighed. Triples are accepted, pool, reference."""

    unit: Unit
    unit_reason: str
    student: str | None
    reference: Reference
    n_traces: tuple[int, int, int]
    n_problems: tuple[int, int, int]
    rows: tuple[Row, ...]
    mixes: tuple[Mix, ...]
    removed: tuple[Removed, ...]

    def row(self, name: str) -> Row:
        """The figure of this name. Raises KeyError."""
        return {row.name: row for row in self.rows}[name]

    def mix(self, name: str) -> Mix:
        """The composition of this name. Raises KeyError."""
        return {mix.name: mix for mix in self.mixes}[name]

    def to_dict(self) -> dict[str, Any]:
        """What the manifest and the command say; None for what is not known or not defined."""
        return {
            "unit": self.unit,
            "unit_reason": self.unit_reason,
            "student": self.student,
            "reference": self.reference._asdict(),
            "n_traces": _named(self.n_traces),
            "n_problems": _named(self.n_problems),
            "rows": [_plain(row) for row in self.rows],
            "mixes": [_mix_told(mix) for mix in self.mixes],
            "removed": [_plain(each) for each in self.removed],
        }


class Weighed(NamedTuple):
    """The scales, and the traces behind them (`FIGURE_SCHEMA` and what `described` adds)."""

    scales: Scales
    accepted: pl.DataFrame
    left_out: pl.DataFrame
    """The pool's traces that stay out, with `left_out`, the rule."""


def weigh(figures: pl.DataFrame, accepted: pl.Series, pool: pl.DataFrame) -> Weighed:
    """Weighs the traces `accepted` (ids) against `pool` (trace_id, left_out) and unguided.

    `figures` (`FIGURE_SCHEMA`) holds every trace of the store, whatever the filter. `left_out` is
    the rule that keeps a trace of the pool out, null where it goes out. The order of rows changes
    nothing. Raises ValueError for a missing column.
    """
    if missing := [name for name in FIGURE_SCHEMA if name not in figures.columns]:
        raise ValueError(f"the figures lack {', '.join(missing)}")
    named = figures["student"].drop_nulls()
    student = str(named[0]) if len(named) else None
    figures = figures.sort("trace_id")
    names = figures.select("trace_id", "problem_id")
    # Numbers in the order of the ids: what follows sorts, groups and joins by them throughout.
    figures = described(
        figures.with_columns(
            trace_id=pl.int_range(pl.len(), dtype=pl.UInt32),
            problem_id=pl.col("problem_id").rank("dense").cast(pl.UInt32),
        ),
        student,
    )
    numbered = names.select("trace_id", number=pl.int_range(pl.len(), dtype=pl.UInt32))
    out = numbered.join(
        pl.DataFrame({"trace_id": accepted.cast(pl.String())}), on="trace_id", how="semi"
    )
    ours = figures[out["number"].sort()]
    rules = (
        numbered.join(pool.select("trace_id", pl.col("left_out").cast(pl.String())), on="trace_id")
        .drop("trace_id")
        .sort("number", "left_out")
        .filter(pl.col("number").ne_missing(pl.col("number").shift()))  # each trace once
    )
    chosen_from = figures[rules["number"]].with_columns(rules["left_out"])
    reference, theirs = _reference(figures, ours, chosen_from)
    sets = (ours, chosen_from, theirs)
    is_weighed = np.zeros(figures.height, bool)
    for each in sets:
        is_weighed[each["trace_id"].to_numpy()] = True
    marked = figures.select("trace_id", "n_tokens", "n_epistemic").filter(pl.Series(is_weighed))
    unit, why = unit_of(marked.drop_nulls("n_epistemic"))
    matched, weighed = bool(reference.is_same_problems), measures(unit)
    scales = Scales(
        unit=unit,
        unit_reason=why,
        student=student,
        reference=reference,
        n_traces=(ours.height, chosen_from.height, theirs.height),
        n_problems=_three(each["problem_id"].n_unique() for each in sets),
        rows=tuple(_row(measure, sets, matched) for measure in weighed),
        mixes=tuple(_mix(*named, sets) for named in MIXES),
        removed=tuple(_removed(sets, weighed, unit, matched)),
    )
    left_out = chosen_from.drop_nulls("left_out")
    return Weighed(scales, _named_again(ours, names), _named_again(left_out, names))


def _named_again(traces: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The traces with their ids in place of their numbers."""
    return traces.with_columns(names[traces["trace_id"]])


Sets = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def _reference(
    figures: pl.DataFrame, ours: pl.DataFrame, pool: pl.DataFrame
) -> tuple[Reference, pl.DataFrame]:
    alone = unguided(figures)
    same = alone.join(ours, on="problem_id", how="semi").sort("trace_id")
    n_ours, n_shared = ours["problem_id"].n_unique(), same["problem_id"].n_unique()
    if same.height:
        says = (
            f"unguided traces of the same problems, in any state; {n_shared:,} of {n_ours:,} "
            "problems have some"
        )
        return Reference(True, says, n_shared), same
    others = alone.join(pool, on="trace_id", how="semi").sort("trace_id")
    if others.height:
        says = "unguided traces of the pool, on other problems: these problems have none"
        return Reference(False, says, 0), others
    return Reference(None, "there is no unguided trace to hold the set against", 0), alone.clear()


def _row(measure: Measure, sets: Sets, matched: bool) -> Row:
    ours, pool, theirs = (measure.side(each) for each in sets)
    return Row(
        measure.name,
        measure.title,
        measure.unit,
        measure.of,
        measure.how,
        _number(ours),
        _number(pool),
        _number(theirs),
        compare(ours, pool, measure.how),
        compare(ours, theirs, measure.how, matched=matched),
    )


def _number(side: Side) -> Number:
    return Number(side.value, side.n, side.n_unknown)


def _mix(name: str, title: str, of: str, sets: Sets) -> Mix:
    counted, unknown = [], []
    for each in sets:
        column = each[name]
        if of == "problems":
            column = column.filter(each["problem_id"].is_first_distinct())
        counted.append(dict(column.drop_nulls().value_counts(name="n").iter_rows()))
        unknown.append(column.null_count())
    every = {value for counts in counted for value in counts}
    ranked = sorted(every, key=lambda v: (-counted[1].get(v, 0), -counted[0].get(v, 0), v))
    return Mix(
        name,
        title,
        of,
        {value: _three(counts.get(value, 0) for counts in counted) for value in ranked},
        _three(unknown),
        tuple(_entropy_nats(list(counts.values())) for counts in counted),  # type: ignore[arg-type]
        tuple(v for v in ranked if counted[1].get(v) and not counted[0].get(v)),
    )


def _entropy_nats(counts: list[int]) -> float:
    """-Σ p ln p of the observed shares; nan without any."""
    n = sum(counts)
    return math.fsum(-(c / n) * math.log(c / n) for c in counts) + 0.0 if n else math.nan


def _removed(sets: Sets, weighed: list[Measure], unit: Unit, matched: bool) -> Iterator[Removed]:
    """By rule, the one that left out most first."""
    ours, pool, theirs = sets
    short = [measure for measure in weighed if measure.name in IN_SHORT]
    there = density(theirs, "n_epistemic", unit)
    left_out = pool.drop_nulls("left_out")
    ranked = (
        left_out["left_out"].value_counts(name="n").sort("n", "left_out", descending=[True, False])
    )
    for reason in ranked["left_out"]:
        own = left_out.filter(pl.col("left_out") == reason)
        both = pl.concat([ours.select(own.drop("left_out").columns), own.drop("left_out")])
        added = density(both, "n_epistemic", unit)
        yield Removed(
            reason,
            own.height,
            own["problem_id"].n_unique(),
            {measure.name: _number(measure.side(own)) for measure in short},
            added.value,
            compare(added, there, "ratio", matched=matched).value,
        )


def rounded(value: float) -> float | None:
    """A number as it is written down, to `DIGITS`; None where it is none."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _three(numbers: Any) -> tuple[int, int, int]:
    one, two, three = numbers
    return one, two, three


def _named(triple: tuple[Any, Any, Any]) -> dict[str, Any]:
    return dict(zip(("accepted", "pool", "reference"), map(_plain, triple), strict=True))


def _mix_told(mix: Mix) -> dict[str, Any]:
    told = list(mix.counts.items())[:AT_MOST_TOLD]
    return {
        "name": mix.name,
        "title": mix.title,
        "of": mix.of,
        "counts": [{"value": value, **_named(counts)} for value, counts in told],
        "n_values": len(mix.counts),
        "n_known": _named(_three(sum(n) for n in zip(*mix.counts.values(), strict=True)))
        if mix.counts
        else _named((0, 0, 0)),
        "n_unknown": _named(mix.n_unknown),
        "entropy_nats": _named(mix.entropy_nats),
        "missing": list(mix.missing[:AT_MOST_TOLD]),
        "n_missing": len(mix.missing),
    }


def _plain(value: Any) -> Any:
    """As JSON has it: numbers to `DIGITS`, None for what is none."""
    if isinstance(value, Estimate):
        low, high = map(_plain, value.ci)
        return {
            "value": _plain(value.value),
            "ci": None if low is None or high is None else [low, high],
            "n_problems": value.n_problems,
            "why": value.why,
        }
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    return value
