"""Write N varied native records, made from the demo: `make_native_records.py N OUT.jsonl`.

For measuring, not for reading: every problem is a demo problem with its whole numbers shifted, told
by three teachers' contexts, and a third of the traces carry a paragraph of another trace, so that
lengths, prompts and texts differ. The same N and seed give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parent.parent / "data" / "demo" / "traces.jsonl"
_WHOLE_NUMBER = re.compile(r"(?<![\d.,_^])\d{1,6}(?![\d.,]\d)")
_SHIFTED = ("prompt", "reference_answer", "reference_solution", "trace", "final_answer")


def shifted(text: str, by: int) -> str:
    """`text` with every whole number raised by `by`."""
    return _WHOLE_NUMBER.sub(lambda found: str(int(found[0]) + by), text)


def records(n: int, seed: int):
    """Yield `n` native records as dicts."""
    with DEMO.open(encoding="utf-8") as lines:
        demo = [json.loads(line) for line in lines]
    per_problem = 3
    n_problems = len(demo) // per_problem
    rng = random.Random(seed)
    for i in range(n):
        number, sample = divmod(i, per_problem)
        turn, which = divmod(number, n_problems)
        row = dict(demo[which * per_problem + sample])
        for field in _SHIFTED:
            row[field] = shifted(row[field], turn)
        if rng.random() < 1 / 3:
            other = shifted(rng.choice(demo)["trace"], rng.randrange(1000))
            row["trace"] = f"{other.splitlines()[0]}\n\n{row['trace']}"
        row["id"] = f"{row['id']}-{turn}"
        row["teacher"] = f"demo-teacher-{rng.randrange(5)}"
        row["extra"] = {**row["extra"], "problem_id": f"{row['extra']['problem_id']}-{turn}"}
        row["extra"]["temperature"] = round(rng.random(), 2)
        yield row


def main(argv: list[str] | None = None) -> int:
    """Write the file and say how large it became."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(argv)
    with chosen.out.open("w", encoding="utf-8") as out:
        for row in records(chosen.n, chosen.seed):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    size_mb = chosen.out.stat().st_size / 1e6
    print(f"{chosen.n:,} records, {size_mb:,.1f} MB: {chosen.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
