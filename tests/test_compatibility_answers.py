from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility.answers import answer_key, answers_agree, normalise_answer

PIECES = [
    "1", "23", ",456", ",", ".", " ", "  ", "$", "\\boxed{", "}", "{", "\\text{", "cm", "X", "-",
    "−", "/", "\\frac{", "\\dfrac12", "\\left(", "\\right)", "(", ")", "\\,", "%", "\\%", "İ", "ß",
    "{,}", "\\", "\n", "=", "\\!", "\\(", "\\)",
]  # fmt: skip
messy = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("42", "42"),
        (" 42. ", "42"),
        ("$42$", "42"),
        (r"\boxed{42}", "42"),
        (r"So the answer is \boxed{\frac{1}{2}}.", "1/2"),
        (r"first \boxed{1}, then \boxed{\text{No Solution}}", "no solution"),
        (r"\dfrac12", "1/2"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
        ("1,234,567", "1234567"),
        ("1{,}234", "1234"),
        ("1,23", "1,23"),
        ("(1, 2)", "(1,2)"),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,(\pi)/2)"),
        ("5 cm", "5cm"),
        ("5 CM", "5cm"),
        (r"50\%", "50%"),
        (r"\$50", "50"),
        ("1 1/2", "1 1/2"),
        ("−3", "-3"),
        ("x = 5", "x=5"),
        (r"\boxed{unclosed", r"\boxed{unclosed"),
        ("$", ""),
        ("", ""),
    ],
)
def test_notation_is_undone_and_units_are_kept(text: str, normal: str) -> None:
    assert normalise_answer(text) == normal


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0.5", r"\frac{1}{2}"),
        ("0.50", ".5"),
        ("1,234", "1234.0"),
        ("+7", "7"),
        ("-6/4", "-1.5"),
        ("B", "b."),
        ("007", "7"),
        (r"\boxed{5\text{ cm}}", "5 cm"),
    ],
)
def test_answers_that_agree(a: str, b: str) -> None:
    assert answers_agree(a, b)
    assert answers_agree(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("5 cm", "5"),
        ("50%", "0.5"),
        ("1 1/2", "11/2"),
        ("1 2", "12"),
        ("x=5", "5"),
        (None, None),
        ("", ""),
        ("4", None),
        ("1/0", "0"),
    ],
)
def test_answers_that_do_not_agree(a: str | None, b: str | None) -> None:
    assert not answers_agree(a, b)


def test_a_very_long_number_is_compared_as_written() -> None:
    assert answers_agree("9" * 5000, "9" * 5000)
    assert not answers_agree("9" * 5000, "0" + "9" * 5000)


def test_a_hostile_answer_is_left_mostly_as_it_is() -> None:
    nested = "\\text{" * 30_000 + "4" + "}" * 30_000
    assert normalise_answer(nested) == nested
    assert normalise_answer("\\boxed{" * 30_000 + "4") == "\\boxed{" * 30_000 + "4"


@given(messy)
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    normal = normalise_answer(text)
    assert normalise_answer(normal) == normal


@given(messy)
def test_an_answer_agrees_with_its_normal_form_and_its_key(text: str) -> None:
    normal = normalise_answer(text)
    assert answer_key(normal) == answer_key(text)
    assert answers_agree(text, normal) == bool(normal)
