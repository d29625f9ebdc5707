"""What the finder sees of a text: folded characters, spans to skip, copies, surroundings.

Owns the folding (no offset is lost: `Folded.place`), the masks over code and LaTeX, the comparison
with the prompt, and `Site`, the words around one candidate. Knows nothing of lexicons.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

COPIED_WORDS = 6
"""A run of at least this many words that stands in the prompt word for word is a copy."""


def words(text: str) -> frozenset[str]:
    """The words of a space-separated list."""
    return frozenset(text.split())


class Folded(NamedTuple):
    """`low` and `cased` as `marker_rules.Site` has them; `hay` is `low` with line breaks and
    hyphens as spaces. From folded index `turns[i]` on, the text is `shifts[i]` characters ahead.
    """

    hay: str
    low: str
    cased: str
    turns: list[int]
    shifts: list[int]

    def place(self, index: int) -> int:
        """Where the folded character `index` stands in the text."""
        turn = bisect_right(self.turns, index)
        return index + self.shifts[turn - 1] if turn else index


_SPACES = "\t\v\f\u00a0\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_ODD = {
    **dict.fromkeys("’‘ʼ＇´ʹ′‛", "'"),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys("‐‑\u00ad", "-"),
    **dict.fromkeys("\r\x85\u2028", "\n"),
    "ſ": "s",
}
_ODD_ASCII = {odd: plain for odd, plain in _ODD.items() if odd.isascii()}
_WIDE_LETTER = re.compile("[Ａ-Ｚａ-ｚ]")
_SPACE_RUN = re.compile(r"[ \n]{2,}")


def fold(text: str) -> Folded:
    """`text` folded for the search: letters, apostrophes, hyphens, spaces one for one, then runs
    of white space with at most one line break in them as one character.
    """
    cased = text
    for odd, plain in (_ODD_ASCII if text.isascii() else _ODD).items():
        if odd in cased:
            cased = cased.replace(odd, plain)
    if not text.isascii():
        cased = _WIDE_LETTER.sub(lambda letter: chr(ord(letter[0]) - 0xFEE0), cased)
    turns: list[int] = []
    shifts: list[int] = []
    pieces: list[str] = []
    last = 0
    has_crlf = "\r\n" in text
    for run in _SPACE_RUN.finditer(cased):
        start, end = run.span()
        n_lines = cased.count("\n", start, end)
        if has_crlf:
            n_lines -= text.count("\r\n", start, end)
        if n_lines > 1:
            continue  # a paragraph ends here: no phrase reaches across
        pieces += (cased[last:start], "\n" if n_lines else " ")
        last = end
        shifts.append((shifts[-1] if shifts else 0) + end - start - 1)
        turns.append(end - shifts[-1])
    if pieces:
        pieces.append(cased[last:])
        cased = "".join(pieces)
    low = cased.lower()
    if len(low) != len(cased):  # İ and its like grow when lowered
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in cased)
    return Folded(low.replace("\n", " ").replace("-", " "), low, cased, turns, shifts)


def joins(char: str) -> bool:
    """Whether a letter, digit or underscore: then the phrase beside it is part of a longer word.

    Scripts written without spaces (from U+2E80 on) do not join.
    """
    return (char.isalnum() or char == "_") and char < "\u2e80"


_NAMING_ENDS = frozenset("dsmel\"'“(")
"""What may stand before a word that is mentioned (word, words, term, phrase, label …): a cheap
test before the costly one."""
_PREDICATES = words(
    "may might could should must seems seemed appears appeared suggests suggested is was tends"
)
_NAMED_WORD = re.compile(r"\b(?:word|words|term|phrase|called|labelled|labeled)s? ?[\"'“(]*$")


def is_mention_or_name(cased: str, start: int, end: int) -> bool:
    """Part of a compound, an identifier, a file name or an address; or mentioned, not used."""
    before, after = cased[max(0, start - 2) : start], cased[end : end + 2]
    if before.endswith(("-", ".", "/")) and before[0].isalnum() and len(before) == 2:
        return before[1] != "." or not cased[start].isupper()
    if after[:1] in ("-", ".", "/", "=") and len(after) == 2 and after[1].isalnum():
        return after[0] != "." or after[1].islower() or after[1].isdigit()
    if before[-1:] in ("'", '"', "“", "*") and before and end - start < 25:
        closing = cased[end : end + 2].lstrip(",.!?")[:1]
        if before[-1] != "*" and closing and closing in "'\"”":
            return True
    if before[:1] not in _NAMING_ENDS and before[1:] not in _NAMING_ENDS:
        return False
    if cased[start:end].lower() in _PREDICATES and cased[start - 1 : start] == " ":
        return False  # the term may have been vague
    return bool(_NAMED_WORD.search(cased, max(0, start - 12), start))


_SKIPPED = re.compile(
    r"(?P<fence>```|~~~)"
    r"|`[^`\n]+`"
    r"|\$\$[^$]+\$\$"
    r"|\$(?P<inline>(?! )[^$\n]{1,300}(?<! ))\$(?!\d)"
    r"|\\(?P<bracket>[(\[])"
    r"|\\begin\{(?P<name>[a-z]{1,20}\*?)\}"
    r"|\\[a-z]+(?:\{[^{}\n]*\})+"
)
_PLAIN_WORD = re.compile(r"(?<![\\a-z])[a-z]{3,}")
_LONGEST_ENVIRONMENT = 20_000


class _Ahead:
    """Where a string stands next in a text; asked with growing places, linear in all."""

    def __init__(self, low: str) -> None:
        self._low = low
        self._known: dict[str, int] = {}

    def find(self, what: str, at: int) -> int:
        """The first place of `what` from `at` on; the text's length where there is none."""
        if self._known.get(what, -1) < at:
            found = self._low.find(what, at)
            self._known[what] = found if found >= 0 else len(self._low)
        return self._known[what]


