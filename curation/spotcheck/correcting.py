"""A judge who errs: the true leaking share behind the share that they call leaking.

Source: Rogan & Gladen 1978; the interval that takes in how little is known of sensitivity and
specificity: Lang & Reiczigel 2014.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from curation.spotcheck.intervals import Interval, wilson, z_of


class Correction(NamedTuple):
    """The corrected share, or nan with the reason. Sensitivity and specificity come with theirs."""

    share: float
    """(called leaking + specificity - 1) / (sensitivity + specificity - 1), clipped to 0..1."""
    interval: Interval
    sensitivity: float
    sensitivity_interval: Interval
    """Wilson's."""
    specificity: float
    specificity_interval: Interval
    n_leaking_gold: int
    n_clean_gold: int
    reason: str | None
    """Why nothing can be corrected; None where it can."""


def rogan_gladen(
    share: float,
    n: float,
    n_found: int,
    n_leaking_gold: int,
    n_cleared: int,
    n_clean_gold: int,
    confidence: float = 0.95,
) -> Correction:
    """The true share behind `share` of `n` (an effective size may be no whole number).

    The judge called `n_found` of `n_leaking_gold` truly leaking traces leaking, and `n_cleared` of
    `n_clean_gold` truly clean ones clean. Refused where one kind is missing, or where sensitivity
    and specificity add up to 1 or less: then the verdicts say nothing of the truth.
    """
    sensitivity = n_found / n_leaking_gold if n_leaking_gold else math.nan
    specificity = n_cleared / n_clean_gold if n_clean_gold else math.nan
    known = (
        sensitivity,
        wilson(n_found, n_leaking_gold, confidence),
        specificity,
        wilson(n_cleared, n_clean_gold, confidence),
        n_leaking_gold,
        n_clean_gold,
    )
    reason = None
    if math.isnan(share) or n <= 0:
        reason = "nothing was judged yet"
    elif not n_leaking_gold or not n_clean_gold:
        kind = "leaking" if not n_leaking_gold else "clean"
        reason = f"no trace that is known to be {kind} was judged: the judge's error is not known"
    elif sensitivity + specificity <= 1:
        reason = (
            f"sensitivity {sensitivity:.2f} and specificity {specificity:.2f} add up to 1 or less: "
            "such verdicts say nothing of the truth"
        )
    if reason is not None:
        return Correction(math.nan, (math.nan, math.nan), *known, reason)
    corrected = (share + specificity - 1) / (sensitivity + specificity - 1)
    interval = _lang_reiczigel(share, n, *known[::2][:2], n_leaking_gold, n_clean_gold, confidence)
    return Correction(_clipped(corrected), interval, *known, None)


def _lang_reiczigel(
    share: float,
    n: float,
    sensitivity: float,
    specificity: float,
    n_leaking_gold: int,
    n_clean_gold: int,
    confidence: float,
) -> Interval:
    """The limits p' + d ± z·s, with z²/2 added to the share's counts, 1 to the gold's counts.

    s² = (a'(1-a')/n' + p'²·se'(1-se')/n_se' + (1-p')²·sp'(1-sp')/n_sp') / (se' + sp' - 1)²,
    d = 2z²·(p'·se'(1-se')/n_se' - (1-p')·sp'(1-sp')/n_sp'); clipped to 0..1.
    """
    z = z_of(confidence)
    n_all, n_se, n_sp = n + z * z, n_leaking_gold + 2, n_clean_gold + 2
    called = (share * n + z * z / 2) / n_all
    se = (sensitivity * n_leaking_gold + 1) / n_se
    sp = (specificity * n_clean_gold + 1) / n_sp
    youden = se + sp - 1
    if youden <= 0:  # a few gold traces only: the pseudo-counts leave nothing to divide by
        return 0.0, 1.0
    p = (called + sp - 1) / youden
    of_se, of_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    s = math.sqrt(called * (1 - called) / n_all + p * p * of_se + (1 - p) ** 2 * of_sp) / youden
    shift = 2 * z * z * (p * of_se - (1 - p) * of_sp)
    return _clipped(p + shift - z * s), _clipped(p + shift + z * s)


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)
