"""Decided rows -> those that go out, each with its split, by a recipe's rules.

Owns the order of things: what stands in a benchmark goes first, so that the caps are filled with
what may go out; then the selection; then the splits of what is left. Texts are read only where a
rule needs them, and held only where duplicates are sought among them. Knows a store only as a
`ChoosingSource`; the rules are in `selection`, `contamination` and `splits`.

Problems are grouped by the prompts of the whole store, accepted or not: deciding on a trace, or
another filter, moves no problem from split to split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import polars as pl

from curation.compatibility.catalogue import SCORES
from curation.compatibility.difficulty import problem_bands
from curation.errors import ExportError
from curation.export.benchmarks import Benchmark, read_benchmark
from curation.export.contamination import HIT_SCHEMA, Contamination, find_hits
from curation.export.recipe import Recipe
from curation.export.selection import WHY_SCHEMA, select
from curation.export.source import plural
from curation.export.splits import problem_groups, split_groups, strata
from curation.export.streaming import TextSource, with_texts
from curation.settings import ROOT

_FOUND = "found in a benchmark"
_LARGE_GROUP = 0.1
"""From which share of the problems on a group of near duplicates is worth a note."""

_DIRECTIONS = {words.column: words.direction for words in SCORES}


class ChoosingSource(TextSource, Protocol):
    """What choosing needs of a store beside texts."""

    def export_prompts(self) -> pl.DataFrame:
        """`problem_id`, `prompt` and `position` of each wording of each problem, where it began."""
        ...

    def export_columns(self, columns: Sequence[str]) -> pl.DataFrame:
        """`trace_id` and those of `columns` that there are, for every trace."""
        ...


class Chosen(NamedTuple):
    """The rows that go out with their `split`, and what is said of how they were chosen.

    `problems` counts problems by split, `left_out` rows by the rule that left them out; `record` is
    what the manifest says of benchmarks, None where there were none.
    """

    rows: pl.DataFrame
    problems: dict[str, int]
    left_out: dict[str, int]
    notes: list[str]
    record: dict[str, Any] | None
    why: pl.DataFrame
    """`trace_id` (as it was decided on, not its edit) and `left_out`, the rule."""


def choose(
    source: ChoosingSource,
    recipe: Recipe,
    rows: pl.DataFrame,
    groups: Callable[[], pl.DataFrame | None],
) -> Chosen:
    """What of `rows`, as `taking` gives them, goes out by `recipe`, and in which split.

    `groups` gives what `groups_of` says, which takes longest and is asked for last. Raises
    ExportError for a selection that cannot be kept and a benchmark that cannot be read.
    """
    selection, rules = recipe.selection, recipe.contamination
    benchmarks = read_benchmarks(rules)
    view = _with_columns(source, _known(rows), selection.columns)
    left_out: dict[str, int] = {}
    told: list[str] = []
    hits = pl.DataFrame(schema=HIT_SCHEMA)
    if benchmarks or selection.reads_texts:
        hold = selection.duplicates != "keep"
        said, hits = _read(source, rows, benchmarks, rules, hold=hold)
        view = view.hstack(said)
    gone = [pl.DataFrame(schema=WHY_SCHEMA)]
    is_found = view["trace_id"].is_in(hits["trace_id"].unique().to_list())
    if n_found := int(is_found.sum()):
        if rules.exclude:
            left_out[_FOUND] = n_found
            gone.append(view.filter(is_found).select("trace_id", left_out=pl.lit(_FOUND)))
            view = view.filter(~is_found)
        else:
            told.append(
                f"{plural(n_found, 'row')} found in a benchmark, and exported all the same "
                "(contamination.exclude is off)."
            )
    view, by_rule, why = select(view, selection, recipe.seed, _DIRECTIONS.get)
    view, of_groups = _split(recipe, view, groups())
    kept = rows[view["place"]].with_columns(view["split"])
    problems = kept.group_by("split").agg(pl.col("problem_id").n_unique())
    return Chosen(
        kept,
        dict(problems.iter_rows()),
        left_out | by_rule,
        told + of_groups,
        record_of(benchmarks, rules, hits) if benchmarks else None,
        _decided_on(rows, pl.concat([*gone, why])),
    )


def _decided_on(rows: pl.DataFrame, why: pl.DataFrame) -> pl.DataFrame:
    """`why` by the traces that were decided on, where it names their edits."""
    if "original_trace_id" not in rows.columns:
        return why
    of = rows.select("trace_id", "original_trace_id").unique("trace_id")
    return why.join(of, on="trace_id").select(
        pl.col("original_trace_id").alias("trace_id"), "left_out"
    )


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    """What is known of the rows without reading: their place, who wrote them, on what."""
    names = ("trace_id", "rejected_id", "original_trace_id", "problem_id", "position")
    about = ("teacher", "teacher_context", "domain", "source", "licence", "is_correct")
    there = [name for name in (*names, *about) if name in rows.columns]
    return rows.select(there).with_row_index("place")


def _with_columns(
    source: ChoosingSource, view: pl.DataFrame, columns: Sequence[str]
) -> pl.DataFrame:
    """`view` with what it lacks of `columns` and the store has; an edit's are its original's."""
    wanted = [name for name in columns if name not in view.columns]
    if "difficulty" in wanted:
        view = view.join(_difficulty(source), on="problem_id", how="left", maintain_order="left")
        wanted.remove("difficulty")
    if wanted:
        key = "original_trace_id" if "original_trace_id" in view.columns else "trace_id"
        found = source.export_columns(wanted).rename({"trace_id": key})
        view = view.join(found, on=key, how="left", maintain_order="left")
    return view


def _difficulty(source: ChoosingSource) -> pl.DataFrame:
    """The band of every problem by its unguided traces (`compatibility.problem_bands`)."""
    traces = source.export_columns(("problem_id", "teacher_context", "is_correct", "final_answer"))
    bands = problem_bands(traces.filter(pl.col("teacher_context") == "unguided"))
    return bands.select("problem_id", difficulty="band")


def _read(
    source: ChoosingSource,
    rows: pl.DataFrame,
    benchmarks: Sequence[Benchmark],
    rules: Contamination,
    *,
    hold: bool,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the rows say, as `n_chars` and, where it is to be held, `text`; and the hits."""
    said, hits = [], [pl.DataFrame(schema=HIT_SCHEMA)]
    for batch in with_texts(source, rows):
        n_chars = pl.col("text").str.len_chars().cast(pl.Int64).alias("n_chars")
        said.append(batch.select(n_chars, *(["text"] if hold else [])))
        if benchmarks:
            hits.append(find_hits(batch, benchmarks, rules))
    empty = pl.DataFrame(schema={"n_chars": pl.Int64, **({"text": pl.String} if hold else {})})
    return pl.concat([empty, *said]), pl.concat(hits)


