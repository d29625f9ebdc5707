"""Hedges of genres other than reasoning traces, and what only looks like them."""

from __future__ import annotations

import pytest

from curation.hedging import find_markers

HEDGED = [
    ("Most scholars agree that the map is a copy.", "agree that"),
    ("Opinions vary on who built the dam.", "opinions vary"),
    ("The date is a matter of some dispute.", "matter of some dispute"),
    ("The name is of obscure origin.", "of obscure origin"),
    ("There is no consensus on the cause.", "no consensus"),
    ("The rise is consistent with a second source.", "consistent with a"),
    ("It is a potential target for therapy.", "potential"),
    ("The strain appeared more sensitive to heat.", "appeared"),
    ("It looks like they left.", "looks like"),
    ("Sounds like the pump is broken.", "sounds like"),
    ("There were twenty of them or something.", "or something"),
    ("If memory serves, he was the goalkeeper.", "if memory serves"),
    ("I need to find out whether it holds or not.", "whether"),
    ("I think in this case it is 4.", "i think"),
    ("The genus has about forty kinds.", "about"),
    ("It could rain tomorrow.", "could"),
    ("It could just be my unit.", "could"),
    ("These rules may not apply to adults.", "may"),
    ("Police have not ruled out foul play.", "not ruled out"),
]
PLAIN = [
    "Many scholars live in the town.",
    "All parties agreed to the terms.",
    "The answer is consistent with the given lengths.",
    "The membrane potential was recorded.",
    "The chapter appeared more than once.",
    "He looks like his father.",
    "It feels like silk.",
    "I feel like a coffee.",
    "You must come whether you like it or not.",
    "I believe in hard work.",
    "The book is about two sisters.",
    "The hall could hold 300 people.",
    "The suggested dose is 5 mg.",
    "The law may be amended by parliament.",
    "The seats may be sold only by the club.",
    "Residents may not water their gardens.",
    "The hypothesis was tested twice.",
    "It is clear who won.",
    "I wonder at your patience.",
]


@pytest.mark.parametrize(("text", "phrase"), HEDGED)
def test_a_hedge_is_found_in_its_genre(text: str, phrase: str) -> None:
    assert phrase in [m.text.lower() for m in find_markers(text) if m.category == "hedge"]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_sentences_are_left_alone(text: str) -> None:
    assert [m for m in find_markers(text) if m.category == "hedge"] == []
