"""`gold` on the command line: traces whose right verdict is known.

gold add TRACE … --verdict V   mark traces as gold (or those of --where), with what is right
gold list                      the gold items, and how they are mixed in
gold withdraw TRACE …          take the mark back by a record
gold mix --one-in N            how many cards are gold, and whether the desk says what was right
gold accuracy                  how often each person was right, with intervals
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from curation import gold_items
from curation.errors import CurationError
from curation.store import Store
from curation.store.golding import SETTLING

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]
Table = Callable[[list[dict[str, Any]], list[tuple[str, str]]], str]


def add_words(command: MakeParser) -> None:
    """Add the command; `command(name, help)` makes a parser that has --json and --store."""
    gold = command("gold", "traces whose right verdict is known, mixed into the queues")
    actions = gold.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(
            name, help=help, description=help, allow_abbrev=False
        )
        # After the action too, as after every command.
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        added.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added

    for name, help in (("add", "mark traces as gold"), ("withdraw", "take the mark back")):
        p = action(name, help)
        p.add_argument("trace_ids", nargs="*", metavar="TRACE")
        p.add_argument("--where", default=None, metavar="SQL", help="or all that meet a filter")
        p.add_argument("--by", required=True, metavar="NAME", help="who marks")
        if name == "add":
            p.add_argument("--verdict", choices=SETTLING, required=True, help="what is right")
            p.add_argument("--reason", nargs="+", action="extend", default=[])
            p.add_argument("--note", default=None)
    action("list", "the gold items, and how they are mixed in")
    p = action("mix", "how many cards are gold, and whether the desk says what was right")
    p.add_argument("--one-in", type=int, default=gold_items.ONE_IN, metavar="N", help="0 = none")
    p.add_argument("--feedback", action="store_true", help="say after the verdict what was right")
    action("accuracy", "how often each person was right, with intervals")


def run(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `gold ACTION` answers. Raises CurationError."""
    action = arguments["action"]
    if action in ("add", "withdraw"):
        return {"action": action, **_mark(store, arguments)}
    if action == "mix":
        gold_items.mix_in(store, arguments["one_in"], feedback=arguments["feedback"])
    if action == "accuracy":
        return {"action": action, "by_person": gold_items.accuracy(store.gold_answers())}
    mixing = gold_items.Mixing.read(store)
    return {
        "action": action,
        "one_in": mixing.one_in,
        "feedback": mixing.feedback,
        "items": store.gold_items().to_dicts(),
    }


def _mark(store: Store, arguments: Arguments) -> dict[str, Any]:
    ids, where = arguments["trace_ids"], arguments["where"]
    if bool(ids) == (where is not None):
        raise CurationError("Name traces, or give a filter with --where: one of the two.")
    is_withdrawal = arguments["action"] == "withdraw"
    if where is not None:
        ids = store.find(where)
        if is_withdrawal:
            known = set(store.gold_items()["trace_id"])
            ids = [trace_id for trace_id in ids if trace_id in known]
    marks = gold_items.mark(
        store,
        ids,
        None if is_withdrawal else arguments["verdict"],
        marked_by=arguments["by"],
        reasons=arguments.get("reason", ()),
        note=arguments.get("note"),
    )
    return {"n": len(marks), "trace_ids": list(dict.fromkeys(ids))}


def in_words(answer: dict[str, Any], table: Table) -> str:
    """What `gold` answered, as lines for a terminal."""
    if answer["action"] in ("add", "withdraw"):
        done = "marked as gold" if answer["action"] == "add" else "no longer gold"
        return f"{answer['n']} traces are {done}"
    if answer["action"] == "accuracy":
        return accuracy_in_words(answer["by_person"], table)
    rate = f"one card in {answer['one_in']}" if answer["one_in"] else "none is mixed in"
    told = "the desk says what was right" if answer["feedback"] else "in silence"
    heads = [("trace_id", "trace"), ("verdict", "right"), ("reasons", "reasons"),
             ("marked_by", "by"), ("note", "note")]  # fmt: skip
    return f"{rate}, {told}\n{table(answer['items'], heads)}"


def accuracy_in_words(rows: list[dict[str, Any]], table: Table) -> str:
    """The accuracy by person as a table."""
    heads = [("reviewer", "reviewer"), ("n", "gold items"), ("accuracy", "right"),
             ("accuracy_ci", "95 %"), ("n_wrongly_accepted", "wrongly accepted"),
             ("n_wrongly_rejected", "wrongly rejected"), ("says", "which is")]  # fmt: skip
    return table(rows, heads)
