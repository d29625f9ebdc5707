"""The command line: `python -m curation [--store PATH] COMMAND …`.

Every command prints for people, or with `--json` exactly one JSON object on standard output. It
exits 0 on success, 2 on wrong use, 1 on an error that it explains in one line on standard error,
and leaves the store as it was when it fails.

Where another process (the app) holds the store, the command is asked of that process through its
door (door.py). Owns the words of the command line; what a command does is in commands.py, how an
answer reads in console.py.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from curation import (
    account_commands,
    commands,
    console,
    contamination_commands,
    door,
    export_commands,
    export_scales,
    ingest,
    intake,
    knowledge,
    leak_signs,
    lexicon_commands,
    people_commands,
    proxy,
    serving_commands,
    settings,
    spot_check_commands,
)
from curation import store as stores
from curation.answers import as_json
from curation.errors import CurationError, StoreBusy
from curation.records import FAMILIES, STANDARD, VERDICTS
from curation.settings import DTYPES, Settings
from curation.store import ORDERS

_PATHS = ("sources", "out", "file", "path", "store", "report", "from_manifest", "benchmarks",
          "into")  # fmt: skip
"""Arguments that name files: made absolute, since another process may run the command."""

PATIENCE_S = 5.0
"""How long a command waits for another command to let go of the store."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Wrong use raises SystemExit(2)."""
    try:
        dials = settings.read()
        parser = _parser(dials)
        arguments = vars(parser.parse_args(argv))
        misuse = {
            "export": export_commands.misuse,
            "scales": export_scales.misuse,
            "proxy": proxy.misuse,
        }
        if why := misuse.get(arguments["command"], lambda _: None)(arguments):
            parser.error(why)
        name, is_json = arguments.pop("command"), arguments.pop("json")
        _check_encoding(arguments)
        for key in _PATHS:
            if arguments.get(key) is not None and not stores.is_address(str(arguments[key])):
                arguments[key] = _absolute(arguments[key])
        arguments["max_trace_chars"] = dials.max_trace_chars
        if name == "accounts":
            arguments = account_commands.ask(arguments)
        answer = _run(name, Path(arguments.pop("store")), arguments)
        _say(as_json(answer) if is_json else console.readable(name, answer), is_json)
    except CurationError as exc:
        return _fail(str(exc))
    except BrokenPipeError:
        # Who read us has left (`| head`); Python must not try to flush again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as exc:
        return _fail(str(commands.refused_by_the_system(exc)))
    except KeyboardInterrupt:
        sys.stderr.write("stopped; what was stored before stays stored\n")
        return 130
    if name == "verify" and answer["broken"]:
        return _fail(f"{len(answer['broken'])} of {answer['checked']} things do not hold.")
    if name == "doctor" and answer["fail"]:
        return _fail(f"{answer['fail']} of {len(answer['checks'])} checks fail.")
    return 0


