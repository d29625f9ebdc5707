"""What travels between page and browser, without either."""

from __future__ import annotations

import json
import math
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.desk import messages, outbox
from curation.reasons import REASONS
from curation.records import PROFILE_COLUMNS, Decision, Marker, Problem, Trace

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ID = "11111111-2222-4333-8444-555555555555"
OTHER_ID = "99999999-2222-4333-8444-555555555555"


def a_trace(text: str = "So it is 4.", **changes: Any) -> Trace:
    return Trace(
        **{
            "trace_id": "tr1_1", "problem_id": "pb1_1", "prompt": "2 + 2?", "teacher": "t-7b",
            "teacher_family": None, "teacher_context": "unguided",
            "teacher_context_raw": "unguided", "context_text": None, "sample_index": 0,
            "text": text, "text_hash": "tx1_1", "final_answer": "4", "is_correct": True,
            "refined_from": None, "source": "made up", "licence": None, "external_id": None,
            "extra": "{}", **changes,
        }
    )  # fmt: skip


def a_problem(reference_answer: str | None = "4") -> Problem:
    return Problem("pb1_1", "2 + 2?", "arithmetic", reference_answer, None, "made up", None)


def a_card(text: str = "So it is 4.", **changes: Any) -> dict[str, Any]:
    trace = {name: changes.pop(name) for name in list(changes) if hasattr(a_trace(), name)}
    parts: dict[str, Any] = {
        "steps": [(0, len(text))], "markers": [], "tokens": None, "profile": None,
        "scoring": "waiting",
    }  # fmt: skip
    return messages.card(a_trace(text, **trace), a_problem(), **{**parts, **changes})


def some_tokens(**changes: Any) -> dict[str, Any]:
    return {
        "token_id": [7, 8], "start_char": [0, 1], "end_char": [1, 2],
        "logprob_nats": [-0.5, -1.25], "rank": [1, 3], "entropy_nats": [0.25, 2.0], **changes,
    }  # fmt: skip


def an_entry(**changes: Any) -> dict[str, Any]:
    return {
        "decision_id": ID, "kind": "decide", "trace_id": "tr1_1", "text_hash": "tx1_1",
        "verdict": "accept", "withdraws": None, "reasons": [], "note": None, "directive": None,
        "shown_at": "2026-01-02T11:59:50.000Z", "decided_at": "2026-01-02T12:00:00.000Z",
        "active_ms": 8250, "queue": "control", "convention_id": "cv1_1", "lexicon_id": "lx1_1",
        "revealed": True, "order": 3, **changes,
    }  # fmt: skip


def read(*entries: Any) -> outbox.Outbox:
    return outbox.decisions({"entries": list(entries)}, reviewer="ana")


# Cards --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "points", "units"),
    [
        ("plain", [0, 2, 5], [0, 2, 5]),
        # é is one code point and one unit; e + U+0301 are two of each.
        ("é e\u0301", [0, 1, 3, 4], [0, 1, 3, 4]),
        # 🌿 lies above U+FFFF: one code point, two units.
        ("🌿b", [0, 1, 2], [0, 2, 3]),
        # 👩‍👧: 👩 (2 units) ZWJ (1) 👧 (2): five units in three code points.
        ("👩\u200d👧!", [0, 1, 2, 3, 4], [0, 2, 3, 5, 6]),
        ("", [0], [0]),
        ("abc", [], []),
    ],
)
def test_offsets_leave_as_utf16_code_units(text: str, points: list[int], units: list[int]) -> None:
    assert messages.to_utf16(text, points) == units


