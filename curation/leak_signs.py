"""Leak signs of the stored traces, and the frame that the leakage report is made of.

A conductor: gathers a trace's text, markers, tokens and families from the store, asks `hedging` and
`compatibility` what is in them, and hands it to `leakage.signs`. Nothing is stored: signs are
worked out from what is, some thousand traces a query. Percentiles are always of the same pool: all
traces, or `POOL` of them drawn by their hash where there are more.

The room's approximations: a step earns a jump of belief by a verification marker or an equals sign;
a token begins a hedge if the word that starts there is one of `HEDGE_OPENERS` (token ids are not
compared). Both are the desk's, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from curation import compatibility, hedging, leakage, scores
from curation.leakage import signs
from curation.leakage.signs import SIGNS, Sign
from curation.queues import CANDIDATE_SCHEMA
from curation.records import EPISTEMIC
from curation.store import Store

POOL = 2000
"""Traces that percentiles are of, at most: enough for half a percent, quick enough for a card."""
AT_ONCE = 2000
"""Traces a query: each reads the whole store's lists, however few it asks for."""
QUEUE = "leak risk"
ORDER = "leak-risk"
"""The name of the order in `list --order`."""

_NO_TOKENS = "the student has not scored it yet"

Row = dict[str, Any]


class Pool(NamedTuple):
    """What percentiles are of."""

    values: pl.DataFrame
    """trace_id and the columns of `SIGNS`."""
    n_traces: int
    """In the store; more than the rows of `values` where they were drawn."""


def signs_of(row: Row) -> list[Sign]:
    """The six signs of one row of `Store.evidence`, in the order of `SIGNS`."""
    text, starts = row["text"], row["step_start"]
    marks = _marks(row)
    boosters = None if marks is None else _spans(marks, "booster")
    own = None if row["logprob_nats"] is None else np.asarray(row["logprob_nats"], np.float64)
    has_tokens = own is not None and len(own) > 0
    no_tokens = (
        _NO_TOKENS if row["score_error"] is None else f"scoring failed: {row['score_error']}"
    )
    step_nll = _step_nll(row) if has_tokens else None
    return [
        signs.unknown("privilege_phrases", _unmarked(row))
        if marks is None
        else signs.privilege_phrases(_spans(marks, "privilege")),
        _early(text, row["reference_answer"], row["prompt"]),
        _jumps(row, marks, step_nll, no_tokens),
        _gain(row, no_tokens if not has_tokens else None),
        _certain(row, boosters, no_tokens if not has_tokens else None),
        signs.unknown("boosters_at_surprise", _unmarked(row))
        if boosters is None
        else signs.unknown("boosters_at_surprise", no_tokens)
        if step_nll is None
        else signs.boosters_at_surprise(step_nll, starts, boosters, row["n_words"] or 0),
    ]


