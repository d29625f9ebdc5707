"""Time and check the student's scoring beside minicons, lm-eval's HFLM and plain loops, in one run.

`bench_score.py [--n 18] [--rounds 3] [--json] [--quick] [--student NAME]`. Same weights, dtype and
threads; ours and the peers take turns, medians over the rounds. Prints, with what was asked
(speeds are scored tokens in (a), tokens of all separate sequences in (b), a second):

(a) likelihoods of the demo's traces, and of eight short traces a problem (made from the demo's:
    three of them, and their rests from a later step on): against the fastest peer;
(b) likelihood, IFD, belief curve and privilege gain against a plain loop that computes each
    sequence by itself, on the demo and on traces above 2,000 tokens (demo traces joined);
(c) the share of the machine's best matrix product that scoring reaches, counting only the
    arithmetic that had to be done; the product takes its turn before and after each scoring, and
    rounds in which it was slow itself are left out;
(d) seconds a token with 100 and with 10,000 traces, growth with a trace's length, peak memory;
(e) the largest difference from each reference, in nats a token.

`python -m curation bench score` runs it. It exits with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `student.load` sets it; for all alike

import numpy as np  # noqa: E402
import score_peers as peers  # noqa: E402
from score_ceiling import Ceiling, shape  # noqa: E402
from score_corpora import FAMILIES, demo, eight, items, joined, spread, tiny_student  # noqa: E402

from curation import student  # noqa: E402
from curation.bench.score import (  # noqa: E402
    Timed,
    exponent,
    necessary_flops,
    row,
    share_row,
    speed_rows,
)
from curation.student import Item, Reading, parity, questions  # noqa: E402
from curation.student.causal import CausalStudent  # noqa: E402
from curation.student.forward import Request  # noqa: E402
from curation.student.tree import Trie  # noqa: E402

Row = dict[str, Any]


# Taking turns -----------------------------------------------------------------------------------


def take_turns(
    runners: dict[str, Callable[[], Any]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds by name and round, and what each answered last."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    answers: dict[str, Any] = {}
    for _ in range(rounds):
        for name, run in runners.items():
            began = time.perf_counter()
            answers[name] = run()
            seconds[name].append(time.perf_counter() - began)
    return seconds, answers


def furthest(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The largest difference of any two numbers that stand in the same place."""
    return max(float(np.abs(np.subtract(a, b, dtype=np.float64)).max()) for a, b in pairs)


