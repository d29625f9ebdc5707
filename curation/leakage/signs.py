"""Leak signs of one trace: what in it looks as if its writer knew the answer beforehand.

Owns the six signs, where they stand, and the *leak-risk order* made from them. Takes what other
rooms found (markers, early answer, unearned jumps, missing hedges, gains); knows no text.

Every sign has a value, or why it is not known: that is never 0. A sign is a hint to read a trace
and never a verdict: each has innocent causes, surface signs are weak, and no public study shows
that any of them, or their order, tells leaking traces from others, or predicts what training on
them does. So the order is always shown with its parts.

    percentile   where a value stands in a pool of traces: percent below, equals counting half
    leak risk    50 + k/(k + 2) · (mean percentile of the k known signs - 50); none known: null

The shrinkage draws a trace of which little is known to the middle. All of it is our proposal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

SIGNS: dict[str, tuple[str, str]] = {
    "privilege_phrases": ("Privilege phrases", "phrases"),
    "early_answer": ("Early answer", "share of the trace after it"),
    "unearned_jumps": ("Unearned jumps of belief", "nats, the largest"),
    "privilege_gain": ("Privilege gain", "nats per token"),
    "certain_where_open": ("Certain where the student is not", "places per 1,000 tokens"),
    "boosters_at_surprise": ("Boosters at surprising steps", "per 1,000 words"),
}
"""Name -> title and unit of the value."""

OPEN_SHARE = 0.8
"""The student is open where its entropy lies above this quantile of the trace's own tokens."""
SURPRISING_SHARE = 0.75
"""A step surprises when its mean NLL lies above this quantile of the trace's own steps."""
SHRINK = 2.0
"""The 2 of the leak risk."""
AT_MOST_SHOWN = 20
"""Places that a sign names."""

Spans = Sequence[tuple[int, int]]


class Jump(NamedTuple):
    """A rise of belief that no step seems to have earned: first and last step, size in nats."""

    first_step: int
    last_step: int
    nats: float


class Early(NamedTuple):
    """The answer named early: `text[start:end]`."""

    start: int
    end: int
    n_words_before: int
    share_before: float
    is_strong: bool


@dataclass(frozen=True)
class Sign:
    """One sign of one trace."""

    name: str
    value: float | None
    """In the sign's unit (`SIGNS`); None = not known."""
    says: str
    """What was found, in a few words; where it is not known, why."""
    spans: tuple[tuple[int, int], ...] = ()
    """Places in the text to look at, code points, end exclusive; at most `AT_MOST_SHOWN`."""
    steps: tuple[int, ...] = ()
    """Indices of the steps to look at."""

    @property
    def is_known(self) -> bool:
        """Whether it could be looked for at all."""
        return self.value is not None


def unknown(name: str, why: str) -> Sign:
    """A sign that could not be looked for."""
    return Sign(name, None, f"not known: {why}")


def privilege_phrases(spans: Spans) -> Sign:
    """Phrases that betray what the writer was given, by their places."""
    n = len(spans)
    return Sign("privilege_phrases", float(n), _n(n, "privilege phrase"), _few(spans))


def early_answer(found: Early | None) -> Sign:
    """The reference answer named before there was room to derive it; 0 where it is not early."""
    if found is None:
        return Sign("early_answer", 0.0, "the answer is not named early")
    strength = "" if found.is_strong else " (weak)"
    return Sign(
        "early_answer",
        1 - found.share_before,
        f"answer after {_n(found.n_words_before, 'word')}{strength}",
        ((found.start, found.end),),
    )


def unearned_jumps(jumps: Sequence[Jump]) -> Sign:
    """The largest rise of belief in a surprising step that derives and verifies nothing."""
    largest = max((jump.nats for jump in jumps), default=0.0)
    says = _n(len(jumps), "unearned jump") + " of belief"
    return Sign(
        "unearned_jumps",
        largest,
        f"{says}, the largest {largest:.1f} nats" if jumps else says,
        steps=tuple(k for j in jumps for k in range(j.first_step, j.last_step + 1))[:AT_MOST_SHOWN],
    )


def privilege_gain(per_token_nats: float) -> Sign:
    """How much likelier the trace becomes to a student that is shown what its teacher saw."""
    says = f"privilege gain {per_token_nats:+.3f} nats a token".replace("-", "−")
    return Sign("privilege_gain", per_token_nats, says)


