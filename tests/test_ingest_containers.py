"""Containers: the same records out of JSON, CSV, Parquet, Arrow and compressed files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import ingest
from curation.errors import IngestError
from curation.ingest import documents
from tests.test_ingest import read, read_bytes

RECORDS: list[dict[str, Any]] = [
    {
        "id": f"r{i}",
        "prompt": f"What is {i} + {i}?",
        "reference_answer": str(2 * i),
        "teacher": "Llama-3-8B",
        "teacher_context": "none",
        "trace": f'It is "{2 * i}",\nI think – 🦔.',
        "correct": i != 1,
        "extra": {"problem_id": f"p{i}", "n": i},
    }
    for i in range(3)
]


@pytest.fixture
def expected(tmp_path: Path) -> pl.DataFrame:
    """What the records become when they come as JSON Lines."""
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS)
    return unplaced(read_bytes(tmp_path, lines.encode(), "expected.jsonl")[0])


def unplaced(traces: pl.DataFrame) -> pl.DataFrame:
    """Traces without what the container alone decides (a source that is not told is its name)."""
    return traces.drop("origin", "line", "source")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.json", json.dumps(RECORDS)),
        ("rows.json", json.dumps(RECORDS, indent=2)),
        ("rows.jsonl", json.dumps(RECORDS)),
        ("rows", json.dumps(RECORDS, indent=1)),
        ("rows.json", json.dumps({"version": 1, "notes": ["a"], "data": RECORDS})),
        ("rows.json", json.dumps({"data": RECORDS}, indent=2)),
        ("rows.json", "\n".join(json.dumps(record) for record in RECORDS)),
        ("rows.data", "\n".join(json.dumps(record) for record in RECORDS)),
    ],
)
def test_json_in_all_its_shapes(
    tmp_path: Path, expected: pl.DataFrame, name: str, text: str
) -> None:
    traces, refusals, n_read = read_bytes(tmp_path, text.encode(), name)
    assert (refusals, n_read) == ([], 3)
    assert unplaced(traces).equals(expected)
    assert traces["line"].to_list() == [1, 2, 3]


def test_a_single_record_may_be_a_document(tmp_path: Path) -> None:
    traces, refusals, _ = read_bytes(tmp_path, json.dumps(RECORDS[0], indent=2).encode(), "a.json")
    assert not refusals
    assert traces["external_id"].to_list() == ["r0"]


def test_a_truncated_array_costs_only_what_was_cut(tmp_path: Path) -> None:
    text = json.dumps(RECORDS, indent=2)[:-40]
    traces, (refusal,), n_read = read_bytes(tmp_path, text.encode(), "rows.json")
    assert traces["external_id"].to_list() == ["r0", "r1"]
    assert (refusal.line, n_read) == (3, 3)
    assert refusal.reason.startswith("cannot be read: the file ends inside the array")
    assert '"r2"' in refusal.row


@pytest.mark.parametrize(
    ("text", "n_good", "reason"),
    [
        ('[{"prompt": "a", "trace": "b"} {]', 1, "cannot be read: Expecting property name"),
        ('[{"prompt": "a", "trace": "b"}, 12, x]', 1, "found the number 12"),
        ('[{"prompt": "a", "trace": "b"}] [', 1, "stands behind the end of the array"),
        ('[{"prompt": "a", "trace": "\udcff"}, {"prompt": "a", "trace": "b"}]', 1, "(0xff)"),
    ],
)
def test_an_array_is_read_as_far_as_it_can_be(
    tmp_path: Path, text: str, n_good: int, reason: str
) -> None:
    content = text.encode(errors="surrogateescape")
    traces, refusals, _ = read_bytes(tmp_path, content, "rows.json")
    assert traces.height == n_good
    assert reason in refusals[0].reason


def test_an_array_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_PIECE_BYTES", 7)
    rows = [{"prompt": f"Frage {i} é🦔", "trace": "x" * i + "!"} for i in range(40)]
    content = json.dumps(rows, ensure_ascii=False).encode()
    traces, refusals, _ = read_bytes(tmp_path, content, "rows.json")
    assert not refusals
    assert traces["text"].to_list() == [row["trace"] for row in rows]
    assert traces["prompt"].to_list() == [row["prompt"] for row in rows]


def test_an_object_too_large_to_be_read_at_once_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_OBJECT_BYTES", 100)
    with pytest.raises(IngestError, match="write it as JSON Lines"):
        read_bytes(tmp_path, json.dumps({"data": RECORDS}).encode(), "rows.json")


def test_compressed_files_are_opened_by_their_content(
    tmp_path: Path, expected: pl.DataFrame
) -> None:
    content = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
    for name, packed in (
        ("rows.jsonl.gz", gzip.compress(content)),
        ("rows.jsonl.zst", pa.compress(content, codec="zstd", asbytes=True)),
        ("rows", gzip.compress(content)),
    ):
        traces, refusals, _ = read_bytes(tmp_path, packed, name)
        assert not refusals
        assert unplaced(traces).equals(expected)


def test_a_break_in_compressed_data_is_refused_where_it_is(tmp_path: Path) -> None:
    # random letters, so that the rows do not all stand in the first bytes
    rows = "".join(json.dumps({"prompt": "a", "trace": f"{i**70}"}) + "\n" for i in range(2, 900))
    packed = gzip.compress(rows.encode())
    traces, refusals, n_read = read_bytes(tmp_path, packed[:-2000], "rows.jsonl.gz")
    assert 0 < traces.height < 898
    assert n_read == traces.height + len(refusals)
    assert "breaks off" in refusals[-1].reason
    assert refusals[-1].line == traces["line"].to_list()[-1] + 1


def csv_text(delimiter: str = ",", end: str = "\n") -> str:
    """The records as CSV, quoted by the book."""
    names = list(RECORDS[0])
    rows = [names] + [
        [json.dumps(record[n]) if n == "extra" else str(record[n]) for n in names]
        for record in RECORDS
    ]
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    return "".join(delimiter.join(row) + end for row in quoted)


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t"), ("a", ";")])
def test_csv_by_its_delimiter(
    tmp_path: Path, expected: pl.DataFrame, name: str, delimiter: str
) -> None:
    content = csv_text(delimiter).encode()
    traces, refusals, n_read = read_bytes(tmp_path, content, name)
    assert (refusals, n_read) == ([], 3)
    assert unplaced(traces).equals(expected)
    # each record takes two lines, since its trace has a line end
    assert traces["line"].to_list() == [2, 4, 6]


def test_line_ends_inside_a_csv_cell_are_kept(tmp_path: Path) -> None:
    content = b'prompt,trace\r\na,"one\r\ntwo\nthree"\r\n\r\nb,c'
    traces, refusals, _ = read_bytes(tmp_path, content, "rows.csv")
    assert not refusals
    assert traces["text"].to_list() == ["one\r\ntwo\nthree", "c"]
    assert traces["line"].to_list() == [2, 6]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"a,b,c\n", "has 3 cells under a header of 2"),
        (b"a\n", "has 1 cells under a header of 2"),
        (b'a,"b"c\n', "is no valid CSV"),
        (b"a,n\xe9\n", "a byte that is not valid UTF-8 (0xe9), character 2"),
        (b"a,x\x00y\n", "holds a NUL"),
        (b"a,\n", "missing"),
    ],
)
def test_a_bad_csv_row_is_refused_and_the_others_go_in(
    tmp_path: Path, row: Any, reason: str
) -> None:
    content = b"prompt,trace\na,b\n" + row + b"c,d\n"
    traces, (refusal,), n_read = read_bytes(tmp_path, content, "rows.csv")
    assert traces["text"].to_list() == ["b", "d"]
    assert (refusal.line, n_read) == (3, 3)
    assert reason in refusal.reason
    refusal.row.encode()


def test_a_quote_that_is_never_closed_costs_the_rows_it_swallows(tmp_path: Path) -> None:
    content = b'prompt,trace\na,b\nc,"d\ne,f\n'
    traces, (refusal,), _ = read_bytes(tmp_path, content, "rows.csv")
    assert traces["text"].to_list() == ["b"]
    assert refusal.line == 3
    assert "unexpected end of data" in refusal.reason
    assert refusal.row == 'c,"d\ne,f\n'


def test_lists_and_verdicts_in_csv_cells_are_read(tmp_path: Path) -> None:
    content = (
        b"problem,generations,correctness_math_verify,answer\n"
        b'a,"[""x"", ""y""]","[true, false]",007\n'
    )
    traces, refusals, _ = read_bytes(tmp_path, content, "rows.csv")
    assert not refusals
    assert traces["text"].to_list() == ["x", "y"]
    assert traces["is_correct"].to_list() == [True, False]
    assert traces["reference_answer"].to_list() == ["007", "007"]
    content = b'prompt,completion\n"[1, 2] is a list","{1} is a set"\n'
    traces, refusals, _ = read_bytes(tmp_path, content, "rows.csv")
    assert traces["text"].to_list() == ["{1} is a set"]


def as_columns(records: list[dict[str, Any]]) -> pa.Table:
    """Records as a table, their extra as JSON text (tables have no free objects)."""
    return pa.Table.from_pylist([{**one, "extra": json.dumps(one["extra"])} for one in records])


def test_parquet(tmp_path: Path, expected: pl.DataFrame) -> None:
    pq.write_table(as_columns(RECORDS), tmp_path / "rows.bin", row_group_size=2)
    traces, refusals, _ = read(tmp_path / "rows.bin")
    assert not refusals
    assert unplaced(traces).equals(expected)
    assert traces["line"].to_list() == [1, 2, 3]


def test_lists_and_structures_in_parquet(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    rows: list[dict[str, Any]] = [
        {"messages": said, "problem": None, "generations": None},
        {"messages": None, "problem": "p", "generations": ["c", "d"]},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    traces, refusals, _ = read(tmp_path / "rows.parquet")
    assert not refusals
    assert traces["text"].to_list() == ["b", "c", "d"]


def test_a_parquet_text_that_is_not_utf_8_is_refused_by_column(tmp_path: Path) -> None:
    broken = pa.array([b"fine", b"n\xe9"]).cast(pa.binary()).view(pa.string())
    table = pa.table({"prompt": pa.array(["a", "b"]), "trace": broken})
    pq.write_table(table, tmp_path / "rows.parquet")
    traces, (refusal,), _ = read(tmp_path / "rows.parquet")
    assert traces["text"].to_list() == ["fine"]
    assert (refusal.line, refusal.field) == (2, "trace")


def test_parquet_that_breaks_off_says_so(tmp_path: Path) -> None:
    pq.write_table(as_columns(RECORDS * 50), tmp_path / "rows.parquet")
    content = bytearray((tmp_path / "rows.parquet").read_bytes())
    content[4:600] = bytes(596)
    with pytest.raises(IngestError, match="cannot be read as Parquet"):
        read_bytes(tmp_path, bytes(content), "broken.parquet")


def test_arrow_offsets_that_lead_beside_the_data_are_never_followed(tmp_path: Path) -> None:
    table = pa.table({"prompt": ["a" * 64], "trace": ["b" * 64]})
    with pa.ipc.new_stream(tmp_path / "rows.arrow", table.schema) as out:
        out.write_table(table)
    content = (tmp_path / "rows.arrow").read_bytes()
    # the two offsets of a column with one text of 64 bytes, as little-endian int32
    broken = content.replace(b"\x00\0\0\0\x40\0\0\0", b"\x40\0\0\0\x00\0\0\0")
    assert broken != content
    with pytest.raises(IngestError, match="cannot be read as Arrow"):
        read_bytes(tmp_path, broken, "rows.arrow")


def test_an_arrow_file_in_either_format(tmp_path: Path, expected: pl.DataFrame) -> None:
    table = as_columns(RECORDS)
    with pa.ipc.new_file(tmp_path / "file.arrow", table.schema) as out:
        out.write_table(table)
    with pa.ipc.new_stream(tmp_path / "stream.arrow", table.schema) as out:
        out.write_table(table)
    for name in ("file.arrow", "stream.arrow"):
        traces, refusals, _ = read(tmp_path / name)
        assert not refusals
        assert unplaced(traces).equals(expected)


def test_a_folder_that_datasets_saved(tmp_path: Path, expected: pl.DataFrame) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{**record, "extra": json.dumps(record["extra"])} for record in RECORDS]
    whole = datasets.Dataset.from_list(rows)
    whole.save_to_disk(tmp_path / "set", num_shards=2)
    traces, refusals, _ = read(tmp_path / "set")
    assert not refusals
    assert unplaced(traces).equals(expected)
    assert traces["line"].to_list() == [1, 2, 3]
    assert traces["origin"].unique().to_list() == ["set"]
    split = datasets.DatasetDict({"train": whole.select([0, 1]), "test": whole.select([2])})
    split.save_to_disk(tmp_path / "dict")
    traces, refusals, _ = read(tmp_path / "dict")
    assert not refusals
    assert unplaced(traces).equals(expected)
    assert traces["origin"].to_list() == ["dict/train", "dict/train", "dict/test"]


def test_a_folder_cannot_lead_out_of_itself(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("../rows.arrow", "..", "", None, "/etc/passwd"):
        state = {"_data_files": [{"filename": name}]}
        (folder / "state.json").write_text(json.dumps(state))
        with pytest.raises(IngestError, match="no file of its own"):
            read(folder)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("{", "state.json cannot be read"),
        ("{}", "names no data files"),
        ('{"_data_files": [{"filename": "gone.arrow"}]}', r"gone\.arrow cannot be read"),
        ('{"_data_files": [], "_indices_data_files": [{"filename": "i"}]}', "flatten_indices"),
    ],
)
def test_a_broken_dataset_folder_says_what_is_wrong(
    tmp_path: Path, state: str, message: str
) -> None:
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(IngestError, match=message):
        list(ingest.read(tmp_path))
