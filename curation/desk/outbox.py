"""What a browser tells the desk, read with suspicion: an outbox turned into records and refusals.

What arrives may be anything. An entry becomes exactly the record it describes, or it is refused
with what was wrong: nothing is mended by guessing and nothing is dropped. The same entry always
gives the same record, so that sending it again is harmless. Order is the browser's own count, since
its clock may be moved back.

Knows nothing of Streamlit or of stores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from curation.desk import choices, fields
from curation.desk.fields import MAX_WORD_CHARS, Refusal
from curation.records import CONFIDENCE, PREFER, QUESTION, VERDICTS, Decision, text_hash

MAX_ENTRIES = 500
MAX_EDIT_CHARS = 400_000
"""How long the text of an edit may be; the browser counts an astral character as two."""
MAX_REASONS = 9
MAX_SPANS = 1_000
MAX_DEPTH = 200
"""How many undecided cards a browser may ask to hold."""
DEPTH = 6
"""How many undecided cards a browser holds unless it asks for more."""
MAX_RENDERED = 8
"""How many cards a browser may ask to have rendered at once."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_QUESTION = re.compile(rf"{QUESTION}|leak/sc1_[0-9a-f]{{24}}|{PREFER}tr1_[0-9a-f]{{24}}")
_GUIDELINE = re.compile(r"gl1_[0-9a-f]{24}")
_DAY_MS = 24 * 60 * 60 * 1000


class Outbox(NamedTuple):
    """What a browser sent, read: records in the order they were made, and what cannot be one."""

    decisions: list[Decision]
    refused: dict[str, str]
    """Decision id -> why; `#n` for the n-th entry (from 1) where it has no usable id."""


class Wish(NamedTuple):
    """What a browser asks for beside storing its decisions."""

    holding: dict[str, str]
    """Cards it holds: trace id -> version."""
    want: list[str]
    """Traces whose cards it asks for, decided or not."""
    depth: int
    """How many cards of the queue it wants to hold."""
    rendered: tuple[str, ...] = ()
    """Traces that it shows rendered and has no rendering of."""
    guide: str | None = None
    """The version of the guidelines that it holds ("" = none); None = it asks for no text."""


def decisions(sent: object, *, reviewer: str) -> Outbox:
    """The records that `sent`, a browser's outbox, asks to store, in the order they were made.

    An entry is an object with `decision_id` (a UUID), `kind` ("decide" or "undo"), `trace_id`,
    `decided_at` (ISO with zone), and `verdict` or `withdraws`; the rest may be missing. Anything
    else about it is refused with the reason. The reviewer is never taken from the browser.
    """
    entries = sent.get("entries", []) if isinstance(sent, dict) else None
    if not isinstance(entries, list):
        return Outbox([], {"#0": "the outbox is no object with a list of entries"})
    refused: dict[str, str] = {}
    if len(entries) > MAX_ENTRIES:
        refused["#0"] = f"{len(entries)} entries at once; at most {MAX_ENTRIES} are read"
        entries = entries[:MAX_ENTRIES]
    read: dict[str, tuple[int, Decision]] = {}
    for number, entry in enumerate(entries, 1):
        name = entry.get("decision_id") if isinstance(entry, dict) else None
        usable = isinstance(name, str) and _UUID.fullmatch(name) is not None
        try:
            order, record = _decision(entry, reviewer)
            if record.decision_id in read and read[record.decision_id] != (order, record):
                raise Refusal("another entry of this outbox has the same decision_id")
            read.setdefault(record.decision_id, (order, record))
        except Refusal as refusal:
            refused[str(name) if usable else f"#{number}"] = str(refusal)
    in_order = sorted(read.values(), key=lambda pair: pair[0])
    return Outbox([record for _, record in in_order], refused)


def wish(sent: object) -> Wish:
    """What a browser holds and asks for; whatever is malformed counts as not said."""
    said = sent if isinstance(sent, dict) else {}
    holding = said.get("holding")
    depth = said.get("depth")
    return Wish(
        holding={
            str(pair[0]): str(pair[1])
            for pair in (holding if isinstance(holding, list) else [])
            if isinstance(pair, list) and len(pair) == 2
        },
        want=_names(said.get("want"))[:MAX_DEPTH],
        depth=(
            min(max(depth, DEPTH), MAX_DEPTH)
            if isinstance(depth, int) and not isinstance(depth, bool)
            else DEPTH
        ),
        rendered=tuple(_names(said.get("rendered"))[:MAX_RENDERED]),
        guide=_text_or_none(said.get("guide")),
    )


