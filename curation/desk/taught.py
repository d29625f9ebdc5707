"""A row as the trainer reads it, on screen: its tokens, and what each counts for in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import streamlit as st

from curation.desk import road

MOST_TOKENS = 6_000
"""More are not shown; a longer row is cut, and said to be."""

_component = st.components.v2.component(
    "hedgerow_taught",
    js=road.joined(["taught.js"]),
    css=road.joined(["taught.css"]),
    isolate_styles=True,
)


class Token(Protocol):
    """A token of a rendered conversation."""

    @property
    def text(self) -> str:
        """What it says."""
        ...

    @property
    def has_loss(self) -> bool:
        """Whether the student is taught to say it."""
        ...

    @property
    def weight(self) -> float:
        """What it counts for in the loss, from 0 (no loss) to 1."""
        ...


def mount(pieces: Sequence[Token], *, key: str, label: str) -> None:
    """Show the tokens, with a legend. Their text is shown as it is and never interpreted."""
    shown = pieces[:MOST_TOKENS]
    legend = [["loss", "trained on (carries loss)"], ["silent", "read only (no loss)"]]
    if any(piece.has_loss and piece.weight < 1 for piece in shown):
        legend.insert(1, ["loss part", "trained on with a lower weight (point at it to read it)"])
    _component(
        key=key,
        data={
            "pieces": [[piece.text, round(piece.weight, 4)] for piece in shown],
            "legend": legend,
            "label": label,
        },
    )
