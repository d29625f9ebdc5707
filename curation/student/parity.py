"""Parity modes: our forward pass under the conventions of other tools, to be held against them.

Owns, for each tool, what it does to the text before the model and to the numbers after it:
template, separator, BOS, where the span begins, which token is unscored, limits, reduction. The
forward pass is that of `read_many`. Nothing here is a compatibility score: numbers of different
conventions are never compared.

What the tools do in silence is done here too, and said: `is_truncated` where a limit cut the text,
`is_dropped` where the tool's selection leaves the row out. Where a tool makes a number up (0 for an
exception, nan for an empty span) or skips the row, there is a StudentError instead.

Whether the tools see a BOS is their tokenizer's matter: ours says so in `add_bos_token`. Where only
its post-processor did (Llama 3), which our encoder takes away, say `bos=True`.

Sources: https://github.com/kanishkamisra/minicons @ 02c32e0 (0.3.39), `minicons/scorer.py`;
https://github.com/EleutherAI/lm-evaluation-harness 0.4.13, `lm_eval/api/model.py`,
`lm_eval/models/huggingface.py`; https://github.com/tianyi-lab/Cherry_LLM @ 01fac8d,
`cherry_seletion/data_by_IFD.py`; https://github.com/tianyi-lab/Reflection_Tuning @ 5b6cef0,
`selection_code/data_analysis.py`; https://github.com/tianyi-lab/Superfiltering,
`code_ifd/data_analysis.py`; https://github.com/UmeanNever/RankSurprisalRatio @ 1c908ee,
`rsr_cal.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from curation.errors import StudentError
from curation.student.causal import CausalStudent
from curation.student.forward import Request, Statistics
from curation.student.questions import GUESS

ALPACA = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
WIZ = "{instruction}\n\n### Response:"
VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. USER: {instruction} ASSISTANT:"
)
TEMPLATES = {"alpaca": ALPACA, "wiz": WIZ, "vicuna": VICUNA}
"""The tools' prompts for an instruction without input, verbatim."""

RANK_CLIP = 100
"""Ranks beyond this count as this in "rsr"."""

_RESPONSE = "### Response:"
_LM_EVAL_LENGTH = 2048
"""lm-eval's window where the model's configuration has none."""


