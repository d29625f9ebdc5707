"""What each command does and answers, as design's `interface.md` lists it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import hedging, lexicons
from curation.records import PROFILE_COLUMNS, STANDARD, Marker
from curation.settings import ROOT
from tests.fakes import FakeStudent
from tests.said import Said, contents, files, first_trace

Curate = Callable[..., Said]
DEMO = ROOT / "data/demo/traces.jsonl"
MARKER_KEYS = {*Marker._fields, *hedging.Reading._fields}


CONTRACT: list[tuple[tuple[str, ...], str]] = [
    (
        ("ingest", str(DEMO)),
        "read new duplicate rejected problems traces format quarantine",
    ),
    (
        ("score", "--limit", "2"),
        "student scored failed n_tokens seconds tokens_per_second",
    ),
    (("mark", "{lines}"), "items"),
    (
        ("show", "{trace}"),
        "trace problem tokens profile markers steps decisions convention",
    ),
    (("list",), "items"),
    (("decide", "{trace}", "accept", "--reviewer", "ada"), "decision_id trace_id verdict"),
    (("undo", "--reviewer", "ada"), "withdrawn"),
    (
        ("status",),
        "problems traces scored decided accepted rejected flagged skipped reviewers students",
    ),
    (("leakage",), "contexts"),
    (("agreement",), "n_items n_reviewers alpha alpha_ci kappa percent"),
    (
        ("export", "--format", "sft-messages", "--out", "{folder}/out", "--splits", "train=1"),
        "format rows files manifest",
    ),
    (("verify",), "checked broken"),
    (("verify", "{folder}/out"), "checked broken"),
    (("backup", "{folder}/copy.duckdb"), "bytes sha256"),
    (("restore", "{folder}/copy.duckdb"), "bytes sha256"),
]


@pytest.mark.usefixtures("fake")
def test_every_command_answers_with_the_keys_of_the_contract(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"id": "a", "text": "Maybe."}\n', "utf-8")
    places = {"lines": lines, "folder": tmp_path, "trace": first_trace(demo)}
    for words, keys in CONTRACT:
        if words[0] == "export":
            assert curate("decide", places["trace"], "accept", "--reviewer", "bo").code == 0
        answer = curate("--json", *(word.format_map(places) for word in words)).json
        assert set(keys.split()) <= answer.keys(), words


def test_ingest_counts_what_is_new_and_stores_it_once(curate: Curate, tmp_path: Path) -> None:
    first = curate("ingest", DEMO, "--json").json
    # The demo: 48 problems, each with a trace of three teacher contexts.
    assert (first["read"], first["new"], first["problems"], first["traces"]) == (144, 144, 48, 144)
    assert (first["duplicate"], first["rejected"], first["quarantine"]) == (0, 0, None)
    assert first["format"] == "native"
    before = contents(tmp_path / "hedgerow.duckdb")
    again = curate("ingest", DEMO, DEMO, "--json").json
    assert (again["read"], again["new"], again["duplicate"], again["traces"]) == (288, 0, 288, 144)
    after = contents(tmp_path / "hedgerow.duckdb")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"ingest", "identity_audit"}


def test_a_refused_row_can_be_mended_in_its_quarantine_and_ingested(
    curate: Curate, tmp_path: Path
) -> None:
    source = tmp_path / "rows.jsonl"
    rows: list[dict[str, Any]] = [{"prompt": "Why?", "trace": "So."}, {"prompt": "How?"}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    answer = curate("ingest", source, "--json").json
    assert (answer["read"], answer["new"], answer["rejected"]) == (2, 1, 1)
    assert answer["refusals"][0] | {"reason": ""} == {
        "origin": "rows.jsonl", "line": 2, "field": "trace", "reason": "",
    }  # fmt: skip
    quarantine = Path(answer["quarantine"])
    refusal = json.loads(quarantine.read_text("utf-8"))
    ingests = contents(tmp_path / "hedgerow.duckdb")["ingest"]
    assert [str(quarantine) in row for row in ingests] == [True]
    refusal["row"] = json.dumps({"prompt": "How?", "trace": "Thus."})
    quarantine.write_text(json.dumps(refusal) + "\n", "utf-8")
    mended = curate("ingest", quarantine, "--json").json
    assert (mended["read"], mended["new"], mended["rejected"], mended["traces"]) == (1, 1, 0, 2)


def test_ingest_says_to_people_what_was_refused_and_where(curate: Curate, tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"prompt": "Why?", "trace": "So."}\n' + '{"prompt": "How?"}\n' * 25, "utf-8")
    said = curate("ingest", source)
    assert (said.code, said.err) == (0, "")
    assert "read 26 rows as native: 1 new, 0 known already, 25 refused" in said.out
    assert "  rows.jsonl:2: trace:" in said.out
    assert "  … and 5 more" in said.out


def test_columns_can_be_told(curate: Curate, tmp_path: Path) -> None:
    source = tmp_path / "odd.csv"
    source.write_text("frage,weg\nWarum?,Darum.\n", "utf-8")
    assert "frage, weg" in curate("ingest", source).error
    told = curate("ingest", source, "--map", "prompt=frage", "trace=weg", "--json").json
    assert (told["new"], told["rejected"]) == (1, 0)


def test_marking_a_file_needs_no_store_and_gives_python_indices(
    curate: Curate, tmp_path: Path
) -> None:
    texts = {
        "plain": "Wait, maybe not.",
        "emoji": "👩‍👩‍👧‍👦 🇩🇪 Wait — maybe 𝔫𝔬𝔱.",
        "empty": "",
        "lone": "\ud800 maybe \udfff wait",
        "crlf": "Hmm.\r\nLet me\r\ncheck.\u2028Perhaps\x00 not.",
        "7": "maybe",
    }
    file = tmp_path / "lines.jsonl"
    lines = [json.dumps({"id": name, "text": text}) for name, text in texts.items()]
    file.write_text("\ufeff" + "\n\n".join(lines) + '\n{"id": 7.5, "text": "no"}', "utf-8")
    items = curate("mark", file, "--json").json["items"]
    assert [item["id"] for item in items] == [*texts, 7.5]
    for item in items[:-1]:
        text = texts[item["id"]]
        found = [text[marker["start"] : marker["end"]] for marker in item["markers"]]
        assert found == [marker["text"] for marker in item["markers"]]
        assert bool(found) == bool(text)
        assert all(marker.keys() == MARKER_KEYS for marker in item["markers"])
    # "👩‍👩‍👧‍👦 " is 8 code points, "🇩🇪 " 3: "Wait" begins at 11, " — " and "maybe" follow.
    assert "maybe" in [m["text"] for m in items[1]["markers"] if m["start"] == 11 + len("Wait — ")]
    assert files(tmp_path) == ["lines.jsonl"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "is not JSON"),
        ("[" * 100_000, "is not JSON that can be read"),
        ('["id", "text"]', "has no id or no text"),
        ('{"id": 1}', "has no id or no text"),
        ('{"text": "maybe"}', "has no id or no text"),
        ('{"id": 1, "text": null}', "has no id or no text"),
        ('{"id": {"a": 1}, "text": "maybe"}', "its id is no text or number"),
        ('{"id": ' + "9" * 5000 + ', "text": "maybe"}', "is not JSON that can be read"),
    ],
)
def test_a_line_that_cannot_be_marked_is_named(
    curate: Curate, tmp_path: Path, line: str, why: str
) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text('{"id": 1, "text": "maybe"}\n\n' + line + "\n", "utf-8")
    assert f"lines.jsonl:3 {why}" in curate("mark", file).error.replace(": its", " its")


def test_a_trace_is_shown_with_all_that_is_known_of_it(
    curate: Curate, demo: Path, fake: None
) -> None:
    trace_id = first_trace(demo)
    before = contents(demo)
    shown = curate("show", trace_id, "--json").json
    assert contents(demo) == before
    assert (shown["tokens"], shown["profile"], shown["convention"]) == (None, None, None)
    assert shown["decisions"] == []
    text = shown["trace"]["text"]
    markers = hedging.find_markers(text, shown["trace"]["prompt"])
    expected = [m._asdict() for m in markers]
    assert [{k: m[k] for k in expected[0]} for m in shown["markers"]] == expected
    assert all(m.keys() == MARKER_KEYS for m in shown["markers"])
    expected = shown["markers"]
    assert shown["problem"]["problem_id"] == shown["trace"]["problem_id"]
    assert shown["trace"]["extra"]["problem_id"] == "demo-001"

    curate("score")
    curate("list")  # brings the stored markers up to date
    curate("decide", trace_id, "reject", "--reviewer", "ada", "--reason", "wrong", "--note", "n")
    curate("decide", trace_id, "accept", "--reviewer", "ada", "--directive", "d")
    shown = curate("show", trace_id, "--json").json
    tokens = shown["tokens"]
    assert tokens.keys() == {"id", "start", "end", "logprob_nats", "rank", "entropy_nats"}
    scores = FakeStudent("smollm2-135m-instruct").score(shown["trace"]["prompt"], text)
    assert {len(values) for values in tokens.values()} == {len(scores.token_id)}
    assert tokens["logprob_nats"] == scores.logprob_nats.tolist()
    assert "".join(text[a:b] for a, b in zip(tokens["start"], tokens["end"], strict=True)) == text
    assert shown["profile"].keys() >= {*PROFILE_COLUMNS, "ifd_ppl", "belief_gain_nats"}
    assert shown["families"].keys() == set(STANDARD) - {"likelihood"}
    assert shown["profile"]["n_tokens"] == len(scores.token_id)
    assert shown["convention"]["convention_id"] == scores.convention_id
    assert shown["convention"]["model"] == "fake"
    assert shown["markers"] == expected
    steps = [text[step["start"] : step["end"]] for step in shown["steps"]]
    assert "".join("".join(steps).split()) == "".join(text.split())
    assert [(d["verdict"], d["is_live"]) for d in shown["decisions"]] == [
        ("reject", True), ("accept", True),
    ]  # fmt: skip
    assert shown["decisions"][0]["reasons"] == ["wrong"]
    assert curate("show", trace_id, "--student", "other", "--json").json["tokens"] is None


def test_extra_may_hold_anything_and_is_shown_as_it_was(curate: Curate, tmp_path: Path) -> None:
    extra: Any = {"big": 2**80, "deep": 1, "float": 0.1, "none": None, "ключ": ["é", True]}
    for _ in range(100):
        extra = {"deep": extra}
    source = tmp_path / "rows.jsonl"
    source.write_text(json.dumps({"prompt": "?", "trace": "!", "extra": extra}) + "\n", "utf-8")
    assert curate("ingest", source, "--json").json["new"] == 1
    trace_id = curate("list", "--json").json["items"][0]["trace_id"]
    assert curate("show", trace_id, "--json").json["trace"]["extra"] == extra
    assert curate("verify", "--json").json["broken"] == []


def test_the_list_can_be_filtered_ordered_and_cut(curate: Curate, demo: Path, fake: None) -> None:
    curate("score")
    items = curate("list", "--json").json["items"]
    keys = {"trace_id", "problem_id", "teacher", "teacher_context", "verdict", *PROFILE_COLUMNS}
    assert all(keys <= item.keys() for item in items)
    assert all(item["n_words"] for item in items), "markers are brought up to date first"
    assert [item["position"] for item in items] == list(range(12))
    where = "teacher_context = 'unguided' -- and a comment"
    unguided = curate("list", "--where", where, "--order", "rsr", "--json").json["items"]
    assert {item["teacher_context"] for item in unguided} == {"unguided"}
    rsr = [item["rsr"] for item in items if item["teacher_context"] == "unguided"]
    assert [item["rsr"] for item in unguided] == sorted(rsr, reverse=True)
    longest = curate("list", "--order", "length", "--limit", "1", "--json").json["items"]
    assert [one["n_chars"] for one in longest] == [max(item["n_chars"] for item in items)]
    assert curate("list", "--limit", "0", "--json").json["items"] == []
    assert curate("list", "--where", "false").out == "nothing\n"


def test_a_list_is_marked_even_where_somebody_else_marks_at_that_moment(
    curate: Curate, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = lexicons.mark_pending
    # The app's caretaker comes first: nothing is left to do for us, and still it is new.
    monkeypatch.setattr(lexicons, "mark_pending", lambda store, told: mark(store) and mark(store))
    items = curate("list", "--where", "n_words > 0", "--json").json["items"]
    assert len(items) == 12


def test_decisions_are_appended_withdrawn_and_counted(curate: Curate, demo: Path) -> None:
    ids = [item["trace_id"] for item in curate("list", "--json").json["items"]]
    said = [
        curate("decide", ids[i], verdict, "--reviewer", who, "--json").json
        for i, verdict, who in (
            (0, "accept", "ada"),
            (1, "reject", "ada"),
            (2, "skip", "ada"),
            (3, "flag", "ada"),
            (0, "reject", "bo"),
            (4, "accept", "bo"),
        )  # fmt: skip
    ]
    assert [(one["trace_id"], one["verdict"]) for one in said[:2]] == [
        (ids[0], "accept"), (ids[1], "reject"),
    ]  # fmt: skip
    assert len({one["decision_id"] for one in said}) == 6
    status = curate("status", "--json").json
    # ids[0] is disputed: ada accepts, bo rejects.
    expected = {"decided": 5, "accepted": 1, "rejected": 1, "skipped": 1, "flagged": 1,
                "disputed": 1, "reviewers": ["ada", "bo"], "students": [], "scored": 0}  # fmt: skip
    assert {key: status[key] for key in expected} == expected
    assert (
        curate("undo", "--reviewer", " bo ", "--json").json["withdrawn"] == said[5]["decision_id"]
    )
    assert curate("undo", "--reviewer", "bo", "--json").json["withdrawn"] == said[4]["decision_id"]
    status = curate("status", "--json").json
    assert (status["decided"], status["accepted"], status["disputed"]) == (4, 1, 0)
    assert "bo has no decision" in curate("undo", "--reviewer", "bo").error
    assert curate("list", "--where", "verdict = 'accept'", "--json").json["items"][0][
        "trace_id"
    ] == ids[0]  # fmt: skip
    assert curate("verify", "--json").json["broken"] == []


def test_agreement_before_and_after_there_is_any(curate: Curate, demo: Path) -> None:
    none = curate("agreement", "--json").json
    assert (none["n_items"], none["n_reviewers"], none["alpha"], none["kappa"]) == (
        0,
        0,
        None,
        None,
    )
    assert none["alpha_ci"] == [None, None]
    ids = [item["trace_id"] for item in curate("list", "--json").json["items"]]
    for i in range(6):
        curate("decide", ids[i], "accept" if i % 2 else "reject", "--reviewer", "ada")
        curate("decide", ids[i], "accept" if i % 2 or i == 4 else "reject", "--reviewer", "bo")
    some = curate("agreement", "--json").json
    # 5 of 6 agree. By chance, of the margins 3/6 and 4/6: 1/2 * 2/3 + 1/2 * 1/3 = 1/2.
    # kappa = (5/6 - 1/2) / (1 - 1/2) = 2/3.
    assert (some["n_items"], some["n_reviewers"]) == (6, 2)
    assert some["percent"] == pytest.approx(5 / 6)
    assert some["kappa"] == pytest.approx(2 / 3)
    assert [(row["reviewer"], row["n_shared"]) for row in some["by_person"]] == [
        ("ada", 6),
        ("bo", 6),
    ]
    assert sum(row["n_pairable"] for row in some["by_context"]) == 6
    assert some["by_reason"] == []


def test_leakage_answers_for_each_context_and_holds_no_nan(curate: Curate, demo: Path) -> None:
    answer = curate("leakage", "--json").json
    contexts = [context["teacher_context"] for context in answer["contexts"]]
    assert sorted(contexts) == ["answer", "solution", "unguided"]
    only = curate("leakage", "--where", "teacher_context = 'unguided'", "--json").json
    assert [context["teacher_context"] for context in only["contexts"]] == ["unguided"]
    said = curate("leakage")
    assert (said.code, said.err) == (0, "")
    assert "unguided" in said.out
    assert "nan" not in said.out


def test_an_export_can_be_checked_and_a_tampered_one_is_found_out(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    for item in curate("list", "--limit", "6", "--json").json["items"]:
        curate("decide", item["trace_id"], "accept", "--reviewer", "ada")
    out = tmp_path / "out"
    words = ("export", "--format", "sft-prompt-completion", "--out", out, "--json")
    answer = curate(*words, "--splits", "train=0.5,test=0.5", "--seed", "7").json
    assert sum(answer["rows"].values()) == 6
    assert set(answer["rows"]) == {"train", "test"}
    assert answer["left_out"] == {"undecided": 6}
    assert Path(answer["manifest"]) == out / "manifest.json"
    for file in answer["files"]:
        assert (out / file["path"]).stat().st_size == file["bytes"]
    sound = curate("verify", out, "--json").json
    assert sound["checked"] > 0
    assert sound["broken"] == []
    assert curate("verify", "--json").json["broken"] == []
    lines = (out / "train.jsonl").read_text("utf-8")
    (out / "train.jsonl").write_text(lines.replace("Answer", "answer", 1), "utf-8")
    said = curate("verify", out, "--json")
    assert said.code == 1
    assert "train.jsonl" in json.loads(said.out)["broken"][0]
    broken = len(json.loads(said.out)["broken"])
    assert said.err == f"error: {broken} of {sound['checked']} things do not hold.\n"
    assert "already holds files" in curate(*words).error
    assert curate(*words, "--overwrite").json["format"] == "sft-prompt-completion"
    assert curate("verify", out, "--json").json["broken"] == []


def test_a_tampered_store_is_found_out(curate: Curate, demo: Path, fake: None) -> None:
    import duckdb

    curate("score")
    curate("decide", first_trace(demo), "accept", "--reviewer", "ada")
    assert curate("verify", "--json").json["broken"] == []
    tampering = {
        "content hashes to": "update trace set text = text || '.' where position = 0",
        "text hash is not": "update trace set text_hash = 'tx1_x' where position = 3",
        "problem's id should be": 'update trace set extra = \'{"problem_id": "x"}\''
        " where position = 1",
        "extra is no JSON object": "update trace set extra = '[1]' where position = 2",
        "not say what was stored": "update decision set verdict = 'reject'",
        "its record hashes to": 'update convention set record = \'{"student": "x"}\'',
        "sum of its tokens": "update score set total_nll_nats = 1",
    }
    with duckdb.connect(str(demo)) as connection:
        for change in tampering.values():
            connection.execute(change)
    said = curate("verify", "--json")
    assert said.code == 1
    broken = "\n".join(json.loads(said.out)["broken"])
    assert [what for what in tampering if what not in broken] == []
    assert said.err.count("\n") == 1
    assert "broken" in curate("verify").out.splitlines()[0]


def test_a_backup_brings_everything_back(curate: Curate, demo: Path, tmp_path: Path) -> None:
    trace_id = first_trace(demo)
    curate("decide", trace_id, "accept", "--reviewer", "ada")
    copy = tmp_path / "copies" / "copy.duckdb"
    kept = curate("backup", copy, "--json").json
    assert kept["bytes"] == copy.stat().st_size
    before = contents(demo)
    curate("decide", trace_id, "reject", "--reviewer", "ada")
    back = curate("restore", copy, "--json").json
    assert (back["bytes"], back["sha256"]) == (kept["bytes"], kept["sha256"])
    after = contents(demo)
    # All is back but the word of the backup, made after the copy; the audit log tells of this one.
    assert [row[3] for row in before.pop("identity_audit")] == ["ingest", "backup"]
    assert [row[3] for row in after.pop("identity_audit")] == ["ingest", "restore"]
    assert after == before
    # What stood there was moved aside, not lost.
    aside = Path(back["moved_aside"])
    assert len(contents(aside)["decision"]) == 2
    elsewhere = tmp_path / "new folder" / "hedgerow.duckdb"
    assert curate("--store", elsewhere, "restore", copy, "--json").json["moved_aside"] is None
    there = contents(elsewhere)
    assert [row[3] for row in there.pop("identity_audit")] == ["ingest", "restore"]
    assert there == before


def test_a_damaged_backup_is_not_restored(curate: Curate, demo: Path, tmp_path: Path) -> None:
    import duckdb

    copy = Path(shutil.copyfile(demo, tmp_path / "copy.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute("update trace set text = 'other' where position = 5")
    before = contents(demo), files(tmp_path)
    assert "damaged" in curate("restore", copy).error
    assert (contents(demo), files(tmp_path)) == before
