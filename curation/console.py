"""How the command line's answers read to a person: one function from answer to text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def readable(name: str, answer: dict[str, Any]) -> str:
    """The answer of command `name` as lines for a terminal.

    Control characters of stored texts are shown escaped, so that no trace can drive the terminal.
    """
    return _safe(_READABLE.get(name, _pairs)(answer))


def _safe(text: str) -> str:
    return "".join(
        c if c in "\n\t" or (c.isprintable() and c not in _BIDI) else f"\\u{ord(c):04x}"
        for c in text
    )


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def _pairs(answer: dict[str, Any]) -> str:
    width = max((len(key) for key in answer), default=0)
    return "\n".join(f"{key:<{width}}  {_value(value)}" for key, value in answer.items())


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items()) or "–"
    return str(value)


def _ingested(answer: dict[str, Any]) -> str:
    lines = [
        f"read {answer['read']} rows as {answer['format'] or 'nothing'}: {answer['new']} new, "
        f"{answer['duplicate']} known already, {answer['rejected']} refused",
        f"the store now holds {answer['traces']} traces of {answer['problems']} problems",
    ]
    for refusal in answer["refusals"]:
        field = f" {refusal['field']}:" if refusal["field"] else ""
        lines.append(f"  {refusal['origin']}:{refusal['line']}:{field} {refusal['reason']}")
    if answer["rejected"] > len(answer["refusals"]):
        lines.append(f"  … and {answer['rejected'] - len(answer['refusals'])} more")
    if answer["quarantine"]:
        lines.append(f"the refused rows: {answer['quarantine']} (mend them there and ingest it)")
    return "\n".join(lines)


def _scored(answer: dict[str, Any]) -> str:
    lines = [
        f"{answer['student']} scored {answer['scored']} traces ({answer['n_tokens']} tokens) in "
        f"{answer['seconds']:.1f} s, {answer['tokens_per_second']:.0f} tokens/s with loading; "
        f"{answer['failed']} could not be scored, {answer['waiting']} wait",
    ]
    return "\n".join(lines + [f"  set aside: {reason}" for reason in answer["set_aside"]])


def _table(rows: list[dict[str, Any]], columns: list[tuple[str, str]]) -> str:
    if not rows:
        return "nothing"
    cells = [[head for _, head in columns]]
    cells += [[_value(row.get(key)) for key, _ in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _listed(answer: dict[str, Any]) -> str:
    return _table(
        answer["items"],
        [
            ("trace_id", "trace"),
            ("external_id", "id"),
            ("teacher", "teacher"),
            ("teacher_context", "context"),
            ("state", "state"),
            ("n_tokens", "tokens"),
            ("mean_nll_nats", "mean NLL (nats)"),
            ("rsr", "RSR"),
            ("n_epistemic", "epistemic"),
        ],
    )


def _shown(answer: dict[str, Any]) -> str:
    trace, problem = answer["trace"], answer["problem"]
    parts = [
        _pairs(
            {
                "trace": trace["trace_id"],
                "problem": problem["problem_id"],
                "teacher": f"{trace['teacher']} ({trace['teacher_context']})",
                "reference": problem["reference_answer"],
                "answer": trace["final_answer"],
                "correct": trace["is_correct"],
                "steps": len(answer["steps"]),
                "markers": ", ".join(f"{m['category']} “{m['text']}”" for m in answer["markers"])
                or None,
                "profile": answer["profile"] or answer["score_error"] or "not scored yet",
            }
        ),
        "prompt\n" + trace["prompt"],
        "trace\n" + trace["text"],
    ]
    if answer["decisions"]:
        parts.append(
            "decisions\n"
            + _table(
                answer["decisions"],
                [
                    ("sequence", "no."),
                    ("decided_at", "at"),
                    ("reviewer", "reviewer"),
                    ("verdict", "verdict"),
                    ("withdraws", "withdraws"),
                    ("reasons", "reasons"),
                    ("note", "note"),
                ],
            )
        )
    return "\n\n".join(parts)


def _verified(answer: dict[str, Any]) -> str:
    lines = [f"{answer['checked']} things checked, {len(answer['broken'])} broken"]
    lines += [f"  {line}" for line in answer["broken"][:20]]
    if len(answer["broken"]) > 20:
        lines.append(f"  … and {len(answer['broken']) - 20} more (--json gives them all)")
    return "\n".join(lines)


_READABLE: dict[str, Callable[[dict[str, Any]], str]] = {
    "ingest": _ingested,
    "score": _scored,
    "list": _listed,
    "show": _shown,
    "mark": lambda answer: (
        "\n".join(
            f"{item['id']}\t{m['start']}\t{m['end']}\t{m['category']}\t{m['text']}"
            for item in answer["items"]
            for m in item["markers"]
        )
        or "no markers"
    ),
    "verify": _verified,
}
