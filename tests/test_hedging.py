"""Markers: what counts, what only looks like it, and the promises on offsets."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import hedging
from curation.errors import CurationError
from curation.hedging import find_markers, kim_count, rules
from curation.records import CATEGORIES
from curation.settings import ROOT

HEADER = "phrase\tcategory\tstrength\trule\twhy\tsource\n"


def marked(text: str, category: str | None = None, prompt: str | None = None) -> list[str]:
    """The markers of `text`, lower case, of one category or as category:text."""
    return [
        m.text.lower() if category else f"{m.category}:{m.text.lower()}"
        for m in find_markers(text, prompt)
        if category in (None, m.category)
    ]


USED = [
    ("hedge", "Perhaps the sum is 12.", "perhaps"),
    ("hedge", "It may rain before noon.", "may"),
    ("hedge", "That might be the reason.", "might"),
    ("hedge", "This could mean that the key is lost.", "could"),
    ("hedge", "The plate is about 5 cm wide.", "about"),
    ("hedge", "It was around noon.", "around"),
    ("hedge", "I think it is 7.", "i think"),
    ("hedge", "I'm not entirely sure of that.", "not entirely sure"),
    ("hedge", "It doesn't seem right.", "seem"),
    ("hedge", "The seal appears to be broken.", "appears to"),
    ("hedge", "These data suggest a second source.", "suggest"),
    ("hedge", "A possible explanation is a leak.", "possible"),
    ("hedge", "The knot is unlikely to hold.", "unlikely"),
    ("hedge", "Most likely it fell.", "likely"),
    ("hedge", "It is unclear whether they met.", "unclear whether"),
    ("hedge", "The bridge is believed to date from 1200.", "is believed to"),
    ("hedge", "The mayor allegedly knew.", "allegedly"),
    ("hedge", "It was kind of odd.", "kind of"),
    ("hedge", "The road was somewhat steep.", "somewhat"),
    ("hedge", "In a way, both are right.", "in a way"),
    ("hedge", "May be it fell.", "may"),
    ("hedge", "Police suspect arson.", "suspect"),
    ("hedge", "Possible early pneumonia.", "possible"),
    ("hedge", "One potential mechanism is wear.", "potential"),
    ("hedge", "Many believe the well is haunted.", "believe"),
    ("hedge", "This should work by noon.", "should"),
    ("hedge", "Could it be that the lid leaks?", "could"),
    ("hedge", "The dam could fail in a flood.", "could"),
    ("hedge", "She could be ill.", "could"),
    ("hedge", "The seal appeared calm.", "appeared"),
    ("hedge", "Usually these problems want the smallest root.", "usually"),
    ("hedge", "Some older scholars still argue that two men wrote it.", "argue"),
    ("hedge", "We tested whether light wakes the moth.", "whether"),
    ("hedge", "The firm expects a loss.", "expects"),
    ("hedge", "The owner believes the well is dry.", "believes"),
    ("hedge", "It is widely regarded as a forgery.", "is widely regarded as"),
    ("hedge", "A possible leak was reported.", "possible"),
    ("hedge", "The tests were inconclusive.", "inconclusive"),
    ("hedge", "The cause is unknown.", "is unknown"),
    ("hedge", "It took an hour or so.", "or so"),
    ("hedge", "The idea that moths steer by the moon is old.", "the idea that"),
    ("hedge", "It was not immediately clear who won.", "not immediately clear"),
    ("hedge", "The talks could be delayed.", "could"),
    ("hedge", "The term may have been vague.", "may"),
    ("reflection", "Wait, that is 14.", "wait"),
    ("reflection", "But wait: the digits repeat.", "wait"),
    ("reflection", "Hmm, let me see.", "hmm"),
    ("reflection", "Hold on, the sign is off.", "hold on"),
    ("reflection", "I made a mistake above.", "i made a mistake"),
    ("reflection", "No, that's wrong.", "that's wrong"),
    ("reflection", "Correction: it is 9.", "correction"),
    ("reflection", "That can't be right?", "that can't be right"),
    ("reflection", "Actually, the lid is open.", "actually"),
    ("alternative", "Alternatively, count the gaps.", "alternatively"),
    ("alternative", "What if the box is empty?", "what if"),
    ("alternative", "Instead, let me count the gaps.", "instead"),
    ("alternative", "Another approach: count the gaps.", "another approach"),
    ("verification", "Let me double-check the sum.", "double-check"),
    ("verification", "Check: 3 + 4 = 7.", "check"),
    ("verification", "Let me check if this is even.", "check"),
    ("verification", "A check by counting gives 7.", "check"),
    ("verification", "To verify, add them again.", "verify"),
    ("verification", "Plugging it back gives 7.", "plugging it back"),
    ("verification", "Is that correct?", "is that correct"),
    ("retrospective", "Recall that n is odd.", "recall that"),
    ("retrospective", "As we saw earlier, n is odd.", "as we saw earlier"),
    ("retrospective", "Going back to the table, n is odd.", "going back"),
    ("booster", "Clearly n is odd.", "clearly"),
    ("booster", "It must be Tuesday.", "must"),
    ("booster", "In fact, n is odd.", "in fact"),
    ("booster", "It is obvious that n is odd.", "it is obvious"),
    ("booster", "A square is never negative.", "never"),
    ("booster", "We know that n is odd.", "we know"),
    ("evidential", "According to the survey, half agree.", "according to"),
    ("evidential", "I recall the dates roughly.", "i recall"),
    ("evidential", "As far as I know, it closed.", "as far as i know"),
    ("privilege", "As the reference solution says, it is 7.", "the reference solution"),
    ("privilege", "Using the hint, n is odd.", "using the hint"),
    ("privilege", "Given that the answer is 7, work back.", "given that the answer is"),
    ("privilege", "I was given the answer beforehand.", "i was given the answer"),
    ("privilege", "That equals the expected answer.", "the expected answer"),
    ("privilege", "The answer should be 54. Now why?", "the answer should be"),
]

NOT_USED = [
    ("hedge", "They met in May and in June."),
    ("hedge", "On May 5 the shop opened."),
    ("hedge", "May I sit here?"),
    ("hedge", "You may move only one piece."),
    ("hedge", "He pushed with all his might."),
    ("hedge", "The might of the river is known."),
    ("hedge", "Could you pass the salt?"),
    ("hedge", "She could not swim."),
    ("hedge", "He could swim at four."),
    ("hedge", "It could be written as a product."),
    ("hedge", "Let me think about 5 apples."),
    ("hedge", "The wheel turns around the axle."),
    ("hedge", "Tell me about the trip."),
    ("hedge", "All outcomes are equally likely."),
    ("hedge", "List all possible values."),
    ("hedge", "Come as soon as possible."),
    ("hedge", "What kind of bird is it?"),
    ("hedge", "Take tea rather than coffee."),
    ("hedge", "It appears to the left of the door."),
    ("hedge", "There are at least 3 and at most 9."),
    ("hedge", "Let x be any integer; some are odd."),
    ("hedge", "If n is odd or prime, stop."),
    ("hedge", "3 and 4 are relatively prime."),
    ("hedge", "They divided the cake fairly between them."),
    ("hedge", "Order the boxes in a way that saves space."),
    ("hedge", "x + 1 = 4 implies that x = 3."),
    ("hedge", "The maybeetle is a maybug."),
    ("hedge", "I think of a number."),
    ("hedge", "The suspect fled on foot."),
    ("hedge", "Possible values are 3 and 5."),
    ("hedge", "Its potential energy is 9 J."),
    ("hedge", "About 300 people watched."),
    ("hedge", "The mill lies about 12 km north of it."),
    ("hedge", "The road is rather steep."),
    ("hedge", "The battle was tactically inconclusive."),
    ("hedge", "Here x is unknown."),
    ("hedge", "He has suggested a walk."),
    ("hedge", "The court may reverse the order."),
    ("hedge", "Take two or so that the box shuts."),
    ("hedge", "The hypothesis that moths steer by the moon was rejected."),
    ("hedge", "The lid could be lifted."),
    ("hedge", "I can't tell you how glad I am."),
    ("hedge", "The root is approximately 1.2235."),
    ("hedge", "The function expects a list."),
    ("alternative", "Maps, on the other hand, were cheap."),
    ("alternative", "Instead, they walked home."),
    ("hedge", "The moths usually fly in May."),
    ("hedge", "The drawer should be closed."),
    ("hedge", "The answer should be a whole number."),
    ("hedge", "Traces could be detected in the water."),
    ("hedge", "Visitors could see the sea from there."),
    ("hedge", "No member may hold two keys."),
    ("hedge", "We may assume that n is odd."),
    ("hedge", "Members decide whether to meet."),
    ("hedge", "Check whether 91 is prime."),
    ("hedge", "She believed in ghosts."),
    ("hedge", "The singer appeared on stage twice."),
    ("hedge", "The odds that both are likely to fail are small."),
    ("hedge", "There is no doubt that it fell."),
    ("hedge", "It is possible to solve for x."),
    ("reflection", "I actually liked the soup."),
    ("reflection", "They wait for the bus."),
    ("reflection", "The wait was long."),
    ("reflection", "The waiter brought tea."),
    ("reflection", "Wait times grew."),
    ("reflection", "She had to wait ten minutes."),
    ("reflection", "Hold on to the rail."),
    ("reflection", "Pick the statement that's wrong."),
    ("reflection", "Apply a correction factor of 2."),
    ("reflection", "It is factually true."),
    ("alternative", "Use honey instead of sugar."),
    ("alternative", "Ann walked instead."),
    ("verification", "He cashed a check for $50 at the bank."),
    ("verification", "The king is in check."),
    ("verification", "We check in at the hotel."),
    ("verification", "Put a check mark beside it."),
    ("verification", "The function will check if n is even."),
    ("verification", "Check if n is even and print it."),
    ("verification", "The data confirm the trend."),
    ("verification", "A checker was hired."),
    ("retrospective", "I recall that it rained."),
    ("booster", "It is not obviously true."),
    ("booster", "That is not clearly stated."),
    ("booster", "You must choose two."),
    ("booster", "The red tile must be placed first."),
    ("booster", "A story based in fact."),
    ("booster", "The knight always tells the truth."),
    ("booster", "How do we know?"),
    ("booster", "It isn't always even."),
    ("booster", "She always sings at work."),
    ("booster", "He never married."),
    ("evidential", "According to the problem, n is odd."),
    ("evidential", "I remember the day we met."),
    ("alternative", "An alternative method uses copper."),
    ("verification", "We verified the shape by microscope."),
    ("privilege", "Make sure I understand the reference."),
    ("privilege", "The given equation is linear."),
    ("privilege", "The length is 5, as provided in the problem."),
    ("privilege", "Read the given answer choices."),
    ("privilege", "My previous attempt failed."),
    ("privilege", "I was given a list of numbers."),
    ("privilege", "The answer should be a whole number."),
]


@pytest.mark.parametrize(("category", "text", "phrase"), USED)
def test_a_marker_in_use_is_found(category: str, text: str, phrase: str) -> None:
    assert phrase in marked(text, category)


@pytest.mark.parametrize(("category", "text"), NOT_USED)
def test_a_look_alike_is_left_alone(category: str, text: str) -> None:
    assert marked(text, category) == []


def test_the_longest_phrase_wins_inside_a_category_only() -> None:
    # "I don't think" and "think" are one hedge; "if I recall correctly" hedges and is evidential.
    assert marked("I don't think so.") == ["hedge:i don't think"]
    assert marked("If I recall correctly, 9.") == [
        "hedge:if i recall correctly",
        "evidential:if i recall correctly",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "I’m NOT ſure.", "i'm not  sure.", "I'm not\nsure.", "I'm not\u00a0sure.",
        "I'm not \n  sure.", "I'm not\r\nsure.", "Iʼm not-sure.", "I'm ＮＯＴ sure.",
    ],
)  # fmt: skip
def test_case_apostrophes_and_spaces_make_no_difference(text: str) -> None:
    (marker,) = find_markers(text)
    assert marker.category == "hedge"
    assert text[marker.start : marker.end] == marker.text
    assert marker.end == len(text) - 1


def test_a_phrase_does_not_reach_across_a_paragraph() -> None:
    assert marked("I am not\n\nsure") == []


def test_letters_that_grow_when_lowered_shift_no_offset() -> None:
    text = "İİİ  İ maybe İ   perhaps"
    assert [m.text for m in find_markers(text)] == ["maybe", "perhaps"]


@pytest.mark.parametrize(
    "text",
    [
        "```python\n# maybe perhaps\n```", "~~~\nmaybe\n~~~", "```\nmaybe (never closed)",
        "call `maybe` here", "Use check_if_possible, check(x) and maybe.py.",
        "$maybe + perhaps$", "$$\nmaybe\n$$", r"\(maybe\)", "\\[\nmaybe\n\\]",
        "\\begin{align}\nmaybe\n\\end{align}", r"so \boxed{maybe}", "https://x.org/maybe/perhaps",
    ],
)  # fmt: skip
def test_code_and_latex_hold_no_markers(text: str) -> None:
    assert marked(text) == []


def test_prices_are_not_mistaken_for_latex() -> None:
    text = "It costs $5 per kilo, perhaps less, or $7 in winter. Then maybe $9."
    assert marked(text, "hedge") == ["perhaps", "maybe"]
    assert marked("From $3/kg it maybe fell to $2/kg.", "hedge") == ["maybe"]


def test_a_phrase_that_is_mentioned_is_not_used() -> None:
    assert marked('The word "maybe" has five letters.') == []
    assert marked("Count the word perhaps in it.") == []


def test_what_the_prompt_says_is_not_the_writers_doubt() -> None:
    prompt = "A farmer thinks that the well may run dry within a year. Perhaps he digs. How deep?"
    # Six words in a row of the prompt, and a quotation of it, are copies; two words are not.
    assert marked("So the well may run dry within a year.", prompt=prompt) == []
    assert marked('It says "may run dry", so no.', prompt=prompt) == []
    assert marked("It may run out.", prompt=prompt) == ["hedge:may"]
    assert marked("It may run out.") == ["hedge:may"]


def test_privilege_phrases_of_the_prompt_betray_nothing() -> None:
    text = "The reference solution says 7."
    assert marked(text, "privilege") == ["the reference solution"]
    grading = "Grade the reference solution below. How good is it?"
    assert marked(text, "privilege", grading) == []


def test_an_answer_named_early_is_privilege_and_a_derived_one_is_not() -> None:
    early = "Let me see. The answer should be 54."
    # 40 words stand before it: there was room to derive it.
    late = "one " * 40 + "so the answer should be 54."
    assert marked(early, "privilege") == ["the answer should be"]
    assert marked(late, "privilege") == []
    assert marked("one " * 39 + "the answer should be 54.", "privilege") != []


def test_kims_count_is_substrings_as_in_the_paper() -> None:
    text = "It is unlikely; checking the waiter factually"
    # unlikely: likely · checking: check · waiter: wait · factually: actually = 4
    assert kim_count(text) == 4
    assert marked(text) == ["hedge:unlikely"]
    # Non-overlapping and lower-cased: HMM + hmm, and hmmm holds one.
    assert kim_count("HMM hmm hmmm") == 3


def test_an_answer_before_any_work_is_early() -> None:
    trace = "The total will come to 54 coins. " + "Now count the coins again. " * 20
    found = hedging.early_answer(trace, "54 coins")
    assert found is not None
    assert trace[found.start : found.end] == "54 coins"
    # Five words stand before it (fewer than 40): strong.
    assert (found.n_words_before, found.is_strong) == (5, True)


def test_an_answer_is_early_by_share_or_by_words() -> None:
    # 50 words of 5 characters before it = 250 of 2,500 characters: .1 < .3, but not strong.
    early = "word " * 50 + "1,728 " + "word " * 449
    found = hedging.early_answer(early, r"$V = \boxed{1,728}$ cm")
    assert found is not None
    assert (found.n_words_before, found.is_strong) == (50, False)
    assert found.share_before == pytest.approx(250 / 2501, abs=1e-3)
    assert hedging.early_answer("word " * 50 + "1728", "1728") is None


@pytest.mark.parametrize(
    ("text", "answer", "prompt"),
    [
        ("It is 7.", "7", None), ("It is 154.", "54", None), ("It is 54.5.", "54", None),
        ("It is 54.", "54", "Is it 54 or 45?"), ("So 54.", "54", "Prove that it is even."),
        ("It is 54.", None, None), ("It is 54.", "", None),
    ],
)  # fmt: skip
def test_no_early_answer_is_claimed(text: str, answer: str | None, prompt: str | None) -> None:
    assert hedging.early_answer(text, answer, prompt) is None


def test_words_and_densities() -> None:
    assert hedging.n_words(" one two\nthree-four  ") == 3
    # 3 markers in 150 words are 20 in 1,000.
    assert hedging.per_1k(3, 150) == 20.0
    assert hedging.per_1k(3, 0) != hedging.per_1k(3, 0)


def test_many_traces_give_the_rows_that_the_store_keeps() -> None:
    frame = hedging.mark_many(["a", "b"], ["Maybe 5. Wait, 6.", ""], ["", None])
    assert frame.schema == pl.Schema(hedging.MARKING_SCHEMA)
    row = frame.row(0, named=True)
    assert row["category"] == ["hedge", "reflection"]
    # "Maybe 5. Wait, 6." -> [0, 5) and [9, 13); 4 words; maybe + wait = 2
    assert (row["start_char"], row["end_char"]) == ([0, 9], [5, 13])
    assert (row["n_words"], row["kim_count"]) == (4, 2)
    assert frame.row(1, named=True)["category"] == []
    assert frame["lexicon_id"].unique().to_list() == [hedging.load_lexicon().lexicon_id]


PROSE = st.lists(
    st.sampled_from(
        ["maybe", "I", "don't", "think", "so", "wait", ",", ".", "\n", "\n\n", "check", "let me",
         "not", "sure", "$", "`", "```", "\\(", "\\)", "  ", "İ", "é", "…", "it", "is", "possible",
         "that", "Recall that", "the answer should be", "7", "’", "-", "in fact", "\r\n", "\u00a0"]
    ),
    max_size=40,
).map(" ".join)  # fmt: skip


@settings(deadline=None)
@given(PROSE | st.text())
def test_markers_are_sorted_disjoint_inside_the_text_and_what_it_says(text: str) -> None:
    markers = find_markers(text)
    assert [m.start for m in markers] == sorted(m.start for m in markers)
    for marker in markers:
        assert 0 <= marker.start < marker.end <= len(text)
        assert text[marker.start : marker.end] == marker.text
    for category in CATEGORIES:
        ends = [(m.start, m.end) for m in markers if m.category == category]
        assert all(a[1] <= b[0] for a, b in zip(ends, ends[1:], strict=False))


@settings(deadline=None)
@given(PROSE)
def test_shouting_and_curling_the_apostrophes_changes_nothing(text: str) -> None:
    plain = [(m.start, m.end, m.category) for m in find_markers(text.replace("İ", "I"))]
    other = text.replace("İ", "I").replace("'", "’")
    assert [(m.start, m.end, m.category) for m in find_markers(other)] == plain


@settings(deadline=None)
@given(PROSE)
def test_a_code_fence_holds_none(text: str) -> None:
    body = text.replace("`", "")
    fenced = f"Now code.\n\n```\n{body}\n```\n\nDone."
    assert [m for m in find_markers(fenced) if m.start < len(fenced) - 5] == []


@settings(deadline=None)
@given(PROSE)
def test_what_is_appended_changes_nothing_before_it(text: str) -> None:
    before = find_markers(text)
    after = find_markers(text + "\n\nThe boxes are red and blue.")
    assert after == before


@pytest.mark.parametrize("opener", ["\\( ", "\\[", "\\begin{a} ", "$", "$$ ", "\\a{"])
def test_what_is_opened_and_never_closed_hides_nothing_after_the_line(opener: str) -> None:
    text = opener * 2001 + "\n\nMaybe so."
    assert marked(text) == ["hedge:maybe"]


def test_the_shipped_lexicon_is_written_for_these_rules() -> None:
    lexicon = hedging.load_lexicon()
    assert f"# rules: {rules.VERSION}\n" in lexicon.content
    assert {entry.category for entry in lexicon.entries} == {*CATEGORIES, None}
    assert all(entry.why and entry.source for entry in lexicon.entries)
    used = {entry.rule for entry in lexicon.entries} - {""}
    assert used == set(rules.RULES)


def test_a_lexicon_of_ones_own_adds_silences_and_versions() -> None:
    table = HEADER + "per{haps,chance}\thedge\tweak\t\town\tus\nperhaps so\tnone\tweak\t\town\tus\n"
    ours = hedging.read_lexicon(table)
    found = find_markers("Perchance it rains, perhaps so, perhaps not.", lexicon=ours)
    assert [m.text for m in found] == ["Perchance", "perhaps"]
    assert found[1].start == 32
    assert ours.lexicon_id == hedging.read_lexicon(table).lexicon_id
    assert ours.lexicon_id != hedging.read_lexicon(table + "# changed\n").lexicon_id


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("a\tb\n", r"mine:1: the header is"),
        (HEADER, r"mine: no entry"),
        (HEADER + "maybe\thedge\n", r"mine:2: 2 columns"),
        (HEADER + "maybe\tdoubt\tweak\t\tw\ts\n", r"mine:2: category 'doubt'"),
        (HEADER + "maybe\thedge\tloud\t\tw\ts\n", r"mine:2: strength 'loud'"),
        (HEADER + "maybe\thedge\tweak\tmagic\tw\ts\n", r"mine:2: rule 'magic'"),
        (HEADER + "{,maybe}\thedge\tweak\t\tw\ts\n", r"mine:2: .* empty phrase"),
    ],
)
def test_a_faulty_lexicon_is_refused_with_its_line(table: str, complaint: str) -> None:
    with pytest.raises(CurationError, match=complaint):
        hedging.read_lexicon(table, origin="mine")


def test_a_language_without_a_lexicon_is_refused() -> None:
    with pytest.raises(CurationError, match="no lexicon for language 'tlh'; there is: en"):
        hedging.load_lexicon("tlh")


def test_the_demo_holds_epistemic_markers_and_no_privilege() -> None:
    lines = (ROOT / "data/demo/traces.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    categories = [m.category for row in rows for m in find_markers(row["trace"], row["prompt"])]
    assert "privilege" not in categories
    assert categories.count("verification") > 20
