"""Edits: from the browser's entry to a trace of its own, and out again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import editing, export, leak_signs
from curation.desk import cards, messages, outbox
from curation.errors import StoreError
from curation.records import Decision, text_hash
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace
from tests.said import Said
from tests.served import of_the_file

TEXT = "Two and two is four.\n\nSo it is 4."
BETTER = "Two and two is four.\n\nI think it is 4."
ENTRY: dict[str, Any] = {
    "decision_id": "00000000-0000-4000-8000-000000000001",
    "kind": "decide",
    "trace_id": "tr1_1",
    "verdict": "accept",
    "decided_at": "2026-01-02T12:00:00Z",
}


def _edit(trace_id: str, text: str = BETTER, **changes: Any) -> Decision:
    return a_decision(trace_id, extra={"edit": {"text": text}}, **changes)


@pytest.fixture
def held(store: Store) -> str:
    """A trace in the store, its problem grouped by the source."""
    row = a_trace(
        TEXT, teacher_context="solution", context_text="It is 4.", external_id="a-1",
        step_start=[0, 22], step_end=[20, 33],
    )  # fmt: skip
    store.add(a_batch(row), "i")
    return str(row["trace_id"])


def test_an_edit_is_stored_with_the_trace_that_it_becomes(store: Store, held: str) -> None:
    decision = _edit(held)
    assert editing.decide(store, decision).was_new
    (made,) = store.edit_trace_ids()
    (row,) = store.decisions(held)
    assert json.loads(row["extra"])["edit"] == {
        "text": BETTER, "text_hash": text_hash(BETTER), "trace_id": made,
    }  # fmt: skip
    original, trace = store.trace(held), store.trace(made)
    assert (trace.text, trace.refined_from, trace.teacher) == (BETTER, held, "teacher-7b")
    assert (trace.source, trace.teacher_context, trace.context_text) == (
        "edit", "refined", "It is 4.",
    )  # fmt: skip
    assert (trace.problem_id, trace.is_correct, trace.external_id) == (
        original.problem_id, None, None,
    )  # fmt: skip
    assert json.loads(trace.extra) == {
        "edit": {"reviewer": "ada", "decision_id": decision.decision_id}
    }
    # "Two and two is four." ends at 20; "I think it is 4." runs from 22 to 38.
    assert store.steps(made) == ([0, 22], [20, 38])
    assert store.trace(held) == original
    assert store.original_of(made) == held
    assert store.verify().broken == []


def test_the_problem_stays_where_its_source_gave_it_a_group(store: Store) -> None:
    from curation.records import problem_id

    row = a_trace(TEXT, problem_id=problem_id("x", "g7"), extra='{"problem_id": "g7", "reward": 1}')
    store.add(a_batch(row), "i")
    editing.decide(store, _edit(row["trace_id"]))
    (made,) = store.edit_trace_ids()
    extra = json.loads(store.trace(made).extra)
    # A judge's reward was for another text.
    assert (extra["problem_id"], "reward" in extra) == ("g7", False)
    assert store.verify().broken == []


def test_sent_again_or_edited_alike_by_another_an_edit_is_one_trace(
    store: Store, held: str
) -> None:
    decision = _edit(held)
    first = editing.decide(store, decision)
    again = editing.decide(store, decision)
    assert (again.was_new, again.sequence) == (False, first.sequence)
    assert editing.decide(store, _edit(held, reviewer="bo")).was_new
    assert len(store.edit_trace_ids()) == 1
    assert store.status()["edits"] == 1


def test_a_decision_and_its_edit_are_stored_together_or_not_at_all(
    store: Store, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("between the two")

    with monkeypatch.context() as broken:
        broken.setattr("curation.store.edits.insert", fail)
        with pytest.raises(RuntimeError):
            editing.decide(store, _edit(held))
    assert (store.decisions(held), store.edit_trace_ids()) == ([], [])
    assert editing.decide(store, _edit(held)).sequence == 1


def test_undo_takes_the_verdict_back_and_leaves_the_text_as_a_draft(
    store: Store, held: str
) -> None:
    decision = _edit(held)
    editing.decide(store, decision)
    mine = store.verdict_of(held, "ada")
    assert mine is not None
    assert mine["edit"]["text"] == BETTER
    (recent,) = store.recent_decisions("ada")
    # The list of the last decisions goes to the browser with every answer: without the texts.
    assert recent["edit"] == {**mine["edit"], "text": None}
    assert recent["edit"]["n_chars"] == len(BETTER)
    assert store.edit_taken_back(held, "ada") is None
    store.undo("ada")
    assert store.edit_taken_back(held, "ada") == {
        "decision_id": decision.decision_id, "text": BETTER,
    }  # fmt: skip
    assert store.edit_taken_back(held, "bo") is None
    assert len(store.edit_trace_ids()) == 1
    assert store.verify().broken == []


@pytest.mark.parametrize(
    ("extra", "more", "said"),
    [
        ({"text": TEXT}, {}, "Nothing changed"),
        ({"text": BETTER}, {"verdict": "reject"}, "accepted for training"),
        ({"text": BETTER, "text_hash": text_hash(TEXT)}, {}, "not that of its text"),
        ({"text": BETTER, "mood": "good"}, {}, "nothing but"),
        ({"text": " \n"}, {}, "needs a text"),
        ("text", {}, "nothing but"),
        (None, {}, "nothing but"),
    ],
)
def test_an_edit_that_is_none_is_refused_and_nothing_is_stored(
    store: Store, held: str, extra: object, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        editing.decide(store, a_decision(held, extra={"edit": extra}, **more))
    assert (store.decisions(held), store.edit_trace_ids()) == ([], [])


def test_an_edit_is_not_stored_without_its_trace_nor_with_another(store: Store, held: str) -> None:
    decision = _edit(held)
    with pytest.raises(StoreError, match="the trace it becomes"):
        store.decide(decision)
    other = editing.edited(store.trace(held), "Something else.", decision)
    with pytest.raises(StoreError, match="the trace it becomes"):
        store.decide(decision, other)


def test_the_trace_of_an_edit_is_nobodys_task(store: Store, held: str) -> None:
    editing.decide(store, _edit(held))
    (made,) = store.edit_trace_ids()
    assert store.candidates("bo")["trace_id"].to_list() == [held]
    assert store.find(text="four") == [held]
    assert store.strata()["trace_id"].to_list() == [held]
    assert store.list_traces()["trace_id"].to_list() == [held]
    assert store.pool_ids(9) == [held]
    assert store.list_traces(with_edits=True)["trace_id"].to_list() == [held, made]
    status = store.status()
    assert [status[name] for name in ("traces", "decided", "accepted", "edits")] == [1, 1, 1, 1]
    with pytest.raises(StoreError, match=f"decide on {held}"):
        store.decide(a_decision(made))


def test_what_was_written_over_is_found_by_verify(store: Store, held: str) -> None:
    editing.decide(store, _edit(held))
    with store._writing() as cursor:
        cursor.execute("update trace set text = text || '!' where ingest_id = 'edit'")
        cursor.execute("update trace set text_hash = 'tx1_0' where ingest_id = 'edit'")
    broken = store.verify().broken
    assert any("content hashes to" in line for line in broken)
    assert any("missing or has another text" in line for line in broken)


# From the browser ---------------------------------------------------------------------------------


@given(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text))
def test_an_edit_is_read_from_the_browser_as_it_is(text: str) -> None:
    box = outbox.decisions({"entries": [{**ENTRY, "edit": {"text": text}}]}, reviewer="ada")
    assert box.refused == {}
    assert box.decisions[0].extra["edit"] == {"text": text, "text_hash": text_hash(text)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"edit": "text"}, "no object"),
        ({"edit": {"text": BETTER, "trace_id": "tr1_2"}}, "no object"),
        ({"edit": {}}, "no object"),
        ({"edit": {"text": 4}}, "the edit is no text"),
        ({"edit": {"text": None}}, "the edit is empty"),
        ({"edit": {"text": " \n\t"}}, "the edit is empty"),
        ({"edit": {"text": "a\0b"}}, "a NUL"),
        ({"edit": {"text": "a\ud800"}}, "half a character"),
        ({"edit": {"text": "x" * 400_001}}, "has 400001 characters; at most 400000 are stored"),
        ({"edit": {"text": BETTER}, "verdict": "flag"}, "goes with an accept"),
        ({"edit": {"text": BETTER}, "question": f"leak/sc1_{'0' * 24}"}, "goes with an accept"),
        (
            {"edit": {"text": BETTER}, "kind": "undo", "verdict": None, "withdraws": "d"},
            "an undo judges no step",
        ),
    ],
)
def test_an_entry_with_an_edit_that_is_none_is_refused(changes: dict[str, Any], said: str) -> None:
    box = outbox.decisions({"entries": [{**ENTRY, **changes}]}, reviewer="ada")
    assert box.decisions == []
    assert said in box.refused[ENTRY["decision_id"]]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
@given(text=st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_whatever_a_person_types_becomes_a_sound_trace(store: Store, held: str, text: str) -> None:
    before = len(store.edit_trace_ids())
    if not text.strip():
        return
    editing.decide(store, _edit(held, text))
    ids = store.edit_trace_ids()
    assert len(ids) - before in (0, 1)
    assert text in [store.trace(trace_id).text for trace_id in ids]
    assert store.verify().broken == []


def test_a_card_brings_the_edit_that_stands_or_the_one_taken_back(store: Store, held: str) -> None:
    editing.decide(store, _edit(held))
    among = cards.Among(store.numbers(cards.COLUMNS), leak_signs.pool(store))
    card = cards.build(store, "s", "ada", held, None, among)
    assert card["mine"]["edit"] == {  # type: ignore[index, call-overload]
        "trace_id": store.edit_trace_ids()[0], "n_chars": len(BETTER), "text": BETTER,
        "keep": None,
        "why": "IFD and r-IFD of both texts are needed. The app computes them while it scores; "
        "`score --scores ifd,rifd` does too.",
    }  # fmt: skip
    assert card["edit_taken_back"] is None
    decision_id = store.recent_decisions("ada")[0]["decision_id"]
    store.undo("ada")
    card = cards.build(store, "s", "ada", held, None, among)
    assert card["mine"] is None
    assert card["edit_taken_back"] == {"decision_id": decision_id, "text": BETTER}


def test_a_past_decision_says_that_it_came_with_an_edit(store: Store, held: str) -> None:
    editing.decide(store, _edit(held))
    (row,) = store.recent_decisions("ada")
    told = messages.recent_json(messages.Recent(**row))
    assert told["edit"] == {
        "trace_id": store.edit_trace_ids()[0], "n_chars": len(BETTER), "text": None,
    }  # fmt: skip


# What the student makes of it ---------------------------------------------------------------------


def test_the_rule_weighs_an_edit_and_advises_only() -> None:
    def families(ifd: float, rifd: float) -> dict[str, Any]:
        return {"ifd": {"ifd_ppl": ifd}, "rifd": {"rifd_ppl": rifd}}

    # r-IFD falls from 0.8 to 0.7, both below 1: kept. It rises to 0.9: not kept.
    assert editing.weighed(families(0.9, 0.8), families(0.9, 0.7)).keep is True
    worse = editing.weighed(families(0.9, 0.8), families(0.9, 0.9))
    assert worse.keep is False
    assert "no more easily" in worse.why
    assert editing.weighed(families(0.9, 0.8), {"ifd": {"ifd_ppl": 0.5}}).keep is None


@of_the_file
def test_show_tells_the_edits_and_what_the_student_makes_of_them(
    curate: Callable[..., Said], store: Store, held: str
) -> None:
    editing.decide(store, _edit(held))
    (made,) = store.edit_trace_ids()
    store.undo("ada")
    store.close()
    answer = curate("show", held, "--json").json
    (edit,) = answer["edits"]
    assert (edit["text"], edit["is_live"], edit["keep"]) == (BETTER, False, None)
    assert edit["lines"] == ["@@ -2,2 +2,2 @@", " ", "-So it is 4.", "+I think it is 4."]
    told = curate("show", held).out
    assert f"edit of no. 1 by ada, taken back, stored as {made}" in told
    assert "  +I think it is 4." in told
    of_edit = curate("show", made, "--json").json
    assert of_edit["refinement"]["original"] == held
    assert of_edit["edits"] == []


# Out of the store ---------------------------------------------------------------------------------


def _export(store: Store, out: Path, **more: Any) -> list[dict[str, Any]]:
    export.write(store, out=out, splits={"train": 1.0}, **{"format": "sft-messages", **more})
    return [json.loads(line) for line in (out / "train.jsonl").read_text("utf-8").splitlines()]


def test_an_accepted_edit_is_exported_in_place_of_the_original(
    store: Store, held: str, tmp_path: Path
) -> None:
    plain = a_trace("Another trace of the same.", external_id="a-2")
    store.add(a_batch(plain), "j")
    decision = _edit(held)
    editing.decide(store, decision)
    store.decide(a_decision(plain["trace_id"]))
    (made,) = store.edit_trace_ids()
    first, second = _export(store, tmp_path / "out")
    assert [first["messages"][-1]["content"], second["messages"][-1]["content"]] == [
        BETTER, "Another trace of the same.",
    ]  # fmt: skip
    assert {k: v for k, v in first.items() if k != "messages"} == {
        "trace_id": made, "problem_id": plain["problem_id"], "teacher": "teacher-7b",
        "teacher_context": "refined", "is_edited": True, "original_trace_id": held,
        "edit_decision_id": decision.decision_id,
    }  # fmt: skip
    assert (second["is_edited"], second["original_trace_id"], second["edit_decision_id"]) == (
        False, plain["trace_id"], "",
    )  # fmt: skip
    assert export.verify_export(tmp_path / "out").broken == []
    notes = export.preview(store).notes
    assert any("1 trace accepted with an edit" in note for note in notes)


def test_after_undo_the_original_waits_and_the_edit_is_not_exported(
    store: Store, held: str, tmp_path: Path
) -> None:
    editing.decide(store, _edit(held))
    store.undo("ada")
    assert export.preview(store).states["undecided"] == 1
    store.decide(a_decision(held))
    (row,) = _export(store, tmp_path / "out")
    assert (row["messages"][-1]["content"], row["trace_id"]) == (TEXT, held)


def test_the_newest_edit_among_those_that_stand_is_exported(
    store: Store, held: str, tmp_path: Path
) -> None:
    editing.decide(store, _edit(held, "The first edit."))
    editing.decide(store, _edit(held, "The second edit.", reviewer="bo"))
    editing.decide(store, a_decision(held, reviewer="cy"))
    (row,) = _export(store, tmp_path / "two")
    assert row["messages"][-1]["content"] == "The second edit."
    store.decide(a_decision(held, reviewer="bo"))  # bo accepts it as it stands: the edit is gone
    (row,) = _export(store, tmp_path / "one")
    assert row["messages"][-1]["content"] == "The first edit."
    store.decide(a_decision(held, verdict="reject", reviewer="cy"))
    assert export.preview(store).states["disputed"] == 1


def test_an_edit_makes_a_preference_of_it_over_the_original(
    store: Store, held: str, tmp_path: Path
) -> None:
    other = a_trace("Another, of another teacher.", teacher="oak", external_id="a-2")
    store.add(a_batch(other), "j")
    editing.decide(store, _edit(held))
    editing.decide(store, _edit(held, "Hm. It is 4.", reviewer="bo"))
    editing.decide(store, _edit(other["trace_id"], "Taken back."))
    store.undo("ada")
    rows = _export(store, tmp_path / "out", format="preference")
    assert sorted((row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows) == [
        ("Hm. It is 4.", TEXT), (BETTER, TEXT),
    ]  # fmt: skip
    assert {row["rejected_id"] for row in rows} == {held}
    assert {row["trace_id"] for row in rows} == set(store.edit_trace_ids()[:2])
    assert export.verify_export(tmp_path / "out").broken == []
    # The filter looks at what was edited.
    solved = export.preview(store, where="teacher_context = 'solution'", format="preference")
    assert solved.states["preferred"] == 2
    oak = export.preview(store, where="teacher = 'oak'", format="preference")
    assert oak.states["preferred"] == 0
    store.decide(a_decision(held, verdict="reject", reviewer="cy"))
    assert export.preview(store, format="preference").states["preferred"] == 0
