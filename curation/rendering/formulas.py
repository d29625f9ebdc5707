r"""LaTeX formulas to MathML, rebuilt element by element from what a converter makes of them.

`latex2mathml` knows the notation; what it writes is not trusted. Its tree is copied: elements of
`TAGS` with attributes of `ATTRIBUTES` whose values have a known form, texts escaped (its own
writer would leave `\text{<script>}` as it is, and `\href` and `\style` as attributes). What it did
not know, it leaves as a name with a backslash; such a formula, one that defines macros (they can
grow without bound) and one that is very long or deep has no MathML and is shown as its source.

MathML Core, which browsers draw, has no frames and no alignment of columns: `boxed`, `left` and
`right` are classes instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

MAX_FORMULA_CHARS = 4_000
MAX_DEPTH = 60

ENVIRONMENTS = frozenset(
    name + star
    for name in ("align", "alignat", "equation", "gather", "multline", "eqnarray")
    for star in ("", "*")
)
"""Environments that are a formula by themselves."""

TAGS = (
    "math", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mroot",
    "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr",
    "munder", "munderover",
)  # fmt: skip
ATTRIBUTES = {
    "math": ("display",),
    "mfrac": ("linethickness",),
    "mi": ("mathvariant",),
    "mo": ("accent", "fence", "form", "maxsize", "minsize", "separator", "stretchy"),
    "mover": ("accent",),
    "mpadded": ("width",),
    "mspace": ("width",),
    "mstyle": ("displaystyle", "scriptlevel"),
    "mtable": ("displaystyle",),
}

_VALUE = re.compile(
    r"true|false|block|inline|normal|prefix|infix|postfix|[0-3]|\d(?:\.\d{1,3})?(?:em|ex|px|pt)"
)
_BOXED = "menclose"
_DEFINES = re.compile(r"\\(?:re)?newcommand|\\def(?![a-z])|\\let(?![a-z])|\\DeclareMathOperator")
_ALIASES = (
    (re.compile(r"\\(begin|end)\{(?:align|aligned|split|alignedat|eqnarray\*?|alignat\*?)\}"),
     r"\\\1{align*}"),
    (re.compile(r"\\(begin|end)\{(?:gathered|gather\*?|multline\*?|equation\*?)\}"),
     r"\\\1{matrix}"),
    (re.compile(r"(?<=\\begin\{align\*\})\{\d\}"), ""),
    (re.compile(r"\\(?:nonumber|notag|label\{[^{}]*\}|displaylimits)(?![A-Za-z])"), ""),
    (re.compile(r"\\([dt])binom(?![A-Za-z])"), r"\\binom"),
)  # fmt: skip
"""What the converter does not know, in words that it knows."""
_APPLIED = frozenset("\u2061\u2062\u2063\u2064")
"""Operators without ink, which the desk would show as hidden characters."""


def to_mathml(source: str, *, display: bool) -> str | None:
    """The `<math>` element of a formula, or None where it has to stand as its source."""
    source = source.strip()
    if not source or len(source) > MAX_FORMULA_CHARS or _DEFINES.search(source):
        return None
    if _depth(source) > MAX_DEPTH:
        return None
    for pattern, known in _ALIASES:
        source = pattern.sub(known, source)
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(source)
        return "".join(_written(tree))
    except Exception:
        # A converter of untrusted text: besides its own errors, malformed formulas bring it to
        # IndexError, ValueError, RecursionError and others. Each means the same to a reader.
        return None


class _UnknownCommand(Exception):
    """The converter left a command, or an alignment mark, as it was."""


def _depth(source: str) -> int:
    r"""How deep braces, environments and `\left` stand in each other."""
    deepest = depth = 0
    for mark in re.finditer(r"\\[{}]|[{}]|\\(?:left|begin|right|end)(?![a-z])|[_^]", source):
        if mark[0] in ("{", "\\left", "\\begin"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark[0] in ("}", "\\right", "\\end"):
            depth -= 1
    return deepest


def _written(element: Element) -> Iterator[str]:
    """An element as markup, with all that is not listed left out."""
    tag, classes = element.tag, ""
    if tag == _BOXED:
        tag = "mrow"
        classes = ' class="boxed"' if element.get("notation") == "box" else ""
        if not classes:
            raise _UnknownCommand(element.get("notation"))
    if tag == "mtd" and element.get("columnalign") in ("left", "right"):
        classes = f' class="{element.get("columnalign")}"'
    text = unescape(element.text or "")
    if tag in ("mi", "mo", "mtext") and (re.match(r"\\[A-Za-z]", text) or text == "&"):
        raise _UnknownCommand(text)
    if tag not in TAGS:
        yield from _inside(element, text)
        return
    yield f"<{tag}{classes}"
    for name in ATTRIBUTES.get(tag, ()):
        value = element.get(name)
        if value is not None and _VALUE.fullmatch(value):
            yield f' {name}="{value}"'
    yield ">"
    yield from _inside(element, text)
    yield f"</{tag}>"


def _inside(element: Element, text: str) -> Iterator[str]:
    if text not in _APPLIED:
        yield escape(text)
    for child in element:
        yield from _written(child)
