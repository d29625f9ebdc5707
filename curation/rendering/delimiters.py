r"""LaTeX's own delimiters in Markdown: `\(…\)`, `\[…\]`, `\begin{align}…\end{align}`.

A plugin for markdown-it beside its `dollarmath`, which does `$…$`. Tokens are those of dollarmath:
`math_inline`, `math_inline_double` (display, within a paragraph) and `math_block`. The plugins
`texmath` and `amsmath` that do the same copy and search the rest of the text at every opener, which
takes minutes where many openers never close; here what is not closed is looked for once.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from curation.rendering.formulas import ENVIRONMENTS

_BRACKETS = {"\\(": ("math_inline", "\\)"), "\\[": ("math_inline_double", "\\]")}


def brackets_plugin(md: MarkdownIt) -> None:
    """Make `md` read LaTeX's delimiters as formulas."""
    md.inline.ruler.before("escape", "latex_brackets", _inline)
    md.block.ruler.before(
        "fence", "latex_display", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def _closes(src: str, closer: str, start: int, env: MutableMapping[str, Any]) -> int:
    """Where `closer` stands at or after `start`; -1 for nowhere, which is then remembered.

    `env` outlives the piece of text that is read, hence the text's own length in the key.
    """
    key = (closer, id(src), len(src))
    missing = env.setdefault("unclosed", {})
    if missing.get(key, start + 1) <= start:
        return -1
    found = src.find(closer, start)
    if found < 0:
        missing[key] = start
    return found


def _inline(state: StateInline, silent: bool) -> bool:
    opener = state.src[state.pos : state.pos + 2]
    if opener not in _BRACKETS:
        return False
    name, closer = _BRACKETS[opener]
    end = _closes(state.src, closer, state.pos + 2, state.env)
    content = state.src[state.pos + 2 : end]
    if end < 0 or end > state.posMax or not content.strip():
        return False
    if not silent:
        token = state.push(name, "math", 0)
        token.content, token.markup = content, opener
    state.pos = end + 2
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    if state.is_code_block(start_line):
        return False
    start = state.bMarks[start_line] + state.tShift[start_line]
    found = _opening(state.src, start)
    if found is None:
        return False
    opener, closer, is_kept = found
    end = _closes(state.src, closer, start + len(opener), state.env)
    if end < 0:
        return False
    line = start_line
    while line < end_line and state.eMarks[line] < end + len(closer):
        line += 1
    # What follows on the closing line, or a block that ends before it, makes this a paragraph.
    if line >= end_line or state.src[end + len(closer) : state.eMarks[line]].strip(" \t.,;"):
        return False
    if silent:
        return True
    token = state.push("math_block", "math", 0)
    token.block, token.map = True, [start_line, line + 1]
    token.content = (
        state.src[start : end + len(closer)] if is_kept else state.src[start + len(opener) : end]
    )
    token.markup = "" if is_kept else opener
    state.line = line + 1
    return True


def _opening(src: str, start: int) -> tuple[str, str, bool] | None:
    """Opener, closer and whether both belong to the formula, for what begins at `start`."""
    if src.startswith("\\[", start):
        return "\\[", "\\]", False
    if not src.startswith("\\begin{", start):
        return None
    name = src[start + 7 : start + 31].split("}", 1)[0]
    if name not in ENVIRONMENTS:
        return None
    return f"\\begin{{{name}}}", f"\\end{{{name}}}", True
