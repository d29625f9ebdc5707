"""Stand-ins that need no model, so that logic can be tested quickly and without torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from curation import records
from curation.errors import StudentError
from curation.student import Convention, Student, TokenScores

_WORD = re.compile(r"\s*\S+|\s+")


class FakeStudent:
    """A student whose numbers are a pure function of the words: deterministic, no torch.

    A token is a word with the space before it, so tokens tile the trace. Log-likelihoods lie in
    (-8, 0), ranks in 1..400, entropies in [0, 8). Traces above `window` words are refused, as are
    empty ones. `before_score` is called with (prompt, trace) before each trace is scored: a test
    may count there, or kill the process.
    """

    def __init__(
        self,
        name: str = "fake",
        *,
        window: int = 100_000,
        salt: str = "",
        before_score: Callable[[str, str], None] | None = None,
    ) -> None:
        self.name = name
        self.window = window
        self.salt = salt
        self.before_score = before_score
        self.convention = Convention.of({"student": name, "model": "fake", "salt": salt})

    def score(self, prompt: str, trace: str) -> TokenScores:
        """One token a word, numbers from a hash of (salt, prompt, position, word)."""
        if self.before_score is not None:
            self.before_score(prompt, trace)
        spans = [match.span() for match in _WORD.finditer(trace)]
        if not spans:
            raise StudentError("The trace is empty; there is no token to score.")
        if len(spans) > self.window:
            raise StudentError(
                f"The trace has {len(spans):,} tokens with its prompt; "
                f"{self.name}'s window is {self.window:,}."
            )
        digests = [
            hashlib.sha256(f"{self.salt}|{prompt}|{i}|{trace[a:b]}".encode()).digest()
            for i, (a, b) in enumerate(spans)
        ]
        raw = np.array([list(digest[:6]) for digest in digests], dtype=np.int64)
        return TokenScores(
            token_id=(raw[:, 0] * 256 + raw[:, 1]).astype(np.int32),
            start=np.array([a for a, _ in spans], dtype=np.int32),
            end=np.array([b for _, b in spans], dtype=np.int32),
            logprob_nats=(-(raw[:, 2] + 0.5) / 32).astype(np.float32),
            rank=(1 + raw[:, 3] + np.where(raw[:, 4] > 240, 144, 0)).astype(np.int32),
            entropy_nats=(raw[:, 5] / 32).astype(np.float32),
            text_hash=records.text_hash(trace),
            prompt_hash=records.text_hash(prompt),
            convention_id=self.convention.convention_id,
        )

    def score_many(
        self, pairs: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[int, TokenScores | StudentError]]:
        """`score` of each pair, in order; an error in its place where `score` would raise."""
        for index, (prompt, trace) in enumerate(pairs):
            try:
                yield index, self.score(prompt, trace)
            except StudentError as exc:
                yield index, exc


_CONFORMS: type[Student] = FakeStudent
