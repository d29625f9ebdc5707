"""Accepted rows -> those of them that go out: bands, duplicates, best of n, caps and a quota.

Owns the rules (`Selection`, part of a recipe) and what each of them leaves out. Knows nothing of
stores, splits or files: a frame and the rules in, the kept rows and the counts out.

The rules are taken in this order, each on what the one before left: length bands · one row of each
cluster of duplicate texts · the best n of a problem, or a random n of it · caps by teacher, by
domain · the quota. Caps and the quota only take rows away, so whatever held still holds after.

Whoever is chosen at random is chosen by a hash of the seed and the row's own id: the order of rows
is irrelevant, and adding a row displaces at most one other under each cap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from curation.errors import ExportError
from curation.export.duplicates import (
    THRESHOLD,
    check_threshold,
    exact_clusters,
    near_duplicate_clusters,
)
from curation.export.splits import split_points

Order = Literal["lower", "higher"]

WHY_SCHEMA: dict[str, pl.DataType] = {"trace_id": pl.String(), "left_out": pl.String()}

_FROZEN = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class BestOf(BaseModel):
    """The `n` rows of each problem that a score puts first."""

    model_config = _FROZEN

    by: str
    """A numeric column of the traces. A row without a value is never chosen."""
    n: int = Field(default=1, ge=1)
    order: Order | None = None
    """Which end comes first; None: as the score's source has it (`compatibility.SCORES`)."""


class Quota(BaseModel):
    """How much of the set each value of a column is to be, by `shares` or by `counts`."""

    model_config = _FROZEN

    column: str
    shares: dict[str, float] | None = None
    """Share by value. Where they add up to less than 1, the other values are the rest."""
    counts: dict[str, int] | None = None
    """Rows by value, exactly; other values are left as they are."""

    @model_validator(mode="after")
    def _can_be(self) -> Quota:
        if (self.shares is None) == (self.counts is None):
            raise ExportError(
                f"The quota on {self.column} needs either shares or counts; name one of them."
            )
        given: Mapping[str, float] = self.shares or self.counts or {}
        for value, wanted in given.items():
            if not (math.isfinite(wanted) and wanted > 0):
                raise ExportError(
                    f"The quota of {value!r} in {self.column} is {wanted:g}; give more than 0, or "
                    "keep the value out with the filter."
                )
        total = math.fsum((self.shares or {}).values())
        if not given or total > 1 + 1e-9:
            raise ExportError(
                f"The shares of {self.column} add up to {total:g}; they may add up to 1 at most."
                if given
                else f"The quota on {self.column} names no value; name one, or drop the quota."
            )
        return self


class Selection(BaseModel):
    """Which accepted rows go out, and how they are grouped into splits."""

    model_config = _FROZEN

    min_tokens: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens of the trace for the current student; a row that is not scored is outside any band."""
    min_chars: int | None = Field(default=None, ge=0)
    max_chars: int | None = Field(default=None, ge=1)
    """Characters of the trace as it goes out."""
    duplicates: Literal["keep", "exact", "near"] = "keep"
    """Whether one row of each cluster of duplicate trace texts goes out, or all of them."""
    best_of: BestOf | None = None
    per_problem: int | None = Field(default=None, ge=1)
    """A random n of each problem: several answers to one prompt stay several."""
    per_teacher: int | None = Field(default=None, ge=1)
    per_domain: int | None = Field(default=None, ge=1)
    quota: Quota | None = None
    group: Literal["near", "problem"] = "near"
    """What no two splits share: problems of near-duplicate prompts, or problems alone."""
    threshold: float = THRESHOLD
    """From which similarity two texts are near duplicates (`duplicates`)."""
    stratify: tuple[str, ...] = ()
    """Columns whose values every split is to hold in the same shares."""

    @field_validator("threshold")
    @classmethod
    def _findable(cls, threshold: float) -> float:
        check_threshold(threshold)
        return threshold

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Selection:
        for unit in ("tokens", "chars"):
            low, high = getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")
            if low is not None and high is not None and low > high:
                raise ExportError(
                    f"The selection wants at least {low:,} and at most {high:,} {unit}: no trace "
                    f"is both. Give min_{unit} no more than max_{unit}."
                )
        if self.best_of is not None and self.per_problem is not None:
            raise ExportError(
                "The selection wants the best and a random choice of each problem (best_of and "
                "per_problem); keep one of the two."
            )
        if self.quota is not None and self.quota.counts is not None:
            cap = {"teacher": self.per_teacher, "domain": self.per_domain}.get(self.quota.column)
            for value, n in self.quota.counts.items():
                if cap is not None and n > cap:
                    raise ExportError(
                        f"The quota wants {n:,} rows of {value!r}, but per_{self.quota.column} "
                        f"lets {cap:,} go out; raise the cap or lower the quota."
                    )
        if len(set(self.stratify)) != len(self.stratify):
            raise ExportError("The selection stratifies twice by one column; name each once.")
        return self

    @property
    def reads_texts(self) -> bool:
        """Whether it needs what the traces say, and not only what is known of them."""
        return self.duplicates != "keep" or self.min_chars is not None or self.max_chars is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it needs of each row beside those of every export."""
        banded = self.min_tokens is not None or self.max_tokens is not None
        named = [
            *(["n_tokens"] if banded else []),
            *([self.best_of.by] if self.best_of else []),
            *([self.quota.column] if self.quota else []),
            *self.stratify,
        ]
        return tuple(dict.fromkeys(named))


