"""Steps: where a trace is cut, and what always holds of the cuts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import steps

PIECES = st.sampled_from(
    [
        "So x = 4.",
        "Wait",
        "e.g. this",
        "3.14",
        "U.S. law",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "\t",
        "\u00a0",
        "\u2028",
        "1. ",
        "2) ",
        "- ",
        "```",
        "$$",
        "\\[",
        "\\]",
        "\\begin{align}",
        "\\end{align}",
        "| a | b |\n",
        "<think>",
        "</think>",
        "!",
        "?!",
        "...",
        "。",
        "“Yes.”",
        "🦔",
        "a",
        "Б",
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map("".join))


def cut(text: str) -> list[str]:
    starts, ends = steps.split(text)
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


@settings(deadline=None)
@given(TEXTS)
def test_every_visible_character_stands_in_exactly_one_step(text: str) -> None:
    starts, ends = steps.split(text)
    inside = [0] * len(text)
    for start, end in zip(starts, ends, strict=True):
        for i in range(start, end):
            inside[i] += 1
    for character, n in zip(text, inside, strict=True):
        assert n == 1 if not character.isspace() else n <= 1


@settings(deadline=None)
@given(TEXTS)
def test_steps_are_in_order_and_begin_and_end_visibly(text: str) -> None:
    starts, ends = steps.split(text)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert all(step == step.strip() for step in cut(text))


@settings(deadline=None)
@given(TEXTS)
def test_no_short_step_has_fewer_than_four_visible_characters(text: str) -> None:
    found = cut(text)
    for step in found:
        n_visible = sum(not character.isspace() for character in step)
        assert n_visible >= 4 or len(step) >= 32 or len(found) == 1


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_a_blank_line_separates_what_stands_before_it(before: str, after: str) -> None:
    # a whole paragraph in front, ended by a sentence, does not change with what follows
    head = "The first paragraph ends here."
    assert cut(f"{head}\n\n{after}")[0].startswith(head)
    assert cut(before) == cut(before + "\n \n")


def test_text_without_visible_characters_has_no_steps() -> None:
    assert steps.split("") == ([], [])
    assert steps.split(" \n\t\u2003") == ([], [])


def test_sentences_are_steps() -> None:
    assert cut("First, 2 + 2 = 4. Then 4 * 3 = 12! Is it right? Yes, 12.") == [
        "First, 2 + 2 = 4.",
        "Then 4 * 3 = 12!",
        "Is it right?",
        "Yes, 12.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Take e.g. Fermat and i.e. Euler here.",
        "See Fig. 3 and Eq. (4) of Dr. Penny in the U.S. Navy.",
        "It is 3.14 or v1.2 of it.",
        "In No. 5 it stands.",
        "Wait... so it goes on.",
        'He said "it stops. there" to us.',
    ],
)
def test_a_sentence_is_not_cut_at_an_abbreviation_or_a_decimal(sentence: str) -> None:
    assert cut(sentence) == [sentence]


def test_no_is_an_answer_unless_a_number_follows() -> None:
    assert cut("Is it five? No. That is wrong.") == ["Is it five? No.", "That is wrong."]


def test_closing_marks_stay_with_their_sentence() -> None:
    assert cut('He said "Stop." Then (we left.) **Done.** Next one.') == [
        'He said "Stop."',
        "Then (we left.)",
        "**Done.**",
        "Next one.",
    ]


def test_list_numbers_belong_to_their_line() -> None:
    assert cut("Plan:\n1. Add them.\n  2. Divide.\n- Check it") == [
        "Plan:",
        "1. Add them.",
        "2. Divide.",
        "- Check it",
    ]
    assert cut("Plan: 1. Add them. 2. Divide. Step 2. Check it.") == [
        "Plan: 1. Add them.",
        "2. Divide.",
        "Step 2. Check it.",
    ]


def test_a_sentence_wrapped_at_the_margin_is_one_step() -> None:
    assert cut("This sentence goes\non in the next line\r\nand ends here.\nAnother one") == [
        "This sentence goes\non in the next line\r\nand ends here.",
        "Another one",
    ]


def test_lines_of_a_derivation_are_steps() -> None:
    assert cut("2x + 3 = 7\n2x = 4  \nx = 2 as wanted") == [
        "2x + 3 = 7",
        "2x = 4",
        "x = 2 as wanted",
    ]


@pytest.mark.parametrize(
    "block",
    [
        "```python\nx = 1. \n\nY = 2\n```",
        "$$\nx = 5. So Y\n$$",
        "\\[ a. B \\]",
        "\\begin{align*}a &= 1. \\\\\nB &= 2.\n\\end{align*}",
        "| a | b |\n|---|---|\n| One. Two | 2 |",
    ],
)
def test_code_formulas_and_tables_are_kept_whole(block: str) -> None:
    assert cut(f"Look here.\n{block}\nThat was it.") == ["Look here.", block, "That was it."]


def test_a_sentence_leads_up_to_its_formula() -> None:
    assert cut("We get\n$$x = 1$$\nwhich is fine.\nSo:\n```\ncode\n```") == [
        "We get\n$$x = 1$$\nwhich is fine.",
        "So:\n```\ncode\n```",
    ]


def test_a_formula_that_is_never_closed_hides_nothing() -> None:
    assert cut("Costs $$ here. Then more.\n\nAnd \\[ x. Then the end.") == [
        "Costs $$ here.",
        "Then more.",
        "And \\[ x.",
        "Then the end.",
    ]


def test_a_fence_that_is_never_closed_ends_with_its_paragraph() -> None:
    assert cut("Code:\n```\na. B\n\nAfter it. The end.") == [
        "Code:\n```\na. B",
        "After it.",
        "The end.",
    ]


def test_think_tags_join_what_they_enclose() -> None:
    assert cut("<think>\nOkay, so.\nHmm, wait.\n</think>\n\nThe answer is 4.") == [
        "<think>\nOkay, so.",
        "Hmm, wait.\n</think>",
        "The answer is 4.",
    ]
    assert cut("<think>\n\n</think>\n\nThe answer.") == ["<think>\n\n</think>\n\nThe answer."]
    assert cut("Reasoning.</think>The answer.") == ["Reasoning.</think>", "The answer."]


def test_wide_punctuation_needs_no_space() -> None:
    assert cut("这是第一句话。这是第二句话！") == ["这是第一句话。", "这是第二句话！"]


@pytest.mark.parametrize(
    "hostile",
    [
        "\\[" * 100_000,
        "\\[" * 50_000 + "\n\n\\]",
        "$$ \n\n" * 40_000,
        "`" * 200_000,
        ("|" * 50 + "\n") * 4_000,
        "\\begin{align}" * 15_000,
        "\n" + "-" * 200_000,
        "\n1" * 100_000,
        "." + ")" * 200_000,
        ".)" * 100_000,
        ". " * 100_000,
        "." + " " * 200_000 + "x",
        "\n<think>\n" * 20_000,
        "a" * 200_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_hostile_text_is_cut_without_losing_any_of_it(hostile: str) -> None:
    # a rule that is quadratic in the text would take minutes for each of these
    assert "".join("".join(cut(hostile)).split()) == "".join(hostile.split())
