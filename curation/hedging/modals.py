"""Context rules for modal verbs: possible or certain (epistemic), against able, allowed or obliged.

The same shape as the rules of `rules.py`, which says how they are read. The lines between the two
readings follow Coates (1983): an epistemic modal goes with a state (`be`, `have`), a perfect
(`may have fallen`), or something that happens to a thing; a root modal goes with an agent and an
act, a passive that says what one can do, a rule, a wish or a request.
"""

from __future__ import annotations

import re

from curation.hedging.text import Site, words

_MONTHS = re.compile(
    r"(?:in|of|on|since|until|till|by|last|next|early|late|mid|during|from|through|every|this"
    r"|january|february|march|april|june|and june|\d{1,2}(?:st|nd|rd|th)?)[ ,\-]+(?:of )?$"
)
_DAY = re.compile(
    r" (?:\d|and (?:june|july)\b|to (?:june|july|august)\b|the \d|day\b)|[,–—-] ?\d|'s\b"
)
_RULED = words(
    "you theresa brian contestants contestant players player members member jurors students"
    " student participants applicants visitors passengers teams candidates employees citizens"
    " residents tenants voters owners holders users party parties guests anyone nobody everyone"
    " one court courts judge judges parliament congress"
)
_NONE_MAY = re.compile(r"\bno (?:[a-z\-]+ ){1,3}$|\bneither (?:[a-z\-]+ ){1,3}$")
_BY_CONVENTION = re.compile(
    r" (?:also |then |thus |therefore |now |equivalently |simply )*(?:be (?:written|rewritten"
    r"|expressed|chosen|assumed|taken|viewed|regarded|thought of|defined|stated|represented"
    r"|interpreted as|repeated|reused|ignored|omitted|purchased|bought|submitted|downloaded"
    r"|obtained from|amended|paid|renewed|revoked|appealed|imposed|granted|cancelled|withdrawn"
    r"|printed|transferred|waived|stored|kept)|refer to"
    r"|assume|suppose|write|choose|take|conclude|let|ignore|proceed)\b"
)


_FORBIDDEN = re.compile(
    r" not (?:enter|vote|park|water|bring|smoke|sell|exceed|wear|remove|marry|drive|disclose"
    r"|be (?:used|taken|sold|carried|worn|brought|moved|copied|reproduced|disclosed))\b"
    r"|[a-z ]{1,30}\bonly (?:by|if|with|on|when|after)\b"
    r"| (?:[a-z]+ )?(?:free of charge|for free|free)\b"
)
"""What one may not do, or only if: a rule. Taken for a rule also where it is a forecast."""


def may(site: Site) -> bool:
    """`may`, but not the month, a request, a permission or a rule (you may, no member may), a
    convention of mathematics (may be written as, we may assume), a name (Ms May).
    """
    if site.cased[site.start] == "M":
        if _MONTHS.search(site.before(24)) or _DAY.match(site.low, site.end):
            return False
        if site.cased[site.start : site.end] == "May" and not site.opens_clause():
            return False
    word = site.next()
    if word in ("i", "we", "the", "you", "only", "god", "he", "she", "they", "it", "this"):
        return False
    if _FORBIDDEN.match(site.low, site.end):
        return False
    if _NONE_MAY.search(site.before(40)) or _BY_CONVENTION.match(site.low, site.end):
        return False
    if site.previous() in _RULED:
        return _STATE.match(site.low, site.end) is not None
    return True


_STATE = re.compile(r" (?:well |also |still |not |already |even |never )*(?:be|have|need)\b")


def might(site: Site) -> bool:
    """`might`, but not strength (the might of, all his might), not a question of manners."""
    if site.next() in ("of", "and") or re.search(
        r"\b(?:all|with|the|military|his|her|their|its|our) $", site.before(12)
    ):
        return False
    return site.next() not in ("i", "we")


