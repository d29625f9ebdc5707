"""Labelled spans and confidence, from the browser's entry to the store and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.desk import messages, outbox
from curation.errors import StoreError
from curation.store import Store, span_verdicts
from tests.builders import a_batch, a_decision, a_trace

TEXT = "🌿 One é is 🌿🌿.\n\nSo it is 3."
# Code points: 🌿 0, One 2-5, é 6, is 8-10, 🌿🌿 11-13, "." 13, So 16-18; the whole has 27.
ENTRY: dict[str, Any] = {
    "decision_id": "00000000-0000-4000-8000-000000000001",
    "kind": "decide",
    "trace_id": "tr1_1",
    "verdict": "reject",
    "decided_at": "2026-01-02T12:00:00Z",
}
LABELS = st.text(min_size=1, max_size=60).filter(lambda t: t.isprintable() and t == t.strip())


def _extra(*spans: tuple[int, int, str], **more: object) -> dict[str, object]:
    said = [{"start": start, "end": end, "label": label} for start, end, label in spans]
    return {"spans": said, **more}


@pytest.fixture
def held(store: Store) -> str:
    """A trace with characters beyond U+FFFF, in the store."""
    trace = a_trace(TEXT, step_start=[0, 16], step_end=[14, 27])
    store.add(a_batch(trace), "i")
    return str(trace["trace_id"])


def test_a_span_is_stored_and_read_back_with_its_words(store: Store, held: str) -> None:
    given_ = a_decision(held, extra=_extra((11, 13, "leaks"), (2, 7, "good_hesitation")))
    assert store.decide(given_).was_new
    assert not store.decide(given_).was_new
    frame = store.span_verdicts()
    assert frame.schema == span_verdicts.SCHEMA
    # In order of place. A count in UTF-16 units would have cut these words elsewhere.
    assert frame.select("reviewer", "start", "end", "label", "text").rows() == [
        ("ada", 2, 7, "good_hesitation", "One é"),
        ("ada", 11, 13, "leaks", "🌿🌿"),
    ]
    assert frame["trace_id"].to_list() == [held, held]
    assert frame["decision_id"].unique().to_list() == [given_.decision_id]
    assert store.verify().broken == []


def test_spans_may_overlap_and_cover_the_whole_text(store: Store, held: str) -> None:
    spans = [(0, 27, "wrong"), (0, 27, "leaks"), (5, 12, "ein eigenes Wort")]
    store.decide(a_decision(held, extra=_extra(*spans)))
    found = store.span_verdicts().select("start", "end", "label").rows()
    assert found == [(0, 27, "leaks"), (0, 27, "wrong"), (5, 12, "ein eigenes Wort")]


def test_spans_and_confidence_go_with_the_decision_that_carried_them(
    store: Store, held: str
) -> None:
    store.decide(a_decision(held, extra=_extra((0, 1, "wrong"), confidence=1)))
    store.decide(a_decision(held, extra=_extra((2, 5, "leaks"), confidence=3)))
    assert store.span_verdicts()["label"].to_list() == ["leaks"]
    mine = store.verdict_of(held, "ada")
    assert mine is not None
    assert (mine["spans"], mine["confidence"]) == ([(2, 5, "leaks")], 3)
    assert messages.recent_json(messages.Recent(**mine))["spans"] == [[2, 5, "leaks"]]
    store.undo("ada")
    (mine,) = store.recent_decisions("ada")
    assert (mine["spans"], mine["confidence"]) == ([(0, 1, "wrong")], 1)
    store.undo("ada")
    assert store.span_verdicts().is_empty()
    assert store.span_verdicts().schema == span_verdicts.SCHEMA


def test_a_decision_that_says_nothing_of_it_has_no_confidence(store: Store, held: str) -> None:
    store.decide(a_decision(held, extra={"confidence": None, "spans": []}))
    (row,) = store.decisions(held)
    assert json.loads(row["extra"]) == {}
    assert store.recent_decisions("ada")[0]["confidence"] is None


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (_extra((3, 3, "leaks")), "no word is in it"),
        (_extra((4, 3, "leaks")), "no word is in it"),
        # In UTF-16 units the text has 30; 28 is inside of these and outside of the text.
        (_extra((0, 28, "leaks")), "has 27 characters"),
        (_extra((-1, 3, "leaks")), "has 27 characters"),
        (_extra((0, 3, " leaks")), "is no label"),
        (_extra((0, 3, "")), "is no label"),
        (_extra((0, 3, "a\nb")), "is no label"),
        (_extra((0, 3, "a\u202eb")), "is no label"),
        (_extra((0, 3, "w" * 61)), "has 61 characters"),
        (_extra((0, 3, "leaks"), (0, 3, "leaks")), "twice"),
        ({"spans": [{"start": 0, "end": 3}]}, "takes start, end and label"),
        ({"spans": [{"start": 0, "end": True, "label": "x"}]}, "takes whole numbers"),
        ({"spans": {"0": 1}}, "takes a list"),
        ({"confidence": 0}, "takes 1 .unsure., 2 .fairly sure., 3 .sure."),
        ({"confidence": 4}, "no confidence"),
        ({"confidence": True}, "no confidence"),
        ({"confidence": "sure"}, "no confidence"),
    ],
)
def test_a_span_that_fits_no_words_is_refused(
    store: Store, held: str, extra: dict[str, object], said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        store.decide(a_decision(held, extra=extra))
    assert store.decisions(held) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 50), LABELS), max_size=6, unique=True
    ).map(sorted),
    st.sampled_from([None, 1, 2, 3]),
)
def test_what_a_browser_labels_is_read_as_it_is(
    places: list[tuple[int, int, str]], confidence: int | None
) -> None:
    spans = sorted([start, start + length, label] for start, length, label in places)
    said = {"spans": spans, "confidence": confidence}
    box = outbox.decisions({"entries": [{**ENTRY, **said}]}, reviewer="ada")
    assert box.refused == {}
    extra = box.decisions[0].extra
    assert [list(span) for span in span_verdicts.triples(extra)] == spans
    assert extra.get("confidence") == confidence
    assert span_verdicts.checked(extra, "x" * 100).get("spans", []) == extra.get("spans", [])


@pytest.mark.parametrize(
    "said",
    [
        {"spans": "leaks"},
        {"spans": {"0": [0, 1, "leaks"]}},
        {"spans": [[0, 1]]},
        {"spans": [[0, 1, "leaks", 1]]},
        {"spans": [[0, 1.5, "leaks"]]},
        {"spans": [[False, 1, "leaks"]]},
        {"spans": [["0", "1", "leaks"]]},
        {"spans": [[1, 1, "leaks"]]},
        {"spans": [[2, 1, "leaks"]]},
        {"spans": [[-1, 1, "leaks"]]},
        {"spans": [[0, 1, ""]]},
        {"spans": [[0, 1, None]]},
        {"spans": [[0, 1, 7]]},
        {"spans": [[0, 1, "l" * 201]]},
        {"spans": [[0, 1, "half \ud83c"]]},
        {"spans": [[4, 5, "leaks"], [0, 1, "leaks"]]},
        {"spans": [[0, 1, "leaks"]] * 1_001},
        {"confidence": 0},
        {"confidence": 4},
        {"confidence": 1.0},
        {"confidence": True},
        {"confidence": "2"},
    ],
)
def test_spans_and_confidence_that_are_none_are_refused(said: dict[str, object]) -> None:
    box = outbox.decisions({"entries": [{**ENTRY, **said}]}, reviewer="ada")
    assert box.decisions == []
    assert list(box.refused) == [ENTRY["decision_id"]]


@pytest.mark.parametrize("said", [{"spans": [[0, 1, "leaks"]]}, {"confidence": 2}])
def test_an_undo_labels_nothing(said: dict[str, object]) -> None:
    undo = {**ENTRY, "kind": "undo", "verdict": None, "withdraws": ENTRY["decision_id"]}
    assert outbox.decisions({"entries": [{**undo, **said}]}, reviewer="ada").decisions == []


def test_no_label_has_more_letters_than_the_store_takes() -> None:
    for code, shown in {**messages.SPAN_LABELS, **messages.LEAK_SPAN_LABELS}.items():
        said = span_verdicts.checked(_extra((0, 1, code)), "x")
        assert said["spans"] == [{"start": 0, "end": 1, "label": code}]
        assert 0 < len(shown) <= span_verdicts.MAX_LABEL_CHARS
