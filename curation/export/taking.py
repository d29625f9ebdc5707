"""Which rows each kind of format takes of a store, and what it leaves out, counted.

`TAKERS` has one function for each kind of row (`formats.RowsOf`). Whatever it does not take stands
in `left_out` under a reason, so that rows and what is left out add up to what the filter keeps.
Splits and selection come after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import polars as pl

from curation.export import contrasts, preferences, privileged, stepwise
from curation.export import judgements as each_judgement
from curation.export.editions import as_taught
from curation.export.formats import RowsOf
from curation.export.formats.everything import EVERYTHING_SCHEMA
from curation.export.layout import PairSource
from curation.export.recipe import Recipe
from curation.export.source import (
    EXPORT_SCHEMA,
    STATES,
    ExportSource,
    checked,
    counts,
    plural,
)
from curation.export.streaming import with_texts
from curation.records import text_hash


class Taken(NamedTuple):
    """The rows that go out, in order, and the counts of everything.

    Rows have at least `trace_id`, `problem_id`, `text_hash` (of what stands in the row for the
    trace), where it comes from, `decision_ids`, `reviewers` and the `…position` by which texts are
    read (`streaming`); a pair has the other trace's as `rejected_…`. What is no trace's own text,
    labelled steps for instance, is there as `text`. `states` counts what there was, `left_out` what
    stays out, by reason, where that is more than none; `notes` are sentences worth reading first.
    `lacking` says what there would have to be for rows, and where it is made; it is read when there
    are none.
    """

    rows: pl.DataFrame
    states: dict[str, int]
    left_out: dict[str, int]
    notes: list[str]
    lacking: str
    every: pl.DataFrame | None = None
    """`trace_id` and `state` of every trace of the filter, where they were asked for anyway."""


def accepted(store: ExportSource, recipe: Recipe) -> Taken:
    """Accepted traces as they are taught, edits in place of what they edited."""
    frame, states = _traces(store, recipe)
    rows = as_taught(frame.filter(pl.col("state") == "accepted"))
    every = frame.select("trace_id", "state")
    return Taken(rows, states, _but(states, "accepted"), _edits(rows), _NONE_ACCEPTED, every)


def rejected(store: ExportSource, recipe: Recipe) -> Taken:
    """Rejected traces as they were written."""
    frame, states = _traces(store, recipe)
    rows = as_taught(_rejected(frame))
    lacking = "none is rejected ({counts}). Reject some in the review"
    told = ["These traces were rejected: they are for an antiexpert, and for nothing else."]
    return Taken(rows, states, _but(states, "rejected"), told if rows.height else [], lacking)


def labelled(store: ExportSource, recipe: Recipe) -> Taken:
    """Accepted traces as they are taught, and rejected ones as they were written."""
    frame, states = _traces(store, recipe)
    taught = pl.concat([frame.filter(pl.col("state") == "accepted"), _rejected(frame)])
    rows = as_taught(taught.sort("position", "trace_id"))
    told = _edits(rows)
    n_good, n_bad = states["accepted"], states["rejected"]
    if n_good and n_bad and n_good != n_bad:
        told.append(
            f"{n_good:,} accepted to {n_bad:,} rejected: TRL asks that desirable_weight times the "
            "accepted be 1 to 1.33 times undesirable_weight times the rejected, so with "
            f"undesirable_weight=1 set desirable_weight to {n_bad / n_good:.2f} or a little more."
        )
    elif rows.height and not (n_good and n_bad):
        told.append(
            f"No trace is {'rejected' if n_good else 'accepted'}: with labels of one kind alone "
            "there is nothing to tell apart."
        )
    left_out = _but(states, "accepted", "rejected")
    return Taken(rows, states, left_out, told, "none is accepted or rejected. Decide on some")


def pairs(store: ExportSource, recipe: Recipe) -> Taken:
    """One trace over another of its problem, from the sources that the recipe names."""
    named: tuple[PairSource, ...] = recipe.layout.pairs_from or (
        ("choices", "edits") if recipe.format == "preference" else ("choices", "edits", "verdicts")
    )
    votes = checked(
        store.export_pairs(recipe.where, choices="choices" in named, edits="edits" in named),
        preferences.PAIR_SCHEMA,
    )
    frame = preferences.resolved(votes)
    counted = counts(frame["state"])
    states = {state: counted.get(state, 0) for state in preferences.PAIR_STATES}
    left_out = _but(states, "preferred")
    rows = frame.filter(pl.col("state") == "preferred")
    told = preferences.notes(rows)
    # What texts say is read while they are written, for every pair alike.
    rows = rows.drop("prompt", "rejected_prompt")
    lacking = "no pair has a majority ({counts}). Choose the better of two traces on Compare"
    if "verdicts" in named:
        lacking += ", or accept and reject traces of one problem"
        against, over, more = _over_rejected(store, recipe)
        states["accepted over rejected"] = against.height + sum(over.values())
        left_out |= {reason: n for reason, n in over.items() if n}
        told += more
        both = pl.concat([rows, against.select(rows.columns)])
        rows = both.sort("position", "trace_id", "rejected_id")
    return Taken(rows, states, left_out, told, lacking)


def _over_rejected(
    store: ExportSource, recipe: Recipe
) -> tuple[pl.DataFrame, dict[str, int], list[str]]:
    """Pairs of accepted over rejected traces, those left out by reason, and notes."""
    frame, _ = _traces(store, recipe)
    good = as_taught(frame.filter(pl.col("state") == "accepted"))
    bad = frame.filter(pl.col("state") == "rejected")
    shown = store.export_pairs(recipe.where, choices=True, edits=False)
    compared = set(shown.select("first_id", "second_id").iter_rows())
    cap = recipe.layout.pairs_per_problem
    rows, over = contrasts.contrasted(good, bad, compared, cap=cap, seed=recipe.seed)
    told = []
    if rows.height:
        told.append(
            f"{plural(rows.height, 'pair')} of an accepted trace over a rejected one of its "
            f"problem, at most {cap} a problem, each trace as often as the others as far as can be."
        )
    alone = {
        f"{plural(side.height, word + ' trace')} without {other} one of the problem": side.height
        for side, word, other in (
            (good.join(bad, on="problem_id", how="anti"), "accepted", "a rejected"),
            (bad.join(good, on="problem_id", how="anti"), "rejected", "an accepted"),
        )
        if side.height
    }
    if alone:
        told.append(f"In no pair of accepted over rejected: {', '.join(alone)}.")
    votes = {name: pl.lit(0, pl.Int64()) for name in ("n_tie", "n_flag", "n_outvoted")}
    rows = rows.with_columns(pair_source=pl.lit("verdicts"), state=pl.lit("preferred"), **votes)
    return rows, over, told


def steps(store: ExportSource, recipe: Recipe) -> Taken:
    """Traces whose steps were judged, whatever was decided of them, with a label for each step."""
    frame, states = _traces(store, recipe)
    said = checked(store.export_steps(recipe.where, recipe.question), stepwise.STEPS_SCHEMA)
    judged = frame.join(said.select("trace_id").unique(), on="trace_id", how="semi")
    texts = _texts(store, judged)
    rows, left_out, told = stepwise.labelled_rows(judged, texts, said, recipe.layout)
    n_unjudged = frame.height - judged.height
    left_out = {**({"no step judged": n_unjudged} if n_unjudged else {}), **left_out}
    return Taken(_hashed(rows), states, left_out, told, _NO_STEPS)


def privileged_contexts(store: ExportSource, recipe: Recipe) -> Taken:
    """Traces with directives, or each problem once, and what a teacher may be told beyond them."""
    asked = recipe.layout.privileged
    frame, states = _traces(store, recipe)
    if "directive" in asked:
        said = checked(
            store.export_directives(recipe.where, recipe.question), privileged.DIRECTIVES_SCHEMA
        )
        rows = privileged.directed(frame, said)
        left_out = {"no directive": frame.height - rows.height}
    else:
        rows = privileged.undirected(frame)
        left_out = {"its problem is there": frame.height - rows.height}
    known = None
    if set(asked) - {"directive"}:
        known = checked(store.export_references(), privileged.REFERENCES_SCHEMA)
    told = privileged.told(rows, known, asked)
    rows = told.rows
    left_out["nothing to tell"] = told.n_empty
    return Taken(
        _hashed(rows), states, {reason: n for reason, n in left_out.items() if n}, told.notes,
        _NOTHING_TOLD,
    )  # fmt: skip


def prompts(store: ExportSource, recipe: Recipe) -> Taken:
    """Each problem with an accepted trace once, in the wording of the first of these."""
    frame, states = _traces(store, recipe)
    good = as_taught(frame.filter(pl.col("state") == "accepted"))
    rows = good.unique("problem_id", keep="first", maintain_order=True)
    left_out = _but(states, "accepted")
    if n_again := good.height - rows.height:
        left_out["accepted, but its problem is there"] = n_again
    asked = [batch["prompt"] for batch in with_texts(store, rows)]
    prompts = pl.concat(asked) if asked else pl.Series("prompt", [], pl.String())
    rows = rows.with_columns(prompts, prompts.alias("text"))
    return Taken(_hashed(rows), states, left_out, [], _NONE_ACCEPTED)


def judgements(store: ExportSource, recipe: Recipe) -> Taken:
    """What each person said of a trace's steps, one row a person and trace."""
    frame, states = _traces(store, recipe)
    said = checked(store.export_steps(recipe.where, recipe.question), stepwise.STEPS_SCHEMA)
    judged = frame.join(said.select("trace_id").unique(), on="trace_id", how="semi")
    rows = each_judgement.rows(judged, _texts(store, judged), said)
    references = checked(store.export_references(), privileged.REFERENCES_SCHEMA)
    rows = rows.join(references, on="problem_id", how="left", maintain_order="left")
    n_unjudged = frame.height - judged.height
    left_out = {"no step judged": n_unjudged} if n_unjudged else {}
    return Taken(_hashed(rows), states, left_out, [], _NO_STEPS)


