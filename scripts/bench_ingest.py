"""Time the ingest of native records against bare DuckDB reading the same file, in one run.

`bench_ingest.py [FILE.jsonl] [--n 100000] [--rounds 3] [--json]`: without a file, makes one. Each
round times both, one after the other; the medians count. The whole road is timed: opening the file,
recognising it, checking, ids, steps, and storing in a new store. Prints both times, the ratio of
their speeds (asked: at least 0.2) and the peak memory of the ingest with its reader process.
`python -m curation bench ingest` runs it: DuckDB bare has no place in the library.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BAR = 0.2
BAR_MB = 2048
THREADS = 2


def bare(file: Path, folder: Path) -> dict[str, float]:
    """Seconds (wall, processor) that DuckDB takes to read the file into a new database's table."""
    import duckdb

    with duckdb.connect(str(folder / "bare.duckdb"), config={"threads": THREADS}) as connection:
        start = time.perf_counter()
        connection.execute("create table t as select * from read_json(?)", [str(file)])
        return {"seconds": time.perf_counter() - start, "cpu": time.process_time()}


def ours(file: Path, folder: Path) -> dict[str, float]:
    """Seconds that the ingest takes into a new store, reading and storing apart; peak memory."""
    from curation import ingest, store

    opened = store.open(folder / "ours.duckdb")
    n_new, storing = 0, 0.0
    start = time.perf_counter()
    with opened.transaction():
        for batch in ingest.read(file):
            before = time.perf_counter()
            n_new += opened.add(batch, "bench").n_new
            storing += time.perf_counter() - before
    seconds = time.perf_counter() - start
    cpu = time.process_time()
    opened.close()
    reader = resource.getrusage(resource.RUSAGE_CHILDREN)  # large files are read in one's own
    cpu += reader.ru_utime + reader.ru_stime
    peak_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + reader.ru_maxrss) / 1024
    return {"seconds": seconds, "cpu": cpu, "storing": storing, "n_new": n_new, "peak_mb": peak_mb}


def once(what: str, file: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, str(file), "--only", what, "--folder", folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)


def main(argv: list[str] | None = None) -> int:
    """Print the table; exit 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="rows as `bench` answers them")
    parser.add_argument("--only", choices=("bare", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(argv)
    if chosen.only == "bare":
        print(json.dumps(bare(chosen.file, chosen.folder)))
        return 0
    if chosen.only == "ours":
        print(json.dumps(ours(chosen.file, chosen.folder)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        file = chosen.file
        if file is None:
            from make_native_records import main as make

            file = Path(folder) / "native.jsonl"
            make([str(chosen.n), str(file)])
        rounds = [(once("bare", file), once("ours", file)) for _ in range(chosen.rounds)]
    peer = statistics.median(one["seconds"] for one, _ in rounds)
    mine = statistics.median(two["seconds"] for _, two in rounds)
    storing = statistics.median(two["storing"] for _, two in rounds)
    peak_mb = max(two["peak_mb"] for _, two in rounds)
    n = int(rounds[0][1]["n_new"])
    is_met = peer / mine >= BAR and peak_mb < BAR_MB
    if chosen.json:
        print(json.dumps(rows(n, peer, mine, peak_mb)))
        return 0 if is_met else 1
    cpu = [statistics.median(pair[i]["cpu"] for pair in rounds) for i in (0, 1)]
    print(f"bare DuckDB, {THREADS} threads   {peer:6.2f} s (processor {cpu[0]:.2f} s)")
    print(f"ingest of {n:,}      {mine:6.2f} s (processor {cpu[1]:.2f} s, imports included)")
    print(f"  of which the caller spent {storing:.2f} s storing while the next batch was read")
    print(f"speed against DuckDB    {peer / mine:6.2f}   (asked: {BAR})")
    print(f"peak memory             {peak_mb:6.0f} MB (asked: {BAR_MB})")
    return 0 if is_met else 1


def rows(n: int, peer: float, mine: float, peak_mb: float) -> list[dict[str, object]]:
    """The rows of `bench ingest`, from records, seconds of both and the peak of the ingest."""
    return [
        {
            "name": f"ingest of {n:,} native records, against DuckDB's read_json",
            "value": n / mine, "unit": "records/s",
            "ratio": peer / mine, "bar": BAR, "met": peer / mine >= BAR,
        },
        {
            "name": f"DuckDB's read_json into a table, {THREADS} threads",
            "value": n / peer, "unit": "records/s", "ratio": None, "bar": None, "met": True,
        },
        {
            "name": "peak memory of the ingest",
            "value": peak_mb, "unit": "MB", "ratio": None, "bar": BAR_MB, "met": peak_mb < BAR_MB,
        },
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
