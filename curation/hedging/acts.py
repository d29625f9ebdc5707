"""Context rules for what a writer does: turn, try, check, look back, or speak of what they saw.

One small function per rule name; how they are read stands in `curation/hedging/rules.py`.
"""

from __future__ import annotations

import re

from curation.hedging.text import Site, words

_INTERJECTION = words(
    "but oh no hmm so and okay ok well actually ah hey yes yeah or because then wait hm"
)
_WAITING = re.compile(
    r"[ \-](?:for|until|till|time|times|list|lists|in|at|on|with|outside|here|there|longer|another"
    r"|her|him|them|me|us|patiently|up|his|your|their|long|before|after|while|and|as"
    r"|(?:\d+|one|two|three|four|five|ten|an?|several|some|half) (?:more )?(?:second|minute|hour"
    r"|day|week|month|year|hr|min|sec|cycle|turn|step)s?)\b|\("
)
_PAUSE = re.compile(r"\s*[,.!?…:;—–\-\n*]|$")


def wait(site: Site) -> bool:
    """The interjection; not waiting for, to wait, a long wait, they wait.

    Where punctuation stands on one side only, the interjection is taken to be the likelier.
    """
    if _WAITING.match(site.low, site.end):
        return False
    if site.opens_clause():
        return True
    if site.previous() in _INTERJECTION:
        return bool(_PAUSE.match(site.low, site.end)) or site.next() in (
            "no", "that", "i", "the", "maybe", "if", "is", "let", "actually", "but", "what", "it",
            "this", "we", "there", "hold", "why", "how", "a", "in", "does", "did", "so", "are",
        )  # fmt: skip
    return False


def hold_on(site: Site) -> bool:
    """The interjection; not to hold on to a rail."""
    return site.next() != "to" and (site.opens_clause() or site.previous() in _INTERJECTION)


_AFTER_TURN = words("but wait no oh hmm hm so ah well ok okay and or because yes then um oops")


def actually(site: Site) -> bool:
    """Opens or closes its sentence, or comes after a turn (but actually); elsewhere it emphasises
    (I actually liked it).
    """
    if site.previous() in ("not", "n't"):
        return False
    if re.match(r" ?[.!?]|$", site.after(3)) and site.before(2) == ", ":
        return True
    if site.previous() in _AFTER_TURN:
        return True
    return site.opens_clause() and not site.before(2).endswith(("(", "( "))


def fresh_clause(site: Site) -> bool:
    """Begins its clause; a relative clause (the option that's wrong) does not count."""
    return site.opens_clause() or site.previous() in (
        "so", "but", "no", "oh", "and", "think", "because", "maybe", "guess", "wait", "since",
    )  # fmt: skip


def correction(site: Site) -> bool:
    """An announcement (Correction: …); not a correction factor."""
    return site.opens_clause() and bool(re.match(r" ?[:,—–-]", site.after(2)))


_OTHERS_PLAN = re.compile(r",? (?:they|he|she|it|the|this|these|his|her|their|its|people|an?)\b")


def instead(site: Site) -> bool:
    """A change of the writer's plan; not instead of, not what others do instead."""
    if site.next() == "of":
        return False
    if site.opens_clause() and not re.match(r" ?[.;)\n]", site.after(2)):
        return not _OTHERS_PLAN.match(site.low, site.end)
    return bool(
        re.search(r"\b(?:let me|let's|i'll|i (?:can|could|should|will)|we (?:can|could|should))\b",
                  site.sentence())
    )  # fmt: skip


_OWN = re.compile(
    r"(?:\b(?:let me|let's|let us|i'll|we'll|i|we|can|should|will|would|could|must|needs? to"
    r"|have to|has to|want to|wanted to|going to|gonna|try to|like to|to|just|also|now|then|again"
    r"|and|quickly|first|so|please|by|i'd|worth|for|often|really)|[.!?:;,…(—–\n\-*#>]) ?$"
)
_OTHERS = re.compile(
    r"\b(?:you|he|she|they|it|who|which|function|code|program|loop|algorithm|method|script|police"
    r"|officer|officers|teacher|doctor|guard|nurse|customer|results|data|studies|authors|findings"
    r"|scientists|researchers|test|tests|method|process|procedure|user|server)"
    r"(?: (?:will|would|can|could|should|must|may|might|then|also|first|always|to|wants to|need to"
    r"|needs to|have to|has to))* $"
)