_ADVERBS = (
    r"(?: (?:also|still|well|even|soon|now|then|thus|therefore|perhaps|possibly|potentially|easily"
    r"|just|simply|eventually|one day|in turn|in theory|in principle|theoretically|conceivably"
    r"|otherwise))*"
)
_HAPPENS = re.compile(
    _ADVERBS
    + r" (?:have been|have|be|mean|lead|cause|result|affect|explain|reflect|indicate|suggest|imply"
    r"|represent|become|happen|occur|come|rise|fall|cost|take|make|help|change|hurt|face|lose"
    r"|begin|start|end|reduce|increase|decrease|worsen|improve"
    r"|play an? (?:[a-z]+ )?(?:role|part)|contribute|provide|trigger"
    r"|bring|drive|boost|threaten|harm|damage|delay|last|reach|spread|prove|turn|go"
    r"|arise|stem|involve|depend|influence|act as|serve as|kill|leave|raise|slow|shift"
    r"|spark|require|need|prevent|destroy|create|emerge|collapse|drop|grow|remain|stay"
    r"|also be|account|interfere|modulate|mediate|allow|enable|refer|pose|strengthen|weaken"
    r"|undermine|expose|exceed|prompt|encourage|discourage|complicate|backfire|appear|fail|crack|leak|break|crash|burst|flood"
    r"|rain|snow|announce|declare|approve|impose|ban|resign|strike|freeze|cease|vanish|escalate|derail|hamper|hinder|hold|mark|signal|mask|bias|yield)\b"
)
_DONE = re.compile(
    _ADVERBS
    + r" be (?:easily |readily |clearly |directly |reliably |also |only |just |further )*(?:used"
    r"|written|expressed|rewritten|simplified|factored|computed|calculated|solved|divided|chosen"
    r"|found|done|made|seen(?! as)|heard|reached|bought|placed|arranged|paired|split|shown"
    r"|measured|performed|applied|obtained|detected|observed|identified|determined|demonstrated"
    r"|recovered|purified|isolated|amplified|distinguished|resolved|assigned|confirmed"
    r"|established|achieved|read|moved|opened|carried|played|accessed|sold|kept|built|heard"
    r"|expanded|extended|reused|removed|combined|replaced|proved|verified|described|defined|won"
    r"|worn|visited|traced|counted|estimated|tested|stored|loaded|installed|rented|taken|given)\b"
)
_PASSIVE = re.compile(
    _ADVERBS + r" be (?:[a-z]+ly |also |only |just |further |next |so )*"
    r"([a-z]+ed|cut|put|set|met|held|sent|spent|dealt|felt|brought|caught|taught|thought|run|begun"
    r"|drawn|grown|known|thrown|driven|chosen|spoken|broken|stolen|hidden|eaten|beaten|overthrown"
    r"|hit|hurt|lost|shut|forgotten|mistaken)\b"
)
_BEFALLS = (
    "link",
    "relat",
    "caus",
    "explain",
    "affect",
    "involv",
    "associat",
    "attribut",
    "forc",
    "kill",
    "damag",
    "delay",
    "tri",
    "charg",
    "jail",
    "fin",
    "destroy",
    "bann",
    "suspend",
    "sued",
    "arrest",
    "sack",
    "fir",
    "dismiss",
    "reject",
    "block",
    "threaten",
    "expos",
    "trigger",
    "prompt",
    "driven",
    "influenc",
    "mediat",
    "misinterpret",
    "mistaken",
    "confus",
    "constru",
    "hurt",
    "lost",
    "hit",
    "need",
    "requir",
    "elevat",
    "increas",
    "reduc",
    "compromis",
    "infect",
    "impair",
    "postpon",
    "scrapp",
    "cancel",
    "overturn",
    "defeat",
    "forgotten",
    "broken",
    "biased",
    "limit",
    "report",
    "tir",
    "connect",
    "intend",
)
"""Participles of what befalls a thing: after `could be` these are possible events, not uses."""
_PERSON = words("i we you he she they who one people anyone someone everyone nobody players users")
_PERSONAL = re.compile(
    _ADVERBS
    + r" (?:be\b(?! able| found| seen| reached| heard)|have|lose|face|become|die|need|get hurt"
    r"|end up|miss|suffer|benefit|regret|fail)\b"
)
_ABLE = re.compile(
    r"\b(?:so|so that|that|where|when|whenever|if|as (?:fast|much|far|long|soon|best|well|hard)"
    r" as|until|before|all|whatever|everything|anything|only|never|no longer|hardly|barely"
    r"|wish|if only) (?:i|we|you|he|she|it|they|one|people|the [a-z]+|her|his)? ?$"
)
_ASKED = re.compile(r" (?:it|this|that|there|the|these|those|my|our|he|she|they)\b[^.;:\n]{0,60}\?")
_ASKED_BE = re.compile(r" (?:[a-z']+ ){1,4}(?:be|have|mean|involve|refer)\b")


