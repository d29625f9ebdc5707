from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from curation.compatibility import ratios
from curation.compatibility.ratios import IfdPair

# science.md §5.1: means .5 and 1.2.
CONDITIONAL = [-0.5, -0.1, -1.2, -0.2]
ALONE = [-2.0, -0.4, -1.6, -0.8]

a_logprob = st.floats(-30, -1e-3)
logprob_pairs = st.lists(st.tuples(a_logprob, a_logprob), min_size=1, max_size=40)
a_ratio = st.floats(0.2, 2)
pairs = st.builds(IfdPair, a_ratio, a_ratio)


def test_ifd_in_both_forms_by_hand() -> None:
    # (.5 + .1 + 1.2 + .2) / 4 = .5; (2 + .4 + 1.6 + .8) / 4 = 1.2; .5 / 1.2 and e^-.7
    got = ratios.ifd(CONDITIONAL, ALONE)
    assert got.loss == pytest.approx(0.416667, abs=1e-6)
    assert got.ppl == pytest.approx(0.496585, abs=1e-6)


@pytest.mark.parametrize(
    ("conditional", "alone", "loss", "ppl"),
    # science.md: .9 / 1 = .900, e^-.1 = .905; .2 / .25 = .800, e^-.05 = .951
    [(0.9, 1.0, 0.900, 0.905), (0.20, 0.25, 0.800, 0.951)],
)
def test_the_two_forms_order_traces_differently(
    conditional: float, alone: float, loss: float, ppl: float
) -> None:
    got = ratios.ifd([-conditional], [-alone])
    assert got.loss == pytest.approx(loss, abs=5e-4)
    assert got.ppl == pytest.approx(ppl, abs=5e-4)


def test_ifd_over_the_first_tokens_and_over_a_section() -> None:
    # First two: (.5 + .1) / 2 = .3 against (2 + .4) / 2 = 1.2 -> .25, e^-.9
    first = ratios.ifd(CONDITIONAL, ALONE, first=2)
    assert first.loss == pytest.approx(0.25)
    assert first.ppl == pytest.approx(math.exp(-0.9))
    # Last two: (1.2 + .2) / 2 = .7 against (1.6 + .8) / 2 = 1.2
    last = ratios.ifd(CONDITIONAL, ALONE, within=[False, False, True, True])
    assert last.loss == pytest.approx(0.7 / 1.2)
    assert ratios.ifd(CONDITIONAL, ALONE, first=256) == ratios.ifd(CONDITIONAL, ALONE)


def test_a_token_without_a_number_alone_counts_on_the_other_side_only() -> None:
    # Superfiltering: alone over n - 1 tokens, (.4 + 1.6 + .8) / 3; conditioned over n, .5
    got = ratios.ifd(CONDITIONAL, [math.nan, *ALONE[1:]])
    assert got.loss == pytest.approx(0.5 / (2.8 / 3))
    assert got == ratios.ifd(CONDITIONAL, ALONE[1:])


def test_rifd_has_the_roles_swapped_and_the_same_arithmetic() -> None:
    # .25 / .5 = .5; e^-.25
    got = ratios.rifd([-0.3, -0.2], [-0.4, -0.6])
    assert got.loss == pytest.approx(0.5)
    assert got.ppl == pytest.approx(math.exp(-0.25))


def test_a_ratio_that_does_not_exist_is_nan() -> None:
    for conditional, alone in (
        ([], []),
        ([-1.0], []),
        ([-math.inf], [-1.0]),
        ([-1.0], [-math.inf]),
    ):
        assert np.isnan(ratios.ifd(conditional, alone)).all()
    assert np.isnan(ratios.ifd(CONDITIONAL, ALONE, first=0)).all()
    assert np.isnan(ratios.ifd(CONDITIONAL, ALONE, within=[False] * 4)).all()
    # Mean NLLs .5 and 0: no loss ratio, but a perplexity ratio of e^.5; 0 and 0: e^0
    half = ratios.ifd([-0.5], [0.0])
    assert math.isnan(half.loss)
    assert half.ppl == pytest.approx(math.exp(0.5))
    assert ratios.ifd([0.0], [0.0]).ppl == 1.0
    assert ratios.ifd([-2000.0], [-1.0]).ppl == math.inf


def test_misuse_of_slices_is_named() -> None:
    with pytest.raises(ValueError, match="same tokens"):
        ratios.ifd(CONDITIONAL, ALONE[1:], first=2)
    with pytest.raises(ValueError, match="0 or more"):
        ratios.ifd(CONDITIONAL, ALONE, first=-1)
    with pytest.raises(ValueError, match="NaN"):
        ratios.ifd([math.nan], [-1.0])
    with pytest.raises(ValueError, match="within"):
        ratios.ifd(CONDITIONAL, ALONE, within=[True])


