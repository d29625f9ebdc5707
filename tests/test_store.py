from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from curation import records
from curation import store as stores
from curation.errors import FilterError, StoreError, UnknownTrace
from curation.settings import ROOT
from curation.store import Store
from tests.builders import NOON, a_batch, a_decision, a_pack, a_trace
from tests.served import of_the_file


def test_the_same_records_twice_add_nothing(store: Store) -> None:
    batch = a_batch(a_trace("one"), a_trace("two"))
    assert store.add(batch, "first")[:2] == (2, 0)
    assert store.add(batch, "second")[:2] == (0, 2)
    assert store.status()["traces"] == 2
    assert store.status()["problems"] == 1


def test_a_duplicate_inside_one_batch_is_counted_and_stored_once(store: Store) -> None:
    added = store.add(a_batch(a_trace("one"), a_trace("one"), a_trace("two")), "i")
    assert (added.n_new, added.n_duplicate, added.refusals) == (2, 1, [])


def test_traces_keep_the_order_in_which_they_came(store: Store) -> None:
    texts = [f"trace number {n}" for n in (3, 1, 2)]
    store.add(a_batch(*map(a_trace, texts[:2])), "i")
    store.add(a_batch(a_trace(texts[2])), "j")
    ids = store.list_traces()["trace_id"].to_list()
    assert [store.trace(trace_id).text for trace_id in ids] == texts


def test_an_id_that_names_another_trace_is_refused_and_the_stored_one_stays(store: Store) -> None:
    store.add(a_batch(a_trace("first", external_id="x-1")), "i")
    added = store.add(a_batch(a_trace("other", external_id="x-1", line=7), a_trace("good")), "j")
    (refusal,) = added.refusals
    assert (refusal.field, refusal.line) == ("id", 7)
    assert "made-up.jsonl:1" in refusal.reason
    assert added.n_new == 1
    texts = {store.trace(i).text for i in store.list_traces()["trace_id"].to_list()}
    assert texts == {"first", "good"}


def test_the_same_id_from_another_source_is_another_id(store: Store) -> None:
    store.add(a_batch(a_trace("first", external_id="0", source="a")), "i")
    added = store.add(a_batch(a_trace("other", external_id="0", source="b")), "j")
    assert added.refusals == []


def test_the_same_trace_with_another_correctness_is_refused(store: Store) -> None:
    store.add(a_batch(a_trace("one")), "i")
    added = store.add(a_batch(a_trace("one", is_correct=False)), "j")
    assert [refusal.field for refusal in added.refusals] == ["correct"]
    assert store.list_traces()["is_correct"].to_list() == [True]


def test_one_answer_in_two_notations_is_kept_in_both(store: Store) -> None:
    traces = [a_trace("one", reference_answer="p - q"), a_trace("two", reference_answer="p-q")]
    assert store.add(a_batch(*traces), "i").refusals == []
    assert store.problem(traces[0]["problem_id"]).reference_answer == "p - q"
    assert store.trace(traces[1]["trace_id"]).reference_answer == "p-q"


def test_two_problems_under_one_problem_id_do_not_pass(store: Store) -> None:
    group = {"problem_id": records.problem_id("", "7"), "extra": '{"problem_id": "7"}'}
    traces = [
        a_trace("one", **group),
        a_trace("two", **group, prompt="What is two plus two?"),
        a_trace("three", **group, prompt="What is 2 + 3?", reference_answer="5"),
    ]
    added = store.add(a_batch(*traces), "i")
    assert added.n_new == 2
    assert [refusal.field for refusal in added.refusals] == ["reference_answer"]
    assert '"4"' in added.refusals[0].reason
    assert '"5"' in added.refusals[0].reason


def test_a_later_mention_fills_in_a_missing_reference_answer(store: Store) -> None:
    store.add(a_batch(a_trace("one", reference_answer=None)), "i")
    store.add(a_batch(a_trace("two", reference_answer="4")), "j")
    problem = store.problem(a_trace("one")["problem_id"])
    assert problem.reference_answer == "4"


def test_a_run_that_fails_midway_leaves_the_store_as_it_was(store: Store) -> None:
    def run() -> None:
        with store.transaction():
            store.add(a_batch(a_trace("one")), "i")
            raise OSError("the source broke off")

    with pytest.raises(OSError, match="broke off"):
        run()
    assert store.status()["traces"] == 0
    assert store.status()["problems"] == 0


def test_sending_a_decision_twice_stores_it_once(store: Store) -> None:
    trace = a_trace()
    store.add(a_batch(trace), "i")
    decision = a_decision(trace["trace_id"], reasons=("leaks",), note="why", active_s=2.5)
    first, again = store.decide(decision), store.decide(decision)
    assert (first.was_new, again.was_new) == (True, False)
    assert first.sequence == again.sequence == 1
    assert len(store.decisions(trace["trace_id"])) == 1


