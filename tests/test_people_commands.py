"""`assign` and `gold` on the command line, and the page that does the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import dealing, reviewing
from curation import store as stores
from curation.settings import ROOT
from curation.sharing import Readers, Reservations
from tests.builders import a_decision
from tests.said import Said

Curate = Callable[..., Said]


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def test_an_assignment_is_previewed_made_listed_and_ended(curate: Curate, demo: Path) -> None:
    asked = ("assign", "make", "--to", "ada", "bo", "--n", 5, "--readings", 2, "--by", "lead",
             "--name", "pilot", "--json")  # fmt: skip
    preview = curate(*asked, "--preview").json
    assert preview["assignment_id"] is None
    assert (preview["n_found"], preview["n_traces"], preview["people"]) == (
        12, 5, {"ada": 5, "bo": 5},
    )  # fmt: skip
    assert curate("assign", "list", "--json").json["items"] == []
    made = curate(*asked).json
    (item,) = curate("assign", "list", "--json").json["items"]
    assert item["assignment_id"] == made["assignment_id"]
    assert item["asked"]["n"] == 5
    assert [(one["reviewer"], one["n_left"]) for one in item["people"]] == [("ada", 5), ("bo", 5)]
    assert "pilot" in curate("assign", "list").out
    assert curate("assign", "withdraw", "pilot", "--by", "lead").code == 0
    (item,) = curate("assign", "list", "--json").json["items"]
    assert item["withdrawn_by"] == "lead"
    assert item["people"] == []


def test_a_saved_view_is_a_slice(curate: Curate, demo: Path) -> None:
    with stores.open(demo) as store:
        store.set_setting(
            "view/unguided", '{"where": "teacher_context = \'unguided\'", "text": "", "queue": ""}'
        )
    words = ("assign", "make", "--to", "ada", "--by", "lead", "--view")
    assert curate(*words, "unguided", "--json").json["n_found"] == 4
    refused = curate(*words, "none")
    assert refused.code == 1
    assert "there are: unguided" in refused.err


@pytest.mark.usefixtures("demo")
def test_the_page_assigns_what_its_preview_shows(demo: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/5_Agreement.py").run()
    app.segmented_control(key="view").set_value("Assign").run()
    assert not app.exception
    app.multiselect(key="assign_to").set_value(["ada", "bo"]).run()
    assert any("12 of 12 traces" in text.value for text in app.text)
    app.button(key="assign_make").click().run()
    assert not app.exception
    with stores.open(demo) as store:
        assert store.assignment_progress()["n_assigned"].to_list() == [6, 6]


def test_gold_is_marked_listed_measured_and_taken_back(curate: Curate, demo: Path) -> None:
    ids = [item["trace_id"] for item in curate("list", "--json").json["items"]]
    assert curate("gold", "add", *ids[:2], "--verdict", "reject", "--reason", "leak", "--by",
                  "lead", "--json").json["n"] == 2  # fmt: skip
    listed = curate("gold", "list", "--json").json
    assert (listed["one_in"], listed["feedback"]) == (20, False)
    assert [(item["trace_id"], item["verdict"]) for item in listed["items"]] == [
        (ids[0], "reject"), (ids[1], "reject"),
    ]  # fmt: skip
    mixed = curate("gold", "mix", "--one-in", 5, "--feedback", "--json").json
    assert (mixed["one_in"], mixed["feedback"]) == (5, True)
    assert curate("gold", "mix", "--one-in", 1).code == 1
    curate("decide", ids[0], "accept", "--reviewer", "ada")
    (row,) = curate("gold", "accuracy", "--json").json["by_person"]
    assert (row["reviewer"], row["n"], row["n_right"], row["n_wrongly_accepted"]) == (
        "ada",
        1,
        0,
        1,
    )
    assert "too few" in curate("gold", "accuracy").out
    assert curate("gold", "withdraw", "--where", "true", "--by", "lead", "--json").json["n"] == 2
    assert curate("gold", "list", "--json").json["items"] == []
    assert curate("gold", "add", "--verdict", "accept", "--by", "lead").code == 1


def test_an_export_leaves_gold_items_out_only_where_asked(
    curate: Curate, demo: Path, tmp_path: Path
) -> None:
    ids = [item["trace_id"] for item in curate("list", "--json").json["items"]]
    for trace_id in ids[:3]:
        curate("decide", trace_id, "accept", "--reviewer", "ada")
    curate("gold", "add", ids[0], ids[5], "--verdict", "accept", "--by", "lead")
    words = ("export", "--format", "sft-messages", "--splits", "train=1", "--json", "--out")
    kept = curate(*words, tmp_path / "kept").json
    assert kept["rows"] == {"train": 3}
    without = curate(*words, tmp_path / "without", "--without-gold").json
    assert without["rows"] == {"train": 2}
    manifest = json.loads((tmp_path / "without" / "manifest.json").read_text("utf-8"))
    assert "current_gold_verdict" in manifest["options"]["where"]
    assert curate("verify", tmp_path / "without", "--json").json["broken"] == []


@pytest.mark.usefixtures("demo")
def test_the_page_marks_what_a_filter_finds(demo: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/5_Agreement.py").run()
    app.segmented_control(key="view").set_value("Gold").run()
    app.text_input(key="gold_where").set_value("teacher_context = 'unguided'").run()
    app.button(key="gold_mark").click().run()
    assert not app.exception
    assert app.number_input(key="gold_one_in").value == 20
    with stores.open(demo) as store:
        assert store.gold_items()["verdict"].to_list() == ["accept"] * 4


def test_agreement_tells_of_steps_spans_and_gold(curate: Curate, demo: Path) -> None:
    with stores.open(demo) as store:
        ids = store.list_traces()["trace_id"].to_list()
        for name, verdict in (("ada", 1), ("bo", -1)):
            for trace_id in ids[:2]:
                extra: dict[str, object] = {
                    "steps": [{"step": 0, "verdict": verdict}],
                    "spans": [{"start": 0, "end": 4, "label": "wrong"}],
                }
                store.decide(a_decision(trace_id, reviewer=name, extra=extra))
    curate("gold", "add", ids[0], "--verdict", "reject", "--by", "lead")
    answer = curate("agreement", "--json").json
    assert (answer["steps"]["n_pairable"], answer["steps"]["n_opposed"]) == (2, 2)
    assert answer["steps"]["percent"] == 0.0
    assert answer["spans"]["all"]["exact"] == 1.0
    assert [(row["reviewer"], row["n_right"]) for row in answer["gold"]] == [("ada", 0), ("bo", 0)]
    told = curate("agreement").out
    assert "on steps" in told
    assert answer["spans"]["all"]["alpha_u"] == 1.0
    assert "on spans: alpha for unitizing, F1" in told
    assert "on gold items" in told
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/5_Agreement.py").run()
    assert not app.exception
    assert any("2 steps of 2 traces" in caption.value for caption in app.caption)


def test_review_says_what_is_assigned_and_counts_it_alone(curate: Curate, demo: Path) -> None:
    ids = [item["trace_id"] for item in curate("list", "--json").json["items"]]
    curate("decide", ids[0], "accept", "--reviewer", "reviewer")
    curate("assign", "make", "--to", "reviewer", "--n", 4, "--by", "lead")
    with stores.open(demo) as store:
        mine = store.assigned()["trace_id"].to_list()
        store.decide(a_decision(mine[0], reviewer="reviewer"))
        assert store.n_assigned_left("reviewer") == 3
        line = reviewing.line(store, reviewing.ASSIGNED, "reviewer", 0, ())
        readers = Readers()
        hand = dealing.deal(
            store, line, reviewing.ASSIGNED, "reviewer", 9, readers, Reservations()
        )  # fmt: skip
        counted = [
            dealing.n_decided(queue, "reviewer", hand.decided, readers)
            for queue in (reviewing.ASSIGNED, "in order")
        ]
    # Of the four one is decided; in all, two.
    assert (hand.n_left, counted) == (3, [1, 2])
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/3_Review.py").run()
    assert app.button(key="assigned_take").label == "3 assigned to you"
    app.button(key="assigned_take").click().run()
    assert not app.exception
    assert app.selectbox(key="queue").value == "assigned to me"
