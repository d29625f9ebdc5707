"""What of a training set stands in a benchmark, and what of it stands there twice.

Owns the rules (`Contamination`, part of a recipe) and the hits by them. Three methods, each held
against every prompt and every trace (`FIELDS`):

- `exact`: the normalised text is a benchmark line's.
- `ngram`: they share a run of 13 words (letters and digits; case, signs and white space do not
  count). One shared run is a hit, as in GPT-3 and in lm-evaluation-harness; a line of fewer than 13
  words is looked for whole, from 8 words on, which is GPT-3's least n. `overlap` is the share of
  the line's runs that stand in the row.
- `minhash`: near duplicates (`duplicates`); `overlap` is the estimated Jaccard similarity. It finds
  what was reworded a little, where no 13 words in a row are left.

What this cannot find: a translation, a paraphrase, a changed number in a short question. No hit is
no proof that a model never saw the benchmark. A hit need not be contamination: well-known sentences
stand in many places; read the list before excluding.

Sources: Brown et al. 2020, appendix C, https://arxiv.org/abs/2005.14165;
https://github.com/EleutherAI/lm-evaluation-harness/blob/v0.4.2/docs/decontamination.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal, NamedTuple, get_args

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from curation.errors import ExportError
from curation.export.benchmarks import Benchmark
from curation.export.duplicates import THRESHOLD, check_threshold, similar_across
from curation.export.shingles import Shingles, normalised, shingles, words

Method = Literal["exact", "ngram", "minhash"]
METHODS: tuple[Method, ...] = get_args(Method)

FIELDS = ("prompt", "text", "rejected_text")
"""Where in a row is looked; the last in pairs alone."""

LEAST_WORDS = 8
_CHUNK_ROWS = 50_000

HIT_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "field": pl.String(),
    "benchmark": pl.String(),
    "line": pl.Int64(),
    "method": pl.String(),
    "overlap": pl.Float64(),
    "n_shared": pl.Int64(),
    "shared": pl.String(),
}
"""One row a hit. `field` is where in the row (`FIELDS`), `line` which line of the
benchmark, `overlap` a share from 0 to 1 (exact: 1), `n_shared` the shared runs of words (null but
for `ngram`), `shared` the benchmark's words that were found: the first shared run, else the line's
first words."""


class BenchmarkFile(BaseModel):
    """A benchmark's file and the field of it that holds the question."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    path: str
    """From the project's folder on: a recipe stands in the manifest, and names no machine."""
    field: str | None = None
    """None: the first of `benchmarks.USUAL_FIELDS` that it has."""

    @field_validator("path")
    @classmethod
    def _in_the_project(cls, path: str) -> str:
        if not path.strip() or path.startswith("~") or PurePath(path).is_absolute():
            raise ExportError(
                f"The recipe names the benchmark {path!r}; give its path from the project's folder "
                "on (data/gsm8k.jsonl), since recipes are shared and name no machine."
            )
        return path


