"""The store's decisions -> a finished export: what goes in, what stays out, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import polars as pl

from curation.errors import ExportError
from curation.export.card import dataset_card
from curation.export.editions import as_taught
from curation.export.folder import building, publish, write_text
from curation.export.formats import (
    FILE_TYPES,
    FORMATS,
    FileType,
    file_name,
    is_of_pairs,
    write_file,
)
from curation.export.manifest import (
    KIND,
    MANIFEST,
    Manifest,
    check_destination,
    decisions_sha256,
    describe_file,
    export_id,
    made_by,
    source_sha256,
)
from curation.export.preferences import PAIR_SCHEMA, PAIR_STATES, notes, resolved
from curation.export.splits import DEFAULT_SPLITS, assign_splits, check_splits
from curation.records import QUESTION, text_hash

STATES: tuple[str, ...] = (
    "accepted",
    "rejected",
    "disputed",
    "flagged",
    "skipped",
    "undecided",
)
"""What can be decided of a trace (the view `trace_state`); only `accepted` is exported."""

EXPORT_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "problem_id": pl.String(),
    "prompt": pl.String(),
    "domain": pl.String(),
    "teacher": pl.String(),
    "teacher_family": pl.String(),
    "teacher_context": pl.String(),
    "text": pl.String(),
    "text_hash": pl.String(),
    "is_correct": pl.Boolean(),
    "source": pl.String(),
    "licence": pl.String(),
    "state": pl.String(),
    "decision_ids": pl.List(pl.String()),
    "reviewers": pl.List(pl.String()),
    "position": pl.Int64(),
    "edited_trace_id": pl.String(),
    "edited_text": pl.String(),
    "edited_text_hash": pl.String(),
    "edited_context": pl.String(),
    "edit_decision_id": pl.String(),
}
"""What a store hands over for each trace. `prompt` is the wording the teacher was given,
`decision_ids` and `reviewers` belong to the current decisions on the trace, and `position` is the
order in which the traces were added (rows are exported in it). `edit…` is the edit with which it
was accepted, as the trace that the edit became; null where there is none."""


class ExportSource(Protocol):
    """What an export needs of a store."""

    def export_rows(self, where: str | None, question: str) -> pl.DataFrame:
        """Every trace that `where` keeps, whatever its state, as `EXPORT_SCHEMA`."""
        ...

    def export_pairs(self, where: str | None) -> pl.DataFrame:
        """Every pair that somebody decided and both of whose traces `where` keeps (PAIR_SCHEMA)."""
        ...

    def export_context(self) -> Mapping[str, object]:
        """What the store says of itself for the manifest: schema version, counts, lexicon, …

        JSON values that change only when the store's content does: no time, no path.
        """
        ...

    def record_export(
        self, export_id: str, format: str, out: str, n_rows: int, manifest: str
    ) -> None:
        """Keeps that this was written; the same `export_id` again changes nothing."""
        ...


@dataclass(frozen=True)
class Preview:
    """What an export would hold, told before anything is written.

    `states` counts every trace of the filter by state (all of `STATES`; of a format of pairs every
    decided pair, all of `PAIR_STATES`), `rows` and `problems` what each split would get, `left_out`
    what would stay out, by reason, where that is more than none. `notes` are sentences worth
    reading first; `refusal` says why nothing can be written, or None.
    """

    states: dict[str, int]
    rows: dict[str, int]
    problems: dict[str, int]
    left_out: dict[str, int]
    notes: tuple[str, ...]
    refusal: str | None


def preview(
    store: ExportSource,
    *,
    format: str = "sft-messages",
    where: str | None = None,
    splits: Mapping[str, float] = DEFAULT_SPLITS,
    seed: int = 0,
    question: str = QUESTION,
) -> Preview:
    """What `write` with these options would export, counted; writes nothing.

    Raises ExportError for a format or splits that make no sense, and what the store raises for
    `where`.
    """
    _check_format(format)
    return _plan(store, format, where, check_splits(splits), seed, question)[1]


def write(
    store: ExportSource,
    *,
    format: str,
    out: str | Path,
    where: str | None = None,
    splits: Mapping[str, float] = DEFAULT_SPLITS,
    seed: int = 0,
    question: str = QUESTION,
    files: FileType = "jsonl",
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Writes the accepted traces that `where` keeps as a training set into the folder `out`.

    A format of pairs writes those decided by a majority instead (`preferences`), where `where`
    keeps both traces.

    One file a split (a split without rows gets none), a dataset card and the manifest;
    `datasets.load_dataset(out)` opens it. The order of `splits` matters (see `splits`). `progress`
    is called with rows written and rows in all.

    `out` must not exist or be empty. With `overwrite`, an earlier export there is replaced, but a
    folder that holds anything else never is.

    Raises ExportError for options that make no sense, when there is nothing to export, and when the
    disk refuses; then nothing was written, and what stood at `out` still does.
    """
    _check_format(format)
    if files not in FILE_TYPES:
        raise ExportError(f"There is no file type {files!r}; choose {' or '.join(FILE_TYPES)}.")
    shares = check_splits(splits)
    destination = Path(out).expanduser().resolve()
    with _explained(destination):
        check_destination(destination, overwrite)
    accepted, planned = _plan(store, format, where, shares, seed, question)
    if planned.refusal is not None:
        raise ExportError(planned.refusal)
    _check_texts(accepted)
    decision_ids = accepted["decision_ids"].explode(empty_as_null=False).unique().sort().to_list()
    record: dict[str, object] = {
        "kind": KIND,
        "format": format,
        "files_as": files,
        "options": {
            "where": where,
            "question": question,
            "seed": seed,
            "splits": [{"name": name, "share": share} for name, share in shares.items()],
        },
        "rows": planned.rows,
        "problems": planned.problems,
        "states": planned.states,
        "left_out": planned.left_out,
        "notes": list(planned.notes),
        "contents": {
            column: _counts(_of_both(accepted, column))
            for column in ("teacher", "teacher_context", "domain", "source", "licence")
        },
        "source_sha256": source_sha256(_sources(accepted)),
        "decisions": {"sha256": decisions_sha256(decision_ids), "ids": decision_ids},
        "reviewers": _counts(accepted["reviewers"].explode(empty_as_null=False)),
        "made_by": made_by(files),
        "store": dict(store.export_context()),
    }
    with _explained(destination):
        return _write_folder(store, destination, overwrite, accepted, record, planned, progress)


