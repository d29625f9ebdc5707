r"""Cut a trace into steps: the sentences and lines that a reader takes in one at a time.

A step ends at a blank line, at a line's end, after `</think>`, and at the end of a sentence (`.`,
`!`, `?` or `…`, closing marks, white space, then no lower-case letter; `。！？` need no space). It
does not end

- after an abbreviation (`e.g.`, `Fig.`, `U.S.`), a list number or `Step 2.`, or in a decimal;
- where a line goes on in the next: a sentence wrapped at the margin, or one that leads up to a
  display formula or a code fence;
- inside a code fence, a display formula (`$$…$$`, `\[…\]`, `\begin{x}…\end{x}`) or a table.

Pieces of fewer than four non-space characters, and think tags that stand alone, join a neighbour.

`split` is deterministic, and linear in the text. Steps are in order and disjoint, every non-space
character stands in exactly one, and none begins or ends with white space.

Source: the one splitter of LALP (arXiv 2510.03988): cut after `.!?` and a space and after line
ends, merge what is under four characters. Knows nothing of tokens, scores or markers.
"""

from __future__ import annotations

import re

_LOWER = "a-zß-öø-ÿα-ωа-яё"
_DOT = (
    r"\.(?=[^\w\n.,])(?:(?<=[a-z]{5}\.)"  # a plain word: no abbreviation below is as long
    r"|(?<=\d\.)(?<!\b[Ss]tep \d\.)(?<!\b[Cc]ase \d\.)"
    r"(?<![.!?:;] \d\.)(?<![.!?:;] \d\d\.)"  # Then: 1. Do this. 2. Do that.
    r"|(?<!\d\.)(?<!\.[A-Za-z]\.)"  # U.S., a.m., e.g.
    r"(?<!\b(?:Mr|Ms|Dr|St|Jr|Sr|vs|cf|al|Eq|eq|Ch|Ex|pp|Co)\.)(?<!\bNo\.(?= \d))"
    r"(?<!\b(?:Mrs|Eqs|Fig|fig|Sec|Thm|Cor|Def|Vol|Inc|Ltd)\.)(?<!\b(?:Prof|Prop|Figs|resp)\.))"
)
_END = rf"[\"'”’»)\]}}*_$`]*([^\S\n]+)(?=[^\s{_LOWER},;:.!?)\]}}=+/%|–—-])"
_WIDE_END = r"[”’」』）]*(\s*)"
_LINE_GOES_ON = (
    rf"(?=[^\S\n]*[{_LOWER}]{{2}})(?<![.!?:;…]\n)(?<![.!?:;…]\r\n)"
    r"|(?=[^\S\n]*(?:\$\$|\\\[|\\begin\{|```))(?<![.!?]\n)(?<![.!?]\r\n)"
)
_LIST_MARK = r"(?:[>#*_-]*[^\S\n]*\(?\d{1,3}[.)](?=\s))?"
_LINE_END = rf"\n(?:((?:[^\S\n]*\n)+\s*)|(?!{_LINE_GOES_ON})([^\S\n]*)){_LIST_MARK}"
_BLOCKS = (
    "align alignat aligned array bmatrix cases equation gather gathered matrix multline pmatrix "
    "smallmatrix split tabular vmatrix"
).replace(" ", "|")
# Each alternative begins with a literal: only then does `re` skip from candidate to candidate
# instead of trying every alternative at every character. A boundary has one group, the white space
# between two steps; what opens a block that is kept whole has none.
_EVENT = re.compile(
    rf"{_LINE_END}|{_DOT}{_END}|!{_END}|\?{_END}|…{_END}"
    rf"|。{_WIDE_END}|！{_WIDE_END}|？{_WIDE_END}|</think>(\s*)"
    rf"|```|\$\$|\\\[|\\begin\{{(?:{_BLOCKS})\*?\}}|\|(?<![^\n]\|)"
)
_LINE_END_GROUPS = 2
"""The groups of `_LINE_END`, which stand first: their white space begins behind the line's end."""
_TABLE = re.compile(r"(?:\|[^\n]*\|[^\S\n]*(?:\n|\Z)){2,}")
_FIRST = re.compile(rf"\s*{_LIST_MARK}")
_FOUR_CHARACTERS = re.compile(r"\S\s*\S\s*\S\s*\S")
_SMALL_CHARS = 12
"""Longer pieces are never small, however few of their characters are visible."""


