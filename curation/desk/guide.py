"""What a desk tells its browser of guidelines and reasons.

The text of the guidelines, rendered, travels only to a browser that asks for it and does not hold
this version; which version is in force always does.
"""

from __future__ import annotations

from collections.abc import Mapping

from curation import reasons, rendering
from curation.desk.messages import Json
from curation.desk.outbox import MAX_REASONS
from curation.reasons import Guidance


def parts(
    guidance: Guidance | None, chosen: Mapping[str, str], held: str | None
) -> dict[str, Json]:
    """`reasons` ([code, label] in the order of the keys), `labels` of every code, and `guide`.

    `chosen` are the reasons of a desk without guidance. `held` is the version of the guidelines
    that the browser holds, "" for none, None where it does not ask for the text.
    """
    if guidance is not None:
        chosen = reasons.in_use(guidance.reasons)
    known = chosen if guidance is None else reasons.labels(guidance.reasons)
    return {
        "reasons": [[code, label] for code, label in list(chosen.items())[:MAX_REASONS]],
        "labels": dict(known),
        "guide": None if guidance is None else _guide(guidance, held),
    }


def _guide(guidance: Guidance, held: str | None) -> dict[str, Json]:
    version = guidance.guidelines_id
    is_asked = version is not None and held is not None and held != version
    return {
        "guidelines_id": version,
        "reasons_id": guidance.reasons_id,
        "author": guidance.author,
        "stored_at": guidance.stored_at.isoformat() if guidance.stored_at else None,
        "html": rendering.render(guidance.text) if is_asked else None,
    }
