"""Measure the review desk in a real Chromium over a large store, beside plain Streamlit buttons.

`bench_review.py [--n 100000] [--decisions 200] [--openings 10] [--store FILE] [--json]`. Without
`--store` it makes one (`make_review_store.py`, minutes). The app and the browser share two cores;
scores are there already, so nothing else runs. All times but the query's are taken inside the page:

- *painted*: from the keydown event's time stamp to the first task after the animation frame in
  which the next card stands in the document, when its style, layout and paint are done;
- *two frames*: to the second animation frame after it. That waits for one frame more on purpose,
  so at 60 Hz it is about 17 ms longer: an upper bound;
- *durable*: until the outbox lets go of the decision, which it does when the store, with the record
  on disk, has given it a number;
- *first card*: from the start of the navigation to the first card painted, in fresh profiles, of an
  app that was started as scripts/run starts it;
- *query*: what the page asks of the store and the line before it can name the next cards.

Keys are pressed 250 to 600 ms apart (seeded), so some come while an answer arrives.
`python -m curation bench review` runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright  # noqa: E402

from curation import dealing, reviewing, store  # noqa: E402
from curation.desk import cards  # noqa: E402
from curation.records import Decision  # noqa: E402
from curation.sharing import Readers, Reservations  # noqa: E402
from tests.browser.server import Server  # noqa: E402

PATIENCE_MS = 60_000
STUDENT = "made-up-135m"
"""Whose scores `make_review_store.py` makes up."""
CORES = {0, 1}
MEASURE = """
(() => {
  const rows = (window.measured = []);
  const deep = (selector, root = document) => {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const node of root.querySelectorAll("*"))
      if (node.shadowRoot) {
        const inside = deep(selector, node.shadowRoot);
        if (inside) return inside;
      }
    return null;
  };
  let desk = null;
  const places = () => {
    if (!desk?.isConnected) desk = deep(".desk");
    if (desk) return desk.dataset.phase === "card" ? desk.dataset.trace : null;
    if (location.pathname.endsWith("/Review")) return null; // its captions come before its desk
    return document.querySelector('[data-testid="stCaptionContainer"]')?.textContent ?? null;
  };
  const newest = () => desk?.querySelector(".past")?.dataset.decision;
  const isKept = (id) => Object.keys(localStorage).some((key) => key.endsWith(id));
  const afterFrame = (told) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => told(performance.now());
    channel.port2.postMessage(0);
  };
  const first = () => {
    if (places() === null) return requestAnimationFrame(first);
    afterFrame((at) => (window.firstCard = at));
  };
  requestAnimationFrame(first);
  addEventListener("keydown", (event) => {
    const before = places();
    if (before === null) return (window.unmet = (window.unmet ?? 0) + 1);
    const known = newest();
    const row = { key: event.timeStamp };
    rows.push(row);
    const look = () => {
      const now = places();
      if (now === null || now === before) return requestAnimationFrame(look);
      afterFrame((at) => (row.painted = at));
      requestAnimationFrame(() => (row.second = performance.now()));
    };
    requestAnimationFrame(look);
    const ask = (id) => { // from the paint on: before it, looking would take time from it
      if (row.painted === undefined || isKept(id)) return setTimeout(ask, 10, id);
      row.durable = performance.now();
    };
    setTimeout(() => {
      if (!desk) return;
      if (newest() !== known) return ask(newest());
      rows.splice(rows.indexOf(row), 1);
      window.unmet = (window.unmet ?? 0) + 1;
    }, 0);
  }, true);
})();
"""


def browser_of(playwright: Playwright) -> Browser:
    """Chromium: HEDGEROW_CHROMIUM, else an installed one, else Playwright's own."""
    found = os.environ.get("HEDGEROW_CHROMIUM") or shutil.which("chromium")
    try:
        return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
    except Error:
        sys.exit(
            "no Chromium starts: install one (`playwright install chromium`), or name it in "
            "HEDGEROW_CHROMIUM"
        )


