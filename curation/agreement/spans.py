"""Agreement on labelled spans: F1 between each two people, by label, exact and by overlap.

Each two people who both read a trace are compared on it: F1 = 2·matched / (spans of one + spans of
the other), sums over pairs of people and over traces, so that it does not matter whose are called
right. *Exact*: same start, end and label. *Overlap*: same label and a character in common, each
span matched once, as many as can be. Who has labelled no span anywhere is left out, since they may
not know of spans; who labels elsewhere but not here, on a trace that they accepted or rejected, has
said that there is nothing.

F1 is not corrected for chance. Krippendorff's alpha for unitizing would be; it is left out, since
it is defined on one continuum and no published value was at hand to hold ours against.

Source: F1 as agreement on spans: Hripcsak & Rothschild 2005 (J Am Med Inform Assoc 12).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from curation.agreement import coefficients as co
from curation.agreement.coefficients import NO_INTERVAL, Floats
from curation.agreement.summary import MIN_ITEMS_FOR_CI, RATINGS

Span = tuple[int, int]


def on_spans(
    spans: pl.DataFrame, decisions: pl.DataFrame, *, seed: int = 0, n_resamples: int = 2000
) -> dict[str, Any]:
    """F1 of all labels together and of each, the most used first.

    `spans` has trace_id, reviewer, start, end, label (one row a span); `decisions` trace_id,
    reviewer, verdict says who else read a trace. Gives n_reviewers (who labelled anything),
    n_traces (read by two of them, and labelled by one), `all` and `by_label`: rows with label,
    n_spans (on these traces), exact, exact_ci, overlap, overlap_ci (0 to 1; nan where there is
    nothing), and `reason`, why there is no interval or no number, else None. Intervals are 95 %,
    bootstrap over traces.
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
    rows = [
        _row(label, n, parts[:, place], seed, n_resamples)
        for place, (label, n) in enumerate(n_each.iter_rows())
    ]
    whole = _row(None, int(n_each["len"].sum()), parts.sum(axis=1), seed, n_resamples)
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


def _row(
    label: str | None, n_spans: int, parts: Floats, seed: int, n_resamples: int
) -> dict[str, Any]:
    """One row of the answer, from the parts of each trace."""
    row: dict[str, Any] = {"label": label, "n_spans": n_spans}
    parts = parts.astype(np.float64)
    for name, column in (("exact", 0), ("overlap", 1)):
        of = parts[:, [column, 2]]
        value = float(co.share(of.sum(axis=0)[None])[0])
        has_ci = len(of) >= MIN_ITEMS_FOR_CI and not math.isnan(value)
        row[name] = value
        row[f"{name}_ci"] = list(
            co.bootstrap(of, co.share, seed, n_resamples) if has_ci else NO_INTERVAL
        )
    return row