def _say(text: str, as_json: bool) -> None:
    """Write the answer: JSON is UTF-8; a terminal shows what it can, and the rest escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if as_json:
            sys.stdout.reconfigure(encoding="utf-8")
        else:
            sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {console.one_line(message)}\n")  # escapes by itself
    return 1


def _check_encoding(arguments: dict[str, Any]) -> None:
    """Raises CurationError for an argument that is no text (bytes that are not UTF-8)."""
    for key, value in arguments.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and not item.isascii():
                try:
                    item.encode()
                except UnicodeEncodeError as exc:
                    raise CurationError(
                        f"The argument {key} ({item!r}) is not UTF-8; rename the file, or type it "
                        "anew."
                    ) from exc


def _run(name: str, path: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    if name == "verify" and arguments["path"] is not None:
        return commands.verify_export(Path(arguments["path"]))
    if name in serving_commands.COMMANDS:
        return serving_commands.run(name, path, arguments, _bar)
    if name == "restore":
        if stores.is_address(path):
            raise CurationError(
                f"{path} is served elsewhere. Restore where its file lies, while it is not served."
            )
        copy, aside = stores.restore(Path(arguments["file"]), path, until=arguments["until"])
        account_commands.note_restored(path, arguments["file"])
        return {
            "path": str(copy.path),
            "bytes": copy.n_bytes,
            "sha256": copy.sha256,
            "moved_aside": str(aside) if aside else None,
        }
    if name in ("score", "knowledge", "proxy"):
        from curation import asking

        def on_the_store(command: str, given: dict[str, Any]) -> dict[str, Any]:
            return _on_the_store(command, path, given)

        if name == "score":
            return asking.score(path, arguments, on_the_store, _bar)
        if name == "proxy":
            return proxy.run(path, arguments, on_the_store, _bar)
        return asking.knowledge(path, arguments, on_the_store, _bar)
    if name == "bench":
        from curation import bench

        return {"rows": bench.rows(arguments["name"])}
    with _bar(name) as bar:

        def progress(n: int, total: int | None) -> None:
            if total is not None:
                bar.total = total
            bar.update(n)

        if name == "mark":
            return commands.mark(Path(arguments["file"]), progress)
        if name == "ingest" and not path.exists():
            intake.check_sources(arguments)  # else a wrong name would leave an empty store
        return _on_the_store(name, path, arguments, progress)


@contextmanager
def _bar(what: str, *, delay: float = 1.0) -> Iterator[Any]:
    """A progress bar on a terminal, for what takes more than `delay` seconds."""
    with tqdm(
        desc=what, unit=" traces", delay=delay, leave=False, file=sys.stderr, disable=None
    ) as bar:
        yield bar


def _on_the_store(
    name: str, path: Path, arguments: dict[str, Any], progress: commands.Progress | None = None
) -> dict[str, Any]:
    """Run a command on the store: here, or by the process that holds it.

    Where that one keeps no door it is a command too, so it is waited for.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            opened = stores.open(path, create=name == "ingest")
        except StoreBusy:
            answer = door.ask(path, name, arguments)
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
            continue
        with opened:
            return commands.run(name, opened, arguments, progress)


def _families(text: str) -> tuple[str, ...]:
    """The families that `--scores` names, in their usual order; the likelihood is always one."""
    sets: dict[str, tuple[str, ...]] = {"standard": STANDARD, "all": FAMILIES}
    named = {name for part in text.split(",") for name in sets.get(part.strip(), (part.strip(),))}
    if unknown := sorted(named - set(FAMILIES)):
        raise argparse.ArgumentTypeError(
            f"there are no scores {', '.join(map(repr, unknown))}; there are "
            f"{', '.join(FAMILIES)}, standard and all"
        )
    return tuple(family for family in FAMILIES if family in named | {"likelihood"})


