"""How fast and how good the marker detector is, beside plain dictionaries, in one run.

Speed: megabytes (10^6 bytes of UTF-8) a second on one core, alternating round by round with a plain
`re` alternation of the same phrases; the best round of each counts, since other processes only
ever slow one down. Goodness: by sentence on `curation/hedging/evaluation/`, both parts apart,
beside the same phrases without rules and `COMMON_HEDGES`, a short list such as papers print.

`python -m curation.bench.markers` prints the report with every error of the open part.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from curation import hedging
from curation.bench import annotated, readings
from curation.bench.annotated import Counts, Finder, Sentence
from curation.records import Category
from curation.settings import ROOT

MB_PER_SECOND = 10.0
TIMES_A_PLAIN_RE = 5.0
ROUNDS = 4
_CORPUS_BYTES = 2_000_000
_PEER_BYTES = 20_000
"""The plain alternation is slow: it reads the head of the same corpus."""

COMMON_HEDGES = [
    "about",
    "almost",
    "apparent",
    "apparently",
    "appear",
    "appeared",
    "appears",
    "approximately",
    "argue",
    "argued",
    "argues",
    "around",
    "assume",
    "assumed",
    "broadly",
    "claim",
    "claimed",
    "claims",
    "could",
    "doubt",
    "doubtful",
    "essentially",
    "estimate",
    "estimated",
    "fairly",
    "feel",
    "feels",
    "frequently",
    "generally",
    "guess",
    "indicate",
    "indicated",
    "indicates",
    "largely",
    "likely",
    "mainly",
    "may",
    "maybe",
    "might",
    "mostly",
    "often",
    "ought",
    "perhaps",
    "plausible",
    "plausibly",
    "possible",
    "possibly",
    "postulate",
    "postulated",
    "presumable",
    "conceivably",
    "supposedly",
    "presumably",
    "probable",
    "probably",
    "quite",
    "rather",
    "relatively",
    "roughly",
    "seem",
    "seems",
    "seemingly",
    "should",
    "sometimes",
    "somewhat",
    "suggest",
    "suggested",
    "suggests",
    "suppose",
    "suspect",
    "tend",
    "think",
    "typical",
    "typically",
    "uncertain",
    "unclear",
    "unlikely",
    "usually",
    "would",
]
"""79 words commonly counted as hedges in academic prose; from general knowledge."""


def find_categories(text: str) -> frozenset[Category]:
    """The categories our detector sees in a sentence."""
    return frozenset(marker.category for marker in hedging.find_markers(text))


def phrase_dictionary() -> Finder:
    """The lexicon's phrases, each for all its categories, without any rule or idiom."""
    groups: dict[str, set[Category]] = {}
    for entry in hedging.load_lexicon().entries:
        if entry.category is not None:
            groups.setdefault(entry.phrase, set()).add(entry.category)
    pattern = _alternation(groups)

    def find(text: str) -> frozenset[Category]:
        seen: set[Category] = set()
        for match in pattern.finditer(text):
            seen |= groups[match[0].lower()]
        return frozenset(seen)

    return find


def common_hedges() -> Finder:
    """`COMMON_HEDGES` as whole words; they know of one category."""
    pattern = _alternation(COMMON_HEDGES)
    return lambda text: frozenset(["hedge"] if pattern.search(text) else [])


def _alternation(phrases: Any) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE)


# Speed ------------------------------------------------------------------------------------------


WORST_CASE = "a marker in every sentence"


def corpora() -> dict[str, list[str]]:
    """Name -> texts of a few MB: the demo's traces; the same with as many markers to the page as a
    model has that thinks aloud; and text as dense in markers as no trace is (no bar for that).
    """
    lines = (ROOT / "data/demo/traces.jsonl").read_text(encoding="utf-8").splitlines()
    demo = [json.loads(line)["trace"] for line in lines]
    sentences = [s.text for s in annotated.read_sentences() if s.genre == "trace"]
    turned = [sentences[i:] + sentences[:i] for i in range(len(sentences))]
    aloud = [
        f"{trace}\n\n{' '.join(turned[i * 7 % len(turned)][:7])}" for i, trace in enumerate(demo)
    ]
    return {
        "demo traces": _grown(demo),
        "demo traces thinking aloud": _grown(aloud),
        WORST_CASE: _grown([" ".join(order) for order in turned]),
    }


def _grown(texts: list[str]) -> list[str]:
    times = math.ceil(_CORPUS_BYTES / sum(len(text.encode()) for text in texts))
    return texts * times


def _speed_rows() -> list[dict[str, Any]]:
    pattern = _alternation({entry.phrase for entry in hedging.load_lexicon().entries})
    rows = []
    for name, texts in corpora().items():
        head = _head(texts, _PEER_BYTES)
        ours, peer = 0.0, 0.0
        for _ in range(ROUNDS):
            ours = max(ours, _mb_per_second(hedging.find_markers, texts))
            peer = max(peer, _mb_per_second(lambda t: list(pattern.finditer(t)), head))
        bar = None if name == WORST_CASE else MB_PER_SECOND
        rows += [
            _row(f"find_markers, {name}", ours, "MB/s", None, bar, ours >= (bar or 0)),
            _row(
                f"find_markers against a plain re of the same phrases, {name}",
                ours, "MB/s", ours / peer, TIMES_A_PLAIN_RE, ours / peer >= TIMES_A_PLAIN_RE,
            ),
        ]  # fmt: skip
    return rows


