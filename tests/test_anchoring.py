"""What a look at the scores does to verdicts, from records in a store to the numbers."""

from __future__ import annotations

import math

import polars as pl
import pytest

from curation import anchoring
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace

TRACES = [a_trace(f"trace {n}") for n in range(6)]
IDS = [trace["trace_id"] for trace in TRACES]


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with six traces."""
    store.add(a_batch(*TRACES), "i")
    return store


def _say(store: Store, n: int, verdict: str, revealed: bool | None, reviewer: str = "ada") -> str:
    decision = a_decision(
        IDS[n], verdict, revealed=revealed, reviewer=reviewer,
        convention_id="cv1_a" if revealed else None,
    )  # fmt: skip
    store.decide(decision)
    return decision.decision_id


def _pairs(*pairs: tuple[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [("ada", blind, sighted, None if sighted is None else True) for blind, sighted in pairs],
        schema={
            "reviewer": pl.String, "blind": pl.String, "sighted": pl.String, "scored": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def test_share_direction_and_interval_of_ten_pairs() -> None:
    found = anchoring.of_pairs(
        _pairs(*[("accept", "accept")] * 5, *[("accept", "reject")] * 2, ("reject", "accept"),
               *[("reject", "reject")] * 2, ("accept", "flag"), ("reject", None))
    )  # fmt: skip
    # 2 + 1 of the 10 pairs of accept and reject changed.
    assert found.changed[:3] == (3, 10, 0.3)
    # Wilson for 3 of 10, z = 1.96: centre (0.3 + 3.84/20) / (1 + 3.84/10) = 0.492/1.384 = 0.3555;
    # half width 1.96·√(0.3·0.7/10 + 3.84/400) / 1.384 = 1.96·0.1749/1.384 = 0.2478.
    assert found.changed.low == pytest.approx(0.1078, abs=1e-4)
    assert found.changed.high == pytest.approx(0.6032, abs=1e-4)
    # Of 7 accepted blind 2 were rejected after; of 3 rejected blind 1 was accepted after.
    assert found.to_reject[:2] == (2, 7)
    assert found.to_accept[:2] == (1, 3)
    assert (found.n_left_open, found.n_unconfirmed, found.n_reviewers) == (1, 1, 1)
    assert found.in_words() == (
        "3 of 10 verdicts changed once the scores were shown: 30 % (95 % interval 11 to 60). "
        "2 of 7 accepted became rejected, 1 of 3 rejected became accepted."
    )


def test_without_a_pair_there_is_no_number_and_a_reason() -> None:
    found = anchoring.of_pairs(_pairs(("accept", None)))
    assert math.isnan(found.changed.share)
    assert math.isnan(found.changed.low)
    assert found.n_unconfirmed == 1
    assert "Blind first" in found.in_words()


def test_a_pair_is_the_first_blind_verdict_and_the_first_one_after_it(filled: Store) -> None:
    _say(filled, 0, "accept", revealed=False)
    _say(filled, 0, "reject", revealed=True)
    _say(filled, 0, "accept", revealed=True)  # a later change of mind is no effect of the look
    _say(filled, 1, "reject", revealed=False)
    assert filled.blind_pairs().select("trace_id", "blind", "sighted").rows() == [
        (IDS[0], "accept", "reject"),
        (IDS[1], "reject", None),
    ]


def test_where_there_were_no_scores_to_see_they_moved_nobody(filled: Store) -> None:
    _say(filled, 0, "accept", revealed=False)
    filled.decide(a_decision(IDS[0], "reject", revealed=True))
    found = anchoring.measured(filled)
    assert (found.changed.n, found.n_without_scores, found.n_unconfirmed) == (0, 1, 0)
    assert "scored trace" in found.in_words()


def test_who_had_seen_the_scores_before_makes_no_pair(filled: Store) -> None:
    _say(filled, 0, "accept", revealed=True)
    filled.undo("ada")
    _say(filled, 0, "accept", revealed=False)
    _say(filled, 0, "reject", revealed=True)
    assert filled.blind_pairs().height == 0


def test_a_withdrawn_verdict_makes_no_pair_and_two_people_make_two(filled: Store) -> None:
    for reviewer in ("ada", "bo"):
        _say(filled, 0, "accept", revealed=False, reviewer=reviewer)
        _say(filled, 0, "reject", revealed=True, reviewer=reviewer)
    filled.undo("bo")
    assert filled.blind_pairs().select("reviewer", "sighted").rows() == [
        ("ada", "reject"),
        ("bo", None),
    ]
    filled.undo("bo")
    assert filled.blind_pairs()["reviewer"].to_list() == ["ada"]
    assert anchoring.measured(filled).to_reject[:2] == (1, 1)


@pytest.mark.parametrize(
    ("verdict", "revealed", "was"),
    [
        ("accept", True, True),
        ("accept", False, True),  # the desk shows the scores right after a blind accept
        ("skip", False, False),
        ("flag", False, False),
        ("skip", True, True),
        ("skip", None, True),  # not known: rather seen
    ],
)
def test_what_has_been_seen_stays_seen(
    filled: Store, verdict: str, revealed: bool | None, was: bool
) -> None:
    assert not filled.was_revealed(IDS[0], "ada")
    _say(filled, 0, verdict, revealed)
    assert filled.was_revealed(IDS[0], "ada") is was
    filled.undo("ada")
    assert filled.was_revealed(IDS[0], "ada") is was
    assert not filled.was_revealed(IDS[0], "bo")
    assert not filled.was_revealed(IDS[1], "ada")
