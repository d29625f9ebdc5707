"""The student: a prompt and a trace in; log-likelihood, rank and entropy of every token out.

Owns how a text becomes tokens and tokens become numbers, and the *convention record* that says so.
It knows nothing of files to ingest, the store or the screen; importing it loads neither torch nor
transformers, which only `load` and what it calls do.

The convention, in short (`Convention.record` has all of it, ARCHITECTURE.md the reasons):

- The student reads `prefix + trace`, where the prefix is its chat template over
  `[{"role": "user", "content": prompt}]` with the generation prompt, and the trace follows
  verbatim. Without a chat template the prefix is the prompt and a blank line, behind the BOS token
  where there is one.
- The text is tokenised once, as a whole. A token belongs to the trace when its first character
  does ("start-inside"); the end token is not scored. So a token that begins in the prefix and
  reaches into the trace is not scored: the scored tokens may cover less than the trace.
- Control tokens come from the template alone: a trace or a prompt that spells `<|im_end|>` is read
  as those characters.
- Log-softmax, entropy and ranks are taken in float32 over the whole vocabulary.
- Nothing is truncated: what does not fit the window is refused, with both numbers.

Sources: the rules of `lm-eval` and `minicons` differ from ours and from each other; see
"conventions" in ARCHITECTURE.md. Ranks: https://arxiv.org/abs/2601.14249.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from curation.errors import StudentError
from curation.records import Family, content_id

EMBEDDED = "smollm2-135m-instruct"
"""The student that comes with the project: SmolLM2-135M-Instruct, 4-bit weights in GGUF."""

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")

Record = dict[str, str | int | bool | None]


@dataclass(frozen=True)
class Convention:
    """Under which rules the numbers of a student were computed.

    `convention_id` hashes `record`, all but its `versions`: a new torch or transformers may move
    the last digit (our tests hold it below 1e-4 nats), and re-scoring everything for that would
    serve nobody; the versions are kept for the curious. Scores of different ids are never compared.
    `student` is the name it was asked for by, which is in the record too.
    """

    convention_id: str
    student: str
    record: Record

    @staticmethod
    def of(record: Mapping[str, str | int | bool | None]) -> Convention:
        """The convention that a record describes; the same record always has the same id."""
        counted = {name: value for name, value in record.items() if name != "versions"}
        text = json.dumps(counted, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return Convention(content_id("cv1", text), str(record["student"]), dict(record))


def recipe_id_of(record: Mapping[str, str | int | bool | None]) -> str:
    """The id of a family's recipe; the same record always has the same id."""
    text = json.dumps(dict(record), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return content_id("rc1", text)


@dataclass(frozen=True, eq=False)
class TokenScores:
    """What a student makes of one trace: six arrays of one length, in the order of the text.

    `start` and `end` are offsets into the trace (Python string indices, end exclusive), ascending
    in `start`; the bytes of one character may be spread over several tokens, which then share its
    offsets. `logprob_nats` and `entropy_nats` are natural-log and float32; the entropy is that of
    the student's prediction at this position. `rank` is 1 + the number of tokens of the vocabulary
    that are strictly likelier, so that ties take the best rank. Never empty.
    """

    token_id: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    logprob_nats: npt.NDArray[np.float32]
    rank: npt.NDArray[np.int32]
    entropy_nats: npt.NDArray[np.float32]
    text_hash: str
    prompt_hash: str
    convention_id: str


@dataclass(frozen=True)
class Item:
    """A trace with what is needed to answer more than its likelihood.

    `steps` are (start, end) in the trace. `rival_answer` is a wrong answer to hold the reference
    answer against. `privileged` is the prompt with what the student shall have seen beyond it.
    `families` are those of `records.FAMILIES` that are asked for.
    """

    prompt: str
    trace: str
    families: tuple[Family, ...] = ("likelihood",)
    steps: tuple[tuple[int, int], ...] = ()
    reference_answer: str | None = None
    rival_answer: str | None = None
    privileged: str | None = None


@dataclass(frozen=True, eq=False)
class Belief:
    """The log-likelihood of an answer, asked for before the trace and after its steps.

    After `step[i]` steps were read (0 = none; all of them, or evenly spread where there are very
    many) the answer has `nats[i]`, summed over its `n_answer_tokens` tokens; `rival_nats` is the
    same of the rival answer, empty where there is none. `shift_nats` is how far the trace moves the
    student's distribution over the answer's first token: KL(after the trace || before it).
    """

    step: npt.NDArray[np.int32]
    nats: npt.NDArray[np.float32]
    rival_nats: npt.NDArray[np.float32]
    n_answer_tokens: int
    shift_nats: float


@dataclass(frozen=True, eq=False)
class Reading:
    """All that one item was asked for; None where it was not, or where it cannot be had.

    The arrays have an entry for each token of `scores`: the log-likelihood without the prompt
    (`alone_nats`) and with the privileged prompt (`privileged_nats`), and the probability of
    beginning a hedge there (`opener_mass`), which is that of the tokens `opener_ids`.
    `prompt_nats` are the log-likelihoods of the prompt's tokens when it is to be guessed from the
    trace, `prompt_alone_nats` when nothing is known. `window_step_nats` is the mean log-likelihood
    of each step that has tokens, given the steps just before it alone. `errors` says why a family
    could not be had.
    """

    scores: TokenScores
    alone_nats: npt.NDArray[np.float32] | None = None
    privileged_nats: npt.NDArray[np.float32] | None = None
    opener_mass: npt.NDArray[np.float32] | None = None
    opener_ids: Sequence[int] = ()
    belief: Belief | None = None
    prompt_nats: npt.NDArray[np.float32] | None = None
    prompt_alone_nats: npt.NDArray[np.float32] | None = None
    window_step_nats: npt.NDArray[np.float32] | None = None
    errors: Mapping[Family, str] = field(default_factory=dict)


class Student(Protocol):
    """A student that can score; `tests/fakes.py` has one that needs no model."""

    @property
    def name(self) -> str:
        """What it was asked for by: the embedded name, a path or a hub name."""
        ...

    @property
    def convention(self) -> Convention:
        """The rules under which every number of this student is computed."""
        ...

    def score(self, prompt: str, trace: str) -> TokenScores:
        """The scores of the trace's tokens, from one forward pass.

        Raises StudentError for a trace that has no token to score or does not fit the window.
        """
        ...

    def score_many(
        self, pairs: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[int, TokenScores | StudentError]]:
        """`(index into pairs, scores)` for every pair, in the order in which they are computed.

        Equal to `score` of each, up to the order in which float32 sums run: below 1e-4 nats (on the
        demo's 30,376 tokens at most 7e-5, 99 % below 1e-5, every rank the same). Where `score`
        would raise, the error comes instead and the rest goes on.
        """
        ...

    def recipe(self, family: Family) -> Record:
        """How a family is computed, beyond the convention: texts, windows, word lists."""
        ...

    def read_many(self, items: Sequence[Item]) -> Iterator[tuple[int, Reading | StudentError]]:
        """`(index into items, reading)` for every item, each when all it asked for is there.

        What items that stand side by side share is computed once: put the traces of a problem
        together. The likelihoods are those of `score`. Where even they cannot be had, the error
        comes instead; where another family cannot, `Reading.errors` has it.
        """
        ...


def check_name(name_or_path: str) -> None:
    """Raise StudentError, with what would do, for a name that can be no student's.

    A hub name (owner/model) is taken as it reads; whether the hub has it, `load` finds out.
    """
    if name_or_path == EMBEDDED:
        return
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise StudentError(f"{path} has no config.json; a student's folder has one.")
    elif path.is_file():
        if path.suffix.lower() != ".gguf":
            raise StudentError(
                f"{path} is a file but no .gguf; name the folder that holds config.json, "
                "or a .gguf file."
            )
    elif not _HUB_NAME.fullmatch(name_or_path):
        raise StudentError(
            f"There is no student {name_or_path!r}: it is neither {EMBEDDED}, nor a folder or "
            ".gguf file that exists, nor a hub name (owner/model)."
        )


def load(
    name_or_path: str = EMBEDDED,
    *,
    dtype: str = "float32",
    threads: int | None = None,
    cache_dir: Path | str | None = None,
) -> Student:
    """The student of that name, ready to score: `EMBEDDED`, a local path or a hub name.

    A path is a folder (`config.json`, `*.safetensors`, a tokenizer) or a `.gguf` file. Code that
    comes with a model is never run and pickled weights are never opened. `dtype` is "float32" or
    "bfloat16"; `threads` is torch's (process-wide) number, None leaves it. `cache_dir` may keep
    the unpacked weights of a GGUF file so that the next start is quick; it is safe to delete.

    Raises StudentError for an unknown name, a folder that is no causal language model, a tokenizer
    that cannot say where its tokens stand, and weights that are missing or broken.
    """
    # Threads that wait for each other spinning make the scorer 10 to 25 times slower as soon as
    # anything else wants the cores (measured); asleep they cost nothing. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _keep_freed_memory()
    from curation.student import loading

    return loading.load(name_or_path, dtype=dtype, threads=threads, cache_dir=cache_dir)


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed: else every activation is fresh pages from the kernel.

    Measured on the demo: 6 % of the time. Where the C library is another one, nothing happens.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-3, 32 * 1024 * 1024)  # M_MMAP_THRESHOLD, at its greatest
        mallopt(-1, 1024 * 1024 * 1024)  # M_TRIM_THRESHOLD
