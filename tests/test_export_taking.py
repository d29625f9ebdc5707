"""Which rows each kind of format takes, from decisions made at the desk, and what it leaves out."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import export
from curation import store as stores
from curation.errors import ExportError
from curation.export import contrasts
from curation.store import Store
from tests.builders import a_batch, a_trace
from tests.export_desk import decide, prefer

ONE = {"train": 1}


@pytest.fixture
def problems(store: Store) -> list[list[str]]:
    """Four traces on each of three problems; their ids by problem."""
    rows = [
        [a_trace(f"Way {n} to {p}.", prompt=f"What is {p}?", teacher=f"t{n}") for n in range(4)]
        for p in range(3)
    ]
    store.add(a_batch(*(row for problem in rows for row in problem)), "i")
    return [[row["trace_id"] for row in problem] for problem in rows]


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]


# KTO


def test_kto_labels_what_was_accepted_and_what_was_rejected(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    ada, bob = partial(decide, store), partial(decide, store, reviewer="bob")
    a, b, c, d = problems[0]
    ada(a, "accept", edit={"text": "A better way."})
    for trace in (b, c):
        ada(trace, "reject")
    ada(d, "flag")
    e, f, _, _ = problems[1]
    ada(e, "accept")
    bob(e, "reject")
    ada(f, "reject")
    manifest = export.write(store, format="kto", out=tmp_path / "x", splits=ONE)
    rows = rows_in(tmp_path / "x")
    assert [row["completion"][0]["role"] for row in rows] == ["assistant"] * 4
    assert [
        (row["original_trace_id"], row["label"], row["completion"][0]["content"]) for row in rows
    ] == [
        (a, True, "A better way."),
        (b, False, "Way 1 to 0."),
        (c, False, "Way 2 to 0."),
        (f, False, "Way 1 to 1."),
    ]
    assert manifest.record["left_out"] == {"disputed": 1, "flagged": 1, "undecided": 6}
    # 1 accepted to 3 rejected: with weight 1 on the rejected, 3 / 1 = 3 on the accepted.
    assert "set desirable_weight to 3.00 or a little more" in manifest.record["notes"][1]  # type: ignore[index]
    assert export.verify_export(tmp_path / "x").broken == []


def test_an_edit_of_what_an_adjudicator_rejected_is_not_the_rejected_text(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    a = problems[0][0]
    decide(store, a, "accept", edit={"text": "A better way."})
    decide(store, a, "reject", "bob")
    decide(store, a, "reject", "cy", queue="needs adjudication")
    export.write(store, format="kto", out=tmp_path / "x", splits=ONE)
    (row,) = rows_in(tmp_path / "x")
    assert (row["trace_id"], row["label"], row["is_edited"]) == (a, False, False)
    assert row["completion"][0]["content"] == "Way 0 to 0."


def test_kto_says_when_there_is_nothing_to_tell_apart(
    store: Store, problems: list[list[str]]
) -> None:
    decide(store, problems[0][0], "accept")
    assert "No trace is rejected" in export.preview(store, format="kto", splits=ONE).notes[0]
    decide(store, problems[0][1], "reject")
    assert export.preview(store, format="kto", splits=ONE).notes == ()


# DPO


def test_dpo_takes_choices_edits_and_verdicts_and_says_which(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    a, b, c, d = problems[0]
    decide(store, a, "accept", edit={"text": "A better way."})
    decide(store, b, "reject")
    e, f, _, _ = problems[1]
    prefer(store, f, e)
    decide(store, problems[2][3], "accept")
    manifest = export.write(store, format="dpo", out=tmp_path / "x", splits=ONE)
    rows = rows_in(tmp_path / "x")
    told = {
        (r["pair_source"], r["chosen"][0]["content"], r["rejected"][0]["content"]) for r in rows
    }
    assert told == {
        ("edits", "A better way.", "Way 0 to 0."),
        ("verdicts", "A better way.", "Way 1 to 0."),
        ("choices", "Way 1 to 1.", "Way 0 to 1."),
    }
    assert {r["prompt"][0]["content"] for r in rows} == {"What is 0?", "What is 1?"}
    assert (
        "In no pair of accepted over rejected: 1 accepted trace without a rejected one of the "
        "problem." in manifest.record["notes"]  # type: ignore[operator]
    )
    assert export.verify_export(tmp_path / "x").broken == []


@pytest.mark.parametrize(
    ("sources", "n"),
    [(["choices"], 1), (["edits"], 1), (["verdicts"], 2), (["choices", "edits"], 2), ([], 4)],
)
def test_a_recipe_chooses_where_pairs_come_from(
    store: Store, problems: list[list[str]], sources: list[str], n: int
) -> None:
    a, b, c, d = problems[0]
    decide(store, a, "accept", edit={"text": "A better way."})
    decide(store, b, "reject")
    decide(store, c, "reject")
    prefer(store, problems[1][0], problems[1][1])
    shown = export.preview(store, format="dpo", splits=ONE, layout={"pairs_from": sources})
    assert shown.rows == {"train": n}
    # The old name takes what people said of two texts, and no more unless it is told to.
    old = export.preview(store, format="preference", splits=ONE)
    assert old.rows == {"train": 2}


def test_what_people_said_of_two_traces_outweighs_their_verdicts(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    a, b, c, _ = problems[0]
    decide(store, a, "accept")
    decide(store, b, "reject")
    decide(store, c, "reject")
    prefer(store, b, a)
    prefer(store, a, c, verdict="skip")
    manifest = export.write(store, format="dpo", out=tmp_path / "x", splits=ONE)
    (row,) = rows_in(tmp_path / "x")
    assert (row["trace_id"], row["rejected_id"], row["pair_source"]) == (b, a, "choices")
    assert manifest.record["left_out"] == {"tied": 1, "compared side by side": 2}
    with pytest.raises(ExportError, match="nothing to export"):
        export.write(store, format="dpo", out=tmp_path / "y", layout={"pairs_from": ["verdicts"]})


def test_pairs_of_verdicts_are_capped_by_problem_and_the_rest_is_counted(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    for problem in problems[:2]:
        for trace, verdict in zip(problem, ("accept", "accept", "reject", "reject"), strict=True):
            decide(store, trace, verdict)
    layout = {"pairs_from": ["verdicts"], "pairs_per_problem": 3}
    manifest = export.write(store, format="dpo", out=tmp_path / "x", splits=ONE, layout=layout)
    rows = rows_in(tmp_path / "x")
    # Two problems of 2 x 2 pairs, three of each.
    assert sorted(Counter(row["problem_id"] for row in rows).values()) == [3, 3]
    assert manifest.record["left_out"] == {"over the cap of a problem": 2}
    assert "at most 3 a problem" in (tmp_path / "x/README.md").read_text()
    again = export.write(store, format="dpo", out=tmp_path / "y", splits=ONE, layout=layout)
    assert [each.sha256 for each in again.files] == [each.sha256 for each in manifest.files]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 9))
def test_every_pair_comes_once_and_traces_are_used_alike(n: int, m: int, seed: int) -> None:
    good, bad = [f"g{i}" for i in range(n)], [f"b{i}" for i in range(m)]
    found = list(contrasts.paired(good, bad, seed))
    assert sorted(found) == sorted(product(good, bad))
    for cap in range(1, len(found) + 1):
        for side, every in enumerate((good, bad)):
            used = Counter(pair[side] for pair in found[:cap])
            assert max(used.values()) - min(used[one] for one in every) <= 1


def test_the_order_in_which_traces_came_changes_no_pair() -> None:
    found = list(contrasts.paired(["a", "b"], ["c", "d", "e"], 7))
    assert list(contrasts.paired(["b", "a"], ["e", "c", "d"], 7)) == found
    assert any(list(contrasts.paired(["a", "b"], ["c", "d", "e"], s)) != found for s in range(8))


# SDPO and distillation


def test_directives_are_what_the_teacher_is_told(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    a, b, _, _ = problems[0]
    ids = [
        decide(store, a, "reject", directive="Check the sign.\n"),
        decide(store, a, "accept", "bob", directive=" Say what 0 means."),
    ]
    decide(store, b, "accept", directive="  ")
    manifest = export.write(store, format="sdpo", out=tmp_path / "x", splits=ONE)
    (row,) = rows_in(tmp_path / "x")
    assert row["prompt"] == [{"role": "user", "content": "What is 0?"}]
    assert row["privileged_context"] == "Check the sign.\nSay what 0 means."
    assert (row["trace_id"], row["state"]) == (a, "disputed")
    assert manifest.record["decisions"]["ids"] == sorted(ids)  # type: ignore[index]
    assert manifest.record["left_out"] == {"no directive": 11}
    assert export.verify_export(tmp_path / "x").broken == []
    # A newer word takes the place of the older, and one that is taken back leaves none.
    decide(store, a, "reject")
    store.undo("bob")
    with pytest.raises(ExportError, match="nothing is known to tell a teacher"):
        export.write(store, format="sdpo", out=tmp_path / "y")


def test_references_are_told_where_the_recipe_asks(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    decide(store, problems[0][0], "reject", directive="Check the sign.")
    layout = {"privileged": ["directive", "answer", "solution"]}
    shown = export.preview(store, format="sdpo", splits=ONE, layout=layout)
    assert shown.notes[0] == "Asked for and not known: 1 row without a reference solution."
    export.write(store, format="sdpo", out=tmp_path / "x", splits=ONE, layout=layout)
    (row,) = rows_in(tmp_path / "x")
    assert row["privileged_context"] == "Check the sign.\n\nThe correct answer: 4"
    # Without directives each problem is one row, whoever wrote on it.
    manifest = export.write(
        store, format="sdpo", out=tmp_path / "y", splits=ONE, layout={"privileged": ["answer"]}
    )
    assert [r["privileged_context"] for r in rows_in(tmp_path / "y")] == [
        "The correct answer: 4"
    ] * 3
    assert manifest.record["left_out"] == {"its problem is there": 9}
    assert export.verify_export(tmp_path / "y").broken == []


def test_distillation_takes_each_problem_with_an_accepted_trace_once(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    for trace in (*problems[0][1:3], problems[2][0]):
        decide(store, trace, "accept")
    decide(store, problems[1][0], "reject")
    manifest = export.write(store, format="distillation", out=tmp_path / "x", splits=ONE)
    rows = rows_in(tmp_path / "x")
    assert [(row["prompt"][0]["content"], row["trace_id"]) for row in rows] == [
        ("What is 0?", problems[0][1]), ("What is 2?", problems[2][0]),
    ]  # fmt: skip
    assert manifest.record["left_out"] == {
        "rejected": 1, "undecided": 8, "accepted, but its problem is there": 1,
    }  # fmt: skip
    assert export.verify_export(tmp_path / "x").broken == []


def test_plain_text_is_the_prompt_and_the_trace_and_verify_finds_it_there(
    store: Store, problems: list[list[str]], tmp_path: Path
) -> None:
    decide(store, problems[0][0], "accept")
    export.write(store, format="sft-text", out=tmp_path / "x", splits=ONE)
    (row,) = rows_in(tmp_path / "x")
    assert row["text"] == "What is 0?\n\nWay 0 to 0."
    assert row["text"][row["trace_start"] :] == "Way 0 to 0."
    assert export.verify_export(tmp_path / "x").broken == []


# Every kind


VERDICTS = st.sampled_from(["accept", "reject", "skip", "flag", None])
TRL = ["sft-messages", "sft-text", "kto", "dpo", "stepwise", "sdpo", "distillation"]


VERDICTS = st.sampled_from(["accept", "reject", "skip", "flag", None])


OF_TRACES = [name for name in export.FORMATS if not export.is_of_pairs(name)]


@given(
    said=st.lists(VERDICTS, min_size=12, max_size=12),
    seed=st.integers(0, 3),
    written=st.sampled_from(OF_TRACES),
)
@settings(max_examples=8, deadline=None)
def test_no_trace_is_left_out_unsaid_and_no_problem_stands_in_two_splits(
    tmp_path_factory: pytest.TempPathFactory, said: list[str | None], seed: int, written: str
) -> None:
    folder = tmp_path_factory.mktemp("p")
    with stores.open(folder / "h.duckdb") as store:
        rows = [a_trace(f"Way {n}.", prompt=f"What is {n % 3}?") for n in range(12)]
        store.add(a_batch(*rows), "i")
        for n, (row, verdict) in enumerate(zip(rows, said, strict=True)):
            if verdict is not None:
                steps: dict[str, Any] = {"steps": [[0, 1]], "seen": [[0, 1]]} if n % 4 == 0 else {}
                told = {**steps, "directive": "Hm." if n % 3 else None}
                decide(store, row["trace_id"], verdict, **told)
        halves = {"train": 0.5, "test": 0.5}
        for format in OF_TRACES:
            shown = export.preview(store, format=format, seed=seed, splits=halves)
            assert sum(shown.states.values()) == 12
            assert sum(shown.rows.values()) + sum(shown.left_out.values()) == 12
            if format == written and shown.refusal is None:
                export.write(store, out=folder / "x", format=format, seed=seed, splits=halves)
                # A problem in two splits, and a row that is not what was decided on, are broken.
                assert export.verify_export(folder / "x").broken == []
        shown = export.preview(store, format="dpo", splits={"train": 1}, seed=seed)
        there = {p: Counter(said[n] for n in range(p, 12, 3)) for p in range(3)}
        n_pairs = sum(each["accept"] * each["reject"] for each in there.values())
        assert shown.states["accepted over rejected"] == n_pairs
        assert shown.rows["train"] + sum(shown.left_out.values()) == n_pairs


def test_a_decision_on_a_pair_is_none_on_a_trace(store: Store, problems: list[list[str]]) -> None:
    prefer(store, problems[0][0], problems[0][1])
    assert export.preview(store, format="kto", splits=ONE).states["undecided"] == 12
    assert store.export_steps().height == store.export_directives().height == 0


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"pairs_from": ["votes"]}, "pairs_from.*votes.*choices.*edits.*verdicts"),
        ({"pairs_per_problem": 0}, "pairs_per_problem.*0.*1"),
        ({"neutral_steps": "false"}, "neutral_steps.*false.*true.*drop"),
        ({"privileged": []}, "privileged"),
        ({"neutral": "drop"}, "no field 'layout.neutral'"),
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be_is_refused_by_its_field(
    store: Store, layout: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=said):
        export.write(store, format="dpo", out=tmp_path / "x", layout=layout)
    assert not (tmp_path / "x").exists()


def test_expert_and_antiexpert_are_the_two_sides_of_the_same_verdicts(
    store: Store, tmp_path: Path
) -> None:
    rows = [a_trace(f"Way {n}.", prompt=f"What is {n % 3}?") for n in range(6)]
    store.add(a_batch(*rows), "i")
    for n, row in enumerate(rows[:5]):
        edit: dict[str, Any] = {"edit": {"text": "A way, I think."}} if n == 0 else {}
        decide(store, row["trace_id"], "accept" if n < 3 else "reject", **edit)
    halves = {"train": 0.5, "test": 0.5}
    said: dict[str, dict[str, str]] = {}
    for format in ("proxy-expert", "proxy-antiexpert"):
        manifest = export.write(store, format=format, out=tmp_path / format, splits=halves)
        assert export.verify_export(tmp_path / format).broken == []
        said[format] = {}
        for name in manifest.rows:
            path = tmp_path / format / f"{name}.jsonl"
            for line in path.read_text("utf-8").splitlines() if path.exists() else []:
                row = json.loads(line)
                assert [each["role"] for each in row["messages"]] == ["user", "assistant"]
                said[format][row["original_trace_id"]] = row["messages"][1]["content"]
    good, bad = said.values()
    assert sorted(good.values()) == ["A way, I think.", "Way 1.", "Way 2."]
    assert sorted(bad.values()) == ["Way 3.", "Way 4."]
    note = "for an antiexpert, and for nothing else"
    assert any(note in each for each in export.preview(store, format="proxy-antiexpert").notes)
    with pytest.raises(ExportError, match="none is rejected"):
        export.write(
            store, format="proxy-antiexpert", out=tmp_path / "x", where="state <> 'rejected'"
        )
