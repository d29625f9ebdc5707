"""The student that is a causal language model: encoder and forward pass, put together.

Owns the order of work: texts are encoded first, refused ones reported, the rest scored in batches
of similar length. What is to share prefixes between the traces of a problem belongs here, between
`Encoder` and `Forward`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from curation.errors import StudentError
from curation.records import text_hash
from curation.student import Convention, TokenScores
from curation.student.encoding import Encoded, Encoder
from curation.student.forward import Forward, Statistics, plan


class CausalStudent:
    """A loaded student; see `curation.student.Student`."""

    def __init__(
        self, encoder: Encoder, forward: Forward, convention: Convention, window: int | None
    ) -> None:
        self.encoder = encoder
        self.forward = forward
        self.convention = convention
        self.window = window

    @property
    def name(self) -> str:
        """See the Protocol."""
        return self.convention.student

    def score(self, prompt: str, trace: str) -> TokenScores:
        """See the Protocol."""
        encoded = self.admit(prompt, trace)
        (statistics,) = self.forward.run([encoded])
        return self._scores(prompt, trace, encoded, statistics)

    def score_many(
        self, pairs: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[int, TokenScores | StudentError]]:
        """See the Protocol. Refused traces come first, then batches, the shortest traces first."""
        encoded: list[tuple[int, Encoded]] = []
        for index, (prompt, trace) in enumerate(pairs):
            try:
                encoded.append((index, self.admit(prompt, trace)))
            except StudentError as exc:
                yield index, exc
        for batch in plan([len(item.ids) for _, item in encoded]):
            found = self._run([encoded[i][1] for i in batch])
            for i, result in zip(batch, found, strict=True):
                index, item = encoded[i]
                if isinstance(result, StudentError):
                    yield index, result
                else:
                    yield index, self._scores(*pairs[index], item, result)

    def _run(self, batch: list[Encoded]) -> list[Statistics | StudentError]:
        """The batch's statistics; where it fails, each sequence alone, for none to fail another."""
        try:
            return [*self.forward.run(batch)]
        except StudentError as exc:
            if len(batch) == 1:
                return [exc]
        return [result for item in batch for result in self._run([item])]

    def admit(self, prompt: str, trace: str) -> Encoded:
        """The pair as it will be scored; StudentError where it does not fit the window."""
        encoded = self.encoder.encode(prompt, trace)
        if self.window is not None and len(encoded.ids) > self.window:
            raise StudentError(
                f"The trace has {len(encoded.ids):,} tokens with its prompt; the window of "
                f"{self.name} is {self.window:,}. Nothing is cut, so it is not scored."
            )
        return encoded

    def _scores(
        self, prompt: str, trace: str, encoded: Encoded, statistics: Statistics
    ) -> TokenScores:
        return TokenScores(
            token_id=np.array(encoded.ids[encoded.first :], dtype=np.int32),
            start=encoded.start,
            end=encoded.end,
            logprob_nats=statistics.logprob_nats,
            rank=statistics.rank,
            entropy_nats=statistics.entropy_nats,
            text_hash=text_hash(trace),
            prompt_hash=text_hash(prompt),
            convention_id=self.convention.convention_id,
        )
