"""A trace's tokens by how far an expert and an antiexpert would move each, on screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from curation.desk import road

MOST_TOKENS = 6_000
"""More are not shown; a longer trace is cut, and said to be."""

_component = st.components.v2.component(
    "hedgerow_steered",
    js=road.joined(["steered.js"]),
    css=road.joined(["steered.css"]),
    isolate_styles=True,
)


def mount(text: str, tokens: Mapping[str, Any], *, key: str) -> None:
    """Show a reading (`proxy.told`) of `text`, with a legend; texts are never interpreted."""
    n = min(len(tokens["start"]), MOST_TOKENS)
    ends = [0, *tokens["end"]]
    _component(
        key=key,
        data={
            # Tokens of one character's bytes share its place: the first of them shows it.
            "pieces": [
                text[max(start, ends[i]) : end]
                for i, (start, end) in enumerate(
                    zip(tokens["start"][:n], tokens["end"][:n], strict=True)
                )
            ],
            **{
                name: tokens[name][:n]
                for name in (
                    "base_nats", "steered_nats", "shift_nats", "divergence_nats", "base_top",
                    "steered_top",
                )
            },
        },
    )  # fmt: skip
