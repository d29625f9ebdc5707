"""The coefficients, from counts; and the bootstrap over items that all of them share.

Every coefficient is a function of sums over items (`Statistic`), so that a resample is a row of
weights and thousands of resamples are one matrix product. Items that look the same are resampled
as one pattern with its share: the same distribution, at a cost that does not grow with the items.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

Level = Literal["nominal", "ordinal"]
Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
Statistic = Callable[[Floats], Floats]
"""From sums over items `[b, k]` to values `[b]`."""
NO_INTERVAL: Interval = (math.nan, math.nan)


def krippendorff_alpha(counts: Floats, level: Level = "nominal") -> float:
    """Alpha from `counts[u, c]`: how many gave item u the label c (ordinal: labels in order).

    alpha = 1 - (n - 1)·Σ o_ck·δ²_ck / Σ n_c·n_k·δ²_ck with the coincidences
    o_ck = Σ_u n_uc·(n_uk - [c=k]) / (m_u - 1), n_c = Σ_k o_ck and n = Σ n_c; items with m_u < 2 are
    left out. δ² is 1 for any two labels (nominal), or (Σ_{g=c..k} n_g - (n_c + n_k)/2)² (ordinal).
    nan where nothing is pairable or only one label was used.
    """
    pairable = counts[counts.sum(axis=1) >= 2]
    if not len(pairable):
        return math.nan
    sums = coincidences(pairable).sum(axis=0)[None]
    return float(alphas(counts.shape[1], level)(sums)[0])


def coincidences(counts: Floats) -> Floats:
    """o_ck of each pairable item, `[u, c·k]`."""
    n_labels = counts.shape[1]
    products = counts[:, :, None] * counts[:, None, :]
    products[:, range(n_labels), range(n_labels)] -= counts
    products /= (counts.sum(axis=1) - 1)[:, None, None]
    return products.reshape(len(counts), n_labels**2)


def alphas(n_labels: int, level: Level) -> Statistic:
    """Alpha of sums of `coincidences`; nan where only one label was used."""

    def statistic(sums: Floats) -> Floats:
        found = sums.reshape(-1, n_labels, n_labels)
        totals = found.sum(axis=2)
        n = totals.sum(axis=1)
        if level == "nominal":
            apart = np.broadcast_to(1 - np.eye(n_labels), found.shape)
        else:
            upto = totals.cumsum(axis=1)
            half = totals / 2
            # Σ_{g=c..k} n_g - (n_c + n_k)/2 = (upto_k - n_k/2) - (upto_c - n_c/2), c before k.
            middle = upto - half
            apart = (middle[:, None, :] - middle[:, :, None]) ** 2
        observed = (found * apart).sum(axis=(1, 2))
        by_chance = (totals[:, :, None] * totals[:, None, :] * apart).sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            values: Floats = np.where(by_chance > 1e-9, 1 - (n - 1) * observed / by_chance, np.nan)
        return values

    return statistic


def fleiss_kappa(counts: Floats) -> float:
    """Fleiss' kappa from `counts[u, c]`, where every item has the same m >= 2 ratings.

    (P - P_e) / (1 - P_e) with P = mean_u Σ_c n_uc(n_uc - 1) / (m(m - 1)), P_e = Σ_c p_c² and p_c
    the label's share of all ratings. nan without an item, or where only one label was used. Raises
    ValueError where items differ in their number of ratings.
    """
    if not len(counts):
        return math.nan
    n_ratings = counts.sum(axis=1)
    if n_ratings.min() != n_ratings.max() or n_ratings[0] < 2:
        raise ValueError(
            "Fleiss' kappa needs the same number of ratings, two or more, on each item"
        )
    return float(fleiss(counts.shape[1])(fleiss_parts(counts).sum(axis=0)[None])[0])


def fleiss_parts(counts: Floats) -> Floats:
    """P_u, the counts of each label and a one, for each item."""
    m = counts.sum(axis=1)
    alike = (counts * (counts - 1)).sum(axis=1) / (m * (m - 1))
    return np.column_stack([alike, counts, np.ones(len(counts))])


def fleiss(n_labels: int) -> Statistic:
    """Fleiss' kappa of sums of `fleiss_parts`."""

    def statistic(sums: Floats) -> Floats:
        observed = sums[:, 0] / sums[:, -1]
        labels = sums[:, 1 : 1 + n_labels]
        by_chance = ((labels / labels.sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
        return _corrected(observed, by_chance)

    return statistic


def cohen_kappa(table: Floats) -> float:
    """Kappa from `table[i, j]`: items that one labels i and the other j.

    (p_o - p_e) / (1 - p_e); nan for an empty table or where p_e = 1 (one label only).
    """
    return float(_kappas(table[None])[0])


def mean_kappa(n_pairs: int, n_labels: int) -> Statistic:
    """The mean of Cohen's kappa over pairs, where defined, of sums of their tables, flattened."""

    def statistic(sums: Floats) -> Floats:
        kappas = _kappas(sums.reshape(-1, n_labels, n_labels)).reshape(-1, n_pairs)
        n_defined = np.isfinite(kappas).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            values: Floats = np.nansum(kappas, axis=1) / n_defined
        return values

    return statistic


def _kappas(tables: Floats) -> Floats:
    total = tables.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(tables, axis1=1, axis2=2) / total
        by_chance = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1) / total**2
    return _corrected(observed, by_chance)


def _corrected(observed: Floats, by_chance: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        values: Floats = np.where(
            by_chance < 1 - 1e-12, (observed - by_chance) / (1 - by_chance), np.nan
        )
    return values


def pairs_alike(counts: Floats) -> Floats:
    """Pairs of equal ratings and pairs of ratings, for each item."""
    n_ratings = counts.sum(axis=1)
    return np.column_stack([(counts * (counts - 1)).sum(axis=1), n_ratings * (n_ratings - 1)])


def share(sums: Floats) -> Floats:
    """A statistic: the first sum over the second; nan where that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values: Floats = sums[:, 0] / sums[:, 1]
    return values


def summed(parts: Floats, of: list[str]) -> Floats:
    """Rows that belong together added up, `[group, k]`; `of` names the group of each row.

    A bootstrap over these draws the groups whole.
    """
    place = {name: n for n, name in enumerate(dict.fromkeys(of))}
    sums = np.zeros((len(place), parts.shape[1]))
    np.add.at(sums, [place[name] for name in of], parts)
    return sums


def _patterns(parts: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The different rows of `parts`, sorted, and how often each stands there."""
    # As np.unique does over an axis, which sorts all rows: seconds over a hundred thousand.
    columns = [f"c{i}" for i in range(parts.shape[1])]
    found = pl.DataFrame(parts, schema=columns, orient="row").group_by(columns).len("n")
    found = found.sort(columns)
    return found.select(columns).to_numpy(), found["n"].to_numpy().astype(np.int64)


def bootstrap(
    parts: Floats, statistic: Statistic, seed: int, n_resamples: int, undefined: float = math.nan
) -> Interval:
    """2.5 and 97.5 % of the statistic over resampled items (rows of `parts`).

    A resample without a value counts as `undefined`: for a chance-corrected coefficient 1, since
    nobody disagreed in it and leaving it out would pull the interval down; else it is left out.
    """
    patterns, n_each = _patterns(parts)
    n_items = len(parts)
    rng = np.random.default_rng(seed)
    values = []
    for start in range(0, n_resamples, 500):
        size = min(500, n_resamples - start)
        weights = rng.multinomial(n_items, n_each / n_items, size=size)
        values.append(statistic(weights @ patterns))
    found = np.concatenate(values)
    found = np.where(np.isnan(found), undefined, found)
    found = found[np.isfinite(found)]
    if not len(found):
        return NO_INTERVAL
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
