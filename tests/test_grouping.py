"""Which traces are compared at once, in which order they stand, and what a choice of one stores."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import export, grouping, pairing
from curation.desk import outbox, pairs
from curation.errors import CurationError, StoreError
from curation.pairing import KINDS, Rule
from curation.records import PREFER, pair_of
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace
from tests.test_pairing import collections

CHOICE = "00000000-0000-4000-8000-000000000001"
ABC = [f"tr1_{n:024x}" for n in (1, 2, 3)]


@given(collections(), st.sampled_from(list(KINDS)), st.integers(2, 4), st.integers(0, 99))
def test_a_group_holds_different_texts_of_one_problem_and_never_more_than_asked(
    traces: pl.DataFrame, kind: str, at_once: int, seed: int
) -> None:
    rule = Rule(kind, seed, None, at_once)
    found = grouping.groups(traces, rule, "ada")
    assert grouping.groups(traces[::-1], rule, "ada") == found  # never the order of arrival
    assert {g.trace_ids for g in grouping.groups(traces, rule, "bob")} == {
        g.trace_ids for g in found
    }
    rows = {row["trace_id"]: row for row in traces.iter_rows(named=True)}
    for group in found:
        mine = [rows[name] for name in group.trace_ids]
        assert 2 <= len(mine) <= at_once
        assert {row["problem_id"] for row in mine} == {group.problem_id}
        assert len({row["text_hash"] for row in mine}) == len(mine)
        contexts = Counter(row["teacher_context"] for row in mine)
        if kind == "teachers":
            assert len({row["teacher"] for row in mine}) == len(mine)
        if kind == "contexts":
            assert len({row["teacher"] for row in mine}) == 1
            assert max(contexts.values()) == contexts["unguided"] == 1
        if kind == "refined":
            of = {row["trace_id"]: row["original_id"] for row in mine}
            assert any(all(of[o] == name for o in of if o != name) for name in of)


@pytest.mark.parametrize(
    # ceil(n / at_once) groups whose sizes differ by at most one; a trace left alone makes none.
    ("n", "at_once", "sizes"),
    [(2, 4, [2]), (4, 4, [4]), (5, 4, [3, 2]), (7, 3, [3, 2, 2]), (9, 4, [3, 3, 3]), (3, 2, [2])],
)
def test_what_does_not_fit_is_cut_evenly(
    store: Store, n: int, at_once: int, sizes: list[int]
) -> None:
    store.add(a_batch(*(a_trace(f"Text {i}.", sample_index=i) for i in range(n))), "i")
    found = grouping.groups(store.pairable(), Rule("any", 0, None, at_once), "ada")
    assert [len(group.trace_ids) for group in found] == sizes
    assert [(group.nth, group.n) for group in found] == [
        (i + 1, len(sizes)) for i in range(len(sizes))
    ]
    only = grouping.groups(store.pairable(), Rule("any", 0, 1, at_once), "ada")
    assert [group.trace_ids for group in only] == [found[0].trace_ids]


def test_the_trace_of_the_link_stands_in_each_of_its_groups(store: Store) -> None:
    traces = [a_trace(f"Text {i}.", sample_index=i) for i in range(6)]
    store.add(a_batch(*traces, a_trace("Alone.", prompt="What else?")), "i")
    one = traces[4]["trace_id"]
    places, n = grouping.beside(store, one, 4).left({}, 9)
    # 5 others, 3 beside it at most: two groups, of 3 and of 2 others.
    assert (n, [len(grouping.ids_at(place)) for place in places]) == (2, [4, 3])
    assert all(one in grouping.ids_at(place) for place in places)
    assert {name for place in places for name in grouping.ids_at(place)} == {
        trace["trace_id"] for trace in traces
    }
    alone = store.list_traces("prompt = 'What else?'")["trace_id"][0]
    with pytest.raises(CurationError, match="only text of its problem"):
        grouping.beside(store, alone, 4)
    for place in ("a", "b|a", "a|a|b", "a|b|c|d|e"):
        with pytest.raises(CurationError, match="names no traces"):
            grouping.ids_at(place)


def test_every_place_on_screen_is_as_likely_and_the_order_repeats() -> None:
    groups = [[f"t{n}a", f"t{n}b", f"t{n}c"] for n in range(900)]
    orders = [grouping.order_of(group, "ada", 7) for group in groups]
    assert orders == [grouping.order_of(group[::-1], "ada", 7) for group in groups]
    first = Counter(order[0][-1] for order in orders)
    # 900 draws at 1/3: mean 300, s = √(900 · 1/3 · 2/3) = 14.1; ± 4 s = 57.
    assert all(abs(n - 300) < 57 for n in first.values())
    alike = sum(a == grouping.order_of(g, "bob", 7) for a, g in zip(orders, groups, strict=True))
    # Another person has the same of six orders by chance: mean 150, s = 11.2; ± 4 s = 45.
    assert abs(alike - 150) < 45


def an_entry(one: str, other: str, verdict: str, **more: object) -> dict[str, object]:
    return {
        "decision_id": CHOICE, "kind": "decide", "trace_id": one, "question": PREFER + other,
        "verdict": verdict, "left": one, "among": ABC, "choice": CHOICE,
        "decided_at": "2026-01-02T12:00:00Z", **more,
    }  # fmt: skip


def test_an_entry_of_a_choice_among_several_says_how_all_of_them_stood() -> None:
    box = outbox.decisions({"entries": [an_entry(ABC[0], ABC[2], "accept")]}, reviewer="ada")
    assert box.refused == {}
    assert box.decisions[0].extra == {"left": ABC[0], "among": ABC, "choice": CHOICE}
    undo = {
        **an_entry(ABC[0], ABC[2], "accept"),
        "kind": "undo",
        "verdict": None,
        "left": None,
        "withdraws": CHOICE,
    }
    (taken_back,) = outbox.decisions({"entries": [undo]}, reviewer="ada").decisions
    assert (taken_back.withdraws, taken_back.extra["choice"]) == (CHOICE, CHOICE)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"left": ABC[2]}, "first in among"),
        ({"choice": None}, "by a UUID"),
        ({"choice": "x"}, "by a UUID"),
        ({"among": ABC[:2]}, "no list of 2 to 4"),
        ({"among": [*ABC, ABC[0]]}, "no list of 2 to 4"),
        ({"among": [*ABC, "x"]}, "no list of 2 to 4"),
        ({"among": [*ABC, *(f"tr1_{n:024x}" for n in (4, 5))]}, "no list of 2 to 4"),
        ({"among": "abc"}, "no list of 2 to 4"),
        ({"question": "train", "left": None}, "none beside it"),
    ],
)
def test_an_entry_that_is_no_choice_among_several_is_refused(
    change: dict[str, object], why: str
) -> None:
    entry = an_entry(ABC[0], ABC[2], "accept", **change)
    box = outbox.decisions({"entries": [entry]}, reviewer="ada")
    assert box.decisions == []
    assert why in next(iter(box.refused.values()))


@pytest.fixture
def three(store: Store) -> list[str]:
    """Three traces of one problem, sorted; a fourth is of another."""
    traces = [a_trace(f"Text {n}.", sample_index=n) for n in range(3)]
    store.add(a_batch(*traces, a_trace("Other.", prompt="What else?")), "i")
    return sorted(trace["trace_id"] for trace in traces)


def choose(store: Store, order: list[str], best: str | None, **more: Any) -> list[str]:
    """What the desk stores where `best` is chosen, or all are called alike; the decisions' ids."""
    pairs_of = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    settled = [pair for pair in pairs_of if best is None or best in pair]
    ids = [f"{more.get('reviewer', 'ada')}-{store.n_records()}-{n}" for n in range(len(settled))]
    for name, (left, right) in zip(ids, settled, strict=True):
        one, other = pair_of(left, right)
        verdict = "skip" if best is None else "accept" if best == one else "reject"
        extra = {"left": left, "among": order, "choice": ids[0]}
        store.decide(
            a_decision(one, verdict, question=PREFER + other, decision_id=name, extra=extra, **more)
        )
    return ids


