"""A chat template over a conversation: what comes out, what disappears, what is trained on.

Owns the comparison of what a row says with what a template makes of it. A template that does not
know a key drops it without a word, and some cut the think block out of an answer: this finds either
and shows what would be gone. Knows messages, templates and tokenizers; no store, model or export.

The template is rendered as it stands. transformers 5.23 copies reasoning between the names
`reasoning_content` and `thinking` before it does so; trainers with an older one do not, and what
works only there is not relied on. A key whose value is null is left out, as TRL and axolotl do.
"""

from __future__ import annotations

import hashlib
import os.path
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from tokenizers import Tokenizer, processors
from transformers import AutoTokenizer
from transformers.utils.chat_template_utils import _compile_jinja_template

from curation.errors import StudentError, first_line
from curation.student import check_name, gguf, loading
from curation.student.conventions import file_hash, tokenizer_hash

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Message = Mapping[str, Any]
Messages = Sequence[Message]
Part = Literal["reasoning", "answer", "content"]

REASONING_KEYS = ("reasoning_content", "thinking")

_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")
_THINK = re.compile(r"\A(\s*<think>)(.*?)</think>(.*)\Z", re.DOTALL)
_SHOWN_LINES = 12
_SHOWN_CHARS = 160

Status = Literal["kept", "respaced", "dropped", "failed"]
STATUSES: tuple[Status, ...] = ("kept", "respaced", "dropped", "failed")


class Finding(NamedTuple):
    """What a template does to a conversation.

    `kept`: every text of every message stands in the result, character by character and in order.
    `respaced`: it does but for white space. `dropped`: words are gone, and `diff` shows which.
    `failed`: the template refuses the conversation, and `said` has its words.
    """

    status: Status
    said: str
    """One sentence; "" where everything is kept."""
    diff: str
    """Lines of what was said, those that disappear behind "- "; "" unless dropped."""
    adds_think: bool
    """Whether the template puts a think block of its own beside what was said."""


class Piece(NamedTuple):
    """A token of a rendered conversation; the pieces' texts, one behind the other, are its text."""

    text: str
    token_id: int
    has_loss: bool
    weight: float
    """What it counts for in the loss, from 0 to 1; 0 where it carries none."""


class ChatTemplate:
    """A chat template, with the tokens it may name and, where it is a student's, the tokenizer."""

    def __init__(
        self,
        text: str,
        name: str = "this template",
        tokens: Mapping[str, str] | None = None,
        tokenizer: PreTrainedTokenizerFast | None = None,
    ) -> None:
        """Raises StudentError where `text` is no Jinja template."""
        self.text, self.name = text, name
        self.sha256 = "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        self.tokenizer = tokenizer
        self._tokens = dict(tokens or {})
        try:
            self._compiled = _compile_jinja_template(text)
        except Exception as exc:  # Jinja's own, and what a broken extension raises
            raise StudentError(
                f"The chat template of {name} is no Jinja template: {first_line(exc)}."
            ) from exc

    @cached_property
    def _backend(self) -> Any:
        """The tokenizer, its offsets not trimmed: a token holds the space before its word."""
        assert self.tokenizer is not None
        whole: Any = Tokenizer.from_str(self.tokenizer.backend_tokenizer.to_str())
        whole.no_truncation()
        whole.no_padding()
        whole.post_processor = processors.TemplateProcessing(
            single="$A", pair="$A $B", special_tokens=[]
        )
        return whole

    @property
    def tokenizer_hash(self) -> str | None:
        """Of what makes tokens of text (`conventions.tokenizer_hash`), None without a tokenizer."""
        return None if self.tokenizer is None else tokenizer_hash(self.tokenizer)

    def render(self, messages: Messages, *, begins_answer: bool = False) -> str:
        """The conversation as the trainer's model reads it; with the head of the next answer too.

        Raises StudentError with the template's own words where it refuses.
        """
        said = [{k: v for k, v in message.items() if v is not None} for message in messages]
        try:
            return str(
                self._compiled.render(
                    messages=said,
                    tools=None,
                    documents=None,
                    add_generation_prompt=begins_answer,
                    **self._tokens,
                )
            )
        except Exception as exc:  # a template is a program: it may fail in any way
            raise StudentError(
                f"The chat template of {self.name} cannot render the conversation: "
                f"{first_line(exc)}"
            ) from exc

    def look(self, messages: Messages) -> Finding:
        """What the template does to the conversation; never raises."""
        try:
            shown = self.render(messages)
        except StudentError as exc:
            return Finding("failed", str(exc), "", False)
        said = list(_said(messages))
        n_think = sum(text.count("<think>") for message in messages for text in _texts(message))
        n_moved = sum(
            isinstance(message.get(key), str) for message in messages for key in REASONING_KEYS
        )
        adds = shown.count("<think>") > n_think + n_moved
        at, squeezed, status = 0, _squeezed(shown), "kept"
        squeezed_at = 0
        gone: list[tuple[str, str]] = []
        for what, text in said:
            found = shown.find(text, at) if at >= 0 else -1
            at = found + len(text) if found >= 0 else -1
            short = _squeezed(text)
            found = squeezed.find(short, squeezed_at)
            if found < 0:
                gone.append((what, text))
            else:
                squeezed_at = found + len(short)
                status = "respaced" if at < 0 else status
        if gone:
            what, text = gone[0]
            return Finding(
                "dropped",
                f"The chat template of {self.name} drops {what} ({len(text):,} characters) "
                "without a word.",
                _diff(text, shown),
                adds,
            )
        words = "" if status == "kept" else f"{self.name} changes white space and no words."
        return Finding("respaced" if status == "respaced" else "kept", words, "", adds)

    def preview(
        self,
        messages: Messages,
        *,
        loss_on: Literal["everything", "answer", "nothing"] = "answer",
        masked: Mapping[str, Sequence[tuple[int, int]]] | None = None,
        weights: Sequence[tuple[int, int, float]] = (),
    ) -> list[Piece]:
        """The tokens of the rendered conversation, and which of them carry loss.

        `loss_on` says what the trainer learns: "everything", the last answer with what the template
        puts behind it, or "nothing" of this conversation. `masked` are stretches of the last
        message without loss, by its key (`content`, `reasoning_content`, `thinking`), in code
        points, end exclusive. `weights` are what stretches of its `content` count for; a token
        counts for the least that any of its characters does.

        Raises StudentError where the template refuses, has no tokenizer, or changes a text in which
        something is masked, so that its places mean nothing.
        """
        if self.tokenizer is None:
            raise StudentError(f"{self.name} has no tokenizer; name a student to see tokens.")
        text = self.render(messages)
        head = self.render(messages[:-1], begins_answer=True)
        begins = len(os.path.commonprefix([head, text]))
        counts = np.ones(len(text) + 1)
        for start, end in self._places(text, begins, messages[-1], masked or {}):
            counts[start:end] = 0.0
        lowered = [each for each in weights if each[2] < 1]
        content = {"content": [(start, end) for start, end, _ in lowered]}
        places = self._places(text, begins, messages[-1], content)
        for (start, end), (_, _, weight) in zip(places, lowered, strict=True):
            counts[start:end] = np.minimum(counts[start:end], weight)
        encoding = self._backend.encode(text, add_special_tokens=False)
        ends = [*(start for start, _ in encoding.offsets[1:]), len(text)]
        starts = [0, *ends[:-1]]
        pieces = []
        for token_id, start, end in zip(encoding.ids, starts, ends, strict=True):
            is_taught = loss_on == "everything" or (loss_on == "answer" and start >= begins)
            # Tokens of one character's bytes share its place: all but one are empty here.
            weight = float(counts[start : max(end, start + 1)].min()) if is_taught else 0.0
            pieces.append(Piece(text[start:end], token_id, weight > 0, weight))
        return pieces

    def _places(
        self,
        text: str,
        at: int,
        message: Message,
        masked: Mapping[str, Sequence[tuple[int, int]]],
    ) -> Iterable[tuple[int, int]]:
        """Where the masked stretches of `message` stand in the rendered text."""
        # Reasoning stands before the answer in every template; what is found moves on.
        for key in (*REASONING_KEYS, "content"):
            value = message.get(key)
            if not isinstance(value, str):
                continue
            found = text.find(value, at)
            if found >= 0:
                at = found + len(value)
            if spans := masked.get(key):
                if found < 0:
                    raise StudentError(
                        f"The chat template of {self.name} changes the `{key}` in which something "
                        "is masked; the masked words would be others. Place the reasoning "
                        "elsewhere, or train without span verdicts."
                    )
                yield from ((found + start, found + end) for start, end in spans)


