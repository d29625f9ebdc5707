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
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import orjson
from tqdm import tqdm

from curation import commands, console, door, settings
from curation import store as stores
from curation.errors import CurationError, StoreBusy
from curation.settings import Settings
from curation.store import ORDERS, Store

_PATHS = ("sources", "out", "file", "path")
"""Arguments that name files: made absolute, since another process may run the command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    try:
        dials = settings.read()
        parser = _parser(dials)
        arguments = vars(parser.parse_args(argv))
        name, as_json = arguments.pop("command"), arguments.pop("json")
        arguments["max_trace_chars"] = dials.max_trace_chars
        for key in _PATHS:
            if arguments.get(key) is not None:
                arguments[key] = _absolute(arguments[key])
        store_path = Path(_absolute(str(arguments.pop("store")))).expanduser()
        answer = commands.finite(_run(name, store_path, arguments, dials))
    except CurationError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print("stopped; what was stored before stays stored", file=sys.stderr)
        return 130
    if as_json:
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    else:
        print(console.readable(name, answer))
    return 1 if name == "verify" and answer["broken"] else 0


def _run(name: str, path: Path, arguments: dict[str, Any], dials: Settings) -> dict[str, Any]:
    if name == "mark":
        return commands.mark(Path(arguments["file"]))
    if name == "verify" and arguments["path"] is not None:
        return commands.verify_export(Path(arguments["path"]))
    if name == "restore":
        copy, aside = stores.restore(Path(arguments["file"]), path)
        return {
            "path": str(copy.path),
            "bytes": copy.n_bytes,
            "sha256": copy.sha256,
            "moved_aside": str(aside) if aside else None,
        }
    if name == "score":
        return _score(path, arguments, dials)
    with tqdm(desc=name, unit=" traces", delay=1, leave=False, file=sys.stderr) as bar:

        def progress(n: int, total: int | None) -> None:
            if total is not None:
                bar.total = total
            bar.update(n)

        return _on_the_store(name, path, arguments, progress)


def _on_the_store(
    name: str, path: Path, arguments: dict[str, Any], progress: commands.Progress | None = None
) -> dict[str, Any]:
    """Run a command on the store: here, or by the process that holds it."""
    try:
        opened = _open_patiently(path, create=name in ("ingest", "status"))
    except StoreBusy:
        answer = door.ask(path, name, arguments)
        if answer is None:
            raise
        return answer
    with opened:
        return commands.run(name, opened, arguments, progress)


def _open_patiently(path: Path, *, create: bool) -> Store:
    """Open the store; where a process without a door (a command) holds it, wait up to 5 s."""
    deadline = time.monotonic() + 5
    while True:
        try:
            return stores.open(path, create=create)
        except StoreBusy:
            if door.owner_file(path).exists() or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _score(path: Path, arguments: dict[str, Any], dials: Settings) -> dict[str, Any]:
    """Score what is not scored: the job from the store, the work here, the packs to the store."""
    from curation import student as students
    from curation.student import worker

    if not path.exists():
        stores.open(path, create=False)  # says so before the student is loaded
    began = time.monotonic()
    student = students.load(
        arguments["student"],
        dtype=arguments["dtype"],
        threads=os.cpu_count(),
        cache_dir=path.parent / "students",
    )
    convention = student.convention
    job = _on_the_store(
        "score-plan",
        path,
        {
            "convention": {
                "convention_id": convention.convention_id,
                "student": convention.student,
                "record": dict(convention.record),
            },
            "limit": arguments["limit"],
            "pid": os.getpid(),
        },
    )
    with tqdm(
        total=job["n"], desc="score", unit=" traces", delay=1, leave=False, file=sys.stderr
    ) as bar:
        done = worker.run(student, Path(job["job"]), Path(job["packs"]), on_scored=bar.update)
    taken = _on_the_store("score-take-in", path, {"student": convention.student})
    seconds = time.monotonic() - began
    return {
        "student": convention.student,
        "scored": done.n_scored,
        "failed": done.n_failed,
        "n_tokens": done.n_tokens,
        "seconds": seconds,
        "tokens_per_second": done.n_tokens / seconds if seconds else 0.0,
        "convention_id": convention.convention_id,
        "waiting": taken["waiting"],
        "set_aside": taken["set_aside"],
    }


class _Parser(argparse.ArgumentParser):
    """Wrong use ends with one line and the exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. `{self.prog} --help` shows the use.\n")