def certain_where_open(
    entropy_nats: np.ndarray,
    token_start: np.ndarray,
    token_end: np.ndarray,
    boosters: Spans,
    missing_hedges: np.ndarray,
) -> Sign:
    """Boosters, and hedges that the student would have begun, where its entropy is high.

    `missing_hedges` are token indices. High = above the `OPEN_SHARE` quantile of the trace's own
    tokens. A place counts once.
    """
    n = len(entropy_nats)
    is_open = entropy_nats > np.quantile(entropy_nats, OPEN_SHARE)
    at = np.searchsorted(token_end, [start for start, _ in boosters], side="right")
    tokens = {int(i) for i in at if i < n and is_open[i]}
    n_boosters = len(tokens)
    tokens |= {int(i) for i in missing_hedges if is_open[i]}
    places = sorted(tokens)
    return Sign(
        "certain_where_open",
        1000 * len(places) / n,
        f"certain at {_n(len(places), 'place')} where the student is not"
        + (f" ({_n(n_boosters, 'booster')})" if n_boosters else ""),
        _few([(int(token_start[i]), int(token_end[i])) for i in places]),
    )


def boosters_at_surprise(
    step_nll_nats: np.ndarray, step_start: Sequence[int], boosters: Spans, n_words: int
) -> Sign:
    """Boosters in a step that surprises the student, or in the step right after one.

    `step_nll_nats` has the mean NLL of each step, NaN without tokens. Surprising = above the
    `SURPRISING_SHARE` quantile of the trace's own steps, so a trace of even steps has none.
    """
    known = step_nll_nats[~np.isnan(step_nll_nats)]
    found: list[tuple[int, tuple[int, int]]] = []
    if known.size and len(step_start):
        surprises = step_nll_nats > np.quantile(known, SURPRISING_SHARE, method="lower")
        for span in boosters:
            step = max(0, int(np.searchsorted(step_start, span[0], side="right")) - 1)
            if surprises[max(0, step - 1) : step + 1].any():
                found.append((step, span))
    says = _n(len(found), "booster") + " at surprising steps"
    return Sign(
        "boosters_at_surprise",
        1000 * len(found) / n_words if n_words else 0.0,
        says,
        _few([span for _, span in found]),
        tuple(sorted({step for step, _ in found}))[:AT_MOST_SHOWN],
    )


def ranked(traces: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """`traces` with a percentile of each sign in the pool, and the leak risk.

    Both frames have the columns of `SIGNS` (null = not known). Adds `NAME_percentile` (null where
    the value is not known, or nowhere in the pool), `n_signs_known`, `leak_risk` (0 to 100, null
    where no sign is known). `traces` may hold traces that are not in the pool.
    """
    columns = []
    for name in SIGNS:
        values = traces[name].cast(pl.Float64).to_numpy()
        ordered = np.sort(pool[name].cast(pl.Float64).drop_nulls().to_numpy())
        below = np.searchsorted(ordered, values, side="left")
        up_to = np.searchsorted(ordered, values, side="right")
        percent = 50.0 * (below + up_to) / max(len(ordered), 1)
        is_known = ~np.isnan(values) & bool(len(ordered))
        columns.append(
            pl.Series(f"{name}_percentile", np.where(is_known, percent, np.nan)).fill_nan(None)
        )
    names = [column.name for column in columns]
    n_known = pl.sum_horizontal(pl.col(name).is_not_null() for name in names)
    return (
        traces.with_columns(columns)
        .with_columns(n_signs_known=n_known.cast(pl.Int64), _mean=pl.mean_horizontal(names))
        .with_columns(
            leak_risk=50
            + pl.col("n_signs_known") / (pl.col("n_signs_known") + SHRINK) * (pl.col("_mean") - 50)
        )
        .drop("_mean")
    )


def reason(row: Mapping[str, Any], says: Mapping[str, str]) -> str:
    """The parts of a trace's place in the leak-risk order, on one line.

    What was found and stands above the middle of the pool, the highest percentiles first, three at
    most; `row` is one of `ranked`, `says` the words of its signs.
    """
    parts = [
        (row[f"{name}_percentile"], name)
        for name in SIGNS
        if (row[name] or 0) > 0 and (row[f"{name}_percentile"] or 0) > 50
    ]
    parts.sort(key=lambda part: (-part[0], list(SIGNS).index(part[1])))
    known = f"{row['n_signs_known']} of {len(SIGNS)} signs known"
    if not parts:
        return f"no leak sign stands out ({known})"
    return "; ".join(says[name] for _, name in parts[:3]) + f" ({known})"


def to_json(sign: Sign, percentile: float | None) -> dict[str, Any]:
    """A sign as `show --json` has it, with its title, unit and place in the pool."""
    title, unit = SIGNS[sign.name]
    known = percentile is not None and math.isfinite(percentile)
    return {
        **asdict(sign), "title": title, "unit": unit, "is_known": sign.is_known,
        "percentile": percentile if known else None,
    }  # fmt: skip


def _few(spans: Spans) -> tuple[tuple[int, int], ...]:
    return tuple((int(start), int(end)) for start, end in spans[:AT_MOST_SHOWN])


def _n(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
