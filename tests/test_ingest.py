"""Ingest: what is refused and why, what survives letter by letter, and bounded memory."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import ingest, records, steps
from curation.errors import IngestError
from curation.ingest import reading as ingest_reading
from curation.records import Refusal
from curation.settings import ROOT

DATA = Path(__file__).parent / "data"
GOOD = {"prompt": "What is 2 + 2?", "trace": "Four."}


def line(row: Any = None, **changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes} if row is None else row).encode() + b"\n"


BAD_AND_GOOD = b"".join(
    [
        line(),
        line(trace=""),
        b"broken\n",
        b"\xff\n",
        line(id="a", trace="Vier \N{HEDGEHOG}"),
        line(id="a"),
    ]
)
"""Two rows that go in, four that do not."""


def read(path: Path, **told: Any) -> tuple[pl.DataFrame, list[Refusal], int]:
    """All that a source holds: traces, refusals, and how many rows were read."""
    batches = list(ingest.read(path, **told))
    frames = [batch.traces for batch in batches]
    refusals = [refusal for batch in batches for refusal in batch.refusals]
    return pl.concat(frames), refusals, sum(batch.n_read for batch in batches)


def read_bytes(
    folder: Path, content: bytes, name: str = "rows.jsonl", **told: Any
) -> tuple[pl.DataFrame, list[Refusal], int]:
    path = folder / name
    path.write_bytes(content)
    return read(path, **told)


def test_the_demo_goes_in_whole() -> None:
    traces, refusals, n_read = read(ROOT / "data" / "demo" / "traces.jsonl")
    assert (traces.height, refusals, n_read) == (144, [], 144)
    assert traces["trace_id"].n_unique() == 144
    assert traces["problem_id"].n_unique() == 48
    # 48 problems under three contexts
    assert sorted(traces["teacher_context"].value_counts()["count"]) == [48, 48, 48]


def test_texts_that_hurt_go_in_letter_by_letter() -> None:
    traces, refusals, n_read = read(DATA / "rows_that_hurt.jsonl")
    rows = [json.loads(row) for row in (DATA / "rows_that_hurt.jsonl").read_text().splitlines()]
    assert not refusals
    assert n_read == len(rows)
    assert traces["text"].to_list() == [row["trace"] for row in rows]
    assert traces["line"].to_list() == list(range(1, len(rows) + 1))


REFUSED = [json.loads(row) for row in (DATA / "rows_refused.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case['field']}-{case['row']}"[:60])
def test_a_bad_row_is_refused_by_place_and_field_and_the_others_go_in(
    tmp_path: Path, case: Any
) -> None:
    content = line() + line(case["row"]) + line(trace="4")
    traces, (refusal,), n_read = read_bytes(tmp_path, content)
    assert (traces.height, n_read) == (2, 3)
    assert (refusal.origin, refusal.line, refusal.field) == ("rows.jsonl", 2, case["field"])
    assert refusal.reason
    assert json.loads(refusal.row) == case["row"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"prompt": "a", "trace": \n', "no valid JSON"),
        (b'{"prompt": "a", "trace": "b"} x\n', "no valid JSON: Extra data"),
        (b"[1, 2]\n", "expected an object with columns, found a list"),
        (b'"text"\n', "found text"),
        (b"null\n", "found null"),
        (b'{"prompt": "a", "trace": "b\xff"}\n', "not valid UTF-8 (byte 0xff at byte 28"),
        (b'{"prompt": "a", "trace": "b\x00"}\n', "holds a NUL at column 28"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}\n", "no JSON that can be read"),
    ],
    ids=lambda case: str(case)[:24],
)
def test_a_line_that_is_no_row_is_refused_with_its_reason(
    tmp_path: Path, bad: bytes, reason: str
) -> None:
    traces, (refusal,), n_read = read_bytes(tmp_path, line() + bad + line(trace="4"))
    assert (traces.height, n_read) == (2, 3)
    assert refusal.line == 2
    assert reason in refusal.reason
    refusal.row.encode()


def test_a_truncated_last_line_is_refused_as_cut_off(tmp_path: Path) -> None:
    traces, (refusal,), _ = read_bytes(tmp_path, line() + line()[:-9])
    assert traces.height == 1
    assert refusal.line == 2
    assert refusal.reason.endswith("it seems to be cut off")


def test_a_trace_beyond_the_limit_is_refused_with_the_limit(tmp_path: Path) -> None:
    content = line(trace="x" * 11) + line(trace="x" * 10)
    traces, (refusal,), _ = read_bytes(tmp_path, content, max_trace_chars=10)
    assert traces["text"].to_list() == ["x" * 10]
    assert (refusal.line, refusal.field) == (1, "trace")
    assert "11 characters, more than the 10" in refusal.reason


def test_a_line_of_50_megabytes_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as out:
        out.write(line())
        out.write(b'{"prompt": "a", "trace": "')
        for _ in range(50):
            out.write(b"x" * 1_000_000)
        out.write(b'"}\n')
        out.write(line(trace="4"))
    tracemalloc.start()
    traces, (refusal,), n_read = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert traces["line"].to_list() == [1, 3]
    assert n_read == 3
    assert refusal.line == 2
    # 50,000,000 letters, 26 bytes before and 2 after them
    assert "50,000,028 bytes, more than the 33,554,432" in refusal.reason
    assert len(refusal.row) == 10_000
    assert peak < 120_000_000


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    traces, refusals, n_read = read_bytes(tmp_path, b"\n" + line() + b" \t\r\n\n" + line(trace="4"))
    assert not refusals
    assert n_read == 2
    assert traces["line"].to_list() == [2, 5]


def test_windows_line_ends_are_no_part_of_a_row(tmp_path: Path) -> None:
    content = line().replace(b"\n", b"\r\n") + b"broken\r\n"
    traces, (refusal,), _ = read_bytes(tmp_path, content)
    assert traces["text"].to_list() == ["Four."]
    assert refusal.row == "broken"


def test_of_a_key_that_stands_twice_the_last_counts(tmp_path: Path) -> None:
    content = b'{"prompt": "a", "trace": "first", "trace": "last"}\n'
    assert read_bytes(tmp_path, content)[0]["text"].to_list() == ["last"]
    careful = b'{"prompt": "a", "trace": "first", "trace": "last", "x": NaN}\n'
    assert read_bytes(tmp_path, careful)[0]["text"].to_list() == ["last"]


def test_numbers_that_json_has_no_word_for_are_kept_as_text(tmp_path: Path) -> None:
    content = (
        b'{"prompt": "a", "trace": "b", "correct": NaN, "extra": {"nll": NaN, "x": -Infinity}}\n'
    )
    traces, refusals, _ = read_bytes(tmp_path, content)
    assert not refusals
    assert traces["is_correct"].to_list() == [None]
    assert json.loads(traces["extra"][0]) == {"nll": "nan", "x": "-inf"}


def test_whole_numbers_of_any_size_are_kept_exactly(tmp_path: Path) -> None:
    extra = {"seed": 12345678901234567890123, "small": 7}
    traces, refusals, _ = read_bytes(tmp_path, line(extra=extra))
    assert not refusals
    assert json.loads(traces["extra"][0]) == extra


def test_an_id_with_another_trace_is_refused_at_its_second_place(tmp_path: Path) -> None:
    content = line(id="a") + line(id="a") + line(id="a", trace="4") + line(id="a", source="b")
    traces, (refusal,), n_read = read_bytes(tmp_path, content)
    # the same again is no conflict (the store counts it), nor is an id of another source
    assert traces["line"].to_list() == [1, 2, 4]
    assert n_read == 4
    assert (refusal.line, refusal.field) == (3, "id")
    assert "'a' stands for another trace at rows.jsonl:1" in refusal.reason


def test_a_whole_number_may_be_an_id(tmp_path: Path) -> None:
    traces, _, _ = read_bytes(tmp_path, line(id=7))
    assert traces["external_id"].to_list() == ["7"]


def test_the_same_file_gives_the_same_ids_whatever_the_order_of_keys(tmp_path: Path) -> None:
    first, _, _ = read_bytes(tmp_path, line(id="a", teacher="t"))
    turned = json.dumps({"teacher": "t", "id": "a", "trace": "Four.", "prompt": GOOD["prompt"]})
    second, _, _ = read_bytes(tmp_path, turned.encode())
    assert first.drop("line").equals(second.drop("line"))


def test_ids_and_steps_are_those_of_the_ground_floor(tmp_path: Path) -> None:
    text = "Two and two. So four.\n\nFour."
    row = line(teacher="t", teacher_context="answer", reference_answer="4", trace=text)
    traces, _, _ = read_bytes(tmp_path, row)
    problem = records.problem_id(GOOD["prompt"])
    assert traces["problem_id"][0] == problem
    assert traces["trace_id"][0] == records.trace_id(
        problem, GOOD["prompt"], "t", "answer", "4", text
    )
    assert traces["text_hash"][0] == records.text_hash(text)
    starts, ends = steps.split(text)
    assert (traces["step_start"][0].to_list(), traces["step_end"][0].to_list()) == (starts, ends)


def test_prompts_of_one_problem_share_its_id(tmp_path: Path) -> None:
    extra = {"problem_id": 12}
    traces, _, _ = read_bytes(
        tmp_path, line(extra=extra) + line(prompt="Two and two?", extra=extra) + line()
    )
    ids = traces["problem_id"].to_list()
    assert ids[0] == ids[1] == records.problem_id("", "12")
    assert ids[2] == records.problem_id(GOOD["prompt"])


ROWS = st.lists(
    st.one_of(
        st.builds(lambda text: line(trace=text), st.text("ab\n🦔", min_size=1, max_size=40)),
        st.sampled_from([b"\n", b"broken\n", b'{"prompt": "a"}\n', b"\xff\n"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(ROWS, st.integers(1, 200))
def test_where_a_block_of_bytes_ends_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], size: int
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "rows.jsonl"
    path.write_bytes(line() + b"".join(rows).rstrip(b"\n"))
    expected = read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest_reading, "BLOCK_BYTES", size)
        patch.setattr(ingest_reading, "BATCH_ROWS", 3)
        found = read(path)
    assert found[0].equals(expected[0])
    assert found[1:] == expected[1:]


SHAPES = st.sampled_from(
    [
        b'{"messages": [{"from": "user", "value": "a"}, {"from": "gpt", "value": "b"}]}\n',
        b'{"problem": "a", "generations": ["b"], "correctness": [true]}\n',
        b'{"prompt": "a", "chosen": "b", "rejected": [{"role": "assistant", "content": "c"}]}\n',
        b'{"origin": "o", "line": 1, "field": null, "reason": "r", "row": "{}"}\n',
        b'[{"prompt": "a", "trace": "b"}, {"prompt": "c"}]',
        b'prompt,trace\na,"b\nc"\n',
        b"PAR1",
        b"\x1f\x8b\x08\x00",
        b"\xff\xfe{\x00",
        b"\xff\xff\xff\xff",
        b"ARROW1",
    ]
)
CONTENT = st.lists(st.one_of(SHAPES, st.binary(max_size=6)), min_size=1, max_size=5).map(b"".join)


@settings(deadline=None)
@given(CONTENT, st.sampled_from(["a.jsonl", "a.json", "a.csv", "a"]))
def test_whatever_a_file_holds_each_row_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    try:
        traces, refusals, n_read = read(path)
    except IngestError:
        return  # nothing of it can be read
    assert n_read > 0
    assert n_read <= len(refusals) + traces.height
    assert all(refusal.reason for refusal in refusals)
    json.dumps([refusal._asdict() for refusal in refusals], ensure_ascii=False).encode()


def test_a_file_name_that_is_not_utf_8_is_spelt_out(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"n\xe9.jsonl")
    path.write_bytes(line())
    assert read(path)[0]["origin"].to_list() == ["n\\udce9.jsonl"]


def test_batches_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_reading, "BATCH_ROWS", 2)
    path = tmp_path / "rows.csv"
    path.write_text("prompt,trace\n" + "".join(f"a,{i}\n" for i in range(5)))
    assert [batch.traces.height for batch in ingest.read(path)] == [2, 2, 1]


def test_a_reading_can_be_left_and_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line() + line(trace="4"))
    reading = ingest.read(path)
    for _ in reading:
        break
    assert [batch.n_read for batch in reading] == [2]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8-sig", b""), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")],
)
def test_a_byte_order_mark_is_understood(tmp_path: Path, encoding: str, mark: bytes) -> None:
    text = line(trace="Vier 🦔").decode() + line(trace="4").decode()
    traces, refusals, _ = read_bytes(tmp_path, mark + text.encode(encoding))
    assert not refusals
    assert traces["text"].to_list() == ["Vier 🦔", "4"]


def test_half_a_character_at_the_end_of_utf_16_is_refused(tmp_path: Path) -> None:
    content = b"\xff\xfe" + (line().decode() + "{}").encode("utf-16-le") + b"x"
    traces, (refusal,), _ = read_bytes(tmp_path, content)
    assert traces.height == 1
    assert "not valid UTF-8" in refusal.reason


def test_latin_1_rows_are_refused_and_the_plain_ones_go_in(tmp_path: Path) -> None:
    content = '{"prompt": "a", "trace": "né"}\n'.encode("latin-1") + line()
    traces, (refusal,), _ = read_bytes(tmp_path, content)
    assert traces.height == 1
    assert refusal.reason.endswith("save the file as UTF-8")
    assert refusal.row == '{"prompt": "a", "trace": "n\\xe9"}'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.jsonl", b"", "is empty"),
        ("rows.jsonl", b" \n\n\t\n", "is empty"),
        ("rows.csv", b"\xef\xbb\xbf", "is empty"),
        ("rows.jsonl", line().decode().encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("rows.jsonl", b"\xff\xfe\x00\x00" + "{}".encode("utf-32-le"), "UTF-32"),
        ("rows.jsonl", b"just words\nmore words\n", "none of its first rows can be read"),
        ("rows.bin", bytes(range(256)) * 40, "binary"),
        ("image.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfe,,,", "binary"),
        ("notes.txt", b"just words\n", "text, but no table"),
        ("rows.parquet", b"PAR1 and then nothing", "cannot be read as Parquet"),
        ("rows.arrow", b"ARROW1 and then nothing", "cannot be read as Arrow"),
        ("rows.jsonl.gz", b"\x1f\x8bbroken", "broken"),
        ("rows.json", b'{"data": [{"prompt": "a"', "rows.json:1:25: no valid JSON"),
        ("rows.json", b'{"name": "x"}', "no known format has the columns name"),
        ("rows.json", b'{\n"name": "x", "n": 1}', "a JSON object with no record"),
        (
            "rows.json",
            b'{\n"train": [{"prompt": "a"}], "test": [{"prompt": "b"}]}',
            "2 lists of records (train, test)",
        ),
        ("rows.json", b'{\n"x": "\xff"}', "not valid UTF-8"),
        ("rows.csv", b"prompt,trace,prompt\na,b,c\n", "has prompt twice"),
        ("rows.csv", b'"prompt\na,b\n', "cannot be read as CSV"),
    ],
)
def test_a_source_that_cannot_be_read_says_so_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(IngestError) as caught:
        read_bytes(tmp_path, content, name)
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_that_leads_nowhere_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IngestError, match="does not exist"):
        read(tmp_path / "missing.jsonl")
    with pytest.raises(IngestError, match="a folder without a dataset"):
        read(tmp_path)
    (tmp_path / "file").write_bytes(line())
    with pytest.raises(IngestError, match="cannot be read: Not a directory"):
        read(tmp_path / "file" / "below.jsonl")


def test_a_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(IngestError, match=r"rows\.jsonl cannot be read: Permission denied"):
        read(path)