def of_student(name_or_path: str, *, cache_dir: Path | str | None = None) -> ChatTemplate:
    """The chat template of a student, with its tokenizer; its weights are not loaded.

    The tokenizer of a GGUF file is unpacked with its weights once, into `cache_dir` as
    `student.load` does. Raises StudentError where there is no such student or it has no template.
    """
    check_name(name_or_path)
    source = loading.find(name_or_path)
    folder: Path | None = source.path
    try:
        if source.kind == "gguf":
            folder = None
            if cache_dir is not None:
                folder = gguf.unpacked(source.path, file_hash(source.path), Path(cache_dir))
            tokenizer = gguf.read(source.path)[0] if folder is None else None
        else:
            tokenizer = None
        if tokenizer is None:
            tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except StudentError:
        raise
    except Exception as exc:  # the loaders let through whatever a broken file provokes
        raise StudentError(
            f"The tokenizer of {name_or_path} cannot be read: {first_line(exc)}."
        ) from exc
    if tokenizer.chat_template is None:
        raise StudentError(
            f"{name_or_path} has no chat template, so there is nothing to hold the rows against; "
            "name the student that is to be trained, or leave the check out."
        )
    tokens = {name: str(value) for name in _SPECIAL if (value := getattr(tokenizer, name, None))}
    return ChatTemplate(tokenizer.get_chat_template(), name_or_path, tokens, tokenizer)


def _said(messages: Messages) -> Iterable[tuple[str, str]]:
    """(what it is, its text) of all that a conversation says, in the order templates show it."""
    for message in messages:
        role = message.get("role")
        if role != "assistant":
            for text in _texts(message):
                yield f"the {role}'s message", text
            continue
        for key in REASONING_KEYS:
            if isinstance(message.get(key), str) and message[key].strip():
                yield f"the reasoning in `{key}`", message[key]
        content = message.get("content")
        if not isinstance(content, str):
            continue
        block = _THINK.match(content)
        if block is None:
            yield "the answer", content
        else:
            if block[2].strip():
                yield "the reasoning inside `content`", block[2]
            yield "the answer", block[3]


def _texts(message: Message) -> list[str]:
    content = message.get("content")
    return [content] if isinstance(content, str) else []


def _squeezed(text: str) -> str:
    """`text` without its white space, so that only words are compared."""
    return "".join(text.split())


def _diff(text: str, shown: str) -> str:
    """The first lines of `text`, those that `shown` lacks behind "- "."""
    there = {_squeezed(line) for line in shown.splitlines()}
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [
        ("  " if _squeezed(line) in there else "- ")
        + (line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…")
        for line in lines[:_SHOWN_LINES]
    ]
    if len(lines) > _SHOWN_LINES:
        marked.append(f"… and {len(lines) - _SHOWN_LINES:,} lines more")
    return "\n".join(marked)
