"""What markers do in the traces of a store, by teacher context, with the belief map beside it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from curation import functions, lexicons
from curation.hedging import find_markers
from curation.records import TEACHER_CONTEXTS, Marker
from curation.screens import functions as screen
from curation.store import Store
from tests.builders import a_batch, a_trace

CORRECTED = "So x = 12. Wait, I dropped a sign. So x = 8."


@pytest.fixture
def filled(store: Store) -> Store:
    """Three traces: a correction, a decoration, and one without markers that saw the answer."""
    store.add(
        a_batch(
            a_trace(CORRECTED),
            a_trace("Hmm, fine. The sum of two and two is four."),
            a_trace("The sum of two and two is four.", teacher_context="answer"),
        ),
        "i",
    )
    lexicons.mark_pending(store)
    return store


def ids(store: Store) -> list[str]:
    found: list[str] = store.list_traces()["trace_id"].to_list()
    return found


def test_a_pool_has_a_row_a_marked_trace(filled: Store) -> None:
    told: list[int] = []
    frame = functions.pool(filled, ids(filled), "nobody", told.append)
    assert dict(frame.schema) == functions.POOL_SCHEMA
    assert frame["trace_id"].to_list() == ids(filled)
    assert frame["n_self_corrections"].to_list() == [1, 0, 0]
    # "Wait" stands at 11 of 44 characters, "Hmm" at 0; the third has no marker
    assert frame["place_mean"].to_list() == [pytest.approx(11 / 44), 0.0, None]
    assert frame["n_derailment"].to_list() == [None, None, None]
    assert told == [3]


def test_what_is_not_marked_has_no_row(filled: Store) -> None:
    filled.add(a_batch(a_trace("Perhaps two and two is four, perhaps not.")), "later")
    assert functions.pool(filled, ids(filled)).height == 3


def test_contexts_are_compared_with_their_counts(filled: Store) -> None:
    unguided, answer = functions.by_context(functions.pool(filled, ids(filled))).to_dicts()
    assert (answer["teacher_context"], answer["n_traces"], answer["revising_share"]) == (
        "answer", 1, None,
    )  # fmt: skip
    # two reflections, one followed by another value; places 11/44 and 0
    assert (unguided["n_reflections"], unguided["revising_share"]) == (2, 0.5)
    assert unguided["place_mean"] == pytest.approx((11 / 44 + 0) / 2)
    assert (unguided["n_believed"], unguided["derailment_share"]) == (0, None)


def test_the_belief_map_counts_steps_with_a_reflection() -> None:
    starts = [0, 10, 20, 30]
    markers = [Marker(at, at + 4, "reflection", "wait") for at in (12, 14, 21, 31)]
    markers.append(Marker(1, 4, "hedge", "may"))
    # steps 1, 2, 3 have a reflection. After 0 … 4 steps the belief is -5, -4, -6, -3, -3: step 1
    # falls by 2 and later rises above -4: productive doubt; step 2 rises by 3: support; step 3
    # stays: decorative, called flat here
    counts = functions.belief_counts([0, 1, 2, 3, 4], [-5, -4, -6, -3, -3], starts, markers)
    assert counts == {"n_productive_doubt": 1, "n_derailment": 0, "n_flat": 1, "n_support": 1}
    assert set(functions.belief_counts(None, None, starts, markers).values()) == {None}


def test_shares_of_beliefs_are_of_the_steps_that_have_one() -> None:
    rows: list[dict[str, object]] = [
        {"teacher_context": "hint", "n_productive_doubt": 1, "n_derailment": 0, "n_flat": 2,
         "n_support": 1},
        {"teacher_context": "hint", "n_productive_doubt": None, "n_derailment": None,
         "n_flat": None, "n_support": None},
    ]  # fmt: skip
    missing = {name: 0 for name in functions.POOL_SCHEMA if name.startswith("n_")}
    frame = pl.DataFrame([{**missing, **row} for row in rows], functions.POOL_SCHEMA)
    (hint,) = functions.by_context(frame).to_dicts()
    # 1 + 0 + 2 + 1 = 4 steps of the one trace that has a curve
    assert (hint["n_traces"], hint["n_believed"]) == (2, 4)
    assert (hint["productive_doubt_share"], hint["flat_share"]) == (1 / 4, 2 / 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CORRECTED, ["x: 12 → 8"]),
        ("Hmm, fine. It is so.", ["decorative"]),
        ("So it is 6. Let me check. Fine.", ["in word only"]),
        ("So x = 6. Let me check: 2 * 6 = 12.", ["a computation checks"]),
        ("If it rains, it may flood.", ["weak, of “may flood”, conditional"]),
        ("Recall that it is so.", [""]),
    ],
)
def test_a_few_words_for_the_desk(text: str, said: list[str]) -> None:
    strong = [one.replace("weak", "strong") for one in said]
    assert functions.words(text, find_markers(text)) in (said, strong)


def test_a_long_clause_is_shortened() -> None:
    text = "It may " + "very " * 40 + "well leak."
    (said,) = functions.words(text, find_markers(text))
    assert said.endswith("…”")
    assert len(said) < 80


def test_the_belief_columns_are_shown_only_where_there_is_a_belief(filled: Store) -> None:
    frame = functions.pool(filled, ids(filled))
    assert list(screen.LABELS.values()) == screen.table(functions.by_context(frame)).columns
    known = frame.with_columns(pl.lit(1, pl.Int64).alias("n_flat"))
    shown = screen.table(functions.by_context(known))
    assert shown.columns == [*screen.LABELS.values(), *screen.BELIEF_LABELS.values()]


def _page(path: str) -> None:
    """A page with nothing but the section."""
    from types import SimpleNamespace
    from typing import Any

    from curation import lexicons, store
    from curation.screens import functions

    with store.open(path) as opened:
        lexicons.mark_pending(opened)
        room: Any = SimpleNamespace(store=opened, student="nobody")
        functions.section(room, opened.list_traces())


def test_the_section_shows_a_row_a_context(demo: Path) -> None:
    app = AppTest.from_function(_page, args=(str(demo),), default_timeout=30).run()
    assert not app.exception
    (table,) = app.dataframe
    contexts = [str(context) for context in table.value["Teacher context"]]
    assert contexts == [name for name in TEACHER_CONTEXTS if name in contexts]
    assert "unguided" in contexts
    assert any("Words only mark a function" in caption.value for caption in app.caption)