def _text_or_none(said: object) -> str | None:
    return said if isinstance(said, str) else None


def _names(said: object) -> list[str]:
    """What of a list can be names."""
    return [
        name
        for name in (said if isinstance(said, list) else [])
        if isinstance(name, str) and 0 < len(name) <= MAX_WORD_CHARS
    ]


_FIELDS = frozenset(
    (
        "decision_id", "kind", "trace_id", "text_hash", "verdict", "withdraws", "reasons", "note",
        "directive", "shown_at", "decided_at", "active_ms", "queue", "convention_id", "lexicon_id",
        "revealed", "order", "question", "steps", "seen", "spans",
        "confidence", "edit", "left", "among", "choice", "guidelines_id", "reasons_id",
    )
)  # fmt: skip


def _decision(entry: object, reviewer: str) -> tuple[int, Decision]:
    """An entry's place in the browser's order, and its record."""
    if not isinstance(entry, dict):
        raise Refusal("the entry is no object")
    unknown = sorted(str(name) for name in entry.keys() - _FIELDS)
    if unknown:
        raise Refusal(f"unknown field {unknown[0][:40]!r}; reload the page, then decide again")
    decision_id = entry.get("decision_id")
    if not isinstance(decision_id, str) or not _UUID.fullmatch(decision_id):
        raise Refusal("decision_id is no UUID in lower case")
    kind = entry.get("kind")
    verdict = entry.get("verdict")
    withdraws = fields.word(entry, "withdraws")
    if kind == "decide":
        if verdict not in VERDICTS or withdraws is not None:
            raise Refusal(f"verdict is {verdict!r:.40}; it takes one of {', '.join(VERDICTS)}")
    elif kind == "undo":
        if withdraws is None or verdict is not None:
            raise Refusal("an undo names the decision it withdraws and gives no verdict")
    else:
        raise Refusal(f"kind is {kind!r:.40}; it takes decide or undo")
    trace_id = fields.word(entry, "trace_id")
    if trace_id is None:
        raise Refusal("trace_id is missing")
    decided_at = fields.time(entry, "decided_at")
    if decided_at is None:
        raise Refusal("decided_at is missing")
    question = fields.word(entry, "question") or QUESTION
    if not _QUESTION.fullmatch(question):
        raise Refusal(f"question is {question[:60]!r}, which no desk asks")
    order = fields.count(entry, "order", 2**53)
    active_ms = fields.count(entry, "active_ms", _DAY_MS)
    said = {
        "steps": _steps(entry), "steps_seen": _seen(entry), "spans": _spans(entry),
        "confidence": fields.count(entry, "confidence", max(CONFIDENCE), at_least=min(CONFIDENCE)),
        "edit": _edit(entry),
        **{name: _version(entry, name) for name in ("guidelines_id", "reasons_id")},
    }  # fmt: skip
    sides = choices.said(entry, trace_id, question)
    if kind == "undo" and any(said.values()):
        raise Refusal("an undo judges no step, labels and edits nothing, is not sure or unsure")
    if said["edit"] and (verdict, question) != ("accept", QUESTION):
        raise Refusal("an edit goes with an accept of the trace for training, and nothing else")
    if question.startswith(PREFER) and (said["steps"] or said["steps_seen"] or said["spans"]):
        raise Refusal("a choice of two judges no step and labels nothing")
    extra: dict[str, object] = {} if order is None else {"order": str(order)}
    revealed = entry.get("revealed")
    if revealed is not None and not isinstance(revealed, bool):
        raise Refusal("revealed is neither true, false nor null")
    return order or 0, Decision(
        decision_id=decision_id,
        trace_id=trace_id,
        reviewer=reviewer,
        verdict=verdict,
        decided_at=decided_at,
        question=question,
        withdraws=withdraws,
        reasons=_reasons(entry),
        note=fields.prose(entry, "note"),
        directive=fields.prose(entry, "directive"),
        queue=fields.word(entry, "queue"),
        shown_at=fields.time(entry, "shown_at"),
        active_s=None if active_ms is None else active_ms / 1000,
        text_hash=fields.word(entry, "text_hash"),
        convention_id=fields.word(entry, "convention_id"),
        lexicon_id=fields.word(entry, "lexicon_id"),
        revealed=revealed,
        origin="desk",
        extra={**extra, **sides, **{name: value for name, value in said.items() if value}},
    )