def test_one_id_cannot_stand_for_two_decisions(store: Store) -> None:
    trace = a_trace()
    store.add(a_batch(trace), "i")
    store.decide(a_decision(trace["trace_id"], decision_id="d"))
    with pytest.raises(StoreError, match="says something else"):
        store.decide(a_decision(trace["trace_id"], "reject", decision_id="d"))
    assert store.status()["accepted"] == 1


def test_a_decision_on_a_text_that_was_not_shown_is_refused(store: Store) -> None:
    trace = a_trace()
    store.add(a_batch(trace), "i")
    with pytest.raises(StoreError, match="not the one that was shown"):
        store.decide(a_decision(trace["trace_id"], text_hash="tx1_other"))
    with pytest.raises(UnknownTrace, match="tr1_none"):
        store.decide(a_decision("tr1_none"))
    assert store.status()["decided"] == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reviewer": "  "}, "reviewer's name"),
        ({"verdict": "perhaps"}, "no verdict"),
        ({"verdict": None}, "either, not both"),
        ({"withdraws": "d"}, "either, not both"),
        ({"verdict": None, "withdraws": "nobody's"}, "no decision nobody's"),
    ],
)
def test_a_decision_that_says_nothing_sensible_is_refused(
    store: Store, changes: dict[str, str], says: str
) -> None:
    trace = a_trace()
    store.add(a_batch(trace), "i")
    with pytest.raises(StoreError, match=says):
        store.decide(a_decision(trace["trace_id"], **changes))
    assert store.decisions(trace["trace_id"]) == []


def test_undo_withdraws_the_last_decision_by_a_new_record(store: Store) -> None:
    one, two = a_trace("one"), a_trace("two")
    store.add(a_batch(one, two), "i")
    store.decide(a_decision(one["trace_id"], decision_id="first"))
    store.decide(a_decision(two["trace_id"], decision_id="second"))
    withdrawn = store.undo("ada")
    assert withdrawn is not None
    assert withdrawn["decision_id"] == "second"
    rows = store.decisions(two["trace_id"])
    assert [(r["verdict"], r["withdraws"]) for r in rows] == [("accept", None), (None, "second")]
    assert store.status()["accepted"] == 1
    assert store.undo("ada") is not None
    assert store.undo("ada") is None
    assert store.status()["decided"] == 0


def test_nobody_withdraws_a_decision_of_somebody_else(store: Store) -> None:
    trace = a_trace()
    store.add(a_batch(trace), "i")
    store.decide(a_decision(trace["trace_id"], decision_id="hers"))
    with pytest.raises(StoreError, match="ada's"):
        store.decide(a_decision(trace["trace_id"], None, withdraws="hers", reviewer="bo"))
    assert store.undo("bo") is None
    assert store.status()["accepted"] == 1


def test_reviewers_who_differ_make_a_dispute_and_a_change_of_mind_settles_it(store: Store) -> None:
    trace = a_trace()
    store.add(a_batch(trace), "i")
    store.decide(a_decision(trace["trace_id"], "accept", reviewer="ada"))
    store.decide(a_decision(trace["trace_id"], "reject", reviewer="bo"))
    assert store.list_traces()["state"].to_list() == ["disputed"]
    assert store.list_traces()["verdict"].to_list() == [None]
    store.decide(a_decision(trace["trace_id"], "accept", reviewer="bo"))
    assert store.list_traces()["state"].to_list() == ["accepted"]
    status = store.status()
    assert (status["accepted"], status["disputed"], status["reviewers"]) == (1, 0, ["ada", "bo"])


def test_a_skip_settles_nothing_and_a_flag_stays_beside_a_verdict(store: Store) -> None:
    trace = a_trace()
    store.add(a_batch(trace), "i")
    store.decide(a_decision(trace["trace_id"], "flag", reviewer="ada"))
    assert store.list_traces()["state"].to_list() == ["flagged"]
    store.decide(a_decision(trace["trace_id"], "skip", reviewer="bo"))
    assert store.list_traces()["state"].to_list() == ["flagged"]
    store.decide(a_decision(trace["trace_id"], "reject", reviewer="cy"))
    row = store.list_traces().to_dicts()[0]
    assert (row["state"], row["n_flag"], row["n_skip"], row["n_reject"]) == ("rejected", 1, 1, 1)


