"""Gold items at the desk: where they come, what is told afterwards, how often people are right.

A reviewer's cards are counted by what they have decided: card 0, 1, 2, … In each stretch of
`one_in` cards one place, drawn by a hash of the seed and the name, is a gold item's; which place
nobody can tell who does not know the seed, which never leaves the store. A gold item is shown with
the reason that its queue gives it, once to each person; it is no gold item for who marked it.

Conductor: joins the store's gold items with `spotcheck`'s intervals. Knows no screen.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import polars as pl

from curation import spotcheck
from curation.errors import CurationError
from curation.records import Decision
from curation.store import Store

SETTING = "gold"
"""The store's setting that holds a `Mixing`."""
ONE_IN = 20
FEW = 10
"""Fewer gold items than this tell nobody apart."""


class Mixing(NamedTuple):
    """How gold items come into the queues."""

    one_in: int = ONE_IN
    """One card in so many is a gold item, while there are any; 0 = none is."""
    feedback: bool = False
    """Whether the desk says after the verdict what was right."""
    seed: int = 0

    @classmethod
    def read(cls, store: Store) -> Mixing:
        """The mixing of a store; none where nobody has marked a gold item."""
        held = store.setting(SETTING)
        return cls(one_in=0) if held is None else cls(**json.loads(held))


def mix_in(store: Store, one_in: int, *, feedback: bool) -> Mixing:
    """Mix gold items in from now on; the seed stays. Raises CurationError for an odd rate."""
    if one_in != 0 and not 2 <= one_in <= 1000:
        raise CurationError(f"One card in {one_in} cannot be gold; give 2 to 1000, or 0 for none.")
    held = store.setting(SETTING)
    seed = json.loads(held)["seed"] if held else secrets.randbits(48)
    mixing = Mixing(one_in, feedback, seed)
    store.set_setting(SETTING, json.dumps(mixing._asdict(), sort_keys=True))
    return mixing


def mark(
    store: Store,
    trace_ids: Sequence[str],
    verdict: str | None,
    *,
    marked_by: str,
    reasons: Sequence[str] = (),
    note: str | None = None,
) -> list[str]:
    """Mark traces as gold, or take the mark back (None); the first mark starts the mixing.

    Raises CurationError where none is named, or one to take back is not marked.
    """
    if not trace_ids:
        raise CurationError("No trace is named, and none meets the filter: nothing was marked.")
    if verdict is None:
        known = set(store.gold_items()["trace_id"])
        if stray := [trace_id for trace_id in trace_ids if trace_id not in known]:
            raise CurationError(
                f"{stray[0]} is no gold item. `python -m curation gold list` shows them."
            )
    with store.transaction():
        if store.setting(SETTING) is None:
            mix_in(store, ONE_IN, feedback=False)
        return store.mark_gold(trace_ids, verdict, marked_by=marked_by, reasons=reasons, note=note)


