"""The desk's card built from plain Streamlit buttons: the peer that `bench_review.py` measures.

The same trace, numbers and verdicts over the same store, in the way a Streamlit app does it: a
button is a rerun, the decision is stored, and the next card is made and sent then.
"""

import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation import reviewing
from curation import store as stores
from curation.desk import cards
from curation.records import Decision
from curation.store import Store

REVIEWER = "peer"
st.set_page_config(page_title="Plain buttons", layout="wide")


@st.cache_resource
def opened() -> tuple[Store, reviewing.Line]:
    """The store, and its traces in order."""
    store = stores.open(os.environ["HEDGEROW_STORE"])
    return store, reviewing.line(store, "in order", REVIEWER, 0, ())


store, line = opened()


def decide(trace_id: str, verdict: str) -> None:
    """Store a verdict."""
    store.decide(
        Decision(str(uuid.uuid4()), trace_id, REVIEWER, verdict, datetime.now(UTC))  # type: ignore[arg-type]
    )


left, n_left = line.left(store.decided_by(REVIEWER), 1)
card = cards.build(
    store, store.setting("student") or "", REVIEWER, left[0], line.why(left[0]), None
)
problem, trace, judgement = st.columns([1, 2, 1])
with problem:
    st.text(card["prompt"])
    st.text(card["reference_answer"])
with trace:
    st.code(card["text"], language=None, wrap_lines=True)
with judgement:
    for key, verdict in (("a", "accept"), ("x", "reject"), ("f", "flag")):
        st.button(
            verdict.capitalize(), key=verdict, shortcut=key, on_click=decide,
            args=(left[0], verdict), width="stretch",
        )  # fmt: skip
    st.dataframe([{"number": name, "value": value} for name, value in card["profile"].items()])
    st.text_area("Note")
    st.progress(1 - n_left / max(1, n_left + 1), text=f"{n_left} left")
st.caption(left[0])
