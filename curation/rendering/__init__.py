r"""Untrusted Markdown with LaTeX to HTML that only shows: nothing in it runs, leads or asks.

`render` is the one place where a trace's text becomes markup, in three steps that each suffice
alone: Markdown in which raw HTML is text (markdown-it), formulas rebuilt element by element as
MathML (`formulas`), and at the end a sanitiser with an allow-list (nh3). What comes out has no
address anywhere: an image is its alt text, a link is its text with the address written behind it,
and there is no style, id, handler or class but the few of `CLASSES`, which are ours. The browser
copies the result element by element through the same lists once more (desk/rendered.js).

A formula stands between `$…$`, `$$…$$`, `\(…\)`, `\[…\]` or in one of LaTeX's display
environments; one that cannot be converted stands as its source. `$` before prose is money: "costs
$5 and $6" holds no formula. A line's end is a line's end. Nothing may hide: what Markdown would
leave out (a link's definition, what nests too deep) is shown as it is written.

Knows nothing of traces, steps or screens. Sources: CommonMark 0.31; MathML Core (W3C).
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin

from curation.rendering import formulas
from curation.rendering.delimiters import brackets_plugin

__all__ = ["ATTRIBUTES", "CLASSES", "MATHML", "MAX_CHARS", "TAGS", "render"]

MAX_CHARS = 60_000
"""Texts above this length are not rendered."""

CLASSES = frozenset(("address", "boxed", "display", "heading", "image", "left", "right", "source"))
"""The classes that a rendering may have; none of them comes from the text."""
ATTRIBUTES = {**formulas.ATTRIBUTES, "ol": ("start",)}
"""The attributes that an element of a rendering may have beside `class`."""
MATHML = frozenset(formulas.TAGS)
TAGS = MATHML | frozenset(
    (
        "blockquote", "br", "code", "div", "em", "hr", "li", "ol", "p", "pre", "s", "span",
        "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
    )
)  # fmt: skip
"""The elements that a rendering may have."""

_MAX_NESTING = 60
_SURROGATE = re.compile("[\ud800-\udfff\0]")
_PROSE = re.compile(r"\d[\d.,]*(?:[kKmM]|bn)?(?:[-–/+,.;:]?\s+|[-–/+])(?:[A-Za-z]{2,}|[–-])")
"""How money goes on where a formula would have a sign: "5 and ", "10 per", "5 - "."""

_sanitiser = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags={"script", "style"},
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    allowed_classes={tag: set(CLASSES) for tag in ("code", "div", "mrow", "mtd", "p", "span")},
    link_rel=None,
    url_schemes=set(),
    url_relative="deny",
)


def render(text: str) -> str:
    """`text` as sanitised HTML (elements of `TAGS`). Raises ValueError above `MAX_CHARS`."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"{len(text):,} characters; up to {MAX_CHARS:,} are rendered")
    whole = _SURROGATE.sub("\ufffd", text)
    env: dict[str, Any] = {}
    tokens = _markdown.parse(whole, env)
    if any(token.level >= _MAX_NESTING - 2 for token in tokens):
        return f"<pre>{escapeHtml(whole)}</pre>"  # deeper, the reader would leave text out
    return _sanitiser.clean(_markdown.renderer.render(tokens, _markdown.options, env))


def _formula(display: bool) -> Any:
    def rule(
        _self: RendererHTML,
        tokens: Sequence[Token],
        at: int,
        _options: OptionsDict,
        _env: MutableMapping[str, Any],
    ) -> str:
        token = tokens[at]
        if token.markup == "$" and _PROSE.match(token.content):
            return escapeHtml(f"${token.content}$")
        found = formulas.to_mathml(token.content, display=display)
        if found is None:
            source = f'<code class="source">{escapeHtml(_as_written(token))}</code>'
            return f"<p>{source}</p>\n" if token.block else source
        return f'<div class="display">{found}</div>\n' if token.block else found

    return rule


def _as_written(token: Token) -> str:
    """A formula's source with what stood around it."""
    closing = {"\\(": "\\)", "\\[": "\\]", "": ""}.get(token.markup, token.markup)
    return f"{token.markup}{token.content}{closing}"


def _link_open(
    _self: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    _options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    link = tokens[at]
    said = [str(link.attrGet(name)) for name in ("href", "title") if link.attrGet(name)]
    env.setdefault("links", []).append(", ".join(said))
    return ""


def _link_close(
    _self: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    _options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    """The address behind the link's text, unless that is the address itself (`<https://…>`)."""
    address = env["links"].pop()
    if tokens[at].info == "auto":
        return ""
    return f' <span class="address">({escapeHtml(address)})</span>'


def _image(
    _self: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    alt = _markdown.renderer.renderInlineAsText(tokens[at].children or [], options, env)  # type: ignore[attr-defined]
    return f'<span class="image">{escapeHtml(alt.strip() or "image")}</span>'


def _made() -> MarkdownIt:
    """The Markdown reader: CommonMark, tables and strike-through; raw HTML is text."""
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": _MAX_NESTING})
    made.enable(["table", "strikethrough"]).disable(
        ["html_block", "html_inline", "code", "reference"]
    )
    made.use(
        dollarmath_plugin,
        allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False,
        double_inline=True,
    ).use(brackets_plugin)  # fmt: skip
    for name in ("math_inline", "math_inline_double", "math_block"):
        made.add_render_rule(name, _formula(display=name != "math_inline"))
    for level in ("heading_open", "heading_close"):
        # A trace's headings are none of the page's.
        html = '<p class="heading">' if level == "heading_open" else "</p>\n"
        made.add_render_rule(level, lambda *_, html=html: html)
    made.add_render_rule("link_open", _link_open)
    made.add_render_rule("link_close", _link_close)
    made.add_render_rule("image", _image)
    return made


_markdown = _made()
