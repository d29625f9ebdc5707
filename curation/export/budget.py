"""The hedging budget: how far below unguided a set may hesitate before somebody has to sign.

Owns the budget of a recipe, its signed override, and the refusal. The density is `scales`': the
budget looks at its ratio to the unguided reference, the point and not the interval, since it is a
rule of the house and no finding.

- No budget: nothing is refused (and the manifest says that none was asked for).
- A budget that cannot be looked at (no unguided reference, nothing counted) is refused with the
  reason. An override does not help there: nobody can sign for an unknown number.
- An override names who, why, and down to which share; below that, it too is refused. It stands in
  the recipe and in the manifest, used or not.

Nothing shows which share is right: .7 is where the report of Kim et al. (arXiv 2603.24472) begins
to mark a count.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from curation.export.measures import DENSITY
from curation.export.scales import Weighed, rounded

MOST_NAMED = 3
"""Traces that a refusal names."""


class Override(BaseModel):
    """A person's word that a set may hesitate less than the budget allows."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    who: str
    why: str
    down_to: float = Field(ge=0, le=1, allow_inf_nan=False)
    """The share of the unguided density that they let pass; lower is refused all the same."""

    @field_validator("who", "why")
    @classmethod
    def _said(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("an override is signed: it needs who and why")
        return text.strip()


class Budget(BaseModel):
    """Which share of the unguided density of epistemic markers a set has to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    share: float | None = Field(default=None, gt=0, le=2, allow_inf_nan=False)
    """Of the reference's markers per 1,000; None = no budget."""
    override: Override | None = None

    @model_validator(mode="after")
    def _sound(self) -> Budget:
        if self.override is None:
            return self
        if self.share is None:
            raise ValueError("an override needs a budget (share) that it overrides")
        if self.override.down_to >= self.share:
            raise ValueError("an override goes down to less than the budget's share")
        return self


class Kept(NamedTuple):
    """How a set stands to a budget."""

    share: float
    """That was asked for."""
    ratio: float
    """The set's density over the reference's; nan where it cannot be told."""
    is_kept: bool
    is_overridden: bool
    """Below the share, and a signed override lets it pass."""
    refusal: str | None
    """Why nothing is written, with the figures and what would help."""


def looked_at(budget: Budget, weighed: Weighed) -> Kept | None:
    """How the set stands to the budget; None where none was asked for."""
    if budget.share is None:
        return None
    row = weighed.scales.row(DENSITY)
    found = row.against_reference
    if not math.isfinite(found.value):
        return Kept(budget.share, math.nan, False, False, _undefined(budget.share, weighed))
    if found.value >= budget.share:
        return Kept(budget.share, found.value, True, False, None)
    signed = budget.override
    if signed is not None and found.value >= signed.down_to:
        return Kept(budget.share, found.value, False, True, None)
    return Kept(budget.share, found.value, False, False, _spent(budget, weighed))


def told(budget: Budget, kept: Kept | None) -> dict[str, Any] | None:
    """What the manifest says of the budget; None where none was asked for."""
    if kept is None:
        return None
    return {
        "share": kept.share,
        "ratio": rounded(kept.ratio),
        "is_kept": kept.is_kept,
        "is_overridden": kept.is_overridden,
        "override": budget.override.model_dump() if budget.override else None,
    }


def _undefined(share: float, weighed: Weighed) -> str:
    scales = weighed.scales
    if scales.reference.is_same_problems is None:
        why = scales.reference.says
    elif not scales.row(DENSITY).accepted.n:
        why = "the markers of what goes out are not counted"
    else:
        why = scales.row(DENSITY).against_reference.why or "it is not defined"
    return (
        f"The hedging budget of {share:g} cannot be looked at: {why}. Ingest unguided traces of "
        "these problems (and let `remark` count their markers), or export without a budget."
    )


def _spent(budget: Budget, weighed: Weighed) -> str:
    scales, row = weighed.scales, weighed.scales.row(DENSITY)
    found = row.against_reference
    ends = f", 95 % interval {found.ci[0]:.2f} to {found.ci[1]:.2f}" if found.ci[0] > 0 else ""
    said = (
        f"The set is below its hedging budget: {found.value:.3f} of the unguided density, and "
        f"{budget.share:g} was asked for ({row.accepted.value:.2f} epistemic markers per 1,000 "
        f"{scales.unit} against {row.reference.value:.2f}{ends}; {found.n_problems:,} problems)."
    )
    if budget.override is not None:
        said += f" The override lets pass {budget.override.down_to:g} and no less."
    return f"{said} {what_helps(weighed)} Or sign an override (who, why, down to which share)."


def what_helps(weighed: Weighed) -> str:
    """Which left-out traces would raise the density, in sentences; their ids with the most first.

    A trace raises it by its markers above what the set has in as many words or tokens.
    """
    scales = weighed.scales
    better = raising(weighed)
    if not better.height:
        return "No trace that was left out would raise it."
    row = scales.row(DENSITY)
    said = [
        f"{better.height:,} left-out traces would raise it, {_ids(better['trace_id'])} the most."
    ]
    gains = [
        each
        for each in scales.removed
        if each.density_if_added > row.accepted.value and math.isfinite(each.ratio_if_added)
    ]
    if gains:
        best = max(gains, key=lambda each: each.ratio_if_added)
        said.append(
            f"With all {best.n_traces:,} of '{best.reason}' it would be {best.ratio_if_added:.3f}."
        )
    return " ".join(said)


def raising(weighed: Weighed) -> pl.DataFrame:
    """The left-out traces denser than the set: trace_id, left_out, n_above, the most first.

    `n_above` are the epistemic markers above those that the set's density gives their length.
    """
    here, length = weighed.scales.row(DENSITY).accepted.value, pl.col(f"n_{weighed.scales.unit}")
    return (
        weighed.left_out.select(
            "trace_id", "left_out", n_above=pl.col("n_epistemic") - here * length / 1000
        )
        .filter(pl.col("n_above") > 0)
        .sort("n_above", "trace_id", descending=[True, False])
    )


def _ids(ids: pl.Series) -> str:
    return ", ".join(ids.head(MOST_NAMED))
