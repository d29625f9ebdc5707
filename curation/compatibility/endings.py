r"""Whether a trace was cut off before it was done.

Owns the signs of a truncated ending. Text only: a generator's own word (`finish_reason`) is better
where the source has it. On purpose it misses cut-offs rather than accuse whole texts: endings
without a full stop are common (`Answer: 42`, `\boxed{42}`, a list, a table).
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}```", re.MULTILINE)
_DISPLAY = re.compile(r"(?<!\\)\\\[")
_GOES_ON = frozenset(",;:+=<({[&^\\")
_GOES_ON_WORD = re.compile(
    r"\b(?:the|an|of|and|or|but|is|are|was|were|we|because|since|with|from|which|where|when|whether"
    r"|than|if|let|into|onto|therefore|thus)\Z"
)
_LONG_LINE_WORDS = 12
_SENTENCE_END = re.compile(r"[.!?](?=\s)")
_LIST_OR_TITLE = re.compile(r"\s*(?:[-*#|>•]|\d+[.)])")


def truncation(text: str) -> str | None:
    r"""Why the text looks cut off, in words for a person; None where it does not.

    Looked for, in this order: an unclosed `<think>`, code fence, `\boxed{`, display formula or
    LaTeX environment; an ending on a sign or a word that cannot end a sentence; a long last line
    of prose without a full stop in a text whose other sentences have theirs. Empty: None.
    """
    body = text.rstrip()
    if not body:
        return None
    if body.rfind("<think>") > body.rfind("</think>"):
        return "the thinking is not closed (<think> without </think>)"
    if len(_FENCE.findall(body)) % 2:
        return "a code fence is not closed"
    return _unclosed_latex(body) or _mid_sentence(body)


def _unclosed_latex(body: str) -> str | None:
    box = body.rfind(r"\boxed{")
    if box >= 0 and body.count("{", box) - body.count(r"\{", box) > (
        body.count("}", box) - body.count(r"\}", box)
    ):
        return r"\boxed{ is not closed"
    displays = list(_DISPLAY.finditer(body))
    if displays and displays[-1].start() > body.rfind(r"\]"):
        return r"a display formula is not closed (\[ without \])"
    if body.rfind(r"\begin{") > body.rfind(r"\end{"):
        return r"a LaTeX environment is not closed (\begin without \end)"
    return None


def _mid_sentence(body: str) -> str | None:
    line = body[body.rfind("\n") + 1 :]
    if not any(map(str.isalnum, line)):
        return None
    if line[-1] in _GOES_ON:
        return f"it ends on {line[-1]!r}"
    word = _GOES_ON_WORD.search(line[-40:])
    if word is not None:
        return f"it ends in the middle of a sentence, on {word.group()!r}"
    if (
        line[-1].islower()
        and len(line.split()) >= _LONG_LINE_WORDS
        and not _LIST_OR_TITLE.match(line)
        and len(_SENTENCE_END.findall(body[-4000:])) >= 3
    ):
        return "its last sentence, a long one, has no end"
    return None
