"""What an exported training set promises: the right rows, the same bytes, all or nothing."""

from __future__ import annotations

import bisect
import errno
import itertools
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import orjson
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from curation import export
from curation.errors import ExportError, StoreBusy
from curation.export import files as export_files
from curation.export import folder as export_folder
from curation.export import formats
from curation.export.editions import as_taught
from curation.export.formats.everything import EVERYTHING_SCHEMA
from curation.export.scales import FIGURE_SCHEMA
from curation.export.splits import split_point
from curation.export.streaming import with_texts
from curation.export.weighted import TOKEN_SCHEMA
from curation.records import problem_id, text_hash, trace_id
from curation.store import Store, span_verdicts
from curation.store.exporting import TEXT_SCHEMA
from tests.builders import a_batch, a_decision, a_trace

HARD_TEXTS = {
    "quotes": 'a lone " and \\ and \\" and \\u0041',
    "markup": "<script>alert(1)</script> ![x](http://x.invalid/a.png) $x$ `code` **b**",
    "line ends": "a\r\nb\rc\n\n\td\x0b\x0c\x1c\x1f\x7f",
    "unicode line ends": "a\x85b\u2028c\u2029d",
    "emoji": "👩🏽‍🚀 🏴󠁧󠁢󠁷󠁬󠁳󠁿 é é",
    "right to left": "שלום \u202eabc\u202c مرحبا",
    "noncharacters": "\ufeff\ufffe\uffff\U0010ffff",
    "looks like JSON": '{"role": "user"}\n[1, 2',
    "long": "no end of it " * 15_400,
    "no spaces": "x" * 200_000,
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening an export must ask nothing of anybody."""

    def refuse(*_: object) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


class FakeStore:
    """An ExportSource over plain rows, which remembers what was recorded."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.frame = pl.DataFrame(rows, schema=export.EXPORT_SCHEMA)
        self.rows = {row["position"]: row for row in rows}
        self.recorded: list[tuple[str, str, str, int, str]] = []

    def export_rows(self, where: str | None, question: str) -> pl.DataFrame:
        assert question == "train"
        return self.frame if where is None else self.frame.sql(f"select * from self where {where}")

    def export_pairs(
        self, where: str | None, *, choices: bool = True, edits: bool = True
    ) -> pl.DataFrame:
        """Each accepted trace, chosen once over a text that nobody wanted."""
        if not choices:
            return pl.DataFrame(schema=export.PAIR_SCHEMA)
        frame = self.export_rows(where, "train").filter(pl.col("state") == "accepted")
        rows = [a_pair(self.rows[position]) for position in frame["position"]]
        return pl.DataFrame(rows, export.PAIR_SCHEMA)

    def export_texts(self, positions: list[int]) -> pl.DataFrame:
        """What stands at a position; one below 0 is that of a text which denies it."""
        rows = [
            self.rows[position]
            if position >= 0
            else {
                "position": position,
                "prompt": self.rows[-1 - position]["prompt"],
                "text": f"Not: {self.rows[-1 - position]['text']}",
            }
            for position in positions
        ]
        return pl.DataFrame(rows, TEXT_SCHEMA)

    def export_steps(self, where: str | None, question: str) -> pl.DataFrame:
        """Each trace is one step, judged good."""
        said = []
        for position in self.export_rows(where, question)["position"]:
            row = self.rows[position]
            text = row["text"]
            start, end = len(text) - len(text.lstrip()), len(text.rstrip())
            verdict = {"start": start, "end": end, "verdict": 1}
            said.append((row["trace_id"], "d", "ada", [start], [end], [verdict], [[0, 1]]))
        return pl.DataFrame(said, schema=export.STEPS_SCHEMA, orient="row")

    def export_directives(self, where: str | None, question: str) -> pl.DataFrame:
        """The directive on each trace is its own text."""
        said = [self.rows[position] for position in self.export_rows(where, question)["position"]]
        return pl.DataFrame(
            [(row["trace_id"], [row["text"]], ["d"], ["ada"]) for row in said],
            schema=export.DIRECTIVES_SCHEMA,
            orient="row",
        )

    def export_everything(self, where: str | None, question: str) -> pl.DataFrame:
        """Nothing is known beside what stands in the rows."""
        kept = self.export_rows(where, question).select("trace_id")
        return kept.with_columns(pl.lit(None, k).alias(n) for n, k in EVERYTHING_SCHEMA.items())

    def export_references(self) -> pl.DataFrame:
        return pl.DataFrame(schema=export.REFERENCES_SCHEMA)

    def span_verdicts(self, question: str) -> pl.DataFrame:
        return pl.DataFrame(schema=span_verdicts.SCHEMA)

    def export_token_evidence(self, trace_ids: Sequence[str]) -> pl.DataFrame:
        return pl.DataFrame(schema=TOKEN_SCHEMA)

    def export_token_counts(self, trace_ids: Sequence[str]) -> dict[str, int]:
        return dict.fromkeys(("scored", "gain_of_context", "gain_of_reference", "hedges"), 0)

    def export_states(self, where: str | None) -> pl.DataFrame:
        return self.export_rows(where, "train").select("trace_id", "state")

    def export_figures(self) -> pl.DataFrame:
        """Nothing is known of any trace but what stands in its row."""
        there = [pl.col(n) for n in FIGURE_SCHEMA if n in self.frame.columns]
        unknown = [
            pl.lit(False if n == "is_edit" else None, kind).alias(n)
            for n, kind in FIGURE_SCHEMA.items()
            if n not in self.frame.columns
        ]
        return self.frame.select(*there, *unknown).select(*FIGURE_SCHEMA)

    def export_prompts(self) -> pl.DataFrame:
        asked = [(row["problem_id"], row["prompt"], at) for at, row in self.rows.items()]
        schema = {"problem_id": pl.String, "prompt": pl.String, "position": pl.Int64}
        return pl.DataFrame(asked, schema, orient="row")

    def export_columns(self, columns: Sequence[str]) -> pl.DataFrame:
        there = [name for name in columns if name in self.frame.columns]
        return self.frame.select("trace_id", *there)

    def export_context(self) -> dict[str, object]:
        return {"schema": "0001_core.sql", "lexicon_id": None, "conventions": []}

    def record_export(
        self, export_id: str, format: str, out: str, n_rows: int, manifest: str
    ) -> None:
        self.recorded.append((export_id, format, out, n_rows, manifest))


def a_row(
    position: int = 0,
    *,
    problem: int | None = None,
    state: str = "accepted",
    text: str | None = None,
    prompt: str | None = None,
    teacher: str = "a-teacher",
    licence: str | None = "CC0-1.0",
) -> dict[str, Any]:
    """A trace as a store hands it over; by default each is on a problem of its own."""
    group = str(position if problem is None else problem)
    asked = f"What is {group}?" if prompt is None else prompt
    said = f"Let me see: trace {position}. It is {group}." if text is None else text
    pid = problem_id(asked, group)
    decided = state != "undecided"
    return {
        "trace_id": trace_id(pid, asked, teacher, "unguided", None, said),
        "problem_id": pid,
        "prompt": asked,
        "domain": "counting",
        "teacher": teacher,
        "teacher_family": None,
        "teacher_context": "unguided",
        "text": said,
        "text_hash": text_hash(said),
        "is_correct": None,
        "source": "written here",
        "licence": licence,
        "state": state,
        "decision_ids": [f"d{position}"] if decided else [],
        "reviewers": ["ada"] if decided else [],
        "position": position,
    }


def a_pair(row: Mapping[str, Any], **votes: int) -> dict[str, Any]:
    """A pair as a store hands it over: `row` first, behind it a text that denies it."""
    denied = f"Not: {row['text']}"
    other = {"trace_id": f"{row['trace_id']}-2", "text": denied, "position": -1 - row["position"]}
    sides = {"first": row, "second": {**row, **other}}
    return {
        **{
            f"{side}_{name}": trace.get(name)
            for side, trace in sides.items()
            for name in ("prompt", "position", "teacher", "teacher_context", "source", "licence")
        },
        **{f"{side}_id": trace["trace_id"] for side, trace in sides.items()},
        **{f"{side}_text_hash": text_hash(trace["text"]) for side, trace in sides.items()},
        **{name: row[name] for name in ("problem_id", "domain", "decision_ids", "reviewers")},
        "n_first": 1, "n_second": 0, "n_tie": 0, "n_flag": 0, "n_edits": 0, **votes,
    }  # fmt: skip


def a_store(n_problems: int = 20, per_problem: int = 2) -> FakeStore:
    return FakeStore(
        [a_row(i, problem=i % n_problems) for i in range(n_problems * per_problem)],
    )


def bytes_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def rows_of(manifest: export.Manifest) -> dict[str, list[dict[str, Any]]]:
    """The exported rows by split, read without our own reader."""
    rows = {}
    for each in manifest.files:
        path = manifest.path.parent / each.path
        if each.path.endswith(".jsonl"):
            lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
            rows[each.split or ""] = [json.loads(line) for line in lines]
        elif each.path.endswith(".parquet"):
            rows[each.split or ""] = pq.read_table(path).to_pylist()
    return rows


# What is in it


@pytest.mark.parametrize("files", export.FILE_TYPES)
def test_messages_hold_the_prompt_and_the_trace_and_where_they_come_from(
    tmp_path: Path, files: export_files.FileType
) -> None:
    row = a_row(text="Hmm, 2.", prompt="1 + 1?", teacher="t")
    manifest = export.write(
        FakeStore([row]),
        format="sft-messages",
        out=tmp_path / "x",
        splits={"all_of_it": 1},
        files=files,
    )
    assert rows_of(manifest) == {
        "all_of_it": [
            {
                "messages": [
                    {"role": "user", "content": "1 + 1?"},
                    {"role": "assistant", "content": "Hmm, 2."},
                ],
                "trace_id": row["trace_id"],
                "problem_id": row["problem_id"],
                "teacher": "t",
                "teacher_context": "unguided",
                "is_edited": False,
                "original_trace_id": row["trace_id"],
                "edit_decision_id": "",
            }
        ]
    }


def test_prompt_and_completion_are_message_lists(tmp_path: Path) -> None:
    manifest = export.write(
        FakeStore([a_row(text="Hmm, 2.", prompt="1 + 1?")]),
        format="sft-prompt-completion",
        out=tmp_path / "x",
    )
    (row,) = rows_of(manifest)["train"]
    assert row["prompt"] == [{"role": "user", "content": "1 + 1?"}]
    assert row["completion"] == [{"role": "assistant", "content": "Hmm, 2."}]


def texts_in(value: object) -> list[str]:
    """Every text in a loaded row, however deep."""
    if isinstance(value, Mapping):
        return texts_in(list(value.values()))
    if isinstance(value, list):
        return [text for each in value for text in texts_in(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("files", export.FILE_TYPES)
@pytest.mark.parametrize("format", export.FORMATS)
def test_hard_texts_come_back_through_load_dataset_as_they_were(
    tmp_path: Path, files: export_files.FileType, format: str
) -> None:
    state = "rejected" if formats.rows_of(format) == "rejected" else "accepted"
    rows = [
        a_row(i, text=text, prompt=f"{text[:500]}?", state=state)
        for i, text in enumerate(HARD_TEXTS.values())
    ]
    export.write(FakeStore(rows), format=format, out=tmp_path / "a set", files=files)
    loaded = datasets.load_dataset(str(tmp_path / "a set"), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "validation"}
    found = {row["trace_id"]: row for split in loaded.values() for row in split}
    assert len(found) == len(rows)
    for row in rows:
        got = found[row["trace_id"]]
        said = dict(formats.traces_of(got, format))
        # Steps and directives carry no white space at their ends; a prompt stands for its trace.
        whole = row["prompt"] if format == "distillation" else row["text"]
        assert said[row["trace_id"]] == (
            whole.strip()
            if formats.rows_of(format) in ("stepwise", "privileged", "judgements")
            else whole
        )
        if formats.rows_of(format) == "pairs":
            assert said[got["rejected_id"]] == f"Not: {row['text']}"
        assert any(text.startswith(row["prompt"]) for text in texts_in(got))
        assert got["teacher"] == row["teacher"]
    assert export.verify_export(tmp_path / "a set").broken == []


def test_split_names_of_ones_own_open_too(tmp_path: Path) -> None:
    export.write(
        a_store(), format="sft-messages", out=tmp_path / "x", splits={"gold_2": 0.5, "rest": 0.5}
    )
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"gold_2", "rest"}


def test_rows_keep_the_order_in_which_traces_were_added(tmp_path: Path) -> None:
    rows = [a_row(i) for i in range(30)]
    manifest = export.write(
        FakeStore(rows[::-1]), format="sft-messages", out=tmp_path / "x", splits={"train": 1}
    )
    assert [row["trace_id"] for row in rows_of(manifest)["train"]] == [
        row["trace_id"] for row in rows
    ]


@given(chunk_rows=st.integers(1, 7), chunk_bytes=st.integers(1, 400))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_how_much_is_written_at_a_time_changes_no_line(
    tmp_path: Path, chunk_rows: int, chunk_bytes: int
) -> None:
    store = a_store(5, 3)
    counted: list[int] = []

    def written(files: export_files.FileType) -> Path:
        writing = export_files.Writing()
        with export_files.Shards(
            tmp_path, "x", "sft-messages", files, writing, counted.append
        ) as shards:
            for batch in with_texts(store, as_taught(store.frame)):
                shards.add(batch)
            (shard,) = shards.finish()
        assert shard.n_rows == store.frame.height
        return shard.path

    with pytest.MonkeyPatch.context() as patch:
        whole = written("jsonl").read_bytes()
        patch.setattr(export_files, "CHUNK_ROWS", chunk_rows)
        patch.setattr(export_files, "CHUNK_BYTES", chunk_bytes)
        assert written("jsonl").read_bytes() == whole
        parquet = written("parquet")
    assert sum(counted) == 3 * store.frame.height
    assert pq.read_table(parquet).to_pylist() == [orjson.loads(line) for line in whole.splitlines()]


# What is left out


def test_only_accepted_traces_are_exported_and_the_others_are_counted(tmp_path: Path) -> None:
    # 7 accepted; 1 rejected, 2 disputed, 3 flagged, 4 skipped, 5 undecided.
    counts = dict(zip(export.STATES, (7, 1, 2, 3, 4, 5), strict=True))
    states = [state for state, n in counts.items() for _ in range(n)]
    store = FakeStore([a_row(i, state=state) for i, state in enumerate(states)])
    shown = export.preview(store)
    manifest = export.write(store, format="sft-messages", out=tmp_path / "x")
    assert shown.states == counts
    assert shown.left_out == {state: n for state, n in counts.items() if state != "accepted"}
    assert shown.rows == manifest.rows
    assert sum(shown.rows.values()) == 7
    record = json.loads(manifest.path.read_text())
    assert (record["states"], record["left_out"]) == (shown.states, shown.left_out)
    exported = {row["trace_id"] for rows in rows_of(manifest).values() for row in rows}
    assert exported == set(store.frame.filter(pl.col("state") == "accepted")["trace_id"])


def test_the_filter_bounds_what_is_exported_and_what_is_counted(tmp_path: Path) -> None:
    store = FakeStore([a_row(i, state="accepted" if i % 2 else "rejected") for i in range(20)])
    manifest = export.write(store, format="sft-messages", out=tmp_path / "x", where="position < 10")
    assert sum(manifest.rows.values()) == 5
    assert manifest.record["left_out"] == {"rejected": 5}


@pytest.mark.parametrize(
    ("store", "where", "says"),
    [
        (FakeStore([]), None, "holds no traces"),
        (a_store(), "position < 0", "no trace passes the filter 'position < 0'"),
        (
            FakeStore([a_row(0, state="rejected"), a_row(1, state="undecided")]),
            None,
            r"of the 2 traces none is accepted \(1 rejected, 1 undecided\)",
        ),
    ],
)
def test_an_empty_export_is_refused_with_the_reason_and_the_counts(
    tmp_path: Path, store: FakeStore, where: str | None, says: str
) -> None:
    with pytest.raises(ExportError, match=says) as refused:
        export.write(store, format="sft-messages", out=tmp_path / "x", where=where)
    assert export.preview(store, where=where).refusal == str(refused.value)
    assert list(tmp_path.iterdir()) == []
    assert store.recorded == []


def test_a_text_that_is_not_what_was_decided_on_is_not_exported(tmp_path: Path) -> None:
    store = FakeStore([a_row() | {"text": "something else"}])
    with pytest.raises(ExportError, match="does not match its hash"):
        export.write(store, format="sft-messages", out=tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


# Splits


def test_splits_are_read_in_order() -> None:
    parsed = export.parse_splits(" validation = .25, train=0.7,test=0.05 ")
    assert list(parsed.items()) == [("validation", 0.25), ("train", 0.7), ("test", 0.05)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("train", "'train'"),
        ("train=", "'train='"),
        ("train=x", "'train=x'"),
        ("train=nan", "'train=nan'"),
        ("train=1,", "cannot be read at ''"),
        ("train=0.5,train=0.5", "named twice"),
        ("train=0.5,validation=0.4", r"add up to 0\.9"),
        ("train=1.1,validation=-0.1", "above 0"),
        ("train=1,validation=0", "above 0"),
        ("train=inf", "above 0"),
        ("../train=1", "cannot name a split"),
        ("Train=1", "cannot name a split"),
        ("tr ain=1", "cannot name a split"),
        ("all=1", "cannot name a split"),
        ("manifest=1", "cannot name a split"),
        (f"{'a' * 41}=1", "cannot name a split"),
        ("café=1", "cannot name a split"),
    ],
)
def test_splits_that_make_no_sense_are_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ExportError, match=says):
        export.parse_splits(text)


def test_a_share_that_floats_cannot_hold_exactly_is_taken() -> None:
    # 3 * 0.3333333 = 0.9999999, within 1e-6 of 1.
    assert set(export.parse_splits("a=0.3333333,b=0.3333333,c=0.3333333")) == {"a", "b", "c"}


weights = st.lists(st.integers(1, 20), min_size=1, max_size=5)
problem_names = st.sets(st.text("abcdef0123456789", min_size=1, max_size=6), max_size=60)


def shares_of(parts: list[int]) -> dict[str, float]:
    return {f"s{i}": part / sum(parts) for i, part in enumerate(parts)}


@given(problems=problem_names, parts=weights, seed=st.integers())
def test_every_problem_has_one_split_and_no_split_starves(
    problems: set[str], parts: list[int], seed: int
) -> None:
    shares = shares_of(parts)
    assigned = export.assign_splits(problems, shares, seed)
    assert set(assigned) == problems
    assert set(assigned.values()) <= set(shares)
    assert len(set(assigned.values())) == min(len(problems), len(shares))


@given(problems=problem_names, more=problem_names, parts=weights, seed=st.integers())
def test_adding_data_moves_no_problem_once_every_split_fills_by_itself(
    problems: set[str], more: set[str], parts: list[int], seed: int
) -> None:
    shares = shares_of(parts)
    bounds = list(itertools.accumulate(shares.values()))[:-1]
    by_point = {
        problem: list(shares)[bisect.bisect_right(bounds, split_point(seed, problem))]
        for problem in problems
    }
    assume(set(by_point.values()) == set(shares))
    after = export.assign_splits(problems | more, shares, seed)
    assert export.assign_splits(problems, shares, seed) == by_point
    assert {problem: after[problem] for problem in problems} == by_point


def test_another_seed_deals_the_problems_anew() -> None:
    problems = [f"p{i}" for i in range(200)]
    first = export.assign_splits(problems, export.DEFAULT_SPLITS, 0)
    assert first != export.assign_splits(problems, export.DEFAULT_SPLITS, 1)
    # 200 draws at 0.1: 20 expected, sd sqrt(200 * 0.1 * 0.9) = 4.2; 5 sd on either side.
    assert 0 <= sum(split == "validation" for split in first.values()) <= 41


@pytest.mark.parametrize("seed", range(5))
def test_two_problems_fill_two_splits_and_one_goes_to_the_largest(
    tmp_path: Path, seed: int
) -> None:
    two, one = a_store(2, 3), a_store(1, 3)
    assert min(export.preview(two, seed=seed).rows.values()) == 3
    shown = export.preview(one, seed=seed)
    assert shown.rows == {"train": 3, "validation": 0}
    assert "validation stays empty" in shown.notes[0]
    manifest = export.write(one, format="sft-messages", out=tmp_path / "x", seed=seed)
    assert {path.name for path in manifest.path.parent.iterdir()} == {
        "train.jsonl",
        "README.md",
        "manifest.json",
    }
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train"}


def test_no_problem_stands_in_two_splits(tmp_path: Path) -> None:
    store = a_store(n_problems=40, per_problem=5)
    manifest = export.write(
        store, format="sft-messages", out=tmp_path / "x", splits={"a": 0.4, "b": 0.3, "c": 0.3}
    )
    problems = [{row["problem_id"] for row in rows} for rows in rows_of(manifest).values()]
    assert sum(map(len, problems)) == len(set.union(*problems)) == 40
    assert all(n % 5 == 0 for n in manifest.rows.values())


# Same inputs, same bytes


@pytest.mark.parametrize("files", export.FILE_TYPES)
def test_the_same_export_twice_gives_the_same_bytes(
    tmp_path: Path, files: export_files.FileType
) -> None:
    store = a_store()
    for name in ("once", "twice"):
        export.write(store, format="sft-messages", out=tmp_path / name, seed=3, files=files)
    assert bytes_of(tmp_path / "once") == bytes_of(tmp_path / "twice")
    once, twice = store.recorded
    assert once[4] == twice[4] == (tmp_path / "once" / "manifest.json").read_text()
    assert once[0] != twice[0]


def test_one_changed_decision_changes_its_file_and_the_record_alone(tmp_path: Path) -> None:
    rows = [a_row(i) for i in range(40)]
    before = export.write(FakeStore(rows), format="sft-messages", out=tmp_path / "before")
    dropped = rows_of(before)["train"][0]["trace_id"]
    for row in rows:
        if row["trace_id"] == dropped:
            row["state"] = "rejected"
    after = export.write(FakeStore(rows), format="sft-messages", out=tmp_path / "after")
    assert rows_of(after)["train"] == rows_of(before)["train"][1:]
    hashes = [{each.path: each.sha256 for each in m.files} for m in (before, after)]
    assert hashes[0]["validation.jsonl"] == hashes[1]["validation.jsonl"]
    assert before.record["source_sha256"] != after.record["source_sha256"]
    assert set(before.record["decisions"]["ids"]) - set(after.record["decisions"]["ids"]) == {  # type: ignore[index]
        f"d{next(i for i, row in enumerate(rows) if row['trace_id'] == dropped)}"
    }


def test_what_was_written_is_recorded_with_an_id_that_can_be_derived_again(tmp_path: Path) -> None:
    store = a_store()
    manifest = export.write(store, format="sft-messages", out=tmp_path / "x")
    text = manifest.path.read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(manifest.record))
    out = str(tmp_path / "x")
    assert store.recorded == [(export.export_id(out, text), "sft-messages", out, 40, text)]