def masks(low: str) -> list[tuple[int, int]]:
    """Spans of code and LaTeX, by start. An open code fence reaches to the end of the text;
    of the rest, only environments reach across a blank line. `$5 and $10` is money.
    """
    spans: list[tuple[int, int]] = []
    if "`" not in low and "$" not in low and "\\" not in low and "~~~" not in low:
        return spans
    ahead = _Ahead(low)
    at = 0
    while found := _SKIPPED.search(low, at):
        start, end = found.span()
        at = start + 1
        if found["fence"]:
            end = min(ahead.find(found["fence"], end) + 3, len(low))
        elif found["bracket"]:
            closer, edge = ("\\)", "\n") if found["bracket"] == "(" else ("\\]", "\n\n")
            end = ahead.find(closer, end) + 2
            if end > len(low) or ahead.find(edge, start) < end:
                continue
        elif found["name"]:
            closer = f"\\end{{{found['name']}}}"
            close = low.find(closer, end, end + _LONGEST_ENVIRONMENT)
            if close < 0:
                continue
            end = close + len(closer)
        elif "\n\n" in found[0] or (found["inline"] and _is_money(found["inline"])):
            continue
        spans.append((start, end))
        at = end
    return spans


def _is_money(inside: str) -> bool:
    """Whether what stands between two dollar signs is prose between two prices."""
    return (
        inside[0].isdigit()
        and not any(sign in inside for sign in "\\^_={")
        and len(_PLAIN_WORD.findall(inside)) >= 2
    )


_WORD = re.compile(r"[^\W_]+")
_LONGEST_QUOTE = 400
_QUOTE = re.compile(r"[\"“”]")
_TASK_WORDS = words(
    "reference hint solution attempt professor provided expected indicated key user"
)


