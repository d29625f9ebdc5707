"""What a report is made of, before it is HTML or Markdown.

Every `str` here is text: nothing in it is markup, whoever wrote it. A `Link`'s address alone is
used as one, and has to begin with https://.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

_NUMBER = re.compile(r"[−+]?[\d.,∞]+ ?%?|–|")


@dataclass(frozen=True)
class Paragraph:
    """Running text; `is_note` sets it apart as a remark."""

    text: str
    is_note: bool = False


@dataclass(frozen=True)
class List:
    """Sentences, one an item."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of texts, `rows` as wide as `columns`; numbers are already written as they read."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.caption!r} is not as wide as its columns")

    def is_numeric(self, place: int) -> bool:
        """Whether every cell of a column is a number, or missing; such columns stand right."""
        return bool(self.rows) and all(_NUMBER.fullmatch(row[place]) for row in self.rows)


@dataclass(frozen=True)
class Code:
    """Lines to be typed as they are."""

    lines: tuple[str, ...]


class Link(NamedTuple):
    """A place to read on."""

    text: str
    address: str


@dataclass(frozen=True)
class Links:
    """Places to read on; raises ValueError for an address that is not https."""

    links: tuple[Link, ...]

    def __post_init__(self) -> None:
        for link in self.links:
            if not re.fullmatch(r"https://[\w./-]+", link.address, re.ASCII):
                raise ValueError(f"{link.address!r} is no plain https address")


@dataclass(frozen=True)
class Figure:
    """An SVG of `charts`, under a name that becomes its file's (`[a-z0-9-]+`)."""

    name: str
    title: str
    alt: str
    svg: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+", self.name):
            raise ValueError(f"{self.name!r} cannot name a figure's file")


Block = Paragraph | List | Table | Code | Links | Figure


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report. `dated` is its one line that is not derived from the rest."""

    title: str
    dated: str
    sections: tuple[Section, ...]

    def figures(self) -> tuple[Figure, ...]:
        """All figures, in order."""
        blocks = [block for section in self.sections for block in section.blocks]
        return tuple(block for block in blocks if isinstance(block, Figure))


_JOINERS = "\u200c\u200d"
"""Not printable by Python's rule, but part of words in some scripts."""


def plain(text: str) -> str:
    """`text` on one line, with all that is not printable shown by its code point."""
    one_line = " ".join(text.split())
    return "".join(c if c.isprintable() or c in _JOINERS else _code(c) for c in one_line)


def _code(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
