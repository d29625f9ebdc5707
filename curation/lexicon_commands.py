"""`lexicon` and `remark` on the command line: their words, and what they answer.

lexicon list                    versions, changes and, with --search, entries
lexicon add|silence|reclassify  change a phrase (--preview: only say what it would do)
lexicon withdraw CHANGE         take a change back
lexicon use ID|shipped          go to a stored version
lexicon export|import FILE      share a lexicon as a table
remark                          mark what is pending now, instead of waiting for the app
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curation import lexicon_effects, lexicons
from curation.hedging import versions
from curation.hedging.changes import ACTIONS, NONE, Change
from curation.records import CATEGORIES
from curation.store import Store

Progress = Callable[[int, int | None], None]
Arguments = dict[str, Any]
MakeParser = Callable[[str, str], argparse.ArgumentParser]


def add_words(command: MakeParser) -> None:
    """Add both commands; `command(name, help)` makes a parser that has --json and --store."""
    p = command("remark", "mark what is pending under the lexicons in use")
    p.add_argument("--language", default=None, help="only this one (ISO 639, for instance en)")
    lexicon = command("lexicon", "a team's own lexicon: see it, change it, share it")
    actions = lexicon.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help: str, *, changes: bool = True) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=help, description=help, allow_abbrev=False)
        # After the action too, as after every command.
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        added.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.add_argument("--language", default=None, help="ISO 639 (default: en)")
        if changes:
            added.add_argument("--reviewer", required=True, help="who makes the change")
            added.add_argument("--why", required=True)
        return added

    p = action("list", "the lexicons in use, their versions and changes", changes=False)
    p.add_argument("--search", default=None, metavar="TEXT", help="show the entries with this")
    for name in ACTIONS:
        p = action(name, f"{name} a phrase")
        p.add_argument("phrase")
        if name != "silence":
            p.add_argument("--category", choices=(*CATEGORIES, NONE), required=name == "add")
            p.add_argument("--strength", choices=("weak", "strong"), default=None)
        p.add_argument("--preview", action="store_true", help="say what it would do, store nothing")
    p = action("withdraw", "take a change back, as a new record")
    p.add_argument("change", metavar="CHANGE", help="its id, or how it begins")
    p = action("use", "go (back) to a stored version, or to the shipped one")
    p.add_argument("lexicon_id", metavar="ID", help="an id of `lexicon list`, or: shipped")
    p = action("export", "write the lexicon in use to a new file", changes=False)
    p.add_argument("file", metavar="FILE")
    p = action("import", "take a lexicon from a file and use it")
    p.add_argument("file", metavar="FILE")


def remark(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `remark` answers."""
    return lexicons.remark(store, arguments["language"], lambda n: progress(n, None))


def run(store: Store, arguments: Arguments, progress: Progress) -> dict[str, Any]:
    """What `lexicon ACTION` answers; `lexicon_id` is the version in use afterwards."""
    asked = arguments["action"]
    language = arguments["language"] or lexicons.DEFAULT
    who, why = arguments.get("reviewer", ""), arguments.get("why", "")
    answer: dict[str, Any] = {"action": asked}
    if asked == "list":
        return answer | _listed(store, arguments["language"], arguments["search"])
    if asked in ACTIONS:
        wished = Change(
            asked, arguments["phrase"], arguments.get("category"), arguments.get("strength"),
            why, who,
        )  # fmt: skip
        lexicons.use_what_follows(store)
        effect = lexicon_effects.preview(store, language, wished)
        answer |= {"stored": not arguments["preview"], "effect": _effect(effect)}
        if not arguments["preview"]:
            lexicons.change(store, language, [wished])
    elif asked == "withdraw":
        language = lexicons.withdraw(store, arguments["change"], why=why, who=who)
    elif asked == "use":
        language = lexicons.use(
            store, arguments["lexicon_id"], why=why, who=who, language=language
        ).language
    elif asked == "import":
        lexicon = versions.read_file(Path(arguments["file"]), arguments["language"])
        language = lexicons.take_in(store, lexicon, why=why, who=who).language
    elif asked == "export":
        lexicons.write(lexicons.state_of(store, language).lexicon, Path(arguments["file"]))
        answer["file"] = arguments["file"]
    answer["language"] = language
    state = lexicons.states(store).get(language)
    answer["lexicon_id"] = state.lexicon.lexicon_id if state else None
    answer["n_entries"] = len(state.lexicon.entries) if state else 0
    if asked != "export":
        answer["waiting"] = lexicons.standing(store)["waiting"]
    return answer


