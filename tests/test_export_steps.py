"""Step verdicts -> labelled steps: majorities, holes, neutral steps, and what is counted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import export
from curation.errors import ExportError
from curation.export import stepwise
from curation.export.layout import Layout
from curation.store import Store
from tests.builders import a_batch, a_trace
from tests.export_desk import decide

TEXT = "One is one.\n\nTwo is two.\n\nSo it is 3.\n\nDone."
STARTS, ENDS = [0, 13, 26, 39], [11, 24, 37, 44]
STEPS = ["One is one.", "Two is two.", "So it is 3.", "Done."]


def said(verdicts: dict[int, int], seen: tuple[int, int] = (0, 4)) -> dict[str, Any]:
    """What one reviewer says of the steps of TEXT, as a store hands it over."""
    return {
        "step_start": STARTS,
        "step_end": ENDS,
        "verdicts": [
            {"start": STARTS[step], "end": ENDS[step], "verdict": verdict}
            for step, verdict in verdicts.items()
        ],
        "seen": [list(seen)],
    }


def labelled(*decisions: dict[str, Any], **layout: Any) -> stepwise.Labelled:
    return stepwise.labelled(TEXT, decisions, Layout(**layout))


def test_every_step_judged_is_every_step_labelled() -> None:
    found = labelled(said({0: 1, 1: -1, 2: 0, 3: 1}))
    assert found == (STEPS, [True, False, True, True], None, 0, 1, 0)


def test_a_neutral_step_may_leave_with_its_label() -> None:
    found = labelled(said({0: 1, 1: -1, 2: 0, 3: 1}), neutral_steps="drop")
    assert found.completions == [STEPS[0], STEPS[1], STEPS[3]]
    assert found.labels == [True, False, True]
    assert found.n_neutral == 1


def test_a_row_ends_before_the_first_step_that_nobody_saw() -> None:
    found = labelled(said({0: 1, 1: 1, 3: -1}, seen=(0, 2)))
    # Step 2 was never on screen: it and the judged step 3 behind it stay out.
    assert found == (STEPS[:2], [True, True], "unseen", 2, 0, 0)


def test_a_step_that_was_seen_and_left_alone_is_not_unseen() -> None:
    one = said({0: 1, 2: -1}, seen=(0, 3))
    assert labelled(one).missing == "unmarked"
    found = labelled(one, unmarked_steps="good")
    # Step 1 was passed over and counts as good; step 3 was never seen and still has no label.
    assert found == (STEPS[:3], [True, True, False], "unseen", 1, 0, 0)


def test_steps_go_to_the_majority_and_an_even_vote_is_none() -> None:
    ada, bob, cy = said({0: 1, 1: -1, 2: 0}), said({0: 1, 1: -1, 2: 1}), said({0: -1, 1: 1, 2: -1})
    # Step 0: two to one good. Step 1: two to one bad. Step 2: one vote each.
    found = labelled(ada, bob, cy)
    assert found == (STEPS[:2], [True, False], "disputed", 2, 0, 1)


@pytest.mark.parametrize(
    ("votes", "found"),
    [
        ([], None),
        ([0], 0),
        ([1, -1], None),
        ([1, 1, -1], 1),
        ([0, 0, 1, -1], 0),
        ([1, 1, 0, 0], None),
    ],
)
def test_a_majority_has_more_votes_than_each_other_verdict(
    votes: list[int], found: int | None
) -> None:
    assert stepwise.majority(votes) == found


def test_a_verdict_on_words_that_are_no_step_now_labels_none() -> None:
    other = said({0: 1})
    other["verdicts"] = [{"start": 0, "end": 24, "verdict": 1}]
    assert labelled(other) == ([], [], "unmarked", 4, 0, 0)


def test_white_space_at_a_step_s_ends_does_not_go_out() -> None:
    one = {**said({}), "step_start": [0, 10], "step_end": [13, 26]}
    one["verdicts"] = [{"start": s, "end": e, "verdict": 1} for s, e in ((0, 13), (10, 26))]
    assert stepwise.labelled(TEXT, [one], Layout()).completions == [STEPS[0], "." + TEXT[11:24]]


VERDICTS = st.dictionaries(st.integers(0, 3), st.sampled_from([1, 0, -1]), min_size=1)
LAYOUTS = st.builds(
    Layout,
    neutral_steps=st.sampled_from(["true", "drop"]),
    unlabelled_steps=st.sampled_from(["cut", "leave-out"]),
    unmarked_steps=st.sampled_from(["unlabelled", "good"]),
)


@given(st.lists(st.tuples(VERDICTS, st.integers(0, 4)), min_size=1, max_size=4), LAYOUTS)
def test_there_is_a_label_for_each_step_and_every_step_is_accounted_for(
    people: list[tuple[dict[int, int], int]], layout: Layout
) -> None:
    found = stepwise.labelled(TEXT, [said(v, seen=(0, n)) for v, n in people], layout)
    assert len(found.completions) == len(found.labels)
    dropped = found.n_neutral if layout.neutral_steps == "drop" else 0
    assert len(found.labels) + dropped + found.n_cut == len(STEPS)
    assert (found.missing is None) == (found.n_cut == 0)
    # A step of which nobody said anything is never labelled, whatever else the layout says.
    judged = set().union(*(v for v, _ in people))
    seen = {step for _, n in people for step in range(n)}
    assert len(STEPS) - found.n_cut <= next(
        (step for step in range(4) if step not in judged | seen), 4
    )


@pytest.fixture
def traces(store: Store) -> list[str]:
    """Five traces of four steps on a problem each; their ids."""
    rows = [
        a_trace(TEXT, prompt=f"Problem {p}?", step_start=STARTS, step_end=ENDS) for p in range(5)
    ]
    store.add(a_batch(*rows), "i")
    return [row["trace_id"] for row in rows]


def test_steps_judged_at_the_desk_are_exported_and_the_rest_is_counted(
    store: Store, traces: list[str], tmp_path: Path
) -> None:
    ada, bob = partial(decide, store), partial(decide, store, reviewer="bob")
    whole = [[0, 1], [1, 1], [2, -1], [3, 0]]
    ids = [
        ada(traces[0], "accept", steps=whole, seen=[[0, 4]]),
        bob(traces[0], "reject", steps=[[2, 1]], seen=[[0, 4]]),
    ]
    ids.append(ada(traces[1], "reject", steps=[[0, 1], [1, -1]], seen=[[0, 2]]))
    ada(traces[2], "reject", steps=[[3, -1]], seen=[[3, 4]])
    ada(traces[3], "accept", seen=[[0, 4]])
    manifest = export.write(store, format="stepwise", out=tmp_path / "x", splits={"train": 1})
    rows = [json.loads(line) for line in (tmp_path / "x/train.jsonl").read_text().splitlines()]
    assert rows[0] == {
        "prompt": "Problem 0?",
        "completions": STEPS[:2],
        "labels": [True, True],
        "trace_id": traces[0],
        "problem_id": rows[0]["problem_id"],
        "teacher": "teacher-7b",
        "teacher_context": "unguided",
        "state": "disputed",
        "n_steps": 4,
    }
    assert (rows[1]["trace_id"], rows[1]["completions"], rows[1]["labels"]) == (
        traces[1], STEPS[:2], [True, False],
    )  # fmt: skip
    record = manifest.record
    # Five traces: two go out, one has nothing before its first hole, two have no verdict on a step.
    assert record["left_out"] == {"no step judged": 2, "its first step is unseen": 1}
    assert record["states"] == {
        "accepted": 1, "rejected": 2, "disputed": 1, "flagged": 0, "skipped": 0, "undecided": 1,
    }  # fmt: skip
    assert record["decisions"]["ids"] == sorted(ids)  # type: ignore[index]
    # Of trace 0 two steps are cut (one disputed, one behind it), of trace 1 two that nobody saw.
    assert record["notes"] == [
        "2 traces end early: 4 steps stand at or behind the first one without a label (unseen, "
        "unmarked or disputed).",
        "On 1 step of the judged traces reviewers are evenly divided; these have no label.",
    ]
    assert export.verify_export(tmp_path / "x").broken == []


def test_a_trace_with_a_hole_can_be_left_out_whole(
    store: Store, traces: list[str], tmp_path: Path
) -> None:
    decide(store, traces[0], "accept", steps=[[n, 1] for n in range(4)], seen=[[0, 4]])
    decide(store, traces[1], "accept", steps=[[0, 1]], seen=[[0, 2]])
    decide(store, traces[2], "accept", steps=[[0, 1]], seen=[[0, 1]])
    shown = export.preview(
        store, format="stepwise", layout={"unlabelled_steps": "leave-out"}, splits={"train": 1}
    )
    assert shown.rows == {"train": 1}
    assert shown.left_out == {"no step judged": 2, "a step is unmarked": 1, "a step is unseen": 1}


def test_without_step_verdicts_nothing_is_written(
    store: Store, traces: list[str], tmp_path: Path
) -> None:
    decide(store, traces[0], "accept", seen=[[0, 4]])
    with pytest.raises(ExportError, match="no step has a label .1 accepted, 4 undecided"):
        export.write(store, format="stepwise", out=tmp_path / "x")
    assert not (tmp_path / "x").exists()