def test_progress_counts_the_rows_up_to_all_of_them(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export.write(
        a_store(),
        format="sft-messages",
        out=tmp_path / "x",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == sorted(seen)
    assert seen[-1] == (40, 40)


def test_the_card_shows_foreign_words_as_code_and_never_as_markup(tmp_path: Path) -> None:
    teacher = "`![x](http://x.invalid/a.png)`\n---\n# Mine " + "y" * 100
    store = FakeStore([a_row(teacher=teacher, licence="a b\nc: d")])
    export.write(store, format="sft-messages", out=tmp_path / "x", where="teacher <> '`'")
    card = (tmp_path / "x" / "README.md").read_text(encoding="utf-8")
    head, body = card.removeprefix("---\n").split("\n---\n", 1)
    assert "license: other" in head.splitlines()
    (line,) = [line for line in body.splitlines() if "x.invalid" in line]
    assert line.startswith("- `'![x](")
    assert line.endswith("…`: 1")
    assert line.count("`") == 2
    assert "Filter: `teacher <> '''`." in body


# All or nothing


def existing(tmp_path: Path) -> dict[str, bytes]:
    """An earlier export at `tmp_path/x`."""
    export.write(a_store(3), format="sft-messages", out=tmp_path / "x", seed=99)
    return bytes_of(tmp_path / "x")


def test_an_existing_folder_is_not_touched_unasked(tmp_path: Path) -> None:
    before = existing(tmp_path)
    store = a_store()
    with pytest.raises(ExportError, match="already holds files"):
        export.write(store, format="sft-messages", out=tmp_path / "x")
    assert bytes_of(tmp_path / "x") == before
    assert store.recorded == []


def test_an_earlier_export_is_replaced_whole_when_asked(tmp_path: Path) -> None:
    existing(tmp_path)
    export.write(
        a_store(), format="sft-messages", out=tmp_path / "x", overwrite=True, files="parquet"
    )
    assert set(bytes_of(tmp_path / "x")) == {
        "train.parquet",
        "validation.parquet",
        "README.md",
        "manifest.json",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert export.verify_export(tmp_path / "x").broken == []


@pytest.mark.parametrize("stranger", ["notes.txt", ".git", "manifest.json"])
def test_overwriting_never_takes_files_that_are_not_ours(tmp_path: Path, stranger: str) -> None:
    if stranger == "manifest.json":
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / stranger).write_text("{}")
    else:
        existing(tmp_path)
        (tmp_path / "x" / stranger).write_text("mine")
    before = bytes_of(tmp_path / "x")
    with pytest.raises(ExportError, match=f"no part of an export.*{stranger}"):
        export.write(a_store(), format="sft-messages", out=tmp_path / "x", overwrite=True)
    assert bytes_of(tmp_path / "x") == before


def test_an_empty_folder_and_missing_parents_are_fine(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    export.write(a_store(), format="sft-messages", out=tmp_path / "empty")
    export.write(a_store(), format="sft-messages", out=tmp_path / "a b" / "c" / "d")
    assert bytes_of(tmp_path / "empty") == bytes_of(tmp_path / "a b" / "c" / "d")


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(ExportError, match="is a file"):
        export.write(a_store(), format="sft-messages", out=tmp_path / "x", overwrite=True)
    with pytest.raises(ExportError, match="could not be written"):
        export.write(a_store(), format="sft-messages", out=tmp_path / "x" / "y")
    assert (tmp_path / "x").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "sft-message"}, "no format 'sft-message'.*sft-messages, sft-prompt-completion"),
        ({"format": "sft-messages", "files": "csv"}, "no file type 'csv'.*jsonl or parquet"),
        ({"format": "sft-messages", "splits": {}}, "No split is named"),
        ({"format": "sft-messages", "splits": {"train": 0.5}}, "add up to 0.5"),
        ({"format": "sft-messages", "out": "/"}, "cannot be an export"),
    ],
)
def test_options_that_make_no_sense_write_nothing(
    tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ExportError, match=says):
        export.write(a_store(), **({"out": tmp_path / "x"} | options))
    assert list(tmp_path.iterdir()) == []


