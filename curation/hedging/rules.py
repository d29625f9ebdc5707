"""Context rules: is this phrase, here, the marker that the lexicon takes it for?

Owns one small function per rule name of the lexicon's `rule` column (`RULES`; those on claims
stand here, those on what a writer does in `acts.py`). A rule looks at the words around one
candidate and answers; it knows neither the lexicon nor other candidates. Rules are cheap and
shallow on purpose: no parsing, no word classes. Where a reading cannot be told from the neighbours,
the rule keeps the more frequent one and its docstring says which.

Decided once: a bare `if` or `or` is no marker. A negated `seems` stays a hedge ("doesn't seem
right" withholds commitment as "seems wrong" does); a negated booster is none ("not obviously").
`about 5 cm` is a hedge (it approximates); `think about` is none. Strength is the lexicon's.

Source of the line between epistemic and root modals: Coates (1983), by collocation only.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from curation.hedging import acts
from curation.hedging.text import Site, words

VERSION = 1
"""Counted up when a rule changes what is marked; the lexicon's table names the version it is for.
"""

_MONTHS = re.compile(
    r"(?:in|of|on|since|until|till|by|last|next|early|late|mid|during|from|through|every|this"
    r"|january|february|march|april|june|and june|\d{1,2}(?:st|nd|rd|th)?)[ ,\-]+(?:of )?$"
)
_DAY = re.compile(
    r" (?:\d|and (?:june|july)\b|to (?:june|july|august)\b|the \d|day\b)|[,–—-] ?\d|'s\b"
)


def may(site: Site) -> bool:
    """`may`, but not the month, a request (may I), a rule (you may only) or a name (Ms May)."""
    if site.cased[site.start] == "M":
        if _MONTHS.search(site.before(24)) or _DAY.match(site.low, site.end):
            return False
        if site.cased[site.start : site.end] == "May" and not site.opens_clause():
            return False
    word = site.next()
    if word in ("i", "we", "the", "you", "only", "god", "he", "she", "they", "it", "this"):
        return False
    return site.previous() not in ("you", "theresa", "brian", "contestants", "players", "player")


def might(site: Site) -> bool:
    """`might`, but not strength (the might of, all his might)."""
    if site.next() in ("of", "and") or re.search(
        r"\b(?:all|with|the|military|his|her|their|its|our) $", site.before(12)
    ):
        return False
    return site.next() not in ("i", "we")


_ROOT_PASSIVE = re.compile(
    r" (?:also |still |easily |only |just )*(?:be (?:used|written|expressed|rewritten|simplified"
    r"|factored|computed|calculated|solved|divided|chosen|found|done|made|seen(?! as)|heard"
    r"|reached|bought|placed|arranged|paired|split|shown|measured|performed|applied|obtained)|see"
    r"|hear|feel|find|write|use|try|compute|say|do|go|get|choose|buy|reach|afford|swim|run|walk"
    r"|read|speak|tell)\b"
)


def could(site: Site) -> bool:
    """`could` where something may be the case; not ability, plan, request or a bare negation."""
    if site.next() in ("not", "i", "we", "you", "it", "this", "they", "he", "she", "there", ""):
        return False
    if _ROOT_PASSIVE.match(site.low, site.end):
        return False
    if site.previous() in ("i", "we", "you", "he", "she", "they", "who", "one"):
        return bool(re.match(r" (?:also |still |well )?(?:be|have)\b", site.after(14)))
    return True


def aside(site: Site) -> bool:
    """Stands alone as an adverbial (in a way, for certain); not in a way that, for certain uses."""
    return site.next() in ("", "but", "and", "it", "this", "because", "if", "whether", "yes")


_PLACES = words("in on at twice once only again here there under above below next between near as")


def to_verb(site: Site) -> bool:
    """It appears to be so, it appears so; not where it appears (to the left, in a list, twice)."""
    if not site.low.endswith("to", site.start, site.end):
        return site.next() not in _PLACES and not site.after(8).startswith(" to the ")
    return site.next() not in (
        "the",
        "a",
        "an",
        "my",
        "his",
        "her",
        "their",
        "our",
        "me",
        "him",
        "",
    )


_OPTION = re.compile(
    r"(?:\boption \(?[a-z]\)?|\([a-e]\)|\b[a-e]\)|\bstatement [ivx0-9]+)(?: also)? $"
)


def suggest(site: Site) -> bool:
    """Evidence suggests; not a person's proposal, not what an answer option says."""
    if site.previous() in ("i", "he", "she", "you", "i'd", "someone", "who"):
        return False
    if _OPTION.search(site.before(20)):
        return False
    return site.next() not in ("you", "using", "going", "we", "trying", "i")


