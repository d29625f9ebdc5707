"""Score packs and jobs: the files through which another process scores for the store's owner.

A *job* says what is to be scored, in order. A *pack* holds what was scored: rows of
`records.PACK_SCHEMA`, all under one convention, and with each row the families that were computed
with it (`records.COMPATIBILITY_SCHEMA`), each under a recipe. The records of convention and recipes
travel with them. Both are Parquet.

A pack is self-describing and checked on reading. Its seal, the SHA-256 of the file with the seal's
own digits taken as zeros, comes first: Polars 2.1 panics on some damaged files, so damage is found
before it looks. Then the convention's id is derived again from the record, and lists, lengths and
ranges must fit: a pack may come from another machine, so nothing in it is believed unseen. It
appears under its name whole or not at all (written aside, flushed to the disk, renamed), and the
name comes from its content: writing it twice leaves one file. Knows nothing of models or the store.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curation.errors import StudentError
from curation.records import (
    COMPATIBILITY_COLUMNS,
    COMPATIBILITY_SCHEMA,
    PACK_SCHEMA,
    PROFILE_COLUMNS,
    TOKEN_COLUMNS,
)
from curation.student import Convention, Record, TokenScores, recipe_id_of

SUFFIX = ".pack.parquet"
FORMAT = "hedgerow-pack-2"
FORMAT_WITHOUT_FAMILIES = "hedgerow-pack-1"
"""Of packs that hold likelihoods alone; still read."""

_SEAL = b"hedgerow-seal-sha256:"
_UNSEALED = b"0" * 64

JOB_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "prompt": pl.String(),
    "text": pl.String(),
    "text_hash": pl.String(),
    "families": pl.List(pl.String()),
    "step_start": pl.List(pl.Int32()),
    "step_end": pl.List(pl.Int32()),
    "reference_answer": pl.String(),
    "rival_answer": pl.String(),
    "privileged_kind": pl.String(),
    "privileged_text": pl.String(),
    "privileged_by": pl.String(),
}
"""What is to be scored. `families` are those of `records.FAMILIES` that are missing; the privileged
text is what the teacher saw (or would have), of the kind that `questions.PRIVILEGED` words."""

_JOB_FILLED = ("trace_id", "prompt", "text", "text_hash", "families", "step_start", "step_end")

_KEY = ("trace_id", "text_hash", "prompt_hash", "convention_id")
"""What a family's row has from the row it stands in."""

FAMILY_ROW = pl.Struct(
    {name: kind for name, kind in COMPATIBILITY_SCHEMA.items() if name not in _KEY}
)
PACKED_SCHEMA: dict[str, pl.DataType] = {**PACK_SCHEMA, "families": pl.List(FAMILY_ROW)}

Row = dict[str, object]


class Pack(NamedTuple):
    """A pack that was read and found sound."""

    frame: pl.DataFrame
    """`records.PACK_SCHEMA`."""
    convention: Convention
    families: pl.DataFrame
    """`records.COMPATIBILITY_SCHEMA`: what was computed beside the likelihood."""
    recipes: dict[str, Record]
    """The record of every recipe in `families`, by its id."""


def scored_row(trace_id: str, scores: TokenScores, profile: Mapping[str, float]) -> Row:
    """A pack's row of a trace that was scored; `profile` has `records.PROFILE_COLUMNS`."""
    return {
        "trace_id": trace_id,
        "text_hash": scores.text_hash,
        "prompt_hash": scores.prompt_hash,
        "convention_id": scores.convention_id,
        "error": None,
        **{name: profile[name] for name in PROFILE_COLUMNS},
        "token_id": scores.token_id.tolist(),
        "start_char": scores.start.tolist(),
        "end_char": scores.end.tolist(),
        "logprob_nats": scores.logprob_nats.tolist(),
        "rank": scores.rank.tolist(),
        "entropy_nats": scores.entropy_nats.tolist(),
    }


