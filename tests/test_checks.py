"""Spot checks from the store to the report: drawn once, repeatable, resumable, judged blind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from curation import check_report, checks
from curation import store as stores
from curation.checks import Request
from curation.errors import CurationError, StoreError
from curation.settings import ROOT
from curation.store import Store
from tests.builders import a_batch, a_decision, a_trace
from tests.said import Said

ALL = Request("all of it", 10, where="true", p0=0.2, p1=0.4)


def fill(store: Store, **sizes: int) -> dict[str, list[str]]:
    """Traces by teacher context; their ids."""
    traces = {
        context: [a_trace(f"{context} trace {n}", teacher_context=context) for n in range(size)]
        for context, size in sizes.items()
    }
    store.add(a_batch(*[trace for group in traces.values() for trace in group]), "i")
    return {context: [trace["trace_id"] for trace in group] for context, group in traces.items()}


def _judge(store: Store, check_id: str, words: dict[str, str], reviewer: str = "ada") -> None:
    for trace_id, word in words.items():
        checks.judge(store, check_id, trace_id, word, reviewer=reviewer)


def _drawn(store: Store, check_id: str) -> list[str]:
    return store.spot_check_items(check_id)["trace_id"].to_list()


def test_a_check_is_drawn_from_what_is_accepted_unless_it_says_otherwise(store: Store) -> None:
    ids = fill(store, unguided=5, solution=5)
    with pytest.raises(CurationError, match="nothing to draw from"):
        checks.plan(store, Request("accepted", 4))
    for trace_id in ids["unguided"]:
        store.decide(a_decision(trace_id))
    planned = checks.plan(store, Request("accepted", 4))
    assert set(planned.items["trace_id"]) < set(ids["unguided"])


def test_the_same_seed_draws_the_same_sample_in_another_store(tmp_path: Path) -> None:
    orders = []
    for name in ("a", "b"):
        with stores.open(tmp_path / f"{name}.duckdb") as store:
            fill(store, unguided=20, solution=30)
            orders.append(_drawn(store, checks.create(store, ALL, created_by="ada")))
            assert store.verify().broken == []
    assert orders[0] == orders[1]
    assert len(orders[0]) == 10


def test_what_is_ingested_later_changes_no_drawn_check(store: Store) -> None:
    fill(store, unguided=20)
    check = checks.create(store, ALL, created_by="ada")
    before = _drawn(store, check), store.spot_check_strata(check).rows()
    fill(store, hint=30)
    assert (_drawn(store, check), store.spot_check_strata(check).rows()) == before


def test_judgements_leave_the_state_of_traces_alone_and_keep_their_own_undo(store: Store) -> None:
    fill(store, unguided=10)
    check = checks.create(store, ALL, created_by="ada")
    first, second = _drawn(store, check)[:2]
    _judge(store, check, {first: "leaking", second: "clean"})
    assert store.status()["accepted"] == store.status()["rejected"] == 0
    assert store.recent_decisions("ada") == []
    question = store.spot_check(check)["question"]
    assert len(store.recent_decisions("ada", question=question)) == 2
    undone = store.undo("ada")
    assert undone is not None
    assert (undone["trace_id"], undone["question"]) == (second, question)
    assert checks.to_judge(store, check, "ada") == [i for i in _drawn(store, check) if i != first]
    assert store.verify().broken == []


def test_a_judgement_is_of_a_check_that_drew_the_trace(store: Store) -> None:
    ids = fill(store, unguided=20)["unguided"]
    check = checks.create(store, ALL, created_by="ada")
    stranger = next(trace_id for trace_id in ids if trace_id not in _drawn(store, check))
    with pytest.raises(StoreError, match="No spot check of this store asks"):
        checks.judge(store, check, stranger, "clean", reviewer="ada")
    with pytest.raises(StoreError, match="No spot check of this store asks"):
        store.decide(a_decision(ids[0], question="leak/sc1_" + "0" * 24))


def test_the_report_weights_strata_that_were_drawn_alike(store: Store) -> None:
    fill(store, unguided=30, solution=10)
    request = ALL._replace(allocation="equal", n=8)
    check = checks.create(store, request, created_by="ada")
    for row in store.spot_check_items(check).iter_rows(named=True):
        leaks = row["teacher_context"] == "solution"
        _judge(store, check, {row["trace_id"]: "leaking" if leaks else "clean"})
    found = check_report.report(store, check)
    # 4 of 4 in a stratum of 10, none of 4 in one of 30: .25·1 + .75·0; unweighted it is half.
    assert (found["share"], found["raw_share"]) == (0.25, 0.5)
    assert [row["n_drawn"] for row in found["by_stratum"]] == [4, 4]
    assert found["stop"]["method"] == "stratified"
    assert found["remaining"] == 0


def test_unsure_ones_are_left_out_and_what_they_could_do_is_said(store: Store) -> None:
    fill(store, unguided=10)
    check = checks.create(store, ALL, created_by="ada")
    words = ["leaking"] * 2 + ["clean"] * 6 + ["unsure", "flag"]
    _judge(store, check, dict(zip(_drawn(store, check), words, strict=True)))
    found = check_report.report(store, check)
    assert (found["judged"], found["unsure"], found["flagged"]) == (8, 1, 1)
    # 2 of 8; 2 of 10 if both are clean, 4 of 10 if both leak.
    assert found["share"] == 0.25
    assert (found["share_if_unsure_clean"], found["share_if_unsure_leaking"]) == (0.2, 0.4)


def test_one_may_stop_when_the_sequence_leaves_the_question_behind(store: Store) -> None:
    fill(store, unguided=40)
    check = checks.create(store, ALL._replace(n=30, allocation="simple"), created_by="ada")
    drawn = _drawn(store, check)
    _judge(store, check, dict.fromkeys(drawn[:2], "clean"))
    assert check_report.report(store, check)["stop"]["call"] is None
    _judge(store, check, dict.fromkeys(drawn[2:20], "clean"))
    stop = check_report.report(store, check)["stop"]
    assert (stop["call"], stop["may_stop"]) == ("below p1", True)


def test_gold_is_mixed_in_unseen_not_counted_and_corrects(store: Store) -> None:
    ids = fill(store, unguided=60)["unguided"]
    for n, trace_id in enumerate(ids[:20]):
        store.add_gold(trace_id, n < 10, source="made up", marked_by="eve")
    check = checks.create(store, ALL._replace(n=20, gold_share=0.5 - 1e-9), created_by="ada")
    items = store.spot_check_items(check)
    # Half of what is judged: 20 beside 20, half of those leaking; 40 traces are left to draw from.
    assert (items.height, items["is_gold"].sum()) == (40, 20)
    assert store.spot_check(check)["n_population"] == 40
    known = dict(store.gold().select("trace_id", "is_leaking").iter_rows())
    missed = next(i for i in items["trace_id"] if known.get(i))
    drawn = items.filter(~items["is_gold"])["trace_id"].to_list()
    words = {i: "leaking" if known.get(i) and i != missed else "clean" for i in items["trace_id"]}
    _judge(store, check, words | {drawn[0]: "leaking"})
    found = check_report.report(store, check)
    assert (found["judged"], found["leaking"], found["n_gold"]) == (20, 1, 20)
    corrected = found["corrected"]
    assert (corrected["sensitivity"], corrected["specificity"]) == (0.9, 1.0)
    # (.05 + 1 - 1)/(.9 + 1 - 1).
    assert corrected["share"] == pytest.approx(0.05 / 0.9)


def test_a_label_is_not_held_against_who_made_it(store: Store) -> None:
    fill(store, unguided=10)
    check = checks.create(store, ALL, created_by="ada")
    drawn = _drawn(store, check)
    for name in ("ada", "bo"):
        _judge(store, check, {drawn[0]: "leaking", drawn[1]: "clean"}, reviewer=name)
    _judge(store, check, {drawn[0]: "leaking", drawn[1]: "leaking"}, reviewer="cy")
    assert checks.gold_from_consensus(store, check, marked_by="eve") == [drawn[0]]
    store.add_gold(drawn[1], False, source="the author", marked_by="eve")
    own = check_report.report(store, check, "ada")["corrected"]
    assert (own["n_own_labels"], own["n_leaking_gold"], own["n_clean_gold"]) == (1, 0, 1)
    assert "known to be leaking" in own["reason"]
    all_of_them = check_report.report(store, check)
    assert all_of_them["agreement"]["n_pairable"] == 2
    assert [row["reviewer"] for row in all_of_them["reviewers"]] == ["ada", "bo", "cy"]


def test_a_tie_between_judges_counts_for_neither(store: Store) -> None:
    fill(store, unguided=10)
    check = checks.create(store, ALL, created_by="ada")
    first = _drawn(store, check)[0]
    _judge(store, check, {first: "leaking"}, "ada")
    _judge(store, check, {first: "clean"}, "bo")
    found = check_report.report(store, check)
    assert (found["judged"], found["disputed"]) == (0, 1)


def test_what_is_judged_after_the_reveal_is_kept_and_not_counted(store: Store) -> None:
    fill(store, unguided=10)
    check = checks.create(store, ALL, created_by="ada")
    first, second = _drawn(store, check)[:2]
    _judge(store, check, {first: "leaking"})
    with pytest.raises(CurationError, match="still judges blind"):
        checks.revealed(store, check, "ada")
    at = store.reveal(check, "ada")
    assert store.reveal(check, "ada") == at
    _judge(store, check, {second: "clean"})
    found = check_report.report(store, check)
    assert (found["judged"], found["after_reveal"]) == (1, 1)
    shown = checks.revealed(store, check, "ada")
    assert shown["trace_id"].to_list() == [first, second]
    assert "teacher_context" in shown.columns


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("update spot_check set seed = 5", "hashes to another id"),
        ("update spot_check_stratum set n_population = 9", "hashes to another id"),
        ("delete from spot_check_item where place = 3", "a drawn trace is missing"),
        ("update gold_label set is_leaking = false", "does not say what was stored"),
        ("delete from gold_label where sequence = 1", "number 1 is missing"),
        ("delete from spot_check", "its question .* is none about this trace"),
    ],
)
def test_verify_finds_what_was_changed_behind_the_stores_back(
    store: Store, change: str, what: str
) -> None:
    ids = fill(store, unguided=20)["unguided"]
    check = checks.create(store, ALL, created_by="ada")
    _judge(store, check, {_drawn(store, check)[0]: "clean"})
    for trace_id in ids[:2]:
        store.add_gold(trace_id, True, source="made up", marked_by="eve")
    assert store.verify().broken == []
    with store._writing() as cursor:
        cursor.execute(change)
    broken = store.verify().broken
    assert any(re.search(what, line) for line in broken), broken


def test_a_check_and_its_judgements_survive_kill_and_go_on(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from curation import checks, store as stores\n"
        "from tests.test_checks import ALL, fill\n"
        "store = stores.open(Path(sys.argv[1]))\n"
        "fill(store, unguided=20)\n"
        "check = checks.create(store, ALL, created_by='ada')\n"
        "for trace_id in checks.to_judge(store, check, 'ada')[:4]:\n"
        "    checks.judge(store, check, trace_id, 'leaking', reviewer='ada')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    with stores.open(path) as store:
        assert store.verify().broken == []
        (check,) = store.spot_checks()["spot_check_id"]
        assert checks.to_judge(store, check, "ada") == _drawn(store, check)[4:]
        assert check_report.report(store, check)["leaking"] == 4


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": " "}, "needs a name"),
        ({"n": 0}, "one trace or more"),
        ({"gold_share": 0.5}, "between 0 and 0.5"),
        ({"p0": 0.4, "p1": 0.2}, "stop rule cannot be"),
        ({"half_width": 0.0}, "half width"),
        ({"where": "colour = 'red'"}, "cannot be run"),
        ({"n": 1}, "cannot hold one of each"),
        ({"allocation": "equal", "stop_rule": "sprt"}, "other shares than they have"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_stored(
    store: Store, change: dict[str, object], why: str
) -> None:
    fill(store, unguided=30, solution=10)
    with pytest.raises(CurationError, match=why):
        checks.create(store, ALL._replace(**change), created_by="ada")  # type: ignore[arg-type]
    assert store.spot_checks().height == 0


def test_the_command_draws_judges_and_reports(demo: Path, curate: Callable[..., Said]) -> None:
    create = ["spotcheck", "create", "first", "--reviewer", "ada", "--where", "true", "--n", "6"]
    assert json.loads(curate(*create, "--preview", "--json").out)["spot_check_id"] is None
    check = json.loads(curate(*create, "--json").out)["spot_check_id"]
    (listed,) = json.loads(curate("spotcheck", "list", "--json").out)["items"]
    assert (listed["spot_check_id"], listed["n_drawn"]) == (check, 6)
    drawn = json.loads(curate("spotcheck", "draw", check, "--json").out)["items"]
    # The list is as blind as the desk: nothing but the order and the ids.
    assert {key for row in drawn for key in row} == {"place", "trace_id"}
    words = ["leaking", "clean", "clean", "clean", "clean", "unsure"]
    for row, word in zip(drawn, words, strict=True):
        said = curate("spotcheck", "judge", check, row["trace_id"], word, "--reviewer", "ada")
        assert said.code == 0
    found = json.loads(curate("spotcheck", "report", check, "--json").out)
    assert (found["judged"], found["leaking"], found["unsure"]) == (5, 1, 1)
    assert "5 judged, 1 of them leaking" in curate("spotcheck", "report", check).out
    assert "5 judged, 1 of them leaking" in curate("spotcheck", "report", "first").out
    said = curate("spotcheck", "report", "sc1_x")
    assert said.code == 1
    assert f"No spot checks fit 'sc1_x'; there are: first ({check})." in said.error
