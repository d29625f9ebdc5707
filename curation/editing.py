"""Edit and accept: the text of a trace as a reviewer would have it, stored with the verdict.

`decide` is `Store.decide` for whoever takes decisions that may carry an edit: it makes of the
edited text the trace that it becomes, finds its steps, and hands both over together. `advice` says
what the rule of Selective Reflection-Tuning makes of an edit, for one student; it advises, and the
person's word stands.

The trace of an edit is the original in all that still holds of it: problem, prompt, teacher, what
the teacher saw. Whether its answer is right nobody has said.

Conductor: joins store, steps and compatibility. Knows no screen.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from curation import compatibility, steps
from curation.records import Decision, Stored, Trace, text_hash, trace_id
from curation.store import Edited, Store

SOURCE = "edit"
"""`source` and `teacher_context_raw` of a trace that an edit made."""

RULE_FAMILIES = ("ifd", "rifd")
"""What the rule of `advice` looks at. The app computes them of every edit and its original by
itself, whatever else it computes."""


class Advice(NamedTuple):
    """Whether the student is better off with the edit than with the original."""

    keep: bool | None
    """None = not known."""
    why: str
    """A sentence or two, with the numbers."""


def decide(store: Store, decision: Decision) -> Stored:
    """Store a decision, and with it the trace of the edit that it may carry.

    Raises what `Store.decide` raises.
    """
    edit = decision.extra.get("edit")
    text = edit.get("text") if isinstance(edit, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        return store.decide(decision)
    return store.decide(decision, edited(store.trace(decision.trace_id), text, decision))


def edited(original: Trace, text: str, decision: Decision) -> Edited:
    """The trace that `text`, an edit of `original`, becomes, with its steps.

    Who edited and in which decision stands in its `extra`; what a judge said of the original does
    not, since it was said of another text.
    """
    group = json.loads(original.extra).get("problem_id")
    extra = {"reviewer": decision.reviewer.strip(), "decision_id": decision.decision_id}
    starts, ends = steps.split(text)
    trace = replace(
        original,
        trace_id=trace_id(
            original.problem_id, original.prompt, original.teacher, SOURCE,
            original.context_text, text,
        ),
        teacher_context="refined",
        teacher_context_raw=SOURCE,
        text=text,
        text_hash=text_hash(text),
        final_answer=None,
        is_correct=None,
        refined_from=original.trace_id,
        source=SOURCE,
        external_id=None,
        extra=json.dumps(
            {"edit": extra} if group is None else {"edit": extra, "problem_id": group},
            ensure_ascii=False,
        ),
    )  # fmt: skip
    return Edited(trace, starts, ends)


def shown(
    store: Store, original: Trace, decisions: Sequence[Mapping[str, Any]], student: str | None
) -> list[dict[str, Any]]:
    """The edits among a trace's `decisions` (`Store.decisions`), in their order, to be shown.

    Keys: decision_id, sequence, reviewer, is_live, trace_id (what the edit became), text, lines (a
    unified diff of the lines) and `keep` and `why` (`Advice`).
    """
    found = []
    for row in decisions:
        edit = json.loads(row["extra"]).get("edit") if row["verdict"] == "accept" else None
        if edit is None:
            continue
        said = {name: row[name] for name in ("decision_id", "sequence", "reviewer", "is_live")}
        found.append(
            {
                **said,
                "trace_id": edit["trace_id"],
                "text": edit["text"],
                "lines": _lines(original.text, edit["text"]),
                **advice(store, original.trace_id, edit["trace_id"], student)._asdict(),
            }
        )
    return found


def advice(store: Store, original: str, edit: str, student: str | None) -> Advice:
    """What the rule says of the trace `edit` against `original`, by the student's IFD and r-IFD."""
    if student is None:
        return weighed({}, {})
    return weighed(store.compatibility(original, student), store.compatibility(edit, student))


def weighed(original: Mapping[str, Any], edit: Mapping[str, Any]) -> Advice:
    """The same from the two traces' families (`Store.compatibility`)."""
    before, after = ifd_pair(original), ifd_pair(edit)
    if before is None or after is None:
        return Advice(
            None,
            "IFD and r-IFD of both texts are needed. The app computes them while it scores; "
            "`score --scores ifd,rifd` does too.",
        )
    choice = compatibility.keep_edit(before, after)
    return Advice(choice.keep, choice.why)


def ifd_pair(families: Mapping[str, Any]) -> compatibility.IfdPair | None:
    """IFD and r-IFD of a trace in the perplexity form; None where one is missing."""
    ifd = families.get("ifd", {}).get("ifd_ppl")
    rifd = families.get("rifd", {}).get("rifd_ppl")
    return None if ifd is None or rifd is None else compatibility.IfdPair(ifd, rifd)


def _lines(before: str, after: str) -> list[str]:
    """What a unified diff says of two texts, without its head: changed lines with one around."""
    told = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return list(islice(told, 2, None))
