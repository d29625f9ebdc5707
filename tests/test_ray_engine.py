"""Ray's actors write what one scorer would have written, and an actor that dies costs nothing."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from curation import records, student
from curation.errors import StudentError
from curation.records import FAMILIES
from curation.student import packs, ray_engine, scorer
from tests import tiny

pytestmark = [
    pytest.mark.slow,
    # Ray's own: files and sockets of the processes it ends.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny student's folder."""
    tokenizer = tiny.a_tokenizer(chat_template=tiny.CHATML, bos_token="<|bos|>")
    return tiny.a_folder(tmp_path_factory.mktemp("tiny"), tokenizer)


def a_job(path: Path, n: int) -> Path:
    texts = [f"Six and {i} is {6 + i}.\n\nThe answer is {6 + i}." for i in range(n)]
    frame = pl.DataFrame(
        {
            "trace_id": [f"tr1_{i:03}" for i in range(n)],
            "prompt": [f"Six and {i // 3}?" for i in range(n)],
            "text": texts,
            "text_hash": [records.text_hash(text) for text in texts],
            "families": [list(FAMILIES)] * n,
            "step_start": [[0, text.index("The")] for text in texts],
            "step_end": [[text.index("\n"), len(text)] for text in texts],
            "reference_answer": ["42"] * n,
        }
    ).cast({"step_start": pl.List(pl.Int32), "step_end": pl.List(pl.Int32)})
    packs.write_job(path, frame)
    return path


def packed(out: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = [packs.read_pack(path) for path in sorted(out.glob("*" + packs.SUFFIX))]
    return (
        pl.concat([pack.frame for pack in found]).sort("trace_id"),
        pl.concat([pack.families for pack in found]).sort("trace_id", "family"),
    )


def test_actors_write_what_one_scorer_would_even_when_one_is_killed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "CHUNK_ROWS", 3)
    loaded = student.load(str(folder))
    job = a_job(tmp_path / "job.parquet", 60)
    killed: list[int] = []

    def kill_the_actors_once(n: int) -> None:
        for process in [] if killed else psutil.process_iter(["name", "cmdline"]):
            if "_Actor" in " ".join(process.info["cmdline"] or [process.info["name"] or ""]):
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

    out = tmp_path / "packs"
    options: dict[str, Any] = {"dtype": "float32", "n_actors": 1}
    done = ray_engine.run(loaded, job, out, on_scored=kill_the_actors_once, **options)
    assert killed
    assert (done.n_scored, done.n_failed) == (60, 0)

    alone = tmp_path / "alone"
    scorer.run(loaded, job, alone)
    for one, other in zip(packed(out), packed(alone), strict=True):
        assert one.shape == other.shape
        for name, kind in one.schema.items():
            same = one[name].equals(other[name])
            # Which traces share a pass moves the last digits of a float.
            is_float = kind in (pl.Float64, pl.List(pl.Float32))
            if not same and is_float:
                flat = [c.explode() if c.dtype == pl.List else c for c in (one[name], other[name])]
                assert (flat[0] - flat[1]).abs().max() < 1e-3, name  # type: ignore[operator]
            else:
                assert same, name

    # And what stands there is not asked for again.
    again = ray_engine.run(loaded, job, out, **options)
    assert (again.n_scored, again.n_tokens) == (0, 0)


def test_the_traces_of_a_prompt_stay_in_one_chunk(tmp_path: Path) -> None:
    job = packs.read_job(a_job(tmp_path / "job.parquet", 20))
    pieces = [pl.read_parquet(io.BytesIO(piece)) for piece in ray_engine.chunks(job, 4)]
    assert pl.concat(pieces).equals(job)
    prompts = [set(piece["prompt"]) for piece in pieces]
    assert sum(map(len, prompts)) == len(set.union(*prompts))
    assert [piece.height for piece in pieces] == [6, 6, 6, 2]


def test_without_ray_the_engine_says_how_to_get_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(StudentError, match=r"requirements-ray\.txt"):
        ray_engine.run(
            student.load(str(folder)), a_job(tmp_path / "j", 3), tmp_path, dtype="float32"
        )
