"""Texts that begin alike, laid out so that no token is computed twice.

Owns the packing: sequences of token ids go into a trie, whose nodes are laid out one after another
as one long sequence, and a plan says which of them each node may look at. The transformer then runs
once over the layout: its matrix products see one dense batch without padding, and attention is
computed block by block over exactly the keys that a sequence of its own would have. So the result
is that of separate passes, up to the order in which sums run. Knows numpy, no model and no text.

The trie is kept as *paths*: the first sequence is one path; a later one follows the paths that are
there as far as it agrees with them and adds the rest as a path that branches off. A trace after its
prompt, with the answer tried behind every step, is one long path with many short ones.

Attention runs by `Block`: some rows of the layout (queries) over some ranges of it (keys).

- A path on its own is causal over itself; no mask.
- A path that branches off looks at the paths before it as far as the branching point, and causally
  at itself: the lower right of a staircase. Long ones go in blocks of `ROWS` rows, so that no mask
  grows with the square of a trace's length.
- Short paths that hang on the same long one go together, under a mask of their own.

Method: a tree mask over packed sequences, as in speculative decoding (https://arxiv.org/abs/2305.09781);
splitting by paths instead of a full mask is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

ROWS = 128
"""Queries of a block at most; a mask holds at most so many rows."""

SHORT = 64
"""Paths up to this many tokens go together with others on the same trunk."""

GROUPED_ROWS = 128
"""Rows of such a group at most: it looks at all keys that any of its paths does."""

Ints = npt.NDArray[np.int64]


class Request(NamedTuple):
    """A sequence, and which of it is scored."""

    ids: Sequence[int] | npt.NDArray[np.int64]
    first: int
    """Index of the first scored token, at least 1; all from here on are scored."""
    is_full: bool = True
    """Rank, entropy and opener mass too, or the log-likelihood alone, which is cheaper."""
    keeps: int | None = None
    """The student's whole distribution where this scored token (0 = the first) is predicted."""
    stop: int | None = None
    """Index behind the last scored token; None = the sequence's end."""

    @property
    def last(self) -> int:
        """Index behind the last scored token."""
        return len(self.ids) if self.stop is None else self.stop


class Block(NamedTuple):
    """Attention of some rows: `layout[start:stop]` looks at `layout[a:b]` for each key range."""

    start: int
    stop: int
    keys: tuple[tuple[int, int], ...]
    mask: npt.NDArray[np.bool_] | None
    """What each row may see (rows, keys); None where the last key is that of the last row and
    each row before it sees one key less: the lower right of a staircase."""

    @property
    def n_keys(self) -> int:
        """How many keys the block looks at."""
        return sum(b - a for a, b in self.keys)


class Layout(NamedTuple):
    """Sequences laid out as one."""

    ids: Ints
    """Token ids, each node of the trie once."""
    position: Ints
    """Of each: how many tokens precede it in its own sequence."""
    where: list[Ints]
    """Of each sequence: where its tokens stand in the layout."""
    blocks: list[Block]
    """Every row of the layout is in exactly one."""

    @property
    def n_pairs(self) -> int:
        """Pairs of a token and one it must see (or itself): the arithmetic attention needs."""
        return int(self.position.sum()) + len(self.position)


class _Path:
    """A run of tokens that branches off `parent` after `offset` of its tokens."""

    def __init__(self, parent: _Path | None, offset: int, ids: npt.NDArray[np.int64]) -> None:
        self.parent = parent
        self.offset = offset
        self.ids = ids
        self.depth: int = 0 if parent is None else parent.depth + offset
        self.children: dict[tuple[int, int], _Path] = {}
        self.start = -1

    @property
    def is_short(self) -> bool:
        """Whether it goes together with others like it."""
        return self.parent is not None and self.ids.size <= SHORT

    @property
    def trunk(self) -> _Path:
        """The nearest path before it that is not short; of one without any before it, itself."""
        path = self
        while path.parent is not None:
            path = path.parent
            if not path.is_short:
                break
        return path

    def keys(self) -> list[tuple[int, int]]:
        """The layout's ranges before this path that it looks at, from the root on."""
        if self.parent is None:
            return []
        return [*self.parent.keys(), (self.parent.start, self.parent.start + self.offset)]


