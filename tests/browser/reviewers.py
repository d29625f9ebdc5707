"""Several reviewers at once on one store: is anything lost or doubled, and how long does it take?

    python -m tests.browser.reviewers --reviewers 8 --minutes 0.5 --every 2 [--store FILE]

Each has a browser profile of their own and decides every two seconds. What was pressed on which
card is written down here; in the end the store must hold exactly that, each once, in each person's
order. Also told: p95 from a key to the answer that its decision is on disk, and how many cards were
decided by more than one person.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from curation import commands
from curation import store as stores
from curation.settings import ROOT
from tests.browser.conftest import launch
from tests.browser.driver import Desk
from tests.browser.server import Server

TIMED = """() => { window.waits = []; const open = new Map(); let pressed = 0;
    const { setItem, removeItem } = Storage.prototype;
    addEventListener('keydown', (event) => { pressed = event.timeStamp; }, true);
    Storage.prototype.setItem = function (key, text) {
        if (key.startsWith('hedgerow/1/')) open.set(key, pressed);
        return setItem.call(this, key, text); };
    Storage.prototype.removeItem = function (key) {
        if (open.has(key)) waits.push(performance.now() - open.get(key));
        open.delete(key);
        return removeItem.call(this, key); }; }"""
"""A decision stands in the browser's storage from its key on until it is known to be on disk."""


class Outcome:
    """What several reviewers did and what is stored of it."""

    def __init__(self, said: dict[str, list[tuple[str, str]]], waits_ms: list[float]) -> None:
        self.said = said
        self.waits_ms = waits_ms
        self.lost = self.doubled = self.n_shared = 0
        self.is_in_order = True

    def hold_against(self, rows: list[dict[str, Any]]) -> Outcome:
        """Count what the store lost, doubled, put in another order, or has from several people."""
        for reviewer, said in self.said.items():
            stored = [(r["trace_id"], r["verdict"]) for r in rows if r["reviewer"] == reviewer]
            asked, there = Counter(said), Counter(stored)
            self.lost += (asked - there).total()
            self.doubled += (there - asked).total()
            self.is_in_order &= stored == said
        people = Counter({i: len({r["reviewer"] for r in rows if r["trace_id"] == i})
                          for i in {r["trace_id"] for r in rows}})  # fmt: skip
        self.n_shared = sum(n > 1 for n in people.values())
        return self


def review(
    server: Server, browser: Browser, n: int, minutes: float, every_s: float, queue: str
) -> Outcome:
    """Let `n` people decide for some minutes, one key each `every_s` seconds."""
    desks = {}
    for number in range(n):
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        context.set_default_timeout(120_000)
        name = f"reviewer-{number}"
        desks[name] = Desk(context, server, "Review", reviewer=name, queue=queue).open()
        desks[name].page.evaluate(TIMED)
    said: dict[str, list[tuple[str, str]]] = {name: [] for name in desks}
    end = time.monotonic() + 60 * minutes
    turn = time.monotonic()
    while turn < end:
        for place, (name, desk) in enumerate(desks.items()):
            _wait(desk.page, turn + every_s * place / n)
            if desk.page.locator(".desk").get_attribute("data-phase") == "card":
                said[name].append((desk.shown, "accept"))
                desk.press("a")
        turn += every_s
    waits: list[float] = []
    for desk in desks.values():
        desk.wait_until_saved()
        waits += desk.page.evaluate("waits")
        desk.page.context.close()
    return Outcome(said, waits)


def _wait(page: Page, until: float) -> None:
    page.wait_for_timeout(max(0.0, 1000 * (until - time.monotonic())))


def main(argv: list[str] | None = None) -> int:
    """Let them review the demo, or a store's copy; exit 1 where a decision is lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviewers", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between one's decisions")
    parser.add_argument("--queue", default="in order")
    parser.add_argument("--store", type=Path, help="review a copy of this one, not the demo")
    chosen = parser.parse_args(argv)
    expect.set_options(timeout=120_000)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        path = Path(name) / "s.duckdb"
        if chosen.store:
            shutil.copyfile(chosen.store, path)
        else:
            demo = str(ROOT / "data" / "demo" / "traces.jsonl")
            asked = {"sources": [demo], "format": None, "map": None, "max_trace_chars": 2_000_000}
            with stores.open(path) as store:
                commands.run("ingest", store, asked)
        env = {"HEDGEROW_STORE": str(path), "HEDGEROW_BACKGROUND_SCORING": "0"}
        server = Server(ROOT / "app.py", Path(name), env, ROOT).start()
        browser = launch(playwright)
        try:
            outcome = review(
                server, browser, chosen.reviewers, chosen.minutes, chosen.every, chosen.queue
            )
        finally:
            browser.close()
            server.stop()
        with stores.open(path) as store:
            outcome.hold_against(store.current_decisions().to_dicts())
    sys.stdout.write(
        f"{sum(map(len, outcome.said.values()))} decisions of {chosen.reviewers} people: "
        f"{outcome.lost} lost, {outcome.doubled} doubled, "
        f"{'each in order' if outcome.is_in_order else 'NOT in order'}; "
        f"key to saved p50 {np.median(outcome.waits_ms):.0f} ms, "
        f"p95 {np.percentile(outcome.waits_ms, 95):.0f} ms; "
        f"{outcome.n_shared} cards decided by more than one\n"
    )
    return 1 if outcome.lost or outcome.doubled or not outcome.is_in_order else 0


if __name__ == "__main__":
    sys.exit(main())
