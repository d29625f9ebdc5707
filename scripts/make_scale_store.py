"""Make a store of a million decided traces of about 600 tokens, for `bench_scale.py`.

`make_scale_store.py STORE.duckdb [--traces 1000000] [--seed 0]`. Texts are put together from
paragraphs whose sentences come from the demo's traces with other numbers, so that they are marked
as real ones are (they compress better); every trace has a number of its own in it. Four traces a
problem, one of each of four teacher contexts, by six teachers of three families. Each has a
verdict, one in ten has a second by somebody else; four in five are accepted.

Traces, languages and shortcuts go in through the store's own functions, decisions in bulk with the
hashes that `verify` derives. Likelihoods are random and, but for one trace in `WITH_TOKENS`,
without their tokens, which `verify` says: a token list is as long as six texts, and no list or
dashboard reads it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from curation import hedging, lexicons, records, signs, steps, store  # noqa: E402
from curation.hedging import language as languages  # noqa: E402
from curation.records import (  # noqa: E402
    PACK_SCHEMA,
    PROBLEM_SCHEMA,
    TRACE_SCHEMA,
    Batch,
    Decision,
)
from curation.store import LANGUAGE_SCHEMA, SHORTCUT_SCHEMA  # noqa: E402
from curation.store.decision_rows import decision_hash, decision_row  # noqa: E402

AT_ONCE = 50_000
N_PARAGRAPHS = 30_000
PARAGRAPH_CHARS = 300
N_TOKENS = 600
WITH_TOKENS = 1_000
STUDENT = "made-up-135m"
CONVENTION = "cv1_" + "0" * 24
CONTEXTS = ("unguided", "solution", "answer", "hint")
TEACHERS = tuple((f"{family}-{size}b", family) for family in ("alder", "birch", "cedar")
                 for size in (7, 70))  # fmt: skip
DOMAINS = ("algebra", "arithmetic", "geometry", "number theory", "probability")
REVIEWERS = ("ada", "ben", "cleo", "dan", "eli")
VERDICTS = ("accept", "reject", "flag", "skip")
SHARES = (0.8, 0.16, 0.02, 0.02)
SECOND = 0.1
START = datetime(2026, 1, 1, tzinfo=UTC)


class Paragraph(NamedTuple):
    """A paragraph with its steps and markers, offsets from its own start."""

    text: str
    n_words: int
    kim_count: int
    steps: list[tuple[int, int]]
    markers: list[tuple[int, int, str]]


def paragraphs(n: int, lexicon: hedging.Lexicon, rng: random.Random) -> list[Paragraph]:
    """`n` of them, out of the demo's sentences with other numbers."""
    demo = (ROOT / "data" / "demo" / "traces.jsonl").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line)["trace"] for line in demo]
    known = sorted({text[a:b] for text in told for a, b in zip(*steps.split(text), strict=True)})
    texts = []
    for _ in range(n):
        text = ""
        while len(text) < PARAGRAPH_CHARS:
            said = re.sub(r"\d+", lambda _: str(rng.randrange(10_000)), rng.choice(known))
            text = f"{text} {said}".strip().replace("\n", " ")
        texts.append(text)
    marked = hedging.mark_many([""] * n, texts, None, lexicon)
    return [
        Paragraph(
            text, row["n_words"], row["kim_count"], list(zip(*steps.split(text), strict=True)),
            list(zip(row["start_char"], row["end_char"], row["category"], strict=True)),
        )
        for text, row in zip(texts, marked.iter_rows(named=True), strict=True)
    ]  # fmt: skip