class Trie:
    """Sequences, kept with what they share."""

    def __init__(self) -> None:
        self._roots: dict[int, _Path] = {}
        self._paths: list[_Path] = []
        self._chains: list[list[tuple[_Path, int]]] = []
        self.n_tokens = 0
        """Tokens that will be computed: the trie's nodes."""

    def __len__(self) -> int:
        """How many sequences were added."""
        return len(self._chains)

    def add(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> int:
        """Add a sequence of at least one token; how many tokens were new."""
        sequence = np.asarray(ids, dtype=np.int64)
        if sequence.ndim != 1 or not sequence.size:
            raise ValueError(f"a sequence of at least one token is needed; got {sequence.shape}")
        path = self._roots.get(int(sequence[0]))
        chain: list[tuple[_Path, int]] = []
        at = 0
        while path is not None:
            own = path.ids
            n = min(own.size, sequence.size - at)
            differs = np.flatnonzero(own[:n] != sequence[at : at + n])
            agreed = int(differs[0]) if differs.size else n
            chain.append((path, agreed))
            at += agreed
            if at == sequence.size:
                self._chains.append(chain)
                return 0
            path = path.children.get((agreed, int(sequence[at])))
        parent, offset = chain[-1] if chain else (None, 0)
        new = _Path(parent, offset, sequence[at:])
        if parent is None:
            self._roots[int(sequence[0])] = new
        else:
            parent.children[offset, int(sequence[at])] = new
        self._paths.append(new)
        self._chains.append([*chain, (new, new.ids.size)])
        self.n_tokens += new.ids.size
        return new.ids.size

    def n_new(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> int:
        """How many tokens `add` would find new."""
        sequence = np.asarray(ids, dtype=np.int64)
        path = self._roots.get(int(sequence[0]))
        at = 0
        while path is not None and at < sequence.size:
            n = min(path.ids.size, sequence.size - at)
            differs = np.flatnonzero(path.ids[:n] != sequence[at : at + n])
            agreed = int(differs[0]) if differs.size else n
            at += agreed
            path = path.children.get((agreed, int(sequence[at]))) if at < sequence.size else None
        return int(sequence.size - at)

    def layout(self) -> Layout:
        """The sequences laid out; at least one must have been added."""
        order = self._in_order()
        at = 0
        for path in order:
            path.start = at
            at += path.ids.size
        return Layout(
            ids=np.concatenate([path.ids for path in order]),
            position=np.concatenate(
                [np.arange(path.depth, path.depth + path.ids.size) for path in order]
            ),
            where=[
                np.concatenate([np.arange(p.start, p.start + n) for p, n in chain])
                for chain in self._chains
            ],
            blocks=[block for group in _groups(order) for block in _blocks(group)],
        )

    def _in_order(self) -> list[_Path]:
        """Parents before children; behind each long path the short ones that hang on it."""
        children: dict[int, list[_Path]] = {}
        for path in self._paths:
            children.setdefault(id(path.parent), []).append(path)
        for siblings in children.values():
            siblings.sort(key=lambda path: path.offset)
        order: list[_Path] = []
        long = [*reversed(children[id(None)])]
        while long:
            path = long.pop()
            order.append(path)
            short = [*reversed(children.get(id(path), ()))]
            later: list[_Path] = []
            while short:
                path = short.pop()
                if path.is_short:
                    order.append(path)
                    short += reversed(children.get(id(path), ()))
                else:
                    later.append(path)
            long += reversed(later)
        return order


def _groups(order: list[_Path]) -> list[list[_Path]]:
    """Paths that share a block: short ones of one trunk, about `GROUPED_ROWS` rows of them."""
    groups: list[list[_Path]] = []
    for path in order:
        last = groups[-1] if groups else []
        if last and path.is_short and last[-1].is_short and path.trunk is last[-1].trunk:
            # A path and what branches off it stay together.
            is_nested = path.parent is not path.trunk
            if is_nested or sum(p.ids.size for p in last) + path.ids.size <= GROUPED_ROWS:
                last.append(path)
                continue
        groups.append([path])
    return groups


def _blocks(group: list[_Path]) -> list[Block]:
    """The attention of a group of paths."""
    first = group[0]
    stop = group[-1].start + group[-1].ids.size
    before = first.keys()
    if len(group) == 1:
        if first.parent is None:
            return [Block(first.start, stop, ((first.start, stop),), None)]
        return [
            Block(a, min(a + ROWS, stop), (*before, (first.start, min(a + ROWS, stop))), None)
            for a in range(first.start, stop, ROWS)
        ]
    trunk = first.trunk
    reach = max(path.offset for path in group if path.parent is trunk)
    keys = (*before[:-1], (trunk.start, trunk.start + reach), (first.start, stop))
    n_before = sum(b - a for a, b in before[:-1])
    n_seen = n_before + reach
    mask = np.zeros((stop - first.start, n_seen + stop - first.start), dtype=np.bool_)
    for path in group:
        rows = slice(path.start - first.start, path.start - first.start + path.ids.size)
        if path.parent is trunk:
            mask[rows, : n_before + path.offset] = True
        elif path.parent is not None:
            # What the token sees behind which this path branches off.
            mask[rows] = mask[path.parent.start - first.start + path.offset - 1]
        own = slice(n_seen + rows.start, n_seen + rows.stop)
        mask[rows, own] = np.tri(path.ids.size, dtype=np.bool_)
    return [Block(first.start, stop, keys, mask)]
