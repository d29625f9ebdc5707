"""The review desk: one component that holds the next cards and loses no decision.

`mount` puts the desk on a page. The browser decides at once from cards it already holds; each
decision stands in its local storage until this side says it is stored. Between the two travels one
piece of *state*, the outbox: every entry that is not acknowledged yet, what cards the browser
holds and which it wants. A state, and no trigger, since a trigger lives for one rerun only, and a
rerun may be interrupted. The callback stores the entries, in order; the answer goes back in `data`
and stays there until the next outbox replaces it. Resending is harmless: the browser makes the ids.

The JavaScript is a few files joined into one module, because Streamlit takes one text: `SCRIPTS`
in their order. They see trace text only as data, never as markup; the rendered view is made by
`rendering` here, only of cards that the browser asks for in that view, and copied by `rendered.js`.

Owns the road between browser and page. Knows nothing of stores and queues: the page passes them in.
`cards`, which is not imported here, makes a card of what a store holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import streamlit as st

from curation.desk import guide, outbox, profile, rendered, road
from curation.desk.messages import (
    SPAN_LABELS,
    VERDICT_WORDS,
    Card,
    Json,
    Progress,
    Recent,
    recent_json,
)
from curation.errors import CurationError
from curation.reasons import Guidance
from curation.records import CONFIDENCE, QUESTION, Decision, Stored, Verdict

SCRIPTS = (
    "text.js", "tokens.js", "trace.js", "belief.js", "keys.js", "outbox.js", "keymap.js", "deck.js",
    "spans.js", "judgement.js", "spanmenu.js", "diff.js", "edits.js", "editing.js", "sight.js",
    "rendered.js", "profile.js", "panels.js", "keysheet.js", "foot.js", "guide.js",
    "surroundings.js", "textsize.js", "board.js", "desk.js", "standing.js", "mount.js",
)  # fmt: skip

# What the numbers mean is the same on every card, so it travels with the code.
_component = st.components.v2.component(
    "hedgerow_desk",
    js=f"const SCORE_WORDS = {json.dumps(profile.words())};\n"
    f"const CONFIDENCE_WORDS = {json.dumps(CONFIDENCE)};\n"
    f"const RENDERED = {json.dumps(rendered.ALLOWED)};\n"
    f"const MAX_EDIT_CHARS = {outbox.MAX_EDIT_CHARS};\n{road.joined(SCRIPTS)}",
    css=road.joined(["desk.css", "profile.css", "spans.css", "rendered.css", "editing.css"]),
    isolate_styles=True,
)


class Slip(NamedTuple):
    """A card's place in the deck: which trace, and in which version.

    `version` is any text that changes when the card must be painted anew (scores arrived, another
    verdict): a card that the browser holds in this version is not sent again.
    """

    trace_id: str
    version: str


def depth(key: str) -> int:
    """How many undecided cards the browser of desk `key` wants to hold: six, or more."""
    return outbox.wish(road.sent(key)).depth


def holding(key: str) -> list[str]:
    """The traces whose cards the browser of desk `key` says that it holds."""
    return list(outbox.wish(road.sent(key)).holding)


def mount(
    deck: Sequence[Slip],
    *,
    build: Callable[[str], Card],
    text_of: Callable[[str], Card] | None = None,
    decide: Callable[[Decision], Stored],
    key: str,
    store_id: str,
    reviewer: str,
    queue: str,
    progress: Progress,
    recent: Sequence[Recent],
    reasons: Mapping[str, str] | None = None,
    guidance: Guidance | None = None,
    question: str = QUESTION,
    words: Mapping[Verdict, tuple[str, str]] = VERDICT_WORDS,
    span_labels: Mapping[str, str] = SPAN_LABELS,
    takes_own_label: bool = True,
    is_blind: bool = False,
    is_blind_first: bool = False,
    told: Callable[[Decision], str | None] = lambda decision: None,
    scorer_rests: str | None = None,
    height: int | None = None,
) -> None:
    """Show the desk with the next cards of `deck`, in queue order, undecided by `reviewer`.

    `build` gives the card of a trace (`messages.card`); it is asked only for cards that the browser
    does not hold, and for past ones that it wants back; `text_of` gives prompt, text and steps of a
    card alone, for the rendered view of one that it does hold (None: `build`). `decide` stores one
    record durably, twice sent once, also when two threads call it: Streamlit starts a rerun while
    the callback of the one before may still run. Where it raises StoreBusy or StoreUnavailable, the
    record waits in the browser; any other CurationError refuses it with its message. `recent` are
    the reviewer's last live decisions, newest first. `store_id` and `reviewer` name the browser's
    storage, so that no decision reaches another store or person. `question` is what the verdicts
    answer; each decision carries it from the key press on, so that one desk may send what another
    left behind. `words` stand on the buttons. `guidance` is what reviewers go by, and each decision
    names its versions; its reasons stand on the digits where the desk has no `reasons` of its own.
    A stretch of text can be given one of `span_labels` (stored -> shown), and with
    `takes_own_label` any word. A blind desk has no place for scores, markers or what is known of
    the trace (its cards are `messages.blind_card`). With `is_blind_first` they stay hidden until
    the first accept or reject of each card, which is kept as a decision that is not `revealed`;
    then the card shows them and waits for a second one. `told` is asked once a decision is stored:
    a sentence that the receipt shows beside it, None = nothing. `scorer_rests` says why nobody is
    reading the traces that have no scores yet, None where somebody is. `height` is in pixels, None
    = the window's.
    """

    def receive() -> None:
        st.session_state[road.reply_key(key)] = road.store(
            road.sent(key), store_id, reviewer, decide, told
        )

    wish = outbox.wish(road.sent(key))
    cards, missing = road.cards(deck, wish, build, is_first=road.sent(key) is None)
    made = {str(card["trace_id"]): card for card in cards}
    renderings: dict[str, Json] = {}
    for trace_id in wish.rendered:
        with suppress(CurationError):  # the card itself says what is missing
            renderings[trace_id] = rendered.of_card(
                made.get(trace_id) or (text_of or build)(trace_id)
            )
    data: dict[str, Json] = {
        "desk": key,
        "store": store_id,
        "reviewer": reviewer,
        "queue": queue,
        "question": question,
        "words": {verdict: list(both) for verdict, both in words.items()},
        "blind": is_blind,
        "blind_first": is_blind_first,
        "progress": dict(progress._asdict()),
        "deck": [[slip.trace_id, slip.version] for slip in deck],
        "cards": [*cards],
        "rendered": renderings,
        "missing": missing,
        "recent": [
            {**recent_json(decision), **({"teacher": ""} if is_blind else {})}
            for decision in recent
        ],
        **guide.parts(guidance, reasons, wish.guide),
        "reply": st.session_state.get(road.reply_key(key)),
        "scorer_rests": scorer_rests,
        "span_labels": [[code, label] for code, label in span_labels.items()],
        "takes_own_label": takes_own_label,
        "height": height,
    }
    _component(key=key, data=data, on_outbox_change=receive)
