"""A document as one HTML file that opens offline: no script, no request, style and figures inside.

Its own content-security policy forbids every request, should an escape ever fail. Light and dark
follow the reader's system; print is always light. Each text stands isolated (`unicode-bidi`), so
that a name in another writing direction cannot turn what stands beside it.
"""

from __future__ import annotations

import html
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
from curation.reporting.svg import STYLE as FIGURE_STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff;
  --line: #d0d7de; --band: #f4f6f8; --link: #0a58a8; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #a4adb6; --paper: #16181c; --line: #3a4149; --band: #1f2329;
    --link: #7fb7f2; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
p { margin: .6rem 0; max-width: 46rem; }
li { margin: .2rem 0; max-width: 46rem; }
.dated { color: var(--soft); margin-top: 0; }
.note { padding: .5rem .8rem; border-left: 3px solid var(--line); background: var(--band);
  max-width: 46rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 .35rem; }
th, td { padding: .3rem .65rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; unicode-bidi: isolate; overflow-wrap: break-word; max-width: 24rem; }
thead th { border-bottom: 2px solid var(--line); vertical-align: bottom; font-weight: 600; }
tbody th { font-weight: 400; }
.n { text-align: right; }
td.n, td.s, tbody th { white-space: nowrap; }
tbody th.l { white-space: normal; min-width: 8rem; }
p, li, caption, figcaption, h1, h2 { unicode-bidi: isolate; overflow-wrap: break-word; }
pre { padding: .7rem .9rem; background: var(--band); border: 1px solid var(--line);
  border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
figure { margin: 1.25rem 0; break-inside: avoid; }
figcaption { color: var(--soft); font-size: .85rem; max-width: 46rem; }
a { color: var(--link); }
@media print {
  @page { margin: 16mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
  table { font-size: 7.5pt; }
  th, td { padding: .15rem .35rem; }
  td.n, td.s, tbody th { white-space: normal; }
  .wide { overflow: visible; }
}
"""


def render(document: Document) -> str:
    """The HTML file's text, ending in a line break."""
    title, dated = escaped(document.title), escaped(document.dated)
    body = [f"<h1>{title}</h1>", f'<p class="dated">{dated}</p>']
    for section in document.sections:
        body.append(f"<section>\n<h2>{escaped(section.title)}</h2>")
        body += [_RENDER[type(block)](block) for block in section.blocks]
        body.append("</section>")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}{FIGURE_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def escaped(text: str) -> str:
    """`text` for an element or a quoted attribute, on one line."""
    return html.escape(plain(text))


def _paragraph(block: Paragraph) -> str:
    attribute = ' class="note"' if block.is_note else ""
    return f"<p{attribute}>{escaped(block.text)}</p>"


def _list(block: List) -> str:
    return "<ul>" + "".join(f"<li>{escaped(item)}</li>" for item in block.items) + "</ul>"


def _table(block: Table) -> str:
    kinds = [_kind(block, i) for i in range(len(block.columns))]
    head = "".join(
        f'<th scope="col"{kind}>{escaped(name)}</th>'
        for kind, name in zip(kinds, block.columns, strict=True)
    )
    rows = []
    for row in block.rows:
        cells = [f"<td{k}>{escaped(c)}</td>" for k, c in zip(kinds, row, strict=True)]
        cells[0] = f'<th scope="row"{kinds[0]}>{escaped(row[0])}</th>'
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption>{escaped(block.caption)}</caption>" if block.caption else ""
    body = "\n".join(rows)
    return (
        f'<div class="wide" tabindex="0"><table>{caption}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


_SHORT_CHARS = 24


def _kind(block: Table, place: int) -> str:
    """How a column stands: numbers right, short words on one line, long ones as they fall."""
    if block.is_numeric(place):
        return ' class="n"'
    longest = max((len(row[place]) for row in block.rows), default=0)
    return ' class="s"' if longest <= _SHORT_CHARS else ' class="l"'


def _code(block: Code) -> str:
    lines = "\n".join(escaped(line) for line in block.lines)
    return f"<pre><code>{lines}</code></pre>"


def _links(block: Links) -> str:
    items = "".join(
        f'<li><a href="{html.escape(link.address)}" rel="noreferrer">{escaped(link.text)}</a></li>'
        for link in block.links
    )
    return f"<ul>{items}</ul>"


def _figure(block: Figure) -> str:
    return f"<figure>\n{block.svg}\n<figcaption>{escaped(block.alt)}</figcaption>\n</figure>"


_RENDER: dict[type[Block], Callable[[Any], str]] = {
    Paragraph: _paragraph, List: _list, Table: _table, Code: _code, Links: _links, Figure: _figure,
}  # fmt: skip