def groups_of(source: ChoosingSource, recipe: Recipe) -> pl.DataFrame | None:
    """`problem_id` and `group` of each problem, by near-duplicate prompts; None = by problem."""
    if recipe.selection.group != "near":
        return None
    return problem_groups(source.export_prompts(), recipe.selection.threshold)


def _split(
    recipe: Recipe, view: pl.DataFrame, groups: pl.DataFrame | None
) -> tuple[pl.DataFrame, list[str]]:
    """`view` with its `split`, and what is worth knowing of the groups."""
    selection = recipe.selection
    for name in selection.stratify:
        if view[name].dtype.is_float():
            raise ExportError(
                f"The selection cannot stratify by {name!r}, a number with nearly as many values "
                "as rows; choose a column of few values, such as domain, teacher, teacher_context "
                "or difficulty."
            )
    if groups is None:
        groups = view.select("problem_id", group="problem_id").unique()
    view = view.join(groups, on="problem_id", how="left", maintain_order="left")
    of_groups = (
        strata(view, selection.stratify)
        if selection.stratify
        else view.select("group").unique().sort("group")
    )
    placed = split_groups(of_groups, recipe.splits, recipe.seed).select("group", "split")
    view = view.join(placed, on="group", how="left", maintain_order="left")
    sizes = view.group_by("group").agg(pl.col("problem_id").n_unique())["problem_id"]
    told = []
    if (n_joined := int(sizes.filter(sizes > 1).sum())) > 0:
        largest = int(sizes.max() or 0)  # type: ignore[arg-type]
        told.append(
            f"{plural(n_joined, 'problem')} of near-duplicate prompts stand in "
            f"{plural(int((sizes > 1).sum()), 'group')} that no two splits share; the largest is "
            f"of {largest:,}."
        )
        if largest > _LARGE_GROUP * int(sizes.sum()) and largest > 2:
            told.append(
                "So large a group makes shares uneven. If its prompts only share their "
                "instructions, raise selection.threshold, or set selection.group to problem."
            )
    return view, told


def read_benchmarks(rules: Contamination) -> list[Benchmark]:
    """The benchmarks that the rules name, in their order. Raises ExportError."""
    read = [read_benchmark(ROOT / each.path, each.field) for each in rules.benchmarks]
    names = [each.name for each in read]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ExportError(
            f"Two benchmarks are called {twice[0]!r}, and a hit could not say which; rename one."
        )
    return read


def record_of(
    benchmarks: Sequence[Benchmark], rules: Contamination, hits: pl.DataFrame
) -> dict[str, Any]:
    """What a manifest says: each benchmark's name and hash, the methods, and what was found."""

    def counted(of: pl.DataFrame) -> dict[str, Any]:
        methods = {
            method: of.filter(pl.col("method") == method)["trace_id"].n_unique()
            for method in rules.methods
        }
        return {"traces": of["trace_id"].n_unique(), "traces_by_method": methods}

    return {
        "methods": list(rules.methods),
        "n_words": rules.n_words,
        "threshold": rules.threshold,
        "exclude": rules.exclude,
        "benchmarks": [
            {
                "name": each.name,
                "sha256": each.sha256,
                "field": each.field,
                "lines": each.lines.height,
                **counted(hits.filter(pl.col("benchmark") == each.name)),
            }
            for each in benchmarks
        ],
    }