def everything(store: ExportSource, recipe: Recipe) -> Taken:
    """Every trace, whatever was decided of it, as its teacher wrote it."""
    frame, states = _traces(store, recipe)
    known = checked(
        store.export_everything(recipe.where, recipe.question),
        {"trace_id": pl.String(), **EVERYTHING_SCHEMA},
    )
    rows = frame.with_columns(text_position="position").join(
        known.select("trace_id", *EVERYTHING_SCHEMA), on="trace_id", maintain_order="left"
    )
    return Taken(rows, states, {}, [], "there is no trace ({counts}). Ingest a file")


TAKERS: dict[RowsOf, Callable[[ExportSource, Recipe], Taken]] = {
    "accepted": accepted,
    "rejected": rejected,
    "labelled": labelled,
    "pairs": pairs,
    "stepwise": steps,
    "privileged": privileged_contexts,
    "prompts": prompts,
    "judgements": judgements,
    "everything": everything,
}
"""Kind of row -> what takes such rows of a store."""

_OF_AN_EDIT = tuple(name for name in EXPORT_SCHEMA if name.startswith("edit"))
_NONE_ACCEPTED = "none is accepted ({counts}). Accept some in the review"
_NO_STEPS = "no step has a label ({counts}). Judge steps from the first one on in the review"
_NOTHING_TOLD = "nothing is known to tell a teacher ({counts}). Write directives in the review"


