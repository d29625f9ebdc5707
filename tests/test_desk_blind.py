"""What the blind desk hands to the browser and takes from it, without a browser."""

from __future__ import annotations

import json

import pytest

from curation.desk import cards, messages, outbox
from curation.store import Store
from tests.builders import a_batch, a_decision, a_pack, a_trace

QUESTION = "leak/sc1_0123456789abcdef01234567"
ENTRY = {
    "decision_id": "00000000-0000-4000-8000-000000000001",
    "kind": "decide",
    "trace_id": "tr1_1",
    "verdict": "reject",
    "decided_at": "2026-01-02T12:00:00Z",
    "revealed": False,
}


def test_a_blind_card_holds_text_prompt_and_reference_and_nothing_else(store: Store) -> None:
    trace = a_trace(
        "Wait, the given answer is 4.", teacher="teacher-secret", teacher_context="solution",
        context_text="The solution says 4.", source="secret-source", final_answer="final-secret",
    )  # fmt: skip
    store.add(a_batch(trace), "i")
    store.add_pack(a_pack([trace]), "cv1_a", "s", {"dtype": "float32"}, "p")
    store.decide(a_decision(trace["trace_id"]))
    card = cards.build_blind(store, "ada", trace["trace_id"], "1 of 5 drawn", QUESTION)
    told = {key for key, value in card.items() if value not in (None, [], {}, "")}
    assert told == {
        "is_blind", "trace_id", "text_hash", "text", "prompt", "reference_answer", "steps", "why",
    }  # fmt: skip
    sent = json.dumps(card)
    for hidden in ("secret", "solution says", "solution", "cv1_a", "accept"):
        assert hidden not in sent.replace(trace["text"], "")


def test_every_verdict_has_its_words_in_both_desks() -> None:
    assert list(messages.LEAK_WORDS) == list(messages.VERDICT_WORDS)
    assert [first for first, _ in messages.LEAK_WORDS.values()] == [
        "Clean", "Leaking", "Unsure", "Flag",
    ]  # fmt: skip


@pytest.mark.parametrize("question", ["train", QUESTION])
def test_an_entry_is_stored_under_the_question_that_it_answers(question: str) -> None:
    box = outbox.decisions({"entries": [{**ENTRY, "question": question}]}, reviewer="ada")
    assert (box.decisions[0].question, box.refused) == (question, {})


def test_an_entry_of_an_older_page_answers_the_usual_question() -> None:
    assert outbox.decisions({"entries": [ENTRY]}, reviewer="ada").decisions[0].question == "train"


@pytest.mark.parametrize("question", ["leak/", "leak/x", "rain", QUESTION + "0", 5])
def test_a_question_that_no_desk_asks_is_refused(question: object) -> None:
    box = outbox.decisions({"entries": [{**ENTRY, "question": question}]}, reviewer="ada")
    assert not box.decisions
    assert "question" in next(iter(box.refused.values()))
