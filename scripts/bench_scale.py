"""Measure an export, its splits and every page of the app over a million decided traces.

`bench_scale.py [--traces 1000000] [--store FILE] [--openings 3] [--without-pages]
[--pages-only] [--json]`.
Without `--store` it makes one (`make_scale_store.py`: minutes, 5.5 GB for a million); one that is
given keeps a record of the export. One after the other, each in a process of its own on two cores:

- *COPY*: bare DuckDB writes the rows of the accepted traces, in the same columns, to one Parquet
  file (zstd) from the same store; which traces these are is asked before the clock runs;
- *export*: `export.write` of the same rows from opening to publishing: planning, splits, hashes of
  texts and files, shards, card and manifest; *memory* is the peak of that process;
- *writing alone*: the same without planning, which a COPY does not do either;
- *splits*: the grouping of the accepted traces' problems; *scales*: the weighing of them;
- *pages*: from the start of the navigation in a fresh profile until the script has run and no
  skeleton stands on the page, in Chromium, the app being open and warmed up: it was once opened at
  Home, and came to rest (how long that took is told). The first opening of each page after that
  counts, and the median of all is told beside it. Of many traces two pages open with less: Spot
  check with an estimate from drawn problems, and Export with the counts of the whole store, while
  it counts what would be in the set (when that stands is told too).

The load of the machine is told with the figures: on a busy one they are those of the others, too.

`python -m curation bench scale` runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CORES = {0, 1}
BAR_SPEED, BAR_MB, BAR_SPLITS_S, BAR_PAGE_S = 0.5, 4096, 60, 2
PATIENCE_MS = 120_000
STUDENT = "made-up-135m"
"""Whose scores `make_scale_store.py` makes up."""
_MESSAGES = (
    "[{'role': 'user', 'content': prompt}, {'role': 'assistant', 'content': text}] as messages"
)
COPY = f"""
copy (
    select {_MESSAGES}, trace_id, problem_id, teacher, teacher_context, false as is_edited,
        trace_id as original_trace_id, '' as edit_decision_id
    from trace semi join going using (trace_id)
) to 'FILE' (format parquet, compression zstd)
"""
COUNTING = "Export, until what would be in it is counted"
WARM = "the app until it is warm, Home being opened first"
REST_S = 0.1
"""Processor seconds of one at most, in a server that has nothing to do."""
COUNTED = '[data-testid="stMetric"]'
"""What stands on the Export page when the plan of the recipe is there."""
SETTLED = """
() => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning'
    && document.querySelector('[data-testid="stMain"] h1, [data-testid="stMain"] iframe, '
        + '[data-testid="stBidiComponentRegular"], [data-testid="stMainBlockContainer"] *')
    && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"]')