@given(st.text(max_size=60), st.data())
def test_slices_of_the_browser_are_slices_of_python(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    a, b = messages.to_utf16(text, [start, end])
    units = text.encode("utf-16-le", "surrogatepass")
    assert units[2 * a : 2 * b].decode("utf-16-le", "surrogatepass") == text[start:end]


@pytest.mark.parametrize("offset", [-1, 4])
def test_an_offset_outside_the_text_is_a_mistake(offset: int) -> None:
    with pytest.raises(ValueError, match="3 characters"):
        messages.to_utf16("abc", [offset])


def test_steps_markers_and_tokens_are_converted_alike() -> None:
    text = "🌿 maybe 4"
    card = a_card(
        text,
        steps=[(0, 9)],
        markers=[Marker(2, 7, "hedge", "maybe")],
        tokens=some_tokens(start_char=[0, 1], end_char=[1, 7]),
        scoring="scored",
    )
    assert card["steps"] == [[0, 10]]
    assert card["markers"] == [[3, 8, "hedge"]]
    said = a_card(text, markers=[(2, 7, "hedge"), (8, 9, "booster")], marker_words=["weak", ""])
    assert said["markers"] == [[3, 8, "hedge", "weak"], [9, 10, "booster"]]
    assert (card["tokens"]["start"], card["tokens"]["end"]) == ([0, 2], [2, 8])


def test_numbers_leave_rounded_and_json_can_write_them() -> None:
    card = a_card(
        tokens=some_tokens(
            logprob_nats=np.array([-0.123456, -math.inf], dtype=np.float32),
            entropy_nats=np.array([math.nan, 1.00004], dtype=np.float32),
            rank=np.array([1, 49152], dtype=np.int32),
        ),
        profile={"n_tokens": 2, "mean_nll_nats": 1.23456789, "rsr": math.inf},
        scoring="scored",
    )
    assert card["tokens"]["logprob"] == [-0.1235, None]
    assert card["tokens"]["entropy"] == [None, 1.0]
    assert card["tokens"]["rank"] == [1, 49152]
    assert card["profile"]["mean_nll_nats"] == 1.23457
    assert card["profile"]["rsr"] is None
    assert set(card["profile"]) == set(PROFILE_COLUMNS)
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_token_lists_of_different_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        a_card(tokens=some_tokens(rank=[1]), scoring="scored")


def test_marker_counts_and_their_density() -> None:
    # 3 markers, 2 of them epistemic, in 800 tokens: 1000 · 2 / 800 = 2.5 per 1,000.
    markers = [(0, 2, "hedge"), (3, 5, "reflection"), (6, 8, "booster")]
    card = a_card(markers=markers, profile={"n_tokens": 800}, scoring="scored")
    assert card["epistemic_per_1k_tokens"] == 2.5
    assert card["marker_counts"]["hedge"] == 1
    assert card["marker_counts"]["booster"] == 1
    assert card["marker_counts"]["privilege"] == 0


def test_a_trace_that_is_not_counted_has_no_counts_and_the_reason() -> None:
    card = a_card(profile={"n_tokens": 800}, scoring="scored", marking_refusal="In Danish.")
    assert set(card["marker_counts"].values()) == {None}
    assert card["epistemic_per_1k_tokens"] is None
    assert card["marking_refusal"] == "In Danish."


def test_a_card_that_is_not_scored_has_no_numbers() -> None:
    card = a_card(markers=[(0, 2, "hedge")])
    assert card["tokens"] is None
    assert card["profile"] is None
    assert card["epistemic_per_1k_tokens"] is None
    assert card["scoring"] == "waiting"


@pytest.mark.parametrize(
    ("is_correct", "final_answer", "state", "says"),
    [
        (True, "4", "match", "against the reference answer"),
        (False, "5", "mismatch", "against the reference answer"),
        (False, None, "mismatch", "not given here"),
        (None, "4", "unknown", "Nobody said"),
    ],
)
def test_the_match_badge_says_what_it_compares(
    is_correct: bool | None, final_answer: str | None, state: str, says: str
) -> None:
    match = a_card(is_correct=is_correct, final_answer=final_answer)["match"]
    assert match["state"] == state
    assert says in match["says"]


def test_my_verdict_travels_with_the_card() -> None:
    mine = messages.Recent(ID, 4, "tr1_1", "reject", NOON, ("leak",), "see step 2")
    card = a_card(mine=mine)
    assert card["mine"]["verdict"] == "reject"
    assert card["mine"]["reasons"] == ["leak"]
    assert card["mine"]["decided_at"] == "2026-01-02T12:00:00+00:00"


def test_no_more_reasons_than_digits() -> None:
    assert len(REASONS) == outbox.MAX_REASONS == 9


# Outbox -------------------------------------------------------------------------------------------


def test_an_entry_becomes_the_record_it_describes() -> None:
    box = read(an_entry(reasons=["leak", "leak"], note="why", directive="say less"))
    assert box.refused == {}
    assert box.decisions == [
        Decision(
            decision_id=ID,
            trace_id="tr1_1",
            reviewer="ana",
            verdict="accept",
            decided_at=NOON,
            reasons=("leak",),
            note="why",
            directive="say less",
            queue="control",
            shown_at=NOON - timedelta(seconds=10),
            active_s=8.25,
            text_hash="tx1_1",
            convention_id="cv1_1",
            lexicon_id="lx1_1",
            revealed=True,
            origin="desk",
            extra={"order": "3"},
        )
    ]


def test_an_undo_becomes_a_withdrawal() -> None:
    (record,) = read(an_entry(kind="undo", verdict=None, withdraws=OTHER_ID)).decisions
    assert record.verdict is None
    assert record.withdraws == OTHER_ID


def test_the_least_an_entry_can_say() -> None:
    entry = {
        "decision_id": ID, "kind": "decide", "trace_id": "tr1_1", "verdict": "skip",
        "decided_at": "2026-01-02T14:00:00+02:00",
    }  # fmt: skip
    (record,) = read(entry).decisions
    assert record.decided_at == NOON
    assert record.decided_at.tzinfo == UTC
    assert (record.note, record.active_s, record.revealed, record.extra) == (None, None, None, {})


def test_the_reviewer_is_never_taken_from_the_browser() -> None:
    box = read(an_entry(reviewer="somebody else"))
    assert box.decisions == []
    assert "unknown field 'reviewer'" in box.refused[ID]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "delete"}, "takes decide or undo"),
        ({"kind": None}, "takes decide or undo"),
        ({"verdict": "maybe"}, "accept, reject, skip, flag"),
        ({"verdict": None}, "accept, reject, skip, flag"),
        ({"verdict": ["accept"]}, "accept, reject, skip, flag"),
        ({"withdraws": OTHER_ID}, "verdict is 'accept'"),
        ({"kind": "undo"}, "gives no verdict"),
        ({"kind": "undo", "verdict": None}, "names the decision"),
        ({"trace_id": ""}, "trace_id is missing"),
        ({"trace_id": 5}, "trace_id is no text"),
        ({"trace_id": "t" * 201}, "201 characters"),
        ({"decided_at": "yesterday"}, "ISO time"),
        ({"decided_at": "2026-01-02T12:00:00"}, "without a zone"),
        ({"decided_at": "0001-01-01T00:00:00+14:00"}, "outside the calendar"),
        ({"decided_at": None}, "decided_at is missing"),
        ({"shown_at": 1767355200000}, "shown_at is no text"),
        ({"active_ms": -1}, "whole number from 0"),
        ({"active_ms": 1.5}, "whole number from 0"),
        ({"active_ms": True}, "whole number from 0"),
        ({"active_ms": 86_400_001}, "whole number from 0"),
        ({"order": "3"}, "whole number from 0"),
        ({"revealed": "yes"}, "neither true, false nor null"),
        ({"reasons": "leak"}, "no list of at most 9"),
        ({"reasons": ["r"] * 10}, "no list of at most 9"),
        ({"reasons": [" "]}, "a reason is empty"),
        ({"reasons": [4]}, "no text"),
        ({"note": 4}, "note is no text"),
        ({"note": "n" * 20_001}, "20001 characters; at most 20000"),
        ({"note": "half \ud83c"}, "lone surrogate"),
        ({"surprise": 1}, "unknown field 'surprise'"),
    ],
)
def test_a_malformed_entry_is_refused_with_what_is_wrong(changes: dict[str, Any], why: str) -> None:
    box = read(an_entry(**changes))
    assert box.decisions == []
    assert why in box.refused[ID]