def test_the_best_of_three_gives_two_pairs_and_a_tie_gives_three(
    store: Store, three: list[str]
) -> None:
    a, b, c = three
    ids = choose(store, [c, a, b], a, revealed=False)
    found = store.pairs()
    assert set(found.select("chosen", "rejected").rows()) == {(a, b), (a, c)}
    assert set(found.select("trace_id", "left").rows()) == {(a, c), (a, a)}
    place = "|".join(three)
    assert grouping.decided(store, "ada") == {place: ids[0]}
    (recent,) = store.recent_choices_among("ada")
    assert (recent["best"], recent["among"]) == (a, [c, a, b])
    assert [part["decision_id"] for part in recent["parts"]] == ids
    # It comes again to nobody who made it; who compares pairs is spared these two as well.
    assert grouping.line(store, Rule(at_once=4), "ada").left({place: ids[0]}, 9) == ([], 0)
    assert pairing.line(store, Rule(), "ada").left(pairing.decided(store, "ada"), 9)[1] == 1
    choose(store, [a, b, c], None, reviewer="bob")
    assert store.pairs().filter(pl.col("is_tie")).height == 3
    # A majority of one over b and over c, of none between b and c.
    rows = store.export_pairs()
    assert rows.select("n_first", "n_second", "n_tie").sum().row(0) == (2, 0, 3)
    assert store.verify().broken == []
    assert "preference" in export.FORMATS