_CAPACITY = re.compile(
    r" (?:hold|seat|take|carry|reach|lift) (?:up to |about )?(?:\d|two|three|four|five|ten)"
)


def could(site: Site) -> bool:
    """`could` where something may be the case; not ability, plan, request or a bare negation.

    Taken for epistemic where a thing could be or bring about something, a person could be or
    undergo it, or a question asks whether it is so (could it be …?); else for ability.
    """
    if site.opens_clause() and _ASKED.match(site.low, site.end):
        return bool(_ASKED_BE.match(site.low, site.end))
    if site.previous() in _PERSON:
        return bool(_PERSONAL.match(site.low, site.end)) and not _ABLE.search(site.before(30))
    if _CAPACITY.match(site.low, site.end):
        return False
    if not _HAPPENS.match(site.low, site.end) or _DONE.match(site.low, site.end):
        return False
    passive = _PASSIVE.match(site.low, site.end)
    return passive is None or passive[1].startswith(_BEFALLS)


_EXPECTED = re.compile(
    r" (?:also |now |then |still |therefore |just |only )*(?:be(?! (?:noted|used|able|stressed"
    r"|added|allowed|made|done|given|considered|avoided|treated|taken|kept|remembered|mentioned|pointed"
    r"|replaced|checked|read|set|written|expressed|in the form|rounded"
    r"|(?:an? )?(?:whole|integer))\b)"
    r"|work|give|decrease|increase|reduce|help|improve|lead|recover|take|make|rise|fall|arrive"
    r"|come|go away|cost|last|produce|yield|result|fit|hold|suffice|separate|happen|cover)\b"
)
_THING = re.compile(r"\b(?:this|that|it|which|the (?:answer|result|total|sum|value|correct"
                    r" (?:answer|option|choice)))(?: here)? $")  # fmt: skip


def should(site: Site) -> bool:
    """An expectation about a thing (this should work, the answer should be 5); not advice, duty or
    a format (should be a whole number). Other subjects are taken for duty.
    """
    return bool(_THING.search(site.before(24))) and bool(_EXPECTED.match(site.low, site.end))


_MUST = re.compile(
    r" (?:also |then |therefore |thus |always |still |all |both |actually |necessarily |surely )*"
    r"(?:be|have been|have had|have|mean|equal|follow|hold|lie|exist|contain|come|belong)\b"
)
_DUTY = re.compile(
    r" (?:also |then |always |all |both |each )*(?:be (?:placed|seated|used|chosen|submitted"
    r"|arranged|paid|done|kept|given|made|worn|filled|returned|taken|met|satisfied|careful|able"
    r"|in the form|written|expressed|distinct|different|present|sent|signed|completed|listed"
    r"|followed|obeyed|respected|painted|assigned|home|back|ready|approved|registered|held|stored"
    r"|removed|avoided|treated|at least \d+ years|aged|addressed|protected|reported|ratified"
    r"|licensed|stopped|allowed|tested|notified|elected|shown|considered|carried|ensured)"
    r"|have (?:a valid|an? [a-z]+ (?:licen[cs]e|permit|degree|certificate)|at least))\b"
)
_BOUND = words(
    "you i we players player students everyone members applicants drivers companies visitors"
    " candidates employers team teams company government who passengers"
)


def must(site: Site) -> bool:
    """A conclusion (it must be 7, he must have left); not a duty or a rule (you must choose)."""
    if not _MUST.match(site.low, site.end) or _DUTY.match(site.low, site.end):
        return False
    return site.previous() not in _BOUND or bool(re.match(r" have [a-z]+", site.after(20)))