@pytest.mark.parametrize(
    ("text", "step_start", "begins"),
    [
        ("<think>\nI add.\n</think>\n\nIt is 4.", [0, 8, 25], "It is 4."),
        ("I add. So it is 4.", [0, 7], "So it is 4."),
        ("I write </think> twice.</think> Four.", [0, 17, 32], "Four."),
        ("I add. It is 4.\n</think>\n", [0, 7, 16], "</think>\n"),
    ],
)
def test_the_answer_section_follows_the_thinking(
    text: str, step_start: list[int], begins: str
) -> None:
    assert text[ratios.answer_section(text, step_start) :] == begins


def test_a_text_without_steps_is_all_answer() -> None:
    assert ratios.answer_section("", []) == 0


def test_a_refined_trace_is_kept_when_it_is_easier_to_guess_from_and_both_are_below_one() -> None:
    got = ratios.keep_refined(IfdPair(0.9, 0.8), IfdPair(0.7, 0.6))
    assert got.keep
    assert got.which == "prompt, refined trace"
    assert got.why == (
        "Kept: the student guesses the prompt more easily from it (r-IFD 0.800 -> 0.600); "
        "the prompt helps the student with the trace (IFD 0.700 < 1); "
        "the trace helps the student with the prompt (r-IFD 0.600 < 1)."
    )


def test_a_refined_prompt_counts_only_where_its_ifd_with_the_old_trace_rises() -> None:
    original, both, prompt_up = IfdPair(0.5, 0.5), IfdPair(0.7, 0.6), IfdPair(0.6, 0.7)
    # IFD .5 -> .6 rises: (Q*, A*) against (Q*, A), r-IFD .7 -> .6: kept.
    up = ratios.keep_refined(original, IfdPair(0.4, 0.9), prompt_up, both)
    assert (up.keep, up.which) == (True, "refined prompt, refined trace")
    # IFD .5 -> .5 does not rise: (Q, A*) against (Q, A), r-IFD .5 -> .9: not kept.
    same = ratios.keep_refined(original, IfdPair(0.4, 0.9), IfdPair(0.5, 0.7), both)
    assert (same.keep, same.which) == (False, "prompt, refined trace")
    assert "0.500 -> 0.900" in same.why


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (IfdPair(0.7, 0.8), "no more easily from it (r-IFD 0.800 -> 0.800)"),
        (IfdPair(1.0, 0.7), "(IFD 1.000, not below 1)"),
        (IfdPair(0.7, math.nan), "could not be computed"),
        (IfdPair(math.nan, 0.7), "could not be computed"),
    ],
)
def test_an_edit_that_fails_says_why(after: IfdPair, says: str) -> None:
    got = ratios.keep_edit(IfdPair(0.9, 0.8), after)
    assert not got.keep
    assert says in got.why


def test_an_edit_whose_rifd_falls_but_stays_above_one_is_not_kept() -> None:
    got = ratios.keep_edit(IfdPair(0.9, 1.4), IfdPair(0.7, 1.2))
    assert not got.keep
    assert got.why == (
        "Not kept: the trace does not help the student with the prompt (r-IFD 1.200, not below 1)."
    )


def test_what_cannot_be_compared_is_not_kept() -> None:
    unknown = ratios.keep_refined(
        IfdPair(math.nan, 0.5), IfdPair(0.5, 0.4), IfdPair(0.5, 0.5), IfdPair(0.5, 0.4)
    )
    assert not unknown.keep
    assert "unknown which prompt" in unknown.why
    with pytest.raises(ValueError, match="go together"):
        ratios.keep_refined(IfdPair(0.5, 0.5), IfdPair(0.5, 0.4), IfdPair(0.5, 0.5))


@given(logprob_pairs)
def test_both_forms_lie_on_the_same_side_of_one(drawn: list[tuple[float, float]]) -> None:
    conditional, alone = zip(*drawn, strict=True)
    difference = float(np.mean(alone)) - float(np.mean(conditional))
    assume(abs(difference) > 1e-9)
    got = ratios.ifd(conditional, alone)
    assert (got.loss < 1) == (got.ppl < 1) == (difference < 0)


@given(logprob_pairs, st.integers(0, 50))
def test_the_first_tokens_are_the_mask_of_the_first_tokens(
    drawn: list[tuple[float, float]], first: int
) -> None:
    conditional, alone = zip(*drawn, strict=True)
    mask = np.arange(len(drawn)) < first
    assert ratios.ifd(conditional, alone, first=first) == pytest.approx(
        ratios.ifd(conditional, alone, within=mask), nan_ok=True
    )


@given(pairs, pairs, pairs, pairs)
def test_the_rule_is_the_released_codes(ori: IfdPair, a: IfdPair, q: IfdPair, qa: IfdPair) -> None:
    """As `selection_code/get_select_data.py` reads, branch by branch."""
    if q.ifd > ori.ifd:
        kept, which = (
            qa.rifd < q.rifd and qa.rifd < 1 and qa.ifd < 1,
            "refined prompt, refined trace",
        )
    else:
        kept, which = a.rifd < ori.rifd and a.rifd < 1 and a.ifd < 1, "prompt, refined trace"
    got = ratios.keep_refined(ori, a, q, qa)
    assert (got.keep, got.which) == (kept, which)
