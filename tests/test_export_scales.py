"""The scales of a store: page, command and manifest say the same, and say it safely."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation import commands, console, export, export_scales, store
from curation.answers import as_json
from curation.errors import FilterError
from curation.export import scale_words
from curation.figures import scales as charts
from curation.settings import ROOT
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace

HOSTILE = "\x1b[31m`![x](http://x.invalid/a.png)` | <script>$x$</script>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of four problems, the guided traces of three accepted; nothing is marked yet."""
    found = tmp_path / "s.duckdb"
    with store.open(found) as opened:
        for number in range(4):
            prompt = f"What is {number} + 4?"
            guided = a_trace("It is 4, clearly.", prompt=prompt, teacher_context="solution")
            unguided = a_trace(f"Perhaps it is 4. ({number})", prompt=prompt)
            batch = a_batch(guided, unguided)
            domain = HOSTILE if number == 3 else "arithmetic"
            changed = batch._replace(
                problems=batch.problems.with_columns(batch.problems["domain"].replace(
                    "arithmetic", domain))
            )  # fmt: skip
            opened.add(changed, "i")
            if number < 3:
                opened.decide(a_decision(guided["trace_id"]))
    return found


@pytest.fixture
def filled(path: Path) -> Iterator[Store]:
    with store.open(path) as opened:
        yield opened


def test_command_and_manifest_say_the_same(filled: Store, tmp_path: Path) -> None:
    arguments = {
        "format": "sft-messages", "where": None, "without_gold": False, "hedging_budget": None,
    }  # fmt: skip
    said = commands.run("scales", filled, arguments)
    written = export.write(filled, export.recipe_from({}), out=tmp_path / "x")
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scales"] == json.loads(as_json(said))["scales"]
    assert written.record["scales"] == said["scales"]
    # nothing was marked before the command: it counts, as an export by command does
    row = said["scales"]["rows"][0]
    assert (row["name"], row["accepted"]["n_unknown"]) == ("epistemic_per_1k", 0)
    # guided: 4 words, no epistemic marker; unguided: one hedge in 5 words
    assert row["accepted"]["value"] == 0
    assert row["reference"]["value"] == pytest.approx(200)


def test_an_export_by_command_counts_what_is_new_first(filled: Store, tmp_path: Path) -> None:
    arguments = {"format": "sft-messages", "out": str(tmp_path / "x")}
    commands.run("export", filled, arguments)
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scales"]["rows"][0]["accepted"]["n_unknown"] == 0


def test_a_filter_that_cannot_run_counts_nothing(filled: Store) -> None:
    with pytest.raises(FilterError):
        export_scales.ready(filled, "nonsense(")
    assert filled.export_figures()["n_epistemic"].null_count() == 8


def test_a_lost_domain_is_named_without_driving_terminal_or_card(
    filled: Store, tmp_path: Path
) -> None:
    said = export_scales.of(filled, export.recipe_from({}))
    (lost,) = [each for each in said["scales"]["warnings"] if each["code"] == "coverage lost"]
    assert lost["names"] == [HOSTILE]
    shown = console.readable("scales", said)
    assert "\x1b" not in shown
    assert r"\x1b[31m" in shown
    export.write(filled, export.recipe_from({}), out=tmp_path / "x")
    card = (tmp_path / "x" / "README.md").read_text(encoding="utf-8")
    hostile = [line for line in card.splitlines() if "x.invalid" in line]
    assert len(hostile) == 2
    for line in hostile:
        code = line.split("`")[1]
        assert code.startswith(r"\u001b[31m'![x](")
        assert "x.invalid" not in line.replace(code, "")


def test_the_card_s_head_says_language_size_and_where_the_files_are(
    filled: Store, tmp_path: Path
) -> None:
    export_scales.ready(filled, None)
    export.write(filled, export.recipe_from({"splits": {"train": 1.0}}), out=tmp_path / "x")
    card = (tmp_path / "x" / "README.md").read_text(encoding="utf-8")
    head = card.split("---")[1].strip().splitlines()
    assert head[:4] == ["license: cc0-1.0", "size_categories:", "- n<1K", "task_categories:"]
    assert "  - split: train" in head


def test_a_chart_shows_names_letter_by_letter_and_numbers_beside(filled: Store) -> None:
    found = export_scales.of(filled, export.recipe_from({}))["scales"]
    (domains,) = [mix for mix in found["mixes"] if mix["name"] == "domain"]
    figure = charts.mix(domains).figure
    labels = figure.layout.yaxis.ticktext
    assert labels[0] == "arithmetic"
    assert "<script>" not in labels[1]
    assert "$" not in labels[1]
    # 3 of 3 accepted, 6 of the pool's 8, 3 of the 3 unguided of these problems
    assert figure.layout.annotations[0].text == "100 % · 75 % · 100 %"
    assert charts.ratios(found).alt.startswith("Against the pool, accepted · pool · unguided: ")


def test_the_page_shows_the_manifest_s_figures(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.open(path) as opened:
        export_scales.ready(opened, None)
        export.write(opened, export.recipe_from({}), out=tmp_path / "x")
    scales = json.loads((tmp_path / "x" / "manifest.json").read_text(encoding="utf-8"))["scales"]
    monkeypatch.setenv("HEDGEROW_STORE", str(path))
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    page.switch_page("pages/6_Export.py").run()
    page.session_state["export_tab"] = "The scales"
    page.run()
    assert not page.exception
    (shown,) = [each.value for each in page.dataframe if "Against pool" in each.value.columns]
    assert [tuple(row) for row in shown.itertuples(index=False)] == scale_words.rows(scales)