def table(store: Store, trace_ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Per trace (None = all) the value of each sign (null = not known) and `NAME_says`."""
    ids = store.pool_ids(2**62) if trace_ids is None else list(trace_ids)
    rows = [
        {
            "trace_id": row["trace_id"],
            **{sign.name: sign.value for sign in found},
            **{f"{sign.name}_says": sign.says for sign in found},
        }
        for row in _evidence(store, ids)
        for found in [signs_of(row)]
    ]
    schema = {
        "trace_id": pl.String(),
        **dict.fromkeys(SIGNS, pl.Float64()),
        **{f"{name}_says": pl.String() for name in SIGNS},
    }
    return pl.DataFrame(rows, schema=schema)


def pool(store: Store) -> Pool:
    """The traces that percentiles are of, with the value of each sign."""
    ids = store.pool_ids(POOL)
    return Pool(table(store, ids).select("trace_id", *SIGNS), store.status()["traces"])


def of_trace(store: Store, trace_id: str, among: Pool | None = None) -> dict[str, Any]:
    """A trace's signs with their percentiles and its leak risk, as `show --json` has them.

    Raises UnknownTrace.
    """
    store.trace(trace_id)
    among = among or pool(store)
    (row,) = _evidence(store, [trace_id])
    found = signs_of(row)
    values = pl.DataFrame(
        [{sign.name: sign.value for sign in found}], schema=dict.fromkeys(SIGNS, pl.Float64())
    )
    stands = signs.ranked(values, among.values).row(0, named=True)
    return {
        "leak_risk": stands["leak_risk"],
        "n_signs_known": stands["n_signs_known"],
        "reason": signs.reason(stands, {sign.name: sign.says for sign in found}),
        "signs": [signs.to_json(sign, stands[f"{sign.name}_percentile"]) for sign in found],
        "n_pool": among.values.height,
        "n_traces": among.n_traces,
    }


def risks(store: Store, among: Pool | None = None) -> pl.DataFrame:
    """Every trace's `leak_risk` (0 to 100, null = no sign known), `n_signs_known`, `leak_reason`.

    The values and percentiles of the signs stand beside them.
    """
    frame = table(store)
    of_pool = (
        frame.filter(pl.col("trace_id").is_in(store.pool_ids(POOL)))
        if among is None
        else (among.values)
    )
    found = signs.ranked(frame, of_pool)
    reasons = [
        signs.reason(row, {name: row[f"{name}_says"] for name in SIGNS})
        for row in found.iter_rows(named=True)
    ]
    return found.with_columns(pl.Series("leak_reason", reasons, dtype=pl.String())).drop(
        f"{name}_says" for name in SIGNS
    )


def candidates(
    store: Store,
    reviewer: str | None,
    queue: str,
    columns: Sequence[str] = tuple(CANDIDATE_SCHEMA),
) -> pl.DataFrame:
    """`Store.candidates` with what queues read; for `QUEUE` with the leak risk and its reason."""
    if queue != QUEUE:
        return store.candidates(reviewer, columns=columns)
    found = risks(store).select("trace_id", "leak_risk", "leak_reason")
    every = store.candidates(reviewer, columns=columns)
    return every.join(found, on="trace_id", how="left", maintain_order="left")


def in_order(store: Store, frame: pl.DataFrame) -> pl.DataFrame:
    """A list of traces, the highest leak risk first, with `leak_risk` and `leak_reason`."""
    found = risks(store).select("trace_id", "leak_risk", "n_signs_known", "leak_reason")
    return frame.join(found, on="trace_id", how="left", maintain_order="left").sort(
        "leak_risk", descending=True, nulls_last=True, maintain_order=True
    )


def with_gains(store: Store, frame: pl.DataFrame) -> pl.DataFrame:
    """A list of traces with what the report needs of their tokens (`leakage.GAIN_SUMS`).

    Privilege gain summed over the tokens of epistemic markers, the number of these, and the same
    over all others; null where the family is not scored, or the trace not marked.
    """
    schema = {"trace_id": pl.String(), **dict.fromkeys(leakage.GAIN_SUMS, pl.Float64())}
    scored = frame.filter(pl.col("privilege_gain_nats").is_not_null())["trace_id"].to_list()
    rows = []
    for row in _evidence(store, scored):
        marks, gain = _marks(row), _gains(row)
        if marks is None or gain is None:
            continue
        on = np.zeros(len(gain), dtype=np.bool_)
        for start, end, category in marks:
            if category in EPISTEMIC:
                first = np.searchsorted(row["token_end"], start, side="right")
                on[first : np.searchsorted(row["token_start"], end, side="left")] = True
        sums = (gain[on].sum(), on.sum(), gain[~on].sum(), (~on).sum())
        rows.append(
            {
                "trace_id": row["trace_id"],
                **dict(zip(leakage.GAIN_SUMS, map(float, sums), strict=True)),
            }
        )
    return frame.join(
        pl.DataFrame(rows, schema=schema), on="trace_id", how="left", maintain_order="left"
    )


def report(store: Store, frame: pl.DataFrame) -> leakage.Report:
    """The leakage report on a list of traces (`Store.list_traces`).

    The one way to it: the command, the page and what is sent to colleagues have the same numbers.
    """
    return leakage.report(with_gains(store, frame))


def _evidence(store: Store, trace_ids: Sequence[str]) -> Iterator[Row]:
    student = store.setting("student")
    for at in range(0, len(trace_ids), AT_ONCE):
        yield from store.evidence(trace_ids[at : at + AT_ONCE], student).iter_rows(named=True)


def _marks(row: Row) -> list[tuple[int, int, str]] | None:
    """Start, end, category of each marker; None where it is not marked."""
    if row["marker_start"] is None:
        return None
    return list(zip(row["marker_start"], row["marker_end"], row["marker_category"], strict=True))


def _spans(marks: Sequence[tuple[int, int, str]], category: str) -> list[tuple[int, int]]:
    return [(start, end) for start, end, kind in marks if kind == category]


def _unmarked(row: Row) -> str:
    return "its markers are not counted (yet, or for want of a lexicon of its language)"


def _early(text: str, answer: str | None, prompt: str) -> Sign:
    if answer is None:
        return signs.unknown("early_answer", "there is no reference answer")
    # An answer that is not found in itself is not looked for at all.
    if hedging.early_answer(answer, answer, prompt) is None:
        why = "the answer is one character, or stands in the prompt, or a proof is asked for"
        return signs.unknown("early_answer", why)
    found = hedging.early_answer(text, answer, prompt)
    return signs.early_answer(None if found is None else signs.Early(*found))


def _step_nll(row: Row) -> np.ndarray:
    """Mean NLL in nats of every step, NaN for one without tokens."""
    starts = row["step_start"] or [0]
    step = scores.step_of_token(row["token_end"], starts)
    means = compatibility.step_means_nats(row["logprob_nats"], step)
    nll = np.full(max(len(starts), means.size), np.nan)
    nll[: means.size] = -means
    return nll


def _jumps(
    row: Row,
    marks: Sequence[tuple[int, int, str]] | None,
    step_nll: np.ndarray | None,
    no_tokens: str,
) -> Sign:
    name = "unearned_jumps"
    if row["reference_answer"] is None:
        return signs.unknown(name, "there is no reference answer, so no curve of belief")
    if step_nll is None:
        return signs.unknown(name, no_tokens)
    if marks is None:
        return signs.unknown(name, _unmarked(row))
    if not row["point_step"]:
        return signs.unknown(name, row["belief_error"] or "the family belief is not scored")
    starts = np.asarray(row["step_start"][1:], dtype=np.int64)
    earned = {
        int(np.searchsorted(starts, start, side="right"))
        for start, _, kind in marks
        if kind == "verification"
    } | {
        i
        for i, (start, end) in enumerate(zip(row["step_start"], row["step_end"], strict=True))
        if "=" in row["text"][start:end]
    }
    found = compatibility.unearned_jumps(row["point_step"], row["point_nats"], step_nll, earned)
    return signs.unearned_jumps([signs.Jump(*jump) for jump in found])


def _gain(row: Row, no_tokens: str | None) -> Sign:
    name, value = "privilege_gain", row["privilege_gain_per_token_nats"]
    if no_tokens is not None:
        return signs.unknown(name, no_tokens)
    if row["privileged_by"] not in (None, "context"):
        why = f"no context text; the reference {row['privileged_by']} was not seen by this teacher"
        return signs.unknown(name, why)
    if value is None or not np.isfinite(value):
        why = row["privilege_error"] or "no context text, or the family privilege is not scored"
        return signs.unknown(name, why)
    return signs.privilege_gain(float(value))


def _certain(row: Row, boosters: Sequence[tuple[int, int]] | None, no_tokens: str | None) -> Sign:
    name = "certain_where_open"
    if boosters is None:
        return signs.unknown(name, _unmarked(row))
    if no_tokens is not None:
        return signs.unknown(name, no_tokens)
    mass = np.asarray(row["hedge_mass"] or [], dtype=np.float64)
    if len(mass) != len(row["token_start"]) or np.isnan(mass).any():
        return signs.unknown(name, row["hedges_error"] or "the family hedges is not scored")
    starts = np.asarray(row["token_start"])
    would = np.flatnonzero(mass >= compatibility.expected_hedges.MISSING_MASS)
    opens = np.zeros(len(mass), dtype=np.bool_)
    opens[would] = [compatibility.opens_hedge(row["text"], int(starts[i])) for i in would]
    missing = compatibility.missing_hedges(np.clip(mass, 0.0, 1.0), opens)
    entropy = np.asarray(row["entropy_nats"], dtype=np.float64)
    return signs.certain_where_open(
        entropy, starts, np.asarray(row["token_end"]), boosters, missing
    )


def _gains(row: Row) -> np.ndarray | None:
    """Privilege gain of each token in nats; None where it is not known for these tokens."""
    values = np.asarray(row["privileged_nats"] or [], dtype=np.float64)
    own = np.asarray(row["logprob_nats"] or [], dtype=np.float64)
    if not len(values) or len(values) != len(own) or np.isnan(values).any():
        return None
    gain = compatibility.gain_nats(np.minimum(values, 0.0), own)
    return gain if np.isfinite(gain).all() else None
