"""Several students read in one app: each a row, one after another, none in another's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import caretaker
from curation.store import Reader, Store
from tests.builders import a_batch, a_trace
from tests.fakes import FakeStudent
from tests.test_caretaker import kept, rounds_of, until, write_pack


@pytest.fixture
def store(store: Store) -> Store:
    """Three traces, of which likelihoods alone are wanted."""
    store.set_setting("scores", "likelihood")
    store.add(a_batch(*(a_trace(f"Maybe {i}.", prompt=f"Question {i}?") for i in range(3))), "i")
    return store


def test_every_student_that_reads_is_read_with_and_the_shown_one_stays(store: Store) -> None:
    store.set_reader("other", "float32")
    with kept(store) as keeper:
        until(lambda: keeper.state("other")["scored"] == 3 and keeper.state("fake")["scored"] == 3)
    assert store.readers() == [
        Reader("fake", "float32", True),
        Reader("other", "float32", True),
    ]
    # The app's own student was new here, so it is the one that is shown, and reads first.
    assert store.setting("student") == "fake"
    assert {row["student"] for row in store.conventions()} == {"other", "fake"}


def test_the_student_that_is_shown_reads_first(store: Store) -> None:
    store.set_reader("other", "float32")
    store.set_setting("student", "fake")
    store.set_reader("fake", "float32")
    assert [reader.student for reader in store.readers()] == ["fake", "other"]


def test_a_student_that_is_let_go_keeps_its_numbers_and_reads_no_more(store: Store) -> None:
    with kept(store) as keeper:
        until(lambda: keeper.state()["scored"] == 3)
        store.set_reader("fake", "float32", is_wanted=False)
        store.add(a_batch(a_trace("One more.")), "i")
        keeper.wake()
        rounds_of(keeper, 3)
        assert keeper.state()["scored"] == 3
        assert keeper.state()["waiting"] == 1
    # Let go in one session, it stays so in the next.
    with kept(store) as keeper:
        rounds_of(keeper, 3)
        assert store.readers() == [Reader("fake", "float32", False)]
        assert keeper.state()["waiting"] == 1


def test_a_student_that_cannot_be_loaded_does_not_hold_up_the_others(store: Store) -> None:
    program = """
import sys
from curation import student
from curation.errors import StudentError
from tests.fakes import FakeStudent

def load(name, **dials):
    if name == "nowhere":
        raise StudentError("There is no student 'nowhere'.")
    return FakeStudent(name)

student.load = load
from curation.student import worker
sys.exit(worker.main(sys.argv[1:]))
"""
    store.set_reader("nowhere", "float32")
    with kept(store, program) as keeper:
        until(lambda: keeper.state("fake")["scored"] == 3)
        said = "The scorer ended: There is no student 'nowhere'."
        until(lambda: keeper.state("nowhere")["problem"] == said)
        assert keeper.state("fake")["problem"] is None


def test_packs_of_another_student_do_not_change_whose_numbers_are_shown(store: Store) -> None:
    folder: Path = caretaker.packs_folder(store.path)
    folder.mkdir()
    rows = [vars(store.trace(i)) for i in store.list_traces()["trace_id"].to_list()]
    write_pack(folder, rows, FakeStudent("first"))
    caretaker.take_in(store)
    write_pack(folder, rows, FakeStudent("second"))
    caretaker.take_in(store)
    assert store.setting("student") == "first"
    assert store.scoring_state("second")["scored"] == 3