@pytest.mark.parametrize(
    "name", [None, "", 5, "not-a-uuid", ID.upper().replace("1", "A"), ID + "\n", "x" * 10_000]
)
def test_an_entry_without_a_usable_id_is_named_by_its_place(name: object) -> None:
    box = read(an_entry(), an_entry(decision_id=name))
    assert [record.decision_id for record in box.decisions] == [ID]
    assert box.refused == {"#2": "decision_id is no UUID in lower case"}


@pytest.mark.parametrize("sent", [None, [], "outbox", 7, {"entries": None}, {"entries": {}}])
def test_what_is_no_outbox_is_refused_whole(sent: object) -> None:
    box = outbox.decisions(sent, reviewer="ana")
    assert box.decisions == []
    assert "outbox" in box.refused["#0"]


def test_one_bad_entry_does_not_stop_the_others() -> None:
    box = read("nonsense", an_entry(), an_entry(decision_id=OTHER_ID, verdict="perhaps"))
    assert [record.decision_id for record in box.decisions] == [ID]
    assert set(box.refused) == {"#1", OTHER_ID}


def test_order_is_the_browsers_count_and_not_its_clock() -> None:
    late = an_entry(order=1, decided_at="2026-01-02T12:00:00Z")
    early = an_entry(decision_id=OTHER_ID, order=2, decided_at="2026-01-01T12:00:00Z")
    assert [record.decision_id for record in read(early, late).decisions] == [ID, OTHER_ID]


