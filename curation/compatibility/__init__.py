"""What this student can absorb of a trace: the arithmetic from per-token numbers and texts.

Owns the definitions of `records.COMPATIBILITY_COLUMNS` and of what is shown beside them. Takes
arrays, texts and frames; gives numbers, named tuples and frames. Knows nothing of models, stores
or screens, and nothing is computed on import.

A likelihood is no verdict: none of these numbers may be read alone (`catalogue` says of each what
it must not be used for), and none compares across conventions or students.
"""

from __future__ import annotations

from curation.compatibility.answers import (
    answer_key,
    answers_agree,
    normalise_answer,
)
from curation.compatibility.belief import (
    Belief,
    Jump,
    Revision,
    answer_shift_nats,
    delta_belief_reward,
    read_belief,
    revision_map,
    unearned_jumps,
)
from curation.compatibility.catalogue import (
    SCORES,
    ScoreWords,
    words_for,
)
from curation.compatibility.columns import (
    belief_columns,
    hedges_columns,
    ifd_columns,
    lalp_columns,
    privilege_columns,
    rifd_columns,
    steps_columns,
)
from curation.compatibility.comparing import (
    MIN_TRACES,
    Comparison,
    Correlation,
    GroupRank,
    average_ranks,
    compare,
    partial_spearman,
    percentiles,
    rank_stability,
    spearman,
    too_few,
    z_scores,
)
from curation.compatibility.difficulty import (
    BAND_SCHEMA,
    BANDS,
    Majority,
    majority,
    problem_bands,
    slick_like,
)
from curation.compatibility.endings import (
    truncation,
)
from curation.compatibility.expected_hedges import (
    HEDGE_OPENERS,
    HedgeBalance,
    HedgePairs,
    hedge_balance,
    hedge_calibration_auroc,
    missing_hedges,
    next_step_pairs,
    theatrical_hedges,
)
from curation.compatibility.likelihood import (
    aslec_drop_nats,
    car,
    grape_nats,
    lalp_nats,
    max_entropy_nats,
    mean_step_logprob_nats,
    step_means_nats,
    top1_share,
)
from curation.compatibility.loops import (
    Loop,
    longest_loop,
    repeated_share,
)
from curation.compatibility.privilege import (
    Contrast,
    HedgeGain,
    Privilege,
    StepGain,
    gain_by_step,
    gain_nats,
    gain_on,
    hedge_privilege_gain,
    lowered_tokens,
    privilege_gain,
    raised_tokens,
)
from curation.compatibility.provenance import (
    SameFamily,
    family_of,
    same_family,
)
from curation.compatibility.ratios import (
    FIRST_TOKENS,
    Choice,
    IfdPair,
    Ratio,
    answer_section,
    ifd,
    keep_edit,
    keep_refined,
    rifd,
)
from curation.compatibility.shortcuts import (
    SHORTCUT_RULES,
    Shortcuts,
    answer_before_derivation,
    find_shortcuts,
    n_answer_repetitions,
    skipped_computations,
)

__all__ = [
    "BANDS",
    "BAND_SCHEMA",
    "FIRST_TOKENS",
    "HEDGE_OPENERS",
    "MIN_TRACES",
    "SCORES",
    "SHORTCUT_RULES",
    "Belief",
    "Choice",
    "Comparison",
    "Contrast",
    "Correlation",
    "GroupRank",
    "HedgeBalance",
    "HedgeGain",
    "HedgePairs",
    "IfdPair",
    "Jump",
    "Loop",
    "Majority",
    "Privilege",
    "Ratio",
    "Revision",
    "SameFamily",
    "ScoreWords",
    "Shortcuts",
    "StepGain",
    "answer_before_derivation",
    "answer_key",
    "answer_section",
    "answer_shift_nats",
    "answers_agree",
    "aslec_drop_nats",
    "average_ranks",
    "belief_columns",
    "car",
    "compare",
    "delta_belief_reward",
    "family_of",
    "find_shortcuts",
    "gain_by_step",
    "gain_nats",
    "gain_on",
    "grape_nats",
    "hedge_balance",
    "hedge_calibration_auroc",
    "hedge_privilege_gain",
    "hedges_columns",
    "ifd",
    "ifd_columns",
    "keep_edit",
    "keep_refined",
    "lalp_columns",
    "lalp_nats",
    "longest_loop",
    "lowered_tokens",
    "majority",
    "max_entropy_nats",
    "mean_step_logprob_nats",
    "missing_hedges",
    "n_answer_repetitions",
    "next_step_pairs",
    "normalise_answer",
    "partial_spearman",
    "percentiles",
    "privilege_columns",
    "privilege_gain",
    "problem_bands",
    "raised_tokens",
    "rank_stability",
    "read_belief",
    "repeated_share",
    "revision_map",
    "rifd",
    "rifd_columns",
    "same_family",
    "skipped_computations",
    "slick_like",
    "spearman",
    "step_means_nats",
    "steps_columns",
    "theatrical_hedges",
    "too_few",
    "top1_share",
    "truncation",
    "unearned_jumps",
    "words_for",
    "z_scores",
]
