"""What each command does with a store: arguments in, one JSON-ready answer out.

The command line calls these on a store it opened; the app calls the same ones for a command that
came through its door. They print nothing and know neither terminal nor screen. `progress` is a
callable that takes "n more done" and the total, where the total is known.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from curation import (
    account_commands,
    caretaker,
    compatibility,
    contamination_commands,
    editing,
    export,
    export_commands,
    export_scales,
    guidance,
    hedging,
    intake,
    leak_signs,
    lexicon_commands,
    lexicons,
    people_commands,
    signs,
    spot_check_commands,
)
from curation.errors import CurationError, ExportError, IngestError
from curation.gate import Guarded
from curation.records import COMPATIBILITY_COLUMNS, PROFILE_COLUMNS, Trace
from curation.store import Store, extras
from curation.student import Convention, recipe_id_of

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]


def run(
    name: str, store: Store, arguments: Arguments, progress: Progress | None = None
) -> dict[str, Any]:
    """The answer of command `name`. Raises CurationError with what a person can do about it."""
    try:
        answer = COMMANDS[name](store, arguments, progress or _silent)
    except OSError as exc:
        raise refused_by_the_system(exc) from exc
    if not isinstance(store, Guarded):  # where the gate tells of what was done
        account_commands.note(store, name, arguments)
    return answer


def refused_by_the_system(exc: OSError) -> CurationError:
    """What the operating system refused, in words."""
    where = f"{os.fsdecode(exc.filename)}: " if isinstance(exc.filename, str | bytes) else ""
    return CurationError(
        f"{where}{exc.strerror or exc}. Free some space or mend the permissions there, then try "
        "again."
    )


def _score_plan(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """The beginning of `score`: a job is written; nothing in the store changes yet."""
    convention = arguments["convention"]
    job, n = caretaker.plan(
        store, convention["student"], arguments["limit"], convention["convention_id"],
        arguments["families"], arguments["recipes"],
    )  # fmt: skip
    return {"job": str(job), "n": n, "packs": str(caretaker.packs_folder(store.path))}


def _score_take_in(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """The end of `score`: the packs go into the store, and their convention into use."""
    taken = caretaker.take_in(store)
    convention = arguments["convention"]
    store.use_convention(convention["convention_id"], convention["student"], convention["record"])
    for recipe in store.recipes():
        recipe_id, family = recipe.pop("recipe_id"), recipe["family"]
        if arguments["recipes"].get(family) == recipe_id:
            store.use_recipe(convention["convention_id"], recipe_id, recipe)
    return {
        **taken._asdict(),
        **store.scoring_state(convention["student"]),
        "waiting": store.profile_state(convention["student"], arguments["families"])["waiting"],
    }


def _knowledge_plan(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """The problems with a reference answer that a student was not asked under a recipe."""
    frame = store.unasked(**arguments)
    return {"problems": frame.to_dicts()}


def _knowledge_take_in(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """Keep what a student knows of a problem."""
    convention, recipe = arguments["convention"], arguments["recipe"]
    with store.transaction():
        store.use_convention(
            convention["convention_id"], convention["student"], convention["record"]
        )
        store.use_recipe(convention["convention_id"], recipe_id_of(recipe), recipe)
        store.add_knowledge([arguments["row"]])
    return {"problem_id": arguments["row"]["problem_id"]}


def _show(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    trace = store.trace(arguments["trace_id"])
    problem = store.problem(trace.problem_id)
    student = arguments["student"] or store.setting("student")
    score = store.tokens(trace.trace_id, student) if student else None
    starts, ends = store.steps(trace.trace_id)
    scored = score is not None and score["error"] is None
    families = store.compatibility(trace.trace_id, student) if student else {}
    marking = signs.marking_of(store, trace)
    decisions = store.decisions(trace.trace_id)
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
        "profile": {
            **{name: score[name] for name in PROFILE_COLUMNS},
            **{
                name: row[name]
                for family, row in families.items()
                for name in COMPATIBILITY_COLUMNS[family]  # type: ignore[index]
            },
        }
        if score and scored
        else None,
        "families": families,
        "refinement": _refinement(store, trace, student, families),
        "score_error": score["error"] if score else None,
        "markers": None
        if marking.markers is None
        else signs.described(
            trace.text, marking.markers, trace.prompt, trace.final_answer, marking.lexicon
        ),
        "marking": {
            "language": marking.language,
            "refusal": marking.refusal,
            "lexicon_id": marking.lexicon.lexicon_id if marking.lexicon else None,
        },
        "steps": [
            {"index": i, "start": start, "end": end}
            for i, (start, end) in enumerate(zip(starts, ends, strict=True))
        ],
        "leak_signs": leak_signs.of_trace(store, trace.trace_id),
        "decisions": [extras.described(row, trace.text) for row in decisions],
        "guidelines": guidance.gone_by(store, decisions),
        "edits": editing.shown(store, trace, decisions, student),
        "convention": store.convention(score["convention_id"]) if score else None,
    }


def _refinement(
    store: Store, trace: Trace, student: str | None, families: dict[str, Any]
) -> dict[str, Any] | None:
    """Whether a refined trace passes the rule of Selective Reflection-Tuning, and why.

    None for a trace that was not refined from another; `keep` None where a number is missing.
    """
    if trace.refined_from is None:
        return None
    original = store.original_of(trace.trace_id)
    if original is None:
        why = f"The store does not hold {trace.refined_from}, from which it was refined."
        return {"original": None, "keep": None, "why": why}
    of_original = store.compatibility(original, student) if student else {}
    if trace.source == editing.SOURCE:
        return {"original": original, **editing.weighed(of_original, families)._asdict()}
    pairs = [editing.ifd_pair(of_original), editing.ifd_pair(families)]
    if None in pairs:
        why = "IFD and r-IFD of both traces are needed; `score --scores ifd,rifd` computes them."
        return {"original": original, "keep": None, "why": why}
    choice = compatibility.keep_refined(*pairs)  # type: ignore[arg-type]
    return {"original": original, "keep": choice.keep, "why": choice.why}


def _marked_traces(
    store: Store,
    where: str | None,
    order: str,
    limit: int | None,
    progress: Progress,
    *,
    with_edits: bool = False,
) -> pl.DataFrame:
    """The traces of a filter, their markers up to date; a filter that cannot run changes nothing.

    Raises FilterError.
    """
    if not lexicons.all_are_marked(store) or store.unsearched(signs.RULES_ID, 1).height:
        store.list_traces(where, order, limit)
        lexicons.mark_pending(store, lambda n: progress(n, None))
        signs.search_pending(store, lambda n: progress(n, None))
    return store.list_traces(where, order, limit, with_edits=with_edits)


def _list(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    where, order, limit = arguments["where"], arguments["order"], arguments["limit"]
    if order == leak_signs.ORDER:
        frame = _marked_traces(store, where, "arrival", None, progress, with_edits=True)
        frame = leak_signs.in_order(store, frame).slice(0, limit)
    else:
        frame = _marked_traces(store, where, order, limit, progress, with_edits=True)
    return {"items": frame.to_dicts()}


def _decide(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    return guidance.decide(store, arguments)


def _undo(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    withdrawn = store.undo(arguments["reviewer"].strip(), origin="cli")
    if withdrawn is None:
        raise CurationError(
            f"{arguments['reviewer']} has no decision to withdraw. "
            "`python -m curation status` lists the reviewers."
        )
    return {"withdrawn": withdrawn["decision_id"], **withdrawn}


def _leakage(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    from curation import leakage_report  # here: its figures' colours bring Plotly with them

    leakage_report.check(arguments)
    frame = _marked_traces(store, arguments["where"], "arrival", None, progress)
    return leakage_report.answer(store, frame, arguments)


def _agreement(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    return people_commands.agreed(store)


def _verify(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    checked, broken = store.verify(lambda n: progress(n, None))
    for record in store.conventions():
        known = record.pop("convention_id")
        derived = Convention.of(record).convention_id
        if derived != known:
            broken.append(f"convention {known}: its record hashes to {derived}")
    for recipe in store.recipes():
        known = recipe.pop("recipe_id")
        if recipe_id_of(recipe) != known:
            broken.append(f"recipe {known}: its record hashes to {recipe_id_of(recipe)}")
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


def mark(path: Path, progress: Progress | None = None) -> dict[str, Any]:
    """What `mark FILE` answers: the markers of each line's text; it needs no store."""
    items = []
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    items.append(_marked(line, f"{path}:{number}"))
                    (progress or _silent)(1, None)
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
    except (ValueError, RecursionError) as exc:
        raise IngestError(f"{where} is not JSON that can be read ({exc}); {expected}.") from exc
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "id" not in row:
        raise IngestError(f"{where} has no id or no text; {expected}.")
    if isinstance(row["id"], dict | list):
        raise IngestError(f"{where}: its id is no text or number; {expected}.")
    text, prompt = row["text"], row.get("prompt")
    whole, asked = _whole(text), _whole(prompt) if isinstance(prompt, str) else None
    described = signs.described(whole, hedging.find_markers(whole, asked), asked)
    return {
        "id": row["id"],
        "markers": [{**m, "text": text[m["start"] : m["end"]]} for m in described],
    }


def _whole(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which JSON may hold: the same length."""
    return _SURROGATE.sub("\ufffd", text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _silent(n: int, total: int | None) -> None:
    """Progress that nobody watches."""


COMMANDS: dict[str, Callable[[Store, Arguments, Progress], dict[str, Any]]] = {
    "ingest": intake.ingest_sources,
    "score-plan": _score_plan,
    "score-take-in": _score_take_in,
    "knowledge-plan": _knowledge_plan,
    "knowledge-take-in": _knowledge_take_in,
    "show": _show,
    "list": _list,
    "decide": _decide,
    "undo": _undo,
    "remark": lexicon_commands.remark,
    "lexicon": lexicon_commands.run,
    "leakage": _leakage,
    "agreement": _agreement,
    "spotcheck": spot_check_commands.run,
    **people_commands.COMMANDS,
    "export": export_commands.write,
    "contamination": contamination_commands.run,
    "recipe": export_commands.recipe,
    "scales": export_scales.answer,
    "verify": _verify,
    "backup": _backup,
    **account_commands.COMMANDS,
}
"""Every command that works on an open store."""
