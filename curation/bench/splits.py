"""How long the splits of a million traces take, and near duplicates beside datasketch, in one run.

Made-up traces, seeded: a quarter as many problems as traces, each with a prompt of 12 to 60 words
of its own, save that every fiftieth problem's prompt is the one before with a word changed.
`ratio` is the peer's time over ours: above 1 where we are faster. The plain hash does less (no near
duplicates, no strata); it is there to show what grouping costs. datasketch (requirements-peers.txt)
looks for the pairs of the same threshold among the first prompts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from curation.errors import CurationError
from curation.export.duplicates import N_PERM, THRESHOLD, near_duplicate_clusters
from curation.export.splits import problem_groups, split_groups, strata

N_TRACES = 1_000_000
N_BESIDE_PEER = 20_000
BAR_S = 60.0
"""Splits of the million in under a minute."""

_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
_SEED = 0


def rows(n: int = N_TRACES, beside_peer: int = N_BESIDE_PEER) -> list[dict[str, Any]]:
    """The benchmark's rows for `n` traces. Raises CurationError where the peer is not installed."""
    traces = _made_up(n)
    grouped_s = _seconds(lambda: _split(traces, THRESHOLD))
    by_problem_s = _seconds(lambda: _split(traces, None))
    plain_s = _seconds(lambda: _plainly(traces))
    prompts = traces["prompt"].unique(maintain_order=True).head(beside_peer)
    ours_s = _seconds(lambda: near_duplicate_clusters(prompts))
    peer_s = _seconds(lambda: _with_datasketch(prompts))
    what = f"splits of {n:,} traces by domain and teacher"
    plain = "against a plain hash of each problem"
    return [
        _row(f"{what}, near-duplicate prompts together, {plain}", grouped_s, plain_s, BAR_S),
        _row(f"{what}, each problem a group, {plain}", by_problem_s, plain_s, BAR_S),
        _row(f"near duplicates of {len(prompts):,} prompts against datasketch", ours_s, peer_s),
    ]


def _row(name: str, value: float, peer: float, bar: float | None = None) -> dict[str, Any]:
    met = None if bar is None else value <= bar
    return {
        "name": name, "value": value, "unit": "s", "ratio": peer / value, "bar": bar, "met": met
    }  # fmt: skip


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _split(traces: pl.DataFrame, threshold: float | None) -> pl.DataFrame:
    """What an export does of it: groups, strata, splits, and the split of each row."""
    groups = problem_groups(traces, threshold)
    of_rows = traces.join(groups, on="problem_id", maintain_order="left")
    placed = split_groups(strata(of_rows, ("domain", "teacher")), _SHARES, _SEED)
    return of_rows.join(placed.select("group", "split"), on="group", maintain_order="left")


def _plainly(traces: pl.DataFrame) -> pl.DataFrame:
    """One SHA-256 a problem, in Python, and the split that its bits fall into."""
    bounds = np.cumsum(list(_SHARES.values()))
    split = {
        problem: int(
            np.searchsorted(
                bounds[:-1],
                int.from_bytes(hashlib.sha256(f"{_SEED}:{problem}".encode()).digest()[:8], "big")
                / 2**64,
                "right",
            )
        )
        for problem in traces["problem_id"].unique()
    }
    return traces.with_columns(split=pl.col("problem_id").replace_strict(split))


def _with_datasketch(prompts: pl.Series) -> list[list[str]]:
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as exc:
        raise CurationError(
            "The peer datasketch is not installed; `.venv/bin/pip install --no-deps -r "
            "requirements-peers.txt` installs it."
        ) from exc
    index = MinHashLSH(threshold=THRESHOLD, num_perm=N_PERM)
    texts = [text.split() for text in prompts]
    runs = [
        {" ".join(words[i : i + 3]).encode() for i in range(max(1, len(words) - 2))}
        for words in texts
    ]
    signatures = MinHash.bulk(runs, num_perm=N_PERM)
    for i, signature in enumerate(signatures):
        index.insert(str(i), signature)
    return [index.query(signature) for signature in signatures]


def _made_up(n: int) -> pl.DataFrame:
    rng = np.random.default_rng(_SEED)
    n_problems = max(1, n // 4)
    vocabulary = np.array([f"word{i}" for i in range(20_000)])
    prompts = []
    for i, length in enumerate(rng.integers(12, 61, n_problems)):
        words = vocabulary[rng.integers(0, len(vocabulary), length)]
        prompts.append(" ".join(words))
        if i % 50 == 49:
            prompts[-1] = prompts[-2].rsplit(" ", 1)[0] + " changed"
    problem = np.arange(n) % n_problems
    return pl.DataFrame(
        {
            "problem_id": pl.Series([f"p1_{i:024x}" for i in range(n_problems)]).gather(problem),
            "prompt": pl.Series(prompts).gather(problem),
            "position": np.arange(n),
            "domain": pl.Series([f"domain {i}" for i in range(8)]).gather(problem % 8),
            "teacher": pl.Series([f"teacher {i}" for i in range(5)]).gather(np.arange(n) % 5),
        }
    )
