"""How good scope, deeds and whole-sentence labels are, on what was read by hand.

Owns the reading and the measuring of three files of `curation/hedging/evaluation/` (their README
says how they were made, by the same hand as the rules): `genres.jsonl` (is the sentence hedged?),
`scopes.jsonl` (which clause is?) and `passages.jsonl` (what follows the marker?). A sentence is
said to be hedged where a `hedge` is found in it; other categories do not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from curation import hedging
from curation.bench.annotated import FOLDER, Counts, cohen_kappa, count
from curation.hedging.functions import Functions, functions
from curation.records import Marker

PARTS = ("open", "aside")
"""The halves of `genres.jsonl`: rules were mended by the first, the second was looked at last."""


class Labelled(NamedTuple):
    """One sentence of `genres.jsonl`: read twice and settled."""

    genre: str
    text: str
    first: bool
    second: bool
    hedged: bool

    @property
    def part(self) -> str:
        """One of `PARTS`, by hash."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return PARTS[1 - int(digest, 16) % 2]


def labelled() -> list[Labelled]:
    """The sentences of five genres, in the file's order."""
    return [
        Labelled(row["genre"], row["text"], row["first"], row["second"], row["hedged"])
        for row in _read("genres.jsonl")
    ]


def is_hedged(text: str) -> bool:
    """Whether a hedge is found in a sentence."""
    return any(marker.category == "hedge" for marker in hedging.find_markers(text))


def by_genre() -> dict[tuple[str, str], Counts]:
    """(part, genre or "all genres") -> counts of our yes and no."""
    answers: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for part in PARTS:
        for sentence in labelled():
            if sentence.part == part:
                answer = (sentence.hedged, is_hedged(sentence.text))
                answers.setdefault((part, "all genres"), []).append(answer)
                answers.setdefault((part, sentence.genre), []).append(answer)
    return {name: _counted(pairs) for name, pairs in answers.items()}


class Scope(NamedTuple):
    """A sentence whose hedged clause was marked by hand, and the clause that we name."""

    text: str
    cue: str
    wanted: str
    found: str | None


def scopes() -> list[Scope]:
    """Every sentence of `scopes.jsonl`; ours is `found`, exact where it equals `wanted`."""
    read = []
    for row in _read("scopes.jsonl"):
        text, (start, end) = row["text"], row["cue"]
        cue = Marker(start, end, "hedge", text[start:end])
        [ours] = hedging.describe(text, [cue])
        found = None if ours.scope_start is None else text[ours.scope_start : ours.scope_end]
        read.append(Scope(text, cue.text, text[slice(*row["scope"])], found))
    return read


QUESTIONS = {
    "revision": "decorative",
    "recompute": "word-only",
    "dead end": "no dead end",
}
"""What a passage is asked: the label for yes, and that for no."""


class Passage(NamedTuple):
    """A passage with the question it is an answer to, what it should say and what we say."""

    question: str
    text: str
    wanted: bool
    found: bool


def passages() -> list[Passage]:
    """Every passage of `passages.jsonl` with our answer."""
    asked = {label: yes for yes, no in QUESTIONS.items() for label in (yes, no)}
    return [
        Passage(
            asked[row["label"]],
            row["text"],
            row["label"] in QUESTIONS,
            _says(row["text"], asked[row["label"]]),
        )
        for row in _read("passages.jsonl")
    ]


def _says(text: str, question: str) -> bool:
    found: Functions = functions(text, hedging.find_markers(text))
    if question == "dead end":
        return any(road.is_said for road in found.dead_ends)
    kind = "revises" if question == "revision" else "recomputes"
    return any(deed.kind == kind for deed in found.deeds)


def rows() -> Iterator[tuple[str, float, str]]:
    """Name, value, unit: what `bench markers` prints of the three files."""
    for (part, genre), counts in by_genre().items():
        for measure in ("f1", "precision", "specificity"):
            name = "F1" if measure == "f1" else measure
            yield f"{genre}: {name} of hedged sentences, {part}", getattr(counts, measure), "share"
    read = labelled()
    both = count([s.first for s in read], [s.second for s in read])
    yield "hedged sentences: Cohen's kappa of two readings", cohen_kappa(both), "kappa"
    marked = scopes()
    exact = sum(scope.found == scope.wanted for scope in marked) / len(marked)
    yield f"scope: exact agreement on {len(marked)} sentences", exact, "share"
    for question, counts in by_question().items():
        n = sum(counts)
        yield f"{question}: precision on {n} passages", counts.precision, "share"
        yield f"{question}: recall on {n} passages", counts.recall, "share"


def by_question() -> dict[str, Counts]:
    """`QUESTIONS` -> counts of our yes and no."""
    read = passages()
    return {
        question: _counted([(p.wanted, p.found) for p in read if p.question == question])
        for question in QUESTIONS
    }


def errors(*, with_aside: bool = False) -> list[str]:
    """Every wrong answer in a line of words; of the part set aside only where asked for."""
    wrong = [
        f"  {'-' if s.hedged else '+'} hedged, {s.genre}: {s.text}"
        for s in labelled()
        if (with_aside or s.part != "aside") and is_hedged(s.text) != s.hedged
    ]
    wrong += [
        f"  ≠ scope of {s.cue!r}: {s.found!r}, by hand {s.wanted!r}: {s.text}"
        for s in scopes()
        if s.found != s.wanted
    ]
    return wrong + [
        f"  {'-' if p.wanted else '+'} {p.question}: {p.text}"
        for p in passages()
        if p.found != p.wanted
    ]


def report(*, with_aside: bool = False) -> str:
    """The rows and the errors, for people."""
    lines = [f"  {name:64}{value:7.3f}" for name, value, _ in rows()]
    return "\n".join(["genres, scopes and passages", *lines, *errors(with_aside=with_aside)])


def _read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def _counted(pairs: list[tuple[bool, bool]]) -> Counts:
    return count([wanted for wanted, _ in pairs], [found for _, found in pairs])
