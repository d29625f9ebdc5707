"""Random faults around a desk at work, and whether one decision was lost, doubled or out of order.

    python -m tests.browser.faults --runs 100 --seed 0

A run opens the desk, decides by key, edits and accepts, and lets things happen between: the
server killed (-9) and started again, stopped and let go on, the socket cut, tabs closed, reloaded
or opened beside, the browser's storage full, its clock moved back. What was pressed on which card
is written down here, apart from the desk's own outbox; in the end everything works again, and the
records on disk must be exactly that: each once, those of a tab in the order of its keys.

One thing is not done: a tab that says "only in this tab: keep it open" is not closed. And one is
not known: Streamlit takes the desk off the page for a moment when a socket breaks in the middle of
a rerun, and a key pressed right then is heard or not. Such a key is counted apart, and may be
stored once or not at all.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, Error, expect, sync_playwright

from tests.browser.driver import Bench, Desk
from tests.browser.made_up import some_cards
from tests.browser.server import ROOT, Server
from tests.browser.wire import Wire

HARNESS = Path(__file__).parent / "desk_harness.py"
N_CARDS = 80
N_ACTIONS = 12
VERDICTS = {"a": "accept", "x": "reject", "f": "flag", "Space": "skip"}
FILL = """() => { for (let size = 1 << 20; size >= 1; size >>= 1) {
    try { for (let i = 0; ; i++) localStorage.setItem(`full-${size}-${i}`, "x".repeat(size)); }
    catch { continue; } } }"""
FREE = """() => Object.keys(localStorage).filter((key) => key.startsWith("full-"))
    .forEach((key) => localStorage.removeItem(key))"""
WATCHED = """(desk) => { if (!desk.watched) {
    desk.watched = { node: Math.random(), takenBack: 0 };
    new MutationObserver((news) => { for (const one of news) for (const node of one.addedNodes)
        if (node.textContent.startsWith('Taken back')) desk.watched.takenBack += 1;
    }).observe(desk, { subtree: true, childList: true }); }
    return [desk.watched.node, desk.watched.takenBack]; }"""
CLOCK_BACK = """() => { const D = Date; window.Date = class extends D {
    constructor(...a) { super(...(a.length ? a : [D.now() - 86400000])); } } }"""
TAGGED = """(() => { const draw = crypto.getRandomValues.bind(crypto);
    crypto.getRandomValues = (bytes) => { draw(bytes); if (bytes.length === 16) bytes[15] = TAB;
    return bytes; }; })()"""


class Pressed(NamedTuple):
    """What a key did: on which card, by which tab."""

    tab: int
    trace_id: str
    verdict: str | None
    """None = taken back."""
    edit: str | None = None
    """The text that it was accepted with."""


class Found(NamedTuple):
    """What became of a run."""

    seed: int
    done: list[str]
    n_pressed: int
    lost: list[Pressed]
    surplus: list[Pressed]
    n_disordered: int
    """Places where a tab's records stand otherwise than its keys were pressed."""
    n_crossed: int
    """Neighbours of different tabs that were stored the other way round."""
    n_ignored: int
    """Verdict keys that left the card where it was, as while a dialog stands before it."""
    n_unsure: int
    """Keys pressed while the desk was taken off the page: each stored once or not."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is lost, doubled or out of order."""
        return not (self.lost or self.surplus or self.n_disordered)


