"""Context rules: is this phrase, here, the marker that the lexicon takes it for?

Owns one small function per rule name of the lexicon's `rule` column (`RULES`; those on claims stand
here, on modal verbs in `modals.py`, on what people hold in `beliefs.py`, on what a writer does in
`acts.py`). A rule looks at the words around one candidate and answers; it knows neither the lexicon
nor other candidates. Rules are cheap and shallow on purpose: no parsing, no word classes. Where a
reading cannot be told from the neighbours, the rule keeps the more frequent one and its docstring
says which.

Decided once: a bare `if` or `or` is no marker. A negated `seems` stays a hedge ("doesn't seem
right" withholds commitment as "seems wrong" does); a negated booster is none ("not obviously").
`about 5 cm` is a hedge (it approximates); `think about` is none. Strength is the lexicon's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from curation.hedging import acts, beliefs, modals
from curation.hedging.text import Site, words

VERSION = 3
"""Counted up when a rule changes what is marked; the lexicon's table names the version it is for.
"""


def aside(site: Site) -> bool:
    """Stands alone as an adverbial (in a way, for certain); not in a way that, for certain uses."""
    return site.next() in ("", "but", "and", "it", "this", "because", "if", "whether", "yes")


_NO_QUALITY = words(
    "in on at twice once only again here there under above below next between near as to with"
    " before after from for by and or but when where while if because since until during through"
    " throughout within among amid alongside together elsewhere first last more most less often"
    " the a an this that these those his her their its my our him them me us"
)


_NO_PLACE = words("in on at to twice once only again here above below next with as for when")


_COMPARED = re.compile(r" (?:more|less) (?!than\b|often\b|frequently\b|and\b|in\b|times\b)[a-z]+")


def to_verb(site: Site) -> bool:
    """It appears to be so, it appeared calm; not where it appears (to the left, in a list, twice).

    After `appear(s)` alone, a word counts as a quality unless it is a small word or an adverb.
    """
    word = site.next()
    if word in ("more", "less"):
        return bool(_COMPARED.match(site.low, site.end))
    if site.low.endswith("to", site.start, site.end):
        return bool(word) and word not in _NO_QUALITY and word != "scale"
    if word == "that":
        return True
    if site.previous() == "it":
        return word not in _NO_PLACE
    return word.isalpha() and word not in _NO_QUALITY and not word.endswith("ly")


_OPTION = re.compile(
    r"(?:\boption \(?[a-z]\)?|\([a-e]\)|\b[a-e]\)|\bstatement [ivx0-9]+)(?: also)? $"
)


_PROPOSED = re.compile(r"\b(?:i|we|you|he|she|they|who)(?:'ve|'s)? (?:has|have|had|also) $")


def suggest(site: Site) -> bool:
    """Evidence suggests; not a person's proposal, not what an answer option says."""
    if site.previous() in ("i", "he", "she", "you", "i'd", "someone", "who"):
        return False
    if _PROPOSED.search(site.before(16)):
        return False
    if site.low.startswith("suggested", site.start) and site.previous() in ("the", "a", "its"):
        return False  # the suggested route
    if _OPTION.search(site.before(20)) or re.match(r"[^.;]{0,70}\bshould\b", site.after(80)):
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
_CLAIMED = re.compile(
    r"(?:\b(?:is|was|are|were|be|been|being|it's|that's|weighs?|weighed|costs?|takes?|took|equals?"
    r"|gives?|gets?|got|get|makes?|totals?|averages?|averaged|measures?|measured|covers?|covered"
    r"|lasts?|lasted|say|maybe|perhaps|probably|so|or|only|just|leaves|yields?|find"
    r"|estimate|estimated|spans?|numbers?|has|have|had"
    r"|consists? of|comprises?|contains?)|[=≈]|\bis:) ?$"
)
_FAR = re.compile(
    r" [~$£€≈]?[\d.,]+ ?(?:km|kilomet|m\b|met(?:re|er)s?\b|mi\b|miles?|feet|ft|yards?)[^.;]{0,25}"
    r"\b(?:north|south|east|west|away|from|off|above|below|high|long|wide|tall|deep|downstream"
    r"|upstream|inland)\b"
)
_AWAY = re.compile(r"\b(?:north|south|east|west|away|from|off|downstream|upstream|inland)\b")


_TOLD = re.compile(
    r"\b(?:book|film|movie|novel|story|song|play|poem|show|series|article|essay|episode)\b"
)
_ROUNDED = re.compile(r" [~$£€≈]?[\d,]*\.\d\d")