def own_act(site: Site) -> bool:
    """The writer's act (let me verify, we confirm, Verifying); not what others or data do."""
    if _OTHERS.search(site.before(45)):
        return False
    back = site.before(12)
    return not back.strip() or bool(_OWN.search(back))


_BY_MEANS = re.compile(r"\b(?:by|using|with|via|through) ")


def confirmed(site: Site) -> bool:
    """A result the writer confirmed in the trace: at a clause's start, or I/we have, this is.

    Not what was verified by an instrument (we verified the structure by …).
    """
    if " " in site.low[site.start : site.end]:
        return True
    if site.opens_clause():
        return True
    return site.previous() in ("i", "we", "i've", "we've") and not _BY_MEANS.search(site.after(60))


_FIRST_PERSON = re.compile(
    r"\b(?:i|i'm|i'll|i'd|we|we'll|me|us|let's|my|our|could|would|maybe|perhaps|try|trying|use"
    r"|consider|using)\b"
)


_ROAD_AHEAD = re.compile(r"(?: (?:here )?(?:is|would be|might be|to|of))?(?::| to\b| that\b)")


def road(site: Site) -> bool:
    """Another road for the writer (another way is to, we could use a different method); not a
    thing that has alternatives (an alternative method uses copper).
    """
    return (
        bool(_FIRST_PERSON.search(site.sentence()))
        or bool(_ROAD_AHEAD.match(site.low, site.end))
        or (site.opens_clause() and site.low.startswith("another", site.start))
    )


def own_memory(site: Site) -> bool:
    """Memory as the source of a claim (I remember that …); not a remembered day."""
    return not re.match(
        r" (?:when|how|the (?:day|days|time|times|summer|winter|night|morning|year|first|last|look"
        r"|smell|way)|my|him|her|them|being|seeing|going|\w+ing)\b",
        site.after(24),
    ) and not re.match(r" (?:an?|some) [a-z]+(?: [a-z]+)?(?:[.,;!?]|$)", site.after(30))


_MONEY_OR_CHESS = re.compile(
    r"\b(?:banks?|cheques?|cash|cashe[ds]|cashing|deposit(?:ed|s)?|paychecks?|payroll|bounced|salary"
    r"|tip|waiter|waitress|restaurant|chess|rook|bishop|checkmate|luggage|coat"
    r"|passport|airport|hotel|flight|mailed|by check|blank check|rent)\b"
)
_CHECK_NOUN = words(
    "the a his her their my its your this each that another one by in of bank paper personal"
    " blank rain coat spot hat reality background security credit health medical spelling spell"
    " ticket bag perpetual discovered with was is were are"
)
_CHECK_COMPOUND = re.compile(
    r"[ \-](?:in|out|up|mark|marks|marked|box|boxes|list|lists|book|books|point|points|sum|mate"
    r"|digit|engine|valve|number|for \$|worth|bits?|payable|and balance)\b(?! (?:the|if|whether"
    r"|that|this))|\("
)
_OWN_CHECK = re.compile(
    r"\b(?:let me|let's|i'll|i|i should|sanity|quick|final|double|last|quickly|as a) $"
)
_OPERATION = re.compile(r" (?:if|whether|for) (?!(?:this|that|it|my|our|these|i|we|everything)\b)")
_PROGRAM = re.compile(r"\b(?:function|code|loop|program|algorithm)\b")


