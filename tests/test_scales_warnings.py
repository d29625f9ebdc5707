"""What the scales warn of, from which figure on, and that it is said with its limits."""

from __future__ import annotations

from typing import Any

import pytest

from curation.export import cautions
from curation.export.scales import Scales
from tests.test_scales import a_figure, marked, scales_of

LETTERS = "abcdefghijklmnopqrst"


def codes(scales: Scales) -> set[str]:
    return {each.code for each in cautions.warnings(scales)}


def said(scales: Scales, code: str) -> str:
    (found,) = [each.says for each in cautions.warnings(scales) if each.code == code]
    return found


def paired(n_ours: int, n_theirs: int, n_problems: int = 20) -> Scales:
    """Guided traces of `n_ours` markers in 100 tokens beside unguided ones of `n_theirs`.

    The last problem's guided trace has one more, so that there is a spread.
    """
    names = LETTERS[:n_problems]
    ours = [marked(name, f"p{name}", n_ours, 100) for name in names]
    ours[-1] = marked(names[-1], f"p{names[-1]}", n_ours + 1, 100)
    theirs = [
        marked(name.upper(), f"p{name}", n_theirs, 100, teacher_context="unguided")
        for name in names
    ]
    return scales_of([*ours, *theirs], accepted=names, pool=names)


def test_a_density_below_unguided_is_told_with_ratio_interval_and_evidence() -> None:
    words = said(paired(5, 10), "below unguided")
    # (19 · 5 + 6)/20 = 5.05 against 10
    assert "0.51 of their epistemic markers per 1,000 tokens (95 % interval" in words
    assert "over 20 problems" in words
    assert "arXiv 2603.24472" in words
    assert "may be chance" not in words


def test_an_interval_that_holds_one_is_called_chance_and_few_problems_have_none() -> None:
    names = LETTERS[:12]
    uneven = [marked(name, f"p{name}", 1 + 9 * (i % 2), 100) for i, name in enumerate(names)]
    theirs = [
        marked(name.upper(), f"p{name}", 6, 100, teacher_context="unguided") for name in names
    ]
    assert "may be chance" in said(scales_of([*uneven, *theirs], names, names), "below unguided")
    words = said(paired(5, 10, n_problems=3), "below unguided")
    assert "no interval: an interval needs 12 problems; here are 3" in words


def test_a_density_at_or_above_unguided_is_no_warning() -> None:
    assert not {"below unguided", "large and suppressed"} & codes(paired(10, 10))


@pytest.mark.parametrize(("n_ours", "n_problems", "is_warned"), [
    (5, 512, True),
    (5, 511, False),
    (8, 512, False),
])  # fmt: skip
def test_strong_suppression_is_graver_from_512_problems_on(
    n_ours: int, n_problems: int, is_warned: bool
) -> None:
    large = paired(n_ours, 10)._replace(n_problems=(n_problems, n_problems, n_problems))
    assert ("large and suppressed" in codes(large)) is is_warned
    if is_warned:
        assert cautions.warnings(large)[0].code == "large and suppressed"


def test_more_than_half_privileged_is_told_by_context_and_half_is_not() -> None:
    def of(*contexts: str) -> Scales:
        figures = [a_figure(LETTERS[i], teacher_context=c) for i, c in enumerate(contexts)]
        return scales_of(figures, accepted=LETTERS[: len(contexts)])

    words = said(of("solution", "answer", "unguided"), "mostly privileged")
    # 2 of 3
    assert words.startswith("In 67 % of the 3 traces whose context is known")
    assert "(answer, solution)" in words
    assert "mostly privileged" not in codes(of("solution", "unguided", "unknown", "refined"))


def test_one_family_is_told_unless_too_many_are_unknown() -> None:
    def of(*teachers: str, **known: Any) -> Scales:
        figures = [a_figure(LETTERS[i], teacher=t, **known) for i, t in enumerate(teachers)]
        return scales_of(figures, accepted=LETTERS[: len(teachers)])

    (one,) = [w for w in cautions.warnings(of("Qwen3-8B", "QwQ-32B")) if w.code == "one family"]
    assert one.names == ("qwen",)
    assert "one family" not in codes(of("Qwen3-8B", "Llama-3-8B"))
    # one of three is unknown: more than a fifth
    assert "one family" not in codes(of("Qwen3-8B", "QwQ-32B", "nobody knows"))
    assert "student's family" in codes(of("Qwen3-8B", "Llama-3-8B", student="qwen2.5-7b"))
    assert "student's family" not in codes(of("Qwen3-8B", student="smollm2-135m"))


def test_few_traces_words_and_the_unknown_are_told() -> None:
    unscored = {**marked("a", "p1", 1, 9), "n_tokens": None}
    found = codes(scales_of([unscored], accepted="a"))
    assert {"few traces", "words", "unknown"} <= found
    many = paired(10, 10)
    assert "words" not in codes(many)
    assert "few traces" not in codes(many._replace(n_traces=(200, 200, 200)))
    assert "few traces" in codes(many._replace(n_traces=(199, 200, 200)))
    assert "Length (100 %)" not in said(scales_of([unscored], accepted="a"), "unknown")
    assert "Mean NLL (100 %)" in said(scales_of([unscored], accepted="a"), "unknown")


def test_where_nothing_goes_out_that_is_all_that_is_said() -> None:
    assert codes(scales_of([a_figure("a")], accepted="")) == {"nothing accepted"}
