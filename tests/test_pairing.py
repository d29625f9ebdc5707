"""Which pairs are compared, in which order, and which trace stands left."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import pairing
from curation.errors import CurationError, UnknownTrace
from curation.pairing import KINDS, Rule
from curation.records import PREFER, pair_of
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace

CONTEXTS = ("unguided", "solution", "answer", "refined", "unknown")
COLUMNS = {
    "trace_id": pl.String(), "problem_id": pl.String(), "position": pl.Int64(),
    "teacher": pl.String(), "teacher_context": pl.String(), "text_hash": pl.String(),
    "original_id": pl.String(),
}  # fmt: skip


@st.composite
def collections(draw: st.DrawFn) -> pl.DataFrame:
    """Traces of a few problems, teachers and contexts; some share a text, some were refined."""
    rows: list[dict[str, object]] = []
    for n in range(draw(st.integers(0, 14))):
        problem = draw(st.integers(0, 2))
        of_problem = [row["trace_id"] for row in rows if row["problem_id"] == f"p{problem}"]
        rows.append(
            {
                "trace_id": f"t{n:02}",
                "problem_id": f"p{problem}",
                "position": n,
                "teacher": draw(st.sampled_from(["ada", "bob"])),
                "teacher_context": draw(st.sampled_from(CONTEXTS)),
                "text_hash": f"x{draw(st.integers(0, 20))}",
                "original_id": draw(st.sampled_from([None, *of_problem])),
            }
        )
    return pl.DataFrame(rows, schema=COLUMNS)


def is_wanted(kind: str, a: dict[str, str], b: dict[str, str]) -> bool:
    """The rule in plain words, as the page says it."""
    if a["problem_id"] != b["problem_id"] or a["text_hash"] == b["text_hash"]:
        return False
    contexts = {a["teacher_context"], b["teacher_context"]}
    return {
        "any": True,
        "teachers": a["teacher"] != b["teacher"],
        "contexts": a["teacher"] == b["teacher"]
        and len(contexts) == 2
        and contexts <= {"unguided", *pairing.PRIVILEGED}
        and "unguided" in contexts,
        "refined": b["original_id"] == a["trace_id"] or a["original_id"] == b["trace_id"],
    }[kind]


@given(collections(), st.sampled_from(list(KINDS)), st.integers(0, 99))
def test_every_pair_of_the_rule_comes_once_and_problems_stand_together(
    traces: pl.DataFrame, kind: str, seed: int
) -> None:
    found = pairing.pairs(traces, Rule(kind, seed, None), "ada")
    rows = traces.rows(named=True)
    expected = {
        (a["trace_id"], b["trace_id"]) for a, b in combinations(rows, 2) if is_wanted(kind, a, b)
    }
    pairs = list(zip(found["first_id"], found["second_id"], strict=True))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected
    turns = [
        p for n, p in enumerate(found["problem_id"]) if n == 0 or found["problem_id"][n - 1] != p
    ]
    assert len(turns) == len(set(turns))


@given(collections(), st.sampled_from(list(KINDS)), st.integers(0, 99), st.integers(1, 4))
def test_the_seed_alone_says_which_pairs_and_never_the_order_of_arrival(
    traces: pl.DataFrame, kind: str, seed: int, most: int
) -> None:
    rule = Rule(kind, seed, most)
    ada = pairing.pairs(traces, rule, "ada")
    assert pairing.pairs(traces[::-1], rule, "ada").equals(ada)
    bob = pairing.pairs(traces, rule, "bob")
    assert set(bob.rows()) == set(ada.rows())
    assert all(n <= most for n in Counter(ada["problem_id"]).values())


def test_who_stands_left_is_balanced_repeats_and_differs_between_people() -> None:
    pairs = [pair_of(f"t{a}", f"t{b}") for a, b in combinations(range(64), 2)]
    first = [pairing.left_of(pair, "ada", 7) == pair[0] for pair in pairs]
    assert first == [pairing.left_of(pair, "ada", 7) == pair[0] for pair in pairs]
    # 64 · 63 / 2 = 2016 pairs; a fair draw has mean 1008 and s = √2016 / 2 = 22.4: ± 4 s = 90.
    assert abs(sum(first) - 1008) < 90
    for other in (("bob", 7), ("ada", 8)):
        alike = sum(
            a == (pairing.left_of(p, *other) == p[0]) for a, p in zip(first, pairs, strict=True)
        )
        assert abs(alike - 1008) < 90


def four(store: Store) -> list[str]:
    """Four traces of one problem and one of another, stored; their ids."""
    traces = [a_trace(f"Text {n}.", sample_index=n) for n in range(4)]
    store.add(a_batch(*traces, a_trace("Other.", prompt="What else?")), "i")
    return [trace["trace_id"] for trace in traces]


def test_what_a_person_has_decided_does_not_come_again_to_them(store: Store) -> None:
    ids = four(store)
    line = pairing.line(store, Rule(per_problem=None), "ada")
    places, n_left = line.left(pairing.decided(store, "ada"), 10)
    assert (n_left, len(places)) == (6, 6)
    assert line.why(places[0]) == "pair 1 of 6 on this problem"
    one, other = pairing.pair_at(places[0])
    store.decide(a_decision(one, "skip", question=PREFER + other, extra={"left": other}))
    # A tie is decided too; under another seed and rule it stays decided, for this person alone.
    for rule in (Rule(per_problem=None), Rule(seed=5, per_problem=None)):
        again = pairing.line(store, rule, "ada")
        left, n_left = again.left(pairing.decided(store, "ada"), 10)
        assert n_left == 5
        assert places[0] not in left
    assert line.left(pairing.decided(store, "bob"), 10)[1] == 6
    assert set(ids) == {name for place in places for name in pairing.pair_at(place)}


def test_beside_a_named_trace_stands_the_other_or_each_of_its_problem(store: Store) -> None:
    ids = four(store)
    places, n = pairing.beside(store, ids[2], None).left({}, 10)
    assert n == 3
    expected = [pairing.place_of(pair_of(ids[2], other)) for other in ids if other != ids[2]]
    assert places == expected
    assert pairing.beside(store, ids[0], ids[1]).left({}, 10) == (
        [pairing.place_of(pair_of(ids[0], ids[1]))], 1,
    )  # fmt: skip


def test_what_is_no_pair_is_said(store: Store) -> None:
    ids = four(store)
    alone = store.list_traces("prompt = 'What else?'")["trace_id"][0]
    with pytest.raises(CurationError, match="different problems"):
        pairing.beside(store, ids[0], alone)
    with pytest.raises(CurationError, match="only trace of its problem"):
        pairing.beside(store, alone, None)
    with pytest.raises(CurationError, match="named twice"):
        pairing.beside(store, ids[0], ids[0])
    with pytest.raises(UnknownTrace):
        pairing.beside(store, ids[0], "tr1_none")
    for place in ("x", "b|a", "a|a"):
        with pytest.raises(CurationError, match="names no pair"):
            pairing.pair_at(place)


def test_original_and_refined_are_paired_by_id_and_by_the_source_s_own_name(store: Store) -> None:
    original = a_trace("First try.", external_id="row-1")
    by_id = a_trace("Better.", teacher_context="refined", refined_from=original["trace_id"])
    by_name = a_trace("Best.", teacher_context="refined", refined_from="row-1")
    store.add(a_batch(original, by_id, by_name), "i")
    found = pairing.pairs(store.pairable(), Rule("refined"), "ada")
    assert {pair_of(*row) for row in found.select("first_id", "second_id").rows()} == {
        pair_of(original["trace_id"], other["trace_id"]) for other in (by_id, by_name)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_line_of_the_first_problems_is_the_beginning_of_the_whole(
    store: Store, kind: str
) -> None:
    traces = [
        a_trace(
            f"Text {n} of {problem}.", prompt=f"{problem}?", teacher=f"teacher-{n % 3}",
            teacher_context=("unguided", "refined", "solution", "solution")[n % 4],
            refined_from=f"row-{problem}-0" if n % 4 == 1 else None,
            external_id=f"row-{problem}-{n}",
        )
        for problem in range(6)
        for n in range(problem)
    ]  # fmt: skip
    store.add(a_batch(*traces), "i")
    rule = Rule(kind, per_problem=None)
    problems = pairing.problems(store, rule, "ada")
    whole = pairing.line(store, rule, "ada").left({}, 99)[0]
    assert len(problems) == len(set(problems)) > 1
    for n in range(len(problems) + 1):
        first = pairing.line(store, rule, "ada", problems[:n]).left({}, 99)[0]
        assert first == whole[: len(first)]
    assert first == whole != []
    pairs = pairing.pairs(store.pairable(), rule, "ada")
    assert list(dict.fromkeys(pairs["problem_id"])) == [
        i for i in problems if i in set(pairs["problem_id"])
    ]