def failed_row(
    trace_id: str, text_hash: str, prompt_hash: str, convention_id: str, error: str
) -> Row:
    """A pack's row of a trace that could not be scored, and why."""
    return {
        "trace_id": trace_id,
        "text_hash": text_hash,
        "prompt_hash": prompt_hash,
        "convention_id": convention_id,
        "error": error,
        **dict.fromkeys(PROFILE_COLUMNS),
        **{name: [] for name in TOKEN_COLUMNS},
    }


def family_row(
    family: str, recipe_id: str, numbers: Mapping[str, object], error: str | None = None
) -> Row:
    """A family of one trace, to stand in its row; what `numbers` does not name is empty."""
    row: Row = {
        name: [] if isinstance(kind, pl.List) else None
        for name, kind in COMPATIBILITY_SCHEMA.items()
        if name not in _KEY
    }
    row.update({"family": family, "recipe_id": recipe_id, "error": error, **numbers})
    return row


def write_pack(
    folder: Path,
    rows: Iterable[Row] | pl.DataFrame,
    convention: Convention,
    recipes: Mapping[str, Record] | None = None,
) -> Path:
    """Write a pack into `folder`; its path. Durable once this returns.

    A row may have `families`, a list of `family_row`, whose recipes must then be in `recipes`.
    Raises StudentError where the disk refuses; nothing half-made is left under the pack's name.
    """
    if isinstance(rows, pl.DataFrame):
        frame = rows
    else:
        frame = pl.DataFrame([{"families": [], **row} for row in rows], PACKED_SCHEMA)
    if "families" not in frame.columns:
        frame = frame.with_columns(pl.lit([], PACKED_SCHEMA["families"]).alias("families"))
    bare, families = _parted(frame)
    known = dict(recipes or {})
    problem = _unsound(bare, convention) or _families_unsound(bare, families, known)
    if problem:
        raise ValueError(f"these rows make no pack: {problem}")
    data, digest = _sealed(
        frame,
        {
            "format": FORMAT,
            "convention_id": convention.convention_id,
            "convention": json.dumps(convention.record, sort_keys=True, ensure_ascii=False),
            "recipes": json.dumps(known, sort_keys=True, ensure_ascii=False),
        },
    )
    path = folder / f"{convention.convention_id}-{digest[:24]}{SUFFIX}"
    _write(path, data, "score pack")
    return path


def keep(folder: Path, name: str, data: bytes) -> None:
    """Write a pack that was made elsewhere under its name. Raises StudentError as `read_pack`."""
    path = folder / Path(name).name
    if problem := _seal_broken(data):
        raise _no_pack(path, problem)
    _write(path, data, "score pack")