@dataclass(frozen=True, eq=False)
class ParityScore:
    """What a tool would say of one pair, and the tokens it comes from.

    `values`: the number it is known for first, natural logarithms (`…_nats`) or ratios.
    `logprob_nats` are those of the answer's scored tokens after its prompt, `parts` those of the
    other spans that were scored. `remarks` say why it is truncated or dropped, and other quirks.
    """

    mode: str
    values: Mapping[str, float]
    logprob_nats: npt.NDArray[np.float32]
    parts: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    is_truncated: bool = False
    is_dropped: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The number that the tool is known for."""
        return next(iter(self.values.values()))


class _Span(NamedTuple):
    """A text as a tool reads it; what stands from `first` on is scored."""

    ids: list[int]
    first: int
    is_truncated: bool = False


def minicons(
    student: CausalStudent,
    prefix: str,
    text: str,
    *,
    separator: str = " ",
    bos_token: bool = False,
    bos: bool | None = None,
) -> ParityScore:
    """`conditional_score` of minicons, or its `sequence_score` where `prefix` is empty.

    Mean log-likelihood (nats a token) of prefix, separator and text from the prefix's length on,
    which is counted on the prefix alone; the very first token is never scored. Counting leaves out
    padding tokens unless `bos_token`: where padding is the end token and the prefix has one, the
    span begins too early, and `remarks` says so.
    """
    tokenizer = student.encoder._tokenizer
    begin = str(tokenizer.bos_token or "") if bos_token else ""
    whole = _ids(student, begin + (prefix + separator if prefix else "") + text, bos)
    first = 1
    why: tuple[str, ...] = ()
    if prefix:
        before = _ids(student, prefix, bos)
        pad = tokenizer.pad_token_id
        n_pads = 0 if bos_token else before.count(tokenizer.eos_token_id if pad is None else pad)
        first = len(before) - n_pads + (1 if bos_token else 0)
        if n_pads:
            why = (f"The span begins {n_pads} tokens early: the prefix has padding tokens.",)
    (found,) = _run(student, "minicons", [_Span(whole, first)])
    return ParityScore("minicons", {"mean_nats": _mean(found)}, found.logprob_nats, remarks=why)


def lm_eval(
    student: CausalStudent,
    context: str,
    continuation: str,
    *,
    max_length: int | None = None,
    bos: bool | None = None,
) -> ParityScore:
    """`HFLM.loglikelihood` of lm-eval: `sum_nats`, and `is_greedy` as 0 or 1.

    White space at the context's end is moved to the continuation, whose tokens are those of both
    texts together behind as many as the context has alone. Without context it stands behind BOS
    (else EOS). What exceeds `max_length` (default: the window) is cut from the left, which the
    tool only logs: `is_truncated`.

    Raises StudentError where the tool fails an assertion: a continuation without tokens or longer
    than `max_length`, a context of white space alone.
    """
    tokenizer = student.encoder._tokenizer
    begin = tokenizer.bos_token_id
    begin = tokenizer.eos_token_id if begin is None else begin
    if context:
        bare = context.rstrip()
        adds = False if begin is not None and bare.startswith(tokenizer.decode(begin)) else bos
        whole, first = _ids(student, context + continuation, adds), len(_ids(student, bare, adds))
    else:
        whole, first = _ids(student, continuation, False), 1
        if whole and begin is not None and whole[0] != begin:
            whole = [begin, *whole]
    limit = max_length or student.window or _LM_EVAL_LENGTH
    n_scored = len(whole) - first
    if first == 0 or not 0 < n_scored <= limit:
        raise StudentError(
            f"lm-eval scores 1 to {limit:,} tokens after a context of at least one; here "
            f"{first:,} are context and {max(0, n_scored):,} to be scored."
        )
    # The last token is only predicted, so one more than the limit fits.
    kept = whole[-(limit + 1) :]
    span = _Span(kept, len(kept) - n_scored, len(kept) < len(whole))
    (found,) = _run(student, "lm-eval", [span], is_full=True, n_beyond=1)
    assert found.rank is not None
    values = {
        "sum_nats": float(found.logprob_nats.sum(dtype=np.float64)),
        "is_greedy": float(bool((found.rank == 1).all())),
    }
    why = _cut([span], limit)
    return ParityScore("lm-eval", values, found.logprob_nats, is_truncated=bool(why), remarks=why)


def cherry(
    student: CausalStudent,
    instruction: str,
    output: str,
    *,
    template: Literal["alpaca", "wiz"] = "alpaca",
    max_length: int = 1024,
    bos: bool | None = None,
) -> ParityScore:
    """The IFD of Cherry LLM: mean loss of the output after its prompt / after `### Response:`.

    Both are cut on the right: the prompted text at `max_length` tokens, the other at `max_length`
    less the instruction's, and 4. `is_dropped` where the ratio exceeds 1, or instruction and output
    exceed `max_length`.

    Raises StudentError where the cut leaves nothing of the output.
    """
    prompt = TEMPLATES[template].format(instruction=instruction)
    n_prompt = len(_ids(student, prompt if template == "alpaca" else instruction, bos)[:max_length])
    given = _span(student, prompt, output, max_length, bos)
    alone = _span(student, _RESPONSE, output, max_length - n_prompt + 4, bos)
    found, bare = _run(student, "cherry", [given, alone])
    ratio = _mean(found) / _mean(bare)
    why = _cut([given, alone], max_length)
    if n_prompt + len(bare.logprob_nats) > max_length:
        why += (f"Dropped: instruction and output exceed {max_length:,} tokens.",)
    if ratio > 1:
        why += ("Dropped: the ratio is above 1.",)
    is_dropped = any(remark.startswith("Dropped") for remark in why)
    is_truncated = given.is_truncated or alone.is_truncated
    parts = {"alone": bare.logprob_nats}
    return ParityScore(
        "cherry", {"ifd_loss": ratio}, found.logprob_nats, parts, is_truncated, is_dropped, why
    )


def reflection(
    student: CausalStudent,
    instruction: str,
    output: str,
    *,
    template: Literal["vicuna", "alpaca", "wiz"] = "vicuna",
    max_length: int = 2048,
    bos: bool | None = None,
) -> ParityScore:
    """IFD and r-IFD of Selective Reflection-Tuning, both as ratios of perplexities.

    `ifd_ppl` and `rifd_ppl` are exp(mean loss after the prompt - mean loss alone), of the output
    and of the instruction guessed from it; `ifd_loss` and `rifd_loss` divide the losses. A text
    alone has no prefix, so its first token is unscored where the tokenizer adds no BOS. Cut on the
    right: prompted texts at `max_length`, others at `max_length` less the prompt's tokens, and 1.

    Raises StudentError where nothing is left to score: the tool says 0 or nan there.
    """
    frame = TEMPLATES[template]
    prompt = frame.format(instruction=instruction)
    reverse = frame.format(instruction=GUESS.format(trace=output))
    spans = [
        *_with_and_without(student, prompt, output, max_length, bos),
        *_with_and_without(student, reverse, instruction, max_length, bos),
    ]
    given, alone, guessed, guessed_alone = _run(student, "reflection", spans)
    values = {
        "ifd_ppl": math.exp(_mean(alone) - _mean(given)),
        "rifd_ppl": math.exp(_mean(guessed_alone) - _mean(guessed)),
        "ifd_loss": _mean(given) / _mean(alone),
        "rifd_loss": _mean(guessed) / _mean(guessed_alone),
    }
    parts = {
        "alone": alone.logprob_nats,
        "question": guessed.logprob_nats,
        "question_alone": guessed_alone.logprob_nats,
    }
    why = _cut(spans, max_length)
    is_dropped = values["ifd_ppl"] >= 1 or values["rifd_ppl"] >= 1
    return ParityScore("reflection", values, given.logprob_nats, parts, bool(why), is_dropped, why)


def superfilter(
    student: CausalStudent,
    instruction: str,
    output: str,
    *,
    max_length: int = 1024,
    bos: bool | None = None,
) -> ParityScore:
    """The IFD of Superfiltering: ratio of perplexities after the instruction's line, and alone.

    The prompt is the instruction and a line break. Alone, the output's first token is unscored
    (n - 1 tokens against n) where the tokenizer adds no BOS, as GPT-2's does not. Cut on the right
    as in `reflection`. `is_dropped` from a ratio of 1 on.

    Raises StudentError where nothing is left to score: the tool says 0 or nan there.
    """
    spans = _with_and_without(student, instruction + "\n", output, max_length, bos)
    given, alone = _run(student, "superfilter", spans)
    ratio = math.exp(_mean(alone) - _mean(given))
    parts, why = {"alone": alone.logprob_nats}, _cut(spans, max_length)
    return ParityScore(
        "superfilter", {"ifd_ppl": ratio}, given.logprob_nats, parts, bool(why), ratio >= 1, why
    )


def rsr(student: CausalStudent, prompt: str, trace: str) -> ParityScore:
    """The Rank-Surprisal Ratio of `rsr_cal.py`: sum of ranks clipped at 100 / sum of NLL in nats.

    The chat template renders question and answer; scored are the tokens between the assistant's
    header and its end token, neither included; `mean_rank` and `mean_nll_nats` are what its
    data-set form averages. The tool can cut at a limit; here nothing is cut.

    Raises StudentError without a chat template, where a text spells a control token (the tool would
    see an answer begin or end there), and where the header's tokens are not found, as when it
    merges with a trace that begins with a line break (the tool skips the row).
    """
    encoder = student.encoder
    header = encoder.plain_ids(encoder.header)
    if not header:
        raise StudentError(f"{student.name} has no chat template; RSR scores a chat's answer.")
    if encoder._spells_control(prompt, trace):
        raise StudentError("RSR reads a control token that a text spells as one; it is not scored.")
    rendered = encoder._tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}, {"role": "assistant", "content": trace}],
        tokenize=False,
        chat_template=encoder._template,
    )
    ids = encoder.plain_ids(str(rendered))
    n = len(header)
    first = next((i + n for i in range(len(ids) - n + 1) if ids[i : i + n] == header), len(ids))
    if first == len(ids):
        raise StudentError(
            f"The tokens of the answer's header are not found before {trace[:20]!r}; RSR's own "
            "code skips such a row."
        )
    stop = next((i for i in range(first, len(ids)) if ids[i] in encoder.control_ids), len(ids))
    (found,) = _run(student, "rsr", [_Span(ids[:stop], first)], is_full=True)
    assert found.rank is not None
    rank = np.minimum(found.rank, RANK_CLIP).astype(np.float64)
    nll = -found.logprob_nats.astype(np.float64)
    values = {
        "rsr": float(rank.sum() / max(nll.sum(), 1e-12)),
        "mean_rank": float(rank.mean()),
        "mean_nll_nats": float(nll.mean()),
    }
    return ParityScore("rsr", values, found.logprob_nats)


MODES: dict[str, Callable[[CausalStudent, str, str], ParityScore]] = {
    "minicons": minicons,
    "lm-eval": lm_eval,
    "cherry": cherry,
    "reflection": reflection,
    "superfilter": superfilter,
    "rsr": rsr,
}
"""Every mode: (student, prompt, text) -> ParityScore, with the tool's defaults."""


