"""What a marker says and of what: its strength, the clause it hedges, and how it stands there.

Owns `describe`. A marker is judged by the words within `REACH_CHARS` of it, so the cost grows with
the markers. Scopes follow BioScope's conventions (Vincze et al. 2008,
https://doi.org/10.1186/1471-2105-9-S11-S9) by rule, without a parser:

- a modal or an adverb: from the cue to the end of its clause;
- what takes a complement (I think, suggests, it is possible that, whether): the words after it, or,
  where none follow (…, I think.), the clause before it;
- what raises its subject (seems, appears to, is likely to, is believed to): the whole clause.

A clause ends at the sentence's end, at `;`, at `but`, before another clause that a comma and a
conjunction open, and at the bracket or the quotation mark that encloses the cue. Clauses without
such a sign are not told apart: the scope is then too long rather than too short. Only hedges,
boosters and evidentials have a scope; the other categories act, they do not qualify a clause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from curation.hedging.lexicon import Lexicon, load_lexicon
from curation.hedging.text import fold
from curation.records import Category, Marker

__all__ = ["REACH_CHARS", "Reading", "Strength", "describe"]

REACH_CHARS = 400
"""How far a sentence is looked at on either side of a marker; what lies further is not seen."""

Strength = Literal["weak", "strong"]
_SCOPED: frozenset[Category] = frozenset(["hedge", "booster", "evidential"])


class Reading(NamedTuple):
    """How one marker stands in its text; offsets are string indices, end exclusive."""

    strength: Strength | None
    """The lexicon's word for the phrase; None where this lexicon does not have it."""
    scope_start: int | None
    scope_end: int | None
    """`text[scope_start:scope_end]` is the clause that is qualified; None where there is none."""
    is_negated: bool
    """A negation stands right before the marker (does not seem); one of its own does not count."""
    is_conditional: bool
    """The sentence sets a condition (if, unless, suppose)."""
    is_quoted: bool
    """The marker stands between quotation marks, or its clause stands so in the prompt."""
    holds_answer: bool | None
    """Whether the final answer stands in the scope; None without a scope or a known answer."""