class Run:
    """One desk at work among faults; `seed` decides all of it."""

    def __init__(self, server: Server, root: Path, context: BrowserContext, seed: int) -> None:
        self.server = server
        self.wire = Wire(server.port)
        self.rng = random.Random(seed)
        self.seed = seed
        self.bench = Bench(server, root, f"run-{seed}", context).lay(some_cards(N_CARDS))
        self.tabs: dict[int, Desk] = {}
        self.n_tabs = 0
        self.pressed: list[Pressed] = []
        self.unsure: list[Pressed] = []
        self.done: list[str] = []
        self.is_full = False
        self.n_ignored = 0

    def open_tab(self) -> None:
        """One more tab of the same reviewer."""
        desk = self.bench.tab()
        desk.url = desk.url.replace(self.server.url, self.wire.url)
        desk.page.add_init_script(TAGGED.replace("TAB", str(self.n_tabs)))
        self.tabs[self.n_tabs] = desk.open()
        self.n_tabs += 1

    def decide(self) -> None:
        """Press some keys on one of the tabs."""
        number, desk = self.rng.choice(list(self.tabs.items()))
        for _ in range(self.rng.randint(1, 4)):
            if desk.page.locator(".desk").get_attribute("data-phase") != "card":
                return
            key = self.rng.choice(["a", "a", "x", "f", "Space", "u"])
            before = desk.shown
            if key == "u" and not self.pressed:
                continue
            node, n_taken_back = self._watched(desk)
            desk.press(key)
            node_then, n_then = self._watched(desk)
            if node_then != node:
                self.unsure.append(Pressed(number, before, VERDICTS.get(key)))
            elif key != "u":
                is_card = desk.page.locator(".desk").get_attribute("data-phase") == "card"
                if is_card and desk.shown == before:
                    self.n_ignored += 1  # the card stands there as before: nothing was said
                    continue
                self.pressed.append(Pressed(number, before, VERDICTS[key]))
            elif n_then > n_taken_back:
                self.pressed.append(Pressed(number, desk.shown, None))
            if self.rng.random() < 0.5:
                desk.page.wait_for_timeout(self.rng.randint(0, 300))

    def edit(self) -> None:
        """Edit the trace on one of the tabs and accept it so."""
        number, desk = self.rng.choice(list(self.tabs.items()))
        if desk.page.locator(".desk").get_attribute("data-phase") != "card":
            return
        before, text = desk.shown, f"It is {len(self.pressed)}, as tab {number} has it."
        node, _ = self._watched(desk)
        field = desk.find(".edit-field")
        for _ in range(10):
            desk.press("e")
            with suppress(Error):
                field.wait_for(timeout=3000)
                break
        with suppress(Error):
            field.fill(text, timeout=10_000)
            field.press("Control+Enter", timeout=10_000)
            field.wait_for(state="hidden")
        said = Pressed(number, before, "accept", text)
        (self.pressed if self._watched(desk)[0] == node else self.unsure).append(said)

    @staticmethod
    def _watched(desk: Desk) -> tuple[float, int]:
        """Which node the desk is, and how often it said that something was taken back."""
        node, n = desk.page.locator(".desk").evaluate(WATCHED)
        return node, n

    def kill(self) -> None:
        """kill -9, work on, start again."""
        self.server.kill()
        self.decide()
        self.server.start()

    def freeze(self) -> None:
        """Stop the server, work on, let it go on."""
        assert self.server.process is not None
        self.server.process.send_signal(signal.SIGSTOP)
        self.decide()
        time.sleep(self.rng.uniform(0.2, 3))
        self.server.process.send_signal(signal.SIGCONT)

    def cut(self) -> None:
        """Cut the socket, work on, mend it."""
        self.wire.cut()
        self.decide()
        time.sleep(self.rng.uniform(0, 1.5))
        self.wire.mend()

    def close(self) -> None:
        """Close a tab, with the server gone and decisions waiting; open it again."""
        if self._is_only_here():
            return
        self.server.kill()
        self.decide()
        if self._is_only_here():
            self.server.start()
            return
        number = self.rng.choice(list(self.tabs))
        self.tabs.pop(number).page.close()
        self.server.start()
        if not self.tabs:
            self.open_tab()

    def reload(self) -> None:
        """Reload a tab at once after a key."""
        self.decide()
        if not self._is_only_here():
            self.rng.choice(list(self.tabs.values())).open()

    def beside(self) -> None:
        """A second tab of the same reviewer."""
        if len(self.tabs) < 2:
            self.open_tab()

    def fill(self) -> None:
        """The browser's storage is full, or has room again."""
        desk = next(iter(self.tabs.values()))
        desk.page.evaluate(FREE if self.is_full else FILL)
        self.is_full = not self.is_full

    def clock_back(self) -> None:
        """A tab's clock goes back by a day."""
        self.rng.choice(list(self.tabs.values())).page.evaluate(CLOCK_BACK)

    def _is_only_here(self) -> bool:
        """Whether a tab holds what the browser's storage did not take."""
        return self.is_full or any(
            "only in this tab" in (desk.find(".receipt").text_content() or "")
            for desk in self.tabs.values()
        )

    def go(self) -> Found:
        """All of it, and what is on disk in the end."""
        try:
            self.open_tab()
            faults = (
                self.decide, self.decide, self.edit, self.kill, self.freeze, self.cut, self.close,
                self.reload, self.beside, self.fill, self.clock_back,
            )  # fmt: skip
            for fault in self.rng.choices(faults, k=N_ACTIONS):
                self.done.append(fault.__name__)
                fault()
            if self.is_full:
                self.fill()
            for desk in self.tabs.values():
                # Not its words: another tab may have sent all, and a full storage told it nothing.
                expect(desk.find(".receipt")).to_have_attribute("data-waiting", "0")
            first = next(iter(self.tabs.values()))
            first.page.wait_for_function(
                "!Object.keys(localStorage).some((key) => key.startsWith('hedgerow/1/'))"
            )
            self.bench.check()
            return self.found()
        finally:
            self.wire.close()

    def found(self) -> Found:
        """Hold the records on disk against the keys."""
        # A tab's own ids end in its number (`TAGGED`).
        stored = [
            Pressed(
                int(row["decision_id"][-2:], 16),
                row["trace_id"],
                row["verdict"],
                row["extra"].get("edit", {}).get("text"),
            )
            for row in self.bench.rows
        ]
        left, places = list(enumerate(stored)), []
        lost = []
        for one in self.pressed:
            place = next((at for at, said in left if said == one), None)
            if place is None:
                lost.append(one)
                continue
            left = [pair for pair in left if pair[0] != place]
            places.append((one.tab, place))
        for maybe in self.unsure:  # what an undo took back is not known either
            whole = maybe[:3] if maybe.verdict else (maybe.tab, None)
            place = next(
                (at for at, one in left
                 if (one[:3] if maybe.verdict else (one.tab, one.verdict)) == whole), None,
            )  # fmt: skip
            left = [pair for pair in left if pair[0] != place]
        by_tab = {tab: [at for which, at in places if which == tab] for tab, _ in places}
        pairs = list(zip(places, places[1:], strict=False))
        return Found(
            self.seed,
            self.done,
            len(self.pressed),
            lost,
            [said for _, said in left],
            sum(a > b for ats in by_tab.values() for a, b in zip(ats, ats[1:], strict=False)),
            sum(one[0] != two[0] and one[1] > two[1] for one, two in pairs),
            self.n_ignored,
            len(self.unsure),
        )


