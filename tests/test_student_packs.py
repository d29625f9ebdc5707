from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import records, scores
from curation.errors import StudentError
from curation.student import Convention, packs
from curation.student.progress import (
    Progress,
    is_scoring,
    only_scorer,
    read_progress,
    write_progress,
)
from tests.fakes import FakeStudent

STUDENT = FakeStudent()
CONVENTION = STUDENT.convention


def a_row(text: str = "Two and two is four.", prompt: str = "2 + 2?") -> packs.Row:
    found = STUDENT.score(prompt, text)
    profile = scores.profile(found.logprob_nats, found.rank, found.entropy_nats)
    return packs.scored_row("tr1_" + records.text_hash(text), found, profile._asdict())


def a_failure(text: str = "") -> packs.Row:
    return packs.failed_row(
        "tr1_empty", records.text_hash(text), records.text_hash("?"), CONVENTION.convention_id, "no"
    )


def a_frame(*rows: packs.Row) -> pl.DataFrame:
    return pl.DataFrame(list(rows), records.PACK_SCHEMA)


def resealed(path: Path, frame: pl.DataFrame, **metadata: str) -> Path:
    """The pack at `path` with other rows or metadata under a seal that fits."""
    kept = {k: v for k, v in pl.read_parquet_metadata(path).items() if k != "ARROW:schema"}
    path.write_bytes(packs._sealed(frame, {**kept, **metadata})[0])
    return path


@given(st.lists(st.text("ab 😀\né", min_size=1), min_size=1, max_size=6, unique=True))
@settings(max_examples=25)
def test_a_pack_comes_back_as_it_went_in(texts: list[str]) -> None:
    frame = a_frame(*(a_row(text) for text in texts), a_failure())
    with pytest.MonkeyPatch.context() as patch:
        written: list[bytes] = []
        patch.setattr(packs, "_write", lambda path, data, what: written.append(data))
        packs.write_pack(Path("anywhere"), frame, CONVENTION)
        patch.setattr(Path, "read_bytes", lambda self: written[0])
        pack = packs.read_pack(Path("anywhere"))
    assert pack.frame.equals(frame)
    assert pack.convention == CONVENTION


def test_a_pack_has_the_suffix_that_the_store_looks_for_and_its_convention_in_its_name(
    tmp_path: Path,
) -> None:
    path = packs.write_pack(tmp_path, [a_row()], CONVENTION)
    assert path.name.startswith(CONVENTION.convention_id)
    assert path.name.endswith(".pack.parquet")
    assert sorted(os.listdir(tmp_path)) == [path.name]


def test_writing_a_pack_twice_leaves_one_file(tmp_path: Path) -> None:
    first = packs.write_pack(tmp_path, [a_row(), a_failure()], CONVENTION)
    second = packs.write_pack(tmp_path, [a_row(), a_failure()], CONVENTION)
    assert first == second
    assert len(os.listdir(tmp_path)) == 1


@given(data=st.data())
@settings(max_examples=150)
def test_a_pack_with_a_flipped_bit_is_refused_with_its_name(data: st.DataObject) -> None:
    path, whole = _a_written_pack()
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    broken = bytearray(whole)
    broken[at] ^= 1 << bit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda self: bytes(broken))
        with pytest.raises(StudentError, match="some.pack.parquet is no score pack"):
            packs.read_pack(path)


@given(st.floats(0, 0.999))
@settings(max_examples=40)
def test_a_pack_that_was_cut_short_is_refused_with_its_name(share: float) -> None:
    path, whole = _a_written_pack()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda self: whole[: int(share * len(whole))])
        with pytest.raises(StudentError, match="some.pack.parquet is no score pack"):
            packs.read_pack(path)


def _a_written_pack() -> tuple[Path, bytes]:
    frame = a_frame(a_row(), a_row("One more 😀"), a_failure())
    written: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs, "_write", lambda path, data, what: written.append(data))
        packs.write_pack(Path(), frame, CONVENTION)
    return Path("some.pack.parquet"), written[0]


def _with(**changes: Any) -> pl.DataFrame:
    return a_frame({**a_row(), **changes})


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (a_frame(a_row()).drop("rank"), "its columns are"),
        (a_frame(a_row()).clear(), "no rows"),
        (_with(trace_id=None), "rows without an id"),
        (_with(convention_id="cv1_other"), "rows of another convention"),
        (a_frame(a_row(), a_row()), "a trace twice"),
        (_with(rank=[1]), "lists of different lengths"),
        (_with(rank=None), "lists of different lengths"),
        (_with(rsr=None), "numbers missing"),
        (_with(error="but it has numbers"), "different lengths"),
        (_with(logprob_nats=[0.5] * 5), "cannot be"),
        (_with(logprob_nats=[float("nan")] * 5), "cannot be"),
        (_with(logprob_nats=[None] * 5), "tokens with numbers missing"),
        (_with(rank=[0] * 5), "cannot be"),
        (_with(start_char=[-1] * 5), "cannot be"),
        (_with(entropy_nats=[float("inf")] * 5), "cannot be"),
    ],
)
def test_rows_that_cannot_be_are_refused_both_ways(
    frame: pl.DataFrame, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=says):
        packs.write_pack(tmp_path, frame, CONVENTION)
    sound = packs.write_pack(tmp_path, [a_row()], CONVENTION)
    with pytest.raises(StudentError, match=says):
        packs.read_pack(resealed(sound, frame))