def _check_format(format: str) -> None:
    if format not in FORMATS:
        raise ExportError(f"There is no format {format!r}; choose one of {', '.join(FORMATS)}.")


@contextmanager
def _explained(destination: Path) -> Iterator[None]:
    """Turns what the file system refuses into an ExportError that a person can act on."""
    try:
        yield
    except OSError as exc:
        raise ExportError(
            f"The export could not be written to {destination}: {exc.strerror or exc}. Nothing was "
            "left behind; free some space or choose another folder, then export again."
        ) from exc


def _write_folder(
    store: ExportSource,
    destination: Path,
    overwrite: bool,
    accepted: pl.DataFrame,
    record: dict[str, object],
    planned: Preview,
    progress: Callable[[int, int], None] | None,
) -> Manifest:
    format, files = str(record["format"]), cast(FileType, record["files_as"])
    done = 0

    def written(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        if progress is not None:
            progress(done, accepted.height)

    with building(destination) as folder:
        described = []
        for split, n_rows in planned.rows.items():
            if n_rows:
                path = folder / file_name(split, files)
                rows = accepted.filter(pl.col("split") == split)
                write_file(path, rows, format, files, written)
                described.append(describe_file(path, split, n_rows))
        card = folder / "README.md"
        write_text(card, dataset_card(record, _of_both(accepted, "text").str.len_chars().to_list()))
        described.append(describe_file(card, None, None))
        record["files"] = [each._asdict() for each in described]
        text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        write_text(folder / MANIFEST, text)
        identity = export_id(str(destination), text)
        publish(
            folder,
            destination,
            overwrite,
            lambda: store.record_export(identity, format, str(destination), accepted.height, text),
        )
    return Manifest(
        identity, destination / MANIFEST, format, planned.rows, tuple(described), record
    )


def _plan(
    store: ExportSource,
    format: str,
    where: str | None,
    shares: Mapping[str, float],
    seed: int,
    question: str,
) -> tuple[pl.DataFrame, Preview]:
    """The rows to be written, in order, with their `split`, and the counts of everything."""
    of_pairs = is_of_pairs(format)
    frame = store.export_pairs(where) if of_pairs else store.export_rows(where, question)
    schema = PAIR_SCHEMA if of_pairs else EXPORT_SCHEMA
    if missing := [column for column in schema if column not in frame.columns]:
        raise ValueError(f"the store gave no column {', '.join(missing)}")
    frame = resolved(frame) if of_pairs else frame.sort("position", "trace_id")
    known, taken = (PAIR_STATES, "preferred") if of_pairs else (STATES, "accepted")
    counted = _counts(frame["state"])
    if unknown := sorted(set(counted) - set(known)):
        raise ValueError(f"export_rows gave the unknown states {unknown}")
    states = {state: counted.get(state, 0) for state in known}
    left_out = {state: n for state, n in states.items() if n and state != taken}
    accepted = frame.filter(pl.col("state") == taken)
    if not of_pairs:
        accepted = as_taught(accepted)
    assigned = assign_splits(accepted["problem_id"], shares, seed)
    accepted = accepted.with_columns(
        pl.col("problem_id").replace_strict(assigned, return_dtype=pl.String()).alias("split")
        if assigned
        else pl.lit(None, pl.String()).alias("split")
    )
    row_counts, problem_counts = _counts(accepted["split"]), _counts(pl.Series(assigned.values()))
    rows = {name: row_counts.get(name, 0) for name in shares}
    problems = {name: problem_counts.get(name, 0) for name in shares}
    told = notes(accepted) if of_pairs else []
    empty = [name for name, n in rows.items() if not n]
    if accepted.height and empty:
        told.append(
            f"{_plural(len(assigned), 'problem')} cannot fill {len(shares)} splits: "
            f"{', '.join(empty)} stays empty and gets no file, since a problem stands in one split."
        )
    n_edited = 0 if of_pairs else int(accepted["is_edited"].sum())
    if n_edited:
        told.append(
            f"{_plural(n_edited, 'trace')} accepted with an edit: the edited text is exported, the "
            "newest where there are several."
        )
    refusal = None if accepted.height else _why_empty(states, where, of_pairs=of_pairs)
    return accepted, Preview(states, rows, problems, left_out, tuple(told), refusal)


def _why_empty(states: Mapping[str, int], where: str | None, *, of_pairs: bool) -> str:
    total = sum(states.values())
    if of_pairs:
        counts = (
            ", ".join(f"{n} {state}" for state, n in states.items()) if total else "none compared"
        )
        return (
            f"There is nothing to export: no pair has a majority ({counts}). Choose the better of "
            "two traces on the Compare page" + (", or widen the filter." if where else ".")
        )
    if not total and where:
        return f"There is nothing to export: no trace passes the filter {where!r}. Widen it."
    if not total:
        return "There is nothing to export: the store holds no traces. Ingest a file first."
    counts = ", ".join(f"{n} {state}" for state, n in states.items() if n)
    among = f"of the {_plural(total, 'trace')}" + (
        f" that pass the filter {where!r}" if where else ""
    )
    return (
        f"There is nothing to export: {among} none is accepted ({counts}). "
        "Accept some in the review" + (", or widen the filter." if where else ".")
    )


def _check_texts(accepted: pl.DataFrame) -> None:
    """Raises ExportError if a text is not the one its hash, and so its decision, was about."""
    for (trace, expected), text in zip(_sources(accepted), _of_both(accepted, "text"), strict=True):
        if text_hash(text) != expected:
            raise ExportError(
                f"The text of {trace} does not match its hash, so it may not be what was decided "
                "on. Run `python -m curation verify`, and restore a backup if it confirms this."
            )


def _sources(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """(id, text hash) of every trace in the rows, one that stands in two rows twice."""
    ids = rows["trace_id"]
    if "rejected_id" in rows.columns:
        ids = pl.concat([ids, rows["rejected_id"]])
    return list(zip(ids, _of_both(rows, "text_hash"), strict=True))


def _of_both(rows: pl.DataFrame, column: str) -> pl.Series:
    """A column, behind it the rejected traces' where rows are pairs."""
    other = f"rejected_{column}"
    return pl.concat([rows[column], rows[other]]) if other in rows.columns else rows[column]


def _counts(values: pl.Series) -> dict[str, int]:
    """How often each value stands in `values`, by value; a missing one is called `unknown`."""
    counted = values.cast(pl.String()).fill_null("unknown").value_counts(name="n", sort=False)
    return dict(sorted(counted.iter_rows()))


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
