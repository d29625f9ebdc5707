"""Which traces of one problem a person compares at once, and in which order they stand.

    line = grouping.line(store, pairing.Rule("contexts", at_once=4), "ada")

A group is two to `at_once` traces of one problem whose texts differ, made by the rules of
`pairing.KINDS`:

    any        all of the problem
    contexts   of one teacher: an unguided trace, and one of each context that saw something
    teachers   one of each teacher
    refined    an original, and what was refined from it

What is more than fits is cut into groups of sizes as even as possible; the unguided trace or the
original stands in each. Who is taken, and in which group, is drawn by a hash of seed and id, the
same for everybody; the order on screen by seed, person and group.

A group's *place* is its ids, sorted, with `|` between them. Conductor: asks the store. Knows no
screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from math import ceil
from typing import Any, NamedTuple

import polars as pl

from curation.errors import CurationError
from curation.pairing import KINDS, PRIVILEGED, Rule, drawn_key
from curation.records import MAX_AT_ONCE
from curation.reviewing import Line
from curation.store import Store

Row = dict[str, Any]


class Group(NamedTuple):
    """Traces that are compared at once."""

    problem_id: str
    trace_ids: tuple[str, ...]
    """Sorted."""
    nth: int
    """Of the groups on this problem, from 1."""
    n: int


def groups(traces: pl.DataFrame, rule: Rule, reviewer: str) -> list[Group]:
    """The groups that `rule` makes, in the order in which `reviewer` meets them.

    `traces` is `Store.pairable`. Raises ValueError for a rule that is none.
    """
    if rule.kind not in KINDS or not 2 <= rule.at_once <= MAX_AT_ONCE:
        raise ValueError(f"{rule} is no rule for groups")
    by_problem: dict[str, list[Row]] = {}
    for row in traces.iter_rows(named=True):
        by_problem.setdefault(row["problem_id"], []).append(row)
    found = []
    for problem in sorted(by_problem, key=lambda p: drawn_key("problem", rule.seed, reviewer, p)):
        rows = sorted(
            by_problem[problem], key=lambda row: drawn_key("trace", rule.seed, row["trace_id"])
        )
        made = [
            tuple(sorted(row["trace_id"] for row in piece))
            for anchor, rest in _sets(rule.kind, rows)
            for piece in _cut(anchor, rest, rule.at_once)
        ][: rule.per_problem]
        found += [Group(problem, ids, nth, len(made)) for nth, ids in enumerate(made, 1)]
    return found


def _sets(kind: str, rows: Sequence[Row]) -> Iterator[tuple[list[Row], list[Row]]]:
    """(who stands in every group, the others) of a problem, before they are cut to size."""
    if kind == "any":
        yield [], list(rows)
    elif kind == "teachers":
        yield from (([], each) for each in _rounds(_by(rows, "teacher")))
    elif kind == "contexts":
        for mine in _by(rows, "teacher"):
            blind = [row for row in mine if row["teacher_context"] == "unguided"]
            saw = [row for row in mine if row["teacher_context"] in PRIVILEGED]
            rounds = _rounds(_by(saw, "teacher_context"))
            yield from (([one], others) for one, others in zip(blind, rounds, strict=False))
    else:
        for one in rows:
            yield [one], [row for row in rows if row["original_id"] == one["trace_id"]]


def _by(rows: Sequence[Row], name: str) -> list[list[Row]]:
    """The rows of each value, values in order of their name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return [found[value] for value in sorted(found)]


def _rounds(lists: Sequence[Sequence[Row]]) -> Iterator[list[Row]]:
    """The first of each list, then the second of each that has one, and so on."""
    for i in count():
        there = [rows[i] for rows in lists if len(rows) > i]
        if not there:
            return
        yield there


def _cut(anchor: list[Row], rest: list[Row], at_once: int) -> Iterator[list[Row]]:
    """Groups of at most `at_once`, `anchor` in each, as even as possible; no text twice in one."""
    texts = {row["text_hash"] for row in anchor}
    others = [row for row in rest if row["text_hash"] not in texts]
    others = list({row["text_hash"]: row for row in reversed(others)}.values())[::-1]
    n_pieces = ceil(len(others) / (at_once - len(anchor)))
    start = 0
    for nth in range(n_pieces):
        stop = start + ceil((len(others) - start) / (n_pieces - nth))
        if len(anchor) + stop - start >= 2:
            yield anchor + others[start:stop]
        start = stop


def order_of(ids: Sequence[str], reviewer: str, seed: int) -> list[str]:
    """The traces in the order in which they stand for this reviewer under this seed."""
    group = sorted(ids)
    return sorted(group, key=lambda name: drawn_key("order", seed, reviewer, *group, name))


def ids_at(place: str) -> list[str]:
    """The traces of a place, sorted. Raises CurationError where it names no group."""
    ids = place.split("|")
    if not 2 <= len(ids) <= MAX_AT_ONCE or ids != sorted(set(ids)) or "" in ids:
        raise CurationError(
            f"{place[:120]!r} names no traces to compare; open them again from the Compare page."
        )
    return ids


def line(store: Store, rule: Rule, reviewer: str, problem_ids: Sequence[str] | None = None) -> Line:
    """The groups of a rule, of these problems alone where they are given, with their reasons."""
    return Line(
        [
            ("|".join(group.trace_ids),
             f"{len(group.trace_ids)} traces, {group.nth} of {group.n} on this problem")
            for group in groups(store.pairable(problem_ids), rule, reviewer)
        ],
        {},
    )  # fmt: skip


def beside(store: Store, trace_id: str, at_once: int) -> Line:
    """The groups of `trace_id` with the other traces of its problem.

    Raises UnknownTrace; CurationError where there are none.
    """
    problem = store.trace(trace_id).problem_id
    rows = [
        {"trace_id": name, "text_hash": store.trace(name).text_hash}
        for name in store.traces_of(problem)
    ]
    mine = [row for row in rows if row["trace_id"] == trace_id]
    others = [row for row in rows if row["trace_id"] != trace_id]
    made = list(_cut(mine, others, at_once)) if mine else []
    if not made:
        raise CurationError(
            f"{trace_id} is the only text of its problem; there is none beside it to compare."
        )
    return Line(
        [
            ("|".join(sorted(row["trace_id"] for row in group)),
             f"it and {len(group) - 1} beside it, {nth} of {len(made)}")
            for nth, group in enumerate(made, 1)
        ],
        {},
    )  # fmt: skip


def decided(store: Store, reviewer: str) -> dict[str, str]:
    """The places that the reviewer has decided -> id of the choice that stands there."""
    return {"|".join(ids): name for ids, name in store.chosen_among_by(reviewer).items()}
