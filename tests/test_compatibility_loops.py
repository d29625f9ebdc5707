from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility.loops import MIN_TIMES, longest_loop, repeated_share

words = st.lists(st.sampled_from(["so", "the", "Sum", "is", "4", ",", ".", "\n"]), max_size=60)
SENTENCE = "Wait, let me check that again. "


def test_the_share_of_repeated_runs_by_hand() -> None:
    # Pairs of "a b a b a b": ab ba ab ba ab: 5 runs, 2 distinct: 1 - 2/5
    assert repeated_share("a b a b a b", n=2) == pytest.approx(0.6)
    # Six words said twice: 7 runs of six words, the first and the last are equal: 1 - 6/7
    assert repeated_share("One two three four, five six. ONE two three four five six!") == (
        pytest.approx(1 / 7)
    )
    assert repeated_share("too short to repeat") == 0.0
    with pytest.raises(ValueError, match="at least one word"):
        repeated_share("", n=0)


def test_a_block_three_times_in_a_row_is_a_loop() -> None:
    text = "It is 4. " + SENTENCE * 3 + "Done."
    got = longest_loop(text)
    assert got is not None
    assert text[got.start : got.end] == (SENTENCE * 3).strip()
    assert got.n_times == 3


def test_twice_is_a_restatement() -> None:
    assert longest_loop("It is 4. " + SENTENCE * 2 + "Done.") is None


def test_a_copy_cut_off_in_the_middle_does_not_count() -> None:
    text = SENTENCE * 4 + "Wait, let me"
    got = longest_loop(text)
    assert got is not None
    assert got.n_times == 4
    assert got.end == len((SENTENCE * 4).strip())


def test_long_blocks_are_found_by_lines() -> None:
    paragraph = "".join(
        f"Line {i} says that case {i} holds, and so on and so forth.\n" for i in range(20)
    )
    text = "Begin.\n" + paragraph * 3
    got = longest_loop(text)
    assert got is not None
    assert text[got.start : got.end] == (paragraph * 3).strip()
    assert got.n_times == 3


def test_of_two_loops_the_longer_one_is_given() -> None:
    text = SENTENCE * 3 + "But no. " + "I must try once more. " * 9
    got = longest_loop(text)
    assert got is not None
    assert text[got.start :].startswith("I must try")
    assert got.n_times == 9


@pytest.mark.parametrize(
    "text",
    [
        "x + x + x + x",
        "| 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |",
        "0 0 0 0\n0 0 0 0\n0 0 0 0\n",
        "-" * 79,
        "",
        "\n" * 500,
    ],
)
def test_sums_tables_and_ornaments_are_no_loops(text: str) -> None:
    assert longest_loop(text) is None


def test_digits_that_never_end_are_a_loop() -> None:
    got = longest_loop("1 / 3 = 0." + " 3" * 300)
    assert got is not None
    assert got.n_times == 300


def test_scripts_without_spaces_loop_too() -> None:
    got = longest_loop("答案是四。" * 10)
    assert got is not None
    assert got.n_times == 10


@pytest.mark.parametrize("text", [" " * 1_000_000, "wait " * 200_000, "a" * 1_000_000])
def test_a_megabyte_of_one_thing_comes_to_an_end(text: str) -> None:
    assert (longest_loop(text) is not None) == text.startswith("wait")


@given(words)
def test_a_loop_lies_in_the_text_and_a_share_between_none_and_all(drawn: list[str]) -> None:
    text = " ".join(drawn)
    assert 0.0 <= repeated_share(text, 2) < 1.0
    got = longest_loop(text)
    if got is not None:
        assert 0 <= got.start < got.end <= len(text)
        assert got.n_times >= MIN_TIMES


@given(
    st.lists(st.sampled_from(["one", "two", "three"]), min_size=1, max_size=10), st.integers(15, 20)
)
def test_whatever_is_said_often_is_found(block: list[str], times: int) -> None:
    text = (" ".join(block) + " ") * times
    got = longest_loop(text)
    assert got is not None
    assert (got.start, got.end) == (0, len(text) - 1)
    assert got.n_times >= times
