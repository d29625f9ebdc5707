"""Every number of a trace in words: what it says, which way to read it, and what it is not for.

Owns the words that screens, exports and the README use, one entry a column of the likelihood
profile and of the compatibility families, plus GRAPE and CAR. Knows nothing of values or screens.

No entry calls a score good or bad as such. "lower" and "higher" is the direction in which the
source prefers traces *of one problem under one student*; "read, don't rank" marks numbers that no
source ranks by, or that must not be.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from curation.records import Family

Direction = Literal["lower", "higher", "read, don't rank"]

READ: Direction = "read, don't rank"

_GRAPE = "arXiv 2502.04194"
_RSR = "arXiv 2601.14249"
_CHERRY = "https://github.com/tianyi-lab/Cherry_LLM"
_REFLECTION = "arXiv 2402.10110"
_BELIEF = "arXiv 2602.12342"
_PRIVILEGE = "arXiv 2605.11609"
_ASLEC = "arXiv 2604.06834"
_LALP = "arXiv 2510.03988"
_PLAIN = "standard definition"
_OURS = "ours, validated nowhere"

_SOLE = "Choosing traces by it alone: length, teacher family and correctness go their own ways."
_ACROSS_TEACHERS = "Comparing teachers, or prompts with one another: it favours the student's kin."
_LENGTHS = "Comparing traces of different lengths."
_FORMS = "Comparing with the other form, or across students, templates or truncations."
_NO_PROOF = "Predicting accuracy after training: no public study shows that it does."
_NO_PRUNING = (
    "Ranking or pruning steps or traces: a step that loses belief may be the one that counts."
)


class ScoreWords(NamedTuple):
    """One number, for a person without a paper at hand."""

    column: str
    title: str
    """Short, for axes and table heads."""
    family: Family
    unit: str
    direction: Direction
    says: str
    """One plain sentence: what it says of the trace."""
    source: str
    """arXiv id or URL of the definition."""
    not_for: str
    """What it must not be used for."""


_LIKELIHOOD = (
    ScoreWords(
        "n_tokens", "Length", "likelihood", "tokens", READ,
        "How many tokens the trace has for this student; look at it beside every other number.",
        _PLAIN, "Choosing traces because they are long or short.",
    ),
    ScoreWords(
        "total_nll_nats", "Total NLL", "likelihood", "nats", READ,
        "How improbable the whole trace is for the student; it grows with every token.",
        _PLAIN, _LENGTHS,
    ),
    ScoreWords(
        "mean_nll_nats", "Mean NLL", "likelihood", "nats per token", "lower",
        "How surprised the student is by each token on average; low means it could nearly have "
        "written this itself.",
        _GRAPE, _SOLE,
    ),
    ScoreWords(
        "grape_nats", "GRAPE", "likelihood", "nats per token", "higher",
        "Surprise per token with the sign turned: of several answers to one prompt, the highest is "
        "the one closest to the student.",
        _GRAPE, _ACROSS_TEACHERS,
    ),
    ScoreWords(
        "perplexity", "Perplexity", "likelihood", "equally likely choices", "lower",
        "Among how many equally likely tokens the student seems to choose at each place.",
        _PLAIN, _SOLE,
    ),
    ScoreWords(
        "mean_rank", "Mean rank", "likelihood", "rank from 1", "lower",
        "At which place of the student's own list the trace's tokens stand on average; a few odd "
        "tokens dominate it.",
        _RSR, "Traces with rare symbols or names: single tokens with huge ranks decide it.",
    ),
    ScoreWords(
        "mean_clipped_rank", "Mean rank, clipped at 100", "likelihood", "rank from 1", "lower",
        "The mean rank with odd tokens counted as rank 100.",
        _RSR, _SOLE,
    ),
    ScoreWords(
        "rsr", "RSR (rank-surprisal ratio)", "likelihood", "ranks per nat", "lower",
        "Low where tokens are informative (surprising) and yet near the top of the student's list: "
        "new, but within reach.",
        _RSR, "Choosing traces by it alone, or on agentic tasks: its results are from mathematics.",
    ),
    ScoreWords(
        "mean_entropy_nats", "Mean entropy", "likelihood", "nats per token", READ,
        "How open the next token is to the student along the trace, whatever the trace then says.",
        _PLAIN, _NO_PROOF,
    ),
    ScoreWords(
        "max_nll_nats", "Maximum NLL", "likelihood", "nats", READ,
        "How improbable the most surprising token is; look at it, it may be a leap or a misprint.",
        _PLAIN, _LENGTHS,
    ),
    ScoreWords(
        "car", "CAR", "likelihood", "the judge's unit", "higher",
        "A judge's score, made smaller the more the student is surprised by the trace.",
        "arXiv 2411.07133", "Comparing scores of different judges, or without a judge's score.",
    ),
)  # fmt: skip

_STEPS = (
    ScoreWords(
        "mean_step_logprob_nats", "Local naturalness, whole context", "steps", "nats per token",
        "higher",
        "How likely the steps are to the student when every step counts the same, long or short.",
        _LALP, _ACROSS_TEACHERS,
    ),
    ScoreWords(
        "aslec_drop_nats", "ASLEC-DROP", "steps", "nats per token", "higher",
        "How likely the tokens are once the first of every step is left out, which surprises "
        "whatever the step says.",
        _ASLEC, _SOLE,
    ),
    ScoreWords(
        "top1_share", "Top-1 share", "steps", "share, 0 to 1", READ,
        "The share of tokens that the student would have chosen itself.",
        _PLAIN, _NO_PROOF,
    ),
    ScoreWords(
        "max_entropy_nats", "Maximum entropy", "steps", "nats", READ,
        "How uncertain the student is at the place where most ways to go on are open to it.",
        _PLAIN, _LENGTHS,
    ),
    ScoreWords(
        "lalp_nats", "LALP (local naturalness)", "lalp", "nats per token", "higher",
        "How natural each step is to the student when it sees the prompt and only a few steps "
        "before it.",
        _LALP, "Comparing values made with different numbers of steps before.",
    ),
)  # fmt: skip

_IFD = (
    ScoreWords(
        "alone_nll_nats", "NLL without the prompt", "ifd", "nats per token", READ,
        "How surprised the student is by the trace when it does not know the question.",
        _CHERRY, "Anything but reading the IFD beside it.",
    ),
    ScoreWords(
        "ifd_loss", "IFD", "ifd", "ratio of losses", "higher",
        "How little the question helps the student to foresee the trace: near 1 it is hard to "
        "follow from the question, above 1 the question does not help at all and sources drop it.",
        _CHERRY, "Long traces alone (they restate the question and drift to 1). " + _FORMS,
    ),
    ScoreWords(
        "ifd_ppl", "IFD, perplexity form", "ifd", "ratio of perplexities", "higher",
        "The same as a ratio of perplexities; the same side of 1, but another order.",
        "arXiv 2402.00530", "Short answers, where all values lie close together. " + _FORMS,
    ),
    ScoreWords(
        "ifd_loss_first256", "IFD, beginning", "ifd", "ratio of losses", "higher",
        "How little the question helps with the first 256 tokens, before much of it is restated.",
        _OURS, _FORMS,
    ),
    ScoreWords(
        "ifd_ppl_first256", "IFD, beginning, perplexity form", "ifd", "ratio of perplexities",
        "higher",
        "The same for the first 256 tokens as a ratio of perplexities.",
        _OURS, _FORMS,
    ),
    ScoreWords(
        "ifd_loss_answer", "IFD, answer section", "ifd", "ratio of losses", READ,
        "How little the question helps with the final answer section, the thinking being read.",
        _OURS, "Ranking: the thinking before it has said most of it. " + _FORMS,
    ),
    ScoreWords(
        "ifd_ppl_answer", "IFD, answer section, perplexity form", "ifd", "ratio of perplexities",
        READ,
        "The same for the final answer section as a ratio of perplexities.",
        _OURS, "Ranking: the thinking before it has said most of it. " + _FORMS,
    ),
    ScoreWords(
        "prompt_nll_nats", "Prompt NLL, given the trace", "rifd", "nats per token",
        READ,
        "How surprised the student is by the question after it has read the trace and was asked to "
        "guess.",
        _REFLECTION, "Anything but reading the r-IFD beside it.",
    ),
    ScoreWords(
        "prompt_alone_nll_nats", "Prompt NLL alone", "rifd", "nats per token", READ,
        "How surprised the student is by the question itself; it is the same for all its traces.",
        _REFLECTION, "Comparing traces of one problem.",
    ),
    ScoreWords(
        "rifd_loss", "r-IFD", "rifd", "ratio of losses", "lower",
        "How little the trace helps the student to guess the question: low means that it tells "
        "clearly what it answers, 1 or above that it does not.",
        _REFLECTION, "Traces that quote the question, which makes guessing easy. " + _FORMS,
    ),
    ScoreWords(
        "rifd_ppl", "r-IFD, perplexity form", "rifd", "ratio of perplexities", "lower",
        "The same as a ratio of perplexities; refined traces and edits are kept by this form.",
        _REFLECTION, "Traces that quote the question, which makes guessing easy. " + _FORMS,
    ),
)  # fmt: skip

_BELIEFS = (
    ScoreWords(
        "n_answer_tokens", "Answer's length", "belief", "tokens", READ,
        "How many tokens the reference answer has; sums over it grow with it.",
        _PLAIN, "Anything but reading the belief beside it.",
    ),
    ScoreWords(
        "belief_before_nats", "Belief before the trace", "belief", "nats", READ,
        "How likely the student holds the reference answer before it reads the trace; high means "
        "guessable or memorised.",
        _BELIEF, "Comparing problems whose answers differ in length.",
    ),
    ScoreWords(
        "belief_after_nats", "Belief after the trace", "belief", "nats", READ,
        "How likely it holds the reference answer after the whole trace.",
        _BELIEF, "Comparing problems whose answers differ in length.",
    ),
    ScoreWords(
        "belief_gain_nats", "Belief gained", "belief", "nats", READ,
        "How much likelier the trace made the reference answer to the student.",
        _BELIEF, _NO_PRUNING,
    ),
    ScoreWords(
        "belief_jump_share", "Largest jump's share", "belief", "share of the gain", READ,
        "How much of the gain came at one point; near 1 means that the answer was given away, or "
        "found, all at once.",
        _OURS, _NO_PRUNING,
    ),
    ScoreWords(
        "belief_jump_step", "Steps read at the jump", "belief", "steps", READ,
        "How many steps the student had read when its belief had just risen the most.",
        _OURS, _NO_PRUNING,
    ),
    ScoreWords(
        "belief_win_step", "Steps read when the answer wins", "belief", "steps", READ,
        "How many steps it takes until the student holds the reference answer likelier than not; "
        "0 means before it read anything.",
        _OURS, _NO_PRUNING,
    ),
    ScoreWords(
        "rival_margin_nats", "Margin over the wrong answer", "belief", "nats", READ,
        "How much likelier the reference answer is, after the trace, than the most common wrong "
        "one; below 0 the trace leaves the student with the wrong one.",
        _OURS, "Answers of different lengths: a shorter one is likelier by its length alone.",
    ),
    ScoreWords(
        "answer_shift_nats", "Shift of the answer", "belief", "nats", READ,
        "How far reading the trace moved the first token of what the student would answer; near 0 "
        "with a wrong belief means that it ignores the trace.",
        "arXiv 2404.04633", "Telling right from wrong: it says how far, not where to.",
    ),
)  # fmt: skip

_OTHERS = (
    ScoreWords(
        "privilege_gain_nats", "Privilege gain", "privilege", "nats", READ,
        "How much likelier the trace becomes once the student, too, is shown what the teacher saw: "
        "roughly what the trace took from it.",
        _PRIVILEGE, _NO_PROOF,
    ),
    ScoreWords(
        "privilege_gain_per_token_nats", "Privilege gain per token", "privilege",
        "nats per token", READ,
        "The same for each token on average, so that lengths do not matter.",
        _PRIVILEGE, _NO_PROOF,
    ),
    ScoreWords(
        "expected_hedges", "Hedges expected", "hedges", "hedges a trace", READ,
        "How many hedges the student would be expected to begin along this trace.",
        _OURS, _LENGTHS,
    ),
    ScoreWords(
        "observed_hedges", "Hedges observed", "hedges", "hedges a trace", READ,
        "How many the trace begins, counted by the same few unmistakable words.",
        _OURS, "Counting hedges as such: ambiguous words are left out on purpose.",
    ),
    ScoreWords(
        "hedge_deficit", "Hedges missing", "hedges", "hedges a trace", READ,
        "Expected less observed: above 0 the trace hesitates less than this student would.",
        _OURS, _NO_PROOF,
    ),
    ScoreWords(
        "step_start_hedge_deficit", "Hedges missing at step starts", "hedges", "hedges a trace",
        READ,
        "The same where steps begin and a thought can turn; it depends less on wording.",
        _OURS, _NO_PROOF,
    ),
)  # fmt: skip

SCORES: tuple[ScoreWords, ...] = (*_LIKELIHOOD, *_STEPS, *_IFD, *_BELIEFS, *_OTHERS)
"""Every number once, in the order in which a panel shows them."""


def words_for(column: str) -> ScoreWords:
    """The words of one column; KeyError names a column that has none."""
    for words in SCORES:
        if words.column == column:
            return words
    raise KeyError(f"no words for the column {column!r}; curation.compatibility.SCORES has all")