def _effect(effect: lexicon_effects.Effect) -> dict[str, Any]:
    return {
        **effect._asdict(),
        "by_category": {
            name: {"go": go, "come": come} for name, (go, come) in effect.by_category.items()
        },
        "examples": [example._asdict() for example in effect.examples],
    }


def _listed(store: Store, language: str | None, search: str | None) -> dict[str, Any]:
    states = lexicons.states(store)
    if language is not None:
        states = {language: lexicons.state_of(store, language)}
    entries = [
        {"language": code, **row}
        for code, state in states.items()
        if search is not None
        for row in lexicon_effects.occurrences(
            state.lexicon, lexicon_effects.count(store, state.lexicon), search
        ).to_dicts()
    ]
    return {
        "in_use": [
            {
                "language": code,
                "lexicon_id": state.lexicon.lexicon_id,
                "base": state.base_id or "shipped",
                "n_entries": len(state.lexicon.entries),
                "n_changes": len(state.changes),
                "idle": [f"{idle.change.phrase}: {idle.reason}" for idle in state.idle],
            }
            for code, state in states.items()
        ],
        "changes": store.lexicon_changes(language),
        "versions": [
            row
            for row in store.lexicon_versions().to_dicts()
            if language in (None, row["language"])
        ],
        "entries": entries,
    }


Table = Callable[[list[dict[str, Any]], list[tuple[str, str]]], str]


def in_words(answer: dict[str, Any], table: Table) -> str:
    """What `lexicon` answered, for people; `table(rows, columns)` draws, and escapes, a table."""
    if answer["action"] == "list":
        return _list_in_words(answer, table)
    lines = []
    effect = answer.get("effect")
    if effect is not None:
        of = f"{effect['n_read']} of {effect['n_candidates']} traces that may hold it"
        lines = [
            f"{effect['n_traces']} traces change: {effect['n_come']} markers come, "
            f"{effect['n_go']} go (read: {of})"
        ]
        columns = [("was", "is now"), ("becomes", "would be"), ("before", "before"),
                   ("surface", "marker"), ("after", "after")]  # fmt: skip
        if effect["examples"]:
            lines.append(table(effect["examples"], columns))
        lines.append("stored" if answer["stored"] else "only a preview: nothing is stored")
    if "file" in answer:
        lines.append(table([answer], [("file", "written")]))
    lines.append(
        f"in use for {answer['language']}: {answer['lexicon_id'] or 'no lexicon'}, "
        f"{answer['n_entries']} entries"
    )
    if answer.get("waiting"):
        lines.append(
            f"{answer['waiting']} traces wait to be marked: `remark`, or let the app do it"
        )
    return "\n".join(lines)


def _list_in_words(answer: dict[str, Any], table: Table) -> str:
    parts = [
        table(
            answer["in_use"],
            [("language", "language"), ("lexicon_id", "in use"), ("base", "stands on"),
             ("n_entries", "entries"), ("n_changes", "changes"), ("idle", "without effect")],
        )
    ]  # fmt: skip
    if answer["changes"]:
        columns = [("sequence", "no."), ("change_id", "change"), ("language", "language"),
                   ("action", "action"), ("phrase", "phrase"), ("category", "category"),
                   ("strength", "strength"), ("lexicon_id", "version"), ("withdraws", "takes back"),
                   ("who", "who"), ("changed_at", "when"), ("why", "why"),
                   ("is_live", "live")]  # fmt: skip
        parts.append("changes\n" + table(answer["changes"], columns))
    if answer["versions"]:
        columns = [("language", "language"), ("lexicon_id", "version"), ("added_at", "added"),
                   ("n_marked", "traces marked"), ("is_in_use", "in use")]  # fmt: skip
        parts.append("versions\n" + table(answer["versions"], columns))
    if answer["entries"]:
        columns = [("language", "language"), ("phrase", "phrase"), ("category", "category"),
                   ("strength", "strength"), ("rule", "rule"), ("source", "source"),
                   ("n_found", "found")]  # fmt: skip
        parts.append("entries\n" + table(answer["entries"], columns))
    return "\n\n".join(parts)


def remark_in_words(answer: dict[str, Any]) -> str:
    """What `remark` answered, for people."""
    languages = ", ".join(f"{name} {n}" for name, n in answer["refused_languages"].items())
    lines = [
        f"marked {answer['marked']} traces in {answer['seconds']:.1f} s under "
        f"{answer['lexicon_id']} ({answer['language']})",
        f"{answer['counted']} traces are counted, {answer['waiting']} wait",
    ]
    if answer["refused"]:
        lines.append(f"{answer['refused']} are not: no lexicon for their language ({languages})")
    if answer["undetermined"]:
        lines.append(
            f"{answer['undetermined']} have too few words to tell their language: marked as English"
        )
    return "\n".join(lines)
