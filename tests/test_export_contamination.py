"""Rows that stand in a benchmark: which, where, how much; and files that cannot be read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import ExportError
from curation.export.benchmarks import Benchmark, read_benchmark
from curation.export.contamination import (
    HIT_SCHEMA,
    Contamination,
    Method,
    find_hits,
    repeats,
)

QUESTION = [f"word{i}" for i in range(20)]
OWN = [f"own{i}" for i in range(30)]


def a_benchmark(*texts: str) -> Benchmark:
    lines = pl.DataFrame({"line": range(1, len(texts) + 1), "text": list(texts)})
    return Benchmark("bench.jsonl", "0" * 64, "question", lines)


def rows_of(*pairs: tuple[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(f"t{i}", f"p{i}", *pair) for i, pair in enumerate(pairs)],
        {"trace_id": pl.String, "problem_id": pl.String, "prompt": pl.String, "text": pl.String},
        orient="row",
    )


def hits(rows: pl.DataFrame, *texts: str, methods: tuple[Method, ...]) -> pl.DataFrame:
    return find_hits(rows, [a_benchmark(*texts)], Contamination(methods=methods))


def test_a_shared_run_of_thirteen_words_is_a_hit_and_of_twelve_is_none() -> None:
    shown = [" ".join([*OWN[:5], *QUESTION[3 : 3 + n], *OWN[5:]]) for n in (14, 13, 12)]
    found = hits(
        rows_of(*[("own", text) for text in shown]), "x", " ".join(QUESTION), methods=("ngram",)
    )
    # 20 words have 8 runs of 13; 14 shared words hold 2 of them, 13 hold 1.
    assert found.rows() == [
        ("t0", "p0", "text", "bench.jsonl", 2, "ngram", 2 / 8, 2, " ".join(QUESTION[3:16])),
        ("t1", "p1", "text", "bench.jsonl", 2, "ngram", 1 / 8, 1, " ".join(QUESTION[3:16])),
    ]
    assert found.schema == HIT_SCHEMA


def test_case_signs_and_spacing_do_not_hide_a_run() -> None:
    hidden = "WORD0,\n" + "; ".join(QUESTION[1:])
    found = hits(rows_of((hidden, "own")), " ".join(QUESTION), methods=("ngram",))
    assert found.select("field", "overlap", "n_shared").rows() == [("prompt", 1.0, 8)]


def test_a_line_of_eight_to_twelve_words_is_looked_for_whole_and_a_shorter_one_is_not() -> None:
    nine, seven = QUESTION[:9], QUESTION[9:16]
    text = " ".join([*OWN[:3], *nine, "x", *seven])
    found = hits(
        rows_of(("own", text), ("own", " ".join(nine[:8]))),
        " ".join(seven),
        " ".join(nine),
        methods=("ngram",),
    )
    assert found.select("trace_id", "line", "overlap", "shared").rows() == [
        ("t0", 2, 1.0, " ".join(nine))
    ]


def test_a_short_line_is_found_where_the_whole_prompt_is_alike() -> None:
    rows = rows_of(("What is  2 + 2?", "own"), ("What is 2 - 2?", "own"))
    found = hits(rows, "what is 2 + 2?", methods=("exact", "ngram"))
    assert found.select("trace_id", "field", "method", "overlap", "shared").rows() == [
        ("t0", "prompt", "exact", 1.0, "what is 2 2")
    ]


def test_a_reworded_line_is_found_by_minhash_where_no_long_run_is_left() -> None:
    question = [f"word{i}" for i in range(48)]
    # Words 12, 24 and 36 changed: every run is of 12 at most; 46 shingles, 9 touched: 37 / 55.
    reworded = " ".join("new" if i in (12, 24, 36) else word for i, word in enumerate(question))
    rules = Contamination(methods=("ngram", "minhash"), threshold=0.5)
    found = find_hits(rows_of((reworded, "own")), [a_benchmark(" ".join(question))], rules)
    assert found["method"].to_list() == ["minhash"]
    # Five standard errors of sqrt(0.67 * 0.33 / 120) = 0.043.
    assert found["overlap"].item() == pytest.approx(37 / 55, abs=0.22)


def test_every_row_of_a_shared_prompt_is_listed() -> None:
    rows = rows_of(("Same question?", "a"), ("Same question?", "b"), ("Another?", None))
    found = hits(rows, "same question?", "same question?", methods=("exact",))
    assert found.select("trace_id", "line").rows() == [("t0", 1), ("t0", 2), ("t1", 1), ("t1", 2)]


@settings(deadline=None, max_examples=50)
@given(
    texts=st.lists(st.lists(st.sampled_from("abc"), max_size=14), max_size=6),
    lines=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=14), min_size=1),
)
def test_runs_are_found_exactly_where_a_search_by_hand_finds_them(
    texts: list[list[str]], lines: list[list[str]]
) -> None:
    rows = rows_of(*[("", " ".join(text)) for text in texts])
    rules = Contamination(methods=("ngram",), n_words=9)
    found = find_hits(rows, [a_benchmark(*[" ".join(line) for line in lines])], rules)

    def runs(words: list[str], n: int) -> set[tuple[str, ...]]:
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    expected = {
        (f"t{i}", j, len(runs(text, n) & runs(line, n)))
        for i, text in enumerate(texts)
        for j, line in enumerate(lines, 1)
        if (n := min(len(line), 9)) >= 8 and runs(text, n) & runs(line, n)
    }
    assert set(found.select("trace_id", "line", "n_shared").iter_rows()) == expected


def test_repeats_are_counted_inside_the_set_and_across_splits() -> None:
    clusters = pl.Series([0, 0, 0, 3, 4, 4])
    splits = pl.Series(["train", "train", "test", "train", "train", "train"])
    # Clusters of 3 and of 2: 2 + 1 rows repeat an earlier one; the first stands in two splits.
    assert repeats(clusters, splits) == (3, 2, 1)


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv", "txt"])
def test_each_kind_of_file_is_read_with_its_lines_and_hash(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"bench.{ending}"
    frame = pl.DataFrame({"id": ["1", "2", "3"], "question": ["Why, é?", "", "How?"]})
    if ending == "jsonl":
        frame.write_ndjson(path)
    elif ending == "parquet":
        frame.write_parquet(path)
    elif ending == "csv":
        frame.write_csv(path)
    else:
        path.write_text("\n".join(frame["question"]), encoding="utf-8")
    read = read_benchmark(path)
    assert read.lines.rows() == [(1, "Why, é?"), (3, "How?")]
    assert read.field == (None if ending == "txt" else "question")
    assert read.name == f"bench.{ending}"
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "field", "says"),
    [
        ("b.jsonl", b'{"question": "a"}\n{"question": ', None, r"b\.jsonl:2 is no JSON"),
        ("b.jsonl", b'{"question": "a"}\n[1]', None, r"b\.jsonl:2 is no JSON object"),
        ("b.jsonl", b'{"question": 7}', None, r"b\.jsonl:1 has no text in 'question' but a int"),
        ("b.jsonl", b'{"a": "x", "b": "y"}', None, r"usual fields of a question; it has a, b"),
        ("b.jsonl", b'{"a": "x"}\n{"b": "y"}', "a", r"b\.jsonl:2 has no field 'a'; it has b"),
        ("b.jsonl", b"\n", None, r"b\.jsonl holds no line"),
        ("b.csv", b"id,question\n1,\n", None, r"b\.csv holds no text"),
        ("b.csv", b"id,text\n1,x\n", "question", r"b\.csv has no field 'question'; it has id, te"),
        ("b.csv", b"", None, r"b\.csv cannot be read as csv"),
        ("b.parquet", b"PAR0", None, r"b\.parquet cannot be read as parquet"),
        ("b.txt", b"good\nbad \xff\n", None, r"b\.txt:2 is not UTF-8"),
        ("b.docx", b"", None, r"ends in \.jsonl, \.parquet, \.csv or \.txt"),
    ],
)
def test_a_benchmark_that_cannot_be_read_is_named_with_line_and_field(
    tmp_path: Path, name: str, content: bytes, field: str | None, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExportError, match=says):
        read_benchmark(tmp_path / name, field)


def test_a_benchmark_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"nowhere\.jsonl cannot be read: No such file"):
        read_benchmark(tmp_path / "nowhere.jsonl")