def quantity(site: Site) -> bool:
    """A number that the sentence claims only roughly (it is about 5 cm, takes around an hour).

    Not a round number in passing (about 300 people watched), a place (approximately 12 km north
    of), a topic (think about 5), a computed value that is only rounded (approximately 1.2235).
    """
    if not _QUANTITY.match(site.low, site.end):
        return False
    if not _CLAIMED.search(site.before(14)):
        return False
    if _ROUNDED.match(site.low, site.end):
        return False
    if site.low.startswith("about", site.start) and _TOLD.search(site.before(40)):
        return False
    far = _FAR.match(site.low, site.end)
    return not (far and _AWAY.search(far[0]))


_OURS = re.compile(
    r"\b(?:i|i'm|i'd|i've|we|we'd|let me|let's|my"
    r"|th(?:is|ese) (?:problem|question|kind|type|puzzle)s?|the (?:answer|question|problem))\b"
)


def reasoning(site: Site) -> bool:
    """In the writer's own reasoning (I, we, this problem): there a rule of thumb is a guess.

    Elsewhere `usually` says how often, not how sure.
    """
    return bool(_OURS.search(site.sentence()))


_CHANCE = re.compile(
    r"\b(?:probabilit(?:y|ies)|odds|dice|die|coins?|outcomes?|random|randomly|chosen|drawn)\b"
)


def chance(site: Site) -> bool:
    """A guess at what is so; not probability as the subject matter."""
    return not _CHANCE.search(site.sentence())


_FORMULA = re.compile(r"[=\\$<>≤≥^]|\b\d+\b")


_OR_NOT = re.compile(r"[^.;:,\n]{1,40}\bor not\b")
_ASKING = words(
    "unclear unknown uncertain know knows known wonder wonders wondered wondering ask asked"
    " tell say sure certain determine establish question examined investigate investigated"
    " out about"
)


def whether(site: Site) -> bool:
    """A question left open (unclear whether, to determine whether); not a task of arithmetic or
    of a program (check whether n is even), not a decision (decide whether to), not `whether or not`
    as a concession.
    """
    if site.previous() in (
        "check",
        "checks",
        "checking",
        "checked",
        "decide",
        "decides",
        "decided",
        "deciding",
        "choose",
        "verify",
        "tells",
        "regardless",
        "matter",
        "on",
        "by",
        "of",
        "see",
    ):
        return site.previous() == "of" and site.before(12).endswith("question of ")
    if site.opens_clause() or not site.previous():
        return False
    if site.next() in ("to", "by", "or"):
        return False
    if _OR_NOT.match(site.low, site.end) and site.previous() not in _ASKING:
        return False
    return not _FORMULA.search(site.sentence())


_VERB_BEFORE = words(
    "is are was were it's that's i'm just i seems looks feels we also still he's she's they're but"
    " and only be been seemed looked felt"
)


def predicate(site: Site) -> bool:
    """Softens what the sentence claims (was somewhat odd); not a degree in passing (a fairly flat
    tray), not dividing something fairly.
    """
    return site.previous() in _VERB_BEFORE and site.next() not in ("", "and", "by", "between")


def kind_of(site: Site) -> bool:
    """A softener (it's kind of odd); not a class (what kind of, this sort of, two kinds of)."""
    return site.previous() in _VERB_BEFORE


_ABOUT_TOPIC = re.compile(
    r" (?:about|of|through|back|hard|carefully|again|step|aloud|critically|ahead|deeply|clearly"
    r"|in|on|outside|beyond|\?)\b"
)
_NOT_MINE = re.compile(
    r"(?:\b(?:do|does|did|should|can|how|what|when|than|could|must|would)|n't) $"
)


def i_think(site: Site) -> bool:
    """The writer's belief about a claim; not thinking about or of something."""
    if _ABOUT_TOPIC.match(site.low, site.end) and site.next() != "in":
        return "think" not in site.low[site.start : site.end] and not site.after(9).startswith(
            (" of", " about")
        )
    if site.low.endswith("believe", site.start, site.end) and site.next() == "in":
        return bool(re.match(r" in (?:this|that|the|step|case|our)\b", site.after(12)))
    return not _NOT_MINE.search(site.before(10))


_POSSIBLE = re.compile(
    r" (?:that|explanation|explanations|cause|causes|reason|reasons|role|roles|mechanism|mechanisms"
    r"|marker|markers|biomarker|biomarkers|regulator|mediator|substrate|ligand|benefit|benefits|link|links|association|involvement|effect|effects|relationship|connection|interpretation"
    r"|interaction|interactions|target|targets|candidate|source|sources|exception|error|mistake"
    r"|risk|contribution|implication|implications|function|functions|influence|presence|side)\b"
)


