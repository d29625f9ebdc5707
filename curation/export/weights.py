"""What a token counts for in the loss: a number from 0 to 1 for each stretch of a trace's text.

Owns what can be asked (`Weights`, the recipe's `weights`), which format can carry it, and the
arithmetic. Three kinds of evidence take weight away, and nothing else does: where there is no
evidence a character weighs 1.

- *labels*: what reviewers said of a stretch of words; widened to whole words as `loss.widened`.
- *privilege gain* of a token, g = log p(y_t | x, r, y_<t) - log p(y_t | x, y_<t) in nats, where it
  is above `above_nats`. `smooth` weighs exp(-(g - above_nats) / scale_nats), at least `least`: at
  0 and 1 it is the ratio p(y_t | x) / p(y_t | x, r), never above 1, which RLSD
  (https://arxiv.org/abs/2604.03128) puts on tokens of a negative advantage. `step` weighs `least`.
- *missing hedges*: tokens that stand where the student would begin a hedge with a probability of
  `from_mass` or more (`compatibility.missing_hedges`).

Within one kind the lowest weight of a character counts; kinds are combined by their minimum or
their product. Weights are rounded to 4 decimals. That such weights make a better student is our
proposal and shown nowhere.

Offsets are code points, end exclusive. Knows no store, student or trainer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from curation.errors import ExportError
from curation.export.formats import FORMATS, format_of
from curation.export.loss import Span
from curation.export.reasoning import Placement

DECIMALS = 4

_CONFIG = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PrivilegeRule(BaseModel):
    """How a token weighs that whoever has seen the answer foresees better."""

    model_config = _CONFIG

    above_nats: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """A token whose gain is at most this weighs 1."""
    curve: Literal["smooth", "step"] = "smooth"
    """Falling with the gain, or `least` at once."""
    least: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """No token weighs less for its gain."""
    scale_nats: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Of the smooth curve: so many nats more, and the weight is divided by e."""
    shown: Literal["context", "any"] = "context"
    """Gains of what the teacher saw, or also of the reference where the teacher did not see it."""


class HedgeRule(BaseModel):
    """How a token weighs that stands where the student would have hesitated."""

    model_config = _CONFIG

    from_mass: float = Field(default=0.1, gt=0, le=1, allow_inf_nan=False)
    """The probability of a hedge from which on one is missing."""
    weight: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    """What the token in its place weighs."""


class Weights(BaseModel):
    """What takes weight away. Nothing, unless it is asked for; an unknown option is refused."""

    model_config = _CONFIG

    labels: dict[str, float] = Field(default_factory=dict)
    """Label of a span -> the weight of its words, as {"leaks": 0}. Labels of `teaching.no_loss`
    weigh 0 unless they stand here."""
    privilege: PrivilegeRule | None = None
    """Weighs tokens by the student's privilege gain."""
    missing_hedges: HedgeRule | None = None
    """Weighs tokens in the places of missing hedges."""
    combine: Literal["min", "product"] = "min"
    """How labels, gain and hedges make one weight: the lowest, or their product."""
    loss_from: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    """Only for formats that say loss or no loss: loss from this weight on, none below it (axolotl
    by the stretch, openai by the mean of a message's characters)."""

    @field_validator("labels", mode="before")
    @classmethod
    def _none_for_blank(cls, labels: object) -> object:
        return {} if labels is None else labels

    @field_validator("labels")
    @classmethod
    def _from_0_to_1(cls, labels: dict[str, float]) -> dict[str, float]:
        for label, weight in labels.items():
            if not 0 <= weight <= 1:
                raise ValueError(f"weights from 0 to 1; {label!r:.80} has {weight:g}")
        return dict(sorted(labels.items()))

    @property
    def is_asked(self) -> bool:
        """Whether anything is to be weighed."""
        return bool(self.labels or self.privilege or self.missing_hedges)

    @property
    def asks_student(self) -> bool:
        """Whether what the student said of tokens is needed."""
        return self.privilege is not None or self.missing_hedges is not None

    @property
    def is_loss_or_none(self) -> bool:
        """Whether no weight between 0 and 1 can come of it."""
        return (
            set(self.labels.values()) <= {0.0, 1.0}
            and (
                self.privilege is None
                or (self.privilege.curve == "step" and self.privilege.least in (0, 1))
            )
            and (self.missing_hedges is None or self.missing_hedges.weight in (0, 1))
        )

    def label_weights(self, no_loss: Iterable[str]) -> dict[str, float]:
        """Label -> weight, those without loss among them."""
        return {**dict.fromkeys(no_loss, 0.0), **self.labels}