def _at_least_one(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


class _Parser(argparse.ArgumentParser):
    """Wrong use ends with one line and the exit code 2."""

    def error(self, message: str) -> NoReturn:
        said = console.one_line(f"{self.prog}: {message}. `{self.prog} --help` shows the use.")
        self.exit(2, said + "\n")


def _parser(dials: Settings) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m curation", description="Curate reasoning traces.", allow_abbrev=False
    )
    parser.add_argument(
        "--store", default=str(dials.store), help="the store's file, or quack:host:port"
    )
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    commands_ = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help: str) -> argparse.ArgumentParser:
        added = commands_.add_parser(name, help=help, description=help, allow_abbrev=False)
        # After the command too; SUPPRESS keeps what was said before it.
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        added.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added

    p = command("ingest", "take traces in from files")
    p.add_argument("sources", nargs="+", metavar="FILE")
    p.add_argument("--map", action=_Mapping, nargs="+", default=None, metavar="FIELD=COLUMN")
    p.add_argument("--format", choices=ingest.FORMATS, default=None)

    p = command("score", "let the student score what is not scored yet")
    p.add_argument("--student", default=dials.student)
    p.add_argument("--limit", type=_count, default=None)
    p.add_argument("--dtype", choices=DTYPES, default=dials.dtype)
    p.add_argument(
        "--scores",
        type=_families,
        default=STANDARD,
        metavar="LIST",
        help=f"of {', '.join(FAMILIES)}, with commas between; or standard "
        f"({', '.join(STANDARD)}), or all (default: standard)",
    )
    p.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: several students at once, on this machine or a cluster (requirements-ray.txt)",
    )
    p.add_argument("--actors", type=_at_least_one, default=None, help="students of --engine ray")

    p = command("knowledge", "let the student answer the problems itself (SliCK-like)")
    p.add_argument("--student", default=dials.student)
    p.add_argument("--dtype", choices=DTYPES, default=dials.dtype)
    p.add_argument("--limit", type=_count, default=None, help="problems at most")
    p.add_argument("--samples", type=_at_least_one, default=knowledge.SAMPLES)
    p.add_argument("--max-tokens", type=_at_least_one, default=knowledge.MAX_TOKENS)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--estimate", action="store_true", help="say what it would cost, and end")

    proxy.add_words(command, dials.student, DTYPES, dials.dtype)

    p = command("mark", "find markers in the texts of a JSONL file")
    p.add_argument("file", metavar="FILE.jsonl")

    p = command("show", "one trace with all that is known of it")
    p.add_argument("trace_id")
    p.add_argument("--student", default=None)

    p = command("list", "traces with their state and scores")
    p.add_argument("--where", default=None, metavar="SQL")
    p.add_argument("--order", choices=[*ORDERS, leak_signs.ORDER], default="arrival")
    p.add_argument("--limit", type=_count, default=None)

    p = command("decide", "append a decision")
    p.add_argument("trace_id")
    p.add_argument("verdict", choices=VERDICTS)
    p.add_argument("--reviewer", required=True)
    p.add_argument("--reason", nargs="+", action="extend", default=[])
    p.add_argument("--note", default=None)
    p.add_argument("--directive", default=None)

    p = command("undo", "withdraw the reviewer's last decision")
    p.add_argument("--reviewer", required=True)

    command("status", "where the curation stands")

    lexicon_commands.add_words(command)
    spot_check_commands.add_words(command)
    people_commands.add_words(command)
    account_commands.add_words(command)

    p = command("leakage", "confidence leakage by teacher context, matched on the problem")
    p.add_argument("--where", default=None, metavar="SQL")
    p.add_argument(
        "--report", default=None, metavar="DIR", help="write it as HTML and Markdown with figures"
    )
    p.add_argument("--dated", default=None, help="what the report is dated (default: now)")

    command("agreement", "agreement between reviewers")

    export_commands.add_words(command)
    export_scales.add_words(command)
    contamination_commands.add_words(command)

    p = command("verify", "re-derive every hash of the store, or of an export")
    p.add_argument("path", nargs="?", default=None, metavar="PATH")

    p = command("backup", "write a consistent copy of the store")
    p.add_argument("file", metavar="FILE")

    p = command("restore", "make a backup the store")
    p.add_argument("file", metavar="FILE")
    p.add_argument("--until", type=serving_commands.moment, default=None, metavar="TIME",
                   help="only what was stored by then, into a new store")  # fmt: skip

    serving_commands.add_words(command, dials)

    p = command("bench", "measure against peers, in one run")
    p.add_argument("name", metavar="NAME")
    return parser


class _Mapping(argparse.Action):
    """`--map field=column …` as a dict, over several uses."""

    def __call__(
        self, parser: Any, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        mapping = dict(getattr(namespace, self.dest) or {})
        for value in values:
            field, equals, column = value.partition("=")
            if not equals or not field.strip() or not column.strip():
                parser.error(f"--map takes FIELD=COLUMN, not {value!r} (files come before it)")
            if field.strip() in mapping:
                parser.error(f"--map names the field {field.strip()!r} twice")
            mapping[field.strip()] = column.strip()
        setattr(namespace, self.dest, mapping)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"takes a whole number of 0 or more, not {text!r}")
    return int(text)


def _absolute(value: Any) -> Any:
    if isinstance(value, list):
        return [os.path.abspath(os.path.expanduser(item)) for item in value]
    return os.path.abspath(os.path.expanduser(value))


if __name__ == "__main__":
    sys.exit(main())