class Selected(NamedTuple):
    """The rows that go out, in their order, and how many each rule left out, by its words."""

    rows: pl.DataFrame
    left_out: dict[str, int]
    why: pl.DataFrame
    """`trace_id` and `left_out`, the rule, of what each rule left out, in the rules' order."""


def select(
    rows: pl.DataFrame,
    selection: Selection,
    seed: int,
    order_of: Callable[[str], str | None] = lambda _: None,
) -> Selected:
    """The rows of `rows` that `selection` keeps.

    `rows` has `trace_id` (each once, beside `rejected_id` where rows are pairs), `problem_id`,
    `teacher`, `domain`, `selection.columns`, `n_chars` where there is a band of them and `text`
    where duplicates are left out. `order_of` gives the direction of a score ("lower", "higher" or
    another word: none), None where it knows no such score.

    Raises ExportError for a column that is not there or cannot serve, for a score without a
    direction, and where the quota cannot be filled.
    """
    for column in selection.columns:
        if column not in rows.columns:
            raise ExportError(
                f"The selection names the column {column!r}, and the traces have none of that "
                "name; `python -m curation list --json` shows those there are."
            )
    left_out: dict[str, int] = {}
    gone = [pl.DataFrame(schema=WHY_SCHEMA)]

    def keep(kept: pl.DataFrame, why: str) -> None:
        nonlocal rows
        if n := rows.height - kept.height:
            left_out[why] = n
            out = rows.select("trace_id").join(kept, on="trace_id", how="anti")
            gone.append(out.with_columns(left_out=pl.lit(why)))
        rows = kept

    for unit in ("tokens", "chars"):
        size = pl.col(f"n_{unit}")
        low, high = getattr(selection, f"min_{unit}"), getattr(selection, f"max_{unit}")
        if low is None and high is None:
            continue
        if unit == "tokens":
            keep(rows.filter(size.is_not_null()), "not scored, so of unknown length in tokens")
        if low is not None:
            keep(rows.filter(size >= low), f"shorter than {low:,} {unit}")
        if high is not None:
            keep(rows.filter(size <= high), f"longer than {high:,} {unit}")
    best = None if selection.best_of is None else _best_first(rows, selection.best_of, order_of)
    if selection.duplicates != "keep" and rows.height:
        near = selection.duplicates == "near"
        clusters = (
            near_duplicate_clusters(rows["text"], selection.threshold)
            if near
            else exact_clusters(rows["text"])
        )
        ranked = _ranked(rows, clusters, [best] if best is not None else [], seed)
        keep(
            rows.filter(ranked < 1),
            f"{'a near' if near else 'an exact'} duplicate of a trace that goes out",
        )
    if selection.best_of is not None and best is not None:
        by, n = selection.best_of.by, selection.best_of.n
        keep(rows.filter(best.is_not_null()), f"without a value of {by}")
        keep(
            rows.filter(_ranked(rows, rows["problem_id"], [best], seed) < n),
            f"not among the best {n} of its problem by {by}",
        )
    for column_name, cap in (
        ("problem", selection.per_problem),
        ("teacher", selection.per_teacher),
        ("domain", selection.per_domain),
    ):
        if cap is not None:
            by_column = rows["problem_id" if column_name == "problem" else column_name]
            keep(
                rows.filter(_ranked(rows, by_column, [], seed) < cap),
                f"beyond {cap:,} a {column_name}",
            )
    if selection.quota is not None and rows.height:
        keep(
            _within_quota(rows, selection.quota, seed),
            f"beyond the quota on {selection.quota.column}",
        )
    return Selected(rows, left_out, pl.concat(gone))


