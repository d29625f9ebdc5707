"""Sequences laid out as one: each token sees what it sees in its own sequence, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.student import tree
from curation.student.tree import Block, Layout, Trie

# Few symbols and long sequences, so that much is shared; some long enough to be cut in blocks.
SEQUENCES = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=12)
    | st.builds(
        lambda head, n, tail: [*head, *([1] * n), *tail],
        st.lists(st.integers(0, 1), min_size=1, max_size=3),
        st.integers(0, 40),
        st.lists(st.integers(0, 2), max_size=9),
    ),
    min_size=1,
    max_size=12,
)


def laid_out(sequences: list[list[int]]) -> Layout:
    trie = Trie()
    for sequence in sequences:
        trie.add(sequence)
    return trie.layout()


def seen(layout: Layout) -> list[list[int]]:
    """For each row of the layout, the rows that it attends to, as its block says."""
    rows: list[list[int]] = [[] for _ in layout.ids]
    for block in layout.blocks:
        keys = [key for a, b in block.keys for key in range(a, b)]
        n = block.stop - block.start
        for row in range(n):
            if block.mask is None:
                visible = keys[: len(keys) - (n - 1 - row)]
            else:
                visible = [key for key, sees in zip(keys, block.mask[row], strict=True) if sees]
            assert not rows[block.start + row], "a row stands in two blocks"
            rows[block.start + row] = visible
    return rows


@pytest.mark.parametrize(("rows", "short", "grouped"), [(512, 64, 128), (4, 3, 6), (5, 8, 4)])
@given(sequences=SEQUENCES)
def test_every_token_sees_its_own_sequence_as_far_as_itself(
    sequences: list[list[int]], rows: int, short: int, grouped: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "ROWS", rows)
        patch.setattr(tree, "SHORT", short)
        patch.setattr(tree, "GROUPED_ROWS", grouped)
        layout = laid_out(sequences)
        visible = seen(layout)
    for sequence, where in zip(sequences, layout.where, strict=True):
        assert layout.ids[where].tolist() == sequence
        assert layout.position[where].tolist() == list(range(len(sequence)))
        for at, row in enumerate(where.tolist()):
            assert sorted(visible[row]) == sorted(where[: at + 1].tolist())


@given(SEQUENCES)
def test_a_prefix_is_laid_out_once_and_added_in_any_order_costs_the_same(
    sequences: list[list[int]],
) -> None:
    nodes = {tuple(sequence[:n]) for sequence in sequences for n in range(1, len(sequence) + 1)}
    layout = laid_out(sequences)
    assert len(layout.ids) == len(nodes) == len(laid_out(sequences[::-1]).ids)
    assert layout.n_pairs == sum(len(node) for node in nodes)


@given(SEQUENCES)
def test_what_is_new_is_told_beforehand(sequences: list[list[int]]) -> None:
    trie = Trie()
    for sequence in sequences:
        told = trie.n_new(sequence)
        before = trie.n_tokens
        assert trie.add(sequence) == told == trie.n_tokens - before


def test_traces_of_one_prompt_share_it() -> None:
    # Prompt 7 8 9, traces 1 2 and 1 3 4: the nodes are 7 8 9 1 2 and 3 4.
    layout = laid_out([[7, 8, 9, 1, 2], [7, 8, 9, 1, 3, 4]])
    assert layout.ids.tolist() == [7, 8, 9, 1, 2, 3, 4]
    assert layout.position.tolist() == [0, 1, 2, 3, 4, 4, 5]
    assert layout.blocks == [
        Block(0, 5, ((0, 5),), None),
        Block(5, 7, ((0, 4), (5, 7)), None),
    ]


def test_probes_behind_every_step_of_a_long_trace_share_few_blocks() -> None:
    trace = list(range(1000))
    probes = [[*trace[:n], 5000, 5001, 5002 + n] for n in range(10, 1000, 10)]
    layout = laid_out([trace, *probes])
    assert len(layout.ids) == 1000 + 99 * 3
    # 297 rows of probes, at most 128 to a block: 42 paths of 3 are 126.
    assert [block.stop - block.start for block in layout.blocks] == [1000, 126, 126, 45]


def test_no_mask_grows_with_the_square_of_a_traces_length() -> None:
    layout = laid_out([[1, 2, 3], [1, 2, *range(10, 5010)]])
    assert all(block.mask is None for block in layout.blocks)
    assert max(block.stop - block.start for block in layout.blocks[1:]) == tree.ROWS


def test_an_empty_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        Trie().add(np.array([], dtype=np.int64))
