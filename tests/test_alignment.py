"""Steps that answer each other: monotone, mutual, and nothing where nothing is alike."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from curation.alignment import LEAST, linked_steps

STEPS = st.lists(st.sampled_from(["a b", "a c d", "x y z", "b", "…", "A, b!"]), max_size=7)


def test_steps_link_where_their_words_are_alike() -> None:
    left = ["Let n be even.", "Then n = 2k.", "So n² is even."]
    right = ["Put n = 2k, n even.", "I check n = 4.", "So the square n² is even."]
    # {let, n, be, even} and {put, n, 2k, even}: 2·2/8 = 0.5; {then, n, 2k} with it 2·2/7 = 0.57,
    # and with {i, check, n, 4} 2·1/7 = 0.29; the last two steps share {so, n², is, even} of 4 and
    # 6 words: 2·4/10 = 0.8. So 0.5 + 0.29 + 0.8 is more than 0.57 + 0.8.
    assert linked_steps(left, right) == [(0, 0), (1, 1), (2, 2)]
    # {a} and {a, b, c, d, e, f}: 2·1/7 = 0.29 links, with one word more 2·1/8 = 0.25 does still,
    # with two 2·1/9 = 0.22 does not.
    assert LEAST == 0.25
    assert linked_steps(["a"], ["a b c d e f g"]) == [(0, 0)]
    assert linked_steps(["a"], ["a b c d e f g h"]) == []


@given(STEPS, STEPS)
def test_links_never_cross_and_each_step_links_once(left: list[str], right: list[str]) -> None:
    links = linked_steps(left, right)
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(links))
    assert all(0 <= i < len(left) and 0 <= j < len(right) for i, j in links)
    assert not [i for i, _ in links if left[i] == "…"]


@given(st.lists(st.text("abc", min_size=1), max_size=8, unique=True))
def test_a_text_links_with_itself_step_by_step(steps: list[str]) -> None:
    assert linked_steps(steps, steps) == [(i, i) for i in range(len(steps))]