def _parser(dials: Settings) -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m curation", description="Curate reasoning traces.")
    parser.add_argument("--store", default=dials.store, help="the store's file")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    commands_ = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help: str) -> argparse.ArgumentParser:
        added = commands_.add_parser(name, help=help, description=help)
        # After the command too; SUPPRESS keeps what was said before it.
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        added.add_argument("--store", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added

    p = command("ingest", "take traces in from files")
    p.add_argument("sources", nargs="+", metavar="FILE")
    p.add_argument("--map", action=_Mapping, nargs="+", default=None, metavar="FIELD=COLUMN")
    p.add_argument("--format", default=None, metavar="NAME")

    p = command("score", "let the student score what is not scored yet")
    p.add_argument("--student", default=dials.student)
    p.add_argument("--limit", type=_count, default=None)
    p.add_argument("--dtype", choices=("float32", "bfloat16"), default=dials.dtype)
    p.add_argument("--scores", choices=("likelihood",), default="likelihood")
    p.add_argument("--engine", choices=("local",), default="local")

    p = command("mark", "find markers in the texts of a JSONL file")
    p.add_argument("file", metavar="FILE.jsonl")

    p = command("show", "one trace with all that is known of it")
    p.add_argument("trace_id")
    p.add_argument("--student", default=None)

    p = command("list", "traces with their state and scores")
    p.add_argument("--where", default=None, metavar="SQL")
    p.add_argument("--order", choices=ORDERS, default="arrival")
    p.add_argument("--limit", type=_count, default=None)

    p = command("decide", "append a decision")
    p.add_argument("trace_id")
    p.add_argument("verdict", choices=("accept", "reject", "skip", "flag"))
    p.add_argument("--reviewer", required=True)
    p.add_argument("--reason", nargs="+", action="extend", default=[])
    p.add_argument("--note", default=None)
    p.add_argument("--directive", default=None)

    p = command("undo", "withdraw the reviewer's last decision")
    p.add_argument("--reviewer", required=True)

    command("status", "where the curation stands")

    p = command("leakage", "confidence leakage by teacher context, matched on the problem")
    p.add_argument("--where", default=None, metavar="SQL")

    command("agreement", "agreement between reviewers")

    p = command("export", "write a training set")
    p.add_argument("--format", required=True, metavar="NAME")
    p.add_argument("--out", required=True, metavar="DIR")
    p.add_argument("--where", default=None, metavar="SQL")
    p.add_argument("--splits", default="train=0.9,validation=0.1")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--files", choices=("jsonl", "parquet"), default="jsonl")
    p.add_argument("--overwrite", action="store_true")

    p = command("verify", "re-derive every hash of the store, or of an export")
    p.add_argument("path", nargs="?", default=None, metavar="PATH")

    p = command("backup", "write a consistent copy of the store")
    p.add_argument("file", metavar="FILE")

    p = command("restore", "make a backup the store")
    p.add_argument("file", metavar="FILE")
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
            mapping[field.strip()] = column.strip()
        setattr(namespace, self.dest, mapping)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"takes a whole number of 0 or more, not {text!r}")
    return int(text)


def _absolute(value: Any) -> Any:
    if isinstance(value, list):
        return [os.path.abspath(os.path.expanduser(item)) for item in value]
    return os.path.abspath(os.path.expanduser(value))


if __name__ == "__main__":
    sys.exit(main())
