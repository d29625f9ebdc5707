"""`contamination` on the command line: what stands twice, and what stands in a benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from curation import store as stores
from tests.builders import a_batch, a_decision, a_trace
from tests.said import Said

Curate = Callable[..., Said]

WORDS = [f"word{i}" for i in range(60)]
ASKED = " ".join(WORDS)
NEARLY = " ".join([*WORDS[:30], "other", *WORDS[31:]])


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five accepted traces: two of near prompts, two of one text, and one of neither."""
    path = tmp_path / "s.duckdb"
    monkeypatch.setenv("HEDGEROW_STORE", str(path))
    asked = ((ASKED, "One."), (NEARLY, "Two."), ("Third?", "Same."), ("Fourth?", "same. "))
    traces = [a_trace(text, prompt=prompt) for prompt, text in (*asked, ("Fifth?", "Five."))]
    with stores.open(path) as store:
        store.add(a_batch(*traces), "in1")
        for trace in traces:
            store.decide(a_decision(trace["trace_id"]))
    return path


def test_duplicates_are_counted_and_listed_by_cluster(curate: Curate, filled: Path) -> None:
    answer = curate("contamination", "--json").json
    assert answer["rows"] == 5
    repeated = {(each["field"], each["kind"]): each["n_repeated"] for each in answer["duplicates"]}
    assert repeated == {
        ("prompt", "exact"): 0, ("prompt", "near"): 1, ("text", "exact"): 1, ("text", "near"): 1,
    }  # fmt: skip
    near = [each for each in answer["clusters"] if each["field"] == "prompt"]
    assert [each["first"] == each["trace_id"] for each in near] == [True, False]
    # Near-duplicate prompts are never across splits; that is what the splits are for.
    assert [each["n_across"] for each in answer["duplicates"]][:2] == [0, 0]
    assert len({each["split"] for each in near}) == 1


def test_hits_are_listed_with_line_and_overlap(
    curate: Curate, filled: Path, tmp_path: Path
) -> None:
    bench = tmp_path / "bench.txt"
    bench.write_text(f"nothing of it\n{ASKED}\n", encoding="utf-8")
    answer = curate("contamination", bench, "--json").json
    found = {(hit["line"], hit["method"], round(hit["overlap"], 2)) for hit in answer["hits"]}
    # The near prompt shares runs of 13 on both sides of the changed word: of 48 runs those that
    # start at 0 to 17 and at 31 to 47, 18 + 17 = 35; MinHash's estimate is of 55 / 61.
    assert {(2, "exact", 1.0), (2, "ngram", 1.0), (2, "ngram", round(35 / 48, 2))} <= found
    assert [each["traces"] for each in answer["benchmarks"]] == [2]
    said = curate("contamination", bench).out
    assert "exact, minhash, ngram" in said
    assert "bench.txt" in said


def test_a_filter_and_bad_files_are_refused_or_obeyed(
    curate: Curate, filled: Path, tmp_path: Path
) -> None:
    assert curate("contamination", "--where", "prompt = 'Fifth?'", "--json").json["rows"] == 1
    refused = curate("contamination", tmp_path / "none.jsonl")
    assert refused.code == 1
    assert "none.jsonl cannot be read: No such file" in refused.err
    refused = curate("contamination", "--words", "3")
    assert refused.code == 1
    assert "n_words" in refused.err
