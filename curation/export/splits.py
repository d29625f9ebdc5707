"""Problems -> splits: grouped, seeded, and stable when data are added.

Each problem gets a fixed point in [0, 1) from a hash of the seed and its id; the shares, in the
order they are given, cut [0, 1) into intervals. So where a problem goes depends on nothing but
itself: adding data moves no problem, and changing a share moves only those beside the boundary.
The price: shares are approximate (a share of 0.1 of n problems comes out as 0.1 ± sqrt(0.09 / n)).

One exception, made for small sets: a split that would stay empty takes the nearest problem of a
split that can spare one. With fewer problems than splits, the splits with the largest shares get
one each and the others stay empty. A problem moved so goes back once its place fills by itself.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from types import MappingProxyType

from curation.errors import ExportError

DEFAULT_SPLITS: Mapping[str, float] = MappingProxyType({"train": 0.9, "validation": 0.1})

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED = frozenset({"all", "manifest", "readme"})
_TOLERANCE = 1e-6


def parse_splits(text: str) -> dict[str, float]:
    """The shares by split name, in order, that `text` asks for: `train=0.9,validation=0.1`.

    Raises ExportError that says which part is wrong and what was expected.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            share = float(number)
        except ValueError:
            share = math.nan
        if not equals or math.isnan(share):
            raise ExportError(
                f"The splits {text!r} cannot be read at {part.strip()!r}; "
                "write name=share with commas between, for example train=0.9,validation=0.1."
            )
        if name in shares:
            raise ExportError(f"The split {name!r} is named twice in {text!r}; name each once.")
        shares[name] = share
    return check_splits(shares)


def check_splits(splits: Mapping[str, float]) -> dict[str, float]:
    """`splits` as a dict of its own, when names and shares are sound; raises ExportError if not.

    Names become file names and the split names of `datasets`, hence their narrow alphabet.
    """
    if not splits:
        raise ExportError("No split is named; name at least one, for example train=1.")
    for name, share in splits.items():
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise ExportError(
                f"{name!r} cannot name a split: use 1 to 40 lower-case letters, digits or "
                f"underscores, a letter first, and none of {', '.join(sorted(_RESERVED))}."
            )
        if not (math.isfinite(share) and share > 0):
            raise ExportError(
                f"The split {name!r} has the share {share}; give a number above 0, "
                "or leave the split out."
            )
    total = math.fsum(splits.values())
    if abs(total - 1) > _TOLERANCE:
        raise ExportError(f"The shares of the splits add up to {total:g}; they must add up to 1.")
    return dict(splits)


def split_point(seed: int, problem_id: str) -> float:
    """The problem's fixed point in [0, 1) under `seed`: 53 bits of SHA-256(`seed:problem_id`)."""
    digest = hashlib.sha256(f"{seed}:{problem_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def assign_splits(
    problem_ids: Iterable[str], splits: Mapping[str, float], seed: int
) -> dict[str, str]:
    """The split of each distinct problem, by the rule of the module; order of ids is irrelevant."""
    shares = check_splits(splits)
    names = list(shares)
    bounds = [0.0, *accumulate(shares.values())]
    bounds[-1] = 1.0
    intervals = dict(zip(names, pairwise(bounds), strict=True))
    points = {problem: split_point(seed, problem) for problem in sorted(set(problem_ids))}
    assigned = {
        problem: next(name for name in names if point < intervals[name][1])
        for problem, point in points.items()
    }
    wanted = sorted(names, key=lambda name: -shares[name])[: len(points)]
    counts = Counter(assigned.values())
    for name in wanted:
        if counts[name]:
            continue
        start, end = intervals[name]
        _, nearest = min(
            (max(start - point, point - end, 0.0), problem)
            for problem, point in points.items()
            if counts[assigned[problem]] > 1 or assigned[problem] not in wanted
        )
        counts[assigned[nearest]] -= 1
        counts[name] += 1
        assigned[nearest] = name
    return assigned
