"""How fast and how exact the student's scoring is, beside minicons, lm-eval and plain loops.

The measurement is `scripts/bench_score.py`, in a process of its own: it needs torch, which has one
room in the library, and peak memory is a process's. The arithmetic of the rows is here.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from curation.bench import from_script


class Shape(NamedTuple):
    """What of a model the arithmetic depends on."""

    n_body: int
    """Numbers in the transformer's matrices, without embedding and head."""
    n_head: int
    """Numbers in the vocabulary head."""
    d_attention: int
    """Width of all heads together."""
    n_layers: int


class Timed(NamedTuple):
    """One round of scoring, and the machine's best matrix product beside it."""

    flops: float
    """Operations that had to be done."""
    seconds: float
    best: float
    """Operations a second of the product, just before and after: the better of the two."""


SLOWED = 0.85
"""A round whose product fell below this share of the run's best was disturbed. When others compute
on the same cores, products halve and all else hardly slows, so such a round would flatter."""


def necessary_flops(shape: Shape, n_tokens: int, n_pairs: int, n_scored: int) -> float:
    """Multiplications and additions that likelihoods cost at least.

    2 · body · tokens + 2 · head · scored tokens + 4 · width · pairs · layers. Tokens with the same
    before them count once; a pair is a token and one it must see, itself included.
    """
    return (
        2.0 * shape.n_body * n_tokens
        + 2.0 * shape.n_head * n_scored
        + 4.0 * shape.d_attention * n_pairs * shape.n_layers
    )


def exponent(lengths: Sequence[float], seconds: Sequence[float]) -> float:
    """The e of seconds ~ length^e: slope of the least-squares line through both logarithms."""
    fit = statistics.linear_regression(
        [math.log(n) for n in lengths], [math.log(s) for s in seconds]
    )
    return fit.slope


def row(
    name: str,
    value: float,
    unit: str,
    *,
    ratio: float | None = None,
    bar: float | None = None,
    at_most: bool = False,
) -> dict[str, Any]:
    """A row of the benchmark; what is held against the bar is the ratio, else the value."""
    measured = value if ratio is None else ratio
    met = bar is None or (measured <= bar if at_most else measured >= bar)
    return {"name": name, "value": value, "unit": unit, "ratio": ratio, "bar": bar, "met": met}


def share_row(dtype: str, rounds: Sequence[Timed], bar: float) -> dict[str, Any]:
    """Operations that had to be done, against what the product would have done in that time.

    Over the rounds that were not disturbed (`SLOWED`); the name says how many were. At least one
    round is needed.
    """
    top = max(one.best for one in rounds)
    kept = [one for one in rounds if one.best >= SLOWED * top]
    flops = sum(one.flops for one in kept)
    possible = sum(one.seconds * one.best for one in kept)
    name = f"share of the best matrix product ({top / 1e9:,.0f} Gflop/s), {dtype}"
    if len(kept) < len(rounds):
        name += f" ({len(rounds) - len(kept)} of {len(rounds)} rounds disturbed)"
    reached = flops / sum(one.seconds for one in kept)
    return row(name, reached / 1e9, "Gflop/s", ratio=flops / possible, bar=bar)


def speed_rows(
    what: str, seconds: dict[str, list[float]], n_tokens: int, bar: float
) -> list[dict[str, Any]]:
    """Ours against the fastest peer, then each peer: `seconds` by name and round, "ours" first.

    The ratio is the median over the rounds of (fastest peer's / ours), the peers' medians deciding
    which one is the fastest: what disturbs a round disturbs both.
    """
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    ours = middle.pop("ours")
    fastest = min(middle, key=lambda name: middle[name])
    ratio = statistics.median(
        peer / own for peer, own in zip(seconds[fastest], seconds["ours"], strict=True)
    )
    first = f"{what}, against {fastest}"
    return [
        row(first, n_tokens / ours, "tokens/s", ratio=ratio, bar=bar),
        *(row(f"{what}: {name}", n_tokens / s, "tokens/s") for name, s in middle.items()),
    ]


def rows(*options: str) -> list[dict[str, Any]]:
    """The benchmark's rows; `options` are the script's (`--n 144`, `--rounds 3`, `--quick`).

    Raises CurationError where it could not be run, as without the peers.
    """
    return from_script("bench_score.py", *options)