def test_a_sealed_file_that_makes_the_reader_panic_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packs.write_pack(tmp_path, [a_row()], CONVENTION)

    def panic(source: object) -> None:
        raise pl.exceptions.PanicException("assertion failed")

    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(StudentError, match="no Parquet file that can be read"):
        packs.read_pack(path)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"format": "something-else"}, "its format is something-else"),
        ({"convention": "{"}, "no convention record"),
        ({"convention": "[]"}, "no convention record"),
        ({"convention": "{}"}, "no convention record"),
        ({"convention": json.dumps({**CONVENTION.record, "salt": "x"})}, "not the one its id"),
    ],
)
def test_metadata_that_does_not_fit_is_noticed(
    metadata: dict[str, str], says: str, tmp_path: Path
) -> None:
    path = packs.write_pack(tmp_path, [a_row()], CONVENTION)
    with pytest.raises(StudentError, match=says):
        packs.read_pack(resealed(path, packs.read_pack(path).frame, **metadata))


def test_a_parquet_file_of_somebody_else_is_no_pack(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.pack.parquet")
    with pytest.raises(StudentError, match=r"a\.pack\.parquet is no score pack"):
        packs.read_pack(tmp_path / "a.pack.parquet")


def test_a_pack_that_is_not_there_is_told_apart_from_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        packs.read_pack(tmp_path / "gone.pack.parquet")


def test_a_full_disk_is_said_plainly_and_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StudentError, match="No space left on device. Make room"):
        packs.write_pack(tmp_path, [a_row()], CONVENTION)
    assert os.listdir(tmp_path) == []


def test_the_same_record_has_the_same_id_and_versions_do_not_count() -> None:
    record = {"student": "s", "dtype": "float32", "versions": "torch 1"}
    one = Convention.of(record)
    assert Convention.of(dict(reversed(record.items()))) == one
    assert Convention.of({**record, "versions": "torch 2"}).convention_id == one.convention_id
    assert Convention.of({**record, "dtype": "bfloat16"}).convention_id != one.convention_id
    assert Convention.of({**record, "student": "t"}).convention_id != one.convention_id


def test_a_job_comes_back_in_its_order(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"trace_id": ["b", "a"], "prompt": ["p", ""], "text": ["x😀", "y"], "text_hash": ["h", "i"]}
    )
    packs.write_job(tmp_path / "job.parquet", frame.with_columns(more=pl.lit(1)))
    job = packs.read_job(tmp_path / "job.parquet")
    assert job.select(frame.columns).equals(frame)
    assert job["families"].to_list() == [["likelihood"], ["likelihood"]]
    assert job["reference_answer"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"PAR1 not really", "no whole Parquet file"),
        (pl.DataFrame({"trace_id": ["a"]}), "expected the columns"),
        (pl.DataFrame(dict.fromkeys(packs.JOB_SCHEMA, [1])), "expected the columns"),
        (
            pl.DataFrame(dict.fromkeys(packs.JOB_SCHEMA, [None]), packs.JOB_SCHEMA),
            "text_hash, families, step_start, step_end filled",
        ),
    ],
)
def test_a_file_that_is_no_job_is_refused(
    content: bytes | pl.DataFrame | None, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "job.parquet"
    if isinstance(content, pl.DataFrame):
        buffer = io.BytesIO()
        content.write_parquet(buffer)
        content = buffer.getvalue()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudentError, match=says):
        packs.read_job(path)


def test_progress_comes_back_and_nonsense_is_none(tmp_path: Path) -> None:
    assert read_progress(tmp_path) is None
    progress = Progress("fake", 7, state="scoring", done=3, total=9, n_tokens=100)
    write_progress(tmp_path, progress)
    assert read_progress(tmp_path) == progress
    assert os.listdir(tmp_path) == ["progress.json"]
    for text in ("{", "[]", '{"else": 1}'):
        (tmp_path / "progress.json").write_text(text)
        assert read_progress(tmp_path) is None


def test_a_folder_has_one_scorer_and_the_second_learns_which(tmp_path: Path) -> None:
    assert not is_scoring(tmp_path)
    with only_scorer(tmp_path):
        assert is_scoring(tmp_path)
        with (
            pytest.raises(StudentError, match=f"Process {os.getpid()} is scoring"),
            only_scorer(tmp_path),
        ):
            pytest.fail("two scorers in one folder")
    assert not is_scoring(tmp_path)
    with only_scorer(tmp_path):
        assert is_scoring(tmp_path)
