"""Problems -> splits: grouped, seeded, and stable when data are added.

A group is what may not be parted: a problem, or, where near duplicates are kept together, the
problems that a chain of near-duplicate prompts connects. It is named after its first problem (the
one whose trace was added first), and that problem's fixed point in [0, 1), from a hash of the seed
and its id, is the group's. The shares, in the order they are given, cut [0, 1) into intervals.

So where a group goes depends on nothing but its first problem: adding data moves no problem, and
changing a share moves only those beside the boundary. The price: shares are approximate (a share of
0.1 of n groups comes out as 0.1 ± sqrt(0.09 / n)). What can move:

- A new prompt that is near to two groups joins them: the younger follows the older. New prompts
  that make a template of what a group shares (`duplicates.BOILERPLATE`) part it again.
- A split that would stay empty takes the nearest group of a split that can spare one. With fewer
  groups than splits, the splits with the largest shares get one each and the others stay empty. A
  group moved so goes back once its place fills by itself.
- Stratified, the shares hold in every stratum to within one group: the groups of a stratum are
  ranked by their points and cut by rank, where a fraction of a group is rounded up or down by the
  stratum's own point (so many thin strata do not all round the same way). Adding a group then moves
  at most one other per boundary, in its own stratum. The stratum of a group is the most frequent
  value of its rows in each column; new rows can change it.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType

import polars as pl
import polars_hash as plh

from curation.errors import ExportError
from curation.export.duplicates import components, near_duplicate_clusters

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


def split_points(problem_ids: pl.Series, seed: int) -> pl.Series:
    """`split_point` of each id, all at once."""
    frame = pl.DataFrame({"id": problem_ids})
    digest = frame.select(
        plh.concat_str(pl.lit(f"{seed}:"), pl.col("id")).chash.sha2_256().alias("hex")
    )
    leading = pl.col("hex").str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)
    return digest.select((leading // 2**11).cast(pl.Float64).alias("point") / 2**53)["point"]


def split_point(seed: int, problem_id: str) -> float:
    """The problem's fixed point in [0, 1) under `seed`: 53 bits of SHA-256(`seed:problem_id`)."""
    digest = hashlib.sha256(f"{seed}:{problem_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def assign_splits(
    problem_ids: Iterable[str], splits: Mapping[str, float], seed: int
) -> dict[str, str]:
    """The split of each distinct problem, each a group of its own; order of ids is irrelevant."""
    ids = pl.Series("problem_id", sorted(set(problem_ids)), pl.String())
    split = split_groups(pl.DataFrame({"group": ids}), splits, seed)
    return dict(split.select("group", "split").iter_rows())


def problem_groups(rows: pl.DataFrame, threshold: float | None) -> pl.DataFrame:
    """`problem_id` and `group`, one row a problem of `rows`, by id.

    `rows` has `problem_id`, `prompt` and `position`. A group is named after its first problem, by
    position and then by id. With a `threshold`, problems are joined by prompts that are near
    duplicates at it (`duplicates`); with None each problem is a group of its own.
    """
    problems = (
        rows.group_by("problem_id")
        .agg(pl.col("position").min())
        .sort("position", "problem_id")
        .with_row_index("rank")
    )
    if threshold is None or not problems.height:
        return problems.select("problem_id", pl.col("problem_id").alias("group")).sort("problem_id")
    asked = (
        rows.select("problem_id", "prompt")
        .unique()
        .join(problems.select("problem_id", "rank"), on="problem_id")
        .sort("rank", "prompt")
    )
    # A problem and a prompt's cluster are both nodes; an edge joins a problem to each of its own.
    cluster = near_duplicate_clusters(asked["prompt"], threshold).to_numpy() + problems.height
    labels = components(problems.height + asked.height, asked["rank"].to_numpy(), cluster)
    joined = problems.with_columns(pl.Series("label", labels[: problems.height]))
    first = pl.col("problem_id").sort_by("rank").first().over("label")
    return joined.select("problem_id", first.alias("group")).sort("problem_id")


def strata(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """`group` and `stratum`, one row a group of `rows`, by group.

    The stratum is the group's most frequent value in each of `columns` (of equally frequent ones
    the first in the alphabet; null counts as a value).
    """
    found = rows.select("group").unique().sort("group").with_columns(stratum=pl.lit(""))
    for column in columns:
        most = (
            rows.group_by(
                "group", pl.col(column).cast(pl.String()).fill_null("\x00").alias("value")
            )
            .len()
            .sort("group", "len", "value", descending=[False, True, False])
            .group_by("group", maintain_order=True)
            .first()
        )
        found = found.join(most.select("group", "value"), on="group").select(
            "group", pl.concat_str("stratum", "value", separator="\x1f").alias("stratum")
        )
    return found.sort("group")


def split_groups(groups: pl.DataFrame, splits: Mapping[str, float], seed: int) -> pl.DataFrame:
    """`group`, `point` and `split`, one row a group of `groups`, by group.

    `groups` has `group`, each once, and `stratum` where the shares are to hold in every stratum.
    """
    shares = check_splits(splits)
    names = list(shares)
    bounds = [*accumulate(shares.values())][:-1]
    points = groups.with_columns(point=split_points(groups["group"], seed))
    if "stratum" in groups.columns:
        ranked = points.sort("stratum", "point", "group").with_columns(
            rank=pl.int_range(pl.len()).over("stratum"), n=pl.len().over("stratum")
        )
        rounding = split_points(ranked["stratum"], seed)
        # Cut after the first floor(bound * n + rounding): per split within one of its share.
        beyond = [
            pl.col("rank") >= (bound * pl.col("n") + rounding).floor().cast(pl.Int64)
            for bound in bounds
        ]
    else:
        ranked, beyond = points, [pl.col("point") >= bound for bound in bounds]
    place = pl.sum_horizontal(pl.lit(0, pl.Int64), *(each.cast(pl.Int64) for each in beyond))
    placed = ranked.select("group", "point", place.alias("place")).sort("group")
    placed = _none_empty(placed, shares, [0.0, *bounds, 1.0])
    split = pl.col("place").replace_strict(list(range(len(names))), names, return_dtype=pl.String())
    return placed.select("group", "point", split.alias("split"))


def _none_empty(
    placed: pl.DataFrame, shares: Mapping[str, float], bounds: Sequence[float]
) -> pl.DataFrame:
    """`placed` (`group`, `point`, `place` of its split) with a group lent to each empty split."""
    counts = [placed.filter(pl.col("place") == i).height for i in range(len(shares))]
    by_share = sorted(range(len(shares)), key=lambda i: -list(shares.values())[i])
    wanted = by_share[: placed.height]
    for i in wanted:
        if counts[i]:
            continue
        spare = [j for j, n in enumerate(counts) if n > 1 or (n and j not in wanted)]
        away = pl.max_horizontal(bounds[i] - pl.col("point"), pl.col("point") - bounds[i + 1], 0.0)
        nearest = (
            placed.filter(pl.col("place").is_in(spare))
            .with_columns(away=away)
            .sort("away", "group")
            .row(0, named=True)
        )
        counts[nearest["place"]] -= 1
        counts[i] += 1
        placed = placed.with_columns(
            pl.when(pl.col("group") == nearest["group"])
            .then(pl.lit(i, pl.Int64))
            .otherwise("place")
            .alias("place")
        )
    return placed
