"""The desk for traces side by side: two to four of one problem, and which of them is best.

It takes the same road as the desk for one trace (`road`, `outbox`): a choice is made in the browser
and stands there until it is stored, and the next pair is there before it is asked for. What differs
between two texts is found in the browser (diff.js); the links between their steps come with the
card. A choice among several travels as one entry for each pair that it settles, under one id.

`build_card` and `build_group_card` alone know a store; `mount` shows what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC
from itertools import combinations
from typing import Any

import streamlit as st

from curation import pairing, signs
from curation.alignment import linked_steps
from curation.desk import Slip, guide, messages, outbox, rendered, road
from curation.desk.messages import Card, Json, Progress
from curation.reasons import Guidance
from curation.records import CONFIDENCE, EPISTEMIC, PREFER, Decision, Stored, pair_of
from curation.store import Store

SCRIPTS = (
    "text.js", "diff.js", "keys.js", "outbox.js", "keymap.js", "deck.js", "judgement.js",
    "panels.js", "keysheet.js", "foot.js", "rendered.js", "guide.js", "surroundings.js",
    "textsize.js", "board.js", "pairs_deck.js", "pairs_side.js", "pairs_view.js", "pairs_panels.js",
    "pairs.js", "groups.js", "standing.js", "pairs_mount.js",
)  # fmt: skip

_component = st.components.v2.component(
    "hedgerow_pairs",
    js=f"const CONFIDENCE_WORDS = {json.dumps(CONFIDENCE)};\n"
    f"const RENDERED = {json.dumps(rendered.ALLOWED)};\n{road.joined(SCRIPTS)}",
    css=road.joined(["desk.css", "rendered.css", "pairs.css"]),
    isolate_styles=True,
)


def mount(
    deck: Sequence[Slip],
    *,
    build: Callable[[str], Card],
    decide: Callable[[Decision], Stored],
    key: str,
    store_id: str,
    reviewer: str,
    queue: str,
    progress: Progress,
    recent: Sequence[dict[str, Any]],
    first: str,
    at_once: int = 2,
    guidance: Guidance | None = None,
    shows_all: bool = False,
    height: int | None = None,
) -> None:
    """Show the pairs of `deck`, in order, undecided by `reviewer`; slips name places of pairs.

    As `desk.mount`, with these of its own: `build` gives the card of a place (`build_card`),
    `recent` are rows of `Store.recent_choices`. With `at_once` above 2 it is groups that are shown:
    `build_group_card`, `Store.recent_choices_among`, and a `key` other than that of pairs. When
    `first` changes (another rule, another link) the desk begins with the first pair of the deck. A
    choice names the version of the guidelines in `guidance`; it has no reasons. With `shows_all`
    teachers, contexts and scores stand on screen from the beginning, and the choices say that they
    were not blind.
    """

    def receive() -> None:
        st.session_state[road.reply_key(key)] = road.store(
            road.sent(key), store_id, reviewer, decide
        )

    wish = outbox.wish(road.sent(key))
    cards, missing = road.cards(deck, wish, build, is_first=road.sent(key) is None)
    data: dict[str, Json] = {
        "desk": key,
        "store": store_id,
        "reviewer": reviewer,
        "queue": queue,
        "progress": dict(progress._asdict()),
        "deck": [[slip.trace_id, slip.version] for slip in deck],
        "cards": [*cards],
        "missing": missing,
        "at_once": at_once,
        "recent": [choice_json(row) for row in recent],
        "first": first,
        "guide": guidance and guide.standing(guidance, wish.guide, names_reasons=False),
        "shows_all": shows_all,
        "reply": st.session_state.get(road.reply_key(key)),
        "height": height,
    }
    _component(key=key, data=data, on_outbox_change=receive)


def build_card(
    store: Store, student: str, reviewer: str, place: str, left: str, why: str | None
) -> Card:
    """The card of a pair: `left` and beside it the other, steps in UTF-16 code units, and links.

    Where the reviewer has chosen already, the sides are those of that choice. Raises UnknownTrace;
    CurationError where `place` names no pair.
    """
    pair = pairing.pair_at(place)
    mine = store.choice_of(pair, reviewer)
    standing = (mine or {}).get("left") or left
    sides = [_side(store, student, name) for name in sorted(pair, key=lambda i: i != standing)]
    first = store.trace(pair[0])
    problem = store.problem(first.problem_id)
    return {
        "trace_id": pair[0],
        "question": PREFER + pair[1],
        "text_hash": first.text_hash,
        "prompt": first.prompt,
        "reference_answer": problem.reference_answer,
        "why": why,
        "sides": [side for side, _ in sides],
        "links": _links([steps for _, steps in sides]),
        "mine": None if mine is None else choice_json(mine),
        "was_revealed": store.was_pair_revealed(pair, reviewer),
    }


def build_group_card(
    store: Store, student: str, reviewer: str, order: Sequence[str], why: str | None
) -> Card:
    """The card of a group: its traces in this order, as in `build_card`.

    Where the reviewer has chosen among them already, the order is that of the choice. It counts as
    seen where a choice between any two of them was. Raises UnknownTrace.
    """
    mine = store.choice_among(order, reviewer)
    standing: Sequence[str] = mine["among"] if mine else order
    sides = [_side(store, student, name) for name in standing]
    first = store.trace(standing[0])
    problem = store.problem(first.problem_id)
    pairs = [pair_of(*both) for both in combinations(standing, 2)]
    return {
        "among": list(standing),
        "prompt": first.prompt,
        "reference_answer": problem.reference_answer,
        "why": why,
        "sides": [side for side, _ in sides],
        "links": _links([steps for _, steps in sides]),
        "mine": None if mine is None else choice_json(mine),
        "was_revealed": any(store.was_pair_revealed(pair, reviewer) for pair in pairs),
    }


def _links(steps: Sequence[list[str]]) -> list[Json]:
    """[a, b, linked steps] of every two sides, from the texts of their steps."""
    return [
        [a, b, [list(link) for link in linked_steps(steps[a], steps[b])]]
        for a, b in combinations(range(len(steps)), 2)
    ]


def choice_json(row: dict[str, Any]) -> Card:
    """A stored choice as the browser keeps it, times in ISO UTC."""
    return {
        "decision_id": row["decision_id"],
        "sequence": row["sequence"],
        "trace_id": row["trace_id"],
        "question": row["question"],
        "verdict": row["verdict"],
        "left": row.get("left"),
        **{name: row[name] for name in ("among", "choice", "best", "parts") if name in row},
        "decided_at": row["decided_at"].astimezone(UTC).isoformat(),
        "note": row["note"],
        "prompt": row["prompt"],
        "revealed": row["revealed"],
        "reasons": [],
    }


def _side(store: Store, student: str, trace_id: str) -> tuple[dict[str, Json], list[str]]:
    """One trace as its side shows it, and the texts of its steps."""
    trace = store.trace(trace_id)
    steps = list(zip(*store.steps(trace_id), strict=True)) or [(0, len(trace.text))]
    starts = messages.to_utf16(trace.text, [start for start, _ in steps])
    ends = messages.to_utf16(trace.text, [end for _, end in steps])
    score = store.tokens(trace_id, student)
    numbers: list[Json] = []
    if score is not None and score["error"] is None:
        n_tokens, markers = score["n_tokens"], signs.marking_of(store, trace).markers
        numbers += [
            ["tokens", n_tokens, None],
            ["mean NLL", f"{score['mean_nll_nats']:.2f}", "nats/token"],
        ]
        if markers is not None and n_tokens:
            n = sum(mark.category in EPISTEMIC for mark in markers)
            numbers.append(["epistemic", f"{1000 * n / n_tokens:.1f}", "per 1k tokens"])
    side: dict[str, Json] = {
        "trace_id": trace_id,
        "text_hash": trace.text_hash,
        "text": trace.text,
        "steps": [[a, b] for a, b in zip(starts, ends, strict=True)],
        "about": {
            "teacher": trace.teacher,
            "context": messages.context_of(trace),
            "match": messages.match_of(trace, store.problem(trace.problem_id)),
            "numbers": numbers,
        },
    }
    return side, [trace.text[start:end] for start, end in steps]