def tab(browser: Browser, url: str) -> Page:
    """A fresh profile on `url`, its first card painted."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(MEASURE)
    page.goto(url)
    try:
        page.wait_for_function("window.firstCard")
    except Error:
        said = page.inner_text("body").replace("\n", " ")[-300:]
        sys.exit(f"no card within {PATIENCE_MS / 1000:.0f} s; the page says: {said}")
    return page


def pressed(page: Page, n: int, rng: random.Random, pause_s: tuple[float, float]) -> None:
    """Press `n` verdicts, each some time after the one before."""
    for _ in range(n):
        page.keyboard.press(rng.choice("aax"))
        page.wait_for_timeout(1000 * rng.uniform(*pause_s))


def times(page: Page, what: str, first: int = 0) -> list[float]:
    """Milliseconds from each key press to `what`, from press `first` on, once all are known."""
    try:
        page.wait_for_function(f"measured.every((row) => row.{what})")
    except Error:
        n = page.evaluate(f"measured.filter((row) => !row.{what}).length")
        sys.exit(f"after {PATIENCE_MS / 1000:.0f} s, {n} of the decisions are not {what} yet")
    found: list[float] = page.evaluate(f"measured.map((row) => row.{what} - row.key)")
    return found[first:]


def heap_mb(page: Page) -> float:
    """What the tab's JavaScript holds after a forced collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {
        one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]
    }
    session.detach()
    return float(metrics["JSHeapUsedSize"]) / 2**20


def served(path: Path, script: Path, folder: Path) -> Server:
    """The app, or the peer, on the store."""
    env = {
        "HEDGEROW_STORE": str(path), "HEDGEROW_BACKGROUND_SCORING": "0",
        "HEDGEROW_STUDENT": STUDENT,
    }  # fmt: skip
    server = Server(script, folder, env, ROOT).start()
    if script.name == "app.py":
        # As scripts/run does; what that reads takes a moment longer than the answer.
        with urllib.request.urlopen(f"{server.url}/_stcore/script-health-check", timeout=60):
            time.sleep(3)
    return server


