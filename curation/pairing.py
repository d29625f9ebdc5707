"""Which two traces a person compares next, and which of them stands left.

    line = pairing.line(store, pairing.Rule("teachers", seed=0), "ada")
    places, n_left = line.left(pairing.decided(store, "ada"), depth=6)

A pair is two traces of one problem whose texts differ. A rule says which pairs: `KINDS`, at most
`per_problem` of each problem, drawn by a hash of the seed and the two ids, the same for everybody.
A person goes problem by problem, in an order of the seed and their name. What they have decided,
under whatever rule, does not come again. Left or right is drawn by a hash of seed, name and pair:
the same whenever the pair comes, and no habit of ours.

A pair's *place* is its two ids, the smaller first, with `|` between them. Conductor: asks the
store. Knows no screen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl
import polars_hash  # noqa: F401 - gives expressions their `chash`

from curation.errors import CurationError
from curation.records import pair_of
from curation.reviewing import Line
from curation.store import Store

KINDS: Mapping[str, str] = {
    "any": "Any two traces",
    "contexts": "Same teacher: unguided against privileged",
    "teachers": "Different teachers",
    "refined": "Original against refined",
}
"""What a rule is called -> which pairs of a problem's traces it takes."""

MAKES: Mapping[str, str] = {
    "any": "Two traces of one problem (the same prompt) with different texts make a pair: another "
    "sample, another teacher, another context.",
    "contexts": "A pair needs two traces of one problem by one teacher: one unguided, and one that "
    "saw an answer, a solution, a verifier, a hint or feedback.",
    "teachers": "A pair needs two traces of one problem by two teachers.",
    "refined": "A pair needs a trace that says from which one of its problem it was refined "
    "(`refined_from`).",
}
"""What a rule is called -> what has to be there for it to find a pair."""

PRIVILEGED = ("answer", "solution", "verifier", "hint", "feedback")
"""Contexts in which a teacher saw something that the student will not see."""


class Rule(NamedTuple):
    """Which pairs are compared."""

    kind: str = "any"
    seed: int = 0
    per_problem: int | None = 3
    """At most so many pairs (or groups) of one problem; None = all."""
    at_once: int = 2
    """So many traces are compared at once, at most (`grouping` where it is more than two)."""


def place_of(pair: tuple[str, str]) -> str:
    """The name of a pair's place."""
    return "|".join(pair)


def pair_at(place: str) -> tuple[str, str]:
    """The pair of a place. Raises CurationError where it names none."""
    first, bar, second = place.partition("|")
    if not bar or not first < second:
        raise CurationError(f"{place[:120]!r} names no pair; open it again from the Compare page.")
    return first, second


def pairs(traces: pl.DataFrame, rule: Rule, reviewer: str) -> pl.DataFrame:
    """The pairs that `rule` takes, in the order in which `reviewer` meets them.

    `traces` is `Store.pairable`. Columns: problem_id, first_id < second_id, and `nth` of the `n` on
    this problem, from 1. Raises ValueError for a rule that is none.
    """
    if rule.kind not in KINDS or (rule.per_problem is not None and rule.per_problem < 1):
        raise ValueError(f"{rule} is no rule for pairs")
    sides = ("trace_id", "teacher", "teacher_context", "text_hash", "original_id")
    every = (
        traces.select("problem_id", *sides)
        .join(traces.select("problem_id", *sides), on="problem_id", suffix="_2")
        .filter(
            pl.col("trace_id") < pl.col("trace_id_2"), pl.col("text_hash") != pl.col("text_hash_2")
        )
    )
    found = every.filter(_OF_KIND[rule.kind]).select(
        "problem_id", first_id="trace_id", second_id="trace_id_2"
    )
    ordered = (
        found.with_columns(
            drawn=_drawn(f"pair\0{rule.seed}", "first_id", "second_id"),
            turn=_turn(rule, reviewer),
        )
        .sort("turn", "drawn")
    )  # fmt: skip
    nth = pl.int_range(1, pl.len() + 1).over("problem_id").alias("nth")
    ordered = ordered.with_columns(nth)
    if rule.per_problem is not None:
        ordered = ordered.filter(pl.col("nth") <= rule.per_problem)
    return ordered.with_columns(n=pl.len().over("problem_id")).drop("drawn", "turn")