def test_the_same_entry_twice_is_one_record() -> None:
    assert len(read(an_entry(), an_entry()).decisions) == 1


def test_one_id_for_two_decisions_is_refused() -> None:
    box = read(an_entry(), an_entry(verdict="reject"))
    assert [record.verdict for record in box.decisions] == ["accept"]
    assert "same decision_id" in box.refused[ID]


def test_sending_again_gives_the_same_record() -> None:
    entry = an_entry(note="n", order=9)
    assert read(entry) == read(json.loads(json.dumps(entry)))


def test_too_many_entries_are_said_and_not_dropped_silently() -> None:
    entries = [an_entry(decision_id=str(uuid.UUID(int=i))) for i in range(outbox.MAX_ENTRIES + 1)]
    box = read(*entries)
    assert len(box.decisions) == outbox.MAX_ENTRIES
    assert "at most 500" in box.refused["#0"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(an_entry())), json_values))
def test_whatever_a_browser_sends_every_entry_is_stored_or_refused(changes: dict[str, Any]) -> None:
    box = read({**an_entry(), **changes})
    assert len(box.decisions) + len(box.refused) == 1
    for record in box.decisions:
        record.trace_id.encode()
        (record.note or "").encode()


@given(json_values)
def test_a_wish_is_read_from_anything(sent: Any) -> None:
    wish = outbox.wish(sent)
    assert outbox.DEPTH <= wish.depth <= outbox.MAX_DEPTH


def test_a_wish_says_what_is_held_and_wanted() -> None:
    wish = outbox.wish({"holding": [["tr1_1", "v1"], "?"], "want": ["tr1_2", 5, ""], "depth": 9})
    assert wish == outbox.Wish(holding={"tr1_1": "v1"}, want=["tr1_2"], depth=9)
    assert outbox.wish({"depth": True}).depth == outbox.DEPTH
    assert outbox.wish({"depth": 10**9}).depth == outbox.MAX_DEPTH


def test_times_come_home_to_utc() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    entry = an_entry(decided_at=NOON.astimezone(zone).isoformat())
    assert read(entry).decisions[0].decided_at == NOON
