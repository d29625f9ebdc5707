"""Context rules for what somebody holds: beliefs, forecasts, ideas, and what nobody knows.

The same shape as the rules of `rules.py`, which says how they are read. Belief verbs count whoever
believes, since they leave open what they govern; verbs of saying do not.
"""

from __future__ import annotations

import re

from curation.hedging.text import Site, words

_SOME = re.compile(
    r"\b(?:some|many|most|several|certain|various|numerous|others?|few|critics|scholars"
    r"|historians|experts|analysts|observers|proponents|supporters|opponents|commentators|skeptics"
    r"|sceptics|researchers|scientists|economists|biographers|theorists|linguists|archaeologists"
    r"|authors|writers|sources|people|investigators|detectives|officials|doctors|physicians)"
    r"(?: [a-z\-]+){0,3}?(?: (?:have|had|also|even|still|often|now|sometimes|generally))* $"
)
_PERSONS = re.compile(r"\b(?:that|who|which|to|what|how|as|not|n't|whom|would|must|can) $")


def held_by_some(site: Site) -> bool:
    """A claim of unnamed people (some scholars argue); not a named one's, no relative clause."""
    back = site.before(60)
    return bool(_SOME.search(back)) and not _PERSONS.search(back) and site.next() not in (
        "about", "of", "with", "over", "for", "", "so", "like", "yes", "no",
    )  # fmt: skip


_NO_CREED = words("not n't to couldn't can't cannot make i we never don't didn't no")


def believes(site: Site) -> bool:
    """Holds something to be so, or doubts it; not believing in, not `no doubt`."""
    if site.previous() in _NO_CREED:
        return False
    return site.next() not in ("", "in", "of", "by", "or", "and", "me", "you", "to")


_NOT_AWAITED = words(
    "problem question function code test method program parser api to can you should n't not we i"
    " as don't could cannot"
)


def expects(site: Site) -> bool:
    """Someone looks forward to it being so; not what one can expect, not (as) expected."""
    return site.previous() not in _NOT_AWAITED and site.next() not in ("", "from", "of", "and")


_GIVEN_UP = re.compile(
    r"\b(?:reject(?:ed|s)?|refut(?:ed|es)|null|disprov(?:ed|es)|defin(?:ed|es)|discard(?:ed|s)"
    r"|abandon(?:ed|s)|tested|contradict(?:ed|s)?|the idea is|clear|simple)\b"
)


def held_idea(site: Site) -> bool:
    """An idea that something is so; not one that is rejected, defined or a way of working."""
    return not _GIVEN_UP.search(site.sentence())


_EVIDENCE = re.compile(
    r"\b(?:results?|evidence|stud(?:y|ies)|tests?|data|findings?|trials?|biops(?:y|ies)|samples?"
    r"|investigations?|autops(?:y|ies)|analys[ei]s|scans?|research|examinations?|survey)\b"
)


def evidence(site: Site) -> bool:
    """Said of evidence (the tests were inconclusive); not of a battle."""
    return bool(_EVIDENCE.search(site.sentence()))


def unknown(site: Site) -> bool:
    """Something is not known; not the unknown of an equation (x is unknown)."""
    return len(site.previous()) > 1 and site.next() not in ("quantity", "variable", "to", "number")


_NUMBER_BEFORE = re.compile(
    r"(?:\d[a-z]?|one|two|three|four|five|six|ten|dozen|half|couple|hour|day|week|month|year|minute"
    r"|mile|metre|meter|inch|percent|people|thousand|hundred|million|times)s? $"
)


def or_so(site: Site) -> bool:
    """After a number (an hour or so), or of a saying (or so they say)."""
    if site.next() == "that":
        return False
    return bool(_NUMBER_BEFORE.search(site.before(12))) or site.next() in (
        "i", "he", "she", "they", "it", "we", "the",
    )  # fmt: skip


_CLAIMANT = words("i you he she it we they there this that someone somebody nobody everyone no")
_SIGHT = words("it this that now just also still really only which not")


def resembles(site: Site) -> bool:
    """Something seems so (looks like they left, it sounds like a leak); not a likeness.

    Of other subjects than it, this, that, a likeness is taken for one (he looks like his father);
    what something feels like is an impression only where a clause follows (felt like they knew).
    """
    if site.next() in _CLAIMANT:
        return True
    if site.low.startswith("fe", site.start) or not site.next():
        return False
    return site.opens_clause() or site.previous() in _SIGHT
