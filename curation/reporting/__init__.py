"""A report that can be sent to a colleague: HTML in one file, and Markdown with its figures beside.

Owns how a document looks and how it comes to disk; what stands in it is said by who builds it
(`Document`, of text that is not trusted). Knows nothing of stores, statistics or screens.

    document                 the parts: paragraphs, lists, tables, commands, figures, links
    hypertext.render         one HTML file: inline style and figures, no script, no request
    plaintext.render         Markdown, with `figures/NAME.svg` beside it
    charts                   static figures as SVG, from plain numbers
    writing                  files that carry the hash of their text, so that only what was written
                             by this room, and left as it was, is ever written over

Same document, same bytes. Every text is escaped for where it stands; what is not printable
(control characters, changes of the writing direction, lone surrogates) is shown by its code point.
"""

from __future__ import annotations

from curation.reporting.document import (
    Code,
    Document,
    Figure,
    Links,
    List,
    Paragraph,
    Section,
    Table,
    plain,
)
from curation.reporting.writing import check, files_of, write, zipped

__all__ = [
    "Code", "Document", "Figure", "Links", "List", "Paragraph", "Section", "Table", "check",
    "files_of", "plain", "write", "zipped",
]  # fmt: skip