_STOP = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bcf)(?<!\bvs)[.!?…](?=[\s\"'”’)\]*]|$)"
    r"|[;\n]"
)
_NEXT_CLAUSE = re.compile(
    r",? (?<!nothing )(?<!all )(?<!anything )but\b"
    r"|, (?:so|because|since|which|who|whose|where|although|though|while|whereas|as|if|when|then"
    r"|unless|or else|yet)\b"
    r"|, and (?:then|so|the|it|we|i|he|she|they|there|this|that|[a-z] =)\b"
    r"| (?:[–—-]|--) |[–—]"
    r"| and (?:(?:the|this|that|its|his|her|their) \w+|it|he|she|they|we|i|there)"
    r" (?:is|was|are|were|has|had|have|will|would|can|does|did)\b",
    re.IGNORECASE,
)
_CLAUSE_OPENS = re.compile(
    r"(?:[:–—]|(?:^|[ ,])(?:but|so|because|since|although|though|while|whereas|that|then|yet)\b"
    r"|, (?:and|which|who|or)\b)[ ,]*",
    re.IGNORECASE,
)
_FRONTED = re.compile(
    r"(?:if|when|in|since|as|after|before|for|at|by|on|with|under|given|unless|once|while"
    r"|although|though|because|however|thus|hence|so|okay|ok|hmm|wait|well|now|also|moreover"
    r"|therefore|then|from|to|here)\b[^,]*,\s*",
    re.IGNORECASE,
)
_RAISES = re.compile(
    r"(?:.* )?(?:seem|seems|seemed|seeming|appear|appears|appeared|appearing)(?: to)?$"
    r"|(?:.* )?(?:tend|tends|tended) to$"
    r"|(?:.* )?(?:believed|thought|said|assumed|presumed|supposed|expected|reported|considered"
    r"|known|rumou?red|reputed|alleged|claimed|suspected|estimated|predicted|forecast|projected|feared"
    r"|likely|unlikely|sure|certain|bound) to(?: have| be)?$"
)
_RAISES_BEFORE_TO = re.compile(
    r"(?:.* )?(?:likely|unlikely|believed|thought|said|assumed|presumed|supposed|expected|reported"
    r"|rumou?red|reputed|alleged|claimed|suspected|certain|guaranteed)$"
)
_TAKES_CLAUSE = re.compile(
    r"i(?:'m|'d|'ve| am| would| have| had| can| could| do)?\b.*"
    r"|(?:.* )?we \w+(?: that)?|(?:.* )?(?:that|whether|if|me|us|know|recall|remember)"
    r"|(?:.* )?(?:suggest|indicat|impl|hypothesi|propos|speculat|believ|think|thought|argu|claim"
    r"|doubt|wonder|guess|assum|suspect|conjectur|contend|maintain|estimat|predict|expect|hint"
    r"|fear)\w*"
    r"|(?:.* )?(?:unclear|unsure|uncertain|unknown|sure|certain|clear|known|obvious|evident|chance"
    r"|possibility|hard to say|who knows|dunno|are|is)"
    r"|according to .*|legend has it|by .*"
)
_ALONE = re.compile(r"\s*(?:[.,;:!?…)\]\n]|$)")
_NEGATION = re.compile(r"(?:\b(?:not|never|hardly|neither|nor|no longer)|n['’]t)\s+(?:\w+ly )?$")
_CONDITION = re.compile(
    r"(?<!\bas )(?<!\bonly )(?<!\beven )(?<!\bsure )(?<!\bknow )(?<!\bwonder )(?<!\bunclear )"
    r"(?<!\bsee )(?<!\bcheck )\bif\b(?! i (?:recall|remember|understand)| i['’]m|\s+so\b| memory)"
    r"|\b(?:unless|provided that|suppose|supposing|assuming|on condition)\b",
    re.IGNORECASE,
)
_QUOTES = re.compile('["“”]')
_BOXED = re.compile(r"\\boxed\{([^{}]{1,60})\}")
_SAID = re.compile(
    r"\banswer(?: is| must be| should be|:)[\s:*$(]*([A-Za-z]\b|-?[\d.,/]*\d|[^\s.,;]{1,30})",
    re.IGNORECASE,
)
_LEAST_QUOTED_WORDS = 5


def describe(
    text: str,
    markers: Sequence[Marker],
    prompt: str | None = None,
    lexicon: Lexicon | None = None,
    answer: str | None = None,
) -> list[Reading]:
    r"""One reading a marker, in the markers' order.

    `answer` is the trace's final answer; without it the last `\boxed{…}` or `answer is …` of the
    text is taken for it. `prompt` tells what is quoted from the problem. `lexicon` None = the
    English one.
    """
    strengths = (lexicon or load_lexicon()).strengths
    holds = _answer_pattern(text, answer)
    asked = " ".join(prompt.lower().split()) if prompt else ""
    readings = []
    for marker in markers:
        low, high, is_quoted = _sentence(text, marker)
        scope = _scope(text, marker, low, high) if marker.category in _SCOPED else None
        if scope and asked and not is_quoted:
            clause = text[scope[0] : scope[1]].lower().split()
            is_quoted = len(clause) >= _LEAST_QUOTED_WORDS and " ".join(clause) in asked
        start, end = scope or (None, None)
        readings.append(
            Reading(
                strengths.get((fold(marker.text).hay, marker.category)),
                start,
                end,
                bool(_NEGATION.search(text[max(low, marker.start - 24) : marker.start].lower())),
                bool(_CONDITION.search(text, low, high)),
                is_quoted,
                bool(holds.search(text, *scope)) if holds and scope else None,
            )
        )
    return readings


def _answer_pattern(text: str, answer: str | None) -> re.Pattern[str] | None:
    """The final answer as a whole word; None where none is known."""
    if answer is None:
        named = _BOXED.findall(text) or _SAID.findall(text)
        answer = named[-1] if named else None
    answer = (answer or "").strip(" .$")
    return re.compile(rf"(?<![\w.]){re.escape(answer)}(?!\w|\.\d)") if answer else None


def _sentence(text: str, marker: Marker) -> tuple[int, int, bool]:
    """Where the marker's sentence lies, cut at the bracket or quotation that encloses the marker;
    and whether it is a quotation.
    """
    low = max(0, marker.start - REACH_CHARS)
    high = min(len(text), marker.end + REACH_CHARS)
    for stop in _STOP.finditer(text, low, marker.start):
        low = stop.end()
    stop_after = _STOP.search(text, marker.end, high)
    high = stop_after.start() if stop_after else high
    quotes = [q.start() for q in _QUOTES.finditer(text, low, marker.start)]
    is_quoted = len(quotes) % 2 == 1
    if is_quoted:
        low = quotes[-1] + 1
        closing = _QUOTES.search(text, marker.end, high)
        high = closing.start() if closing else high
    opened = text.rfind("(", low, marker.start)
    if opened >= 0 and text.find(")", opened, marker.start) < 0:
        low = opened + 1
        closed = text.find(")", marker.end, high)
        high = closed if closed >= 0 else high
    while low < marker.start and text[low] in " \t\r\"'“”’)]*":
        low += 1
    return low, high, is_quoted


def _scope(text: str, marker: Marker, low: int, high: int) -> tuple[int, int] | None:
    """The clause that the marker qualifies, inside its sentence `text[low:high]`."""
    cue = " ".join(marker.text.lower().replace("’", "'").split())
    comes_alone = bool(_ALONE.match(text, marker.end, high))
    is_raising = _RAISES.fullmatch(cue) or (
        _RAISES_BEFORE_TO.fullmatch(cue) and text[marker.end : marker.end + 4].lower() == " to "
    )
    if is_raising and not cue.endswith((" that", " whether")):
        start, end = _clause_start(text, low, marker.start), _clause_end(text, marker, high)
    elif _TAKES_CLAUSE.fullmatch(cue) and not comes_alone:
        start, end = marker.end, _clause_end(text, marker, high)
    elif _TAKES_CLAUSE.fullmatch(cue) and text[low : marker.start].strip(" ,"):
        start, end = _clause_start(text, low, marker.start), marker.start
    else:
        start, end = marker.start, _clause_end(text, marker, high)
    while start < end and text[start] in " ,:\t":
        start += 1
    while end > start and text[end - 1] in " ,:\t\r":
        end -= 1
    return (start, end) if start < end else None


def _clause_start(text: str, low: int, at: int) -> int:
    """Where the clause begins that reaches `at`: after the last conjunction, or a fronted part."""
    start = low
    for opening in _CLAUSE_OPENS.finditer(text, low, at):
        if text[opening.end() : at].strip(" ,"):
            start = opening.end()
    while (fronted := _FRONTED.match(text, start, at)) and text[fronted.end() : at].strip():
        start = fronted.end()
    return start


_APPOSED = re.compile(r"(?:,|\bwho|\bwhich|\bwhose \w+) ?$", re.IGNORECASE)


def _clause_end(text: str, marker: Marker, high: int) -> int:
    """Where the clause of the marker ends: before the next one, or with the aside it stands in."""
    following = _NEXT_CLAUSE.search(text, marker.end, high)
    end = following.start() if following else high
    if _APPOSED.search(text, max(0, marker.start - 20), marker.start):
        comma = text.find(",", marker.end, end)
        end = comma if comma >= 0 else end
    return end
