"""A training set by recipe, in a real browser: edited, saved, compared, read in tokens, written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from curation import commands
from curation import store as stores
from curation.settings import ROOT
from tests.browser.server import Server
from tests.builders import a_batch, a_decision, a_trace
from tests.tiny import CHATML, a_folder, a_tokenizer

pytestmark = pytest.mark.browser

Serve = Callable[..., Server]
HOSTILE = "So <b>2 + 2</b> is 4. <img src=x onerror=alert(1)> $x$ **bold** [a](http://x.invalid)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of ten accepted traces, one of them full of markup."""
    path = tmp_path / "hedgerow.duckdb"
    traces = [a_trace(f"Let me see: {n}.", prompt=f"What is {n}?") for n in range(9)]
    traces.insert(0, a_trace(HOSTILE, prompt="2 + 2?"))
    with stores.open(path) as store:
        store.add(a_batch(*traces), "in1")
        for trace in traces:
            store.decide(a_decision(trace["trace_id"]))
    return path


def _settled(page: Page) -> None:
    """Wait until no run of the page is under way."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def _type(page: Page, label: str, text: str) -> None:
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill(text)
    field.press("Enter")
    _settled(page)


def test_a_recipe_is_edited_saved_compared_read_in_tokens_written_and_verified(
    serve: Serve, path: Path, context: BrowserContext, tmp_path: Path
) -> None:
    server = serve(
        ROOT / "app.py",
        env={"HEDGEROW_STORE": str(path), "HEDGEROW_BACKGROUND_SCORING": "0"},
    )
    page = context.new_page()
    crashes: list[str] = []
    page.on("pageerror", lambda error: crashes.append(str(error)))
    page.on("dialog", lambda dialog: crashes.append(dialog.message))
    page.goto(f"{server.url}/Export?reviewer=ada")
    expect(page.get_by_test_id("stMetric").filter(has_text="Rows")).to_contain_text("10")

    page.get_by_role("tab", name="Versions").click()
    _type(page, "Save this recipe as", "mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("mine@1 saved.")).to_be_visible()
    _type(page, "Splits, grouped by problem", "train=0.8,validation=0.2")
    changes = "splits train: 0.9 -> 0.8\nsplits validation: 0.1 -> 0.2"
    expect(page.get_by_test_id("stCode").first).to_have_text(re.compile(re.escape(changes)))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("mine@2 saved.")).to_be_visible()
    expect(page).to_have_url(re.compile("recipe=mine%402"))

    page.get_by_role("tab", name="As the trainer reads it").click()
    tiny = a_folder(tmp_path / "tiny", a_tokenizer(chat_template=CHATML))
    _type(page, "Student whose template renders it", str(tiny))
    page.get_by_text("Tokens and loss, through the chat template").click()
    tokens = page.locator(".taught .tokens")
    expect(tokens).to_contain_text(HOSTILE, timeout=90_000)
    expect(tokens.locator("b, img, a")).to_have_count(0)
    expect(tokens.locator(".loss").first).to_be_visible()
    # The format of prompt and completion teaches the answer alone: what was asked has no loss.
    page.get_by_role("combobox", name="Format").fill("sft-prompt-completion")
    page.get_by_role("combobox", name="Format").press("Enter")
    expect(tokens.locator(".silent").first).to_be_visible()
    expect(tokens.locator(".loss").first).to_be_visible()

    _type(page, "Folder", str(tmp_path / "set"))
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("10 rows written as sft-prompt-completion")).to_be_visible()
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_text("things checked, none is broken")).to_be_visible()
    # A reload opens the version of the link, and finds what was written last.
    page.reload()
    expect(page.get_by_text("10 rows written as sft-prompt-completion")).to_be_visible()
    splits = page.get_by_role("textbox", name="Splits, grouped by problem", exact=True)
    expect(splits).to_have_value("train=0.8,validation=0.2")
    assert crashes == []
    assert commands.verify_export(tmp_path / "set")["broken"] == []
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text("utf-8"))
    # The draft was changed after mine@2 was saved, so it goes out under no name.
    assert manifest["recipe"]["name"] is None
    assert [each["share"] for each in manifest["recipe"]["content"]["splits"]] == [0.8, 0.2]