def why_empty(taken: Taken, where: str | None) -> str:
    """Why there is nothing to export, and what to do about it."""
    total = sum(taken.states.values())
    is_of_traces = set(taken.states) <= set(STATES)
    if not total and is_of_traces:
        return "There is nothing to export: " + (
            f"no trace passes the filter {where!r}. Widen it."
            if where
            else "the store holds no traces. Ingest a file first."
        )
    listed = {**{state: n for state, n in taken.states.items() if n or not is_of_traces}}
    told = ", ".join(f"{n} {state}" for state, n in listed.items()) if total else "none compared"
    among = ""
    if is_of_traces:
        passing = f" that pass the filter {where!r}" if where else ""
        among = f"of the {plural(total, 'trace')}{passing} "
    return f"There is nothing to export: {among}{taken.lacking.format(counts=told)}" + (
        ", or widen the filter." if where else "."
    )


def _traces(store: ExportSource, recipe: Recipe) -> tuple[pl.DataFrame, dict[str, int]]:
    """Every trace of the filter, in order, and how many are in each state."""
    frame = checked(store.export_rows(recipe.where, recipe.question), EXPORT_SCHEMA)
    counted = counts(frame["state"])
    if unknown := sorted(set(counted) - set(STATES)):
        raise ValueError(f"the store gave the unknown states {unknown}")
    is_in_order = bool((frame["position"].diff().drop_nulls() > 0).all())
    return (
        frame if is_in_order else frame.sort("position", "trace_id"),
        {s: counted.get(s, 0) for s in STATES},
    )


def _rejected(frame: pl.DataFrame) -> pl.DataFrame:
    """The rejected traces, without an edit: it belongs to an acceptance.

    Where an adjudicator rejected, the teacher's text stands.
    """
    return frame.filter(pl.col("state") == "rejected").with_columns(
        pl.lit(None, frame.schema[name]).alias(name) for name in _OF_AN_EDIT
    )


def _but(states: Mapping[str, int], *taken: str) -> dict[str, int]:
    return {state: n for state, n in states.items() if n and state not in taken}


def _edits(rows: pl.DataFrame) -> list[str]:
    n_edited = int(rows["is_edited"].sum())
    if not n_edited:
        return []
    return [
        f"{plural(n_edited, 'trace')} accepted with an edit: the edited text is exported, the "
        "newest where there are several."
    ]


def _texts(store: ExportSource, rows: pl.DataFrame) -> dict[str, str]:
    """What the traces of the rows say, as their teachers wrote it, by id."""
    return dict(
        pair
        for batch in with_texts(store, rows.with_columns(text_position="position"))
        for pair in batch.select("trace_id", "text").iter_rows()
    )


def _hashed(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` whose `text` is what is written for the trace, with the hash of that."""
    hashes = pl.Series("text_hash", [text_hash(text) for text in rows["text"]], pl.String())
    return rows.with_columns(hashes)