def full_disk(fails_at: int) -> Callable[[int], None]:
    """An fsync that finds the disk full at its `fails_at`-th call (from 0)."""
    calls = iter(range(1_000))
    real = os.fsync

    def fsync(handle: int) -> None:
        if next(calls) == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    return fsync


@pytest.mark.parametrize("files", export.FILE_TYPES)
@pytest.mark.parametrize("fails_at", range(6))
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_leaves_everything_as_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: export_files.FileType,
    fails_at: int,
    overwrite: bool,
) -> None:
    # Six calls: two data files, the card, the manifest, the new folder, the folder around it.
    before = existing(tmp_path) if overwrite else None
    store = a_store()
    monkeypatch.setattr(os, "fsync", full_disk(fails_at))
    with pytest.raises(ExportError, match="No space left on device"):
        export.write(
            store,
            format="sft-messages",
            out=tmp_path / "x" if overwrite else tmp_path / "made" / "here" / "x",
            overwrite=overwrite,
            files=files,
        )
    if before is None:
        assert list(tmp_path.iterdir()) == []
    else:
        assert [path.name for path in tmp_path.iterdir()] == ["x"]
        assert bytes_of(tmp_path / "x") == before
    assert store.recorded == []


@pytest.mark.parametrize("files", export.FILE_TYPES)
def test_a_real_refusal_of_the_file_system_is_explained(
    tmp_path: Path, files: export_files.FileType
) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = FakeStore([a_row(i, text=os.urandom(200_000).hex()) for i in range(4)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ExportError, match="File too large"):
            export.write(store, format="sft-messages", out=tmp_path / "x", files=files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_export_that_the_store_cannot_record_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    before = existing(tmp_path) if overwrite else None
    store = a_store()

    def busy(*_: object) -> None:
        assert export.verify_export(tmp_path / "x").broken == []
        raise StoreBusy("another process holds the store")

    monkeypatch.setattr(store, "record_export", busy)
    with pytest.raises(StoreBusy):
        export.write(store, format="sft-messages", out=tmp_path / "x", overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ([] if before is None else ["x"])
    assert before is None or bytes_of(tmp_path / "x") == before


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.write(a_store(), format="sft-messages", out=tmp_path / "x", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def meanwhile(done: int, total: int) -> None:
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "x" / "theirs").write_text("keep")

    with pytest.raises(ExportError, match="not empty"):
        export.write(a_store(), format="sft-messages", out=tmp_path / "x", progress=meanwhile)
    assert bytes_of(tmp_path / "x") == {"theirs": b"keep"}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_parent_that_somebody_uses_meanwhile_stays(tmp_path: Path) -> None:
    def fail_beside_a_stranger() -> None:
        with export_folder.building(tmp_path / "a" / "x"):
            (tmp_path / "a" / "theirs").write_text("keep")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_beside_a_stranger()
    assert bytes_of(tmp_path / "a") == {"theirs": b"keep"}


# Verification


@pytest.fixture(params=export.FILE_TYPES)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    out = tmp_path / "x"
    export.write(a_store(), format="sft-prompt-completion", out=out, files=request.param)
    return out


def test_an_untouched_export_verifies_wherever_it_is_moved(written: Path) -> None:
    # Three files, the rows of two splits, problems in two splits, two hashes: 3 + 2 + 1 + 2.
    moved = written.rename(written.with_name("moved"))
    assert export.verify_export(moved) == (8, [])
    assert export.verify_export(moved / "manifest.json") == (8, [])


@pytest.mark.parametrize("name", ["train", "validation", "README"])
def test_any_changed_byte_is_found(written: Path, name: str) -> None:
    (path,) = written.glob(f"{name}.*")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    broken = export.verify_export(written).broken
    assert any(item.startswith(path.name) for item in broken)


def test_a_missing_and_a_foreign_file_are_found(written: Path) -> None:
    next(written.glob("train.*")).rename(written / "extra")
    broken = export.verify_export(written).broken
    assert any(item.startswith("extra stands in the folder") for item in broken)
    assert any(item.startswith("train.") and "cannot be read" in item for item in broken)
    assert any(item.startswith("the rows of train is 0") for item in broken)


def rewrite_manifest(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = directory / "manifest.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda record: record["decisions"]["ids"].pop(), "hash of the decisions"),
        (lambda record: record.update(source_sha256="0"), "hash of the source rows"),
        (lambda record: record["rows"].update(train=1), "rows of train"),
        (lambda record: record["files"][0].update(path="../x"), "leads out of the folder"),
        (lambda record: record.pop("rows"), "is damaged"),
        (lambda record: record.update(files=7), "is damaged"),
        (lambda record: record["files"].append({"path": "y"}), "is damaged"),
        (lambda record: record.update(format="?"), "is damaged"),
        (lambda record: record.pop("kind"), "no manifest of an export"),
    ],
)
def test_a_manifest_that_was_tampered_with_is_found(
    written: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    rewrite_manifest(written, change)
    assert any(says in item for item in export.verify_export(written).broken)


def test_a_problem_in_two_splits_is_found_even_if_all_hashes_fit(tmp_path: Path) -> None:
    export.write(a_store(), format="sft-messages", out=tmp_path / "x")
    train, validation = tmp_path / "x" / "train.jsonl", tmp_path / "x" / "validation.jsonl"
    lines = train.read_bytes().splitlines(keepends=True)
    train.write_bytes(b"".join(lines[1:]))
    validation.write_bytes(validation.read_bytes() + lines[0])

    def fit(record: dict[str, Any]) -> None:
        record["rows"]["train"] -= 1
        record["rows"]["validation"] += 1
        for each in record["files"]:
            described = export.manifest.describe_file(
                tmp_path / "x" / each["path"], each["split"], each["rows"]
            )
            each.update(described._asdict())

    rewrite_manifest(tmp_path / "x", fit)
    torn = json.loads(lines[0])["problem_id"]
    assert export.verify_export(tmp_path / "x").broken == [f"{torn} stands in two splits"]


def test_verifying_what_is_no_export_says_so(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="No such file.*name the folder of an export"):
        export.verify_export(tmp_path)
    (tmp_path / "manifest.json").write_text('{"kind": "hedgerow-export-99"}')
    with pytest.raises(ExportError, match="hedgerow-export-99"):
        export.verify_export(tmp_path)
    (tmp_path / "manifest.json").write_text('{"kind": "hedge')
    assert "no manifest of an export" in export.verify_export(tmp_path).broken[0]


# With the store itself


def test_what_people_decided_in_the_store_is_what_is_exported(tmp_path: Path, store: Store) -> None:
    traces = [a_trace(f"Thought {i}.", prompt=f"{i}?") for i in range(8)]
    ids = [trace["trace_id"] for trace in traces]
    store.add(a_batch(*traces), "in1")
    kept = [store.decide(a_decision(ids[i])).decision_id for i in (0, 1, 2)]
    for trace, verdict in ((3, "reject"), (4, "flag"), (5, "skip"), (6, "accept")):
        store.decide(a_decision(ids[trace], verdict))
    store.decide(a_decision(ids[6], "reject", reviewer="grace"))
    store.decide(a_decision(ids[7]))
    store.undo("ada")

    assert dict(store.export_rows().select(list(export.EXPORT_SCHEMA)).schema) == (
        export.EXPORT_SCHEMA
    )
    manifest = export.write(store, format="sft-messages", out=tmp_path / "x")
    exported = {row["trace_id"]: row for rows in rows_of(manifest).values() for row in rows}
    assert {trace: row["messages"][1]["content"] for trace, row in exported.items()} == {
        ids[i]: f"Thought {i}." for i in (0, 1, 2)
    }
    assert manifest.record["left_out"] == {
        "rejected": 1,
        "disputed": 1,
        "flagged": 1,
        "skipped": 1,
        "undecided": 1,
    }
    assert manifest.record["decisions"]["ids"] == sorted(kept)  # type: ignore[index]
    assert manifest.record["reviewers"] == {"ada": 3}
    assert store.exports()["export_id"].to_list() == [manifest.export_id]

    again = export.write(store, format="sft-messages", out=tmp_path / "y")
    assert bytes_of(tmp_path / "x") == bytes_of(tmp_path / "y")
    assert again.path.read_text() == manifest.path.read_text()


# A recipe


def test_a_recipe_and_its_options_by_name_write_the_same(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "format": "sft-prompt-completion",
        "where": "position < 30",
        "seed": 4,
    }
    export.write(a_store(), export.recipe_from(options), out=tmp_path / "recipe")
    export.write(a_store(), **options, out=tmp_path / "options")
    assert bytes_of(tmp_path / "recipe") == bytes_of(tmp_path / "options")
    with pytest.raises(TypeError, match=r"either a recipe or options by name.*seed"):
        export.write(a_store(), export.Recipe(), seed=4, out=tmp_path / "x")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sed": 3}, r"no field 'sed' \(did you mean 'seed'\? there are format, where"),
        ({"seed": "three"}, r'seed is "three", expected a valid integer'),
        ({"splits": {"train": "most"}}, r'splits\.train is "most", expected a valid number'),
        ({"splits": 1}, r"splits is 1, expected an object"),
    ],
)
def test_an_option_that_cannot_be_is_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ExportError, match=says):
        export.recipe_from(options)