def is_gold_place(mixing: Mixing, reviewer: str, n: int) -> bool:
    """Whether a reviewer's card `n` (from 0) is a gold item's."""
    return mixing.one_in > 0 and _gold_place(mixing, reviewer, n // mixing.one_in) == n


def _gold_place(mixing: Mixing, reviewer: str, stretch: int) -> int:
    """Which card of a stretch, counted from a reviewer's first, is a gold item's."""
    drawn = hashlib.sha256(f"gold\0{mixing.seed}\0{reviewer}\0{stretch}".encode()).digest()
    return stretch * mixing.one_in + int.from_bytes(drawn[:8]) % mixing.one_in


def n_to_come(
    mixing: Mixing, reviewer: str, n_decided: int, n_others: int, n_gold: int, n_within: int
) -> int:
    """How many gold items will be shown before and behind the `n_others` other cards to come.

    One at each place up to the last of the others, while there are any of the `n_gold`; those of
    them that the queue itself holds (`n_within`) come in any case, behind the others at the latest.
    """
    if not mixing.one_in:
        return n_within
    n_found, at, stretch = 0, n_decided, n_decided // mixing.one_in
    while n_found < n_gold:
        place = _gold_place(mixing, reviewer, stretch)
        stretch += 1
        if place < at:
            continue
        n_others -= place - at
        if n_others <= 0:
            break
        n_found, at = n_found + 1, place + 1
    return max(n_found, n_within)


def mixed(
    deck: Sequence[str],
    gold: Collection[str],
    n_decided: int,
    mixing: Mixing,
    reviewer: str,
    place_of: Callable[[str], int],
) -> list[str]:
    """`deck` with gold items at their places; the next card is the reviewer's card `n_decided`.

    At each such place stands the gold item nearest in the queue (`place_of`) to the card behind
    it, so that its reason does not stand out, and it stays the same while that card comes nearer.
    Ends with the deck: an empty one stays empty.
    """
    left = sorted(set(gold), key=lambda i: (place_of(i), i))
    found: list[str] = []
    for trace_id in deck:
        if trace_id in found:
            continue
        while left and is_gold_place(mixing, reviewer, n_decided + len(found)):
            here = place_of(trace_id)
            apart = {i: abs(place_of(i) - here) for i in left}
            nearest = min(left, key=apart.__getitem__)
            left.remove(nearest)
            found.append(nearest)
        if trace_id not in found:
            found.append(trace_id)
            if trace_id in left:
                left.remove(trace_id)
    return found


def right_verdict(store: Store, decision: Decision) -> dict[str, Any] | None:
    """What may be told after this decision: `verdict` and `reasons` that are right, `agrees`.

    None where nothing may: in silence, of no gold item, for who marked it, of a skip or a flag, and
    of a verdict given blind, after which the same card asks again.
    """
    if decision.verdict not in ("accept", "reject") or decision.revealed is False:
        return None
    if not Mixing.read(store).feedback or decision.trace_id not in store.gold_for(
        decision.reviewer
    ):
        return None
    (item,) = store.gold_items().filter(pl.col("trace_id") == decision.trace_id).to_dicts()
    return {
        "verdict": item["verdict"],
        "reasons": item["reasons"],
        "agrees": item["verdict"] == decision.verdict,
    }


_NO_GOLD = "trace_id not in (select trace_id from current_gold_verdict)"


def export_filter(where: str | None, leaves_gold_out: bool) -> str | None:
    """The filter, which may also leave gold items out; a manifest shows it as it is."""
    if not leaves_gold_out:
        return where
    return f"({where}) and {_NO_GOLD}" if where and where.strip() else _NO_GOLD


def filter_parts(where: str | None) -> tuple[str | None, bool]:
    """A filter as `export_filter` was given it: the rest, and whether gold items are left out."""
    if where == _NO_GOLD:
        return None, True
    tail = f") and {_NO_GOLD}"
    if where and where.startswith("(") and where.endswith(tail):
        return where[1 : -len(tail)], True
    return where, False


def accuracy(answers: pl.DataFrame) -> list[dict[str, Any]]:
    """How often each person was right, by name; `answers` is `Store.gold_answers`.

    n (gold items they accepted or rejected), n_right, accuracy (0 to 1) with Wilson's 95 %
    interval, n_wrongly_accepted, n_wrongly_rejected, and a word on what n allows.
    """
    found = []
    for name in sorted(answers["reviewer"].unique()):
        mine = answers.filter(pl.col("reviewer") == name)
        wrong = mine.filter(pl.col("verdict") != pl.col("gold"))
        n, n_right = mine.height, mine.height - wrong.height
        low, high = spotcheck.wilson(n_right, n)
        n_accepted = wrong.filter(pl.col("verdict") == "accept").height
        found.append(
            {
                "reviewer": name,
                "n": n,
                "n_right": n_right,
                "accuracy": n_right / n,
                "accuracy_ci": [low, high],
                "n_wrongly_accepted": n_accepted,
                "n_wrongly_rejected": wrong.height - n_accepted,
                "says": in_words(n, low, high),
            }
        )
    return found


def in_words(n: int, low: float, high: float) -> str:
    """What `n` gold items allow to say."""
    if n < FEW:
        return f"too few to tell: {FEW} and more say something"
    return f"known to {50 * (high - low):.0f} points up or down"
