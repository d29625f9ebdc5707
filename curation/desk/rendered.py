"""The rendered view of a card: its prompt and each of its steps as sanitised HTML.

Made only for cards that a browser asks for in that view, from their text alone, and kept for a
while, since it asks until it has them. Steps are rendered one by one, so that each keeps its
number and its verdict.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from curation import rendering
from curation.desk.messages import Card

ALLOWED: dict[str, object] = {
    "html": sorted(rendering.TAGS - rendering.MATHML),
    "math": sorted(rendering.MATHML),
    "attributes": rendering.ATTRIBUTES,
    "classes": sorted(rendering.CLASSES),
}
"""What the browser copies of a rendering; the lists of `rendering`."""


def of_card(card: Card) -> Card:
    """`prompt` and `steps` as HTML, in the order of the card's steps.

    Where something is too long to render, it is null and `why_not` says so; the desk shows the
    exact text there.
    """
    steps = cast("list[list[int]]", card["steps"])
    ends = tuple((start, end) for start, end in steps)
    return _rendered(str(card["prompt"]), str(card["text"]), ends)


@lru_cache(maxsize=32)
def _rendered(prompt: str, text: str, steps: tuple[tuple[int, int], ...]) -> Card:
    too_long = [
        f"{name} has {len(whole):,} characters"
        for name, whole in (("the trace", text), ("the prompt", prompt))
        if len(whole) > rendering.MAX_CHARS
    ]
    units = text.encode("utf-16-le", "surrogatepass")
    return {
        "prompt": None if len(prompt) > rendering.MAX_CHARS else rendering.render(prompt),
        "steps": None
        if len(text) > rendering.MAX_CHARS
        else [
            # What stands before the first step belongs to it, as in the exact view.
            rendering.render(
                units[0 if i == 0 else 2 * start : 2 * end].decode("utf-16-le", "surrogatepass")
            )
            for i, (start, end) in enumerate(steps)
        ],
        "why_not": _sentence(" and ".join(too_long)) if too_long else None,
    }


def _sentence(what: str) -> str:
    return f"{what[0].upper()}{what[1:]}; up to {rendering.MAX_CHARS:,} are rendered."
