"""A spot check as statistics: what to draw, what the verdicts say, when one may stop.

    drawing.py       a seeded sample, stratified by what the teacher saw and who it was
    intervals.py     Wilson and Clopper-Pearson intervals, how many to judge for a wished width
    estimating.py    the leaking share of a stratified sample, weighted, with its interval
    stopping.py      looking after each verdict: a confidence sequence, Wald's sequential test
    correcting.py    a judge who errs: sensitivity, specificity, Rogan and Gladen's correction

Owns the formulas. Knows nothing of stores, traces' texts or screens. Shares lie between 0 and 1;
"leaking" is the event that is counted. What cannot be computed is nan, or refused with the reason.

Sources: Wilson 1927 (JASA 22); Clopper & Pearson 1934 (Biometrika 26); Cochran, Sampling Techniques
(3rd ed. 1977, chapters 4 and 5); Korn & Graubard 1998 (Survey Methodology 24); Kish, Survey
Sampling (1965); Wald 1945 (Annals of Mathematical Statistics 16); Robbins 1970 (same, 41); Waudby-
Smith & Ramdas 2020 (arXiv 2006.04347); Rogan & Gladen 1978 (American Journal of Epidemiology 107);
Lang & Reiczigel 2014 (Preventive Veterinary Medicine 113).
"""

from __future__ import annotations

from curation.spotcheck.correcting import Correction, rogan_gladen
from curation.spotcheck.drawing import ALLOCATIONS, Allocation, allocate, draw, in_order
from curation.spotcheck.estimating import Estimate, StratumCount, stratified_share
from curation.spotcheck.intervals import (
    Interval,
    clopper_pearson,
    sample_size,
    widest_sample_size,
    wilson,
)
from curation.spotcheck.stopping import (
    Sprt,
    SprtState,
    confidence_sequence,
    design_bias,
    stratified_sequence,
)

__all__ = [
    "ALLOCATIONS",
    "Allocation",
    "Correction",
    "Estimate",
    "Interval",
    "Sprt",
    "SprtState",
    "StratumCount",
    "allocate",
    "clopper_pearson",
    "confidence_sequence",
    "design_bias",
    "draw",
    "in_order",
    "rogan_gladen",
    "sample_size",
    "stratified_sequence",
    "stratified_share",
    "widest_sample_size",
    "wilson",
]