class Contamination(BaseModel):
    """What the set is held against, how, and whether rows that hit are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    benchmarks: tuple[BenchmarkFile, ...] = ()
    methods: tuple[Method, ...] = METHODS
    n_words: int = Field(default=13, ge=LEAST_WORDS, le=50)
    threshold: float = THRESHOLD
    exclude: bool = True

    @field_validator("threshold")
    @classmethod
    def _findable(cls, threshold: float) -> float:
        check_threshold(threshold)
        return threshold


class Repeats(NamedTuple):
    """How often texts stand twice in a set: rows beyond the first of each cluster, and clusters.

    `n_across` counts the clusters whose rows stand in more than one split.
    """

    n_repeated: int
    n_clusters: int
    n_across: int


def find_hits(
    rows: pl.DataFrame, benchmarks: Sequence[Benchmark], rules: Contamination
) -> pl.DataFrame:
    """Every row of `rows` that stands in a benchmark, as `HIT_SCHEMA`, in the order of its columns.

    `rows` has `trace_id`, `problem_id`, `prompt` and `text`. A text that several rows share is
    looked up once and listed for each.
    """
    parts = [pl.DataFrame(schema=HIT_SCHEMA)]
    if not rows.height:
        return parts[0]
    for field in (name for name in FIELDS if name in rows.columns):
        texts = rows[field].fill_null("").unique().sort()
        for benchmark in benchmarks:
            found = pl.concat(
                _SEARCHES[method](texts, benchmark, rules)
                for method in METHODS
                if method in rules.methods
            )
            parts.append(
                rows.select("trace_id", "problem_id", text=pl.col(field).fill_null(""))
                .join(found.with_columns(text=texts.gather(found["place"])), on="text")
                .with_columns(field=pl.lit(field), benchmark=pl.lit(benchmark.name))
                .select(*HIT_SCHEMA)
            )
    return pl.concat(parts).sort("trace_id", "field", "benchmark", "line", "method")


def repeats(clusters: pl.Series, splits: pl.Series) -> Repeats:
    """How many rows repeat an earlier one of their cluster, and where such clusters stand."""
    counted = (
        pl.DataFrame({"cluster": clusters, "split": splits})
        .group_by("cluster")
        .agg(n=pl.len(), n_splits=pl.col("split").n_unique())
        .filter(pl.col("n") > 1)
    )
    return Repeats(
        int(counted["n"].sum()) - counted.height,
        counted.height,
        counted.filter(pl.col("n_splits") > 1).height,
    )


def _exact(texts: pl.Series, benchmark: Benchmark, rules: Contamination) -> pl.DataFrame:
    ours = pl.DataFrame({"key": normalised(texts)}).with_row_index("place")
    theirs = benchmark.lines.select("line", "text", key=normalised(benchmark.lines["text"]))
    found = ours.filter(pl.col("key") != "").join(theirs, on="key")
    return _found(
        found["place"],
        found["line"],
        "exact",
        pl.repeat(1.0, found.height, eager=True),
        None,
        _opening(found["text"], rules),
    )


def _minhash(texts: pl.Series, benchmark: Benchmark, rules: Contamination) -> pl.DataFrame:
    pairs = similar_across(texts, benchmark.lines["text"], rules.threshold)
    lines = benchmark.lines[pairs.right]
    return _found(
        pl.Series(pairs.left),
        lines["line"],
        "minhash",
        pl.Series(pairs.similarity),
        None,
        _opening(lines["text"], rules),
    )


def _ngrams(texts: pl.Series, benchmark: Benchmark, rules: Contamination) -> pl.DataFrame:
    """Texts that share a run of words with a line. Short lines are looked for by their length."""
    their_words = words(normalised(benchmark.lines["text"]))
    n_words = their_words.list.len()
    parts = []
    lengths = n_words.filter((n_words >= LEAST_WORDS) & (n_words < rules.n_words))
    for n in sorted({rules.n_words, *lengths.to_list()}):
        is_meant = n_words >= n if n == rules.n_words else n_words == n
        places = is_meant.arg_true()
        if len(places):
            parts.append(_runs_of(texts, benchmark.lines[places], their_words.gather(places), n))
    return pl.concat(parts) if parts else _none()


def _runs_of(texts: pl.Series, lines: pl.DataFrame, their_words: pl.Series, n: int) -> pl.DataFrame:
    theirs = _frame(shingles(their_words, n)).unique(["text", "run"], keep="first")
    n_runs = theirs.group_by("text").len("n_runs")
    sought = np.sort(theirs["run"].unique().to_numpy())
    shared = []
    for start in range(0, len(texts), _CHUNK_ROWS):
        ours = words(normalised(texts.slice(start, _CHUNK_ROWS)))
        # A text shorter than the run would become a run of its own length.
        long_enough = ours.list.len() >= n
        places = long_enough.arg_true()
        runs = _frame(shingles(ours.gather(places), n), sought)
        shared.append(
            runs.select(place=places.gather(runs["text"]).cast(pl.Int64) + start, run="run")
            .unique()
            .join(theirs, on="run")
        )
    found = (
        pl.concat(shared)
        .group_by("place", "text")
        .agg(n_shared=pl.len(), first_word=pl.col("first_word").min())
        .join(n_runs, on="text")
        .sort("place", "text")
    )
    shared_words = pl.DataFrame(
        {"words": their_words.gather(found["text"]), "first": found["first_word"]}
    ).select(pl.col("words").list.slice("first", n).list.join(" "))["words"]
    return _found(
        found["place"],
        lines["line"].gather(found["text"]),
        "ngram",
        found["n_shared"] / found["n_runs"],
        found["n_shared"].cast(pl.Int64),
        shared_words,
    )


def _frame(runs: Shingles, sought: np.ndarray | None = None) -> pl.DataFrame:
    """One row a run: `text` (place), `run` (hash), `first_word`; of `sought` only where given."""
    text = np.repeat(np.arange(len(runs.offsets) - 1), np.diff(runs.offsets))
    is_wanted = np.ones(len(text), bool) if sought is None else _among(runs.hashes, sought)
    return pl.DataFrame(
        {
            "text": text[is_wanted],
            "run": runs.hashes[is_wanted],
            "first_word": runs.first_word[is_wanted],
        }
    )


def _among(hashes: np.ndarray, sought: np.ndarray) -> np.ndarray:
    """Whether each hash is one of `sought`, which is sorted and not empty."""
    at = np.minimum(np.searchsorted(sought, hashes), len(sought) - 1)
    is_there: np.ndarray = sought[at] == hashes
    return is_there


def _opening(texts: pl.Series, rules: Contamination) -> pl.Series:
    return words(normalised(texts)).list.head(rules.n_words).list.join(" ")


def _none() -> pl.DataFrame:
    empty = pl.Series([], dtype=pl.Int64)
    return _found(empty, empty, "ngram", empty, empty, pl.Series([], dtype=pl.String))


def _found(
    places: pl.Series,
    lines: pl.Series,
    method: Method,
    overlap: pl.Series,
    n_shared: pl.Series | None,
    shared: pl.Series,
) -> pl.DataFrame:
    counted = pl.repeat(None, len(places), dtype=pl.Int64, eager=True)
    return pl.DataFrame(
        {
            "place": places.cast(pl.Int64),
            "line": lines.cast(pl.Int64),
            "method": pl.repeat(method, len(places), dtype=pl.String, eager=True),
            "overlap": overlap.cast(pl.Float64),
            "n_shared": counted if n_shared is None else n_shared,
            "shared": shared,
        }
    )


_SEARCHES = {"exact": _exact, "ngram": _ngrams, "minhash": _minhash}