def score(student: CausalStudent, mode: str, prompt: str, text: str) -> ParityScore:
    """The pair under the conventions of a tool, named as in `MODES`.

    Raises StudentError for an unknown mode, for a text that is empty or leaves nothing to score,
    and for one that exceeds the student's window.
    """
    if mode not in MODES:
        raise StudentError(f"There is no parity mode {mode!r}; there are {', '.join(MODES)}.")
    if not text:
        raise StudentError("The text is empty; there is no token to score.")
    return MODES[mode](student, prompt, text)


def _ids(student: CausalStudent, text: str, bos: bool | None) -> list[int]:
    """The ids of a text as a tool's tokenizer gives them: control tokens are read as such."""
    tokenizer = student.encoder._tokenizer
    ids = student.encoder.plain_ids(text)
    adds = bool(getattr(tokenizer, "add_bos_token", False)) if bos is None else bos
    return [tokenizer.bos_token_id, *ids] if adds else ids


def _span(student: CausalStudent, before: str, text: str, limit: int, bos: bool | None) -> _Span:
    """`text` behind `before`, cut at `limit` tokens; it begins where `before` alone ends."""
    whole = _ids(student, before + text, bos)
    kept = whole[: max(0, limit)]
    return _Span(kept, max(1, len(_ids(student, before, bos))), len(kept) < len(whole))


