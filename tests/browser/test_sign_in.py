"""Signing in, in a real browser: a session that ends loses nothing, a reload stays signed in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from curation import store as stores
from curation.settings import ROOT
from tests.browser.driver import Desk
from tests.browser.server import Server
from tests.builders import a_batch, a_trace

pytestmark = pytest.mark.browser

FIRST, SECOND = "correct horse battery", "another staple here"


def _accounts(path: Path, *words: str, password: str) -> None:
    """Run `accounts` in another process, as an admin at the machine would while the app runs."""
    subprocess.run(
        [sys.executable, "-m", "curation", "--store", str(path), "accounts", *words,
         "--password-stdin"],
        cwd=ROOT, input=password + "\n", text=True, check=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def _sign_in(page: Page, password: str) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("ada")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()


def test_what_is_decided_when_the_session_has_ended_is_stored_after_signing_in_again(
    serve: Callable[..., Server], tmp_path: Path, context: BrowserContext
) -> None:
    path = tmp_path / "hedgerow.duckdb"
    with stores.open(path) as store:
        store.add(a_batch(*(a_trace(text=f"So it is {n}.") for n in range(4))), "in1_a")
        ids = store.list_traces(order="problem")["trace_id"].to_list()
    _accounts(path, "add", "ada", password=FIRST)
    server = serve(
        ROOT / "app.py", env={"HEDGEROW_STORE": str(path), "HEDGEROW_IDENTITY": "accounts"}
    )
    desk = Desk(context, server, "Review", reviewer="eve")
    desk.page.goto(desk.url)
    _sign_in(desk.page, FIRST)
    desk.wait_for_deck().press("a").wait_until_saved(1)
    desk.page.reload()
    desk.wait_for_deck()  # the cookie knows who it is

    _accounts(path, "reset", "ada", password=SECOND)  # which ends the session
    desk.press("x")
    _sign_in(desk.page, SECOND)
    desk.wait_for_deck().wait_until_saved(2)
    assert desk.crashes == []
    server.stop()
    with stores.open(path) as store:
        said = {row["trace_id"]: row for row in store.current_decisions().to_dicts()}
        assert store.verify().broken == []
        assert store.audit_log(what="sign-in")["who"].to_list() == ["ada", "ada"]
    assert {row["reviewer"] for row in said.values()} == {"ada"}
    assert sorted(row["verdict"] for row in said.values()) == ["accept", "reject"]
    assert set(said) <= set(ids)
