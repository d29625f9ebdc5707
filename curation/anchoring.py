"""What seeing the scores does to verdicts: the blind one against the one given with scores in view.

Where the desk works blind first, a reviewer decides on a trace before its scores, heat, markers and
belief curve are shown, and confirms or changes the verdict after. Both are kept as decisions, told
apart by `revealed`; the pair says how often, and which way, a look at the scores moves people. A
second look alone moves some, too: the number is an upper limit of the scores' own effect.

Joins the store's pairs with the intervals of `spotcheck`. Knows nothing of screens.
Sources: anchoring by shown suggestions, arXiv 2507.15821; Wilson's interval, 1927.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from curation import spotcheck
from curation.store import Store


class Share(NamedTuple):
    """How many of `n` verdicts changed: `share` with Wilson's 95 % interval, nan for n = 0."""

    n_changed: int
    n: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Anchoring:
    """The anchoring effect over all traces that one person judged blind and then with scores."""

    changed: Share
    """Of all pairs of accept or reject."""
    to_reject: Share
    """Accepted blind, rejected after; of those accepted blind."""
    to_accept: Share
    """Rejected blind, accepted after; of those rejected blind."""
    n_left_open: int
    """Pairs whose second verdict is a skip or a flag; not among the others."""
    n_without_scores: int
    """Pairs of traces that no student had read yet: there were no scores to see; not counted."""
    n_unconfirmed: int
    """Blind verdicts that nobody gave anew after the scores were shown; not among the others."""
    n_reviewers: int
    """Who gave the pairs counted in `changed`."""
    reason: str | None
    """Why there is no number, None where there is one."""

    def in_words(self) -> str:
        """One sentence: share, interval, direction."""
        if self.reason:
            return self.reason
        share, low, high = (f"{100 * value:.0f}" for value in self.changed[2:])
        return (
            f"{self.changed.n_changed} of {self.changed.n} verdicts changed once the scores were "
            f"shown: {share} % (95 % interval {low} to {high}). {self.to_reject.n_changed} of "
            f"{self.to_reject.n} accepted became rejected, {self.to_accept.n_changed} of "
            f"{self.to_accept.n} rejected became accepted."
        )


def measured(store: Store) -> Anchoring:
    """The anchoring effect in a store."""
    return of_pairs(store.blind_pairs())


def of_pairs(pairs: pl.DataFrame) -> Anchoring:
    """The anchoring effect over pairs: `reviewer`, `blind` and `sighted` verdict, a pair a row.

    `blind` is accept or reject; `sighted` is null where there is no second verdict; `scored` says
    whether there were scores to see.
    """
    seen = pairs.filter(pl.col("scored").fill_null(value=False))
    both = seen.filter(pl.col("sighted").is_in(["accept", "reject"]))

    def share(frame: pl.DataFrame) -> Share:
        n, k = frame.height, frame.filter(pl.col("blind") != pl.col("sighted")).height
        low, high = spotcheck.wilson(k, n)
        return Share(k, n, k / n if n else float("nan"), low, high)

    return Anchoring(
        changed=share(both),
        to_reject=share(both.filter(pl.col("blind") == "accept")),
        to_accept=share(both.filter(pl.col("blind") == "reject")),
        n_left_open=seen.filter(pl.col("sighted").is_in(["skip", "flag"])).height,
        n_without_scores=pairs.filter(pl.col("scored").not_()).height,
        n_unconfirmed=pairs["sighted"].null_count(),
        n_reviewers=both["reviewer"].n_unique(),
        reason=None
        if both.height
        else "Nobody has judged a scored trace blind and then with its scores; switch on Blind "
        "first on the Review page.",
    )
