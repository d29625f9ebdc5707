"""What each command does with a store: arguments in, one JSON-ready answer out.

The command line calls these on a store it opened; the app calls the same ones for a command that
came through its door. They print nothing and know neither terminal nor screen. `progress` is a
callable that takes "n more done" and the total, where the total is known.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curation import agreement, caretaker, export, hedging, ingest, leakage
from curation.errors import CurationError, ExportError, IngestError
from curation.records import PROFILE_COLUMNS, VERDICTS, Decision, Refusal
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]


def run(
    name: str, store: Store, arguments: Arguments, progress: Progress | None = None
) -> dict[str, Any]:
    """The answer of command `name`. Raises CurationError with what a person can do about it."""
    return COMMANDS[name](store, arguments, progress or _silent)


def _ingest(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    n_read = n_new = n_duplicate = 0
    refusals: list[Refusal] = []
    formats: list[str] = []
    # One transaction for the whole run: a source that breaks off midway leaves nothing behind.
    with store.transaction():
        for name in arguments["sources"]:
            reading = ingest.read(
                Path(name),
                format=arguments["format"],
                mapping=arguments["map"],
                max_trace_chars=arguments["max_trace_chars"],
            )
            ingest_id = str(uuid.uuid4())
            read_before, new_before, duplicate_before = n_read, n_new, n_duplicate
            n_refused_before = len(refusals)
            for batch in reading:
                added = store.add(batch, ingest_id)
                n_read += batch.n_read
                n_new += added.n_new
                n_duplicate += added.n_duplicate
                refusals += [*batch.refusals, *added.refusals]
                progress(batch.n_read, None)
            formats.append(reading.format)
            store.record_ingest(
                ingest_id,
                origin=Path(name).name,
                format=reading.format,
                n_read=n_read - read_before,
                n_new=n_new - new_before,
                n_duplicate=n_duplicate - duplicate_before,
                n_rejected=len(refusals) - n_refused_before,
                quarantine=None,
            )
        quarantine = _quarantine(store, refusals)
    status = store.status()
    return {
        "read": n_read,
        "new": n_new,
        "duplicate": n_duplicate,
        "rejected": len(refusals),
        "problems": status["problems"],
        "traces": status["traces"],
        "format": ", ".join(dict.fromkeys(formats)),
        "quarantine": str(quarantine) if quarantine else None,
        "refusals": [
            {"origin": r.origin, "line": r.line, "field": r.field, "reason": r.reason}
            for r in refusals[:20]
        ],
    }


def _quarantine(store: Store, refusals: list[Refusal]) -> Path | None:
    """Write the refused rows where they can be mended and ingested again."""
    if not refusals:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    folder = store.path.with_name(store.path.name + ".quarantine")
    path = folder / f"refused-{stamp}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ingest.write_quarantine(path, refusals)
    except OSError as exc:
        raise IngestError(f"The refused rows could not be written to {path}: {exc}.") from exc
    return path


def _score_plan(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """The beginning of `score`: the convention goes into use, and a job is written."""
    convention = arguments["convention"]
    store.use_convention(convention["convention_id"], convention["student"], convention["record"])
    job, n = caretaker.plan(store, convention["student"], arguments["limit"])
    return {"job": str(job), "n": n, "packs": str(caretaker.packs_folder(store.path))}


def _score_take_in(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """The end of `score`: the packs go into the store."""
    taken = caretaker.take_in(store)
    return {**taken._asdict(), **store.scoring_state(arguments["student"])}


def _show(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    caretaker.mark_pending(store)
    trace = store.trace(arguments["trace_id"])
    problem = store.problem(trace.problem_id)
    student = arguments["student"] or store.setting("student")
    score = store.tokens(trace.trace_id, student) if student else None
    marking = store.marking(trace.trace_id)
    starts, ends = store.steps(trace.trace_id)
    scored = score is not None and score["error"] is None
    return {
        "trace": {**vars(trace), "extra": json.loads(trace.extra)},
        "problem": vars(problem),
        "tokens": {
            "id": score["token_id"],
            "start": score["start_char"],
            "end": score["end_char"],
            "logprob_nats": score["logprob_nats"],
            "rank": score["rank"],
            "entropy_nats": score["entropy_nats"],
        }
        if score is not None and scored
        else None,
        "profile": {name: score[name] for name in PROFILE_COLUMNS} if score and scored else None,
        "score_error": score["error"] if score else None,
        "markers": [
            {"start": start, "end": end, "category": category, "text": trace.text[start:end]}
            for start, end, category in zip(
                marking["start_char"], marking["end_char"], marking["category"], strict=True
            )
        ]
        if marking
        else [],
        "steps": [
            {"index": i, "start": start, "end": end}
            for i, (start, end) in enumerate(zip(starts, ends, strict=True))
        ],
        "decisions": store.decisions(trace.trace_id),
        "convention": store.convention(score["convention_id"]) if score else None,
    }


def _list(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    caretaker.mark_pending(store, lambda n: progress(n, None))
    frame = store.list_traces(arguments["where"], arguments["order"], arguments["limit"])
    return {"items": frame.to_dicts()}


def _decide(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    verdict = arguments["verdict"]
    if verdict not in VERDICTS:
        raise CurationError(f"{verdict!r} is no verdict; they are {', '.join(VERDICTS)}.")
    stored = store.decide(
        Decision(
            decision_id=str(uuid.uuid4()),
            trace_id=arguments["trace_id"],
            reviewer=arguments["reviewer"],
            verdict=verdict,
            decided_at=datetime.now(UTC),
            reasons=tuple(arguments["reason"]),
            note=arguments["note"],
            directive=arguments["directive"],
            origin="cli",
        )
    )
    return {
        "decision_id": stored.decision_id,
        "trace_id": arguments["trace_id"],
        "verdict": verdict,
        "sequence": stored.sequence,
    }


def _undo(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    withdrawn = store.undo(arguments["reviewer"], origin="cli")
    if withdrawn is None:
        raise CurationError(
            f"{arguments['reviewer']} has no decision to withdraw. "
            "`python -m curation status` lists the reviewers."
        )
    return {"withdrawn": withdrawn["decision_id"], **withdrawn}


def _status(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    return {**store.status(), "store": str(store.path)}


def _leakage(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    caretaker.mark_pending(store, lambda n: progress(n, None))
    return leakage.report(store.list_traces(arguments.get("where"))).to_dict()


def _agreement(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    return agreement.between(store.current_decisions()).to_dict()


def _export(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    manifest = export.write(
        store,
        format=arguments["format"],
        out=Path(arguments["out"]),
        where=arguments["where"],
        splits=export.parse_splits(arguments["splits"]),
        seed=arguments["seed"],
        files=arguments["files"],
        overwrite=arguments["overwrite"],
    )
    return {
        "format": manifest.format,
        "rows": manifest.rows,
        "files": [
            {"path": file.path, "sha256": file.sha256, "bytes": file.bytes}
            for file in manifest.files
        ],
        "manifest": str(manifest.path),
        "left_out": manifest.record["left_out"],
    }


def _verify(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    checked, broken = store.verify()
    return {"checked": checked, "broken": broken}


def _backup(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    copy = store.backup(Path(arguments["file"]))
    return {"path": str(copy.path), "bytes": copy.n_bytes, "sha256": copy.sha256}


def verify_export(path: Path) -> dict[str, Any]:
    """What `verify PATH` answers for an export's folder or manifest; it needs no store."""
    if not path.exists():
        raise ExportError(f"There is nothing at {path} to verify; name an export's folder.")
    checked, broken = export.verify_export(path)
    return {"checked": checked, "broken": broken}