def sentence_claim(site: Site) -> bool:
    """A finding indicates; not a step of algebra (x = 2 implies that), not an answer option."""
    if _OPTION.search(site.before(20)) or re.search(r"[=\\$<>≤≥]", site.before(40)):
        return False
    return site.previous() not in ("not", "n't", "to", "must")


_QUANTITY = re.compile(
    r" (?:\$|£|€|~|≈)?(?:\d|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen"
    r"|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|half|a (?:half|third|quarter|dozen"
    r"|hundred|thousand|million|week|month|year|day|minute|hour|mile)|an hour|hundreds|thousands"
    r"|noon|midnight|certain(?:ly)?\b|impossible|always|the same)"
)
_TOPIC = words(
    "think thinking thought talk talking talks talked know knows knew known ask asks asking asked"
    " wonder wondering worry worrying worried reason reasoning information question questions what"
    " how more facts fact statement statements story something anything everything nothing it all"
    " learn learned read reading hear heard tell tells told care cares forget forgot argue argued"
    " write wrote writing said says sure certain confused concerned confident true idea ideas going"
    " turn turned walk walked look looking looked go went rotate wrap wrapped drive drove and or"
)


def quantity(site: Site) -> bool:
    """Before a number or a measure: about 5 cm, around noon, almost half; not think about 5."""
    return bool(_QUANTITY.match(site.low, site.end)) and site.previous() not in _TOPIC


_FAIR = (
    "distribute", "divid", "split", "share", "treat", "play", "allocat", "and", "between", "among",
    "to ", "in ", "by ", "with", "on ", "for ", "so ",
)  # fmt: skip


def fairly(site: Site) -> bool:
    """Fairly + a quality; not dividing something fairly."""
    word = site.next()
    return bool(word) and not f"{word} ".startswith(_FAIR)


def rather(site: Site) -> bool:
    """Rather + a quality; not rather than, would rather, or rather."""
    word = site.next()
    return (
        bool(word)
        and word not in ("than", "a", "the", "we", "it", "i", "to")
        and (site.previous() not in ("would", "i'd", "or", "but", "had", "should", "n't", "not"))
    )


def kind_of(site: Site) -> bool:
    """A softener (it's kind of odd); not a class (what kind of, this sort of, two kinds of)."""
    return site.previous() in (
        "is", "are", "was", "were", "it's", "that's", "i'm", "just", "i", "seems", "looks", "feels",
        "we", "also", "still", "he's", "she's", "they're", "but", "and", "only", "be", "been",
    )  # fmt: skip


_ABOUT_TOPIC = re.compile(
    r" (?:about|of|through|back|hard|carefully|again|step|aloud|critically|ahead|deeply|clearly"
    r"|in|on|outside|beyond|\?)\b"
)
_NOT_MINE = re.compile(
    r"(?:\b(?:do|does|did|should|can|how|what|when|than|could|must|would)|n't) $"
)


def i_think(site: Site) -> bool:
    """The writer's belief about a claim; not thinking about or of something."""
    if _ABOUT_TOPIC.match(site.low, site.end):
        return "think" not in site.low[site.start : site.end] and not site.after(9).startswith(
            (" of", " about")
        )
    return not _NOT_MINE.search(site.before(10))


_POSSIBLE = re.compile(
    r" (?:that|explanation|explanations|cause|causes|reason|reasons|role|roles|mechanism|mechanisms"
    r"|link|links|association|involvement|effect|effects|relationship|connection|interpretation"
    r"|interaction|interactions|target|targets|candidate|source|sources|exception|error|mistake"
    r"|risk|contribution|implication|implications|function|functions|influence|presence|side)\b"
)


_COUNTED = words("values value outcomes pairs cases combinations answers ways numbers choices sums")


def suspects(site: Site) -> bool:
    """Someone suspects something; not the suspect of a crime."""
    return site.previous() not in (
        "the", "a", "this", "that", "prime", "his", "her", "their", "second", "each", "murder",
        "i", "of", "main", "one", "suspect",
    )  # fmt: skip