def test_a_card_of_a_group_stands_as_it_stood_when_it_was_chosen(
    store: Store, three: list[str]
) -> None:
    a, b, c = three
    card: Any = pairs.build_group_card(store, "s", "ada", [b, c, a], "3 traces")
    assert card["among"] == [b, c, a]
    assert [side["trace_id"] for side in card["sides"]] == [b, c, a]
    assert [link[:2] for link in card["links"]] == [[0, 1], [0, 2], [1, 2]]
    assert (card["mine"], card["was_revealed"]) == (None, False)
    choose(store, [c, b, a], b, revealed=True, note="the shortest")
    card = pairs.build_group_card(store, "s", "ada", [b, c, a], None)
    assert (card["among"], card["mine"]["best"], card["was_revealed"]) == ([c, b, a], b, True)
    bob: Any = pairs.build_group_card(store, "s", "bob", [b, c, a], None)
    assert (bob["among"], bob["mine"], bob["was_revealed"]) == ([b, c, a], None, False)


def test_a_pair_chosen_by_itself_is_decided_in_a_group_of_two(
    store: Store, three: list[str]
) -> None:
    a, b, _ = three
    store.decide(a_decision(a, question=PREFER + b, extra={"left": b}, decision_id="d"))
    assert grouping.decided(store, "ada") == {f"{a}|{b}": "d"}
    mine = store.choice_among([a, b], "ada")
    assert mine is not None
    assert (mine["among"], mine["best"], mine["choice"]) == ([b, a], a, "d")
    assert store.choice_among(three, "ada") is None


def test_a_choice_among_what_is_not_one_problem_s_is_refused(
    store: Store, three: list[str]
) -> None:
    a, b, c = three
    alone = store.list_traces("prompt = 'What else?'")["trace_id"][0]
    for among in ([a, c], [a, b, alone], [a, b, "tr9_none"], "abc", [a, a]):
        extra = {"left": a, "among": among, "choice": "x"}
        with pytest.raises(StoreError, match="one among"):
            store.decide(a_decision(a, question=PREFER + b, extra=extra))
    with pytest.raises(StoreError, match="has no left side"):
        store.decide(a_decision(a, extra={"among": three, "choice": "x"}))
    assert store.pairs().height == 0
