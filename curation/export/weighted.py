"""Planned rows -> the same rows with what their words weigh, from what people and student said.

Joins the arithmetic (`weights`) with the store's evidence, a batch of rows with texts at a time, so
that memory does not grow with the set. Counts what it did for manifest and card: how many rows each
kind of evidence was known of, of how many it took weight away, and how much in all. A row of which
something is not known is written all the same, at full weight, and counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl

from curation import compatibility
from curation.export import loss, weights
from curation.export.formats import format_of
from curation.export.formats.layout import WEIGHTS
from curation.export.recipe import Recipe
from curation.export.source import plural

TOKEN_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "student": pl.String(),
    "convention_id": pl.String(),
    "token_start": pl.List(pl.Int32()),
    "token_end": pl.List(pl.Int32()),
    "logprob_nats": pl.List(pl.Float32()),
    "privileged_by": pl.String(),
    "privileged_nats": pl.List(pl.Float32()),
    "hedge_mass": pl.List(pl.Float32()),
}
"""What the student shown said of each token of a trace; the last three null where not known."""

KINDS: dict[str, str] = {
    "labels": "labelled words",
    "privilege": "privilege gain",
    "missing_hedges": "missing hedges",
}
"""Kind of evidence -> what people call it."""

_AT_ONCE = 64
"""Rows whose stretches are held as Python objects."""


class WeightSource(Protocol):
    """What is asked of a store to weigh words."""

    def span_verdicts(self, question: str) -> pl.DataFrame:
        """What each reviewer says now of stretches of text (`teaching.SPAN_COLUMNS`)."""
        ...

    def export_token_evidence(self, trace_ids: Sequence[str]) -> pl.DataFrame:
        """What the student shown said of the tokens of these traces (`TOKEN_SCHEMA`)."""
        ...

    def export_token_counts(self, trace_ids: Sequence[str]) -> Mapping[str, int]:
        """Of how many it said what: scored, gain_of_context, gain_of_reference, hedges."""
        ...


class _Row(NamedTuple):
    """What is known of one row, by kind; a kind that is missing is not known."""

    known: dict[str, list[weights.Weighed]]
    stretches: list[weights.Stretch]


class Weigher:
    """Puts what words weigh beside planned rows with their texts, and counts."""

    def __init__(self, source: WeightSource, recipe: Recipe) -> None:
        """For the rows of a recipe that asks for weights."""
        self._source, self._asked = source, recipe.weights
        self._carries = format_of(recipe.format).carries
        by_label = self._asked.label_weights(recipe.teaching.no_loss)
        self._of_labels: dict[str, list[tuple[int, int, float]]] = {}
        said = source.span_verdicts(recipe.question).filter(pl.col("label").is_in(list(by_label)))
        for trace_id, start, end, label in said.select(
            "trace_id", "start", "end", "label"
        ).iter_rows():
            self._of_labels.setdefault(trace_id, []).append((start, end, by_label[label]))
        self._known: Counter[str] = Counter()
        self._lowered: Counter[str] = Counter()
        self._students: set[tuple[str, str]] = set()
        self._n_rows = self._n_silent = self._n_chars = self._n_below = 0
        self._sums: list[float] = []

    def add(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`rows` with `weights` (tiling each text), and with what formats make of these:
        `is_trained`, `train_detail` (`loss.DETAIL`) and `message_weight` (0 or 1).
        """
        if not rows.height:
            return rows
        evidence: dict[str, int] = {}
        tokens = pl.DataFrame(schema=TOKEN_SCHEMA)
        if self._asked.asks_student:
            tokens = self._source.export_token_evidence(rows["trace_id"].unique().sort().to_list())
            evidence = {trace_id: at for at, trace_id in enumerate(tokens["trace_id"])}
            self._students.update(tokens.select("student", "convention_id").unique().rows())
        found = []
        for part in rows.select("trace_id", "text", *_there(rows)).iter_slices(_AT_ONCE):
            said = []
            for row in part.iter_rows(named=True):
                at = evidence.get(row["trace_id"])
                known = self._row(row, None if at is None else tokens.row(at, named=True))
                self._count(known)
                said.append(self._columns(row["text"], known.stretches))
            found.append(pl.DataFrame(said, _COLUMNS, orient="row"))
        return rows.drop(_COLUMNS, strict=False).hstack(pl.concat(found))

    def _row(self, row: Mapping[str, Any], tokens: Mapping[str, Any] | None) -> _Row:
        text, known = row["text"], {}
        if not row.get("is_edited"):
            # One label's stretches are widened together; each keeps its own weight.
            labelled = self._of_labels.get(row.get("original_trace_id", row["trace_id"]), [])
            known["labels"] = [
                (*wide, weight)
                for start, end, weight in labelled
                for wide in loss.widened(text, [(start, end)])
            ]
        if tokens is not None:
            starts, ends = tokens["token_start"], tokens["token_end"]
            by_gain, by_hedge = self._asked.privilege, self._asked.missing_hedges
            if by_gain and (gain := _gains(tokens, by_gain)) is not None:
                values = weights.of_gains(gain, by_gain)
                known["privilege"] = weights.of_tokens(starts, ends, values)
            if by_hedge and (mass := _per_token(tokens, "hedge_mass")) is not None:
                values = np.ones(mass.size)
                values[_missing(text, starts, mass, by_hedge.from_mass)] = by_hedge.weight
                known["missing_hedges"] = weights.of_tokens(starts, ends, values)
        return _Row(known, weights.combined(len(text), [*known.values()], self._asked.combine))

    def _columns(self, text: str, stretches: list[weights.Stretch]) -> tuple[Any, ...]:
        """The row of `_COLUMNS`; an empty text is taught as it would be without weights."""
        silent = weights.silent(stretches, self._asked.loss_from)
        is_silent = bool(text) and silent == [(0, len(text))]
        if self._carries == "messages":
            assert self._asked.loss_from is not None
            is_silent = bool(text) and weights.mean(stretches) < self._asked.loss_from
        self._n_silent += is_silent
        detail = loss.train_detail(text, silent) if silent and not is_silent else None
        said = [each._asdict() for each in stretches]
        return said, not is_silent, detail, int(not is_silent)

    def _count(self, row: _Row) -> None:
        self._n_rows += 1
        for kind, lowered in row.known.items():
            self._known[kind] += 1
            self._lowered[kind] += any(weight < 1 for _, _, weight in lowered)
        self._n_chars += sum(each.end - each.start for each in row.stretches)
        self._n_below += sum(each.end - each.start for each in row.stretches if each.weight < 1)
        self._sums.append(
            math.fsum((each.end - each.start) * each.weight for each in row.stretches)
        )

    def record(self) -> dict[str, Any]:
        """What the manifest says of it: shares and means are of characters."""
        n = self._n_chars
        kinds = ["labels", *(kind for kind in list(KINDS)[1:] if getattr(self._asked, kind))]
        return {
            "rows": self._n_rows,
            "rows_without_loss": self._n_silent,
            "mean_weight": round(math.fsum(self._sums) / n, 6) if n else None,
            "share_below_1": round(self._n_below / n, 6) if n else None,
            "evidence": {
                kind: {
                    "rows_known": self._known[kind],
                    "rows_lowered": self._lowered[kind],
                }
                for kind in kinds
            },
            "read_by": [
                {"student": student, "convention_id": convention}
                for student, convention in sorted(self._students)
            ],
        }