def _version(entry: Mapping[str, object], name: str) -> str | None:
    """The version of guidelines or reasons that the reviewer's desk had, None for none."""
    version = fields.word(entry, name)
    if version is not None and not _GUIDELINE.fullmatch(version):
        raise Refusal(f"{name} is {version[:60]!r}, which is no version's id")
    return version


def _edit(entry: Mapping[str, object]) -> dict[str, str] | None:
    """The text as the reviewer would have it, as `store.edits` takes it; None where none is said.

    Whether it changes anything is for whoever has the original to say.
    """
    value = entry.get("edit")
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != {"text"}:
        raise Refusal("edit is no object with a text and nothing else")
    text = fields.string({"the edit": value["text"]}, "the edit", MAX_EDIT_CHARS)
    if text is None:
        raise Refusal("the edit is empty; to leave nothing of a trace, reject it")
    if "\0" in text:
        raise Refusal("the edit holds a NUL, which no trace may")
    return {"text": text, "text_hash": text_hash(text)}


def _reasons(entry: Mapping[str, object]) -> tuple[str, ...]:
    """The reasons' codes, in the order given, each once."""
    value = entry.get("reasons")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_REASONS:
        raise Refusal(f"reasons is no list of at most {MAX_REASONS}")
    words = [fields.word({"a reason": reason}, "a reason") for reason in value]
    if any(word is None for word in words):
        raise Refusal("a reason is empty")
    return tuple(dict.fromkeys(word for word in words if word is not None))


def _steps(entry: Mapping[str, object]) -> list[dict[str, int]]:
    """The verdicts on single steps, [number from 0, verdict] pairs in order of the number."""
    found = [
        {"step": step, "verdict": verdict} for step, verdict in fields.number_pairs(entry, "steps")
    ]
    if any(one["verdict"] not in (-1, 0, 1) or one["step"] < 0 for one in found):
        raise Refusal("steps holds a verdict that is none of 1, 0 and -1, or a step below 0")
    if any(a["step"] >= b["step"] for a, b in pairwise(found)):
        raise Refusal("steps are not in order, each once")
    return found


def _seen(entry: Mapping[str, object]) -> list[list[int]]:
    """The steps that stood on screen: half-open ranges in order, apart from each other."""
    edges = [edge for pair in fields.number_pairs(entry, "seen") for edge in pair]
    if any(a >= b for a, b in pairwise(edges)) or any(edge < 0 for edge in edges):
        raise Refusal("seen holds ranges that are empty, overlap or are not in order")
    return [list(pair) for pair in fields.number_pairs(entry, "seen")]


def _spans(entry: Mapping[str, object]) -> list[dict[str, object]]:
    """The labelled stretches of text, [start, end, label] in code points, in order of place.

    Whether they lie inside the text, and what a label may be, the store knows.
    """
    value = entry.get("spans")
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_SPANS:
        raise Refusal(f"spans is no list of at most {MAX_SPANS}")
    found: list[dict[str, object]] = []
    for span in value:
        if (
            not isinstance(span, list)
            or len(span) != 3
            or any(type(at) is not int for at in span[:2])
        ):
            raise Refusal(f"spans holds {span!r:.60}; it takes start, end and label")
        start, end, label = span
        word = fields.word({"a label": label}, "a label")
        if word is None or not 0 <= start < end:
            raise Refusal(f"spans holds {span!r:.60}, which has no words or no label")
        found.append({"start": start, "end": end, "label": word})
    places = [(span[0], span[1]) for span in value]
    if any(one > other for one, other in pairwise(places)):
        raise Refusal("spans are not in order of place")
    return found
