"""A Streamlit app with the desk alone: made-up cards, decisions in a JSONL file.

The address says which folder of `HEDGEROW_HARNESS` to use (`home`), who reviews (`reviewer`),
how often the desk asks by itself (`every`, seconds), whether the page has other fields
(`sidebar`) and whether one judges blind first (`blind`). In the folder a test lays `cards.json`
(traces and their parts) and, whenever it likes, `scored.json` (trace ids whose token values are
known; without the file all are), `guidance.json` (guidelines with their version, and reasons),
`resting` (why the scorer rests), `busy` (the store is another process's) and `away` (the page is
drawn without its desk). `decisions.jsonl` is
written here, a line per record, as stored.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from curation import desk
from curation.desk import messages
from curation.errors import StoreBusy, StoreError, UnknownTrace
from curation.reasons import Guidance, Reason
from curation.records import Decision, Problem, Stored, Trace, text_hash
from curation.store import span_verdicts

st.set_page_config(page_title="Desk harness", layout="wide")

HOME = Path(os.environ["HEDGEROW_HARNESS"]) / st.query_params["home"]
REVIEWER = st.query_params.get("reviewer", "ana")
EVERY = float(st.query_params.get("every", "0"))
KEY = "desk"


@contextmanager
def alone() -> Iterator[Any]:
    """The file of decisions, for this thread alone.

    Streamlit starts a rerun's thread while the one before it may still be in its callback.
    """
    with (HOME / "decisions.jsonl").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def read(file: Any) -> list[dict[str, Any]]:
    """Every record stored so far, with its sequence from 1."""
    file.seek(0)
    return [json.loads(line) for line in file]


def decide(decision: Decision) -> Stored:
    """Append a record unless its id is there already."""
    if (HOME / "busy").exists():
        raise StoreBusy("Process 4711 holds the store; close it, and this is stored by itself.")
    if decision.note == "refuse me" and not (HOME / "lenient").exists():
        raise StoreError("This note is not to the harness's taste.")
    with alone() as file:
        rows = read(file)
        for number, row in enumerate(rows, 1):
            if row["decision_id"] == decision.decision_id:
                at = datetime.fromisoformat(row["stored_at"])
                return Stored(decision.decision_id, number, at, was_new=False)
        at = datetime.now(UTC)
        file.write(json.dumps({**asdict(decision), "stored_at": at}, default=str) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return Stored(decision.decision_id, len(rows) + 1, at, was_new=True)


def live(rows: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """(sequence, row) of the reviewer's decisions that stand, newest first."""
    gone = {row["withdraws"] for row in rows}
    return [
        (number, row)
        for number, row in reversed(list(enumerate(rows, 1)))
        if row["verdict"] and row["decision_id"] not in gone and row["reviewer"] == REVIEWER
    ]


CARDS = {card["trace_id"]: card for card in json.loads((HOME / "cards.json").read_text("utf-8"))}
if "sidebar" in st.query_params:
    st.sidebar.text_input("A field of the page", key="field")
    st.sidebar.button("A button of the page")


def an_edit(row: dict[str, Any], *, with_text: bool) -> dict[str, Any] | None:
    """The edit of a stored record, as `store.edits` has it."""
    edit = row["extra"].get("edit")
    if edit is None:
        return None
    text = edit["text"]
    return {"trace_id": "tr1_e", "n_chars": len(text), "text": text if with_text else None}


def taken_back(rows: list[dict[str, Any]], trace_id: str) -> dict[str, str] | None:
    """The edit that the reviewer took back last on a trace."""
    known = {row["decision_id"]: row for row in rows}
    for row in reversed(rows):
        gone = known.get(row["withdraws"])
        if gone and gone["trace_id"] == trace_id and gone["extra"].get("edit"):
            return {"decision_id": gone["decision_id"], "text": gone["extra"]["edit"]["text"]}
    return None