def _head(texts: list[str], n_bytes: int) -> list[str]:
    kept, total = [], 0
    for text in texts:
        kept.append(text)
        total += len(text.encode())
        if total >= n_bytes:
            break
    return kept


def _mb_per_second(work: Callable[[str], object], texts: list[str]) -> float:
    n_bytes = sum(len(text.encode()) for text in texts)
    began = time.process_time()
    for text in texts:
        work(text)
    return n_bytes / 1e6 / (time.process_time() - began)


# Goodness ---------------------------------------------------------------------------------------

_MEASURES: dict[str, Callable[[Counts], float]] = {
    "precision": lambda c: c.precision,
    "recall": lambda c: c.recall,
    "F1": lambda c: c.f1,
    "specificity": lambda c: c.specificity,
    "macro F1": lambda c: c.macro_f1,
}


def _parts(sentences: Sequence[Sentence]) -> dict[str, list[Sentence]]:
    return {
        "open": [s for s in sentences if not s.is_held_out],
        "held out": [s for s in sentences if s.is_held_out],
    }


def _quality_rows(sentences: Sequence[Sentence]) -> list[dict[str, Any]]:
    rows = []
    plain = phrase_dictionary()
    for part, chosen in _parts(sentences).items():
        ours, theirs = annotated.measure(chosen, find_categories), annotated.measure(chosen, plain)
        for group in annotated.GROUPS:
            for measure, take in _MEASURES.items():
                value, peer = take(ours[group]), take(theirs[group])
                rows.append(
                    _row(
                        f"{group}: {measure}, {part}, against its phrases without rules",
                        value, "share", value / peer if peer else None, None, True,
                    )
                )  # fmt: skip
        common = annotated.measure(chosen, common_hedges())["hedge"].macro_f1
        value = ours["hedge"].macro_f1
        rows.append(
            _row(
                f"hedge: macro F1, {part}, against 79 common hedges",
                value, "share", value / common, None, True,
            )
        )  # fmt: skip
    rows += [
        _row(f"{group}: Cohen's kappa of two readings", kappa, "kappa", None, None, True)
        for group, kappa in annotated.kappas(sentences).items()
    ]
    return rows


def _row(
    name: str, value: float, unit: str, ratio: float | None, bar: float | None, is_met: bool
) -> dict[str, Any]:
    return {
        "name": name, "value": value, "unit": unit, "ratio": ratio, "bar": bar, "met": is_met,
    }  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """Speed with its bars first, then goodness by category and part, then genres, scope, deeds."""
    read = [_row(name, value, unit, None, None, True) for name, value, unit in readings.rows()]
    return _speed_rows() + _quality_rows(annotated.read_sentences()) + read


# In words ---------------------------------------------------------------------------------------


def report(*, with_held_out_errors: bool = False) -> str:
    """Goodness by category, genre and part beside the dictionaries, and every error listed.

    The errors of the held-out part only `with_held_out_errors`: once read, they are not held out.
    """
    sentences = annotated.read_sentences()
    finders = {
        "ours": find_categories, "no rules": phrase_dictionary(), "79 words": common_hedges(),
    }  # fmt: skip
    lines = []
    for part, chosen in _parts(sentences).items():
        lines += [f"{part}: {len(chosen)} sentences", _HEADER]
        for name, find in finders.items():
            for group, counts in annotated.measure(chosen, find).items():
                if name != "79 words" or group == "hedge":
                    lines.append(_line(name, group, counts))
        for genre in dict.fromkeys(s.genre for s in chosen):
            own = [s for s in chosen if s.genre == genre]
            lines.append(_line(genre, "hedge", annotated.measure(own, find_categories)["hedge"]))
        lines.append("")
        if part == "open" or with_held_out_errors:
            lines += [*_errors(chosen), ""]
    lines.append("Cohen's kappa of the two readings (same reader: an upper bound), by sentence")
    lines += [f"  {group:14}{kappa:6.2f}" for group, kappa in annotated.kappas(sentences).items()]
    lines += ["", readings.report(with_aside=with_held_out_errors)]
    return "\n".join(lines)


_HEADER = f"  {'':14}{'':14}{'n':>5}{'prec.':>7}{'recall':>7}{'F1':>7}{'spec.':>7}{'macro':>7}"


def _line(name: str, group: str, counts: Counts) -> str:
    figures = (take(counts) for take in _MEASURES.values())
    written = "".join(f"{'–' if math.isnan(f) else format(f, '.3f'):>7}" for f in figures)
    return f"  {name:14}{group:14}{counts.tp + counts.fn:5}{written}"


def _errors(sentences: Sequence[Sentence]) -> list[str]:
    lines = []
    for sentence in sentences:
        markers = hedging.find_markers(sentence.text)
        for category in sorted({m.category for m in markers} - sentence.truth):
            spans = ", ".join(m.text for m in markers if m.category == category)
            lines.append(f"  + {category:13} [{spans}] {sentence.text}")
        for category in sorted(sentence.truth - {m.category for m in markers}):
            lines.append(f"  - {category:13} {sentence.text}")
    return ["errors (+ found without reason, - missed):", *sorted(lines)]


if __name__ == "__main__":
    for row in _speed_rows():
        ratio = "" if row["ratio"] is None else f" = {row['ratio']:.1f} times"
        sys.stdout.write(f"{row['name']}: {row['value']:.1f} MB/s{ratio}\n")
    sys.stdout.write(report(with_held_out_errors="--all-errors" in sys.argv) + "\n")
