"""Exports held against the student's chat template: nothing is dropped without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import export, export_reading, export_templates
from curation import store as stores
from curation.errors import ExportError
from curation.export import planning
from curation.export.reasoning import Placement
from curation.store import Store
from curation.student.template import ChatTemplate
from tests.builders import a_trace
from tests.export_desk import decide, hold, hold_many, prefer
from tests.said import Said
from tests.templates import GPT_OSS, MINIMAL, QWEN3, R1
from tests.tiny import CHATML, a_folder, a_tokenizer

TEXT = "<think>\nWait, two and two.\n</think>\n\nIt is 4."
OF = {"minimal": MINIMAL, "qwen": QWEN3, "oss": GPT_OSS, "r1": R1}


def templates(student: str) -> ChatTemplate:
    return ChatTemplate(OF[student], student)


def teaching(student: str, place: Placement = "inline") -> dict[str, Any]:
    return {"template": student, "reasoning": place}


@pytest.fixture
def held(store: Store) -> Store:
    """Three accepted traces; the second has no think block."""
    for trace in hold_many(store, [TEXT, "It is 2.", TEXT + "!"]):
        decide(store, trace)
    return store


@pytest.mark.parametrize("format", ["sft-messages", "sft-prompt-completion", "axolotl", "kto"])
def test_a_template_that_cuts_reasoning_stops_the_export_and_shows_what_is_lost(
    held: Store, tmp_path: Path, format: str
) -> None:
    with pytest.raises(ExportError) as caught:
        export.write(
            held, format=format, out=tmp_path / "x", templates=templates, teaching=teaching("r1")
        )
    said = str(caught.value)
    assert "template of r1 drops the reasoning inside `content` (20 characters)" in said
    assert "nothing was written" in said
    assert "\n- Wait, two and two.\n" in said
    assert not (tmp_path / "x").exists()
    preview = export.preview(held, format=format, templates=templates, teaching=teaching("r1"))
    assert preview.refusal == said


def test_the_refusal_names_the_place_that_keeps_the_reasoning(held: Store, tmp_path: Path) -> None:
    def refusal(student: str, place: Placement) -> str:
        shown = export.preview(held, templates=templates, teaching=teaching(student, place))
        return shown.refusal or ""

    assert refusal("qwen", "thinking").endswith("placed in inline or reasoning_content.")
    assert refusal("oss", "reasoning_content").endswith("placed in inline or thinking.")
    assert "in no place that this format has" in refusal("r1", "thinking")
    # In the place that it names the same set goes out.
    export.write(
        held, out=tmp_path / "x", templates=templates, teaching=teaching("oss", "thinking")
    )
    assert export.verify_export(tmp_path / "x").broken == []


def test_the_manifest_says_what_the_rows_were_held_against(held: Store, tmp_path: Path) -> None:
    manifest = export.write(
        held, out=tmp_path / "x", templates=templates, splits={"train": 1},
        teaching=teaching("qwen", "reasoning_content"),
    )  # fmt: skip
    said = json.loads((tmp_path / "x/manifest.json").read_text())["template"]
    assert said == manifest.record["template"]
    assert (said["student"], said["template_sha256"]) == ("qwen", templates("qwen").sha256)
    assert (said["conversations"], said["adding_think_block"]) == ({"kept": 3}, 1)
    shown = export.preview(
        held, templates=templates, teaching=teaching("qwen", "reasoning_content")
    )
    assert "The template adds a think block of its own to 1." in shown.notes
    assert shown.refusal is None


def test_both_answers_of_a_pair_are_looked_at(store: Store) -> None:
    good, bad = hold(store, a_trace("It is 4."), a_trace(TEXT, sample_index=1))
    prefer(store, good, bad)
    for format in ("preference", "axolotl-dpo"):
        shown = export.preview(store, format=format, templates=templates, teaching=teaching("r1"))
        assert "drops the reasoning inside `content`" in (shown.refusal or "")


def test_where_no_template_can_be_applied_it_is_said(held: Store, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="'llama-factory' cannot be held against a chat template"):
        export.preview(held, format="llama-factory", teaching=teaching("qwen"))
    with pytest.raises(ExportError, match="nothing here can load it"):
        export.write(held, out=tmp_path / "x", teaching=teaching("qwen"))
    assert not (tmp_path / "x").exists()
    shown = export.preview(held, teaching=teaching("qwen"))
    assert "Not held against the template of 'qwen' yet." in shown.notes


def learnt(store: Store, format: str, number: int) -> str:
    """What of a row carries loss, as the page shows it before anything is written."""
    plan = planning.plan(store, export.recipe_from({"format": format, "splits": {"train": 1}}))
    row = export_reading.row_of(store, plan, number)
    assert row.messages is not None
    pieces = ChatTemplate(CHATML, "tiny", tokenizer=a_tokenizer()).preview(
        export_reading.said(row.messages), loss_on=row.loss_on, masked=row.masked
    )
    return "".join(piece.text for piece in pieces if piece.has_loss)


def test_a_row_is_shown_as_its_trainer_learns_it(store: Store) -> None:
    leaking, plain, rejected = hold_many(store, ["The answer is forty two.", "forty", "No."])
    decide(store, leaking, spans=[[11, 13, "leaks"]])
    decide(store, plain, spans=[[0, 5, "wrong"]])
    decide(store, rejected, "reject")
    # The prompt is never learnt in axolotl, nor is a turn that is masked from end to end.
    assert learnt(store, "axolotl", 0) == "The answer forty two.<|im_end|>\n"
    assert learnt(store, "axolotl", 1) == ""
    assert learnt(store, "sft-prompt-completion", 1) == "forty<|im_end|>\n"
    assert learnt(store, "openai", 1) == "forty<|im_end|>\n"
    assert learnt(store, "sft-messages", 1).startswith("<|im_start|>user\nWhat is 1 + 1?")
    assert learnt(store, "kto", 2) == "No.<|im_end|>\n"


def test_of_a_pair_the_chosen_answer_is_shown(store: Store) -> None:
    good, bad = hold(store, a_trace("forty"), a_trace("two", sample_index=1))
    prefer(store, good, bad)
    for format in ("preference", "axolotl-dpo"):
        assert learnt(store, format, 0) == "forty<|im_end|>\n"


@pytest.mark.slow
def test_the_command_holds_rows_against_the_student_named_in_the_recipe(
    curate: Callable[..., Said], tmp_path: Path
) -> None:
    path = tmp_path / "s.duckdb"
    with stores.open(path) as store:
        for trace in hold_many(store, [TEXT]):
            decide(store, trace)
    a_folder(tmp_path / "tiny", a_tokenizer(chat_template=R1))
    recipe = {"splits": {"train": 1}, "teaching": {"template": str(tmp_path / "tiny")}}
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    words = ("--store", str(path), "export", "--recipe", str(tmp_path / "r.json"))
    said = curate(*words, "--out", str(tmp_path / "x"))
    assert said.code == 1
    assert "drops the reasoning inside `content`" in said.err
    assert "- Wait, two and two." in said.err
    assert not (tmp_path / "x").exists()
    a_tokenizer(chat_template=MINIMAL).save_pretrained(tmp_path / "tiny")
    export_templates._loaded.cache_clear()
    said = curate(*words, "--out", str(tmp_path / "x"), "--json")
    assert said.code == 0
    record = json.loads((tmp_path / "x/manifest.json").read_text())
    assert record["template"]["conversations"] == {"kept": 1}
    assert record["template"]["tokenizer"].startswith("sha256:")


def test_a_token_counts_for_the_least_of_its_characters() -> None:
    tokenizer = a_tokenizer(chat_template=CHATML, eos_token="<|im_end|>")
    shown = ChatTemplate(CHATML, "tiny", {}, tokenizer)
    said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "The answer is 4."}]
    # " is" stands at 10 to 13 and has two weights; "4" at 14.
    spans = [(0, 10, 1.0), (10, 12, 0.5), (12, 13, 0.25), (13, 14, 1.0), (14, 15, 0.0)]
    pieces = shown.preview(said, weights=spans)
    assert [(piece.text, piece.weight) for piece in pieces][-8:] == [
        ("The", 1.0), (" answer", 1.0), (" is", 0.25), (" ", 1.0), ("4", 0.0), (".", 1.0),
        ("<|im_end|>", 1.0), ("\n", 1.0),
    ]  # fmt: skip
    assert all((piece.weight > 0) == piece.has_loss for piece in pieces)
    # Without weights every token of the answer counts 1, and none of the question.
    assert {piece.weight for piece in shown.preview(said)} == {0.0, 1.0}
