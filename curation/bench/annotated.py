"""Sentences read by hand: reading them, agreement of the two readings, counts of right and wrong.

Owns the files of `curation/hedging/evaluation/` (their README is the guideline). The unit is the
sentence: it bears a category or it does not. A *marker* here is anything that maps a sentence to
the set of categories it sees there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from curation.records import CATEGORIES, EPISTEMIC, Category

FOLDER = Path(__file__).parent.parent / "hedging" / "evaluation"
GROUPS: dict[str, frozenset[Category]] = {
    **{category: frozenset([category]) for category in CATEGORIES},
    "epistemic": frozenset(EPISTEMIC),
}
"""What a sentence can be asked for: a category, or any of the epistemic ones."""

Finder = Callable[[str], frozenset[Category]]


class Sentence(NamedTuple):
    """One sentence as it was read: twice, and settled."""

    sentence_id: str
    genre: str
    text: str
    first: frozenset[Category]
    second: frozenset[Category]
    truth: frozenset[Category]

    @property
    def is_held_out(self) -> bool:
        """Whether it belongs to the third that no rule was made from."""
        return is_held_out(self.text)


def is_held_out(text: str) -> bool:
    """One third of all sentences, by hash."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 3 == 0


def read_sentences(path: Path = FOLDER / "annotated.jsonl") -> list[Sentence]:
    """The sentences of the annotated set, in the file's order."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Sentence(
            row["id"],
            row["genre"],
            row["text"],
            frozenset(category for _, _, category in row["first"]),
            frozenset(row["second"]),
            frozenset(category for _, _, category in row["markers"]),
        )
        for row in rows
    ]


class Counts(NamedTuple):
    """Sentences by what they bear and what was found: hits, false alarms, misses, rightly left."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def precision(self) -> float:
        """Share tp / (tp + fp); nan where nothing was found."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share tp / (tp + fn); nan where nothing was there."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 tp / (2 tp + fp + fn); nan where nothing was there and nothing found."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def specificity(self) -> float:
        """Share tn / (tn + fp): of the sentences without it, the share that was left alone."""
        return _share(self.tn, self.tn + self.fp)

    @property
    def macro_f1(self) -> float:
        """The mean of the F1 of bearing it and the F1 of not bearing it."""
        return (self.f1 + _share(2 * self.tn, 2 * self.tn + self.fp + self.fn)) / 2


def count(truth: Sequence[bool], found: Sequence[bool]) -> Counts:
    """The four counts of two equally long columns of answers."""
    pairs = list(zip(truth, found, strict=True))
    return Counts(
        pairs.count((True, True)),
        pairs.count((False, True)),
        pairs.count((True, False)),
        pairs.count((False, False)),
    )


def measure(sentences: Iterable[Sentence], find: Finder) -> dict[str, Counts]:
    """`GROUPS` name -> the counts of `find` on these sentences."""
    read = [(sentence.truth, find(sentence.text)) for sentence in sentences]
    return {
        name: count([bool(truth & group) for truth, _ in read], [bool(f & group) for _, f in read])
        for name, group in GROUPS.items()
    }


def cohen_kappa(counts: Counts) -> float:
    """(p_o - p_e) / (1 - p_e) of two readings; nan where chance alone agrees (p_e = 1)."""
    n = sum(counts)
    if n == 0:
        return float("nan")
    first, second = (counts.tp + counts.fn) / n, (counts.tp + counts.fp) / n
    observed = (counts.tp + counts.tn) / n
    chance = first * second + (1 - first) * (1 - second)
    return (observed - chance) / (1 - chance) if chance < 1 else float("nan")


def kappas(sentences: Sequence[Sentence]) -> dict[str, float]:
    """`GROUPS` name -> Cohen's kappa of the first and the second reading, by sentence."""
    return {
        name: cohen_kappa(
            count([bool(s.first & group) for s in sentences],
                  [bool(s.second & group) for s in sentences])
        )
        for name, group in GROUPS.items()
    }  # fmt: skip


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
