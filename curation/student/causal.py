"""The student that is a causal language model: encoder, questions and forward pass, put together.

Owns the order of work: items are encoded, what is asked of them becomes requests, and requests that
share a beginning go into one pass until it is full. What was refused is reported, the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch

from curation.errors import StudentError
from curation.records import FAMILIES, Family, text_hash
from curation.student import Belief, Convention, Item, Reading, Record, TokenScores, questions
from curation.student.encoding import Encoded, Encoder
from curation.student.forward import Forward, Statistics
from curation.student.questions import Probe
from curation.student.tree import Request, Trie


@dataclass
class _Open:
    """An item on its way: what was asked and what has been answered."""

    index: int
    item: Item
    encoded: Encoded
    n_waiting: int = 0
    scores: Statistics | None = None
    found: dict[tuple[Family, str, int], Statistics] = field(default_factory=dict)
    errors: dict[Family, str] = field(default_factory=dict)
    failed: StudentError | None = None


class _Atom(tuple[_Open, list[Probe]]):
    """Probes of one item that share so much that they go into one pass."""


class CausalStudent:
    """A loaded student; see `curation.student.Student`."""

    def __init__(
        self, encoder: Encoder, forward: Forward, convention: Convention, window: int | None
    ) -> None:
        self.encoder = encoder
        self.forward = forward
        self.convention = convention
        self.window = window
        self.openers = questions.openers(encoder)
        """Ids of the tokens that begin a hedge and nothing else."""

    @property
    def name(self) -> str:
        """See the Protocol."""
        return self.convention.student

    def recipe(self, family: Family) -> Record:
        """See the Protocol."""
        return questions.recipe(family, self.encoder)

    def score(self, prompt: str, trace: str) -> TokenScores:
        """See the Protocol."""
        ((_, found),) = self.read_many([Item(prompt, trace)])
        if isinstance(found, StudentError):
            raise found
        return found.scores

    def score_many(
        self, pairs: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[int, TokenScores | StudentError]]:
        """See the Protocol."""
        for index, found in self.read_many([Item(prompt, trace) for prompt, trace in pairs]):
            yield index, found if isinstance(found, StudentError) else found.scores

    def read_many(self, items: Sequence[Item]) -> Iterator[tuple[int, Reading | StudentError]]:
        """See the Protocol. Refused items come first, then the others in their order, about."""
        admitted: list[_Open] = []
        for index, item in enumerate(items):
            try:
                admitted.append(_Open(index, item, self.admit(item.prompt, item.trace)))
            except StudentError as exc:
                yield index, exc
        for atoms in self._passes(admitted):
            self._answer(atoms)
            for opened in {id(atom[0]): atom[0] for atom in atoms}.values():
                if opened.n_waiting == 0:
                    yield opened.index, opened.failed or self._reading(opened)

    def admit(self, prompt: str, trace: str) -> Encoded:
        """The pair as it will be scored; StudentError where it does not fit the window."""
        encoded = self.encoder.encode(prompt, trace)
        if self._is_too_long(len(encoded.ids)):
            raise StudentError(
                f"The trace has {len(encoded.ids):,} tokens with its prompt; the window of "
                f"{self.name} is {self.window:,}. Nothing is cut, so it is not scored."
            )
        return encoded

    def _is_too_long(self, n_tokens: int) -> bool:
        return self.window is not None and n_tokens > self.window

    def _passes(self, admitted: list[_Open]) -> Iterator[list[_Atom]]:
        """The atoms of all items, in passes: each in one, as many a pass as it holds.

        What the traces of a prompt share stands side by side: first their own readings with the
        answers that branch off them, then the privileged ones, and so on. Items are opened prompt
        by prompt, so that few are open at a time.
        """
        waiting: list[_Atom] = []
        trie = Trie()
        for _, group in groupby(admitted, lambda opened: opened.item.prompt):
            by_kind: list[list[_Atom]] = [[] for _ in FAMILIES]
            for opened in group:
                for kind, probes in enumerate(self._asked(opened)):
                    if probes:
                        opened.n_waiting += 1
                        by_kind[kind].append(_Atom((opened, probes)))
            for atom in (atom for atoms in by_kind for atom in atoms):
                requests = [probe.request for probe in atom[1]]
                own = Trie()
                for request in requests:
                    own.add(request.ids)
                first = requests[0].ids
                n_new = own.n_tokens - len(first) + (trie.n_new(first) if waiting else len(first))
                if waiting and trie.n_tokens + n_new > self.forward.pack_tokens:
                    yield waiting
                    waiting, trie = [], Trie()
                waiting.append(atom)
                for request in requests:
                    trie.add(request.ids)
        if waiting:
            yield waiting

    def _asked(self, opened: _Open) -> list[list[Probe]]:
        """The probes of an item, those that belong into one pass together."""
        item, encoded = opened.item, opened.encoded
        own = Probe("likelihood", "trace", 0, Request(encoded.ids, encoded.first))
        kinds: dict[Family, list[Probe]] = {}
        for family in item.families:
            if family not in questions.ASKED:
                continue
            try:
                probes = questions.ASKED[family](item, encoded, self.encoder)
                longest = max((len(p.request.ids) for p in probes), default=0)
                if self._is_too_long(longest):
                    raise StudentError(
                        f"This needs {longest:,} tokens at once; the window of {self.name} is "
                        f"{self.window:,}. Nothing is cut, so it is not computed."
                    )
            except StudentError as exc:
                opened.errors[family] = str(exc)
                continue
            kinds[family] = probes
        # Windows of steps share only the prompt; the others are one long sequence each.
        apart = [[probe] for family in ("rifd",) for probe in kinds.get(family, ())]
        return [
            [own, *kinds.get("belief", ())],
            kinds.get("privilege", []),
            kinds.get("ifd", []),
            kinds.get("lalp", []),
            *apart,
        ]

    def _answer(self, atoms: list[_Atom]) -> None:
        """Run a pass; where it fails, each atom alone, for none to fail another."""
        try:
            answers = self.forward.run([p.request for _, probes in atoms for p in probes])
        except StudentError as exc:
            if len(atoms) > 1:
                for atom in atoms:
                    self._answer([atom])
                return
            self._fail(*atoms[0], exc)
            return
        found = iter(answers)
        for opened, probes in atoms:
            opened.n_waiting -= 1
            for probe in probes:
                if probe.family == "likelihood":
                    opened.scores = next(found)
                else:
                    opened.found[probe.family, probe.name, probe.at] = next(found)

    def _fail(self, opened: _Open, probes: list[Probe], exc: StudentError) -> None:
        """Record that an atom cannot be answered; its trace's own reading is tried without it."""
        own = [probe for probe in probes if probe.family == "likelihood"]
        if own and len(probes) > 1:
            opened.errors["belief"] = str(exc)
            self._answer([_Atom((opened, own))])
            return
        opened.n_waiting -= 1
        if own:
            opened.failed = exc
        else:
            opened.errors[probes[0].family] = str(exc)

    def _reading(self, opened: _Open) -> Reading:
        """What an item's answers come to."""
        found, errors = opened.found, opened.errors

        def logprob(family: Family, name: str) -> np.ndarray | None:
            answer = found.get((family, name, 0))
            return None if answer is None or family in errors else answer.logprob_nats

        steps = [i for family, _, i in found if family == "lalp" and family not in errors]
        assert opened.scores is not None
        wants_mass = "hedges" in opened.item.families
        return Reading(
            scores=self._scores(opened, opened.scores),
            alone_nats=logprob("ifd", "alone"),
            privileged_nats=logprob("privilege", "privileged"),
            opener_mass=opened.scores.opener_mass if wants_mass else None,
            opener_ids=self.openers,
            belief=None if "belief" in errors else _belief(found),
            prompt_nats=logprob("rifd", "given"),
            prompt_alone_nats=logprob("rifd", "alone"),
            window_step_nats=np.array(
                [found["lalp", "step", i].logprob_nats.mean() for i in sorted(steps)],
                dtype=np.float32,
            )
            if steps
            else None,
            errors=dict(errors),
        )

    def _scores(self, opened: _Open, statistics: Statistics) -> TokenScores:
        encoded = opened.encoded
        assert statistics.rank is not None
        assert statistics.entropy_nats is not None
        return TokenScores(
            token_id=np.array(encoded.ids[encoded.first :], dtype=np.int32),
            start=encoded.start,
            end=encoded.end,
            logprob_nats=statistics.logprob_nats,
            rank=statistics.rank,
            entropy_nats=statistics.entropy_nats,
            text_hash=text_hash(opened.item.trace),
            prompt_hash=text_hash(opened.item.prompt),
            convention_id=self.convention.convention_id,
        )


def _belief(found: dict[tuple[Family, str, int], Statistics]) -> Belief | None:
    """The belief curve of an item's answers; None where none was asked for."""
    points = sorted(i for family, name, i in found if (family, name) == ("belief", "reference"))
    if not points:
        return None
    curves = [
        [float(found["belief", name, i].logprob_nats.sum(dtype=np.float64)) for i in points]
        for name in ("reference", "rival")
        if ("belief", name, points[0]) in found
    ]
    first, last = (found["belief", "reference", i].distribution for i in (points[0], points[-1]))
    assert first is not None
    assert last is not None
    # float32 keeps too little of a sum over a whole vocabulary of small terms.
    before, after = (torch.from_numpy(side).double() for side in (first, last))
    shift = (after.exp() * (after - before)).nan_to_num(0.0).sum()
    return Belief(
        step=np.array(points, dtype=np.int32),
        nats=np.array(curves[0], dtype=np.float32),
        rival_nats=np.array(curves[1] if len(curves) > 1 else [], dtype=np.float32),
        n_answer_tokens=len(found["belief", "reference", points[0]].logprob_nats),
        shift_nats=max(0.0, float(shift)),
    )
