"""Every page, without a browser: empty, with the demo, and the one thing one does there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import commands
from curation import store as stores
from curation.records import PREFER
from curation.screens import leakage, numbers
from curation.settings import ROOT
from tests.builders import a_batch, a_decision, a_pack, a_trace

PAGES = sorted(path.relative_to(ROOT) for path in (ROOT / "pages").glob("*.py"))
DEMO = ROOT / "data" / "demo" / "traces.jsonl"


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the settings of a test put the store."""
    return tmp_path / "hedgerow.duckdb"


@pytest.fixture
def demo(path: Path) -> Path:
    """A store with twelve demo traces, of which six are scored, four accepted, one disputed."""
    few = path.with_name("few.jsonl")
    few.write_text("".join(DEMO.read_text("utf-8").splitlines(keepends=True)[:12]), "utf-8")
    arguments = {"sources": [str(few)], "format": None, "map": None, "max_trace_chars": 10_000}
    with stores.open(path) as store:
        commands.run("ingest", store, arguments)
        traces = [
            vars(store.trace(trace_id)) for trace_id in store.list_traces()["trace_id"].to_list()
        ]
        pack = a_pack(traces[:6])
        store.add_pack(pack, "cv1_a", "smollm2-135m-instruct", {"dtype": "float32"}, "p")
        for trace in traces[:4]:
            store.decide(a_decision(trace["trace_id"], reviewer="reviewer"))
        store.decide(a_decision(traces[4]["trace_id"], reviewer="reviewer"))
        store.decide(a_decision(traces[4]["trace_id"], "reject", reviewer="bo"))
    return path


