"""`spotcheck` on the command line: its words, and what it answers.

spotcheck create NAME           draw a sample and store it (--preview: only say what it would be)
spotcheck list                  the checks of the store
spotcheck draw CHECK            what a check drew, in the order to judge it; no context, no score
spotcheck judge CHECK TRACE …   append one judgement (the desk does the same, blind)
spotcheck gold TRACE STATE      note that a trace is known to be leaking or clean
spotcheck report CHECK          the leaking share, its intervals, and whether one may stop
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from curation import check_report, checks, spotcheck
from curation.errors import CurationError
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]

STATES: dict[str, bool | None] = {"leaking": True, "clean": False, "unknown": None}


def add_words(command: MakeParser) -> None:
    """Add the command; `command(name, help)` makes a parser that has --json and --store."""
    spot = command("spotcheck", "how many leak: draw a sample, judge it blind, read the share")
    actions = spot.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=help, description=help, allow_abbrev=False)
        # After the action too, as after every command.
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        added.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added

    usual = checks.Request("", 60)
    p = action("create", "draw a sample and store it")
    p.add_argument("name", metavar="NAME")
    p.add_argument("--reviewer", required=True, help="who draws it")
    p.add_argument("--where", default=usual.where, metavar="SQL", help="default: what is accepted")
    p.add_argument("--n", type=int, default=usual.n, help="traces to judge")
    p.add_argument("--seed", type=int, default=usual.seed)
    p.add_argument("--allocation", choices=spotcheck.ALLOCATIONS, default=usual.allocation)
    p.add_argument("--gold-share", type=float, default=usual.gold_share, metavar="SHARE")
    p.add_argument("--stop-rule", choices=checks.STOP_RULES, default=usual.stop_rule)
    p.add_argument("--p0", type=float, default=usual.p0, help="a harmless leaking share")
    p.add_argument("--p1", type=float, default=usual.p1, help="an alarming leaking share")
    p.add_argument("--alpha", type=float, default=usual.alpha, help="error rate of the stop rule")
    p.add_argument("--beta", type=float, default=usual.beta, help="of the sprt: alarm missed")
    p.add_argument(
        "--half-width", type=float, default=usual.half_width, help="wished, of the share"
    )
    p.add_argument("--preview", action="store_true", help="say what it would draw, store nothing")
    action("list", "the spot checks of the store")
    p = action("draw", "what a check drew, in the order to judge it")
    p.add_argument("check", metavar="CHECK")
    p.add_argument("--reviewer", default=None, help="only what this judge has not judged yet")
    p = action("judge", "append one judgement")
    p.add_argument("check", metavar="CHECK")
    p.add_argument("trace_id", metavar="TRACE")
    p.add_argument("judgement", choices=tuple(checks.WORDS))
    p.add_argument("--reviewer", required=True)
    p = action("gold", "note that a trace is known to be leaking or clean")
    p.add_argument("trace_id", metavar="TRACE")
    p.add_argument("state", choices=tuple(STATES), help="unknown takes it back")
    p.add_argument("--source", required=True, help="how it is known")
    p.add_argument("--reviewer", required=True, help="who notes it")
    p = action("report", "the leaking share, its intervals, and whether one may stop")
    p.add_argument("check", metavar="CHECK")
    p.add_argument("--reviewer", default=None, help="this judge's verdicts alone")


def run(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `spotcheck ACTION` answers. Raises CurationError."""
    return {"action": arguments["action"], **_ANSWERS[arguments["action"]](store, arguments)}


def _create(store: Store, arguments: Arguments) -> dict[str, Any]:
    request = checks.Request(**{name: arguments[name] for name in checks.Request._fields})
    planned = checks.plan(store, request)
    check_id = None
    if not arguments["preview"]:
        check_id = checks.create(store, request, created_by=arguments["reviewer"])
    needed = spotcheck.widest_sample_size(
        request.half_width, 1 - request.alpha, planned.n_population
    )
    return {
        "spot_check_id": check_id,
        "n_population": planned.n_population,
        "n_drawn": int(planned.strata["n_drawn"].sum()),
        "n_gold": planned.n_gold,
        "n_gold_wished": planned.n_gold_wished,
        "n_gold_left_out": planned.n_gold_left_out,
        "design_bias": planned.bias,
        "n_needed_worst_case": needed,
        "strata": planned.strata.to_dicts(),
    }


