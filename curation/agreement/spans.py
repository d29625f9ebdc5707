"""Agreement on labelled spans: alpha for unitizing, and F1 between each two people, by label.

Each two people who both read a trace are compared on it: F1 = 2·matched / (spans of one + spans of
the other), sums over pairs of people and over traces, so that it does not matter whose are called
right. *Exact*: same start, end and label. *Overlap*: same label and a character in common, each
span matched once, as many as can be. Who has labelled no span anywhere is left out, since they may
not know of spans; who labels elsewhere but not here, on a trace that they accepted or rejected, has
said that there is nothing.

F1 is not corrected for chance; Krippendorff's alpha for unitizing (`unitizing`) is, and sees how
much of the text two spans share. Of all labels together a stretch's value is its label; of one
label it is whether the stretch has it.

Source: F1 as agreement on spans: Hripcsak & Rothschild 2005 (J Am Med Inform Assoc 12).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from curation.agreement import coefficients as co
from curation.agreement import unitizing
from curation.agreement.coefficients import NO_INTERVAL, Floats
from curation.agreement.summary import MIN_ITEMS_FOR_CI, RATINGS

Span = tuple[int, int]


def on_spans(
    spans: pl.DataFrame, decisions: pl.DataFrame, *, seed: int = 0, n_resamples: int = 2000
) -> dict[str, Any]:
    """Alpha and F1 of all labels together and of each, the most used first.

    `spans` has trace_id, reviewer, start, end, label (one row a span) and n_chars, the length of
    the trace (null: no alpha); `decisions` trace_id, reviewer, verdict says who else read a trace.
    Gives n_reviewers (who labelled anything), n_traces (read by two of them, and labelled by one),
    `all` and `by_label`: rows with label, n_spans (on these traces), alpha_u, alpha_u_ci (nan where
    all is one value), exact, exact_ci, overlap, overlap_ci (0 to 1; nan where there is nothing);
    and `reason`, why there is no interval or no number, else None. Intervals are 95 %, bootstrap
    over traces.
    """
    said = {
        (str(trace), str(name)): list(zip(starts, ends, labels, strict=True))
        for trace, name, starts, ends, labels in spans.group_by("trace_id", "reviewer")
        .agg("start", "end", "label")
        .iter_rows()
    }
    people = {name for _, name in said}
    read = decisions.filter(
        pl.col("verdict").is_in(list(RATINGS)), pl.col("reviewer").is_in(list(people))
    )
    readers: dict[str, set[str]] = {}
    for trace, name in [*said, *read.select("trace_id", "reviewer").iter_rows()]:
        readers.setdefault(trace, set()).add(name)
    used = {trace for trace, _ in said}
    shared = sorted(trace for trace, names in readers.items() if trace in used and len(names) > 1)
    n_each = (
        spans.filter(pl.col("trace_id").is_in(shared))
        .group_by("label")
        .len()
        .sort(["len", "label"], descending=[True, False])
    )
    labels = n_each["label"].to_list()
    parts = np.array(
        [
            [_counted(said, trace, sorted(readers[trace]), label) for label in labels]
            for trace in shared
        ]
    ).reshape(len(shared), len(labels), 3)
    n_chars = dict(spans.select("trace_id", "n_chars").drop_nulls().iter_rows())
    unitized = [
        (n_chars[trace], [said.get((trace, name), []) for name in sorted(readers[trace])])
        for trace in shared
        if trace in n_chars
    ]

    def row(label: str | None, n_spans: int, parts: Floats) -> dict[str, Any]:
        taken = set(labels) if label is None else {label}
        return {
            "label": label,
            "n_spans": n_spans,
            **_numbered("alpha_u", *_unitized(unitized, taken), seed, n_resamples, 1.0),
            **_numbered("exact", parts[:, [0, 2]], co.share, seed, n_resamples),
            **_numbered("overlap", parts[:, [1, 2]], co.share, seed, n_resamples),
        }

    rows = [
        row(label, n, parts[:, place].astype(np.float64))
        for place, (label, n) in enumerate(n_each.iter_rows())
    ]
    whole = row(None, int(n_each["len"].sum()), parts.sum(axis=1).astype(np.float64))
    reason = None
    if not shared:
        reason = "no trace with labelled spans was read by two people who label any"
    elif len(shared) < MIN_ITEMS_FOR_CI:
        reason = f"an interval needs {MIN_ITEMS_FOR_CI} traces; these spans are on {len(shared)}"
    return {
        "n_reviewers": len(people),
        "n_traces": len(shared),
        "all": whole,
        "by_label": rows,
        "reason": reason,
    }


def matched(one: Sequence[Span], other: Sequence[Span]) -> int:
    """How many spans of the two can be matched so that each pair has a character in common."""
    # Inside: every command imports this room, and scipy takes as long to import as all the rest.
    from scipy.optimize import linear_sum_assignment

    if not one or not other:
        return 0
    meets = np.array([[a < d and c < b for c, d in other] for a, b in one])
    return int(meets[linear_sum_assignment(meets, maximize=True)].sum())


def _counted(
    said: dict[tuple[str, str], list[tuple[int, int, str]]],
    trace: str,
    names: list[str],
    label: str,
) -> list[float]:
    """Twice the exact matches, twice the overlapping ones, and the spans, over pairs of people."""
    mine = {
        name: [(start, end) for start, end, other in said.get((trace, name), []) if other == label]
        for name in names
    }
    exact = overlap = total = 0
    for one, other in combinations(names, 2):
        exact += 2 * len(set(mine[one]) & set(mine[other]))
        overlap += 2 * matched(mine[one], mine[other])
        total += len(mine[one]) + len(mine[other])
    return [exact, overlap, total]


def _unitized(
    read: Sequence[tuple[int, Sequence[Sequence[tuple[int, int, str]]]]], labels: Collection[str]
) -> tuple[Floats, co.Statistic]:
    """What each text adds to alpha for unitizing on these labels, and the coefficient of the sums.

    `read` are (length of the text, what each of its readers labelled).
    """
    units = [
        (n_chars, [unitizing.units([one for one in mine if one[2] in labels]) for mine in people])
        for n_chars, people in read
    ]
    values = {value for _, people in units for mine in people for _, _, value in mine}
    place = {value: n for n, value in enumerate(sorted(values, key=sorted), 1)}
    n_values = 1 + len(place)
    parts = [unitizing.parts(people, n_chars, place) for n_chars, people in units]
    return np.reshape(parts, (len(parts), n_values**2 + 1)), unitizing.alphas(n_values)


def _numbered(
    name: str,
    parts: Floats,
    statistic: Callable[[Floats], Floats],
    seed: int,
    n_resamples: int,
    undefined: float = math.nan,
) -> dict[str, Any]:
    """A number of the sums over traces, and its interval."""
    value = float(statistic(parts.sum(axis=0)[None])[0])
    has_ci = len(parts) >= MIN_ITEMS_FOR_CI and not math.isnan(value)
    ci = co.bootstrap(parts, statistic, seed, n_resamples, undefined) if has_ci else NO_INTERVAL
    return {name: value, f"{name}_ci": list(ci)}
