"""What an entry says of traces side by side, read with suspicion.

A choice between two names who stood left. A choice among several comes as one entry for each pair
that it decides; each names all of them in the order in which they stood (`among`) and the first of
these entries (`choice`), so that they are shown, and taken back, as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from curation.desk import fields
from curation.desk.fields import Refusal
from curation.records import MAX_AT_ONCE, PREFER

_TRACE = re.compile(r"tr1_[0-9a-f]{24}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def said(entry: Mapping[str, object], trace_id: str, question: str) -> dict[str, object]:
    """`left`, `among` and `choice` as the entry has them, without what is None. Raises Refusal."""
    left, choice = fields.word(entry, "left"), fields.word(entry, "choice")
    among = entry.get("among")
    if not question.startswith(PREFER):
        if left is not None or choice is not None or among is not None:
            raise Refusal("a verdict on one trace has no left side and none beside it")
        return {}
    other = question.removeprefix(PREFER)
    if trace_id >= other:
        raise Refusal(f"trace_id {trace_id[:60]} is not the smaller of the pair with {other}")
    if entry.get("kind") == "undo" and left is not None:
        raise Refusal("an undo has no left side")
    if entry.get("kind") == "decide" and left not in (trace_id, other):
        raise Refusal("left names none of the two traces of the pair")
    if among is None and choice is None:
        return {} if left is None else {"left": left}
    if choice is None or not _UUID.fullmatch(choice):
        raise Refusal("a choice among several names its first entry by a UUID: choice")
    if (
        not isinstance(among, list)
        or not 2 <= len(among) <= MAX_AT_ONCE
        or not all(isinstance(name, str) and _TRACE.fullmatch(name) for name in among)
        or len(set(among)) < len(among)
        or not {trace_id, other} <= set(among)
    ):
        raise Refusal(f"among is no list of 2 to {MAX_AT_ONCE} traces with the pair in it")
    if left is not None and left != min(trace_id, other, key=among.index):
        raise Refusal("left is not the one of the pair that comes first in among")
    return {"among": among, "choice": choice, **({} if left is None else {"left": left})}
