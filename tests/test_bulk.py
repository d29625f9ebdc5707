"""Many decisions at once: all or none, taken back as one, refused where that would hide another."""

from __future__ import annotations

from collections import Counter

import pytest

from curation.errors import StoreError
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace


@pytest.fixture
def ids(store: Store) -> list[str]:
    store.add(a_batch(*(a_trace(f"T{n}.", prompt=f"P{n}?") for n in range(6))), "i")
    found: list[str] = store.list_traces()["trace_id"].to_list()
    return found


def _states(store: Store) -> Counter[str]:
    return Counter(store.list_traces()["state"].to_list())


def test_a_bulk_decides_each_trace_once_and_leaves_what_was_decided(
    store: Store, ids: list[str]
) -> None:
    store.decide(a_decision(ids[0], "accept"))
    bulk_id, n = store.decide_all(
        [*ids[:4], ids[1]], "ada", "reject", reasons=["format"], note="é\n"
    )
    assert n == 3
    assert _states(store) == {"accepted": 1, "rejected": 3, "undecided": 2}
    (record,) = store.decisions(ids[1])
    assert (record["origin"], record["extra"]) == ("bulk", f'{{"bulk": "{bulk_id}"}}')
    assert (record["reasons"], record["note"], record["sequence"]) == (["format"], "é\n", 2)
    assert store.verify().broken == []
    (row,) = store.bulks("ada")
    assert (row["bulk_id"], row["n"], row["n_live"], row["verdict"]) == (bulk_id, 3, 3, "reject")
    assert store.bulks("bo") == []


def test_an_undo_takes_all_of_it_back_by_new_records(store: Store, ids: list[str]) -> None:
    store.decide(a_decision(ids[5], "accept"))
    bulk_id, _ = store.decide_all(ids[:3], "ada", "skip")
    assert store.undo_all(bulk_id, "ada") == 3
    assert _states(store) == {"accepted": 1, "undecided": 5}
    assert [d["verdict"] for d in store.decisions(ids[0])] == ["skip", None]
    assert store.bulks("ada")[0]["n_live"] == 0
    assert store.verify().broken == []
    with pytest.raises(StoreError, match="taken back before"):
        store.undo_all(bulk_id, "ada")
    # What was taken back can be decided again, at once or alone.
    assert store.decide_all(ids[:3], "ada", "reject")[1] == 3


def test_an_undo_is_refused_where_later_decisions_stand_and_says_which(
    store: Store, ids: list[str]
) -> None:
    bulk_id, _ = store.decide_all(ids, "ada", "reject")
    later = a_decision(ids[2], "accept")
    store.decide(later)
    with pytest.raises(StoreError, match=f"1 of these again since: {ids[2]}. Nothing was taken"):
        store.undo_all(bulk_id, "ada")
    assert _states(store) == {"rejected": 5, "accepted": 1}
    # Another person's decision does not stand on ada's.
    store.undo("ada")
    store.decide(a_decision(ids[3], "accept", reviewer="bo"))
    assert store.undo_all(bulk_id, "ada") == 6
    assert _states(store) == {"undecided": 5, "accepted": 1}


def test_a_single_undo_inside_a_bulk_leaves_the_rest_to_the_bulks_undo(
    store: Store, ids: list[str]
) -> None:
    bulk_id, _ = store.decide_all(ids, "ada", "reject")
    store.undo("ada")
    assert store.bulks("ada")[0]["n_live"] == 5
    assert store.undo_all(bulk_id, "ada") == 5


def test_a_bulk_is_all_or_none(store: Store, ids: list[str]) -> None:
    with pytest.raises(StoreError, match="holds no trace tr1_none"):
        store.decide_all([*ids, "tr1_none"], "ada", "reject")
    assert _states(store) == {"undecided": 6}
    store.decide_all(ids, "ada", "reject")
    with pytest.raises(StoreError, match="nothing left to decide"):
        store.decide_all(ids, "ada", "accept")
    for reviewer, verdict in ((" ", "accept"), ("ada", "maybe")):
        with pytest.raises(StoreError):
            store.decide_all(ids, reviewer, verdict)  # type: ignore[arg-type]


def test_nobody_takes_back_anothers_bulk(store: Store, ids: list[str]) -> None:
    bulk_id, _ = store.decide_all(ids, "ada", "reject")
    for name, reviewer in ((bulk_id, "bo"), ("none", "ada")):
        with pytest.raises(StoreError, match="has made no bulk decision"):
            store.undo_all(name, reviewer)