def check(site: Site) -> bool:
    """The writer checks; not a cheque, a chess check, a check-in, or what a program or a rule does.

    "Check if n is even" alone is taken for a plain operation; "let me check if …" is the writer's.
    """
    if _CHECK_COMPOUND.match(site.low, site.end) or _OTHERS.search(site.before(45)):
        return False
    back = site.before(12)
    if site.opens_clause() and site.after(1) in (":", ",", "."):
        return True
    if _OWN_CHECK.search(back):
        return not re.search(r"\b(?:write|wrote|cash|sign|signed) (?:a|the) $", site.before(20))
    if site.previous() == "a" and site.next() in ("by", "on", "that", "with", "shows"):
        return not _MONEY_OR_CHESS.search(site.sentence())
    if site.previous() in _CHECK_NOUN or _MONEY_OR_CHESS.search(site.sentence()):
        return False
    if _OPERATION.match(site.low, site.end) and site.low[site.start : site.end] == "check":
        return site.previous() in (
            "to", "we", "must", "should", "and", "just", "now",
        ) and not _PROGRAM.search(site.sentence())  # fmt: skip
    return not back.strip() or bool(_OWN.search(back))


def to_be_sure(site: Site) -> bool:
    """To be sure, at a clause's end or start; not needing someone to be sure of something."""
    return site.next() != "of"


def recall(site: Site) -> bool:
    """An address to what stood before (Recall that …); `I recall` is evidential instead."""
    return site.opens_clause() or site.previous() in ("we", "but", "and", "also", "now", "us", "so")


_IN_THE_TASK = re.compile(
    r"[ ,]*(?:in|by|from) (?:the |this |our |my )?(?:original |given )?(?:problem|question|prompt"
    r"|statement|text|passage|table|figure|diagram|options|choices|equation|list|task|instructions"
    r"|context|information|sequence|graph)\b"
    r"|[ ,]*(?:format|type|form|values?|choices?|options?|line|length|distribution|frequency)\b"
)
_GIVEN_SECRET = re.compile(
    r" (?:the |a |an |with |also )?(?:correct |final |reference |right |full |worked |provided )*"
    r"(?:answer|solution|reference|hint|answer key|result to)\b"
)


def foreign(site: Site) -> bool:
    """Speaks of a reference that is not in the task itself.

    Bare `I was given` needs an answer, solution, reference or hint after it; `as provided in the
    problem`, `the given answer choices` and the writer's own `previous attempt` do not count.
    Phrases whose words stand in the prompt are dropped by the caller.
    """
    if _IN_THE_TASK.match(site.low, site.end):
        return False
    phrase = site.low[site.start : site.end]
    if phrase.endswith("given") and phrase.startswith(("i was", "we were")):
        return bool(_GIVEN_SECRET.match(site.low, site.end))
    if phrase.startswith(("previous", "prior")):
        return site.previous() not in ("my", "our", "this", "a")
    if phrase.startswith(("knowing", "given")):
        return site.previous() not in ("without", "before", "not")
    return True


def expected(site: Site) -> bool:
    """An answer known beforehand; not its format or a number's expectation."""
    return not _IN_THE_TASK.match(site.low, site.end) and not re.match(
        r" (?:an? |in |given |between |positive|negative|simplified|written|as |less|more|greater)",
        site.after(12),
    )


EARLY_WORDS = 40
"""A trace that names the answer before this many words had no room to derive it (science §4)."""
_NAMED = re.compile(r"(?: is| be| must be)?[ :=*\"'(]*(?:\$|\\|\d|[-−]\d|[a-e]\)|[b-e]\b|option )")

_CONCLUDED = re.compile(r"\b(?:so|therefore|thus|hence|then|putting|finally|option)\b")


def early(site: Site) -> bool:
    """The answer is named, with fewer than `EARLY_WORDS` words before it: nothing was derived yet.

    Only the words before count, not the share of the trace, so that what follows changes nothing.
    """
    if not _NAMED.match(site.low, site.end) or _CONCLUDED.search(site.sentence()):
        return False
    return site.start < 800 and len(site.low[: site.start].split()) < EARLY_WORDS


def opening(site: Site) -> bool:
    """Begins its sentence or line, or what follows a colon; after a comma it only contrasts."""
    back = site.before(6).rstrip(" *_\"'“‘>(")
    return not back or back[-1] in ".!?:;…\n" or back.endswith((" -", "--"))