def mark(path: Path) -> dict[str, Any]:
    """What `mark FILE` answers: the markers of each line's text; it needs no store."""
    items = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    items.append(_marked(line, f"{path}:{number}"))
    except OSError as exc:
        raise IngestError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except UnicodeDecodeError as exc:
        raise IngestError(f"{path} is not UTF-8 (byte {exc.start}); convert it first.") from exc
    return {"items": items, "lexicon_id": hedging.load_lexicon().lexicon_id}


def _marked(line: str, where: str) -> dict[str, Any]:
    expected = 'a line is a JSON object {"id": …, "text": "…"}'
    try:
        row = json.loads(line)
    except json.JSONDecodeError as exc:
        raise IngestError(
            f"{where} is not JSON ({exc.msg}, column {exc.colno}); {expected}."
        ) from exc
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "id" not in row:
        raise IngestError(f"{where} has no id or no text; {expected}.")
    prompt = row.get("prompt")
    markers = hedging.find_markers(row["text"], prompt if isinstance(prompt, str) else None)
    return {"id": row["id"], "markers": [marker._asdict() for marker in markers]}


def finite(value: Any) -> Any:
    """`value` with every NaN and infinity as None, as JSON can say it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _silent(n: int, total: int | None) -> None:
    """Progress that nobody watches."""


COMMANDS: dict[str, Callable[[Store, Arguments, Progress], dict[str, Any]]] = {
    "ingest": _ingest,
    "score-plan": _score_plan,
    "score-take-in": _score_take_in,
    "show": _show,
    "list": _list,
    "decide": _decide,
    "undo": _undo,
    "status": _status,
    "leakage": _leakage,
    "agreement": _agreement,
    "export": _export,
    "verify": _verify,
    "backup": _backup,
}
"""Every command that works on an open store."""
