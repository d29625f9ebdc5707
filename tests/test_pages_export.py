"""The Export page without a browser: recipes edited, refused, saved, compared, written, checked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import commands, export, export_jobs
from curation import store as stores
from curation.errors import ExportError
from curation.export.planning import plan
from curation.records import recipe_version_id
from curation.screens import export_preview
from curation.settings import ROOT
from tests.builders import a_decision
from tests.tiny import CHATML, a_folder, a_tokenizer


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def decided(demo: Path) -> Path:
    """The demo store with five traces accepted, one rejected and a saved view."""
    with stores.open(demo) as store:
        ids = store.list_traces()["trace_id"].to_list()
        for trace_id in ids[:5]:
            store.decide(a_decision(trace_id))
        store.decide(a_decision(ids[5], "reject"))
        view = {"where": "teacher_context = 'answer'", "text": "it's", "queue": "x"}
        store.set_setting("view/answers", json.dumps(view))
    return demo


def _page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.query_params.update(query)
    app.switch_page("pages/6_Export.py").run()
    assert not app.exception
    return app


def _said(app: AppTest) -> str:
    kinds = (app.caption, app.info, app.warning, app.error, app.success, app.code, app.text)
    said = "\n".join(str(element.value) for kind in kinds for element in kind)
    return said.replace("\\", "")


def _metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def _tab(app: AppTest, name: str) -> None:
    app.session_state["export_tab"] = name
    app.run()
    assert not app.exception


def _written(app: AppTest) -> AppTest:
    """Press Write, and come back to the page until the export is over."""
    app.button(key="export_write").click().run()
    while any("You may leave this page" in each.value for each in app.caption):
        app.run()
    assert not app.exception
    return app


def test_an_empty_store_and_one_without_verdicts_say_where_to_go(demo: Path) -> None:
    app = _page()
    assert "none is accepted (12 undecided)" in _said(app)
    assert app.button(key="export_write").disabled
    app.selectbox(key="export_format").set_value("preference").run()
    assert "two traces on Compare" in _said(app)
    st.cache_resource.clear()
    demo.unlink()
    app = _page()
    assert "The store is empty" in _said(app)
    assert app.button(key="export_write").disabled


def test_the_counts_follow_the_recipe_while_it_is_edited(decided: Path) -> None:
    app = _page()
    assert _metrics(app) == {"Rows": "5", "Problems": "2", "Left out": "7"}
    app.text_input(key="export_where").set_value("teacher_context = 'unguided'").run()
    # The demo has one trace of each of three contexts a problem: of the first six, two.
    unguided = int(_metrics(app)["Rows"])
    assert 0 < unguided < 5
    app.selectbox(key="export_view").set_value("answers").run()
    app.button(key="export_view_use").click().run()
    where = app.text_input(key="export_where").value
    assert where == (
        "(teacher_context = 'answer') and (contains(lower(text), lower('it''s')) or "
        "contains(lower(prompt), lower('it''s')))"
    )
    assert not app.exception
    assert not app.error


BAD: list[tuple[str, Any, str]] = [
    ("export_where", "colour = 1", "colour"),
    ("export_where", "teacher =", "no SQL condition"),
    ("export_where", "true); drop table trace; --", "filter"),
    ("export_where", "(copy trace to '/tmp/stolen')", "no SQL condition"),
    ("export_where", "exists (from read_text('/etc/hostname'))", "file system operations"),
    ("export_where", "teacher = 'a' and teacher = 'b'", "no trace passes the filter"),
    ("export_where", "state = 'rejected'", "none is accepted"),
    ("export_splits", "", "cannot be read at ''"),
    ("export_splits", "train", "cannot be read at 'train'"),
    ("export_splits", "train=0.5", "add up to 0.5"),
    ("export_splits", "a=0.5,a=0.5", "named twice"),
    ("export_splits", "../x=1", "cannot name a split"),
    ("export_splits", "train=nan", "cannot be read at 'train=nan'"),
    ("export_layout_pairs_per_problem", 0, "layout.pairs_per_problem is 0, expected greater"),
    ("export_writing_shard_mb", 0.0, "writing.shard_mb is 0.0, expected greater than 0"),
    ("export_budget_share", -0.5, "budget.share is -0.5, expected greater than 0"),
]


def _widget(app: AppTest, key: str, value: Any) -> Any:
    return (app.text_input if isinstance(value, str) else app.number_input)(key=key)


def test_a_bad_recipe_is_refused_on_the_page_and_cannot_be_written(
    decided: Path, tmp_path: Path
) -> None:
    app = _page()
    for key, bad, says in BAD:
        good = _widget(app, key, bad).value
        _widget(app, key, bad).set_value(bad).run()
        assert not app.exception, (key, bad)
        assert says in _said(app), (key, bad)
        buttons = [each for each in app.button if each.key == "export_write"]
        assert all(each.disabled for each in buttons), (key, bad)
        _widget(app, key, bad).set_value(good).run()
        assert not app.error, (key, bad)
    st.cache_resource.clear()
    with stores.open(decided) as store:
        assert store.exports().height == 0
        assert store.export_recipes().height == 0


def test_a_recipe_is_saved_compared_and_opened_again_by_its_link(decided: Path) -> None:
    app = _page()
    _tab(app, "Versions")
    app.text_input(key="export_name").set_value("mine").run()
    app.button(key="export_save").click().run()
    assert "mine@1 saved." in _said(app)
    app.text_input(key="export_splits").set_value("train=0.8,validation=0.2")
    app.selectbox(key="export_layout_neutral_steps").set_value("drop").run()
    assert app.code[0].value == (
        "splits train: 0.9 -> 0.8\nsplits validation: 0.1 -> 0.2\nlayout neutral_steps: "
        "true -> drop"
    )
    app.button(key="export_save").click().run()
    assert "mine@2 saved." in _said(app)
    assert "The same as mine@2." in _said(app)
    app.selectbox(key="export_saved").set_value("mine@1").run()
    app.button(key="export_open").click().run()
    assert app.text_input(key="export_splits").value == "train=0.9,validation=0.1"
    assert app.selectbox(key="export_layout_neutral_steps").value == "true"
    linked = _page(recipe="mine@2")
    assert linked.text_input(key="export_splits").value == "train=0.8,validation=0.2"
    unknown = _page(recipe="gone@2")
    assert "No recipe is called 'gone'" in _said(unknown)


def test_what_is_written_by_a_saved_recipe_names_it_and_verifies(
    decided: Path, tmp_path: Path
) -> None:
    app = _page()
    _tab(app, "Versions")
    app.text_input(key="export_name").set_value("mine").run()
    app.button(key="export_save").click().run()
    app.text_input(key="export_out").set_value(str(tmp_path / "set")).run()
    _written(app)
    assert "5 rows written as sft-messages by the recipe mine" in _said(app)
    assert f"datasets.load_dataset({str(tmp_path / 'set')!r})" in _said(app)
    app.button(key="export_verify").click().run()
    assert "none is broken" in _said(app)
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text("utf-8"))
    assert manifest["recipe"]["name"] == "mine"
    assert manifest["recipe"]["version_id"] == recipe_version_id(export.Recipe().text)
    (tmp_path / "set" / "train.jsonl").write_text("{}")
    app.button(key="export_verify").click().run()
    assert "do not hold" in _said(app)
    _written(app)
    assert "already holds files" in _said(app)


def test_a_row_is_shown_as_it_will_stand_in_the_file(decided: Path) -> None:
    app = _page()
    _tab(app, "As the trainer reads it")
    app.number_input(key="export_row").set_value(5).run()
    assert not app.exception
    row = json.loads(app.code[0].value)
    st.cache_resource.clear()
    with stores.open(decided) as store:
        fifth = store.trace(store.list_traces()["trace_id"][4])
    assert row["trace_id"] == fifth.trace_id
    assert row["messages"][1]["content"] == fifth.text


@pytest.mark.slow
def test_the_tokens_of_a_row_are_counted_with_those_that_carry_loss(
    decided: Path, tmp_path: Path
) -> None:
    tiny = a_folder(tmp_path / "tiny", a_tokenizer(chat_template=CHATML))
    app = _page()
    _tab(app, "As the trainer reads it")
    app.text_input(key="export_row_student").set_value(str(tiny))
    app.toggle(key="export_tokens").set_value(True).run()
    assert not app.exception
    (counted,) = re.findall(r"([\d,]+) tokens, ([\d,]+) of them carry loss", _said(app))
    assert counted[0] == counted[1]  # messages are learnt from end to end
    app.selectbox(key="export_format").set_value("sft-prompt-completion").run()
    (counted,) = re.findall(r"([\d,]+) tokens, ([\d,]+) of them carry loss", _said(app))
    assert 0 < int(counted[1].replace(",", "")) < int(counted[0].replace(",", ""))
    app.text_input(key="export_row_student").set_value("no-such-student").run()
    assert "There is no student 'no-such-student'" in _said(app)


def test_an_export_is_found_again_wherever_its_asker_went(demo: Path, tmp_path: Path) -> None:
    with stores.open(demo) as store:
        store.decide(a_decision(store.list_traces()["trace_id"][0]))
        jobs = export_jobs.Jobs()
        asked = {"recipe": export.Recipe(), "out": str(tmp_path / "set")}
        job = jobs.start(store, asked)
        assert job.wait(60)
        assert jobs.last is job
        assert (job.n_written, job.n_rows, job.is_running) == (1, 1, False)
        assert job.answer is not None
        assert commands.verify_export(tmp_path / "set")["broken"] == []
        again = jobs.start(store, asked)
        assert again.wait(60)
        assert again.error is not None
        assert "already holds files" in again.error
        broken = jobs.start(store, {"out": str(tmp_path / "x")})
        assert broken.wait(60)
        assert isinstance(broken.crash, KeyError)


def test_one_export_is_written_at_a_time(monkeypatch: pytest.MonkeyPatch, demo: Path) -> None:
    gate = threading.Event()
    monkeypatch.setattr(commands, "run", lambda *_: {"waited": gate.wait(60)})
    with stores.open(demo) as store:
        jobs = export_jobs.Jobs()
        first = jobs.start(store, {"out": "here"})
        with pytest.raises(ExportError, match="here is being written; wait"):
            jobs.start(store, {"out": "there"})
        gate.set()
        assert first.wait(60)
        assert jobs.start(store, {"out": "there"}).wait(60)


def test_every_option_of_a_recipe_has_a_widget_that_says_what_the_recipe_says() -> None:
    """Whatever parts a recipe has or gets: filled in and read back they are the same."""

    def script() -> None:
        from pydantic import BaseModel

        from curation import export
        from curation.screens import export_fields

        held = export.Recipe()
        content = {}
        for name, field in export.Recipe.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                export_fields.fill(field.annotation, held.content()[name], (name,), anew=True)
                content[name] = export_fields.form(field.annotation, (name,))
        assert content
        assert export.recipe_from(content) == held

    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception


def test_over_many_traces_the_page_opens_before_its_counts_are_there(
    decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _metrics(_page())
    st.cache_resource.clear()
    may_go_on = threading.Event()

    def slowly(*asked: Any) -> Any:
        assert may_go_on.wait(60)
        return plan(*asked)

    monkeypatch.setattr(export_preview, "AT_ONCE", 5)
    monkeypatch.setattr(export_preview, "PATIENCE_S", 0.01)
    monkeypatch.setattr(export_preview, "plan", slowly)
    app = _page()
    assert "is being counted" in _said(app)
    (states,) = (table.value for table in app.dataframe if "state" in table.value.columns)
    assert dict(zip(states["state"], states["n"], strict=True)) == {"accepted": 5, "rejected": 1}
    may_go_on.set()
    monkeypatch.setattr(export_preview, "PATIENCE_S", 60)
    assert _metrics(app.run()) == whole != {}
