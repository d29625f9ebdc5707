"""`contamination` on the command line: what of a set stands twice, or in a benchmark.

contamination [FILE …] [--field NAME]    the accepted traces, as `export` would take them
contamination … --recipe NAME            the rows of a recipe, by its thresholds and splits

It reads and lists; a recipe's `contamination` is what leaves rows out. Trace ids and the shared
words of a benchmark are in the answer, so it is nothing to publish with the set.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import polars as pl

from curation import export, export_recipes
from curation.export.benchmarks import read_benchmark
from curation.export.choosing import record_of
from curation.export.inspection import inspect
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]
Table = Callable[[list[dict[str, Any]], list[tuple[str, str]]], str]

_SHOWN = 20
_SHOWN_CHARS = 60


def add_words(command: MakeParser) -> None:
    """Add the command; `command(name, help)` makes a parser that has --json and --store."""
    p = command("contamination", "what of a set stands twice, or in a benchmark's file")
    p.add_argument(
        "benchmarks", nargs="*", metavar="FILE", help="of a benchmark: .jsonl .parquet .csv .txt"
    )
    p.add_argument("--field", default=None, metavar="NAME", help="of the question, in every file")
    p.add_argument("--words", type=int, default=None, help="of a shared run (default: 13)")
    what = p.add_mutually_exclusive_group()
    what.add_argument("--where", default=None, metavar="SQL")
    what.add_argument(
        "--recipe", type=export_recipes.absolute, default=None, metavar="FILE_OR_NAME[@VERSION]"
    )


def run(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `contamination` answers. Raises CurationError."""
    if arguments["recipe"] is not None:
        recipe = export_recipes.find(store, arguments["recipe"]).recipe
    else:
        recipe = export.recipe_from({"where": arguments["where"]})
    options = recipe.contamination.model_dump()
    if arguments["words"] is not None:
        options["n_words"] = arguments["words"]
    # Looked for is what the command names; what the recipe names is left out by it already.
    rules = export.recipe_from({"contamination": {**options, "benchmarks": []}}).contamination
    benchmarks = [read_benchmark(path, arguments["field"]) for path in arguments["benchmarks"]]
    found = inspect(store, recipe, benchmarks, rules)
    return {
        "rows": found.n_rows,
        "duplicates": [
            {"field": field, "kind": kind, **counted._asdict()}
            for (field, kind), counted in found.repeats.items()
        ],
        "clusters": found.clusters.to_dicts(),
        **record_of(benchmarks, rules, found.hits),
        "threshold": recipe.selection.threshold,
        "hits": found.hits.to_dicts(),
    }


def in_words(answer: dict[str, Any], table: Table) -> str:
    """The answer for a terminal: the counts, and the first hits."""
    parts = [
        f"{answer['rows']:,} rows. Beyond the first of their cluster:",
        table(
            answer["duplicates"],
            [
                ("field", "of"),
                ("kind", "duplicates"),
                ("n_repeated", "repeat"),
                ("n_clusters", "clusters"),
                ("n_across", "in several splits"),
            ],
        ),
    ]
    if answer["benchmarks"]:
        columns = [("name", "benchmark"), ("field", "field"), ("lines", "lines")]
        parts.append(table(answer["benchmarks"], [*columns, ("traces", "traces found")]))
    if answer["hits"]:
        place = ["trace_id", "field", "benchmark", "line"]
        hits = (
            pl.DataFrame(answer["hits"])
            .group_by(place, maintain_order=True)
            .agg(
                pl.col("method").str.join(", "),
                pl.col("overlap").max().round(2),
                pl.col("shared").first().str.slice(0, _SHOWN_CHARS),
            )
        )
        parts.append(table(hits.head(_SHOWN).to_dicts(), [(name, name) for name in hits.columns]))
        if hits.height > _SHOWN:
            parts.append(f"{hits.height - _SHOWN:,} more; --json has all.")
    return "\n\n".join(parts)