class Prompt(NamedTuple):
    """The words of a prompt, ready to be compared with."""

    joined: str
    words: frozenset[str]
    runs: frozenset[tuple[str, ...]]

    def names(self, phrase: str) -> bool:
        """Whether the prompt itself speaks of what the privilege phrase speaks of."""
        telling = _TASK_WORDS.intersection(phrase.split())
        return bool(telling) and telling <= self.words

    def is_copied(self, low: str, start: int, end: int) -> bool:
        """Whether the span lies in a run of `COPIED_WORDS` or a quotation that the prompt has."""
        inner = _WORD.findall(low, start, end)
        if not self.words.issuperset(inner):
            return False
        back = _WORD.findall(low, max(0, start - 100), start)[1 - COPIED_WORDS :]
        ahead = _WORD.findall(low, end, end + 100)[: COPIED_WORDS - 1]
        around = back + inner + ahead
        first = max(0, len(back) + len(inner) - COPIED_WORDS)
        for i in range(min(first, len(back)), len(back) + 1):
            if tuple(around[i : i + COPIED_WORDS]) in self.runs:
                return True
        nearest = max(0, start - _LONGEST_QUOTE)
        line = max(low.rfind("\n", nearest, start) + 1, nearest)
        opened = list(_QUOTE.finditer(low, line, start))
        if len(opened) % 2 == 0:
            return False
        closed = _QUOTE.search(low, end, end + _LONGEST_QUOTE)
        if closed is None or "\n" in low[end : closed.start()]:
            return False
        quoted = _WORD.findall(low, opened[-1].end(), closed.start())
        return f" {' '.join(quoted)} " in self.joined


@lru_cache(maxsize=64)
def read_prompt(prompt: str) -> Prompt:
    """`prompt`, ready to be compared with."""
    words = _WORD.findall(fold(prompt).low)
    runs = (tuple(words[i : i + COPIED_WORDS]) for i in range(len(words) - COPIED_WORDS + 1))
    return Prompt(f" {' '.join(words)} ", frozenset(words), frozenset(runs))


class Site(NamedTuple):
    """One candidate in its text.

    `low` is folded (lower case, plain apostrophes and spaces, whitespace runs of one line
    collapsed), `cased` the same with its capitals; offsets index both alike.
    """

    low: str
    cased: str
    start: int
    end: int

    def before(self, n_chars: int = 60) -> str:
        """Up to `n_chars` folded characters before the candidate."""
        return self.low[max(0, self.start - n_chars) : self.start]

    def after(self, n_chars: int = 60) -> str:
        """Up to `n_chars` folded characters after the candidate."""
        return self.low[self.end : self.end + n_chars]

    def previous(self) -> str:
        """The word before, where nothing but a space or a hyphen lies between; else ""."""
        found = _WORD_BEFORE.search(self.low, max(0, self.start - 25), self.start)
        return found[1] if found else ""

    def next(self) -> str:
        """The word after, where nothing but a space or a hyphen lies between; else ""."""
        found = _WORD_AFTER.match(self.low, self.end)
        return found[1] if found else ""

    def opens_clause(self) -> bool:
        """Whether the candidate begins the text, a line, or a clause (after punctuation)."""
        back = self.low[max(0, self.start - 6) : self.start].rstrip(" *_\"'“‘>")
        return not back or back[-1] in ".!?:;,…(—–\n[`" or back.endswith((" -", "\n-", "--"))

    def sentence(self) -> str:
        """The folded text around the candidate, cut at line ends and full stops (±120)."""
        left = self.low[max(0, self.start - 120) : self.start]
        right = self.low[self.end : self.end + 120]
        return _CUT.split(left)[-1] + " " + _CUT.split(right, maxsplit=1)[0]


_WORD_BEFORE = re.compile(r"([a-z0-9']+)[ \-]$")
_WORD_AFTER = re.compile(r"[ \-]([a-z0-9'$~≈]+)")
_CUT = re.compile(r"[.!?\n](?:\s|$)|\n")