def _best_first(
    rows: pl.DataFrame, best_of: BestOf, order_of: Callable[[str], str | None]
) -> pl.Expr:
    """An expression that is least for the best row; null where there is no value."""
    by = best_of.by
    if not rows[by].dtype.is_numeric():
        raise ExportError(
            f"best_of cannot rank by {by!r}, which holds {rows[by].dtype}; choose a number."
        )
    order = best_of.order or order_of(by)
    if order not in ("lower", "higher"):
        raise ExportError(
            f"No source says which end of {by!r} is the better one"
            + (f" ({order})" if order else "")
            + "; choose best_of.order yourself: lower or higher."
        )
    value = pl.col(by).cast(pl.Float64).fill_nan(None)
    if rows.height and not rows.select(value.is_not_null().any()).item():
        raise ExportError(
            f"No accepted trace has a value of {by!r}, so none is the best by it; score the "
            "traces first (`python -m curation score`)."
        )
    return value if order == "lower" else -value


def _ranked(rows: pl.DataFrame, by: pl.Series, first: list[pl.Expr], seed: int) -> pl.Series:
    """The rank from 0 of each row among those alike in `by`: by `first`, then at random."""
    marked = rows.with_columns(by.alias("_by"), _points(rows, seed).alias("_point")).with_row_index(
        "_place"
    )
    ids = ["trace_id", *(["rejected_id"] if "rejected_id" in rows.columns else [])]
    return (
        marked.with_columns(expression.alias(f"_first{i}") for i, expression in enumerate(first))
        .sort(*(f"_first{i}" for i in range(len(first))), "_point", *ids, nulls_last=True)
        .select("_place", pl.int_range(pl.len()).over("_by").alias("rank"))
        .sort("_place")["rank"]
    )


def _points(rows: pl.DataFrame, seed: int) -> pl.Series:
    """Each row's own point in [0, 1); another than its problem's in `splits`."""
    row = pl.col("trace_id")
    if "rejected_id" in rows.columns:
        row = pl.concat_str("trace_id", "rejected_id", separator=":")
    return split_points(rows.select(pl.concat_str(pl.lit("row:"), row).alias("id"))["id"], seed)


def _within_quota(rows: pl.DataFrame, quota: Quota, seed: int) -> pl.DataFrame:
    named = list(quota.shares or quota.counts or {})
    value = pl.col(quota.column).cast(pl.String())
    # Everything unnamed is one value of its own; None cannot be a name.
    bin_of = rows.select(pl.when(value.is_in(named)).then(value).alias("bin"))["bin"]
    there: dict[str | None, int] = dict(bin_of.value_counts().iter_rows())
    wanted = _wanted(quota, there)
    limit = bin_of.replace_strict(wanted, default=0, return_dtype=pl.Int64)
    return rows.filter(_ranked(rows, bin_of, [], seed) < limit)


def _wanted(quota: Quota, there: Mapping[str | None, int]) -> dict[str | None, int]:
    """Rows to keep by value (None: every other value). Raises ExportError where there are none."""
    wanted: dict[str | None, int] = {None: there.get(None, 0)}
    shares: dict[str | None, float] = {}
    for name, n in (quota.counts or {}).items():
        wanted[name] = n
        if there.get(name, 0) < n:
            raise ExportError(
                f"The quota wants {n:,} rows with {quota.column} {name!r}, and "
                f"{there.get(name, 0):,} are left to choose from; lower it, or accept more."
            )
    for name, share in (quota.shares or {}).items():
        shares[name] = share
    if not shares:
        return wanted
    rest = 1 - math.fsum(shares.values())
    if rest > 1e-9:
        shares[None] = rest
    for value, share in shares.items():
        if not there.get(value):
            what = "any other value" if value is None else repr(value)
            raise ExportError(
                f"The quota wants {share:.1%} of the rows with {quota.column} {what}, and none is "
                "left to choose from; change the shares, or accept some."
            )
    # The largest set in which no value falls short; fractions of a row are rounded down.
    total = min(there[value] / share for value, share in shares.items())
    return {value: math.floor(share * total + 1e-9) for value, share in shares.items()}