def split(text: str) -> tuple[list[int], list[int]]:
    """The steps of `text` as (starts, ends): step i is `text[starts[i]:ends[i]]`.

    Offsets are Python string indices (code points), ends exclusive. Text without any non-space
    character has no steps.
    """
    length = len(text.rstrip())
    if not length:
        return [], []
    first = _FIRST.match(text)
    assert first is not None, "the pattern matches the empty string"
    start = len(text) - len(text.lstrip())
    whole_until = 0
    starts: list[int] = []
    ends: list[int] = []
    small: list[int] = []
    ahead: dict[str, int] = {}
    for found in _EVENT.finditer(text, first.end(), length):
        if whole_until and found.start() < whole_until:
            continue
        group = found.lastindex
        if group is None:
            whole_until = _block_end(text, found, ahead)
            continue
        end, following = found.span(group)
        if following == length:
            break
        if group <= _LINE_END_GROUPS:
            end = found.start()
            while text[end - 1].isspace():
                end -= 1
        if end - start < _SMALL_CHARS:
            small.append(len(starts))
        starts.append(start)
        ends.append(end)
        start = following
    if length - start < _SMALL_CHARS:
        small.append(len(starts))
    starts.append(start)
    ends.append(length)
    return _merged(text, starts, ends, small) if small else (starts, ends)


def _block_end(text: str, found: re.Match[str], ahead: dict[str, int]) -> int:
    """Where the block that `found` opens ends; 0 where it opens none.

    A formula ends before a blank line, as in LaTeX; a fence that is never closed does too.
    """
    opener, at, after = found[0], found.start(), found.end()
    if opener == "|":
        table = _TABLE.match(text, at)
        return at + len(table[0].rstrip()) if table else 0
    closer = {"```": "```", "$$": "$$", "\\[": "\\]"}.get(opener) or opener.replace("begin", "end")
    end = _next(text, closer, after, ahead)
    blank = _next(text, "\n\n", after, ahead)
    if opener == "```":
        return blank if end == len(text) else end + len(closer)
    return end + len(closer) if end < blank else 0


def _next(text: str, needle: str, after: int, ahead: dict[str, int]) -> int:
    """Where `needle` stands next from `after` on, else the text's length.

    `ahead` remembers the answer until it is passed, so that many openers which nothing closes cost
    one search of the text, not one each.
    """
    at = ahead.get(needle, -1)
    if at < after:
        at = text.find(needle, after)
        at = ahead[needle] = len(text) if at < 0 else at
    return at


def _merged(
    text: str, starts: list[int], ends: list[int], candidates: list[int]
) -> tuple[list[int], list[int]]:
    """The pieces, the small ones and lone think tags of `candidates` joined to a neighbour.

    They join the step before; the first piece and an opening tag join the next.
    """
    loose = {
        i
        for i in candidates
        if not _FOUR_CHARACTERS.match(text, starts[i], ends[i])
        or (text[starts[i]] == "<" and text[starts[i] : ends[i]] in ("<think>", "</think>"))
    }
    if not loose:
        return starts, ends
    last = len(starts) - 1
    new_starts: list[int] = []
    new_ends: list[int] = []
    held = -1
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        begin = start if held < 0 else held
        waits = not new_starts or held >= 0 or text.startswith("<think>", start)
        if i in loose and i < last and waits:
            held = begin
        elif i in loose and new_starts:
            new_ends[-1] = end
            held = -1
        else:
            new_starts.append(begin)
            new_ends.append(end)
            held = -1
    return new_starts, new_ends