def desk_times(browser: Browser, path: Path, folder: Path, chosen: Any) -> dict[str, list[float]]:
    """The desk's times and sizes by name."""
    server = served(path, ROOT / "app.py", folder)
    url, rng = f"{server.url}/Review?reviewer=ada", random.Random(0)
    found: dict[str, list[float]] = {"first card": [], "heap": []}
    try:
        for _ in range(chosen.openings):
            page = tab(browser, url)
            found["first card"].append(page.evaluate("firstCard"))
            page.context.close()
        page = tab(browser, url)
        page.wait_for_timeout(2000)
        pressed(page, chosen.decisions, rng, (0.25, 0.6))
        for name in ("painted", "second", "durable"):
            found[name] = times(page, name)
        found["unmet"] = [page.evaluate("window.unmet ?? 0")]
        found["heap"].append(heap_mb(page))
        for _ in range(10):
            pressed(page, chosen.memory // 10, rng, (0.1, 0.2))
            times(page, "durable")
            found["heap"].append(heap_mb(page))
    finally:
        server.stop()
    return found


def peer_times(browser: Browser, path: Path, folder: Path, n: int) -> list[float]:
    """Milliseconds from key to next card painted of the plain buttons."""
    server = served(path, ROOT / "scripts" / "review_peer.py", folder)
    try:
        page = tab(browser, server.url)
        page.wait_for_timeout(1000)
        for _ in range(n):
            page.keyboard.press("a")
            page.wait_for_function("measured.at(-1).painted")
            page.wait_for_timeout(300)
        return times(page, "painted")
    finally:
        server.stop()


def query_times(path: Path, n: int) -> dict[str, list[float]]:
    """Milliseconds of what a rerun asks of the store: the next cards' names, and one card."""
    asked: dict[str, list[float]] = {"query": [], "build": []}
    with store.open(path) as opened:
        student = opened.setting("student") or ""
        line = reviewing.line(opened, "in order", "eve", 0, ())
        readers, held = Readers(), Reservations()
        standing = reviewing.Standing(opened, student)
        for _ in range(n):
            start = time.perf_counter()
            pulse = opened.pulse()
            reviewing.version(opened, "in order", "eve", pulse)
            hand = dealing.deal(opened, line, "in order", "eve", 6, readers, held)
            deck, ahead = hand.deck, hand.ahead
            standing.of([*deck, *hand.upcoming], pulse, lambda ahead=ahead: ahead)
            asked["query"].append(1000 * (time.perf_counter() - start))
            start = time.perf_counter()
            cards.build(opened, student, "eve", deck[-1], line.why(deck[-1]), None)
            asked["build"].append(1000 * (time.perf_counter() - start))
            opened.decide(Decision(str(uuid.uuid4()), deck[0], "eve", "accept", datetime.now(UTC)))
    return asked


def row(
    name: str, value: float, unit: str, bar: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    """A row of the benchmark: the value is to stay at or below the bar."""
    met = bar is None or value <= bar
    return {"name": name, "value": value, "unit": unit, "ratio": ratio, "bar": bar, "met": met}


def both(name: str, values: list[float], p50: float | None, p95: float | None) -> list[Any]:
    """The rows of a median and a 95th percentile."""
    return [
        row(f"{name}, p50 of {len(values)}", statistics.median(values), "ms", p50),
        row(f"{name}, p95 of {len(values)}", float(np.percentile(values, 95)), "ms", p95),
    ]


def rows(
    n: int, desk: dict[str, list[float]], peer: list[float], asked: dict[str, list[float]]
) -> list[dict[str, Any]]:
    """The rows of `bench review`."""
    ratio = statistics.median(peer) / statistics.median(desk["painted"])
    heap = desk["heap"]
    found = both("key to next card painted", desk["painted"], 20, 50)
    found[0] |= {"name": f"{found[0]['name']}, against plain buttons", "ratio": ratio}
    return [
        *found,
        *both("key to the second frame after it", desk["second"], None, None),
        *both("the same card from plain Streamlit buttons", peer, None, None),
        *both("decision acknowledged as durable", desk["durable"], None, 300),
        *both(f"next-card query over {n:,} traces", asked["query"], None, 20),
        *both("a card built from the store", asked["build"], None, None),
        row(
            f"first card, first of {len(desk['first card'])} openings", desk["first card"][0], "ms"
        ),
        *both("first card after opening the page", desk["first card"], None, 2000),
        row("keys that decided nothing, no card being there", desk["unmet"][0], "keys", 0),
        row("memory of the tab, most over first", max(heap) / heap[0], "times", 1.2),
        row("memory of the tab at the end", heap[-1], "MB"),
    ]


def main(argv: list[str] | None = None) -> int:
    """Measure and print; exit 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000, help=argparse.SUPPRESS)
    parser.add_argument("--decisions", type=int, default=200)
    parser.add_argument("--memory", type=int, default=500, help="decisions while memory is watched")
    parser.add_argument("--openings", type=int, default=10)
    parser.add_argument("--store", type=Path, help="a store that make_review_store.py made")
    parser.add_argument("--json", action="store_true", help="rows as `bench` answers them")
    chosen = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, CORES & os.sched_getaffinity(0) or os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "review.duckdb"
        if chosen.store:
            shutil.copyfile(chosen.store, path)
        else:
            from make_review_store import make

            make(path, chosen.n)
        with sync_playwright() as playwright:
            browser = browser_of(playwright)
            desk = desk_times(browser, path, folder, chosen)
            peer = peer_times(browser, path, folder, max(3, chosen.decisions // 4))
            browser.close()
        measured = rows(chosen.n, desk, peer, query_times(path, chosen.decisions))
    if chosen.json:
        print(json.dumps(measured))
    else:
        for one in measured:
            asked = "" if one["bar"] is None else f"   (asked: {one['bar']})"
            print(f"{one['name']:58} {one['value']:9.1f} {one['unit']}{asked}")
        print(f"the median of plain buttons over ours: {measured[0]['ratio']:.1f}")
    return 0 if all(one["met"] for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
