"""The hedging budget, through a real store: what is refused, who can sign, what is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation import editing, export, lexicons, store
from curation.errors import ExportError
from curation.export.recipe import recipe_from
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace

GUIDED, UNGUIDED = "It is 4 and nothing else. ", "Perhaps it is 4. "


@pytest.fixture
def curated(tmp_path: Path) -> Iterator[Store]:
    """Three problems: a sure guided trace accepted, two unguided ones undecided, one rejected."""
    with store.open(tmp_path / "s.duckdb") as opened:
        for number in range(3):
            prompt = f"What is {number} + 4?"
            guided = a_trace(
                GUIDED * 4 + UNGUIDED + f"({number})", prompt=prompt, teacher_context="solution"
            )
            unguided = a_trace(UNGUIDED * 4 + f"({number})", prompt=prompt)
            opened.add(a_batch(guided, unguided), "i1")
            opened.decide(a_decision(guided["trace_id"]))
            if number == 0:
                opened.decide(a_decision(unguided["trace_id"], "reject"))
        lexicons.mark_pending(opened)
        yield opened


# A guided trace has 4 · 6 + 4 + 1 = 29 words with one hedge, an unguided one 4 · 4 + 1 = 17 with
# four: (1/29) / (4/17) = 17/116 = 0.1466.
RATIO = 17 / 116


def recipe(**budget: Any) -> export.Recipe:
    return recipe_from({"splits": {"train": 1.0}, "budget": budget})


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_a_set_below_its_budget_is_refused_with_the_figures_and_what_would_help(
    curated: Store, tmp_path: Path
) -> None:
    with pytest.raises(ExportError) as caught:
        export.write(curated, recipe(share=0.5), out=tmp_path / "x")
    said = str(caught.value)
    assert f"{RATIO:.3f} of the unguided density, and 0.5 was asked for" in said
    assert "34.48 epistemic markers per 1,000 words against 235.29" in said
    assert "3 left-out traces would raise it" in said
    # with the two undecided: p0 1/29; p1 and p2 (1 + 4)/2 = 2.5 in (29 + 17)/2 = 23: 6/75 over 4/17
    assert f"With all 2 of 'undecided' it would be {6 / 75 / (4 / 17):.3f}." in said
    assert not (tmp_path / "x").exists()
    assert export.preview(curated, recipe(share=0.5)).refusal == said


def test_a_budget_that_is_kept_is_on_record(curated: Store, tmp_path: Path) -> None:
    export.write(curated, recipe(share=0.1), out=tmp_path / "x")
    kept = manifest_of(tmp_path / "x")["budget"]
    assert kept["ratio"] == pytest.approx(RATIO)
    assert (kept["share"], kept["is_kept"], kept["override"]) == (0.1, True, None)


def test_without_a_budget_nothing_is_refused_and_the_record_says_so(
    curated: Store, tmp_path: Path
) -> None:
    export.write(curated, recipe(), out=tmp_path / "x")
    assert manifest_of(tmp_path / "x")["budget"] is None
    assert "No hedging budget" in (tmp_path / "x" / "README.md").read_text(encoding="utf-8")


def test_a_signed_override_lets_it_pass_and_stands_in_manifest_and_card(
    curated: Store, tmp_path: Path
) -> None:
    signed = {"who": "ada", "why": "a `trial` | <b>run</b>\n# x", "down_to": 0.1}
    written = export.write(curated, recipe(share=0.5, override=signed), out=tmp_path / "x")
    assert sum(written.rows.values()) == 3
    told = manifest_of(tmp_path / "x")["budget"]
    assert told["override"] == signed
    assert (told["is_kept"], told["is_overridden"]) == (False, True)
    card = (tmp_path / "x" / "README.md").read_text(encoding="utf-8")
    assert "Signed by `ada`, down to 0.1: `a 'trial' | <b>run</b>\\n# x`" in card


def test_an_override_signs_for_no_less_than_it_names(curated: Store, tmp_path: Path) -> None:
    signed = {"who": "ada", "why": "a trial", "down_to": 0.2}
    with pytest.raises(ExportError, match=r"The override lets pass 0\.2 and no less"):
        export.write(curated, recipe(share=0.5, override=signed), out=tmp_path / "x")


def test_a_budget_without_an_unguided_reference_is_refused_even_when_signed(
    tmp_path: Path,
) -> None:
    with store.open(tmp_path / "s.duckdb") as alone:
        guided = a_trace(GUIDED, teacher_context="solution")
        alone.add(a_batch(guided), "i1")
        alone.decide(a_decision(guided["trace_id"]))
        lexicons.mark_pending(alone)
        signed = {"who": "ada", "why": "a trial", "down_to": 0.0}
        with pytest.raises(ExportError, match="there is no unguided trace"):
            export.write(alone, recipe(share=0.5, override=signed), out=tmp_path / "x")
        export.write(alone, recipe(), out=tmp_path / "x")


def test_a_budget_over_markers_that_nobody_counted_is_refused(tmp_path: Path) -> None:
    with store.open(tmp_path / "s.duckdb") as unmarked:
        trace = a_trace(UNGUIDED)
        unmarked.add(a_batch(trace), "i1")
        unmarked.decide(a_decision(trace["trace_id"]))
        with pytest.raises(ExportError, match="are not counted"):
            export.write(unmarked, recipe(share=0.5), out=tmp_path / "x")


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        ({"share": 0}, r"budget\.share"),
        ({"share": float("nan")}, r"budget\.share"),
        ({"share": "much"}, r"budget\.share"),
        ({"shares": 0.5}, r"budget\.shares"),
        ({"override": {"who": "ada", "why": "x", "down_to": 0.1}}, "needs a budget"),
        ({"share": 0.5, "override": {"who": " ", "why": "x", "down_to": 0.1}}, "who and why"),
        ({"share": 0.5, "override": {"who": "ada", "down_to": 0.1}}, r"budget\.override\.why"),
        ({"share": 0.5, "override": {"who": "a", "why": "x", "down_to": 0.5}}, "goes down to less"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_by_name(budget: dict[str, Any], why: str) -> None:
    with pytest.raises(ExportError, match=why):
        recipe(**budget)


def test_the_scales_of_a_manifest_are_the_same_bytes_again(curated: Store, tmp_path: Path) -> None:
    for name in ("x", "y"):
        export.write(curated, recipe(share=0.1), out=tmp_path / name)
    one, two = ((tmp_path / name / "manifest.json").read_bytes() for name in ("x", "y"))
    assert one == two


def test_what_is_weighed_is_the_edit_and_not_what_it_edited(curated: Store, tmp_path: Path) -> None:
    trace_id = str(curated.list_traces("teacher_context = 'solution'")["trace_id"][0])
    trace = curated.trace(trace_id)
    decision = a_decision(trace_id, extra={"edit": {"text": trace.text + " Perhaps. Maybe."}})
    editing.decide(curated, decision)
    lexicons.mark_pending(curated)
    export.write(curated, recipe(), out=tmp_path / "x")
    scales = manifest_of(tmp_path / "x")["scales"]
    assert scales["n_traces"] == {"accepted": 3, "pool": 6, "reference": 3}
    assert sum(each["n_traces"] for each in scales["removed"]) == 3
    # two guided ones of 1 in 29 words, and the edit: 3 in 31
    assert scales["rows"][0]["accepted"]["value"] == pytest.approx(1000 * 5 / 89)
    context = next(mix for mix in scales["mixes"] if mix["name"] == "context")
    assert {each["value"]: each["accepted"] for each in context["counts"]}["refined"] == 1


def test_what_a_rule_of_the_recipe_left_out_is_weighed_under_its_name(
    curated: Store, tmp_path: Path
) -> None:
    capped = recipe_from({"splits": {"train": 1.0}, "selection": {"per_teacher": 2}})
    export.write(curated, capped, out=tmp_path / "x")
    scales = manifest_of(tmp_path / "x")["scales"]
    assert scales["n_traces"] == {"accepted": 2, "pool": 6, "reference": 2}
    assert {each["reason"]: each["n_traces"] for each in scales["removed"]} == {
        "undecided": 2, "rejected": 1, "beyond 2 a teacher": 1,
    }  # fmt: skip