def test_scores_of_two_conventions_are_never_shown_together(store: Store) -> None:
    one, two = a_trace("one"), a_trace("two")
    store.add(a_batch(one, two), "i")
    store.add_pack(a_pack([one], "cv1_a"), "cv1_a", "tiny", {"dtype": "float32"}, "p1")
    store.add_pack(
        a_pack([two], "cv1_b", mean_nll_nats=9.0), "cv1_b", "tiny", {"dtype": "bfloat16"}, "p2"
    )
    assert store.list_traces()["mean_nll_nats"].to_list() == [None, 9.0]
    assert store.tokens(one["trace_id"], "tiny") is None
    assert store.unscored("tiny")["trace_id"].to_list() == [one["trace_id"]]
    store.use_convention("cv1_a", "tiny", {"dtype": "float32"})
    assert store.list_traces()["mean_nll_nats"].to_list() == [2.0, None]


def test_a_pack_taken_twice_counts_once_and_foreign_rows_are_said(store: Store) -> None:
    one = a_trace("one")
    store.add(a_batch(one), "i")
    pack = a_pack([one, a_trace("never ingested")])
    first = store.add_pack(pack, "cv1_a", "tiny", {}, "p")
    assert first == (1, 0, 0, 1)
    again = store.add_pack(pack, "cv1_a", "tiny", {}, "p")
    assert again == (0, 0, 1, 1)
    score = store.tokens(one["trace_id"], "tiny")
    assert score is not None
    assert score["logprob_nats"] == [-1.0, -3.0]
    assert score["rank"] == [1, 3]


def test_a_pack_of_mixed_conventions_is_refused(store: Store) -> None:
    one = a_trace("one")
    store.add(a_batch(one), "i")
    with pytest.raises(StoreError, match="mixes conventions"):
        store.add_pack(a_pack([one], "cv1_b"), "cv1_a", "tiny", {}, "p")
    assert store.scoring_state("tiny")["waiting"] == 1


def test_a_failure_to_score_is_recorded_and_not_tried_again(store: Store) -> None:
    one = a_trace("one")
    store.add(a_batch(one), "i")
    failed = a_pack(
        [one], error="has 9,000 tokens; the window is 8,192", n_tokens=None, total_nll_nats=None,
        mean_nll_nats=None, token_id=[], start_char=[], end_char=[], logprob_nats=[], rank=[],
        entropy_nats=[],
    )  # fmt: skip
    assert store.add_pack(failed, "cv1_a", "tiny", {}, "p") == (0, 1, 0, 0)
    assert store.scoring_state("tiny") == {"total": 1, "scored": 0, "failed": 1, "waiting": 0}
    assert store.unscored("tiny").height == 0
    assert store.list_traces()["score_error"].to_list() == ["has 9,000 tokens; the window is 8,192"]


@pytest.mark.parametrize(
    "where",
    [
        "nonsense = 1",
        "teacher = ",
        "1 = 1); delete from trace; --",
        "1 = 1; delete from trace",
        "trace_id in (select content from read_text('/etc/hostname'))",
        "exists (select * from '/etc/passwd')",
        "(select count(*) from read_csv('/etc/passwd')) > 0",
    ],
)
def test_a_filter_can_only_read_the_store(store: Store, where: str) -> None:
    store.add(a_batch(a_trace()), "i")
    with pytest.raises(FilterError):
        store.list_traces(where)
    assert store.status()["traces"] == 1


def test_a_filter_may_end_with_a_comment_and_name_any_column(store: Store) -> None:
    store.add(a_batch(a_trace("short"), a_trace("a longer text")), "i")
    frame = store.list_traces("n_chars > 5 and text like '%longer%' -- the long ones")
    assert frame.height == 1
    short = store.export_rows("n_chars <= 5")
    assert store.export_texts(short["position"].to_list())["text"].to_list() == ["short"]


def test_verify_finds_nothing_in_a_sound_store(store: Store) -> None:
    one = a_trace("one")
    store.add(a_batch(one), "i")
    store.add_pack(a_pack([one]), "cv1_a", "tiny", {}, "p")
    store.decide(a_decision(one["trace_id"], shown_at=NOON, extra={"order": "1"}))
    # 1 trace, 1 score, 0 markings, 1 decision, 1 convention, 0 lexicons
    assert store.verify() == (4, [])


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("update trace set text = 'changed'", "its content hashes to"),
        ("update trace set text_hash = 'tx1_0'", "text hash"),
        ("delete from problem", "is missing"),
        ("update decision set note = 'forged'", "does not say what was stored"),
        ("update decision set reviewer = 'bo'", "does not say what was stored"),
        ("delete from decision where sequence = 1", "number 1 is missing"),
        ("update score set total_nll_nats = 1", "not the sum"),
        ("update score set token_id = [1]", "unequal length"),
    ],
)
def test_verify_names_what_was_tampered_with(store: Store, damage: str, finding: str) -> None:
    one = a_trace("one")
    store.add(a_batch(one), "i")
    store.add_pack(a_pack([one]), "cv1_a", "tiny", {}, "p")
    store.decide(a_decision(one["trace_id"]))
    store.decide(a_decision(one["trace_id"], "reject"))
    with store._writing() as cursor:
        cursor.execute(damage)
    assert any(finding in line for line in store.verify().broken)


