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
    guidance: Guidance | None, own: Mapping[str, str] | None, held: str | None
) -> dict[str, Json]:
    """`reasons` ([code, label] in the order of the keys), `labels` of every code, and `guide`.

    `own` are the reasons of a desk that goes by no reason set of the team's: its decisions name no
    version of one. None: those of `guidance`, without it those that the program comes with. `held`
    is the version of the guidelines that the browser holds, "" for none, None where it does not ask
    for the text.
    """
    if own is not None:
        chosen, known = own, own
    elif guidance is not None:
        chosen, known = reasons.in_use(guidance.reasons), reasons.labels(guidance.reasons)
    else:
        chosen = known = reasons.REASONS
    return {
        "reasons": [[code, label] for code, label in list(chosen.items())[:MAX_REASONS]],
        "labels": dict(known),
        "guide": None if guidance is None else standing(guidance, held, names_reasons=own is None),
    }


def standing(
    guidance: Guidance, held: str | None, *, names_reasons: bool = True
) -> dict[str, Json]:
    """The versions in force that decisions name, and the text where the browser asks for it."""
    version = guidance.guidelines_id
    is_asked = version is not None and held is not None and held != version
    return {
        "guidelines_id": version,
        "reasons_id": guidance.reasons_id if names_reasons else None,
        "author": guidance.author,
        "stored_at": guidance.stored_at.isoformat() if guidance.stored_at else None,
        "html": rendering.render(guidance.text) if is_asked else None,
    }
