"""Verdicts on single traces -> pairs: an accepted trace over a rejected one of its problem.

With many of both there are more pairs than one wants: each adds little, and problems with many
traces would drown the others. So a problem gives at most `cap` of them, by a rule that hangs on
nothing but the problem's own traces and the seed: both sides are put in an order of their own
hashes and go round side by side, one moved on by a place whenever they would meet as before. So
each trace stands in as many pairs as any other of its side, or in one more.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from itertools import islice

import polars as pl

_OF_A_SIDE = ("text_hash", "teacher", "teacher_context", "source", "licence", "position")


def paired(
    accepted: Sequence[str], rejected: Sequence[str], seed: int
) -> Iterator[tuple[str, str]]:
    """Every pair (accepted, rejected) of the two lists of ids once, in the order of the rule."""
    chosen, refused = (sorted(ids, key=lambda i: _rank(seed, i)) for ids in (accepted, rejected))
    if not chosen or not refused:
        return
    meet_again = math.lcm(len(chosen), len(refused))
    for n in range(len(chosen) * len(refused)):
        yield chosen[n % len(chosen)], refused[(n + n // meet_again) % len(refused)]


def contrasted(
    accepted: pl.DataFrame, rejected: pl.DataFrame, compared: set[tuple[str, str]], *,
    cap: int, seed: int,
) -> tuple[pl.DataFrame, dict[str, int]]:  # fmt: skip
    """Pairs of accepted over rejected traces, and how many pairs stay out, by reason.

    `accepted` are rows as they are taught (`editions.as_taught`), `rejected` rows of
    `EXPORT_SCHEMA`. `compared` are pairs (smaller id, larger id) that people have compared side by
    side: their own word on them counts, not ours. A trace is known there by the id it was shown
    under (`original_trace_id`).

    The frame has the accepted trace's columns, the other's as `rejected_…`, and the decisions and
    reviewers of both.
    """
    others = ("decision_ids", "reviewers")
    sides = rejected.select(
        pl.col("trace_id").alias("rejected_id"),
        *(pl.col(name).alias(f"rejected_{name}") for name in (*_OF_A_SIDE, *others)),
    )
    by_problem = (
        accepted.group_by("problem_id", maintain_order=True)
        .agg(chosen="original_trace_id")
        .join(
            rejected.group_by("problem_id", maintain_order=True).agg(refused="trace_id"),
            on="problem_id",
            maintain_order="left",
        )
    )
    mates: dict[str, set[str]] = {}
    for one, other in compared:
        mates.setdefault(one, set()).add(other)
        mates.setdefault(other, set()).add(one)
    none: set[str] = set()
    taken: list[tuple[str, str]] = []
    n_compared = n_over = 0
    for chosen, refused in by_problem.select("chosen", "refused").iter_rows():
        n_known = sum(len(mates.get(one, none) & set(refused)) for one in chosen if one in mates)
        fresh = (
            (one, other)
            for one, other in paired(chosen, refused, seed)
            if other not in mates.get(one, none)
        )
        found = list(islice(fresh, cap))
        taken += found
        n_compared += n_known
        n_over += len(chosen) * len(refused) - n_known - len(found)
    pairs = pl.DataFrame(
        taken, schema={"original_trace_id": pl.String(), "rejected_id": pl.String()}, orient="row"
    )
    rows = pairs.join(accepted, on="original_trace_id", maintain_order="left").join(
        sides, on="rejected_id", maintain_order="left"
    )
    rows = rows.with_columns(
        pl.concat_list(name, f"rejected_{name}").alias(name) for name in others
    ).drop(f"rejected_{name}" for name in others)
    return rows, {"compared side by side": n_compared, "over the cap of a problem": n_over}


def _rank(seed: int, trace_id: str) -> bytes:
    """A place that hangs on the seed and the trace alone; SHA-256 ties only with itself."""
    return hashlib.sha256(f"{seed}:{trace_id}".encode()).digest()
