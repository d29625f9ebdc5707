"""What came of a spot check: the leaking share with its intervals, and whether one may stop.

A conductor: judgements from the store, numbers from `spotcheck` and `agreement`. With one judge
named, their verdicts count; with none, of each trace what the majority of its judges said (a tie is
*disputed* and counts for neither). Unsure and flagged traces are left out of the share, and how far
they could move it is said. Judgements made after the reveal are counted apart, and nowhere else.
Gold items tell how often the judge errs; they are never part of the share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from curation import agreement, spotcheck
from curation.checks import TOLERABLE_BIAS
from curation.spotcheck import Interval, StratumCount
from curation.store import Store

_SAYS = {"reject": "leaking", "accept": "clean", "skip": "unsure", "flag": "flagged"}
_STRATUM = ["teacher_context", "teacher"]


def report(store: Store, check_id: str, reviewer: str | None = None) -> dict[str, Any]:
    """All that a check says, JSON-ready; shares from 0 to 1, nan where not known.

    The confidence is 1 - alpha of the check. Raises StoreError where there is no such check.
    """
    check = store.spot_check(check_id)
    items, strata = store.spot_check_items(check_id), store.spot_check_strata(check_id)
    said = store.judgements(check_id)
    late = said.filter(pl.col("is_after_reveal"))
    said = said.filter(~pl.col("is_after_reveal"))
    mine = said if reviewer is None else said.filter(pl.col("reviewer") == reviewer)
    outcome = items.join(_outcomes(mine), on="trace_id", how="left")
    drawn, gold_items = outcome.filter(~pl.col("is_gold")), outcome.filter("is_gold")
    confidence = 1 - check["alpha"]
    estimate = spotcheck.stratified_share(_counts(strata, drawn), confidence)
    counts = {word: drawn.filter(pl.col("outcome") == word).height for word in _OUTCOMES}
    n_left = drawn.filter(pl.col("outcome").is_null()).height
    correction = _correction(store, outcome, mine, estimate, confidence)
    answer = {
        **{key: value for key, value in check.items() if key != "n_judgements"},
        "created_at": check["created_at"].isoformat(),
        "reviewer": reviewer,
        "n_drawn": drawn.height,
        "n_gold": gold_items.height,
        "judged": estimate.n_judged,
        **counts,
        "after_reveal": late.height,
        "remaining": n_left,
        "remaining_items": n_left + gold_items.filter(pl.col("outcome").is_null()).height,
        "confidence": confidence,
        "share": estimate.share,
        "interval": list(estimate.wilson),
        "clopper_pearson": list(estimate.clopper_pearson),
        "raw_share": estimate.raw_share,
        "standard_error": estimate.standard_error,
        "n_effective": estimate.n_effective,
        "represented": estimate.represented,
        "share_if_unsure_clean": _if_unsure(strata, drawn, confidence, leak=False),
        "share_if_unsure_leaking": _if_unsure(strata, drawn, confidence, leak=True),
        "by_stratum": _by_stratum(strata, drawn, confidence),
        "stop": _stop(check, strata, drawn),
        "needed": _needed(check, estimate.share, int(strata["n_population"].sum()), confidence),
        "corrected": correction,
        "reviewers": _reviewers(store, check_id, said, items),
        "agreement": agreement.between(said).to_dict() if said["reviewer"].n_unique() > 1 else None,
    }
    return {**answer, "says": in_words(answer)}


_OUTCOMES = ("leaking", "clean", "unsure", "flagged", "disputed")


def _outcomes(said: pl.DataFrame) -> pl.DataFrame:
    """What is said of each trace: (trace_id, outcome of `_OUTCOMES`)."""
    n_of = {word: (pl.col("verdict") == verdict).sum() for verdict, word in _SAYS.items()}
    return (
        said.group_by("trace_id")
        .agg(**n_of)
        .select(
            "trace_id",
            outcome=pl.when(pl.col("leaking") > pl.col("clean"))
            .then(pl.lit("leaking"))
            .when(pl.col("clean") > pl.col("leaking"))
            .then(pl.lit("clean"))
            .when(pl.col("clean") > 0)
            .then(pl.lit("disputed"))
            .when(pl.col("flagged") > 0)
            .then(pl.lit("flagged"))
            .otherwise(pl.lit("unsure")),
        )
    )


def _counts(
    strata: pl.DataFrame, drawn: pl.DataFrame, *, leaking: Sequence[str] = ("leaking",),
    clean: Sequence[str] = ("clean",),
) -> list[StratumCount]:  # fmt: skip
    """The counts of every stratum, in their order; which outcomes count as what."""
    is_leaking = pl.col("outcome").is_in(list(leaking))
    counted = drawn.group_by(_STRATUM).agg(
        n_judged=(is_leaking | pl.col("outcome").is_in(list(clean))).sum(),
        n_leaking=is_leaking.sum(),
    )
    rows = strata.join(counted, on=_STRATUM, how="left", maintain_order="left").fill_null(0)
    return [StratumCount(*row) for row in rows.select(StratumCount._fields).iter_rows()]


def _if_unsure(
    strata: pl.DataFrame, drawn: pl.DataFrame, confidence: float, *, leak: bool
) -> float:
    """The share if all that was judged neither way were leaking, or clean."""
    rest = ["unsure", "flagged", "disputed"]
    counts = _counts(
        strata, drawn,
        leaking=["leaking", *(rest if leak else [])], clean=["clean", *([] if leak else rest)],
    )  # fmt: skip
    return spotcheck.stratified_share(counts, confidence).share


def _by_stratum(
    strata: pl.DataFrame, drawn: pl.DataFrame, confidence: float
) -> list[dict[str, Any]]:
    """Each stratum by itself: population, drawn, judged, leaking, share, Wilson's interval."""
    sized = _sized(strata, drawn)
    found = []
    for row, count in zip(sized.iter_rows(named=True), _counts(strata, drawn), strict=True):
        alone = spotcheck.stratified_share([count], confidence)
        judged = {"judged": count.n_judged, "leaking": count.n_leaking, "share": alone.share}
        found.append({**row, **judged, "interval": list(alone.wilson)})
    return found


