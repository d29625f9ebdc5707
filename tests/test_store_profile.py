"""Families of numbers under recipes: stored once, shown under the recipe in use, asked for where
they are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import caretaker, commands, editing
from curation.records import COMPATIBILITY_SCHEMA, STANDARD
from curation.store import Store
from curation.student import packs, scorer
from curation.student.families import Recipes
from tests.builders import a_batch, a_decision, a_trace
from tests.fakes import FakeStudent


@pytest.fixture
def student() -> FakeStudent:
    return FakeStudent()


def scored(store: Store, student: FakeStudent, families: tuple[str, ...] = STANDARD) -> None:
    """Score what is missing, the way the owner and a scorer do."""
    job, _ = caretaker.plan(
        store, student.name, None, student.convention.convention_id, families, Recipes(student).ids
    )
    scorer.run(student, job, caretaker.packs_folder(store.path))
    caretaker.take_in(store)
    store.set_setting("student", student.name)


def a_problem(**changes: Any) -> dict[str, Any]:
    text = "Two and two.\n\nIt is 4."
    return a_trace(text, step_start=[0, 14], step_end=[12, 22], **changes)


def test_the_numbers_of_every_family_stand_in_the_overview(
    store: Store, student: FakeStudent
) -> None:
    store.add(a_batch(a_problem(extra='{"reward": 3}')), "i")
    scored(store, student)
    (row,) = store.list_traces().to_dicts()
    # Alone, the fake student gives each token 1 nat less.
    assert row["ifd_loss"] == pytest.approx(row["mean_nll_nats"] / (row["mean_nll_nats"] + 1))
    assert row["alone_nll_nats"] == pytest.approx(row["mean_nll_nats"] + 1)
    # From -9 it gains a nat a step: -7 after both.
    assert (row["belief_before_nats"], row["belief_after_nats"]) == (-9, -7)
    assert row["answer_shift_nats"] == 0.25
    # Six tokens with an opener mass of 1/8, of which the first is of the openers: 0.75 - 1.
    assert row["hedge_deficit"] == pytest.approx(6 / 8 - row["observed_hedges"])
    assert row["rifd_ppl"] is None
    assert row["privileged_by"] == "answer"
    assert row["car"] == pytest.approx(3 / (1 + row["mean_nll_nats"]))
    assert row["grape_nats"] == -row["mean_nll_nats"]


def test_what_the_teacher_saw_is_what_the_student_is_shown(store: Store) -> None:
    saw = [
        a_problem(teacher_context="solution", context_text="Add them."),
        a_problem(teacher_context="hint", context_text="Think of pairs."),
        a_problem(teacher_context="answer"),
        a_problem(teacher_context="unguided"),
        a_problem(teacher_context="unguided", context_text=" ", prompt="?", reference_answer=None),
    ]
    store.add(a_batch(*saw), "i")
    job = store.unscored("fake", families=STANDARD)
    told = job.select("privileged_kind", "privileged_text", "privileged_by").rows()
    assert told == [
        ("solution", "Add them.", "context"),
        ("other", "Think of pairs.", "context"),
        ("answer", "4", "context"),
        ("answer", "4", "answer"),
        (None, None, None),
    ]


def test_the_rival_is_the_wrong_answer_that_most_traces_give(store: Store) -> None:
    answers = ["5", "5 ", "3", "4"]
    traces = [
        a_trace(f"It is {answer}.", teacher=f"t{i}", final_answer=answer, is_correct=answer == "4")
        for i, answer in enumerate(answers)
    ]
    store.add(a_batch(*traces, a_trace(prompt="Another?")), "i")
    assert store.unscored("fake")["rival_answer"].to_list() == ["5", "5", "5", "5", None]


def test_what_the_advice_on_an_edit_needs_is_computed_by_itself(
    store: Store, student: FakeStudent
) -> None:
    original, other = a_problem(), a_problem(prompt="Another?")
    store.add(a_batch(original, other), "i")
    scored(store, student)
    text = "Two and two are four."
    decision = a_decision(original["trace_id"], extra={"edit": {"text": text}})
    editing.decide(store, decision)
    (edit,) = store.edit_trace_ids()
    assert editing.advice(store, original["trace_id"], edit, student.name).keep is None
    # What the caretaker asks of its own accord: of the pair r-IFD too, of no other trace.
    waiting = store.profile_state(student.name, STANDARD, editing.RULE_FAMILIES)["waiting"]
    assert waiting == 2
    job, n = caretaker.plan(store, student.name, None, None, None, Recipes(student).ids)
    asked = packs.read_job(job)
    assert dict(asked.select("trace_id", "families").iter_rows()) == {
        original["trace_id"]: ["rifd"], edit: [*STANDARD, "rifd"],
    }  # fmt: skip
    scorer.run(student, job, caretaker.packs_folder(store.path))
    caretaker.take_in(store)
    for name in (original["trace_id"], edit):
        assert set(editing.RULE_FAMILIES) <= set(store.compatibility(name, student.name))
    assert caretaker.plan(store, student.name)[1] == 0
    assert store.profile_state(student.name, STANDARD, editing.RULE_FAMILIES)["waiting"] == 0


def test_a_family_that_is_there_is_not_asked_for_again(store: Store, student: FakeStudent) -> None:
    store.add(a_batch(a_problem(), a_problem(prompt="Another?")), "i")
    scored(store, student, ("likelihood", "ifd"))
    job = store.unscored(student.name, families=("likelihood", "ifd", "belief"))
    assert job["families"].to_list() == [["belief"], ["belief"]]
    scored(store, student, ("likelihood", "belief"))
    assert store.unscored(student.name, families=("likelihood", "ifd", "belief")).height == 0
    state = store.profile_state(student.name, ("likelihood", "ifd", "belief"))
    assert (state["total"], state["complete"], state["waiting"]) == (2, 2, 0)
    assert store.profile_state(student.name, STANDARD)["waiting"] == 2


def test_another_recipe_is_asked_anew_and_never_shown_beside_the_old(
    store: Store, student: FakeStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(a_batch(a_problem(), a_problem(prompt="Another?")), "i")
    scored(store, student)
    own = student.recipe
    monkeypatch.setattr(
        student, "recipe",
        lambda family: {**own(family), "wording": "new"} if family == "belief" else own(family),
    )  # fmt: skip
    ids = Recipes(student).ids
    job = store.unscored(student.name, None, None, STANDARD, ids)
    assert job["families"].to_list() == [["belief"], ["belief"]]
    packs.write_job(caretaker.packs_folder(store.path) / "job.parquet", job.head(1))
    scorer.run(
        student, caretaker.packs_folder(store.path) / "job.parquet",
        caretaker.packs_folder(store.path),
    )  # fmt: skip
    caretaker.take_in(store)
    # The new recipe came into use with its first pack: the other trace shows no belief now.
    shown = store.list_traces()
    assert shown["belief_gain_nats"].null_count() == 1
    assert shown["ifd_ppl"].null_count() == 0
    assert len(store.recipes()) == len(STANDARD)
    assert commands.run("verify", store, {})["broken"] == []


def test_a_recipe_that_was_changed_in_the_file_is_found(store: Store, student: FakeStudent) -> None:
    store.add(a_batch(a_problem()), "i")
    scored(store, student)
    with store._writing() as cursor:
        cursor.execute("update recipe set record = replace(record, 'fake', 'else')")
    broken = commands.run("verify", store, {})["broken"]
    assert len([line for line in broken if line.startswith("recipe rc1_")]) == len(STANDARD) - 1


def test_a_trace_that_cannot_be_scored_is_listed_and_not_tried_again(
    store: Store, tmp_path: Path
) -> None:
    student = FakeStudent(window=3)
    store.add(a_batch(a_problem(), a_trace("Four.")), "i")
    scored(store, student)
    failures = store.failures(student.name)
    assert failures["family"].to_list() == ["likelihood"]
    assert "window is 3" in failures["error"][0]
    assert store.profile_state(student.name, STANDARD)["waiting"] == 0


def test_families_of_another_shape_are_refused(store: Store) -> None:
    frame = pl.DataFrame(schema=COMPATIBILITY_SCHEMA).drop("family")
    with pytest.raises(Exception, match="families of columns"):
        store.add_families(frame, {}, "p")