_COUNTED = words("values value outcomes pairs cases combinations answers ways numbers choices sums")


_CHANCE_OF = re.compile(
    r" (?!to\b|values?\b|ways?\b|solutions?\b|answers?\b|approach|outcomes?\b|rational|pairs?\b"
    r"|combination|candidate|choices?\b|integer|number|root|score|total|path|moves?\b|point|case"
    r"|and\b|or\b|for\b|but\b)[a-z]{3,}"
)


def suspects(site: Site) -> bool:
    """Someone suspects something; not the suspect of a crime."""
    return site.previous() not in (
        "the", "a", "this", "that", "prime", "his", "her", "their", "second", "each", "murder",
        "i", "of", "main", "one", "suspect", "terror", "key", "chief", "top", "possible", "wanted",
    ) and site.next() not in (
        "for", "in", "were", "are", "was", "who", "at", "from", "and", "",
    )  # fmt: skip


def possible(site: Site) -> bool:
    """A possible or potential cause, possible that; not all possible values, potential energy."""
    if site.low.startswith("possibility", site.start):
        return True
    if site.cased[site.start] == "P" and site.opens_clause() and site.next() not in _COUNTED:
        return bool(site.next()) and site.low.startswith("possible", site.start)
    if (
        site.previous() in ("a", "another", "possible")
        and _CHANCE_OF.match(site.low, site.end)
        and site.low.startswith("possible", site.start)
    ):
        return True
    return bool(_POSSIBLE.match(site.low, site.end)) and site.previous() not in (
        "all", "every", "each", "any", "not", "n't", "only", "other", "as", "two", "three",
    ) and not site.low.startswith("possible to", site.start)  # fmt: skip


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


_LAW = re.compile(
    r"\b(?:is|are|be|will|would|must|it's|that's|can|there's|there is|there are|has to) $"
)
_HOLDS = re.compile(
    r" (?:be|hold|holds|true|equals?|gives?|yields?|works?|positive|negative|even|odd|divides?"
    r"|returns?|leads?|leaves?|results?|means?|implies|exists?|contains?|less|greater|more|at"
    r"|zero|an?|the (?:same|case)|one|possible|wrong|right|correct|ends?|follows?|\d)\b"
)
_RIDDLE = re.compile(
    r" (?:tell|tells|told|lie|lies|lying|lied|speaks?|true|false|truthful|been|mind|say|says)\b"
)
_PEOPLE = re.compile(r"\b(?:i|you|he|she|they|we|who|people|i'm|he's|she's|they're)(?:'[a-z]+)? "
                     r"(?:[a-z]+ )?$")  # fmt: skip


def always(site: Site) -> bool:
    """A law without exception (is always even, never negative); not negated, not someone's habit
    (she always calls, never married), not the fixed speech of a riddle.
    """
    back = site.before(16)
    if re.search(r"(?:\bnot|n't|almost|nearly|as|than|had|have|has) $", back):
        return False
    if _RIDDLE.match(site.low, site.end) or _PEOPLE.search(back):
        return False
    return bool(_LAW.search(back) or _HOLDS.match(site.low, site.end))


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
        r"|age|plan|definition|condition|conditions|given|table|pattern|above|statement|passage"
        r"|answer|solution|reference|hint|provided|text|sentence|instructions?|order of)\b",
        site.after(24),
    )


RULES: dict[str, Callable[[Site], bool]] = {
    rule.__name__: rule
    for rule in (
        modals.may, modals.might, modals.could, modals.should, modals.must, aside, to_verb,
        suggest, sentence_claim, quantity, predicate, kind_of, i_think, suspects, possible,
        reasoning, chance, whether, beliefs.held_by_some, beliefs.expects, beliefs.believes,
        beliefs.held_idea, beliefs.evidence, beliefs.unknown, beliefs.or_so, beliefs.resembles,
        not_negated, clearly,
        in_fact, always, we_know, according, acts.opening, acts.road, acts.own_memory, acts.wait,
        acts.hold_on, acts.actually, acts.fresh_clause,
        acts.correction, acts.instead, acts.own_act, acts.confirmed, acts.check, acts.to_be_sure,
        acts.recall, acts.foreign, acts.expected, acts.early,
    )
}  # fmt: skip
"""Rule name -> whether the candidate is what the lexicon takes it for."""