def _sized(strata: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """The strata in their order, with n_drawn."""
    n_drawn = drawn.group_by(_STRATUM).agg(n_drawn=pl.len())
    return strata.join(n_drawn, on=_STRATUM, how="left", maintain_order="left").fill_null(0)


def _stop(check: dict[str, Any], strata: pl.DataFrame, drawn: pl.DataFrame) -> dict[str, Any]:
    """Where the stop rule stands, from the verdicts leaking and clean in the order of the draw.

    `call` is "below p1", "above p0", "narrow" (known to within the half width), or None = go on;
    "p0" or "p1" of the sequential test. `interval` holds at every look with 1 - alpha.
    """
    sized = _sized(strata, drawn)
    sizes, n_drawn = sized["n_population"].to_list(), sized["n_drawn"].to_list()
    bias = spotcheck.design_bias(sizes, n_drawn)
    rated = drawn.filter(pl.col("outcome").is_in(["leaking", "clean"])).sort("place")
    leaks = (rated["outcome"] == "leaking").to_list()
    is_pooled = check["allocation"] == "simple" or bias <= TOLERABLE_BIAS
    if is_pooled:
        # A plain random sample has no bias; a proportional one has that of its rounding.
        bias = 0.0 if check["allocation"] == "simple" else bias
        path = spotcheck.confidence_sequence(leaks, sum(sizes), check["alpha"])
        low, high = path[-1] if path else (0.0, 1.0)
        interval = max(0.0, low - bias), min(1.0, high + bias)
    else:
        each = [
            (rated.filter((pl.col(_STRATUM[0]) == a) & (pl.col(_STRATUM[1]) == b))["outcome"]
             == "leaking").to_list()
            for a, b in strata.select(_STRATUM).iter_rows()
        ]  # fmt: skip
        interval = spotcheck.stratified_sequence(each, sizes, check["alpha"])
    call: str | None = _call(check, interval)
    test = spotcheck.Sprt(check["p0"], check["p1"], check["alpha"], check["beta"])
    state = test.after(leaks)
    if check["stop_rule"] == "sprt":
        call = state.call
    return {
        "rule": check["stop_rule"],
        "n": len(leaks),
        "interval": list(interval),
        "method": "pooled" if is_pooled else "stratified",
        "design_bias": bias,
        "call": call,
        "may_stop": call is not None,
        "sprt": {
            "log_ratio": state.log_ratio,
            "bounds": list(test.bounds()),
            "call": state.call,
            "n_at_call": state.n_at_call,
            "expected_n_at_p0": test.expected_n(check["p0"]),
            "expected_n_at_p1": test.expected_n(check["p1"]),
        }
        if is_pooled
        else None,
    }


def _call(check: dict[str, Any], interval: Interval) -> str | None:
    low, high = interval
    if high < check["p1"]:
        return "below p1"
    if low > check["p0"]:
        return "above p0"
    return "narrow" if (high - low) / 2 <= check["half_width"] else None


def _needed(
    check: dict[str, Any], share: float, n_population: int, confidence: float
) -> dict[str, Any]:
    """How many verdicts the wished width takes: in the worst case, and at the share so far."""
    width = check["half_width"]
    return {
        "half_width": width,
        "n_worst_case": spotcheck.widest_sample_size(width, confidence, n_population),
        "n_at_share": None
        if math.isnan(share)
        else spotcheck.sample_size(width, share, confidence, n_population),
    }


def _correction(
    store: Store,
    outcome: pl.DataFrame,
    said: pl.DataFrame,
    estimate: spotcheck.Estimate,
    confidence: float,
) -> dict[str, Any]:
    """Rogan and Gladen's correction from what is known of the drawn traces and of the gold items.

    A label that one of the judges made cannot be held against them: `n_own_labels` are left out.
    """
    judges = set(said["reviewer"])
    rated = outcome.filter(pl.col("outcome").is_in(["leaking", "clean"]))
    known = rated.join(store.gold(), on="trace_id", how="inner")
    is_own = [
        bool(judges & {*row["judges"], *([] if row["judges"] else [row["marked_by"]])})
        for row in known.iter_rows(named=True)
    ]
    foreign = known.filter(~pl.Series(is_own, dtype=pl.Boolean()))
    leaking, clean = foreign.filter("is_leaking"), foreign.filter(~pl.col("is_leaking"))
    found = spotcheck.rogan_gladen(
        estimate.share,
        estimate.n_judged if math.isinf(estimate.n_effective) else estimate.n_effective,
        leaking.filter(pl.col("outcome") == "leaking").height,
        leaking.height,
        clean.filter(pl.col("outcome") == "clean").height,
        clean.height,
        confidence,
    )
    pairs = {k: list(v) if isinstance(v, tuple) else v for k, v in found._asdict().items()}
    return {**pairs, "n_own_labels": sum(is_own)}


def _reviewers(
    store: Store, check_id: str, said: pl.DataFrame, items: pl.DataFrame
) -> list[dict[str, Any]]:
    """Each judge by name: how many of the drawn traces they called what, and how long it took."""
    share = said.filter(~pl.col("is_gold"))
    found = []
    for name in sorted(set(said["reviewer"])):
        own = share.filter(pl.col("reviewer") == name)
        counts = {word: own.filter(pl.col("verdict") == v).height for v, word in _SAYS.items()}
        seen = store.revealed_at(check_id, name)
        found.append(
            {
                "reviewer": name,
                **counts,
                "remaining_items": items.height - said.filter(pl.col("reviewer") == name).height,
                "median_active_s": own["active_s"].median(),
                "revealed_at": seen.isoformat() if seen else None,
            }
        )
    return found


def in_words(answer: dict[str, Any]) -> list[str]:
    """What a report says, in sentences."""
    level = f"{answer['confidence']:.0%}"
    population = round(answer["n_population"] * answer["represented"])
    if not answer["judged"]:
        drawn, of = answer["n_drawn"], answer["n_population"]
        return [f"Nothing is judged yet: {drawn} traces were drawn from {of:,}."]
    low, high = answer["interval"]
    words = [
        f"About {answer['share']:.1%} of {population:,} traces leak ({level} interval "
        f"{low:.1%} to {high:.1%}), from {answer['judged']} judged, {answer['leaking']} of them "
        "leaking."
    ]
    if answer["represented"] < 1:
        words.append(
            f"The other {answer['n_population'] - population:,} lie in strata without a judged "
            "trace yet."
        )
    n_neither = answer["unsure"] + answer["flagged"] + answer["disputed"]
    if n_neither:
        words.append(
            f"{n_neither} were judged neither way (unsure, flagged, disputed) and are left out; "
            f"all of them clean would make it {answer['share_if_unsure_clean']:.1%}, all of them "
            f"leaking {answer['share_if_unsure_leaking']:.1%}."
        )
    words.append(_stop_words(answer))
    corrected = answer["corrected"]
    if corrected["reason"] is None:
        low, high = corrected["interval"]
        words.append(
            f"The judge finds {corrected['sensitivity']:.0%} of what is known to leak "
            f"({corrected['n_leaking_gold']} traces) and clears {corrected['specificity']:.0%} of "
            f"what is known to be clean ({corrected['n_clean_gold']}): corrected for that, "
            f"{corrected['share']:.1%} leak ({low:.1%} to {high:.1%})."
        )
    else:
        words.append(f"Not corrected for the judge's errors: {corrected['reason']}.")
    if answer["after_reveal"]:
        words.append(
            f"{answer['after_reveal']} judgements were made after the scores were shown; they are "
            "kept and not counted."
        )
    return words


def _stop_words(answer: dict[str, Any]) -> str:
    stop, p0, p1 = answer["stop"], f"{answer['p0']:.1%}", f"{answer['p1']:.1%}"
    low, high = stop["interval"]
    if stop["rule"] == "sprt":
        errors = (
            f"wrong with probability {answer['alpha']:.0%} if {p0} leak and "
            f"{answer['beta']:.0%} if {p1} do"
        )
        if stop["call"] is None:
            return f"Go on: the sequential test has not decided between {p0} and {p1} ({errors})."
        at = stop["sprt"]["n_at_call"]
        held = p0 if stop["call"] == "p0" else p1
        return f"You may stop: after {at} the sequential test decided for {held} ({errors})."
    held = (
        f"at every look so far the share lies within {low:.1%} to {high:.1%}, wrong with "
        f"probability {answer['alpha']:.0%} at most however often one looks"
    )
    why = {
        "below p1": f"fewer than {p1} leak",
        "above p0": f"more than {p0} leak",
        "narrow": f"the share is known to within ± {answer['half_width']:.1%}",
    }.get(stop["call"])
    return f"You may stop: {why} ({held})." if why else f"Go on: {held}."