"""


def copied(path: Path, folder: Path) -> dict[str, float]:
    """Seconds that bare DuckDB takes, and rows."""
    import duckdb

    with duckdb.connect(str(path), config={"threads": len(CORES)}) as connection:
        connection.execute(
            "create temp table going as select trace_id from trace_state where state = 'accepted'"
        )
        start, cpu = time.perf_counter(), time.process_time()
        rows = connection.execute(COPY.replace("FILE", str(folder / "bare.parquet"))).fetchall()[0][
            0
        ]
        return {
            "seconds": time.perf_counter() - start,
            "cpu": time.process_time() - cpu,
            "rows": rows,
        }


def exported(path: Path, folder: Path) -> dict[str, float]:
    """Seconds of the export, of its planning and of the splits alone; peak memory; rows."""
    from curation import export, store
    from curation.export import planning
    from curation.export.splits import assign_splits
    from curation.export.weighing import weighed

    with store.open(path) as opened:
        start, cpu = time.perf_counter(), time.process_time()
        manifest = export.write(opened, format="sft-messages", files="parquet", out=folder / "set")
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.perf_counter()
        planned = planning.plan(opened, export.Recipe(files="parquet"))
        planning_s = time.perf_counter() - start
        start = time.perf_counter()
        assign_splits(planned.rows["problem_id"], export.DEFAULT_SPLITS, 0)
        splits_s = time.perf_counter() - start
        start = time.perf_counter()
        weighed(opened, planned.recipe, planned.rows, planned.why, planned.every)
        return {
            "seconds": seconds, "cpu": cpu, "peak_mb": peak_mb, "planning": planning_s,
            "splits": splits_s, "scales": time.perf_counter() - start,
            "rows": sum(manifest.rows.values()),
        }  # fmt: skip


def verified(path: Path, folder: Path) -> dict[str, float]:
    """Seconds that checking the written set takes, and the peak memory."""
    from curation import export

    start = time.perf_counter()
    broken = export.verify_export(folder / "set").broken
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.perf_counter() - start, "peak_mb": peak_mb, "broken": len(broken)}


def once(what: str, path: Path, folder: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--only", what, "--store", str(path)]
    done = subprocess.run(
        [*command, "--folder", str(folder)], check=True, capture_output=True, text=True
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def page_times(path: Path, folder: Path, openings: int) -> dict[str, list[float]]:
    """Seconds until each page has settled, by its name, one entry an opening."""
    from bench_review import browser_of
    from playwright.sync_api import sync_playwright

    from curation.ui import PAGES
    from tests.browser.server import Server

    env = {
        "HEDGEROW_STORE": str(path), "HEDGEROW_BACKGROUND_SCORING": "0",
        "HEDGEROW_STUDENT": STUDENT,
    }  # fmt: skip
    server = Server(ROOT / "app.py", folder, env, ROOT).start()
    found: dict[str, list[float]] = {}
    try:
        with sync_playwright() as playwright:
            browser = browser_of(playwright)

            def opened(address: str) -> float:
                page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
                page.set_default_timeout(PATIENCE_MS)
                start = time.perf_counter()
                page.goto(f"{server.url}/{address}")
                page.wait_for_function(SETTLED, polling=50)
                seconds = time.perf_counter() - start
                if page.query_selector('[data-testid="stException"]'):
                    sys.exit(
                        f"{address or 'Home'} shows an error: {page.inner_text('body')[-500:]}"
                    )
                if address == "Export":
                    page.wait_for_selector(COUNTED)
                    counted.append(time.perf_counter() - start)
                page.context.close()
                return seconds

            counted: list[float] = []
            start = time.perf_counter()
            found["the first page of all, Home"] = [opened("")]
            assert server.process is not None
            _until_at_rest(server.process.pid)
            found[WARM] = [time.perf_counter() - start]
            for _ in range(openings):
                for _, name, _ in PAGES:
                    address = "" if name == "Home" else name.replace(" ", "_")
                    found.setdefault(name, []).append(opened(address))
            found[COUNTING] = counted
            browser.close()
    finally:
        server.stop()
    return found


def _until_at_rest(pid: int) -> None:
    """Wait until a process has computed next to nothing for a second, where that can be seen."""
    stat, last = Path(f"/proc/{pid}/stat"), -REST_S
    while stat.exists():
        fields = stat.read_text().rpartition(")")[2].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if spent - last < REST_S:
            return
        last = spent
        time.sleep(1)


def row(
    name: str, value: float, unit: str, bar: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    """A row of the benchmark: the value, or the ratio where there is one, against the bar."""
    met = bar is None or (ratio >= bar if ratio is not None else value <= bar)
    return {"name": name, "value": value, "unit": unit, "ratio": ratio, "bar": bar, "met": met}


def rows_of_export(
    n: int, copy: dict[str, float], ours: dict[str, float], check: dict[str, float]
) -> list[dict[str, Any]]:
    """The rows of `bench scale` about the export."""
    bare = copy["rows"] / copy["seconds"]
    speed = ours["rows"] / ours["seconds"]
    alone = ours["rows"] / (ours["seconds"] - ours["planning"])
    what = f"{int(ours['rows']):,} of {n:,} traces"
    return [
        row(f"export of {what} to Parquet, against DuckDB's COPY", speed, "traces/s",
            BAR_SPEED, speed / bare),
        row("the same without planning", alone, "traces/s", None, alone / bare),
        row("the same in processor time", ours["cpu"], "s", None, copy["cpu"] / ours["cpu"]),
        row(f"DuckDB's COPY of the same columns, {len(CORES)} threads", bare, "traces/s"),
        row("peak memory of the export", ours["peak_mb"], "MB", BAR_MB),
        row(f"splits of {what}", ours["splits"], "s", BAR_SPLITS_S),
        row("planning: states, decisions, splits", ours["planning"], "s", BAR_SPLITS_S),
        row("the scales of what goes out", ours["scales"], "s"),
        row("verify of the written set", check["seconds"], "s"),
        row("peak memory of verify", check["peak_mb"], "MB", BAR_MB),
        row("things that verify found broken", check["broken"], "things", 0),
    ]  # fmt: skip


def rows_of_pages(pages: dict[str, list[float]]) -> list[dict[str, Any]]:
    """The rows about the pages."""
    found = []
    for name, times in pages.items():
        is_page = len(times) > 1
        bar = None if name.startswith(("the first", COUNTING, WARM)) else BAR_PAGE_S
        found.append(row(f"page {name}, first opening", times[0], "s", bar))
        if is_page:
            middle = statistics.median(times)
            found.append(row(f"page {name}, median of {len(times)}", middle, "s"))
    return found


def main(argv: list[str] | None = None) -> int:
    """Measure and print; exit 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path, help="a store that make_scale_store.py made")
    parser.add_argument("--openings", type=int, default=3)
    parser.add_argument("--without-pages", action="store_true")
    parser.add_argument("--pages-only", action="store_true")
    parser.add_argument("--json", action="store_true", help="rows as `bench` answers them")
    parser.add_argument(
        "--only", choices=("copied", "exported", "verified"), help=argparse.SUPPRESS
    )
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, CORES & os.sched_getaffinity(0) or os.sched_getaffinity(0))
    if chosen.only:
        measure = {"copied": copied, "exported": exported, "verified": verified}[chosen.only]
        print(json.dumps(measure(chosen.store, chosen.folder)))
        return 0
    near, before = chosen.store.parent if chosen.store else None, os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=near) as name:
        folder = Path(name)
        path = chosen.store or folder / "scale.duckdb"
        if not chosen.store:
            from make_scale_store import make

            make(path, chosen.traces)
        from curation import store

        with store.open(path) as opened:
            n = int(opened.pulse().traces)
        export = None
        if not chosen.pages_only:
            export = [once(what, path, folder) for what in ("copied", "exported", "verified")]
        pages = {} if chosen.without_pages else page_times(path, folder, chosen.openings)
    measured = (rows_of_export(n, *export) if export else []) + rows_of_pages(pages)
    for name, load in (("before", before), ("after", os.getloadavg()[0])):
        measured.append(row(f"load average of a minute, {name}", load, "processes"))
    if chosen.json:
        print(json.dumps(measured))
    else:
        for one in measured:
            asked = "" if one["bar"] is None else f"   (asked: {one['bar']})"
            ratio = "" if one["ratio"] is None else f"   {one['ratio']:.2f} of the peer"
            print(f"{one['name']:70} {one['value']:12,.1f} {one['unit']}{ratio}{asked}")
    return 0 if all(one["met"] for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