_OF_KIND: Mapping[str, pl.Expr] = {
    "any": pl.lit(True),
    "contexts": (pl.col("teacher") == pl.col("teacher_2"))
    & (
        ((pl.col("teacher_context") == "unguided") & pl.col("teacher_context_2").is_in(PRIVILEGED))
        | (
            (pl.col("teacher_context_2") == "unguided")
            & pl.col("teacher_context").is_in(PRIVILEGED)
        )
    ),
    "teachers": pl.col("teacher") != pl.col("teacher_2"),
    "refined": (pl.col("original_id") == pl.col("trace_id_2")).fill_null(False)
    | (pl.col("original_id_2") == pl.col("trace_id")).fill_null(False),
}


def left_of(pair: tuple[str, str], reviewer: str, seed: int) -> str:
    """The trace of the pair that stands left for this reviewer under this seed."""
    return pair[int(drawn_key("left", seed, reviewer, *pair), 16) % 2]


def problems(store: Store, rule: Rule, reviewer: str) -> list[str]:
    """The problems that can have a pair of the rule, in the order in which `reviewer` meets them.

    Those whose traces all say the same are among them.
    """
    ids = pl.DataFrame(
        {"problem_id": store.pairable_problems(rule.kind)}, {"problem_id": pl.String}
    )
    ordered: list[str] = ids.sort(_turn(rule, reviewer))["problem_id"].to_list()
    return ordered


def line(store: Store, rule: Rule, reviewer: str, problem_ids: Sequence[str] | None = None) -> Line:
    """The pairs of a rule, of these problems alone where they are given, with their reasons."""
    found = pairs(store.pairable(problem_ids), rule, reviewer)
    return Line(
        [
            (place_of((row["first_id"], row["second_id"])),
             f"pair {row['nth']} of {row['n']} on this problem")
            for row in found.iter_rows(named=True)
        ],
        {},
    )  # fmt: skip


def beside(store: Store, left: str, right: str | None) -> Line:
    """The pairs of `left` with `right`, or with every other trace of its problem.

    Raises UnknownTrace; CurationError where the two are no pair, or it has no other trace.
    """
    problem = store.trace(left).problem_id
    others = [right] if right is not None else store.traces_of(problem)
    if right is not None and store.trace(right).problem_id != problem:
        raise CurationError(
            f"{left} and {right} are traces of different problems; compare two of one problem."
        )
    if right == left:
        raise CurationError(f"{left} is named twice; a pair is two traces of one problem.")
    places = [place_of(pair_of(left, other)) for other in others if other != left]
    if not places:
        raise CurationError(f"{left} is the only trace of its problem; there is none beside it.")
    return Line(
        [(place, f"{n} of {len(places)} beside it") for n, place in enumerate(places, 1)], {}
    )


def decided(store: Store, reviewer: str) -> dict[str, str]:
    """The places that the reviewer has decided -> id of the decision that stands there."""
    return {place_of(pair): name for pair, name in store.pairs_chosen_by(reviewer).items()}


def _turn(rule: Rule, reviewer: str) -> pl.Expr:
    """`drawn_key` of each problem for this reviewer."""
    return _drawn(f"problem\0{rule.seed}\0{reviewer}", "problem_id")


def _drawn(what: str, *columns: str) -> pl.Expr:
    """`drawn_key` of `what` (its parts joined by zeros) and these columns, a row each."""
    key = pl.concat_str(pl.lit(what), *columns, separator="\0")
    return key.chash.sha2_256()  # type: ignore[attr-defined, no-any-return]


def drawn_key(what: str, *parts: object) -> str:
    """A number of the parts alone, as hex digits: what is drawn is ordered by it."""
    return hashlib.sha256("\0".join([what, *map(str, parts)]).encode()).hexdigest()
