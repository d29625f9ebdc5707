"""How commands end: one JSON object or a text for people, an exit code, one line where they fail,
and the store as it was. What each command does is in test_commands.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from curation import __main__ as command_line
from curation import commands, student
from curation.errors import IngestError, StudentError
from curation.ingest import write_quarantine
from tests.said import Said, contents, files, first_trace, in_a_process

Curate = Callable[..., Said]


@pytest.mark.parametrize("words", [("--json", "status"), ("status", "--json")])
def test_json_is_one_object_alone_wherever_it_is_asked_for(
    curate: Curate, demo: Path, words: tuple[str, ...]
) -> None:
    assert curate(*words).json["traces"] == 12


def test_without_json_people_are_spoken_to(curate: Curate, demo: Path) -> None:
    said = curate("status")
    assert (said.code, said.err) == (0, "")
    assert "traces     12" in said.out.splitlines()


def test_the_store_may_be_named_before_and_after_the_command(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    other = demo.rename(tmp_path / "other.duckdb")
    assert curate("--store", other, "status", "--json").json["traces"] == 12
    assert curate("status", "--json", "--store", other).json["store"] == str(other)
    assert "no store at" in curate("status").error


WRONG_USE: list[tuple[str, ...]] = [
    (),
    ("nonsense",),
    ("status", "--nonsense"),
    ("status", "--sto", "x"),
    ("decide", "{trace}", "great", "--reviewer", "ada"),
    ("decide", "{trace}", "accept"),
    ("list", "--order", "nonsense"),
    ("list", "--limit", "-1"),
    ("list", "--limit", "many"),
    ("list", "--limit", "9" * 40),
    ("ingest",),
    ("ingest", "{few}", "--format", "nonsense"),
    ("ingest", "{few}", "--map", "nonsense"),
    ("ingest", "{few}", "--map", "=x"),
    ("ingest", "{few}", "--map", "prompt=a", "--map", "prompt=b"),
    ("export", "--out", "{folder}/out"),
    ("export", "--format", "nonsense", "--out", "{folder}/out"),
    ("export", "--format", "sft-messages", "--out", "{folder}/out", "--splits", "train"),
    ("export", "--format", "sft-messages", "--out", "{folder}/out", "--splits", "train=0.5"),
    ("export", "--format", "sft-messages", "--out", "{folder}/out", "--splits", "a=nan,b=1"),
    ("export", "--format", "sft-messages", "--out", "{folder}/out", "--seed", "x"),
    ("score", "--dtype", "int4"),
    ("score", "--engine", "nonsense"),
]

FAILURES: list[tuple[tuple[str, ...], str]] = [
    (("decide", "tr1_nope", "accept", "--reviewer", "ada"), "no trace tr1_nope"),
    (("decide", "{trace}", "accept", "--reviewer", "  "), "needs the reviewer's name"),
    (("decide", "{trace}", "accept", "--reviewer", "\udcff"), "not UTF-8"),
    (("undo", "--reviewer", "nobody"), "nobody has no decision to withdraw"),
    (("show", "tr1_nope"), "no trace tr1_nope"),
    (("list", "--where", "nonsense = 1"), "nonsense"),
    (("list", "--where", "teacher ="), "no SQL condition"),
    (("list", "--where", "true); delete from trace; --"), "filter"),
    (("list", "--where", "teacher::int > 1"), "Could not convert"),
    (("list", "--where", "n_words > $nonsense"), "cannot be run"),
    (("list", "--where", "(select count(*) from read_text('/etc/hostname')) > 0"), "filter"),
    (("list", "--where", "teacher = '\x1b]0;owned\x07\n'' = '\u202e'"), "\\x1b]0;owned\\x07"),
    (("leakage", "--where", "nonsense = 1"), "nonsense"),
    (("ingest", "{folder}/missing.jsonl"), "does not exist"),
    (("ingest", "{folder}/miss\x1b[2J\ning.jsonl"), "miss\\x1b[2J ing.jsonl does not exist"),
    (("ingest", "{few}", "{folder}/missing.jsonl"), "does not exist"),
    (("ingest", "{refused}", "{few}", "{empty}"), "is empty"),
    (("ingest", "{empty}"), "is empty"),
    (("ingest", "{folder}"), "folder without a dataset"),
    (("ingest", "{few}", "--map", "trace=nope"), "nope"),
    (("ingest", "{few}", "--map", "nope=prompt"), "nope"),
    (("mark", "{folder}/missing.jsonl"), "cannot be read"),
    (("mark", "{folder}"), "cannot be read"),
    (("mark", "{latin}"), "not UTF-8"),
    (("mark", "{few}"), "few.jsonl:1 has no id or no text"),
    (("export", "--format", "sft-messages", "--out", "{folder}/out"), "nothing to export"),
    (("export", "--format", "sft-messages", "--out", "{few}"), "is a file"),
    (("export", "--format", "sft-messages", "--out", "{few}/out"), "nothing to export"),
    (("export", "--format", "sft-messages", "--out", "{folder}"), "already holds files"),
    (("verify", "{folder}/missing"), "nothing at"),
    (("verify", "{folder}"), "cannot be read"),
    (("backup", "{few}"), "exists already"),
    (("backup", "{few}/copy.duckdb"), "could not be written"),
    (("bench", "nonsense"), "no benchmark 'nonsense'"),
    (("restore", "{folder}/missing"), "no backup"),
    (("restore", "{few}"), "few.jsonl is no DuckDB file"),
    (("restore", "{foreign}"), "foreign.duckdb is a DuckDB file, but not a Hedgerow store"),
]


@pytest.fixture
def places(demo: Path, tmp_path: Path) -> dict[str, str]:
    """What the words above stand for, beside a store with the demo in it."""
    few = tmp_path / "few.jsonl"
    few.write_text(json.dumps({"prompt": "Why?", "trace": "Because."}) + "\n", "utf-8")
    (tmp_path / "refused.jsonl").write_text('{"prompt": "?"}\n' + few.read_text(), "utf-8")
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": 1, "text": "\xe9"}\n')
    with duckdb.connect(str(tmp_path / "foreign.duckdb")) as connection:
        connection.execute("create table cat (name varchar)")
    return {
        "trace": first_trace(demo),
        "folder": str(tmp_path),
        "few": str(few),
        "refused": str(tmp_path / "refused.jsonl"),
        "empty": str(tmp_path / "empty.jsonl"),
        "latin": str(tmp_path / "latin.jsonl"),
        "foreign": str(tmp_path / "foreign.duckdb"),
    }


def spelled(words: tuple[str, ...], places: dict[str, str]) -> list[str]:
    return [word.format_map(places) for word in words]


@pytest.mark.parametrize("words", WRONG_USE, ids=" ".join)
def test_wrong_use_ends_with_2_one_line_and_the_store_as_it_was(
    curate: Curate, demo: Path, tmp_path: Path, places: dict[str, str], words: tuple[str, ...]
) -> None:
    before = contents(demo), files(tmp_path)
    said = curate(*spelled(words, places))
    assert said.code == 2
    assert "--help` shows the use." in said.error
    assert (contents(demo), files(tmp_path)) == before


@pytest.mark.parametrize(
    ("words", "why"), FAILURES, ids=[ascii(" ".join(words)) for words, _ in FAILURES]
)
def test_a_failure_ends_with_1_one_line_and_the_store_as_it_was(
    curate: Curate,
    demo: Path,
    tmp_path: Path,
    places: dict[str, str],
    words: tuple[str, ...],
    why: str,
) -> None:
    before = contents(demo), files(tmp_path)
    said = curate("--json", *spelled(words, places))
    assert said.code == 1
    assert said.error.startswith("error: ")
    assert why in said.error
    assert (contents(demo), files(tmp_path)) == before


NEEDS_A_STORE: list[tuple[str, ...]] = [
    ("score",),
    ("show", "tr1_x"),
    ("list",),
    ("decide", "tr1_x", "accept", "--reviewer", "ada"),
    ("undo", "--reviewer", "ada"),
    ("status",),
    ("leakage",),
    ("agreement",),
    ("export", "--format", "sft-messages", "--out", "out"),
    ("verify",),
    ("backup", "copy.duckdb"),
]


@pytest.mark.parametrize("words", NEEDS_A_STORE, ids=lambda words: words[0])
def test_a_store_that_is_missing_is_not_made_by_asking(
    curate: Curate, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert "There is no store at" in curate(*words).error
    assert files(tmp_path) == []


def test_an_ingest_of_nothing_makes_no_store(curate: Curate, tmp_path: Path) -> None:
    assert "does not exist" in curate("ingest", tmp_path / "missing.jsonl").error
    assert files(tmp_path) == []


@pytest.fixture
def held(demo: Path) -> Iterator[int]:
    """The store of the settings, held by another process without a door: its pid."""
    script = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(demo)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    holder.stdout.readline()
    yield holder.pid
    holder.communicate()


@pytest.mark.parametrize(
    "words",
    [*NEEDS_A_STORE, ("ingest", "{few}"), ("restore", "{copy}")],
    ids=lambda words: words[0],
)
def test_a_store_in_use_is_named_with_the_process_that_holds_it(
    curate: Curate,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    places: dict[str, str],
    held: int,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setattr(command_line, "PATIENCE_S", 0.0)
    monkeypatch.setattr(student, "load", _never)
    places["copy"] = str(shutil.copyfile(tmp_path / "hedgerow.duckdb", tmp_path / "copy"))
    before = files(tmp_path)
    assert f"in use by process {held}" in curate(*spelled(words, places)).error
    assert files(tmp_path) == before


def _never(*args: object, **dials: object) -> None:
    raise AssertionError("the student was loaded for nothing")


def test_a_command_waits_for_another_that_is_about_to_end(curate: Curate, demo: Path) -> None:
    script = (
        "import sys, duckdb, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        "time.sleep(0.5)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(demo)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    assert curate("status", "--json").json["traces"] == 12
    holder.communicate()


def test_a_damaged_store_is_explained_and_left_as_it_is(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    sound = demo.read_bytes()
    for why, data in {
        "no DuckDB file": b"not a database" * 1000,
        "restore FILE": sound[: len(sound) // 2],
    }.items():
        demo.write_bytes(data)
        for words in (("status",), ("list",), ("verify",), ("backup", tmp_path / "copy")):
            assert why in curate(*words).error
        assert demo.read_bytes() == data
    # A DuckDB file is three headers of 4 KiB and then blocks of 256 KiB: any of them may go bad.
    n_damaged = 0
    for start in range(3 * 4096, len(sound), 1 << 18):
        demo.write_bytes(sound[: start + 5000] + bytes(1000) + sound[start + 6000 :])
        for words in (("status",), ("verify",)):
            said = curate(*words)
            if said.code:
                n_damaged += "the file is damaged" in said.error
    assert n_damaged
    assert files(tmp_path) == ["hedgerow.duckdb"]


def test_a_folder_that_cannot_be_written_is_explained(
    curate: Curate, places: dict[str, str]
) -> None:
    few = places["few"]
    for store in ("/proc/hedgerow.duckdb", few + "/hedgerow.duckdb", places["folder"]):
        assert "could not be opened" in curate("--store", store, "ingest", few).error


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("DTYPE", "int4", "float32, bfloat16 or auto"),
        ("BACKGROUND_SCORING", "maybe", "0 or 1"),
        ("MAX_TRACE_CHARS", "-1", "whole number of 1 or more"),
        ("MAX_TRACE_CHARS", "9" * 5000, "whole number of 1 or more"),
        ("MAX_TRACE_CHARS", "\x1b[2J", "whole number of 1 or more"),
        ("STORE", "~nobody-of-this-name/h.duckdb", "no store at"),
    ],
)
def test_a_dial_turned_too_far_is_named(
    curate: Curate, monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(f"HEDGEROW_{name}", value)
    assert why in curate("status").error


def test_an_ingest_that_breaks_midway_stores_nothing_and_promises_nothing(
    curate: Curate,
    demo: Path,
    tmp_path: Path,
    places: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contents(demo), files(tmp_path)

    # After the rows are stored, the refused one cannot be written: a full disk, say.
    def full(path: Path, refusals: object) -> None:
        raise IngestError(f"The refused rows cannot be written to {path}: No space left on device.")

    monkeypatch.setattr("curation.ingest.write_quarantine", full)
    assert "No space left" in curate("ingest", places["refused"]).error
    assert (contents(demo), files(tmp_path)) == before
    # The refused row is written, and then the store cannot be: no file may speak of that run.
    monkeypatch.setattr("curation.ingest.write_quarantine", write_quarantine)
    monkeypatch.setattr("curation.store.Store.record_ingest", lambda *args, **values: full(demo, 0))
    assert "No space left" in curate("ingest", places["refused"]).error
    assert contents(demo) == before[0]
    assert [name for name in files(tmp_path) if "refused-" in name] == []


def test_a_student_that_cannot_be_loaded_changes_nothing(
    curate: Curate, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, **dials: object) -> None:
        raise StudentError(f"There is no student {name}.")

    monkeypatch.setattr(student, "load", refuse)
    before = contents(demo), files(tmp_path)
    assert "There is no student nobody" in curate("score", "--student", "nobody").error
    assert (contents(demo), files(tmp_path)) == before


def test_a_disk_that_refuses_is_explained_in_one_line(
    curate: Curate, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "/data\x1b[2J")

    monkeypatch.setitem(commands.COMMANDS, "status", refuse)
    assert "/data\\x1b[2J: No space left on device" in curate("status").error


def test_a_process_ends_with_the_code_and_its_words(demo: Path) -> None:
    assert in_a_process("status", "--json").json["traces"] == 12
    assert "invalid choice: 'nonsense'" in in_a_process("nonsense").error
    assert in_a_process("nonsense").code == 2
    assert in_a_process("show", "tr1_nope").code == 1


def test_a_quick_question_loads_no_model_library_and_no_screen(demo: Path) -> None:
    program = (
        "import sys\nfrom curation.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        "heavy = {'torch', 'transformers', 'streamlit', 'plotly', 'datasets', 'scipy'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & sys.modules.keys())))\n"
    )
    for words in (["status"], ["list", "--limit", "1"], ["agreement"]):
        said = in_a_process(*words, program=program)
        assert (said.code, said.err) == (0, "")
