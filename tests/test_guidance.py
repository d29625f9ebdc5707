"""Guidelines and reasons: versions in force, what decisions say of them, and what verify sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation import commands, export, guidance
from curation import store as stores
from curation.desk import guide, outbox
from curation.errors import CurationError, StoreError
from curation.reasons import DEFAULT
from curation.store import Store
from curation.store.guidelines import guideline_id
from tests.builders import NOON, a_batch, a_decision, a_trace

TRACE = a_trace("It is 4.")
ID = TRACE["trace_id"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with stores.open(tmp_path / "s.duckdb") as opened:
        opened.add(a_batch(TRACE), "i")
        yield opened


def _decide(store: Store, *words: str) -> dict[str, Any]:
    return commands.run(
        "decide", store,
        {"trace_id": ID, "verdict": "accept", "reviewer": "ada", "reason": list(words),
         "note": None, "directive": None},
    )  # fmt: skip


def test_without_a_version_the_first_reasons_hold_and_there_are_no_guidelines(
    store: Store,
) -> None:
    now = guidance.in_force(store)
    assert (now.guidelines_id, now.reasons_id, now.text) == (None, None, "")
    assert now.reasons == DEFAULT
    assert now.stamp == {}
    assert guidance.write_guidelines(store, "  ", "ada", None) is None
    assert store.guideline_log().height == 0


def test_a_version_is_named_by_its_text_and_an_earlier_one_comes_back(store: Store) -> None:
    first = guidance.write_guidelines(store, "Reject what leaks.\n", "ada", None)
    assert first == guideline_id("guidelines", "Reject what leaks.")
    second = guidance.write_guidelines(store, "Accept all.", "bea", first)
    assert guidance.in_force(store).guidelines_id == second
    assert guidance.write_guidelines(store, "Reject what leaks.", "cem", second) == first
    log = store.guideline_log("guidelines").to_dicts()
    assert [(row["sequence"], row["author"], row["is_in_force"]) for row in log] == [
        (3, "cem", True), (2, "bea", False), (1, "ada", False),
    ]  # fmt: skip
    assert guidance.write_guidelines(store, "", "ada", first) is None
    assert guidance.in_force(store).guidelines_id is None
    assert store.verify().broken == []


def test_a_change_over_anothers_is_refused_with_who_made_it(store: Store) -> None:
    first = guidance.write_guidelines(store, "one", "ada", None)
    guidance.write_guidelines(store, "two", "bea", first)
    with pytest.raises(StoreError, match="bea has stored other guidelines"):
        guidance.write_guidelines(store, "three", "cem", first)
    assert guidance.in_force(store).text == "two"
    kept = guidance.change_reasons(store, DEFAULT[::-1], [], "ada", None)
    with pytest.raises(StoreError, match="ada has stored other reasons"):
        guidance.change_reasons(store, DEFAULT[1:] + DEFAULT[:1], [], "bea", None)
    assert guidance.in_force(store).reasons_id == kept


def test_too_long_and_nobodys_are_refused(store: Store) -> None:
    with pytest.raises(CurationError, match="40,001 characters"):
        guidance.write_guidelines(store, "x" * 40_001, "ada", None)
    with pytest.raises(StoreError, match="name of who writes"):
        guidance.write_guidelines(store, "x", " ", None)


def test_a_decision_names_the_versions_of_its_time_and_show_tells_of_them(store: Store) -> None:
    text = guidance.write_guidelines(store, "one", "ada", None)
    answer = _decide(store, "Leaks privilege", "a typo")
    assert answer["reasons"] == ["leak", "a typo"]
    assert answer["unknown_reasons"] == ["a typo"]
    retired = [reason._replace(is_retired=reason.code == "leak") for reason in DEFAULT]
    chosen = guidance.change_reasons(store, retired, ["Too long"], "bea", None)
    guidance.write_guidelines(store, "two", "ada", text)
    answer = _decide(store, "leak")
    assert answer["unknown_reasons"] == ["leak"]  # retired, and stored as it was written
    shown = commands.run("show", store, {"trace_id": ID, "student": None})
    first, second = (json.loads(row["extra"]) for row in shown["decisions"])
    assert first == {"guidelines_id": text}
    assert second == {
        "guidelines_id": guideline_id("guidelines", "two"), "reasons_id": chosen,
    }  # fmt: skip
    assert [(row["kind"], row["is_in_force"], row["author"]) for row in shown["guidelines"]] == [
        ("guidelines", False, "ada"), ("guidelines", True, "ada"), ("reasons", True, "bea"),
    ]  # fmt: skip
    assert guidance.labels(store)["leak"] == "Leaks privilege"
    assert store.verify().broken == []


def test_a_version_that_the_store_does_not_hold_is_said_to_be_unknown(store: Store) -> None:
    store.decide(a_decision(ID, extra={"guidelines_id": "gl1_" + "0" * 24}))
    (row,) = guidance.gone_by(store, store.decisions(ID))
    assert (row["author"], row["stored_at"], row["is_in_force"]) == (None, None, None)


def test_the_manifest_names_what_is_in_force_and_what_was_decided_under(
    store: Store, tmp_path: Path
) -> None:
    text = guidance.write_guidelines(store, "one", "ada", None)
    _decide(store)
    guidance.write_guidelines(store, "two", "ada", text)
    manifest = export.write(store, format="sft-messages", out=tmp_path / "set", splits={"train": 1})
    said: Any = manifest.record["store"]
    assert said["guidelines"] == [
        {"kind": "guidelines", "guideline_id": guideline_id("guidelines", "two")}
    ]
    assert said["decided_under"] == [{"guidelines_id": text, "reasons_id": None, "n_decisions": 1}]


@pytest.mark.parametrize("column", ["content", "author", "guideline_id"])
def test_verify_finds_a_version_that_was_changed(store: Store, column: str) -> None:
    guidance.write_guidelines(store, "one", "ada", None)
    with store._writing() as cursor:
        cursor.execute(f"update guideline set {column} = 'other'")
    assert any("guidelines" in finding for finding in store.verify().broken)


def test_verify_finds_a_missing_version(store: Store) -> None:
    first = guidance.write_guidelines(store, "one", "ada", None)
    guidance.write_guidelines(store, "two", "ada", first)
    with store._writing() as cursor:
        cursor.execute("delete from guideline where sequence = 1")
    (finding,) = store.verify().broken
    assert "number 1 is missing" in finding


def _entry(**more: Any) -> dict[str, Any]:
    return {
        "decision_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "kind": "decide", "trace_id": ID,
        "verdict": "accept", "decided_at": NOON.isoformat(), **more,
    }  # fmt: skip


def test_the_browsers_versions_are_kept_with_the_decision_and_anything_else_is_refused() -> None:
    version = "gl1_" + "a" * 24
    box = outbox.decisions(
        {"entries": [_entry(guidelines_id=version, reasons_id=None)]}, reviewer="ada"
    )
    assert box.decisions[0].extra == {"guidelines_id": version}
    for wrong in ("gl1_x", "lx1_" + "a" * 24, 3, "<b>"):
        box = outbox.decisions({"entries": [_entry(reasons_id=wrong)]}, reviewer="ada")
        assert box.decisions == []
        assert "reasons_id" in str(box.refused)
    undo = _entry(kind="undo", verdict=None, withdraws="d", guidelines_id=version)
    assert outbox.decisions({"entries": [undo]}, reviewer="ada").decisions == []


def test_the_text_travels_only_to_who_asks_and_does_not_hold_it(store: Store) -> None:
    version = guidance.write_guidelines(store, "Look at **leaks**. <script>", "ada", None)
    now = guidance.in_force(store)
    for held, is_sent in ((None, False), ("", True), (version, False), ("gl1_old", True)):
        told: Any = guide.parts(now, None, held)["guide"]
        assert told["guidelines_id"] == version
        assert (told["html"] is not None) == is_sent
    told = guide.parts(now, None, "")["guide"]
    assert told["html"] == "<p>Look at <strong>leaks</strong>. &lt;script&gt;</p>\n"


def test_a_desk_of_its_own_question_keeps_its_own_reasons() -> None:
    told = guide.parts(None, {"a": "A"}, "")
    assert told == {"reasons": [["a", "A"]], "labels": {"a": "A"}, "guide": None}


def test_a_desk_with_its_own_reasons_names_the_guidelines_and_no_reason_set(store: Store) -> None:
    version = guidance.write_guidelines(store, "Look.", "ada", None)
    guidance.change_reasons(
        store, [*DEFAULT[:-1], DEFAULT[-1]._replace(label="Else")], [], "a", None
    )
    told: Any = guide.parts(guidance.in_force(store), {"a": "A"}, None)
    assert told["reasons"] == [["a", "A"]]
    assert (told["guide"]["guidelines_id"], told["guide"]["reasons_id"]) == (version, None)


def test_a_retired_reason_has_a_label_on_the_desk_and_no_key(store: Store) -> None:
    retired = [reason._replace(is_retired=reason.code == "leak") for reason in DEFAULT]
    guidance.change_reasons(store, retired, [], "ada", None)
    told: Any = guide.parts(guidance.in_force(store), None, None)
    assert "leak" not in dict(told["reasons"])
    assert len(told["reasons"]) == 8
    assert told["labels"]["leak"] == "Leaks privilege"
