"""The desk as a test drives it: by keys, by what is on screen, by state, never by sleeping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Dialog, Locator, Page, expect

from tests.browser.server import Server


class Desk:
    """One tab with the desk in it."""

    def __init__(self, context: BrowserContext, server: Server, path: str = "", **query: Any):
        self.server = server
        self.url = f"{server.url}/{path}?{urlencode(query)}"
        self.page: Page = context.new_page()
        self.dialogs: list[str] = []
        self.crashes: list[str] = []
        self.page.on("dialog", self._dismiss)
        self.page.on("pageerror", lambda error: self.crashes.append(str(error)))

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self) -> Desk:
        """Open the page (again) and wait for its cards."""
        self.page.goto(self.url)
        return self.wait_for_deck()

    def wait_for_deck(self) -> Desk:
        """Wait for a card, and for those behind it, which may come a moment later."""
        self.wait_for_phase("card")
        expect(self.page.locator(".desk")).to_have_attribute("data-deck", "whole")
        return self

    def find(self, selector: str) -> Locator:
        """Something inside the desk; the next card, which lies unseen beside this one, is not."""
        found, *then = selector.split(" >> ")
        return self.page.locator(" >> ".join([f".desk {found}:not(.ahead, .ahead *)", *then]))

    def press(self, *keys: str) -> Desk:
        """Press keys, one after the other, as fast as the browser takes them."""
        for key in keys:
            self.page.keyboard.press(key)
        return self

    @property
    def shown(self) -> str:
        """The trace id of the card on screen."""
        return self.page.locator(".desk").get_attribute("data-trace") or ""

    def wait_for_card(self, trace_id: str) -> Desk:
        """Wait until this card is on screen."""
        expect(self.page.locator(".desk")).to_have_attribute("data-trace", trace_id)
        return self.wait_for_phase("card")

    def wait_for_phase(self, phase: str) -> Desk:
        """Wait for "card", "fetching" or "end"."""
        expect(self.page.locator(".desk")).to_have_attribute("data-phase", phase)
        return self

    def wait_until_saved(self, sequence: int | None = None) -> Desk:
        """Wait until nothing waits; with a number, until the receipt names it.

        The words alone do not tell: for the first moments after a key they still name the decision
        before, so that they do not flicker.
        """
        expect(self.find(".receipt")).to_have_attribute("data-waiting", "0")
        expect(self.find(".receipt")).to_have_attribute("data-state", "saved")
        if sequence is not None:
            expect(self.find(".receipt")).to_contain_text(f"saved #{sequence} at ")
        return self

    def wait_for_receipt(self, text: str) -> Desk:
        """Wait until the receipt says this."""
        expect(self.find(".receipt")).to_contain_text(text)
        return self

    def waiting(self) -> int:
        """How many decisions stand in the browser's storage."""
        count: int = self.page.evaluate(
            "Object.keys(localStorage).filter((key) => key.startsWith('hedgerow/1/')).length"
        )
        return count


class Bench:
    """A folder of the harness, and tabs on it."""

    def __init__(self, server: Server, root: Path, name: str, context: BrowserContext) -> None:
        self.server = server
        self.home = root / name
        self.home.mkdir(parents=True)
        self.context = context
        self.tabs: list[Desk] = []

    def lay(self, cards: list[dict[str, Any]], scored: list[str] | None = None) -> Bench:
        """Put cards, and which of them are scored, before the desk."""
        (self.home / "cards.json").write_text(json.dumps(cards), encoding="utf-8")
        if scored is not None:
            self.score(*scored)
        return self

    def guide(self, version: str, text: str, reasons: list[tuple[str, str, bool]]) -> None:
        """From now on reviewers go by this."""
        draft = self.home / "guidance.tmp"
        draft.write_text(json.dumps({"id": version, "text": text, "reasons": reasons}), "utf-8")
        draft.replace(self.home / "guidance.json")

    def score(self, *trace_ids: str) -> None:
        """From now on these are the scored ones."""
        draft = self.home / "scored.tmp"
        draft.write_text(json.dumps(trace_ids), encoding="utf-8")
        draft.replace(self.home / "scored.json")

    def tab(self, **query: Any) -> Desk:
        """A tab on the page, not opened yet."""
        desk = Desk(self.context, self.server, home=self.home.name, **query)
        self.tabs.append(desk)
        return desk

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every record stored, in order."""
        path = self.home / "decisions.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def said(self) -> list[tuple[str, str | None]]:
        """(trace's number, verdict) of every record, in order; None for a withdrawal."""
        return [(str(int(row["trace_id"][4:], 16)), row["verdict"]) for row in self.rows]

    def check(self) -> None:
        """What must be true after every test: nothing doubled, no crash, no dialog."""
        ids = [row["decision_id"] for row in self.rows]
        assert len(ids) == len(set(ids))
        for tab in self.tabs:
            assert tab.crashes == []
            assert tab.dialogs == []


def trace(number: int) -> str:
    """The id of a made-up trace."""
    return f"tr1_{number:024x}"
