from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility import shortcuts as room
from curation.compatibility.endings import truncation

PROMPT = "A shop sells 17 boxes of 23 pens. How many pens is that?"
PROSE = "We start here. It is plain. Nothing is hard. "

texts = st.text(alphabet="ab 4.2\n\\[]{}<>/think`boxedswr:=", max_size=200)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<think>\nI add.", "<think> without </think>"),
        ("Code:\n```python\nprint(1)\n", "a code fence"),
        (r"So \boxed{\frac{1}{2}", r"\boxed{"),
        (r"Then \[ x + 1 ", r"\[ without \]"),
        (r"\begin{align} x", r"\begin without \end"),
        ("We get x =", "it ends on '='"),
        ("First, second,", "it ends on ','"),
        ("The reason is that this is because", "on 'because'"),
        (
            PROSE + "Now the long last sentence goes on and on about all the many small things",
            "has no end",
        ),
    ],
)
def test_a_cut_off_ending_is_seen_and_named(text: str, says: str) -> None:
    why = truncation(text)
    assert why is not None
    assert says in why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<think>\nI add.\n</think>\n\nIt is 4.",
        "```python\nprint(1)\n```",
        r"So \boxed{\frac{1}{2}}",
        r"So \boxed{\{1, 2\}}",
        r"\begin{cases} a \\[2pt] b \end{cases}",
        "Answer: 42",
        "Answer: x + a",
        "The answer is blue",
        "**42**",
        "It is so.\n\n---",
        "| a | b |",
        PROSE + "\n- the long last item goes on and on about all the many small things",
        "答案是四。",
    ],
)
def test_a_complete_ending_is_left_alone(text: str) -> None:
    assert truncation(text) is None


def test_answers_are_counted_after_the_first_statement() -> None:
    text = r"The answer is 42. So, answer: 42. Finally the answer is \boxed{42}. I like 42."
    assert room.n_answer_repetitions(text, "42") == 2
    assert room.n_answer_repetitions(text) >= 0
    assert room.n_answer_repetitions("The answer is 7. No, the answer is 42.", "42") == 0
    assert room.n_answer_repetitions("The answer is 7.\nNo, the answer is 42.") == 1
    assert room.n_answer_repetitions("", "42") == 0
    assert room.n_answer_repetitions("The answer is 420. The answer is 4.2.", "42") == 0


def skipped(*steps: str, prompt: str = PROMPT) -> tuple[int, ...]:
    text = " ".join(steps)
    starts, at = [], 0
    for step in steps:
        starts.append(at)
        at += len(step) + 1
    return room.skipped_computations(
        text, prompt, starts, [s + len(t) for s, t in zip(starts, steps, strict=True)]
    )


def test_a_result_that_nobody_computed_is_a_skipped_step() -> None:
    assert skipped("This is an easy one.", "So the shop has 391 pens.") == (1,)


def test_work_in_the_step_or_the_one_before_is_no_skip() -> None:
    assert skipped("17 × 23 is what we want.", "So it is 391.") == ()
    assert skipped("I multiply them.", "So it is 391.") == ()
    assert skipped("Easy.", "There are 17 boxes, 23 pens in one, so 391.") == ()
    assert skipped("Easy.", "So 17 times 23 gives 391.") == ()


def test_numbers_that_were_there_before_are_no_skip() -> None:
    assert skipped("Easy.", "So we have 17 boxes, 23 pens.") == ()
    # Only the first mention of 391 is a skip.
    assert skipped("Easy.", "So 391.", "Good.", "The answer: 391.0.") == (1,)


def test_prompts_that_ask_for_no_number_are_not_looked_at() -> None:
    assert skipped("Easy.", "So 391.", prompt="Why do 17 and 23 matter to Ann?") == ()
    assert skipped("Easy.", "So 391.", prompt="How many pens are there?") == ()


LONG = "It is " + "a plain matter that needs no words at all " * 6


@pytest.mark.parametrize(
    ("text", "answer", "prompt", "found"),
    [
        ("It is 391. " + LONG, "391", PROMPT, "strong"),
        ("I see 17 × 23 here: 391. " + LONG, "391", PROMPT, None),  # derived first
        (LONG + "It is 391.", "391", PROMPT, None),  # late
        ("It is 23. " + LONG, "23", PROMPT, None),  # stands in the prompt
        ("It is 4. " + LONG, "4", PROMPT, None),  # one character
        ("It is 391. " + LONG, None, PROMPT, None),
        ("It is 391. " + LONG, "391", "Prove it.", None),
        ("It is 1,391. " + LONG, "1391", PROMPT, "strong"),
        ("It is 3910. " + LONG, "391", PROMPT, None),
    ],
)
def test_an_answer_before_any_derivation(
    text: str, answer: str | None, prompt: str, found: str | None
) -> None:
    assert room.answer_before_derivation(text, answer, prompt) == found


def test_an_early_answer_with_forty_words_before_it_is_less_strong() -> None:
    # 6 · 9 + 2 = 56 words before it, and five times as much after it
    assert room.answer_before_derivation(LONG + "It is 391. " + LONG * 5, "391") == "early"


def test_all_signs_of_one_trace() -> None:
    text = "It is 391. The answer is 391. " + "Wait, the answer is 391. " * 5 + "Wait, the"
    got = room.find_shortcuts(text, prompt=PROMPT, answer="391", step_start=[0], step_end=[10])
    assert got.loop is not None
    assert text[got.loop.start : got.loop.start + 11] == "The answer "
    assert got.loop.n_times == 6
    assert got.n_answer_repetitions == 5
    assert (got.is_truncated, got.early_answer, got.skipped_steps) == (True, "strong", ())
    # Words: 3 + 4 + 5 · 5 + 2 = 34, so 29 runs of six. Those from the words 0 to 7 are new; the run
    # from word 8, "the answer is 391 wait the", stood at word 3, and so on: 29 - 8 = 21.
    assert got.repeated_share == pytest.approx(21 / 29)


@given(texts, st.one_of(st.none(), st.text(alphabet="42ab. ", max_size=4)))
def test_any_text_has_its_signs(text: str, answer: str | None) -> None:
    got = room.find_shortcuts(
        text, prompt=PROMPT, answer=answer, step_start=[0], step_end=[len(text)]
    )
    assert got.is_truncated == (got.truncated_why is not None)
    assert 0 <= got.repeated_share < 1
    assert got.n_answer_repetitions >= 0


@given(texts)
def test_space_behind_a_text_does_not_cut_it_off(text: str) -> None:
    assert truncation(text) == truncation(text + "\n \n")
