"""The road between a desk in the browser and the page: what was sent, what is answered.

A desk sends one piece of state, its outbox; the answer to it is laid in the session until the next
one comes, since a rerun may be interrupted. Every desk takes this road, whatever it shows.

Knows nothing of stores and queues, nor of what a card holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from curation.desk import outbox
from curation.desk.messages import Card, Json
from curation.errors import CurationError, SignedOut, StoreBusy, StoreUnavailable
from curation.records import Decision, Stored

FIRST_S = 0.05
"""How long cards are built for a browser that shows none yet."""

_HERE = Path(__file__).parent


def joined(names: Sequence[str]) -> str:
    """The files of this folder as one text, in their order."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def reply_key(key: str) -> str:
    """Where the answer to the last outbox of desk `key` stands until the next one."""
    return f"{key}.reply"


def sent(key: str) -> object:
    """The outbox of desk `key` as the browser last sent it, None before the first."""
    state = st.session_state.get(key)
    return state.get("outbox") if isinstance(state, Mapping) else None


def cards(
    deck: Iterable[tuple[str, str]],
    wish: outbox.Wish,
    build: Callable[[str], Card],
    *,
    is_first: bool = False,
) -> tuple[list[Card], dict[str, Json]]:
    """The cards that the browser lacks or asks for, and why some cannot be built.

    `deck` is (id, version) of the cards in queue order; one that is held in its version is not
    built again. With `is_first`, when the browser has not spoken yet, it gets what can be built
    within `FIRST_S`, one card at least, so that it soon has something to show; what it lacks it
    will ask for at once.
    """
    made: list[Card] = []
    missing: dict[str, Json] = {}
    versions = dict(deck)
    asked = dict.fromkeys(
        [name for name, version in versions.items() if wish.holding.get(name) != version]
        + wish.want
    )
    begun_s = time.monotonic()
    for name in asked:
        if is_first and made and time.monotonic() - begun_s > FIRST_S:
            break
        try:
            made.append({**build(name), "version": versions.get(name, "")})
        except CurationError as error:
            missing[name] = str(error)
    return made, missing


def store(
    sent: object,
    store_id: str,
    reviewer: str,
    decide: Callable[[Decision], Stored],
    told: Callable[[Decision], str | None] = lambda _: None,
) -> dict[str, Json]:
    """Store what was sent, in order, and say what became of each entry.

    `told` is what the reviewer is told of a decision that was stored, None = nothing.
    """
    said = sent if isinstance(sent, dict) else {}
    reply: dict[str, Json] = {"nonce": said.get("nonce"), "acks": {}, "refused": {}}
    if (said.get("store"), said.get("reviewer")) != (store_id, reviewer):
        # Made under another name or for another store: it waits in the browser until that is open.
        return {**reply, "trouble": f"This desk is open for {reviewer}; it stores no other's work."}
    box = outbox.decisions(sent, reviewer=reviewer)
    acks: dict[str, Json] = {}
    refused: dict[str, Json] = {**box.refused}
    trouble = None
    for record in box.decisions:
        try:
            stored = decide(record)
        except (StoreBusy, StoreUnavailable, SignedOut) as error:
            # Those behind it wait too: the store's order is the reviewer's order.
            trouble = str(error)
            break
        except CurationError as error:
            refused[record.decision_id] = str(error)
        else:
            says = told(record)
            acks[record.decision_id] = {
                "sequence": stored.sequence,
                "stored_at": stored.stored_at.isoformat(),
                **({} if says is None else {"says": says}),
            }
    return {**reply, "acks": acks, "refused": refused, "trouble": trouble}
