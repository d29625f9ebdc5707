"""What it costs to compute families of scores: tokens, and seconds where a speed is known.

Owns the words of the families and how often each has the student read a trace. Rough on purpose:
prompts and chat templates come on top, traces that share a prompt share its reading, and a speed
measured with other families is another speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from curation.records import Family

CHARS_PER_TOKEN = 4.0
"""For English until the student's own ratio is known from traces it has scored."""


class FamilyWords(NamedTuple):
    """A family for a person who chooses."""

    title: str
    readings: float
    """How often a trace is read for it beside the likelihood (which is one reading)."""
    says: str


FAMILY_WORDS: dict[Family, FamilyWords] = {
    "likelihood": FamilyWords("Likelihood", 1.0, "surprise, ranks, uncertainty; always computed"),
    "steps": FamilyWords("Step by step", 0.0, "from the likelihood's own numbers: costs nothing"),
    "ifd": FamilyWords("Instruction following (IFD)", 1.0, "reads the trace without its prompt"),
    "rifd": FamilyWords("Reverse IFD", 1.0, "guesses the prompt from the trace"),
    "belief": FamilyWords("Belief in the answer", 0.5, "asks for the answer after every step"),
    "privilege": FamilyWords("Privilege gain", 1.0, "reads it after what the teacher saw"),
    "hedges": FamilyWords("Missing hedges", 0.0, "from the likelihood's own pass: costs nothing"),
    "lalp": FamilyWords("Local naturalness", 3.0, "reads every step after a few before it"),
}


class Cost(NamedTuple):
    """What is still to do."""

    n_traces: int
    """Traces that wait for one of the families."""
    n_tokens: int
    """Tokens of these traces (once), as the student counts or four characters each."""
    n_read: int
    """Tokens to read for all families asked for: an upper bound where some are there already."""
    seconds: float | None
    """None where no speed is known."""
    is_counted: bool
    """Whether the student's own ratio of tokens to characters was known."""

    def in_words(self) -> str:
        """One sentence for a person."""
        if not self.n_traces:
            return "Nothing waits: all traces have these scores."
        how = "as counted so far" if self.is_counted else "guessed at four characters a token"
        said = (
            f"{self.n_traces:,} traces wait, about {self.n_tokens:,} tokens ({how}); for these "
            f"families the student reads about {self.n_read:,}."
        )
        if self.seconds is None:
            return f"{said} How long that takes is known once it has read the first."
        return f"{said} At the speed last measured that takes about {duration(self.seconds)}."


def estimate(
    traces: pl.DataFrame,
    n_waiting: int,
    families: Sequence[Family],
    tokens_per_second: float | None,
) -> Cost:
    """The cost of computing `families` for `n_waiting` of the `traces`.

    `traces` has n_chars and n_tokens (null = not scored yet). The waiting ones are taken to be as
    long as the average. `tokens_per_second` counts each trace once, as scorers report it, and was
    measured with families like these.
    """
    known = traces.filter(pl.col("n_tokens").is_not_null() & (pl.col("n_tokens") > 0))
    ratio = 1 / CHARS_PER_TOKEN
    if known.height:
        ratio = float(known["n_tokens"].sum()) / max(int(known["n_chars"].sum()), 1)
    n_chars = float(traces["n_chars"].sum()) / max(traces.height, 1)
    n_tokens = round(n_waiting * n_chars * ratio)
    readings = 1.0 + sum(FAMILY_WORDS[name].readings for name in families if name != "likelihood")
    return Cost(
        n_waiting,
        n_tokens,
        round(n_tokens * readings),
        n_tokens / tokens_per_second if tokens_per_second else None,
        known.height > 0,
    )


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever a person would say."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"