def _parted(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The traces of a packed frame, and their families as rows of their own."""
    if "families" not in frame.columns:
        return frame, pl.DataFrame(schema=COMPATIBILITY_SCHEMA)
    families = (
        frame.select(*_KEY, "families")
        .filter(pl.col("families").list.len() > 0)
        .explode("families")
        .unnest("families")
        .select(list(COMPATIBILITY_SCHEMA))
    )
    return frame.drop("families"), families


def read_pack(path: Path) -> Pack:
    """The pack at `path`, checked.

    Raises StudentError for a file that is no pack, is not whole, or contradicts itself, and
    FileNotFoundError where there is none.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise StudentError(f"The score pack {path} cannot be read: {exc.strerror}.") from exc
    if problem := _seal_broken(data):
        raise _no_pack(path, problem)
    try:
        metadata = pl.read_parquet_metadata(io.BytesIO(data))
        frame = pl.read_parquet(io.BytesIO(data))
    except (Exception, pl.exceptions.PanicException) as exc:
        raise _no_pack(path, "it is no Parquet file that can be read") from exc
    if metadata.get("format") not in (FORMAT, FORMAT_WITHOUT_FAMILIES):
        raise _no_pack(path, f"its format is {metadata.get('format')}, not {FORMAT}")
    try:
        convention = Convention.of(json.loads(metadata["convention"]))
        recipes = dict(json.loads(metadata.get("recipes", "{}")))
    except (KeyError, ValueError, TypeError, AttributeError) as exc:
        raise _no_pack(path, "it has no convention record") from exc
    if convention.convention_id != metadata.get("convention_id"):
        raise _no_pack(path, "its convention record is not the one its id was made of")
    if dict(frame.schema) not in (PACK_SCHEMA, PACKED_SCHEMA):
        raise _no_pack(path, f"its columns are {list(frame.schema)}")
    bare, families = _parted(frame)
    if problem := _unsound(bare, convention) or _families_unsound(bare, families, recipes):
        raise _no_pack(path, problem)
    return Pack(bare, convention, families, recipes)


def _sealed(frame: pl.DataFrame, metadata: dict[str, str]) -> tuple[bytes, str]:
    """A Parquet file of `frame` with its seal, and the digest that the seal holds."""
    buffer = io.BytesIO()
    seal = (_SEAL + _UNSEALED).decode("ascii")
    frame.write_parquet(buffer, compression="zstd", metadata={**metadata, "seal": seal})
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    at = data.rindex(_SEAL) + len(_SEAL)
    return data[:at] + digest.encode("ascii") + data[at + len(_UNSEALED) :], digest


def _seal_broken(data: bytes) -> str | None:
    """What is wrong with a file's seal, or None."""
    at = data.rfind(_SEAL)
    if at < 0:
        return "it has no seal, so it was cut short or is something else"
    at += len(_SEAL)
    digest, rest = data[at : at + len(_UNSEALED)], data[at + len(_UNSEALED) :]
    found = hashlib.sha256(data[:at] + _UNSEALED + rest).hexdigest()
    return None if digest == found.encode("ascii") else "it was changed or damaged after writing"


def write_job(path: Path, frame: pl.DataFrame) -> None:
    """Write what is to be scored, in this order: the columns of `JOB_SCHEMA`.

    A frame without families asks for likelihoods alone; other columns it lacks are empty. A job may
    be replaced while a scorer works on it; the scorer goes on with the new one.
    """
    empty = {"families": ["likelihood"], "step_start": [], "step_end": []}
    absent = [
        pl.lit(empty.get(name), kind).alias(name)
        for name, kind in JOB_SCHEMA.items()
        if name not in frame.columns and name not in _JOB_FILLED[:4]
    ]
    buffer = io.BytesIO()
    frame.with_columns(absent).select(list(JOB_SCHEMA)).write_parquet(buffer, compression="zstd")
    _write(path, buffer.getvalue(), "score job")


def read_job(path: Path) -> pl.DataFrame:
    """The job at `path`. Raises StudentError where it is not there or no job."""
    try:
        frame = pl.read_parquet(io.BytesIO(path.read_bytes()))
    except OSError as exc:
        raise StudentError(f"The score job {path} cannot be read: {exc.strerror}.") from exc
    except pl.exceptions.PolarsError as exc:
        raise StudentError(f"{path} is no score job: it is no whole Parquet file.") from exc
    if dict(frame.schema) != JOB_SCHEMA or any(frame.select(_JOB_FILLED).null_count().row(0)):
        raise StudentError(
            f"{path} is no score job: expected the columns {', '.join(JOB_SCHEMA)}, with "
            f"{', '.join(_JOB_FILLED)} filled."
        )
    return frame


def _unsound(frame: pl.DataFrame, convention: Convention) -> str | None:
    """What is wrong with a pack's rows, or None."""
    if dict(frame.schema) != PACK_SCHEMA:
        return f"its columns are {list(frame.schema)}"
    if not frame.height:
        return "it has no rows"
    named = ["trace_id", "text_hash", "prompt_hash", "convention_id"]
    if any(frame.select(named).null_count().row(0)):
        return "it has rows without an id"
    if (frame["convention_id"] != convention.convention_id).any():
        return "it has rows of another convention"
    if frame["trace_id"].is_duplicated().any():
        return "it has a trace twice"
    failed = pl.col("error").is_not_null()
    n = pl.when(failed).then(0).otherwise(pl.col("n_tokens"))
    length = [pl.col(name).list.len() != n for name in TOKEN_COLUMNS]
    if frame.filter(pl.any_horizontal(*length) | pl.any_horizontal(*_lists_null())).height:
        return "it has token lists of different lengths"
    filled = [pl.col(name).is_null() != failed for name in PROFILE_COLUMNS]
    if frame.filter(pl.any_horizontal(*filled) | (~failed & (n < 1))).height:
        return "it has numbers missing, or numbers for a trace that failed"
    tokens = frame.select(TOKEN_COLUMNS).explode(*TOKEN_COLUMNS, empty_as_null=False)
    if any(tokens.null_count().row(0)):
        return "it has tokens with numbers missing"
    wrong = (
        pl.col("logprob_nats").is_nan()
        | (pl.col("logprob_nats") > 1e-3)
        | ~pl.col("entropy_nats").is_finite()
        | (pl.col("rank") < 1)
        | (pl.col("start_char") < 0)
        | (pl.col("end_char") < pl.col("start_char"))
    )
    if tokens.filter(wrong).height:
        return "it has tokens whose numbers cannot be (log-likelihood above 0, rank below 1, …)"
    return None


def _families_unsound(
    frame: pl.DataFrame, families: pl.DataFrame, recipes: Mapping[str, Record]
) -> str | None:
    """What is wrong with the families of a pack's rows, or None."""
    for recipe_id, record in recipes.items():
        if not isinstance(record, dict) or recipe_id_of(record) != recipe_id:
            return f"the record of recipe {recipe_id} is not the one its id was made of"
    if not families.height:
        return None
    if families.select("trace_id", "family").is_duplicated().any():
        return "it has a family of a trace twice"
    known = {(recipe_id, str(record.get("family"))) for recipe_id, record in recipes.items()}
    named = set(families.select("recipe_id", "family").unique().iter_rows())
    if not named <= known or any(family not in COMPATIBILITY_COLUMNS for _, family in named):
        return "it has a family whose recipe is not with it"
    lists = [name for name, kind in COMPATIBILITY_SCHEMA.items() if isinstance(kind, pl.List)]
    if any(families.select(lists).null_count().row(0)):
        return "it has a family without its lists"
    n = families.join(frame.select("trace_id", n_of_trace="n_tokens"), on="trace_id", how="left")
    per_token, points = pl.col("per_token").list.len(), pl.col("point_step").list.len()
    wrong = (
        ((per_token != 0) & (per_token != pl.col("n_of_trace").fill_null(-1)))
        | (pl.col("point_nats").list.len() != points)
        | (
            (pl.col("point_rival_nats").list.len() != 0)
            & (pl.col("point_rival_nats").list.len() != points)
        )
        | pl.any_horizontal(
            pl.col(name).list.eval(pl.element().is_nan()).list.any()
            for name in lists
            if name != "point_step"
        )
    )
    if n.filter(wrong).height:
        return "it has a family whose lists do not fit its trace"
    return None


def _lists_null() -> list[pl.Expr]:
    return [pl.col(name).is_null() for name in TOKEN_COLUMNS]


def _no_pack(path: Path, why: str) -> StudentError:
    return StudentError(
        f"{path} is no score pack that can be taken: {why}. Score its traces again."
    )


def _write(path: Path, data: bytes, what: str) -> None:
    """`data` under `path`: whole and durable, or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not with the name at its end: `*.pack.parquet` must not find it.
        temporary = path.parent / f".writing-{path.name}-{os.getpid()}"
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as exc:
        raise StudentError(
            f"The {what} could not be written to {path.parent}: {exc.strerror or exc}. "
            "Make room or allow writing there, then start again: what was scored is kept."
        ) from exc


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
