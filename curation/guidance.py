"""What reviewers go by: guidelines and reasons in force, their changes, who went by which.

Joins the store's log of versions with what a reason set is. Knows no screen.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from curation import reasons
from curation.errors import CurationError
from curation.reasons import Guidance, Reason
from curation.records import VERDICTS, Decision
from curation.store import Store

MAX_CHARS = 40_000
"""Guidelines may be this long."""
NAMES = {"guidelines": "guidelines_id", "reasons": "reasons_id"}
"""Kind -> the name under which a decision's `extra` says the version."""


def in_force(store: Store) -> Guidance:
    """What is in force now."""
    standing = store.in_force()
    guidelines, chosen = standing.get("guidelines"), standing.get("reasons")
    is_there = guidelines is not None and bool(guidelines["content"].strip())
    return Guidance(
        guidelines_id=guidelines["guideline_id"] if guidelines and is_there else None,
        text=guidelines["content"] if guidelines and is_there else "",
        author=guidelines["author"] if guidelines and is_there else "",
        stored_at=guidelines["stored_at"] if guidelines and is_there else None,
        reasons_id=chosen["guideline_id"] if chosen else None,
        reasons=reasons.from_text(chosen["content"]) if chosen else reasons.DEFAULT,
        basis={kind: row["guideline_id"] for kind, row in standing.items()},
    )


def labels(store: Store) -> dict[str, str]:
    """Code -> label of every reason that was ever in a set, as it is worded now."""
    return reasons.labels(in_force(store).reasons)


def write_guidelines(store: Store, text: str, author: str, based_on: str | None) -> str | None:
    """Put a text in force as the guidelines; its id, None for a blank one. Raises CurationError."""
    text = text.strip()
    if len(text) > MAX_CHARS:
        raise CurationError(
            f"The guidelines have {len(text):,} characters; up to {MAX_CHARS:,} are stored. "
            "Shorten them, or link to the rest by its address."
        )
    if not text and based_on is None:
        return None
    name = store.put_in_force("guidelines", text, author, based_on)
    return name if text else None


def change_reasons(
    store: Store,
    wished: Sequence[Reason],
    added: Sequence[str],
    author: str,
    based_on: str | None,
) -> str | None:
    """Put a changed reason set in force; its id, None where nothing changes.

    `wished` and `added` are as in `reasons.changed`, over the set `based_on`. Raises CurationError.
    """
    before = in_force(store)
    if {reason.code for reason in wished} != {reason.code for reason in before.reasons}:
        raise CurationError(
            "Somebody has added a reason since you opened these; reload the page, then make your "
            "change there. Nothing was stored."
        )
    after = reasons.changed(before.reasons, wished, added)
    if after == before.reasons:
        return before.reasons_id
    return store.put_in_force("reasons", reasons.to_text(after), author, based_on)


def decide(store: Store, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the command `decide` answers: a decision stored under what is in force.

    A reason may be given by its code or its label. One that is no reason in use is stored as it is
    written and named in `unknown_reasons`. Raises CurationError.
    """
    verdict = arguments["verdict"]
    if verdict not in VERDICTS:
        raise CurationError(f"{verdict!r} is no verdict; they are {', '.join(VERDICTS)}.")
    now = in_force(store)
    codes, unknown = reasons.known(arguments["reason"], now.reasons)
    stored = store.decide(
        Decision(
            decision_id=str(uuid.uuid4()),
            trace_id=arguments["trace_id"],
            reviewer=arguments["reviewer"],
            verdict=verdict,
            decided_at=datetime.now(UTC),
            reasons=codes,
            note=arguments["note"],
            directive=arguments["directive"],
            origin="cli",
            extra=now.stamp,
        )
    )
    return {
        "decision_id": stored.decision_id,
        "trace_id": arguments["trace_id"],
        "verdict": verdict,
        "sequence": stored.sequence,
        "reasons": list(codes),
        "unknown_reasons": unknown,
    }


def gone_by(store: Store, decisions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The versions that stored decisions name, each once, in the order of their first mention.

    Keys: guideline_id, kind, author, stored_at (of the first time in force), is_in_force; the last
    three None where the store does not hold the version.
    """
    named: dict[str, str] = {}
    for row in decisions:
        extra = json.loads(row["extra"])
        for kind, name in NAMES.items():
            if isinstance(extra.get(name), str):
                named.setdefault(extra[name], kind)
    if not named:
        return []
    log = store.guideline_log().to_dicts()
    first = {row["guideline_id"]: row for row in log}
    standing = {row["guideline_id"] for row in log if row["is_in_force"]}
    return [
        {
            "guideline_id": version,
            "kind": kind,
            "author": first[version]["author"] if version in first else None,
            "stored_at": first[version]["stored_at"] if version in first else None,
            "is_in_force": version in standing if version in first else None,
        }
        for version, kind in named.items()
    ]
