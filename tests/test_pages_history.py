"""What Home and Agreement say of past decisions, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import store as stores
from curation.settings import ROOT
from tests.builders import a_batch, a_decision, a_trace

TRACES = [a_trace(f"trace {n}", prompt=f"What is *{n}*?") for n in range(3)]
IDS = [trace["trace_id"] for trace in TRACES]


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def _run(path: Path, page: str, *decisions: tuple[int, str, bool | None]) -> AppTest:
    """A page over three traces on which `reviewer` decided this, in order."""
    with stores.open(path) as store:
        store.add(a_batch(*TRACES), "i")
        for n, verdict, revealed in decisions:
            store.decide(
                a_decision(
                    IDS[n], verdict, reviewer="reviewer", revealed=revealed, note="a *note*",
                    convention_id="cv1_a" if revealed else None,
                )
            )  # fmt: skip
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    if page != "app.py":
        app.switch_page(page).run()
    assert not app.exception
    return app


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the settings of a test put the store."""
    return tmp_path / "hedgerow.duckdb"


def test_home_links_each_of_the_last_decisions_to_its_card(path: Path) -> None:
    app = _run(path, "app.py", (0, "accept", True), (1, "reject", True))
    links = [element.proto for element in app.get("page_link")]
    told = [link for link in links if link.query_string.startswith("trace=")]
    assert [link.query_string for link in told] == [f"trace={IDS[1]}", f"trace={IDS[0]}"]
    assert told[0].label.startswith("\\#2 Rejected")
    assert "What is \\*1\\*\\?" in told[0].label


def test_home_says_nothing_of_decisions_before_the_first(path: Path) -> None:
    app = _run(path, "app.py")
    assert "Your last decisions" not in [element.value for element in app.subheader]


def test_agreement_shows_how_far_the_scores_moved_verdicts(path: Path) -> None:
    app = _run(
        path, "pages/5_Agreement.py",
        (0, "accept", False), (0, "reject", True), (1, "accept", False), (1, "accept", True),
        (2, "reject", False),
    )  # fmt: skip
    said = " ".join(element.value for element in app.text)
    # 1 of 2 pairs changed; Wilson for 1 of 2 runs from 0.0945 to 0.9055.
    assert "1 of 2 verdicts changed once the scores were shown: 50 %" in said
    assert "(95 % interval 9 to 91)" in said
    captions = " ".join(element.value for element in app.caption)
    assert "Blind verdicts not counted: 1 without a second one." in captions


def test_agreement_says_how_to_measure_the_effect_where_nobody_did(path: Path) -> None:
    app = _run(path, "pages/5_Agreement.py", (0, "accept", True))
    said = " ".join(element.value for element in app.text)
    assert "Nobody has judged a scored trace blind" in said
    links = [element.proto.query_string for element in app.get("page_link")]
    assert "blind_first=true" in links
