"""What leads ask and do on the command line: `status`, `agreement`, `adjudicate`, `assign`, `gold`.

assign make      give a slice of the traces to named reviewers (--preview: say what it would be)
assign list      the assignments, and how far each person is
assign withdraw  end an assignment; what was decided stays
"""

from __future__ import annotations

import argparse
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from curation import agreement, assigning, gold_commands, gold_items, lexicons
from curation.errors import CurationError
from curation.records import Decision
from curation.store import Store, adjudicating
from curation.store.golding import SETTLING

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]
Table = Callable[[list[dict[str, Any]], list[tuple[str, str]]], str]
VIEW = "view/"


def add_words(command: MakeParser) -> None:
    """Add the commands; `command(name, help)` makes a parser that has --json and --store."""
    p = command("adjudicate", "settle a dispute, as somebody who did not vote")
    p.add_argument("trace_id")
    p.add_argument("verdict", choices=SETTLING)
    p.add_argument("--reviewer", required=True)
    p.add_argument("--reason", nargs="+", action="extend", default=[])
    p.add_argument("--note", default=None)
    assign = command("assign", "who shall read what")
    actions = assign.add_subparsers(dest="action", required=True, metavar="ACTION")
    p = _action(actions, "make", "give a slice of the traces to named reviewers")
    p.add_argument("--to", nargs="+", action="extend", required=True, metavar="NAME")
    p.add_argument("--by", required=True, metavar="NAME", help="who assigns")
    p.add_argument("--name", default="", help="what to call it")
    p.add_argument("--where", default=None, metavar="SQL")
    p.add_argument("--text", default=None, help="what the traces hold; /…/ is an expression")
    p.add_argument("--view", default=None, help="a saved view, in place of --where and --text")
    p.add_argument("--n", type=int, default=None, help="so many of them, drawn at random")
    p.add_argument("--share", type=float, default=None, help="or such a share of them, 0 to 1")
    p.add_argument("--readings", type=int, default=1, help="people for each trace (default: 1)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--again", action="store_true", help="also what is read or assigned already")
    p.add_argument("--preview", action="store_true", help="say what it would be, store nothing")
    _action(actions, "list", "the assignments, and how far each person is")
    p = _action(actions, "withdraw", "end an assignment; what was decided stays")
    p.add_argument("assignment", metavar="ASSIGNMENT")
    p.add_argument("--by", required=True, metavar="NAME", help="who ends it")
    gold_commands.add_words(command)


