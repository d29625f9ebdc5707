"""Spot checks, conducted: the sample from the store, the statistics from `spotcheck`.

A check is drawn once from the traces of a filter (those accepted, unless it says otherwise),
seeded and stratified by what the teacher saw and who it was. Traces whose state is known for
certain (gold) leave the population; a share of them is mixed in unseen, to learn how often the
judge errs. Each judge goes through the drawn traces on the desk, blind; a judgement is a decision
under the check's question, with `accept` for clean, `reject` for leaking and `skip` for unsure.
`check_report` says what came of it.

Joins the store and the pure rooms. Knows no screen and no terminal.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import polars as pl

from curation import spotcheck
from curation.errors import CurationError
from curation.records import Decision, Verdict
from curation.spotcheck import Allocation
from curation.store import Store
from curation.store.checking import ITEM_SCHEMA, STRATUM_SCHEMA

StopRule = Literal["sequence", "sprt"]
STOP_RULES: tuple[StopRule, ...] = ("sequence", "sprt")

ACCEPTED = "state = 'accepted'"
"""The filter of a check unless it names another."""

WORDS: dict[str, Verdict] = {
    "clean": "accept",
    "leaking": "reject",
    "unsure": "skip",
    "flag": "flag",
}
"""What a judge says -> the verdict that is stored."""

TOLERABLE_BIAS = 0.05
"""Up to this much `design_bias` a stratified sample is looked at as one for the stop rule."""


class Request(NamedTuple):
    """What is asked of a spot check."""

    name: str
    n: int
    where: str = ACCEPTED
    seed: int = 0
    allocation: Allocation = "proportional"
    gold_share: float = 0.0
    """Of all that is judged, 0 to below 0.5."""
    stop_rule: StopRule = "sequence"
    p0: float = 0.05
    p1: float = 0.1
    alpha: float = 0.05
    beta: float = 0.05
    half_width: float = 0.05


class Plan(NamedTuple):
    """What a request would draw from the store as it is."""

    strata: pl.DataFrame
    """`STRATUM_SCHEMA` and n_drawn, gold left out."""
    items: pl.DataFrame
    """`ITEM_SCHEMA`, in the order to judge."""
    n_gold_left_out: int
    """Traces of the filter whose state is known, so that they are not drawn from."""
    n_gold_wished: int

    @property
    def n_population(self) -> int:
        """Traces that were drawn from."""
        return int(self.strata["n_population"].sum())

    @property
    def n_gold(self) -> int:
        """Gold items mixed in: fewer than wished where fewer are known."""
        return int(self.items["is_gold"].sum())

    @property
    def bias(self) -> float:
        """`spotcheck.design_bias` of the sample."""
        counts = self.strata["n_population"].to_list(), self.strata["n_drawn"].to_list()
        return spotcheck.design_bias(*counts)


def plan(store: Store, request: Request) -> Plan:
    """What `create` would draw; nothing is stored. Raises CurationError with what to change."""
    _check(request)
    listed = store.list_traces(request.where or None).select("trace_id")
    texts = store.strata().join(listed, on="trace_id", how="semi", maintain_order="left")
    gold = store.gold()
    population = texts.filter(~pl.col("trace_id").is_in(gold["trace_id"].to_list()))
    if not population.height:
        why = "all of them are known for certain" if texts.height else "it names no trace"
        raise CurationError(
            f"There is nothing to draw from: the filter `{request.where}` leaves no trace ({why}). "
            "Accept some traces first, or check another filter."
        )
    groups = {
        (str(context), str(teacher)): frame["trace_id"].to_list()
        for (context, teacher), frame in population.group_by(
            ["teacher_context", "teacher"], maintain_order=True
        )
    }
    if request.allocation != "simple" and min(request.n, population.height) < len(groups):
        raise CurationError(
            f"{request.n} traces cannot hold one of each of the {len(groups)} strata (teacher and "
            f"what it saw). Draw at least {len(groups)}, or draw a simple sample."
        )
    drawn = spotcheck.draw(groups, request.n, request.allocation, request.seed)
    wished = round(request.gold_share / (1 - request.gold_share) * len(drawn))
    mixed = _some_gold(gold, wished, request.seed)
    order = spotcheck.in_order([*drawn, *mixed], request.seed)
    known = pl.concat(
        [texts.filter(pl.col("trace_id").is_in(drawn)), gold.select(texts.columns)]
    ).unique("trace_id")
    items = (
        pl.DataFrame({"trace_id": order}, schema={"trace_id": pl.String()})
        .with_row_index("place", offset=1)
        .join(known, on="trace_id", how="left", maintain_order="left")
        .with_columns(is_gold=pl.col("trace_id").is_in(mixed))
        .select(list(ITEM_SCHEMA))
        .cast(ITEM_SCHEMA)  # type: ignore[arg-type]
    )
    n_drawn = (
        items.filter(~pl.col("is_gold"))
        .group_by("teacher_context", "teacher")
        .agg(pl.len().cast(pl.Int64).alias("n_drawn"))
    )
    strata = (
        population.group_by("teacher_context", "teacher")
        .agg(pl.len().cast(pl.Int64).alias("n_population"))
        .join(n_drawn, on=["teacher_context", "teacher"], how="left")
        .with_columns(pl.col("n_drawn").fill_null(0))
        .sort("teacher_context", "teacher")
    )
    return Plan(strata, items, texts.height - population.height, wished)


def _check(request: Request) -> None:
    if not request.name.strip():
        raise CurationError("A spot check needs a name, to be found again; give one.")
    if request.n < 1:
        raise CurationError(f"A sample has one trace or more, not {request.n}.")
    if not 0 <= request.gold_share < 0.5:
        raise CurationError(
            f"The share of gold items lies between 0 and 0.5, not at {request.gold_share}."
        )
    if not 0 < request.half_width < 1:
        raise CurationError(f"A half width lies between 0 and 1, not at {request.half_width}.")
    if not -(2**63) <= request.seed < 2**63:
        raise CurationError(f"A seed is a whole number of 64 bits, not {request.seed}.")
    if request.allocation not in spotcheck.ALLOCATIONS:
        raise CurationError(f"Allocations are {', '.join(spotcheck.ALLOCATIONS)}.")
    if request.stop_rule not in STOP_RULES:
        raise CurationError(f"Stop rules are {', '.join(STOP_RULES)}.")
    try:
        spotcheck.Sprt(request.p0, request.p1, request.alpha, request.beta).bounds()
    except ValueError as exc:
        raise CurationError(f"The stop rule cannot be: {exc}.") from exc


def _some_gold(gold: pl.DataFrame, n: int, seed: int) -> list[str]:
    """`n` traces of known state, half of them leaking as far as there are; all where fewer."""
    kinds = [
        spotcheck.in_order(gold.filter(pl.col("is_leaking") == kind)["trace_id"], seed)
        for kind in (True, False)
    ]
    n_leaking = min(len(kinds[0]), max(n // 2, n - len(kinds[1])))
    return kinds[0][:n_leaking] + kinds[1][: n - n_leaking]


def create(store: Store, request: Request, *, created_by: str) -> str:
    """Draw a sample and store the check; its id. Raises CurationError with what to change."""
    if not created_by.strip():
        raise CurationError("A spot check needs the name of who draws it.")
    planned = plan(store, request)
    if request.stop_rule == "sprt" and planned.bias > TOLERABLE_BIAS:
        raise CurationError(
            "The sequential test takes its verdicts as those of one random sample, and this one "
            f"gives strata other shares than they have (by {planned.bias:.0%}). Take the "
            "confidence sequence, or a proportional or simple sample."
        )
    asked: dict[str, Any] = {
        **request._asdict(),
        "name": request.name.strip(),
        "filter": request.where or "",
        "n_wished": request.n,
        "n_gold_left_out": planned.n_gold_left_out,
        "created_by": created_by.strip(),
        "created_at": datetime.now(UTC),
    }
    strata = planned.strata.select(list(STRATUM_SCHEMA))
    return store.add_spot_check(asked, strata, planned.items)


def to_judge(store: Store, check_id: str, reviewer: str) -> list[str]:
    """The drawn traces that this judge has not judged, in order. Raises StoreError."""
    check = store.spot_check(check_id)
    judged = store.decided_by(reviewer, check["question"])
    return [i for i in store.spot_check_items(check_id)["trace_id"] if i not in judged]


def judge(
    store: Store, check_id: str, trace_id: str, word: str, *, reviewer: str, origin: str = "library"
) -> dict[str, Any]:
    """Append one judgement, `word` of `WORDS`; what was stored. Raises CurationError."""
    if word not in WORDS:
        raise CurationError(f"{word!r} is no judgement; they are {', '.join(WORDS)}.")
    check = store.spot_check(check_id)
    stored = store.decide(
        Decision(
            decision_id=str(uuid.uuid4()),
            trace_id=trace_id,
            reviewer=reviewer,
            verdict=WORDS[word],
            decided_at=datetime.now(UTC),
            question=check["question"],
            revealed=False,
            origin=origin,
        )
    )
    return {
        "decision_id": stored.decision_id,
        "trace_id": trace_id,
        "judgement": word,
        "sequence": stored.sequence,
    }


def gold_from_consensus(
    store: Store, check_id: str, *, marked_by: str, n_judges: int = 2
) -> list[str]:
    """Mark as known what at least `n_judges` judged blind and all alike; the traces marked.

    A trace that is known already is left as it is. Raises StoreError.
    """
    store.spot_check(check_id)
    rated = store.judgements(check_id).filter(
        pl.col("verdict").is_in(["accept", "reject"]) & ~pl.col("is_after_reveal")
    )
    known = set(store.gold()["trace_id"])
    marked = []
    for (trace_id,), rows in rated.group_by("trace_id", maintain_order=True):
        judges, verdicts = rows["reviewer"].to_list(), set(rows["verdict"])
        if len(judges) < max(n_judges, 2) or len(verdicts) != 1 or trace_id in known:
            continue
        store.add_gold(
            str(trace_id),
            verdicts == {"reject"},
            source=f"consensus of {', '.join(sorted(judges))} in {check_id}",
            marked_by=marked_by,
            judges=judges,
        )
        marked.append(str(trace_id))
    return marked


def revealed(store: Store, check_id: str, reviewer: str) -> pl.DataFrame:
    """What this judge said of each drawn trace beside its context and scores, as they are now.

    The caller notes the reveal first (`Store.reveal`): from then on the judge is not blind. Raises
    StoreError where they still are.
    """
    if store.revealed_at(check_id, reviewer) is None:
        raise CurationError(f"{reviewer} still judges blind; reveal the check first.")
    words = {verdict: word for word, verdict in WORDS.items()}
    said = store.judgements(check_id).filter(pl.col("reviewer") == reviewer)
    known = store.gold().select("trace_id", "is_leaking")
    return (
        store.spot_check_items(check_id)
        .select("place", "trace_id", "is_gold")
        .join(said.select("trace_id", "verdict", "note"), on="trace_id", how="inner")
        .with_columns(judgement=pl.col("verdict").replace_strict(words, return_dtype=pl.String()))
        .join(known, on="trace_id", how="left")
        .join(store.list_traces().drop("verdict"), on="trace_id", how="left")
        .sort("place")
    )