def weigher(source: WeightSource, recipe: Recipe) -> Weigher | None:
    """What weighs the recipe's rows; None where it asks for no weights."""
    return Weigher(source, recipe) if recipe.weights.is_asked else None


class Told(NamedTuple):
    """Sentences worth reading first, and why nothing can be weighed as it is asked, or None."""

    notes: list[str]
    refusal: str | None


def told(source: WeightSource, rows: pl.DataFrame, recipe: Recipe) -> Told:
    """What is known of the planned rows of a recipe that may ask for weights.

    Refused where a kind of evidence is asked for that is known of no row at all.
    """
    asked, n = recipe.weights, rows.height
    if not asked.is_asked or not n:
        return Told([], None)
    said = [*_of_labels(source, rows, recipe)]
    if not asked.asks_student:
        return Told(said, None)
    counted = source.export_token_counts(rows["trace_id"].to_list())
    known = {}
    if asked.privilege is not None:
        known["privilege"] = counted["gain_of_context"]
        if asked.privilege.shown == "any":
            known["privilege"] += counted["gain_of_reference"]
    if asked.missing_hedges is not None:
        known["missing_hedges"] = counted["hedges"]
    for kind, n_known in known.items():
        if not n_known:
            return Told(said, _unknown(kind, n, counted["gain_of_reference"]))
        rest = "" if n_known == n else "; the others weigh 1 in this"
        said.append(f"Weights by {KINDS[kind]}: known of {n_known:,} of {n:,} rows{rest}.")
    return Told(said, None)


