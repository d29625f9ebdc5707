"""The app with identity set up: links while signed out, each role on each page, the screens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation import identity, signing_in
from curation import store as stores
from curation.identity import PAGES, ROLES, Role, sessions
from curation.identity.passwords import hashed
from curation.screens import sign_in
from curation.settings import ROOT
from curation.ui import PAGES as FILES
from tests.builders import a_batch, a_trace

WORDS = "correct horse battery"
TITLES = {label: path for path, label, _ in FILES}
NASTY = ["<script>alert(1)</script>", "**bold** $x$ [a](http://b)", "' or 1=1 --", "\u202e"]


@pytest.fixture(autouse=True)
def _one_owner_per_test() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a trace, an account for each role, and an app that asks who is there."""
    monkeypatch.setenv("HEDGEROW_IDENTITY", "accounts")
    path = tmp_path / "hedgerow.duckdb"
    kept = hashed(WORDS)
    with stores.open(path) as store:
        store.add(a_batch(a_trace()), "in1_a")
        for role in ROLES:
            store.add_account_event(role, "add", made_by="root", role=role, password_hash=kept)
    return path


def _at(title: str, token: str | None = None) -> AppTest:
    """A page by its link, as who holds a token."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    if token is not None:
        app.session_state[sign_in.SESSION] = token
    if title != "Home":
        app.switch_page(TITLES[title])
    return app.run()


def _texts(app: AppTest) -> str:
    kinds = (app.title, app.caption, app.markdown, app.text, app.info, app.warning, app.error,
             app.success, app.subheader)  # fmt: skip
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def _sign_in(app: AppTest, name: str, password: str) -> AppTest:
    app.text_input(key="sign_in_name").input(name)
    app.text_input(key="sign_in_password").input(password)
    next(button for button in app.button if button.label == "Sign in").click()
    return app.run()


def _token(path: Path, name: str) -> str:
    with stores.open(path) as store:
        return signing_in.with_password(store, name, WORDS, "10.0.0.7")


@pytest.mark.parametrize("title", sorted(PAGES))
def test_a_deep_link_asks_who_one_is_and_shows_nothing_else(path: Path, title: str) -> None:
    for token in (None, "made up", sessions.session_id("made up")):
        app = _at(title, token)
        assert not app.exception
        assert [each.value for each in app.title] == ["Sign in"]
        assert "wait" in _texts(app)
        assert not app.dataframe
        assert not app.sidebar.text_input
        st.cache_resource.clear()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_pages_and_no_other(path: Path, role: Role) -> None:
    token = _token(path, role)
    for title, needed in PAGES.items():
        app = _at(title, token)
        assert not app.exception
        is_open = identity.allows(role, needed)
        assert (f"takes the role {needed}" in _texts(app)) is not is_open
        assert is_open or not app.title
        st.cache_resource.clear()


def test_signing_in_opens_the_page_and_signing_out_closes_it(path: Path) -> None:
    app = _at("Home")
    app = _sign_in(app, "lead", "not this one at all")
    assert signing_in.ANSWER in _texts(app).replace("\\", "")
    app = _sign_in(app, "lead", WORDS)
    assert [each.value for each in app.title] == ["Hedgerow"]
    assert "lead · lead" in _texts(app)
    assert not [each for each in app.text_input if each.key == "reviewer"]
    app.button(key="sign_out").click().run()
    assert [each.value for each in app.title] == ["Sign in"]
    st.cache_resource.clear()
    with stores.open(path) as store:
        told = store.audit_log()["what"].to_list()
    assert told[:3] == ["sign-out", "sign-in", "sign-in refused"]


def test_the_link_names_no_reviewer_where_people_sign_in(path: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state[sign_in.SESSION] = _token(path, "reviewer")
    app.query_params["reviewer"] = "admin"
    app.run()
    assert "reviewer · reviewer" in _texts(app)
    assert "admin" not in _texts(app)


@pytest.mark.parametrize("words", NASTY)
def test_what_is_typed_into_the_sign_in_is_never_interpreted(path: Path, words: str) -> None:
    app = _sign_in(_at("Home"), words, words)
    assert not app.exception
    assert [each.value for each in app.title] == ["Sign in"]
    assert words not in "\n".join(str(e.value) for e in (*app.markdown, *app.error, *app.info))


def test_an_admin_adds_changes_and_closes_accounts_and_the_log_says_so(path: Path) -> None:
    app = _at("Accounts", _token(path, "admin"))
    for words in NASTY:
        app.text_input(key="account_name").input(words)
        app.text_input(key="account_password").input(WORDS)
        next(button for button in app.button if button.label == "Add").click()
        app.run()
        assert not app.exception
        said = [str(e.value) for e in (*app.markdown, *app.error, *app.success)]
        assert words not in "\n".join(said)
    app.selectbox(key="account_whose").select("lead").run()
    app.selectbox(key="account_role_of.lead").select("reviewer").run()
    app.button(key="account_give").click().run()
    app.button(key="account_close").click().run()
    assert not app.exception
    app.query_params["accounts_view"] = "Audit log"
    st.cache_resource.clear()
    with stores.open(path) as store:
        held = {row["name"]: row for row in store.accounts().to_dicts()}
        told = store.audit_log(what="account")
        assert store.verify().broken == []
    assert (held["lead"]["role"], held["lead"]["is_enabled"]) == ("reviewer", False)
    assert set(NASTY) - set(held) == {"\u202e"}  # which cannot be shown
    assert told["who"].unique().to_list() == ["admin"]
    assert told["subject"].to_list()[:2] == ["lead", "lead"]
    assert "argon2" not in str(told.to_dicts())


@pytest.mark.parametrize("address", ["0.0.0.0", "", "192.168.1.4"])
def test_beyond_this_machine_no_page_runs_unless_people_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    real = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: address if name == "server.address" else real(name)
    )
    for title in ("Home", "Export"):
        app = _at(title)
        assert not app.exception
        assert "does not start" in _texts(app)
        assert not app.main.title
    assert not (tmp_path / "hedgerow.duckdb").exists()


def test_a_page_whose_session_has_ended_asks_again_at_the_next_deed(path: Path) -> None:
    token = _token(path, "reviewer")
    app = _at("Home", token)
    assert [each.value for each in app.title] == ["Hedgerow"]
    st.cache_resource.clear()
    with stores.open(path) as store:
        store.add_account_event("reviewer", "disable", made_by="root")
    app.run()
    assert [each.value for each in app.title] == ["Sign in"]
    assert "closed" in _texts(app)
