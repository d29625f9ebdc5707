"""How the command line's answers read to a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from curation import (
    account_commands,
    contamination_commands,
    decision_words,
    doctor,
    export_commands,
    export_scales,
    gold_commands,
    lexicon_commands,
    people_commands,
    proxy,
    spot_check_commands,
)


def readable(name: str, answer: dict[str, Any]) -> str:
    """The answer of command `name` as lines for a terminal.

    No stored text can drive the terminal: what is not printable (control characters, changes of
    the writing direction, lone surrogates) is shown escaped, line breaks too. Only the prompt and
    the trace of `show` keep theirs, indented so that none of their lines passes for one of ours.
    """
    return escaped(_READABLE.get(name, _pairs)(answer), keep="\n\t")


def escaped(text: str, *, keep: str = "") -> str:
    """`text` with all that is neither printable nor in `keep` shown by its code point, escaped."""
    return "".join(c if c in keep or c.isprintable() else _code(c) for c in text)


def one_line(text: str) -> str:
    """`text` for the one line on standard error: line breaks as spaces, the rest `escaped`."""
    return escaped(" ".join(text.splitlines()))


def _code(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _pairs(answer: dict[str, Any]) -> str:
    width = max((len(key) for key in answer), default=0)
    return "\n".join(f"{key:<{width}}  {_value(value)}" for key, value in answer.items())


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "–"
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items()) or "–"
    return escaped(str(value))


def _ingested(answer: dict[str, Any]) -> str:
    lines = [
        f"read {answer['read']} rows as {answer['format'] or 'nothing'}: {answer['new']} new, "
        f"{answer['duplicate']} known already, {answer['rejected']} refused",
        f"the store now holds {answer['traces']} traces of {answer['problems']} problems",
    ]
    for refusal in answer["refusals"]:
        field = f" {refusal['field']}:" if refusal["field"] else ""
        where = f"{refusal['origin']}:{refusal['line']}:{field}"
        lines.append(one_line(f"  {where} {refusal['reason']}"))
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
    return "\n".join(lines + [one_line(f"  set aside: {reason}") for reason in answer["set_aside"]])


def _known(answer: dict[str, Any]) -> str:
    lines = [
        f"{answer['problems']} problems to ask {answer['student']}: "
        f"{answer['n_tokens_at_most']:,} tokens to generate at most"
    ]
    if answer["asked"]:
        lines.append(f"asked {answer['asked']} in {answer['seconds']:.0f} s (SliCK-like classes)")
    lines += [f"  {kind}  {n}" for kind, n in sorted(answer["classes"].items())]
    lines += [one_line(f"  failed: {f['problem_id']}: {f['error']}") for f in answer["failed"]]
    return "\n".join(lines)


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
    ranked = any("leak_risk" in item for item in answer["items"])
    return _table(
        answer["items"],
        [
            ("trace_id", "trace"),
            ("external_id", "source id"),
            ("teacher", "teacher"),
            ("teacher_context", "context"),
            ("state", "state"),
            ("n_tokens", "tokens"),
            ("mean_nll_nats", "mean NLL (nats)"),
            ("rsr", "RSR"),
            ("n_epistemic", "epistemic"),
            *([("leak_risk", "leak risk"), ("leak_reason", "its parts")] if ranked else []),
        ],
    )


def _markers(answer: dict[str, Any]) -> str | None:
    """The markers of `show` in a line, or why the trace has none."""
    if answer["markers"] is None:
        return f"not counted. {answer['marking']['refusal']}"
    return ", ".join(f"{m['category']} “{m['text']}”" for m in answer["markers"]) or None


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.replace("\r\n", "\n").split("\n"))


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
                "markers": _markers(answer),
                "profile": answer["profile"] or answer["score_error"] or "not scored yet",
            }
        ),
        "prompt\n" + _indented(trace["prompt"]),
        "trace\n" + _indented(trace["text"]),
    ]
    if answer.get("leak_signs"):
        parts.append("leak signs (hints to read, no verdict)\n" + _leak_signs(answer["leak_signs"]))
    if answer["decisions"]:
        parts.append(
            "decisions\n"
            + _table(
                decision_words.rows(answer["decisions"]),
                [
                    ("sequence", "no."),
                    ("decided_at", "at"),
                    ("reviewer", "reviewer"),
                    ("question", "question"),
                    ("verdict", "verdict"),
                    ("withdraws", "withdraws"),
                    ("sure", "confidence"),
                    ("reasons", "reasons"),
                    ("note", "note"),
                ],
            )
            + decision_words.judged(answer["decisions"])
        )
    if answer.get("guidelines"):
        columns = [("guideline_id", "version"), ("kind", "of"), ("author", "by"),
                   ("stored_at", "at"), ("is_in_force", "in force")]  # fmt: skip
        parts.append("decided under\n" + _table(answer["guidelines"], columns))
    parts += [_edit(edit) for edit in answer.get("edits", ())]
    return "\n\n".join(parts)


def _edit(edit: dict[str, Any]) -> str:
    stands = "" if edit["is_live"] else ", taken back"
    head = f"edit of no. {edit['sequence']} by {_value(edit['reviewer'])}{stands}"
    student = f"  for the student: {edit['why']}"
    return "\n".join(
        [f"{head}, stored as {edit['trace_id']}", student, _indented("\n".join(edit["lines"]))]
    )


def _interval(low: float | None, high: float | None) -> str:
    return "–" if _value(low) == "–" else f"{_value(low)} to {_value(high)}"


def _leak_signs(answer: dict[str, Any]) -> str:
    rows = [
        {**sign, "above": f"above {_value(sign['percentile'])} %" if sign["is_known"] else None}
        for sign in answer["signs"]
    ]
    columns = [("title", "sign"), ("value", "value"), ("unit", "unit"), ("above", "in the pool"),
               ("says", "found")]  # fmt: skip
    order = f"leak risk {_value(answer['leak_risk'])} of 100, from {answer['n_signs_known']} signs"
    return f"{order}, among {answer['n_pool']} traces\n{_table(rows, columns)}"


def _estimated(found: dict[str, Any]) -> str:
    """A value with its interval, or with why there is none."""
    if _value(found["value"]) == "–":
        return f"– ({found['why']})"
    ends = found["why"] if found["why"] else f"95 %: {_interval(*found['ci'])}"
    return f"{_value(found['value'])} ({ends})"


def _compared(context: dict[str, Any], unit: str) -> list[str]:
    """What else the matched view says of a context, a line each."""
    named = [
        ("nll_difference_nats", "mean NLL, context minus unguided, nats a token"),
        ("kim_difference", "Kim count a response, context minus unguided"),
        ("length_difference", f"length, context minus unguided, {unit}"),
        ("privilege_gain_per_token_nats", "privilege gain, nats a token"),
        ("hedge_privilege_gain_nats", "privilege gain on hedges minus elsewhere, nats a token"),
        ("both_correct", "suppression where both are correct"),
    ]
    lines = [f"{context['teacher_context']} against unguided, {context['n_problems_matched']} "
             f"problems, matched on {context['matched_on']}"]  # fmt: skip
    lines += [f"  {title}: {_estimated(context[name])}" for name, title in named]
    apart = context["without_one_domain"]
    if apart:
        lines.append(
            f"  suppression without one domain: {_value(apart['low'])} (without "
            f"{apart['low_without']}) to {_value(apart['high'])} (without {apart['high_without']})"
        )
    return lines + [f"  beware: {warning}" for warning in context["warnings"]]


def _leaked(answer: dict[str, Any]) -> str:
    unit = f"epistemic per 1k {answer['unit']}"
    rows = [
        {
            **context,
            "rate_ci": _interval(*context["epistemic_per_1k_ci"]),
            "fall_ci": _interval(*context["suppression_ci"]),
        }
        for context in answer["contexts"]
    ]
    table = _table(
        rows,
        [
            ("teacher_context", "context"),
            ("n_traces", "traces"),
            ("epistemic_per_1k", unit),
            ("rate_ci", "95 %"),
            ("mean_nll_nats", "mean NLL (nats)"),
            ("n_problems_matched", "matched problems"),
            ("suppression", "suppression"),
            ("fall_ci", "95 %"),
            ("p_value", "p"),
            ("p_holm", "p (Holm)"),
            ("reason", "note"),
        ],
    )
    rest = [answer["unit_reason"]]
    for context in answer["contexts"]:
        if context["n_problems_matched"]:
            rest += _compared(context, answer["unit"])
        elif context["unmatched"]:
            name = context["teacher_context"]
            rest += [
                f"{name} is not matched: {answer['unmatched'][name]}",
                "  over different problems, so no comparison of contexts: suppression "
                + _estimated(context["unmatched"]),
            ]
    rest += [f"written: {file['path']}  {file['bytes']} bytes" for file in answer.get("report", ())]
    return "\n".join([table, *(one_line(line) for line in rest if line)])


def _measured(answer: dict[str, Any]) -> str:
    rows = [
        {
            **row,
            "times": f"{_value(row['ratio'])} times".replace("– times", "–"),
            "met": row["met"] if row["bar"] is not None else None,
        }
        for row in answer["rows"]
    ]
    columns = [("name", "what"), ("value", "value"), ("unit", "unit"), ("times", "the peer's"),
               ("bar", "asked"), ("met", "met")]  # fmt: skip
    return _table(rows, columns)


def _exported(answer: dict[str, Any]) -> str:
    return export_commands.written_in_words(answer, _value)


def _verified(answer: dict[str, Any]) -> str:
    lines = [f"{answer['checked']} things checked, {len(answer['broken'])} broken"]
    lines += [one_line(f"  {line}") for line in answer["broken"][:20]]
    if len(answer["broken"]) > 20:
        lines.append(f"  … and {len(answer['broken']) - 20} more (--json gives them all)")
    return "\n".join(lines)


def _agreed(answer: dict[str, Any]) -> str:
    """The summary as pairs, then one table a part."""
    parts = {name: answer[name] for name in ("by_person", "by_reason", "by_context")}
    closer = {"steps", "spans", "gold"}
    whole = _pairs({key: value for key, value in answer.items() if key not in {*parts, *closer}})
    heads = {
        "by_person": ("reviewer", "n_rated", "n_shared", "percent", "kappa", "accepts",
                      "others_accept", "alpha_without"),
        "by_reason": ("reason", "n_traces", "positive", "alpha", "alpha_ci"),
        "by_context": ("teacher_context", "n_pairable", "n_disputed", "percent", "alpha",
                       "alpha_ci"),
    }  # fmt: skip
    return "\n\n".join(
        [
            whole,
            *(_table(rows, [(n, n) for n in heads[name]]) for name, rows in parts.items()),
            *people_commands.agreed_in_words(answer, _table),
        ]
    )


def _standing(answer: dict[str, Any]) -> str:
    """The counts as pairs, then a line for each person."""
    people = people_commands.progress_in_words(answer.get("by_person", []), _table)
    whole = _pairs({key: value for key, value in answer.items() if key != "by_person"})
    return f"{whole}\n\n{people}" if people else whole


_READABLE: dict[str, Callable[[dict[str, Any]], str]] = {
    "ingest": _ingested,
    "score": _scored,
    "knowledge": _known,
    "proxy": lambda answer: proxy.in_words(answer, _table),
    "list": _listed,
    "accounts": lambda answer: account_commands.accounts_in_words(answer, _table),
    "audit": lambda answer: account_commands.audit_in_words(answer, _table),
    "show": _shown,
    "mark": lambda answer: (
        "\n".join(
            "\t".join(_value(cell) for cell in (item["id"], *m.values()))
            for item in answer["items"]
            for m in item["markers"]
        )
        or "no markers"
    ),
    "bench": _measured,
    "leakage": _leaked,
    "agreement": _agreed,
    "export": _exported,
    "recipe": lambda answer: export_commands.in_words(answer, _table),
    "scales": lambda answer: export_scales.in_words(answer, _table, one_line),
    "verify": _verified,
    "doctor": lambda answer: doctor.in_words(answer, one_line),
    "lexicon": lambda answer: lexicon_commands.in_words(answer, _table),
    "remark": lexicon_commands.remark_in_words,
    "spotcheck": lambda answer: spot_check_commands.in_words(answer, _table),
    "status": _standing,
    "contamination": lambda answer: contamination_commands.in_words(answer, _table),
    "gold": lambda answer: gold_commands.in_words(answer, _table),
    "assign": lambda answer: people_commands.assigned_in_words(answer, _table),
}
