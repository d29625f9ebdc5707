"""Proxy-tuning looked at: traces as a student reads them when an expert and an antiexpert steer it.

A conductor, and the command `proxy`:

proxy TRACE_ID … --expert NAME --antiexpert NAME        these traces
proxy --where SQL --expert NAME --antiexpert NAME       those of a filter, --limit of them
proxy … --out FILE.jsonl                                the tokens of each as a line of a side file

The students are loaded here; the traces come from the store, which another process may hold.
Nothing is stored: the numbers hang on three students and an alpha. A side file is keyed by trace id
and text hash, as the rows of an export are.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curation.errors import CurationError, StudentError
from curation.records import EPISTEMIC

if TYPE_CHECKING:
    from curation.student.proxy import ProxyReading, Trio

Answer = dict[str, Any]
OnTheStore = Callable[[str, dict[str, Any]], dict[str, Any]]
Bar = Callable[..., AbstractContextManager[Any]]
MakeParser = Callable[[str, str], argparse.ArgumentParser]

LIMIT = 20
"""Traces of a filter that are read unless more are asked for: each costs three readings."""

DECIMALS = 6


def add_words(command: MakeParser, student: str, dtypes: Iterable[str], dtype: str) -> None:
    """Add the command; `command(name, help)` makes a parser that has --json and --store."""
    p = command("proxy", "traces under a student that an expert and an antiexpert steer")
    p.add_argument("trace_ids", nargs="*", metavar="TRACE_ID")
    p.add_argument("--where", default=None, metavar="SQL", help="instead of ids: those of a filter")
    p.add_argument("--limit", type=int, default=LIMIT, help=f"of a filter (default: {LIMIT})")
    p.add_argument("--student", default=student)
    p.add_argument("--expert", required=True, metavar="NAME", help="trained on what was accepted")
    p.add_argument("--antiexpert", required=True, metavar="NAME", help="on what was rejected")
    p.add_argument("--alpha", type=_finite, default=1.0, help="how far they steer (default: 1)")
    p.add_argument("--dtype", choices=list(dtypes), default=dtype)
    p.add_argument("--out", default=None, metavar="FILE.jsonl", help="a new file for the tokens")


def misuse(arguments: Mapping[str, Any]) -> str | None:
    """Why these arguments contradict each other, or None."""
    if bool(arguments["trace_ids"]) == (arguments["where"] is not None):
        return "name traces, or those of a filter (--where), one of the two"
    return None


def run(path: Path, arguments: dict[str, Any], on_the_store: OnTheStore, bar: Bar) -> Answer:
    """What `proxy` answers. Raises CurationError; then no file was written."""
    from curation.student import proxy

    out = None if arguments["out"] is None else Path(arguments["out"]).expanduser()
    if out is not None and out.exists():
        raise CurationError(f"{out} is there already, and nothing was touched; name a new file.")
    ids = arguments["trace_ids"]
    if not ids:
        asked = {"where": arguments["where"], "order": "arrival", "limit": arguments["limit"]}
        ids = [item["trace_id"] for item in on_the_store("list", asked)["items"]]
        if not ids:
            raise CurationError(f"No trace passes the filter {arguments['where']!r}; widen it.")
    known = [on_the_store("show", {"trace_id": trace_id, "student": None}) for trace_id in ids]
    with bar("loading three students", delay=0.0) as shown:
        trio = _loaded(path, arguments)
        proxy.check(trio)
        shown.set_description("proxy", refresh=False)
        shown.reset(len(ids))
        items: list[Answer] = []
        failed: list[Answer] = []
        rows: list[Answer] = []
        for each in known:
            trace = each["trace"]
            try:
                found = proxy.read(trio, trace["prompt"], trace["text"], alpha=arguments["alpha"])
            except StudentError as exc:
                failed.append({"trace_id": trace["trace_id"], "error": str(exc)})
            else:
                tokens = told(found, trio)
                items.append({**_head(trace), **summary(found, each["markers"])})
                rows.append({**_head(trace), **tokens})
            shown.update()
    who = {role: student.name for role, student in zip(trio._fields, trio, strict=True)}
    convention = {
        role: student.convention.convention_id
        for role, student in zip(trio._fields, trio, strict=True)
    }
    answer: Answer = {**who, "alpha": arguments["alpha"], "conventions": convention}
    if out is not None:
        _write(out, [{**who, "alpha": arguments["alpha"], **row} for row in rows])
    else:
        items = [{**item, "tokens": row} for item, row in zip(items, rows, strict=True)]
    return {**answer, "items": items, "failed": failed, "file": str(out) if out else None}


def told(found: ProxyReading, trio: Trio) -> Answer:
    """A reading as JSON values, a list an array: nats rounded, likeliest tokens with their text."""
    numbers = {
        "base_nats": found.base_nats,
        "steered_nats": found.steered_nats,
        "shift_nats": found.shift_nats,
        "expert_nats": found.expert_nats,
        "antiexpert_nats": found.antiexpert_nats,
        "divergence_nats": found.divergence_nats,
    }
    tops = {
        "base_top": (found.base_top_id, found.base_top_nats),
        "steered_top": (found.steered_top_id, found.steered_top_nats),
    }
    return {
        "token_id": found.token_id.tolist(),
        "start": found.start.tolist(),
        "end": found.end.tolist(),
        **{name: _rounded(values) for name, values in numbers.items()},
        **{
            name: [
                [
                    [trio.base.encoder.token_text(token), nats]
                    for token, nats in zip(*row, strict=True)
                ]
                for row in zip(ids.tolist(), _rounded(nats), strict=True)
            ]
            for name, (ids, nats) in tops.items()
        },
    }


def summary(found: ProxyReading, markers: Sequence[Mapping[str, Any]] | None) -> Answer:
    """What a trace comes to, in nats; null where there is no such token, or no marker was counted.

    `hedge_shift_nats` is the mean shift of tokens in epistemic markers, `other_shift_nats` of the
    others: below 0 the steered student would hedge less where the trace hedges.
    """
    shift = found.shift_nats.astype(np.float64)
    on = np.zeros(shift.size, dtype=np.bool_)
    for marker in markers or []:
        if marker["category"] in EPISTEMIC:
            on |= (found.start < marker["end"]) & (found.end > marker["start"])

    def mean(values: np.ndarray) -> float | None:
        return round(float(values.mean()), DECIMALS) if values.size else None

    return {
        "n_tokens": int(shift.size),
        "total_shift_nats": round(float(shift.sum()), DECIMALS),
        "mean_shift_nats": mean(shift),
        "hedge_shift_nats": None if markers is None else mean(shift[on]),
        "other_shift_nats": None if markers is None else mean(shift[~on]),
        "n_hedge_tokens": None if markers is None else int(on.sum()),
    }


def in_words(answer: Answer, table: Callable[..., str]) -> str:
    """The answer as lines for a terminal."""
    lines = [
        f"{answer['base']} steered by {answer['expert']} against {answer['antiexpert']}, alpha "
        f"{answer['alpha']:g}; shifts in nats per token"
    ]
    columns = [
        ("trace_id", "trace"), ("n_tokens", "tokens"), ("mean_shift_nats", "shift"),
        ("hedge_shift_nats", "on hedges"), ("other_shift_nats", "elsewhere"),
    ]  # fmt: skip
    if answer["items"]:
        lines.append(table(answer["items"], columns))
    lines += [f"failed: {each['trace_id']}: {each['error']}" for each in answer["failed"]]
    if answer["file"]:
        lines.append(f"tokens in {answer['file']}")
    return "\n".join(lines)


def _head(trace: Mapping[str, Any]) -> Answer:
    return {"trace_id": trace["trace_id"], "text_hash": trace["text_hash"]}


def _rounded(values: np.ndarray) -> list[Any]:
    # What a student holds impossible has no number in JSON; -1e4 nats is as good as never.
    rounded = np.maximum(values.astype(np.float64), -1e4).round(DECIMALS) + 0.0
    found: list[Any] = rounded.tolist()
    return found


def _loaded(path: Path, arguments: Mapping[str, Any]) -> Trio:
    """The three students, one that is named twice loaded once."""
    from curation import student as students
    from curation.student.causal import CausalStudent
    from curation.student.proxy import Trio

    loaded: dict[str, CausalStudent] = {}
    names = [arguments[role] for role in ("student", "expert", "antiexpert")]
    for name in names:
        if name not in loaded:
            student = students.load(
                name, dtype=arguments["dtype"], threads=os.cpu_count(),
                cache_dir=path.parent / "students",
            )  # fmt: skip
            assert isinstance(student, CausalStudent)
            loaded[name] = student
    return Trio(*(loaded[name] for name in names))


def _write(out: Path, rows: list[Answer]) -> None:
    """The rows as JSON Lines at `out`, all at once or not at all."""
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".proxy-") as folder:
            part = Path(folder) / "rows"
            with part.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            os.link(part, out)  # refuses where somebody made it meanwhile
    except OSError as exc:
        raise CurationError(
            f"{out} could not be written ({exc.strerror or exc}); choose another place."
        ) from exc


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise argparse.ArgumentTypeError(f"takes a number, not {text!r}")
    return value