def possible(site: Site) -> bool:
    """A possible or potential cause, possible that; not all possible values, potential energy."""
    if site.low.startswith("possibility", site.start):
        return True
    if site.cased[site.start] == "P" and site.opens_clause() and site.next() not in _COUNTED:
        return bool(site.next()) and site.low.startswith("possible", site.start)
    return bool(_POSSIBLE.match(site.low, site.end)) and site.previous() not in (
        "all", "every", "each", "any", "not", "n't", "only", "other", "as", "two", "three",
    )  # fmt: skip


_NEGATION = re.compile(
    r"(?:\b(?:not|never|hardly|isn't|aren't|wasn't|neither|nor)|n't)"
    r" (?:so |too |very |yet |at all |always )?$"
)


def not_negated(site: Site) -> bool:
    """Asserted; not negated (not certainly) and no condition (if it's clear, make it clear)."""
    back = site.before(16)
    if _NEGATION.search(back):
        return False
    return not re.search(r"\b(?:if|whether|unless|until|make|makes|once) (?:it |that )?$", back)


def clearly(site: Site) -> bool:
    """A comment on the claim; not the manner of speaking, writing or seeing."""
    if not not_negated(site):
        return False
    return site.previous() not in (
        "more", "most", "less", "very", "as", "so", "speak", "spoke", "see", "write", "written",
        "stated", "state", "defined", "labelled", "labeled", "marked", "explain", "explained",
        "think", "explicitly", "present", "show", "and", "seen", "understand", "too",
    )  # fmt: skip


def in_fact(site: Site) -> bool:
    """The adverbial; not based in fact, not in fact-finding."""
    return site.previous() not in ("based", "grounded", "rooted", "basis", "grounding") and (
        site.low[site.end : site.end + 1] != "-"
    )


_MUST = re.compile(
    r" (?:also |then |therefore |thus |always |still |all |both |actually |necessarily |surely )*"
    r"(?:be|have been|have had|have|mean|equal|follow|hold|lie|exist|contain|come|belong)\b"
)
_DUTY = re.compile(
    r" (?:also |then |always |all |both |each )*be (?:placed|seated|used|chosen|submitted|arranged"
    r"|paid|done|kept|given|made|worn|filled|returned|taken|met|satisfied|careful|able|in the form"
    r"|written|expressed|distinct|different|present|sent|signed|completed|listed|followed|obeyed"
    r"|respected|painted|assigned|home|back|ready)\b"
)


def must(site: Site) -> bool:
    """A conclusion (it must be 7); not a duty or a rule (you must choose, must be placed)."""
    if not _MUST.match(site.low, site.end) or _DUTY.match(site.low, site.end):
        return False
    return site.previous() not in ("you", "i", "we", "players", "player", "students", "everyone")


_RIDDLE = re.compile(
    r" (?:tell|tells|told|lie|lies|lying|lied|speaks?|true|false|truthful|been|mind|say|says)\b"
)


def always(site: Site) -> bool:
    """A claim without exception; not negated, not the fixed habit of someone in a riddle."""
    if _RIDDLE.match(site.low, site.end) or re.search(
        r"(?:\bnot|n't|almost|nearly|will|as) $", site.before(8)
    ):
        return False
    return not (site.low.startswith("never", site.start) and site.next() in ("before", "again"))


def we_know(site: Site) -> bool:
    """Asserted as known; not asked or supposed (do we know, if we know, what we know)."""
    return site.previous() not in (
        "do", "if", "what", "how", "unless", "whether", "until", "once", "all", "than", "when",
        "don't", "n't", "not", "everything", "far", "can", "would", "before", "let", "who", "did",
    )  # fmt: skip


def according(site: Site) -> bool:
    """Names a source; not a rule or the problem at hand (according to the problem)."""
    return not re.match(
        r" (?:the |this |these |our |my )?(?:problem|question|rules?|formula|order|size|height"
        r"|age|plan|definition|condition|conditions|given|table|pattern|above|statement|passage)\b",
        site.after(24),
    )


RULES: dict[str, Callable[[Site], bool]] = {
    rule.__name__: rule
    for rule in (
        may, might, could, aside, to_verb, suggest, sentence_claim, quantity, fairly, rather,
        kind_of, i_think, suspects, possible, not_negated, clearly, in_fact, must, always, we_know,
        according, acts.opening, acts.wait, acts.hold_on, acts.actually, acts.fresh_clause,
        acts.correction, acts.instead, acts.own_act, acts.confirmed, acts.check, acts.to_be_sure,
        acts.recall, acts.foreign, acts.expected, acts.early,
    )
}  # fmt: skip
"""Rule name -> whether the candidate is what the lexicon takes it for."""
