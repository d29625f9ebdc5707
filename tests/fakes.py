"""Stand-ins that need no model, so that logic can be tested quickly and without torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from curation import records
from curation.errors import StudentError
from curation.records import Family
from curation.student import Belief, Convention, Item, Reading, Record, Student, TokenScores

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

    def recipe(self, family: Family) -> Record:
        """A recipe that names the family and the salt."""
        return {"family": family, "fake": self.salt}

    def read_many(self, items: Sequence[Item]) -> Iterator[tuple[int, Reading | StudentError]]:
        """`score` of each item, and families made of the same numbers by plain rules.

        Alone, a token has 1 nat less, after privileged text half a nat more; every token has an
        opener mass of 1/8; the answer gains a nat a step from -9 on.
        """
        for index, item in enumerate(items):
            try:
                own = self.score(item.prompt, item.trace)
            except StudentError as exc:
                yield index, exc
                continue
            wants = item.families
            n = len(item.steps) + 1
            belief = Belief(
                np.arange(n, dtype=np.int32),
                np.minimum(np.arange(n, dtype=np.float32) - 9, -0.5),
                np.full(n if item.rival_answer else 0, -4, dtype=np.float32),
                1,
                0.25,
            )
            has_belief = "belief" in wants and item.reference_answer is not None
            has_privilege = "privilege" in wants and item.privileged is not None
            yield (
                index,
                Reading(
                    own,
                    alone_nats=own.logprob_nats - 1 if "ifd" in wants else None,
                    privileged_nats=np.minimum(own.logprob_nats + 0.5, 0)
                    if has_privilege
                    else None,
                    opener_mass=np.full(own.rank.size, 0.125, dtype=np.float32)
                    if "hedges" in wants
                    else None,
                    opener_ids=[int(own.token_id[0])],
                    belief=belief if has_belief else None,
                ),
            )


_CONFORMS: type[Student] = FakeStudent