def _run(page: Path | str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert not app.exception
    if str(page) != "app.py":
        app.switch_page(str(page)).run()
    assert not app.exception
    return app


def _texts(app: AppTest) -> str:
    """Everything that stands on the page as text."""
    kinds = (app.title, app.caption, app.markdown, app.text, app.info, app.warning, app.error,
             app.success, app.subheader)  # fmt: skip
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.mark.parametrize("page", ["app.py", *PAGES], ids=str)
def test_every_page_opens_on_an_empty_store(path: Path, page: Path | str) -> None:
    app = _run(page)
    assert not app.error
    assert path.exists()


@pytest.mark.parametrize("page", ["app.py", *PAGES], ids=str)
def test_every_page_opens_on_the_demo(demo: Path, page: Path | str) -> None:
    app = _run(page)
    assert not app.error


def test_home_says_where_the_curation_stands(demo: Path) -> None:
    app = _run("app.py")
    assert {metric.label: metric.value for metric in app.metric} == {
        "Problems": "4", "Traces": "12", "Scored": "6", "Accepted": "4", "Rejected": "0",
    }  # fmt: skip
    assert "reasoned silently" in _texts(app)


def test_a_busy_store_is_explained_on_the_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("this is no database, " * 100)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert not app.exception
    assert "is no DuckDB file" in app.error[0].value.replace("\\", "")
    assert [button.label for button in app.button] == ["Try again"]


def test_ingest_shows_the_mapping_before_it_stores_anything(path: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        json.dumps({"prompt": "2 + 2?", "trace": "It is 4.", "teacher": "<b>me</b>"})
        + "\nnot json\n"
    )
    app = _run("pages/1_Ingest.py")
    app.text_input(key="path").set_value(str(rows)).run()
    assert not app.exception
    assert "native" in _texts(app)
    assert "1 of the first rows would be refused." in _texts(app)
    app.button(key="store").click().run()
    assert not app.exception
    assert "2 rows read: 1 new, 0 known already, 1 refused." in _texts(app)
    st.cache_resource.clear()
    with stores.open(path) as store:
        assert store.status()["traces"] == 1


def test_ingest_says_in_one_line_why_a_file_cannot_be_read(path: Path, tmp_path: Path) -> None:
    app = _run("pages/1_Ingest.py")
    app.text_input(key="path").set_value(str(tmp_path / "absent*.jsonl")).run()
    assert not app.exception
    assert "absent*.jsonl" in app.error[0].value.replace("\\", "")


def test_a_filter_that_cannot_be_run_is_explained(demo: Path) -> None:
    for page, key in (
        ("pages/2_Scores.py", "scores_where"),
        ("pages/4_Spot_check.py", "spot_where"),
        ("pages/6_Export.py", "export_where"),
    ):
        app = _run(page)
        app.text_input(key=key).set_value("colour = 'red'").run()
        assert not app.exception
        assert "colour" in app.error[0].value
        # What one could have named instead.
        assert "mean\\_nll\\_nats" in app.error[0].value


def test_agreement_counts_only_what_two_people_rated(demo: Path) -> None:
    app = _run("pages/5_Agreement.py")
    assert "1 traces were accepted or rejected by two or more of 2 reviewers" in _texts(app)
    assert "reviewer: accept" in _texts(app)


def test_agreement_says_how_two_people_come_to_share_a_trace(path: Path) -> None:
    app = _run("pages/5_Agreement.py")
    assert "Nobody has accepted or rejected a trace yet" in _texts(app)
    assert "needs second reading" in _texts(app)


def test_agreement_on_pairs_is_shown_where_only_pairs_are_shared(path: Path) -> None:
    traces = [a_trace(f"Text {n}.", sample_index=n) for n in range(2)]
    one, other = sorted(trace["trace_id"] for trace in traces)
    with stores.open(path) as store:
        store.add(a_batch(*traces), "i")
        for name, verdict in (("ada", "accept"), ("bo", "reject")):
            question, extra = PREFER + other, {"left": one}
            store.decide(a_decision(one, verdict, reviewer=name, question=question, extra=extra))
    text = _texts(_run("pages/5_Agreement.py"))
    assert "1 pairs of 1 problems were decided by two or more of 2 people" in text
    assert "on 1 they chose opposite sides" in text
    assert "an interval needs 5 problems" in text


def test_spot_check_warns_of_the_demos_null_result(demo: Path) -> None:
    app = _run("pages/4_Spot_check.py")
    text = _texts(app)
    assert "reasoned silently" in text
    assert "No public study" in text


def test_the_reviewers_name_goes_from_page_to_page(demo: Path) -> None:
    app = _run("app.py")
    app.text_input(key="reviewer").set_value("çelik").run()
    app.switch_page("pages/6_Export.py").run()
    assert app.text_input(key="reviewer").value == "çelik"


def test_a_column_name_with_spaces_can_be_mapped(path: Path, tmp_path: Path) -> None:
    rows = tmp_path / "odd.csv"
    rows.write_text("Question Text,Model Says\n2 + 2?,It is 4.\n", encoding="utf-8")
    app = _run("pages/1_Ingest.py")
    app.text_input(key="path").set_value(str(rows)).run()
    assert "--map" not in app.error[0].value
    app.text_input(key="mapping").set_value('prompt="Question Text').run()
    assert "does not close" in app.error[0].value
    app.text_input(key="mapping").set_value('prompt="Question Text" trace="Model Says"').run()
    assert not app.error
    app.button(key="store").click().run()
    assert "1 rows read: 1 new" in _texts(app)


def _review(**query: str) -> AppTest:
    """Review as a link with these parameters opens it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/3_Review.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"queue": "nonsense"}, "The link names the queue nonsense"),
        ({"queue": "selection", "selection": "sl1_x"}, "The link names the selection sl1_x"),
        ({"queue": "selection"}, "the selection (none)"),
        ({"trace": "tr1_x"}, "The link names tr1_x"),
        ({"queue": "random"}, None),
    ],
)
def test_a_link_that_leads_nowhere_says_so(
    demo: Path, query: dict[str, str], said: str | None
) -> None:
    app = _review(**query)
    warnings = [element.value.replace("\\", "") for element in app.warning]
    assert len(warnings) == (said is not None)
    assert all(str(said) in warning for warning in warnings)


def test_a_selection_opens_as_a_queue_and_what_is_gone_is_said(demo: Path) -> None:
    with stores.open(demo) as store:
        ids = store.list_traces()["trace_id"].to_list()[6:9]
        store.set_setting("selection/sl1_mine", json.dumps([*ids, "tr1_gone"]))
    app = _review(queue="selection", selection="sl1_mine")
    assert app.selectbox(key="queue").value == "selection"
    assert [element.value for element in app.warning] == [
        "1 of the 4 chosen traces are not in this store."
    ]


def test_a_filter_of_the_link_narrows_the_queue_and_is_saved_as_a_view(demo: Path) -> None:
    app = _review(where="teacher_context = 'unguided'", text="/./", queue="random")
    assert "4 traces match" in _texts(app)
    app.text_input(key="view_new").set_value("mine").run()
    app.button(key="view_save").click().run()
    assert not app.exception
    app.text_input(key="where").set_value("colour = 'red'").run()
    assert "colour" in app.error[0].value
    app.selectbox(key="view_name").set_value("mine").run()
    assert not app.exception
    assert app.text_input(key="where").value == "teacher_context = 'unguided'"


def test_who_reads_what_is_set_for_everybody(demo: Path) -> None:
    app = _review(queue="random")
    app.radio(key="overlap_way").set_value("A share by several").run()
    app.number_input(key="overlap_share").set_value(30).run()
    app.button(key="overlap_use").click().run()
    assert not app.exception
    st.cache_resource.clear()
    with stores.open(demo) as store:
        assert json.loads(store.setting("overlap") or "") == {"readings": 2, "share": 0.3}


def test_scores_are_chosen_priced_and_paused(demo: Path) -> None:
    app = _run("pages/2_Scores.py")
    # Six of twelve are scored and none has the other families: all twelve wait.
    assert "12 traces wait" in _texts(app)
    app.multiselect(key="scores_families").set_value(["likelihood", "steps"]).run()
    # In the tests the app's own scorer rests until someone asks for it.
    assert app.button(key="scores_start").label == "Start"
    assert "Only 6 traces: below 200" in _texts(app)
    assert "Rank correlation (Spearman)" in _texts(app)


def test_many_traces_are_decided_after_a_preview_and_taken_back_as_one(demo: Path) -> None:
    app = _run("pages/2_Scores.py")
    assert "Give a filter first" in _texts(app)
    app.text_input(key="scores_where").set_value("teacher_context = 'unguided'").run()
    # Four of the twelve are unguided, one of them among the five that the reviewer has decided.
    assert "**3 traces** would be decided; 1 that match have your verdict" in _texts(app)
    assert app.button(key="bulk_decide").disabled
    app.text_input(key="bulk_note").set_value("cut off").run()
    app.button(key="bulk_decide").click().run()
    assert not app.exception
    assert "3 traces decided: reject." in _texts(app).replace("\\", "")
    (undo,) = (button for button in app.button if button.label == "Take back")
    undo.click().run()
    assert not app.exception
    assert "3 decisions taken back." in _texts(app).replace("\\", "")
    st.cache_resource.clear()
    with stores.open(demo) as store:
        assert store.status()["rejected"] == 0


def test_another_student_is_shown_when_chosen(demo: Path) -> None:
    with stores.open(demo) as store:
        trace = vars(store.trace(store.list_traces()["trace_id"][0]))
        store.add_pack(a_pack([trace], "cv1_b"), "cv1_b", "other", {"dtype": "float32"}, "q")
    app = _run("pages/2_Scores.py")
    app.selectbox(key="scores_student").set_value("smollm2-135m-instruct").run()
    assert not app.exception
    assert "Only 6 traces" in _texts(app)
    app.selectbox(key="scores_student").set_value("other").run()
    assert "Only 1 trace: below 200" in _texts(app)
    assert not app.toggle(key="scores_reads_other").value
    app.toggle(key="scores_reads_other").set_value(True).run()
    assert not app.exception
    assert app.toggle(key="scores_reads_other").value


def test_a_student_that_is_added_is_shown_and_shall_read(demo: Path) -> None:
    app = _run("pages/2_Scores.py")
    assert app.button(key="scores_add_student").disabled
    app.text_input(key="scores_new_student").set_value("/nowhere/at/all").run()
    assert app.button(key="scores_add_student").disabled
    assert "There is no student '/nowhere/at/all'" in _texts(app).replace("\\", "")
    app.text_input(key="scores_new_student").set_value(" ours/mine ").run()
    app.button(key="scores_add_student").click().run()
    assert not app.exception
    assert app.selectbox(key="scores_student").value == "ours/mine"
    assert app.toggle(key="scores_reads_ours/mine").value
    assert "The student has scored none of these traces yet" in _texts(app)


def test_a_list_too_long_for_a_browser_is_cut_and_its_problems_are_still_whole(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tables(app: AppTest) -> dict[str, Any]:
        return {
            "traces": next(t.value for t in app.dataframe if "trace_id" in t.value.columns),
            "bands": next((t.value for t in app.dataframe if "band" in t.value.columns), None),
        }

    whole = tables(_run("pages/2_Scores.py"))
    st.cache_resource.clear()
    monkeypatch.setattr(numbers, "SHOWN", 5)
    app = _run("pages/2_Scores.py")
    assert "the first 5 traces in this order" in _texts(app)
    cut = tables(app)
    assert cut["traces"]["trace_id"].to_list() == whole["traces"]["trace_id"].to_list()[:5]
    assert cut["bands"] is None
    app.session_state["scores_tab"] = "Difficulty of problems"
    app.run().toggle(key="bands_all").set_value(True).run()
    bands = next(t.value for t in app.dataframe if "band" in t.value.columns)
    assert bands.equals(whole["bands"])


def test_over_many_traces_what_markers_do_is_read_when_asked_for(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(app: AppTest) -> list[Any]:
        return [t.value for t in app.dataframe if "Markers per trace" in t.value.columns]

    (whole,) = shown(_run("pages/4_Spot_check.py"))
    st.cache_resource.clear()
    monkeypatch.setattr(numbers, "SHOWN", 5)
    app = _run("pages/4_Spot_check.py")
    assert shown(app) == []
    app.toggle(key="functions_all").set_value(True).run()
    (asked,) = shown(app)
    assert asked.equals(whole)


def test_of_many_traces_drawn_problems_stand_for_all_until_all_are_asked_for(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_context(app: AppTest) -> Any:
        return next(t.value for t in app.dataframe if "Context" in t.value.columns)

    whole = by_context(_run("pages/4_Spot_check.py"))
    st.cache_resource.clear()
    monkeypatch.setattr(leakage, "AT_ONCE", 5)
    monkeypatch.setattr(leakage, "DRAWN", 2)
    app = _run("pages/4_Spot_check.py")
    assert "reckoned from 2 of" in _texts(app)
    assert by_context(app)["Problems"].max() <= 2 < whole["Problems"].max()
    app.toggle(key="spot_all").set_value(True).run()
    assert "reckoned from" not in _texts(app)
    assert by_context(app).equals(whole)
