"""What leads ask and do on the command line: `status`, `agreement`, `assign`, `gold`.

assign make      give a slice of the traces to named reviewers (--preview: say what it would be)
assign list      the assignments, and how far each person is
assign withdraw  end an assignment; what was decided stays
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from curation import agreement, assigning, gold_commands, gold_items, lexicons
from curation.errors import CurationError
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]
Table = Callable[[list[dict[str, Any]], list[tuple[str, str]]], str]
VIEW = "view/"


def add_words(command: MakeParser) -> None:
    """Add the commands; `command(name, help)` makes a parser that has --json and --store."""
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
    """What `agreement` answers: on verdicts, with its parts; on `steps`, on `spans`; `gold`."""
    decisions = store.current_decisions()
    return {
        **agreement.whole(decisions),
        "steps": agreement.on_steps(store.step_verdicts()).to_dict(),
        "spans": agreement.on_spans(store.span_verdicts(), decisions),
        "gold": gold_items.accuracy(store.gold_answers()),
    }


def status(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `status` answers: what is stored, how far it is decided, and how far each person is."""
    return {
        **store.status(),
        "store": str(store.path),
        "marking": lexicons.standing(store),
        "by_person": store.by_person(),
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
SPAN_HEADS = ("label", "n_spans", "exact", "exact_ci", "overlap", "overlap_ci")


def agreed_in_words(answer: dict[str, Any], table: Table) -> list[str]:
    """What `agreement` answered of steps, spans and gold items: a table each."""
    steps, spans, gold = answer["steps"], answer["spans"], answer["gold"]
    said = []
    if steps["n_pairable"]:
        said.append("on steps\n" + table([steps], [(name, name) for name in STEP_HEADS]))
    if spans["n_traces"]:
        rows = [{**spans["all"], "label": "(all)"}, *spans["by_label"]]
        said.append("on spans, F1\n" + table(rows, [(name, name) for name in SPAN_HEADS]))
    if gold:
        said.append("on gold items\n" + gold_commands.accuracy_in_words(gold, table))
    return said


COMMANDS: dict[str, Callable[[Store, Arguments, Progress], dict[str, Any]]] = {
    "status": status,
    "assign": assign,
    "gold": gold_commands.run,
}