def traces(
    first: int, n: int, known: list[Paragraph], lexicon_id: str, rng: random.Random
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Traces `first` to `first + n` (`TRACE_SCHEMA`) and their markings (`MARKING_SCHEMA`)."""
    rows, marks = [], []
    for number in range(first, first + n):
        problem, context = number // len(CONTEXTS), CONTEXTS[number % len(CONTEXTS)]
        teacher, family = TEACHERS[problem % len(TEACHERS)]
        said = random.Random(problem).choices(known, k=2)  # the same for the problem's traces
        prompt = f"{said[0].text[:150]} {said[1].text[:100]} What is {problem}?"
        answer = str(9 * (problem - problem % 7))
        chosen = rng.choices(known, k=rng.randint(4, 11))
        opening = f"Let me work on number {number} here."
        starts = list(
            itertools.accumulate((len(p.text) + 2 for p in chosen), initial=len(opening) + 2)
        )
        text = "\n\n".join([opening, *(p.text for p in chosen)])
        spans = [(0, len(opening))]
        spans += [
            (at + a, at + b) for at, p in zip(starts, chosen, strict=False) for a, b in p.steps
        ]
        problem_id = records.problem_id(prompt)
        trace_id = records.trace_id(problem_id, prompt, teacher, context, None, text)
        rows.append(
            (
                trace_id, problem_id, prompt, teacher, family, context, context, None, 0, text,
                records.text_hash(text), answer, rng.random() < 0.8, None,
                f"made up {problem % 3}", ("CC0-1.0", "MIT")[problem % 2], str(number), "{}",
                answer, [a for a, _ in spans], [b for _, b in spans], "made-up.jsonl", number + 1,
            )
        )  # fmt: skip
        found = [
            (at + a, at + b, category)
            for at, p in zip(starts, chosen, strict=False)
            for a, b, category in p.markers
        ]
        marks.append(
            (
                trace_id, lexicon_id, [a for a, _, _ in found], [b for _, b, _ in found],
                [c for _, _, c in found], 7 + sum(p.n_words for p in chosen),
                sum(p.kim_count for p in chosen),
            )
        )  # fmt: skip
    return (
        pl.DataFrame(rows, schema=TRACE_SCHEMA, orient="row"),
        pl.DataFrame(marks, schema=records.MARKING_SCHEMA, orient="row"),
    )


def problems(frame: pl.DataFrame) -> pl.DataFrame:
    """The problems of some traces."""
    return (
        frame.unique("problem_id", maintain_order=True)
        .with_row_index("n")
        .with_columns(
            domain=pl.col("n").map_elements(lambda n: DOMAINS[n % len(DOMAINS)], pl.String()),
            reference_solution=pl.lit(None, dtype=pl.String()),
        )
        .select(list(PROBLEM_SCHEMA))
    )


def scores(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A random score pack (`PACK_SCHEMA`) for some traces; tokens for one in `WITH_TOKENS`."""
    n = frame.height
    nll = rng.gamma(12, 0.1, n)
    clipped = rng.gamma(8, 0.5, n) + 1
    lists: dict[str, list[Any]] = {name: [] for name in records.TOKEN_COLUMNS}
    for number, n_chars in enumerate(frame["text"].str.len_chars()):
        k = N_TOKENS if number % WITH_TOKENS == 0 else 0
        ends = np.linspace(0, n_chars, k + 1).astype(np.int32)
        lists["token_id"].append(rng.integers(0, 49_152, k))
        lists["start_char"].append(ends[:-1])
        lists["end_char"].append(ends[1:])
        lists["logprob_nats"].append(-rng.exponential(1.2, k))
        lists["rank"].append(rng.integers(1, 50, k))
        lists["entropy_nats"].append(rng.exponential(1.0, k))
    tokens = frame["text"].str.len_chars() // 4
    columns = {
        "trace_id": frame["trace_id"],
        "text_hash": frame["text_hash"],
        "prompt_hash": frame["text_hash"],
        "convention_id": pl.Series([CONVENTION] * n),
        "error": pl.Series([None] * n, dtype=pl.String()),
        "n_tokens": tokens,
        "total_nll_nats": nll * tokens.to_numpy(),
        "mean_nll_nats": nll,
        "perplexity": np.exp(nll),
        "mean_rank": clipped * 3,
        "mean_clipped_rank": clipped,
        "rsr": clipped / nll,
        "mean_entropy_nats": rng.gamma(10, 0.1, n),
        "max_nll_nats": rng.gamma(40, 0.2, n),
        **lists,
    }
    return pl.DataFrame(columns).cast(dict(PACK_SCHEMA)).select(list(PACK_SCHEMA))


def decisions(frame: pl.DataFrame, first: int, rng: random.Random) -> pl.DataFrame:
    """Rows of table `decision` about some traces, numbered from `first`."""
    rows: list[dict[str, Any]] = []
    for trace_id, text_hash in frame.select("trace_id", "text_hash").iter_rows():
        one, other = rng.sample(REVIEWERS, 2)
        for reviewer in (one, other) if rng.random() < SECOND else (one,):
            sequence = first + len(rows)
            verdict = rng.choices(VERDICTS, SHARES)[0]
            row = decision_row(
                Decision(
                    str(uuid.UUID(int=rng.getrandbits(128), version=4)), trace_id, reviewer,
                    verdict, START + timedelta(seconds=15 * sequence),
                    queue="in order", active_s=rng.expovariate(1 / 20),
                    shown_at=START + timedelta(seconds=15 * sequence - 14),
                ),
                text_hash, {},
            )  # fmt: skip
            row["content_hash"] = decision_hash(row)
            rows.append({**row, "sequence": sequence, "stored_at": row["decided_at"]})
    return pl.DataFrame(rows, infer_schema_length=None)


def decide_in_bulk(path: Path, chunks: list[pl.DataFrame]) -> None:
    """Append rows of decisions to a store that nobody has open."""
    with duckdb.connect(str(path)) as connection:
        for chunk in chunks:
            connection.register("chunk", chunk)
            connection.execute("insert into decision by name select * from chunk")
            connection.unregister("chunk")


def make(path: Path, n: int, seed: int = 0) -> None:
    """A new store at `path` with `n` traces, all marked, searched, scored and decided."""
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    decided: list[pl.DataFrame] = []
    sequence = 1
    with store.open(path) as opened:
        opened.set_setting("scores", "likelihood")
        opened.set_setting("shortcut_rules", signs.RULES_ID)
        lexicon = lexicons.use_what_follows(opened)["en"]
        known = paragraphs(min(N_PARAGRAPHS, 10 * n), lexicon, rng)
        for first in range(0, n, AT_ONCE):
            frame, marks = traces(first, min(AT_ONCE, n - first), known, lexicon.lexicon_id, rng)
            ids = pl.DataFrame({"trace_id": frame["trace_id"]})
            with opened.transaction():
                opened.add(Batch(problems(frame), frame, [], frame.height), "made-up")
                opened.add_languages(
                    ids.with_columns(
                        detector=pl.lit(languages.DETECTOR), language=pl.lit("en"),
                        probability=pl.lit(1.0), n_letters=pl.lit(1800),
                    ).cast(dict(LANGUAGE_SCHEMA))
                )  # fmt: skip
                opened.add_markings(marks)
                opened.add_shortcuts(
                    ids.with_columns(
                        rules_id=pl.lit(signs.RULES_ID), repeated_share=pl.lit(0.0),
                        has_loop=pl.lit(False), n_answer_repetitions=pl.lit(0),
                        is_truncated=pl.lit(False), n_skipped_computations=pl.lit(0),
                        early_answer=pl.lit(None),
                    ).cast(dict(SHORTCUT_SCHEMA))
                )  # fmt: skip
                opened.add_pack(
                    scores(frame, numbers), CONVENTION, STUDENT,
                    {"dtype": "float32", "boundary": "made up"}, "made-up",
                )  # fmt: skip
            decided.append(decisions(frame, sequence, rng))
            sequence += decided[-1].height
            print(f"{first + frame.height:,} of {n:,} traces", file=sys.stderr)
        opened.set_setting("student", STUDENT)
    decide_in_bulk(path, decided)


def main(argv: list[str] | None = None) -> int:
    """Make the store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(argv)
    make(chosen.store, chosen.traces, chosen.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
