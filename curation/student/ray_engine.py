"""Scoring on Ray Data actors: several students at once, on one machine or a cluster.

Owns cutting a job into chunks and bringing the packs home. Each actor loads the student and runs
`scorer.run` on its chunks, the same code as everywhere; the packs come back as bytes and are
written here, so that no folder need be shared. A pack that is written stays: an actor or a whole
cluster that dies costs the chunks that were on their way, and the next run asks for those alone.
Ray starts a failed actor again and gives it the chunk once more.

Ray is optional (requirements-ray.txt); it is imported only in `run`. `RAY_ADDRESS` names a cluster,
else one is started on this machine and ended afterwards. API: https://docs.ray.io (2.60).
"""

from __future__ import annotations

import io
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import StudentError
from curation.student import Student, load, packs, scorer
from curation.student.progress import only_scorer
from curation.student.scorer import Done

CHUNK_ROWS = 32
"""Traces of a chunk, about: the traces of a prompt stay together, since they share work."""


def run(
    student: Student,
    job: Path,
    out: Path,
    *,
    dtype: str,
    cache_dir: Path | None = None,
    n_actors: int | None = None,
    limit: int | None = None,
    on_scored: Callable[[int], object] | None = None,
) -> Done:
    """Score what `job` asks for and `out` does not hold yet; see `scorer.run`.

    `student` says which one, and under which convention its actors must stand; `n_actors` None =
    one for every four cores. Raises StudentError where Ray is not installed, or where an actor's
    student is another (other weights on that machine).
    """
    try:
        import ray
    except ModuleNotFoundError as exc:
        raise StudentError(
            "The engine ray is not installed; `.venv/bin/pip install -r requirements-ray.txt` "
            "installs it, and --engine local needs nothing."
        ) from exc
    began = time.monotonic()
    n_scored = n_failed = n_tokens = 0
    with only_scorer(out):
        todo = scorer.pending(student, job, out, limit)
        if not todo.height:
            return Done(0, 0, 0, time.monotonic() - began, "")
        is_ours = not ray.is_initialized()
        if is_ours:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        try:
            cores = int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
            actors = min(n_actors or max(1, cores // 4), cores)
            ray.data.DataContext.get_current().enable_progress_bars = False
            logging.getLogger("ray.data").setLevel(logging.ERROR)
            pieces = [{"job": chunk} for chunk in chunks(todo, -(-todo.height // actors))]
            actors = min(actors, len(pieces))
            results = ray.data.from_items(pieces, override_num_blocks=len(pieces)).map(
                _Actor,  # type: ignore[arg-type]
                fn_constructor_kwargs={
                    "name": student.name,
                    "dtype": dtype,
                    "threads": max(1, cores // actors),
                    "cache_dir": None if cache_dir is None else str(cache_dir),
                    "convention_id": student.convention.convention_id,
                },
                compute=ray.data.ActorPoolStrategy(size=actors),
                num_cpus=max(1, cores // actors),
            )
            for done in results.iter_rows():
                if done["error"]:
                    raise StudentError(done["error"])
                for name, data in zip(done["names"], done["packs"], strict=True):
                    packs.keep(out, name, data)
                n_scored += done["n_scored"]
                n_failed += done["n_failed"]
                n_tokens += done["n_tokens"]
                if on_scored is not None:
                    on_scored(done["n_scored"] + done["n_failed"])
        finally:
            if is_ours:
                ray.shutdown()
    return Done(n_scored, n_failed, n_tokens, time.monotonic() - began, "")


def chunks(todo: pl.DataFrame, at_most: int) -> Iterator[bytes]:
    """The job cut into jobs of about `CHUNK_ROWS` traces, as Parquet files' bytes, in order.

    Of `at_most` traces where that is less, so that every actor has something to do; more where a
    prompt has more.
    """
    n_rows = min(CHUNK_ROWS, at_most)
    start = 0
    prompts = todo["prompt"].to_list()
    for at in range(1, todo.height + 1):
        is_end = at == todo.height
        if is_end or (at - start >= n_rows and prompts[at] != prompts[at - 1]):
            buffer = io.BytesIO()
            todo.slice(start, at - start).write_parquet(buffer, compression="zstd")
            yield buffer.getvalue()
            start = at


class _Actor:
    """A student in a process of its own, on whatever machine Ray chose."""

    def __init__(
        self, name: str, dtype: str, threads: int, cache_dir: str | None, convention_id: str
    ) -> None:
        self.student = load(name, dtype=dtype, threads=threads, cache_dir=cache_dir)
        ours = self.student.convention.convention_id
        self.error = "" if ours == convention_id else (
            f"An actor's student {name} stands under the convention {ours}, not {convention_id}: "
            "its weights or tokenizer are others. Give all machines the same files."
        )  # fmt: skip

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "error": self.error, "names": [], "packs": [],
            "n_scored": 0, "n_failed": 0, "n_tokens": 0,
        }  # fmt: skip
        if self.error:
            return found
        with tempfile.TemporaryDirectory() as folder:
            job, out = Path(folder, "job.parquet"), Path(folder, "packs")
            job.write_bytes(row["job"])
            done = scorer.run(self.student, job, out, pack_rows=10 * CHUNK_ROWS, pack_seconds=1e9)
            written = sorted(out.glob("*" + packs.SUFFIX))
            return {
                "error": "",
                "names": [path.name for path in written],
                "packs": [path.read_bytes() for path in written],
                "n_scored": done.n_scored,
                "n_failed": done.n_failed,
                "n_tokens": done.n_tokens,
            }