def run(server: Server, root: Path, browser: Browser, seed: int) -> Found:
    """One run in a fresh profile; the server works again afterwards."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)
    try:
        return Run(server, root, context, seed).go()
    finally:
        context.close()
        if server.process is None or server.process.poll() is not None:
            server.start()


def main(argv: list[str] | None = None) -> int:
    """Run, print each that is not sound and the sums; exit 1 where there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first run; the next has seed+1")
    chosen = parser.parse_args(argv)
    expect.set_options(timeout=60_000)
    founds: list[Found] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        from tests.browser.conftest import launch

        browser = launch(playwright)
        server = Server(HARNESS, root, {"HEDGEROW_HARNESS": str(root)}, ROOT).start()
        try:
            for seed in range(chosen.seed, chosen.seed + chosen.runs):
                try:
                    found = run(server, root, browser, seed)
                except (AssertionError, Error) as exc:
                    broken.append(f"seed {seed}: {exc}")
                    sys.stdout.write(f"{broken[-1]}\n")
                    continue
                founds.append(found)
                if not found.is_sound:
                    sys.stdout.write(f"{found}\n")
                if len(founds) % 20 == 0:
                    sys.stdout.write(f"{len(founds)} runs\n")
                sys.stdout.flush()
        finally:
            server.kill()
            browser.close()
    sys.stdout.write(
        f"{len(founds)} runs, {sum(one.n_pressed for one in founds)} decisions and undos: "
        f"{sum(len(one.lost) for one in founds)} lost, "
        f"{sum(len(one.surplus) for one in founds)} doubled, "
        f"{sum(one.n_disordered for one in founds)} out of order in a tab, "
        f"{sum(one.n_crossed for one in founds)} between tabs, "
        f"{sum(one.n_ignored for one in founds)} keys that left the card standing, "
        f"{sum(one.n_unsure for one in founds)} pressed while the desk was off the page; "
        f"{len(broken)} runs did not end\n"
    )
    return 0 if not broken and all(one.is_sound for one in founds) else 1


if __name__ == "__main__":
    sys.exit(main())