def _of_labels(source: WeightSource, rows: pl.DataFrame, recipe: Recipe) -> Iterator[str]:
    wanted = recipe.weights.label_weights(recipe.teaching.no_loss)
    spans = source.span_verdicts(recipe.question).filter(pl.col("label").is_in(list(wanted)))
    name = "original_trace_id" if "original_trace_id" in rows.columns else "trace_id"
    hit = rows.filter(pl.col(name).is_in(spans["trace_id"].unique().implode()))
    n_edited = int(hit["is_edited"].sum()) if "is_edited" in hit.columns else 0
    labels = ", ".join(f"{label} {weight:g}" for label, weight in sorted(wanted.items()))
    yield (
        f"Words weigh by their labels ({labels or 'none'}): {hit.height - n_edited:,} of "
        f"{rows.height:,} rows have some."
    )
    if n_edited:
        yield (
            "Rows with labelled words that were accepted with an edit, which the labels are not "
            f"about: {n_edited:,}."
        )


def _unknown(kind: str, n_rows: int, n_of_reference: int) -> str:
    family = "privilege" if kind == "privilege" else "hedges"
    more = (
        " Of some a gain is known of the reference, which their teachers did not see: it counts "
        "with `weights.privilege.shown` any."
        if kind == "privilege" and n_of_reference
        else ""
    )
    return (
        f"There is no evidence to weigh by: weights by {KINDS[kind]} are asked for, and it is "
        f"known of none of the {plural(n_rows, 'row')}. Score them (`python -m curation score "
        f"--scores {family}`), or leave it out of `weights`.{more}"
    )


_COLUMNS: dict[str, pl.DataType] = {
    "weights": WEIGHTS,
    "is_trained": pl.Boolean(),
    "train_detail": loss.DETAIL,
    "message_weight": pl.Int64(),
}


def _there(rows: pl.DataFrame) -> list[str]:
    return [name for name in ("is_edited", "original_trace_id") if name in rows.columns]


def _per_token(tokens: Mapping[str, Any], name: str) -> np.ndarray | None:
    """A list of numbers, one a token; None where it is not known for just these tokens."""
    values = np.asarray(tokens[name] if tokens[name] is not None else [], dtype=np.float64)
    is_whole = len(values) == len(tokens["token_start"]) and bool(np.isfinite(values).all())
    return values if is_whole and len(values) else None


def _gains(tokens: Mapping[str, Any], rule: weights.PrivilegeRule) -> np.ndarray | None:
    """The privilege gain of each token in nats; None where not known, or not of what was seen."""
    if rule.shown == "context" and (tokens["privileged_by"] or "context") != "context":
        return None
    privileged, own = _per_token(tokens, "privileged_nats"), _per_token(tokens, "logprob_nats")
    if privileged is None or own is None:
        return None
    return compatibility.gain_nats(np.minimum(privileged, 0.0), np.minimum(own, 0.0))


def _missing(text: str, starts: Sequence[int], mass: np.ndarray, from_mass: float) -> np.ndarray:
    """Indices of the tokens in whose place the student would begin a hedge."""
    opens = np.zeros(mass.size, dtype=np.bool_)
    for at in np.flatnonzero(mass >= from_mass).tolist():
        opens[at] = compatibility.opens_hedge(text, starts[at])
    return compatibility.missing_hedges(np.clip(mass, 0.0, 1.0), opens, from_mass)
