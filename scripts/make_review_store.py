"""Make a store of many scored traces of 600 tokens each, for `bench_review.py`: quick, not true.

`make_review_store.py STORE.duckdb [--n 100000] [--seed 0]`. Every trace is the same working with
other numbers of the same width, so steps, tokens and markers stand at the same places in all; the
likelihoods are random. Four traces a problem, one of each of four teacher contexts. Everything goes
in through the store's own functions, and nothing is left for the caretaker to do.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

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
)
from curation.store import LANGUAGE_SCHEMA, SHORTCUT_SCHEMA  # noqa: E402

N_TOKENS = 600
AT_ONCE = 10_000
STUDENT = "made-up-135m"
CONVENTION = "cv1_" + "0" * 24
CONTEXTS = ("unguided", "solution", "answer", "hint")
SENTENCES = (
    "Let me write the first number as {0} and take the second one away from it.",
    "Perhaps it is easier to count in groups of ten, so {0} is split into tens and ones.",
    "Wait, I should check that again: the sum of both parts has to be {0} once more.",
    "So the remainder is $x = {0}$, and clearly nothing else is left over at this point.",
    "Alternatively, one could multiply by {0} and divide afterwards, which gives the same.",
    "It seems that the answer does not change if the order of {0} and the rest is swapped.",
)


def working() -> tuple[str, np.ndarray, np.ndarray]:
    """The text with `{0}` where a number goes (six digits); its tokens' starts and ends."""
    pairs = [" ".join((SENTENCES * 2)[i : i + 2]) for i in range(len(SENTENCES))]
    filled = "\n\n".join(pairs * 10).replace("{0}", "123456")
    starts = [found.start() for found in re.finditer(r"\s*(?:[A-Za-z]{1,5}|\d{3}|\S)", filled)]
    end = starts[N_TOKENS]
    text = filled[:end].replace("123456", "{0}")
    return text, np.array(starts[:N_TOKENS]), np.array([*starts[1:N_TOKENS], end])


def traces(first: int, n: int, template: str, spans: list[tuple[int, int]]) -> pl.DataFrame:
    """Rows `first` to `first + n` of `TRACE_SCHEMA`."""
    rows = []
    for number in range(first, first + n):
        problem = number // len(CONTEXTS)
        context = CONTEXTS[number % len(CONTEXTS)]
        prompt = f"A shop has {problem} boxes of nine pens and sells {problem % 7} boxes. How many?"
        text = template.replace("{0}", f"{number:06d}")
        problem_id = records.problem_id(prompt)
        rows.append(
            (
                records.trace_id(problem_id, prompt, "teacher-7b", context, None, text),
                problem_id, prompt, "teacher-7b", None, context, context, None, 0, text,
                records.text_hash(text), str(9 * (problem - problem % 7)), number % 5 > 0, None,
                "made up", "CC0-1.0", str(number), "{}", str(9 * (problem - problem % 7)),
                [start for start, _ in spans], [end for _, end in spans], "made-up.jsonl",
                number + 1,
            )
        )  # fmt: skip
    return pl.DataFrame(rows, schema=TRACE_SCHEMA, orient="row")


def problems(frame: pl.DataFrame) -> pl.DataFrame:
    """The problems of some traces."""
    return (
        frame.unique("problem_id", maintain_order=True)
        .with_columns(
            domain=pl.lit("arithmetic"), reference_solution=pl.lit(None, dtype=pl.String())
        )
        .select(list(PROBLEM_SCHEMA))
    )


def scores(
    frame: pl.DataFrame, starts: np.ndarray, ends: np.ndarray, rng: np.random.Generator
) -> pl.DataFrame:
    """A random score pack (`PACK_SCHEMA`) for some traces."""
    n = frame.height
    logprob = -rng.exponential(1.2, (n, N_TOKENS)).astype(np.float32)
    rank = np.maximum(1, np.exp(-logprob * rng.random((n, N_TOKENS)))).astype(np.int32)
    entropy = rng.exponential(1.0, (n, N_TOKENS)).astype(np.float32)
    total = -logprob.sum(axis=1, dtype=np.float64)
    clipped = np.minimum(rank, 100).mean(axis=1)
    columns = {
        "trace_id": frame["trace_id"],
        "text_hash": frame["text_hash"],
        "prompt_hash": frame["text_hash"],
        "convention_id": [CONVENTION] * n,
        "error": pl.Series([None] * n, dtype=pl.String()),
        "n_tokens": np.full(n, N_TOKENS, np.int32),
        "total_nll_nats": total,
        "mean_nll_nats": total / N_TOKENS,
        "perplexity": np.exp(total / N_TOKENS),
        "mean_rank": rank.mean(axis=1),
        "mean_clipped_rank": clipped,
        "rsr": clipped / (total / N_TOKENS),
        "mean_entropy_nats": entropy.mean(axis=1, dtype=np.float64),
        "max_nll_nats": -logprob.min(axis=1).astype(np.float64),
        "token_id": rng.integers(0, 49_152, (n, N_TOKENS), dtype=np.int32),
        "start_char": np.tile(starts.astype(np.int32), (n, 1)),
        "end_char": np.tile(ends.astype(np.int32), (n, 1)),
        "logprob_nats": logprob,
        "rank": rank,
        "entropy_nats": entropy,
    }
    return pl.DataFrame(columns).cast(dict(PACK_SCHEMA)).select(list(PACK_SCHEMA))


def make(path: Path, n: int, seed: int = 0) -> None:
    """A new store at `path` with `n` traces, all read, marked, searched and scored."""
    template, starts, ends = working()
    sample = template.replace("{0}", "123456")
    spans = list(zip(*steps.split(sample), strict=True))
    rng = np.random.default_rng(seed)
    with store.open(path) as opened:
        opened.set_setting("scores", "likelihood")
        opened.set_setting("shortcut_rules", signs.RULES_ID)
        lexicon = lexicons.use_what_follows(opened)["en"]
        for first in range(0, n, AT_ONCE):
            frame = traces(first, min(AT_ONCE, n - first), template, spans)
            ids = frame["trace_id"]
            marked = hedging.mark_many(ids[:1].to_list(), [sample], [frame["prompt"][0]], lexicon)
            alike = marked.drop("trace_id")[[0] * frame.height]
            with opened.transaction():
                opened.add(Batch(problems(frame), frame, [], frame.height), "made-up")
                opened.add_languages(
                    pl.DataFrame({"trace_id": ids}).with_columns(
                        detector=pl.lit(languages.DETECTOR), language=pl.lit("en"),
                        probability=pl.lit(1.0), n_letters=pl.lit(1800),
                    ).cast(dict(LANGUAGE_SCHEMA))
                )  # fmt: skip
                opened.add_markings(alike.with_columns(trace_id=ids).select(marked.columns))
                opened.add_shortcuts(
                    pl.DataFrame({"trace_id": ids}).with_columns(
                        rules_id=pl.lit(signs.RULES_ID), repeated_share=pl.lit(0.0),
                        has_loop=pl.lit(False), n_answer_repetitions=pl.lit(0),
                        is_truncated=pl.lit(False), n_skipped_computations=pl.lit(0),
                        early_answer=pl.lit(None),
                    ).cast(dict(SHORTCUT_SCHEMA))
                )  # fmt: skip
                opened.add_pack(
                    scores(frame, starts, ends, rng), CONVENTION, STUDENT,
                    {"dtype": "float32", "boundary": "made up"}, "made-up",
                )  # fmt: skip
        opened.set_setting("student", STUDENT)


def main(argv: list[str] | None = None) -> int:
    """Make the store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(argv)
    make(chosen.store, chosen.n, chosen.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