def _list(store: Store, arguments: Arguments) -> dict[str, Any]:
    return {"items": store.spot_checks().to_dicts()}


def _draw(store: Store, arguments: Arguments) -> dict[str, Any]:
    check_id, reviewer = _named(store, arguments["check"]), arguments["reviewer"]
    drawn = store.spot_check_items(check_id).select("place", "trace_id")
    if reviewer is not None:
        left = set(checks.to_judge(store, check_id, reviewer))
        return {"items": [row for row in drawn.to_dicts() if row["trace_id"] in left]}
    return {"items": drawn.to_dicts()}


def _judge(store: Store, arguments: Arguments) -> dict[str, Any]:
    return checks.judge(
        store, _named(store, arguments["check"]), arguments["trace_id"], arguments["judgement"],
        reviewer=arguments["reviewer"], origin="cli",
    )  # fmt: skip


def _gold(store: Store, arguments: Arguments) -> dict[str, Any]:
    state = STATES[arguments["state"]]
    label = store.add_gold(
        arguments["trace_id"], state, source=arguments["source"], marked_by=arguments["reviewer"]
    )
    return {"gold_label_id": label, "trace_id": arguments["trace_id"], "is_leaking": state}


def _report(store: Store, arguments: Arguments) -> dict[str, Any]:
    check_id = _named(store, arguments["check"])
    return check_report.report(store, check_id, arguments["reviewer"])


def _named(store: Store, given: str) -> str:
    """The id of the check that `given` names: an id, the beginning of one, or a check's name.

    Raises CurationError where none or several fit.
    """
    known: dict[str, str] = {
        row["spot_check_id"]: row["name"] for row in store.spot_checks().to_dicts()
    }
    if given in known:
        return given
    fitting = [i for i, name in known.items() if name == given or i.startswith(given)]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(f"{name} ({i})" for i, name in known.items()) or "none yet"
    raise CurationError(
        f"{len(fitting) or 'No'} spot checks fit {given!r}; there are: {there}. Name one by its "
        "id, the beginning of it, or its name."
    )


_ANSWERS: dict[str, Callable[[Store, Arguments], dict[str, Any]]] = {
    "create": _create,
    "list": _list,
    "draw": _draw,
    "judge": _judge,
    "gold": _gold,
    "report": _report,
}


_STRATUM = [
    ("teacher_context", "context"), ("teacher", "teacher"), ("n_population", "traces"),
    ("n_drawn", "drawn"),
]  # fmt: skip


def in_words(answer: dict[str, Any], table: Callable[..., str]) -> str:
    """The answer as lines for a terminal; `table(rows, columns)` lays out rows."""
    if answer["action"] == "report":
        columns = [*_STRATUM, ("judged", "judged"), ("leaking", "leaking"), ("share", "share"),
                   ("interval", "interval")]  # fmt: skip
        return "\n".join([*answer["says"], table(answer["by_stratum"], columns)])
    if answer["action"] == "create":
        head = (
            f"{answer['n_drawn']} of {answer['n_population']} traces and {answer['n_gold']} known "
            f"ones drawn as {answer['spot_check_id'] or '(preview, nothing stored)'}; the wished "
            f"width takes {answer['n_needed_worst_case']} verdicts in the worst case"
        )
        return "\n".join([head, table(answer["strata"], _STRATUM)])
    if answer["action"] == "list":
        columns = [("spot_check_id", "check"), ("name", "name"), ("created_by", "by"),
                   ("n_population", "traces"), ("n_drawn", "drawn"),
                   ("n_judgements", "judgements")]  # fmt: skip
        return table(answer["items"], columns)
    if answer["action"] == "draw":
        return table(answer["items"], [("place", "place"), ("trace_id", "trace")])
    return table([answer], [(key, key) for key in answer if key != "action"])