def check(weights: Weights, format: str, reasoning: Placement) -> None:
    """Raises ExportError where the format has no place for the weights that are asked for."""
    if not weights.is_asked:
        return
    carries = format_of(format).carries
    if carries == "nothing":
        able = ", ".join(name for name in FORMATS if format_of(name).carries != "nothing")
        raise ExportError(
            f"The format {format!r} has no place for the weight of a word, so `weights` would be "
            f"lost. Leave them out, or choose one of {able}."
        )
    if reasoning != "inline":
        raise ExportError(
            f"Weights are counted in the text of a trace as it was written, and placing its "
            f"reasoning in {reasoning!r} takes it apart. Keep it inline, or leave `weights` out."
        )
    if carries == "messages" and weights.loss_from is None:
        raise ExportError(
            f"The format {format!r} carries one weight for a whole message, 0 or 1. Say in "
            "`weights.loss_from` from which mean weight on a message carries loss."
        )
    if carries == "spans" and weights.loss_from is None and not weights.is_loss_or_none:
        raise ExportError(
            f"The format {format!r} says loss or no loss and nothing between, and `weights` may "
            "come to a fraction. Say in `weights.loss_from` from which weight on there is loss."
        )


class Stretch(NamedTuple):
    """Characters `start` to `end` (exclusive) of a trace, and what each of them weighs."""

    start: int
    end: int
    weight: float


Weighed = tuple[int, int, float]


def of_gains(gain_nats: npt.ArrayLike, rule: PrivilegeRule) -> npt.NDArray[np.float64]:
    """The weight of each token from its privilege gain."""
    gain = np.asarray(gain_nats, dtype=np.float64)
    over = np.maximum(gain - rule.above_nats, 0.0)
    found = np.exp(-over / rule.scale_nats) if rule.curve == "smooth" else np.zeros(gain.size)
    return np.where(over > 0, np.maximum(found, rule.least), 1.0)


def of_tokens(starts: Sequence[int], ends: Sequence[int], weights: npt.ArrayLike) -> list[Weighed]:
    """The tokens that weigh less than 1, by their places in the text."""
    values = np.asarray(weights, dtype=np.float64)
    return [(starts[i], ends[i], float(values[i])) for i in np.flatnonzero(values < 1).tolist()]


def combined(
    n_chars: int, kinds: Sequence[Sequence[Weighed]], how: Literal["min", "product"]
) -> list[Stretch]:
    """One weight for each character of a text, as stretches of equal weight that tile it.

    Raises ValueError for a place outside the text or a weight outside 0 to 1. Empty for no text.
    """
    whole = np.ones(n_chars)
    for said in kinds:
        own = np.ones(n_chars)
        for start, end, weight in said:
            if not 0 <= start <= end <= n_chars or not 0 <= weight <= 1:
                raise ValueError(f"{start} to {end} of {n_chars} characters, weight {weight}")
            own[start:end] = np.minimum(own[start:end], weight)
        whole = np.minimum(whole, own) if how == "min" else whole * own
    whole = np.round(whole, DECIMALS)
    at = [0, *(np.flatnonzero(np.diff(whole)) + 1).tolist(), n_chars] if n_chars else [0]
    return [
        Stretch(start, end, float(whole[start])) for start, end in zip(at, at[1:], strict=False)
    ]


def mean(stretches: Sequence[Stretch]) -> float:
    """The mean weight of the characters; nan for no text."""
    n_chars = sum(each.end - each.start for each in stretches)
    total = math.fsum((each.end - each.start) * each.weight for each in stretches)
    return total / n_chars if n_chars else math.nan


def silent(stretches: Sequence[Stretch], loss_from: float | None) -> list[Span]:
    """The stretches without loss, in order and apart: below `loss_from`, or of weight 0."""
    found: list[Span] = []
    for start, end, weight in stretches:
        if weight >= loss_from if loss_from is not None else weight > 0:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found