def test_a_backup_taken_while_decisions_come_in_holds_every_one_acknowledged_before(
    store: Store, tmp_path: Path
) -> None:
    traces = [a_trace(f"trace {n}") for n in range(60)]
    store.add(a_batch(*traces), "i")
    halfway, acknowledged = threading.Event(), []

    def decide() -> None:
        for trace in traces:
            acknowledged.append(store.decide(a_decision(trace["trace_id"])).decision_id)
            if len(acknowledged) == 30:
                halfway.set()

    thread = threading.Thread(target=decide)
    thread.start()
    halfway.wait(timeout=60)
    before = list(acknowledged)
    copy = store.backup(tmp_path / "copy.duckdb")
    thread.join()
    restored, aside = stores.restore(copy.path, tmp_path / "elsewhere" / "new.duckdb")
    assert aside is None
    with stores.open(restored.path) as other:
        assert other.verify().broken == []
        assert len(before) >= 30
        assert set(other.acknowledgements(before)) == set(before)


@of_the_file
def test_restoring_moves_the_present_store_aside(store: Store, tmp_path: Path) -> None:
    store.add(a_batch(a_trace("one")), "i")
    copy = store.backup(tmp_path / "copy.duckdb")
    store.add(a_batch(a_trace("two")), "j")
    with pytest.raises(StoreError, match="exists already"):
        store.backup(tmp_path / "copy.duckdb")
    store.close()
    _, aside = stores.restore(copy.path, store.path)
    assert aside is not None
    with stores.open(store.path) as restored, stores.open(aside) as old:
        assert restored.status()["traces"] == 1
        assert old.status()["traces"] == 2


def test_a_damaged_backup_is_not_restored(store: Store, tmp_path: Path) -> None:
    store.add(a_batch(a_trace("one")), "i")
    with store._writing() as cursor:
        cursor.execute("update trace set text = 'changed'")
    copy = store.backup(tmp_path / "copy.duckdb")
    with pytest.raises(StoreError, match="damaged"):
        stores.restore(copy.path, tmp_path / "new.duckdb")
    assert not (tmp_path / "new.duckdb").exists()
    (tmp_path / "text").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match="no DuckDB file"):
        stores.restore(tmp_path / "text", tmp_path / "new.duckdb")


@of_the_file
def test_a_second_process_is_told_who_holds_the_store(store: Store) -> None:
    script = (
        "import sys; from curation import store; from curation.errors import StoreBusy\n"
        "try: store.open(sys.argv[1])\n"
        "except StoreBusy as exc: print(exc)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(store.path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f"process {os.getpid()}" in told
    assert "close that one" in told


def test_a_store_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store"):
        stores.open(tmp_path / "typo.duckdb", create=False)
    assert not (tmp_path / "typo.duckdb").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="could not be opened"):
        stores.open(tmp_path / "file" / "hedgerow.duckdb")


def test_threads_decide_at_once_without_loss_or_gap(store: Store) -> None:
    traces = [a_trace(f"trace {n}") for n in range(40)]
    store.add(a_batch(*traces), "i")
    failures: list[BaseException] = []

    def work(reviewer: str) -> None:
        try:
            for trace in traces:
                store.decide(a_decision(trace["trace_id"], reviewer=reviewer))
                store.status()
            store.undo(reviewer)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    # 6 reviewers × (40 decisions + 1 withdrawal) = 246 records; 6 × 39 = 234 current ones
    assert store.verify() == (40 + 246, [])
    assert store.current_decisions().height == 234


_DECIDE_UNTIL_KILLED = """
import sys, uuid
from curation import store as stores
from tests.builders import a_decision
with stores.open(sys.argv[1]) as store:
    ids = store.list_traces()["trace_id"].to_list()
    while True:
        for trace_id in ids:
            print(store.decide(a_decision(trace_id)).decision_id, flush=True)
"""


@pytest.mark.parametrize("n_acknowledged", [1, 2, 5, 9, 14, 20, 27, 35, 44, 54])
def test_no_acknowledged_decision_is_lost_to_a_kill(tmp_path: Path, n_acknowledged: int) -> None:
    path = tmp_path / "killed.duckdb"
    with stores.open(path) as store:
        store.add(a_batch(*(a_trace(f"trace {n}") for n in range(5))), "i")
    process = subprocess.Popen(
        [sys.executable, "-c", _DECIDE_UNTIL_KILLED, str(path)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(n_acknowledged)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    acknowledged += [line for line in rest.splitlines() if len(line) == 36]
    with stores.open(path) as store:
        assert store.verify().broken == []
        assert set(store.acknowledgements(acknowledged)) == set(acknowledged)
        assert len(acknowledged) >= n_acknowledged
