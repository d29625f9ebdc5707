"""Assignments: a slice of the traces drawn, shared out among people, and stored.

    request = assigning.Request(reviewers=("ada", "bo"), n=100, readings=2, seed=7)
    planned = assigning.plan(store, request)     # what it would be; stores nothing
    assigning.make(store, request, made_by="lead")

A trace that is assigned is offered to those whom it is assigned to, and to others only where the
store's overlap asks for more readings than there are such people (`sharing.Assigned`). The draw
hangs on the seed and on what is stored: the same request of the same store gives the same.

Conductor: asks the store, stores what was drawn. Knows no screen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from curation.errors import CurationError
from curation.records import QUESTION
from curation.store import Store
from curation.store.assigning import ITEM_SCHEMA


class Request(NamedTuple):
    """What a lead asks for."""

    reviewers: Sequence[str]
    name: str = ""
    where: str | None = None
    text: str | None = None
    n: int | None = None
    """So many traces of the slice, drawn at random; None = all."""
    share: float | None = None
    """Or such a share of it (above 0, at most 1)."""
    readings: int = 1
    """How many of the reviewers shall read each trace."""
    seed: int = 0
    again: bool = False
    """Also traces that somebody has accepted or rejected, or that are assigned already; each of
    them goes to people who have not read it and are not assigned it."""


class Plan(NamedTuple):
    """What an assignment would be."""

    items: pl.DataFrame
    """`store.assigning.ITEM_SCHEMA`."""
    n_found: int
    """Traces that meet filter and text."""
    n_read: int
    """Of these, left out since somebody has accepted or rejected them."""
    n_assigned: int
    """Of the rest, left out since they are assigned to somebody."""
    n_traces: int
    """Traces that are given to somebody."""
    n_short: int
    """Of these, those that fewer people can read than was asked for (with `again`)."""

    def to_dict(self) -> dict[str, Any]:
        """The counts, and how many traces each person gets."""
        counts = {name: value for name, value in self._asdict().items() if name != "items"}
        people = self.items.group_by("reviewer").len().sort("reviewer")
        return {**counts, "people": dict(people.iter_rows())}


def plan(store: Store, request: Request) -> Plan:
    """What `make` would store now. Raises CurationError for a request that cannot be met."""
    people = _people(request)
    found = store.find(request.where, request.text)
    taken = _taken(store)
    read, given = taken
    left = found
    if not request.again:
        left = [i for i in found if i not in read and i not in given]
    drawn = _drawn(left, request)
    busy = {i: read.get(i, set()) | given.get(i, set()) for i in drawn}
    rows = share_out(drawn, people, request.readings, request.seed, busy)
    items = pl.DataFrame(rows, schema=ITEM_SCHEMA, orient="row")
    counts = items.group_by("trace_id").len()
    return Plan(
        items=items,
        n_found=len(found),
        n_read=0 if request.again else sum(i in read for i in found),
        n_assigned=0 if request.again else sum(i in given and i not in read for i in found),
        n_traces=counts.height,
        n_short=counts.filter(pl.col("len") < request.readings).height,
    )


def make(store: Store, request: Request, *, made_by: str) -> str:
    """Draw the slice, share it out and store it; the assignment's id. Raises CurationError."""
    if not made_by.strip():
        raise CurationError("An assignment needs the name of who makes it; give one.")
    planned = plan(store, request)
    if not planned.n_traces:
        raise CurationError(
            f"Nothing is left to assign: {planned.n_found} traces meet the filter, "
            f"{planned.n_read} of them are read and {planned.n_assigned} are assigned already. "
            "Widen the filter, or ask for these again."
        )
    asked = {
        name: getattr(request, name) for name in ("where", "text", "n", "share", "again")
    }  # fmt: skip
    return store.add_assignment(
        planned.items, name=request.name, asked=asked, reviewers=_people(request),
        readings=request.readings, seed=request.seed, made_by=made_by,
    )  # fmt: skip


def share_out(
    trace_ids: Sequence[str],
    reviewers: Sequence[str],
    readings: int,
    seed: int,
    busy: Mapping[str, set[str]] | None = None,
) -> list[tuple[int, str, str]]:
    """(place from 1, trace_id, reviewer): each trace for `readings` people, the load even.

    Each trace goes to those who have fewest so far, ties by a hash of the seed, the trace and the
    name; never to somebody whom `busy` names for it. Where nobody is busy, no two people differ by
    more than one trace. A trace that everybody is busy with is left out, and takes no place.
    """
    load = dict.fromkeys(reviewers, 0)
    rows: list[tuple[int, str, str]] = []
    place = 0
    for trace_id in trace_ids:
        free = [name for name in load if name not in (busy or {}).get(trace_id, ())]
        free.sort(key=lambda name: (load[name], _hash(f"{seed}\0{trace_id}\0{name}")))
        place += bool(free)
        for name in free[:readings]:
            load[name] += 1
            rows.append((place, trace_id, name))
    return rows


def _people(request: Request) -> list[str]:
    """The reviewers' names, cleaned. Raises CurationError where the request makes no sense."""
    people = [name.strip() for name in request.reviewers if name.strip()]
    if not people:
        raise CurationError("An assignment needs people: name at least one reviewer.")
    if len(set(people)) < len(people):
        raise CurationError("A reviewer is named twice; name each once.")
    if not 1 <= request.readings <= len(people):
        raise CurationError(
            f"{request.readings} readings of each trace cannot come from {len(people)} people; ask "
            f"for 1 to {len(people)}."
        )
    if request.n is not None and request.share is not None:
        raise CurationError("Give a number of traces or a share of them, not both.")
    if request.n is not None and request.n < 1:
        raise CurationError(f"{request.n} traces are none; ask for 1 or more.")
    if request.share is not None and not 0 < request.share <= 1:
        raise CurationError(f"A share lies above 0 and is at most 1, not {request.share:g}.")
    return people


def _taken(store: Store) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Who has accepted or rejected each trace, and who is assigned it."""
    read: dict[str, set[str]] = {}
    for row in store.current_decisions(QUESTION).iter_rows(named=True):
        if row["verdict"] in ("accept", "reject"):
            read.setdefault(row["trace_id"], set()).add(row["reviewer"])
    given: dict[str, set[str]] = {}
    for trace_id, reviewer in store.assigned().select("trace_id", "reviewer").iter_rows():
        given.setdefault(trace_id, set()).add(reviewer)
    return read, given


def _drawn(trace_ids: list[str], request: Request) -> list[str]:
    """The whole slice in order of arrival, or so many of it in an order of hashes."""
    if request.n is None and request.share is None:
        return trace_ids
    n = request.n if request.n is not None else round((request.share or 0) * len(trace_ids))
    return sorted(trace_ids, key=lambda i: _hash(f"assign\0{request.seed}\0{i}"))[: max(n, 1)]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