def _run(
    student: CausalStudent,
    mode: str,
    spans: Sequence[_Span],
    *,
    is_full: bool = False,
    n_beyond: int = 0,
) -> list[Statistics]:
    """All spans in one pass; `n_beyond` of the last tokens need not fit the window."""
    for span in spans:
        if not 0 < span.first < len(span.ids):
            where = " once its limit has cut the text" if span.is_truncated else ""
            raise StudentError(f"Nothing is left for {mode} to score{where}.")
        if student.window is not None and len(span.ids) > student.window + n_beyond:
            raise StudentError(
                f"{mode} reads {len(span.ids):,} tokens at once; the window of {student.name} is "
                f"{student.window:,}."
            )
    return student.forward.run([Request(s.ids, s.first, is_full) for s in spans])


def _with_and_without(
    student: CausalStudent, before: str, text: str, limit: int, bos: bool | None
) -> list[_Span]:
    """`text` behind `before`, and alone in as many tokens as the limit leaves it there."""
    n_before = len(_ids(student, before, bos)[:limit])
    return [
        _span(student, before, text, limit, bos),
        _span(student, "", text, limit - n_before + 1, bos),
    ]


def _cut(spans: Sequence[_Span], limit: int) -> tuple[str, ...]:
    return (f"Cut at {limit:,} tokens.",) if any(span.is_truncated for span in spans) else ()


def _mean(found: Statistics) -> float:
    return float(found.logprob_nats.mean(dtype=np.float64))
