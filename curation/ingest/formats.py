"""The formats people have: how a row is recognised by its columns, and what traces it makes.

A row makes several traces where it holds several generations, teachers or a pair. Columns that a
format does not use are kept in `extra`. A teacher is named only where the row or a column's name
names one (`deepseek_attempt`); a pair's side is noted in `extra.preference` and decides nothing.

`FORMATS` is the registry, the most telling columns first. Knows nothing of files.

Source of the names: the cards of OpenThoughts-114k, s1K, s1K-1.1, OpenR1-Math-220k; TRL's
`docs/source/dataset_formats.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from curation.ingest import conversation
from curation.ingest.conversation import with_reasoning
from curation.ingest.native import NATIVE_COLUMNS, native_draft
from curation.ingest.taker import SIDE_COLUMNS, Drafts, Taker, Telling, required
from curation.ingest.texts import RowError

PROMPTS = ("prompt", "problem", "question", "query", "instruction", "input")
COMPLETIONS = (
    "completion", "response", "output", "generation", "generated_text", "model_output",
    "model_response",
)  # fmt: skip
_GENERATIONS = ("generations", "responses", "completions", "outputs", "samples", "traces")
APART = ("reasoning_content", "reasoning", "thinking")
_VERDICTS = ("correctness_math_verify", "correctness_llama", "correctness", "correct", "is_correct")
_PER_GENERATION = (*_VERDICTS, "finish_reasons", "finish_reason", "is_reasoning_complete", "models")
_TRAJECTORY = re.compile(r"(?:(\w+)_)?thinking_trajector(?:y|ies)")
_CHOSEN = ("chosen", "preferred_output")
_REJECTED = ("rejected", "non_preferred_output")


class Format(NamedTuple):
    """A shape of rows: its name, what tells it, and the traces it makes."""

    name: str
    columns: str
    """The columns that tell it, in words."""
    fits: Callable[[Collection[str]], bool]
    """Whether a row that fills these columns is of this shape."""
    drafts: Callable[[Taker], Drafts]


def _has(*every: str) -> Callable[[Collection[str]], bool]:
    return lambda columns: set(every) <= set(columns)


def _any(names: Collection[str], columns: Collection[str]) -> bool:
    return any(name in columns for name in names)


def _has_several(columns: Collection[str]) -> bool:
    """Whether there is a column of traces (beside `labels`, `completions` are a trace's steps)."""
    steps = {"completions"} if "labels" in columns else set()
    return _any(PROMPTS, columns) and _any(set(_GENERATIONS) - steps, columns)


def spoken(value: Any, field: str) -> str:
    """A trace given as text, as one message, or as messages of which the last speaks."""
    if conversation.is_turns(value):
        last = conversation.turns(value, field)[-1]
        if last.role != "assistant":
            raise RowError(field, f"expected the assistant's message at the end, not {last.role!r}")
        return last.text
    if isinstance(value, Mapping):
        return conversation.turn({"role": "assistant", **value}, field).text
    return required(field, value)


def _native(taker: Taker) -> Drafts:
    taker.mapping = {name: name for name in NATIVE_COLUMNS if taker.row.get(name) is not None}
    yield native_draft(taker.row)


def _messages(column: str) -> Callable[[Taker], Drafts]:
    def drafts(taker: Taker) -> Drafts:
        said = taker.take("trace", column)
        taker.mapping["prompt"] = column
        found = conversation.exchange(said, column, taker.text("system", "system", "system_prompt"))
        for name in PROMPTS:  # many sets repeat the prompt in a column of its own
            if taker.row.get(name) == found.prompt:
                taker.used.add(name)
        yield from taker.drafts(found.prompt, found.extra, [Telling(found.trace, {}, {}, "0")])

    return drafts


def _completion(taker: Taker) -> Drafts:
    completion = taker.take("trace", *COMPLETIONS)
    prompt, kept = taker.prompt(*PROMPTS)
    text = spoken(completion, taker.mapping.get("trace", "completion"))
    text = with_reasoning(taker.text("reasoning", *APART), text)
    yield from taker.drafts(prompt, kept, [Telling(text, {}, {}, "0")])


def _alpaca(taker: Taker) -> Drafts:
    prompt = required("instruction", taker.take("prompt", "instruction"))
    output = required("output", taker.take("trace", "output"))
    context = taker.take("prompt (second part)", "input")
    if context:
        prompt = f"{prompt}\n\n{required('input', context)}"
    said = []
    for i, pair in enumerate(taker.take("earlier turns", "history") or ()):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise RowError(f"history[{i}]", "expected a pair of question and answer")
        said += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    said.append({"role": "user", "content": prompt})
    prompt, kept = conversation.prompt_of(
        conversation.turns(said, "history"), "history", taker.text("system", "system")
    )
    text = with_reasoning(taker.text("reasoning", *APART), output)
    yield from taker.drafts(prompt, kept, [Telling(text, {}, {}, "0")])


def _pair(taker: Taker) -> Drafts:
    sides = {
        "chosen": taker.take("trace (chosen)", *_CHOSEN),
        "rejected": taker.take("trace (rejected)", *_REJECTED),
    }
    kept: dict[str, Any] = {}
    said = taker.take("prompt", *PROMPTS)
    if isinstance(said, Mapping):  # OpenAI: input.messages
        said = said.get("messages")
    if said is None and conversation.is_turns(sides["chosen"]):
        taker.mapping["prompt"] = "chosen"
        said = sides["chosen"][:-1]
    if said is None:  # axolotl and LLaMA-Factory: the turns before the answer
        said = taker.take("prompt", "messages", "conversations")
    if isinstance(said, list):
        prompt, kept = conversation.prompt_of(conversation.turns(said, "prompt"), "prompt")
    else:
        prompt = required("prompt", said)

    def told() -> Iterator[Telling | RowError]:
        for side, value in sides.items():
            mine = {k: taker.row[k] for k in taker.row if k.startswith(f"{side}_")}
            fields = {
                field: mine.pop(name)
                for field, name in (
                    ("teacher", f"{side}_teacher"),
                    ("teacher", f"{side}_model"),
                    ("teacher_context", f"{side}_teacher_context"),
                )
                if isinstance(mine.get(name), str)
            }
            try:
                text = spoken(value, side)
            except RowError as error:
                yield error
                continue
            yield Telling(text, fields, {"preference": side, **mine}, side)

    taker.used |= {k for k in taker.row if k.startswith(("chosen_", "rejected_"))}
    yield from taker.drafts(prompt, kept, told())


def _generations(taker: Taker) -> Drafts:
    generations = taker.take("trace", *_GENERATIONS)
    column = taker.mapping.get("trace", _GENERATIONS[0])
    prompt, kept = taker.prompt("problem", *PROMPTS)
    if isinstance(generations, str):
        generations = [generations]
    if not isinstance(generations, list) or not generations:
        raise RowError(column, "expected a list of traces with at least one in it")
    verdicts = None
    lists: dict[str, list[Any]] = {}
    for name in _PER_GENERATION:
        values = taker.row.get(name)
        if not isinstance(values, list):
            continue
        if len(values) != len(generations):
            raise RowError(name, f"has {len(values)} entries for {len(generations)} {column}")
        taker.used.add(name)
        if name in _VERDICTS and verdicts is None:
            verdicts, taker.mapping["correct"] = values, name
        else:
            lists[name] = values
    apart = next((n for n in APART if isinstance(taker.row.get(n), list)), None)
    reasonings = taker.take("reasoning", apart) if apart else []
    said = taker.row.get("messages")
    if (
        isinstance(said, list)
        and conversation.is_turns(said)
        and said[-1].get("content") in generations
    ):
        taker.used.add("messages")  # Open-R1 repeats one generation there

    def told() -> Iterator[Telling | RowError]:
        for i, value in enumerate(generations):
            try:
                text = spoken(value, f"{column}[{i}]")
            except RowError as error:
                yield error
                continue
            if i < len(reasonings) and reasonings[i] is not None:
                text = with_reasoning(required(f"{apart}[{i}]", reasonings[i]), text)
            correct = None if verdicts is None else verdicts[i]
            if correct is not None and not isinstance(correct, bool):
                yield RowError(f"{taker.mapping['correct']}[{i}]", "expected true, false or null")
                continue
            mine = {name: values[i] for name, values in lists.items() if values[i] is not None}
            yield Telling(text, {"correct": correct, "sample_index": i}, mine, str(i))

    yield from taker.drafts(prompt, kept, told())


def _reasoning_and_solution(taker: Taker) -> Drafts:
    """OpenThoughts' metadata: the reasoning in one column, what it ends in in another."""
    prompt, kept = taker.prompt("problem", "prompt", "question")
    reasoning = required("deepseek_reasoning", taker.take("reasoning", "deepseek_reasoning"))
    solution = taker.take("trace", "deepseek_solution")
    text = with_reasoning(
        reasoning, "" if solution is None else required("deepseek_solution", solution)
    )
    is_named = any(taker.row.get(column) for column in SIDE_COLUMNS["teacher"])
    fields = {} if is_named else {"teacher": "deepseek"}
    yield from taker.drafts(prompt, kept, [Telling(text, fields, {}, "0")])


def _trajectories(taker: Taker) -> Drafts:
    """s1K: a thinking trajectory and an attempt, of one teacher or of several by name."""
    prompt, kept = taker.prompt("question", "problem", "prompt")
    told: list[Telling | RowError] = []
    for column in [c for c in taker.row if _TRAJECTORY.fullmatch(c) and taker.row[c] is not None]:
        found = _TRAJECTORY.fullmatch(column)
        teacher = found[1] if found else None
        stem = f"{teacher}_" if teacher else ""
        attempts = taker.row.get(f"{stem}attempt")
        mine = {k: v for k, v in taker.row.items() if stem and k.startswith(stem)}
        taker.used |= {column, f"{stem}attempt", *mine}
        taker.mapping["trace" if not told else f"trace ({column})"] = f"{column}, {stem}attempt"
        fields: dict[str, Any] = {"teacher": teacher}
        grade = mine.get(f"{stem}grade")
        if isinstance(grade, str):
            fields["correct"] = {"yes": True, "no": False}.get(grade.strip().lower())
        mine = {k: v for k, v in mine.items() if k not in (column, f"{stem}attempt")}
        thoughts = taker.row[column] if isinstance(taker.row[column], list) else [taker.row[column]]
        for i, thought in enumerate(thoughts):
            attempt = attempts
            if isinstance(attempts, list):
                attempt = attempts[i] if i < len(attempts) else None
            try:
                answer = "" if attempt is None else required(f"{stem}attempt", attempt)
                text = with_reasoning(required(column, thought), answer)
            except RowError as error:
                told.append(error)
                continue
            told.append(Telling(text, {**fields, "sample_index": i}, mine, f"{stem}{i}"))
    yield from taker.drafts(prompt, kept, told)


FORMATS: dict[str, Format] = {
    made.name: made
    for made in (
        Format("native", "prompt and trace", _has("prompt", "trace"), _native),
        Format(
            "s1k",
            "question and a thinking_trajectory",
            lambda columns: (
                any(_TRAJECTORY.fullmatch(c) for c in columns) and _any(PROMPTS, columns)
            ),
            _trajectories,
        ),
        Format(
            "openthoughts",
            "problem and deepseek_reasoning",
            lambda columns: "deepseek_reasoning" in columns and _any(PROMPTS, columns),
            _reasoning_and_solution,
        ),
        Format(
            "preference",
            "chosen and rejected",
            lambda columns: _any(_CHOSEN, columns) and _any(_REJECTED, columns),
            _pair,
        ),
        Format("open-r1", "problem and generations", _has("problem", "generations"), _generations),
        Format("generations", "a prompt and a list of generations", _has_several, _generations),
        Format("messages", "messages", _has("messages"), _messages("messages")),
        Format("sharegpt", "conversations", _has("conversations"), _messages("conversations")),
        Format("alpaca", "instruction and output", _has("instruction", "output"), _alpaca),
        Format(
            "prompt-completion",
            "a prompt and a completion (or response)",
            lambda columns: _any(PROMPTS, columns) and _any(COMPLETIONS, columns),
            _completion,
        ),
    )
}


def recognise(columns: Collection[str]) -> str | None:
    """The format of a row that fills these columns, or None."""
    return next((name for name, one in FORMATS.items() if one.fits(columns)), None)


def nearest(columns: Collection[str]) -> str | None:
    """The format that a row of these columns was probably meant to have, or None."""
    if _any((*_CHOSEN, *_REJECTED), columns):
        return "preference"
    if "deepseek_reasoning" in columns:
        return "openthoughts"
    if _any(COMPLETIONS, columns):
        return "alpaca" if "instruction" in columns else "prompt-completion"
    return "native" if _any(("prompt", "trace", "teacher_context"), columns) else None
