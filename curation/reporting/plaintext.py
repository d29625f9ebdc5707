"""A document as Markdown (CommonMark with pipe tables), figures as files in `figures/`.

Text is escaped so that any Markdown reader shows it letter by letter: every character that can
begin markup carries a backslash, and bare addresses are broken up so that nothing becomes a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from curation.reporting.document import (
    Block,
    Code,
    Document,
    Figure,
    Links,
    List,
    Paragraph,
    Table,
    plain,
)

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!&~$^@])")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(:)|\b(www)(\.)")
_BEGINS = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")


def render(document: Document) -> str:
    """The Markdown, ending in a line break."""
    parts = [f"# {escaped(document.title)}", escaped(document.dated)]
    for section in document.sections:
        parts.append(f"## {escaped(section.title)}")
        parts += [_RENDER[type(block)](block) for block in section.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """`text` as Markdown that reads as `text`, on one line."""
    safe = _MARKUP.sub(r"\\\1", plain(text))
    safe = _ADDRESS.sub(lambda m: f"{m[1] or m[3]}\\{m[2] or m[4]}", safe)
    return _BEGINS.sub(lambda m: f"\\{m[1]}" if not m[1].isdigit() else f"{m[1]}\\", safe)


def _paragraph(block: Paragraph) -> str:
    return f"> {escaped(block.text)}" if block.is_note else escaped(block.text)


def _list(block: List) -> str:
    return "\n".join(f"- {escaped(item)}" for item in block.items)


def _table(block: Table) -> str:
    rule = ["---:" if block.is_numeric(i) else "---" for i in range(len(block.columns))]
    rows = [list(map(escaped, block.columns)), rule, *[list(map(escaped, r)) for r in block.rows]]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{escaped(block.caption)}\n\n{lines}" if block.caption else lines


def _code(block: Code) -> str:
    text = "\n".join(map(plain, block.lines))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _links(block: Links) -> str:
    return "\n".join(f"- [{escaped(link.text)}](<{link.address}>)" for link in block.links)


def _figure(block: Figure) -> str:
    return f"![{escaped(block.alt)}](figures/{block.name}.svg)"


_RENDER: dict[type[Block], Callable[[Any], str]] = {
    Paragraph: _paragraph, List: _list, Table: _table, Code: _code, Links: _links, Figure: _figure,
}  # fmt: skip
