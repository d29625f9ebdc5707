"""Made-up cards for the desk's tests: steps at blank lines, tokens at words, numbers from a seed.

Nothing here is a measurement. The shapes are those of the real rooms; the texts are ours.
"""

import math
import random
import re
from typing import Any

MARKERS = {
    "hedge": ("perhaps", "maybe", "not sure", "probably"),
    "reflection": ("wait", "hmm", "actually"),
    "alternative": ("alternatively", "another way"),
    "verification": ("check", "verify"),
    "retrospective": ("recall that",),
    "booster": ("clearly", "obviously", "certainly"),
    "privilege": ("the reference solution", "the given answer"),
}


def a_card(text: str, number: int = 0, *, with_tokens: bool = True, **more: Any) -> dict[str, Any]:
    """A card of the harness: `text` with its steps, markers, tokens and numbers."""
    rng = random.Random(number)
    steps = [
        [m.start(), m.end()] for m in re.finditer(r"\S(?:.*?\S)??(?=\n\s*\n|\s*$)", text, re.S)
    ]
    markers = sorted(
        [m.start(), m.end(), category, m.group()]
        for category, phrases in MARKERS.items()
        for phrase in phrases
        for m in re.finditer(rf"\b{phrase}\b", text, re.I)
    )
    spans = [m.span() for m in re.finditer(r"\n+| ?[A-Za-z]{1,7}| ?\d| ?[^\sA-Za-z\d]|\s+", text)]
    logprob = [-rng.choice((0.02, 0.08, 0.3, 0.7, 1.4, 2.6, 4.4, 9.1)) for _ in spans]
    rank = [max(1, round(math.exp(-lp) * rng.uniform(0.6, 1.4))) for lp in logprob]
    entropy = [round(rng.uniform(0.05, 5), 4) for _ in spans]
    n = len(spans)
    mean_nll = -sum(logprob) / n if n else 0.0
    card: dict[str, Any] = {
        "trace_id": f"tr1_{number:024x}",
        "text": text,
        "prompt": f"Problem {number}: a kiosk sells 14 maps at {number} coins each. How many?",
        "teacher": "made-up-teacher",
        "teacher_family": "made up",
        "reference_answer": "54",
        "final_answer": "54",
        "is_correct": True,
        "domain": "arithmetic",
        "why": "next of the seeded order",
        "steps": steps,
        "markers": markers,
        "tokens": {
            "token_id": [rng.randrange(49152) for _ in spans],
            "start_char": [start for start, _ in spans],
            "end_char": [end for _, end in spans],
            "logprob_nats": logprob,
            "rank": rank,
            "entropy_nats": entropy,
        }
        if with_tokens
        else None,
        "profile": {
            "n_tokens": n,
            "total_nll_nats": mean_nll * n,
            "mean_nll_nats": mean_nll,
            "perplexity": math.exp(mean_nll),
            "mean_rank": sum(rank) / max(n, 1),
            "mean_clipped_rank": sum(min(r, 100) for r in rank) / max(n, 1),
            "rsr": sum(min(r, 100) for r in rank) / max(-sum(logprob), 1e-12),
            "mean_entropy_nats": sum(entropy) / max(n, 1),
            "max_nll_nats": -min(logprob, default=0.0),
        },
    }
    return {**card, **more}


def some_cards(n: int) -> list[dict[str, Any]]:
    """`n` plain cards, each with a trace of four steps that names its number."""
    return [
        a_card(
            f"The till starts empty, so trace {i} begins at zero. Morning sales first.\n\n"
            f"14 maps at {i} coins each make {14 * i} coins. Wait, two maps come back; "
            f"perhaps they are refunded in full. Let me check: 2 × {i} = {2 * i}.\n\n"
            f"Clearly {14 * i} − {2 * i} = {12 * i}.\n\nAnswer: {12 * i}",
            i,
        )
        for i in range(1, n + 1)
    ]