def a_recent(number: int, row: dict[str, Any], *, with_text: bool = False) -> messages.Recent:
    """A stored record as the desk shows it."""
    card = CARDS[row["trace_id"]]
    return messages.Recent(
        decision_id=row["decision_id"],
        sequence=number,
        trace_id=row["trace_id"],
        verdict=row["verdict"],
        decided_at=datetime.fromisoformat(row["decided_at"]),
        reasons=row["reasons"],
        note=row["note"],
        directive=row["directive"],
        prompt=card["prompt"],
        teacher=card["teacher"],
        revealed=row["revealed"],
        steps=[(said["step"], said["verdict"]) for said in row["extra"].get("steps", [])],
        seen=row["extra"].get("steps_seen", []),
        spans=span_verdicts.triples(row["extra"]),
        confidence=row["extra"].get("confidence"),
        edit=an_edit(row, with_text=with_text),
    )


def standing_guidance() -> Guidance | None:
    """What reviewers go by: what the test has laid down, else nothing."""
    path = HOME / "guidance.json"
    if not path.exists():
        return None
    said = json.loads(path.read_text("utf-8"))
    return Guidance(
        said["id"], said["text"], "ada", datetime(2026, 11, 22, 9, 30, tzinfo=UTC), said["id"],
        tuple(Reason(*each) for each in said["reasons"]), {},
    )  # fmt: skip


def screen() -> None:
    """The desk, from what is stored and scored now."""
    if (HOME / "away").exists():
        st.text("The desk is away.")
        return
    with alone() as file:
        rows = read(file)
    standing = live(rows)
    decided = {row["trace_id"] for _, row in standing}
    scored_file = HOME / "scored.json"
    scored = set(json.loads(scored_file.read_text("utf-8"))) if scored_file.exists() else set(CARDS)

    def build(trace_id: str) -> messages.Card:
        if trace_id not in CARDS:
            raise UnknownTrace(f"No trace {trace_id}.")
        card = CARDS[trace_id]
        trace = Trace(
            problem_id="pb1_0", sample_index=0, source="made up", licence=None, external_id=None,
            extra="{}", refined_from=None, text_hash=text_hash(card["text"]),
            **{name: card.get(name) for name in (
                "trace_id", "prompt", "teacher", "teacher_family", "context_text", "text",
                "final_answer", "is_correct",
            )},
            teacher_context=card.get("teacher_context", "unguided"),
            teacher_context_raw=card.get("teacher_context", "unguided"),
        )  # fmt: skip
        problem = Problem(
            "pb1_0", card["prompt"], card.get("domain"), card.get("reference_answer"),
            card.get("reference_solution"), "made up", None,
        )  # fmt: skip
        is_scored = trace_id in scored and card.get("tokens") is not None
        mine = [
            a_recent(number, row, with_text=True)
            for number, row in standing
            if row["trace_id"] == trace_id
        ]
        return messages.card(
            trace, problem,
            steps=[tuple(step) for step in card["steps"]],
            markers=[tuple(mark) for mark in card["markers"]],
            marker_words=card.get("marker_words"),
            tokens=card["tokens"] if is_scored else None,
            profile=card["profile"] if is_scored else None,
            scoring="scored" if is_scored else "waiting",
            convention_id="cv1_1" if is_scored else None,
            student="SmolLM2-135M-Instruct",
            convention="chat template, float32",
            lexicon_id="lx1_1",
            why=card.get("why"),
            mine=mine[0] if mine else None,
            families=card.get("families") if is_scored else None,
            percentiles=card.get("percentiles"),
            n_pool=card.get("n_pool"),
            was_revealed=any(
                row["trace_id"] == trace_id and row["reviewer"] == REVIEWER and row["verdict"]
                and (row["revealed"] or row["verdict"] in ("accept", "reject"))
                for row in rows
            ),
            edit_taken_back=taken_back(rows, trace_id),
        )  # fmt: skip

    open_ids = [trace_id for trace_id in CARDS if trace_id not in decided]
    desk.mount(
        [desk.Slip(name, "scored" if name in scored else "waiting") for name in open_ids][
            : desk.depth(KEY)
        ],
        build=build,
        decide=decide,
        key=KEY,
        store_id=HOME.name,
        reviewer=REVIEWER,
        queue="random control",
        progress=messages.Progress(len(decided), len(CARDS), len(open_ids)),
        recent=[a_recent(number, row) for number, row in standing[:10]],
        is_blind_first="blind" in st.query_params,
        guidance=standing_guidance(),
        scorer_rests=(HOME / "resting").read_text() if (HOME / "resting").exists() else None,
    )


st.fragment(run_every=EVERY)(screen)() if EVERY else screen()
