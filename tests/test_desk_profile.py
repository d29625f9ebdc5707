"""What a card says of the student's profile, worked out before it reaches a browser."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from curation.compatibility import MIN_TRACES
from curation.desk import messages, profile
from curation.records import Problem, Trace

TEXT = "Start at 2. Wait, no. Maybe 4. So 2 + 2 = 4."
STEPS = [(0, 11), (12, 21), (22, 30), (31, 44)]
# One token a step is enough: "Start", "Wait", "Maybe", "So".
TOKENS = {
    "token_id": [1, 2, 3, 4], "start_char": [0, 11, 21, 30], "end_char": [5, 16, 27, 33],
    "logprob_nats": [-0.5, -1.0, -6.0, -0.5], "rank": [1, 2, 9, 1],
    "entropy_nats": [0.5, 0.5, 2.0, 0.5],
}  # fmt: skip
MARKERS = [(12, 16, "reflection"), (22, 27, "hedge")]


def a_trace(teacher: str = "oak-7b") -> Trace:
    return Trace(
        trace_id="tr1_1", problem_id="pb1_1", prompt="2 + 2?", teacher=teacher,
        teacher_family=None, teacher_context="unguided", teacher_context_raw="unguided",
        context_text=None, sample_index=0, text=TEXT, text_hash="tx1_1", final_answer="4",
        is_correct=True, refined_from=None, source="made up", licence=None, external_id=None,
        extra="{}",
    )  # fmt: skip


def the_belief(nats: list[float], **changes: Any) -> dict[str, Any]:
    return {
        "point_step": list(range(len(nats))), "point_nats": nats, "point_rival_nats": [],
        "error": None, **changes,
    }  # fmt: skip


def a_card(**changes: Any) -> dict[str, Any]:
    problem = Problem("pb1_1", "2 + 2?", "arithmetic", "4", None, "made up", None)
    parts: dict[str, Any] = {
        "steps": STEPS, "markers": MARKERS, "tokens": TOKENS, "scoring": "scored",
        "profile": {"n_tokens": 4, "mean_nll_nats": 2.0, "perplexity": math.e**2},
        "student": "smollm2-135m-instruct",
    }  # fmt: skip
    return messages.card(changes.pop("trace", a_trace()), problem, **{**parts, **changes})


def row(card: dict[str, Any], score: str) -> dict[str, Any]:
    (found,) = [row for row in card["panel"]["rows"] if row["score"] == score]
    return dict(found)


def test_the_panel_has_few_numbers_each_with_its_words() -> None:
    assert set(profile.words()) == {column for column, _ in profile.SHOWN}
    assert 8 <= len(profile.SHOWN) <= 10
    for words in profile.words().values():
        assert all(words[name] for name in ("title", "unit", "says", "not_for", "source"))


def test_numbers_stand_with_their_place_in_the_pool() -> None:
    card = a_card(percentiles={"mean_nll_nats": 62.4, "rsr": 10.0}, n_pool=250)
    assert row(card, "mean_nll_nats") == {
        "score": "mean_nll_nats", "value": "2.000", "more": None, "percentile": 62,
    }  # fmt: skip
    # A number that this trace does not have stands nowhere.
    assert (row(card, "rsr")["value"], row(card, "rsr")["percentile"]) == (None, None)
    assert card["panel"]["warnings"] == []


def test_a_small_pool_and_a_teacher_of_the_family_are_warned_of() -> None:
    card = a_card(trace=a_trace("SmolLM2-1.7B"), n_pool=MIN_TRACES - 1)
    few, kin = card["panel"]["warnings"]
    assert "Only 199 traces" in few
    assert "both smollm" in kin


def test_belief_is_told_from_before_to_after() -> None:
    belief = {
        "belief_before_nats": -9.0, "belief_after_nats": -0.5, "belief_gain_nats": 8.5,
        "belief_jump_share": 0.5, "belief_win_step": 3.0, "belief_jump_step": 3.0, "error": None,
    }  # fmt: skip
    found = row(a_card(families={"belief": belief}), "belief_gain_nats")
    assert found["value"] == "+8.50"
    assert found["more"] == "−9.00 → −0.50, 50 % of it at one point, wins after 3 steps"


def test_marks_of_the_curve_are_doubts_derailments_and_unearned_jumps() -> None:
    # Reading step 1 ("Wait") takes 1 nat, and step 2 brings it above: productive doubt. Step 2
    # brings 5 nats; its NLL of 6 is the highest of .5, 1, 6, .5, it checks nothing and has no
    # equals sign: unearned. Step 3 has one.
    curve = the_belief([-9.0, -8.0, -9.0, -4.0, -0.1])
    found = a_card(families={"belief": curve})["belief"]
    assert [(mark["step"], mark["kind"]) for mark in found["marks"]] == [
        (1, "productive doubt"),
        (2, "unearned jump"),
    ]
    assert found["step"] == [0, 1, 2, 3, 4]
    assert "−9.00 nats before the trace, −0.10 nats after 4 steps" in found["says"]
    assert "likelier than not after 4 steps" in found["says"]
    assert "step 2: productive doubt" in found["says"]
    # The same fall, never made good.
    fallen = a_card(families={"belief": the_belief([-9.0, -8.0, -9.0, -9.0, -8.5])})["belief"]
    assert [mark["kind"] for mark in fallen["marks"]] == ["derailment"]


def test_without_a_curve_there_is_none() -> None:
    assert a_card()["belief"] is None
    assert a_card(families={"belief": the_belief([])})["belief"] is None


def test_the_heats_carry_masses_gains_and_missing_hedges() -> None:
    families = {
        "hedges": {"per_token": [0.5, 0.4, 0.3, 0.00001], "error": None},
        "privilege": {"per_token": [-0.25, -1.5, -6.0, -math.inf], "error": None},
    }
    tokens = a_card(families=families)["tokens"]
    assert tokens["mass"] == [0.5, 0.4, 0.3, 0.0]
    # "Wait" and "Maybe" are hedges that stand there; at "Start" the student would have begun one.
    assert tokens["missing"] == [0]
    # With privilege less without: -.25 + .5, -1.5 + 1, -6 + 6; what has no end leaves as null.
    assert tokens["gain"] == [0.25, -0.5, 0.0, None]


@pytest.mark.parametrize("per_token", [[], [0.5], [0.5, math.nan, 0.5, 0.5]])
def test_lists_that_do_not_fit_the_tokens_are_not_painted(per_token: list[float]) -> None:
    tokens = a_card(families={"hedges": {"per_token": per_token}})["tokens"]
    assert "mass" not in tokens
    assert "missing" not in tokens


def test_what_failed_is_said_and_json_can_write_the_card() -> None:
    families = {
        "ifd": {"ifd_ppl": None, "error": "too long"},
        "belief": the_belief([-math.inf, -1.0], point_rival_nats=[-2.0, -3.0]),
    }
    card = a_card(families=families, percentiles={"ifd_ppl": math.nan})
    assert card["panel"]["failed"] == ["ifd: too long"]
    assert card["belief"]["nats"] == [None, -1.0]
    assert card["belief"]["rival"] == [-2.0, -3.0]
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_leak_signs_are_short_and_what_is_not_known_is_no_zero() -> None:
    found = {
        "leak_risk": 63.4, "reason": "answer after 12 words", "n_pool": 144,
        "signs": [
            {"name": "unearned_jumps", "title": "Unearned jumps of belief", "says": "1 jump",
             "unit": "nats, the largest", "value": 3.94, "steps": [2], "percentile": 95.6},
            {"name": "early_answer", "title": "Early answer", "says": "not known: no reference",
             "unit": "share", "value": None, "steps": [], "percentile": None},
        ],
    }  # fmt: skip
    leaks = a_card(leak_signs=found)["leaks"]
    assert (leaks["risk"], leaks["n_pool"]) == (63, 144)
    jumps, early = leaks["rows"]
    # Steps are counted from 1 for people.
    assert (jumps["value"], jumps["steps"], jumps["percentile"]) == ("3.9", [3], 96)
    assert (early["value"], early["percentile"]) == (None, None)
    assert a_card()["leaks"] is None