class Bench:
    """A student, the same weights for its peers, and the rows so far."""

    def __init__(self, chosen: argparse.Namespace, cache_dir: str) -> None:
        self.chosen, self.cache_dir = chosen, cache_dir
        self.ours = self._load("float32")
        self.raw = peers.raw(chosen.student, cache_dir)
        self.demo = demo()
        self.rows: list[Row] = []
        self.differences: dict[str, float] = {}
        self.timed: dict[str, list[Timed]] = {"float32": [], "bfloat16": []}
        self.ceilings = {dtype: Ceiling(dtype, self.ours, chosen.quick) for dtype in self.timed}

    def _load(self, dtype: str) -> CausalStudent:
        loaded = student.load(
            self.chosen.student, dtype=dtype, threads=self.chosen.threads, cache_dir=self.cache_dir
        )
        assert isinstance(loaded, CausalStudent)
        return loaded

    def add(self, *rows: Row) -> None:
        """Keep the rows; say them at once, as this takes its time."""
        self.rows += rows
        for one in rows:
            print(_line(one), file=sys.stderr, flush=True)

    def differs(self, what: str, by: float) -> None:
        """Remember the largest difference from a reference."""
        self.differences[what] = max(by, self.differences.get(what, 0.0))

    # (a)

    def plain_likelihoods(self) -> None:
        """Likelihoods alone, against all peers."""
        chosen = spread(self.demo, self.chosen.n)
        few = spread(self.demo, max(3, self.chosen.n // 3))
        for what, rows, bar in (
            (f"likelihoods of {len(chosen)} demo traces", chosen, 1.1),
            (f"likelihoods of eight short traces a problem ({len(eight(few))})", eight(few), 1.4),
        ):
            self._likelihoods(what, rows, bar)

    def _likelihoods(self, what: str, rows: list[dict[str, Any]], bar: float) -> None:
        ours = self.ours
        asked = [(one["prompt"], one["trace"]) for one in rows]
        pairs = [(ours.encoder.prefix(prompt, trace), trace) for prompt, trace in asked]
        runners: dict[str, peers.Runner] = {"a plain loop": peers.plain(self.raw)}
        for name, sized in (
            ("minicons", {n: peers.minicons(self.raw, n, pairs) for n in (1, 8)}),
            ("lm-eval", {n: peers.lm_eval(self.raw, n) for n in (1, 8)}),
        ):
            sample = pairs[: max(3, min(8, len(pairs)))]
            runners |= _faster(name, sized, sample)
        turns: dict[str, Callable[[], Any]] = {
            "ours": lambda: dict(ours.score_many(asked)),
            **{name: (lambda run=run: run(pairs)) for name, run in runners.items()},
        }
        ours.score(*asked[0])
        seconds, answers = take_turns(turns, self.chosen.rounds)
        scores = [answers["ours"][i] for i in range(len(asked))]
        n_tokens = sum(len(one.logprob_nats) for one in scores)
        self.add(*speed_rows(what, seconds, n_tokens, bar))
        for name in turns:
            if name.startswith(("a plain loop", "minicons")):
                both = [(a.logprob_nats, b) for a, b in zip(scores, answers[name], strict=True)]
                self.differs(name.split(",")[0], furthest(both))
            elif name.startswith("lm-eval"):
                for pair, (total, _) in list(zip(pairs, answers[name], strict=True))[:12]:
                    found = parity.lm_eval(ours, *pair)
                    self.differs("lm-eval", abs(found.value - total) / len(found.logprob_nats))

    # (b)

    def everything(self) -> None:
        """All that a trace is asked for, against a loop over its sequences."""
        rows = spread(self.demo, max(3, self.chosen.n // 3))
        what = ", ".join(FAMILIES)
        self._everything(f"{what}: {len(rows)} demo traces", items(rows), 1, 4.0)
        n = 300 if self.chosen.quick else 2000
        long = items(joined(self.demo, self.ours, n, 2))
        for i, one in enumerate(long[: 1 if self.chosen.quick else None]):
            n_tokens = len(self.ours.encoder.plain_ids(one.trace))
            name = f"{what}: trace {i + 1} of {n_tokens:,} tokens, {len(one.steps)} steps"
            self._everything(name, [one], 8, 10.0, max(1, self.chosen.rounds - 1))

    def _everything(
        self, what: str, asked: list[Item], every: int, bar: float, rounds: int | None = None
    ) -> None:
        """`every`: the loop computes each so-many-th sequence, and its time is scaled by tokens."""
        ours = self.ours
        sequences = [(i, probe) for i, item in enumerate(asked) for probe in probes(ours, item)]
        timed = sequences
        if every > 1:
            timed = random.Random(0).sample(sequences, max(3, len(sequences) // every))
            what += f" (the loop timed on {len(timed)} of {len(sequences)} sequences)"
        scale = _n_tokens(sequences) / _n_tokens(timed)

        def loop() -> list[np.ndarray]:
            return [
                peers.logprobs(self.raw.model, p.request.ids, p.request.first, p.request.last)
                for _, p in timed
            ]

        counter = peers.Counter(ours)

        def read() -> dict[int, Any]:
            counter.requests.clear()
            with counter:
                return dict(ours.read_many(asked))

        ceiling = self.ceilings["float32"]
        ceiling.found.clear()
        seconds, answers = take_turns(
            {"before": ceiling, "ours": read, "after": ceiling, "a plain loop": loop},
            rounds or self.chosen.rounds,
        )
        del seconds["before"], seconds["after"]
        seconds["a plain loop"] = [s * scale for s in seconds["a plain loop"]]
        self.add(*speed_rows(what, seconds, _n_tokens(sequences), bar))
        self._count("float32", ours, counter.requests, seconds["ours"])
        for (i, probe), nats in zip(timed, answers["a plain loop"], strict=True):
            found = answers["ours"][i]
            assert isinstance(found, Reading), found
            self.differs(f"a plain loop ({probe.family})", _difference(found, probe, nats))

    # (c)

    def _count(
        self, dtype: str, reader: CausalStudent, requests: Sequence[Any], seconds: Sequence[float]
    ) -> None:
        trie = Trie()
        for request in requests:
            trie.add(request.ids)
        n_scored = sum(request.last - request.first for request in requests)
        layout = trie.layout()
        flops = necessary_flops(shape(reader), trie.n_tokens, layout.n_pairs, n_scored)
        beside = self.ceilings[dtype].pairs()
        self.timed[dtype] += [
            Timed(flops, s, best) for s, best in zip(seconds, beside, strict=True)
        ]

    def share_of_ceiling(self) -> None:
        """Necessary operations a second, against the best matrix product beside them."""
        asked = items(spread(self.demo, max(3, self.chosen.n // 3)))
        low = self._load("bfloat16")
        counter = peers.Counter(low)

        def read() -> None:
            counter.requests.clear()
            with counter:
                list(low.read_many(asked))

        ceiling = self.ceilings["bfloat16"]
        ceiling.found.clear()
        turns = {"before": ceiling, "ours": read, "after": ceiling}
        seconds, _ = take_turns(turns, self.chosen.rounds)
        self._count("bfloat16", low, counter.requests, seconds["ours"])
        for dtype, bar in (("float32", 0.7), ("bfloat16", 0.6)):
            self.add(share_row(dtype, self.timed[dtype], bar))

    # (d)

    def growth(self) -> None:
        """Cost against the number of traces, and against a trace's length."""
        few, many = (10, 100) if self.chosen.quick else (100, 10_000)
        tiny = tiny_student(Path(self.cache_dir) / "tiny", self.chosen.threads)
        times: dict[int, list[float]] = {few: [], many: []}
        # A few take so short that one of them says little; the first warms up.
        for n in (*[few] * 7, many, *[few] * 6):
            asked = [
                (f"{one['prompt'][:40]} {i // 3}", one["trace"][i % 50 : i % 50 + 120])
                for i in range(n)
                for one in [self.demo[i % len(self.demo)]]
            ]
            began = time.perf_counter()
            n_tokens = sum(len(found.logprob_nats) for _, found in tiny.score_many(asked))
            times[n].append((time.perf_counter() - began) / n_tokens)
        each = [statistics.median(times[few][1:]), statistics.median(times[many])]
        name = f"seconds a token, {many:,} traces against {few:,} (a tiny random model)"
        ratio = each[1] / each[0]
        self.add(row(name, each[1] * 1e6, "microseconds", ratio=ratio, bar=1.15, at_most=True))

        lengths = [100, 200, 400] if self.chosen.quick else [500, 1000, 2000, 4000]
        (long,) = joined(self.demo, self.ours, lengths[-1], 1)
        ids = self.ours.encoder.plain_ids(long["trace"])
        seconds = []
        for n in lengths:
            text = self.ours.encoder._tokenizer.decode(ids[:n])
            times_of_n = []
            for _ in range(1 if n > 2000 else 3):
                began = time.perf_counter()
                self.ours.score(long["prompt"], text)
                times_of_n.append(time.perf_counter() - began)
            seconds.append(statistics.median(times_of_n))
        name = f"growth of the cost with a trace's length, {lengths[0]:,} to {lengths[-1]:,} tokens"
        slope = exponent(lengths, seconds)
        self.add(row(name, slope, "exponent", bar=2.0, at_most=True))

    def the_rest(self) -> None:
        """Peak memory and the largest differences."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.add(row("peak memory of the whole run, peers included", peak, "MB"))
        for what, by in self.differences.items():
            name = f"largest difference from {what}"
            self.add(row(name, by, "nats/token", bar=1e-4, at_most=True))


def probes(ours: CausalStudent, item: Item) -> list[Any]:
    """Every sequence that the item's families need, each as a probe."""
    encoded = ours.admit(item.prompt, item.trace)
    own = questions.Probe("likelihood", "trace", 0, Request(encoded.ids, encoded.first))
    return [own] + [
        probe
        for family in item.families
        if family in questions.ASKED
        for probe in questions.ASKED[family](item, encoded, ours.encoder)
    ]


def _n_tokens(sequences: Sequence[tuple[int, Any]]) -> int:
    return sum(len(probe.request.ids) for _, probe in sequences)


def _difference(found: Reading, probe: Any, nats: np.ndarray) -> float:
    """Nats a token between what we say of a probe and what the loop does."""
    if probe.family == "belief":
        assert found.belief is not None
        at = int(np.flatnonzero(found.belief.step == probe.at)[0])
        return abs(float(found.belief.nats[at]) - float(nats.sum())) / len(nats)
    ours = {
        "likelihood": found.scores.logprob_nats,
        "ifd": found.alone_nats,
        "privilege": found.privileged_nats,
    }[probe.family]
    assert ours is not None
    return furthest([(ours, nats)])


def _faster(
    name: str, sized: dict[int, peers.Runner], sample: list[peers.Pair]
) -> dict[str, peers.Runner]:
    """The batch size at which a peer is faster on a sample, in its name."""
    times = {}
    for n, run in sized.items():
        run(sample[:1])
        began = time.perf_counter()
        run(sample)
        times[n] = time.perf_counter() - began
    n = min(times, key=lambda n: times[n])
    return {f"{name}, batches of {n}": sized[n]}


def _line(one: Row) -> str:
    ratio = "" if one["ratio"] is None else f" = {one['ratio']:.3f} times"
    asked = (
        "" if one["bar"] is None else f" (asked: {one['bar']:g}{'' if one['met'] else ', MISSED'})"
    )
    return f"{one['name']}: {one['value']:,.4g} {one['unit']}{ratio}{asked}"


def main(argv: list[str] | None = None) -> int:
    """Print the rows; exit 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=18, help="demo traces in (a); a third in (b), (c)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--student", default=student.EMBEDDED)
    parser.add_argument("--quick", action="store_true", help="small sizes; the numbers say little")
    parser.add_argument("--json", action="store_true", help="rows as `bench` answers them")
    chosen = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as cache_dir:
        bench = Bench(chosen, cache_dir)
        bench.plain_likelihoods()
        bench.everything()
        bench.share_of_ceiling()
        bench.growth()
        bench.the_rest()
    if chosen.json:
        print(json.dumps(bench.rows))
    return 0 if all(one["met"] for one in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
