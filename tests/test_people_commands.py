"""`assign` on the command line, and the page that does the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation import store as stores
from curation.settings import ROOT
from tests.said import Said

Curate = Callable[..., Said]


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
