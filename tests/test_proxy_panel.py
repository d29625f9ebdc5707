"""The panel of proxy-tuning under the desk, without a browser; its readings in a real process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import proxy_jobs
from curation import store as stores
from curation.settings import ROOT
from tests import tiny
from tests.builders import a_decision


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def _students(folder: Path) -> list[str]:
    """Two students of one vocabulary whose window holds the demo's traces, and one of another."""
    wide = tiny.a_config(max_position_embeddings=8192)
    return [
        str(tiny.a_folder(folder / name, tokenizer, wide, seed))
        for seed, (name, tokenizer) in enumerate(
            (
                ("one", tiny.a_tokenizer(chat_template=tiny.CHATML)),
                ("two", tiny.a_tokenizer(chat_template=tiny.CHATML)),
                ("other", tiny.a_sentencepiece_like_tokenizer()),
            )
        )
    ]


def test_a_reading_is_made_beside_the_app_once_and_kept(demo: Path, tmp_path: Path) -> None:
    one, two, other = _students(tmp_path)
    with stores.open(demo) as store:
        trace_id = store.list_traces()["trace_id"][0]
    jobs = proxy_jobs.Jobs(str(demo))
    asked = proxy_jobs.Asked(trace_id, one, one, two, -0.5)
    job = jobs.start(asked)
    assert job is not None
    assert job.wait(120)
    assert job.error is None
    assert job.answer is not None
    (item,) = job.answer["items"]
    assert (item["trace_id"], job.answer["alpha"]) == (trace_id, -0.5)
    assert len(item["tokens"]["shift_nats"]) == item["n_tokens"]
    assert jobs.find(asked) is jobs.start(asked) is job
    refused = jobs.start(asked._replace(antiexpert=other))
    assert refused is not None
    assert refused.wait(120)
    assert refused.answer is None
    assert "has another vocabulary" in str(refused.error)


class _Read:
    """A reading that is there."""

    is_running = False
    error = None

    def __init__(self, trace_id: str) -> None:
        tokens: dict[str, Any] = {
            name: [0.5, -0.25]
            for name in ("base_nats", "steered_nats", "shift_nats", "divergence_nats")
        }
        tokens |= {"start": [0, 1], "end": [1, 2], "base_top": [[], []], "steered_top": [[], []]}
        item = {
            "trace_id": trace_id, "n_tokens": 2, "mean_shift_nats": 0.125,
            "hedge_shift_nats": None, "other_shift_nats": 0.125, "tokens": tokens,
        }  # fmt: skip
        self.answer = {"items": [item]}


@pytest.mark.parametrize("is_blind_first", [False, True])
def test_the_panel_follows_the_card_and_with_blind_first_what_was_decided(
    demo: Path, monkeypatch: pytest.MonkeyPatch, is_blind_first: bool
) -> None:
    asked: list[proxy_jobs.Asked] = []

    def find(_: Any, given: proxy_jobs.Asked) -> _Read:
        asked.append(given)
        return _Read(given.trace_id)

    monkeypatch.setattr(proxy_jobs.Jobs, "find", find)
    with stores.open(demo) as store:
        ids = store.list_traces()["trace_id"].to_list()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page("pages/3_Review.py").run()
    assert not app.exception
    assert asked == []  # nobody asked for it
    if is_blind_first:
        app.session_state["blind_first"] = True
    app.toggle(key="proxy_on").set_value(True).run()
    assert not app.exception
    said = " ".join(caption.value for caption in app.caption)
    shown = app.session_state["proxy_trace"]
    assert shown in ids
    if is_blind_first:
        assert "decide on one" in said
        return
    assert {each.trace_id for each in asked} == {shown}
    assert "Mean shift in nats: all tokens +0.125, the others +0.125" in said.replace("\\", "")


def test_decided_traces_are_what_blind_first_shows(demo: Path) -> None:
    from curation.screens import proxy_panel

    class Room:
        reviewer = "ada"

    with stores.open(demo) as store:
        first, second = store.list_traces()["trace_id"].to_list()[:2]
        store.decide(a_decision(second))
        room: Any = Room()
        room.store = store
        assert proxy_panel._trace(room, is_blind_first=True) == second
        st.session_state[proxy_panel.TRACE] = first
        assert proxy_panel._trace(room, is_blind_first=True) == second
