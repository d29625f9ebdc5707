"""A team's changes to a lexicon: carried by its text, in any order, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import hedging
from curation.errors import CurationError
from curation.hedging import versions
from curation.hedging.changes import Change, apply, rebase
from curation.hedging.rules import VERSION
from curation.records import CATEGORIES

TABLE = (
    "# A small lexicon.\n"
    "# rules: 1\n"
    "phrase\tcategory\tstrength\trule\twhy\tsource\n"
    "maybe\thedge\tstrong\t\tdoubt\town\n"
    "rough{,ly}\thedge\tweak\tquantity\tan approximation\town\n"
    "wait\treflection\tstrong\twait\tturns back\town\n"
    "more or less\thedge\tweak\t\tless than the word\town\n"
    "clearly\tbooster\tstrong\tclearly\tinsists\town\n"
)
SMALL = hedging.read_lexicon(TABLE)


def kinds(text: str, lexicon: hedging.Lexicon) -> list[tuple[str, str]]:
    return [(marker.text, marker.category) for marker in hedging.find_markers(text, None, lexicon)]


def test_an_added_phrase_marks_and_the_text_carries_it() -> None:
    changed = apply(SMALL, [Change("add", "I’d guess", "hedge", "weak", why="ours", who="ada")])
    assert kinds("Well, I'd guess 4, maybe.", changed) == [("I'd guess", "hedge"),
                                                            ("maybe", "hedge")]  # fmt: skip
    assert changed.lexicon_id != SMALL.lexicon_id
    assert changed.content.startswith(TABLE)
    assert changed.content.endswith("i'd guess\thedge\tweak\t\ta team's entry\tteam\n")
    again = hedging.read_lexicon(changed.content)
    assert (again.lexicon_id, again.entries) == (changed.lexicon_id, changed.entries)


def test_a_silenced_phrase_leaves_its_row_and_the_others_of_the_row_stay() -> None:
    changed = apply(SMALL, [Change("silence", "Roughly")])
    assert [entry.phrase for entry in changed.entries] == [
        "maybe", "rough", "wait", "more or less", "clearly",
    ]  # fmt: skip
    assert "rough\thedge\tweak\tquantity\tan approximation\town\n" in changed.content
    assert kinds("maybe roughly 5", changed) == [("maybe", "hedge")]


def test_a_reclassified_phrase_loses_the_rule_of_its_old_category() -> None:
    (entry,) = [
        entry
        for entry in apply(SMALL, [Change("reclassify", "wait", "verification")]).entries
        if entry.phrase == "wait"
    ]
    assert (entry.category, entry.rule, entry.strength) == ("verification", "", "strong")


def test_only_another_strength_keeps_the_rule() -> None:
    changed = apply(SMALL, [Change("reclassify", "clearly", strength="weak")])
    (entry,) = [entry for entry in changed.entries if entry.phrase == "clearly"]
    assert (entry.category, entry.rule, entry.strength) == ("booster", "clearly", "weak")


def test_a_phrase_can_be_made_no_marker_at_all() -> None:
    changed = apply(SMALL, [Change("add", "maybe so", "none")])
    assert kinds("maybe so, maybe not", changed) == [("maybe", "hedge")]


def test_who_when_and_why_make_no_other_version() -> None:
    of = [
        apply(SMALL, [Change("silence", "maybe", why=why, who=who)]).lexicon_id
        for why, who in (("noise", "ada"), ("too common", "bo"))
    ]
    assert of[0] == of[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change("silence", "mayby"), "no phrase 'mayby' to silence; near it: maybe"),
        (Change("reclassify", "zebra", "hedge"), "no phrase 'zebra' to reclassify; `add`"),
        (
            Change("add", "I guess", "doubt"),
            "Category 'doubt' for 'i guess'; it takes one of hedge",
        ),
        (Change("add", "I guess"), "Category None"),
        (Change("add", "  \t", "hedge"), "this one is empty"),
        (Change("add", "maybe", "hedge"), "'maybe' is hedge already"),
        (Change("add", "maybe", "none"), "cannot be a marker beside it"),
        (Change("reclassify", "maybe", "hedge"), "is hedge (strong) already"),
        (Change("add", "I {guess,bet}", "hedge"), "holds a sign that a table cannot"),
        (Change("add", "#guess", "hedge"), "holds a sign that a table cannot"),
        (Change("add", "a\x00b", "hedge"), "holds a sign that a table cannot"),
        (Change("add", "word " * 40, "hedge"), "at most 100"),
        (Change("add", "I guess", "hedge", "mild"), "it is weak or strong"),
        (Change("silence", "maybe", "hedge"), "takes neither category nor strength"),
        (Change("remove", "maybe"), "There is no change 'remove'"),  # type: ignore[arg-type]
    ],
)
def test_a_change_that_does_not_fit_says_why(change: Change, said: str) -> None:
    with pytest.raises(CurationError) as caught:
        apply(SMALL, [change])
    assert said in str(caught.value)


def test_the_same_change_twice_is_refused_and_rebase_leaves_it_out() -> None:
    twice = [Change("add", "I guess", "hedge"), Change("add", "I  guess", "hedge")]
    with pytest.raises(CurationError, match="is hedge already"):
        apply(SMALL, twice)
    changed, idle = rebase(SMALL, twice)
    assert changed.lexicon_id == apply(SMALL, twice[:1]).lexicon_id
    assert [(one.place, one.change.phrase) for one in idle] == [(1, "I  guess")]


def test_the_last_phrase_cannot_be_silenced() -> None:
    with pytest.raises(CurationError, match="no entry in the table"):
        apply(SMALL, [Change("silence", e.phrase) for e in SMALL.entries])


def test_a_phrase_named_as_the_header_is_a_phrase() -> None:
    changed = apply(SMALL, [Change("add", "phrase", "evidential")])
    assert apply(changed, [Change("silence", "phrase")]).content == TABLE


PHRASES = st.lists(
    st.text("abcdeé -'", min_size=1, max_size=12).filter(lambda p: any(c.isalnum() for c in p)),
    min_size=1, max_size=6, unique_by=lambda p: hedging.text.fold(" ".join(p.split())).hay,
)  # fmt: skip


@given(PHRASES, st.data())
def test_changes_of_different_phrases_come_to_the_same_in_any_order(
    phrases: list[str], data: st.DataObject
) -> None:
    changes = [
        Change("add", phrase, data.draw(st.sampled_from((*CATEGORIES, "none"))))
        for phrase in phrases
    ] + [Change("silence", "roughly"), Change("reclassify", "wait", "hedge")]
    changes = rebase_keeps(changes)
    shuffled = data.draw(st.permutations(changes))
    expected = apply(SMALL, changes)
    assert apply(SMALL, shuffled).content == expected.content
    one_by_one = SMALL
    for change in shuffled:
        one_by_one = apply(one_by_one, [change])
    assert one_by_one.content == expected.content


def rebase_keeps(changes: list[Change]) -> list[Change]:
    idle = {one.place for one in rebase(SMALL, changes)[1]}
    return [change for place, change in enumerate(changes) if place not in idle]


@given(PHRASES, st.sampled_from([TABLE, TABLE.rstrip("\n"), TABLE.replace("\n", "\r\n")]))
def test_silencing_what_was_added_gives_the_original_back(phrases: list[str], table: str) -> None:
    original = hedging.read_lexicon(table)
    added, idle = rebase(original, [Change("add", phrase, "hedge") for phrase in phrases])
    back = [one.change.phrase for one in idle]
    silenced = [Change("silence", phrase) for phrase in phrases if phrase not in back]
    assert apply(added, silenced).content == table
    assert apply(original, []) is original


def test_the_shipped_lexicon_takes_changes() -> None:
    shipped = hedging.load_lexicon()
    changed = apply(shipped, [Change("silence", "perhaps"), Change("add", "a wild stab", "hedge")])
    assert kinds("Perhaps; a wild stab.", changed) == [("a wild stab", "hedge")]
    back = apply(changed, [Change("silence", "a wild stab")])
    assert set(shipped.entries) - set(back.entries) == {
        entry for entry in shipped.entries if entry.phrase == "perhaps"
    }


def test_an_older_table_is_read_under_the_rules_of_today() -> None:
    today = versions.for_these_rules(SMALL)
    assert f"# rules: {VERSION}\n" in today.content
    assert today.lexicon_id != SMALL.lexicon_id
    assert versions.for_these_rules(today) is today


def test_a_file_names_its_language_in_a_line_by_its_name_or_by_hand(tmp_path: Path) -> None:
    rows = TABLE.replace("quantity", "").replace("\twait\tturns", "\t\tturns")
    for name, text, asked, language in (
        ("de.tsv", rows, None, "de"),
        ("ours.tsv", "# language: nl\n" + rows, None, "nl"),
        ("de.tsv", "# language: nl\n" + rows, "fr", "fr"),
    ):
        (tmp_path / name).write_text(text, "utf-8")
        assert versions.read_file(tmp_path / name, asked).language == language
    (tmp_path / "ours.tsv").write_text(rows, "utf-8")
    with pytest.raises(CurationError, match="'ours' is no language. Name one by its ISO 639"):
        versions.read_file(tmp_path / "ours.tsv")
    (tmp_path / "de.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(CurationError, match="is not UTF-8"):
        versions.read_file(tmp_path / "de.tsv")
    with pytest.raises(CurationError, match="cannot be read"):
        versions.read_file(tmp_path / "none.tsv")
