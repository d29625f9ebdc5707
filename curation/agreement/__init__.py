"""Decisions to agreement between reviewers: percent, kappa, alpha, with intervals over traces.

    coefficients.py   the formulas on counts: alpha (nominal, ordinal), Fleiss, Cohen, bootstrap
    summary.py        everyone at once, two by two, who said what where
    parts.py          by person, by reason, by any column; drift over time
    judged_steps.py   verdicts on single steps: alpha, nominal and ordinal
    spans.py          labelled spans: alpha for unitizing, F1 by label, exact and by overlap
    unitizing.py      Krippendorff's alpha for unitizing
    choices.py        which of two traces is better: percent, kappa, alpha over problems

Owns the statistics and their edge conventions. Knows nothing of stores or screens; takes a frame
`(trace_id, reviewer, verdict, …)` with at most one row a trace and reviewer (the current
decisions).

Only `accept` and `reject` are ratings (`RATINGS`): a skip or a flag gives none, as if the reviewer
had not seen the trace. The ordinal alpha alone takes flags too, as the middle of `ORDINAL`. A trace
is *pairable* when two or more rated it; coefficients rest on pairable traces alone. What cannot be
computed is nan, and `reason` says why. Nothing depends on who is called what: permuting reviewers
or renaming verdicts changes no coefficient (of the ordinal alpha: turning the order round).

How to read alpha: 1 = always agreed, 0 = as if by chance, below 0 = systematically opposed.
Krippendorff's advice: rely on 0.80 and more, 0.67 for tentative conclusions.

The formulas are ours since the intervals need two thousand alphas at once (one matrix product);
they were held against `krippendorff` 0.9.0 on random data and against the published examples.

Sources: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections B to D; Fleiss
1971 (Psychological Bulletin 76); Cohen 1960; positive agreement: Dice 1945, Cicchetti & Feinstein
1990; F1 on spans: Hripcsak & Rothschild 2005.
"""

from __future__ import annotations

from curation.agreement.choices import CHOICES, ChoiceAgreement, on_choices, pairwise_choices
from curation.agreement.coefficients import cohen_kappa, fleiss_kappa, krippendorff_alpha
from curation.agreement.judged_steps import STEP_RATINGS, StepAgreement, on_steps
from curation.agreement.parts import by_group, by_person, by_reason, drift, whole
from curation.agreement.spans import on_spans
from curation.agreement.summary import (
    MIN_ITEMS_FOR_CI,
    ORDINAL,
    RATINGS,
    Agreement,
    Pair,
    between,
    confusion,
    disputed,
    pairwise,
)

__all__ = [
    "CHOICES",
    "MIN_ITEMS_FOR_CI",
    "ORDINAL",
    "RATINGS",
    "STEP_RATINGS",
    "Agreement",
    "ChoiceAgreement",
    "Pair",
    "StepAgreement",
    "between",
    "by_group",
    "by_person",
    "by_reason",
    "cohen_kappa",
    "confusion",
    "disputed",
    "drift",
    "fleiss_kappa",
    "krippendorff_alpha",
    "on_choices",
    "on_spans",
    "on_steps",
    "pairwise",
    "pairwise_choices",
    "whole",
]
