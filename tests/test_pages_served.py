"""The app over a store on a server: pages open, and two apps see what the other does."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import owner
from curation.settings import ROOT
from curation.store import Address
from tests.builders import a_decision
from tests.served import TOKEN, listening

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py"))


@pytest.fixture(autouse=True)
def _client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's token, and a folder of its own for what it keeps beside an address."""
    monkeypatch.setenv("HEDGEROW_TOKEN", TOKEN)
    monkeypatch.setattr(Address, "beside", property(lambda _: tmp_path / "client"))


def test_every_page_opens_on_a_store_that_a_server_holds(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(demo) as listener:
        monkeypatch.setenv("HEDGEROW_STORE", str(listener.address))
        try:
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
            for page in ("app.py", *PAGES):
                app.switch_page(page).run()
                assert not app.exception, page
                assert not app.error, page
                assert str(listener.address) in [text.value for text in app.sidebar.text]
        finally:
            st.cache_resource.clear()  # lets go of the store, before the server does


def test_what_one_app_decides_the_other_knows(demo: Path) -> None:
    with listening(demo) as listener:
        place = Path(str(listener.address))
        apps = [owner.open(place, student="fake", dtype="float32", scoring=False) for _ in range(2)]
        one, two = apps
        trace_id = one.store.list_traces()["trace_id"][0]
        one.store.decide(a_decision(trace_id, reviewer="ada"))
        assert two.store.decided_by("ada").keys() == {trace_id}
        assert two.store.undo("ada") is not None
        assert one.store.undo("ada") is None
        for app in apps:
            assert app.door is None
            app.close()