def _action(actions: Any, name: str, help: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = actions.add_parser(
        name, help=help, description=help, allow_abbrev=False
    )
    # After the action too, as after every command.
    added.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    added.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return added


def assign(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `assign ACTION` answers. Raises CurationError."""
    action = arguments["action"]
    if action == "make":
        return {"action": action, **_make(store, arguments)}
    if action == "withdraw":
        name = _named(store, arguments["assignment"])
        at = store.withdraw_assignment(name, arguments["by"])
        return {"action": action, "assignment_id": name, "withdrawn_at": at}
    people = store.assignment_progress().to_dicts()
    items = [
        {
            **{name: value for name, value in row.items() if name != "sequence"},
            "asked": json.loads(row["asked"]),
            "people": [one for one in people if one["assignment_id"] == row["assignment_id"]],
        }
        for row in store.assignments().to_dicts()
    ]
    return {"action": action, "items": items}


def _make(store: Store, arguments: Arguments) -> dict[str, Any]:
    where, text = arguments["where"], arguments["text"]
    if arguments["view"] is not None:
        if where is not None or text is not None:
            raise CurationError("A saved view has its own filter: leave out --where and --text.")
        view = view_of(store, arguments["view"])
        where, text = view["where"] or None, view["text"] or None
    request = assigning.Request(
        reviewers=tuple(arguments["to"]),
        where=where,
        text=text,
        **{key: arguments[key] for key in ("name", "n", "share", "readings", "seed", "again")},
    )
    planned = assigning.plan(store, request).to_dict()
    if arguments["preview"]:
        return {"assignment_id": None, **planned}
    return {"assignment_id": assigning.make(store, request, made_by=arguments["by"]), **planned}


def view_of(store: Store, name: str) -> dict[str, Any]:
    """The saved view of this name: where, text, queue. Raises CurationError."""
    held = store.setting(VIEW + name)
    if held is None:
        views = ", ".join(store.settings(VIEW)) or "none"
        raise CurationError(f"There is no saved view {name!r}; there are: {views}.")
    view: dict[str, Any] = json.loads(held)
    return view


def _named(store: Store, name: str) -> str:
    """The assignment with this id or name, a live one first. Raises CurationError."""
    frame = store.assignments()
    rows = frame.sort(frame["withdrawn_at"].is_not_null(), maintain_order=True).to_dicts()
    for row in rows:
        if name in (row["assignment_id"], row["name"]):
            return str(row["assignment_id"])
    raise CurationError(
        f"The store holds no assignment {name!r}. `python -m curation assign list` shows them."
    )


def assigned_in_words(answer: dict[str, Any], table: Table) -> str:
    """What `assign` answered, as lines for a terminal."""
    if answer["action"] == "withdraw":
        return f"{answer['assignment_id']} is ended; what was decided stays."
    if answer["action"] == "list":
        rows = [
            {
                "assignment_id": item["assignment_id"],
                "name": item["name"],
                "state": "ended" if item["withdrawn_at"] else "live",
                "n_traces": item["n_traces"],
                "people": ", ".join(
                    f"{one['reviewer']} {one['n_decided']}/{one['n_assigned']}"
                    for one in item["people"]
                )
                or ", ".join(item["reviewers"]),
            }
            for item in answer["items"]
        ]
        heads = [("assignment_id", "assignment"), ("name", "name"), ("state", "state"),
                 ("n_traces", "traces"), ("people", "decided")]  # fmt: skip
        return table(rows, heads)
    people = ", ".join(f"{name} {n}" for name, n in answer["people"].items()) or "nobody"
    done = answer["assignment_id"] or "nothing is stored (--preview)"
    lines = [
        f"{answer['n_traces']} traces of {answer['n_found']} that meet the filter: {people}",
        f"left out: {answer['n_read']} read already, {answer['n_assigned']} assigned already",
        str(done),
    ]
    if answer["n_short"]:
        lines.insert(2, f"{answer['n_short']} of them have fewer readers than was asked for")
    return "\n".join(lines)


def agreed(store: Store) -> dict[str, Any]:
    """What `agreement` answers: on verdicts, by parts; `steps`, `spans`, `choices`; `gold`."""
    decisions = store.readings()
    return {
        **agreement.whole(decisions),
        "steps": agreement.on_steps(store.step_verdicts()).to_dict(),
        "spans": agreement.on_spans(store.span_verdicts(), decisions),
        "choices": _on_choices(store),
        "gold": gold_items.accuracy(store.gold_answers()),
    }


def _on_choices(store: Store) -> dict[str, Any]:
    """Agreement on pairs of traces, with `by_pair`: each two people."""
    choices = store.pairs()
    by_pair = [pair._asdict() for pair in agreement.pairwise_choices(choices)]
    return {**agreement.on_choices(choices).to_dict(), "by_pair": by_pair}


def status(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `status` answers: what is stored, how far it is decided, and how far each person is."""
    return {
        **store.status(),
        "store": str(store.path),
        "marking": lexicons.standing(store),
        "by_person": store.by_person(),
    }


def adjudicate(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """Settle a dispute. Raises CurationError where there is none, or for one who voted."""
    trace_id, reviewer = arguments["trace_id"], arguments["reviewer"].strip()
    store.trace(trace_id)
    mine = store.verdict_of(trace_id, reviewer)
    settled = store.adjudications().filter(trace_id=trace_id, reviewer=reviewer).height
    if mine and mine["verdict"] in SETTLING and not settled:
        raise CurationError(
            f"{reviewer} has voted on {trace_id}; a dispute is settled by somebody who did not."
        )
    if not settled and not store.open_disputes([trace_id]):
        raise CurationError(
            f"Nobody differs on {trace_id}, or it is settled. "
            "`python -m curation list --where \"state = 'disputed'\"` shows what is not."
        )
    stored = store.decide(
        Decision(
            decision_id=str(uuid.uuid4()),
            trace_id=trace_id,
            reviewer=reviewer,
            verdict=arguments["verdict"],
            decided_at=datetime.now(UTC),
            reasons=tuple(arguments["reason"]),
            note=arguments["note"],
            queue=adjudicating.QUEUE,
            origin="cli",
        )
    )
    return {
        "decision_id": stored.decision_id,
        "trace_id": trace_id,
        "verdict": arguments["verdict"],
        "sequence": stored.sequence,
        "state": store.list_traces(f"trace_id = '{trace_id}'")["state"].item(),
    }


def progress_in_words(rows: list[dict[str, Any]], table: Table) -> str:
    """`Store.by_person` as a table; nothing where there is nobody."""
    heads = [("reviewer", "reviewer"), ("n_decided", "decided"), ("n_accepted", "accepted"),
             ("n_rejected", "rejected"), ("n_flagged", "flagged"), ("n_skipped", "skipped"),
             ("n_undone", "undone"), ("median_active_s", "median s"), ("p90_active_s", "p90 s"),
             ("decisions_per_active_hour", "an active hour"), ("n_assigned", "assigned"),
             ("n_left", "left"), ("last_at", "last")]  # fmt: skip
    return table(rows, heads) if rows else ""


STEP_HEADS = ("n_pairable", "n_traces", "percent", "alpha", "alpha_ci", "alpha_ordinal",
              "alpha_ordinal_ci", "n_opposed")  # fmt: skip
CHOICE_HEADS = ("n_pairable", "n_problems", "percent", "percent_ci", "kappa", "kappa_ci", "alpha",
                "alpha_ci", "n_opposed", "left")  # fmt: skip
SPAN_HEADS = (
    "label",
    "n_spans",
    "alpha_u",
    "alpha_u_ci",
    "exact",
    "exact_ci",
    "overlap",
    "overlap_ci",
)


def agreed_in_words(answer: dict[str, Any], table: Table) -> list[str]:
    """What `agreement` answered of steps, spans, pairs and gold items: a table each."""
    steps, spans, gold = answer["steps"], answer["spans"], answer["gold"]
    choices = answer["choices"]
    said = []
    if steps["n_pairable"]:
        said.append("on steps\n" + table([steps], [(name, name) for name in STEP_HEADS]))
    if spans["n_traces"]:
        rows = [{**spans["all"], "label": "(all)"}, *spans["by_label"]]
        said.append(
            "on spans: alpha for unitizing, F1\n"
            + table(rows, [(name, name) for name in SPAN_HEADS])
        )
    if choices["n_pairable"]:
        said.append("on pairs\n" + table([choices], [(name, name) for name in CHOICE_HEADS]))
    if gold:
        said.append("on gold items\n" + gold_commands.accuracy_in_words(gold, table))
    return said


COMMANDS: dict[str, Callable[[Store, Arguments, Progress], dict[str, Any]]] = {
    "status": status,
    "adjudicate": adjudicate,
    "assign": assign,
    "gold": gold_commands.run,
}
